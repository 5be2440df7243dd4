//! Keeps the runs that have ended for the next start, in the order in which they did.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::tui::past::{self, Entry};

/// Jobs that may wait for the disk.
const QUEUE: usize = 64;

/// How long the last ones may take.
const END: Duration = Duration::from_secs(2);

enum Job {
    Add(Vec<Entry>),
    Forget,
}

/// The task that writes, and how it is told what.
pub(super) struct Past {
    jobs: mpsc::Sender<Job>,
    task: JoinHandle<()>,
}

impl Past {
    /// One that writes to this file.
    pub(super) fn new(path: PathBuf) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE);
        Self { jobs, task: tokio::spawn(work(path, queue)) }
    }

    pub(super) fn add(&self, entries: Vec<Entry>) {
        self.give(Job::Add(entries));
    }

    pub(super) fn forget(&self) {
        self.give(Job::Forget);
    }

    fn give(&self, job: Job) {
        if self.jobs.try_send(job).is_err() {
            tracing::warn!("the disk does not answer: what was run is not kept");
        }
    }

    /// Writes what isn't yet.
    pub(super) async fn end(self) {
        drop(self.jobs);
        // It panicked, and has told so; or the disk doesn't answer.
        let _ = tokio::time::timeout(END, self.task).await;
    }
}

async fn work(path: PathBuf, mut queue: mpsc::Receiver<Job>) {
    while let Some(job) = queue.recv().await {
        let file = path.clone();
        let done = super::blocking(move || match job {
            Job::Add(entries) => past::append(&file, &entries),
            Job::Forget => past::forget(&file),
        });
        match done.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("{} was not written: {error}", path.display()),
            Err(error) => tracing::warn!("{} was not written: {error}", path.display()),
        }
    }
}
