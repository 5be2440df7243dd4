//! The sessions that a benchmark has: none is left behind, however it ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::control::Control;
use super::work::Trouble;
use crate::bench::plan::Lane;
use crate::engine::Engine;
use crate::protocol::{CreateSession, RuntimeType, SessionId, SessionInfo};

/// How long a session that nobody wants any more may take to be made, so that it can be removed.
const LATE: Duration = Duration::from_secs(10);

/// Those that are open, and the first of each lane to be told of.
pub(super) struct Sessions {
    engine: Arc<dyn Engine>,
    control: Control,
    open: Mutex<Vec<SessionId>>,
    seen: Mutex<Vec<(Lane, SessionInfo)>>,
}

impl Sessions {
    pub(super) fn new(engine: Arc<dyn Engine>, control: Control) -> Self {
        Self { engine, control, open: Mutex::default(), seen: Mutex::default() }
    }

    /// A new session, and when it was asked for.
    pub(super) async fn create(&self, lane: Lane) -> Result<(SessionInfo, Instant), Trouble> {
        let params = CreateSession {
            runtime_type: Some(lane.runtime),
            name: Some(format!("bench {lane}")),
            ..CreateSession::new(lane.language)
        };
        let asked = Instant::now();
        let creating = self.engine.create_session(params);
        tokio::pin!(creating);
        let made = tokio::select! {
            biased;
            made = &mut creating => made,
            () = self.control.stopped() => {
                // A server makes it all the same: it is not to be left there.
                if let Ok(Ok(late)) = tokio::time::timeout(LATE, creating).await {
                    let _ = self.engine.close_session(&late.session_id).await;
                }
                return Err(Trouble::Stopped);
            }
        };
        let info = made.map_err(|failure| Trouble::Failed(failure.to_string()))?;
        lock(&self.open).push(info.session_id.clone());
        let mut seen = lock(&self.seen);
        if !seen.iter().any(|(of, _)| *of == lane) {
            seen.push((lane, info.clone()));
        }
        drop(seen);
        Ok((info, asked))
    }

    /// Closes one. What goes on afterwards to remove it is over, as far as can be told, when this returns: it is not to
    /// be measured as another's.
    pub(super) async fn close(&self, session: &SessionInfo) -> Result<(), Trouble> {
        let closed = self.closed(session).await;
        self.settle(session.runtime_type).await;
        closed
    }

    /// The same without waiting for what goes on afterwards.
    pub(super) async fn closed(&self, session: &SessionInfo) -> Result<(), Trouble> {
        let closed = self.engine.close_session(&session.session_id).await;
        if closed.is_ok() {
            lock(&self.open).retain(|id| *id != session.session_id);
        }
        closed.map_err(|failure| Trouble::Failed(failure.to_string()))
    }

    /// Engines answer before everything is gone, and don't tell when it is: a container takes some 70 ms, a sandbox a few.
    pub(super) async fn settle(&self, runtime: RuntimeType) {
        let pause = if runtime == RuntimeType::Docker { 150 } else { 5 };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// The first session of each lane.
    pub(super) fn seen(&self) -> Vec<(Lane, SessionInfo)> {
        lock(&self.seen).clone()
    }

    /// Closes every one that is open, those too that could not be closed before.
    pub(super) async fn end(&self) {
        let open = std::mem::take(&mut *lock(&self.open));
        let _ = tokio::time::timeout(LATE, close_all(self.engine.clone(), open)).await;
    }
}

impl Drop for Sessions {
    /// Of one that was broken off; after `end` there are none.
    fn drop(&mut self) {
        let open = std::mem::take(&mut *lock(&self.open));
        if let (false, Ok(tokio)) = (open.is_empty(), tokio::runtime::Handle::try_current()) {
            tokio.spawn(close_all(self.engine.clone(), open));
        }
    }
}

async fn close_all(engine: Arc<dyn Engine>, open: Vec<SessionId>) {
    join_all(open.iter().map(|id| engine.close_session(id))).await;
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
