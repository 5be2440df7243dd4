//! Whole frames of a workbench in use: a program of a thousand lines, as much output as is kept, figures.

use std::time::{Duration, Instant};

use codebeaker::protocol::{OutputStream, RuntimeType};
use codebeaker::tui::{BufferId, Content, FileMsg, Msg, Options};
use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use crossterm::event::KeyCode;
use ratatui::buffer::Cell;

use crate::tui_support::{Bench, key, options, typed};

/// A workbench in use.
fn in_use(width: u16, height: u16) -> Bench {
    let mut bench = Bench::with(&Options { file: Some("/w/tills.ts".into()), ..options() }, width, height);
    bench.found(&[RuntimeType::Bun, RuntimeType::Deno]);
    let content = Content { text: crate::program(), ..Content::default() };
    bench.tell(Msg::File(FileMsg::Read(BufferId(0), Ok(Some(content)))));
    let output: String = (0..12_000)
        .map(|n| format!("till {n}: \x1b[32m{} sums\x1b[0m, \x1b[1m19 %\x1b[0m\n", n * 7))
        .collect();
    bench.runs(&[(OutputStream::Stdout, &output), (OutputStream::Stderr, "one till is closed\n")], 0);
    bench.stats("s1");
    bench.screen();
    bench
}

/// Draws a frame: everything is built, and what differs from the last one goes to the terminal.
fn draw(bench: &mut Bench) {
    bench.terminal.draw(|frame| bench.workbench.draw(frame)).unwrap();
}

fn sized(group: &mut BenchmarkGroup<'_, WallTime>, width: u16, height: u16, goal: &str) {
    let size = format!("{width}x{height}");
    let mut bench = in_use(width, height);
    group.bench_function(format!("{size}, nothing differs{goal}"), |bencher| {
        bencher.iter(|| draw(&mut bench));
    });
    group.bench_function(format!("{size}, every cell differs{goal}"), |bencher| {
        bencher.iter_custom(|frames| {
            let mut took = Duration::ZERO;
            for _ in 0..frames {
                // Another picture is on the terminal, as after a change of screens.
                bench.terminal.current_buffer_mut().content.fill(Cell::new("~"));
                bench.terminal.swap_buffers();
                let begun = Instant::now();
                draw(&mut bench);
                took += begun.elapsed();
            }
            took
        });
    });
    group.bench_function(format!("{size}, a letter typed{goal}"), |bencher| {
        bench.press([key(KeyCode::Esc), key(KeyCode::Char('g'))]).press(typed("500"));
        bench.press([key(KeyCode::Enter), key(KeyCode::Char('i'))]).press(typed("ж"));
        assert!(bench.screen().contains('ж'), "it is typed into the text");
        let mut letters = [typed("x"), vec![key(KeyCode::Backspace)]].into_iter().cycle();
        bencher.iter(|| {
            bench.press(letters.next().unwrap());
            draw(&mut bench);
        });
    });
}

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    sized(&mut group, 80, 24, "");
    sized(&mut group, 120, 36, " (goal 1 ms)");
    sized(&mut group, 240, 70, " (goal 3 ms)");
    group.finish();
}
