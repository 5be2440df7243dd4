//! What any face of CodeBeaker may ask: [`Engine`]. And [`Embedded`], which answers in this process.
//!
//! The engine owns sessions, their order and their life, the choice of a runtime, and the directories that
//! sessions have on this machine. How an environment is launched is the business of a [`Runtime`]; what happens
//! inside one is the business of its agent. The engine knows no terminal, no network and no particular runtime.

mod calibration;
mod create;
mod embedded;
mod execution;
mod files;
mod install;
mod known;
mod life;
mod limits;
mod link;
mod outcome;
mod runtime;
mod select;
mod session;
mod store;
mod words;
mod worker;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{broadcast, mpsc, watch};

use crate::protocol::{
    CreateSession, Execute, ExecuteResult, ExecutionEvent, ExecutionId, Failure, Progress, Provision,
    RuntimeInfo, RuntimeType, SelectParams, Selection, ServerInfo, SessionEvent, SessionId, SessionInfo,
    SessionStats, Signal,
};

pub use calibration::{Calibrated, Calibration};
pub use embedded::{Embedded, EngineSettings};
pub use install::from_package_json;
pub use limits::Limits;
pub use link::{Connector, Frame, FrameKind, Link, LinkDown, LinkUp, Look, Recent, Target, Token, Traffic};
pub use runtime::{
    CodeFile, Environment, Held, LaunchSpec, Meter, Metered, Runtime, SessionContext, Step, Teardown, Witness,
};
pub use select::nominal;
pub use words::{is_hostile, system_words};

/// How the agent is linked: `static`, `dynamic`, or `none` where there is none.
pub const AGENT_LINKAGE: &str = crate::agent::LINKAGE;

/// Anything that has sessions and runs code in them: in this process or a WebSocket away.
///
/// Every error is a [`Failure`] that says what happened and what to do next. A command that fails is no error: its
/// [`ExecuteResult`] says so.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// What this engine is.
    async fn info(&self) -> Result<ServerInfo, Failure>;

    /// The runtimes this engine could have, available or not, in the order people are shown them.
    fn runtime_types(&self) -> Vec<RuntimeType>;

    /// What is known of one runtime; `refresh` looks again. Slow where the runtime is slow to answer: ask for
    /// several at once.
    async fn runtime(&self, runtime: RuntimeType, refresh: bool) -> Result<RuntimeInfo, Failure>;

    /// The ranking of all runtimes for a language, with reasons.
    async fn select(&self, params: SelectParams) -> Result<Selection, Failure>;

    /// Fetches what a runtime needs to become available, or to run a language besides. Dropping the future cancels and
    /// leaves nothing half done.
    async fn provision(
        &self,
        wanted: Provision,
        progress: mpsc::Sender<Progress>,
    ) -> Result<RuntimeInfo, Failure>;

    /// Creates a session: chooses its runtime and launches its environment.
    async fn create_session(&self, params: CreateSession) -> Result<SessionInfo, Failure>;

    /// Hands a command to a session; it runs when the session's earlier commands have ended.
    async fn execute(&self, params: Execute) -> Result<Execution, Failure>;

    /// Feeds a running program's standard input; waits while the program is slower than the caller. `eof` ends it.
    async fn input(&self, execution: &ExecutionId, data: Bytes, eof: bool) -> Result<(), Failure>;

    /// Tells the terminal of a program that runs in one its new size.
    async fn resize(&self, execution: &ExecutionId, rows: u16, cols: u16) -> Result<(), Failure>;

    /// Signals a running program and all it started. False: nothing was running.
    async fn interrupt(&self, target: InterruptTarget, signal: Signal) -> Result<bool, Failure>;

    /// Every session that isn't closed, in order of creation.
    async fn sessions(&self) -> Result<Vec<SessionInfo>, Failure>;

    /// What a session uses now.
    async fn stats(&self, session: &SessionId) -> Result<SessionStats, Failure>;

    /// Ends all that runs in a session and removes everything it had. An unknown session counts as closed.
    async fn close_session(&self, session: &SessionId) -> Result<(), Failure>;

    /// What happens to sessions from now on.
    fn subscribe(&self) -> SessionEvents;

    /// Ends every task of the engine's. One in this process closes every session; one elsewhere is only left, and its
    /// sessions stay.
    async fn shutdown(&self);

    /// How this engine is reached, now and as it changes.
    fn link(&self) -> watch::Receiver<Link> {
        watch::channel(Link::Local).1
    }

    /// Tries to have a lost link back at once.
    fn reconnect(&self) {}

    /// What passes over the wire from now on; `None` where there is no wire.
    fn traffic(&self) -> Option<Traffic> {
        None
    }
}

/// What an interruption is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterruptTarget {
    /// One execution.
    Execution(ExecutionId),
    /// Whatever runs in a session.
    Session(SessionId),
}

/// A command on its way: its events, the last of which is its result.
///
/// The stream is bounded: a program whose output isn't taken waits. Dropping it lets the command go on unheard.
#[derive(Debug)]
pub struct Execution {
    /// Which.
    pub id: ExecutionId,
    events: mpsc::Receiver<ExecutionEvent>,
}

impl Execution {
    /// An execution whose events come through `events`.
    pub fn new(id: ExecutionId, events: mpsc::Receiver<ExecutionEvent>) -> Self {
        Self { id, events }
    }

    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<ExecutionEvent> {
        self.events.recv().await
    }

    /// Waits for the result and drops the events before it.
    pub async fn finished(mut self) -> Result<ExecuteResult, Failure> {
        while let Some(event) = self.next().await {
            if let ExecutionEvent::Finished(result) = event {
                return Ok(*result);
            }
        }
        Err(Failure::internal("the execution ended without a result"))
    }
}

/// A subscription to [`SessionEvent`]s.
#[derive(Debug)]
pub struct SessionEvents(broadcast::Receiver<Told>);

/// What a subscriber is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Something happened.
    Event(SessionEvent),
    /// So many events were missed: what is shown of sessions must be asked for again.
    Lagged(u64),
}

impl SessionEvents {
    /// A subscription to what is sent to `receiver`.
    pub fn new(receiver: broadcast::Receiver<Told>) -> Self {
        Self(receiver)
    }

    /// The next event; `None` when the engine is gone.
    pub async fn next(&mut self) -> Option<Told> {
        match self.0.recv().await {
            Ok(told) => Some(told),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Told::Lagged(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
