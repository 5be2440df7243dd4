//! What can be done to a text.

use super::*;
use crate::protocol::Language;
use crate::tui::document::habits;

fn of(language: Language) -> Habits {
    habits(Some(language), None)
}

fn typed(editor: &mut Editor, keys: &str) {
    for c in keys.chars() {
        editor.apply(if c == '\n' { Action::Newline } else { Action::Insert(c) });
    }
}

#[test]
fn undo_takes_words_and_redo_brings_them_back() {
    let mut editor = Editor::new("", Habits::default());
    typed(&mut editor, "let x");
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "let ");
    editor.apply(Action::Undo);
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "");
    editor.apply(Action::Undo);
    for _ in 0..3 {
        editor.apply(Action::Redo);
    }
    assert_eq!(editor.text(), "let x");
    assert_eq!(editor.cursor(), (0, 5));
}

#[test]
fn lines_are_indented_like_the_one_above() {
    let mut editor = Editor::new("", of(Language::TypeScript));
    typed(&mut editor, "if (a) {\nb();\n}\nc");
    assert_eq!(editor.text(), "if (a) {\n  b();\n}\nc");
    let mut editor = Editor::new("", of(Language::Python));
    typed(&mut editor, "def f():\nreturn 1");
    assert_eq!(editor.text(), "def f():\n    return 1");
    let mut editor = Editor::new("", of(Language::Go));
    typed(&mut editor, "func f() {\nx()\n}");
    assert_eq!(editor.text(), "func f() {\n\tx()\n}");
}

#[test]
fn a_paste_is_one_change_without_controls() {
    let mut editor = Editor::new("", Habits::default());
    editor.apply(Action::Paste("a\r\nb\x1b[31m\n".to_owned()));
    assert_eq!(editor.text(), "a\nb\u{241b}[31m\n");
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "");
}

#[test]
fn a_selection_is_replaced_and_undone_at_once() {
    let mut editor = Editor::new("one two", Habits::default());
    for _ in 0..3 {
        editor.apply(Action::Move { motion: Motion::Right, select: true });
    }
    editor.apply(Action::Insert('x'));
    assert_eq!(editor.text(), "x two");
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "one two");
    editor.apply(Action::SelectAll);
    editor.apply(Action::Backspace);
    assert!(editor.is_blank());
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "one two");
}

#[test]
fn what_changes_nothing_is_no_change() {
    let mut editor = Editor::new("a", Habits::default());
    let before = editor.revision();
    editor.apply(Action::Backspace);
    editor.apply(Action::Undo);
    editor.apply(Action::Redo);
    assert_eq!((editor.text().as_str(), editor.revision()), ("a", before));
}

#[test]
fn undo_to_an_empty_text() {
    let mut editor = Editor::new("", Habits::default());
    editor.apply(Action::Paste("abc".to_owned()));
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "");
    editor.apply(Action::Redo);
    assert_eq!(editor.text(), "abc");
}

fn on(content: &str, at: (usize, usize), language: Language) -> Editor {
    let mut editor = Editor::new(content, of(language));
    editor.apply(Action::Select(Pos::new(at.0, at.1), Pos::new(at.0, at.1)));
    editor
}

fn go(editor: &mut Editor, motion: Motion) {
    editor.apply(Action::Move { motion, select: false });
}

#[test]
fn lines_are_moved_doubled_deleted_and_joined() {
    let mut editor = on("a\nb\nc", (1, 1), Language::Python);
    editor.apply(Action::MoveLinesUp);
    assert_eq!((editor.text().as_str(), editor.place()), ("b\na\nc", Pos::new(0, 1)));
    editor.apply(Action::MoveLinesUp);
    editor.apply(Action::MoveLinesDown);
    editor.apply(Action::MoveLinesDown);
    editor.apply(Action::MoveLinesDown);
    assert_eq!(editor.text(), "a\nc\nb");
    editor.apply(Action::DuplicateLines);
    assert_eq!((editor.text().as_str(), editor.place()), ("a\nc\nb\nb", Pos::new(3, 1)));
    editor.apply(Action::DeleteLines);
    editor.apply(Action::DeleteLines);
    assert_eq!(editor.text(), "a\nc");
    go(&mut editor, Motion::Top);
    editor.apply(Action::JoinLines);
    assert_eq!((editor.text().as_str(), editor.place()), ("a c", Pos::new(0, 1)));
    editor.apply(Action::DeleteLines);
    assert_eq!(editor.text(), "");
}

#[test]
fn a_selection_is_indented_and_made_a_comment_and_stays_selected() {
    let mut editor = Editor::new("if a:\n    b\n\nc", of(Language::Python));
    editor.apply(Action::Select(Pos::new(0, 0), Pos::new(2, 0)));
    editor.apply(Action::ToggleComment);
    assert_eq!(editor.text(), "# if a:\n#     b\n\nc");
    editor.apply(Action::ToggleComment);
    assert_eq!(editor.text(), "if a:\n    b\n\nc");
    editor.apply(Action::Indent);
    assert_eq!(editor.text(), "    if a:\n        b\n\nc");
    assert_eq!(editor.selected().as_deref(), Some("    if a:\n        b\n"));
    editor.apply(Action::OutdentLines);
    editor.apply(Action::OutdentLines);
    assert_eq!(editor.text(), "if a:\nb\n\nc");
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "if a:\n    b\n\nc");
}

#[test]
fn a_cluster_is_one_character_to_the_cursor() {
    let mut editor = Editor::new("a👩\u{200d}👩\u{200d}👧e\u{301}b", Habits::default());
    go(&mut editor, Motion::End);
    for column in (0..4).rev() {
        go(&mut editor, Motion::Left);
        assert_eq!(editor.cursor(), (0, column));
    }
    go(&mut editor, Motion::Right);
    editor.apply(Action::Delete);
    assert_eq!(editor.text(), "ae\u{301}b");
    editor.apply(Action::Delete);
    assert_eq!(editor.text(), "ab");
}

#[test]
fn moving_up_and_down_keeps_the_column() {
    let mut editor = on("abcdef\n\tx\n日本語\nabcdef", (0, 5), Language::Python);
    go(&mut editor, Motion::Down);
    assert_eq!(editor.place(), Pos::new(1, 2));
    go(&mut editor, Motion::Down);
    assert_eq!(editor.place(), Pos::new(2, 6), "the middle of a wide character is that character");
    go(&mut editor, Motion::Down);
    assert_eq!(editor.place(), Pos::new(3, 5));
}

#[test]
fn undo_leads_back_to_what_was_saved() {
    let mut editor = Editor::new("a", Habits::default());
    let saved = editor.revision();
    editor.apply(Action::Insert('x'));
    let changed = editor.revision();
    assert_ne!(changed, saved);
    editor.apply(Action::Undo);
    assert_eq!(editor.revision(), saved);
    editor.apply(Action::Insert('y'));
    assert!(editor.revision() != saved && editor.revision() != changed);
}

#[test]
fn the_view_follows_the_cursor_and_can_be_scrolled_away() {
    let mut editor = Editor::new(&"x\n".repeat(100), Habits::default());
    editor.fit(10, 20);
    go(&mut editor, Motion::Line(50));
    editor.fit(10, 20);
    assert_eq!((editor.view(), editor.cursor_on_screen()), ((41, 0), Some((9, 5))));
    editor.apply(Action::Scroll(-30));
    editor.fit(10, 20);
    assert_eq!((editor.view(), editor.cursor_on_screen()), ((11, 0), None));
    editor.apply(Action::Click { row: 2, column: 6 });
    assert_eq!(editor.place(), Pos::new(13, 1));
    editor.apply(Action::Drag { row: 4, column: 5 });
    assert_eq!(editor.selected().as_deref(), Some("\nx\n"));
    go(&mut editor, Motion::PageDown);
    editor.fit(10, 20);
    assert_eq!((editor.place().row, editor.view().0), (24, 20));
}

#[test]
fn a_revision_from_elsewhere_is_one_change() {
    for (old, new) in
        [("a\nb\nc", "a\nX\nY\nc"), ("a", ""), ("", "a\nb"), ("a\n", "a"), ("a\nb", "b"), ("a", "a")]
    {
        let mut editor = Editor::new(old, Habits::default());
        editor.apply(Action::Revise(new.to_owned()));
        assert_eq!(editor.text(), new);
        editor.apply(Action::Undo);
        assert_eq!(editor.text(), old);
    }
}

#[test]
fn many_places_are_replaced_as_one_change() {
    let mut editor = Editor::new("a b a\na", Habits::default());
    let pattern = Pattern::new("a").unwrap();
    let pieces = pattern.all(editor.lines()).into_iter().map(|m| (m.from(), m.to(), "xyz".to_owned()));
    editor.apply(Action::Replace(pieces.collect()));
    assert_eq!(editor.text(), "xyz b xyz\nxyz");
    editor.apply(Action::Undo);
    assert_eq!(editor.text(), "a b a\na");
}

#[test]
fn all_that_is_replaced_in_a_row_is_one_edit() {
    let text = format!("{}\nb\n{}", "a-日-".repeat(1000), "xa".repeat(1000));
    let mut editor = Editor::new(&text, Habits::default());
    let all = Pattern::new("a").unwrap().all(editor.lines());
    let pieces = all.into_iter().map(|m| (m.from(), m.to(), "é\n".to_owned())).collect();
    editor.apply(Action::Replace(pieces));
    assert!(editor.text() == text.replace('a', "é\n"));
    assert_eq!(editor.place(), Pos::new(2002, 0));
    let step = editor.history.back().unwrap();
    assert_eq!(step.edits.len(), 2);
    editor.history.undone(step);
    let step = editor.history.again().unwrap();
    editor.history.redone(step);
    editor.apply(Action::Undo);
    assert!(editor.text() == text);
}

#[test]
fn backspace_takes_a_step_of_an_indent() {
    let after = |content: &str, at: usize| {
        let mut editor = on(content, (0, at), Language::Python);
        editor.apply(Action::Deselect);
        editor.apply(Action::Backspace);
        let text = editor.text();
        editor.apply(Action::Undo);
        assert_eq!(editor.text(), content, "not one step");
        text
    };
    assert_eq!(after("        x", 8), "    x");
    assert_eq!(after("      x", 6), "    x", "to the step before");
    assert_eq!(after("        x", 5), "       x", "what is behind the cursor stays");
    assert_eq!(after("    ", 4), "");
    assert_eq!(after("a    x", 5), "a   x");
    assert_eq!(after("\t    x", 5), "\t   x");
    let mut editor = on("a\n    b", (1, 0), Language::Python);
    editor.apply(Action::Backspace);
    assert_eq!(editor.text(), "a    b");
    // What is selected goes, and no more.
    editor.apply(Action::Revise("        x".to_owned()));
    editor.apply(Action::Select(Pos::new(0, 6), Pos::new(0, 7)));
    editor.apply(Action::Backspace);
    assert_eq!(editor.text(), "       x");
}

mod any {
    use proptest::prelude::*;

    use super::*;

    fn motion() -> impl Strategy<Value = Motion> {
        prop::sample::select(vec![
            Motion::Left,
            Motion::Right,
            Motion::Up,
            Motion::Down,
            Motion::WordLeft,
            Motion::WordRight,
            Motion::WordEnd,
            Motion::Home,
            Motion::FirstNonBlank,
            Motion::End,
            Motion::Top,
            Motion::Bottom,
            Motion::PageUp,
            Motion::PageDown,
            Motion::HalfPageUp,
            Motion::HalfPageDown,
            Motion::ParagraphUp,
            Motion::ParagraphDown,
            Motion::Bracket,
            Motion::Line(3),
            Motion::Line(900),
        ])
    }

    fn action() -> impl Strategy<Value = Action> {
        let text = "[a(){}\\[\\]:日é\u{301}👩\u{200d}👧# \t\r\n\\x1b]{0,12}";
        let place = || (0usize..9, 0usize..30).prop_map(|(row, byte)| Pos::new(row, byte));
        prop_oneof![
            4 => prop::sample::select("ab }日\u{301}\u{200d}(".chars().collect::<Vec<_>>()).prop_map(Action::Insert),
            4 => (motion(), any::<bool>()).prop_map(|(motion, select)| Action::Move { motion, select }),
            1 => motion().prop_map(Action::DeleteTo),
            2 => text.prop_map(Action::Paste),
            1 => text.prop_map(Action::Revise),
            1 => (text, any::<bool>()).prop_map(|(text, below)| Action::PasteLines { text, below }),
            1 => (place(), place()).prop_map(|(from, to)| Action::Select(from, to)),
            1 => (place(), 0usize..5, "[a日\n]{0,3}").prop_map(|(at, len, new)| {
                Action::Replace(vec![(at, Pos::new(at.row, at.byte + len), new)])
            }),
            1 => (0u16..12, 0u16..40).prop_map(|(row, column)| Action::Click { row, column }),
            1 => (0u16..12, 0u16..40).prop_map(|(row, column)| Action::Drag { row, column }),
            1 => (-5i16..5).prop_map(Action::Scroll),
            8 => prop::sample::select(vec![
                Action::Newline, Action::Indent, Action::Backspace, Action::Delete, Action::DeleteWord,
                Action::DeleteLines, Action::DuplicateLines, Action::MoveLinesUp, Action::MoveLinesDown,
                Action::JoinLines, Action::IndentLines, Action::OutdentLines, Action::ToggleComment,
                Action::OpenBelow, Action::OpenAbove, Action::SelectAll, Action::SelectWord, Action::SelectLine,
                Action::Deselect, Action::Undo, Action::Redo,
            ]),
        ]
    }

    fn is_place(editor: &Editor, at: Pos) -> bool {
        editor.lines().get(at.row).is_some_and(|line| line.is_char_boundary(at.byte))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_indent_that_was_made_comes_off_whole(
            blocks in 0usize..6,
            tabs in 0usize..6,
            language in prop::sample::select(vec![Language::Python, Language::TypeScript, Language::Go]),
        ) {
            let mut editor = Editor::new("", of(language));
            for _ in 0..blocks {
                typed(&mut editor, "x (\n");
            }
            for _ in 0..tabs {
                editor.apply(Action::Indent);
            }
            for _ in 0..blocks + tabs {
                prop_assert!(editor.cursor().1 > 0);
                editor.apply(Action::Backspace);
            }
            prop_assert_eq!(editor.cursor(), (blocks, 0));
        }

        #[test]
        fn whatever_is_replaced_is_what_pieces_one_by_one_would_make(
            text in "[ab日\n]{0,40}",
            new in "[x日\n]{0,3}",
        ) {
            let pattern = Pattern::new("a").unwrap();
            let mut editor = Editor::new(&text, Habits::default());
            let pieces: Vec<_> =
                pattern.all(editor.lines()).into_iter().map(|m| (m.from(), m.to(), new.clone())).collect();
            let mut one_by_one = Editor::new(&text, Habits::default());
            for piece in pieces.iter().rev() {
                one_by_one.apply(Action::Replace(vec![piece.clone()]));
            }
            editor.apply(Action::Replace(pieces));
            prop_assert_eq!(editor.text(), one_by_one.text());
            editor.apply(Action::Undo);
            prop_assert_eq!(editor.text(), Editor::new(&text, Habits::default()).text());
        }

        #[test]
        fn whatever_is_done_can_be_undone_and_done_again(
            first in "[a日{: \t\n]{0,20}",
            actions in prop::collection::vec(action(), 0..40),
            go in any::<bool>(),
        ) {
            let language = if go { Language::Go } else { Language::Python };
            let mut editor = Editor::new(&first, of(language));
            let mut texts = std::collections::HashMap::from([(editor.revision(), editor.text())]);
            for action in actions {
                let (lines, version) = (editor.lines().to_vec(), editor.version());
                let changes = action.changes();
                editor.apply(action);
                editor.fit(5, 20);
                prop_assert!(is_place(&editor, editor.place()));
                if let Some((from, to)) = editor.selection() {
                    prop_assert!(is_place(&editor, from) && is_place(&editor, to));
                }
                let clean = !editor.text().contains(['\r', '\u{1b}']);
                prop_assert!(clean);
                // A revision is a text, and what was kept is as it was.
                prop_assert_eq!(texts.entry(editor.revision()).or_insert_with(|| editor.text()), &editor.text());
                let now = editor.lines();
                prop_assert!(changes || now == lines);
                let kept = editor.kept_since(version).unwrap();
                let most = lines.len().min(now.len());
                let (head, tail) = (kept.head.min(most), kept.tail.min(most));
                prop_assert_eq!(&now[..head], &lines[..head]);
                prop_assert_eq!(&now[now.len() - tail..], &lines[lines.len() - tail..]);
            }
            // A last change, after which nothing is left to be done again.
            editor.apply(Action::Paste("z".to_owned()));
            let last = editor.text();
            for _ in 0..60 {
                editor.apply(Action::Undo);
            }
            let first = Editor::new(&first, of(language)).text();
            prop_assert_eq!(editor.text(), first);
            for _ in 0..60 {
                editor.apply(Action::Redo);
            }
            prop_assert_eq!(editor.text(), last);
        }
    }
}
