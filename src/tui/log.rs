//! Everything that was told since the workbench opened, the newest last and a bounded part of it; and those warnings
//! and failures that still wait to be seen, because something else was told over them.

use std::collections::VecDeque;
use std::time::Duration;

use super::model::{Notice, Verdict};

/// Notices that are kept.
const KEPT: usize = 500;
/// Notices that wait to be shown again.
const WAITING: usize = 20;
/// How long what is only said stays on the screen.
pub(crate) const SHOWN: Duration = Duration::from_secs(5);

/// A notice with when it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: Duration,
    pub(crate) notice: Notice,
    /// How often it was told in a row.
    pub(crate) times: u32,
}

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// So many older ones are not kept.
    pub(crate) dropped: u64,
    waiting: Vec<Notice>,
}

impl Notice {
    /// It stays until somebody has seen it; what is only said goes by itself.
    pub(crate) fn stays(&self) -> bool {
        matches!(self.verdict, Verdict::Warn | Verdict::Fail)
    }
}

impl Log {
    /// Keeps a notice. The same one again only counts.
    pub(crate) fn push(&mut self, notice: Notice, at: Duration) {
        if let Some(last) = self.entries.back_mut().filter(|last| last.notice == notice) {
            (last.at, last.times) = (at, last.times.saturating_add(1));
            return;
        }
        if self.entries.len() >= KEPT {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(Entry { at, notice, times: 1 });
    }

    /// Those that hold a text, the newest first.
    pub(crate) fn newest_first(&self, held: &str) -> impl Iterator<Item = &Entry> {
        let held = held.to_lowercase();
        let holds = move |entry: &&Entry| {
            let Notice { message, hint, .. } = &entry.notice;
            [message, hint].iter().any(|text| text.to_lowercase().contains(&held))
        };
        self.entries.iter().rev().filter(holds)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Has a notice shown again once what was told over it is gone; of too many the oldest is in the log alone.
    pub(crate) fn wait(&mut self, notice: Notice) {
        self.waiting.retain(|other| *other != notice);
        if self.waiting.len() >= WAITING {
            self.waiting.remove(0);
        }
        self.waiting.push(notice);
    }

    /// The newest that waits.
    pub(crate) fn next_waiting(&mut self) -> Option<Notice> {
        self.waiting.pop()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What waited was dealt with.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(message: &str) -> Notice {
        Notice { verdict: Verdict::Warn, message: message.to_owned(), hint: String::new() }
    }

    #[test]
    fn a_bounded_part_is_kept_and_the_rest_is_counted() {
        let mut log = Log::default();
        for n in 0..KEPT + 7 {
            log.push(notice(&n.to_string()), Duration::from_secs(n as u64));
        }
        assert_eq!((log.len(), log.dropped), (KEPT, 7));
        assert_eq!(
            log.newest_first("").next().map(|e| e.notice.message.clone()),
            Some((KEPT + 6).to_string())
        );
        log.push(notice("again"), Duration::ZERO);
        log.push(notice("again"), Duration::from_secs(1));
        let found: Vec<_> = log.newest_first("AGAIN").map(|e| (e.at, e.times)).collect();
        assert_eq!(found, [(Duration::from_secs(1), 2)]);
    }

    #[test]
    fn what_waits_comes_back_once_and_the_newest_first() {
        let mut log = Log::default();
        for n in 0..WAITING + 3 {
            log.wait(notice(&n.to_string()));
        }
        log.wait(notice("5"));
        assert_eq!(log.waiting(), WAITING);
        assert_eq!(log.next_waiting(), Some(notice("5")));
        assert_eq!(log.next_waiting(), Some(notice(&(WAITING + 2).to_string())));
        log.forget_waiting();
        assert_eq!(log.next_waiting(), None);
    }
}
