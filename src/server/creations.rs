//! Sessions being made. One that was asked for is made also when whoever asked goes away; who asks again with the same
//! key gets the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use tokio_util::task::TaskTracker;

use crate::engine::Engine;
use crate::protocol::{CreateCall, CreateSession, Failure, SessionInfo};

/// How long a key is remembered.
const KEPT: Duration = Duration::from_secs(600);
/// Keys that are remembered.
const MOST: usize = 4096;
/// The longest key.
const LONGEST: usize = 128;

type Creation = Shared<BoxFuture<'static, Result<SessionInfo, Failure>>>;

/// The creations that have a key.
#[derive(Debug, Default)]
pub struct Creations(Mutex<HashMap<String, (Instant, Creation)>>);

impl Creations {
    /// Makes a session, or waits for the one that is being made.
    pub async fn create(
        &self,
        engine: &Arc<dyn Engine>,
        tasks: &TaskTracker,
        call: CreateCall,
    ) -> Result<SessionInfo, Failure> {
        let Some(key) = call.key else { return begin(engine, tasks, call.create).await };
        if key.is_empty() || key.len() > LONGEST {
            let message = format!("idempotencyKey must have 1 to {LONGEST} characters");
            return Err(Failure::new(crate::protocol::ErrorKind::InvalidParams, message, "a UUID will do"));
        }
        let asked = key.clone();
        let creation = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            known.retain(|_, (since, _)| now.duration_since(*since) < KEPT);
            if known.len() >= MOST {
                let oldest = known.iter().min_by_key(|(_, (since, _))| *since).map(|(key, _)| key.clone());
                oldest.map(|key| known.remove(&key));
            }
            let fresh = || (now, begin(engine, tasks, call.create));
            known.entry(key).or_insert_with(fresh).1.clone()
        };
        let made = creation.await;
        if made.is_err() {
            // It may go well another time.
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.get(&asked).is_some_and(|(_, creation)| creation.peek().is_some_and(Result::is_err)) {
                known.remove(&asked);
            }
        }
        made
    }
}

/// Begins to make a session, in a task of the server's.
fn begin(engine: &Arc<dyn Engine>, tasks: &TaskTracker, params: CreateSession) -> Creation {
    let engine = engine.clone();
    let made = tasks.spawn(async move { engine.create_session(params).await });
    let made = async move { made.await.unwrap_or_else(|e| Err(Failure::internal(e.to_string()))) };
    made.boxed().shared()
}
