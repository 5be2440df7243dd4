//! Which part of a text is shown: it follows the cursor, except after it was scrolled away.

use super::lines::{byte_at, cells, column};
use super::{Editor, Pos};

/// The first row and column shown, and how many of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    top: usize,
    left: usize,
    rows: usize,
    columns: usize,
    follows: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { top: 0, left: 0, rows: 1, columns: 1, follows: true }
    }
}

impl View {
    pub(super) fn begin(&mut self) {
        (self.top, self.left, self.follows) = (0, 0, true);
    }

    pub(super) fn follow(&mut self) {
        self.follows = true;
    }

    /// How many rows a page is.
    pub(super) fn page(&self) -> usize {
        self.rows.saturating_sub(1).max(1)
    }

    pub(super) fn scroll(&mut self, rows: i16, count: usize) {
        self.turn(rows.unsigned_abs().into(), rows < 0, count);
        self.follows = false;
    }

    pub(super) fn turn(&mut self, rows: usize, up: bool, count: usize) {
        let most = count.saturating_sub(self.rows);
        self.top = if up { self.top.saturating_sub(rows) } else { (self.top + rows).min(most.max(self.top)) };
    }

    fn show(&mut self, row: usize, from: usize, to: usize) {
        if row < self.top {
            self.top = row;
        } else if row >= self.top + self.rows {
            self.top = row + 1 - self.rows;
        }
        if to > self.left + self.columns {
            self.left = to - self.columns;
        }
        if from < self.left {
            self.left = from;
        }
    }
}

impl Editor {
    /// Cells before the text: room for the highest line number.
    pub(crate) fn gutter(&self) -> usize {
        usize::try_from(self.lines.count().ilog10()).unwrap_or(0) + 3
    }

    /// The first row and column shown.
    pub(crate) fn view(&self) -> (usize, usize) {
        (self.view.top, self.view.left)
    }

    /// There is room for so many rows and columns, line numbers included.
    pub(crate) fn fit(&mut self, rows: usize, columns: usize) {
        let (rows, columns) = (rows.max(1), columns.saturating_sub(self.gutter()).max(1));
        // Where there is more room than before, no more is scrolled away than has to be.
        if self.view.follows && rows > self.view.rows {
            self.view.top = self.view.top.min(self.lines.count().saturating_sub(rows));
        }
        if self.view.follows && columns > self.view.columns {
            self.view.left = 0;
        }
        (self.view.rows, self.view.columns) = (rows, columns);
        self.view.top = self.view.top.min(self.lines.count() - 1);
        if self.view.follows {
            let (from, to) = self.cursor_cells();
            self.view.show(self.cursor.row, from, to);
        }
    }

    /// The columns of the character under the cursor.
    fn cursor_cells(&self) -> (usize, usize) {
        let (line, tab) = (self.lines.line(self.cursor.row), self.habits.indent.max(1));
        let from = column(line, self.cursor.byte, tab);
        let under = super::next(line, self.cursor.byte).and_then(|end| line.get(self.cursor.byte..end));
        (
            from,
            from + under.map_or(1, |grapheme| if grapheme == "\t" { 1 } else { cells(grapheme, from, tab) }),
        )
    }

    /// Where the cursor is from the top left corner of the drawn text; `None`: outside of it.
    pub(crate) fn cursor_on_screen(&self) -> Option<(usize, usize)> {
        let row = self.cursor.row.checked_sub(self.view.top).filter(|row| *row < self.view.rows)?;
        let column = self.cursor_cells().0.checked_sub(self.view.left).filter(|c| *c < self.view.columns)?;
        Some((row, column + self.gutter()))
    }

    /// The place at a row and column of the drawn text.
    pub(super) fn place_at(&self, row: u16, column: u16) -> Pos {
        let row = (self.view.top + usize::from(row)).min(self.lines.count() - 1);
        let column = usize::from(column).saturating_sub(self.gutter()) + self.view.left;
        Pos::new(row, byte_at(self.lines.line(row), column, self.habits.indent))
    }
}
