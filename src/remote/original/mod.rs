//! The engine that is an original server: one of the .NET project, of whatever version.
//!
//! Such a server does one thing after the other on a connection, so there is one connection for what is quick and one
//! for each session that runs commands. It tells nothing while a program runs, takes no input, and its commands fail
//! without saying so: what it lacks is done by programs in the session, or refused. How it is spoken to is the
//! business of [`dialect`], what a command becomes there that of [`perform`].

mod dialect;
mod files;
mod kind;
mod line;
mod outcome;
mod perform;
mod session;
mod shared;
mod standing;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use self::dialect::{Dialect, Hello};
use self::kind::{info, runtimes};
use self::line::{Line, Wire};
use self::session::{EVENTS, Job};
use self::shared::Shared;
use self::standing::Standing;
use super::shared::lock;
use super::traffic::Tap;
use super::{Address, RemoteError};
use crate::engine::{Engine, Execution, InterruptTarget, Link, SessionEvents, Token, Traffic};
use crate::protocol::{
    CreateSession, ErrorKind, Execute, ExecutionId, Failure, Language, Progress, Provision, RuntimeInfo,
    RuntimeType, SelectParams, Selection, ServerCapabilities, ServerInfo, ServerLimits, SessionId,
    SessionInfo, SessionStats, Signal,
};

/// What is told of such a server's name.
const NAME: &str = "CodeBeaker original";
/// What none of these servers can do, in a word or two each.
const MISSING: [&str; 7] =
    ["streaming", "input", "signals", "terminals", "statistics", "selection", "provisioning"];

/// How long an original server is waited for, and how often it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// For the answer to anything but a command.
    pub control: Duration,
    /// For a command that has no time-out of its own.
    pub command: Duration,
    /// How much longer than a command's time-out its answer is waited for.
    pub margin: Duration,
    /// Between two looks whether the server, and the sessions known of, are still there.
    pub pace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            control: Duration::from_secs(30),
            command: Duration::from_secs(300),
            margin: Duration::from_secs(10),
            pace: Duration::from_secs(15),
        }
    }
}

/// An original server, attached to. Its sessions outlive the attachment.
pub struct Original {
    shared: Arc<Shared>,
}

impl Original {
    /// Attaches to a server that was found to be an original one: finds out its version and how it is spoken to, and
    /// leaves nothing there. Needs a tokio runtime.
    ///
    /// # Errors
    /// It is not reached, does not answer in time, or answers what no original server does.
    pub async fn attach(
        address: Address,
        token: Option<Token>,
        options: Options,
    ) -> Result<Arc<Self>, RemoteError> {
        let wire = Arc::new(Wire {
            standing: Standing::new(address.short(), options.pace),
            address,
            token,
            tap: Tap::new(),
            ids: AtomicU64::new(0),
        });
        let mut line = Line::new(wire.clone(), options.control);
        let (dialect, hello) = Dialect::discover(&mut line).await?;
        let shared = Arc::new(Shared::new(wire, options, line, dialect, hello));
        shared.name_server();
        shared.refresh().await?;
        shared.tasks.spawn(shared::keep(shared.clone()));
        shared.tasks.close();
        Ok(Arc::new(Self { shared }))
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// What such a server can't do.
fn missing(what: &str, hint: &str) -> Failure {
    Failure::new(ErrorKind::NotAvailable, format!("this server can't {what}"), hint)
}

#[async_trait]
impl Engine for Original {
    async fn info(&self) -> Result<ServerInfo, Failure> {
        let era = self.shared.era();
        let Hello { protocol, languages } = &self.shared.hello;
        let mut languages: Vec<Language> = languages.iter().filter_map(|name| name.parse().ok()).collect();
        // What `initialize` leaves out in all versions.
        let nominal = runtimes(era).into_iter().flat_map(|runtime| info(runtime, era).languages);
        languages.extend(nominal);
        languages.sort_unstable();
        languages.dedup();
        Ok(ServerInfo {
            name: NAME.to_owned(),
            version: era.name().to_owned(),
            protocol_version: protocol.clone(),
            supported_languages: languages,
            // It claims to stream, and tells limits that it does not keep.
            server_capabilities: ServerCapabilities::default(),
            limits: ServerLimits::default(),
            runtimes: runtimes(era),
            instance: None,
        })
    }

    fn runtime_types(&self) -> Vec<RuntimeType> {
        runtimes(self.shared.era())
    }

    async fn runtime(&self, runtime: RuntimeType, _refresh: bool) -> Result<RuntimeInfo, Failure> {
        let era = self.shared.era();
        if runtimes(era).contains(&runtime) {
            return Ok(info(runtime, era));
        }
        let offered: Vec<String> = runtimes(era).iter().map(ToString::to_string).collect();
        Err(Failure::new(
            ErrorKind::NoRuntime,
            format!("{runtime} is not offered by a server of {}", era.name()),
            format!("use one of {}", offered.join(", ")),
        ))
    }

    async fn select(&self, _params: SelectParams) -> Result<Selection, Failure> {
        Err(missing("tell how it would choose a runtime", "create a session: it says which one it got"))
    }

    async fn provision(
        &self,
        wanted: Provision,
        _progress: mpsc::Sender<Progress>,
    ) -> Result<RuntimeInfo, Failure> {
        let hint = format!("install {} on the server itself", wanted.runtime);
        Err(missing("fetch runtimes", &hint))
    }

    async fn create_session(&self, params: CreateSession) -> Result<SessionInfo, Failure> {
        self.shared.create(params).await
    }

    /// Commands of a session always run in order: this server has no others.
    async fn execute(&self, params: Execute) -> Result<Execution, Failure> {
        let asked = Instant::now();
        let session = self.shared.session(&params.session_id).await?;
        let id = params.execution_id.unwrap_or_else(ExecutionId::random);
        let (events, receiver) = mpsc::channel(EVENTS);
        let room = events.clone().try_reserve_owned();
        let job = Job {
            id: id.clone(),
            command: params.command.command,
            timeout: params.timeout_ms.filter(|ms| *ms > 0).map(Duration::from_millis),
            stream: params.stream,
            events,
            result: room.map_err(|_| Failure::internal("a new queue has no room"))?,
            asked,
        };
        session.submit(&self.shared, job)?;
        Ok(Execution::new(id, receiver))
    }

    async fn input(&self, _execution: &ExecutionId, _data: Bytes, _eof: bool) -> Result<(), Failure> {
        Err(missing("pass input to a running program", "give the input with the command, as stdin"))
    }

    async fn resize(&self, _execution: &ExecutionId, _rows: u16, _cols: u16) -> Result<(), Failure> {
        Err(missing("run programs in a terminal", "programs run without one"))
    }

    async fn interrupt(&self, _target: InterruptTarget, _signal: Signal) -> Result<bool, Failure> {
        Err(missing("stop a running program", "close the session to end what runs in it"))
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>, Failure> {
        Ok(self.shared.refresh().await?)
    }

    async fn stats(&self, _session: &SessionId) -> Result<SessionStats, Failure> {
        Err(missing("tell what a session uses", "ask the machine it runs on"))
    }

    async fn close_session(&self, session: &SessionId) -> Result<(), Failure> {
        self.shared.close(session).await
    }

    fn subscribe(&self) -> SessionEvents {
        SessionEvents::new(self.shared.events.subscribe())
    }

    async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.shared.wire.standing.link()
    }

    fn reconnect(&self) {
        self.shared.wire.standing.look_now();
    }

    fn traffic(&self) -> Option<Traffic> {
        Some(self.shared.wire.tap.listen())
    }
}
