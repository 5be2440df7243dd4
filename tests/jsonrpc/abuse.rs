//! What nobody should send: it is answered or it ends its connection, and nobody else notices.

use std::net::SocketAddr;

use codebeaker::server::ServerSettings;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::raw::{Heard, Raw, failed, request};
use crate::{Bench, timely};

#[tokio::test]
async fn texts_that_are_hard_to_read() {
    let Some(bench) = Bench::open().await else { return };
    let mut raw = bench.raw().await;
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
    let with =
        |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"session.close","params":{params}}}"#);
    for sent in [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        "[".repeat(1_000_000),
        with(&deep("[", "]")),
        with(&deep("{\"sessionId\":", "}")),
        with(r#"{"sessionId":"\ud800"}"#),
        with(r#"{"sessionId":1e999999999}"#),
        with(r#"{"sessionId":"a"#),
        format!("{}\0", with("{}")),
        "\0".repeat(1000),
        "\u{feff}{}".to_owned(),
        "NaN".to_owned(),
        "/* comment */ {}".to_owned(),
        "9".repeat(100_000),
        "\n".repeat(100_000),
    ] {
        let said = raw.said_to(sent.clone()).await;
        assert_eq!(said.len(), 1, "{sent:.60}: {said:?}");
        let answer: Value = serde_json::from_str(&said[0]).unwrap();
        // An array of something is a batch.
        let answer = answer.get(0).cloned().unwrap_or(answer);
        assert!(answer.get("result").is_none() && answer["error"]["code"].is_i64(), "{sent:.60}: {answer}");
        assert!(said[0].len() < 2000, "{sent:.60}: {:.200}", said[0]);
    }
    // A NUL is a character like any other, where one may stand.
    let said = raw.said_to(with(r#"{"sessionId":"a\u0000b"}"#)).await;
    assert!(said.len() == 1 && said[0].contains(r#""sessionId":"a\u0000b""#), "{said:?}");
    bench.end().await;
}

#[tokio::test]
async fn names_without_end_are_not_kept() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let long = "x".repeat(100_000);
    let command = json!({ "type": "read_file", "path": "a" });
    for (method, params) in [
        ("session.execute", json!({ "sessionId": session, "command": command, "executionId": long })),
        ("session.execute", json!({ "sessionId": long, "command": command })),
        ("session.subscribe", json!({ "sessionId": long })),
        ("session.subscribe", json!({ "executionId": long })),
        ("session.close", json!({ "sessionId": long })),
        ("session.create", json!({ "language": "python", "idempotencyKey": long })),
        ("session.execute", json!({ "sessionId": session, "command": { "type": long } })),
        ("session.create", json!({ "language": long })),
    ] {
        let answer = raw.ask(method, params).await;
        failed(&answer, -32602, "invalid_params");
        assert!(answer.to_string().len() < 1000, "{method}: {:.300}", answer.to_string());
    }
    bench.end().await;
}

#[tokio::test]
async fn what_no_web_socket_sends() {
    let Some(bench) = Bench::open().await else { return };
    let text = |bytes: &[u8], last| Frame::message(bytes.to_vec(), OpCode::Data(Data::Text), last);
    let mut raw = bench.raw().await;
    raw.message(Message::Frame(text(b"{\"method\":\"\xff\"}", true))).await;
    let Heard::Closed(Some((code, reason))) = raw.ended().await else { panic!("no reason") };
    assert!(code == 1007 && reason.contains("UTF-8"), "{code} {reason}");
    // A character may be cut by the edge of a fragment.
    let mut raw = bench.raw().await;
    let whole = "{\"jsonrpc\":\"2.0\",\"id\":\"é\",\"method\":\"session.list\"}".as_bytes();
    let cut = whole.iter().position(|byte| *byte == 0xc3).unwrap() + 1;
    raw.message(Message::Frame(text(&whole[..cut], false))).await;
    raw.message(Message::Ping(vec![1].into())).await;
    raw.message(Message::Frame(Frame::message(whole[cut..].to_vec(), OpCode::Data(Data::Continue), true)))
        .await;
    assert_eq!(raw.next().await["id"], "é");
    // Frames that break the rules: unmasked, of reserved kinds, longer than anything, out of place.
    let mask = |first: u8, length: &[u8], rest: &[u8]| [&[first][..], length, &[0; 4], rest].concat();
    for (what, bytes) in [
        ("unmasked", b"\x81\x02{}".to_vec()),
        ("reserved bits", mask(0xf1, &[0x82], b"{}")),
        ("a reserved kind", mask(0x83, &[0x82], b"{}")),
        ("a continuation of nothing", mask(0x80, &[0x82], b"{}")),
        ("a fragmented ping", mask(0x09, &[0x82], b"{}")),
        ("a long ping", mask(0x89, &[0xfe, 1, 0], &[0; 256])),
    ] {
        let code = closed_after(bench.served.address, &bytes).await;
        assert_eq!(code, Some(1002), "{what}");
    }
    // So long that it is too big, and not just wrong.
    let endless = mask(0x81, &[0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255], b"{}");
    assert_eq!(closed_after(bench.served.address, &endless).await, Some(1009));
    assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
    bench.end().await;
}

const UPGRADE: &str = "GET /ws/jsonrpc HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Shakes hands, sends bytes, and reads the end: the code of the close frame, where there is one.
async fn closed_after(address: SocketAddr, bytes: &[u8]) -> Option<u16> {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(&[UPGRADE.as_bytes(), bytes].concat()).await.unwrap();
    let mut said = Vec::new();
    let _ = timely(tcp.read_to_end(&mut said)).await;
    let head = said.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let frame = &said[head..];
    (frame.first() == Some(&0x88)).then(|| u16::from_be_bytes([frame[2], frame[3]]))
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\[\\]{}:,\"a-z0-9\\\\\n \\-.]{0,60}",
        "\\PC{0,40}",
        prop::collection::vec(
            any_request().prop_map(|(method, params)| json!({ "method": method, "params": params })),
            0..4
        )
        .prop_map(|batch| json!(batch).to_string()),
    ]
}

/// A method that there is, with parameters that are nearly right.
fn any_request() -> impl Strategy<Value = (&'static str, Value)> {
    let methods = [
        "session.execute",
        "session.create",
        "session.input",
        "session.resize",
        "session.interrupt",
        "session.stats",
        "session.subscribe",
        "session.unsubscribe",
        "session.ack",
        "session.close",
        "session.list",
        "runtime.select",
        "execution.run",
        "execution.status",
        "server.info",
        "initialize",
        "no.such",
    ];
    let names = [
        "sessionId",
        "executionId",
        "command",
        "language",
        "type",
        "code",
        "events",
        "window",
        "after",
        "seq",
        "data",
        "encoding",
        "rows",
        "cols",
        "timeoutMs",
        "stream",
        "limits",
        "env",
        "cpus",
        "subscriptionId",
        "SIGNAL",
        "args",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["python", "none", "read_file", "output", "base64", "shell", "INT"])
            .prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(names.to_vec()), inner, 0..6).prop_map(
                |members| Value::Object(members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())
            ),
        ]
    });
    (prop::sample::select(methods.to_vec()), value)
}

#[test]
fn whatever_is_sent_the_next_question_is_answered() {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let change = |s: &mut ServerSettings| s.bounds.workers = 1;
    let Some(bench) = tokio.block_on(Bench::with(change, |engine| engine.max_sessions = 2)) else { return };
    let raw = std::cell::RefCell::new(tokio.block_on(bench.raw()));
    proptest!(ProptestConfig::with_cases(400), |(text in any_text(), binary in any::<bool>())| {
        let mut raw = raw.borrow_mut();
        tokio.block_on(async {
            if binary {
                raw.message(Message::binary(text.clone().into_bytes())).await;
            }
            raw.said_to(text).await
        });
    });
    // What has an id is answered exactly once, by it.
    proptest!(ProptestConfig::with_cases(400), |((method, params) in any_request(), id in any::<u32>())| {
        let mut raw = raw.borrow_mut();
        tokio.block_on(async {
            raw.send(request(format!("q{id}"), method, params).to_string()).await;
            // Answers to what the first part sent may still come.
            while answer_of(&mut raw).await["id"] != format!("q{id}") {}
        });
    });
    drop(raw);
    tokio.block_on(bench.end());
}

async fn answer_of(raw: &mut Raw) -> Value {
    loop {
        let value = raw.next().await;
        if value.get("method").is_none() {
            return value;
        }
    }
}
