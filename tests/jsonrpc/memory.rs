//! What the server holds in memory for those who ask for much and take little; seen from outside.

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::support::native::Kind;
use crate::support::raw::{execute, failed, request, sh};
use crate::{Bench, create, read, write};

/// kB that a server may grow by, whatever is asked of it here.
const GROWTH: u64 = 160 << 10;

#[tokio::test]
async fn a_reader_who_never_reads_costs_no_more_than_what_is_kept_for_him() {
    let Some(bench) = Bench::open().await else { return };
    let daemon = Daemon::start(&[]);
    let mut slow = daemon.raw().await;
    let session = create(&mut slow, Kind::Python).await;
    let before = daemon.memory("VmRSS");
    let bytes = 200_u64 << 20;
    let params = json!({ "sessionId": session, "command": sh(&format!("head -c {bytes} /dev/zero; touch written")), "stream": true });
    let number = slow.begin("session.execute", params).await;
    // It is written to its end although nobody reads, and others are served meanwhile.
    let mut other = daemon.raw().await;
    let watched = create(&mut other, Kind::Python).await;
    let done = other.begin("session.execute", execute(&session, sh("test -e written && echo yes"))).await;
    for _ in 0..50 {
        other.begin("session.execute", execute(&watched, write("a", "b"))).await;
    }
    let (mut served, mut over) = (0, false);
    while served < 50 || !over {
        let answer = other.next().await;
        assert_eq!(answer["result"]["success"], true, "{answer}");
        if answer["id"] == done { over = true } else { served += 1 }
    }
    let peak = daemon.memory("VmHWM");
    assert!(peak < before + GROWTH, "{peak} kB after {before} kB");
    // He reads again: what he missed is told, the rest is there, and the answer.
    let (mut taken, mut lagged) = (0, 0);
    let answer = loop {
        let message = slow.next().await;
        match message["method"].as_str() {
            Some("session.lagged") => lagged += message["params"]["skipped"].as_u64().unwrap(),
            Some("session.output") => taken += message["params"]["data"].as_str().unwrap().len() as u64,
            Some(_) => {}
            None => break message,
        }
    };
    assert!(lagged > 0 && taken + lagged == bytes, "{taken} and {lagged}");
    assert_eq!((&answer["id"], &answer["result"]["result"]["truncated"]), (&json!(number), &json!(true)));
    daemon.end();
    bench.end().await;
}

#[tokio::test]
async fn many_small_writes_cost_no_more_than_few_large_ones() {
    let Some(bench) = Bench::open().await else { return };
    let daemon = Daemon::start(&[]);
    let mut slow = daemon.raw().await;
    let session = create(&mut slow, Kind::Python).await;
    let before = daemon.memory("VmRSS");
    let code = "import os\nfor n in range(300000): os.write(1, b'x')";
    let params = json!({ "sessionId": session, "command": { "code": code }, "stream": true });
    slow.begin("session.execute", params).await;
    let mut other = daemon.raw().await;
    other.execute(&session, write("after", "")).await;
    let peak = daemon.memory("VmHWM");
    assert!(peak < before + (64 << 10), "{peak} kB after {before} kB");
    drop(slow);
    daemon.end();
    bench.end().await;
}

#[tokio::test]
async fn a_batch_of_nothings_is_not_blown_up() {
    let Some(bench) = Bench::open().await else { return };
    let daemon = Daemon::start(&[]);
    let mut raw = daemon.raw().await;
    raw.result("session.list", json!({})).await;
    let before = daemon.memory("VmRSS");
    let half = 4 << 20;
    for sent in [
        format!("[{}1]", "1,".repeat(half)),
        "1\n".repeat(half),
        "{}\n".repeat(half / 2),
        format!("{}{{", "{}\n".repeat(half / 2)),
        format!("[{}1]\n{{", "1,".repeat(half)),
    ] {
        let said = raw.said_to(sent.clone()).await;
        assert!((1..=2).contains(&said.len()), "{sent:.10}: {}", said.len());
        let answer: Value = serde_json::from_str(&said[0]).unwrap();
        let code = answer["error"]["code"].as_i64().unwrap();
        assert!([-32600, -32700].contains(&code), "{answer}");
    }
    let peak = daemon.memory("VmHWM");
    assert!(peak < before + GROWTH, "{peak} kB after {before} kB");
    // Thousands are fine.
    let list: Vec<Value> = (0..2000).map(|n| request(n, "no.such", json!({}))).collect();
    raw.send(json!(list).to_string()).await;
    assert_eq!(raw.next().await.as_array().unwrap().len(), 2000);
    daemon.end();
    bench.end().await;
}

#[tokio::test]
async fn a_batch_with_large_answers_is_cut_where_it_is_too_much() {
    let Some(bench) = Bench::open().await else { return };
    let daemon = Daemon::start(&[]);
    let mut raw = daemon.raw().await;
    let session = create(&mut raw, Kind::Python).await;
    let large = "x".repeat(2 << 20);
    raw.execute(&session, write("large", &large)).await;
    let before = daemon.memory("VmRSS");
    let batch: Vec<Value> =
        (0..40).map(|n| request(n, "session.execute", execute(&session, read("large")))).collect();
    raw.send(json!(batch).to_string()).await;
    let answers = raw.next().await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 40);
    let (full, cut): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.get("error").is_none());
    assert!(
        full.len() >= 2 && full.iter().all(|a| a["result"]["result"]["bytes"] == large.len()),
        "{}",
        full.len()
    );
    cut.iter().for_each(|answer| failed(answer, -32004, "limit_reached"));
    let peak = daemon.memory("VmHWM");
    assert!(peak < before + GROWTH, "{peak} kB after {before} kB");
    daemon.end();
    bench.end().await;
}
