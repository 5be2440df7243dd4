//! What all connections of a server share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::audit::Audit;
use super::creations::Creations;
use super::door::Door;
use super::executions::Executions;
use super::hub::Hub;
use super::jobs::Jobs;
use super::metrics::Metrics;
use super::rate::Bucket;
use super::settings::ServerSettings;
use crate::engine::Engine;
use crate::protocol::{ErrorKind, Failure, ServerInfo};

/// A server without its sockets.
pub struct Shared {
    pub engine: Arc<dyn Engine>,
    pub settings: ServerSettings,
    pub door: Door,
    /// Another one for each start.
    instance: String,
    pub executions: Executions,
    pub creations: Creations,
    pub hub: Hub,
    pub jobs: Jobs,
    pub metrics: Metrics,
    pub audit: Option<Audit>,
    rates: Vec<Mutex<Bucket>>,
    watchers: Arc<AtomicUsize>,
    connections: AtomicU64,
    pub tasks: TaskTracker,
    /// No more work is taken.
    pub stop: CancellationToken,
    /// Connections are closed.
    pub end: CancellationToken,
}

impl Shared {
    pub fn new(
        engine: Arc<dyn Engine>,
        settings: ServerSettings,
        listens: SocketAddr,
        audit: Option<Audit>,
    ) -> Self {
        let (tasks, stop, end) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
        let bounds = &settings.bounds;
        let now = Instant::now();
        let rates =
            (0..settings.tokens.len().max(1)).map(|_| Mutex::new(Bucket::new(bounds.token_rate, now)));
        let executions = Executions::new(bounds.executions, bounds.kept);
        Self {
            door: Door::new(&settings, listens),
            instance: uuid::Uuid::new_v4().simple().to_string(),
            creations: Creations::default(),
            hub: Hub::new(),
            jobs: Jobs::new(&engine, bounds, &executions.places(), &tasks, [&stop, &end]),
            executions,
            metrics: Metrics::new(),
            audit,
            rates: rates.collect(),
            watchers: Arc::default(),
            connections: AtomicU64::new(0),
            engine,
            settings,
            tasks,
            stop,
            end,
        }
    }

    /// A number for a new connection.
    pub fn number(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What this server is.
    pub async fn info(&self) -> Result<ServerInfo, Failure> {
        let info = self.engine.info().await?;
        Ok(ServerInfo { instance: Some(self.instance.clone()), ..info })
    }

    /// Whether anything new may be begun.
    pub fn takes_work(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() {
            let hint = "ask again when it is back";
            return Err(Failure::new(ErrorKind::Cancelled, "the server is shutting down", hint));
        }
        Ok(())
    }

    /// Those who watch the output of sessions, counted.
    pub fn watchers(&self) -> &Arc<AtomicUsize> {
        &self.watchers
    }

    pub fn is_output_watched(&self) -> bool {
        self.watchers.load(Ordering::Acquire) > 0
    }

    /// Counts a request of this token's; how long to wait where there were too many.
    pub fn token_rate(&self, token: usize, now: Instant) -> Result<(), Duration> {
        let Some(bucket) = self.rates.get(token) else { return Ok(()) };
        bucket.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }
}
