//! The editor: a search and a replacement in it, several texts, what is asked for.

use codebeaker::protocol::*;
use codebeaker::tui::{BufferId, Content, FileMsg, Msg, Options, TerminalKind};
use crossterm::event::{Event, KeyCode};

use super::tui_support::{Bench, key, options, typed};
use super::{as_it_is, at_every_size};

const CODE: &str = "def total(values):\n    # adds the values up\n    result = 0\n    for value in values:\n        \
                    result += value\n    return result\n\nprint(total([1, 2, 3]))\n";

fn with_code(bench: &mut Bench) {
    bench.found(&[RuntimeType::NativeProcess]).press([key(KeyCode::Esc)]).press(typed("a"));
    bench.press(typed("i")).press([Event::Paste(CODE.to_owned()), key(KeyCode::Esc)]).press(typed("g1"));
    bench.press([key(KeyCode::Enter)]);
}

#[test]
fn a_search() {
    at_every_size("editor_search", |bench| {
        with_code(bench);
        bench.press(typed("/value"));
    });
}

#[test]
fn a_replacement_is_asked_about() {
    let mut bench = Bench::new(80, 24);
    with_code(&mut bench);
    bench
        .press(typed("Svalue"))
        .press([key(KeyCode::Enter)])
        .press(typed("item"))
        .press([key(KeyCode::Enter)]);
    as_it_is("editor_replace_80x24", &mut bench);
}

#[test]
fn several_texts() {
    let two = Options { file: Some("/w/sum.py".into()), more: vec!["/w/a.json".into()], ..options() };
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let mut bench = Bench::with(&two, width, height);
        bench.found(&[RuntimeType::NativeProcess]);
        for (buffer, text) in [(0, CODE), (1, "{\n  \"one\": 1\n}\n")] {
            let content = Content { text: text.to_owned(), ..Content::default() };
            bench.tell(Msg::File(FileMsg::Read(BufferId(buffer), Ok(Some(content)))));
        }
        bench.press(typed("x")).press([key(KeyCode::Esc)]).press(typed("fnfl"));
        as_it_is(&format!("editor_texts_{width}x{height}"), &mut bench);
    }
}

#[test]
fn nothing_but_ascii() {
    let terminal = TerminalKind { unicode: false, ..options().terminal };
    let mut bench = Bench::with(&Options { terminal, ..options() }, 80, 24);
    with_code(&mut bench);
    bench.press(typed("fosu")).press([key(KeyCode::Tab)]);
    let paths = vec!["sum.py".to_owned(), "sums/".to_owned()];
    bench.tell(Msg::File(FileMsg::Completed("su".to_owned(), paths)));
    let screen = bench.screen();
    assert!(screen.is_ascii(), "{screen}");
    as_it_is("editor_open_ascii_80x24", &mut bench);
}

#[test]
fn wide_and_combining_characters_keep_their_columns() {
    let mut bench = Bench::new(60, 14);
    let text = "日本語 = \"e\u{301}a\"  # 👩\u{200d}👩\u{200d}👧 end\n\tx = 1\n";
    bench.press([key(KeyCode::Esc)]).press(typed("lla")).press(typed("i"));
    bench
        .press([Event::Paste(text.to_owned()), key(KeyCode::Esc)])
        .press(typed("g1"))
        .press([key(KeyCode::Enter)]);
    as_it_is("editor_wide_60x14", &mut bench);
}
