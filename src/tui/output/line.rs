//! One line of output: its text, its styles, how many rows it takes; and the line a program is still writing.

use std::str::Chars;

use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::protocol::OutputStream;
use crate::tui::model::Verdict;
use crate::tui::text;

/// A longer line goes on in a new one.
pub(super) const MAX_COLUMNS: usize = 4096;
/// A line in more pieces than these is told to be one.
const MANY_PIECES: usize = 16;

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
    /// What stood here is no longer in memory.
    Gap,
}

impl Kind {
    /// Cells of what is drawn before the text: the view's marks and words, which the model can't see.
    pub(super) fn lead(self) -> usize {
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

    /// It was written by the program.
    pub(crate) fn is_program(self) -> bool {
        matches!(self, Self::Stdout | Self::Stderr)
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

    /// Behind what is drawn before a line's text.
    fn after(lead: usize, columns: usize) -> Self {
        let row = lead.saturating_sub(1) / columns.max(1);
        Self { row, column: lead - row * columns, columns }
    }
}

/// A line that is finished.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// Where each style ends, in bytes. Empty: no style of the program's own.
    pub(crate) styles: Vec<(usize, Style)>,
    /// The program's line goes on in the next one.
    pub(crate) goes_on: bool,
    /// What is looked for is in it.
    pub(super) hit: bool,
    /// Cells it takes with what is drawn before it: measured once, so that all heights can be added up in every frame.
    cells: usize,
}

impl Line {
    pub(super) fn plain(kind: Kind, text: String) -> Self {
        let cells = kind.lead() + text::width(&text);
        Self { kind, text, styles: Vec::new(), goes_on: false, hit: false, cells }
    }

    /// The text in pieces of one style each; `None` is no style of its own.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&str, Option<Style>)> {
        let from = std::iter::once(0).chain(self.styles.iter().map(|(end, _)| *end));
        let to = self.styles.iter().map(|(end, style)| (*end, Some(*style))).chain([(self.text.len(), None)]);
        from.zip(to).map(|(from, (to, style))| (self.text.get(from..to).unwrap_or_default(), style))
    }

    /// Rows it takes when it is wrapped. Characters of two cells may leave one empty where a row ends.
    pub(super) fn rows(&self, columns: usize) -> usize {
        if self.cells <= columns || self.kind == Kind::Rule {
            return 1;
        }
        if self.text.is_ascii() {
            return self.cells.div_ceil(columns);
        }
        let mut place = Wrapped::after(self.kind.lead(), columns);
        for grapheme in self.pieces().flat_map(|(piece, _)| piece.graphemes(true)) {
            place.put(text::width(grapheme));
        }
        place.row + 1
    }

    /// [`Line::rows`] without looking at the text, for sums over all lines.
    pub(super) fn about_rows(&self, columns: usize) -> usize {
        if self.kind == Kind::Rule { 1 } else { self.cells.div_ceil(columns).max(1) }
    }

    /// The byte of the text that is drawn at a row and column of it; its end where nothing is drawn there.
    pub(super) fn byte_at(&self, row: usize, column: usize, columns: usize) -> usize {
        let mut place = Wrapped::after(self.kind.lead(), columns);
        let mut at = 0;
        for grapheme in self.pieces().flat_map(|(piece, _)| piece.graphemes(true)) {
            let cells = text::width(grapheme);
            let (y, x) = place.put(cells);
            if y > row || (y == row && x + cells > column) {
                return at;
            }
            at += grapheme.len();
        }
        at
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.capacity()
            + self.styles.capacity() * std::mem::size_of::<(usize, Style)>()
            + std::mem::size_of::<Self>()
    }
}

/// Characters with their looks.
pub(super) type Cells = Vec<(char, Style)>;

/// The line a program is still writing: one entry a character, so that it can be overwritten.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) stream: OutputStream,
    cells: Cells,
    column: usize,
    /// How many pieces of the program's line came before this one, and their bytes.
    pieces: usize,
    bytes: u64,
}

impl Open {
    /// A line to be written, in a buffer that another one has used before.
    pub(super) fn new(stream: OutputStream, mut spare: Cells) -> Self {
        spare.clear();
        Self { stream, cells: spare, column: 0, pieces: 0, bytes: 0 }
    }

    pub(super) fn into_spare(self) -> Cells {
        self.cells
    }

    pub(super) fn kind(&self) -> Kind {
        if self.stream == OutputStream::Stderr { Kind::Stderr } else { Kind::Stdout }
    }

    pub(super) fn is_full(&self) -> bool {
        self.cells.len() >= MAX_COLUMNS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.pieces == 0
    }

    /// Writes characters until there are no more, or the line is full.
    pub(super) fn put(&mut self, chars: &mut Chars<'_>, style: Style) {
        while !self.is_full()
            && let Some(c) = chars.next()
        {
            match self.cells.get_mut(self.column) {
                Some(cell) => *cell = (c, style),
                None => self.cells.push((c, style)),
            }
            self.column += 1;
        }
    }

    /// Ends this piece of the line; the next begins.
    pub(super) fn break_off(&mut self) -> Line {
        let mut line = self.finish();
        line.goes_on = true;
        self.pieces += 1;
        self.bytes += line.text.len() as u64;
        self.cells.clear();
        self.column = 0;
        line
    }

    /// What is to be said of a line in very many pieces.
    pub(super) fn remark(&self) -> Option<String> {
        (self.pieces >= MANY_PIECES).then(|| {
            let bytes = self.bytes + self.cells.iter().map(|(c, _)| c.len_utf8() as u64).sum::<u64>();
            format!("that was one line of {}, in {} pieces", text::bytes(bytes), self.pieces + 1)
        })
    }

    /// How many combining characters end the line.
    pub(super) fn combining(&self) -> usize {
        self.cells.iter().rev().take_while(|(c, _)| text::is_combining(*c)).take(8).count()
    }

    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// Moves to a column: 0, or one back.
    pub(super) fn back(&mut self, to_start: bool) {
        self.column = if to_start { 0 } else { self.column.saturating_sub(1) };
    }

    /// Erases from here on, up to here, or all of it.
    pub(super) fn erase(&mut self, part: u16) {
        match part {
            0 => self.cells.truncate(self.column),
            1 => self.cells.iter_mut().take(self.column).for_each(|cell| cell.0 = ' '),
            _ => self.cells.clear(),
        }
        while self.cells.len() < self.column && part > 1 {
            self.cells.push((' ', Style::default()));
        }
    }

    /// The line as it is now.
    pub(super) fn line(&self) -> Line {
        let mut line = Line::plain(self.kind(), String::with_capacity(self.cells.len()));
        let plain = Style::default();
        for cells in self.cells.chunk_by(|(_, a), (_, b)| a == b) {
            let style = cells.first().map_or(plain, |(_, style)| *style);
            let from = line.text.len();
            line.text.extend(cells.iter().map(|(c, _)| *c));
            if style == plain && line.styles.is_empty() {
                continue;
            }
            if line.styles.is_empty() && from > 0 {
                line.styles.push((from, plain));
            }
            line.styles.push((line.text.len(), style));
        }
        line.cells = text::width(&line.text);
        line
    }

    pub(super) fn finish(&self) -> Line {
        let mut line = self.line();
        line.text.shrink_to_fit();
        line.styles.shrink_to_fit();
        line
    }
}
