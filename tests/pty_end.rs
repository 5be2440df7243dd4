//! No key is lost, and the workbench ends, in terminals that do something else than they should.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use rustix::process::{Signal, kill_process};
use support::person::{PATIENCE, Person, path};

const CODEBEAKER: &str = env!("CARGO_BIN_EXE_codebeaker");

#[tokio::test]
async fn what_is_typed_at_once_and_while_the_size_changes_is_whole() {
    let mut person = Person::open(30, 100, &["open", "a.py"], "/usr/bin:/bin");
    person.sees("3 Editor").await;
    // More than is read at once, and nothing typed behind it that would bring the rest.
    person.types(&format!("{}\rthe end", "some words ".repeat(400))).await;
    person.sees("the end").await;
    for n in 0..20_u16 {
        person.resize(30 + n % 2, 100);
        person.types(&format!("\rline {n} is there")).await;
        person.sees(&format!("line {n} is there")).await;
    }
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn keys_typed_as_an_editor_ends_are_read() {
    let args = ["VISUAL=/nonexistent/editor", CODEBEAKER, "open"];
    let mut person = Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin");
    person.sees("3 Editor").await;
    person.types("\x1b").await;
    person.sees("CMD").await;
    // Before the editor has begun, or while it ends.
    person.types("eiwords here").await;
    person
        .sees_that("the words in the editor", |text| text.contains("words here") && text.contains("3 Editor"))
        .await;
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn one_that_is_stopped_can_be_ended_from_the_shell() {
    let line = "\"$0\"; echo it is stopped; kill -TERM %1; kill -CONT %1; wait %1; echo it left with $?";
    let mut person = Person::start(24, 80, "/bin/sh", &["-mc", line, CODEBEAKER], "/usr/bin:/bin");
    person.sees("Editor").await;
    person.types("\x1a").await;
    person.sees("it left with 143").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn a_terminal_that_goes_away_without_a_signal_ends_it() {
    let home = tempfile::tempdir().unwrap();
    let told = home.path().join("told");
    // In a session of its own, no signal comes; the shell stays to tell how it ended.
    let line = "trap '' HUP; setsid --wait \"$0\" 2>/dev/null; echo $? >\"$1\"";
    let args = ["-c", line, CODEBEAKER, told.to_str().unwrap()];
    let mut person = Person::start(24, 80, "/bin/sh", &args, "/usr/bin:/bin");
    person.sees("Editor").await;
    let Person { read, write, mut child, home: _home, .. } = person;
    drop((read, write));
    tokio::time::timeout(PATIENCE, child.wait()).await.expect("it is still there").unwrap();
    assert_ne!(std::fs::read_to_string(told).unwrap().trim(), "0");
}

#[tokio::test]
async fn a_terminal_that_takes_nothing_does_not_keep_it() {
    let Some(path) = path() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("flood.py");
    std::fs::write(&file, "n = 0\nwhile True:\n    n += 1\n    print(n, 'x' * 80)\n").unwrap();
    let mut person = Person::open(40, 120, &["open", file.to_str().unwrap()], &path);
    person.sees("while True").await;
    person.types("\x1b[15~").await;
    person.sees("xxxxxxxx").await;
    // Nobody reads from here on: it comes to hang in a frame.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    kill_process(person.pid(), Signal::TERM).unwrap();
    let ended = tokio::time::timeout(PATIENCE, person.child.wait()).await;
    assert_eq!(ended.expect("it is still there").unwrap().code(), Some(143));
}
