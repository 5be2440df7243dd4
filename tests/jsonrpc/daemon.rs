//! The built binary as a server, watched from outside.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::home::{NO_DOCKER, codebeaker, within};
use crate::support::native::{self, PATIENCE};
use crate::support::raw::Raw;

/// A server of its own process, in a home of its own.
pub struct Daemon {
    pub home: TempDir,
    child: Child,
    pub address: SocketAddr,
    /// What it has said on standard error.
    said: Arc<Mutex<String>>,
}

impl Daemon {
    pub fn start(args: &[&str]) -> Self {
        Self::with(args, |_| {})
    }

    pub fn with(args: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = codebeaker(&home, &["serve", "--listen", "127.0.0.1:0"]);
        command.args(args).env(NO_DOCKER.0, NO_DOCKER.1);
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let said = Arc::<Mutex<String>>::default();
        let (stderr, heard) = (BufReader::new(child.stderr.take().unwrap()), said.clone());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                heard.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut address = None;
        within(PATIENCE, "it says where it serves", || {
            let said = said.lock().unwrap();
            let rest = said.split_once("://").and_then(|(_, rest)| rest.split_once("/ws/jsonrpc"));
            address = rest.map(|(address, _)| address.parse().unwrap());
            address.is_some()
        });
        Self { home, child, address: address.unwrap(), said }
    }

    pub async fn raw(&self) -> Raw {
        Raw::connect(self.address).await
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Resident memory in kB, now or at its peak (`VmRSS`, `VmHWM`).
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Waits until it has no more descriptors than this.
    pub fn has_at_most(&self, descriptors: usize) {
        within(PATIENCE, &format!("{} descriptors, not {descriptors}", self.descriptors()), || {
            self.descriptors() <= descriptors
        });
    }

    /// Where its sessions have their directories.
    pub fn sessions(&self) -> PathBuf {
        self.home.path().join("xdg_state_home/codebeaker/sessions")
    }

    /// Waits for its end: the exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        within(PATIENCE, "the server ends", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().code()
    }

    /// That nothing of its sessions is left: neither processes nor directories.
    pub fn nothing_left(&self) {
        let left: Vec<_> = std::fs::read_dir(self.sessions()).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        within(Duration::from_secs(5), "its processes are gone", || {
            native::processes(self.home.path()).is_empty()
        });
    }

    /// Ends it as a service manager does.
    pub fn end(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.ended(), Some(0), "{}", self.said());
        self.nothing_left();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
