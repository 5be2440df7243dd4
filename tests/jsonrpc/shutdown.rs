//! How a server ends: what runs may end, everybody is told, and nothing is left.

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::daemon::Daemon;
use crate::support::native::{self, Kind};
use crate::support::raw::{Heard, Raw, execute, sh};
use crate::{Bench, create, text};

/// Waits until the server takes nothing new.
async fn refuses(raw: &mut Raw, session: &str) {
    loop {
        let answer = raw.ask("session.execute", execute(session, json!({ "type": "list_directory" }))).await;
        if let Some(error) = answer.get("error") {
            assert_eq!(error["code"], -32006, "{answer}");
            assert!(text(&error["message"]).contains("shutting down"), "{answer}");
            return;
        }
    }
}

/// The answers up to the close frame, which must tell that the server goes.
async fn goodbye(raw: &mut Raw) -> Vec<Value> {
    let mut answers = Vec::new();
    loop {
        match raw.hear().await {
            Heard::Text(text) => {
                let value: Value = serde_json::from_str(&text).unwrap();
                if value.get("id").is_some() {
                    answers.push(value);
                }
            }
            Heard::Closed(Some((1001, reason))) => {
                assert!(reason.contains("shutting down"), "{reason}");
                // Reading on says goodbye from here.
                assert_eq!(raw.hear().await, Heard::Lost);
                return answers;
            }
            other => panic!("{other:?} after {answers:?}"),
        }
    }
}

/// Begins a program that waits for a line.
async fn waiting(raw: &mut Raw, session: &str, id: &str, stream: bool) -> u64 {
    let command = sh("read line; echo over");
    let params = json!({ "sessionId": session, "command": command, "stream": stream, "interactive": true, "executionId": id });
    raw.begin("session.execute", params).await
}

#[tokio::test]
async fn what_ends_within_the_grace_is_answered() {
    let Some(bench) = Bench::open().await else { return };
    let mut daemon = Daemon::start(&["--grace", "50"]);
    let (mut plain, mut followed, mut other) = (daemon.raw().await, daemon.raw().await, daemon.raw().await);
    let one = create(&mut plain, Kind::Python).await;
    let two = create(&mut plain, Kind::Python).await;
    let free = create(&mut plain, Kind::Python).await;
    let asked = waiting(&mut plain, &one, "plain", false).await;
    let streamed = waiting(&mut followed, &two, "followed", true).await;
    while followed.notice().await["method"] != "session.started" {}
    let code = "import time\ntime.sleep(1.5)\nprint('job')";
    let job = json!({ "language": "python", "code": code, "runtimeType": "NativeProcess" });
    let job = json!({ "executionId": other.result("execution.run", job).await["executionId"] });
    while other.result("execution.status", job.clone()).await["status"] != "running" {}
    daemon.signal(Signal::TERM);
    refuses(&mut other, &free).await;
    other.error("session.create", json!({ "language": "python" }), -32006, "cancelled").await;
    other.error("execution.run", json!({ "language": "python", "code": "1" }), -32006, "cancelled").await;
    // Nobody new is taken, and those who are here may still ask.
    assert!(TcpStream::connect(daemon.address).await.is_err());
    assert_eq!(other.result("session.list", json!({})).await["sessions"][0]["sessionId"], one.as_str());
    // What runs ends by itself, and its answers arrive: also the last one's, which ends everything.
    other.result("session.input", json!({ "executionId": "plain", "data": "\n" })).await;
    assert_eq!(plain.answer(asked).await["result"]["result"]["stdout"], "over\n");
    let status = loop {
        let status = other.result("execution.status", job.clone()).await;
        if status["status"] != "running" {
            break status;
        }
    };
    assert_eq!((&status["status"], &status["stdout"]), (&json!("completed"), &json!("job\n")));
    other.result("session.input", json!({ "executionId": "followed", "data": "\n" })).await;
    let answers = goodbye(&mut followed).await;
    assert!(answers.len() == 1 && answers[0]["id"] == streamed, "{answers:?}");
    assert_eq!(answers[0]["result"]["result"]["stdout"], "over\n");
    assert!(goodbye(&mut plain).await.is_empty());
    goodbye(&mut other).await;
    assert_eq!(daemon.ended(), Some(0), "{}", daemon.said());
    daemon.nothing_left();
    bench.end().await;
}

#[tokio::test]
async fn the_last_answers_come_before_the_end_however_many_there_are() {
    for _ in 0..10 {
        let Some(bench) = Bench::open().await else { return };
        let (mut raw, session) = bench.session().await;
        let mut asked = Vec::new();
        for n in 0..6 {
            let command = sh("read line; head -c 300000 /dev/zero");
            let params = json!({ "sessionId": session, "command": command, "stream": n % 2 == 0, "interactive": true,
                                 "executionId": format!("n{n}"), "concurrent": true });
            asked.push(raw.begin("session.execute", params).await);
        }
        let mut other = bench.raw().await;
        other.result("session.list", json!({})).await;
        let stopping = tokio::spawn(bench.served.stop());
        refuses(&mut other, &session).await;
        for n in 0..6 {
            other.begin("session.input", json!({ "executionId": format!("n{n}"), "data": "\n" })).await;
        }
        let (answers, _) = tokio::join!(goodbye(&mut raw), goodbye(&mut other));
        let mut answered: Vec<u64> = answers.iter().map(|a| a["id"].as_u64().unwrap()).collect();
        answered.sort_unstable();
        assert_eq!(answered, asked);
        stopping.await.unwrap();
        codebeaker::engine::Engine::shutdown(&*bench.engine).await;
    }
}

#[tokio::test]
async fn what_takes_longer_is_killed_and_answered() {
    let Some(bench) = Bench::open().await else { return };
    let mut daemon = Daemon::start(&["--grace", "1"]);
    let mut raw = daemon.raw().await;
    let session = create(&mut raw, Kind::Python).await;
    let nap = native::nap();
    let script = format!("trap '' TERM INT; echo on; sleep {nap} & wait; sleep {nap}");
    let mut asked = Vec::new();
    for (stream, concurrent) in [(true, false), (false, true), (false, false)] {
        let params = json!({ "sessionId": session, "command": sh(&script), "stream": stream, "concurrent": concurrent });
        asked.push(raw.begin("session.execute", params).await);
    }
    while raw.notice().await["method"] != "session.output" {}
    native::until("it runs", || native::sleeping(&nap).len() >= 2).await;
    daemon.signal(Signal::TERM);
    let answers = goodbye(&mut raw).await;
    let mut answered: Vec<u64> = answers.iter().map(|a| a["id"].as_u64().unwrap()).collect();
    answered.sort_unstable();
    assert_eq!(answered, asked, "{answers:?}");
    for answer in &answers {
        assert_eq!(answer["result"]["success"], false, "{answer}");
    }
    let killed = answers.iter().filter(|a| a["result"]["result"]["signal"] == "SIGKILL").count();
    assert!(killed >= 2, "{answers:?}");
    assert_eq!(daemon.ended(), Some(0), "{}", daemon.said());
    native::until("its programs are gone", || native::sleeping(&nap).is_empty()).await;
    daemon.nothing_left();
    bench.end().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let Some(bench) = Bench::open().await else { return };
    let mut daemon = Daemon::start(&["--grace", "3600"]);
    let mut raw = daemon.raw().await;
    let session = create(&mut raw, Kind::Python).await;
    let nap = native::nap();
    raw.begin("session.execute", execute(&session, sh(&format!("sleep {nap}")))).await;
    native::until("it runs", || !native::sleeping(&nap).is_empty()).await;
    daemon.signal(Signal::INT);
    let mut other = create_refused(&mut raw).await;
    assert!(daemon.said().contains("once more ends it now"), "{}", daemon.said());
    daemon.signal(Signal::TERM);
    while !matches!(raw.hear().await, Heard::Closed(_) | Heard::Lost) {
        other += 1;
        assert!(other < 10);
    }
    assert_eq!(daemon.ended(), Some(0), "{}", daemon.said());
    assert!(native::sleeping(&nap).is_empty());
    daemon.nothing_left();
    bench.end().await;
}

/// Asks for sessions until none is made any more: how many were refused.
async fn create_refused(raw: &mut Raw) -> usize {
    loop {
        let answer = raw.ask("execution.run", json!({ "language": "python", "code": "1" })).await;
        if answer["error"]["code"] == -32006 {
            return 1;
        }
    }
}
