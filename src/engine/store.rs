//! The directories that sessions have on this machine.
//!
//! Each engine has a directory of its own below `sessions`, held by a lock for as long as the engine lives; the
//! kernel lets go of it however the engine ends. What nobody holds any more is removed by the next engine.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::agent::remove_tree;
use crate::protocol::SessionId;

/// The directory of one engine.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// The lock ends with it.
    _lock: File,
}

impl Store {
    /// Makes a directory for this engine below `sessions`.
    pub fn open(sessions: &Path) -> io::Result<Self> {
        // A root's sessions may have users of their own, who must pass; what is below is as private as it says.
        DirBuilder::new().recursive(true).mode(0o711).create(sessions)?;
        loop {
            let root = sessions.join(SessionId::random().0);
            // The lock is held before the directory can be seen, so that nobody takes it for an abandoned one.
            let path = root.with_extension("lock");
            let lock = File::create_new(&path)?;
            lock.lock()?;
            // Another engine may have taken the file away in between, before it was locked.
            if path.exists() {
                private_directory(&root)?;
                return Ok(Self { root, _lock: lock });
            }
        }
    }

    /// A new, empty directory for a session.
    pub fn create(&self, session: &SessionId) -> io::Result<PathBuf> {
        let path = self.path(session);
        private_directory(&path)?;
        Ok(path)
    }

    /// Where a session's directory is.
    pub fn path(&self, session: &SessionId) -> PathBuf {
        self.root.join(&session.0)
    }

    /// Removes the directories of engines that are gone. One that can't be removed now is tried again next time.
    pub fn reap(&self) -> io::Result<usize> {
        let sessions = self.root.parent().unwrap_or(&self.root);
        let mut reaped = 0;
        for entry in std::fs::read_dir(sessions)?.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|e| e != "lock") {
                continue;
            }
            // Held until the end, so that nobody begins to use what is being removed.
            if let Some(_lock) = abandoned(&path) {
                let root = path.with_extension("");
                let removed = remove_tree(&root).and_then(|()| std::fs::remove_file(&path));
                match removed {
                    Ok(()) => reaped += 1,
                    Err(e) => tracing::warn!("can't remove {}: {e}", root.display()),
                }
            }
        }
        Ok(reaped)
    }

    /// Removes this engine's own directory; what is left in it is left to the next engine.
    pub fn close(&self) {
        if remove_tree(&self.root).is_ok() {
            let _ = std::fs::remove_file(self.root.with_extension("lock"));
        }
    }
}

/// The lock, where nobody holds it.
fn abandoned(lock: &Path) -> Option<File> {
    let file = File::open(lock).ok()?;
    match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

/// A directory that only its owner may look into.
fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_engine_left_is_removed_and_what_a_living_one_has_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let living = Store::open(dir.path()).unwrap();
        let kept = living.create(&SessionId::random()).unwrap();
        let dead = Store::open(dir.path()).unwrap();
        let left = dead.create(&SessionId::random()).unwrap();
        std::fs::write(left.join("file"), "x").unwrap();
        drop(dead);
        let next = Store::open(dir.path()).unwrap();
        assert_eq!(next.reap().unwrap(), 1);
        assert!(kept.exists() && !left.exists());
        next.close();
        living.close();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn engines_that_begin_at_once_leave_each_other_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let store = Store::open(dir.path()).unwrap();
                        store.reap().unwrap();
                        let kept = store.create(&SessionId::random()).unwrap();
                        store.reap().unwrap();
                        assert!(kept.exists());
                        store.close();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
