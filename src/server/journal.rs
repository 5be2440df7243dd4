//! What one execution tells, kept for those who follow it: each from his own place, at his own speed, and again from
//! where he was after his connection was lost. Bounded in bytes: what is over is the oldest that nobody holds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::input::Fed;
use crate::engine::Execution;
use crate::protocol::{
    ExecuteResult, ExecutionEvent, ExecutionId, FinishedNotice, LaggedNotice, Moment, Notice, OutputNotice,
    OutputStream, SessionId,
};

/// Bytes of output that one step of a cursor takes, about.
const STEP_BYTES: usize = 128 << 10;
/// What an entry takes at least, in bytes.
const LEAST: usize = 128;
/// Things that one step of a cursor takes.
const STEP: usize = 64;

/// One thing that happened.
#[derive(Clone, Debug)]
enum Entry {
    Queued,
    Started,
    Output(OutputStream, Bytes),
    /// The engine itself has passed over so many bytes.
    Lagged(u64),
    Finished,
}

#[derive(Debug)]
struct Kept {
    seq: u64,
    /// Bytes of output before it.
    at: u64,
    entry: Entry,
}

/// What one execution has told so far.
#[derive(Debug)]
pub struct Journal {
    pub session: SessionId,
    pub execution: ExecutionId,
    most: usize,
    inner: Mutex<Inner>,
    /// There is something new, or more may be sent.
    news: Notify,
    /// Something was taken, or somebody left.
    room: Notify,
    /// How far the program was fed; held while it is.
    pub fed: Arc<tokio::sync::Mutex<Fed>>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: VecDeque<Kept>,
    next: u64,
    /// Bytes of output that are kept, and that there were.
    bytes: usize,
    total: u64,
    holds: Vec<Arc<Hold>>,
    result: Option<Arc<ExecuteResult>>,
    ended: Option<Instant>,
}

/// One who has output wait for him.
#[derive(Debug)]
struct Hold {
    /// The first that he has not taken.
    taken: AtomicU64,
    gone: AtomicBool,
}

impl Journal {
    pub fn new(session: SessionId, execution: ExecutionId, most: usize) -> Arc<Self> {
        let journal = Self {
            session,
            execution,
            most,
            inner: Mutex::default(),
            news: Notify::new(),
            room: Notify::new(),
            fed: Arc::default(),
        };
        journal.inner().add(Entry::Queued);
        Arc::new(journal)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all that an execution tells, to its end.
    pub async fn record(&self, mut execution: Execution) {
        let mut whole = [Whole::default(), Whole::default()];
        while let Some(event) = execution.next().await {
            match event {
                ExecutionEvent::Started => self.push(Entry::Started).await,
                ExecutionEvent::Lagged { skipped } => self.push(Entry::Lagged(skipped)).await,
                ExecutionEvent::Output { stream, data } => {
                    let data = whole[stream as usize].take(data);
                    if !data.is_empty() {
                        self.push(Entry::Output(stream, data)).await;
                    }
                }
                ExecutionEvent::Finished(result) => {
                    for stream in [OutputStream::Stdout, OutputStream::Stderr] {
                        let rest = std::mem::take(&mut whole[stream as usize].held);
                        if !rest.is_empty() {
                            self.push(Entry::Output(stream, rest.freeze())).await;
                        }
                    }
                    self.inner().result = Some(Arc::from(result));
                }
            }
        }
        self.inner().ended = Some(Instant::now());
        self.push(Entry::Finished).await;
    }

    /// Keeps one more thing; waits while it has no room because somebody holds what there is.
    async fn push(&self, entry: Entry) {
        let mut entry = Some(entry);
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // From here on a change is noticed, also one before the wait.
            room.as_mut().enable();
            {
                let mut inner = self.inner();
                let size = entry.as_ref().map_or(0, Entry::size);
                inner.make_room(size, self.most);
                if inner.bytes == 0 || inner.bytes + size <= self.most {
                    if let Some(entry) = entry.take() {
                        inner.add(entry);
                    }
                    break;
                }
            }
            room.await;
        }
        self.news.notify_waiters();
    }

    /// Somebody has taken everything up to `seq`.
    pub fn ack(&self, seq: u64) {
        // It is one client's word for all who hold this: there is but one that has asked for the execution.
        for hold in &self.inner().holds {
            hold.taken.fetch_max(seq.saturating_add(1), Ordering::AcqRel);
        }
        self.news.notify_waiters();
        self.room.notify_waiters();
    }

    /// What came of it, once it is over; `None` within where the engine went without a word.
    pub fn result(&self) -> Option<Arc<ExecuteResult>> {
        self.inner().result.clone()
    }

    /// Since when it is over.
    pub fn ended(&self) -> Option<Instant> {
        self.inner().ended
    }

    /// Bytes of output that are kept.
    pub fn bytes(&self) -> usize {
        self.inner().bytes
    }

    /// Somebody still takes what is kept, as fast as he can.
    pub fn is_held(&self) -> bool {
        let mut inner = self.inner();
        inner.forget_who_left();
        !inner.holds.is_empty()
    }

    /// The last `seq` of all, once it is over.
    pub fn last(&self) -> Option<u64> {
        let inner = self.inner();
        inner.kept.back().filter(|kept| matches!(kept.entry, Entry::Finished)).map(|kept| kept.seq)
    }
}

impl Inner {
    fn is_over(&self) -> bool {
        self.kept.back().is_some_and(|kept| matches!(kept.entry, Entry::Finished))
    }

    fn add(&mut self, entry: Entry) {
        let (size, written) = (entry.size(), entry.written());
        self.kept.push_back(Kept { seq: self.next, at: self.total, entry });
        self.next += 1;
        self.bytes += size;
        self.total += written;
    }

    fn forget_who_left(&mut self) {
        self.holds.retain(|hold| !hold.gone.load(Ordering::Acquire));
    }

    /// Drops the oldest, as far as nobody holds them, until so much more has room.
    fn make_room(&mut self, size: usize, most: usize) {
        self.forget_who_left();
        let held_from = self.holds.iter().map(|hold| hold.taken.load(Ordering::Acquire)).min();
        while self.bytes > 0 && self.bytes + size > most {
            let Some(oldest) = self.kept.front() else { break };
            if held_from.is_some_and(|from| oldest.seq >= from) {
                break;
            }
            self.bytes -= oldest.entry.size();
            self.kept.pop_front();
        }
    }
}

impl Entry {
    /// What it takes of the room there is: little output costs more than its bytes.
    fn size(&self) -> usize {
        match self {
            Self::Output(_, data) => data.len().max(LEAST),
            _ => 0,
        }
    }

    /// Bytes of output that it stands for.
    fn written(&self) -> u64 {
        match self {
            Self::Lagged(skipped) => *skipped,
            Self::Output(_, data) => data.len() as u64,
            _ => 0,
        }
    }
}

/// Cuts output at characters, so that text stays text in every message: what a piece ends in the middle of comes with
/// the next.
#[derive(Debug, Default)]
struct Whole {
    held: BytesMut,
}

impl Whole {
    fn take(&mut self, data: Bytes) -> Bytes {
        let data = if self.held.is_empty() {
            data
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(&data);
            joined.freeze()
        };
        let end = data.len() - unfinished(&data);
        self.held.extend_from_slice(&data[end..]);
        data.slice(..end)
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(data: &[u8]) -> usize {
    let tail = &data[data.len().saturating_sub(3)..];
    let Some(start) = tail.iter().rposition(|byte| byte & 0xc0 != 0x80) else { return 0 };
    let part = &tail[start..];
    let whole = match part[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return 0,
    };
    if part.len() < whole { part.len() } else { 0 }
}

/// One who follows an execution.
#[derive(Debug)]
pub struct Cursor {
    journal: Arc<Journal>,
    next: u64,
    /// Bytes of output that he has seen; `None` until that is known.
    seen: Option<u64>,
    wants: Wants,
    window: Option<Window>,
    subscription: Option<String>,
    over: bool,
}

/// What one who follows an execution wants to be told.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Output.
    pub output: bool,
    /// When it is taken, begins and ends.
    pub moments: bool,
    /// With its end, what came of it.
    pub result: bool,
}

impl Cursor {
    /// Follows from the first that is kept after `after`, or from the very first. With a window at most so many things
    /// are told ahead of what was acknowledged, and the rest waits.
    pub fn new(journal: Arc<Journal>, wants: Wants, after: Option<u64>, window: Option<u32>) -> Self {
        let next = after.map_or(0, |after| after.saturating_add(1));
        // One who is not told of output has nothing to hold it for.
        let window = window.filter(|_| wants.output).map(|size| {
            let hold = Arc::new(Hold { taken: AtomicU64::new(next), gone: AtomicBool::new(false) });
            journal.inner().holds.push(hold.clone());
            Window { size: u64::from(size.max(1)), hold, journal: journal.clone() }
        });
        let seen = after.is_none().then_some(0);
        Self { journal, next, seen, wants, window, subscription: None, over: false }
    }

    /// One that is told for a subscription.
    pub fn subscribed(self, subscription: String) -> Self {
        Self { subscription: Some(subscription), ..self }
    }

    /// Of what was seen before, this and what follows was not taken yet.
    pub fn untaken(self, first: Option<u64>) -> Self {
        if let (Some(window), Some(first)) = (&self.window, first) {
            window.hold.taken.fetch_min(first, Ordering::AcqRel);
        }
        self
    }

    /// Bytes of output that were seen before.
    pub fn seen(self, bytes: Option<u64>) -> Self {
        Self { seen: bytes.or(self.seen), ..self }
    }

    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// The subscription to sessions it is told for; `None`: it is told to whoever asked for the execution.
    pub fn subscription(&self) -> Option<&str> {
        self.subscription.as_deref()
    }

    /// Wants to be told nothing more but the end, and has nothing wait.
    pub fn let_go(&mut self) {
        self.window = None;
        self.wants = Wants { output: false, moments: false, result: false };
    }

    /// What happened next; nothing once it is over and told.
    pub async fn next(&mut self) -> Vec<Notice> {
        let journal = self.journal.clone();
        loop {
            let news = journal.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            let notices = self.look();
            if !notices.is_empty() || self.over {
                return notices;
            }
            news.await;
        }
    }

    /// Takes what is there.
    fn look(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        let inner = self.journal.inner();
        let first = inner.kept.front().map_or(inner.next, |kept| kept.seq);
        let (mut bytes, mut next, mut seen) = (0, self.next, self.seen);
        if next < first {
            let at = inner.kept.front().map_or(inner.total, |kept| kept.at);
            let skipped = at.saturating_sub(seen.unwrap_or(0));
            if self.wants.output && skipped > 0 {
                notices.push(self.lagged(skipped, first - 1));
            }
            (next, seen) = (first, Some(at));
        }
        let from = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        // One who comes back has perhaps seen the end.
        let mut over = self.over || next >= inner.next && inner.is_over();
        for kept in inner.kept.iter().skip(from) {
            if !self.may_be_told(kept.seq) || notices.len() >= STEP || bytes >= STEP_BYTES {
                break;
            }
            seen = Some(kept.at + kept.entry.written());
            next = kept.seq + 1;
            over = matches!(kept.entry, Entry::Finished);
            match self.notice(kept, &inner) {
                // Only what is told counts: a step without anything to tell would be taken for the end of what there is.
                Some(notice) => {
                    bytes += kept.entry.size();
                    notices.push(notice);
                }
                None => self.passed_over(kept.seq),
            }
        }
        drop(inner);
        (self.next, self.seen, self.over) = (next, seen, over);
        notices
    }

    /// It is within the window.
    fn may_be_told(&self, seq: u64) -> bool {
        self.window
            .as_ref()
            .is_none_or(|window| seq < window.hold.taken.load(Ordering::Acquire).saturating_add(window.size))
    }

    /// What is not told can't be acknowledged: it counts as taken with what comes before it.
    fn passed_over(&self, seq: u64) {
        if let Some(window) = &self.window {
            let taken = &window.hold.taken;
            let _ = taken.compare_exchange(seq, seq + 1, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    fn lagged(&self, skipped: u64, seq: u64) -> Notice {
        Notice::Lagged(LaggedNotice {
            execution_id: Some(self.journal.execution.clone()),
            subscription_id: self.subscription.clone(),
            skipped,
            seq,
        })
    }

    fn notice(&self, kept: &Kept, inner: &Inner) -> Option<Notice> {
        let at = Moment {
            session_id: self.journal.session.clone(),
            execution_id: self.journal.execution.clone(),
            seq: kept.seq,
            subscription_id: self.subscription.clone(),
        };
        match &kept.entry {
            Entry::Output(stream, data) => {
                self.wants.output.then(|| Notice::Output(OutputNotice::new(at, *stream, data)))
            }
            Entry::Lagged(skipped) => self.wants.output.then(|| self.lagged(*skipped, kept.seq)),
            Entry::Queued => self.wants.moments.then_some(Notice::Queued(at)),
            Entry::Started => self.wants.moments.then_some(Notice::Started(at)),
            Entry::Finished => self.wants.moments.then(|| {
                let result = inner.result.as_ref();
                let whole = result.filter(|_| self.wants.result);
                Notice::Finished(FinishedNotice {
                    at,
                    success: result.is_some_and(|result| result.success),
                    result: whole.and_then(|result| serde_json::to_value(result.as_ref()).ok()),
                })
            }),
        }
    }
}

/// What holds output for one who takes it as fast as he can.
#[derive(Debug)]
struct Window {
    /// So many things may be told ahead of what was taken.
    size: u64,
    hold: Arc<Hold>,
    journal: Arc<Journal>,
}

impl Drop for Window {
    /// Nothing waits for one who has left.
    fn drop(&mut self) {
        self.hold.gone.store(true, Ordering::Release);
        self.journal.room.notify_waiters();
    }
}
