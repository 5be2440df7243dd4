//! Blocks, the ring, places, folding, finding and selecting, without anything drawn.

use super::*;
use crate::tui::sink::Sink;

/// A pane's rows and columns.
const PANE: (usize, usize) = (10, 80);

fn at(line: usize) -> At {
    At { block: 0, line }
}

/// One run that has written this.
fn written(text: &str) -> Output {
    let mut output = Output::new();
    output.begin(1);
    Sink::of(1).write(&mut output, OutputStream::Stdout, text.as_bytes());
    output
}

/// Runs that have written these, each with header and result.
fn runs(texts: &[&str]) -> Output {
    let mut output = Output::new();
    for (run, text) in (1..).zip(texts) {
        output.begin(run);
        output.say_in(run, Kind::Header, format!("$ run {run}"));
        Sink::of(run).write(&mut output, OutputStream::Stdout, text.as_bytes());
        output.say_in(run, Kind::Result(crate::tui::model::Verdict::Ok), "exit 0".to_owned());
    }
    output
}

fn texts(output: &Output) -> Vec<String> {
    let mut next = Some(output.first());
    std::iter::from_fn(|| {
        let here = next?;
        next = output.after(here);
        output.line(here).map(|line| line.text.clone())
    })
    .collect()
}

#[test]
fn a_runs_ring_is_bounded_and_says_what_is_gone() {
    let mut output = written(&"x\n".repeat(block::MAX_LINES + 5));
    // And the line that says so.
    assert_eq!(output.len(), block::MAX_LINES + 1);
    assert_eq!(output.line(at(0)).unwrap().text, "5 lines (10 B) before this are not kept");
    output.set_kept(1, Spooled::Whole);
    assert!(output.line(at(0)).unwrap().text.contains("in a file: S saves"));
    assert_eq!(output.run_text(1).unwrap().lines().count(), block::MAX_LINES);
}

#[test]
fn all_runs_together_are_bounded_and_the_oldest_lose_first() {
    let text = "line\n".repeat(9_000);
    let output = runs(&[text.as_str(); 5]);
    let lines: Vec<u64> = output.run_blocks().map(Block::dropped).collect();
    assert_eq!(lines, [9000, 6000, 0, 0, 0]);
    assert!(output.size.1 <= MAX_LINES && output.size.0 <= MAX_BYTES);
    let sum: usize = output.run_blocks().map(|block| block.size().0).sum();
    assert_eq!(output.size.0, sum);
    let many = runs(&["x\n"; MAX_BLOCKS + 7]);
    assert_eq!((many.run_blocks().count(), many.forgotten()), (MAX_BLOCKS, 7));
}

#[test]
fn runs_at_once_write_into_their_own_blocks() {
    let mut output = runs(&["", ""]);
    let (mut one, mut two) = (Sink::of(1), Sink::of(2));
    one.write(&mut output, OutputStream::Stdout, b"a");
    two.write(&mut output, OutputStream::Stdout, b"b");
    one.write(&mut output, OutputStream::Stdout, b"c\n");
    two.write(&mut output, OutputStream::Stderr, b"d\n");
    assert_eq!((output.run_text(1).unwrap(), output.run_text(2).unwrap()), ("ac\n".into(), "b\nd\n".into()));
    assert_eq!(output.run_text(3), None);
}

#[test]
fn scrolling_up_stays_and_the_end_follows() {
    let (rows, columns) = PANE;
    let mut output = written(&"line\n".repeat(100));
    assert_eq!(output.first_shown(rows, columns), (at(90), 0));
    output.scroll(-5, rows, columns);
    assert_eq!(output.first_shown(rows, columns), (at(85), 0));
    Sink::of(1).write(&mut output, OutputStream::Stdout, b"more\nand more\n");
    assert_eq!((output.first_shown(rows, columns), output.news()), ((at(85), 0), 2));
    output.scroll(50, rows, columns);
    assert!(output.follows());
    output.top(rows, columns);
    assert_eq!(output.first_shown(rows, columns), (at(0), 0));
    assert_eq!(output.extent(rows, columns), (0, 102));
}

#[test]
fn what_is_read_stays_while_older_lines_are_dropped() {
    let (rows, columns) = PANE;
    let numbers = |from: usize, to: usize| (from..to).map(|n| format!("{n}\n")).collect::<String>();
    let mut output = written(&numbers(0, block::MAX_LINES));
    output.scroll(-50, rows, columns);
    let read = output.line(output.first_shown(rows, columns).0).unwrap().text.clone();
    let mut sink = Sink::of(1);
    sink.write(&mut output, OutputStream::Stdout, numbers(0, 5000).as_bytes());
    assert_eq!(output.line(output.first_shown(rows, columns).0).unwrap().text, read);
    // Until it is gone itself: then what says so.
    sink.write(&mut output, OutputStream::Stdout, numbers(0, 9000).as_bytes());
    assert_eq!(output.line(output.first_shown(rows, columns).0).unwrap().kind, Kind::Gap);
}

#[test]
fn a_wrapped_line_is_scrolled_row_by_row() {
    let mut output = written(&format!("first\n{}\n{}\n", "x".repeat(700), "日".repeat(10)));
    // Ten rows of 70, and four of a column's loss each: three of two cells in seven.
    assert_eq!((output.height(at(1), 70), output.height(at(2), 7)), (10, 4));
    assert_eq!((output.first_shown(4, 70), output.extent(4, 70)), ((at(1), 7), (8, 12)));
    output.scroll(-2, 4, 70);
    assert_eq!((output.first_shown(4, 70), output.extent(4, 70)), ((at(1), 5), (6, 12)));
    // Half the width: the same text stays at the top.
    assert_eq!(output.first_shown(4, 35), (at(1), 10));
    output.scroll(-6, 4, 70);
    assert_eq!(output.first_shown(4, 70), (at(0), 0));
    output.scroll(1, 4, 70);
    output.scroll(6, 4, 70);
    assert!(!output.follows());
    output.scroll(1, 4, 70);
    assert!(output.follows());
    output.wrap = false;
    assert_eq!((output.first_shown(2, 70), output.extent(2, 70)), ((at(1), 0), (1, 3)));
}

#[test]
fn steps_choose_lines_and_the_last_is_followed_again() {
    let (rows, columns) = PANE;
    let mut output = written(&"line\n".repeat(100));
    output.step(false, rows, columns);
    assert_eq!((output.chosen(), output.first_shown(rows, columns).0), (Some(at(98)), at(90)));
    for _ in 0..20 {
        output.step(false, rows, columns);
    }
    assert_eq!((output.chosen(), output.first_shown(rows, columns).0), (Some(at(78)), at(78)));
    output.page(true, rows, columns);
    assert_eq!((output.chosen(), output.first_shown(rows, columns).0), (Some(at(96)), at(87)));
    for _ in 0..9 {
        output.step(true, rows, columns);
    }
    assert_eq!((output.chosen(), output.follows()), (None, true));
    // The wheel takes the choice along.
    output.step(false, rows, columns);
    output.scroll(-30, rows, columns);
    assert_eq!(output.chosen(), Some(at(69)));
}

#[test]
fn a_line_higher_than_the_pane_is_passed_row_by_row() {
    let mut output = written(&format!("first\n{}\nlast\n", "x".repeat(700)));
    output.top(4, 70);
    output.step(true, 4, 70);
    let seen: Vec<place::Place> = (0..8)
        .map(|_| {
            output.step(true, 4, 70);
            output.first_shown(4, 70)
        })
        .collect();
    assert_eq!(seen[0], (at(1), 1));
    assert_eq!(seen[5], (at(1), 6));
    assert!(output.follows());
}

#[test]
fn a_folded_run_is_its_header() {
    let (rows, columns) = PANE;
    let mut output = runs(&["a\nb\n", "c\n"]);
    output.go_to_block(false, rows, columns);
    output.go_to_block(false, rows, columns);
    assert_eq!(output.line(output.current()).unwrap().text, "$ run 1");
    output.fold(rows, columns);
    assert_eq!(texts(&output), ["$ run 1", "", "$ run 2", "c", "exit 0"]);
    output.go_to_block(true, rows, columns);
    assert_eq!(output.line(output.current()).unwrap().text, "$ run 2");
    output.go_to_block(false, rows, columns);
    output.fold(rows, columns);
    assert_eq!(texts(&output).len(), 8);
}

fn look_for(output: &mut Output, text: &str, filters: bool) {
    output.seek(filters);
    output.seek.as_mut().unwrap().field.insert(text);
    output.sought(PANE.0, PANE.1);
}

#[test]
fn finding_goes_on_at_the_other_end_and_esc_goes_back() {
    let (rows, columns) = PANE;
    let mut output = written(&(0..100).map(|n| format!("line {n}\n")).collect::<String>());
    look_for(&mut output, "line 1", false);
    assert_eq!((output.hits(), output.hit_number()), (11, Some(1)));
    assert_eq!(output.first_shown(rows, columns).0, at(1));
    output.keep_seek();
    assert_eq!(output.seek_next(false, rows, columns), Some(true));
    assert_eq!((output.current(), output.hit_number()), (at(19), Some(11)));
    assert_eq!(output.seek_next(true, rows, columns), Some(true));
    assert_eq!(output.seek_next(true, rows, columns), Some(false));
    assert_eq!(output.current(), at(10));
    // What comes is looked at too.
    Sink::of(1).write(&mut output, OutputStream::Stdout, b"LINE 1\nother\nLine 1");
    assert_eq!(output.hits(), 13);
    assert!(output.end_seek() && !output.end_seek());
    assert_eq!(output.hits(), 0);
    output.follow();
    look_for(&mut output, "line 5", false);
    assert!(!output.follows());
    output.end_seek();
    assert!(output.follows(), "what was only tried changes nothing");
}

#[test]
fn a_filter_shows_only_what_holds_the_text() {
    let mut output = runs(&["one\ntwo\n", "three\n"]);
    look_for(&mut output, "o", true);
    assert_eq!(texts(&output), ["$ run 1", "one", "two"]);
    Sink::of(2).write(&mut output, OutputStream::Stdout, b"four");
    assert_eq!(texts(&output), ["$ run 1", "one", "two", "$ run 2", "four"]);
    assert_eq!(output.extent(2, 80).1, 5);
    look_for(&mut output, "thr", true);
    assert_eq!(texts(&output), ["$ run 2", "three"]);
    assert_eq!(output.widen(), Some(1));
    assert_eq!(texts(&output), ["$ run 2", "three", "four"], "and what is beside it");
    look_for(&mut output, "one", true);
    assert_eq!(texts(&output), ["$ run 1", "one", "two"], "the next filter, too");
    assert_eq!([output.widen(), output.widen(), output.widen()], [Some(3), Some(10), Some(0)]);
    look_for(&mut output, "nothing like it", true);
    assert_eq!((output.hits(), output.first_shown(4, 80)), (0, (at(0), 0)));
}

#[test]
fn colours_are_copied_as_they_were_written() {
    let text = "plain \x1b[1;31mred\x1b[0m\n\x1b[38;5;200;48;2;1;2;3mdeep\x1b[97mbright\x1b[0m \x1b]0;title\x07end\n";
    let output = written(text);
    let copied = output.run_blocks().next().unwrap().coloured_text();
    assert_eq!(
        copied,
        "plain \x1b[1;31mred\x1b[0m\n\x1b[38;5;200;48;2;1;2;3mdeep\x1b[0m\x1b[97;48;2;1;2;3mbright\x1b[0m end\n"
    );
    // Written again it is the same.
    assert_eq!(written(&copied).run_blocks().next().unwrap().coloured_text(), copied);
}

#[test]
fn what_is_selected_is_text_alone() {
    let (rows, columns) = PANE;
    let mut output = runs(&["one\n日本 two\n"]);
    output.go_to_block(false, rows, columns);
    output.step(true, rows, columns);
    output.select(rows, columns);
    output.step(true, rows, columns);
    output.stretch();
    assert_eq!(output.selected_text().as_deref(), Some("one\n日本 two"));
    output.select_other();
    assert_eq!(output.selected_text().as_deref(), Some("one\n日"));
    output.stretch_sideways(true);
    assert_eq!(output.selected_text().as_deref(), Some("one\n日本"));
    assert!(output.select_word(at(2), 3));
    assert_eq!(output.selected_text().as_deref(), Some("日本"));
    assert!(!output.select_word(at(2), 6), "a space is no word");
    // A character of two cells, at its second.
    assert_eq!(output.at_cell((2, 3), rows, columns), Some((at(2), 3)));
    assert_eq!(output.at_cell((2, 70), rows, columns), Some((at(2), 10)));
}

#[test]
fn a_selection_over_lines_ends_between_characters() {
    let (rows, columns) = PANE;
    let mut output = runs(&["abc\n日本語\nxyz\n"]);
    output.go_to_block(false, rows, columns);
    output.step(true, rows, columns);
    output.select(rows, columns);
    output.select_other();
    output.stretch_sideways(true);
    for (line, selected) in [("日本語", "abc\n日"), ("xyz", "abc\n日本語\nx")] {
        output.step(true, rows, columns);
        output.stretch();
        assert_eq!(output.selected_text().as_deref(), Some(selected), "down to {line}");
    }
}

#[test]
fn a_wrapped_or_broken_line_is_copied_as_one() {
    let long = "abc ".repeat(2000);
    let mut output = written(&format!("{long}\nend\n"));
    output.top(10, 20);
    assert_eq!(output.current_text().as_deref(), Some(long.as_str()));
    output.select(10, 20);
    output.choose(output.last(), 10, 20);
    output.stretch();
    assert_eq!(output.selected_text().unwrap(), format!("{long}\nend"));
}

#[test]
fn what_is_said_of_no_run_is_said_in_the_newest_block() {
    let mut output = Output::new();
    output.say(Kind::Note, "first".to_owned());
    output.begin(1);
    output.say(Kind::Note, "second".to_owned());
    output.begin(2);
    output.say(Kind::Note, "third".to_owned());
    assert_eq!(texts(&output), ["first", "", "second", "", "third"]);
}
