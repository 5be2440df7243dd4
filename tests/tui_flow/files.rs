//! The real loop and the files of a session: seen, edited, made, moved, deleted, sent and fetched.

use std::sync::Arc;

use crossterm::event::KeyCode;

use crate::tui_support::{Scripted, key, options, typed};
use crate::{Person, bun, story};

/// A person at the files of a session that has some.
async fn at_files(engine: &Arc<Scripted>) -> Person {
    engine.workspace.put("src/app.py", b"print(1)\n");
    engine.workspace.put("data.csv", b"a,b\n");
    let mut person = Person::open(Arc::clone(engine), options());
    person.sees("bun ✓ ok").await;
    person.press([key(KeyCode::F(5))]);
    person.sees("exit 0").await;
    person.press([key(KeyCode::Esc), key(KeyCode::Char('2'))]);
    person.sees("+ src/").await;
    person
}

fn enter(text: &str) -> Vec<crossterm::event::Event> {
    typed(&format!("{text}\n"))
}

#[test]
fn a_file_of_the_workspace_is_edited_and_saved_there() {
    story(|| async {
        let engine = bun();
        let mut person = at_files(&engine).await;
        person.press(typed("\n"));
        person.sees("    app.py").await;
        person.press([key(KeyCode::Down), key(KeyCode::Enter)]);
        person.sees("print(1)").await;
        person.press(enter("i# mine"));
        person.press([key(KeyCode::F(4))]);
        person.sees("app.py is saved in the workspace").await;
        assert_eq!(engine.workspace.get("src/app.py").unwrap(), b"# mine\nprint(1)\n");
        // A program changes it: nothing of that is lost unasked.
        engine.workspace.put("src/app.py", b"theirs");
        person.press(enter("# more"));
        person.press([key(KeyCode::F(4))]);
        person.sees("app.py was changed by something else").await;
        assert_eq!(engine.workspace.get("src/app.py").unwrap(), b"theirs");
        person.reads().await;
        person.press([key(KeyCode::Enter)]);
        person.sees("app.py is saved in the workspace").await;
        assert_eq!(engine.workspace.get("src/app.py").unwrap(), b"# mine\n# more\nprint(1)\n");
        // One that is gone is written again.
        person.press(enter("# last"));
        person.sees("# last").await;
        engine.workspace.take("src/app.py");
        person.press([key(KeyCode::F(4))]);
        person.sees("app.py is saved in the workspace").await;
        assert!(engine.workspace.has("src/app.py"));
        person.leaves().await;
    });
}

#[test]
fn files_are_made_renamed_copied_and_deleted() {
    story(|| async {
        let engine = bun();
        let mut person = at_files(&engine).await;
        let workspace = &engine.workspace;
        person.press(enter("nlib/new.py"));
        // Open, not only named: keys are the editor's until then.
        person.sees("3 Editor  new.py").await;
        assert_eq!(workspace.get("lib/new.py"), Some(Vec::new()));
        // An empty file is typed into at once.
        person.press([key(KeyCode::Esc), key(KeyCode::Char('2'))]);
        person.sees("▸    new.py").await;
        // What is there already stays.
        workspace.put("lib/other.py", b"other");
        person.press([key(KeyCode::Char('r'))]);
        person.press((0..6).map(|_| key(KeyCode::Backspace)));
        person.press(enter("other.py"));
        person.sees("other.py exists already").await;
        person.press([key(KeyCode::Char('r'))]);
        person.press((0..6).map(|_| key(KeyCode::Backspace)));
        person.press(enter("it.py"));
        person.sees("new.py is it.py now").await;
        assert!(workspace.has("lib/it.py") && !workspace.has("lib/new.py"));
        person.press(enter("c"));
        person.sees("it-copy.py is copied").await;
        assert!(workspace.has("lib/it.py") && workspace.has("lib/it-copy.py"));
        person.press(enter("Nempty"));
        person.sees("empty is made").await;
        person.sees("▸  + empty/").await;
        person.press(typed("x"));
        person.sees("empty is deleted: u writes it back").await;
        person.press(typed("u"));
        person.sees("empty is back").await;
        assert!(workspace.has("lib/empty"));
        person.leaves().await;
    });
}

#[test]
fn what_cannot_be_written_back_is_asked_for_first() {
    story(|| async {
        let engine = bun();
        let mut person = at_files(&engine).await;
        person.press(typed("x"));
        person.sees("src holds 1 entry").await;
        person.press([key(KeyCode::Esc)]);
        // The question is gone.
        person.press(typed("/sr"));
        person.sees("/ sr").await;
        assert!(engine.workspace.has("src/app.py"));
        person.press([key(KeyCode::Esc)]);
        person.press(typed("x"));
        person.sees("it can't be written back").await;
        person.press(typed("y"));
        person.sees("src is deleted").await;
        assert!(!engine.workspace.has("src/app.py"));
        // A file is written back with all its bytes.
        engine.workspace.put("data.csv", &[0, 255, 10]);
        person.press([key(KeyCode::End)]);
        person.press(typed("x"));
        person.sees("data.csv is deleted: u writes it back").await;
        assert!(!engine.workspace.has("data.csv"));
        person.press(typed("u"));
        person.sees("data.csv is back").await;
        assert_eq!(engine.workspace.get("data.csv").unwrap(), [0, 255, 10]);
        person.press(typed("u"));
        person.sees("no deletion can be taken back here").await;
        person.leaves().await;
    });
}

#[test]
fn files_are_sent_and_fetched() {
    story(|| async {
        let dir = tempfile::tempdir().unwrap();
        let here = |name: &str| dir.path().join(name);
        let large: Vec<u8> = (0..(5usize << 20) / 2).map(|n| (n % 251) as u8).collect();
        std::fs::create_dir_all(here("pack/deep")).unwrap();
        std::fs::write(here("pack/large.bin"), &large).unwrap();
        std::fs::write(here("pack/deep/empty"), b"").unwrap();
        let engine = bun();
        let mut person = at_files(&engine).await;
        // What is typed is completed from what is there.
        person.press(typed(&format!("U{}/pa", dir.path().display())));
        person.press([key(KeyCode::Tab)]);
        person.sees("pack/").await;
        person.press([key(KeyCode::Enter)]);
        person.sees("pack is in the workspace (2 files)").await;
        assert_eq!(engine.workspace.get("pack/large.bin").unwrap(), large);
        assert_eq!(engine.workspace.get("pack/deep/empty").unwrap(), b"");
        person.sees("▸+ pack/").await;
        person.press(typed("D"));
        person.press((0..4).map(|_| key(KeyCode::Backspace)));
        person.press(enter(&here("back").display().to_string()));
        person.sees("pack is downloaded (2 files)").await;
        assert_eq!(std::fs::read(here("back/large.bin")).unwrap(), large);
        assert!(here("back/deep/empty").exists());
        // Nothing of this machine is replaced unasked.
        std::fs::write(here("mine"), b"mine").unwrap();
        person.press([key(KeyCode::End)]);
        person.sees("▸  data.csv").await;
        person.press(typed("D"));
        person.press((0..8).map(|_| key(KeyCode::Backspace)));
        person.press(enter(&here("mine").display().to_string()));
        person.sees("Replace what is there?").await;
        assert_eq!(std::fs::read(here("mine")).unwrap(), b"mine");
        person.reads().await;
        person.press([key(KeyCode::Enter)]);
        person.sees("data.csv is downloaded").await;
        assert_eq!(std::fs::read(here("mine")).unwrap(), b"a,b\n");
        person.leaves().await;
    });
}

#[test]
fn what_is_too_large_or_no_text_is_refused_with_its_size() {
    story(|| async {
        let engine = bun();
        engine.workspace.put("blob.bin", &[0, 159, 146, 150]);
        engine.workspace.put("huge.bin", &vec![b'x'; (8 << 20) + 1]);
        let mut person = at_files(&engine).await;
        person.press(typed("/blob\n\n"));
        person.sees("blob.bin is binary, 4 B: no text to edit").await;
        person.press([key(KeyCode::Esc), key(KeyCode::Esc)]);
        person.press(typed("/huge\n\n"));
        person.sees("huge.bin has 8.4 MB: 8 MiB can be").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("D\n"));
        person.sees("and 8 MiB can be").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("x"));
        person.sees("huge.bin has 8.4 MB, and 8 MiB are kept at most").await;
        person.press([key(KeyCode::Esc)]);
        person.leaves().await;
        assert!(engine.workspace.has("huge.bin"));
    });
}
