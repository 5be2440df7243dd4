//! The messages that passed between the workbench and its engine: a bounded ring, and what of it is looked at.

use std::collections::VecDeque;
use std::time::Duration;

use super::text;
use super::widget::field::Field;
use crate::engine::{Frame, FrameKind};

/// The most messages kept.
pub(crate) const MAX_MESSAGES: usize = 1000;
/// The most bytes kept.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Levels of nesting that are shown by indentation; what is deeper is not moved further.
const MAX_INDENT: usize = 24;

/// A message that passed.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// When it was heard of, since the engine is used.
    pub(crate) at: Duration,
    pub(crate) frame: Frame,
    /// The filter lets it through.
    fits: bool,
}

impl Entry {
    /// What it is, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self.frame.kind {
            FrameKind::Request { .. } => "request",
            FrameKind::Answer { ok: true, .. } => "answer",
            FrameKind::Answer { ok: false, .. } => "error",
            FrameKind::Notification { .. } => "event",
        }
    }

    /// What it asks, answers or tells of; `?` where that is not known.
    pub(crate) fn method(&self) -> &str {
        let (FrameKind::Request { method, .. }
        | FrameKind::Answer { method, .. }
        | FrameKind::Notification { method }) = &self.frame.kind;
        if method.is_empty() { "?" } else { method }
    }

    pub(crate) fn id(&self) -> &str {
        match &self.frame.kind {
            FrameKind::Request { id, .. } | FrameKind::Answer { id, .. } => id,
            FrameKind::Notification { .. } => "",
        }
    }

    pub(crate) fn took(&self) -> Option<Duration> {
        match self.frame.kind {
            FrameKind::Answer { took, .. } => took,
            _ => None,
        }
    }

    /// More of it passed than is kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.frame.bytes > Frame::KEPT
    }

    fn fits(&self, typed: &str) -> bool {
        let holds = |text: &str| text.to_lowercase().contains(typed);
        typed.is_empty() || holds(self.method()) || self.kind() == typed || holds(&self.frame.text)
    }

    fn bytes(&self) -> usize {
        self.frame.text.len() + self.method().len() + self.id().len() + std::mem::size_of::<Self>()
    }
}

/// The messages, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// How many were dropped to keep within the bounds: the number of the first that is kept.
    dropped: u64,
    /// How many came too fast to be heard.
    pub(crate) missed: u64,
    /// When the engine began to be used.
    begun: Duration,
    /// The number of the chosen one; `None`: the newest, whichever that is.
    chosen: Option<u64>,
    /// The number of the first one in the list, where the newest isn't chosen.
    top: u64,
    pub(crate) filter: Field,
    /// The filter is being typed.
    pub(crate) filtering: bool,
    /// The chosen one is read, not chosen among the others.
    pub(crate) reading: bool,
    /// Lines of it that are above.
    pub(crate) above: usize,
}

impl Wire {
    /// No messages, of an engine that is used from now on.
    pub(crate) fn begin(now: Duration) -> Self {
        Self { begun: now, ..Self::default() }
    }

    /// Keeps a message; the oldest go where there is no room.
    pub(crate) fn push(&mut self, frame: Frame, now: Duration) {
        let mut entry = Entry { at: now.saturating_sub(self.begun), frame, fits: false };
        entry.fits = entry.fits(&self.wanted());
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.entries.len() > MAX_MESSAGES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.dropped += 1;
        }
    }

    fn wanted(&self) -> String {
        self.filter.text().trim().to_lowercase()
    }

    /// The filter was changed.
    pub(crate) fn filter(&mut self) {
        let wanted = self.wanted();
        for entry in &mut self.entries {
            entry.fits = entry.fits(&wanted);
        }
        self.above = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn follows(&self) -> bool {
        self.chosen.is_none()
    }

    /// Those that the filter lets through, with their numbers.
    pub(crate) fn shown(&self) -> Vec<(u64, &Entry)> {
        let numbered = (self.dropped..).zip(&self.entries);
        numbered.filter(|(_, entry)| entry.fits).collect()
    }

    /// The place of the chosen one among those shown: its own, or that of the next that is still there.
    pub(crate) fn place(&self, shown: &[(u64, &Entry)]) -> usize {
        let last = shown.len().saturating_sub(1);
        let Some(chosen) = self.chosen else { return last };
        shown.iter().position(|(number, _)| *number >= chosen).unwrap_or(last)
    }

    /// The place of the first one in a list of so many rows.
    pub(crate) fn first(&self, shown: &[(u64, &Entry)], rows: usize) -> usize {
        let place = self.place(shown);
        let last = shown.len().saturating_sub(rows);
        if self.chosen.is_none() {
            return last;
        }
        let top = shown.iter().position(|(number, _)| *number >= self.top).unwrap_or(last);
        top.min(place).max((place + 1).saturating_sub(rows)).min(last)
    }

    pub(crate) fn chosen(&self) -> Option<&Entry> {
        let shown = self.shown();
        shown.get(self.place(&shown)).map(|(_, entry)| *entry)
    }

    /// Chooses the one so many places further; beyond the last, the newest is followed again.
    pub(crate) fn choose(&mut self, by: i64, rows: usize) {
        let shown = self.shown();
        let at = i64::try_from(self.place(&shown)).unwrap_or(i64::MAX).saturating_add(by).max(0);
        let at = usize::try_from(at).unwrap_or(0);
        let (chosen, first) = (shown.get(at).map(|(number, _)| *number), self.first(&shown, rows));
        let top = shown.get(first).map_or(0, |(number, _)| *number);
        (self.chosen, self.top, self.above) = (chosen, top, 0);
    }

    /// Follows the newest, or stays at the one that is the newest now.
    pub(crate) fn pause(&mut self, rows: usize) {
        if self.follows() {
            self.choose(0, rows);
        } else {
            self.follow();
        }
    }

    pub(crate) fn follow(&mut self) {
        (self.chosen, self.above) = (None, 0);
    }
}

/// A message laid out over lines, each token to the letter as it passed: what is no JSON, or was cut, is laid out as
/// far as it goes.
pub(crate) fn layout(message: &str) -> Vec<String> {
    let mut out = Lines::default();
    let mut letters = message.chars().peekable();
    let (mut quoted, mut escaped) = (false, false);
    while let Some(c) = letters.next() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            out.line.push(c);
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                out.line.push(c);
            }
            '{' | '[' => {
                out.line.push(c);
                while letters.next_if(|c| c.is_whitespace()).is_some() {}
                match letters.next_if(|c| matches!(c, '}' | ']')) {
                    Some(end) => out.line.push(end),
                    None => out.turn(out.depth + 1),
                }
            }
            '}' | ']' => {
                out.turn(out.depth.saturating_sub(1));
                out.line.push(c);
            }
            ',' => {
                out.line.push(c);
                out.turn(out.depth);
            }
            ':' => out.line.push_str(": "),
            c if c.is_whitespace() => {}
            c => out.line.push(c),
        }
    }
    out.turn(0);
    out.lines
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    line: String,
    depth: usize,
}

impl Lines {
    /// Ends a line and begins another at a depth.
    fn turn(&mut self, depth: usize) {
        if !self.line.trim().is_empty() {
            self.lines.push(std::mem::take(&mut self.line));
        }
        self.depth = depth;
        self.line = "  ".repeat(depth.min(MAX_INDENT));
    }
}

/// The lines of a message where so many cells are in a row; those too long go on in the next.
pub(crate) fn lines(entry: &Entry, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> =
        layout(&entry.frame.text).iter().flat_map(|line| text::broken(line, cells.max(1))).collect();
    if entry.is_cut() {
        let all = text::bytes(entry.frame.bytes as u64);
        lines.push(format!("(the rest of {all} is not kept)"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn frame(method: &str, text: &str) -> Frame {
        let kind = FrameKind::Notification { method: method.to_owned() };
        Frame { sent: false, kind, bytes: text.len(), text: Arc::from(text) }
    }

    #[test]
    fn a_message_is_laid_out_to_the_letter() {
        let json = r#"{"jsonrpc":"2.0","id":1.0e2,"params":{"code":"a{,:\"\\","list":[1,[],{ }]}}"#;
        let want = [
            "{",
            r#"  "jsonrpc": "2.0","#,
            r#"  "id": 1.0e2,"#,
            r#"  "params": {"#,
            r#"    "code": "a{,:\"\\","#,
            r#"    "list": ["#,
            "      1,",
            "      [],",
            "      {}",
            "    ]",
            "  }",
            "}",
        ];
        assert_eq!(layout(json), want);
        assert_eq!(layout(r#"{"cut":"in the mid"#), ["{", r#"  "cut": "in the mid"#]);
        assert_eq!(layout(""), Vec::<String>::new());
    }

    #[test]
    fn a_hostile_message_does_not_swell() {
        let deep = "[".repeat(Frame::KEPT);
        let size: usize = layout(&deep).iter().map(String::len).sum();
        assert!(size <= Frame::KEPT * (2 * MAX_INDENT + 1), "{size}");
    }

    #[test]
    fn messages_are_bounded_in_number_and_size() {
        let mut wire = Wire::default();
        for n in 0..MAX_MESSAGES + 7 {
            wire.push(frame(&n.to_string(), "{}"), Duration::ZERO);
        }
        assert_eq!((wire.len(), wire.dropped()), (MAX_MESSAGES, 7));
        let long = "x".repeat(Frame::KEPT);
        for _ in 0..500 {
            wire.push(frame("long", &long), Duration::ZERO);
        }
        assert!(wire.bytes <= MAX_BYTES && wire.len() < 140, "{} in {}", wire.bytes, wire.len());
    }

    #[test]
    fn the_list_stands_still_while_it_is_paused() {
        let mut wire = Wire::default();
        let push = |wire: &mut Wire, from: usize, to: usize| {
            (from..to).for_each(|n| wire.push(frame(&n.to_string(), "{}"), Duration::ZERO));
        };
        let first = |wire: &Wire| {
            let shown = wire.shown();
            (wire.first(&shown, 10), wire.place(&shown))
        };
        push(&mut wire, 0, 50);
        assert_eq!(first(&wire), (40, 49));
        wire.pause(10);
        push(&mut wire, 50, 60);
        assert_eq!(first(&wire), (40, 49));
        wire.choose(-9, 10);
        assert_eq!(first(&wire), (40, 40));
        wire.choose(-1, 10);
        assert_eq!(first(&wire), (39, 39));
        wire.choose(100, 10);
        assert!(wire.follows());
        assert_eq!(first(&wire), (50, 59));
        // What it stood at is gone: the next one takes its place.
        wire.choose(-30, 10);
        push(&mut wire, 60, 60 + MAX_MESSAGES);
        assert_eq!(first(&wire), (0, 0));
    }
}
