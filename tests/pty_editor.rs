//! The person's own editor in a real terminal: it gets all keys, and the terminal is whole afterwards, however it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use support::person::Person;

/// A workbench whose person's editor is this script; `state` in it is below the home directory.
fn with_editor(script: &str, file: &str, text: &str) -> (Person, tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let editor = dir.path().join("editor");
    std::fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = dir.path().join(file);
    std::fs::write(&path, text).unwrap();
    // Set by env, as a person's shell has it; two words, as some have it.
    let visual = format!("VISUAL={} --wait", editor.display());
    let args = [visual.as_str(), env!("CARGO_BIN_EXE_codebeaker"), "open", path.to_str().unwrap()];
    (Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin"), dir, path)
}

async fn hands_over(person: &mut Person) {
    person.types("\x1b").await;
    person.sees("CMD").await;
    person.types("e").await;
}

#[tokio::test]
async fn the_editor_gets_the_keys_and_the_text_comes_back() {
    let script = "test \"$1\" = --wait || exit 9\nstty -a | grep -q ' icanon' && echo cooked\n\
                  printf 'say: '; read word; echo \"# $word\" >> \"$2\"";
    let (mut person, _dir, path) = with_editor(script, "a.py", "x = 1\n");
    person.sees("x = 1").await;
    hands_over(&mut person).await;
    person.sees("say: ").await;
    assert!(person.text().contains("cooked"), "{}", person.text());
    assert!(!person.screen.screen().alternate_screen() && !person.screen.screen().bracketed_paste());
    // Keys that mean something here are text there.
    person.types("fqx\r").await;
    person.sees("as you left it").await;
    assert!(person.screen.screen().alternate_screen() && person.screen.screen().bracketed_paste());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "x = 1\n# fqx\n");
    // One change, and the file's text: nothing is unsaved until it is taken back.
    assert!(person.text().contains("# fqx") && !person.text().contains("a.py *"), "{}", person.text());
    person.types("u").await;
    person.sees_that("the text before", |text| !text.contains("# fqx") && text.contains("a.py *")).await;
    person.types("U").await;
    person.sees("# fqx").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn what_is_not_saved_goes_out_as_a_copy() {
    let (mut person, _dir, path) = with_editor("echo second >> \"$2\"; echo \"$2\"", "a.py", "first\n");
    person.sees("first").await;
    person.types("mine ").await;
    hands_over(&mut person).await;
    person.sees_that("all of it", |text| text.contains("mine first") && text.contains("second")).await;
    assert!(person.text().contains("a.py *"), "it counts as saved:\n{}", person.text());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\n");
    let outside = person.home.path().join(".local/state/codebeaker/outside");
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 0, "the copy is left behind");
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn an_editor_that_is_killed_leaves_a_whole_terminal() {
    let script = "echo half >> \"$2\"; stty raw -echo; printf '\\033[?1049h\\033[?1000h\\033[?25l\\033[5;7r'; kill -9 $$";
    let (mut person, _dir, _path) = with_editor(script, "a.py", "x = 1\n");
    person.sees("x = 1").await;
    hands_over(&mut person).await;
    person.sees("signal 9").await;
    person.sees("half").await;
    // Keys are keys again.
    person.types("i").await;
    person.types("typed ").await;
    person.sees("typed x = 1").await;
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn a_terminal_left_raw_is_the_shells_again_at_the_end() {
    let script = "stty raw -echo; printf '\\033[?1049h\\033[?2004h\\033[?25l'";
    let dir = tempfile::tempdir().unwrap();
    let editor = dir.path().join("editor");
    std::fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let line = "EDITOR=\"$1\" \"$0\"; stty -a | grep -q ' icanon' && stty -a | grep -q ' echo ' && echo the line is whole";
    let args = ["-c", line, env!("CARGO_BIN_EXE_codebeaker"), editor.to_str().unwrap()];
    let mut person = Person::start(30, 100, "/bin/sh", &args, "/usr/bin:/bin");
    person.sees("3 Editor").await;
    hands_over(&mut person).await;
    person.sees("was not changed").await;
    person.types("\x11").await;
    person.sees("the line is whole").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn an_editor_that_is_not_there_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["VISUAL=/nonexistent/editor", env!("CARGO_BIN_EXE_codebeaker"), "open"];
    let mut person = Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin");
    person.sees("3 Editor").await;
    hands_over(&mut person).await;
    person.sees("is not there").await;
    person.sees("VISUAL").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
    drop(dir);
}

#[tokio::test]
async fn ctrl_c_in_an_editor_is_not_ours_and_a_signal_ends_both() {
    let script = "trap 'echo caught' INT; echo waiting; while :; do sleep 0.1; done";
    let (mut person, _dir, _path) = with_editor(script, "a.py", "x = 1\n");
    person.sees("x = 1").await;
    hands_over(&mut person).await;
    person.sees("waiting").await;
    person.types("\x03").await;
    person.sees("caught").await;
    rustix::process::kill_process(person.pid(), rustix::process::Signal::TERM).unwrap();
    assert_eq!(person.leaves().await.code(), Some(143));
}

#[tokio::test]
async fn what_cannot_be_read_back_is_kept() {
    let (mut person, _dir, path) = with_editor("printf 'caf\\351\\n' > \"$2\"", "a.py", "first\n");
    person.sees("first").await;
    person.types("mine ").await;
    hands_over(&mut person).await;
    person.sees("can't be read back").await;
    person.sees("it is kept in").await;
    person.sees("mine first").await;
    let state = person.home.path().join(".local/state/codebeaker");
    let kept: Vec<PathBuf> =
        std::fs::read_dir(state.join("kept")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(std::fs::read(kept[0].join("a.py")).unwrap(), b"caf\xe9\n");
    assert_eq!(std::fs::read_dir(state.join("outside")).unwrap().count(), 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\n");
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

/// The process that this one has started, where it is one.
#[cfg(target_os = "linux")]
fn child_of(pid: i32) -> i32 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.trim().parse().unwrap_or_else(|_| panic!("not one child: {children:?}"))
}

/// Whether a process is there, and not only waits to be forgotten.
#[cfg(target_os = "linux")]
fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next()).is_some_and(|state| state != 'Z')
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_signal_ends_the_editor_itself_and_gives_a_whole_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let program = |name: &str, script: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    };
    let (asked, number) = (dir.path().join("asked"), dir.path().join("number"));
    let real = program(
        "real",
        &format!(
            "trap 'echo asked > {}; exit 0' TERM HUP\necho $$ > {}\nstty raw -echo\n\
             printf '\\033[?1049h\\033[?1000h\\033[?1006h\\033[?2004h\\033[?25lwaiting'\nwhile :; do sleep 0.1; done",
            asked.display(),
            number.display()
        ),
    );
    // As it is, with words that only a shell understands, and behind a program that starts it.
    let through = program("through", &format!("{real} \"$@\"\ntrue"));
    for (editor, signal) in [
        (real.clone(), rustix::process::Signal::TERM),
        (format!("X=1 {real}"), rustix::process::Signal::HUP),
        (through, rustix::process::Signal::TERM),
    ] {
        let line = "\"$0\" open; echo \"it left with $?\"; stty -a | grep -q ' icanon' && \
                    stty -a | grep -q ' echo ' && echo the line is whole";
        let visual = format!("VISUAL={editor}");
        let args = [visual.as_str(), "/bin/sh", "-c", line, env!("CARGO_BIN_EXE_codebeaker")];
        let mut person = Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin");
        person.sees("3 Editor").await;
        hands_over(&mut person).await;
        person.sees("waiting").await;
        let workbench = child_of(person.pid().as_raw_nonzero().get());
        let edits: i32 = std::fs::read_to_string(&number).unwrap().trim().parse().unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(workbench).unwrap(), signal).unwrap();
        person.sees(&format!("it left with {}", 128 + signal.as_raw())).await;
        person.sees("the line is whole").await;
        assert_eq!(person.leaves().await.code(), Some(0));
        assert!(!is_alive(edits), "{editor} is still there");
        assert_eq!(std::fs::read_to_string(&asked).unwrap(), "asked\n", "{editor} was not asked");
        std::fs::remove_file(&asked).unwrap();
    }
}

#[tokio::test]
async fn what_was_not_saved_is_back_after_a_crash() {
    let home = tempfile::tempdir().unwrap();
    let home_is = format!("HOME={}", home.path().display());
    let args = [home_is.as_str(), env!("CARGO_BIN_EXE_codebeaker"), "open"];
    let unsaved = home.path().join(".local/state/codebeaker/unsaved");
    let kept = |ending: &str| {
        let entries = std::fs::read_dir(&unsaved).into_iter().flatten().flatten();
        entries
            .filter(|e| e.path().extension().is_some_and(|e| e == ending))
            .map(|e| e.path())
            .collect::<Vec<_>>()
    };
    let mut person = Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin");
    person.sees("3 Editor").await;
    person.types("precious ").await;
    person.sees("precious").await;
    // Kept by itself, some seconds after the change.
    let until = tokio::time::Instant::now() + support::person::PATIENCE;
    while kept("json").is_empty() {
        assert!(tokio::time::Instant::now() < until, "nothing was kept");
        let _ = tokio::time::timeout(std::time::Duration::from_millis(50), person.read_some()).await;
    }
    // Another workbench at the same time has nothing to do with it.
    let mut other = Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin");
    other.sees("squares").await;
    other.types("\x11").await;
    assert_eq!(other.leaves().await.code(), Some(0));
    assert_eq!(kept("json").len(), 1);
    rustix::process::kill_process(person.pid(), rustix::process::Signal::KILL).unwrap();
    person.child.wait().await.unwrap();
    // A signal that can be heard keeps it at once; and so on, until it is left.
    let mut person = Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin");
    person.sees("precious").await;
    person.sees("back from a workbench").await;
    person.types("more ").await;
    person.sees("more precious").await;
    rustix::process::kill_process(person.pid(), rustix::process::Signal::TERM).unwrap();
    assert_eq!(person.leaves().await.code(), Some(143));
    let mut person = Person::start(30, 100, "/usr/bin/env", &args, "/usr/bin:/bin");
    person.sees("more precious").await;
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
    assert_eq!(std::fs::read_dir(&unsaved).unwrap().count(), 0, "{:?}", kept("json"));
}
