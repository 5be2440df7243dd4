//! One session: its environment, its state, and the order of its commands.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::protocol::{
    EnvironmentId, IsolationReport, Language, RuntimeType, SessionConfig, SessionId, SessionInfo,
    SessionLimits, SessionState,
};

use super::execution::Job;
use super::runtime::Teardown;

/// Locks; a panic elsewhere has left the data as it was between two of its own steps, which are all complete.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session that lives.
pub struct Session {
    pub id: SessionId,
    pub environment_id: EnvironmentId,
    pub runtime: std::sync::Arc<dyn super::Runtime>,
    pub language: Language,
    pub name: Option<String>,
    pub created: Instant,
    pub created_at: Timestamp,
    pub startup: Duration,
    pub config: SessionConfig,
    pub limits: SessionLimits,
    pub isolation: IsolationReport,
    /// The variables of every program in it.
    pub variables: BTreeMap<String, String>,
    pub agent: Agent,
    /// Commands in order of their arrival.
    pub queue: mpsc::Sender<Job>,
    /// Ends everything that is done for this session.
    pub closing: CancellationToken,
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
    /// Executions under way.
    pub running: usize,
    /// Taken by whoever closes the session.
    pub teardown: Option<Box<dyn Teardown>>,
    /// Why it was lost.
    pub lost: Option<String>,
}

impl Life {
    /// A session that is ready and has executed nothing.
    pub fn new(teardown: Box<dyn Teardown>) -> Self {
        Self {
            state: SessionState::Active,
            last_activity: Instant::now(),
            last_activity_at: Timestamp::now(),
            executions: 0,
            running: 0,
            teardown: Some(teardown),
            lost: None,
        }
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

    /// The session as clients see it.
    pub fn info(&self) -> SessionInfo {
        let life = lock(&self.life);
        let minutes = |since: Instant| since.elapsed().as_secs_f64() / 60.0;
        let idle = if life.running > 0 { 0.0 } else { minutes(life.last_activity) };
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
            isolation: self.isolation.clone(),
            selection: None,
        }
    }

    /// When the session is to be closed unless something happens first, and why.
    pub fn expiry(&self) -> (Instant, String) {
        let life = lock(&self.life);
        let minutes = |n: u32| Duration::from_secs(u64::from(n) * 60);
        let old = self.created + minutes(self.config.max_lifetime_minutes);
        let idle = life.last_activity + minutes(self.config.idle_timeout_minutes);
        // What runs keeps a session from being idle, but not from growing old.
        if life.running == 0 && idle < old {
            (idle, format!("idle for {} minutes", self.config.idle_timeout_minutes))
        } else {
            (old, format!("its life time of {} minutes is over", self.config.max_lifetime_minutes))
        }
    }
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
