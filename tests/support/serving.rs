//! `codebeaker serve` as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::home::{NO_DOCKER, codebeaker};

/// A server that runs until this goes.
pub struct Serving {
    child: Child,
    port: u16,
}

impl Serving {
    /// Starts one in this home, on a port of its own; it listens when this returns.
    pub fn start(home: &TempDir, args: &[&str]) -> Self {
        Self::at(home, 0, args)
    }

    pub fn at(home: &TempDir, port: u16, args: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let mut command = codebeaker(home, &[&["serve", "--listen", &listen], args].concat());
        command.env(NO_DOCKER.0, NO_DOCKER.1).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut all = String::new();
        let port = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "it does not serve: {all}");
            all.push_str(&line);
            let address = line.split_once("://").filter(|_| line.contains("serving at"));
            if let Some((_, address)) = address {
                let authority = address.split('/').next().unwrap();
                break authority.rsplit_once(':').unwrap().1.parse().unwrap();
            }
        };
        // What it says later is read, so that it never waits for that.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { child, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("ws://localhost:{}", self.port)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it without a word.
    pub fn kill(mut self) {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}
