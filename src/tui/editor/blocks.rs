//! What is done to whole lines: those that the selection touches, or the cursor's.

use std::ops::Range;

use super::history::Kind;
use super::lines::{column, indentation};
use super::{Action, Editor, Pos, text};

impl Editor {
    /// The lines that the selection touches; not one at whose very beginning it ends.
    pub(super) fn rows(&self) -> Range<usize> {
        match self.selection() {
            None => self.cursor.row..self.cursor.row + 1,
            Some((from, to)) if to.byte == 0 => from.row..to.row,
            Some((from, to)) => from.row..to.row + 1,
        }
    }

    pub(super) fn apply_to_lines(&mut self, action: Action) {
        match action {
            Action::Indent => match self.selection() {
                Some((from, to)) if from.row < to.row => self.indent_lines(),
                _ => self.indent_here(),
            },
            Action::IndentLines => self.indent_lines(),
            Action::OutdentLines => self.outdent_lines(),
            Action::ToggleComment => self.toggle_comment(),
            Action::DeleteLines => self.delete_lines(),
            Action::DuplicateLines => {
                let rows = self.rows();
                self.step(Kind::Other, |editor| {
                    let lines = editor.joined(&rows);
                    let end = editor.end_of(rows.end - 1);
                    editor.put(end, end, &format!("\n{lines}"));
                    editor.shift_rows(|row| row + rows.len());
                });
            }
            Action::MoveLinesUp => self.move_lines(true),
            Action::MoveLinesDown => self.move_lines(false),
            Action::JoinLines => self.join_lines(),
            Action::OpenBelow | Action::OpenAbove => self.open(action == Action::OpenBelow),
            Action::PasteLines { text, below } => self.paste_lines(&text, below),
            Action::SelectLine => {
                let from =
                    self.selection().map_or(Pos::new(self.cursor.row, 0), |(from, _)| Pos::new(from.row, 0));
                let next = self.cursor.row + 1;
                let to = if next < self.lines.count() { Pos::new(next, 0) } else { self.lines.last() };
                self.select(from, to);
            }
            _ => {}
        }
    }

    fn end_of(&self, row: usize) -> Pos {
        Pos::new(row, self.lines.line(row).len())
    }

    fn joined(&self, rows: &Range<usize>) -> String {
        self.lines.all().get(rows.clone()).unwrap_or_default().join("\n")
    }

    /// Moves the cursor and the selection's beginning to other rows, in the same places there.
    fn shift_rows(&mut self, to: impl Fn(usize) -> usize) {
        let moved = |at: Pos| Pos::new(to(at.row), at.byte);
        (self.cursor, self.anchor) = (moved(self.cursor), self.anchor.map(moved));
    }

    /// Replaces a piece of one line, and keeps the cursor and the selection's beginning at their characters.
    fn put_in_line(&mut self, row: usize, bytes: Range<usize>, new: &str) {
        let moved = |at: Pos| match at {
            at if at.row != row || at.byte < bytes.start => at,
            at if at.byte >= bytes.end => Pos::new(row, at.byte - bytes.len() + new.len()),
            _ => Pos::new(row, bytes.start),
        };
        // A selection that begins before the first character begins before what is put there.
        let anchor = self.anchor.map(|at| if at.byte == 0 && at < self.cursor { at } else { moved(at) });
        let cursor = moved(self.cursor);
        self.put(Pos::new(row, bytes.start), Pos::new(row, bytes.end), new);
        (self.cursor, self.anchor) = (cursor, anchor);
    }

    /// Blanks up to the next step of indentation.
    fn indent_here(&mut self) {
        let at = self.selection().map_or(self.cursor, |(from, _)| from);
        let width = self.habits.indent.max(1);
        let new = match self.habits.hard_tabs {
            true => "\t".to_owned(),
            false => " ".repeat(width - column(self.lines.line(at.row), at.byte, width) % width),
        };
        self.step(Kind::Other, |editor| editor.type_over(&new));
    }

    fn indent_lines(&mut self) {
        let (rows, step) = (self.rows(), self.habits.step());
        self.step(Kind::Other, |editor| {
            for row in rows {
                if !editor.lines.line(row).trim().is_empty() {
                    editor.put_in_line(row, 0..0, &step);
                }
            }
        });
    }

    fn outdent_lines(&mut self) {
        let (rows, width) = (self.rows(), self.habits.indent);
        self.step(Kind::Other, |editor| {
            for row in rows {
                let blanks = indentation(editor.lines.line(row));
                let spaces = blanks.len() - blanks.trim_start_matches(' ').len();
                let take = if blanks.starts_with('\t') { 1 } else { spaces.min(width) };
                editor.put_in_line(row, 0..take, "");
            }
        });
    }

    /// Makes the lines comments, or code again if they all are comments.
    fn toggle_comment(&mut self) {
        let Some(mark) = self.habits.comment else { return };
        let rows: Vec<usize> = self.rows().filter(|row| !self.lines.line(*row).trim().is_empty()).collect();
        let is_comment = |row: &usize| self.lines.line(*row).trim_start().starts_with(mark);
        let uncomment = rows.iter().all(is_comment);
        let least = rows.iter().map(|row| indentation(self.lines.line(*row)).len()).min().unwrap_or(0);
        self.step(Kind::Other, |editor| {
            for row in rows {
                let line = editor.lines.line(row);
                if uncomment {
                    let from = indentation(line).len();
                    let rest = line.get(from + mark.len()..).unwrap_or_default();
                    let to = from + mark.len() + usize::from(rest.starts_with(' '));
                    editor.put_in_line(row, from..to, "");
                } else {
                    editor.put_in_line(row, least..least, &format!("{mark} "));
                }
            }
        });
    }

    fn delete_lines(&mut self) {
        let rows = self.rows();
        self.step(Kind::Other, |editor| {
            let (from, to) = if rows.end < editor.lines.count() {
                (Pos::new(rows.start, 0), Pos::new(rows.end, 0))
            } else {
                let from = rows.start.checked_sub(1).map_or(Pos::default(), |above| editor.end_of(above));
                (from, editor.lines.last())
            };
            editor.anchor = None;
            editor.put(from, to, "");
            let row = rows.start.min(editor.lines.count() - 1);
            editor.cursor = Pos::new(row, indentation(editor.lines.line(row)).len());
        });
    }

    fn move_lines(&mut self, up: bool) {
        let rows = self.rows();
        let all = match up {
            true if rows.start > 0 => rows.start - 1..rows.end,
            false if rows.end < self.lines.count() => rows.start..rows.end + 1,
            _ => return,
        };
        self.step(Kind::Other, |editor| {
            let block = editor.joined(&rows);
            let other = editor.lines.line(if up { all.start } else { all.end - 1 }).to_owned();
            let new = if up { format!("{block}\n{other}") } else { format!("{other}\n{block}") };
            let last = editor.end_of(all.end - 1);
            editor.put(Pos::new(all.start, 0), last, &new);
            editor.shift_rows(|row| if up { row - 1 } else { row + 1 });
            // A selection may end at the beginning of a line that is not there any more.
            editor.cursor = editor.lines.clamp(editor.cursor);
            editor.anchor = editor.anchor.map(|at| editor.lines.clamp(at));
        });
    }

    /// The lines become one, with a space in the place of each end; one line is joined with the next.
    fn join_lines(&mut self) {
        let rows = self.rows();
        let joins = rows.len().max(2) - 1;
        self.step(Kind::Other, |editor| {
            editor.anchor = None;
            for _ in 0..joins {
                if rows.start + 1 >= editor.lines.count() {
                    break;
                }
                let (line, next) = (editor.lines.line(rows.start), editor.lines.line(rows.start + 1));
                let from = Pos::new(rows.start, line.trim_end().len());
                let to = Pos::new(rows.start + 1, indentation(next).len());
                let blank = from.byte == 0 || next.trim().is_empty();
                editor.put(from, to, if blank { "" } else { " " });
                editor.cursor = from;
            }
        });
    }

    fn open(&mut self, below: bool) {
        let row = self.cursor.row;
        let line = self.lines.line(row);
        let indent = if below { self.indentation_after(line) } else { indentation(line).to_owned() };
        self.step(Kind::Other, |editor| {
            editor.anchor = None;
            if below {
                let end = editor.end_of(row);
                editor.cursor = editor.put(end, end, &format!("\n{indent}"));
            } else {
                editor.put(Pos::new(row, 0), Pos::new(row, 0), &format!("{indent}\n"));
                editor.cursor = Pos::new(row, indent.len());
            }
        });
    }

    fn paste_lines(&mut self, pasted: &str, below: bool) {
        let pasted = text::sanitise_lines(pasted);
        let pasted = pasted.strip_suffix('\n').unwrap_or(&pasted);
        let row = self.cursor.row;
        self.step(Kind::Other, |editor| {
            editor.anchor = None;
            let row = if below {
                let end = editor.end_of(row);
                editor.put(end, end, &format!("\n{pasted}"));
                row + 1
            } else {
                editor.put(Pos::new(row, 0), Pos::new(row, 0), &format!("{pasted}\n"));
                row
            };
            editor.cursor = Pos::new(row, indentation(editor.lines.line(row)).len());
        });
    }
}
