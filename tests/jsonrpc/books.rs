//! What a server writes down and tells of itself: the audit log, health, metrics.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use async_trait::async_trait;
use codebeaker::engine::{
    CodeFile, Embedded, Engine, EngineSettings, Environment, LaunchSpec, Runtime, SessionContext, Step,
    Token, nominal,
};
use codebeaker::protocol::{ErrorKind, Failure, Language, Progress, Provision, RuntimeInfo, RuntimeType};
use codebeaker::server::ServerSettings;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::door::get;
use crate::support::native;
use crate::support::raw::{knock, sh};
use crate::support::served::Served;
use crate::{Bench, timely};

/// The body of an answer over HTTP, as JSON.
fn body(said: &str) -> Value {
    let text = said.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(text.trim()).unwrap_or_else(|e| panic!("{e}: {said}"))
}

#[tokio::test]
async fn every_request_is_noted_without_code_and_output() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("audit.jsonl");
    let change = |s: &mut ServerSettings| {
        s.audit = Some(log.clone());
        s.tokens = vec![Token::new("a-token-that-is-secret")];
    };
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let address = bench.served.address;
    let open = async || {
        let wire = TcpStream::connect(address).await.unwrap();
        let bearer = [("authorization", "Bearer a-token-that-is-secret")];
        knock(wire, &address.to_string(), &bearer).await.unwrap()
    };
    let wrong = [("authorization", "Bearer a-secret-that-is-wrong")];
    let wire = TcpStream::connect(address).await.unwrap();
    assert!(knock(wire, &address.to_string(), &wrong).await.is_err());
    let (mut raw, mut other) = (open().await, open().await);
    let session = crate::create(&mut raw, native::Kind::Python).await;
    raw.execute(&session, json!({ "code": "print('secret-code')" })).await;
    raw.execute(&session, sh("echo secret-output; exit 3")).await;
    raw.execute(&session, json!({ "type": "execute", "code": "import sys; sys.exit(3)" })).await;
    raw.ask("session.execute", json!({ "sessionId": session, "command": { "type": "secret-type" } })).await;
    raw.ask("secret-method", json!({ "x": "secret-param" })).await;
    other.said_to("[1,{\"method\":\"server.info\"},\"secret").await;
    other
        .said_to(format!(
            "{{\"method\":\"session.stats\",\"params\":{{\"sessionId\":\"{}\\n\"}}}}",
            "x".repeat(50)
        ))
        .await;
    // One whose answer nobody waits for is noted all the same.
    let nap = native::nap();
    let params = json!({ "sessionId": session, "command": sh(&format!("sleep {nap}")) });
    other.begin("session.execute", params).await;
    native::until("it runs", || !native::sleeping(&nap).is_empty()).await;
    drop(other);
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&log).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    };
    native::until("what was left is noted", || lines().iter().any(|l| l["outcome"] == "unanswered")).await;
    raw.result("session.close", json!({ "sessionId": session })).await;
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let mut lines = lines();
    let refused = lines.remove(0);
    assert_eq!(
        (refused["method"].as_str(), refused["outcome"].as_str()),
        (Some("connect"), Some("refused_token"))
    );
    let codes: Vec<i64> = lines.iter().filter_map(|line| line["exitCode"].as_i64()).collect();
    assert_eq!(codes, [0, 3], "{text}");
    for line in &lines {
        let (time, peer) = (line["time"].as_str().unwrap(), line["peer"].as_str().unwrap());
        assert!(time.ends_with('Z') && time.contains('T') && peer.starts_with("127.0.0.1:"), "{line}");
        assert!(line["connection"].is_u64() && line["durationMs"].is_f64(), "{line}");
        assert_eq!(line["token"].as_str().unwrap().len(), 8, "{line}");
    }
    let noted: Vec<String> = lines
        .iter()
        .map(|line| {
            let word = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", line["connection"], word("method"), word("command"), word("outcome"))
        })
        .collect();
    assert_eq!(
        noted,
        [
            "1 session.create - ok",
            "1 session.execute execute_code ok",
            "1 session.execute execute_shell failed",
            "1 session.execute execute_code failed",
            "1 session.execute - invalid_params",
            "1 unknown - method_not_found",
            "2 unknown - parse_error",
            "2 session.close - ok",
            "2 session.stats - session_not_found",
            "2 session.close - ok",
            "2 session.execute execute_shell unanswered",
            "1 session.close - ok",
        ]
    );
    let in_session = lines.iter().filter(|line| line["session"] == session.as_str()).count();
    assert_eq!(in_session, 6, "{text}");
    let mode = std::fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    bench.end().await;
}

#[tokio::test]
async fn health_of_one_that_is_well() {
    let Some(bench) = Bench::open().await else { return };
    let address = bench.served.address;
    let (status, said) = get(address, "/health/live", "").await;
    assert_eq!((status, &body(&said)["status"]), (200, &json!("healthy")));
    for path in ["/health", "/health/ready"] {
        let (status, said) = get(address, path, "").await;
        let report = body(&said);
        assert_eq!((status, &report["status"]), (200, &json!("healthy")), "{said}");
        assert!(report["timestamp"].is_string() && report["duration"].is_number(), "{said}");
        let names: Vec<&Value> =
            report["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
        assert_eq!(names, ["runtime", "session_manager", "queue"]);
    }
    bench.end().await;
}

/// A runtime that is not there.
struct Absent;

fn absent() -> Failure {
    Failure::new(ErrorKind::NoRuntime, "it is absent", "look elsewhere")
}

#[async_trait]
impl Runtime for Absent {
    fn runtime_type(&self) -> RuntimeType {
        RuntimeType::Deno
    }

    async fn info(&self, _: bool) -> RuntimeInfo {
        let figures = nominal(RuntimeType::Deno, 0);
        let info = RuntimeInfo::unavailable(RuntimeType::Deno, vec![Language::TypeScript], figures);
        RuntimeInfo { reason: Some("it is absent".into()), ..info }
    }

    async fn provision(&self, _: &Provision, _: tokio::sync::mpsc::Sender<Progress>) -> Result<(), Failure> {
        Err(absent())
    }

    async fn launch(&self, _: LaunchSpec) -> Result<Environment, Failure> {
        Err(absent())
    }

    async fn call(&self, _: &SessionContext, _: Vec<String>) -> Result<Vec<String>, Failure> {
        Err(absent())
    }

    async fn plan(&self, _: &SessionContext, _: CodeFile) -> Result<Vec<Step>, Failure> {
        Err(absent())
    }
}

#[tokio::test]
async fn health_of_one_without_a_runtime() {
    let root = tempfile::tempdir().unwrap();
    let settings = EngineSettings::new(root.path().join("sessions"));
    let engine: Arc<dyn Engine> = Arc::new(Embedded::new(settings, vec![Arc::new(Absent)]).unwrap());
    let served = Served::start(engine.clone()).await;
    for path in ["/health", "/health/ready"] {
        let (status, said) = get(served.address, path, "").await;
        let report = body(&said);
        assert_eq!((status, &report["status"]), (503, &json!("unhealthy")), "{said}");
        assert_eq!(report["checks"][0]["status"], "unhealthy");
        assert_eq!(report["checks"][0]["data"][0]["reason"], "it is absent");
    }
    assert_eq!(get(served.address, "/health/live", "").await.0, 200);
    timely(served.stop()).await;
    timely(engine.shutdown()).await;
}

/// The samples of OpenMetrics text, every line of which must be read.
fn samples(said: &str) -> HashMap<String, f64> {
    let text = said.split_once("\r\n\r\n").unwrap().1;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut samples = HashMap::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("# ") {
            let kind = words.split(' ').next().unwrap();
            assert!(["HELP", "TYPE", "UNIT", "EOF"].contains(&kind), "{line}");
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
        assert!(name.starts_with("codebeaker_") && name.matches('{').count() <= 1, "{line}");
        let value = value.parse().unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(samples.insert(name.to_owned(), value).is_none(), "{line} is there twice");
    }
    samples
}

#[tokio::test]
async fn metrics_show_what_happened() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let mut other = bench.raw().await;
    raw.execute(&session, sh("true")).await;
    raw.execute(&session, sh("exit 3")).await;
    let params = json!({ "sessionId": session, "command": sh("true"), "stream": true });
    let number = raw.begin("session.execute", params).await;
    raw.answer(number).await;
    raw.ask("no.such", json!({})).await;
    let waiting =
        json!({ "sessionId": session, "command": sh("read line"), "interactive": true, "executionId": "w" });
    let number = raw.begin("session.execute", waiting).await;
    other.result("session.list", json!({})).await;
    assert_eq!(get(bench.served.address, "/health?x", "origin: null\r\n").await.0, 403);
    let mut seen = samples(&get(bench.served.address, "/metrics", "").await.1);
    while seen["codebeaker_executions_running"] != 1.0 {
        seen = samples(&get(bench.served.address, "/metrics", "").await.1);
    }
    for (name, value) in [
        ("codebeaker_connections", 2.0),
        ("codebeaker_sessions{runtime=\"native\",state=\"Active\"}", 1.0),
        ("codebeaker_executions_total{outcome=\"success\"}", 2.0),
        ("codebeaker_executions_total{outcome=\"failure\"}", 1.0),
        ("codebeaker_execution_seconds_count", 3.0),
        ("codebeaker_request_seconds_count{method=\"session.execute\"}", 3.0),
        ("codebeaker_request_seconds_count{method=\"unknown\"}", 1.0),
        ("codebeaker_refused_total{reason=\"origin\"}", 1.0),
        ("codebeaker_runtime_available{runtime=\"native\"}", 1.0),
        ("codebeaker_jobs_waiting", 0.0),
    ] {
        assert_eq!(seen.get(name), Some(&value), "{name} in {seen:?}");
    }
    assert!(seen["codebeaker_websocket_bytes_total{direction=\"in\"}"] > 500.0);
    assert!(seen["codebeaker_websocket_bytes_total{direction=\"out\"}"] > 500.0);
    // One whose client has gone counts when it ends.
    drop(raw);
    other.result("session.input", json!({ "executionId": "w", "data": "\n" })).await;
    native::until("it is over", || {
        let session = futures_util::FutureExt::now_or_never(bench.engine.sessions());
        session.is_some_and(|all| all.is_ok_and(|all| all[0].state.to_string() == "Idle"))
    })
    .await;
    let mut seen = samples(&get(bench.served.address, "/metrics", "").await.1);
    while seen["codebeaker_executions_running"] != 0.0 {
        seen = samples(&get(bench.served.address, "/metrics", "").await.1);
    }
    assert_eq!(seen["codebeaker_executions_total{outcome=\"success\"}"], 3.0, "{number}");
    bench.end().await;
}
