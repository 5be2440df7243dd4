//! What a request to the server costs, against a bare WebSocket echo of as many bytes.
//!
//! `cargo bench --bench server [-- ROUNDS]`. Both are processes of their own over loopback, asked by one client in turn,
//! in another order each round; medians, and medians of the ratios within a round. Nothing is asserted: the machine's
//! load is in every figure.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Requests of each kind in a round.
const REQUESTS: usize = 200;

type Socket = WebSocketStream<TcpStream>;

/// A child that is ended with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Answers every message with itself: what a WebSocket costs without anything behind it.
fn echo() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        eprintln!("ws://{}", listener.local_addr().unwrap());
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tcp.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(tcp).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() && socket.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// Starts a child that says on standard error where it listens.
fn started(command: &mut Command) -> (Ended, String) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines
        .find_map(|line| {
            let line = line.unwrap();
            let at = line.find("ws://")?;
            line[at + 5..].split(['/', ';', ' ']).next().map(str::to_owned)
        })
        .expect("it says where it listens");
    std::thread::spawn(move || lines.for_each(drop));
    (Ended(child), address)
}

async fn connected(address: &str) -> Socket {
    let tcp = TcpStream::connect(address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let (socket, _) =
        tokio_tungstenite::client_async(format!("ws://{address}/ws/jsonrpc"), tcp).await.unwrap();
    socket
}

async fn asked(socket: &mut Socket, text: &str) -> String {
    socket.send(Message::text(text)).await.unwrap();
    loop {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            return text.to_string();
        }
    }
}

async fn rpc(socket: &mut Socket, method: &str, params: Value) -> Value {
    let text = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    serde_json::from_str::<Value>(&asked(socket, &text).await).unwrap()["result"].take()
}

/// The median of so many round trips.
async fn timed(socket: &mut Socket, text: &str) -> Duration {
    let mut all = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let begin = Instant::now();
        asked(socket, text).await;
        all.push(begin.elapsed());
    }
    median(all)
}

fn median<T: PartialOrd + Copy>(mut all: Vec<T>) -> T {
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all[all.len() / 2]
}

/// One question, beside an echo of as many bytes.
struct Row {
    name: &'static str,
    request: String,
    like: String,
    ours: Vec<Duration>,
    echo: Vec<Duration>,
}

impl Row {
    async fn new(name: &'static str, socket: &mut Socket, method: &str, params: Value) -> Self {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let answer = asked(socket, &request).await;
        assert!(answer.contains("\"result\""), "{answer}");
        // An echo carries both ways what here goes one way each: half of both together.
        let like = "x".repeat((request.len() + answer.len()) / 2);
        Self { name, request, like, ours: Vec::new(), echo: Vec::new() }
    }
}

async fn measure(rounds: usize, echo: &str, server: &str) {
    let (mut bare, mut ours) = (connected(echo).await, connected(server).await);
    let mut rows = vec![Row::new("session.list, none", &mut ours, "session.list", json!({})).await];
    let created =
        rpc(&mut ours, "session.create", json!({ "language": "python", "runtimeType": "NativeProcess" }))
            .await;
    let id = created["sessionId"].as_str().unwrap().to_owned();
    let execute = |command: Value| json!({ "sessionId": id, "command": command });
    let small = "x".repeat(200);
    for (name, method, params) in [
        ("session.list, one", "session.list", json!({})),
        (
            "write_file, 200 B",
            "session.execute",
            execute(json!({ "type": "write_file", "path": "f", "content": small })),
        ),
        ("read_file, 200 B", "session.execute", execute(json!({ "type": "read_file", "path": "f" }))),
        (
            "execute_shell true",
            "session.execute",
            execute(json!({ "type": "execute_shell", "commandName": "true" })),
        ),
    ] {
        rows.push(Row::new(name, &mut ours, method, params).await);
    }
    for round in 0..rounds {
        for row in &mut rows {
            let order = if round % 2 == 0 { [true, false] } else { [false, true] };
            for bare_now in order {
                if bare_now {
                    row.echo.push(timed(&mut bare, &row.like).await);
                } else {
                    row.ours.push(timed(&mut ours, &row.request).await);
                }
            }
        }
    }
    rpc(&mut ours, "session.close", json!({ "sessionId": id })).await;
    println!("{rounds} rounds of {REQUESTS} requests each; medians");
    for row in rows {
        let ratios = row.ours.iter().zip(&row.echo).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
        let micros = |all: Vec<Duration>| median(all).as_secs_f64() * 1e6;
        let (bytes, ratio) = (row.like.len(), median::<f64>(ratios));
        println!(
            "{:<20} {:>8.1} us   echo of {bytes:>5} B {:>7.1} us   ratio {ratio:.2}",
            row.name,
            micros(row.ours),
            micros(row.echo),
        );
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let first = arguments.next();
    if first.as_deref() == Some("echo") {
        return echo();
    }
    let rounds = first.and_then(|text| text.parse().ok()).unwrap_or(20);
    let home = tempfile::tempdir().unwrap();
    let (_echo, echo) = started(Command::new(std::env::current_exe().unwrap()).arg("echo"));
    let (_server, server) = started(
        Command::new(env!("CARGO_BIN_EXE_codebeaker"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("XDG_STATE_HOME", home.path()),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure(rounds, &echo, &server));
}
