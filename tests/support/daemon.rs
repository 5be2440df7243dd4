//! The built server as somebody runs it, in a home of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::home::codebeaker;

/// `codebeaker serve` on a port of its own; ended with this.
pub struct Daemon {
    pub home: TempDir,
    pub child: Child,
    pub address: String,
}

impl Daemon {
    /// Starts one; `args` come after `serve --listen 127.0.0.1:0`.
    pub fn start(args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (child, address) = started(&home, &[&["serve", "--listen", "127.0.0.1:0"], args].concat());
        Self { home, child, address }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/ws/jsonrpc", self.address)
    }

    /// How many sessions it has, as the command line tells it.
    pub fn sessions(&self) -> u64 {
        let mut list = codebeaker(&self.home, &["sessions", "list", "--json", "--attach", &self.url()]);
        let output = list.output().unwrap();
        let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        listed["count"].as_u64().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server, and waits until it says where it listens. What it says later is read and dropped.
pub fn started(home: &TempDir, args: &[&str]) -> (Child, String) {
    let mut child = codebeaker(home, args).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut all = String::new();
    let address = loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended: {all}");
        all += &line;
        if let Some((_, rest)) = line.split_once("://") {
            break rest.split('/').next().unwrap().to_owned();
        }
    };
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    (child, address)
}

/// Runs a command that reads `input`.
pub fn fed(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // What it writes meanwhile is read below.
    let feeding = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = feeding.join().unwrap();
    output
}
