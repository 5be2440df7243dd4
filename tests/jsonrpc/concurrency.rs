//! What goes on at once: over one connection, over several, and after one is gone.

use serde_json::{Value, json};

use crate::support::native::{self, Kind};
use crate::support::raw::{Raw, execute, sh};
use crate::{Bench, create, read, text, write};

/// A script that goes on until there is a file of this name.
fn until(file: &str) -> Value {
    sh(&format!("while [ ! -e {file} ]; do sleep 0.01; done; echo over"))
}

/// An execution beside the others of its session.
fn beside(session: &str, command: Value) -> Value {
    json!({ "sessionId": session, "command": command, "concurrent": true })
}

#[tokio::test]
async fn a_long_execution_delays_nobody() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let second = create(&mut raw, Kind::Python).await;
    let long = raw.begin("session.execute", execute(&session, until("go"))).await;
    // Answered while the other runs, on this connection and on another, in another session and in the same.
    assert_eq!(raw.result("session.list", json!({})).await["count"], 2);
    assert_eq!(raw.execute(&second, sh("echo other")).await["result"]["stdout"], "other\n");
    let mut other = bench.raw().await;
    assert_eq!(other.result("session.list", json!({})).await["count"], 2);
    let aside = other.result("session.execute", beside(&session, write("go", ""))).await;
    assert_eq!(aside["success"], true, "{aside}");
    assert_eq!(raw.answer(long).await["result"]["result"]["stdout"], "over\n");
    bench.end().await;
}

#[tokio::test]
async fn what_is_sent_at_once_runs_in_its_order() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let other = create(&mut raw, Kind::Python).await;
    // Nothing begins before all is sent.
    let gate = raw.begin("session.execute", execute(&session, until("go"))).await;
    let mut waited = vec![gate];
    for n in 0..100 {
        let command =
            json!({ "type": "write_file", "path": "log", "content": format!("{n} "), "mode": "Append" });
        waited.push(raw.begin("session.execute", execute(&session, command)).await);
        raw.begin("session.execute", execute(&other, write("x", "y"))).await;
    }
    let last = raw.begin("session.execute", execute(&session, read("log"))).await;
    waited.push(last);
    raw.begin("session.execute", beside(&session, write("go", ""))).await;
    let (mut order, mut content) = (Vec::new(), Value::Null);
    while order.len() < waited.len() {
        let answer = raw.next().await;
        assert_eq!(answer["result"]["success"], true, "{answer}");
        let id = answer["id"].as_u64().unwrap();
        if waited.contains(&id) {
            order.push(id);
        }
        if id == last {
            content = answer["result"]["result"]["content"].clone();
        }
    }
    assert_eq!(order, waited, "they are answered in their order too");
    let wanted: String = (0..100).map(|n| format!("{n} ")).collect();
    assert_eq!(content, wanted);
    bench.end().await;
}

#[tokio::test]
async fn what_is_fed_at_once_arrives_in_its_order() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    for round in 0..10 {
        let id = format!("fed-{round}");
        let params =
            json!({ "sessionId": session, "command": sh("cat"), "interactive": true, "executionId": id });
        let execution = raw.begin("session.execute", params).await;
        // Fed before it runs, in pieces of which each is more than a pipe holds.
        let pieces: Vec<String> = (0..12).map(|n| char::from(b'a' + n).to_string().repeat(70_000)).collect();
        for (n, piece) in pieces.iter().enumerate() {
            let eof = n + 1 == pieces.len();
            raw.begin("session.input", json!({ "executionId": id, "data": piece, "eof": eof })).await;
        }
        let stdout = loop {
            let answer = raw.next().await;
            assert!(answer.get("error").is_none(), "{answer}");
            if answer["id"] == execution {
                break text(&answer["result"]["result"]["stdout"]);
            }
        };
        let mut order: Vec<char> = stdout.chars().collect();
        order.dedup();
        assert_eq!(order.into_iter().collect::<String>(), "abcdefghijkl", "round {round}");
        assert_eq!(stdout.len(), 12 * 70_000);
    }
    bench.end().await;
}

#[tokio::test]
async fn a_connection_that_drops_ends_nothing_but_its_streams() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let nap = native::nap();
    let script = format!("echo on; sleep {nap}; echo never");
    let params =
        json!({ "sessionId": session, "command": sh(&script), "stream": true, "executionId": "long" });
    raw.begin("session.execute", params).await;
    while raw.notice().await["method"] != "session.output" {}
    let quiet = raw.begin("session.execute", execute(&session, write("after", "it ran"))).await;
    drop(raw);
    let mut other = bench.raw().await;
    let list = other.result("session.list", json!({})).await;
    assert_eq!((&list["count"], &list["sessions"][0]["state"]), (&json!(1), &json!("Active")));
    native::until("the program goes on", || !native::sleeping(&nap).is_empty()).await;
    // Somebody else may see the rest, and end it; what was queued after it then runs.
    let subscribed = other.result("session.subscribe", json!({ "executionId": "long" })).await;
    assert_eq!(subscribed["subscriptionId"], "long");
    other.result("session.interrupt", json!({ "executionId": "long", "signal": "KILL" })).await;
    let finished = loop {
        let notice = other.notice().await;
        if notice["method"] == "session.finished" {
            break notice;
        }
    };
    assert_eq!(finished["params"]["result"]["result"]["stdout"], "on\n", "{finished}");
    let after = other.execute(&session, read("after")).await;
    assert_eq!(after["result"]["content"], "it ran", "{quiet}");
    other.close().await;
    bench.end().await;
}

#[tokio::test]
async fn two_connections_use_one_session_in_turns() {
    let Some(bench) = Bench::open().await else { return };
    let (mut one, session) = bench.session().await;
    let mut two = bench.raw().await;
    async fn count(raw: &mut Raw, session: &str) {
        for _ in 0..25 {
            let script = "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n";
            assert_eq!(raw.execute(session, sh(script)).await["success"], true);
        }
    }
    // Commands of one session never run beside each other, so no count is lost.
    tokio::join!(count(&mut one, &session), count(&mut two, &session));
    assert_eq!(two.execute(&session, read("n")).await["result"]["content"], "50\n");
    one.result("session.close", json!({ "sessionId": session })).await;
    two.error("session.execute", execute(&session, read("n")), -32001, "session_not_found").await;
    bench.end().await;
}

#[tokio::test]
async fn a_session_that_is_closed_answers_all_that_waits_in_it() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let waiting: Vec<u64> = {
        let mut waiting = vec![raw.begin("session.execute", execute(&session, sh("sleep 1000"))).await];
        for _ in 0..20 {
            waiting.push(raw.begin("session.execute", execute(&session, read("x"))).await);
        }
        waiting
    };
    let mut other = bench.raw().await;
    other.result("session.close", json!({ "sessionId": session })).await;
    let mut answered = Vec::new();
    for _ in &waiting {
        let answer = raw.next().await;
        assert_eq!(answer["result"]["success"], false, "{answer}");
        answered.push(answer["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, waiting);
    bench.end().await;
}
