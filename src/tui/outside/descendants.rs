//! The processes that one has started, and those that they have. An editor is often behind a shell or a script.

use rustix::process::{Pid, Signal};

/// All of them that are there now; none where the system doesn't tell.
pub(super) fn of(pid: u32) -> Vec<Pid> {
    let Some(root) = Pid::from_raw(pid.cast_signed()) else { return Vec::new() };
    let all: Vec<(Pid, Pid)> = all();
    let mut found = vec![root];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(all.iter().filter(|(pid, of)| *of == parent && *pid != root).map(|(pid, _)| *pid));
        at += 1;
    }
    found.split_off(1)
}

/// Sends a signal to those that are still there.
pub(super) fn signal(pids: &[Pid], signal: Signal) {
    for pid in pids.iter().filter(|pid| is_alive(**pid)) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(*pid, signal);
    }
}

/// Whether a process is there, and not only waits for its parent to learn of its end.
pub(super) fn is_alive(pid: Pid) -> bool {
    stat(&pid.as_raw_nonzero().to_string()).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// Every process with its parent.
fn all() -> Vec<(Pid, Pid)> {
    let names = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let pids = names.filter_map(|name| Some((Pid::from_raw(name.parse().ok()?)?, stat(&name)?.1?)));
    pids.collect()
}

/// The state of a process, and its parent.
fn stat(pid: &str) -> Option<(char, Option<Pid>)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Its name stands in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, Pid::from_raw(fields.next()?.parse().ok()?)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn those_behind_a_shell_are_found_and_ended() {
        let mut shell = Command::new("sh")
            .args(["-c", "(sh -c 'echo ready; read x; true'; true); true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let found = of(shell.id());
        assert!(!found.is_empty() && found.iter().all(|pid| is_alive(*pid)));
        signal(&found, Signal::KILL);
        shell.wait().unwrap();
    }
}
