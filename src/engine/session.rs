//! One session: its environment, its state, and the order of its commands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::Agent;
use crate::protocol::{
    EnvironmentId, ErrorKind, Failure, IsolationReport, Language, RuntimeType, SessionConfig, SessionId,
    SessionInfo, SessionLimits, SessionState,
};

use super::execution::Job;
use super::runtime::Teardown;

/// How long a witness may think about why an environment is gone.
const WITNESS_TIME: Duration = Duration::from_secs(2);

/// Locks; a panic elsewhere has left the data as it was between two of its own steps, which are all complete.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sessions of an engine.
#[derive(Default)]
pub struct Sessions {
    /// In order of creation.
    pub live: BTreeMap<(Instant, SessionId), Arc<Session>>,
    /// Places held by those that are being launched.
    pub launching: usize,
    /// There will be no more.
    pub shut: bool,
}

/// A session that lives.
pub struct Session {
    pub id: SessionId,
    pub environment_id: EnvironmentId,
    pub runtime: Arc<dyn super::Runtime>,
    pub language: Language,
    pub name: Option<String>,
    pub created: Instant,
    pub created_at: Timestamp,
    pub startup: Duration,
    pub config: SessionConfig,
    /// Those that are in force.
    pub limits: SessionLimits,
    pub isolation: IsolationReport,
    /// Where its programs are called.
    pub context: super::SessionContext,
    /// What this machine itself can tell of it.
    pub meter: Option<Arc<dyn super::Meter>>,
    /// Who can tell why its environment has ended.
    pub witness: Option<Arc<dyn super::Witness>>,
    /// The variables of every program in it.
    pub variables: BTreeMap<String, String>,
    pub agent: Agent,
    /// Commands in order of their arrival.
    pub queue: mpsc::Sender<Job>,
    /// What does its commands.
    pub work: TaskTracker,
    /// Ends everything that is done for this session.
    pub closing: CancellationToken,
    /// Nothing of it is left.
    pub closed: CancellationToken,
    pub life: Mutex<Life>,
    /// The workspace's bytes and files, and when they were counted.
    pub measured: Mutex<Option<(Instant, u64, u64)>>,
}

/// The part of a session that changes.
pub struct Life {
    pub state: SessionState,
    pub last_activity: Instant,
    pub last_activity_at: Timestamp,
    pub executions: u64,
    /// Executions that wait or are under way.
    pub pending: usize,
    /// Taken by whoever closes the session.
    pub teardown: Option<Box<dyn Teardown>>,
    /// Why it was lost.
    pub lost: Option<String>,
}

impl Life {
    /// A session that nobody knows of yet.
    pub fn new(teardown: Box<dyn Teardown>) -> Self {
        Self {
            state: SessionState::Creating,
            last_activity: Instant::now(),
            last_activity_at: Timestamp::now(),
            executions: 0,
            pending: 0,
            teardown: Some(teardown),
            lost: None,
        }
    }

    /// Whether commands are taken; if not, why.
    pub fn usable(&self, id: &SessionId) -> Result<(), Failure> {
        if self.teardown.is_none() {
            return Err(closed(id));
        }
        let Some(reason) = &self.lost else { return Ok(()) };
        let message = format!("session {id} is lost: {reason}");
        Err(Failure::new(ErrorKind::SessionClosed, message, "create a new session"))
    }

    /// Something begins or ends: that is activity.
    pub fn touch(&mut self) {
        self.last_activity = Instant::now();
        self.last_activity_at = Timestamp::now();
    }
}

impl Session {
    /// The runtime's type.
    pub fn runtime_type(&self) -> RuntimeType {
        self.runtime.runtime_type()
    }

    /// Why its environment is gone, as far as anybody knows: `told` is what its agent's stream says.
    pub async fn why_gone(&self, told: String) -> String {
        let Some(witness) = &self.witness else { return told };
        let known = tokio::time::timeout(WITNESS_TIME, witness.why_gone()).await;
        known.ok().flatten().unwrap_or(told)
    }

    /// The session as clients see it.
    pub fn info(&self) -> SessionInfo {
        let life = lock(&self.life);
        let minutes = |since: Instant| since.elapsed().as_secs_f64() / 60.0;
        let idle = if life.pending > 0 { 0.0 } else { minutes(life.last_activity) };
        SessionInfo {
            session_id: self.id.clone(),
            environment_id: self.environment_id.clone(),
            container_id: self.environment_id.clone(),
            runtime_type: self.runtime_type(),
            runtime: self.runtime_type().short().to_owned(),
            language: self.language,
            name: self.name.clone(),
            state: life.state,
            created_at: wire_time(self.created_at),
            last_activity: wire_time(life.last_activity_at),
            execution_count: life.executions,
            idle_minutes: idle,
            lifetime_minutes: minutes(self.created),
            startup_ms: self.startup.as_secs_f64() * 1000.0,
            config: self.config.clone(),
            limits: self.limits.clone(),
            isolation: self.isolation.clone(),
            selection: None,
        }
    }

    /// When the session is to be closed unless something happens first, and why.
    pub fn expiry(&self, life: &Life) -> (Instant, String) {
        let minutes = |n: u32| Duration::from_secs(u64::from(n) * 60);
        let old = self.created + minutes(self.config.max_lifetime_minutes);
        let idle = life.last_activity + minutes(self.config.idle_timeout_minutes);
        // What waits or runs keeps a session from being idle, but not from growing old.
        if life.pending == 0 && idle < old {
            (idle, format!("idle for {} minutes", self.config.idle_timeout_minutes))
        } else {
            (old, format!("its life time of {} minutes is over", self.config.max_lifetime_minutes))
        }
    }
}

/// A session that takes no more commands.
pub fn closed(id: &SessionId) -> Failure {
    Failure::new(ErrorKind::SessionClosed, format!("session {id} is closed"), "create a new session")
}

/// UTC, ISO 8601, at most 7 fraction digits.
fn wire_time(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_at_most_seven_fraction_digits() {
        let at: jiff::Timestamp = "2026-11-22T10:00:00.123456789Z".parse().unwrap();
        assert_eq!(super::wire_time(at), "2026-11-22T10:00:00.123456Z");
    }
}
