//! Without namespaces: what a session's programs have left behind when its agent is gone. All of it comes to the
//! launcher, which is a subreaper.
#![allow(unsafe_code)]

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

use super::identity::{self, Identity};

/// How long the killed may take to go.
const TIME: Duration = Duration::from_secs(2);

/// Ends and reaps everything that has come to this process, and what comes to it meanwhile.
pub fn end(identity: &Identity) {
    let until = Instant::now() + TIME;
    while Instant::now() < until {
        if let Identity::Own { programs, .. } = *identity {
            kill_user(programs);
        }
        for child in children() {
            let _ = rustix::process::kill_process_group(child, Signal::KILL);
            let _ = rustix::process::kill_process(child, Signal::KILL);
        }
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            // No children left.
            Err(_) => return,
        }
    }
}

fn children() -> Vec<Pid> {
    let me = std::process::id();
    let listed = fs::read_to_string(format!("/proc/{me}/task/{me}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Kills everything of a user that is only this session's: only one who has become that user can't hit anybody else.
fn kill_user(number: u32) {
    // SAFETY: a single thread, so the child's memory is consistent.
    match unsafe { libc::fork() } {
        0 => {
            if identity::become_user(number).is_ok() {
                // SAFETY: takes no pointers; this process has no rights over any other user's.
                unsafe { libc::kill(-1, libc::SIGKILL) };
            }
            // SAFETY: ends this process without running anything that belongs to its parent.
            unsafe { libc::_exit(0) }
        }
        // What does not fork is not there; the loop goes on by the list of children.
        pid => {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
            }
        }
    }
}
