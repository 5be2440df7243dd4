//! What a connection has asked to be told of sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::request::Done;
use super::shared::Shared;
use crate::protocol::{
    EventKind, FinishedNotice, LaggedNotice, Moment, Notice, SessionEvent, SessionId, StateNotice,
    StatsNotice,
};

/// How often a session's figures are told.
const SAMPLE: Duration = Duration::from_secs(1);

/// One subscription.
pub struct Subscription {
    session: Option<SessionId>,
    kinds: Vec<EventKind>,
    _watching: Option<Watching>,
    /// Ends what is told for it.
    over: CancellationToken,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

/// Counts those who want output, for as long as they do.
struct Watching(Arc<AtomicUsize>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Subscription {
    /// Of these kinds; none given are all but those that there is much of.
    pub fn new(session: Option<SessionId>, kinds: Vec<EventKind>, watchers: &Arc<AtomicUsize>) -> Self {
        let default = vec![EventKind::State, EventKind::Started, EventKind::Finished];
        let kinds = if kinds.is_empty() { default } else { kinds };
        let watching = kinds.contains(&EventKind::Output).then(|| {
            watchers.fetch_add(1, Ordering::AcqRel);
            Watching(watchers.clone())
        });
        Self { session, kinds, _watching: watching, over: CancellationToken::new() }
    }

    /// Is cancelled with it.
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    fn is_about(&self, session: &SessionId) -> bool {
        self.session.as_ref().is_none_or(|of| of == session)
    }

    pub fn wants_output(&self, session: &SessionId) -> bool {
        self.kinds.contains(&EventKind::Output) && self.is_about(session)
    }

    /// The session whose figures are wanted.
    pub fn sampled(&self) -> Option<&SessionId> {
        self.session.as_ref().filter(|_| self.kinds.contains(&EventKind::StatsSample))
    }

    /// What of an event is to be told.
    pub fn notice(&self, id: &str, seq: u64, event: &SessionEvent) -> Option<Notice> {
        let subscription_id = id.to_owned();
        let moment = |session_id: &SessionId, execution_id: &crate::protocol::ExecutionId| Moment {
            session_id: session_id.clone(),
            execution_id: execution_id.clone(),
            seq,
            subscription_id: Some(subscription_id.clone()),
        };
        let (kind, of, notice) = match event {
            SessionEvent::State { session_id, state, reason } => {
                let notice = Notice::State(StateNotice {
                    session_id: session_id.clone(),
                    seq,
                    subscription_id: subscription_id.clone(),
                    state: *state,
                    reason: reason.clone(),
                });
                (EventKind::State, session_id, notice)
            }
            SessionEvent::Started { session_id, execution_id } => {
                (EventKind::Started, session_id, Notice::Started(moment(session_id, execution_id)))
            }
            SessionEvent::Finished { session_id, execution_id, success } => {
                let at = moment(session_id, execution_id);
                let notice = FinishedNotice { at, success: *success, result: None };
                (EventKind::Finished, session_id, Notice::Finished(notice))
            }
        };
        (self.kinds.contains(&kind) && self.is_about(of)).then_some(notice)
    }
}

/// So many events were passed over.
pub fn lagged(subscription: &str, skipped: u64, seq: u64) -> Notice {
    let subscription_id = Some(subscription.to_owned());
    Notice::Lagged(LaggedNotice { execution_id: None, subscription_id, skipped, seq })
}

/// Tells what a session uses, once a second.
pub struct Sampler {
    pub subscription: String,
    pub session: SessionId,
    pub shared: Arc<Shared>,
    pub seq: u64,
    /// Nobody wants to know any more.
    pub over: CancellationToken,
}

impl Sampler {
    pub async fn step(mut self) -> Done {
        tokio::select! {
            () = tokio::time::sleep(SAMPLE) => {}
            () = self.over.cancelled() => return Done::Sampled(self, None),
        }
        let stats = self.shared.engine.stats(&self.session).await;
        self.seq += 1;
        let notice = stats.ok().map(|stats| {
            Notice::StatsSample(StatsNotice {
                session_id: self.session.clone(),
                seq: self.seq,
                subscription_id: self.subscription.clone(),
                stats,
            })
        });
        Done::Sampled(self, notice)
    }
}
