//! What happens to an engine's sessions, numbered, for every connection that wants to be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use crate::engine::{Engine, Told};
use crate::protocol::SessionEvent;

/// Events that a connection may be behind.
const BEHIND: usize = 1024;

/// Something to be told.
#[derive(Clone, Debug)]
pub enum News {
    /// Of a session.
    Session(u64, SessionEvent),
    /// So many events were missed before this number.
    Missed(u64, u64),
    /// An execution whose output can be followed.
    Follow(Arc<Journal>),
}

/// Where it is told.
#[derive(Debug)]
pub struct Hub {
    news: broadcast::Sender<News>,
    next: AtomicU64,
}

impl Hub {
    pub fn new() -> Self {
        Self { news: broadcast::Sender::new(BEHIND), next: AtomicU64::new(0) }
    }

    pub fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    pub fn tell(&self, news: News) {
        // Without listeners it is nobody's loss.
        let _ = self.news.send(news);
    }

    /// Passes on what an engine tells, until that is gone or the server ends.
    pub async fn run(&self, engine: &dyn Engine, stop: CancellationToken) {
        let mut events = engine.subscribe();
        loop {
            let told = tokio::select! {
                told = events.next() => told,
                () = stop.cancelled() => return,
            };
            let seq = |count| self.next.fetch_add(count, Ordering::AcqRel);
            match told {
                Some(Told::Event(event)) => self.tell(News::Session(seq(1), event)),
                Some(Told::Lagged(missed)) => self.tell(News::Missed(missed, seq(missed))),
                None => return,
            }
        }
    }
}
