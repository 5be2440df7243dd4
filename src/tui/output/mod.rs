//! What programs wrote: a block a run, each a bounded ring of lines; where the view stands in them, what is looked for
//! and what is selected. Knows nothing of drawing, files or the engine.

mod block;
mod find;
mod line;
mod place;
mod select;
mod sgr;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::PathBuf;

use ratatui::style::Style;

use self::line::{Cells, Open};
use super::msg::Spooled;
use crate::protocol::{Language, OutputStream};

pub(crate) use block::{Block, thousands};
pub(crate) use find::{Query, Seek};
pub(crate) use line::{Kind, Line, Wrapped};
pub(crate) use place::{At, Mark};
pub(crate) use select::{Press, Selection};

/// The most lines and bytes of all runs together.
const MAX_LINES: usize = 30_000;
const MAX_BYTES: usize = 12 * 1024 * 1024;
/// The most bytes of code that are kept with the runs.
const MAX_CODE: usize = 512 * 1024;
/// Who writes more at once than this hardly asks something.
const MAX_QUESTION: usize = 16 * 1024;
/// The most runs that are remembered.
const MAX_BLOCKS: usize = 300;

/// Blocks, newest last, and where the view stands.
#[derive(Debug, Default)]
pub(crate) struct Output {
    blocks: VecDeque<Block>,
    /// How many blocks are forgotten.
    forgotten: u64,
    /// Bytes and lines of all blocks.
    size: (usize, usize),
    /// The first row shown; `None` follows the newest.
    top: Option<Mark>,
    /// The line that was chosen.
    cursor: Option<Mark>,
    selection: Option<Selection>,
    pub(crate) seek: Option<Seek>,
    /// Where the mouse was pressed last.
    pub(crate) press: Option<Press>,
    /// The bytes that came at once last.
    pub(crate) burst: usize,
    /// What is being copied, in a word or two.
    pub(crate) copying: String,
    /// Lines that a filter shows around those that hold its text.
    around: usize,
    /// Runs whose output is being saved, and where to.
    pub(crate) saving: Vec<(u32, PathBuf)>,
    /// How many lines have come ever, and until the view was stopped.
    came: u64,
    seen: u64,
    pub(crate) wrap: bool,
    /// Columns scrolled to the right.
    pub(crate) left: usize,
    /// A buffer for the next line that is written.
    spare: Cells,
}

impl Output {
    /// Nothing yet, long lines wrapped.
    pub(crate) fn new() -> Self {
        Self { wrap: true, ..Self::default() }
    }

    /// Begins a run's block. What is said from now on is said there.
    pub(crate) fn begin(&mut self, run: u32) {
        if let Some(newest) = self.blocks.len().checked_sub(1) {
            self.close_in(newest);
        }
        let mut block = Block::new(run);
        if !self.blocks.is_empty() {
            block.say(Line::plain(Kind::Rule, String::new()), &Query::default());
        }
        self.blocks.push_back(block);
        if self.blocks.len() > MAX_BLOCKS {
            if let Some(gone) = self.blocks.pop_front() {
                let (bytes, lines) = gone.size();
                self.size = (self.size.0 - bytes, self.size.1 - lines);
            }
            self.forgotten += 1;
        }
    }

    /// The place of a run's block; 0 and what is not known is the newest.
    fn place_of(&mut self, run: u32) -> usize {
        if self.blocks.is_empty() {
            self.blocks.push_back(Block::new(run));
        }
        let newest = self.blocks.len() - 1;
        let of_run = |block: &Block| run > 0 && block.run == run;
        self.blocks.iter().rposition(of_run).unwrap_or(newest)
    }

    /// Changes a block, and keeps the whole within its bounds.
    fn change<T>(&mut self, at: usize, change: impl FnOnce(&mut Block, &Query) -> T) -> Option<T> {
        let Self { blocks, seek, size, .. } = self;
        let block = blocks.get_mut(at)?;
        let none = Query::default();
        let before = block.size();
        let done = change(block, seek.as_ref().map_or(&none, |seek| &seek.query));
        let after = block.size();
        *size = (size.0 + after.0 - before.0, size.1 + after.1 - before.1);
        if size.0 > MAX_BYTES || size.1 > MAX_LINES {
            self.drop_oldest();
        }
        Some(done)
    }

    fn drop_oldest(&mut self) {
        let mut at = 0;
        while self.size.0 > MAX_BYTES || self.size.1 > MAX_LINES {
            let Some(block) = self.blocks.get_mut(at) else { return };
            let before = block.size();
            if !block.drop_first() {
                at += 1;
                continue;
            }
            let after = block.size();
            self.size = (self.size.0 + after.0 - before.0, self.size.1 + after.1 - before.1);
        }
    }

    /// Appends a line of our own to the newest block.
    pub(crate) fn say(&mut self, kind: Kind, text: String) {
        self.say_in(0, kind, text);
    }

    /// Appends a line of our own to a run's block.
    pub(crate) fn say_in(&mut self, run: u32, kind: Kind, text: String) {
        let at = self.place_of(run);
        self.close_in(at);
        self.came += 1;
        self.change(at, |block, query| block.say(Line::plain(kind, text), query));
    }

    /// Ends the line being written, if there is one.
    pub(crate) fn close(&mut self) {
        self.close_in(self.blocks.len().saturating_sub(1));
    }

    fn close_in(&mut self, at: usize) {
        self.end_in(at, Block::close);
    }

    fn end_in(&mut self, at: usize, end: fn(&mut Block, &Query) -> Option<Cells>) {
        if let Some(spare) = self.change(at, end).flatten() {
            self.spare = spare;
        }
    }

    /// The line a stream of a run writes to, and its block; another stream's line is ended first.
    fn opened(&mut self, run: u32, stream: OutputStream) -> Option<(usize, &mut Open)> {
        let at = self.place_of(run);
        if !self.blocks.get(at)?.is_open(stream) {
            self.end_in(at, Block::cut_short);
            self.came += 1;
            let open = Open::new(stream, std::mem::take(&mut self.spare));
            *self.blocks.get_mut(at)?.open() = Some(open);
        }
        self.blocks.get_mut(at)?.open().as_mut().map(|open| (at, open))
    }

    /// Writes a character where the stream's line is.
    pub(crate) fn put(&mut self, run: u32, stream: OutputStream, c: char, style: Style) {
        self.put_str(run, stream, c.encode_utf8(&mut [0; 4]), style);
    }

    /// Writes characters from where the stream's line is.
    pub(crate) fn put_str(&mut self, run: u32, stream: OutputStream, text: &str, style: Style) {
        let mut chars = text.chars();
        while !chars.as_str().is_empty() {
            let Some((at, open)) = self.opened(run, stream) else { return };
            open.put(&mut chars, style);
            if open.is_full() {
                self.came += 1;
                self.change(at, Block::break_off);
            }
        }
    }

    /// How many combining characters end the line being written.
    pub(crate) fn combining(&mut self, run: u32, stream: OutputStream) -> usize {
        self.opened(run, stream).map_or(0, |(_, open)| open.combining())
    }

    pub(crate) fn newline(&mut self, run: u32, stream: OutputStream) {
        if let Some((at, _)) = self.opened(run, stream) {
            self.end_in(at, Block::newline);
        }
    }

    /// Moves to a column of the line being written: 0, or one back.
    pub(crate) fn back(&mut self, run: u32, stream: OutputStream, to_start: bool) {
        if let Some((_, open)) = self.opened(run, stream) {
            open.back(to_start);
        }
    }

    pub(crate) fn tab(&mut self, run: u32, stream: OutputStream, style: Style) {
        let column = self.opened(run, stream).map_or(0, |(_, open)| open.column());
        for _ in 0..8 - column % 8 {
            self.put(run, stream, ' ', style);
        }
    }

    /// Erases in the line being written: from here on, up to here, or all of it.
    pub(crate) fn erase(&mut self, run: u32, stream: OutputStream, part: u16) {
        if let Some((_, open)) = self.opened(run, stream) {
            open.erase(part);
        }
    }

    pub(crate) fn clear(&mut self) {
        let saving = std::mem::take(&mut self.saving);
        *self = Self { wrap: self.wrap, saving, ..Self::default() };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// How many lines there are in memory, those being written included.
    pub(crate) fn len(&self) -> usize {
        self.blocks.iter().map(Block::len).sum()
    }

    /// How many runs are forgotten whole.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// A line by its place.
    pub(crate) fn line(&self, at: At) -> Option<Cow<'_, Line>> {
        self.blocks.get(at.block)?.line(at.line)
    }

    /// The block of a place.
    pub(crate) fn block(&self, at: At) -> Option<&Block> {
        self.blocks.get(at.block)
    }

    /// Every run's block, the oldest first.
    pub(crate) fn run_blocks(&self) -> impl DoubleEndedIterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.run > 0)
    }

    /// What is kept of what a run's program wrote, without styles.
    pub(crate) fn run_text(&self, number: u32) -> Option<String> {
        self.run_blocks().find(|block| block.run == number).map(Block::program_text)
    }

    /// Takes out what was written in lines that are finished.
    pub(crate) fn take_program_text(&mut self) -> String {
        let newest = self.blocks.len().saturating_sub(1);
        self.change(newest, |block, _| block.take_program_text()).unwrap_or_default()
    }

    /// The newest block.
    pub(crate) fn newest(&self) -> Option<&Block> {
        self.blocks.back()
    }

    /// What is kept of what was written last.
    pub(crate) fn newest_text(&self) -> String {
        self.blocks.back().map(Block::program_text).unwrap_or_default()
    }

    /// What is kept of a run's output beside the lines in memory.
    pub(crate) fn set_kept(&mut self, run: u32, kept: Spooled) {
        if let Some(block) = self.blocks.iter_mut().find(|block| block.run == run) {
            block.kept = Some(kept);
        }
    }

    /// A running program's last line has no end: it may wait for an answer. Not in the midst of a flood, which is cut
    /// anywhere.
    pub(crate) fn asks(&self, run: u32) -> bool {
        self.burst < MAX_QUESTION
            && self.blocks.iter().rev().find(|block| block.run == run).is_some_and(Block::asks)
    }

    /// Keeps the code of a run, and forgets that of older ones.
    pub(crate) fn keep_code(&mut self, run: u32, language: Language, code: &str) {
        let mut kept = 0;
        for block in self.blocks.iter_mut().rev() {
            if block.run == run && code.len() <= MAX_CODE {
                block.code = Some((language, code.to_owned()));
            }
            kept += block.code.as_ref().map_or(0, |(_, code)| code.len());
            if kept > MAX_CODE {
                block.code = None;
            }
        }
    }

    /// Folds the current block, or unfolds it, and goes to its header.
    pub(crate) fn fold(&mut self, rows: usize, columns: usize) {
        self.fold_at(self.current(), rows, columns);
    }

    /// Folds a line's block, or unfolds it.
    pub(crate) fn fold_at(&mut self, at: At, rows: usize, columns: usize) {
        let Some(block) = self.blocks.get_mut(at.block) else { return };
        let Some(header) = block.header() else { return };
        block.folded = !block.folded;
        let folded = block.folded;
        self.choose(At { line: header, ..at }, rows, columns);
        if !folded && at.block + 1 == self.blocks.len() {
            self.follow();
        }
    }

    /// Goes to the header of the next block, or of this one or the one before.
    pub(crate) fn go_to_block(&mut self, next: bool, rows: usize, columns: usize) {
        let at = self.current();
        let header = |block: usize| {
            let line = self.blocks.get(block)?.header()?;
            let at = At { block, line };
            (self.shown_from(at) == Some(at)).then_some(at)
        };
        let found = match next {
            true => (at.block + 1..self.blocks.len()).find_map(header),
            false => {
                header(at.block).filter(|here| *here < at).or_else(|| (0..at.block).rev().find_map(header))
            }
        };
        match found {
            Some(found) => self.choose(found, rows, columns),
            None if next => self.follow(),
            None => {}
        }
    }

    /// The last line of a program's that says something, for small screens.
    pub(crate) fn last_text(&self) -> Option<String> {
        let lines = self
            .blocks
            .iter()
            .enumerate()
            .rev()
            .flat_map(|(block, of)| (0..of.len()).rev().map(move |line| At { block, line }));
        lines
            .take(50)
            .filter_map(|at| self.line(at))
            .find(|line| line.kind.is_program() && !line.text.trim().is_empty())
            .map(|line| line.text.clone())
    }
}
