//! What a program is ended by is told by name; and after each its session goes on.

use bytes::Bytes;
use codebeaker::engine::{Engine as _, Limits};
use codebeaker::protocol::{CreateSession, Execute, ExecuteResult, Language, SessionId, SessionLimits};

use crate::rig::{PYTHON, Rig, Setup, code, interactive, params, printed, process, sh, timely};

async fn with(limits: SessionLimits, change: impl FnOnce(&mut Setup)) -> Option<(Rig, SessionId)> {
    let rig = Rig::with(&[PYTHON], change).await?;
    let params = CreateSession { memory_limit_mb: Some(128), limits, ..params(Language::Python) };
    let session = rig.create(params).await.unwrap().session_id;
    Some((rig, session))
}

/// The limit that was reached, in the words for people; the session must work.
async fn reached(rig: &Rig, session: &SessionId, result: ExecuteResult, name: &str, value: &str) -> i32 {
    let process = process(result.clone());
    let limit = process.limit.clone().unwrap_or_else(|| panic!("no limit: {result:?}"));
    assert_eq!((limit.name.as_str(), limit.value.as_str()), (name, value), "{result:?}");
    assert!(!result.success);
    assert_eq!(result.error, Some(format!("stopped: its limit of {value} was reached ({name})")));
    let next = rig.sh(session, "rm -rf /workspace/* /tmp/*; echo on > file && cat file").await;
    assert_eq!((next.stdout.as_str(), next.limit), ("on\n", None));
    process.exit_code
}

#[tokio::test]
async fn memory() {
    let Some((rig, session)) = with(SessionLimits::default(), |_| {}).await else { return };
    let grow = "import os\nall = []\nwhile True: all.append(os.urandom(1 << 20) * 8)";
    let result = rig.execute(&session, code(grow)).await;
    assert_eq!(reached(&rig, &session, result, "memory", "128 MB of memory").await, 137);
    // Of several together, none of which has as much.
    let tree = "import os, time\nfor n in range(6):\n    if os.fork() == 0:\n        mine = b'x' * (40 << 20)\n        \
                time.sleep(1000)\nos.wait()\ntime.sleep(1000)";
    let result = rig.execute(&session, code(tree)).await;
    assert_eq!(reached(&rig, &session, result, "memory", "128 MB of memory").await, 137);
    rig.end().await;
}

#[tokio::test]
async fn processes() {
    let limits = SessionLimits { processes: Some(20), ..SessionLimits::default() };
    let Some((rig, session)) = with(limits, |_| {}).await else { return };
    let forks =
        "import os, time\nfor n in range(40):\n    if os.fork() == 0: time.sleep(1000)\ntime.sleep(1000)";
    let threads = "import threading, time\nfor n in range(40): threading.Thread(target=time.sleep, args=(1000,)).start()";
    for text in [forks, threads] {
        let result = rig.execute(&session, code(text)).await;
        assert_eq!(reached(&rig, &session, result, "processes", "20 processes and threads").await, 137);
    }
    rig.end().await;
}

#[tokio::test]
async fn time() {
    let Some((rig, session)) = with(SessionLimits::default(), |_| {}).await else { return };
    for script in
        ["sleep 1000", "trap '' TERM INT HUP; while :; do :; done", "setsid sh -c 'sleep 1000' & sleep 1000"]
    {
        let execute = Execute { timeout_ms: Some(500), ..Execute::new(session.clone(), sh(script)) };
        let result = timely(rig.start(execute).await.finished()).await.unwrap();
        assert!(process(result.clone()).timed_out);
        assert_eq!(reached(&rig, &session, result, "time", "500 ms").await, 124, "{script}");
    }
    rig.end().await;
}

#[tokio::test]
async fn processor_time() {
    let limits = SessionLimits { cpu_seconds: Some(1), ..SessionLimits::default() };
    let Some((rig, session)) = with(limits, |_| {}).await else { return };
    let result = rig.execute(&session, code("while True: pass")).await;
    assert_eq!(reached(&rig, &session, result, "cpu", "1 s of processor time").await, 128 + 24);
    rig.end().await;
}

#[tokio::test]
async fn output() {
    let limits = SessionLimits { output_bytes: Some(1000), ..SessionLimits::default() };
    let Some((rig, session)) = with(limits, |_| {}).await else { return };
    let result = rig.execute(&session, code("print('x' * 5000)")).await;
    let told = process(result.clone());
    // Nothing was stopped for it: that it is not all is told.
    assert!(result.success && told.truncated && told.limit.is_none(), "{result:?}");
    assert_eq!(told.stdout, "x".repeat(1000));
    let less = rig.code(&session, "print('x' * 500)").await;
    assert!(!less.truncated && less.stdout.len() == 501);
    rig.end().await;
}

#[tokio::test]
async fn one_file() {
    let limits = SessionLimits { file_size_bytes: Some(1 << 20), ..SessionLimits::default() };
    let Some((rig, session)) = with(limits, |_| {}).await else { return };
    let result = rig.execute(&session, sh("exec head -c 5000000 /dev/zero > file")).await;
    assert_eq!(reached(&rig, &session, result, "fileSize", "1 MB for one file").await, 128 + 25);
    rig.end().await;
}

#[tokio::test]
async fn a_full_workspace() {
    let limits = SessionLimits {
        workspace_bytes: Some(4 << 20),
        workspace_files: Some(60),
        ..SessionLimits::default()
    };
    let Some((rig, session)) = with(limits, |_| {}).await else { return };
    let bytes = "with open('/workspace/file', 'wb') as f:\n    while True: f.write(b'x' * 65536)";
    let result = rig.execute(&session, code(bytes)).await;
    // It was told by the file system, and has ended by itself.
    assert!(process(result.clone()).stderr.contains("No space left on device"));
    assert_eq!(reached(&rig, &session, result, "workspace", "4 MB in the workspace").await, 1);
    let files = "for n in range(100): open(f'/workspace/{n}', 'w')";
    let result = rig.execute(&session, code(files)).await;
    assert_eq!(reached(&rig, &session, result, "workspace", "60 files in the workspace").await, 1);
    rig.end().await;
}

/// Beside the workspace is no disk either.
#[tokio::test]
async fn full_temporary_files() {
    let Some((rig, session)) = with(SessionLimits::default(), |_| {}).await else { return };
    for place in ["/tmp", "/dev/shm"] {
        let script = format!("for n in 1 2 3; do head -c 30M /dev/zero > {place}/$n || exit 7; done");
        let result = rig.execute(&session, sh(&script)).await;
        let told = process(result.clone());
        assert!(!result.success && told.stderr.contains("No space left on device"), "{place}: {result:?}");
        assert_eq!(rig.sh(&session, &format!("rm -f {place}/*; echo on")).await.stdout, "on\n");
    }
    rig.end().await;
}

/// What a program uses is counted by the kernel, also where it ends by itself.
#[tokio::test]
async fn what_it_uses_is_told() {
    let change = |setup: &mut Setup| setup.engine.limits = Limits { memory_mb: 256, ..Limits::default() };
    let Some((rig, session)) = with(SessionLimits::default(), change).await else { return };
    let text =
        "mine = b'x' * (50 << 20)\nfor n in range(3_000_000): pass\nprint('so much', flush=True)\ninput()";
    let mut running = rig.start(interactive(&session, code(text))).await;
    printed(&mut running, "so much\n").await;
    let stats = timely(rig.engine.stats(&session)).await.unwrap();
    for bytes in [stats.memory_bytes, stats.peak_memory_bytes] {
        assert!(bytes.is_some_and(|bytes| bytes > 50 << 20 && bytes < 256 << 20), "{stats:?}");
    }
    assert!(stats.cpu_ms.is_some_and(|ms| ms > 0) && stats.processes == Some(1), "{stats:?}");
    timely(rig.engine.input(&running.id, Bytes::from_static(b"\n"), true)).await.unwrap();
    let told = process(timely(running.finished()).await.unwrap());
    assert!(told.peak_memory_bytes.unwrap() > 50 << 20 && told.cpu_ms.unwrap() > 0, "{told:?}");
    let after = timely(rig.engine.stats(&session)).await.unwrap();
    assert!(after.memory_bytes < stats.memory_bytes && after.processes == Some(0), "{after:?}");
    rig.end().await;
}
