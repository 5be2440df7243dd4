//! A session of the server's, as this client knows it; and the task that does its commands in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dialect::explain;
use super::kind::Kind;
use super::line::Line;
use super::outcome::Outcome;
use super::perform::Performer;
use super::{Shared, lock};
use crate::protocol::{
    Command, CommandOutput, CreateSession, EnvironmentId, ErrorKind, ExecuteResult, ExecutionEvent,
    ExecutionId, Failure, IsolationReport, Language, OutputStream, ProcessResult, RuntimeType, SessionConfig,
    SessionEvent, SessionId, SessionInfo, SessionLimits, SessionState, WireName as _,
};
use crate::remote::RemoteError;

/// Commands that may wait or run in one session.
pub const QUEUE: usize = 64;
/// Events of one execution: that it began, two outputs, and the result.
pub const EVENTS: usize = 4;

/// A session.
pub struct Session {
    pub id: SessionId,
    /// What it was created with, as far as that is known.
    params: CreateSession,
    startup_ms: f64,
    /// Absent until it is found out.
    kind: Mutex<Option<Kind>>,
    /// To its worker; absent until the first command.
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    pub pending: AtomicUsize,
    /// It is gone, or the server was left.
    pub over: CancellationToken,
}

/// A command on its way.
pub struct Job {
    pub id: ExecutionId,
    pub command: Command,
    pub timeout: Option<Duration>,
    pub stream: bool,
    pub events: mpsc::Sender<ExecutionEvent>,
    /// Room for the result, so that it arrives however slow its reader is.
    pub result: mpsc::OwnedPermit<ExecutionEvent>,
    pub asked: Instant,
}

impl Session {
    /// A session that the server told of; `params` are what it was created with.
    pub fn new(
        row: &Map<String, Value>,
        params: CreateSession,
        startup_ms: f64,
        over: CancellationToken,
    ) -> Option<Self> {
        let id = row.get("sessionId").and_then(Value::as_str)?;
        let kind = Kind::told(row, params.runtime_type, params.language);
        Some(Self {
            id: SessionId::from(id),
            params,
            startup_ms,
            kind: Mutex::new(kind),
            queue: Mutex::default(),
            pending: AtomicUsize::new(0),
            over,
        })
    }

    /// One that somebody else has created.
    pub fn found(row: &Map<String, Value>, over: CancellationToken) -> Option<Self> {
        let language = row.get("language").and_then(Value::as_str)?;
        let params = CreateSession::new(language.parse().ok()?);
        Self::new(row, params, 0.0, over)
    }

    /// What is known of it; `row` is what the server tells.
    pub fn info(&self, row: &Map<String, Value>, network: bool) -> SessionInfo {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| row.get(name).and_then(Value::as_f64).unwrap_or_default();
        let environment = EnvironmentId(match text("environmentId") {
            id if id.is_empty() => text("containerId"),
            id => id,
        });
        // Of one whose runtime is not told, it is the one that these servers choose where they have it.
        let runtime_type = lock(&self.kind).map_or(RuntimeType::Bun, Kind::runtime);
        let created_at = text("createdAt");
        let pending = self.pending.load(Ordering::Relaxed);
        // The server's own word is stale in two of its versions.
        let state = if pending > 0 { SessionState::Active } else { state(&text("state")) };
        SessionInfo {
            session_id: self.id.clone(),
            container_id: environment.clone(),
            environment_id: environment,
            runtime_type,
            runtime: runtime_type.short().to_owned(),
            language: self.params.language,
            name: self.params.name.clone(),
            state,
            last_activity: Some(text("lastActivity")).filter(|t| !t.is_empty()).unwrap_or(created_at.clone()),
            created_at,
            execution_count: row.get("executionCount").and_then(Value::as_u64).unwrap_or_default(),
            idle_minutes: number("idleMinutes"),
            lifetime_minutes: number("lifetimeMinutes"),
            startup_ms: self.startup_ms,
            config: SessionConfig {
                idle_timeout_minutes: self.params.max_lifetime_minutes,
                max_lifetime_minutes: self.params.max_lifetime_minutes,
                memory_limit_mb: self.params.memory_limit_mb,
                network,
            },
            limits: SessionLimits::default(),
            isolation: IsolationReport::default(),
            selection: None,
        }
    }

    /// Whether its programs reach the network.
    pub fn has_network(&self, open_containers: bool) -> bool {
        match *lock(&self.kind) {
            Some(Kind::Docker) => open_containers && self.params.network,
            // Before era e Deno's scripts may not; whoever starts a program from one may.
            Some(Kind::Deno) => open_containers,
            _ => true,
        }
    }

    /// Hands a command to the session's worker. Error: too many wait.
    pub fn submit(self: &Arc<Self>, shared: &Arc<Shared>, job: Job) -> Result<(), Failure> {
        let mut queue = lock(&self.queue);
        if self.pending.load(Ordering::Relaxed) >= QUEUE {
            let message = format!("{QUEUE} commands of session {} wait or run already", self.id);
            return Err(Failure::new(ErrorKind::Busy, message, "wait for one of them to end"));
        }
        if self.over.is_cancelled() {
            return Err(shared.over(&self.id));
        }
        let sender = queue.get_or_insert_with(|| {
            let (sender, jobs) = mpsc::channel(QUEUE);
            let work = work(shared.clone(), self.clone(), jobs);
            shared.tasks.spawn_on(work, &shared.tokio);
            sender
        });
        self.pending.fetch_add(1, Ordering::Relaxed);
        // There is room for all that may be pending: without it the worker is gone.
        sender.try_send(job).map_err(|_| {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            shared.over(&self.id)
        })
    }

    fn language(&self) -> Language {
        self.params.language
    }
}

fn state(name: &str) -> SessionState {
    SessionState::from_name(name).unwrap_or(SessionState::Idle)
}

/// Does a session's commands, one after the other on a connection of its own, until it is gone.
async fn work(shared: Arc<Shared>, session: Arc<Session>, mut jobs: mpsc::Receiver<Job>) {
    let mut line = Line::new(shared.wire.clone(), shared.options.control);
    loop {
        let job = tokio::select! {
            biased;
            () = session.over.cancelled() => break,
            job = jobs.recv() => job,
        };
        let Some(job) = job else { break };
        perform(&shared, &session, &mut line, job).await;
    }
    // Those that wait are told, so that nobody waits for them; also those that are just being handed over.
    jobs.close();
    while let Some(job) = jobs.recv().await {
        finish(&shared, &session, job, Outcome::failed(shared.over(&session.id).message));
    }
}

async fn perform(shared: &Shared, session: &Session, line: &mut Line, job: Job) {
    shared.tell_state(&session.id, SessionState::Active, None);
    shared.tell(SessionEvent::Started { session_id: session.id.clone(), execution_id: job.id.clone() });
    // There is room for all events of an execution.
    let _ = job.events.try_send(ExecutionEvent::Started);
    let outcome = tokio::select! {
        biased;
        // What was asked is given up with its connection.
        () = session.over.cancelled() => Outcome::failed(shared.over(&session.id).message),
        outcome = attempt(shared, session, line, &job) => outcome,
    };
    if job.stream {
        stream(&job, &outcome);
    }
    finish(shared, session, job, outcome);
}

async fn attempt(shared: &Shared, session: &Session, line: &mut Line, job: &Job) -> Outcome {
    let own = session.params.limits.timeout_ms.filter(|ms| *ms > 0).map(Duration::from_millis);
    let limit = job.timeout.into_iter().chain(own).min();
    let time = limit.unwrap_or(shared.options.command);
    let known = *lock(&session.kind);
    let mut performer = Performer {
        line,
        dialect: *lock(&shared.dialect),
        session: &session.id,
        kind: known.unwrap_or(Kind::Bun),
        language: session.language(),
        env: &session.params.env,
        limit,
        time,
    };
    let work = async {
        if known.is_none() {
            performer.kind = performer.identify().await?;
            *lock(&session.kind) = Some(performer.kind);
        }
        performer.perform(&job.command).await
    };
    match tokio::time::timeout(time + shared.options.margin, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => refused(shared, session, error),
        Err(_) => late(shared, job, time),
    }
}

/// A command that the server did not take, or whose answer is lost.
fn refused(shared: &Shared, session: &Session, error: RemoteError) -> Outcome {
    let failure = explain(error.into());
    if matches!(failure.kind, ErrorKind::SessionNotFound | ErrorKind::SessionClosed) {
        shared.vanish(&session.id, SessionState::Lost, &failure.message);
    }
    Outcome::failed(failure.message)
}

/// A command whose time is up, and that still runs for all that is known.
fn late(shared: &Shared, job: &Job, time: Duration) -> Outcome {
    shared.wire.standing.doubt();
    let seconds = time.as_secs_f32();
    let error = format!("no end within {seconds} s; it may still run there: close the session to end it");
    let ended = ProcessResult {
        exit_code: 124,
        duration_ms: milliseconds(job.asked),
        timed_out: true,
        ..ProcessResult::default()
    };
    let output = job.command.starts_program().then_some(CommandOutput::Process(ended));
    Outcome { output, error: Some(error) }
}

/// All that a program has written, at once: these servers tell it at its end.
fn stream(job: &Job, outcome: &Outcome) {
    let Some(CommandOutput::Process(process)) = &outcome.output else { return };
    let bytes = process.stdout_base64.as_deref().and_then(|packed| STANDARD.decode(packed).ok());
    let stdout = bytes.unwrap_or_else(|| process.stdout.clone().into_bytes());
    let outputs =
        [(OutputStream::Stdout, stdout), (OutputStream::Stderr, process.stderr.clone().into_bytes())];
    for (stream, data) in outputs.into_iter().filter(|(_, data)| !data.is_empty()) {
        // There is room for all events of an execution.
        let _ = job.events.try_send(ExecutionEvent::Output { stream, data: data.into() });
    }
}

/// Gives the result to whoever asked.
fn finish(shared: &Shared, session: &Session, job: Job, outcome: Outcome) {
    let result = ExecuteResult {
        success: outcome.error.is_none(),
        result: outcome.output,
        error: outcome.error,
        duration_ms: milliseconds(job.asked),
        phases: None,
        execution_id: job.id.clone(),
        unknown: false,
    };
    let left = session.pending.fetch_sub(1, Ordering::Relaxed) - 1;
    let (session_id, success) = (session.id.clone(), result.success);
    shared.tell(SessionEvent::Finished { session_id, execution_id: job.id, success });
    if left == 0 && !session.over.is_cancelled() {
        shared.tell_state(&session.id, SessionState::Idle, None);
    }
    job.result.send(ExecutionEvent::Finished(Box::new(result)));
}

fn milliseconds(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(i32::MAX as u32)
}
