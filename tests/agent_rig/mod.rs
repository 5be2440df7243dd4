//! The real agent, started as a launcher would start it, for the tests of what it does.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use codebeaker::agent::wire::{Confinement, Exit, Start};
use codebeaker::agent::{Agent, AgentError, Process, ProcessEvent};
use rustix::fs::MemfdFlags;

/// Longer than anything here takes on a slow and busy machine: a hang becomes a failure.
pub const LONG: Duration = Duration::from_secs(60);

/// Nobody in particular, for what root may and an ordinary user may not.
pub const NOBODY: u32 = 65534;

/// What `future` gives; a failure where it hangs.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("this must not take so long")
}

/// Waits for something of which the kernel tells nobody.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "it never came to be: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The path under which this process can execute the agent's program.
fn program() -> String {
    static PROGRAM: OnceLock<OwnedFd> = OnceLock::new();
    let fd = PROGRAM.get_or_init(|| {
        let mut file = File::from(rustix::fs::memfd_create("agent-under-test", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(codebeaker::agent::PROGRAM).unwrap();
        file.into()
    });
    format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd())
}

/// An agent's process with the other end of its stream.
pub fn spawn(command: &mut Command) -> (Child, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (child, ours)
}

/// The agent's program, to be executed as it is.
pub fn plain() -> Command {
    let mut command = Command::new(program());
    command.arg0("agent-under-test");
    command
}

/// The agent's program after `preparation` in a shell, such as a limit or an ignored signal.
pub fn prepared(preparation: &str) -> Command {
    let mut command = Command::new("/bin/bash");
    command.args(["-c", &format!("{preparation}; exec {}", program())]);
    command
}

/// An agent, its process, and its workspace.
pub struct Rig {
    pub agent: Agent,
    pub child: Child,
    pub directory: tempfile::TempDir,
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(&mut plain()).await
    }

    pub async fn with(command: &mut Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::over(command, directory).await
    }

    /// One whose workspace is in memory, where there is such a place: how long things take does not hang on a disk.
    pub async fn in_memory() -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self::over(&mut plain(), directory).await
    }

    /// One whose agent runs as an ordinary user; `None` where the test itself is one, and any will do.
    pub async fn ordinary() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = plain();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            // Nobody may not look into this process, so the program goes through a descriptor of the new one.
            let own = program().replace(&std::process::id().to_string(), "self");
            command = Command::new(own);
            command.arg0("agent-under-test").uid(NOBODY).gid(NOBODY);
        }
        Self::over(&mut command, directory).await
    }

    async fn over(command: &mut Command, directory: tempfile::TempDir) -> Self {
        let (child, stream) = spawn(command);
        let agent = soon(Agent::connect(
            tokio_stream(stream),
            directory.path().as_os_str().as_bytes(),
            Confinement::default(),
        ));
        let agent = agent.await.unwrap();
        Self { agent, child, directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Runs a shell's script to its end.
    pub async fn sh(&self, script: &str) -> Ended {
        self.run(shell(script)).await
    }

    pub async fn run(&self, start: Start) -> Ended {
        let (mut process, control) = soon(self.agent.start(start)).await.unwrap();
        let ended = soon(follow(&mut process)).await.unwrap();
        drop(control);
        ended
    }

    /// Closes the stream and waits for the agent's own end.
    pub async fn end(mut self) {
        self.agent.close();
        ended(&mut self.child).await;
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // A test that failed leaves no agent behind either.
        self.agent.close();
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Where a test failed its tree may be deeper than `TempDir` can delete.
        let _ = codebeaker::agent::remove_tree(self.directory.path());
    }
}

/// Waits until a process has ended.
pub async fn ended(child: &mut Child) {
    until("the agent has ended", || child.try_wait().unwrap().is_some()).await;
}

pub fn tokio_stream(stream: UnixStream) -> tokio::net::UnixStream {
    stream.set_nonblocking(true).unwrap();
    tokio::net::UnixStream::from_std(stream).unwrap()
}

/// A program with a usual environment.
pub fn start<A: AsRef<[u8]>>(argv: &[A]) -> Start {
    Start {
        argv: argv.iter().map(|a| a.as_ref().to_vec()).collect(),
        env: vec![b"PATH=/usr/local/bin:/usr/bin:/bin".to_vec(), b"LC_ALL=C".to_vec()],
        ..Start::default()
    }
}

/// A shell's script.
pub fn shell(script: &str) -> Start {
    start(&["sh", "-c", script])
}

/// A program that has ended, with all it wrote.
#[derive(Debug)]
pub struct Ended {
    pub out: Vec<u8>,
    pub err: Vec<u8>,
    pub exit: Exit,
}

impl Ended {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).replace("\r\n", "\n").trim().to_owned()
    }
}

/// Follows a program to its end. Its start comes first, its end last.
pub async fn follow(process: &mut Process) -> Result<Ended, AgentError> {
    assert_eq!(process.next().await?, ProcessEvent::Started, "a start comes first");
    rest(process).await
}

/// Follows a program that has started to its end.
pub async fn rest(process: &mut Process) -> Result<Ended, AgentError> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        match process.next().await? {
            ProcessEvent::Started => panic!("started twice"),
            ProcessEvent::Stdout(data) => out.extend_from_slice(&data),
            ProcessEvent::Stderr(data) => err.extend_from_slice(&data),
            ProcessEvent::Exited(exit) => return Ok(Ended { out, err, exit }),
        }
    }
}

/// Reads standard output until it holds `text`.
pub async fn output_with(process: &mut Process, text: &str) -> String {
    let mut out = Vec::new();
    soon(async {
        while !String::from_utf8_lossy(&out).contains(text) {
            match process.next().await.unwrap() {
                ProcessEvent::Stdout(data) => out.extend_from_slice(&data),
                ProcessEvent::Exited(exit) => {
                    panic!("ended with {exit:?} after {:?}", String::from_utf8_lossy(&out))
                }
                _ => {}
            }
        }
    })
    .await;
    String::from_utf8_lossy(&out).into_owned()
}

/// A number of seconds to sleep that no other process on this machine sleeps: it is found by its arguments.
pub fn marker() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}{:05}{:04}", 1, std::process::id() % 100_000, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The processes of which an argument is `marker`.
pub fn marked(marker: &str) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|&b| b == 0).any(|argument| argument == marker.as_bytes())
        })
        .collect()
}

/// A field of `/proc/PID/status`, without its unit.
pub fn status(pid: i32, field: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().trim_end_matches(" kB").to_owned())
}

/// The peak resident memory of a process, in bytes.
pub fn peak(pid: i32) -> u64 {
    status(pid, "VmHWM").unwrap().parse::<u64>().unwrap() * 1024
}

/// The children of a process with their states.
pub fn children(pid: i32) -> Vec<(i32, String)> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pids = listed.split_whitespace().filter_map(|p| p.parse().ok());
    pids.filter_map(|child| Some((child, status(child, "State")?))).collect()
}

/// The open descriptors of a process; an error where only root may know.
pub fn descriptors(pid: i32) -> Result<usize, String> {
    let listed = std::fs::read_dir(format!("/proc/{pid}/fd"));
    listed.map(Iterator::count).map_err(|e| format!("the agent's descriptors can't be counted: {e}"))
}

pub fn kill(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}
