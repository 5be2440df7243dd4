//! The most of everything: what is over a bound is refused with the reason, and everybody else goes on.

use codebeaker::engine::{EngineSettings, Token};
use codebeaker::server::ServerSettings;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::door::get;
use crate::support::native::Kind;
use crate::support::raw::{Heard, execute, failed, knock, request, sh};
use crate::{Bench, create, read, write};

#[tokio::test]
async fn a_message_that_is_too_long_ends_its_connection_with_the_reason() {
    let change = |s: &mut ServerSettings| s.bounds.message_bytes = 1 << 20;
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let (mut raw, session) = bench.session().await;
    // What fits is taken.
    let fits = "x".repeat((1 << 20) - 1000);
    assert_eq!(raw.execute(&session, write("a", &fits)).await["result"]["bytes"], fits.len());
    for size in [(1 << 20) + 1, 8 << 20] {
        let mut large = bench.raw().await;
        large.send("x".repeat(size)).await;
        let Heard::Closed(Some((code, reason))) = large.ended().await else { panic!("no reason") };
        assert_eq!(code, 1009);
        assert!(reason.contains("1048576 bytes"), "{reason}");
    }
    assert_eq!(raw.result("session.list", json!({})).await["count"], 1);
    bench.end().await;
}

#[tokio::test]
async fn connections() {
    let Some(bench) = Bench::with(|s| s.bounds.connections = 3, |_| {}).await else { return };
    let address = bench.served.address;
    let mut all = vec![bench.raw().await, bench.raw().await, bench.raw().await];
    let wire = TcpStream::connect(address).await.unwrap();
    let Err((status, said)) = knock(wire, &address.to_string(), &[]).await else { panic!("it is let in") };
    assert!(status == 503 && said.contains("3 connections are open"), "{status} {said}");
    for raw in &mut all {
        assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
    }
    // One goes, another comes.
    all.pop().unwrap().close().await;
    let come = async || {
        let wire = TcpStream::connect(address).await.unwrap();
        knock(wire, &address.to_string(), &[]).await.ok()
    };
    let mut next = None;
    while next.is_none() {
        next = come().await;
    }
    assert_eq!(next.unwrap().result("session.list", json!({})).await["count"], 0);
    bench.end().await;
}

#[tokio::test]
async fn requests_that_wait() {
    let Some(bench) = Bench::with(|s| s.bounds.in_flight = 8, |_| {}).await else { return };
    let (mut raw, session) = bench.session().await;
    // Each waits for the first.
    let waiting =
        raw.begin("session.execute", execute(&session, sh("while [ ! -e go ]; do sleep 0.01; done"))).await;
    for _ in 0..7 {
        raw.begin("session.execute", execute(&session, read("x"))).await;
    }
    let error = raw.error("session.list", json!({}), -32007, "busy").await;
    assert!(error["message"].as_str().unwrap().contains("8 requests"), "{error}");
    // A batch has no more places, and its answers stay one array.
    let batch: Vec<Value> = (0..3).map(|n| request(format!("b{n}"), "session.list", json!({}))).collect();
    raw.send(json!(batch).to_string()).await;
    let answers = raw.next().await;
    assert_eq!(answers.as_array().unwrap().len(), 3);
    answers.as_array().unwrap().iter().for_each(|answer| failed(answer, -32007, "busy"));
    // Others have places of their own; with an answer comes a place.
    let mut other = bench.raw().await;
    let go = json!({ "sessionId": session, "command": write("go", ""), "concurrent": true });
    assert_eq!(other.result("session.execute", go).await["success"], true);
    for _ in 0..8 {
        let answer = raw.next().await;
        assert_eq!(answer["result"]["success"], answer["id"] == waiting, "{answer}");
    }
    assert_eq!(raw.result("session.list", json!({})).await["count"], 1);
    bench.end().await;
}

#[tokio::test]
async fn notifications_have_no_more_places_than_requests() {
    let Some(bench) = Bench::with(|s| s.bounds.in_flight = 8, |_| {}).await else { return };
    let (mut raw, session) = bench.session().await;
    let params = json!({ "sessionId": session, "command": sh("sleep 1000"), "interactive": true, "executionId": "deaf" });
    let number = raw.begin("session.execute", params).await;
    // The program reads nothing: what its input holds is soon full, and everything after that waits.
    let fed = json!({ "method": "session.input", "params": { "executionId": "deaf", "data": "x".repeat(200_000) } });
    for _ in 0..40 {
        raw.send(fed.to_string()).await;
    }
    let error = raw.error("session.list", json!({}), -32007, "busy").await;
    assert!(error["message"].as_str().unwrap().contains("8 requests"), "{error}");
    let (_, books) = get(bench.served.address, "/metrics", "").await;
    assert!(books.contains("codebeaker_refused_total{reason=\"in_flight\"} 3"), "{books}");
    let mut other = bench.raw().await;
    other.result("session.interrupt", json!({ "sessionId": session, "signal": "KILL" })).await;
    raw.answer(number).await;
    bench.end().await;
}

#[tokio::test]
async fn executions_and_sessions() {
    let server = |s: &mut ServerSettings| s.bounds.executions = 2;
    let engine = |e: &mut EngineSettings| e.max_sessions = 2;
    let Some(bench) = Bench::with(server, engine).await else { return };
    let (mut raw, one) = bench.session().await;
    let two = create(&mut raw, Kind::Python).await;
    let third = json!({ "language": "python", "runtimeType": "NativeProcess" });
    raw.error("session.create", third.clone(), -32004, "limit_reached").await;
    let wait = "while [ ! -e go ]; do sleep 0.01; done";
    let first = raw.begin("session.execute", execute(&one, sh(wait))).await;
    let second = raw.begin("session.execute", execute(&two, sh(wait))).await;
    let error = raw.error("session.execute", execute(&one, read("x")), -32004, "limit_reached").await;
    assert!(error["message"].as_str().unwrap().contains("2 executions"), "{error}");
    assert_eq!(raw.result("session.list", json!({})).await["count"], 2);
    for (session, number) in [(&one, first), (&two, second)] {
        raw.result("session.interrupt", json!({ "sessionId": session })).await;
        raw.answer(number).await;
    }
    assert_eq!(raw.execute(&one, write("x", "y")).await["success"], true);
    raw.result("session.close", json!({ "sessionId": one })).await;
    raw.result("session.create", third).await;
    bench.end().await;
}

#[tokio::test]
async fn requests_a_second_of_a_connection_and_of_a_token() {
    for (connection, token) in [(10, 50_000), (20_000, 10)] {
        let change = |s: &mut ServerSettings| {
            s.tokens =
                vec![Token::new("first-token-of-this-server"), Token::new("other-token-of-this-server")];
            (s.bounds.connection_rate, s.bounds.token_rate) = (connection, token);
        };
        let Some(bench) = Bench::with(change, |_| {}).await else { return };
        let address = bench.served.address;
        let open = async |token: &str| {
            let wire = TcpStream::connect(address).await.unwrap();
            let bearer = format!("Bearer {token}-token-of-this-server");
            knock(wire, &address.to_string(), &[("authorization", &bearer)]).await.unwrap()
        };
        let mut raw = open("first").await;
        let list = r#"{"method":"session.list","id":1}"#;
        raw.send(vec![list; 60].join("\n")).await;
        let mut refused = 0;
        for _ in 0..60 {
            let answer = raw.next().await;
            if answer.get("error").is_some() {
                failed(&answer, -32004, "limit_reached");
                assert!(answer["error"]["data"]["hint"].as_str().unwrap().starts_with("wait "), "{answer}");
                refused += 1;
            }
        }
        assert!((40..=50).contains(&refused), "{refused}");
        // The same token elsewhere counts for the token alone; another token counts for itself.
        let same = open("first").await.ask("session.list", json!({})).await;
        if token == 10 {
            // A tenth of a second may have passed.
            assert!(same.get("error").is_none_or(|e| e["code"] == -32004), "{same}");
        } else {
            assert_eq!(same["result"]["count"], 0);
        }
        assert_eq!(open("other").await.ask("session.list", json!({})).await["result"]["count"], 0);
        // After what the hint says there is room again.
        let mut answer = raw.ask("session.list", json!({})).await;
        while let Some(error) = answer.get("error") {
            let hint = error["data"]["hint"].as_str().unwrap().to_owned();
            let ms = hint.trim_start_matches("wait ").trim_end_matches(" ms").parse().unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
            answer = raw.ask("session.list", json!({})).await;
        }
        raw.close().await;
        bench.end().await;
    }
}

#[tokio::test]
async fn commands_of_one_session_and_jobs() {
    let change = |s: &mut ServerSettings| {
        (s.bounds.jobs, s.bounds.workers) = (2, 1);
        s.grace = std::time::Duration::from_millis(50);
    };
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let (mut raw, session) = bench.session().await;
    for _ in 0..256 {
        raw.begin("session.execute", execute(&session, sh("sleep 1000"))).await;
    }
    let error = raw.error("session.execute", execute(&session, sh("true")), -32007, "busy").await;
    assert!(error["message"].as_str().unwrap().contains("256 commands"), "{error}");
    drop(raw);
    // A job under way, two that wait, and no more.
    let mut raw = bench.raw().await;
    raw.result("session.close", json!({ "sessionId": session })).await;
    let job = json!({ "language": "python", "code": Kind::Python.endless(), "runtimeType": "NativeProcess" });
    let first = raw.result("execution.run", job.clone()).await;
    let status = json!({ "executionId": first["executionId"] });
    while raw.result("execution.status", status.clone()).await["status"] != "running" {}
    for _ in 0..2 {
        raw.result("execution.run", job.clone()).await;
    }
    let error = raw.error("execution.run", job, -32007, "busy").await;
    assert!(error["message"].as_str().unwrap().contains("2 jobs"), "{error}");
    bench.end().await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_is_closed() {
    let change = |s: &mut ServerSettings| {
        s.bounds.idle = std::time::Duration::from_millis(200);
        s.bounds.heartbeat = std::time::Duration::from_millis(50);
    };
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let (mut busy, session) = bench.session().await;
    let mut watching = bench.raw().await;
    watching.result("session.subscribe", json!({})).await;
    let waiting =
        busy.begin("session.execute", execute(&session, sh("while [ ! -e go ]; do sleep 0.01; done"))).await;
    let mut idle = bench.raw().await;
    let Heard::Closed(Some((code, reason))) = idle.ended().await else { panic!("no reason") };
    assert!(code == 1000 && reason.contains("nothing was asked"), "{code} {reason}");
    // One who waits for an answer, or to be told, is not idle.
    assert_eq!(watching.result("session.list", json!({})).await["count"], 1);
    let mut other = bench.raw().await;
    let go = json!({ "sessionId": session, "command": write("go", ""), "concurrent": true });
    other.result("session.execute", go).await;
    assert_eq!(busy.answer(waiting).await["result"]["success"], true);
    bench.end().await;
}
