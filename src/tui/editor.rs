//! The text being edited: what can be done to it, and its undo.
//!
//! Hides the widget behind it, so that another could take its place. Knows nothing of keys, files or colours.

use ratatui::style::Style;
use ratatui_textarea::{CursorMove, Input, Key, Scrolling, TextArea};

use super::text;
use crate::protocol::Language;

/// How much text the undo history may hold, in bytes.
const HISTORY_BYTES: usize = 32 * 1024 * 1024;

/// Where the cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Left,
    Right,
    Up,
    Down,
    WordLeft,
    WordRight,
    Home,
    End,
    Top,
    Bottom,
    PageUp,
    PageDown,
}

/// Something done to the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Insert(char),
    Newline,
    /// One step of indentation.
    Indent,
    Backspace,
    Delete,
    DeleteWord,
    Move {
        motion: Motion,
        select: bool,
    },
    Paste(String),
    SelectAll,
    Undo,
    Redo,
    /// Puts the cursor at a row and column of the drawn text, counted from its top left corner.
    Click {
        row: u16,
        column: u16,
    },
    /// Moves the view by so many rows.
    Scroll(i16),
}

/// What kind of change the last one was: changes of one kind in a row are undone together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Space,
    Erase,
    Other,
}

/// The text and cursor at one moment.
#[derive(Clone, Debug)]
struct Snapshot {
    lines: Vec<String>,
    cursor: (usize, usize),
    bytes: usize,
}

/// The widget's styles.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) text: Style,
    pub(crate) gutter: Style,
    /// The line with the cursor.
    pub(crate) line: Style,
    pub(crate) selection: Style,
}

/// A text with a cursor, a selection and an undo history.
#[derive(Debug)]
pub(crate) struct Editor {
    area: TextArea<'static>,
    past: Vec<Snapshot>,
    future: Vec<Snapshot>,
    last: Option<Kind>,
    revision: u64,
    indent: usize,
    hard_tabs: bool,
    look: Look,
}

impl Editor {
    pub(crate) fn new(content: &str, language: Option<Language>) -> Self {
        let mut editor = Self {
            area: TextArea::default(),
            past: Vec::new(),
            future: Vec::new(),
            last: None,
            revision: 0,
            indent: 4,
            hard_tabs: false,
            look: Look::default(),
        };
        editor.replace(content, language);
        editor
    }

    /// Begins anew with another text: no undo leads back.
    pub(crate) fn replace(&mut self, content: &str, language: Option<Language>) {
        let content = text::sanitise_lines(content);
        self.area = TextArea::from(content.split('\n').map(str::to_owned));
        // Undo is ours: the widget's takes back one character at a time.
        self.area.set_max_histories(0);
        self.set_look(self.look);
        self.past.clear();
        self.future.clear();
        self.last = None;
        self.revision += 1;
        self.set_language(language);
    }

    /// Indents as the language's people do.
    pub(crate) fn set_language(&mut self, language: Option<Language>) {
        self.hard_tabs = language == Some(Language::Go);
        self.indent = match language {
            Some(Language::JavaScript | Language::TypeScript) => 2,
            _ => 4,
        };
        self.area.set_tab_length(u8::try_from(self.indent).unwrap_or(4));
        self.area.set_hard_tab_indent(self.hard_tabs);
    }

    pub(crate) fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Row and character of the cursor, from 0.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Grows with every change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.area.lines().iter().all(|line| line.trim().is_empty())
    }

    /// The widget, to draw it.
    pub(crate) fn area(&self) -> &TextArea<'static> {
        &self.area
    }

    pub(crate) fn set_look(&mut self, look: Look) {
        self.look = look;
        self.area.set_style(look.text);
        self.area.set_line_number_style(look.gutter);
        self.area.set_cursor_line_style(look.line);
        self.area.set_selection_style(look.selection);
        // The terminal's own cursor stands there.
        self.area.set_cursor_style(Style::default());
    }

    pub(crate) fn apply(&mut self, action: Action) {
        match action {
            Action::Insert(c) => self.insert(c),
            Action::Newline => self.newline(),
            Action::Indent => self.change(Kind::Other, TextArea::insert_tab),
            Action::Backspace => self.change(Kind::Erase, TextArea::delete_char),
            Action::Delete => self.change(Kind::Erase, TextArea::delete_next_char),
            Action::DeleteWord => self.change(Kind::Other, TextArea::delete_word),
            Action::Paste(pasted) => {
                let pasted = text::sanitise_lines(&pasted);
                self.change(Kind::Other, |area| area.insert_str(&pasted));
            }
            Action::SelectAll => self.area.select_all(),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::Move { motion, select } => self.go(motion, select),
            Action::Click { row, column } => self.click(row, column),
            Action::Scroll(rows) => self.area.scroll(Scrolling::Delta { rows, cols: 0 }),
        }
    }

    /// Makes a change that can be undone; several of one kind in a row are one.
    fn change(&mut self, kind: Kind, act: impl FnOnce(&mut TextArea<'static>) -> bool) {
        let joins = kind != Kind::Other && self.last == Some(kind) && !self.area.is_selecting();
        let before = (!joins).then(|| self.snapshot());
        if !act(&mut self.area) {
            return;
        }
        if let Some(before) = before {
            self.past.push(before);
            let mut bytes: usize = self.past.iter().map(|s| s.bytes).sum();
            while bytes > HISTORY_BYTES && self.past.len() > 1 {
                bytes -= self.past.remove(0).bytes;
            }
        }
        self.future.clear();
        self.last = Some(kind);
        self.revision += 1;
    }

    fn snapshot(&self) -> Snapshot {
        let lines = self.area.lines().to_vec();
        let bytes = lines.iter().map(|l| l.len() + std::mem::size_of::<String>()).sum();
        Snapshot { lines, cursor: self.cursor(), bytes }
    }

    fn undo(&mut self) {
        if let Some(snapshot) = self.past.pop() {
            self.future.push(self.snapshot());
            self.restore(&snapshot);
        }
    }

    fn redo(&mut self) {
        if let Some(snapshot) = self.future.pop() {
            self.past.push(self.snapshot());
            self.restore(&snapshot);
        }
    }

    fn restore(&mut self, snapshot: &Snapshot) {
        // Replacing the selected text keeps the view where it is; a new widget would jump to the top.
        self.area.select_all();
        if !self.area.insert_str(snapshot.lines.join("\n")) {
            self.area.delete_char();
        }
        self.area.cancel_selection();
        self.jump(snapshot.cursor);
        self.last = None;
        self.revision += 1;
    }

    pub(crate) fn jump(&mut self, (row, column): (usize, usize)) {
        let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(short(row), short(column)));
    }

    /// What stands before the cursor in its line.
    fn before_cursor(&self) -> &str {
        let (row, column) = self.cursor();
        let line = self.area.lines().get(row).map_or("", String::as_str);
        let end = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        line.get(..end).unwrap_or_default()
    }

    fn insert(&mut self, c: char) {
        let c = text::visible(c);
        let step = if self.hard_tabs { 1 } else { self.indent };
        let before = self.before_cursor();
        let closes = matches!(c, '}' | ')' | ']')
            && before.len() >= step
            && before.chars().all(|c| c == ' ' || c == '\t');
        let kind = match c {
            _ if closes => Kind::Other,
            c if c.is_whitespace() => Kind::Space,
            _ => Kind::Word,
        };
        self.change(kind, |area| {
            for _ in 0..if closes { step } else { 0 } {
                area.delete_char();
            }
            area.input_without_shortcuts(Input { key: Key::Char(c), ..Input::default() })
        });
    }

    /// A new line, indented as this one, and one step more after an opening bracket or colon.
    fn newline(&mut self) {
        let before = self.before_cursor();
        let mut indent: String = before.chars().take_while(|c| *c == ' ' || *c == '\t').collect();
        if before.trim_end().ends_with(['{', '(', '[', ':']) {
            indent.push_str(&if self.hard_tabs { "\t".to_owned() } else { " ".repeat(self.indent) });
        }
        self.change(Kind::Other, |area| {
            area.insert_newline();
            area.insert_str(&indent);
            true
        });
    }

    fn go(&mut self, motion: Motion, select: bool) {
        match (select, self.area.is_selecting()) {
            (true, false) => self.area.start_selection(),
            (false, true) => self.area.cancel_selection(),
            _ => {}
        }
        self.last = None;
        let step = match motion {
            Motion::Left => CursorMove::Back,
            Motion::Right => CursorMove::Forward,
            Motion::Up => CursorMove::Up,
            Motion::Down => CursorMove::Down,
            Motion::WordLeft => CursorMove::WordBack,
            Motion::WordRight => CursorMove::WordForward,
            Motion::Home => CursorMove::Head,
            Motion::End => CursorMove::End,
            Motion::Top => CursorMove::Top,
            Motion::Bottom => CursorMove::Bottom,
            Motion::PageUp => return self.area.scroll(Scrolling::PageUp),
            Motion::PageDown => return self.area.scroll(Scrolling::PageDown),
        };
        self.area.move_cursor(step);
    }

    fn click(&mut self, row: u16, column: u16) {
        let (top, left) = self.area.scroll_offset();
        let column = usize::from(column + left).saturating_sub(usize::from(self.area.line_number_width()));
        let at = self.area.screen_to_data(usize::from(row + top), column);
        self.area.cancel_selection();
        self.last = None;
        self.jump((at.0, at.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(editor: &mut Editor, keys: &str) {
        for c in keys.chars() {
            editor.apply(if c == '\n' { Action::Newline } else { Action::Insert(c) });
        }
    }

    #[test]
    fn undo_takes_words_and_redo_brings_them_back() {
        let mut editor = Editor::new("", None);
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
        let mut editor = Editor::new("", Some(Language::TypeScript));
        typed(&mut editor, "if (a) {\nb();\n}\nc");
        assert_eq!(editor.text(), "if (a) {\n  b();\n}\nc");
        let mut editor = Editor::new("", Some(Language::Python));
        typed(&mut editor, "def f():\nreturn 1");
        assert_eq!(editor.text(), "def f():\n    return 1");
        let mut editor = Editor::new("", Some(Language::Go));
        typed(&mut editor, "func f() {\nx()\n}");
        assert_eq!(editor.text(), "func f() {\n\tx()\n}");
    }

    #[test]
    fn a_paste_is_one_change_without_controls() {
        let mut editor = Editor::new("", None);
        editor.apply(Action::Paste("a\r\nb\x1b[31m\n".to_owned()));
        assert_eq!(editor.text(), "a\nb\u{241b}[31m\n");
        editor.apply(Action::Undo);
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn a_selection_is_replaced_and_undone_at_once() {
        let mut editor = Editor::new("one two", None);
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
        let mut editor = Editor::new("a", None);
        let before = editor.revision();
        editor.apply(Action::Backspace);
        editor.apply(Action::Undo);
        editor.apply(Action::Redo);
        assert_eq!((editor.text().as_str(), editor.revision()), ("a", before));
    }

    #[test]
    fn undo_to_an_empty_text() {
        let mut editor = Editor::new("", None);
        editor.apply(Action::Paste("abc".to_owned()));
        editor.apply(Action::Undo);
        assert_eq!(editor.text(), "");
        editor.apply(Action::Redo);
        assert_eq!(editor.text(), "abc");
    }
}
