//! What a keystroke costs in texts of several lengths: the change, its colours, and the whole frame.
//!
//! Prints milliseconds; the numbers say how often each was measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "only the bench uses it")]

#[path = "../tui_support/mod.rs"]
mod tui_support;

use std::time::{Duration, Instant};

use codebeaker::protocol::RuntimeType;
use codebeaker::tui::{BufferId, Content, FileMsg, Msg, Options};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_support::{Bench, key, options, typed};

const LINE: &str =
    "export function total(values: number[]): number { return values.map((v) => v * 2).length; } // twice";

fn open(lines: usize) -> Bench {
    let mut bench = Bench::with(&Options { file: Some("/w/a.ts".into()), ..options() }, 120, 36);
    bench.found(&[RuntimeType::Bun]);
    let content = Content { text: format!("{LINE}\n").repeat(lines), ..Content::default() };
    let begun = Instant::now();
    bench.tell(Msg::File(FileMsg::Read(BufferId(0), Ok(Some(content)))));
    println!("{lines:>6} lines  read in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    bench
}

/// Presses keys one by one, with a frame after each.
fn timed(bench: &mut Bench, what: &str, lines: usize, keys: Vec<Event>) {
    bench.screen();
    let mut took: Vec<Duration> = Vec::new();
    for event in keys {
        let begun = Instant::now();
        bench.press([event]);
        bench.terminal.draw(|frame| bench.workbench.draw(frame)).unwrap();
        took.push(begun.elapsed());
        bench.screen();
    }
    took.sort();
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let (n, middle, most) = (took.len(), took[took.len() / 2], *took.last().unwrap());
    println!("{lines:>6} lines  {what:<28} p50 {:>6.2} ms   max {:>6.2} ms   n {n}", ms(middle), ms(most));
}

fn main() {
    for lines in [1_000, 10_000, 20_000, 60_000] {
        let mut bench = open(lines);
        timed(&mut bench, "down", lines, vec![key(KeyCode::Down); 50]);
        if lines <= 20_000 {
            bench.press([key(KeyCode::Esc), key(KeyCode::Char('g'))]).press(typed(&(lines / 2).to_string()));
            bench.press([key(KeyCode::Enter), key(KeyCode::Char('i'))]);
            timed(&mut bench, "a letter in the middle", lines, typed(&"x ".repeat(50)));
            timed(&mut bench, "a new line in the middle", lines, vec![key(KeyCode::Enter); 50]);
            timed(&mut bench, "a comment is opened", lines, typed("/*/*/*/*"));
            let undo = Event::Key(KeyEvent::new(KeyCode::Char('_'), KeyModifiers::CONTROL));
            timed(&mut bench, "undo", lines, vec![undo; 50]);
        }
        bench.press([key(KeyCode::Esc)]);
        let end = Event::Key(KeyEvent::new(KeyCode::End, KeyModifiers::CONTROL));
        let begun = Instant::now();
        bench.press([end]);
        bench.screen();
        println!(
            "{lines:>6} lines  to the end, all coloured in {:.0} ms",
            begun.elapsed().as_secs_f64() * 1e3
        );
        bench.press([key(KeyCode::Char('/'))]);
        timed(&mut bench, "a letter of a search", lines, typed("number[]"));
    }
}
