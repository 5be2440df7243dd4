//! What programs wrote: a bounded ring of lines, and where in it the view stands.

use std::collections::VecDeque;

use ratatui::style::Style;

use super::model::Verdict;
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

/// A line that is finished.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// Where each style ends, in bytes. Empty: no style of the program's own.
    pub(crate) styles: Vec<(usize, Style)>,
}

impl Line {
    fn plain(kind: Kind, text: String) -> Self {
        Self { kind, text, styles: Vec::new() }
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
    /// The number of the first line shown; `None` follows the newest.
    top: Option<u64>,
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
        cells.iter().rev().take_while(|(c, _)| super::text::is_combining(*c)).take(8).count()
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

    /// The place of the first line to show in so many rows of so many columns.
    pub(crate) fn first_shown(&self, rows: usize, columns: usize) -> usize {
        match self.top {
            Some(top) => usize::try_from(top.saturating_sub(self.dropped)).unwrap_or(0).min(self.len()),
            None => self.last_page(rows, columns),
        }
    }

    /// The place of the first line of the last page.
    fn last_page(&self, rows: usize, columns: usize) -> usize {
        let mut used = 0;
        for at in (0..self.len()).rev() {
            used += self.height(at, columns);
            if used > rows {
                // A line higher than the pane is shown from its beginning.
                return (at + 1).min(self.len().saturating_sub(1));
            }
        }
        0
    }

    /// How many rows a line takes.
    pub(crate) fn height(&self, at: usize, columns: usize) -> usize {
        if !self.wrap || columns == 0 {
            return 1;
        }
        self.line(at).map_or(1, |line| super::text::width(&line.text).div_ceil(columns).max(1))
    }

    /// Scrolls by lines; the end of the output follows again.
    pub(crate) fn scroll(&mut self, lines: i64, rows: usize, columns: usize) {
        let last = self.last_page(rows, columns);
        let now = self.first_shown(rows, columns);
        let step = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let wanted = if lines < 0 { now.saturating_sub(step) } else { now.saturating_add(step) };
        self.top = (wanted < last).then(|| self.dropped + wanted as u64);
    }

    pub(crate) fn scroll_to_top(&mut self, rows: usize, columns: usize) {
        self.scroll(i64::MIN / 2, rows, columns);
    }

    pub(crate) fn follow(&mut self) {
        self.top = None;
        self.left = 0;
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
        line
    }

    fn finish(self) -> Line {
        let mut line = self.line();
        line.text.shrink_to_fit();
        line
    }
}
