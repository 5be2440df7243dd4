//! Much of everything: nothing is lost, nothing is answered twice, and nothing stays behind.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::support::native::Kind;
use crate::support::raw::{Raw, execute, request, sh};
use crate::{Bench, create, read, write};

#[tokio::test]
async fn ten_thousand_requests_at_once_are_each_answered_once() {
    let change = |s: &mut codebeaker::server::ServerSettings| {
        s.bounds.in_flight = 20_000;
        s.bounds.connection_rate = 1_000_000;
        s.bounds.token_rate = 1_000_000;
        s.bounds.executions = 20_000;
    };
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let mut raw = bench.raw().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let session = create(&mut raw, Kind::Python).await;
        raw.execute(&session, write("a", "content")).await;
        sessions.push(session);
    }
    const COUNT: u64 = 10_000;
    const FIRST: u64 = 1_000_000;
    let asked = |n: u64| {
        let session = &sessions[(n / 2 % 4) as usize];
        match n % 2 {
            0 => request(FIRST + n, "session.list", json!({})),
            _ => request(FIRST + n, "session.execute", execute(session, read("a"))),
        }
    };
    // They are sent by one who doesn't read meanwhile, as long as there is room.
    let requests: Vec<String> = (0..COUNT).map(|n| asked(n).to_string()).collect();
    let mut seen = BTreeMap::<u64, u32>::new();
    let mut busy = 0;
    for some in requests.chunks(500) {
        for request in some {
            raw.send(request.clone()).await;
        }
        for _ in some {
            let answer = raw.next().await;
            let id = answer["id"].as_u64().unwrap() - FIRST;
            *seen.entry(id).or_default() += 1;
            match (id % 2, answer["error"]["code"].as_i64()) {
                (0, None) => assert_eq!(answer["result"]["count"], 4),
                (1, None) => assert_eq!(answer["result"]["result"]["content"], "content"),
                // More than may wait in one session.
                (1, Some(-32007)) => busy += 1,
                _ => panic!("{answer}"),
            }
        }
    }
    assert_eq!(seen.len() as u64, COUNT);
    assert!(seen.values().all(|count| *count == 1));
    assert_eq!(busy, 0);
    // And all in one go: more than may wait is refused, and that is an answer too.
    let mut seen = BTreeMap::<u64, u32>::new();
    raw.send(requests.join("\n")).await;
    for _ in 0..COUNT {
        let answer = raw.next().await;
        *seen.entry(answer["id"].as_u64().unwrap()).or_default() += 1;
    }
    assert!(seen.len() as u64 == COUNT && seen.values().all(|count| *count == 1));
    assert_eq!(raw.result("session.list", json!({})).await["count"], 4);
    bench.end().await;
}

#[tokio::test]
async fn ten_thousand_one_after_the_other_leave_nothing() {
    let Some(bench) = Bench::open().await else { return };
    let daemon = Daemon::start(&[]);
    let mut raw = daemon.raw().await;
    let session = create(&mut raw, Kind::Python).await;
    raw.execute(&session, write("a", "content")).await;
    let mut after = Vec::new();
    for n in 1..=10_000 {
        let answer = raw.execute(&session, read("a")).await;
        assert_eq!(answer["result"]["content"], "content");
        if n == 2_000 || n == 10_000 {
            after.push((daemon.descriptors(), daemon.memory("VmRSS")));
        }
    }
    let [(descriptors, memory), (later, more)] = after[..] else { panic!("{after:?}") };
    assert!(later <= descriptors && more < memory + 4096, "{after:?}");
    let list = raw.result("session.list", json!({})).await;
    assert_eq!(list["sessions"][0]["executionCount"], 10_001);
    daemon.end();
    bench.end().await;
}

#[tokio::test]
async fn a_thousand_who_say_nothing_and_one_who_works() {
    let Some(bench) = Bench::open().await else { return };
    let daemon = Daemon::start(&[]);
    let mut raw = daemon.raw().await;
    let session = create(&mut raw, Kind::Python).await;
    raw.execute(&session, write("a", "content")).await;
    let (descriptors, memory) = (daemon.descriptors(), daemon.memory("VmRSS"));
    let mut idle = Vec::new();
    for n in 0..1000 {
        let mut quiet = daemon.raw().await;
        // All have asked something once.
        quiet.begin("session.list", json!({})).await;
        idle.push(quiet);
        if n % 50 == 0 {
            assert_eq!(raw.execute(&session, read("a")).await["success"], true);
        }
    }
    for quiet in &mut idle {
        quiet.answer(1).await;
    }
    assert!(daemon.descriptors() >= descriptors + 1000);
    let each = (daemon.memory("VmRSS") - memory) / 1000;
    assert!(each < 100, "an idle connection takes {each} kB");
    for _ in 0..100 {
        assert_eq!(raw.execute(&session, read("a")).await["success"], true);
    }
    drop(idle);
    daemon.has_at_most(descriptors);
    daemon.end();
    bench.end().await;
}

/// Leaves in the middle of something: what, by its number.
async fn leave(daemon: &Daemon, session: &str, n: usize) {
    let mut raw: Raw = daemon.raw().await;
    let streaming = |script: &str| json!({ "sessionId": session, "command": sh(script), "stream": true, "concurrent": true });
    match n % 8 {
        0 => {}
        1 => raw.send("{\"method\":\"session.list\",\"id\":1}").await,
        2 => {
            raw.begin("session.execute", streaming("echo on; sleep 0.05; echo off")).await;
            while raw.notice().await["method"] != "session.output" {}
        }
        3 => {
            raw.begin("session.execute", streaming("head -c 3000000 /dev/zero")).await;
        }
        4 => {
            raw.result("session.subscribe", json!({ "events": ["output", "state"] })).await;
            raw.begin("session.execute", execute(session, read("a"))).await;
        }
        5 => {
            raw.send(json!(vec![request(1, "session.execute", execute(session, read("a"))); 50]).to_string())
                .await
        }
        6 => {
            let params = json!({ "sessionId": session, "command": sh("cat"), "interactive": true, "timeoutMs": 100,
                                 "concurrent": true, "executionId": format!("cat-{n}"), "window": 1 });
            raw.begin("session.execute", params).await;
            raw.begin(
                "session.input",
                json!({ "executionId": format!("cat-{n}"), "data": "x".repeat(500_000) }),
            )
            .await;
        }
        _ => return raw.close().await,
    }
    drop(raw);
}

#[tokio::test]
async fn two_hundred_who_leave_in_the_middle_leave_nothing() {
    let Some(bench) = Bench::open().await else { return };
    let daemon = Daemon::start(&[]);
    let mut raw = daemon.raw().await;
    let session = create(&mut raw, Kind::Python).await;
    raw.execute(&session, write("a", "content")).await;
    let settled = async |raw: &mut Raw| {
        // Whatever was left under way has ended.
        loop {
            let list = raw.result("session.list", json!({})).await;
            if list["sessions"][0]["state"] == "Idle" {
                return;
            }
        }
    };
    for n in 0..16 {
        leave(&daemon, &session, n).await;
    }
    settled(&mut raw).await;
    let descriptors = daemon.descriptors();
    for n in 0..200 {
        leave(&daemon, &session, n).await;
    }
    settled(&mut raw).await;
    daemon.has_at_most(descriptors);
    let (_, books) = crate::door::get(daemon.address, "/metrics", "").await;
    for line in
        ["codebeaker_connections 1\n", "codebeaker_executions_running 0\n", "codebeaker_jobs_waiting 0\n"]
    {
        assert!(books.contains(line), "{line}{books}");
    }
    let list: Value = raw.result("session.list", json!({})).await;
    assert_eq!(list["count"], 1);
    daemon.end();
    bench.end().await;
}
