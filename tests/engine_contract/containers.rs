//! What an engine promises of its containers, and their worst moments.

use std::sync::Arc;
use std::time::Duration;

use codebeaker::engine::{Embedded, EngineSettings};
use codebeaker::protocol::{ErrorKind, Execute, SessionState};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::embedded::{directories, nothing_at_all, signal};
use crate::life::told_until;
use crate::support::docker::Yard;
use crate::support::native::{Kind, nap, sleeping, until};
use crate::{Bench, embedded_over, interactive, printed, sh, timely};

const KIND: Kind = Kind::DockerPython;
/// A container that nobody removes is gone within this time after its engine.
const BY_ITSELF: Duration = Duration::from_secs(5);

/// Somewhere that engines come and go.
struct Harbour {
    root: TempDir,
    yard: Yard,
}

impl Harbour {
    /// `None`: there is no Docker here.
    async fn new() -> Option<Self> {
        let yard = KIND.yard().await;
        // Which says why.
        if !crate::support::docker::runs(KIND.language()).await {
            return None;
        }
        Some(Self { root: tempfile::tempdir().unwrap(), yard: yard? })
    }

    fn engine(&self) -> Arc<Embedded> {
        embedded_over(self.yard.runtimes(), EngineSettings::new(self.root.path().join("sessions")))
    }

    fn bench(&self) -> Bench {
        Bench { engine: self.engine(), kind: KIND }
    }

    async fn nothing_at_all(&self) {
        nothing_at_all(self.root.path());
        self.yard.nothing_left().await;
    }

    /// Waits until no container is left; nobody is told to remove any.
    async fn empty(&self, within: Duration) {
        let empty = async {
            while !self.yard.containers().await.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let emptied = tokio::time::timeout(within, empty).await;
        assert!(emptied.is_ok(), "not within {within:?}: {:?}", self.yard.containers().await);
    }
}

/// What happens to a session whose container ends without it.
async fn lost(end: impl AsyncFnOnce(&Yard)) {
    let Some(harbour) = Harbour::new().await else { return };
    let bench = harbour.bench();
    let mut events = bench.engine.subscribe();
    let id = bench.create().await.session_id;
    let mut running = bench.start(interactive(&id, "echo ready; sleep 1000")).await.unwrap();
    printed(&mut running, "ready\n").await;
    end(&harbour.yard).await;
    let result = timely(running.finished()).await.unwrap();
    let error = result.error.unwrap();
    assert!(!result.success && error.contains("its container "), "{error}");
    told_until(&mut events, &id, SessionState::Lost).await;
    let refused = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::SessionClosed);
    // Others are not.
    let other = bench.create().await.session_id;
    assert_eq!(bench.sh(&other, "echo other").await.stdout, "other\n");
    timely(bench.engine.close_session(&id)).await.unwrap();
    timely(bench.engine.shutdown()).await;
    harbour.nothing_at_all().await;
}

#[tokio::test]
async fn a_session_whose_agent_is_killed_is_lost() {
    lost(async |yard| yard.agents().await.into_iter().for_each(|pid| signal(pid, Signal::KILL))).await;
}

#[tokio::test]
async fn a_session_whose_container_is_removed_is_lost() {
    lost(async |yard| yard.remove_all().await).await;
}

#[tokio::test]
async fn a_session_whose_agent_hangs_is_lost_and_removed() {
    let Some(harbour) = Harbour::new().await else { return };
    let bench = harbour.bench();
    let mut events = bench.engine.subscribe();
    let id = bench.create().await.session_id;
    let [pid] = harbour.yard.agents().await[..] else { panic!() };
    signal(pid, Signal::STOP);
    let state = format!("/proc/{pid}/stat");
    until("it is stopped", || std::fs::read_to_string(&state).unwrap().contains(") T ")).await;
    // What is waited for from here on is a matter of time alone.
    tokio::time::pause();
    told_until(&mut events, &id, SessionState::Lost).await;
    tokio::time::resume();
    timely(bench.engine.close_session(&id)).await.unwrap();
    timely(bench.engine.shutdown()).await;
    harbour.nothing_at_all().await;
}

#[tokio::test]
async fn a_creation_that_is_given_up_leaves_no_container() {
    let Some(harbour) = Harbour::new().await else { return };
    let bench = harbour.bench();
    // The moments of a launch, whatever else the machine has to do.
    for n in 0..20 {
        let create = bench.engine.create_session(bench.params());
        if let Ok(created) = tokio::time::timeout(Duration::from_millis(n * 30), create).await {
            timely(bench.engine.close_session(&created.unwrap().session_id)).await.unwrap();
        }
    }
    assert!(bench.engine.sessions().await.unwrap().is_empty());
    // Before anybody shuts it down.
    harbour.empty(crate::PATIENCE).await;
    until("all directories go", || directories(harbour.root.path()) == 0).await;
    timely(bench.engine.shutdown()).await;
    harbour.nothing_at_all().await;
}

#[tokio::test]
async fn shutting_down_ends_launches_too() {
    let Some(harbour) = Harbour::new().await else { return };
    let mut ended = 0;
    for n in 0..12 {
        let bench = harbour.bench();
        let engine = bench.engine.clone();
        let creating = tokio::spawn(async move { bench.engine.create_session(bench.params()).await });
        // Not a wait for something: the moment itself.
        tokio::time::sleep(Duration::from_millis(n * 40)).await;
        timely(engine.shutdown()).await;
        harbour.nothing_at_all().await;
        if let Err(failure) = timely(creating).await.unwrap() {
            assert_eq!(failure.kind, ErrorKind::Cancelled);
            ended += 1;
        }
    }
    assert!(ended > 0, "none was under way");
}

#[tokio::test]
async fn shutting_down_leaves_nothing_that_runs() {
    let Some(harbour) = Harbour::new().await else { return };
    let bench = harbour.bench();
    let nap = nap();
    for _ in 0..3 {
        deaf(&bench, &nap).await;
    }
    assert!(sleeping(&nap).len() >= 9, "{:?}", sleeping(&nap));
    assert_eq!(harbour.yard.containers().await.len(), 3);
    timely(bench.engine.shutdown()).await;
    assert_eq!(sleeping(&nap), Vec::<i32>::new());
    harbour.nothing_at_all().await;
}

/// A session with programs that don't go when they are asked to.
async fn deaf(bench: &Bench, nap: &str) {
    let id = bench.create().await.session_id;
    let hard = format!(
        "trap '' INT TERM HUP; (setsid sh -c 'trap \"\" TERM; sleep {nap}' &); sleep {nap} & echo ready; wait"
    );
    let mut running = bench.start(interactive(&id, &hard)).await.unwrap();
    printed(&mut running, "ready\n").await;
}

#[tokio::test]
async fn an_engine_that_is_dropped_leaves_no_container() {
    let Some(harbour) = Harbour::new().await else { return };
    let bench = harbour.bench();
    let nap = nap();
    deaf(&bench, &nap).await;
    drop(bench);
    harbour.empty(BY_ITSELF).await;
    assert_eq!(sleeping(&nap), Vec::<i32>::new());
    until("its gates go", || harbour.yard.gates().is_empty()).await;
}

/// As where a process ends by an error of its own: nothing is awaited any more.
#[test]
fn containers_end_with_the_runtime_under_the_engine() {
    let tokio = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let nap = nap();
    let runtime = tokio();
    let harbour = runtime.block_on(async {
        let harbour = Harbour::new().await?;
        let bench = harbour.bench();
        for _ in 0..2 {
            deaf(&bench, &nap).await;
        }
        Some(harbour)
    });
    drop(runtime);
    let Some(harbour) = harbour else { return };
    tokio().block_on(async {
        harbour.empty(BY_ITSELF).await;
        assert_eq!(sleeping(&nap), Vec::<i32>::new());
        until("its gates go", || harbour.yard.gates().is_empty()).await;
    });
}
