//! The text being edited: what can be done to it, its selection, its undo, and which part of it is shown.
//!
//! Knows nothing of keys, files or colours.

mod blocks;
mod find;
mod history;
mod lines;
mod motion;
#[cfg(test)]
mod tests;
mod view;

use std::collections::VecDeque;

use super::text;
use history::{Edit, History, Kind, Moment, Step};
use lines::{Lines, next};
use view::View;

pub(crate) use find::{MOST as MOST_MATCHES, Match, Pattern};
pub(crate) use lines::{Pos, cells, column, placed_from};
pub(crate) use motion::Motion;

/// How many changes are remembered for those who follow them.
const CHANGES: usize = 256;

/// Something done to the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Insert(char),
    Newline,
    /// One step of indentation: of the lines where several are selected, else at the cursor.
    Indent,
    Backspace,
    Delete,
    /// The word before the cursor.
    DeleteWord,
    /// What is between the cursor and where a motion leads.
    DeleteTo(Motion),
    DeleteLines,
    DuplicateLines,
    MoveLinesUp,
    MoveLinesDown,
    JoinLines,
    IndentLines,
    OutdentLines,
    ToggleComment,
    /// A new line below this one, or above it, indented as it is.
    OpenBelow,
    OpenAbove,
    Move {
        motion: Motion,
        select: bool,
    },
    Paste(String),
    /// Whole lines, above the cursor's or below it.
    PasteLines {
        text: String,
        below: bool,
    },
    SelectAll,
    SelectWord,
    /// The cursor's line; if it is selected already, the next one too.
    SelectLine,
    /// Selects from one place to another; the cursor goes there.
    Select(Pos, Pos),
    /// Nothing is selected any more.
    Deselect,
    /// Replaces what is between two places, some such from the first to the last, as one change.
    Replace(Vec<(Pos, Pos, String)>),
    /// Makes this the whole text, as one change.
    Revise(String),
    Undo,
    Redo,
    /// Puts the cursor at a row and column of the drawn text, counted from its top left corner.
    Click {
        row: u16,
        column: u16,
    },
    /// The same, selecting from where the cursor was.
    Drag {
        row: u16,
        column: u16,
    },
    /// Moves the view by so many rows.
    Scroll(i16),
}

impl Action {
    /// Whether it may make the text another one.
    pub(crate) fn changes(&self) -> bool {
        !matches!(
            self,
            Self::Move { .. }
                | Self::SelectAll
                | Self::SelectWord
                | Self::SelectLine
                | Self::Select(..)
                | Self::Deselect
                | Self::Click { .. }
                | Self::Drag { .. }
                | Self::Scroll(_)
        )
    }
}

/// How the people of a language write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Cells of one step of indentation, and of a tab.
    pub(crate) indent: usize,
    /// A step is a tab.
    pub(crate) hard_tabs: bool,
    /// What begins a comment that ends with the line.
    pub(crate) comment: Option<&'static str>,
}

impl Default for Habits {
    fn default() -> Self {
        Self { indent: 4, hard_tabs: false, comment: None }
    }
}

impl Habits {
    /// One step of indentation.
    fn step(&self) -> String {
        if self.hard_tabs { "\t".to_owned() } else { " ".repeat(self.indent) }
    }
}

/// The lines at both ends of a text that are what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) head: usize,
    pub(crate) tail: usize,
}

/// A text with a cursor, a selection, an undo history and a view.
#[derive(Debug)]
pub(crate) struct Editor {
    lines: Lines,
    cursor: Pos,
    /// Where the selection begins.
    anchor: Option<Pos>,
    /// The column that moving up and down keeps.
    goal: Option<usize>,
    history: History,
    /// What the change being made has done so far.
    recording: Vec<Edit>,
    /// Which text this is: an undone change leads back to the number before it.
    revision: u64,
    /// The highest revision so far.
    newest: u64,
    /// So often the text became another one.
    version: u64,
    /// What each of the last versions has kept of the one before.
    kept: VecDeque<Kept>,
    keeps: Option<Kept>,
    habits: Habits,
    view: View,
}

impl Editor {
    pub(crate) fn new(content: &str, habits: Habits) -> Self {
        let mut editor = Self {
            lines: Lines::of(""),
            cursor: Pos::default(),
            anchor: None,
            goal: None,
            history: History::default(),
            recording: Vec::new(),
            revision: 0,
            newest: 0,
            version: 0,
            kept: VecDeque::new(),
            keeps: None,
            habits,
            view: View::default(),
        };
        editor.replace(content, habits);
        editor
    }

    /// Begins anew with another text: no undo leads back.
    pub(crate) fn replace(&mut self, content: &str, habits: Habits) {
        self.lines = Lines::of(&text::sanitise_lines(content));
        self.history.clear();
        (self.cursor, self.anchor, self.goal) = (Pos::default(), None, None);
        self.view.begin();
        self.kept.clear();
        self.version += 1;
        self.newest += 1;
        self.revision = self.newest;
        self.habits = habits;
    }

    pub(crate) fn set_habits(&mut self, habits: Habits) {
        self.habits = habits;
    }

    pub(crate) fn habits(&self) -> Habits {
        self.habits
    }

    pub(crate) fn text(&self) -> String {
        self.lines.all().join("\n")
    }

    pub(crate) fn lines(&self) -> &[String] {
        self.lines.all()
    }

    /// Row and character of the cursor, from 0.
    pub(crate) fn cursor(&self) -> (usize, usize) {
        (self.cursor.row, lines::count(self.lines.line(self.cursor.row), self.cursor.byte))
    }

    pub(crate) fn place(&self) -> Pos {
        self.cursor
    }

    /// Both ends of what is selected, the first one first.
    pub(crate) fn selection(&self) -> Option<(Pos, Pos)> {
        let anchor = self.anchor.filter(|anchor| *anchor != self.cursor)?;
        Some((anchor.min(self.cursor), anchor.max(self.cursor)))
    }

    /// The text that is selected.
    pub(crate) fn selected(&self) -> Option<String> {
        self.selection().map(|(from, to)| self.lines.slice(from, to))
    }

    /// The text from the cursor to where a motion leads.
    pub(crate) fn text_to(&self, motion: Motion) -> String {
        let to = motion::target(&self.lines, self.cursor, motion).unwrap_or(self.cursor);
        self.lines.slice(self.cursor.min(to), self.cursor.max(to))
    }

    /// The lines that the selection touches, or the cursor's, each with its end.
    pub(crate) fn touched_lines(&self) -> String {
        let rows = self.rows();
        let lines = self.lines.all().get(rows).unwrap_or_default();
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Which text this is.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Grows whenever the text becomes another one.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// What is still as it was in this version; `None`: that is not known any more.
    pub(crate) fn kept_since(&self, version: u64) -> Option<Kept> {
        let steps = usize::try_from(self.version.checked_sub(version)?).ok()?;
        let first = self.kept.len().checked_sub(steps)?;
        let whole = Kept { head: usize::MAX, tail: usize::MAX };
        let join = |a: Kept, b: &Kept| Kept { head: a.head.min(b.head), tail: a.tail.min(b.tail) };
        Some(self.kept.iter().skip(first).fold(whole, join))
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.lines.all().iter().all(|line| line.trim().is_empty())
    }

    /// The bracket at the cursor and its partner.
    pub(crate) fn brackets(&self) -> Option<(Pos, Pos)> {
        let at = motion::bracket_at(&self.lines, self.cursor)?;
        Some((at, motion::partner(&self.lines, at)?))
    }

    pub(crate) fn apply(&mut self, action: Action) {
        if !matches!(action, Action::Scroll(_)) {
            self.view.follow();
        }
        match action {
            Action::Insert(c) => self.insert(c),
            Action::Newline => self.newline(),
            Action::Backspace => self.backspace(),
            Action::Delete => self.erase(Kind::Erase, Motion::Right),
            Action::DeleteWord => self.erase(Kind::Other, Motion::WordLeft),
            Action::DeleteTo(motion) => self.erase(Kind::Other, motion),
            Action::Paste(pasted) => {
                let pasted = text::sanitise_lines(&pasted);
                self.step(Kind::Other, |editor| editor.type_over(&pasted));
            }
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::Move { motion, select } => self.go(motion, select),
            Action::SelectAll => self.select(Pos::default(), self.lines.last()),
            Action::SelectWord => {
                let (from, to) = motion::word_around(&self.lines, self.cursor);
                self.select(from, to);
            }
            Action::Select(from, to) => self.select(self.lines.clamp(from), self.lines.clamp(to)),
            Action::Deselect => self.settle(),
            Action::Replace(pieces) => self.replace_pieces(pieces),
            Action::Revise(text) => self.revise(&text),
            Action::Click { row, column } => {
                self.settle();
                self.cursor = self.place_at(row, column);
            }
            Action::Drag { row, column } => {
                let from = self.anchor.unwrap_or(self.cursor);
                self.select(from, self.place_at(row, column));
            }
            Action::Scroll(rows) => self.view.scroll(rows, self.lines.count()),
            Action::Indent
            | Action::DeleteLines
            | Action::DuplicateLines
            | Action::MoveLinesUp
            | Action::MoveLinesDown
            | Action::JoinLines
            | Action::IndentLines
            | Action::OutdentLines
            | Action::ToggleComment
            | Action::OpenBelow
            | Action::OpenAbove
            | Action::PasteLines { .. }
            | Action::SelectLine => self.apply_to_lines(action),
        }
    }

    fn moment(&self) -> Moment {
        Moment { cursor: self.cursor, anchor: self.anchor, revision: self.revision }
    }

    /// Makes a change that can be undone; several of one kind in a row are one.
    fn step(&mut self, kind: Kind, act: impl FnOnce(&mut Self)) {
        let before = self.moment();
        act(self);
        self.goal = None;
        let edits = std::mem::take(&mut self.recording);
        if edits.is_empty() {
            return;
        }
        self.newest += 1;
        self.revision = self.newest;
        self.changed();
        self.history.push(kind, Step { edits, before, after: self.moment() });
    }

    /// Replaces what is between two places, within a change, and gives where the new text ends.
    fn put(&mut self, from: Pos, to: Pos, new: &str) -> Pos {
        if from == to && new.is_empty() {
            return from;
        }
        let removed = self.splice(from, to, new);
        self.recording.push(Edit { from, removed, inserted: new.to_owned() });
        from.after(new)
    }

    fn splice(&mut self, from: Pos, to: Pos, new: &str) -> String {
        let removed = self.lines.splice(from, to, new);
        let tail = self.lines.count() - from.after(new).row - 1;
        let kept = self.keeps.get_or_insert(Kept { head: from.row, tail });
        *kept = Kept { head: kept.head.min(from.row), tail: kept.tail.min(tail) };
        removed
    }

    /// The text is another one now.
    fn changed(&mut self) {
        self.version += 1;
        self.kept.extend(self.keeps.take());
        if self.kept.len() > CHANGES {
            self.kept.pop_front();
        }
    }

    fn undo(&mut self) {
        let Some(step) = self.history.back() else { return };
        for edit in step.edits.iter().rev() {
            self.splice(edit.from, edit.from.after(&edit.inserted), &edit.removed);
        }
        self.restore(step.before);
        self.history.undone(step);
    }

    fn redo(&mut self) {
        let Some(step) = self.history.again() else { return };
        for edit in &step.edits {
            self.splice(edit.from, edit.from.after(&edit.removed), &edit.inserted);
        }
        self.restore(step.after);
        self.history.redone(step);
    }

    fn restore(&mut self, moment: Moment) {
        (self.cursor, self.anchor, self.revision) = (moment.cursor, moment.anchor, moment.revision);
        self.goal = None;
        self.changed();
    }

    /// Nothing is selected, and what is typed next is a change of its own.
    fn settle(&mut self) {
        (self.anchor, self.goal) = (None, None);
        self.history.close();
    }

    fn select(&mut self, from: Pos, to: Pos) {
        self.settle();
        (self.anchor, self.cursor) = (Some(from), to);
    }

    /// Puts a text in the place of what is selected, or at the cursor, within a change.
    fn type_over(&mut self, new: &str) {
        let (from, to) = self.selection().unwrap_or((self.cursor, self.cursor));
        self.anchor = None;
        self.cursor = self.put(from, to, new);
    }

    fn insert(&mut self, c: char) {
        let c = text::visible(c);
        let step = if self.habits.hard_tabs { 1 } else { self.habits.indent };
        let from = self.selection().map_or(self.cursor, |(from, _)| from);
        let before = self.lines.line(from.row).get(..from.byte).unwrap_or_default();
        // A closing bracket stands where the line that it closes begins.
        let closes = matches!(c, '}' | ')' | ']')
            && before.len() >= step
            && before.ends_with(&self.habits.step())
            && before.chars().all(|c| c == ' ' || c == '\t');
        let kind = match c {
            _ if closes => Kind::Other,
            c if c.is_whitespace() => Kind::Space,
            _ => Kind::Word,
        };
        self.step(kind, |editor| {
            editor.type_over("");
            if closes {
                let cursor = editor.cursor;
                let to = Pos::new(cursor.row, cursor.byte - step);
                editor.cursor = editor.put(to, cursor, "");
            }
            editor.type_over(c.encode_utf8(&mut [0; 4]));
        });
    }

    /// A new line, indented as this one, and one step more after an opening bracket or colon.
    fn newline(&mut self) {
        let from = self.selection().map_or(self.cursor, |(from, _)| from);
        let before = self.lines.line(from.row).get(..from.byte).unwrap_or_default();
        let indent = self.indentation_after(before);
        self.step(Kind::Other, |editor| editor.type_over(&format!("\n{indent}")));
    }

    /// How a line is indented that follows this text.
    fn indentation_after(&self, before: &str) -> String {
        let mut indent = lines::indentation(before).to_owned();
        if before.trim_end().ends_with(['{', '(', '[', ':']) {
            indent += &self.habits.step();
        }
        indent
    }

    /// The character before the cursor; of an indent made of spaces, what is more than whole steps.
    fn backspace(&mut self) {
        let Pos { row, byte } = self.cursor;
        let before = self.lines.line(row).get(..byte).unwrap_or_default();
        if self.selection().is_some() || byte == 0 || before.bytes().any(|b| b != b' ') {
            return self.erase(Kind::Erase, Motion::Left);
        }
        let to = (byte - 1) - (byte - 1) % self.habits.indent.max(1);
        self.cut(Kind::Erase, Pos::new(row, to), self.cursor);
    }

    /// Erases what is selected, or what is between the cursor and where a motion leads.
    fn erase(&mut self, kind: Kind, motion: Motion) {
        let (from, to) = match self.selection() {
            Some(selected) => selected,
            None => {
                let to = motion::target(&self.lines, self.cursor, motion).unwrap_or(self.cursor);
                (self.cursor.min(to), self.cursor.max(to))
            }
        };
        self.cut(kind, from, to);
    }

    fn cut(&mut self, kind: Kind, from: Pos, to: Pos) {
        self.step(kind, |editor| {
            editor.anchor = None;
            editor.cursor = editor.put(from, to, "");
        });
    }

    fn replace_pieces(&mut self, pieces: Vec<(Pos, Pos, String)>) {
        self.step(Kind::Other, |editor| {
            editor.anchor = None;
            let mut end: Option<Pos> = None;
            // From the last to the first: those before stay where they are.
            for (from, to, new) in editor.by_row(pieces).into_iter().rev() {
                let after = editor.put(from, to, &new);
                match &mut end {
                    // What makes more rows of one moves the place below it.
                    Some(end) => end.row = (end.row + after.row).saturating_sub(to.row),
                    None => end = Some(after),
                }
            }
            editor.cursor = editor.lines.clamp(end.unwrap_or(editor.cursor));
        });
    }

    /// Makes one of all pieces in a row, with what stands between them: each edit copies the rest of its row.
    fn by_row(&self, pieces: Vec<(Pos, Pos, String)>) -> Vec<(Pos, Pos, String)> {
        let mut joined: Vec<(Pos, Pos, String)> = Vec::new();
        for (from, to, new) in pieces {
            let (from, to) = (self.lines.clamp(from), self.lines.clamp(to));
            match joined.last_mut().filter(|last| last.1.row == from.row && last.1 <= from && from <= to) {
                Some((_, until, text)) => {
                    let between = self.lines.line(from.row).get(until.byte..from.byte);
                    text.push_str(between.unwrap_or_default());
                    text.push_str(&new);
                    *until = to;
                }
                None => joined.push((from, to, new)),
            }
        }
        joined
    }

    fn revise(&mut self, text: &str) {
        let text = text::sanitise_lines(text);
        let new: Vec<&str> = text.split('\n').collect();
        let old = self.lines.all();
        let most = old.len().min(new.len());
        let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count().min(most - 1);
        let same = |pair: &(&String, &&str)| pair.0 == pair.1;
        let tail = old.iter().rev().zip(new.iter().rev()).take(most - head - 1).take_while(same).count();
        let last = old.len() - tail - 1;
        let (from, to) = (Pos::new(head, 0), Pos::new(last, self.lines.line(last).len()));
        let middle = new.get(head..new.len() - tail).unwrap_or_default().join("\n");
        if self.lines.slice(from, to) == middle {
            return;
        }
        self.step(Kind::Other, |editor| {
            editor.anchor = None;
            editor.put(from, to, &middle);
            editor.cursor = editor.lines.clamp(editor.cursor);
        });
    }

    fn go(&mut self, motion: Motion, select: bool) {
        let selected = self.selection();
        self.history.close();
        self.anchor = select.then(|| self.anchor.unwrap_or(self.cursor));
        self.cursor = match (motion::target(&self.lines, self.cursor, motion), selected) {
            // What was selected is left at that end of it.
            (Some(_), Some((from, _))) if !select && motion == Motion::Left => from,
            (Some(_), Some((_, to))) if !select && motion == Motion::Right => to,
            (Some(to), _) => {
                self.goal = None;
                to
            }
            (None, _) => self.by_rows(motion),
        };
        if matches!(motion, Motion::Left | Motion::Right) {
            self.goal = None;
        }
    }

    /// Some rows up or down, in the same column as far as that is there.
    fn by_rows(&mut self, motion: Motion) -> Pos {
        let page = self.view.page();
        let (rows, up) = match motion {
            Motion::Up => (1, true),
            Motion::PageUp => (page, true),
            Motion::PageDown => (page, false),
            Motion::HalfPageUp => ((page / 2).max(1), true),
            Motion::HalfPageDown => ((page / 2).max(1), false),
            _ => (1, false),
        };
        if rows > 1 {
            self.view.turn(rows, up, self.lines.count());
        }
        let tab = self.habits.indent;
        let (at, line) = (self.cursor, self.lines.line(self.cursor.row));
        let goal = self.goal.unwrap_or_else(|| column(line, at.byte, tab));
        self.goal = Some(goal);
        let row = if up { at.row.saturating_sub(rows) } else { (at.row + rows).min(self.lines.count() - 1) };
        match motion {
            Motion::Up if at.row == 0 => Pos::new(0, 0),
            Motion::Down if row == at.row => Pos::new(row, line.len()),
            _ => Pos::new(row, lines::byte_at(self.lines.line(row), goal, tab)),
        }
    }
}
