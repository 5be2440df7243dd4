//! Somebody at a real terminal, with the built binary in it.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use pty_process::{Command, OwnedReadPty, OwnedWritePty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Long enough for a loaded machine; nothing waits for it but a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

fn cells(n: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(n).unwrap()
}

/// The workbench in a terminal of its own.
pub struct Person {
    pub read: OwnedReadPty,
    pub write: OwnedWritePty,
    pub screen: vt100::Parser,
    /// Every byte that came.
    pub bytes: Vec<u8>,
    pub child: tokio::process::Child,
    pub home: tempfile::TempDir,
    pub first_frame: Option<Duration>,
    pub started: Instant,
}

impl Person {
    /// Opens the workbench with `args` in a home of its own; runtimes are found in `path` alone.
    pub fn open(rows: u16, cols: u16, args: &[&str], path: &str) -> Self {
        Self::start(rows, cols, env!("CARGO_BIN_EXE_codebeaker"), args, path)
    }

    /// Starts a program that opens the workbench.
    pub fn start(rows: u16, cols: u16, program: &str, args: &[&str], path: &str) -> Self {
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
            // What is counted at rest is the workbench alone.
            .env("CODEBEAKER_CALIBRATE", "0")
            .envs((path == "/nonexistent").then_some(("DOCKER_HOST", "unix:///nonexistent/docker.sock")))
            .current_dir(home.path())
            .kill_on_drop(true)
            .spawn(pts)
            .unwrap();
        let (read, write) = pty.into_split();
        let screen = vt100::Parser::new(cells(rows), cells(cols), 0);
        Self { read, write, screen, bytes: Vec::new(), child, home, first_frame: None, started }
    }

    pub async fn read_some(&mut self) -> bool {
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

    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows `what`.
    pub async fn sees(&mut self, what: &str) {
        self.sees_that(what, |text| text.contains(what)).await;
    }

    pub async fn sees_that(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !is_so(&self.text()) {
            let read = tokio::time::timeout_at(until, self.read_some()).await;
            assert!(matches!(read, Ok(true)), "never saw {what:?} on:\n{}", self.text());
        }
    }

    pub async fn types(&mut self, keys: &str) {
        self.write.write_all(keys.as_bytes()).await.unwrap();
    }

    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.write.resize(Size::new(rows, cols)).unwrap();
        self.screen.screen_mut().set_size(cells(rows), cells(cols));
    }

    /// Waits for the end; the terminal must then be as it was.
    pub async fn leaves(&mut self) -> ExitStatus {
        while matches!(tokio::time::timeout(PATIENCE, self.read_some()).await, Ok(true)) {}
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it is still open:\n{}", self.text())).unwrap();
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is still on");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        let sessions = self.home.path().join(".local/state/codebeaker/sessions");
        let left: Vec<PathBuf> = {
            // Whoever works elsewhere has no engine of his own.
            let entries = std::fs::read_dir(sessions).into_iter().flatten().flatten();
            entries.map(|e| e.path()).collect()
        };
        assert!(left.is_empty(), "left behind: {left:?}");
        status
    }

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap()
    }

    /// Threads' voluntary waits so far: each is at least one wake-up.
    pub fn switches(&self) -> u64 {
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
pub fn path() -> Option<String> {
    let found = python().ok_or_else(|| "there is no python3".to_owned());
    super::require("python", found.as_ref().map(drop).map_err(Clone::clone)).then(|| found.unwrap())
}
