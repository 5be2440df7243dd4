//! Who is let in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codebeaker::engine::{Embedded, Engine, EngineSettings, Token};
use codebeaker::server::{ServeError, Server, ServerSettings};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::home::{codebeaker, finished};
use crate::support::raw::{Raw, knock};
use crate::{Bench, timely};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

async fn knocked(address: SocketAddr, host: &str, headers: &[(&str, &str)]) -> Result<Raw, (u16, String)> {
    knock(TcpStream::connect(address).await.unwrap(), host, headers).await
}

/// Sends bytes and reads to the end.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(bytes).await.unwrap();
    let mut said = Vec::new();
    // A reset is an end as well.
    let _ = timely(tcp.read_to_end(&mut said)).await;
    String::from_utf8_lossy(&said).into_owned()
}

/// Asks over HTTP: the status, and everything.
pub async fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    let said = exchange(address, request.as_bytes()).await;
    let status = said.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{said:?}")), said)
}

#[tokio::test]
async fn by_which_name_and_by_which_page() {
    let change = |s: &mut ServerSettings| {
        s.origins = vec!["https://app.example:8443".into()];
        s.hosts = vec!["box.local".into()];
    };
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let address = bench.served.address;
    let own = address.to_string();
    for (host, origin, status) in [
        (own.as_str(), None, 101),
        ("localhost", None, 101),
        ("[::1]:1", None, 101),
        ("box.local:5039", None, 101),
        // A name that somebody has made to point here.
        ("evil.example", None, 421),
        ("evil.example", Some("http://evil.example"), 421),
        ("127.0.0.1.evil.example:5039", None, 421),
        (own.as_str(), Some("https://app.example:8443"), 101),
        (own.as_str(), Some("https://APP.example:8443"), 101),
        (own.as_str(), Some("https://app.example"), 403),
        (own.as_str(), Some("http://localhost"), 403),
        (own.as_str(), Some("null"), 403),
        (own.as_str(), Some(""), 403),
    ] {
        let headers: Vec<(&str, &str)> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        match knocked(address, host, &headers).await {
            Ok(mut raw) => {
                assert_eq!(status, 101, "{host} {origin:?}");
                assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
            }
            Err((seen, said)) => {
                assert_eq!(seen, status, "{host} {origin:?}: {said}");
                assert!(said.contains("--allow-"), "{said}");
            }
        }
    }
    // Nothing else is served to them either, and nothing at all to who says no name.
    let host = |line: &str| format!("GET /health HTTP/1.1\r\n{line}\r\nconnection: close\r\n\r\n");
    for (line, status) in [("host: localhost", "200"), ("host: evil.example", "421"), ("x: y", "4")] {
        let said = exchange(address, host(line).as_bytes()).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {said}");
    }
    bench.end().await;
}

#[tokio::test]
async fn with_which_token() {
    let change = |s: &mut ServerSettings| {
        s.tokens = vec![Token::new("another-token-of-this-server"), Token::new(TOKEN)]
    };
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let address = bench.served.address;
    let host = address.to_string();
    let right = format!("Bearer {TOKEN}");
    for (token, enters) in [
        (None, false),
        (Some("Bearer wrong-wrong-wrong-wrong"), false),
        (Some(&right[..right.len() - 1]), false),
        (Some("Basic MDEyMw=="), false),
        (Some(right.as_str()), true),
        (Some("bearer another-token-of-this-server"), true),
    ] {
        let headers: Vec<(&str, &str)> = token.map(|token| ("authorization", token)).into_iter().collect();
        match knocked(address, &host, &headers).await {
            Ok(mut raw) => {
                assert!(enters, "{token:?}");
                assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
            }
            Err((status, said)) => {
                assert!(!enters && status == 401 && said.contains("token"), "{token:?}: {status} {said}");
                assert!(!said.contains(TOKEN), "{said}");
            }
        }
    }
    // The books are for those who may come in; whether it lives, for everybody.
    let bearer = format!("authorization: {right}\r\n");
    let (status, said) = get(address, "/metrics", "").await;
    assert!(status == 401 && said.to_lowercase().contains("www-authenticate: bearer"), "{said}");
    assert_eq!(get(address, "/metrics", &bearer).await.0, 200);
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(get(address, path, "").await.0, 200, "{path}");
    }
    // What is no WebSocket is told so; what isn't there is told what is.
    let (status, said) = get(address, "/ws/jsonrpc", &bearer).await;
    assert!(status == 426 && said.contains("ws://"), "{said}");
    let (status, said) = get(address, "/", "").await;
    assert!(status == 404 && said.contains("/ws/jsonrpc"), "{said}");
    bench.end().await;
}

#[tokio::test]
async fn what_is_not_safe_is_not_served() {
    let root = tempfile::tempdir().unwrap();
    let engine: Arc<dyn Engine> =
        Arc::new(Embedded::new(EngineSettings::new(root.path().join("s")), Vec::new()).unwrap());
    for (listen, tokens, fine) in [
        ("0.0.0.0:0", vec![], false),
        ("[::]:0", vec![], false),
        ("0.0.0.0:0", vec![TOKEN], true),
        ("127.0.0.1:0", vec!["short"], false),
        ("127.0.0.1:0", vec![TOKEN, "short"], false),
        ("127.0.0.1:0", vec![""], false),
        ("127.0.0.1:0", vec![], true),
    ] {
        let mut settings = ServerSettings::new(listen.parse().unwrap());
        settings.tokens = tokens.iter().map(|token| Token::new(token)).collect();
        let bound = Server::bind(settings, engine.clone()).await;
        match bound {
            Ok(_) => assert!(fine, "{listen} {tokens:?}"),
            Err(ServeError::Unguarded(_)) => assert!(!fine && tokens.is_empty()),
            Err(ServeError::WeakToken) => assert!(!fine && !tokens.is_empty()),
            Err(other) => panic!("{other}"),
        }
    }
    timely(engine.shutdown()).await;
}

#[test]
fn the_command_line_says_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let weak = home.path().join("tokens");
    std::fs::write(&weak, "# mine\nshort\n").unwrap();
    let holding = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holding.local_addr().unwrap().to_string();
    let weak = weak.to_str().unwrap();
    for (args, words) in [
        (vec!["--listen", "0.0.0.0:0"], ["other machines", "--token-file"]),
        (vec!["--token-file", weak], ["22 characters", "openssl rand"]),
        (vec!["--token-file", "/no/file"], ["/no/file", "check its name"]),
        (vec!["--listen", &taken], [taken.as_str(), "--listen"]),
        (vec!["--tls-cert", weak, "--tls-key", weak], ["tokens can't be used", "PEM"]),
    ] {
        let all: Vec<&str> = ["serve"].into_iter().chain(args.iter().copied()).collect();
        let (code, stdout, stderr) = finished(codebeaker(&home, &all).spawn().unwrap());
        assert_eq!((code, stdout.as_str()), (Some(125), ""), "{args:?}: {stderr}");
        assert!(words.iter().all(|word| stderr.contains(word)), "{args:?}: {stderr}");
    }
}

#[tokio::test]
async fn who_takes_for_ever_to_say_what_he_wants_is_cut_off() {
    let change = |s: &mut ServerSettings| s.bounds.handshake = Duration::from_millis(300);
    let Some(bench) = Bench::with(change, |_| {}).await else { return };
    let address = bench.served.address;
    let begin = Instant::now();
    // Nothing at all; a line that doesn't end; headers that don't.
    let slow: Vec<_> = ["", "GET /ws/json", "GET / HTTP/1.1\r\nhost: localhost\r\nx: y"]
        .into_iter()
        .map(|head| tokio::spawn(async move { exchange(address, head.as_bytes()).await }))
        .collect();
    for slow in slow {
        let said = slow.await.unwrap();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    // One who sends a byte now and then has no longer.
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    while tcp.write_all(b"x: y\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(begin.elapsed() < Duration::from_secs(20), "it is still listened to");
    }
    // One who has shaken hands may be quiet.
    let mut raw = bench.raw().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
    bench.end().await;
}
