//! Every method, and the form of its result.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::native::Kind;
use crate::support::raw::{Raw, execute, failed, sh};
use crate::{Bench, create, text};

/// The names of an object's members.
fn members(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object")).keys().map(String::as_str).collect()
}

#[track_caller]
fn has(value: &Value, names: &[&str]) {
    for name in names {
        assert!(members(value).contains(name), "{name} is missing in {value}");
    }
}

#[tokio::test]
async fn what_the_server_and_its_runtimes_are() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let info = raw.result("server.info", json!({})).await;
    has(&info, &["name", "version", "protocolVersion", "serverCapabilities", "supportedLanguages", "limits"]);
    assert_eq!(
        (&info["name"], &info["serverCapabilities"]["supportsStreaming"]),
        (&json!("codebeaker"), &json!(true))
    );
    let hello = raw.result("initialize", json!({ "clientInfo": { "name": "x" } })).await;
    assert_eq!(hello["serverCapabilities"]["protocolVersion"], info["protocolVersion"]);
    let runtimes = raw.result("runtime.list", json!({})).await;
    assert_eq!(runtimes["count"], runtimes["runtimes"].as_array().unwrap().len());
    let native = |all: &Value| {
        all["runtimes"].as_array().unwrap().iter().find(|r| r["type"] == "NativeProcess").cloned()
    };
    let native = native(&runtimes).unwrap();
    has(&native, &["type", "available", "languages", "capabilities", "isolation"]);
    has(&native["capabilities"], &["startupTimeMs", "memoryOverheadMB", "isolationLevel"]);
    assert_eq!(native["available"], true);
    let one = raw.result("runtime.list", json!({ "runtimeType": "nativeprocess" })).await;
    assert_eq!((&one["count"], &one["runtimes"][0]["type"]), (&json!(1), &json!("NativeProcess")));
    // Docker is not one of this engine's.
    raw.error("runtime.list", json!({ "runtimeType": 0 }), -32003, "no_runtime").await;
    let ranking = raw.result("runtime.select", json!({ "language": "python" })).await;
    assert_eq!(ranking["chosen"], "NativeProcess", "{ranking}");
    let languages = raw.result("language.list", json!({})).await;
    let python = languages["languages"].as_array().unwrap().iter().find(|l| l["name"] == "python").unwrap();
    assert_eq!(
        (&python["runtime"], &python["runtimes"][0]),
        (&json!("NativeProcess"), &json!("NativeProcess"))
    );
    bench.end().await;
}

#[tokio::test]
async fn a_sessions_life() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let params = json!({ "language": "python", "runtimeType": "NativeProcess", "name": "mine", "memoryLimitMB": 128,
                         "idleTimeoutMinutes": 5, "maxLifetimeMinutes": 7, "env": { "GREETING": "hi" } });
    let made = raw.result("session.create", params).await;
    let row = [
        "sessionId",
        "environmentId",
        "containerId",
        "runtimeType",
        "runtime",
        "language",
        "createdAt",
        "lastActivity",
        "state",
        "executionCount",
        "idleMinutes",
        "lifetimeMinutes",
        "config",
    ];
    has(&made, &row);
    assert_eq!(made["environmentId"], made["containerId"]);
    assert_eq!(
        (&made["runtime"], &made["state"], &made["name"]),
        (&json!("native"), &json!("Active"), &json!("mine"))
    );
    assert_eq!(made["config"]["memoryLimitMB"], 128);
    assert_eq!(made["config"]["idleTimeoutMinutes"], 5);
    let created = text(&made["createdAt"]);
    let fraction = created.split('.').nth(1).unwrap_or("Z");
    assert!(created.ends_with('Z') && created.contains('T') && fraction.len() <= 8, "{created}");
    let session = text(&made["sessionId"]);
    let said = raw.execute(&session, sh("echo $GREETING")).await;
    assert_eq!(said["result"]["stdout"], "hi\n");
    let list = raw.result("session.list", json!({})).await;
    assert_eq!((&list["count"], list["sessions"].as_array().unwrap().len()), (&json!(1), 1));
    has(&list["sessions"][0], &row);
    assert_eq!(
        (&list["sessions"][0]["state"], &list["sessions"][0]["executionCount"]),
        (&json!("Idle"), &json!(1))
    );
    let stats = raw.result("session.stats", json!({ "sessionId": session })).await;
    has(&stats, &["cpuMs", "memoryBytes", "processes", "workspaceBytes"]);
    for _ in 0..2 {
        let closed = raw.result("session.close", json!({ "sessionId": session })).await;
        assert_eq!(closed, json!({ "sessionId": session, "closed": true }));
    }
    raw.error("session.execute", execute(&session, sh("true")), -32001, "session_not_found").await;
    assert_eq!(raw.result("session.list", Value::Null).await, json!({ "count": 0, "sessions": [] }));
    bench.end().await;
}

#[tokio::test]
async fn a_session_asked_for_twice_with_one_key_is_made_once() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let params = json!({ "language": "python", "runtimeType": "NativeProcess", "idempotencyKey": "k1" });
    let (first, second) =
        (raw.begin("session.create", params.clone()).await, raw.begin("session.create", params).await);
    let mut ids = BTreeSet::new();
    for _ in [first, second] {
        ids.insert(text(&raw.next().await["result"]["sessionId"]));
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(raw.result("session.list", json!({})).await["count"], 1);
    bench.end().await;
}

#[tokio::test]
async fn the_other_runtimes_run_code() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    for kind in [Kind::JavaScript, Kind::Deno, Kind::Bun] {
        if !kind.is_here(&*bench.engine).await {
            continue;
        }
        let session = create(&mut raw, kind).await;
        let result = raw.execute(&session, json!({ "code": kind.printing(42) })).await;
        assert_eq!(
            (&result["success"], &result["result"]["stdout"]),
            (&json!(true), &json!("42\n")),
            "{result}"
        );
        let result = raw.execute(&session, json!({ "type": "execute_code", "code": kind.failing() })).await;
        assert_eq!(
            (&result["success"], &result["result"]["exitCode"]),
            (&json!(false), &json!(3)),
            "{result}"
        );
        raw.result("session.close", json!({ "sessionId": session })).await;
    }
    bench.end().await;
}

#[tokio::test]
async fn a_program_is_fed_signalled_and_resized() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let started = |id: &str, script: &str, pty: bool| {
        let mut command = sh(script);
        command["pty"] = json!(pty);
        json!({ "sessionId": session, "command": command, "executionId": id, "interactive": true, "stream": true })
    };
    let fed = raw.begin("session.execute", started("fed", "cat", false)).await;
    let input = |data: &str| json!({ "executionId": "fed", "data": data });
    assert_eq!(raw.result("session.input", input("é one ")).await, json!({ "accepted": true }));
    let bytes = json!({ "executionId": "fed", "data": "dHdv", "encoding": "base64", "eof": true });
    raw.result("session.input", bytes).await;
    let answer = raw.answer(fed).await;
    assert_eq!(
        (&answer["result"]["result"]["stdout"], &answer["result"]["executionId"]),
        (&json!("é one two"), &json!("fed"))
    );
    // Over: it can't be fed any more.
    raw.error("session.input", input("x"), -32602, "invalid_params").await;
    // A signal to the execution, one to the session, and none to nothing.
    let trap = "trap 'echo caught; exit 7' INT; echo on; while :; do sleep 0.01; done";
    for target in [json!({ "executionId": "trapped" }), json!({ "SessionId": session, "Signal": "SIGINT" })] {
        let trapped = raw.begin("session.execute", started("trapped", trap, false)).await;
        raw.notices.clear();
        while raw.notice().await["params"]["data"] != "on\n" {}
        assert_eq!(raw.result("session.interrupt", target).await, json!({ "interrupted": true }));
        let answer = raw.answer(trapped).await;
        assert_eq!(answer["result"]["result"]["exitCode"], 7, "{answer}");
        assert_eq!(answer["result"]["result"]["stdout"], "on\ncaught\n");
    }
    let idle = raw.result("session.interrupt", json!({ "sessionId": session })).await;
    assert_eq!(idle, json!({ "interrupted": false }));
    // A terminal that is told its size.
    let sized = "stty size; read _; stty size";
    let terminal = raw.begin("session.execute", started("terminal", sized, true)).await;
    raw.notices.clear();
    while raw.notice().await["params"]["data"] != "24 80\r\n" {}
    let size = json!({ "executionId": "terminal", "rows": 40, "cols": 132 });
    assert_eq!(raw.result("session.resize", size).await, json!({ "resized": true }));
    raw.result("session.input", json!({ "executionId": "terminal", "data": "\n" })).await;
    let answer = raw.answer(terminal).await;
    assert!(text(&answer["result"]["result"]["stdout"]).ends_with("40 132\r\n"), "{answer}");
    bench.end().await;
}

/// Asks for a job until it is over.
async fn outcome(raw: &mut Raw, id: &str) -> Value {
    loop {
        let status = raw.result("execution.status", json!({ "ExecutionId": id })).await;
        match status["status"].as_str().unwrap() {
            "queued" | "running" => assert!(status.get("exitCode").is_none(), "{status}"),
            _ => return status,
        }
    }
}

#[tokio::test]
async fn one_shots_from_queued_to_their_outcome() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let job = |code: &str| json!({ "language": "python", "code": code, "runtimeType": "NativeProcess" });
    let mut run = async |params: Value| {
        let queued = raw.result("execution.run", params).await;
        assert_eq!((members(&queued).len(), &queued["status"]), (2, &json!("queued")), "{queued}");
        let id = text(&queued["executionId"]);
        let outcome = outcome(&mut raw, &id).await;
        has(&outcome, &["executionId", "status", "exitCode", "stdout", "stderr", "durationMs", "timeout"]);
        assert_eq!(outcome["executionId"], id);
        outcome
    };
    let telling = json!({ "Language": "python", "Code": Kind::Python.telling(), "Args": ["a b"], "Stdin": "in",
                          "Timeout": 30, "MemoryLimit": 256, "RuntimePreference": 0, "RuntimeType": "NativeProcess" });
    let told = run(telling).await;
    assert_eq!(
        (&told["status"], &told["exitCode"], &told["timeout"]),
        (&json!("completed"), &json!(0), &json!(false))
    );
    assert_eq!(told["stdout"], "[a b]none\nin");
    let failing = run(job(Kind::Python.failing())).await;
    assert_eq!((&failing["status"], &failing["exitCode"]), (&json!("failed"), &json!(3)));
    assert_eq!((&failing["stdout"], &failing["stderr"]), (&json!("out\n"), &json!("err\n")));
    let mut endless = job(Kind::Python.endless());
    endless["timeout"] = json!(0.2);
    let late = run(endless).await;
    assert_eq!(
        (&late["status"], &late["exitCode"], &late["timeout"]),
        (&json!("failed"), &json!(124), &json!(true))
    );
    let nowhere = run(json!({ "language": "python", "code": "1", "runtimeType": "Docker" })).await;
    assert_eq!((&nowhere["status"], &nowhere["exitCode"]), (&json!("failed"), &json!(-1)), "{nowhere}");
    let unknown = raw.result("execution.status", json!({ "executionId": "none" })).await;
    assert_eq!(unknown, json!({ "executionId": "none", "status": "not_found" }));
    // Each had a session of its own, which is gone.
    assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
    bench.end().await;
}

#[tokio::test]
async fn what_happens_to_sessions_is_told_to_who_asked() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let mut other = bench.raw().await;
    let only =
        json!({ "sessionId": session, "events": ["State", "session.started", "FINISHED", "statsSample"] });
    let subscription = text(&raw.result("session.subscribe", only).await["subscriptionId"]);
    // Another session's events are not told.
    let foreign = create(&mut other, Kind::Python).await;
    other.execute(&foreign, sh("true")).await;
    let result = other.execute(&session, sh("true")).await;
    other.result("session.close", json!({ "sessionId": session })).await;
    let (mut seen, mut last) = (Vec::new(), None);
    while seen.last().is_none_or(|what| what != "session.state Closed") {
        let notice = raw.notice().await;
        let params = &notice["params"];
        assert_eq!(
            (&params["sessionId"], &params["subscriptionId"]),
            (&json!(session), &json!(subscription))
        );
        if notice["method"] == "session.statsSample" {
            continue;
        }
        let seq = params["seq"].as_u64().unwrap();
        assert!(last.replace(seq).is_none_or(|last| last < seq), "{notice}");
        if let Some(execution) = params.get("executionId") {
            assert_eq!(execution, &result["executionId"]);
        }
        let more = params["state"].as_str().unwrap_or_default();
        seen.push(format!("{} {more}", text(&notice["method"])).trim().to_owned());
    }
    let whole = ["session.started", "session.finished", "session.state Idle", "session.state Closing"];
    for what in whole {
        assert!(seen.iter().any(|seen| seen == what), "{what} is missing in {seen:?}");
    }
    let ended = raw.result("session.unsubscribe", json!({ "subscriptionId": subscription })).await;
    assert_eq!(ended, json!({ "unsubscribed": true }));
    let again = raw.result("session.unsubscribe", json!({ "subscriptionId": subscription })).await;
    assert_eq!(again, json!({ "unsubscribed": false }));
    // Nothing more is told.
    raw.notices.clear();
    other.execute(&foreign, sh("true")).await;
    assert!(raw.said_to("{\"method\":\"session.list\"}").await.is_empty());
    bench.end().await;
}

#[tokio::test]
async fn figures_come_once_a_second() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let params = json!({ "sessionId": session, "events": ["statsSample"] });
    raw.result("session.subscribe", params).await;
    let notice = raw.notice().await;
    assert_eq!(notice["method"], "session.statsSample");
    has(&notice["params"], &["sessionId", "subscriptionId", "seq", "stats"]);
    has(&notice["params"]["stats"], &["cpuMs", "memoryBytes"]);
    // Asked for no session in particular there is nothing to sample: that is said.
    let answer = raw.ask("session.subscribe", json!({ "events": ["statsSample"] })).await;
    failed(&answer, -32602, "invalid_params");
    bench.end().await;
}
