//! The output pane: blocks, finding, selecting, copying, saving.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use codebeaker::protocol::*;
use codebeaker::tui::{Copied, Effect, Msg, OutputMsg, RunMsg, Spooled};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{BUN, created};
use crate::tui_support::{Bench, ctrl, finished, key, typed};

/// A workbench whose program has written this and ended, with the output in focus.
fn after(text: &str) -> Bench {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).runs(&[(OutputStream::Stdout, text)], 0).press([key(KeyCode::F(6))]);
    bench
}

/// Another run in the session that is there.
fn again(bench: &mut Bench, run: u32, text: &str) {
    bench.press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Accepted(run, ExecutionId::from("e"))));
    let chunk = (OutputStream::Stdout, Bytes::copy_from_slice(text.as_bytes()));
    bench.tell(Msg::Run(RunMsg::Output(run, vec![chunk])));
    bench.tell(Msg::Run(RunMsg::Finished(run, finished(0))));
}

fn numbers(to: usize) -> String {
    (0..to).map(|n| format!("number {n}\n")).collect()
}

/// The texts that were to be copied, in order.
fn copied(bench: &Bench) -> Vec<&str> {
    bench
        .effects
        .iter()
        .filter_map(|e| if let Effect::Copy(text) = e { Some(text.as_str()) } else { None })
        .collect()
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

/// The row and column of a text on the screen.
fn place(bench: &mut Bench, text: &str) -> (u16, u16) {
    let screen = bench.screen();
    let found = screen.lines().enumerate().find_map(|(row, line)| {
        let at = line.find(text)?;
        Some((u16::try_from(line[..at].chars().count()).unwrap(), u16::try_from(row).unwrap()))
    });
    found.unwrap_or_else(|| panic!("{text} in\n{screen}"))
}

#[test]
fn a_run_tells_what_the_clock_says_when_it_begins() {
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    let mut bench = after("one\n");
    bench.workbench.set_clock(|| Duration::from_secs(SECONDS.load(Ordering::SeqCst)));
    // The machine may sleep in between, and the clock be put back.
    for (run, seconds, shown) in [(2, 86_399, "23:59:59"), (3, 10_805, "03:00:05"), (4, 7_205, "02:00:05")] {
        SECONDS.store(seconds, Ordering::SeqCst);
        again(&mut bench, run, "more\n");
        let screen = bench.screen();
        assert!(screen.contains(&format!("$ run {run}  {shown}  ts")), "{screen}");
    }
}

#[test]
fn a_run_is_a_block_that_folds() {
    let mut bench = after("one\ntwo\n");
    again(&mut bench, 2, "three\n");
    let screen = bench.screen();
    assert!(screen.contains("$ run 2  ts  bun 1.2.0  warm session"), "{screen}");
    bench.press(typed("[[")).press([key(KeyCode::Enter)]);
    let screen = bench.screen();
    assert!(screen.contains("▸ 2 lines  ✓ ok  exit 0") && !screen.contains("two"), "{screen}");
    assert!(screen.contains("three"), "{screen}");
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("two"), "{}", bench.screen());
    // A click on the header does the same.
    let (x, y) = place(&mut bench, "$ run 1");
    let press = [MouseEventKind::Down(MouseButton::Left), MouseEventKind::Up(MouseButton::Left)];
    bench.press(press.map(|kind| mouse(kind, x + 2, y)));
    assert!(!bench.screen().contains("two"), "{}", bench.screen());
}

#[test]
fn the_title_says_what_came_while_the_view_stays() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript)).press([key(KeyCode::F(5))]);
    let write = |bench: &mut Bench, text: &str| {
        let chunk = (OutputStream::Stdout, Bytes::copy_from_slice(text.as_bytes()));
        bench.tell(Msg::Run(RunMsg::Output(1, vec![chunk])));
    };
    write(&mut bench, &numbers(100));
    bench.press([key(KeyCode::F(6)), key(KeyCode::PageUp)]);
    assert!(bench.screen().contains(" paused "), "{}", bench.screen());
    write(&mut bench, &numbers(214));
    let screen = bench.screen();
    assert!(screen.contains("paused, 214 new") && screen.contains("number 89"), "{screen}");
    bench.press([key(KeyCode::Char('f'))]);
    let screen = bench.screen();
    assert!(screen.contains("follow ▼ 315 lines") && screen.contains("number 213"), "{screen}");
}

#[test]
fn finding_is_incremental_and_counts() {
    let mut bench = after(&numbers(100));
    bench.press(typed("/BER 5"));
    assert!(bench.screen().contains("0 BER 5 | follow"), "{}", bench.screen());
    bench.press(vec![key(KeyCode::Backspace); 5]).press(typed("ber 5"));
    let screen = bench.screen();
    assert!(
        screen.contains("1 of 11 ber 5 | paused") && screen.contains("FIND") && screen.contains("/ ber 5"),
        "{screen}"
    );
    bench.press([key(KeyCode::Enter)]).press(typed("nnn"));
    assert!(bench.screen().contains("4 of 11 ber 5"), "{}", bench.screen());
    bench.press(typed("NNNN"));
    let screen = bench.screen();
    assert!(screen.contains("11 of 11") && screen.contains("went on at the newest output"), "{screen}");
    // q is a command again, and Esc ends it.
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("of 11"), "{}", bench.screen());
}

#[test]
fn a_filter_holds_while_the_program_writes() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript)).press([key(KeyCode::F(5))]);
    let write = |bench: &mut Bench, text: &str| {
        let chunk = (OutputStream::Stdout, Bytes::copy_from_slice(text.as_bytes()));
        bench.tell(Msg::Run(RunMsg::Output(1, vec![chunk])));
    };
    write(&mut bench, "good\nbad\n");
    bench.press([key(KeyCode::F(6))]).press(typed("&bad")).press([key(KeyCode::Enter)]);
    write(&mut bench, "good again\nbad again\n");
    let screen = bench.screen();
    assert!(screen.contains("2 lines with bad | follow") && screen.contains("bad again"), "{screen}");
    assert!(!screen.contains("good") && screen.contains("$ run 1"), "{screen}");
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("good again"), "{}", bench.screen());
    bench.press(typed("&zzz"));
    assert!(bench.screen().contains("no line holds it"), "{}", bench.screen());
}

#[test]
fn what_was_copied_is_pasted_in_the_editor() {
    let mut bench = after("of the output\n");
    bench.press(typed("ky3")).press([key(KeyCode::Esc)]).press(typed("P"));
    assert!(bench.screen().contains("of the output// F5 runs this"), "{}", bench.screen());
}

#[test]
fn a_line_a_run_and_a_selection_are_copied_without_what_is_around_them() {
    let long = "word ".repeat(40);
    let mut bench = after(&format!("\u{1b}[31mred\u{1b}[0m one\n{long}\nlast\n"));
    // The result, then the last line, then the long one.
    bench.press(typed("kky"));
    bench.press(typed("Y"));
    bench.press(typed("vky"));
    bench.press(typed("vvlly"));
    let run = format!("red one\n{long}\nlast\n");
    assert_eq!(copied(&bench), [long.as_str(), &run, &format!("red one\n{long}"), "red"]);
}

#[test]
fn the_mouse_selects_and_copies() {
    let mut bench = after("alpha beta\ngamma delta\n");
    let (down, drag, up) = (
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Left),
    );
    let (x, y) = place(&mut bench, "beta");
    let (x2, y2) = place(&mut bench, "delta");
    bench.press([mouse(down, x, y), mouse(drag, x + 1, y), mouse(drag, x2 - 2, y2)]);
    bench.press([mouse(up, x2 - 2, y2)]);
    // Backwards, and two clicks on a word.
    bench.press([mouse(down, x2 - 2, y2), mouse(drag, x, y), mouse(up, x, y)]);
    bench.press([mouse(down, x2, y2), mouse(up, x2, y2), mouse(down, x2, y2), mouse(up, x2, y2)]);
    assert_eq!(copied(&bench), ["beta\ngamma", "beta\ngamma", "delta"]);
    assert!(bench.screen().contains("OUTPUT"), "nothing is selected any more: {}", bench.screen());
    // A click alone copies nothing.
    bench.press([mouse(down, x, y), mouse(up, x, y)]);
    assert_eq!(copied(&bench).len(), 3);
}

#[test]
fn markdown_holds_the_code_and_the_output() {
    let mut bench = after("a ``` b\n");
    bench.press([key(KeyCode::F(2))]).press(typed("markdown")).press([key(KeyCode::Enter)]);
    let copied = copied(&bench);
    let [markdown] = copied.as_slice() else { panic!("{copied:?}") };
    assert!(markdown.starts_with("```ts\n") && markdown.contains("console.log"), "{markdown}");
    assert!(markdown.contains("\n````text\na ``` b\n````\n\nexit 0"), "{markdown}");
}

#[test]
fn what_became_of_a_copy_is_said_as_it_is() {
    let mut bench = after("one\n");
    let told = |bench: &mut Bench, how| {
        bench.press(typed("Y")).tell(Msg::Output(OutputMsg::Copied { size: 4, how }));
        bench.screen()
    };
    assert!(told(&mut bench, Copied::Sent).contains("run 1 (4 B) sent to the terminal's clipboard"));
    assert!(told(&mut bench, Copied::By("wl-copy")).contains("run 1 (4 B) copied with wl-copy"));
    let screen = told(&mut bench, Copied::TooLarge(74_994));
    assert!(
        screen.contains("was not copied: a terminal takes 75 kB") && screen.contains("save it"),
        "{screen}"
    );
    // Where a program fails, the terminal is asked.
    let failed = OutputMsg::NotCopied { text: "one\n".to_owned(), why: "xclip ended with 1".to_owned() };
    bench.tell(Msg::Output(failed));
    assert_eq!(bench.effects.last(), Some(&Effect::CopyByTerminal("one\n".to_owned())));
}

#[test]
fn a_run_is_saved_to_a_file_that_is_asked_for() {
    let mut bench = after("one\ntwo\n");
    bench.press(typed("S"));
    assert!(bench.screen().contains("Save the output of run 1 as"), "{}", bench.screen());
    bench.press([ctrl('u')]).press(typed("/tmp/out.txt\n"));
    let path = PathBuf::from("/tmp/out.txt");
    let save = Effect::SaveOutput { run: 1, path: path.clone(), text: "one\ntwo\n".to_owned() };
    assert_eq!(bench.effects.last(), Some(&save));
    assert!(bench.screen().contains("saving the output of run 1 to /tmp/out.txt"), "{}", bench.screen());
    // Whoever leaves meanwhile is told what that costs.
    bench.press([ctrl('q')]);
    let screen = bench.screen();
    assert!(!bench.effects.contains(&Effect::Quit), "{screen}");
    assert!(screen.contains("the output of run 1 is still being saved"), "{screen}");
    bench.press([key(KeyCode::Esc)]);
    bench.tell(Msg::Output(OutputMsg::Saved { run: 1, path: path.clone(), result: Ok(8) }));
    assert!(bench.screen().contains("run 1: 8 B saved to /tmp/out.txt"), "{}", bench.screen());
    let result = Err("there is such a file already".to_owned());
    bench.tell(Msg::Output(OutputMsg::Saved { run: 1, path, result }));
    assert!(bench.screen().contains("already"), "{}", bench.screen());
    bench.press([ctrl('q')]);
    assert!(bench.effects.contains(&Effect::Quit), "{}", bench.screen());
}

#[test]
fn what_is_no_longer_in_memory_is_said_where_it_was() {
    let mut bench = after(&numbers(12_000));
    bench.press([key(KeyCode::Home)]);
    assert!(bench.screen().contains("lines (23 kB) before this are not kept"), "{}", bench.screen());
    bench.tell(Msg::Output(OutputMsg::Kept(1, Spooled::Until(1 << 30))));
    bench.press([key(KeyCode::Home)]);
    let screen = bench.screen();
    assert!(screen.contains("the file holds the first 1.") && screen.contains("S saves it"), "{screen}");
}

#[test]
fn a_question_of_the_program_is_seen_as_one() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript)).press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e")))).tell(Msg::Run(RunMsg::Started(1)));
    let write = |bench: &mut Bench, stream, text: &'static str| {
        bench.tell(Msg::Run(RunMsg::Output(1, vec![(stream, Bytes::from(text))])));
    };
    bench.press([key(KeyCode::F(6))]);
    write(&mut bench, OutputStream::Stdout, "hello\n");
    assert!(!bench.screen().contains("waits for input?"), "{}", bench.screen());
    write(&mut bench, OutputStream::Stdout, "name? ");
    assert!(bench.screen().contains("waits for input?   i answers"), "{}", bench.screen());
    // A flood is cut anywhere.
    let flood = Bytes::from("x".repeat(100_000));
    bench.tell(Msg::Run(RunMsg::Output(1, vec![(OutputStream::Stdout, flood)])));
    assert!(!bench.screen().contains("waits for input?"), "{}", bench.screen());
    write(&mut bench, OutputStream::Stdout, "\nname? ");
    write(&mut bench, OutputStream::Stderr, "warning\n");
    assert!(bench.screen().contains("waits for input?"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]).press(typed("Ada\n")).press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("waits for input?"), "{}", bench.screen());
}

#[test]
fn a_traceback_leads_to_the_code() {
    let mut bench = after("    at /workspace/scratch.ts:2:7\nno place\n");
    bench.press(typed("kk")).press(typed("o"));
    let screen = bench.screen();
    assert!(screen.contains("> 3 Editor") && screen.contains("2:1"), "{screen}");
    bench.press([key(KeyCode::F(6))]).press(typed("jo"));
    let screen = bench.screen();
    assert!(screen.contains("> 3 Editor") && screen.contains("2:1"), "the run's own place: {screen}");
    let mut bench = after("no place\n");
    bench.press(typed("ko"));
    let screen = bench.screen();
    assert!(screen.contains("names a place") && screen.contains("> 4 Output"), "{screen}");
}

#[test]
fn a_line_is_found_again_where_it_stands_now() {
    let mut bench = after("    at /workspace/scratch.ts:3:7\n");
    bench.press([key(KeyCode::Esc)]).press(typed("3")).press([key(KeyCode::Home)]).press(typed("i// new\n"));
    bench.press([key(KeyCode::Esc)]).press(typed("4o"));
    let screen = bench.screen();
    assert!(screen.contains("> 3 Editor") && screen.contains("4:1"), "{screen}");
}

#[test]
fn what_was_typed_for_one_program_is_not_the_next_ones() {
    let mut bench = after("done\n");
    bench.press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Accepted(2, ExecutionId::from("e"))));
    bench.tell(Msg::Run(RunMsg::Started(2)));
    bench.press([key(KeyCode::F(9))]).press(typed("SECRET")).press([key(KeyCode::Esc)]);
    bench.tell(Msg::Run(RunMsg::Finished(2, finished(0))));
    bench.press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Accepted(3, ExecutionId::from("e"))));
    bench.tell(Msg::Run(RunMsg::Started(3)));
    let chunk = (OutputStream::Stderr, Bytes::from_static(b"Password: "));
    bench.tell(Msg::Run(RunMsg::Output(3, vec![chunk])));
    let screen = bench.screen();
    assert!(!screen.contains("SECRET"), "{screen}");
    assert!(
        screen.contains("asks for a secret   what is typed here is shown; Ctrl-C, then F7: it isn't"),
        "{screen}"
    );
}

#[test]
fn a_search_says_where_it_could_not_look() {
    let mut bench = after(&numbers(10_100));
    bench.press(typed("/number 7\n"));
    assert!(bench.screen().contains("number 7 in memory"), "{}", bench.screen());
    let mut bench = after(&numbers(10));
    bench.press(typed("/number 7\n"));
    assert!(!bench.screen().contains("in memory"), "{}", bench.screen());
}

#[test]
fn a_traceback_leads_to_the_text_that_was_run() {
    let mut bench = after("    at /workspace/scratch.ts:3:7\n");
    bench.press([key(KeyCode::Esc)]).press(typed("3"));
    bench.press([key(KeyCode::Esc)]).press(typed("ix")).press([key(KeyCode::Esc)]).press(typed("fn"));
    assert!(bench.screen().contains("> 3 Editor  scratch-2.ts"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]).press(typed("4o"));
    let screen = bench.screen();
    assert!(screen.contains("> 3 Editor  scratch.ts") && screen.contains("3:1"), "{screen}");
}

#[test]
fn while_a_program_runs_enter_types_and_z_folds() {
    let mut bench = after("one\ntwo\n");
    bench.press([key(KeyCode::F(5))]).tell(Msg::Run(RunMsg::Started(2)));
    bench.press(typed("z"));
    let screen = bench.screen();
    assert!(!screen.contains("INPUT") && screen.contains("0 lines"), "{screen}");
    bench.press(typed("zf\n"));
    assert!(bench.screen().contains("INPUT"), "{}", bench.screen());
}

#[test]
fn much_output_is_forgotten_after_a_question() {
    let mut bench = after("one\n");
    bench.press(typed("D"));
    assert!(bench.screen().contains("nothing is here any more"), "{}", bench.screen());
    again(&mut bench, 2, "two\n");
    again(&mut bench, 3, "three\n");
    bench.press(typed("D"));
    let screen = bench.screen();
    assert!(screen.contains("Forget all output?") && screen.contains("lines of 2 runs"), "{screen}");
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("three"), "{}", bench.screen());
    bench.press(typed("D\n"));
    assert!(bench.screen().contains("nothing is here any more"), "{}", bench.screen());
}
