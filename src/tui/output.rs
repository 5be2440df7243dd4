//! What programs wrote: a bounded ring of lines, and where in it the view stands.

use std::collections::VecDeque;

use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::model::Verdict;
use super::text;
use crate::protocol::OutputStream;

/// The most lines kept.
pub(crate) const MAX_LINES: usize = 10_000;
/// The most bytes kept.
pub(crate) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// A longer line goes on in a new one.
const MAX_COLUMNS: usize = 4096;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `$ run 7  bun  warm session`.
    Header,
    Stdout,
    Stderr,
    /// What was typed for the program to read.
    Input,
    /// Something said about the run.
    Note,
    /// How it ended.
    Result(Verdict),
    /// Between two runs.
    Rule,
}

impl Kind {
    /// Cells of what is drawn before the text: the view's marks and words, which the model can't see.
    fn lead(self) -> usize {
        let word = match self {
            Self::Input => return 2,
            Self::Result(Verdict::Ok) => "ok",
            Self::Result(Verdict::Fail) => "failed",
            Self::Result(Verdict::Run) => "running",
            Self::Result(Verdict::Idle) => "idle",
            Self::Result(Verdict::Warn) => "stopped",
            Self::Result(Verdict::Unknown) => "unknown",
            _ => return 0,
        };
        // A glyph, a space, the word, two spaces.
        word.len() + 4
    }
}

/// Where the next character of a wrapped line goes: drawing and counting must agree.
#[derive(Debug)]
pub(crate) struct Wrapped {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) columns: usize,
}

impl Wrapped {
    /// Takes so many cells, in the next row where they don't fit; gives the row and the column they begin at.
    pub(crate) fn put(&mut self, cells: usize) -> (usize, usize) {
        if self.column + cells > self.columns {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let at = (self.row, self.column);
        self.column += cells;
        at
    }
}

/// A row on the screen: the place of its line, and which row of that line it is.
pub(crate) type Place = (usize, usize);

/// A line that is finished.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// Where each style ends, in bytes. Empty: no style of the program's own.
    pub(crate) styles: Vec<(usize, Style)>,
    /// Cells it takes with what is drawn before it: measured once, so that all heights can be added up in every frame.
    cells: usize,
}

impl Line {
    fn plain(kind: Kind, text: String) -> Self {
        let cells = kind.lead() + text::width(&text);
        Self { kind, text, styles: Vec::new(), cells }
    }

    /// The text in pieces of one style each; `None` is no style of its own.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&str, Option<Style>)> {
        let from = std::iter::once(0).chain(self.styles.iter().map(|(end, _)| *end));
        let to = self.styles.iter().map(|(end, style)| (*end, Some(*style))).chain([(self.text.len(), None)]);
        from.zip(to).map(|(from, (to, style))| (self.text.get(from..to).unwrap_or_default(), style))
    }

    /// Rows it takes when it is wrapped. Characters of two cells may leave one empty where a row ends.
    fn rows(&self, columns: usize) -> usize {
        if self.cells <= columns || self.kind == Kind::Rule {
            return 1;
        }
        if self.text.is_ascii() {
            return self.cells.div_ceil(columns);
        }
        let lead = self.kind.lead();
        let mut place = Wrapped { row: lead.saturating_sub(1) / columns, column: lead, columns };
        place.column -= place.row * columns;
        for grapheme in self.pieces().flat_map(|(piece, _)| piece.graphemes(true)) {
            place.put(text::width(grapheme));
        }
        place.row + 1
    }

    /// [`Line::rows`] without looking at the text, for sums over all lines.
    fn about_rows(&self, columns: usize) -> usize {
        if self.kind == Kind::Rule { 1 } else { self.cells.div_ceil(columns).max(1) }
    }

    fn bytes(&self) -> usize {
        self.text.len()
            + self.styles.len() * std::mem::size_of::<(usize, Style)>()
            + std::mem::size_of::<Self>()
    }
}

/// The line a program is still writing: one entry a character, so that it can be overwritten.
#[derive(Debug)]
struct Open {
    stream: OutputStream,
    cells: Vec<(char, Style)>,
    column: usize,
}

/// Lines, newest last, and where the view stands.
#[derive(Debug, Default)]
pub(crate) struct Output {
    lines: VecDeque<Line>,
    bytes: usize,
    /// How many lines were dropped to keep within the bounds; the number of the first line that is kept.
    dropped: u64,
    open: Option<Open>,
    /// The number of the first line shown, and the cells of it that are above; `None` follows the newest. Cells and
    /// not rows, so that the place stays where it is when the pane changes its width.
    top: Option<(u64, usize)>,
    pub(crate) wrap: bool,
    /// Columns scrolled to the right.
    pub(crate) left: usize,
}

impl Output {
    /// Nothing yet, long lines wrapped.
    pub(crate) fn new() -> Self {
        Self { wrap: true, ..Self::default() }
    }

    /// Appends a line of our own.
    pub(crate) fn say(&mut self, kind: Kind, text: String) {
        self.close();
        self.push(Line::plain(kind, text));
    }

    fn push(&mut self, line: Line) {
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            let Some(gone) = self.lines.pop_front() else { break };
            self.bytes -= gone.bytes();
            self.dropped += 1;
        }
    }

    /// Ends the line being written, if there is one.
    pub(crate) fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.push(open.finish());
        }
    }

    /// The line a stream writes to; another stream's is ended first.
    fn opened(&mut self, stream: OutputStream) -> &mut Open {
        if self.open.as_ref().is_some_and(|open| open.stream != stream) {
            self.close();
        }
        self.open.get_or_insert_with(|| Open { stream, cells: Vec::new(), column: 0 })
    }

    /// Writes a character where the stream's line is.
    pub(crate) fn put(&mut self, stream: OutputStream, c: char, style: Style) {
        let open = self.opened(stream);
        match open.cells.get_mut(open.column) {
            Some(cell) => *cell = (c, style),
            None => open.cells.push((c, style)),
        }
        open.column += 1;
        if open.cells.len() >= MAX_COLUMNS {
            self.close();
        }
    }

    /// How many combining characters end the line being written.
    pub(crate) fn combining(&self) -> usize {
        let cells = self.open.as_ref().map_or(&[][..], |open| open.cells.as_slice());
        cells.iter().rev().take_while(|(c, _)| text::is_combining(*c)).take(8).count()
    }

    pub(crate) fn newline(&mut self, stream: OutputStream) {
        self.opened(stream);
        self.close();
    }

    /// Moves to a column of the line being written: 0, or one back.
    pub(crate) fn back(&mut self, stream: OutputStream, to_start: bool) {
        let open = self.opened(stream);
        open.column = if to_start { 0 } else { open.column.saturating_sub(1) };
    }

    pub(crate) fn tab(&mut self, stream: OutputStream, style: Style) {
        let column = self.opened(stream).column;
        for _ in 0..8 - column % 8 {
            self.put(stream, ' ', style);
        }
    }

    /// Erases in the line being written: from here on, up to here, or all of it.
    pub(crate) fn erase(&mut self, stream: OutputStream, part: u16) {
        let open = self.opened(stream);
        match part {
            0 => open.cells.truncate(open.column),
            1 => open.cells.iter_mut().take(open.column).for_each(|cell| cell.0 = ' '),
            _ => open.cells.clear(),
        }
        while open.cells.len() < open.column && part > 1 {
            open.cells.push((' ', Style::default()));
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { wrap: self.wrap, ..Self::default() };
    }

    /// How many lines there are, the one being written included.
    pub(crate) fn len(&self) -> usize {
        self.lines.len() + usize::from(self.open.is_some())
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn follows(&self) -> bool {
        self.top.is_none()
    }

    /// A line by its place among those kept.
    pub(crate) fn line(&self, at: usize) -> Option<std::borrow::Cow<'_, Line>> {
        match self.lines.get(at) {
            Some(line) => Some(std::borrow::Cow::Borrowed(line)),
            None if at == self.lines.len() => {
                self.open.as_ref().map(|open| std::borrow::Cow::Owned(open.line()))
            }
            None => None,
        }
    }

    /// The first row to show in so many rows of so many columns.
    pub(crate) fn first_shown(&self, rows: usize, columns: usize) -> Place {
        let last = self.last_page(rows, columns);
        let Some((line, cells)) = self.top else { return last };
        let Some(line) = line.checked_sub(self.dropped) else { return (0, 0).min(last) };
        let at = usize::try_from(line).unwrap_or(usize::MAX);
        let row = cells.checked_div(columns).unwrap_or(0);
        (at, row.min(self.height(at, columns).saturating_sub(1))).min(last)
    }

    /// The first row of the last page.
    fn last_page(&self, rows: usize, columns: usize) -> Place {
        let end = self.len().saturating_sub(1);
        let last = (end, self.height(end, columns).saturating_sub(1));
        self.above(last, rows.saturating_sub(1), columns)
    }

    /// So many rows above a place. Looks at no more lines than it passes.
    fn above(&self, (mut at, mut row): Place, mut rows: usize, columns: usize) -> Place {
        while rows > row {
            if at == 0 {
                return (0, 0);
            }
            rows -= row + 1;
            at -= 1;
            row = self.height(at, columns).saturating_sub(1);
        }
        (at, row - rows)
    }

    /// So many rows below a place, or past the end.
    fn below(&self, (mut at, mut row): Place, mut rows: usize, columns: usize) -> Place {
        while at < self.len() {
            let left = self.height(at, columns).saturating_sub(row + 1);
            if rows <= left {
                return (at, row + rows);
            }
            rows -= left + 1;
            (at, row) = (at + 1, 0);
        }
        (at, row)
    }

    /// How many rows a line takes.
    pub(crate) fn height(&self, at: usize, columns: usize) -> usize {
        if !self.wrap || columns == 0 {
            return 1;
        }
        self.line(at).map_or(1, |line| line.rows(columns))
    }

    /// Rows above the first one shown, and all rows: sums of what was measured before, as a scrollbar needs them.
    pub(crate) fn extent(&self, rows: usize, columns: usize) -> (usize, usize) {
        let (at, row) = self.first_shown(rows, columns);
        if !self.wrap || columns == 0 {
            return (at, self.len());
        }
        let sum = |lines: &mut dyn Iterator<Item = &Line>| -> usize {
            lines.map(|line| line.about_rows(columns)).sum()
        };
        let open = if self.open.is_some() { self.height(self.lines.len(), columns) } else { 0 };
        let all = sum(&mut self.lines.iter()) + open;
        // At the end the sums' small errors must not show.
        let first = match self.top {
            Some(_) => sum(&mut self.lines.iter().take(at)) + row,
            None => usize::MAX,
        };
        (first.min(all.saturating_sub(rows)), all)
    }

    /// Scrolls by rows; the end of the output follows again.
    pub(crate) fn scroll(&mut self, by: i64, rows: usize, columns: usize) {
        let now = self.first_shown(rows, columns);
        let step = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        let wanted = if by < 0 { self.above(now, step, columns) } else { self.below(now, step, columns) };
        let (at, row) = wanted;
        let paused = wanted < self.last_page(rows, columns);
        self.top = paused.then(|| (self.dropped + at as u64, row * columns));
    }

    pub(crate) fn scroll_to_top(&mut self, rows: usize, columns: usize) {
        self.top = ((0, 0) < self.last_page(rows, columns)).then_some((self.dropped, 0));
    }

    pub(crate) fn follow(&mut self) {
        self.top = None;
        self.left = 0;
    }

    /// What is kept of what a run's program wrote; `None`: nothing is kept of that run.
    pub(crate) fn run_text(&self, number: u32) -> Option<String> {
        let head = format!("$ run {number}  ");
        let from = self.lines.iter().position(|l| l.kind == Kind::Header && l.text.starts_with(&head))?;
        Some(self.program_text(from + 1))
    }

    /// What is kept of what was written last.
    pub(crate) fn newest_text(&self) -> String {
        let header = self.lines.iter().rposition(|line| line.kind == Kind::Header);
        self.program_text(header.map_or(0, |at| at + 1))
    }

    /// What was written from a line on, up to the next run.
    fn program_text(&self, from: usize) -> String {
        let of = self.lines.iter().skip(from).take_while(|line| line.kind != Kind::Header);
        let mut text = String::new();
        for line in of.filter(|line| matches!(line.kind, Kind::Stdout | Kind::Stderr)) {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }

    /// All text, for tests and for the last line of a small screen.
    pub(crate) fn last_text(&self) -> Option<String> {
        let shown =
            |line: &Line| matches!(line.kind, Kind::Stdout | Kind::Stderr) && !line.text.trim().is_empty();
        (0..self.len())
            .rev()
            .take(50)
            .filter_map(|at| self.line(at))
            .find(|line| shown(line))
            .map(|l| l.text.clone())
    }
}

impl Open {
    fn line(&self) -> Line {
        let kind = if self.stream == OutputStream::Stderr { Kind::Stderr } else { Kind::Stdout };
        let mut line = Line::plain(kind, String::with_capacity(self.cells.len()));
        let plain = Style::default();
        for (c, style) in &self.cells {
            let last = line.styles.last().map_or(plain, |(_, style)| *style);
            if *style != last || (line.styles.is_empty() && *style != plain) {
                if line.styles.is_empty() && !line.text.is_empty() {
                    line.styles.push((line.text.len(), plain));
                }
                line.styles.push((line.text.len(), *style));
            }
            line.text.push(*c);
            if let Some(last) = line.styles.last_mut() {
                last.0 = line.text.len();
            }
        }
        line.cells = text::width(&line.text);
        line
    }

    fn finish(self) -> Line {
        let mut line = self.line();
        line.text.shrink_to_fit();
        line
    }
}
