//! The executions of a server that somebody follows or may come back to; and how many run at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::journal::Journal;
use crate::protocol::{ErrorKind, ExecutionId, Failure, SessionId};

/// Bytes of output that are kept of executions that are over, all together.
const KEPT_BYTES: usize = 64 << 20;
/// Executions that are over and still known.
const KEPT: usize = 4096;
/// The longest name that is kept for that.
const LONGEST_NAME: usize = 128;
/// Names of executions that are not begun any more.
const DENIED: usize = 4096;
/// How late what was sent over a lost connection may arrive: longer than that lives on without a sign.
const TOO_LATE: Duration = Duration::from_secs(600);
/// So much may end before what is kept is looked through: in bytes of output, each execution counted as some more.
const UNSEEN: usize = 8 << 20;
const EACH: usize = 32 << 10;

/// The journals, by execution.
#[derive(Debug)]
pub struct Executions {
    journals: Mutex<HashMap<ExecutionId, Arc<Journal>>>,
    /// Those that somebody was told are not known here, and when.
    denied: Mutex<HashMap<ExecutionId, Instant>>,
    running: Arc<Count>,
    most: usize,
    kept: Duration,
    /// What has ended since that was looked through.
    unseen: AtomicUsize,
}

#[derive(Debug, Default)]
struct Count {
    running: AtomicUsize,
    ended: Notify,
}

/// Where places among those that run are taken without asking whether there are any.
#[derive(Clone, Debug)]
pub struct Places(Arc<Count>);

impl Places {
    pub fn take(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        Running(self.0.clone())
    }
}

/// A place among those that run at once.
#[derive(Debug)]
pub struct Running(Arc<Count>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_one();
    }
}

impl Executions {
    pub fn new(most: usize, kept: Duration) -> Self {
        Self {
            journals: Mutex::default(),
            denied: Mutex::default(),
            running: Arc::default(),
            most,
            kept,
            unseen: AtomicUsize::new(0),
        }
    }

    fn journals(&self) -> MutexGuard<'_, HashMap<ExecutionId, Arc<Journal>>> {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place among those that run at once.
    pub fn admit(&self) -> Result<Running, Failure> {
        let running = Running(self.running.clone());
        if self.running.running.fetch_add(1, Ordering::AcqRel) >= self.most {
            let message = format!("{} executions wait or run on this server, which is the limit", self.most);
            return Err(Failure::new(ErrorKind::LimitReached, message, "wait for one of them to end"));
        }
        Ok(running)
    }

    /// For those who are bounded otherwise.
    pub fn places(&self) -> Places {
        Places(self.running.clone())
    }

    /// How many wait or run.
    pub fn running(&self) -> usize {
        self.running.running.load(Ordering::Acquire)
    }

    /// Waits until one ends; for one who waits.
    pub async fn ended(&self) {
        self.running.ended.notified().await;
    }

    /// Makes one known. Another of the same name that is over makes place for it.
    pub fn enter(&self, journal: &Arc<Journal>) {
        self.journals().insert(journal.execution.clone(), journal.clone());
    }

    pub fn find(&self, id: &ExecutionId) -> Option<Arc<Journal>> {
        self.journals().get(id).cloned()
    }

    /// The one that somebody asks to follow. One that is not known will never be: who has sent it over a connection that
    /// was lost takes that for an answer, and what still arrives over that is too late.
    pub fn find_or_deny(&self, id: &ExecutionId) -> Option<Arc<Journal>> {
        let found = self.find(id);
        if found.is_none() {
            let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            if denied.len() >= DENIED {
                denied.retain(|_, since| now.duration_since(*since) < TOO_LATE);
            }
            if denied.len() < DENIED && id.0.len() <= LONGEST_NAME {
                denied.insert(id.clone(), now);
            }
        }
        found
    }

    /// Whether one may still be begun under this name.
    pub fn may_begin(&self, id: Option<&ExecutionId>) -> Result<(), Failure> {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = id.and_then(|id| denied.remove(id)) else { return Ok(()) };
        if since.elapsed() >= TOO_LATE {
            return Ok(());
        }
        let message = "it was told that this execution is not known here, before it arrived";
        Err(Failure::new(ErrorKind::InvalidParams, message, "take a new executionId"))
    }

    /// Those that run in sessions that `of` picks.
    pub fn running_where(&self, of: impl Fn(&SessionId) -> bool) -> Vec<Arc<Journal>> {
        let journals = self.journals();
        let running = journals.values().filter(|journal| journal.ended().is_none() && of(&journal.session));
        running.cloned().collect()
    }

    /// Its end was told to whoever asked for it: nobody comes back for it.
    pub fn forget(&self, journal: &Arc<Journal>) {
        let mut journals = self.journals();
        if journals.get(&journal.execution).is_some_and(|known| Arc::ptr_eq(known, journal)) {
            journals.remove(&journal.execution);
        }
    }

    /// One is over. Now and then, not for each, what is too much is forgotten.
    pub fn ended_with(&self, bytes: usize) {
        if self.unseen.fetch_add(bytes + EACH, Ordering::AcqRel) >= UNSEEN {
            self.unseen.store(0, Ordering::Release);
            self.prune(Instant::now());
        }
    }

    /// Forgets what is over for too long, and the oldest of what is too much.
    pub fn prune(&self, now: Instant) {
        let mut journals = self.journals();
        // One who is slow says what he has taken by the execution's name. What he holds is with his connection anyway.
        let ended = |journal: &Journal| journal.ended().filter(|_| !journal.is_held());
        journals.retain(|_, journal| ended(journal).is_none_or(|at| now.duration_since(at) < self.kept));
        let mut over: Vec<(Instant, ExecutionId, usize)> = journals
            .values()
            .filter_map(|journal| Some((ended(journal)?, journal.execution.clone(), journal.bytes())))
            .collect();
        over.sort_unstable_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let mut bytes = 0;
        for (count, (_, id, size)) in over.into_iter().enumerate() {
            bytes += size;
            if bytes > KEPT_BYTES || count >= KEPT {
                journals.remove(&id);
            }
        }
    }
}
