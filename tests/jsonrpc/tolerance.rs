//! What existing clients send that is not quite JSON-RPC, nor quite the protocol.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::raw::failed;
use crate::{Bench, read, text};

#[tokio::test]
async fn several_documents_in_a_message_and_one_in_several_lines() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let list = |id: usize| format!(r#"{{"jsonrpc":"2.0","method":"session.list","id":{id}}}"#);
    let said = raw.said_to(format!("{}\r\n\n{}\n{{broken\n{}\n", list(1), list(2), list(3))).await;
    let mut ids: Vec<String> =
        said.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["id"].to_string()).collect();
    ids.sort();
    assert_eq!(ids, ["1", "2", "3", "null"], "{said:?}");
    let pretty = format!("{:#}\n", json!({ "jsonrpc": "2.0", "method": "session.list", "id": 4 }));
    assert!(pretty.lines().count() > 3);
    let said = raw.said_to(pretty).await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with("\"id\":4}"), "{said:?}");
    // One broken document in many lines has one answer.
    let said = raw.said_to("{\n  \"jsonrpc\": \"2.0\",\n  \"method\": oops\n}\n").await;
    assert_eq!(said.len(), 1, "{said:?}");
    bench.end().await;
}

#[tokio::test]
async fn an_array_on_a_line_of_its_own_is_answered_by_an_array() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let list = |id: usize| format!(r#"{{"jsonrpc":"2.0","method":"session.list","id":{id}}}"#);
    let said = raw.said_to(format!("[{},{}]\n{}\n", list(1), list(2), list(3))).await;
    let mut sizes: Vec<usize> = said
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap().as_array().map_or(0, Vec::len))
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 2], "{said:?}");
    bench.end().await;
}

#[tokio::test]
async fn envelopes_that_are_not_quite_right() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    for sent in [
        r#"{"method":"session.list","id":7}"#,
        r#"{"method":"session.list","id":7,"params":null}"#,
        r#"{"method":"session.list","id":7,"params":[]}"#,
        r#"{"method":"session.list","id":7,"params":[1,"x"]}"#,
        r#"{"method":"session.list","id":7,"params":{"SessionId":3}}"#,
        r#"{"jsonrpc":"2.0","method":"session.list","id":7,"auth":"x","trace":{"a":[1]}}"#,
        r#"{"jsonrpc":"2.0","method":"session.close","method":"session.list","id":6,"id":7}"#,
        "  \t{\"jsonrpc\":\"2.0\",\"method\":\"session.list\",\"id\":7}\r\n",
    ] {
        let said = raw.said_to(sent).await;
        assert_eq!(said, [r#"{"jsonrpc":"2.0","result":{"count":0,"sessions":[]},"id":7}"#], "{sent}");
    }
    for sent in [
        r#"{"jsonrpc":"1.0","method":"session.list","id":7}"#,
        r#"{"jsonrpc":2.0,"method":"session.list","id":7}"#,
        r#"{"jsonrpc":"2.0","method":"  ","id":7}"#,
        r#"{"jsonrpc":"2.0","id":7}"#,
    ] {
        let said = raw.said_to(sent).await;
        let answer: Value = serde_json::from_str(&said[0]).unwrap();
        failed(&answer, -32600, "invalid_request");
        assert_eq!(answer["id"], 7, "{sent}");
    }
    // An answer to something we never asked is nobody's business.
    assert!(raw.said_to(r#"{"jsonrpc":"2.0","result":1,"id":7}"#).await.is_empty());
    bench.end().await;
}

#[tokio::test]
async fn binary_messages_are_read_where_they_hold_json() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    raw.message(Message::binary(r#"{"jsonrpc":"2.0","method":"session.list","id":8}"#)).await;
    assert_eq!(raw.next().await["id"], 8);
    for bytes in [&b"\xff\xfe\x00"[..], b"\x00\x01", b"hello"] {
        raw.message(Message::binary(bytes.to_vec())).await;
        let answer = raw.next().await;
        failed(&answer, -32700, "parse_error");
        assert_eq!(answer["id"], Value::Null);
    }
    assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
    bench.end().await;
}

#[tokio::test]
async fn parameters_in_every_spelling() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let mut sessions = Vec::new();
    for params in [
        json!({ "language": "python", "runtimeType": "NativeProcess" }),
        json!({ "Language": "Python", "RuntimeType": "nativeprocess", "IdleTimeoutMinutes": 30 }),
        json!({ "language": "PY", "runtime_type": "NATIVEPROCESS", "memory_limit_mb": 256, "runtime": "x" }),
        json!({ "LANGUAGE": "python3", "runtimeType": "NativeProcess", "runtimePreference": 1, "cpuShares": 512,
                "permissions": { "x": [] }, "security": { "enableSandbox": true }, "dockerImage": null }),
        json!({ "language": "python", "RuntimeType": "NativeProcess", "runtimePreference": "SECURITY" }),
    ] {
        let made = raw.result("session.create", params).await;
        assert_eq!(made["runtimeType"], "NativeProcess", "{made}");
        sessions.push(text(&made["sessionId"]));
    }
    let session = &sessions[0];
    for params in [
        json!({ "SessionId": session, "Command": { "Type": "write_file", "Path": "a", "Content": "1", "Mode": 0 } }),
        json!({ "sessionId": session, "command": { "path": "a", "mode": "APPEND", "content": "2", "type": "write_file" } }),
        json!({ "session_id": session, "command": { "path": "a", "mode": 1, "content": "3", "type": "write_file", "x": 1 } }),
    ] {
        let result = raw.result("session.execute", params).await;
        assert_eq!(result["success"], true, "{result}");
    }
    assert_eq!(raw.execute(session, read("a")).await["result"]["content"], "123");
    // `type` twice, as one client sends it; and twice with different values, which nobody means.
    let twice = |second: &str| {
        format!(
            r#"{{"method":"session.execute","id":9,"params":{{"sessionId":"{session}",
            "command":{{"type":"read_file","path":"a","type":"{second}"}}}}}}"#
        )
    };
    raw.send(twice("read_file")).await;
    assert_eq!(raw.next().await["result"]["result"]["content"], "123");
    raw.send(twice("write_file")).await;
    failed(&raw.next().await, -32602, "invalid_params");
    // Enums by the original's number.
    let first = raw.result("runtime.select", json!({ "language": "python", "runtimePreference": 0 })).await;
    let named =
        raw.result("runtime.select", json!({ "Language": "PYTHON", "RuntimePreference": "speed" })).await;
    assert_eq!(first, named);
    for session in &sessions {
        let closed = raw.result("session.close", json!({ "SessionId": session })).await;
        assert_eq!(closed, json!({ "sessionId": session, "closed": true }));
    }
    bench.end().await;
}
