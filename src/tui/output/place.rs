//! Places in the output, and how the view moves over them: only lines that are on the screen count, whatever is folded
//! or filtered away.

use super::Output;
use super::block::Block;
use super::find::Query;

/// A line as it stands now: of which block, and which of its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) block: usize,
    pub(crate) line: usize,
}

/// A row on the screen: its line, and which row of that line it is.
pub(crate) type Place = (At, usize);

/// What a line of a block belongs to, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Head,
    Gap,
    Body,
    Open,
    Tail,
}

/// The name of a place that stays right while lines come and go: cells and not rows, so that it does so too when the
/// pane changes its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(super) run: u32,
    pub(super) part: Part,
    pub(super) n: u64,
    /// Cells of the line that are above the pane.
    pub(super) cells: usize,
}

impl Output {
    fn filter(&self) -> Option<&Query> {
        let seek = self.seek.as_ref().filter(|seek| seek.filters && !seek.query.is_empty())?;
        Some(&seek.query)
    }

    /// The first line on the screen from here on.
    pub(super) fn shown_from(&self, at: At) -> Option<At> {
        let filter = self.filter();
        let mut from = at.line;
        for (block, of) in self.blocks.iter().enumerate().skip(at.block) {
            if let Some(line) = of.shown_from(from, filter) {
                return Some(At { block, line });
            }
            from = 0;
        }
        None
    }

    /// The line after this one.
    pub(crate) fn after(&self, at: At) -> Option<At> {
        self.shown_from(At { line: at.line + 1, ..at })
    }

    /// The line before this one.
    pub(crate) fn before(&self, at: At) -> Option<At> {
        let filter = self.filter();
        let mut end = at.line;
        for block in (0..=at.block.min(self.blocks.len().saturating_sub(1))).rev() {
            let of = self.blocks.get(block)?;
            if let Some(line) = of.shown_before(end, filter) {
                return Some(At { block, line });
            }
            end = usize::MAX;
        }
        None
    }

    /// The oldest line.
    pub(crate) fn first(&self) -> At {
        self.shown_from(At::default()).unwrap_or_default()
    }

    /// The newest line.
    pub(crate) fn last(&self) -> At {
        let end = At { block: self.blocks.len().saturating_sub(1), line: usize::MAX };
        self.before(end).unwrap_or_default()
    }

    /// A name for a line's place.
    pub(crate) fn mark(&self, at: At) -> Option<Mark> {
        self.blocks.get(at.block).map(|block| block.mark(at.line))
    }

    /// Where a mark is now: at the nearest line that is on the screen.
    pub(crate) fn find(&self, mark: &Mark) -> At {
        let Some(block) = self.blocks.iter().position(|block| block.run >= mark.run) else {
            return self.last();
        };
        let line = match self.blocks.get(block) {
            Some(of) if of.run == mark.run => of.find(mark),
            _ => 0,
        };
        let at = At { block, line };
        match self.shown_from(at) {
            Some(here) if here == at => here,
            next => self.before(at).or(next).unwrap_or_default(),
        }
    }

    /// The first row to show in so many rows of so many columns.
    pub(crate) fn first_shown(&self, rows: usize, columns: usize) -> Place {
        let last = self.last_page(rows, columns);
        let Some(mark) = self.top else { return last };
        let at = self.find(&mark);
        let row = mark.cells.checked_div(columns).unwrap_or(0);
        (at, row.min(self.height(at, columns).saturating_sub(1))).min(last)
    }

    /// The first row of the last page.
    fn last_page(&self, rows: usize, columns: usize) -> Place {
        let end = self.last();
        let last = (end, self.height(end, columns).saturating_sub(1));
        self.above(last, rows.saturating_sub(1), columns)
    }

    /// So many rows above a place. Looks at no more lines than it passes.
    fn above(&self, (mut at, mut row): Place, mut rows: usize, columns: usize) -> Place {
        while rows > row {
            let Some(before) = self.before(at) else { return (at, 0) };
            rows -= row + 1;
            at = before;
            row = self.height(at, columns).saturating_sub(1);
        }
        (at, row - rows)
    }

    /// So many rows below a place, or past the end.
    fn below(&self, (mut at, mut row): Place, mut rows: usize, columns: usize) -> Place {
        loop {
            let left = self.height(at, columns).saturating_sub(row + 1);
            if rows <= left {
                return (at, row + rows);
            }
            rows -= left + 1;
            match self.after(at) {
                Some(after) => (at, row) = (after, 0),
                None => return (At { line: at.line + 1, ..at }, 0),
            }
        }
    }

    /// How many rows a line takes.
    pub(crate) fn height(&self, at: At, columns: usize) -> usize {
        if !self.wrap || columns == 0 {
            return 1;
        }
        self.line(at).map_or(1, |line| line.rows(columns))
    }

    /// Rows above the first one shown, and all rows: sums of what was measured before, as a scrollbar needs them.
    pub(crate) fn extent(&self, rows: usize, columns: usize) -> (usize, usize) {
        let (at, row) = self.first_shown(rows, columns);
        let (mut first, mut all) = (0, 0);
        for (number, block) in self.blocks.iter().enumerate() {
            if number == at.block {
                first = all + self.rows_of(block, at.line, columns) + row;
            }
            all += self.rows_of(block, usize::MAX, columns);
        }
        // At the end the sums' small errors must not show.
        let first = if self.top.is_some() { first } else { usize::MAX };
        (first.min(all.saturating_sub(rows)), all)
    }

    /// About how many rows a block's lines before this one take.
    fn rows_of(&self, block: &Block, end: usize, columns: usize) -> usize {
        let end = end.min(block.len());
        let wraps = self.wrap && columns > 0;
        let rows =
            |at: usize| if wraps { block.line(at).map_or(1, |line| line.about_rows(columns)) } else { 1 };
        match self.filter() {
            None if block.folded => usize::from(block.header().is_some_and(|header| header < end)),
            None if !wraps => end,
            None => (0..end).map(rows).sum(),
            filter => (0..end).filter(|at| block.shows(*at, filter)).map(rows).sum(),
        }
    }

    /// Scrolls by rows; the end of the output follows again.
    pub(crate) fn scroll(&mut self, by: i64, rows: usize, columns: usize) {
        let now = self.first_shown(rows, columns);
        let step = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        let wanted = if by < 0 { self.above(now, step, columns) } else { self.below(now, step, columns) };
        if wanted < self.last_page(rows, columns) {
            self.pause_at(wanted, columns);
            self.keep_cursor(rows, columns);
        } else {
            self.unpause();
        }
    }

    fn pause_at(&mut self, (at, row): Place, columns: usize) {
        if self.top.is_none() {
            self.seen = self.came;
        }
        self.top = self.mark(at).map(|mark| Mark { cells: row * columns, ..mark });
    }

    fn unpause(&mut self) {
        (self.top, self.cursor) = (None, None);
    }

    /// Shows the newest line, and stays there.
    pub(crate) fn follow(&mut self) {
        self.unpause();
        self.left = 0;
    }

    pub(crate) fn follows(&self) -> bool {
        self.top.is_none()
    }

    /// How many lines came since the view stays where it is.
    pub(crate) fn news(&self) -> u64 {
        if self.follows() { 0 } else { self.came - self.seen }
    }

    /// The line that commands are about: the chosen one, or the newest.
    pub(crate) fn current(&self) -> At {
        self.cursor.map_or_else(|| self.last(), |mark| self.find(&mark))
    }

    /// The line that was chosen.
    pub(crate) fn chosen(&self) -> Option<At> {
        self.cursor.map(|mark| self.find(&mark))
    }

    /// Chooses a line and shows it; the newest one is followed again, but for a selection that must stay.
    pub(super) fn choose(&mut self, at: At, rows: usize, columns: usize) {
        if at == self.last() && self.selection.is_none() {
            return self.unpause();
        }
        self.cursor = self.mark(at);
        let first = self.first_shown(rows, columns);
        let height = self.height(at, columns);
        let top = if at < first.0 {
            (at, height.saturating_sub(rows))
        } else if at == first.0 || height > rows {
            (at, 0)
        } else {
            first.max(self.above((at, height.saturating_sub(1)), rows.saturating_sub(1), columns))
        };
        self.pause_at(top, columns);
    }

    /// Moves the choice by lines. Where one is higher than the pane, its rows are passed first.
    pub(crate) fn step(&mut self, down: bool, rows: usize, columns: usize) {
        let at = self.current();
        let (first, row) = self.first_shown(rows, columns);
        let height = self.height(at, columns);
        let high = height > rows && first == at;
        let more = if down { row + rows < height } else { row > 0 };
        if high && more {
            let top = if down { (at, row + 1) } else { (at, row - 1) };
            self.cursor = self.mark(at);
            return self.pause_at(top, columns);
        }
        let next = if down { self.after(at) } else { self.before(at) };
        match next {
            Some(next) => self.choose(next, rows, columns),
            None if down => self.choose(at, rows, columns),
            None => self.choose(self.first(), rows, columns),
        }
    }

    /// Moves by a page, the choice with it.
    pub(crate) fn page(&mut self, down: bool, rows: usize, columns: usize) {
        let by = i64::try_from(rows.saturating_sub(1).max(1)).unwrap_or(1);
        let before = self.first_shown(rows, columns);
        self.scroll(if down { by } else { -by }, rows, columns);
        if self.follows() && down {
            if self.selection.is_some() {
                self.choose(self.last(), rows, columns);
            }
            return;
        }
        let now = self.first_shown(rows, columns);
        let at = if down { self.lowest(rows, columns) } else { now.0 };
        if now != before || !down {
            self.choose(at, rows, columns);
        }
    }

    /// The oldest line.
    pub(crate) fn top(&mut self, rows: usize, columns: usize) {
        self.choose(self.first(), rows, columns);
    }

    /// The last line that is in the pane.
    fn lowest(&self, rows: usize, columns: usize) -> At {
        let first = self.first_shown(rows, columns);
        let (at, _) = self.below(first, rows.saturating_sub(1), columns);
        at.min(self.last())
    }

    /// The choice stays in the pane.
    fn keep_cursor(&mut self, rows: usize, columns: usize) {
        let Some(at) = self.chosen() else { return };
        let (first, last) = (self.first_shown(rows, columns).0, self.lowest(rows, columns));
        self.cursor = self.mark(at.clamp(first, last.max(first)));
    }

    /// The line at a row and column of the pane, and the byte of its text that stands there.
    pub(crate) fn at_cell(
        &self,
        (row, column): (usize, usize),
        rows: usize,
        columns: usize,
    ) -> Option<(At, usize)> {
        let first = self.first_shown(rows, columns);
        let (at, row) = self.below(first, row, columns);
        let line = self.line(at)?;
        let byte = match self.wrap {
            true => line.byte_at(row, column, columns),
            false => line.byte_at(0, column + self.left, usize::MAX),
        };
        Some((at, byte))
    }
}
