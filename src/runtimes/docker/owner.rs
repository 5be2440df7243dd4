//! Whose a container is: every one of ours says by its labels which process made it, so that those of a process that
//! is gone can be told from those of one that lives.

use std::collections::HashMap;
use std::fs;

use sha2::{Digest, Sha256};

/// The label with the process that made a container.
pub const OWNER: &str = "codebeaker.owner";
/// The label with the engine of that process.
pub const INSTANCE: &str = "codebeaker.instance";
/// The label with what a container is for.
pub const ROLE: &str = "codebeaker.role";

/// A process that makes containers: `machine:boot:namespace:pid:begun`. Numbers of processes are given again, and mean
/// nothing elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    machine: String,
    boot: String,
    namespace: String,
    pid: u32,
    begun: u64,
}

/// What is known of a maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It lives.
    Alive,
    /// It is gone: what it made is nobody's.
    Gone,
    /// It was before this start of a machine that looks like this one: gone, if it is this one.
    Before,
    /// It is on another machine, or out of sight: nothing is known of it.
    Unknown,
}

impl Owner {
    /// This process.
    pub fn ourselves() -> Self {
        let pid = std::process::id();
        Self {
            machine: machine(),
            boot: first_line("/proc/sys/kernel/random/boot_id"),
            namespace: fs::read_link("/proc/self/ns/pid").unwrap_or_default().display().to_string(),
            pid,
            // 0 is not known.
            begun: if let Process::Began(at) = process(pid) { at } else { 0 },
        }
    }

    /// As the label has it.
    pub fn label(&self) -> String {
        let namespace: String = self.namespace.chars().filter(char::is_ascii_digit).collect();
        format!("{}:{}:{namespace}:{}:{}", self.machine, self.boot, self.pid, self.begun)
    }

    /// What is known of the process that a label names. What is no label of ours is unknown.
    pub fn life(&self, label: &str) -> Life {
        let own = self.label();
        let own: Vec<&str> = own.split(':').collect();
        let parts: Vec<&str> = label.split(':').collect();
        let ([machine, boot, namespace, ..], [m, b, n, pid, started]) = (&own[..], &parts[..]) else {
            return Life::Unknown;
        };
        let (Ok(pid), Ok(started)) = (pid.parse::<u32>(), started.parse::<u64>()) else {
            return Life::Unknown;
        };
        if m != machine {
            Life::Unknown
        } else if b != boot {
            // It did not outlive the restart of its machine.
            Life::Before
        } else if n != namespace || started == 0 {
            Life::Unknown
        } else {
            match process(pid) {
                Process::Began(at) if at == started => Life::Alive,
                Process::Began(_) | Process::Ended => Life::Gone,
                Process::Hidden => Life::Unknown,
            }
        }
    }

    /// The labels of a container of ours.
    pub fn labels(&self, instance: &str, role: &str) -> HashMap<String, String> {
        [(OWNER, self.label()), (INSTANCE, instance.to_owned()), (ROLE, role.to_owned())]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }
}

/// This machine, not by its own name for itself, which is nobody else's business.
fn machine() -> String {
    let id = first_line("/etc/machine-id");
    let host = first_line("/proc/sys/kernel/hostname");
    let sum = Sha256::digest(format!("codebeaker {id} {host}").as_bytes());
    sum.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned()
}

/// What there is behind a process's number.
enum Process {
    /// One that began so many ticks after the machine's start.
    Began(u64),
    /// None, or one that has ended and that nobody has waited for yet.
    Ended,
    /// One that we may know nothing of: somebody else's.
    Hidden,
}

fn process(pid: u32) -> Process {
    use rustix::process::{Pid, test_kill_process};
    let began = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| {
        // The name stands in parentheses and may hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?;
        let at = fields.nth(18)?.parse().ok()?;
        Some(if matches!(state, "Z" | "X") { Process::Ended } else { Process::Began(at) })
    });
    // Where others' processes are hidden, not to see one says nothing.
    let signalled = || i32::try_from(pid).ok().and_then(Pid::from_raw).map(test_kill_process);
    began.unwrap_or_else(|| match signalled() {
        Some(Err(rustix::io::Errno::SRCH)) | None => Process::Ended,
        _ => Process::Hidden,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maker_is_known_by_machine_boot_and_process() {
        let us = Owner::ourselves();
        assert_eq!(us.life(&us.label()), Life::Alive);
        let other = |change: &dyn Fn(&mut Owner)| {
            let mut other = us.clone();
            change(&mut other);
            us.life(&other.label())
        };
        assert_eq!(other(&|o| o.begun += 1), Life::Gone);
        assert_eq!(other(&|o| o.pid = u32::MAX / 2), Life::Gone);
        assert_eq!(other(&|o| o.boot = "before".into()), Life::Before);
        assert_eq!(other(&|o| o.begun = 0), Life::Unknown);
        assert_eq!(other(&|o| o.machine = "elsewhere".into()), Life::Unknown);
        assert_eq!(other(&|o| o.namespace = "pid:[1]".into()), Life::Unknown);
        for garbage in ["", "a:b", "a:b:c:d:e:f", ":::::"] {
            assert_eq!(us.life(garbage), Life::Unknown, "{garbage}");
        }
    }

    #[test]
    fn a_process_that_nobody_has_waited_for_yet_is_gone() {
        let mut child =
            std::process::Command::new("/bin/cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let Process::Began(begun) = process(child.id()) else { panic!("it runs") };
        let us = Owner::ourselves();
        let its = Owner { pid: child.id(), begun, ..us.clone() }.label();
        assert_eq!(us.life(&its), Life::Alive);
        drop(child.stdin.take());
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while us.life(&its) != Life::Gone {
            assert!(std::time::Instant::now() < until);
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(us.life(&its), Life::Gone);
    }
}
