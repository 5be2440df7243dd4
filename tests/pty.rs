//! The built binary in a real terminal: what a person sees, and that the terminal is given back.
//!
//! The program writes to a pseudo-terminal; a screen emulator reads what it wrote. Waiting is for what shall appear,
//! with an end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use codebeaker::provision::{self, Tool};
use support::native;
use support::person::{Person, path};

#[tokio::test]
async fn code_is_typed_and_run_and_its_output_is_on_the_screen() {
    let Some(path) = path() else { return };
    let mut person = Person::open(36, 120, &["open", "sum.py"], &path);
    person.sees("sum.py").await;
    println!("first frame after {:?}", person.first_frame.unwrap());
    person.types("total = sum(range(101))\rprint(\"the total is\", total)").await;
    person.sees("print(\"the total is\", total)").await;
    person.types("\x1b[15~").await;
    person.sees("the total is 5050").await;
    person.sees("✓ ok  exit 0").await;
    // The cost is on the screen too.
    person.sees_that("the wall time", |text| text.contains("wall") && text.contains("peak")).await;
    // A smaller terminal shows the same in fewer panes; a tiny one says what it needs.
    person.resize(24, 80);
    person.sees("[3 Editor]").await;
    person.resize(5, 20);
    person.sees("needs").await;
    person.resize(36, 120);
    person.sees("the total is 5050").await;
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn the_same_code_is_run_side_by_side_with_one_more_key() {
    let Some(path) = path() else { return };
    if !native::fetched(Tool::Deno) || !native::fetched(Tool::Bun) {
        return;
    }
    let settings = provision::Settings { data_dir: native::data_dir(), ..provision::Settings::from_env() };
    let place = |tool| provision::find(tool, &settings).unwrap().path.parent().unwrap().display().to_string();
    let path = format!("{}:{}:{path}", place(Tool::Deno), place(Tool::Bun));
    let mut person = Person::open(36, 120, &[], &path);
    person.sees("bun").await;
    person.types("\x1b[15~").await;
    person.sees("✓ ok  exit 0").await;
    person.sees("F12 all runtimes").await;
    person.types("\x1b[24~").await;
    person.sees("the same answer on").await;
    person.sees_that("both answers", |text| text.matches("squares: 1 4 9 16").count() >= 2).await;
    person.sees("quickest: ").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn an_endless_loop_is_stopped_by_ctrl_c() {
    let Some(path) = path() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("loop.py");
    std::fs::write(&file, "print('round and round')\nwhile True:\n    pass\n").unwrap();
    let mut person = Person::open(30, 110, &["open", file.to_str().unwrap()], &path);
    person.sees("while True").await;
    person.types("\x1b[15~").await;
    // The output's own line, not the editor's.
    person.sees_that("the output", |text| text.matches("round and round").count() == 2).await;
    person.types("\x03").await;
    person.sees("KeyboardInterrupt").await;
    person.sees_that("the end", |text| text.contains("exit 130") || text.contains("SIGINT")).await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn signals_end_it_and_the_terminal_is_given_back() {
    let Some(path) = path() else { return };
    for (signal, code) in [
        (rustix::process::Signal::TERM, 143),
        (rustix::process::Signal::HUP, 129),
        (rustix::process::Signal::INT, 130),
    ] {
        let mut person = Person::open(24, 80, &[], &path);
        person.sees("Editor").await;
        rustix::process::kill_process(person.pid(), signal).unwrap();
        assert_eq!(person.leaves().await.code(), Some(code), "{signal:?}");
    }
}

#[tokio::test]
async fn nothing_happens_at_rest() {
    let Some(path) = path() else { return };
    let mut person = Person::open(36, 120, &[], &path);
    person.sees("native ✓ ok").await;
    // Docker is tried for a while where it is here.
    person
        .sees_that("what became of Docker", |text| text.contains("docker ✓") || text.contains("docker ✗"))
        .await;
    // Colours and the runtimes' answers come shortly after the first frame; then it is still.
    while tokio::time::timeout(Duration::from_secs(2), person.read_some()).await.is_ok() {}
    let (bytes, switches) = (person.bytes.len(), person.switches());
    // Five seconds in which something could be drawn: this is the measurement itself.
    let drawn = tokio::time::timeout(Duration::from_secs(5), person.read_some()).await;
    assert!(drawn.is_err() && person.bytes.len() == bytes, "something was drawn at rest");
    // A thread that has ended takes its own with it.
    let woken = person.switches().saturating_sub(switches);
    assert!(woken <= 5, "{woken} wake-ups in 5 s at rest");
    person.types("\x11").await;
    person.leaves().await;
}

#[tokio::test]
async fn nothing_is_drawn_at_rest_after_a_run() {
    let Some(path) = path() else { return };
    // The wide layout: the session's figures are on the screen and asked for every second.
    let mut person = Person::open(36, 120, &["open", "once.py"], &path);
    person.sees("native ✓ ok").await;
    person.types("print(6 * 7)").await;
    person.types("\x1b[15~").await;
    person.sees("✓ ok  exit 0").await;
    person.sees("live 1 s").await;
    while tokio::time::timeout(Duration::from_secs(2), person.read_some()).await.is_ok() {}
    let bytes = person.bytes.len();
    // This is the measurement itself.
    let drawn = tokio::time::timeout(Duration::from_secs(5), person.read_some()).await;
    let what = String::from_utf8_lossy(&person.bytes[bytes..]).into_owned();
    assert!(drawn.is_err() && what.is_empty(), "drawn at rest: {what:?}");
    person.types("\x11\x11").await;
    person.leaves().await;
}

#[tokio::test]
async fn it_goes_back_to_the_shell_and_returns() {
    let Some(path) = path() else { return };
    // With job control, as a person's shell has it.
    let script = "\"$0\"; echo back in the shell; read line; fg >/dev/null; echo left with $?";
    let args = ["-mc", script, env!("CARGO_BIN_EXE_codebeaker")];
    let mut person = Person::start(24, 80, "/bin/sh", &args, &path);
    person.sees("Editor").await;
    person.types("\x1a").await;
    person.sees("back in the shell").await;
    assert!(!person.screen.screen().alternate_screen(), "the shell's screen is not back");
    person.types("\n").await;
    person.sees("Editor").await;
    assert!(person.screen.screen().alternate_screen());
    person.types("\x11").await;
    person.sees("left with 0").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn without_any_runtime_the_first_run_screen_tells_what_to_do() {
    let mut person = Person::open(36, 120, &[], "/nonexistent");
    person.sees("fetch").await;
    let text = person.text();
    assert!(text.contains("bun") && text.contains("deno"), "{text}");
    assert!(text.contains("no bun on the PATH"), "{text}");
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn a_clipboard_program_that_fails_leads_through_what_stands_before_the_terminal() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let xclip = dir.path().join("xclip");
    std::fs::write(&xclip, "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(&xclip, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let args = ["DISPLAY=:0", "TMUX=/tmp/tmux,1,0", env!("CARGO_BIN_EXE_codebeaker"), "open"];
    let mut person = Person::start(30, 100, "/usr/bin/env", &args, &path);
    person.sees("3 Editor").await;
    person.types("\x1b").await;
    person.sees("CMD").await;
    person.types("y").await;
    let wrapped = b"\x1bPtmux;\x1b\x1b]52;c;";
    let until = tokio::time::Instant::now() + support::person::PATIENCE;
    while !person.bytes.windows(wrapped.len()).any(|bytes| bytes == wrapped) {
        let read = tokio::time::timeout_at(until, person.read_some()).await;
        assert!(matches!(read, Ok(true)), "nothing for tmux came");
    }
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}
