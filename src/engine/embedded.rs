//! The engine in this process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::{AgentError, ProcessControl};
use crate::protocol::{
    CreateSession, ErrorKind, Execute, ExecutionId, Failure, Language, PROTOCOL_VERSION, Progress, Provision,
    RuntimeInfo, RuntimeType, SelectParams, Selection, ServerCapabilities, ServerInfo, ServerLimits,
    SessionEvent, SessionId, SessionInfo, SessionStats, Signal, WireName as _,
};

use super::calibration::{Calibrated, Calibration};
use super::execution::{Job, Phase};
use super::known::Known;
use super::limits::Limits;
use super::runtime::Runtime;
use super::session::{Session, Sessions, closed, lock};
use super::store::Store;
use super::words::system_words;
use super::{Engine, Execution, InterruptTarget, SessionEvents, Told, life, worker};

/// Output events of one execution that may wait to be taken: of at most 64 KiB each.
const EVENTS: usize = 64;
/// Commands that may wait or run in one session.
pub(super) const QUEUE: usize = 256;
/// How long counting a workspace's files is good for.
const MEASURED_FOR: Duration = Duration::from_secs(5);

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Sessions live in directories below this one.
    pub sessions: PathBuf,
    /// Sessions at once.
    pub max_sessions: usize,
    /// What every session is held to.
    pub limits: Limits,
    /// The isolation score below which no session is created; absent takes any.
    pub minimum_isolation: Option<u8>,
    /// What was measured of the runtimes before.
    pub calibration: Calibration,
}

impl EngineSettings {
    /// The defaults, with sessions below `sessions`.
    pub fn new(sessions: PathBuf) -> Self {
        Self {
            sessions,
            max_sessions: 48,
            limits: Limits::default(),
            minimum_isolation: None,
            calibration: Calibration::default(),
        }
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
    pub(super) sessions: Mutex<Sessions>,
    pub(super) executions: Mutex<HashMap<ExecutionId, Under>>,
    pub(super) events: broadcast::Sender<Told>,
    pub(super) tasks: TaskTracker,
    /// Where tasks run that are begun when something is dropped, wherever that happens.
    pub(super) tokio: tokio::runtime::Handle,
    pub(super) stop: CancellationToken,
    /// The next expiry may have changed.
    pub(super) expiry: Notify,
    pub(super) known: Known,
    calibration: Mutex<Calibration>,
    /// How many sessions there are or are being made.
    occupied: watch::Sender<usize>,
}

/// An execution that is queued or under way.
#[derive(Clone)]
pub(super) struct Under {
    pub session: SessionId,
    pub phase: watch::Receiver<Phase>,
    pub cancelled: CancellationToken,
    pub killed: CancellationToken,
    /// Held by whoever feeds it: others wait, in the order in which they came.
    pub feeding: Arc<tokio::sync::Mutex<()>>,
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
                format!("sessions can't be kept in {}: {}", settings.sessions.display(), system_words(&e)),
                "set XDG_STATE_HOME to a directory that you can write",
            )
        })?;
        let calibration = Mutex::new(settings.calibration.clone());
        let inner = Arc::new(Inner {
            settings,
            runtimes,
            store,
            sessions: Mutex::default(),
            executions: Mutex::default(),
            events: broadcast::Sender::new(256),
            tasks: TaskTracker::new(),
            tokio: tokio::runtime::Handle::current(),
            stop: CancellationToken::new(),
            expiry: Notify::new(),
            known: Known::default(),
            calibration,
            occupied: watch::Sender::new(0),
        });
        let reaper = inner.clone();
        inner.tasks.spawn_blocking(move || match reaper.store.reap() {
            Ok(0) => {}
            Ok(n) => tracing::info!("removed what {n} earlier engines had left"),
            Err(e) => tracing::warn!("what earlier engines left can't be listed: {e}"),
        });
        inner.tasks.spawn(life::sweep(inner.clone()));
        Ok(Self { inner })
    }

    /// How many sessions there are or are being made, as it changes: with none, nobody waits for this engine.
    pub fn occupied(&self) -> watch::Receiver<usize> {
        self.inner.occupied.subscribe()
    }

    /// Takes in what was measured of the runtimes meanwhile: the choice goes by it from now on, as far as it holds.
    pub fn learn(&self, measured: impl IntoIterator<Item = Calibrated>) {
        lock(&self.inner.calibration).learn(measured);
        self.inner.known.forget();
    }
}

impl Inner {
    pub(super) fn runtime(&self, runtime: RuntimeType) -> Result<&Arc<dyn Runtime>, Failure> {
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
    pub(super) async fn infos(&self, wanted: Option<RuntimeType>) -> Vec<RuntimeInfo> {
        let asked = self.runtimes.iter().filter(|r| wanted.is_none_or(|t| t == r.runtime_type()));
        join_all(asked.map(|r| async { self.with_measured(r.info(false).await) })).await
    }

    /// The same at a glance.
    pub(super) async fn glances(&self) -> Vec<RuntimeInfo> {
        join_all(self.runtimes.iter().map(|r| async { self.with_measured(r.glance().await) })).await
    }

    /// A runtime's own description, with what was measured of it.
    fn with_measured(&self, mut info: RuntimeInfo) -> RuntimeInfo {
        lock(&self.calibration).tell(&mut info);
        info
    }

    /// Tells how many sessions there are, where that has changed.
    pub(super) fn count(&self, sessions: &Sessions) {
        let now = sessions.live.len() + sessions.launching;
        self.occupied.send_if_modified(|before| std::mem::replace(before, now) != now);
    }

    pub(super) fn session(&self, id: &SessionId) -> Result<Arc<Session>, Failure> {
        lock(&self.sessions).live.values().find(|s| s.id == *id).cloned().ok_or_else(|| {
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
        let _ = self.events.send(Told::Event(event));
    }

    fn submit(self: &Arc<Self>, params: Execute) -> Result<Execution, Failure> {
        let session = self.session(&params.session_id)?;
        let id = params.execution_id.unwrap_or_else(ExecutionId::random);
        let (events, receiver) = mpsc::channel(EVENTS + 1);
        let room = events.clone().try_reserve_owned();
        let result = room.map_err(|_| Failure::internal("a new queue has no room"))?;
        let (phase, phases) = watch::channel(Phase::Waiting);
        let limit = session.limits.timeout_ms.map(Duration::from_millis);
        let asked_for = params.timeout_ms.filter(|ms| *ms > 0).map(Duration::from_millis);
        let job = Job {
            id: id.clone(),
            command: params.command.command,
            timeout: asked_for.into_iter().chain(limit).min(),
            stream: params.stream,
            interactive: params.interactive,
            events,
            result,
            asked: Instant::now(),
            phase,
            cancelled: CancellationToken::new(),
            killed: CancellationToken::new(),
            concurrent: params.concurrent,
        };
        // Held to the end, so that a session is either closed before this or knows of it.
        let mut life = lock(&session.life);
        life.usable(&session.id)?;
        if life.pending >= QUEUE {
            let message = format!("{QUEUE} commands of session {} wait or run already", session.id);
            return Err(Failure::new(ErrorKind::Busy, message, "wait for one of them to end"));
        }
        let (cancelled, killed) = (job.cancelled.clone(), job.killed.clone());
        let feeding = Arc::default();
        let under = Under { session: session.id.clone(), phase: phases, cancelled, killed, feeding };
        self.enter(&id, under)?;
        if params.concurrent {
            session.work.spawn_on(worker::perform(self.clone(), session.clone(), job), &self.tokio);
        } else if session.queue.try_send(job).is_err() {
            // There is room for all that may be pending.
            lock(&self.executions).remove(&id);
            return Err(closed(&session.id));
        }
        life.pending += 1;
        Ok(Execution::new(id, receiver))
    }

    /// Makes an execution known by its id, which must be new.
    fn enter(&self, id: &ExecutionId, under: Under) -> Result<(), Failure> {
        match lock(&self.executions).entry(id.clone()) {
            Entry::Vacant(place) => {
                place.insert(under);
                Ok(())
            }
            Entry::Occupied(_) => Err(Failure::new(
                ErrorKind::InvalidParams,
                format!("there is an execution {id} already"),
                "leave executionId out, or take a new one",
            )),
        }
    }

    /// The running program of an execution, and whether it takes input; waits for its turn. `None`: it is over.
    async fn control(&self, id: &ExecutionId) -> Option<(ProcessControl, bool)> {
        let phase = lock(&self.executions).get(id).map(|under| under.phase.clone());
        let mut phase = phase?;
        let there = phase.wait_for(|p| matches!(p, Phase::Running { .. } | Phase::Over)).await.ok()?.clone();
        match there {
            Phase::Running { control, input } => Some((control, input)),
            _ => None,
        }
    }

    async fn stats(&self, id: &SessionId) -> Result<SessionStats, Failure> {
        let session = self.session(id)?;
        let failed = |e: AgentError| {
            if e == AgentError::Silent {
                self.lose(&session, e.to_string());
            }
            Failure::new(ErrorKind::SessionClosed, e.to_string(), "create a new session")
        };
        // This machine's own figures where there are any: an agent can say what it likes.
        let metered = session.meter.as_ref().map(|meter| meter.read()).unwrap_or_default();
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
        let idle = metered.processes.is_none() && usage.processes == 0;
        Ok(SessionStats {
            cpu_ms: Some(metered.cpu_us.unwrap_or(usage.cpu_us) / 1000),
            // Without any program that is files, which are counted as such, and what the kernel gives back later.
            memory_bytes: if idle { Some(0) } else { metered.memory_bytes.or(Some(usage.memory_bytes)) },
            // Of the largest process, or of all at once; where nothing has ended yet it is not known.
            peak_memory_bytes: if usage.peak_bytes == 0 && idle {
                None
            } else {
                metered.peak_bytes.max((usage.peak_bytes > 0).then_some(usage.peak_bytes))
            },
            outside_bytes: metered.outside_bytes,
            processes: Some(
                metered.processes.map_or(usage.processes, |n| u32::try_from(n).unwrap_or(u32::MAX)),
            ),
            workspace_bytes: Some(bytes),
            workspace_files: Some(files),
        })
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
                max_timeout: self.inner.settings.limits.timeout.map(|t| t.as_secs()),
                max_memory: Some(self.inner.settings.limits.memory_mb),
                max_concurrency: u64::try_from(self.inner.settings.max_sessions).ok(),
            },
            runtimes: self.runtime_types(),
            instance: None,
        })
    }

    fn runtime_types(&self) -> Vec<RuntimeType> {
        self.inner.runtimes.iter().map(|r| r.runtime_type()).collect()
    }

    async fn runtime(&self, runtime: RuntimeType, refresh: bool) -> Result<RuntimeInfo, Failure> {
        let info = self.inner.with_measured(self.inner.runtime(runtime)?.info(refresh).await);
        if refresh {
            self.inner.known.forget();
        }
        Ok(info)
    }

    async fn select(&self, params: SelectParams) -> Result<Selection, Failure> {
        // Every runtime is named in the ranking, also where a type was asked for.
        Ok(self.inner.known().await.select(&params))
    }

    async fn provision(
        &self,
        wanted: Provision,
        progress: mpsc::Sender<Progress>,
    ) -> Result<RuntimeInfo, Failure> {
        let runtime = self.inner.runtime(wanted.runtime)?;
        let provisioned = runtime.provision(&wanted, progress).await;
        // Also where it failed, some of it may be there.
        self.inner.known.forget();
        provisioned?;
        // What was fetched is new; what else was seen is so still.
        Ok(self.inner.with_measured(runtime.info(false).await))
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
        let feeding = lock(&self.inner.executions).get(execution).map(|under| under.feeding.clone());
        let feeding = feeding.ok_or_else(over)?;
        let _turn = feeding.lock().await;
        let control = self.inner.control(execution).await.filter(|(_, input)| *input);
        let (control, _) = control.ok_or_else(over)?;
        let open = control.feed(&data).await.map_err(|_| over())?;
        if eof {
            control.end_input().await.map_err(|_| over())?;
        }
        if open { Ok(()) } else { Err(over()) }
    }

    async fn resize(&self, execution: &ExecutionId, rows: u16, cols: u16) -> Result<(), Failure> {
        if let Some((control, _)) = self.inner.control(execution).await {
            // A program that has just ended has no terminal to resize.
            let _ = control.resize(rows, cols).await;
        }
        Ok(())
    }

    async fn interrupt(&self, target: InterruptTarget, signal: Signal) -> Result<bool, Failure> {
        let meant: Vec<Under> = {
            let executions = lock(&self.inner.executions);
            let matching = executions.iter().filter(|(id, under)| match &target {
                InterruptTarget::Execution(wanted) => *id == wanted,
                InterruptTarget::Session(session) => under.session == *session,
            });
            matching.map(|(_, under)| under.clone()).collect()
        };
        let mut any = false;
        for Under { phase, cancelled, killed, .. } in meant {
            // What doesn't run yet never will. Whoever was just about to start it has either seen that, or its
            // program is there to be signalled.
            if matches!(*phase.borrow(), Phase::Waiting) {
                cancelled.cancel();
                any = true;
            }
            let now = phase.borrow().clone();
            if let Phase::Running { control, .. } | Phase::Preparing(control) = now {
                if signal == Signal::Kill {
                    killed.cancel();
                }
                any |= control.signal(signal.number()).await.is_ok();
            }
        }
        Ok(any)
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>, Failure> {
        let sessions: Vec<Arc<Session>> = lock(&self.inner.sessions).live.values().cloned().collect();
        Ok(sessions.iter().map(|s| s.info()).collect())
    }

    async fn stats(&self, session: &SessionId) -> Result<SessionStats, Failure> {
        self.inner.stats(session).await
    }

    async fn close_session(&self, session: &SessionId) -> Result<(), Failure> {
        if let Ok(session) = self.inner.session(session) {
            self.inner.close(&session, None).await;
        }
        Ok(())
    }

    fn subscribe(&self) -> SessionEvents {
        SessionEvents::new(self.inner.events.subscribe())
    }

    async fn shutdown(&self) {
        let inner = &self.inner;
        let sessions: Vec<Arc<Session>> = {
            let mut sessions = lock(&inner.sessions);
            sessions.shut = true;
            sessions.live.values().cloned().collect()
        };
        inner.stop.cancel();
        let reason = Some("the engine is shut down".to_owned());
        join_all(sessions.iter().map(|session| inner.close(session, reason.clone()))).await;
        join_all(inner.runtimes.iter().map(|runtime| runtime.shutdown())).await;
        inner.tasks.close();
        inner.tasks.wait().await;
        inner.store.close();
    }
}

impl Drop for Embedded {
    /// Without `shutdown`, the tasks end at least; what lies on disk is left to the next engine.
    fn drop(&mut self) {
        self.inner.stop.cancel();
        for session in lock(&self.inner.sessions).live.values() {
            session.closing.cancel();
            session.agent.close();
        }
    }
}
