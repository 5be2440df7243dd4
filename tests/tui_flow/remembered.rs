//! What the next start finds: the runs that were, and the files that were open.

use codebeaker::tui::{Exit, Options};
use crossterm::event::KeyCode;

use super::{Person, bun, story};
use crate::tui_support::{key, options, typed};

fn kept_in(home: &tempfile::TempDir) -> Options {
    Options { state: Some(home.path().join("state")), ..options() }
}

#[test]
fn the_next_start_has_the_runs_of_the_last_one() {
    story(|| async {
        let home = tempfile::tempdir().unwrap();
        let mut person = Person::open(bun(), kept_in(&home));
        person.sees("nothing has run yet").await;
        person.press(typed("// of the first start\n"));
        for _ in 0..2 {
            person.press([key(KeyCode::F(5))]);
            person.sees("exit 0").await;
        }
        person.sees("run 2").await;
        assert_eq!(person.leaves().await, Exit::Quit);

        let engine = bun();
        let mut person = Person::open(std::sync::Arc::clone(&engine), kept_in(&home));
        person.sees("nothing has run yet").await;
        person.sees("bun ✓ ok").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("6"));
        person.sees("all 2").await;
        person.press([key(KeyCode::Enter)]);
        person.sees("ran: // of the first start").await;
        person.sees("$ run 3").await;
        assert_eq!(engine.count("create typescript"), 1, "the session that it ran in is gone");
        person.press([key(KeyCode::F(2))]);
        person.press(typed("forget all"));
        person.sees("History: forget all runs").await;
        person.press([key(KeyCode::Enter)]);
        person.sees("Forget the runs?").await;
        person.press([key(KeyCode::Enter)]);
        person.sees("the runs are forgotten").await;
        person.leaves().await;

        let mut person = Person::open(bun(), kept_in(&home));
        person.sees("bun ✓ ok").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("6"));
        person.sees("no run yet").await;
        person.leaves().await;
    });
}

#[test]
fn files_are_open_again_where_they_were_open() {
    story(|| async {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = home.path().join(name);
            std::fs::write(&path, format!("// this is {name}\n")).unwrap();
            path
        };
        let (one, two) = (file("one.ts"), file("two.ts"));
        let asked = Options { file: Some(one), more: vec![two.clone()], ..kept_in(&home) };
        let mut person = Person::open(bun(), asked);
        person.sees("// this is one.ts").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("ff"));
        person.sees("// this is two.ts").await;
        person.leaves().await;

        let mut person = Person::open(bun(), kept_in(&home));
        person.sees("// this is two.ts").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("ff"));
        person.sees("// this is one.ts").await;
        person.leaves().await;

        std::fs::remove_file(two).unwrap();
        let mut not_asked_to = kept_in(&home);
        not_asked_to.settings.ui.remember = Some(false);
        let mut person = Person::open(bun(), not_asked_to);
        person.sees("// F5 runs this").await;
        person.stop.cancel();
        person.end.await.unwrap();

        let mut person = Person::open(bun(), kept_in(&home));
        person.sees("// F5 runs this").await;
        person.leaves().await;
    });
}

/// Leaves what a workbench that crashed would have left.
fn crashed(home: &tempfile::TempDir, name: &str, record: &str) {
    let dir = home.path().join("state/unsaved");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), record).unwrap();
}

#[test]
fn who_leaves_at_once_loses_nothing_of_what_a_crash_has_left() {
    story(|| async {
        let home = tempfile::tempdir().unwrap();
        crashed(&home, "1-1.json", r#"{"texts":[{"name":"scratch.ts","text":"// precious\n"}]}"#);
        // However far it came with what it found.
        for _ in 0..2 {
            assert_eq!(Person::open(bun(), kept_in(&home)).leaves().await, Exit::Quit);
        }
        let mut person = Person::open(bun(), kept_in(&home));
        person.sees("// precious").await;
        // Who has seen it was asked.
        assert_eq!(person.leaves().await, Exit::Quit);
        assert_eq!(std::fs::read_dir(home.path().join("state/unsaved")).unwrap().count(), 0);
    });
}
