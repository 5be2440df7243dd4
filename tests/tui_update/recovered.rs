//! What a workbench that crashed had not saved, in the next one.

use std::path::PathBuf;

use codebeaker::tui::{BufferId, Content, Effect, FileMsg, Msg, Options, Replace, Source, Stamp, Unsaved};
use crossterm::event::KeyCode;

use super::tui_support::{Bench, ctrl, key, options, typed};
use super::{BUN, FIRST};

/// A file's stamp at some time.
fn at(second: i64) -> Stamp {
    Stamp { modified: (second, 0), length: 4 }
}

fn recovered(path: &str, text: &str, base: Option<Stamp>) -> Unsaved {
    Unsaved { source: Source::File(path.into()), text: text.to_owned(), base }
}

fn come_back(bench: &mut Bench, texts: Vec<Unsaved>) {
    bench.tell(Msg::File(FileMsg::Recovered(texts, None)));
}

fn read(bench: &mut Bench, buffer: BufferId, text: &str, second: i64) {
    let content = Content { text: text.to_owned(), stamp: at(second) };
    bench.tell(Msg::File(FileMsg::Read(buffer, Ok(Some(content)))));
}

/// What F4 would replace.
fn replaces(bench: &mut Bench) -> Option<Replace> {
    bench.press([key(KeyCode::F(4))]);
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save { replace, .. } => Some(*replace),
        _ => None,
    })
}

fn with_file() -> Bench {
    let mut bench = Bench::with(&Options { file: Some("/w/a.py".into()), ..options() }, 100, 30);
    bench.found(BUN);
    bench
}

#[test]
fn what_came_back_is_held_against_the_file_that_it_was_made_from() {
    for (stamp, known) in [(Some(at(1)), "was changed"), (None, "may have been changed"), (Some(at(2)), "")] {
        for read_first in [true, false] {
            let mut bench = with_file();
            if read_first {
                read(&mut bench, FIRST, "theirs\n", 2);
            }
            come_back(&mut bench, vec![recovered("/w/a.py", "mine\n", stamp)]);
            if !read_first {
                read(&mut bench, FIRST, "theirs\n", 2);
            }
            let screen = bench.screen();
            assert!(screen.contains("mine") && !screen.contains("theirs"), "{screen}");
            assert_eq!(screen.contains("changed since"), !known.is_empty(), "{screen}");
            assert!(screen.contains(known), "{screen}");
            assert_eq!(replaces(&mut bench), Some(stamp.map_or(Replace::Never, Replace::Unchanged)));
            // One change, that can be taken back.
            bench.press([key(KeyCode::Esc), key(KeyCode::Char('u'))]);
            assert!(bench.screen().contains("theirs"), "{}", bench.screen());
        }
    }
}

#[test]
fn what_came_back_is_not_saved_before_its_file_is_read_either() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN);
    come_back(&mut bench, vec![recovered("/w/a.py", "mine\n", Some(at(1)))]);
    assert!(bench.effects.contains(&Effect::Recovered), "{:?}", bench.effects);
    let Some(Effect::Read(buffer, path)) = bench.effects.last().cloned() else {
        panic!("{:?}", bench.effects)
    };
    assert_eq!(path, PathBuf::from("/w/a.py"));
    bench.tell(Msg::Keep);
    let kept = vec![recovered("/w/a.py", "mine\n", Some(at(1)))];
    assert_eq!(bench.effects.last(), Some(&Effect::Keep(kept.clone())));
    bench.press([ctrl('q')]);
    assert!(bench.screen().contains("a.py has changes that are not saved"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]).press(typed("x"));
    read(&mut bench, buffer, "theirs\n", 1);
    assert!(bench.screen().contains("xmine"), "{}", bench.screen());
    bench.press([key(KeyCode::Backspace)]).tell(Msg::Keep);
    assert_eq!(bench.effects.last(), Some(&Effect::Keep(kept)));
}

#[test]
fn what_came_back_of_a_file_that_cannot_be_read_is_scratch() {
    let mut bench = with_file();
    come_back(&mut bench, vec![recovered("/w/a.py", "mine\n", Some(at(1)))]);
    bench.tell(Msg::File(FileMsg::Read(FIRST, Err("it is not UTF-8 text".to_owned()))));
    let screen = bench.screen();
    assert!(screen.contains("mine") && screen.contains("what was not saved of it is scratch.py"), "{screen}");
    bench.tell(Msg::Keep);
    let kept = bench.effects.last().cloned();
    assert!(matches!(kept, Some(Effect::Keep(texts)) if texts.len() == 1 && texts[0].text == "mine\n"));
}

#[test]
fn what_came_back_has_room_however_many_texts_are_open() {
    let files: Vec<PathBuf> = (0..70).map(|n| format!("/w/{n}.py").into()).collect();
    let mut given = options();
    (given.file, given.more) = (files.first().cloned(), files[1..].to_vec());
    let mut bench = Bench::with(&given, 100, 30);
    let screen = bench.screen();
    assert!(screen.contains("6 files are left out"), "{screen}");
    bench.found(BUN);
    let named =
        |name: &str| Unsaved { source: Source::Named(name.to_owned()), ..recovered("", "mine\n", None) };
    come_back(&mut bench, vec![recovered("/v/a.py", "mine\n", None), named("scratch.go"), named("b.ts")]);
    bench.tell(Msg::Keep);
    assert!(matches!(bench.effects.last(), Some(Effect::Keep(texts)) if texts.len() == 3));
}

#[test]
fn who_is_asked_whether_to_quit_is_asked_about_what_came_back_too() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN).press([key(KeyCode::F(5)), ctrl('q')]);
    assert!(bench.screen().contains("Quit?"), "{}", bench.screen());
    come_back(&mut bench, vec![recovered("/w/a.py", "mine\n", None)]);
    bench.press([ctrl('q')]);
    assert!(!bench.effects.contains(&Effect::Quit));
    let screen = bench.screen();
    assert!(screen.contains("a.py has changes that are not saved"), "{screen}");
}

#[test]
fn two_texts_that_came_back_of_one_file_are_both_there() {
    for read_first in [true, false] {
        let mut bench = with_file();
        if read_first {
            read(&mut bench, FIRST, "theirs\n", 1);
        }
        let text = |text: &str| recovered("/w/a.py", text, Some(at(1)));
        come_back(&mut bench, vec![text("one\n"), text("one\n"), text("two\n")]);
        if !read_first {
            read(&mut bench, FIRST, "theirs\n", 1);
        }
        bench.tell(Msg::Keep);
        let Some(Effect::Keep(texts)) = bench.effects.last().cloned() else { panic!("{:?}", bench.effects) };
        let mut texts: Vec<_> = texts.into_iter().map(|unsaved| unsaved.text).collect();
        texts.sort();
        assert_eq!(texts, ["one\n", "two\n"]);
    }
}
