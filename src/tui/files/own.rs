//! The files of a session that its person put there from here: what a run must not write over, and closing asks about.

use std::collections::BTreeMap;

use crate::tui::workspace::Seen;

/// Their paths, each with its content as far as that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnFiles(BTreeMap<String, Option<Seen>>);

impl OwnFiles {
    /// A file or directory was made, saved or sent there.
    pub(crate) fn put(&mut self, path: String, seen: Option<Seen>) {
        self.0.insert(path, seen);
    }

    /// A run has written its person's own text into its file.
    pub(crate) fn rewritten(&mut self, path: &str, seen: Seen) {
        if let Some(known) = self.0.get_mut(path) {
            *known = Some(seen);
        }
    }

    /// It goes, with all that is in it.
    pub(crate) fn remove(&mut self, path: &str) {
        self.0.retain(|of, _| below(of, path).is_none());
    }

    /// It has another path now, and so has all that is in it.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let all = std::mem::take(&mut self.0).into_iter();
        self.0 = all
            .map(|(path, seen)| match below(&path, from) {
                Some(rest) => (format!("{to}{rest}"), seen),
                None => (path, seen),
            })
            .collect();
    }

    /// Its content, if it is one of them; within, whether that is known.
    pub(crate) fn get(&self, path: &str) -> Option<Option<Seen>> {
        self.0.get(path).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What is left of a path behind another that is it or holds it.
fn below<'a>(path: &'a str, of: &str) -> Option<&'a str> {
    path.strip_prefix(of).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_move_and_go_with_what_holds_them() {
        let mut own = OwnFiles::default();
        for path in ["a/b.py", "a.py", "ab/c"] {
            own.put(path.to_owned(), None);
        }
        own.rename("a", "x/y");
        assert_eq!((own.get("x/y/b.py"), own.get("a/b.py"), own.get("a.py")), (Some(None), None, Some(None)));
        let seen = Seen::of(b"1");
        own.rewritten("a.py", seen);
        own.rewritten("other", seen);
        assert_eq!((own.get("a.py"), own.get("other")), (Some(Some(seen)), None));
        own.remove("x");
        assert_eq!(own.len(), 2);
    }
}
