//! A workspace as far as it was listed: directories, which of them are open, and the rows that makes.
//!
//! Names come from programs: they are kept as they came to be asked for again, and beside that as they may be drawn.

use std::collections::BTreeMap;

use crate::protocol::{DirectoryEntry, EntryKind};
use crate::tui::overlay::score;
use crate::tui::text;
use crate::tui::workspace::{is_known, is_plain, join, parent};

/// The most entries of a directory that are kept.
const MOST_ENTRIES: usize = 1000;
/// The most directories that are kept.
const MOST_DIRECTORIES: usize = 128;
/// The most rows that a filter gives.
const MOST_FOUND: usize = 1000;

/// A file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name as it may be drawn.
    pub(crate) shown: String,
    pub(crate) kind: EntryKind,
    pub(crate) size: u64,
    /// It can be asked for by its name.
    pub(crate) known: bool,
    name: String,
}

impl Entry {
    fn of(entry: DirectoryEntry) -> Self {
        let shown = text::sanitise(&entry.name).into_owned();
        let known = is_known(&entry.name);
        Self { shown, kind: entry.kind, size: entry.size, known, name: entry.name }
    }
}

#[derive(Debug, Default)]
struct Directory {
    open: bool,
    /// It was listed once.
    listed: bool,
    entries: Vec<Entry>,
    /// So many more were told and are not kept.
    more: usize,
    /// There are still more.
    truncated: bool,
    /// Why it could not be listed the last time.
    failed: Option<String>,
}

/// The directories, by their paths; the workspace is the empty one.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    directories: BTreeMap<String, Directory>,
}

/// What a row shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A file, or a directory that is open or not.
    Entry { entry: Entry, open: bool },
    /// Something about the directory.
    Note(String),
    /// Why it can't be shown.
    Failed(String),
}

/// A row of the pane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Of the entry; of a note that of its directory with a slash.
    pub(crate) path: String,
    pub(crate) depth: usize,
    pub(crate) what: What,
}

impl Row {
    pub(crate) fn entry(&self) -> Option<(&str, &Entry)> {
        match &self.what {
            What::Entry { entry, .. } => Some((&self.path, entry)),
            What::Note(_) | What::Failed(_) => None,
        }
    }

    pub(crate) fn is_entry(&self, path: &str) -> bool {
        self.path == path && self.entry().is_some()
    }
}

impl Tree {
    /// Opens a directory. True: it has to be listed.
    pub(crate) fn open(&mut self, path: &str) -> bool {
        if !self.directories.contains_key(path) && self.directories.len() >= MOST_DIRECTORIES {
            self.forget_one();
        }
        let directory = self.directories.entry(path.to_owned()).or_default();
        directory.open = true;
        !directory.listed || directory.failed.is_some()
    }

    /// Makes room for another directory.
    fn forget_one(&mut self) {
        let closed = self.directories.iter().find(|(path, directory)| !path.is_empty() && !directory.open);
        let first = closed.or_else(|| self.directories.iter().find(|(path, _)| !path.is_empty()));
        if let Some(path) = first.map(|(path, _)| path.clone()) {
            self.remove(&path);
        }
    }

    pub(crate) fn close(&mut self, path: &str) {
        if let Some(directory) = self.directories.get_mut(path) {
            directory.open = false;
        }
    }

    pub(crate) fn is_open(&self, path: &str) -> bool {
        self.directories.get(path).is_some_and(|directory| directory.open)
    }

    /// The workspace was listed once.
    pub(crate) fn is_listed(&self) -> bool {
        self.directories.get("").is_some_and(|directory| directory.listed)
    }

    /// How many entries the workspace itself has, as far as that is known.
    pub(crate) fn count(&self) -> Option<(usize, bool)> {
        let root = self.directories.get("").filter(|root| root.listed)?;
        Some((root.entries.len() + root.more, root.truncated))
    }

    /// The directories that are on the screen, and so have to be right.
    pub(crate) fn open_ones(&self) -> Vec<String> {
        let mut shown: Vec<String> = Vec::new();
        for (path, directory) in &self.directories {
            let above = path.is_empty() || shown.iter().any(|shown| shown == parent(path));
            if directory.open && above {
                shown.push(path.clone());
            }
        }
        shown
    }

    /// A directory was listed. False: nothing is shown otherwise than before.
    pub(crate) fn listed(&mut self, path: &str, entries: Vec<DirectoryEntry>, truncated: bool) -> bool {
        let Some(directory) = self.directories.get_mut(path) else { return false };
        let mut entries: Vec<Entry> =
            entries.into_iter().filter(|entry| is_plain(&entry.name)).map(Entry::of).collect();
        let key = |entry: &Entry| (entry.kind != EntryKind::Directory, entry.shown.to_lowercase());
        entries.sort_by_cached_key(key);
        let more = entries.len().saturating_sub(MOST_ENTRIES);
        entries.truncate(MOST_ENTRIES);
        let same = directory.listed
            && directory.failed.is_none()
            && (directory.more, directory.truncated) == (more, truncated)
            && directory.entries == entries;
        let open = directory.open;
        *directory = Directory { open, listed: true, entries, more, truncated, failed: None };
        if !same {
            self.prune(path);
        }
        !same
    }

    /// A directory could not be listed.
    pub(crate) fn failed(&mut self, path: &str, why: String) {
        if let Some(directory) = self.directories.get_mut(path) {
            directory.failed = Some(why);
        }
    }

    /// Forgets directories below one that are there no more.
    fn prune(&mut self, path: &str) {
        let Some(directory) = self.directories.get(path) else { return };
        let is_there = |below: &str| {
            directory.entries.iter().any(|e| e.kind == EntryKind::Directory && join(path, &e.name) == below)
        };
        let gone: Vec<String> = self
            .directories
            .keys()
            .filter(|below| !below.is_empty() && parent(below) == path && !is_there(below))
            .cloned()
            .collect();
        gone.iter().for_each(|path| self.remove(path));
    }

    fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.directories.retain(|other, _| other != path && !other.starts_with(&below));
    }

    /// The rows: the open directories, or all that is loaded and fits what is typed.
    pub(crate) fn rows(&self, typed: &str) -> Vec<Row> {
        if typed.is_empty() {
            let mut rows = Vec::new();
            self.add_rows("", 0, &mut rows);
            return rows;
        }
        self.found(typed)
    }

    fn add_rows(&self, path: &str, depth: usize, rows: &mut Vec<Row>) {
        let Some(directory) = self.directories.get(path).filter(|directory| directory.open) else { return };
        let about = |what: What| Row { path: format!("{path}/"), depth, what };
        if let Some(why) = &directory.failed {
            rows.push(about(What::Failed(why.clone())));
        } else if !directory.listed && depth > 0 {
            rows.push(about(What::Note("listing".to_owned())));
        } else if directory.entries.is_empty() && depth > 0 {
            rows.push(about(What::Note("empty".to_owned())));
        }
        for entry in &directory.entries {
            let path = join(path, &entry.name);
            let open = entry.kind == EntryKind::Directory && self.is_open(&path);
            rows.push(Row { path: path.clone(), depth, what: What::Entry { entry: entry.clone(), open } });
            if open {
                self.add_rows(&path, depth + 1, rows);
            }
        }
        match (directory.more, directory.truncated) {
            (0, false) => {}
            (0, true) => rows.push(about(What::Note("and more".to_owned()))),
            (more, false) => rows.push(about(What::Note(format!("and {more} more")))),
            (more, true) => rows.push(about(What::Note(format!("and more than {more} more")))),
        }
    }

    /// All that is loaded and fits, by its path, the best first.
    fn found(&self, typed: &str) -> Vec<Row> {
        let mut found: Vec<(usize, Row)> = Vec::new();
        for (path, directory) in &self.directories {
            for entry in &directory.entries {
                let path = join(path, &entry.name);
                let shown = text::sanitise(&path).into_owned();
                if let Some(score) = score(typed, &shown) {
                    let entry = Entry { shown, ..entry.clone() };
                    found.push((score, Row { path, depth: 0, what: What::Entry { entry, open: false } }));
                }
            }
        }
        found.sort_by_key(|(score, row)| (std::cmp::Reverse(*score), row.path.len()));
        let more = found.len().saturating_sub(MOST_FOUND);
        found.truncate(MOST_FOUND);
        let mut rows: Vec<Row> = found.into_iter().map(|(_, row)| row).collect();
        let note = |words: String| Row { path: "/".to_owned(), depth: 0, what: What::Note(words) };
        if more > 0 {
            rows.push(note(format!("and {more} more")));
        } else if rows.is_empty() {
            rows.push(note("nothing listed fits".to_owned()));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, kind: EntryKind) -> DirectoryEntry {
        let (path, name) = (name.to_owned(), name.to_owned());
        DirectoryEntry { name, path, kind, size: 1, modified: String::new(), mode: String::new() }
    }

    fn files(names: &[&str]) -> Vec<DirectoryEntry> {
        let kind = |name: &str| if name.ends_with('/') { EntryKind::Directory } else { EntryKind::File };
        names.iter().map(|name| entry(name.trim_end_matches('/'), kind(name))).collect()
    }

    fn paths(tree: &Tree, typed: &str) -> Vec<String> {
        tree.rows(typed).into_iter().map(|row| row.path).collect()
    }

    #[test]
    fn directories_come_first_and_open_in_place() {
        let mut tree = Tree::default();
        assert!(tree.open(""));
        assert!(tree.listed("", files(&["b.py", "src/", "A.py"]), false));
        assert_eq!(paths(&tree, ""), ["src", "A.py", "b.py"]);
        assert!(tree.open("src"));
        assert_eq!(paths(&tree, ""), ["src", "src/", "A.py", "b.py"], "it is being listed");
        tree.listed("src", files(&["x.py"]), false);
        assert_eq!(paths(&tree, ""), ["src", "src/x.py", "A.py", "b.py"]);
        assert!(!tree.listed("src", files(&["x.py"]), false), "nothing is new");
        assert_eq!(paths(&tree, "xp"), ["src/x.py"]);
        tree.close("src");
        assert_eq!(paths(&tree, ""), ["src", "A.py", "b.py"]);
        assert_eq!(paths(&tree, "x.py"), ["src/x.py"], "what is loaded is found though it is closed");
        tree.listed("", files(&["b.py"]), false);
        assert_eq!((paths(&tree, ""), tree.open_ones()), (vec!["b.py".to_owned()], vec![String::new()]));
        assert!(tree.open("src"), "what was gone and came back is listed anew");
    }

    #[test]
    fn what_is_not_kept_is_counted() {
        let mut tree = Tree::default();
        tree.open("");
        let many: Vec<DirectoryEntry> =
            (0..MOST_ENTRIES + 234).map(|n| entry(&format!("{n}"), EntryKind::File)).collect();
        tree.listed("", many, true);
        let rows = tree.rows("");
        assert_eq!(rows.len(), MOST_ENTRIES + 1);
        assert_eq!(rows[MOST_ENTRIES].what, What::Note("and more than 234 more".to_owned()));
        assert_eq!(tree.count(), Some((MOST_ENTRIES + 234, true)));
    }

    #[test]
    fn hostile_names_lead_nowhere_and_are_drawn_harmless() {
        let mut tree = Tree::default();
        tree.open("");
        let names = ["..", ".", "", "a/b", "a\0b", "\u{1b}[2J", "caf\u{fffd}"];
        tree.listed("", names.iter().map(|name| entry(name, EntryKind::File)).collect(), false);
        let rows = tree.rows("");
        let shown: Vec<(&str, bool)> =
            rows.iter().filter_map(Row::entry).map(|(_, e)| (e.shown.as_str(), e.known)).collect();
        assert_eq!(shown, [("caf\u{fffd}", false), ("\u{241b}[2J", true)]);
    }

    proptest! {
        #[test]
        fn any_listing_in_any_order_makes_rows_of_bounded_number(
            steps in prop::collection::vec(("[ab/]{0,5}", prop::collection::vec("[ab.]{0,2}/?", 0..5), 0u8..4), 0..60)
        ) {
            let mut tree = Tree::default();
            for (path, names, step) in steps {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                match step {
                    0 => { tree.open(&path); }
                    1 => tree.close(&path),
                    2 => tree.failed(&path, "no".to_owned()),
                    _ => { tree.listed(&path, files(&names), false); }
                }
                let rows = tree.rows("");
                let mut seen: Vec<&str> = rows.iter().filter_map(Row::entry).map(|(path, _)| path).collect();
                prop_assert!(seen.iter().all(|path| !path.starts_with('/') && !path.contains("//")));
                let all = seen.len();
                seen.sort_unstable();
                seen.dedup();
                prop_assert!(all <= 128 * 5 && tree.rows("a").len() <= 128 * 5 + 1);
            }
        }
    }
}
