//! The end of sessions: by a request, by their time, or because their environment went away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::protocol::{SessionEvent, SessionId, SessionState};

use super::embedded::Inner;
use super::runtime::Teardown;
use super::session::{Life, Session, lock};

/// How often a session's agent is asked whether it is still there, whatever else goes on.
const CALL: Duration = Duration::from_secs(30);

/// Closes sessions whose time is over.
pub async fn sweep(inner: Arc<Inner>) {
    loop {
        // Asked for before the sessions are looked at, so that no change in between is missed.
        let changed = inner.expiry.notified();
        let next = inner.next_expiry();
        let time = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time => inner.close_expired(),
            () = changed => {}
            () = inner.stop.cancelled() => return,
        }
    }
}

impl Inner {
    fn living(&self) -> Vec<Arc<Session>> {
        lock(&self.sessions).live.values().cloned().collect()
    }

    /// When the first session is to be closed of those that nobody closes already.
    fn next_expiry(&self) -> Option<Instant> {
        let living = self.living();
        let waiting = living.iter().filter(|s| !s.closing.is_cancelled());
        waiting.map(|s| s.expiry(&lock(&s.life)).0).min()
    }

    fn close_expired(self: &Arc<Self>) {
        for session in self.living() {
            let mut life = lock(&session.life);
            let (at, reason) = session.expiry(&life);
            if at <= Instant::now() {
                self.begin_close(&session, &mut life, Some(reason));
            }
        }
    }

    /// Ends everything a session has; returns when all of it is gone, whoever began.
    pub(super) async fn close(self: &Arc<Self>, session: &Arc<Session>, reason: Option<String>) {
        self.begin_close(session, &mut lock(&session.life), reason);
        session.closed.cancelled().await;
    }

    /// Has a session closed by a task of the engine's: that goes on when whoever asked for it goes away.
    pub(super) fn begin_close(
        self: &Arc<Self>,
        session: &Arc<Session>,
        life: &mut Life,
        reason: Option<String>,
    ) {
        let Some(teardown) = life.teardown.take() else { return };
        session.closing.cancel();
        self.change(session, life, SessionState::Closing, reason.clone());
        let ending = self.clone().end(session.clone(), teardown, reason);
        self.tasks.spawn_on(ending, &self.tokio);
    }

    async fn end(
        self: Arc<Self>,
        session: Arc<Session>,
        teardown: Box<dyn Teardown>,
        reason: Option<String>,
    ) {
        session.agent.close();
        session.work.close();
        session.work.wait().await;
        teardown.teardown().await;
        self.remove_directory(&session.id).await;
        {
            let mut sessions = lock(&self.sessions);
            sessions.live.retain(|_, s| s.id != session.id);
            self.count(&sessions);
        }
        self.change(&session, &mut lock(&session.life), SessionState::Closed, reason);
        session.closed.cancel();
    }

    pub(super) async fn remove_directory(&self, id: &SessionId) {
        // tokio::task::block_in_place is not for single-threaded runtimes, so the path goes to another thread.
        let removed = {
            let path = self.store.path(id);
            tokio::task::spawn_blocking(move || crate::agent::remove_tree(&path)).await
        };
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::warn!("the directory of session {id} can't be removed: {e}"),
            Err(e) => tracing::warn!("the directory of session {id} was not removed: {e}"),
        }
    }

    /// Waits until a session's environment is gone by itself or does not answer any more, and says so.
    pub(super) async fn watch_over(self: Arc<Self>, session: Arc<Session>) {
        let reason = tokio::select! {
            biased;
            () = session.closing.cancelled() => return,
            reason = session.agent.gone() => session.why_gone(reason).await,
            reason = no_answer(&session) => reason,
        };
        tracing::warn!("session {} is lost: {reason}", session.id);
        self.lose(&session, reason);
    }

    /// A session whose environment can't be used any more.
    pub(super) fn lose(&self, session: &Session, reason: String) {
        let mut life = lock(&session.life);
        let reason = life.lost.get_or_insert(reason).clone();
        session.agent.close();
        self.change(session, &mut life, SessionState::Lost, Some(reason));
    }

    /// Changes a session's state and tells everybody, in one order for all. What is lost or being closed stays so.
    pub(super) fn change(
        &self,
        session: &Session,
        life: &mut Life,
        state: SessionState,
        reason: Option<String>,
    ) {
        use SessionState::{Closed, Closing, Lost};
        let barred = match life.state {
            Closed => true,
            Closing => state != Closed,
            Lost => !matches!(state, Closing | Closed),
            _ => life.state == state,
        };
        if !barred {
            life.state = state;
            self.tell(SessionEvent::State { session_id: session.id.clone(), state, reason });
        }
    }
}

/// Waits until a session's agent doesn't answer; gives why.
async fn no_answer(session: &Session) -> String {
    loop {
        tokio::time::sleep(CALL).await;
        if let Err(error) = session.agent.alive().await {
            return error.to_string();
        }
    }
}
