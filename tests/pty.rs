//! The built binary in a real terminal: what a person sees, and that the terminal is given back.
//!
//! The program writes to a pseudo-terminal; a screen emulator reads what it wrote. Waiting is for what shall appear,
//! with an end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use pty_process::{Command, OwnedReadPty, OwnedWritePty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Long enough for a loaded machine; nothing waits for it but a failure.
const PATIENCE: Duration = Duration::from_secs(60);

fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}

/// The workbench in a terminal of its own.
struct Person {
    read: OwnedReadPty,
    write: OwnedWritePty,
    screen: vt100::Parser,
    /// Every byte that came.
    bytes: Vec<u8>,
    child: tokio::process::Child,
    home: tempfile::TempDir,
    first_frame: Option<Duration>,
    started: Instant,
}

impl Person {
    /// Opens the workbench with `args` in a home of its own; runtimes are found in `path` alone.
    fn open(rows: u16, cols: u16, args: &[&str], path: &str) -> Self {
        Self::start(rows, cols, env!("CARGO_BIN_EXE_codebeaker"), args, path)
    }

    /// Starts a program that opens the workbench.
    fn start(rows: u16, cols: u16, program: &str, args: &[&str], path: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (pty, pts) = pty_process::open().unwrap();
        pty.resize(Size::new(rows, cols)).unwrap();
        let started = Instant::now();
        let child = Command::new(program)
            .args(args)
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", path)
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .envs((path == "/nonexistent").then_some(("DOCKER_HOST", "unix:///nonexistent/docker.sock")))
            .current_dir(home.path())
            .kill_on_drop(true)
            .spawn(pts)
            .unwrap();
        let (read, write) = pty.into_split();
        let screen = vt100::Parser::new(cells(rows), cells(cols), 0);
        Self { read, write, screen, bytes: Vec::new(), child, home, first_frame: None, started }
    }

    async fn read_some(&mut self) -> bool {
        let mut buffer = [0; 16384];
        match self.read.read(&mut buffer).await {
            Ok(n) if n > 0 => {
                self.bytes.extend_from_slice(&buffer[..n]);
                self.screen.process(&buffer[..n]);
                if self.first_frame.is_none() && self.text().contains("codebeaker") {
                    self.first_frame = Some(self.started.elapsed());
                }
                true
            }
            // A terminal whose last writer has gone gives EIO.
            _ => false,
        }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows `what`.
    async fn sees(&mut self, what: &str) {
        self.sees_that(what, |text| text.contains(what)).await;
    }

    async fn sees_that(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !is_so(&self.text()) {
            let read = tokio::time::timeout_at(until, self.read_some()).await;
            assert!(matches!(read, Ok(true)), "never saw {what:?} on:\n{}", self.text());
        }
    }

    async fn types(&mut self, keys: &str) {
        self.write.write_all(keys.as_bytes()).await.unwrap();
    }

    fn resize(&mut self, rows: u16, cols: u16) {
        self.write.resize(Size::new(rows, cols)).unwrap();
        self.screen.screen_mut().set_size(cells(rows), cells(cols));
    }

    /// Waits for the end; the terminal must then be as it was.
    async fn leaves(&mut self) -> ExitStatus {
        while matches!(tokio::time::timeout(PATIENCE, self.read_some()).await, Ok(true)) {}
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is still on");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        let sessions = self.home.path().join(".local/state/codebeaker/sessions");
        let left: Vec<PathBuf> = std::fs::read_dir(sessions).unwrap().flatten().map(|e| e.path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        status
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap()
    }

    /// Threads' voluntary waits so far: each is at least one wake-up.
    fn switches(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id().unwrap())).unwrap();
        let count = |path: PathBuf| {
            let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
            let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:")).unwrap_or("0");
            line.trim().parse::<u64>().unwrap()
        };
        tasks.flatten().map(|t| count(t.path())).sum()
    }
}

/// The directory with the host's real python3: not a version manager's script, which needs its own home.
fn python() -> Option<String> {
    let asked =
        std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let path = PathBuf::from(String::from_utf8(asked.ok()?.stdout).ok()?.trim());
    let dir = path.parent()?.to_str()?.to_owned();
    Some(format!("{dir}:/usr/bin:/bin"))
}

/// A PATH with a runtime for the test: python3, which every machine that builds this has.
fn path() -> Option<String> {
    let found = python().ok_or_else(|| "there is no python3".to_owned());
    support::require("python", found.as_ref().map(drop).map_err(Clone::clone)).then(|| found.unwrap())
}

#[tokio::test]
async fn code_is_typed_and_run_and_its_output_is_on_the_screen() {
    let Some(path) = path() else { return };
    let mut person = Person::open(36, 120, &["open", "sum.py"], &path);
    person.sees("sum.py").await;
    println!("first frame after {:?}", person.first_frame.unwrap());
    person.types("total = sum(range(101))\rprint(\"the total is\", total)").await;
    person.sees("print(\"the total is\", total)").await;
    person.types("\x1b[15~").await;
    person.sees("the total is 5050").await;
    person.sees("✓ ok  exit 0").await;
    // The cost is on the screen too.
    person.sees_that("the wall time", |text| text.contains("wall") && text.contains("peak")).await;
    // A smaller terminal shows the same in fewer panes; a tiny one says what it needs.
    person.resize(24, 80);
    person.sees("[3 Editor]").await;
    person.resize(5, 20);
    person.sees("needs").await;
    person.resize(36, 120);
    person.sees("the total is 5050").await;
    person.types("\x11").await;
    person.sees("not saved").await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn an_endless_loop_is_stopped_by_ctrl_c() {
    let Some(path) = path() else { return };
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("loop.py");
    std::fs::write(&file, "print('round and round')\nwhile True:\n    pass\n").unwrap();
    let mut person = Person::open(30, 110, &["open", file.to_str().unwrap()], &path);
    person.sees("while True").await;
    person.types("\x1b[15~").await;
    // The output's own line, not the editor's.
    person.sees_that("the output", |text| text.matches("round and round").count() == 2).await;
    person.types("\x03").await;
    person.sees("KeyboardInterrupt").await;
    person.sees_that("the end", |text| text.contains("exit 130") || text.contains("SIGINT")).await;
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn signals_end_it_and_the_terminal_is_given_back() {
    let Some(path) = path() else { return };
    for (signal, code) in [
        (rustix::process::Signal::TERM, 143),
        (rustix::process::Signal::HUP, 129),
        (rustix::process::Signal::INT, 130),
    ] {
        let mut person = Person::open(24, 80, &[], &path);
        person.sees("Editor").await;
        rustix::process::kill_process(person.pid(), signal).unwrap();
        assert_eq!(person.leaves().await.code(), Some(code), "{signal:?}");
    }
}

#[tokio::test]
async fn nothing_happens_at_rest() {
    let Some(path) = path() else { return };
    let mut person = Person::open(36, 120, &[], &path);
    person.sees("native ✓ ok").await;
    // Docker is tried for a while where it is here.
    person
        .sees_that("what became of Docker", |text| text.contains("docker ✓") || text.contains("docker ✗"))
        .await;
    // Colours and the runtimes' answers come shortly after the first frame; then it is still.
    while tokio::time::timeout(Duration::from_secs(2), person.read_some()).await.is_ok() {}
    let (bytes, switches) = (person.bytes.len(), person.switches());
    // Five seconds in which something could be drawn: this is the measurement itself.
    let drawn = tokio::time::timeout(Duration::from_secs(5), person.read_some()).await;
    assert!(drawn.is_err() && person.bytes.len() == bytes, "something was drawn at rest");
    let woken = person.switches() - switches;
    assert!(woken <= 5, "{woken} wake-ups in 5 s at rest");
    person.types("\x11").await;
    person.leaves().await;
}

#[tokio::test]
async fn nothing_is_drawn_at_rest_after_a_run() {
    let Some(path) = path() else { return };
    // The wide layout: the session's figures are on the screen and asked for every second.
    let mut person = Person::open(36, 120, &["open", "once.py"], &path);
    person.sees("native ✓ ok").await;
    person.types("print(6 * 7)").await;
    person.types("\x1b[15~").await;
    person.sees("✓ ok  exit 0").await;
    person.sees("live 1 s").await;
    while tokio::time::timeout(Duration::from_secs(2), person.read_some()).await.is_ok() {}
    let bytes = person.bytes.len();
    // This is the measurement itself.
    let drawn = tokio::time::timeout(Duration::from_secs(5), person.read_some()).await;
    let what = String::from_utf8_lossy(&person.bytes[bytes..]).into_owned();
    assert!(drawn.is_err() && what.is_empty(), "drawn at rest: {what:?}");
    person.types("\x11\x11").await;
    person.leaves().await;
}

#[tokio::test]
async fn it_goes_back_to_the_shell_and_returns() {
    let Some(path) = path() else { return };
    // With job control, as a person's shell has it.
    let script = "\"$0\"; echo back in the shell; read line; fg >/dev/null; echo left with $?";
    let args = ["-mc", script, env!("CARGO_BIN_EXE_codebeaker")];
    let mut person = Person::start(24, 80, "/bin/sh", &args, &path);
    person.sees("Editor").await;
    person.types("\x1a").await;
    person.sees("back in the shell").await;
    assert!(!person.screen.screen().alternate_screen(), "the shell's screen is not back");
    person.types("\n").await;
    person.sees("Editor").await;
    assert!(person.screen.screen().alternate_screen());
    person.types("\x11").await;
    person.sees("left with 0").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}

#[tokio::test]
async fn without_any_runtime_the_first_run_screen_tells_what_to_do() {
    let mut person = Person::open(36, 120, &[], "/nonexistent");
    person.sees("fetch").await;
    let text = person.text();
    assert!(text.contains("bun") && text.contains("deno"), "{text}");
    assert!(text.contains("no bun on the PATH"), "{text}");
    person.types("\x11").await;
    assert_eq!(person.leaves().await.code(), Some(0));
}
