//! Whether `codebeaker bench` can be believed: what it says of the same program twice, of one that was made 30 % slower,
//! and of times that somebody else takes of the same work.
//!
//! `cargo bench --bench verdicts [-- REPEATS [SAMPLES]]`, with Bun where the workbench has it. Everything goes through the
//! built binary. Nothing is asserted: the machine's load is in every figure.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use codebeaker::bench::stats::median;
use codebeaker::bench::{Change, Report, Series, Suite, Verdict, store};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const BINARY: &str = env!("CARGO_BIN_EXE_codebeaker");
/// How long the program works, in milliseconds.
const WORK: f64 = 10.0;
/// What is injected, as a share of the whole time.
const SLOWDOWN: f64 = 0.3;
const HELLO: &str = "console.log(\"hello\");\n";

fn busy(ms: f64) -> String {
    format!(
        "const end = performance.now() + {ms};\nwhile (performance.now() < end);\nconsole.log(\"done\");\n"
    )
}

/// Measures with the binary and reads what it wrote.
fn bench(directory: &Path, args: &[&str]) -> Report {
    let file = directory.join("result.json");
    let mut command = Command::new(BINARY);
    command.arg("bench").args(args).arg("--runtimes").arg("bun").arg("-o").arg(&file);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    store::read(&file).unwrap()
}

fn series<'a>(report: &'a Report, suite: Suite, case: &str) -> &'a Series {
    report.series.iter().find(|series| series.suite == suite && series.case == case).unwrap()
}

/// How often each verdict was given.
fn verdicts(name: &str, repeats: usize, mut once: impl FnMut(usize) -> Change) {
    let (mut words, mut changes) = (Vec::new(), Vec::new());
    for number in 0..repeats {
        let change = once(number);
        changes.push(change.change);
        words.push(change.verdict);
    }
    let count = |verdict| words.iter().filter(|word| **word == verdict).count();
    println!(
        "{name:<28} slower {:>2}  faster {:>2}  no change {:>2}  cannot tell {:>2}   changes {:+.1} % to {:+.1} %",
        count(Verdict::Slower),
        count(Verdict::Faster),
        count(Verdict::NoChange),
        count(Verdict::CannotTell),
        changes.iter().copied().fold(f64::INFINITY, f64::min) * 100.0,
        changes.iter().copied().fold(f64::NEG_INFINITY, f64::max) * 100.0,
    );
}

fn judged(directory: &Path, repeats: usize, samples: &str) {
    let (base, slow) = (directory.join("base.js"), directory.join("slow.js"));
    std::fs::write(&base, busy(WORK)).unwrap();
    let file = |path: &Path, seed: usize| {
        let (path, seed) = (path.to_str().unwrap(), seed.to_string());
        bench(directory, &["--file", path, "--samples", samples, "--seed", &seed])
    };
    let between = |before: &Report, after: &Report| {
        let of = |report| series(report, Suite::Code, "warm");
        Change::between(of(before), of(after), after.method.seed, after.noise.drift(&before.noise)).unwrap()
    };
    let whole = median(&series(&file(&base, 0), Suite::Code, "warm").samples).unwrap();
    println!(
        "{samples} samples of a program that works {WORK} ms, {whole:.1} ms in all, on Bun; {repeats} repeats"
    );
    std::fs::write(&slow, busy(WORK + SLOWDOWN * whole)).unwrap();
    verdicts("the same twice", repeats, |seed| between(&file(&base, seed), &file(&base, seed + 1)));
    verdicts("30 % slower", repeats, |seed| between(&file(&base, seed), &file(&slow, seed + 1)));
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A client of another make than the one that is measured with.
struct Outside {
    socket: Socket,
    id: u64,
}

impl Outside {
    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params });
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        loop {
            let message = self.socket.next().await.unwrap().unwrap();
            let answer: Value = match message.to_text().map(serde_json::from_str) {
                Ok(Ok(answer)) => answer,
                _ => continue,
            };
            if answer["id"] == self.id {
                assert!(answer["error"].is_null(), "{answer}");
                return answer["result"].clone();
            }
        }
    }

    async fn create(&mut self) -> String {
        let made =
            self.call("session.create", json!({ "language": "javascript", "runtimeType": "Bun" })).await;
        made["sessionId"].as_str().unwrap().to_owned()
    }

    async fn hello(&mut self, session: &str) {
        let command = json!({ "type": "execute_code", "code": HELLO });
        let result = self.call("session.execute", json!({ "sessionId": session, "command": command })).await;
        assert_eq!(result["success"], true, "{result}");
    }

    async fn close(&mut self, session: &str) {
        self.call("session.close", json!({ "sessionId": session })).await;
    }
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn agree(name: &str, inside: &[f64], outside: &[f64]) {
    let (inside, outside) = (median(inside).unwrap(), median(outside).unwrap());
    println!("{name:<28} bench {inside:>7.2} ms  outside {outside:>7.2} ms  ratio {:.3}", inside / outside);
}

/// The same work on a server, measured by `bench --attach` and by a client that knows nothing of it, in turn.
async fn over_a_server(directory: &Path, rounds: usize) {
    let mut child = Command::new(BINARY);
    child
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = lines
        .find_map(|line| {
            let (_, rest) = line.as_ref().unwrap().split_once("ws://")?;
            Some(format!("ws://{}/ws/jsonrpc", rest.split(['/', ' ']).next().unwrap()))
        })
        .unwrap();
    let _server = Ended(child);
    std::thread::spawn(move || lines.for_each(drop));
    let (socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let mut client = Outside { socket, id: 0 };
    let (mut shots, mut reruns, mut shots_outside, mut reruns_outside) = (vec![], vec![], vec![], vec![]);
    for round in 0..rounds {
        let report = bench(
            directory,
            &["oneshot", "rerun", "--attach", &url, "-n", "20", "--seed", &round.to_string()],
        );
        shots.extend_from_slice(&series(&report, Suite::Oneshot, "whole").samples);
        reruns.extend_from_slice(&series(&report, Suite::Rerun, "rerun").samples);
        for _ in 0..20 {
            let begun = Instant::now();
            let session = client.create().await;
            client.hello(&session).await;
            client.close(&session).await;
            shots_outside.push(begun.elapsed().as_secs_f64() * 1e3);
            // The sandbox is gone a few milliseconds after the answer.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let session = client.create().await;
        for number in 0..22 {
            // A program is asked for when the session has had a moment.
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            let begun = Instant::now();
            client.hello(&session).await;
            if number > 1 {
                reruns_outside.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        client.close(&session).await;
    }
    agree("one-shot, over a server", &shots, &shots_outside);
    agree("re-run, over a server", &reruns, &reruns_outside);
}

/// A whole process that runs a program once, against what the benchmark says of its cold run.
fn whole_process(directory: &Path, rounds: usize) {
    let file = directory.join("long.js");
    std::fs::write(&file, busy(500.0)).unwrap();
    let path = file.to_str().unwrap();
    let (mut inside, mut outside) = (vec![], vec![]);
    for round in 0..rounds {
        let report = bench(directory, &["--file", path, "-n", "5", "--seed", &round.to_string()]);
        inside.extend_from_slice(&series(&report, Suite::Code, "cold").samples);
        for _ in 0..5 {
            let begun = Instant::now();
            let status = Command::new(BINARY)
                .args(["run", path, "--runtime", "bun"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .status();
            assert!(status.unwrap().success());
            outside.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    agree("cold run, whole process", &inside, &outside);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let repeats: usize = numbers.next().unwrap_or(20);
    let samples = numbers.next().unwrap_or(50).to_string();
    let directory = tempfile::tempdir().unwrap();
    whole_process(directory.path(), 4);
    over_a_server(directory.path(), 4).await;
    judged(directory.path(), repeats, &samples);
}
