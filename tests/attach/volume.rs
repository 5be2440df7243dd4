//! Much at once and much in a row: nothing is kept, and each is done once.

use std::collections::HashSet;

use codebeaker::engine::Engine as _;
use codebeaker::protocol::{Command, Execute, ReadFile, WriteFile};
use futures_util::future::join_all;

use crate::{Rig, all, code, create, timely};

fn read(path: &str) -> Command {
    Command::ReadFile(ReadFile { path: path.into(), encoding: None })
}

/// Descriptors of this process, which is client and server.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Its memory, in KB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Has a process of its own: `many_in_a_row_leave_nothing` runs it.
#[tokio::test]
#[ignore = "many_in_a_row_leave_nothing runs it in a process of its own"]
async fn many_in_a_row() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let text = "x".repeat(10_000);
    let written =
        Execute::new(session.clone(), Command::WriteFile(WriteFile::bytes("file", text.as_bytes())));
    assert!(timely(timely(engine.execute(written)).await.unwrap().finished()).await.unwrap().success);
    let some = async |count: usize| {
        for _ in 0..count {
            let execution =
                timely(engine.execute(Execute::new(session.clone(), read("file")))).await.unwrap();
            assert!(timely(execution.finished()).await.unwrap().success);
        }
    };
    // An unoptimised build is given half of it.
    let tenth = if cfg!(debug_assertions) { 500 } else { 1000 };
    some(tenth).await;
    let (descriptors_before, memory_before) = (descriptors(), memory());
    some(9 * tenth).await;
    let (descriptors_after, memory_after) = (descriptors(), memory());
    println!(
        "memory {memory_before} KB, then {memory_after} KB; descriptors {descriptors_before}, then {descriptors_after}"
    );
    assert!(
        descriptors_after <= descriptors_before,
        "{descriptors_before} descriptors, then {descriptors_after}"
    );
    // Were each result kept, there would be 45 MB more and twice that.
    assert!(memory_after < memory_before + 8_000, "{memory_before} KB, then {memory_after} KB");
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn many_in_a_row_leave_nothing() {
    let this = std::env::current_exe().unwrap();
    let run = tokio::process::Command::new(this)
        .args(["--exact", "volume::many_in_a_row", "--include-ignored", "--nocapture"])
        .kill_on_drop(true)
        .output();
    let output = timely(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn many_at_once_end_once_each() {
    const MANY: usize = 3000;
    let Some(rig) = Rig::with(|settings| {
        settings.bounds.in_flight = MANY + 100;
        settings.bounds.executions = MANY + 100;
    })
    .await
    else {
        return;
    };
    let engine = rig.attach().await;
    // One session takes 256.
    let sessions = join_all((0..12).map(|_| create(&*engine))).await;
    for session in &sessions {
        let write = Command::WriteFile(WriteFile::bytes("file", b"of all"));
        let written = Execute::new(session.clone(), write);
        assert!(timely(timely(engine.execute(written)).await.unwrap().finished()).await.unwrap().success);
    }
    let ended = join_all((0..MANY).map(|i| {
        let (engine, session) = (engine.clone(), sessions[i % 12].clone());
        async move {
            let execute =
                Execute { stream: i % 2 == 0, concurrent: i % 3 == 0, ..Execute::new(session, read("file")) };
            let execution = engine.execute(execute).await.unwrap();
            let id = execution.id.clone();
            let told = all(execution).await;
            assert!(told.result().success, "{told:?}");
            id
        }
    }));
    let ended: Vec<_> = timely(ended).await;
    assert_eq!(ended.iter().collect::<HashSet<_>>().len(), MANY);
    assert_eq!(rig.proxy.count(), 1);
    engine.shutdown().await;
    rig.end().await;
}

/// Programs in several sessions, over a wire that is cut: each ends once, with what is its own.
#[tokio::test]
async fn programs_side_by_side_over_a_wire_that_breaks() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let sessions = join_all((0..4).map(|_| create(&*engine))).await;
    let programs = join_all((0..40).map(|i| {
        let (engine, session) = (engine.clone(), sessions[i % 4].clone());
        async move {
            let text = format!("for j in range(50): print({i}, j, flush=True)");
            let told = all(timely(engine.execute(code(&session, &text))).await.unwrap()).await;
            let wanted: String = (0..50).map(|j| format!("{i} {j}\n")).collect();
            assert_eq!(String::from_utf8_lossy(&told.stdout), wanted);
            assert!(told.gaps.is_empty() && told.result().success);
        }
    }));
    let programs = tokio::spawn(programs);
    let mut events = rig.engine.subscribe();
    let mut ended = 0;
    while ended < 40 {
        if let Some(codebeaker::engine::Told::Event(codebeaker::protocol::SessionEvent::Finished {
            ..
        })) = timely(events.next()).await
        {
            ended += 1;
            if ended % 7 == 0 {
                rig.proxy.cut(crate::support::proxy::Cut::Reset);
            }
        }
    }
    timely(programs).await.unwrap();
    assert!(rig.proxy.count() > 3);
    engine.shutdown().await;
    rig.end().await;
}
