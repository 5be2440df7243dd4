//! The examples of the JSON-RPC 2.0 specification, with methods of ours; and the form of every answer.

use serde_json::{Value, json};

use crate::support::raw::{Raw, failed};
use crate::{Bench, read, write};

/// What is said to a message, read.
async fn said(raw: &mut Raw, text: &str) -> Vec<Value> {
    raw.said_to(text).await.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn closed(id: Value) -> Value {
    json!({ "jsonrpc": "2.0", "result": { "sessionId": "none", "closed": true }, "id": id })
}

/// That these are errors of this code with the id null.
fn nameless(answers: &Value, count: usize, code: i64, kind: &str) {
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), count);
    for answer in answers {
        failed(answer, code, kind);
        assert_eq!(answer.get("id"), Some(&Value::Null));
    }
}

const CLOSE: &str = r#""method":"session.close","params":{"sessionId":"none"}"#;

#[tokio::test]
async fn the_specifications_examples() {
    let Some(bench) = Bench::open().await else { return };
    let raw = &mut bench.raw().await;
    // A call, with its members in another order.
    assert_eq!(said(raw, &format!(r#"{{"jsonrpc":"2.0",{CLOSE},"id":1}}"#)).await, [closed(json!(1))]);
    assert_eq!(said(raw, &format!(r#"{{"id":2,{CLOSE},"jsonrpc":"2.0"}}"#)).await, [closed(json!(2))]);
    // A notification, of a method that there is and of one that there isn't.
    assert!(said(raw, &format!(r#"{{"jsonrpc":"2.0",{CLOSE}}}"#)).await.is_empty());
    assert!(said(raw, r#"{"jsonrpc":"2.0","method":"foobar"}"#).await.is_empty());
    // A notification whose parameters are wrong is not answered either.
    assert!(said(raw, r#"{"jsonrpc":"2.0","method":"session.close","params":{}}"#).await.is_empty());
    // A method that there isn't.
    let answers = said(raw, r#"{"jsonrpc":"2.0","method":"foobar","id":"1"}"#).await;
    failed(&answers[0], -32601, "method_not_found");
    assert_eq!((answers.len(), &answers[0]["id"]), (1, &json!("1")));
    // What is no JSON, what is no request, what is no batch.
    for (sent, code, kind) in [
        (r#"{"jsonrpc":"2.0","method":"foobar, "params":"bar","baz]"#, -32700, "parse_error"),
        (r#"{"jsonrpc":"2.0","method":1,"params":"bar"}"#, -32600, "invalid_request"),
        (r#"[{"jsonrpc":"2.0","method":"sum","id":"1"},{"jsonrpc":"2.0","method""#, -32700, "parse_error"),
        ("[]", -32600, "invalid_request"),
        ("", -32700, "parse_error"),
    ] {
        nameless(&json!(said(raw, sent).await), 1, code, kind);
    }
    for (sent, count) in [("[1]", 1), ("[1,2,3]", 3)] {
        let answers = said(raw, sent).await;
        assert_eq!(answers.len(), 1, "{answers:?}");
        nameless(&answers[0], count, -32600, "invalid_request");
    }
    bench.end().await;
}

#[tokio::test]
async fn a_batch_is_answered_by_one_array_without_its_notifications() {
    let Some(bench) = Bench::open().await else { return };
    let raw = &mut bench.raw().await;
    let batch = format!(
        r#"[{{"jsonrpc":"2.0",{CLOSE},"id":"1"}},
            {{"jsonrpc":"2.0",{CLOSE}}},
            {{"jsonrpc":"2.0",{CLOSE},"id":"2"}},
            {{"foo":"boo"}},
            {{"jsonrpc":"2.0","method":"foo.get","params":{{"name":"myself"}},"id":"5"}},
            {{"jsonrpc":"2.0","method":"session.close","params":[1],"id":"6"}},
            {{"jsonrpc":"2.0","method":"server.info","id":"9"}}]"#
    );
    let answers = said(raw, &batch).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    let answers = answers[0].as_array().unwrap();
    assert_eq!(answers.len(), 6, "{answers:?}");
    let of = |id: Value| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(of(json!("1")), &closed(json!("1")));
    assert_eq!(of(json!("2")), &closed(json!("2")));
    failed(of(Value::Null), -32600, "invalid_request");
    failed(of(json!("5")), -32601, "method_not_found");
    failed(of(json!("6")), -32602, "invalid_params");
    assert_eq!(of(json!("9"))["result"]["name"], "codebeaker");
    // Nothing but notifications.
    let batch =
        format!(r#"[{{"jsonrpc":"2.0",{CLOSE}}},{{"jsonrpc":"2.0","method":"notify_hello","params":[7]}}]"#);
    assert!(said(raw, &batch).await.is_empty());
    bench.end().await;
}

#[tokio::test]
async fn a_batch_in_one_session_runs_in_its_order() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let part = |id: usize, command: Value| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "session.execute",
                "params": { "sessionId": session, "command": command } })
    };
    let mut batch = Vec::new();
    for round in 0..10 {
        batch.push(part(2 * round, write("a.txt", &format!("round {round}"))));
        batch.push(part(2 * round + 1, read("a.txt")));
    }
    raw.send(json!(batch).to_string()).await;
    let answers = raw.next().await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 20);
    for round in 0..10 {
        let answer = answers.iter().find(|answer| answer["id"] == 2 * round + 1).unwrap();
        assert_eq!(answer["result"]["result"]["content"], format!("round {round}"));
    }
    bench.end().await;
}

#[tokio::test]
async fn ids_are_echoed_to_the_letter() {
    let Some(bench) = Bench::open().await else { return };
    let raw = &mut bench.raw().await;
    for id in [
        "0",
        "-1",
        "1e3",
        "1.0",
        "-0.0E-7",
        "9007199254740993",
        "123456789012345678901234567890",
        r#""""#,
        r#""1""#,
        r#""a\u00e9\n\"\\\/b""#,
        r#""\ud800""#,
        r#""null""#,
        "null",
    ] {
        for method in ["session.list", "no.such"] {
            let said = raw.said_to(format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":{id}}}"#)).await;
            assert_eq!(said.len(), 1, "{id}: {said:?}");
            assert!(said[0].ends_with(&format!("\"id\":{id}}}")), "{id}: {said:?}");
        }
    }
    // Characters beyond ASCII as ASCII, of the same meaning.
    let said = said(raw, "{\"jsonrpc\":\"2.0\",\"method\":\"session.list\",\"id\":\"é🧪\"}").await;
    assert_eq!(said[0]["id"], "é🧪");
    // What no id may be.
    for id in ["true", "[1]", "{}"] {
        let said = raw.said_to(format!(r#"{{"jsonrpc":"2.0","method":"session.list","id":{id}}}"#)).await;
        nameless(&json!([serde_json::from_str::<Value>(&said[0]).unwrap()]), 1, -32600, "invalid_request");
    }
    bench.end().await;
}

#[tokio::test]
async fn every_fault_has_its_code_and_says_what_to_do_next() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let execute = "session.execute";
    for (method, params, code, kind) in [
        ("session.List", json!({}), -32601, "method_not_found"),
        ("session.create", json!({}), -32602, "invalid_params"),
        ("session.create", json!({ "language": "cobol" }), -32602, "invalid_params"),
        ("session.create", json!({ "language": ["python"] }), -32602, "invalid_params"),
        ("session.create", json!({ "language": "python", "runtimeType": "Docker" }), -32003, "no_runtime"),
        ("session.create", json!({ "language": "go", "runtimeType": "Bun" }), -32003, "no_runtime"),
        (execute, json!({ "sessionId": session }), -32602, "invalid_params"),
        (execute, json!({ "sessionId": session, "command": {} }), -32602, "invalid_params"),
        (execute, json!({ "sessionId": session, "command": { "type": "fly" } }), -32602, "invalid_params"),
        (
            execute,
            json!({ "sessionId": session, "command": { "type": "read_file" } }),
            -32602,
            "invalid_params",
        ),
        (execute, json!({ "sessionId": "none", "command": read("a") }), -32001, "session_not_found"),
        ("session.stats", json!({ "sessionId": "none" }), -32001, "session_not_found"),
        ("session.input", json!({ "executionId": "none", "data": "x" }), -32602, "invalid_params"),
        ("session.interrupt", json!({}), -32602, "invalid_params"),
        ("session.interrupt", json!({ "sessionId": "x", "signal": "HELLO" }), -32602, "invalid_params"),
        ("session.subscribe", json!({ "executionId": "none" }), -32011, "execution_not_found"),
        ("session.subscribe", json!({ "events": ["weather"] }), -32602, "invalid_params"),
        ("session.list", json!([]), 0, ""),
        ("execution.run", json!({ "language": "python" }), -32602, "invalid_params"),
        (
            "execution.run",
            json!({ "language": "python", "code": "1", "timeout": -1 }),
            -32602,
            "invalid_params",
        ),
        ("runtime.provision", json!({ "runtime": "Spaceship" }), -32602, "invalid_params"),
    ] {
        let answer = raw.ask(method, params.clone()).await;
        match code {
            0 => assert!(answer.get("error").is_none(), "{answer}"),
            _ => failed(&answer, code, kind),
        }
    }
    // An unknown command lists those that there are.
    let fly = json!({ "sessionId": session, "command": { "type": "fly" } });
    let error = raw.error("session.execute", fly, -32602, "invalid_params").await;
    assert!(error["message"].as_str().unwrap().contains("list_directory (list_files)"), "{error}");
    bench.end().await;
}

#[tokio::test]
async fn everything_on_the_wire_is_one_line_of_ascii_with_plain_numbers() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    // `Raw::text` holds every message to the form; here is what makes it hard.
    let code = "print('é🧪\u{2028}\\n\\x7f')";
    for stream in [false, true] {
        let command = json!({ "type": "execute_code", "code": code });
        let params = json!({ "sessionId": session, "command": command, "stream": stream });
        let number = raw.begin("session.execute", params).await;
        let answer = loop {
            let text = raw.text().await;
            if !text.contains("\"method\"") {
                break text;
            }
        };
        assert!(answer.contains(r"\u00e9\ud83e\uddea\u2028\n"), "{answer}");
        for member in answer.split("\"durationMs\":").skip(1) {
            let literal: String = member.chars().take_while(|c| !",}".contains(*c)).collect();
            assert!(literal.parse::<i32>().is_ok_and(|ms| ms >= 0), "{literal:?} in {answer}");
        }
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["result"]["result"]["stdout"], "é🧪\u{2028}\n\u{7f}\n");
        assert_eq!(answer["id"], number);
    }
    let said = raw.said_to(r#"{"method":"no.such","id":1}"#).await;
    assert!(said[0].contains(r#""code":-32601,"#), "{said:?}");
    // A file and a name beyond ASCII come back as they went.
    raw.execute(&session, write("é🧪.txt", "ü🧪")).await;
    let result = raw.execute(&session, read("é🧪.txt")).await;
    assert_eq!((&result["result"]["path"], &result["result"]["content"]), (&json!("é🧪.txt"), &json!("ü🧪")));
    bench.end().await;
}
