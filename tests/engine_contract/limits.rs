//! What sessions are held to, and what this machine itself counts of them: a meter that the test reads from files.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use codebeaker::engine::{
    CodeFile, Embedded, Engine, EngineSettings, Environment, LaunchSpec, Limits, Meter, Metered, Runtime,
    SessionContext, Step,
};
use codebeaker::protocol::{
    CreateSession, ErrorKind, Execute, ExecuteResult, Failure, Progress, Provision, RuntimeInfo, RuntimeType,
    SelectParams, SessionId, SessionLimits, SessionState,
};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::embedded::{agent, directories, nothing_at_all, python, python_is_here, signal};
use crate::files::read;
use crate::life::told_until;
use crate::support::native::{self, Kind, processes, until};
use crate::{Bench, interactive, printed, sh, timely};

/// The host's interpreters, in environments that are metered.
struct Watched {
    inner: Arc<dyn Runtime>,
    launched: Mutex<Vec<LaunchSpec>>,
    /// The isolation score that is shown before a launch, in place of the real one.
    shown: Option<u8>,
}

/// Counts what a program says that the kernel did: a file in the workspace for each. The workspace is looked into
/// through the agent's root, which root alone may.
struct Told(PathBuf);

impl Meter for Told {
    fn read(&self) -> Metered {
        let agents = processes(&self.0).into_iter().filter(|(_, line)| line.starts_with("codebeaker-agent"));
        let root = agents.map(|(pid, _)| pid).min().map(|pid| format!("/proc/{pid}/root/workspace"));
        let there = |name: &str| {
            let own_root = root.as_ref().is_some_and(|root| PathBuf::from(root).join(name).exists());
            u64::from(own_root || self.0.join("workspace").join(name).exists())
        };
        Metered {
            cpu_us: Some(7_000),
            memory_bytes: Some(70_000),
            peak_bytes: Some(700_000),
            outside_bytes: None,
            processes: Some(7),
            memory_kills: there("killed"),
            process_refusals: there("refused"),
            throttled: 0,
        }
    }
}

#[async_trait]
impl Runtime for Watched {
    fn runtime_type(&self) -> RuntimeType {
        self.inner.runtime_type()
    }

    async fn info(&self, refresh: bool) -> RuntimeInfo {
        let mut info = self.inner.info(refresh).await;
        info.isolation.score = self.shown.unwrap_or(info.isolation.score);
        info
    }

    async fn provision(&self, wanted: &Provision, progress: mpsc::Sender<Progress>) -> Result<(), Failure> {
        self.inner.provision(wanted, progress).await
    }

    async fn launch(&self, spec: LaunchSpec) -> Result<Environment, Failure> {
        self.launched.lock().unwrap().push(spec.clone());
        let meter = Arc::new(Told(spec.directory.clone()));
        let limits = spec.limits.clone();
        let environment = self.inner.launch(spec).await?;
        Ok(Environment { meter: Some(meter), limits, ..environment })
    }

    async fn call(&self, context: &SessionContext, argv: Vec<String>) -> Result<Vec<String>, Failure> {
        self.inner.call(context, argv).await
    }

    async fn plan(&self, context: &SessionContext, code: CodeFile) -> Result<Vec<Step>, Failure> {
        self.inner.plan(context, code).await
    }
}

/// An engine over metered environments.
fn watched(
    root: &TempDir,
    shown: Option<u8>,
    change: impl FnOnce(&mut EngineSettings),
) -> (Arc<Embedded>, Arc<Watched>) {
    let inner = native::all().into_iter().find(|r| r.runtime_type() == RuntimeType::NativeProcess).unwrap();
    let runtime = Arc::new(Watched { inner, launched: Mutex::default(), shown });
    let mut settings = EngineSettings::new(root.path().join("sessions"));
    change(&mut settings);
    (Arc::new(Embedded::new(settings, vec![runtime.clone()]).unwrap()), runtime)
}

/// An engine with a session.
async fn with_session(root: &TempDir) -> (Bench, SessionId) {
    let (engine, _) = watched(root, None, |_| {});
    let bench = Bench { engine, kind: Kind::Python };
    let id = bench.create().await.session_id;
    (bench, id)
}

fn reached(result: &ExecuteResult) -> (i32, &str, &str) {
    let process = result.process().unwrap();
    let limit = process.limit.as_ref().expect("a limit");
    (process.exit_code, &limit.name, &limit.value)
}

#[tokio::test]
async fn a_program_that_reaches_a_limit_is_ended_and_the_session_goes_on() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (bench, id) = with_session(&root).await;
    for (script, name, value) in [
        ("touch killed; sleep 1000", "memory", "512 MB of memory"),
        ("touch refused; trap '' TERM; setsid sleep 1000", "processes", "64 processes and threads"),
        // Quicker than the look at it.
        ("touch killed; exit 1", "memory", "512 MB of memory"),
        ("touch killed; kill -KILL $$", "memory", "512 MB of memory"),
    ] {
        let result = bench.execute(&id, sh(script)).await;
        assert_eq!(reached(&result), (137, name, value), "{script}");
        let error = format!("stopped: its limit of {value} was reached ({name})");
        assert_eq!((result.success, result.error), (false, Some(error)));
        // What was counted before a program began is not its doing.
        assert_eq!(bench.sh(&id, "echo on; rm -f killed refused").await.stdout, "on\n");
    }
    let time = Execute { timeout_ms: Some(50), ..Execute::new(id.clone(), sh("touch killed; sleep 1000")) };
    let result = timely(bench.start(time).await.unwrap().finished()).await.unwrap();
    let (code, name, _) = reached(&result);
    assert!(matches!((code, name), (124, "time") | (137, "memory")), "{result:?}");
    timely(bench.engine.shutdown()).await;
    nothing_at_all(root.path());
}

#[tokio::test]
async fn what_the_machine_counts_is_what_is_shown() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (bench, id) = with_session(&root).await;
    let stats = timely(bench.engine.stats(&id)).await.unwrap();
    assert_eq!((stats.cpu_ms, stats.memory_bytes), (Some(7), Some(70_000)));
    assert_eq!((stats.peak_memory_bytes, stats.processes), (Some(700_000), Some(7)));
    timely(bench.engine.shutdown()).await;
}

#[tokio::test]
async fn a_session_gets_what_it_asks_for_within_what_is_configured() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (engine, runtime) = watched(&root, None, |settings| {
        settings.limits = Limits { memory_mb: 300, open_files: 200, ..Limits::default() };
    });
    let limits = SessionLimits {
        timeout_ms: Some(300),
        open_files: Some(u64::MAX),
        processes: Some(20),
        output_bytes: Some(5),
        workspace_files: Some(0),
        ..SessionLimits::default()
    };
    let params = CreateSession { memory_limit_mb: Some(4096), cpu_shares: Some(512), limits, ..python() };
    let info = engine.create_session(params).await.unwrap();
    let got = SessionLimits {
        cpu_shares: Some(512),
        timeout_ms: Some(300),
        cpu_seconds: None,
        processes: Some(20),
        open_files: Some(200),
        file_size_bytes: Some(64 << 20),
        workspace_bytes: Some(256 << 20),
        workspace_files: Some(32_768),
        output_bytes: Some(5),
    };
    assert_eq!((&info.limits, info.config.memory_limit_mb), (&got, Some(300)));
    {
        let launched = runtime.launched.lock().unwrap();
        let spec = &launched[0];
        assert_eq!((&spec.limits, spec.memory_limit_mb), (&got, 300));
    }
    assert_eq!(engine.info().await.unwrap().limits.max_memory, Some(300));

    let bench = Bench { engine, kind: Kind::Python };
    let kept = bench.sh(&info.session_id, "echo 123456789; echo abc >&2").await;
    assert_eq!((kept.stdout.as_str(), kept.stderr.as_str(), kept.truncated), ("12345", "abc\n", true));
    let longer = Execute { timeout_ms: Some(60_000), ..Execute::new(info.session_id, sh("sleep 1000")) };
    let result = timely(bench.start(longer).await.unwrap().finished()).await.unwrap();
    assert_eq!(reached(&result), (124, "time", "300 ms"));
    timely(bench.engine.shutdown()).await;
}

#[tokio::test]
async fn less_isolation_than_is_asked_for_is_refused() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let least = |settings: &mut EngineSettings| settings.minimum_isolation = Some(10);
    // Where it is seen before the launch, and where it is seen only in what was launched.
    for shown in [None, Some(10)] {
        let (engine, runtime) = watched(&root, shown, least);
        let params =
            SelectParams { language: python().language, runtime_preference: None, runtime_type: None };
        let selection = engine.select(params).await.unwrap();
        assert_eq!(selection.chosen.is_some(), shown.is_some(), "{selection:?}");
        let refused = timely(engine.create_session(python())).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NoRuntime);
        let words = "is below the minimum of 10 that the settings ask for";
        assert!(refused.message.starts_with("isolation ") && refused.message.ends_with(words), "{refused:?}");
        assert!(refused.hint.contains("minimum_isolation"), "{refused:?}");
        assert_eq!(runtime.launched.lock().unwrap().len(), usize::from(shown.is_some()));
        assert_eq!((directories(root.path()), processes(root.path())), (0, vec![]));
        assert!(engine.sessions().await.unwrap().is_empty());
        timely(engine.shutdown()).await;
        nothing_at_all(root.path());
    }
}

/// What an agent is doing when it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    Program,
    File,
    No,
}

#[tokio::test]
async fn a_session_whose_agent_hangs_under_a_program_is_lost() {
    hangs(Busy::Program).await;
}

#[tokio::test]
async fn a_session_whose_agent_hangs_over_a_file_is_lost() {
    hangs(Busy::File).await;
}

#[tokio::test]
async fn an_idle_session_whose_agent_hangs_is_lost() {
    hangs(Busy::No).await;
}

async fn hangs(busy: Busy) {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (bench, id) = with_session(&root).await;
    let mut events = bench.engine.subscribe();
    let mut running = None;
    if busy == Busy::Program {
        let program = interactive(&id, "echo ready; sleep 1000");
        printed(running.insert(bench.start(program).await.unwrap()), "ready\n").await;
    }
    let pid = agent(root.path());
    signal(pid, Signal::STOP);
    let state = format!("/proc/{pid}/stat");
    until("it is stopped", || std::fs::read_to_string(&state).unwrap().contains(") T ")).await;
    // What is waited for from here on is a matter of time alone.
    tokio::time::pause();
    let asked = tokio::time::Instant::now();
    if busy == Busy::File {
        running = Some(bench.start(Execute::new(id.clone(), read("f"))).await.unwrap());
    }
    if let Some(running) = running {
        let result = timely(running.finished()).await.unwrap();
        assert_eq!(result.error.as_deref(), Some("the environment does not answer"));
    }
    told_until(&mut events, &id, SessionState::Lost).await;
    assert!(asked.elapsed() <= Duration::from_secs(40), "{:?}", asked.elapsed());
    tokio::time::resume();
    let refused = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap_err();
    assert!(refused.message.contains("does not answer"), "{refused:?}");
    timely(bench.engine.shutdown()).await;
    until("its programs end", || processes(root.path()).is_empty()).await;
    nothing_at_all(root.path());
}
