//! Programs that want a terminal, in the workbench in a real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::person::{Person, path};

/// A workbench with this program in the editor, run in a terminal.
async fn runs(code: &str, path: &str) -> (Person, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("it.py");
    std::fs::write(&file, code).unwrap();
    let mut person = Person::open(36, 120, &["open", file.to_str().unwrap()], path);
    person.sees("native ✓").await;
    person.sees("import").await;
    person.types("\x1b[18~").await;
    (person, home)
}

async fn leaves(mut person: Person) {
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn it_asks_with_a_prompt_and_sees_the_panes_size() {
    let Some(path) = path() else { return };
    let code = "import os, sys\nname = input('who' + ' is there? ')\nsize = os.get_terminal_size()\n\
                print('hello', name.upper(), sys.stdout.isatty(), f'<{size.columns}x{size.lines}>')\n";
    let (mut person, _home) = runs(code, &path).await;
    person.sees("who is there?").await;
    let frame = person.text();
    let size = frame.split("terminal ").find(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap();
    let size = size.split_whitespace().next().unwrap().to_owned();
    person.types("wq\x7forld\r").await;
    person.sees(&format!("hello WORLD True <{size}>")).await;
    person.sees("✓ ok  exit 0").await;
    leaves(person).await;
}

#[tokio::test]
async fn curses_has_a_screen_of_its_own() {
    let Some(path) = path() else { return };
    let code = "import curses\ndef main(screen):\n    while True:\n        screen.erase()\n        \
                rows, columns = screen.getmaxyx()\n        screen.addstr(2, 4, f'size {columns}x{rows}')\n        \
                screen.refresh()\n        key = screen.getch()\n        if key == ord('x'): return\n        \
                if key == curses.KEY_UP:\n            screen.addstr(4, 4, 'went' + ' up')\n            \
                screen.refresh()\n            screen.getch()\ncurses.wrapper(main)\nprint('left' + ' curses')\n";
    let (mut person, _home) = runs(code, &path).await;
    person.sees("full screen | terminal").await;
    let fits = |text: &str| {
        let after = |word: &str| Some(text.split_once(word)?.1.split_whitespace().next()?.to_owned());
        after("| terminal ").is_some_and(|size| after("    size ").as_deref() == Some(size.as_str()))
    };
    person.sees_that("the pane's size", fits).await;
    person.types("\x1b[A").await;
    person.sees("went up").await;
    person.types(" ").await;
    let before = person.text();
    person.resize(30, 110);
    person.sees_that("another size", |text| fits(text) && text != before).await;
    person.types("x").await;
    person.sees("left curses").await;
    person.sees("✓ ok  exit 0").await;
    leaves(person).await;
}

#[tokio::test]
async fn ctrl_c_is_its_own_and_nothing_it_sends_reaches_the_real_terminal() {
    let Some(path) = path() else { return };
    let code = "import sys, time\nsys.stdout.write('\\x1b]0;ev' 'il\\x07\\x1b]52;c;ZXZpbA==\\x07\\x1b[?1003h\\x07\\x1bc')\n\
                print('here' + ' it is', flush=True)\ntry:\n    time.sleep(1000)\nexcept KeyboardInterrupt:\n    \
                print('it was' + ' interrupted')\n";
    let (mut person, _home) = runs(code, &path).await;
    person.sees("here it is").await;
    person.types("\x03").await;
    person.sees("it was interrupted").await;
    person.sees("✓ ok  exit 0").await;
    let sent = String::from_utf8_lossy(&person.bytes).into_owned();
    assert!(!sent.contains("\x1b]0;evil") && !sent.contains("ZXZpbA==\x07") && !sent.contains("\x1bc"));
    leaves(person).await;
}
