//! The engine in this process.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::{AgentError, ProcessControl};
use crate::protocol::{
    CreateSession, EnvironmentId, ErrorKind, Execute, ExecutionId, Failure, Language, PROTOCOL_VERSION,
    Progress, RuntimeInfo, RuntimeType, SelectParams, Selection, ServerCapabilities, ServerInfo,
    ServerLimits, SessionConfig, SessionEvent, SessionId, SessionInfo, SessionState, SessionStats, Signal,
    WireName,
};

use super::execution::{Job, Phase};
use super::runtime::{LaunchSpec, Runtime};
use super::session::{Life, Session, lock};
use super::store::Store;
use super::worker;
use super::{Engine, Execution, InterruptTarget, SessionEvents, select};

/// Output events of one execution that may wait to be taken: of at most 64 KiB each.
const EVENTS: usize = 64;
/// Commands that may wait in one session.
const QUEUE: usize = 256;
/// How long counting a workspace's files is good for.
const MEASURED_FOR: Duration = Duration::from_secs(5);

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Sessions live in directories below this one.
    pub sessions: PathBuf,
    /// Sessions at once.
    pub max_sessions: usize,
    /// Bytes of each output stream kept for a result.
    pub output_kept: usize,
    /// Wall time of a command that names none; absent is without limit.
    pub default_timeout: Option<Duration>,
    /// Memory of a session that names none, in MB.
    pub memory_limit_mb: u64,
}

impl EngineSettings {
    /// The defaults, with sessions below `sessions`.
    pub fn new(sessions: PathBuf) -> Self {
        Self { sessions, max_sessions: 48, output_kept: 1 << 20, default_timeout: None, memory_limit_mb: 512 }
    }
}

/// An [`Engine`] that launches environments on this machine.
pub struct Embedded {
    inner: Arc<Inner>,
}

/// What the engine's tasks share.
pub(super) struct Inner {
    pub(super) settings: EngineSettings,
    runtimes: Vec<Arc<dyn Runtime>>,
    pub(super) store: Store,
    sessions: Mutex<BTreeMap<(Instant, SessionId), Arc<Session>>>,
    pub(super) executions: Mutex<HashMap<ExecutionId, Under>>,
    pub(super) events: broadcast::Sender<SessionEvent>,
    pub(super) tasks: TaskTracker,
    stop: CancellationToken,
    /// The next expiry may have changed.
    pub(super) expiry: Notify,
}

/// An execution that is queued or under way.
pub(super) struct Under {
    pub session: SessionId,
    pub phase: watch::Receiver<Phase>,
    pub cancelled: CancellationToken,
}

impl Embedded {
    /// An engine over `runtimes`, in the order they are shown. Needs a tokio runtime.
    ///
    /// # Errors
    /// The sessions' directory can't be made or written.
    pub fn new(settings: EngineSettings, runtimes: Vec<Arc<dyn Runtime>>) -> Result<Self, Failure> {
        let store = Store::open(&settings.sessions).map_err(|e| {
            Failure::new(
                ErrorKind::Internal,
                format!("sessions can't be kept in {}: {e}", settings.sessions.display()),
                "set XDG_STATE_HOME to a directory that you can write",
            )
        })?;
        let inner = Arc::new(Inner {
            settings,
            runtimes,
            store,
            sessions: Mutex::default(),
            executions: Mutex::default(),
            events: broadcast::Sender::new(256),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            expiry: Notify::new(),
        });
        let reaper = inner.clone();
        inner.tasks.spawn_blocking(move || match reaper.store.reap() {
            Ok(0) => {}
            Ok(n) => tracing::info!("removed what {n} earlier engines had left"),
            Err(e) => tracing::warn!("what earlier engines left can't be listed: {e}"),
        });
        inner.tasks.spawn(sweep(inner.clone()));
        Ok(Self { inner })
    }
}

/// Closes sessions whose time is over.
async fn sweep(inner: Arc<Inner>) {
    loop {
        let sessions: Vec<Arc<Session>> = lock(&inner.sessions).values().cloned().collect();
        let next = sessions.into_iter().map(|s| (s.expiry(), s)).min_by_key(|((at, _), _)| *at);
        let changed = inner.expiry.notified();
        let Some(((at, reason), session)) = next else {
            tokio::select! { () = changed => continue, () = inner.stop.cancelled() => return }
        };
        tokio::select! {
            () = tokio::time::sleep_until(at.into()) => {}
            () = changed => continue,
            () = inner.stop.cancelled() => return,
        }
        // Something may have begun while this was waking up.
        if session.expiry().0 <= Instant::now() {
            inner.close(&session.id, Some(reason)).await;
        }
    }
}

impl Inner {
    fn runtime(&self, runtime: RuntimeType) -> Result<&Arc<dyn Runtime>, Failure> {
        self.runtimes.iter().find(|r| r.runtime_type() == runtime).ok_or_else(|| {
            let offered: Vec<String> = self.runtimes.iter().map(|r| r.runtime_type().to_string()).collect();
            Failure::new(
                ErrorKind::NoRuntime,
                format!("{runtime} is not offered by this engine"),
                format!("use one of {}", offered.join(", ")),
            )
        })
    }

    /// What is known of the runtimes that `wanted` leaves to choose from.
    async fn infos(&self, wanted: Option<RuntimeType>) -> Vec<RuntimeInfo> {
        let asked = self.runtimes.iter().filter(|r| wanted.is_none_or(|t| t == r.runtime_type()));
        join_all(asked.map(|r| r.info(false))).await
    }

    pub(super) fn session(&self, id: &SessionId) -> Result<Arc<Session>, Failure> {
        lock(&self.sessions).values().find(|s| s.id == *id).cloned().ok_or_else(|| {
            Failure::new(
                ErrorKind::SessionNotFound,
                format!("there is no session {id}"),
                "it may have been closed: session.list names those that live, session.create makes one",
            )
        })
    }

    /// Tells everybody who listens.
    pub(super) fn tell(&self, event: SessionEvent) {
        // Without listeners it is nobody's loss.
        let _ = self.events.send(event);
    }

    pub(super) fn set_state(&self, session: &Session, state: SessionState, reason: Option<String>) {
        {
            let mut life = lock(&session.life);
            if life.state == state || matches!(life.state, SessionState::Closed) {
                return;
            }
            life.state = state;
        }
        self.tell(SessionEvent::State { session_id: session.id.clone(), state, reason });
    }

    /// Ends everything a session has. Whoever comes second waits for nothing.
    async fn close(&self, id: &SessionId, reason: Option<String>) {
        let Ok(session) = self.session(id) else { return };
        let Some(teardown) = lock(&session.life).teardown.take() else { return };
        self.set_state(&session, SessionState::Closing, reason.clone());
        session.closing.cancel();
        session.agent.close();
        teardown.teardown().await;
        self.remove_directory(&session.id).await;
        lock(&self.sessions).retain(|_, s| s.id != *id);
        self.set_state(&session, SessionState::Closed, reason);
        self.expiry.notify_one();
    }

    async fn remove_directory(&self, id: &SessionId) {
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

    /// Waits until a session's environment is gone by itself, and says so.
    async fn watch_over(self: Arc<Self>, session: Arc<Session>) {
        let reason = tokio::select! {
            reason = session.agent.gone() => reason,
            () = session.closing.cancelled() => return,
        };
        tracing::warn!("session {} is lost: {reason}", session.id);
        self.lose(&session, reason);
    }

    /// A session whose environment can't be used any more.
    pub(super) fn lose(&self, session: &Session, reason: String) {
        lock(&session.life).lost.get_or_insert_with(|| reason.clone());
        session.agent.close();
        self.set_state(session, SessionState::Lost, Some(reason));
    }

    async fn create(self: &Arc<Self>, params: CreateSession) -> Result<SessionInfo, Failure> {
        let asked = Instant::now();
        check_variables(&params.env)?;
        let select = SelectParams {
            language: params.language,
            runtime_preference: params.runtime_preference,
            runtime_type: params.runtime_type,
        };
        if let Some(wanted) = params.runtime_type {
            self.runtime(wanted)?;
        }
        if lock(&self.sessions).len() >= self.settings.max_sessions {
            let most = self.settings.max_sessions;
            let message = format!("there are {most} sessions, which is the limit");
            return Err(Failure::new(ErrorKind::LimitReached, message, "close one first"));
        }
        let infos = self.infos(params.runtime_type).await;
        let selection = select::select(&select, &infos);
        let Some(chosen) = selection.chosen else {
            // What else could run it is part of the answer.
            return Err(select::nothing_fits(&select, &self.infos(None).await));
        };
        let runtime = self.runtime(chosen)?.clone();
        let id = SessionId::random();
        let directory = self.store.create(&id).map_err(|e| {
            Failure::new(
                ErrorKind::Internal,
                format!("the session's directory can't be made: {e}"),
                "free some space",
            )
        })?;
        let launched = self.launch(&id, directory, runtime, &params, asked).await;
        if launched.is_err() {
            self.remove_directory(&id).await;
        }
        let session = launched?;
        let info = SessionInfo { selection: Some(selection), ..session.info() };
        self.tell(SessionEvent::State { session_id: id, state: SessionState::Active, reason: None });
        Ok(info)
    }

    async fn launch(
        self: &Arc<Self>,
        id: &SessionId,
        directory: PathBuf,
        runtime: Arc<dyn Runtime>,
        params: &CreateSession,
        asked: Instant,
    ) -> Result<Arc<Session>, Failure> {
        let environment_id = EnvironmentId::random();
        let memory_limit_mb = params.memory_limit_mb.unwrap_or(self.settings.memory_limit_mb);
        let spec = LaunchSpec {
            environment_id: environment_id.clone(),
            directory,
            language: params.language,
            network: params.network,
            memory_limit_mb,
            limits: params.limits.clone(),
            image: params.docker_image.clone(),
        };
        let mut environment = runtime.launch(spec).await?;
        environment.variables.extend(params.env.clone());
        let (queue, jobs) = mpsc::channel(QUEUE);
        let session = Arc::new(Session {
            id: id.clone(),
            environment_id,
            runtime,
            language: params.language,
            name: params.name.clone(),
            created: asked,
            created_at: Timestamp::now(),
            startup: asked.elapsed(),
            config: SessionConfig {
                idle_timeout_minutes: params.idle_timeout_minutes,
                max_lifetime_minutes: params.max_lifetime_minutes,
                memory_limit_mb: params.memory_limit_mb,
                network: params.network,
            },
            limits: environment.limits,
            isolation: environment.isolation,
            variables: environment.variables,
            agent: environment.agent,
            queue,
            closing: CancellationToken::new(),
            life: Mutex::new(Life::new(environment.teardown)),
            measured: Mutex::default(),
        });
        lock(&self.sessions).insert((asked, id.clone()), session.clone());
        self.tasks.spawn(worker::work(self.clone(), session.clone(), jobs));
        self.tasks.spawn(self.clone().watch_over(session.clone()));
        self.expiry.notify_one();
        Ok(session)
    }

    fn submit(self: &Arc<Self>, params: Execute) -> Result<Execution, Failure> {
        let session = self.session(&params.session_id)?;
        let lost = lock(&session.life).lost.clone();
        if let Some(reason) = lost {
            let message = format!("session {} is lost: {reason}", session.id);
            return Err(Failure::new(ErrorKind::SessionClosed, message, "create a new session"));
        }
        let id = params.execution_id.unwrap_or_else(ExecutionId::random);
        let (events, receiver) = mpsc::channel(EVENTS);
        let (phase, phases) = watch::channel(Phase::Queued);
        let limit = session.limits.timeout_ms.map(Duration::from_millis).or(self.settings.default_timeout);
        let asked_for = params.timeout_ms.filter(|ms| *ms > 0).map(Duration::from_millis);
        let job = Job {
            id: id.clone(),
            command: params.command.command,
            timeout: asked_for.into_iter().chain(limit).min(),
            stream: params.stream,
            interactive: params.interactive,
            events,
            asked: Instant::now(),
            phase,
            cancelled: CancellationToken::new(),
        };
        let under = Under { session: session.id.clone(), phase: phases, cancelled: job.cancelled.clone() };
        let taken = lock(&self.executions).insert(id.clone(), under);
        if let Some(other) = taken {
            lock(&self.executions).insert(id.clone(), other);
            let message = format!("there is an execution {id} already");
            return Err(Failure::new(
                ErrorKind::InvalidParams,
                message,
                "leave executionId out, or take a new one",
            ));
        }
        if params.concurrent {
            self.tasks.spawn(worker::perform(self.clone(), session, job));
        } else if let Err(refused) = session.queue.try_send(job) {
            lock(&self.executions).remove(&id);
            return Err(match refused {
                mpsc::error::TrySendError::Full(_) => {
                    let message = format!("{QUEUE} commands of session {} wait already", session.id);
                    Failure::new(ErrorKind::Busy, message, "wait for one of them to end")
                }
                mpsc::error::TrySendError::Closed(_) => closed(&session.id),
            });
        }
        Ok(Execution::new(id, receiver))
    }

    /// The running program of an execution; waits for its turn. `None`: it is over.
    async fn control(&self, id: &ExecutionId) -> Result<Option<ProcessControl>, Failure> {
        let phase = lock(&self.executions).get(id).map(|under| under.phase.clone());
        let Some(mut phase) = phase else { return Ok(None) };
        let running = phase.wait_for(|p| !matches!(p, Phase::Queued)).await.ok().map(|p| p.clone());
        Ok(match running {
            Some(Phase::Running(control)) => Some(control),
            _ => None,
        })
    }

    async fn stats(&self, id: &SessionId) -> Result<SessionStats, Failure> {
        let session = self.session(id)?;
        let failed =
            |e: AgentError| Failure::new(ErrorKind::SessionClosed, e.to_string(), "create a new session");
        let usage = session.agent.usage().await.map_err(failed)?;
        let fresh = lock(&session.measured).filter(|(at, ..)| at.elapsed() < MEASURED_FOR);
        let (bytes, files) = match fresh {
            Some((_, bytes, files)) => (bytes, files),
            None => {
                let (bytes, files) = session.agent.measure().await.map_err(failed)?;
                *lock(&session.measured) = Some((Instant::now(), bytes, files));
                (bytes, files)
            }
        };
        Ok(SessionStats {
            cpu_ms: Some(usage.cpu_us / 1000),
            memory_bytes: Some(usage.memory_bytes),
            // Nothing has ended yet: not known.
            peak_memory_bytes: (usage.peak_bytes > 0).then_some(usage.peak_bytes),
            processes: Some(usage.processes),
            workspace_bytes: Some(bytes),
            workspace_files: Some(files),
        })
    }
}

pub(super) fn closed(id: &SessionId) -> Failure {
    Failure::new(ErrorKind::SessionClosed, format!("session {id} is closed"), "create a new session")
}

/// A variable's name must be one, and neither part may hold a NUL.
fn check_variables(env: &BTreeMap<String, String>) -> Result<(), Failure> {
    let bad = env
        .iter()
        .find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'));
    match bad {
        None => Ok(()),
        Some((name, _)) => Err(Failure::new(
            ErrorKind::InvalidParams,
            format!("env: {name:?} is not a variable that can be set"),
            "names are not empty and hold no =; neither names nor values hold a NUL",
        )),
    }
}

#[async_trait]
impl Engine for Embedded {
    async fn info(&self) -> Result<ServerInfo, Failure> {
        Ok(ServerInfo {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocol_version: PROTOCOL_VERSION.into(),
            supported_languages: Language::ALL.to_vec(),
            server_capabilities: ServerCapabilities { supports_streaming: true, ..Default::default() },
            limits: ServerLimits {
                max_timeout: self.inner.settings.default_timeout.map(|t| t.as_secs()),
                max_memory: None,
                max_concurrency: u64::try_from(self.inner.settings.max_sessions).ok(),
            },
        })
    }

    fn runtime_types(&self) -> Vec<RuntimeType> {
        self.inner.runtimes.iter().map(|r| r.runtime_type()).collect()
    }

    async fn runtime(&self, runtime: RuntimeType, refresh: bool) -> Result<RuntimeInfo, Failure> {
        Ok(self.inner.runtime(runtime)?.info(refresh).await)
    }

    async fn select(&self, params: SelectParams) -> Result<Selection, Failure> {
        // Every runtime is named in the ranking, also where a type was asked for.
        Ok(select::select(&params, &self.inner.infos(None).await))
    }

    async fn provision(
        &self,
        runtime: RuntimeType,
        progress: mpsc::Sender<Progress>,
    ) -> Result<RuntimeInfo, Failure> {
        let runtime = self.inner.runtime(runtime)?;
        runtime.provision(progress).await?;
        Ok(runtime.info(true).await)
    }

    async fn create_session(&self, params: CreateSession) -> Result<SessionInfo, Failure> {
        self.inner.create(params).await
    }

    async fn execute(&self, params: Execute) -> Result<Execution, Failure> {
        self.inner.submit(params)
    }

    async fn input(&self, execution: &ExecutionId, data: Bytes, eof: bool) -> Result<(), Failure> {
        let over = || {
            let message = format!("execution {execution} reads no input (any more)");
            Failure::new(
                ErrorKind::InvalidParams,
                message,
                "start it with interactive, and feed it while it runs",
            )
        };
        let control = self.inner.control(execution).await?.ok_or_else(over)?;
        let open = control.feed(&data).await.map_err(|_| over())?;
        if eof {
            control.end_input().await.map_err(|_| over())?;
        }
        if open { Ok(()) } else { Err(over()) }
    }

    async fn resize(&self, execution: &ExecutionId, rows: u16, cols: u16) -> Result<(), Failure> {
        if let Some(control) = self.inner.control(execution).await? {
            // A program that has just ended has no terminal to resize.
            let _ = control.resize(rows, cols).await;
        }
        Ok(())
    }

    async fn interrupt(&self, target: InterruptTarget, signal: Signal) -> Result<bool, Failure> {
        let meant: Vec<(watch::Receiver<Phase>, CancellationToken)> = {
            let executions = lock(&self.inner.executions);
            let matching = executions.iter().filter(|(id, under)| match &target {
                InterruptTarget::Execution(wanted) => *id == wanted,
                InterruptTarget::Session(session) => under.session == *session,
            });
            matching.map(|(_, under)| (under.phase.clone(), under.cancelled.clone())).collect()
        };
        let mut any = false;
        for (phase, cancelled) in meant {
            let now = phase.borrow().clone();
            match now {
                Phase::Queued => cancelled.cancel(),
                Phase::Running(control) => {
                    if control.signal(signal.number()).await.is_err() {
                        continue;
                    }
                }
                Phase::Over => continue,
            }
            any = true;
        }
        Ok(any)
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>, Failure> {
        let sessions: Vec<Arc<Session>> = lock(&self.inner.sessions).values().cloned().collect();
        Ok(sessions.iter().map(|s| s.info()).collect())
    }

    async fn stats(&self, session: &SessionId) -> Result<SessionStats, Failure> {
        self.inner.stats(session).await
    }

    async fn close_session(&self, session: &SessionId) -> Result<(), Failure> {
        self.inner.close(session, None).await;
        Ok(())
    }

    fn subscribe(&self) -> SessionEvents {
        SessionEvents::new(self.inner.events.subscribe())
    }

    async fn shutdown(&self) {
        let inner = &self.inner;
        let ids: Vec<SessionId> = lock(&inner.sessions).values().map(|s| s.id.clone()).collect();
        join_all(ids.iter().map(|id| inner.close(id, Some("the engine is shut down".into())))).await;
        inner.stop.cancel();
        inner.tasks.close();
        inner.tasks.wait().await;
        inner.store.close();
    }
}

impl Drop for Embedded {
    /// Without `shutdown`, the tasks end at least; what lies on disk is left to the next engine.
    fn drop(&mut self) {
        self.inner.stop.cancel();
        for session in lock(&self.inner.sessions).values() {
            session.closing.cancel();
            session.agent.close();
        }
    }
}
