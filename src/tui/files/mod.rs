//! What the files pane knows: the workspace of one session as far as it was listed, what is chosen in it, what is
//! typed to filter it, what can be written back, and what is being done.
//!
//! Nothing here asks anybody: `update::files` does.

mod own;
mod queue;
mod tree;

use std::collections::VecDeque;
use std::time::Duration;

use super::widget::field::Field;
use super::workspace::{Kept, MOST_KEPT, Task};
use crate::protocol::SessionId;

pub(crate) use own::OwnFiles;
pub(crate) use queue::Queues;
pub(crate) use tree::{Entry, Row, Tree, What};

/// The most deletions that can be taken back.
const MOST_UNDONE: usize = 64;
/// Two clicks within this time are one that opens.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

/// A command of the pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilesCmd {
    Open,
    Expand,
    Collapse,
    Last,
    Filter,
    Refresh,
    Hidden,
    NewFile,
    NewDirectory,
    Rename,
    Copy,
    Delete,
    Undo,
    Upload,
    Download,
}

/// The pane.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Whose workspace is shown.
    pub(crate) session: Option<SessionId>,
    pub(crate) tree: Tree,
    /// What the pane shows, from the tree and the filter.
    pub(crate) rows: Vec<Row>,
    pub(crate) selected: usize,
    /// The first row on the screen, when that was looked at last.
    first: usize,
    /// What is typed to filter.
    pub(crate) filter: Field,
    /// It is being typed.
    pub(crate) filtering: bool,
    /// Names that begin with a dot are shown.
    pub(crate) hidden: bool,
    /// What is shown may no longer be so.
    pub(crate) stale: bool,
    /// What is to be chosen when it is listed.
    pub(crate) wanted: Option<String>,
    /// What can be written back, the oldest first.
    kept: VecDeque<(SessionId, Kept)>,
    pub(crate) queues: Queues,
    clicked: Option<(usize, Duration)>,
}

impl Files {
    /// Shows another session's workspace, of which nothing is known yet.
    pub(crate) fn show(&mut self, session: Option<SessionId>) {
        self.stale = session.is_some();
        self.session = session;
        self.tree = Tree::default();
        (self.selected, self.first) = (0, 0);
        (self.filter, self.filtering) = (Field::default(), false);
        (self.wanted, self.clicked) = (None, None);
        self.arrange();
    }

    /// Makes the rows anew, and keeps the choice where it was.
    pub(crate) fn arrange(&mut self) {
        let chosen = self.rows.get(self.selected).map(|row| row.path.clone());
        self.rows =
            if self.session.is_some() { self.tree.rows(self.filter.text().trim()) } else { Vec::new() };
        let wanted = self.wanted.take_if(|wanted| self.rows.iter().any(|row| row.is_entry(wanted)));
        if let Some(path) = wanted.or(chosen)
            && let Some(at) = self.rows.iter().position(|row| row.path == path)
        {
            self.selected = at;
        }
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    /// The chosen file or directory.
    pub(crate) fn chosen(&self) -> Option<(&str, &Entry)> {
        self.rows.get(self.selected).and_then(Row::entry)
    }

    /// Chooses what is at a path as soon as it is listed, and opens the directories that hold it.
    pub(crate) fn want(&mut self, path: String) {
        for (at, _) in path.match_indices('/') {
            self.tree.open(path.get(..at).unwrap_or_default());
        }
        self.wanted = Some(path);
        self.stale = true;
    }

    /// Chooses a row, in a pane that shows so many.
    pub(crate) fn choose(&mut self, at: usize, height: usize) {
        self.selected = at.min(self.rows.len().saturating_sub(1));
        self.wanted = None;
        self.first = self.first_shown(height);
    }

    /// The first of so many rows on the screen: as before, but the chosen one is among them.
    pub(crate) fn first_shown(&self, height: usize) -> usize {
        let least = (self.selected + 1).saturating_sub(height);
        let most = self.rows.len().saturating_sub(height).max(least);
        self.first.min(most).clamp(least, self.selected.max(least))
    }

    /// Takes a click at a row. True: the second of two, which opens.
    pub(crate) fn click(&mut self, row: usize, now: Duration) -> bool {
        let again =
            self.clicked.take_if(|(at, then)| *at == row && now.saturating_sub(*then) <= DOUBLE_CLICK);
        if again.is_none() {
            self.clicked = Some((row, now));
        }
        again.is_some()
    }

    /// Keeps what was deleted, and forgets the oldest where that is too much.
    pub(crate) fn keep(&mut self, session: SessionId, kept: Kept) {
        self.kept.push_back((session, kept));
        let size = |kept: &Kept| kept.content.as_ref().map_or(0, |content| content.len() as u64);
        while self.kept.len() > MOST_UNDONE
            || self.kept.iter().map(|(_, kept)| size(kept)).sum::<u64>() > MOST_KEPT
        {
            self.kept.pop_front();
        }
    }

    /// What was deleted last in this session.
    pub(crate) fn take_back(&mut self, session: &SessionId) -> Option<Kept> {
        let at = self.kept.iter().rposition(|(of, _)| of == session)?;
        self.kept.remove(at).map(|(_, kept)| kept)
    }

    /// Forgets what was of sessions that are gone, and gives what was still to be done there.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&SessionId) -> bool) -> Vec<Task> {
        self.kept.retain(|(of, _)| is_there(of));
        self.queues.retain(is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn kept(path: &str, size: usize) -> Kept {
        Kept { path: path.to_owned(), content: Some(Bytes::from(vec![0; size])), mode: "0644".to_owned() }
    }

    #[test]
    fn what_is_kept_is_bounded_and_of_its_session() {
        let mut files = Files::default();
        let (a, b) = (SessionId::from("a"), SessionId::from("b"));
        files.keep(a.clone(), kept("one", 5 << 20));
        files.keep(b.clone(), kept("two", 1 << 20));
        files.keep(a.clone(), kept("three", 4 << 20));
        assert_eq!(files.take_back(&a).map(|kept| kept.path), Some("three".to_owned()));
        assert_eq!(files.take_back(&a), None, "the oldest had to go");
        files.retain(|id| *id == a);
        assert_eq!(files.take_back(&b), None);
        for n in 0..MOST_UNDONE + 9 {
            files.keep(a.clone(), kept(&n.to_string(), 1));
        }
        assert_eq!(files.kept.len(), MOST_UNDONE);
    }

    #[test]
    fn two_clicks_on_a_row_open_it() {
        let mut files = Files::default();
        let at = Duration::from_millis;
        assert!(!files.click(1, at(0)) && files.click(1, at(300)));
        assert!(!files.click(1, at(350)), "a third begins anew");
        assert!(!files.click(2, at(400)) && !files.click(2, at(900)));
    }
}
