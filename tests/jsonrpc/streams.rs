//! Output as it is written: its order, its whole, its gaps, and who hears no more of it.

use std::collections::HashMap;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::raw::{Raw, sh};
use crate::{Bench, text};

/// The bytes of one `session.output`.
fn data(params: &Value) -> Vec<u8> {
    let data = params["data"].as_str().unwrap();
    match params.get("encoding") {
        Some(encoding) => {
            assert_eq!(encoding, "base64");
            base64::engine::general_purpose::STANDARD.decode(data).unwrap()
        }
        None => data.into(),
    }
}

/// Takes the notifications of one execution up to its answer: what it wrote, what was passed over, and the answer.
async fn taken(raw: &mut Raw, number: u64, mut each: impl AsyncFnMut(&mut Raw, &Value)) -> Taken {
    let mut taken = Taken::default();
    let mut next = 0;
    loop {
        let message = raw.next().await;
        if message["id"] == number {
            taken.answer = message["result"].clone();
            return taken;
        }
        let Some(method) = message["method"].as_str() else { continue };
        let params = &message["params"];
        let seq = params["seq"].as_u64().unwrap();
        if method == "session.lagged" {
            assert!(seq >= next, "{message}");
            taken.skipped += params["skipped"].as_u64().unwrap();
        } else {
            assert_eq!(seq, next, "{message}");
        }
        next = seq + 1;
        taken.methods.push(method.to_owned());
        if method == "session.output" {
            taken.streams.entry(text(&params["stream"])).or_default().extend(data(params));
        }
        each(raw, params).await;
    }
}

#[derive(Default)]
struct Taken {
    methods: Vec<String>,
    streams: HashMap<String, Vec<u8>>,
    skipped: u64,
    answer: Value,
}

#[tokio::test]
async fn the_pieces_joined_are_the_result() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let code = "import sys\nfor n in range(300):\n    print('é🧪', n, 'x' * 500, flush=True)\n    print('err', n, file=sys.stderr)";
    let params = json!({ "sessionId": session, "command": { "code": code }, "stream": true });
    let number = raw.begin("session.execute", params).await;
    let taken = taken(&mut raw, number, async |_, _| {}).await;
    assert_eq!(taken.methods[..2], ["session.queued", "session.started"]);
    assert_eq!(taken.methods.last().unwrap(), "session.finished");
    // How many pieces there are depends on how busy the machine is; one stream's are never in another's.
    assert!(taken.methods.iter().filter(|m| *m == "session.output").count() >= 2);
    let result = &taken.answer["result"];
    assert_eq!((&result["truncated"], taken.skipped), (&json!(false), 0));
    for stream in ["stdout", "stderr"] {
        assert_eq!(
            String::from_utf8(taken.streams[stream].clone()).unwrap(),
            text(&result[stream]),
            "{stream}"
        );
    }
    // Bytes that are no text arrive as they were written.
    let params = json!({ "sessionId": session, "command": sh(r"printf 'a\377\000b'"), "stream": true });
    let number = raw.begin("session.execute", params).await;
    let taken = self::taken(&mut raw, number, async |_, _| {}).await;
    assert_eq!(taken.streams["stdout"], b"a\xff\0b");
    // Without being asked for, nothing is told.
    let number =
        raw.begin("session.execute", json!({ "sessionId": session, "command": sh("echo quiet") })).await;
    assert!(self::taken(&mut raw, number, async |_, _| {}).await.methods.is_empty());
    bench.end().await;
}

#[tokio::test]
async fn who_does_not_take_it_in_time_is_told_what_he_missed() {
    let Some(bench) = Bench::with(|s| s.bounds.followed_bytes = 64 << 10, |_| {}).await else { return };
    let (mut raw, session) = bench.session().await;
    let mut other = bench.raw().await;
    // More than the connection's buffers hold of one who reads nothing.
    let bytes = 48_u64 << 20;
    let script = format!("head -c {bytes} /dev/zero; touch written");
    let params = json!({ "sessionId": session, "command": sh(&script), "stream": true });
    let number = raw.begin("session.execute", params).await;
    // It goes on, and others are served.
    let seen = other.execute(&session, sh("test -e written && echo yes")).await;
    assert_eq!(seen["result"]["stdout"], "yes\n");
    let taken = taken(&mut raw, number, async |_, _| {}).await;
    assert!(taken.methods.iter().any(|m| m == "session.lagged"));
    assert_eq!(taken.streams["stdout"].len() as u64 + taken.skipped, bytes);
    assert_eq!(taken.answer["success"], true);
    bench.end().await;
}

#[tokio::test]
async fn with_a_window_the_program_waits_and_nothing_is_missed() {
    let Some(bench) = Bench::with(|s| s.bounds.followed_bytes = 64 << 10, |_| {}).await else { return };
    let (mut raw, session) = bench.session().await;
    let bytes = 4_usize << 20;
    let script = format!("head -c {bytes} /dev/zero");
    let params = json!({ "sessionId": session, "command": sh(&script), "stream": true, "window": 8, "executionId": "w" });
    let number = raw.begin("session.execute", params).await;
    let mut ahead = 0;
    let taken = taken(&mut raw, number, async |raw, params| {
        ahead += 1;
        assert!(ahead <= 8, "{ahead} were told ahead");
        // What is taken is acknowledged; more than the window is never ahead of that.
        if params.get("stream").is_some() {
            raw.begin("session.ack", json!({ "executionId": "w", "seq": params["seq"] })).await;
            ahead = 0;
        }
    });
    let taken = taken.await;
    assert_eq!((taken.streams["stdout"].len(), taken.skipped), (bytes, 0));
    bench.end().await;
}

#[tokio::test]
async fn who_has_heard_enough_still_gets_his_answer() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    for round in 0..5 {
        let id = format!("left-{round}");
        let script = "echo on; read _; head -c 4000000 /dev/zero";
        let params = json!({ "sessionId": session, "command": sh(script), "stream": true, "interactive": true, "executionId": id });
        let number = raw.begin("session.execute", params).await;
        while raw.notice().await["method"] != "session.output" {}
        let left = raw.result("session.unsubscribe", json!({ "subscriptionId": id })).await;
        assert_eq!(left["unsubscribed"], true);
        raw.notices.clear();
        raw.result("session.input", json!({ "executionId": id, "data": "\n" })).await;
        let answer = raw.answer(number).await;
        assert_eq!(answer["result"]["success"], true, "{answer}");
        assert!(raw.notices.is_empty(), "{:?}", raw.notices);
    }
    // Told of moments only, however much is written in between.
    let params = json!({ "sessionId": session, "command": sh("head -c 4000000 /dev/zero"), "window": 4, "executionId": "m" });
    let number = raw.begin("session.execute", params).await;
    let taken = taken(&mut raw, number, async |_, _| {}).await;
    assert_eq!(taken.methods, ["session.queued", "session.started", "session.finished"]);
    bench.end().await;
}

#[tokio::test]
async fn output_of_anybodys_executions_is_told_to_who_watches_and_no_longer() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let mut watcher = bench.raw().await;
    let params = json!({ "sessionId": session, "events": ["output"] });
    let subscription = text(&watcher.result("session.subscribe", params).await["subscriptionId"]);
    let script = "echo one; read _; echo two";
    let params =
        json!({ "sessionId": session, "command": sh(script), "interactive": true, "executionId": "seen" });
    let number = raw.begin("session.execute", params).await;
    let notice = watcher.notice().await;
    assert_eq!(
        (&notice["params"]["data"], &notice["params"]["subscriptionId"]),
        (&json!("one\n"), &json!(subscription))
    );
    watcher.result("session.unsubscribe", json!({ "subscriptionId": subscription })).await;
    raw.result("session.input", json!({ "executionId": "seen", "data": "\n" })).await;
    assert_eq!(raw.answer(number).await["result"]["result"]["stdout"], "one\ntwo\n");
    // The rest is not told any more, although the execution was followed when it was asked to end.
    let said = watcher.said_to("{\"method\":\"session.list\"}").await;
    assert!(said.is_empty() && watcher.notices.is_empty(), "{said:?} {:?}", watcher.notices);
    bench.end().await;
}

#[tokio::test]
async fn an_execution_that_is_followed_anew_can_be_left() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let mut watcher = bench.raw().await;
    let script = "echo one; read _; echo two";
    let params = json!({ "sessionId": session, "command": sh(script), "interactive": true, "stream": true, "executionId": "x" });
    let number = raw.begin("session.execute", params).await;
    while raw.notice().await["method"] != "session.output" {}
    for _ in 0..2 {
        watcher.result("session.subscribe", json!({ "executionId": "x" })).await;
        while watcher.notice().await["method"] != "session.output" {}
    }
    let left = watcher.result("session.unsubscribe", json!({ "subscriptionId": "x" })).await;
    assert_eq!(left["unsubscribed"], true);
    watcher.notices.clear();
    raw.result("session.input", json!({ "executionId": "x", "data": "\n" })).await;
    raw.answer(number).await;
    let said = watcher.said_to("{\"method\":\"session.list\"}").await;
    assert!(said.is_empty() && watcher.notices.is_empty(), "{said:?} {:?}", watcher.notices);
    bench.end().await;
}

/// Whatever else is refused: who can't say what he has taken would wait for ever, and others with him.
#[tokio::test]
async fn what_was_taken_may_be_said_whatever_the_limits() {
    for (in_flight, rate) in [(2, 20_000), (100, 30)] {
        let change = |s: &mut codebeaker::server::ServerSettings| {
            s.bounds.in_flight = in_flight;
            s.bounds.connection_rate = rate;
        };
        let Some(bench) = Bench::with(change, |_| {}).await else { return };
        let (mut raw, session) = bench.session().await;
        // Each line comes by itself: far more notifications than the window holds.
        let lines = "i=0; while [ $i -lt 300 ]; do echo $i; sleep 0.001; i=$((i+1)); done";
        let mut running = Vec::new();
        for _ in 0..2 {
            let params = json!({
                "sessionId": session, "command": sh(lines), "stream": true, "window": 16, "concurrent": true,
            });
            running.push(raw.begin("session.execute", params).await);
        }
        let mut answers = 0;
        while answers < running.len() {
            let message = crate::timely(raw.next()).await;
            if running.iter().any(|number| message["id"] == *number) {
                assert_eq!(message["result"]["success"], true, "{message}");
                answers += 1;
            }
            let params = &message["params"];
            if message["method"].as_str().is_some_and(|method| method.starts_with("session.")) {
                let ack = json!({
                    "jsonrpc": "2.0", "method": "session.ack",
                    "params": { "executionId": params["executionId"], "seq": params["seq"] },
                });
                raw.send(ack.to_string()).await;
            }
        }
        raw.close().await;
        bench.end().await;
    }
}
