//! The built binary as somebody runs it, in a home of its own.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::native::{PATIENCE, binary, data_dir};

/// The built binary, in a home of its own.
pub fn codebeaker(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args);
    at_home(home, command)
}

/// Where no Docker Engine is, for tests of what is told and chosen without one.
pub const NO_DOCKER: (&str, &str) = ("DOCKER_HOST", "unix:///nonexistent/docker.sock");

/// A command in such a home.
pub fn at_home(home: &TempDir, mut command: Command) -> Command {
    let data = home.path().join("data/codebeaker");
    if !data.exists() {
        std::fs::create_dir_all(data_dir()).unwrap();
        std::fs::create_dir(home.path().join("data")).unwrap();
        std::os::unix::fs::symlink(data_dir(), data).unwrap();
    }
    command.env_clear().current_dir(home.path()).stdin(Stdio::null());
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env(name, home.path().join(name.to_lowercase()));
    }
    command.env("XDG_DATA_HOME", home.path().join("data")).env("PATH", std::env::var_os("PATH").unwrap());
    command.env("CANARY_SECRET", "a-secret-of-the-engine");
    // Nothing of what is counted is to be of runtimes that are measured in the background.
    command.env("CODEBEAKER_CALIBRATE", "0");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits for something that can only be looked at, so long and no longer.
#[track_caller]
pub fn within(time: Duration, what: &str, mut there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !there() {
        assert!(begin.elapsed() < time, "not within {time:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the end, with both outputs.
pub fn finished(mut child: Child) -> (Option<i32>, String, String) {
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text);
        text
    });
    let pid = Pid::from_child(&child);
    let (send, ended) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    let code = child.wait().unwrap().code();
    drop(send);
    watch.join().unwrap();
    (code, text, errors.join().unwrap())
}
