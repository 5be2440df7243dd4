//! What is selected in the output, to be copied: whole lines, or from one character to another. What is drawn around
//! the text, and how it is wrapped, is never part of it.

use std::ops::Range;
use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation as _;

use super::Output;
use super::place::{At, Mark};

/// From where to where, in the order in which it was done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    anchor: (Mark, usize),
    head: (Mark, usize),
    /// Whole lines.
    pub(crate) lines: bool,
}

/// The mouse was pressed on a character.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Press {
    pub(crate) mark: Mark,
    pub(crate) byte: usize,
    pub(crate) when: Duration,
    /// It was moved since, or a word was meant: there is something selected to be copied.
    pub(crate) selects: bool,
}

impl Selection {
    /// The earlier end and the later one.
    fn ends(&self) -> ((Mark, usize), (Mark, usize)) {
        if self.anchor <= self.head { (self.anchor, self.head) } else { (self.head, self.anchor) }
    }
}

impl Output {
    /// Begins to select at the chosen line.
    pub(crate) fn select(&mut self, rows: usize, columns: usize) {
        let at = self.current();
        if let Some(mark) = self.mark(at) {
            self.selection = Some(Selection { anchor: (mark, 0), head: (mark, 0), lines: true });
            self.choose(at, rows, columns);
        }
    }

    /// Between whole lines and characters.
    pub(crate) fn select_other(&mut self) {
        if let Some(selection) = &mut self.selection {
            selection.lines = !selection.lines;
        }
    }

    /// Begins to select characters at a place.
    pub(crate) fn select_at(&mut self, at: At, byte: usize) {
        if let Some(mark) = self.mark(at) {
            self.selection = Some(Selection { anchor: (mark, byte), head: (mark, byte), lines: false });
        }
    }

    /// Selects up to a place.
    pub(crate) fn select_to(&mut self, at: At, byte: usize) {
        let mark = self.mark(at);
        if let (Some(selection), Some(mark)) = (&mut self.selection, mark) {
            selection.head = (mark, byte);
        }
    }

    /// Selects the word at a place. False: there is none.
    pub(crate) fn select_word(&mut self, at: At, byte: usize) -> bool {
        let Some(line) = self.line(at) else { return false };
        let word = |c: char| c.is_alphanumeric() || "_-./:@~+%".contains(c);
        let (before, after) = (line.text.get(..byte).unwrap_or(""), line.text.get(byte..).unwrap_or(""));
        if !after.starts_with(word) {
            return false;
        }
        let from =
            before.char_indices().rev().take_while(|(_, c)| word(*c)).last().map_or(byte, |(at, _)| at);
        let to = after.char_indices().find(|(_, c)| !word(*c)).map_or(line.text.len(), |(at, _)| byte + at);
        let Some((last, _)) =
            line.text.get(from..to).and_then(|word| word.grapheme_indices(true).next_back())
        else {
            return false;
        };
        self.select_at(at, from);
        self.select_to(at, from + last);
        true
    }

    /// The selection's end follows the chosen line.
    pub(crate) fn stretch(&mut self) {
        let mark = self.mark(self.current());
        let Some((before, byte)) = self.selection.as_ref().map(|selection| selection.head) else { return };
        let Some(mark) = mark.filter(|mark| *mark != before) else { return };
        // In the other line that byte may stand inside a character.
        let starts =
            |text: &str| text.grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= byte).last();
        let byte = self.line(self.current()).and_then(|line| starts(&line.text)).unwrap_or(0);
        if let Some(selection) = &mut self.selection {
            selection.head = (mark, byte);
        }
    }

    /// Moves the selection's end by a character within its line.
    pub(crate) fn stretch_sideways(&mut self, right: bool) {
        let Some((mark, byte)) = self.selection.map(|selection| selection.head) else { return };
        let Some(line) = self.line(self.find(&mark)) else { return };
        let mut starts = line.text.grapheme_indices(true).map(|(at, _)| at);
        let byte = match right {
            true => starts.find(|at| *at > byte).unwrap_or(byte),
            false => starts.take_while(|at| *at < byte).last().unwrap_or(0),
        };
        if let Some(selection) = &mut self.selection {
            selection.head.1 = byte;
        }
    }

    pub(crate) fn selection(&self) -> Option<&Selection> {
        self.selection.as_ref()
    }

    pub(crate) fn unselect(&mut self) {
        self.selection = None;
    }

    /// The bytes of a line that are selected.
    pub(crate) fn selected_in(&self, at: At) -> Option<Range<usize>> {
        let selection = self.selection.as_ref()?;
        let (from, to) = selection.ends();
        let (first, last) = (self.find(&from.0), self.find(&to.0));
        if at < first || at > last {
            return None;
        }
        let line = self.line(at)?;
        let end = line.text.len();
        if selection.lines {
            return Some(0..end);
        }
        let start = if at == first { from.1.min(end) } else { 0 };
        // The character at the end is part of it.
        let behind = |byte: usize| {
            let rest = line.text.get(byte..).unwrap_or_default();
            byte + rest.graphemes(true).next().map_or(0, str::len)
        };
        let stop = if at == last { behind(to.1).min(end) } else { end };
        (start <= stop).then_some(start..stop)
    }

    /// What is selected, each line of the program as one.
    pub(crate) fn selected_text(&self) -> Option<String> {
        let (from, to) = self.selection.as_ref()?.ends();
        let (mut at, last) = (self.find(&from.0), self.find(&to.0));
        let mut out = String::new();
        loop {
            let line = self.line(at)?;
            out.push_str(line.text.get(self.selected_in(at)?).unwrap_or_default());
            if at >= last {
                return Some(out);
            }
            if !line.goes_on {
                out.push('\n');
            }
            at = self.after(at)?;
        }
    }

    /// The text of the chosen line, with the pieces before and after it that the program wrote as one.
    pub(crate) fn current_text(&self) -> Option<String> {
        let mut at = self.current();
        while let Some(before) =
            self.before(at).filter(|before| self.line(*before).is_some_and(|l| l.goes_on))
        {
            at = before;
        }
        let mut line = self.line(at)?;
        let mut out = line.text.clone();
        while line.goes_on {
            let Some(after) = self.after(at) else { break };
            at = after;
            line = self.line(at)?;
            out.push_str(&line.text);
        }
        Some(out)
    }
}
