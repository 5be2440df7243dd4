//! One run's output: its header, a bounded ring of lines, its result, and how much of it is no longer in memory.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::find::Query;
use super::line::{Kind, Line, Open};
use super::place::{Mark, Part};
use crate::protocol::{Language, OutputStream};
use crate::tui::model::Verdict;
use crate::tui::msg::Spooled;
use crate::tui::text;

/// The most lines of a run that are kept.
pub(crate) const MAX_LINES: usize = 10_000;
/// The most bytes of a run that are kept.
pub(crate) const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Lines that may stand before a run's output, and after it.
const MAX_SAID: usize = 16;

/// One run's output.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) run: u32,
    pub(crate) folded: bool,
    /// The code that was run.
    pub(crate) code: Option<(Language, String)>,
    /// What is kept beside the lines in memory, once something was told of it.
    pub(crate) kept: Option<Spooled>,
    head: Vec<Line>,
    body: VecDeque<Line>,
    open: Option<Open>,
    /// The program's last line was ended by its other stream: it had no end of its own.
    cut_short: bool,
    tail: Vec<Line>,
    /// Bytes that the body takes.
    bytes: usize,
    /// How many lines of the body are no longer in memory, and the bytes of their text.
    dropped: u64,
    dropped_bytes: u64,
    /// How many lines hold what is looked for.
    hits: usize,
}

impl Block {
    pub(super) fn new(run: u32) -> Self {
        Self {
            run,
            folded: false,
            code: None,
            kept: None,
            head: Vec::new(),
            body: VecDeque::new(),
            open: None,
            cut_short: false,
            tail: Vec::new(),
            bytes: 0,
            dropped: 0,
            dropped_bytes: 0,
            hits: 0,
        }
    }

    /// Appends a line of our own: before, among or after what the program wrote.
    pub(super) fn say(&mut self, mut line: Line, query: &Query) {
        line.hit = query.is_in(&line.text);
        self.hits += usize::from(line.hit);
        self.cut_short = false;
        let begun = self.head.iter().any(|line| line.kind == Kind::Header);
        let ended = matches!(line.kind, Kind::Result(_)) || !self.tail.is_empty();
        let part = match (begun, ended) {
            (_, true) => &mut self.tail,
            (false, false) => &mut self.head,
            (true, false) => return self.keep(line),
        };
        // How it ended is never what goes.
        let first = part.first().map(|line| line.kind);
        let old = part.len() >= MAX_SAID;
        if old {
            part.remove(usize::from(matches!(first, Some(Kind::Result(_)))));
        }
        part.push(line);
    }

    fn push(&mut self, mut line: Line, query: &Query) {
        line.hit = query.is_in(&line.text);
        self.hits += usize::from(line.hit);
        self.keep(line);
    }

    fn keep(&mut self, line: Line) {
        self.bytes += line.bytes();
        self.body.push_back(line);
        while self.body.len() > MAX_LINES || self.bytes > MAX_BYTES {
            self.drop_first();
        }
    }

    /// Forgets the oldest line; false: there is none.
    pub(super) fn drop_first(&mut self) -> bool {
        let Some(gone) = self.body.pop_front() else { return false };
        self.bytes -= gone.bytes();
        self.hits -= usize::from(gone.hit);
        self.dropped += 1;
        self.dropped_bytes += gone.text.len() as u64 + u64::from(!gone.goes_on);
        true
    }

    /// Ends the line being written, if there is one; gives back its buffer.
    pub(super) fn close(&mut self, query: &Query) -> Option<Vec<(char, ratatui::style::Style)>> {
        let open = self.open.take()?;
        self.push(open.finish(), query);
        if let Some(remark) = open.remark() {
            self.push(Line::plain(Kind::Note, remark), query);
        }
        Some(open.into_spare())
    }

    /// The line being written is ended by another stream's.
    pub(super) fn cut_short(&mut self, query: &Query) -> Option<Vec<(char, ratatui::style::Style)>> {
        let asks = self.open.as_ref().is_some_and(|open| !open.is_empty());
        let spare = self.close(query);
        self.cut_short |= asks;
        spare
    }

    /// The line being written has ended.
    pub(super) fn newline(&mut self, query: &Query) -> Option<Vec<(char, ratatui::style::Style)>> {
        // What one stream asks the other's lines don't answer.
        self.cut_short &= !self.is_open(OutputStream::Stdout);
        self.close(query)
    }

    /// The line a stream writes to.
    pub(super) fn open(&mut self) -> &mut Option<Open> {
        &mut self.open
    }

    pub(super) fn is_open(&self, stream: OutputStream) -> bool {
        self.open.as_ref().is_some_and(|open| open.stream == stream)
    }

    /// The line being written is as long as a line may be: it goes on in another.
    pub(super) fn break_off(&mut self, query: &Query) {
        if let Some(line) = self.open.as_mut().map(Open::break_off) {
            self.push(line, query);
        }
    }

    /// How many lines stand in it, of all kinds.
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.gap() + self.body.len() + usize::from(self.open.is_some()) + self.tail.len()
    }

    fn gap(&self) -> usize {
        usize::from(self.dropped > 0)
    }

    /// A line by its place.
    pub(super) fn line(&self, at: usize) -> Option<Cow<'_, Line>> {
        let (part, n) = self.part(at);
        match part {
            Part::Head => self.head.get(n).map(Cow::Borrowed),
            Part::Gap => Some(Cow::Owned(Line::plain(Kind::Gap, self.gap_text()))),
            Part::Body => self.body.get(n).map(Cow::Borrowed),
            Part::Open => self.open.as_ref().map(|open| Cow::Owned(open.line())),
            Part::Tail => self.tail.get(n).map(Cow::Borrowed),
        }
    }

    /// What a line is, without its text.
    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        let (part, n) = self.part(at);
        match part {
            Part::Head => self.head.get(n).map(|line| line.kind),
            Part::Gap => Some(Kind::Gap),
            Part::Body => self.body.get(n).map(|line| line.kind),
            Part::Open => self.open.as_ref().map(Open::kind),
            Part::Tail => self.tail.get(n).map(|line| line.kind),
        }
    }

    fn part(&self, at: usize) -> (Part, usize) {
        let mut at = at;
        let parts = [
            (Part::Head, self.head.len()),
            (Part::Gap, self.gap()),
            (Part::Body, self.body.len()),
            (Part::Open, usize::from(self.open.is_some())),
        ];
        for (part, len) in parts {
            if at < len {
                return (part, at);
            }
            at -= len;
        }
        (Part::Tail, at)
    }

    /// A name for a line's place that stays right while lines come and go.
    pub(super) fn mark(&self, at: usize) -> Mark {
        let (part, n) = self.part(at);
        let n = n as u64;
        let (part, n) = match part {
            Part::Body => (Part::Body, n + self.dropped),
            // It will be the body's next line.
            Part::Open => (Part::Body, self.body.len() as u64 + self.dropped),
            part => (part, n),
        };
        Mark { run: self.run, part, n, cells: 0 }
    }

    /// Where the line of a mark is now: what is gone is the gap.
    pub(super) fn find(&self, mark: &Mark) -> usize {
        let n =
            usize::try_from(mark.n.saturating_sub(if mark.part == Part::Body { self.dropped } else { 0 }));
        let n = n.unwrap_or(usize::MAX);
        let (head, gap, body) =
            (self.head.len(), self.gap(), self.body.len() + usize::from(self.open.is_some()));
        let at = match mark.part {
            Part::Head => n.min(head),
            Part::Gap => head,
            Part::Body if mark.n < self.dropped => head,
            Part::Body | Part::Open => head + gap + n.min(body),
            Part::Tail => head + gap + body + n,
        };
        at.min(self.len().saturating_sub(1))
    }

    /// The next line that is on the screen, from this one on.
    pub(super) fn shown_from(&self, from: usize, filter: Option<&Query>) -> Option<usize> {
        match filter {
            None if !self.folded => (from < self.len()).then_some(from),
            None => self.header().filter(|header| *header >= from),
            Some(_) => (from..self.len()).find(|at| self.shows(*at, filter)),
        }
    }

    /// The last line that is on the screen, before this one.
    pub(super) fn shown_before(&self, end: usize, filter: Option<&Query>) -> Option<usize> {
        let end = end.min(self.len());
        match filter {
            None if !self.folded => end.checked_sub(1),
            None => self.header().filter(|header| *header < end),
            Some(_) => (0..end).rev().find(|at| self.shows(*at, filter)),
        }
    }

    /// The place of its header.
    pub(super) fn header(&self) -> Option<usize> {
        self.head.iter().rposition(|line| line.kind == Kind::Header)
    }

    /// Whether a line is on the screen: of a folded block the header alone, of a filtered one what holds the text, and what is near to that.
    pub(super) fn shows(&self, at: usize, filter: Option<&Query>) -> bool {
        let may_hit = |kind: Kind| kind.is_program() || kind == Kind::Input;
        let kind = self.kind(at);
        if let Some(query) = filter {
            return match kind {
                Some(Kind::Header) => self.hits > 0 || self.open_hits(query),
                Some(kind) if may_hit(kind) => {
                    let near = at.saturating_sub(query.around)..=at.saturating_add(query.around);
                    let last = self.len().saturating_sub(1);
                    let hits = |near: usize| self.kind(near).is_some_and(may_hit) && self.is_hit(near, query);
                    near.take_while(|near| *near <= last).any(hits)
                }
                _ => false,
            };
        }
        !self.folded || self.header() == Some(at)
    }

    /// Whether a line holds what is looked for.
    pub(super) fn is_hit(&self, at: usize, query: &Query) -> bool {
        let (part, n) = self.part(at);
        match part {
            Part::Head => self.head.get(n).is_some_and(|line| line.hit),
            Part::Gap => false,
            Part::Body => self.body.get(n).is_some_and(|line| line.hit),
            Part::Open => self.open_hits(query),
            Part::Tail => self.tail.get(n).is_some_and(|line| line.hit),
        }
    }

    fn open_hits(&self, query: &Query) -> bool {
        self.open.as_ref().is_some_and(|open| query.is_in(&open.line().text))
    }

    /// Marks the lines that hold a text.
    pub(super) fn look_for(&mut self, query: &Query) {
        self.hits = 0;
        for line in self.head.iter_mut().chain(&mut self.body).chain(&mut self.tail) {
            line.hit = query.is_in(&line.text);
            self.hits += usize::from(line.hit);
        }
    }

    /// How many lines hold what is looked for.
    pub(super) fn hits(&self, query: &Query) -> usize {
        self.hits + usize::from(!query.is_empty() && self.open_hits(query))
    }

    /// Bytes and lines that it takes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.bytes, self.body.len())
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many lines the program has written, those no longer in memory too.
    pub(crate) fn written(&self) -> u64 {
        let kept = self.body.iter().filter(|line| line.kind.is_program()).count() as u64;
        kept + self.dropped + u64::from(self.open.as_ref().is_some_and(|open| !open.is_empty()))
    }

    /// How it ended, in words, once it has.
    pub(crate) fn result(&self) -> Option<(Verdict, &str)> {
        self.tail.iter().find_map(|line| match line.kind {
            Kind::Result(verdict) => Some((verdict, line.text.as_str())),
            _ => None,
        })
    }

    /// The program's last line has no end yet: it may wait for an answer.
    pub(crate) fn asks(&self) -> bool {
        self.cut_short || self.open.as_ref().is_some_and(|open| !open.is_empty())
    }

    /// The program's last line, while it has no end.
    pub(crate) fn unfinished(&self) -> Option<String> {
        Some(self.open.as_ref()?.line().text.clone())
    }

    /// What is kept of what the program wrote, without styles.
    pub(crate) fn program_text(&self) -> String {
        let mut out = String::new();
        for line in self.body.iter().filter(|line| line.kind.is_program()) {
            out.push_str(&line.text);
            if !line.goes_on {
                out.push('\n');
            }
        }
        if let Some(open) = &self.open {
            out.push_str(&open.line().text);
        }
        out
    }

    /// Takes out what the program has written in lines that are finished.
    pub(super) fn take_program_text(&mut self) -> String {
        let mut out = String::new();
        for line in std::mem::take(&mut self.body).into_iter().filter(|line| line.kind.is_program()) {
            out.push_str(&line.text);
            if !line.goes_on {
                out.push('\n');
            }
        }
        (self.bytes, self.hits) = (0, 0);
        out
    }

    fn gap_text(&self) -> String {
        let lost = format!("{} lines ({})", thousands(self.dropped), text::bytes(self.dropped_bytes));
        match &self.kept {
            Some(Spooled::Whole) => format!("{lost} before this are in a file: S saves the whole output"),
            Some(Spooled::Until(bytes)) => format!(
                "{lost} before this are not in memory; the file holds the first {}: S saves it",
                text::bytes(*bytes)
            ),
            None => format!("{lost} before this are not kept"),
            Some(Spooled::Nothing(why)) => format!("{lost} before this are not kept: {why}"),
        }
    }
}

/// A number with commas between its thousands.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
