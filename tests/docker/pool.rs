//! Containers that stand ready: as many as were asked for, each for one session, and none for another kind.

use std::collections::BTreeSet;
use std::time::Duration;

use bollard::query_parameters::KillContainerOptionsBuilder;
use codebeaker::engine::Limits;
use codebeaker::protocol::{CreateSession, Language, SessionId, SessionLimits};
use codebeaker::runtimes::Marks;

use crate::rig::{DOTNET, PYTHON, Rig, Setup, from_image, params, until};

/// How long it may take until as many are ready as shall be.
const FILLED: Duration = Duration::from_secs(30);

const MARKS: Marks = Marks { low: 1, high: 2, memory: 256 << 20 };

async fn with(images: &[&str], pool: Marks) -> Option<Rig> {
    let change = |setup: &mut Setup| {
        setup.docker.pool = pool;
        // More than anybody asks for: below, what /tmp may hold depends on it.
        setup.engine.limits = Limits { memory_mb: 4096, ..Limits::default() };
    };
    Rig::with(images, change).await
}

/// A session whose limits leave room to be changed.
fn roomy() -> CreateSession {
    CreateSession { memory_limit_mb: Some(2048), ..params(Language::Python) }
}

/// A session, and its container.
async fn session(rig: &Rig, params: CreateSession) -> (SessionId, String) {
    let session = rig.create(params).await.unwrap().session_id;
    let container = rig.container(&session).await;
    (session, container)
}

/// Waits until so many stand ready besides those that are used: which.
async fn ready(rig: &Rig, used: &[&String], count: usize) -> BTreeSet<String> {
    let unused = async || -> BTreeSet<String> {
        rig.running().await.into_iter().filter(|id| !used.contains(&id)).collect()
    };
    until(FILLED, &format!("{count} stand ready"), unused, |ready| ready.len() == count).await
}

#[tokio::test]
async fn the_next_session_takes_one_that_stands_ready() {
    let Some(rig) = with(&[PYTHON], MARKS).await else { return };
    let (_, first) = session(&rig, roomy()).await;
    let there = ready(&rig, &[&first], 2).await;
    let (second, taken) = session(&rig, roomy()).await;
    assert!(there.contains(&taken), "{taken} was made for it");
    assert_eq!(rig.code(&second, "print(6 * 7)").await.stdout, "42\n");
    // One is as few as there should be; with none there are two more.
    let left = ready(&rig, &[&first, &taken], 1).await;
    assert!(left.is_subset(&there));
    let (_, third) = session(&rig, roomy()).await;
    assert!(left.contains(&third));
    let new = ready(&rig, &[&first, &taken, &third], 2).await;
    assert!(new.is_disjoint(&there), "{new:?}");
    rig.end().await;
}

#[tokio::test]
async fn none_is_ever_given_twice() {
    let Some(rig) = with(&[PYTHON], Marks { low: 2, high: 3, ..MARKS }).await else { return };
    let mut seen = BTreeSet::new();
    let mut from_the_pool = 0;
    for _ in 0..20 {
        let before: BTreeSet<String> =
            if seen.is_empty() { BTreeSet::new() } else { rig.running().await.into_iter().collect() };
        let (session, container) = session(&rig, roomy()).await;
        from_the_pool += usize::from(before.contains(&container));
        let mark =
            "for f in /tmp/mark /workspace/mark /dev/shm/mark; do [ -e $f ] && echo found $f; touch $f; done";
        assert_eq!(rig.sh(&session, mark).await.stdout, "");
        rig.close(&session).await;
        assert!(seen.insert(container), "given twice");
    }
    assert!(from_the_pool > 0, "no session ever had one that stood ready");
    rig.end().await;
}

#[tokio::test]
async fn what_is_of_another_kind_is_not_taken() {
    let Some(rig) = with(&[PYTHON], MARKS).await else { return };
    let (_, first) = session(&rig, roomy()).await;
    let there = ready(&rig, &[&first], 2).await;
    let limits = SessionLimits { workspace_bytes: Some(1 << 20), ..SessionLimits::default() };
    let files = SessionLimits { open_files: Some(100), ..SessionLimits::default() };
    for params in [
        CreateSession { network: true, ..roomy() },
        CreateSession { limits, ..roomy() },
        CreateSession { limits: files, ..roomy() },
        // /tmp is smaller for it.
        CreateSession { memory_limit_mb: Some(128), ..roomy() },
    ] {
        let (session, container) = session(&rig, params.clone()).await;
        assert!(!there.contains(&container), "{params:?}");
        let host = rig.host_config(&container).await;
        let network = host.network_mode.unwrap();
        assert_eq!(
            (network == "none", network.starts_with("codebeaker-")),
            (!params.network, params.network)
        );
        if let Some(bytes) = params.limits.workspace_bytes {
            assert!(host.tmpfs.unwrap()["/workspace"].contains(&format!("size={bytes},")));
        }
        rig.close(&session).await;
    }
    // They are still there for whoever they are for.
    let (_, next) = session(&rig, roomy()).await;
    assert!(there.contains(&next));
    rig.end().await;
}

#[tokio::test]
async fn another_image_is_another_kind() {
    let Some(rig) = with(&[PYTHON, DOTNET], MARKS).await else { return };
    let (_, first) = session(&rig, roomy()).await;
    let there = ready(&rig, &[&first], 2).await;
    let other = CreateSession { memory_limit_mb: Some(2048), ..from_image(Language::CSharp, DOTNET) };
    let (id, container) = session(&rig, other).await;
    assert!(!there.contains(&container));
    assert_eq!(rig.sh(&id, "command -v dotnet >/dev/null && echo dotnet").await.stdout, "dotnet\n");
    rig.end().await;
}

#[tokio::test]
async fn what_can_be_changed_is_changed_when_it_is_given() {
    let Some(rig) = with(&[PYTHON], MARKS).await else { return };
    let (_, first) = session(&rig, roomy()).await;
    let there = ready(&rig, &[&first], 2).await;
    let limits = SessionLimits { processes: Some(20), ..SessionLimits::default() };
    let asked = CreateSession { memory_limit_mb: Some(1024), cpu_shares: Some(512), limits, ..roomy() };
    let (session, container) = session(&rig, asked).await;
    assert!(there.contains(&container), "{container} was made for it");
    let host = rig.host_config(&container).await;
    assert_eq!((host.memory, host.memory_swap), (Some(1 << 30), Some(1 << 30)));
    assert_eq!((host.nano_cpus, host.pids_limit), (Some(500_000_000), Some(23)));
    // They hold, and are told as they are.
    let threads = "import threading, time\nfor n in range(40): threading.Thread(target=time.sleep, args=(1000,)).start()";
    let limit = rig.code(&session, threads).await.limit.unwrap();
    assert_eq!((limit.name.as_str(), limit.value.as_str()), ("processes", "20 processes and threads"));
    let limit = rig.code(&session, "all = []\nwhile True: all.append(bytes(8 << 20))").await.limit.unwrap();
    assert_eq!((limit.name.as_str(), limit.value.as_str()), ("memory", "1024 MB of memory"));
    rig.end().await;
}

#[tokio::test]
async fn without_a_pool_there_are_those_that_are_used() {
    let Some(rig) = with(&[PYTHON], Marks { low: 0, high: 0, memory: 256 << 20 }).await else { return };
    let mut used = BTreeSet::new();
    for _ in 0..3 {
        used.insert(session(&rig, roomy()).await.1);
        let running: BTreeSet<String> = rig.running().await.into_iter().collect();
        assert_eq!(running, used);
    }
    rig.end().await;
}

#[tokio::test]
async fn no_more_than_the_memory_for_them_allows() {
    // Each counts for 16 MB.
    let Some(rig) = with(&[PYTHON], Marks { low: 3, high: 5, memory: 40 << 20 }).await else { return };
    let mut used = BTreeSet::new();
    for _ in 0..3 {
        used.insert(session(&rig, roomy()).await.1);
        let unused = async || rig.running().await.iter().filter(|id| !used.contains(*id)).count();
        until(FILLED, "two stand ready", unused, |count| {
            assert!(*count <= 2, "{count} stand ready");
            *count == 2
        })
        .await;
    }
    rig.end().await;
}

#[tokio::test]
async fn one_that_was_killed_is_nobodys() {
    let Some(rig) = with(&[PYTHON], MARKS).await else { return };
    let mut used = vec![session(&rig, roomy()).await.1];
    for gone_for_good in [true, false] {
        // One that was closed may still be on its way out.
        let there = ready(&rig, &used.iter().collect::<Vec<_>>(), 2).await;
        for id in &there {
            let options = KillContainerOptionsBuilder::default().signal("KILL").build();
            rig.api.kill_container(id, Some(options)).await.unwrap();
        }
        if gone_for_good {
            let left = async || rig.running().await.into_iter().filter(|id| there.contains(id)).count();
            until(FILLED, "they are gone", left, |left| *left == 0).await;
        }
        let (session, container) = session(&rig, roomy()).await;
        assert!(!there.contains(&container));
        assert_eq!(rig.code(&session, "print('alive')").await.stdout, "alive\n");
        rig.close(&session).await;
        used.push(container);
    }
    rig.end().await;
}
