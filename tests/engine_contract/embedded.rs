//! What only an engine in this process can be asked: its directories, its processes, and its worst moments.

use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use codebeaker::engine::{
    CodeFile, Embedded, Engine, EngineSettings, Environment, LaunchSpec, Runtime, SessionContext, Step,
    Teardown,
};
use codebeaker::protocol::{
    CreateSession, ErrorKind, Execute, Failure, Language, Progress, Provision, RuntimeInfo, RuntimeType,
    SessionState,
};
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};

use crate::life::{outline, told_until};
use crate::support::native::{self, Kind, processes, until};
use crate::{Bench, embedded_with, interactive, printed, sh, timely};

/// The host's interpreters behind gates: launches and ends wait for a permit each.
struct Gated {
    inner: Arc<dyn Runtime>,
    launches: Arc<Semaphore>,
    ends: Arc<Semaphore>,
}

struct GatedEnd(Box<dyn Teardown>, Arc<Semaphore>);

#[async_trait]
impl Teardown for GatedEnd {
    async fn teardown(self: Box<Self>) {
        self.1.acquire().await.unwrap().forget();
        self.0.teardown().await;
    }
}

#[async_trait]
impl Runtime for Gated {
    fn runtime_type(&self) -> RuntimeType {
        self.inner.runtime_type()
    }

    async fn info(&self, refresh: bool) -> RuntimeInfo {
        self.inner.info(refresh).await
    }

    async fn provision(&self, wanted: &Provision, progress: mpsc::Sender<Progress>) -> Result<(), Failure> {
        self.inner.provision(wanted, progress).await
    }

    async fn launch(&self, spec: LaunchSpec) -> Result<Environment, Failure> {
        let environment = self.inner.launch(spec).await?;
        self.launches.acquire().await.unwrap().forget();
        let teardown = Box::new(GatedEnd(environment.teardown, self.ends.clone()));
        Ok(Environment { teardown, ..environment })
    }

    async fn call(&self, context: &SessionContext, argv: Vec<String>) -> Result<Vec<String>, Failure> {
        self.inner.call(context, argv).await
    }

    async fn plan(&self, context: &SessionContext, code: CodeFile) -> Result<Vec<Step>, Failure> {
        self.inner.plan(context, code).await
    }
}

/// An engine whose launches and ends are let through by hand.
fn gated(root: &TempDir) -> (Arc<Embedded>, Arc<Semaphore>, Arc<Semaphore>) {
    let inner = native::all().into_iter().find(|r| r.runtime_type() == RuntimeType::NativeProcess).unwrap();
    let (launches, ends) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let runtime = Gated { inner, launches: launches.clone(), ends: ends.clone() };
    let settings = EngineSettings::new(root.path().join("sessions"));
    (Arc::new(Embedded::new(settings, vec![Arc::new(runtime)]).unwrap()), launches, ends)
}

pub fn python() -> CreateSession {
    CreateSession { runtime_type: Some(RuntimeType::NativeProcess), ..CreateSession::new(Language::Python) }
}

pub async fn python_is_here() -> bool {
    let root = tempfile::tempdir().unwrap();
    Kind::Python.is_here(&*embedded_with(&root, |_| {})).await
}

/// The directories of sessions.
pub fn directories(root: &Path) -> usize {
    let engines = std::fs::read_dir(root.join("sessions")).unwrap().flatten();
    engines.filter_map(|e| std::fs::read_dir(e.path()).ok()).map(Iterator::count).sum()
}

pub fn nothing_at_all(root: &Path) {
    assert_eq!(std::fs::read_dir(root.join("sessions")).unwrap().count(), 0);
    assert_eq!(processes(root), []);
}

pub fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// The agent of the only session.
pub fn agent(root: &Path) -> i32 {
    let all = processes(root);
    let agents = all.iter().filter(|(_, line)| line.starts_with("codebeaker-agent"));
    // The lowest number of those with this name: the others are supervisors, which it has forked.
    agents.map(|(pid, _)| *pid).min().unwrap()
}

#[tokio::test]
async fn a_session_whose_agent_is_killed_is_lost() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let engine = embedded_with(&root, |_| {});
    let bench = Bench { engine: engine.clone(), kind: Kind::Python };
    let mut events = engine.subscribe();
    let id = bench.create().await.session_id;
    let mut running = bench.start(interactive(&id, "echo ready; sleep 1000")).await.unwrap();
    printed(&mut running, "ready\n").await;
    let queued = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap();
    signal(agent(root.path()), rustix::process::Signal::KILL);
    for execution in [running, queued] {
        let result = timely(execution.finished()).await.unwrap();
        assert!(!result.success && result.result.is_none(), "{result:?}");
        assert!(result.error.as_ref().unwrap().contains("agent has gone"), "{result:?}");
    }
    let told = outline(&told_until(&mut events, &id, SessionState::Lost).await);
    assert!(told.starts_with(&["Active".into(), "started".into()]), "{told:?}");
    let info = &engine.sessions().await.unwrap()[0];
    assert_eq!(info.state, SessionState::Lost);
    let refused = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::SessionClosed);
    assert!(refused.message.contains("lost") && !refused.hint.is_empty(), "{refused:?}");
    assert_eq!(engine.stats(&id).await.unwrap_err().kind, ErrorKind::SessionClosed);
    until("the lost session's programs end", || processes(root.path()).is_empty()).await;
    timely(engine.close_session(&id)).await.unwrap();
    let told = outline(&told_until(&mut events, &id, SessionState::Closed).await);
    assert_eq!(&told[told.len() - 2..], ["Closing", "Closed"]);
    assert!(!told.contains(&"Idle".into()) && !told.contains(&"Active".into()), "{told:?}");
    assert_eq!(directories(root.path()), 0);
    timely(engine.shutdown()).await;
    nothing_at_all(root.path());
}

#[tokio::test]
async fn there_are_never_more_sessions_than_the_limit() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let engine = embedded_with(&root, |s| s.max_sessions = 2);
    let all = futures_util::future::join_all((0..6).map(|_| engine.create_session(python()))).await;
    let (made, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (2, 4));
    for refused in refused {
        let failure = refused.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::LimitReached);
        assert!(failure.message.contains('2') && !failure.hint.is_empty(), "{failure:?}");
    }
    assert_eq!(directories(root.path()), 2);
    engine.close_session(&made[0].as_ref().unwrap().session_id).await.unwrap();
    // One that can't be launched takes no place away.
    let nonsense = CreateSession { runtime_type: Some(RuntimeType::Deno), ..python() };
    for _ in 0..3 {
        assert_eq!(engine.create_session(nonsense.clone()).await.unwrap_err().kind, ErrorKind::NoRuntime);
    }
    engine.create_session(python()).await.unwrap();
    timely(engine.shutdown()).await;
    nothing_at_all(root.path());
}

#[tokio::test]
async fn a_creation_that_is_given_up_leaves_nothing() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (engine, launches, ends) = gated(&root);
    {
        let create = engine.create_session(python());
        tokio::pin!(create);
        let launched = || processes(root.path()).iter().any(|(_, line)| line.starts_with("codebeaker-agent"));
        until("the agent is there", || {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(create.as_mut().poll(&mut context).is_pending());
            launched()
        })
        .await;
        assert_eq!(directories(root.path()), 1);
    }
    until("its directory goes", || directories(root.path()) == 0).await;
    until("its agent goes", || processes(root.path()).is_empty()).await;
    assert!(engine.sessions().await.unwrap().is_empty());
    // Given up at any other moment.
    launches.add_permits(1000);
    ends.add_permits(1000);
    for n in 0..100 {
        let given_up = tokio::time::timeout(Duration::from_micros(n * 300), engine.create_session(python()));
        if let Ok(created) = given_up.await {
            engine.close_session(&created.unwrap().session_id).await.unwrap();
        }
    }
    assert!(engine.sessions().await.unwrap().is_empty());
    until("all directories go", || directories(root.path()) == 0).await;
    timely(engine.shutdown()).await;
    until("all agents go", || processes(root.path()).is_empty()).await;
    nothing_at_all(root.path());
}

#[tokio::test]
async fn shutting_down_ends_launches_too() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (engine, launches, _ends) = gated(&root);
    let creating = tokio::spawn({
        let engine = engine.clone();
        async move { engine.create_session(python()).await }
    });
    until("the launch is under way", || directories(root.path()) == 1).await;
    timely(engine.shutdown()).await;
    let failure = timely(creating).await.unwrap().unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Cancelled);
    until("its agent goes", || processes(root.path()).is_empty()).await;
    nothing_at_all(root.path());
    launches.add_permits(1);
    assert_eq!(engine.create_session(python()).await.unwrap_err().kind, ErrorKind::Cancelled);
    // Once is enough, but twice does no harm.
    timely(engine.shutdown()).await;
}

#[tokio::test]
async fn a_close_goes_on_without_whoever_asked_for_it() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (engine, launches, ends) = gated(&root);
    launches.add_permits(1);
    let id = engine.create_session(python()).await.unwrap().session_id;
    // Two ask, and neither is told it is done before it is; then one goes away.
    let mut first = Box::pin(engine.close_session(&id));
    let mut second = Box::pin(engine.close_session(&id));
    for _ in 0..100 {
        assert!(matches!(futures_util::poll!(&mut first), Poll::Pending));
        assert!(matches!(futures_util::poll!(&mut second), Poll::Pending));
        tokio::task::yield_now().await;
    }
    drop(first);
    assert_eq!(engine.sessions().await.unwrap()[0].state, SessionState::Closing);
    let refused = engine.execute(Execute::new(id.clone(), sh("true"))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::SessionClosed);
    ends.add_permits(1);
    timely(second).await.unwrap();
    assert!(engine.sessions().await.unwrap().is_empty());
    assert_eq!(directories(root.path()), 0);
    timely(engine.shutdown()).await;
    nothing_at_all(root.path());
}

#[tokio::test]
async fn shutting_down_leaves_nothing_that_runs() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let engine = embedded_with(&root, |_| {});
    let bench = Bench { engine: engine.clone(), kind: Kind::Python };
    let mut all = Vec::new();
    for _ in 0..4 {
        let id = bench.create().await.session_id;
        let hard =
            "trap '' INT TERM HUP; (setsid sh -c 'trap \"\" TERM; sleep 1000' &); echo ready; sleep 1000";
        let mut running = bench.start(interactive(&id, hard)).await.unwrap();
        printed(&mut running, "ready\n").await;
        all.push(running);
    }
    assert!(processes(root.path()).len() >= 12, "{:?}", processes(root.path()));
    timely(engine.shutdown()).await;
    nothing_at_all(root.path());
    for running in all {
        assert!(!timely(running.finished()).await.unwrap().success);
    }
}

#[tokio::test]
async fn an_engine_that_is_dropped_ends_its_programs_and_the_next_removes_its_directories() {
    if !python_is_here().await {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let engine = embedded_with(&root, |_| {});
    let bench = Bench { engine: engine.clone(), kind: Kind::Python };
    let id = bench.create().await.session_id;
    let mut running = bench.start(interactive(&id, "echo ready; sleep 1000")).await.unwrap();
    printed(&mut running, "ready\n").await;
    drop((bench, engine));
    assert!(!timely(running.finished()).await.unwrap().success);
    until("its programs end", || processes(root.path()).is_empty()).await;
    let next = embedded_with(&root, |_| {});
    until("its directories go", || directories(root.path()) == 0).await;
    timely(next.shutdown()).await;
    nothing_at_all(root.path());
}

/// As where a process ends by an error of its own: nothing is awaited any more.
#[test]
fn programs_end_with_the_runtime_under_the_engine() {
    let root = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let here = runtime.block_on(async {
            let engine = embedded_with(&root, |_| {});
            if !Kind::Python.is_here(&*engine).await {
                return false;
            }
            let bench = Bench { engine, kind: Kind::Python };
            for _ in 0..4 {
                let id = bench.create().await.session_id;
                let mut running = bench.start(interactive(&id, "echo ready; sleep 1000")).await.unwrap();
                printed(&mut running, "ready\n").await;
            }
            true
        });
        drop(runtime);
        let waiting = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        waiting.block_on(until("its programs end", || processes(root.path()).is_empty()));
        if !here {
            return;
        }
    }
}
