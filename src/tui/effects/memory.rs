//! Writes what is remembered: a while after it changed, however often it changes, and at the end.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::tui::state::Remembered;

/// How long a change may wait to be written.
const LATE: Duration = Duration::from_secs(5);

/// How long the last writing may take.
const END: Duration = Duration::from_secs(2);

/// The task that writes, and what it is to write.
pub(super) struct Memory {
    newest: watch::Sender<Option<Remembered>>,
    ending: CancellationToken,
    task: JoinHandle<()>,
}

impl Memory {
    /// One that writes to this file.
    pub(super) fn new(path: PathBuf) -> Self {
        let (newest, changes) = watch::channel(None);
        let ending = CancellationToken::new();
        let task = tokio::spawn(keep(path, changes, ending.clone()));
        Self { newest, ending, task }
    }

    /// Has something remembered.
    pub(super) fn keep(&self, what: Remembered) {
        self.newest.send_replace(Some(what));
    }

    /// Writes what isn't yet.
    pub(super) async fn end(self) {
        self.ending.cancel();
        // It panicked, and has told so; or the disk doesn't answer.
        let _ = tokio::time::timeout(END, self.task).await;
    }
}

async fn keep(path: PathBuf, mut changes: watch::Receiver<Option<Remembered>>, ending: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            changed = changes.changed() => if changed.is_err() { return },
            () = ending.cancelled() => return,
        }
        tokio::select! {
            () = ending.cancelled() => {}
            () = tokio::time::sleep(LATE) => {}
        }
        let Some(what) = changes.borrow_and_update().clone() else { continue };
        let to = path.clone();
        match super::blocking(move || what.save(&to)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("{} was not written: {error}", path.display()),
            Err(error) => tracing::warn!("{} was not written: {error}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn place(path: &Path) -> Option<(usize, usize)> {
        Remembered::load(path).0.place(Path::new("/a"))
    }

    fn at(row: usize) -> Remembered {
        let mut what = Remembered::default();
        what.note(Path::new("/a"), (row, 0), true);
        what
    }

    #[tokio::test]
    async fn the_end_writes_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("workbench.json");
        let memory = Memory::new(path.clone());
        memory.keep(at(1));
        memory.keep(at(2));
        assert_eq!(place(&path), None);
        memory.end().await;
        assert_eq!(place(&path), Some((2, 0)));
        Memory::new(path.clone()).end().await;
        assert_eq!(place(&path), Some((2, 0)), "nothing new is nothing to write");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_written_after_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("workbench.json");
        let memory = Memory::new(path.clone());
        memory.keep(at(1));
        let begun = tokio::time::Instant::now();
        while place(&path).is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(begun.elapsed() < LATE * 100);
        }
        assert!(begun.elapsed() >= LATE);
        drop(memory);
    }
}
