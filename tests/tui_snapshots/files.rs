//! The files of a session.

use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, Done, Effect, FileMsg, FilesMsg, Msg, SessionMsg, TerminalKind};
use crossterm::event::KeyCode;

use crate::tui_support::{Bench, key, options, session, typed};
use crate::{as_it_is, at_every_size};

fn entry(name: &str, kind: EntryKind, size: u64) -> DirectoryEntry {
    let (path, name) = (name.to_owned(), name.to_owned());
    DirectoryEntry { name, path, kind, size, modified: String::new(), mode: "0644".to_owned() }
}

/// Answers what was asked last.
fn list(bench: &mut Bench, entries: Vec<DirectoryEntry>, truncated: bool) {
    let number = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Files { number, .. } => Some(*number),
        _ => None,
    });
    let (session, number) = (SessionId::from("s1"), number.unwrap());
    let result = Ok(Done::Listed { entries, truncated });
    bench.tell(Msg::Files(FilesMsg::Done { session, number, result }));
}

fn some(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun]);
    let info = Box::new(session("s1", Language::TypeScript, RuntimeType::Bun));
    bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Ok(info) }));
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('2'))]);
    let root = vec![
        entry("src", EntryKind::Directory, 4096),
        entry("out", EntryKind::Directory, 4096),
        entry("README.md", EntryKind::File, 1204),
        entry("a name that is far too long for it.csv", EntryKind::File, 41_234_567),
        entry("evil\u{202e}\u{1b}[31m.ts", EntryKind::File, 3),
        entry("caf\u{fffd}", EntryKind::File, 3),
        entry("latest", EntryKind::Link, 9),
        entry("pipe", EntryKind::Other, 0),
    ];
    list(bench, root, false);
    bench.press([key(KeyCode::Down), key(KeyCode::Enter)]);
    let below = vec![entry("main.ts", EntryKind::File, 812), entry("lib", EntryKind::Directory, 0)];
    list(bench, below, true);
    bench.press([key(KeyCode::Down), key(KeyCode::Down)]);
}

#[test]
fn files() {
    at_every_size("files", some);
}

#[test]
fn files_in_ascii_without_colours() {
    let mut options = options();
    options.terminal = TerminalKind { colours: ColourTier::Mono, unicode: false };
    let mut bench = Bench::with(&options, 80, 24);
    some(&mut bench);
    as_it_is("files_ascii_80x24", &mut bench);
}

#[test]
fn files_filtered() {
    let mut bench = Bench::new(80, 24);
    some(&mut bench);
    bench.press(typed("/ma"));
    as_it_is("files_filtered_80x24", &mut bench);
}

#[test]
fn files_prompts_and_questions() {
    let mut bench = Bench::new(80, 24);
    some(&mut bench);
    bench.press(typed("U/tmp/no such file")).press([key(KeyCode::Tab)]);
    let found = ["/tmp/one/", "/tmp/two"].map(str::to_owned).to_vec();
    let typed = "/tmp/no such file".to_owned();
    bench.tell(Msg::File(FileMsg::Completed(typed, found)));
    as_it_is("files_upload_80x24", &mut bench);
}
