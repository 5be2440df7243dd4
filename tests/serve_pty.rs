//! The built binary against the built server: the workbench in a real terminal over a link that is lost and comes back,
//! `run` and `sessions` as people and scripts use them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::daemon::{Daemon, fed, started};
use support::home::{codebeaker, finished, within};
use support::native::PATIENCE;
use support::person::{Person, path};
use support::proxy::{Cut, Proxy};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

/// Whether there is a Python to run.
fn python() -> bool {
    path().is_some()
}

impl Daemon {
    fn verb(&self, args: &[&str]) -> std::process::Command {
        let url = self.url();
        let mut command = codebeaker(&self.home, args);
        command.env("CODEBEAKER_URL", url);
        command
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn the_workbench_outlives_its_server() {
    let Some(path) = path() else { return };
    let home = tempfile::tempdir().unwrap();
    let (mut server, address) = started(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{address}");
    let mut person = Person::open(36, 120, &["attach", &url, "hello.py"], &path);
    person.sees("hello.py").await;
    person.types("print('hello from', 6 * 7)").await;
    person.sees("print('hello from', 6 * 7)").await;
    person.types("\x1b[15~").await;
    person.sees("hello from 42").await;
    person.sees("✓ ok  exit 0").await;
    // The server goes without a word.
    server.kill().unwrap();
    server.wait().unwrap();
    let begin = Instant::now();
    person.sees("link down").await;
    println!("the screen says so after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(50), "{:?}", begin.elapsed());
    // Keys go on to edit.
    person.types("\rprint('still here', 7 * 7)").await;
    person.sees("print('still here', 7 * 7)").await;
    // It is tried more rarely by then than every two seconds: what finds it soon is the knocking.
    person.sees("try 3").await;
    let (mut server, again) = started(&home, &["serve", "--listen", &address]);
    let begin = Instant::now();
    assert_eq!(again, address);
    person.sees_that("the link is back", |text| !text.contains("link down")).await;
    println!("the link is back {:?} after the server listens", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(50), "{:?}", begin.elapsed());
    // The sessions that are there now have been asked for.
    person.sees("no session yet").await;
    person.types("\x1b[15~").await;
    person.sees("still here 49").await;
    person.types("\x11").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_run_passes_input_output_and_exit_code_and_leaves_nothing() {
    if !python() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let text = "import sys\nfor line in sys.stdin.buffer:\n    sys.stdout.buffer.write(line.upper())\n\
                print('done', len(sys.argv), file=sys.stderr)\nsys.exit(5)";
    let file = daemon.file("upper.py", text);
    let input: Vec<u8> = (0..20_000).flat_map(|i| format!("line {i} é\n").into_bytes()).collect();
    let input = [&input[..], b"\xff\xfe\n"].concat();
    let output = fed(daemon.verb(&["run", &file, "--", "a", "b"]), &input);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{err}");
    assert!(err.contains("done 3"), "{err}");
    assert!(output.stdout == input.to_ascii_uppercase(), "{} bytes of {}", output.stdout.len(), input.len());
    assert_eq!(daemon.sessions(), 0);
}

#[test]
fn a_run_is_stopped_by_ctrl_c_and_leaves_nothing() {
    if !python() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let file = daemon.file("wait.py", "print('on', flush=True)\nimport time\ntime.sleep(1000)");
    let mut child = daemon.verb(&["run", &file]).spawn().unwrap();
    let mut on = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut on).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let (code, _, err) = finished(child);
    assert_eq!(code, Some(130), "{err}");
    assert!(err.contains("KeyboardInterrupt"), "{err}");
    assert_eq!(daemon.sessions(), 0);
}

/// Ctrl-C at any moment of the beginning.
#[test]
fn a_run_that_is_stopped_early_leaves_no_session() {
    if !python() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let file = daemon.file("wait.py", "import time\ntime.sleep(1000)");
    // When signals are listened to is seen in the mask of those that are caught.
    let catches = |pid: Pid| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & 2 != 0
    };
    for delay in (0..160).step_by(10) {
        let child = daemon.verb(&["run", &file]).spawn().unwrap();
        let pid = Pid::from_child(&child);
        within(PATIENCE, "it listens to signals", || catches(pid));
        // This is the measurement itself: a signal so much later.
        std::thread::sleep(Duration::from_millis(delay));
        kill_process(pid, Signal::INT).unwrap();
        let (code, _, err) = finished(child);
        // Python exits with 1 where it is interrupted before it is quite there.
        let stopped = code == Some(130) || code == Some(1) && err.contains("KeyboardInterrupt");
        assert!(stopped, "after {delay} ms: {code:?} {err}");
        assert_eq!(daemon.sessions(), 0, "after {delay} ms: {err}");
    }
}

/// A server that doesn't answer keeps nobody.
#[test]
fn a_run_that_waits_for_its_server_is_stopped_by_ctrl_c() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("x.py");
    std::fs::write(&file, "print(1)").unwrap();
    let url = format!("ws://{}", silent.local_addr().unwrap());
    for verb in
        [vec!["run", "--attach", &url, file.to_str().unwrap()], vec!["sessions", "list", "--attach", &url]]
    {
        let child = codebeaker(&home, &verb).spawn().unwrap();
        let (called, _) = silent.accept().unwrap();
        let begin = Instant::now();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let mut child = child;
        within(Duration::from_secs(50), "it ends", || child.try_wait().unwrap().is_some());
        println!("{} ends {:?} after Ctrl-C", verb[0], begin.elapsed());
        drop(called);
    }
}

/// What is typed or piped while the link is down is passed on when it is back.
#[tokio::test]
async fn a_run_over_a_link_that_is_lost_reads_all_of_its_input() {
    if !python() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let proxy = Proxy::to(daemon.address.parse().unwrap()).await;
    let file = daemon.file("cat.py", "import sys\nfor line in sys.stdin: print(line, end='', flush=True)");
    let url = format!("ws://{}", proxy.address);
    let run = codebeaker(&daemon.home, &["run", "--attach", &url, &file]);
    let mut child =
        tokio::process::Command::from(run).stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let (mut echoed, mut said) = (String::new(), String::new());
    stdin.write_all(b"one\n").await.unwrap();
    timely(stdout.read_line(&mut echoed)).await.unwrap();
    proxy.refuse().await;
    proxy.cut(Cut::Reset);
    while !said.contains("is lost") {
        assert!(timely(stderr.read_line(&mut said)).await.unwrap() > 0, "{said}");
    }
    stdin.write_all(b"two\n").await.unwrap();
    within(PATIENCE, "it is read, and can't be sent", || rustix::io::ioctl_fionread(&stdin).unwrap() == 0);
    proxy.admit().await;
    while !said.contains("is back") {
        assert!(timely(stderr.read_line(&mut said)).await.unwrap() > 0, "{said}");
    }
    drop(stdin);
    timely(stdout.read_to_string(&mut echoed)).await.unwrap();
    assert_eq!(
        (echoed.as_str(), timely(child.wait()).await.unwrap().code()),
        ("one\ntwo\n", Some(0)),
        "{said}"
    );
    assert_eq!(daemon.sessions(), 0);
}

/// Who can't reach his program is not kept by it.
#[tokio::test]
async fn a_run_whose_server_is_gone_is_left_by_ctrl_c() {
    if !python() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let proxy = Proxy::to(daemon.address.parse().unwrap()).await;
    let file = daemon.file("wait.py", "print('on', flush=True)\nimport time\ntime.sleep(1000)");
    let url = format!("ws://{}", proxy.address);
    for signals in [&[Signal::INT, Signal::INT][..], &[Signal::TERM]] {
        let run = codebeaker(&daemon.home, &["run", "--attach", &url, &file]);
        let mut child = tokio::process::Command::from(run).kill_on_drop(true).spawn().unwrap();
        let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut on, mut said) = (String::new(), String::new());
        timely(stdout.read_line(&mut on)).await.unwrap();
        proxy.refuse().await;
        proxy.cut(Cut::Reset);
        while !said.contains("is lost") {
            assert!(timely(stderr.read_line(&mut said)).await.unwrap() > 0, "{said}");
        }
        let begin = Instant::now();
        for (number, signal) in signals.iter().enumerate() {
            kill_process(pid, *signal).unwrap();
            while number + 1 < signals.len() && !said.contains("once more") {
                assert!(timely(stderr.read_line(&mut said)).await.unwrap() > 0, "{said}");
            }
        }
        timely(stderr.read_to_string(&mut said)).await.unwrap();
        let code = timely(child.wait()).await.unwrap().code();
        assert_eq!(code, Some(128 + signals[0].as_raw()), "{said}");
        assert!(begin.elapsed() < Duration::from_secs(50), "{:?}", begin.elapsed());
        assert!(said.contains("may still run") && said.contains("may be left there"), "{said}");
        proxy.admit().await;
    }
    let closed = finished(daemon.verb(&["sessions", "close", "--all"]).spawn().unwrap());
    assert_eq!(closed.1.lines().count(), 2, "{closed:?}");
}

#[test]
fn sessions_are_listed_shown_and_closed() {
    if !python() {
        return;
    }
    let daemon = Daemon::start(&[]);
    let json = |args: &[&str]| -> (Option<i32>, Value) {
        let (code, out, err) = finished(daemon.verb(args).spawn().unwrap());
        (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out:?} {err}")))
    };
    let (code, list) = json(&["sessions", "list", "--json"]);
    assert_eq!((code, &list["count"]), (Some(0), &Value::from(0)));
    // A run has a session for as long as it takes.
    let file = daemon.file("wait.py", "print('on', flush=True)\ninput()");
    let mut run = daemon.verb(&["run", &file]).stdin(Stdio::piped()).spawn().unwrap();
    let stdin = run.stdin.take();
    run.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
    let (_, list) = json(&["sessions", "list", "--json"]);
    assert_eq!((&list["count"], &list["sessions"][0]["language"]), (&Value::from(1), &Value::from("python")));
    let id = list["sessions"][0]["sessionId"].as_str().unwrap().to_owned();
    let (code, shown) = json(&["sessions", "show", &id[..8], "--json"]);
    assert_eq!((code, &shown["session"]["sessionId"]), (Some(0), &Value::from(id.as_str())));
    assert!(shown["stats"]["processes"].as_u64().is_some_and(|count| count > 0), "{shown}");
    let (code, problem) = json(&["sessions", "show", "no-such-session", "--json"]);
    assert_eq!((code, &problem["success"]), (Some(125), &Value::from(false)));
    assert!(problem["hint"].as_str().is_some_and(|hint| hint.contains("sessions list")), "{problem}");
    let (code, closed) = json(&["sessions", "close", &id, "--json"]);
    assert_eq!((code, &closed["closed"][0]), (Some(0), &Value::from(id.as_str())));
    // Its run is told.
    let (code, _, err) = finished(run);
    assert!(code.is_some_and(|code| code != 0), "{err}");
    drop(stdin);
    assert_eq!(daemon.sessions(), 0);
    let (code, problem) = json(&["sessions", "close", &id, "--json"]);
    assert_eq!((code, &problem["success"]), (Some(125), &Value::from(false)));
    // For people.
    let (code, out, _) = finished(daemon.verb(&["sessions", "list"]).spawn().unwrap());
    assert_eq!((code, out.as_str()), (Some(0), "no sessions\n"));
}

async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}
