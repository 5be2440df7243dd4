//! The supervisor: the small process between the agent and each program. All orphans of the program come to it, so
//! that when the program has ended, its time is up, or the agent is gone, nothing of it is left.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::super::sys;
use super::super::wire::Exit;

/// How long the killed may take to go. Longer only if the kernel can't end them.
const KILL_TIME: Duration = Duration::from_secs(5);

/// Bytes of a record that a supervisor writes.
pub const RECORD: usize = 64;

/// What a supervisor tells the agent, in records of [`RECORD`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The program runs, with this process id.
    Started(i32),
    /// It could not be started, for this error number.
    Refused(i32),
    /// It ended, and so has everything it left behind.
    Ended(Exit),
}

impl Report {
    /// The record of this report.
    pub fn encode(&self) -> [u8; RECORD] {
        let (kind, numbers) = match *self {
            Self::Started(pid) => (1, [pid as u64, 0, 0, 0, 0, 0, 0]),
            Self::Refused(errno) => (2, [errno as u64, 0, 0, 0, 0, 0, 0]),
            Self::Ended(e) => (
                3,
                [
                    e.code as u64,
                    e.signal as u64,
                    e.timed_out.into(),
                    e.wall_us,
                    e.cpu_us,
                    e.peak_bytes,
                    e.killed.into(),
                ],
            ),
        };
        let mut record = [0; RECORD];
        record[0] = kind;
        for (slot, number) in record[8..].chunks_exact_mut(8).zip(numbers) {
            slot.copy_from_slice(&number.to_le_bytes());
        }
        record
    }

    /// Reads a record.
    pub fn decode(record: &[u8; RECORD]) -> Option<Self> {
        let mut numbers = [0u64; 7];
        for (number, slot) in numbers.iter_mut().zip(record[8..].chunks_exact(8)) {
            *number = u64::from_le_bytes(slot.try_into().ok()?);
        }
        let [a, b, c, d, e, f, g] = numbers;
        Some(match record[0] {
            1 => Self::Started(a as i32),
            2 => Self::Refused(a as i32),
            3 => Self::Ended(Exit {
                code: a as i32,
                signal: b as i32,
                timed_out: c != 0,
                wall_us: d,
                cpu_us: e,
                peak_bytes: f,
                killed: g as u32,
                limit: None,
            }),
            _ => return None,
        })
    }
}

/// Watches over the program `pid` until nothing of it is left. `control` brings the numbers of signals to send, one
/// a byte, and ends when the agent does.
pub fn watch(
    pid: i32,
    started: Instant,
    timeout: Option<Duration>,
    control: &mut File,
    children: &File,
) -> Exit {
    let mut exit = Exit::default();
    let mut deadline = timeout.and_then(|t| started.checked_add(t));
    let mut control_open = true;
    loop {
        if let Some(ended) = take_ended(pid) {
            exit.wall_us = started.elapsed().as_micros() as u64;
            exit.code = ended.code;
            exit.signal = ended.signal;
            break;
        }
        let wait = match deadline {
            Some(at) => at.saturating_duration_since(Instant::now()).as_millis().min(60_000) as i32 + 1,
            None => -1,
        };
        let mut fds = [
            sys::PollFd { fd: children.as_raw_fd(), events: sys::POLLIN, revents: 0 },
            sys::PollFd {
                fd: if control_open { control.as_raw_fd() } else { -1 },
                events: sys::POLLIN,
                revents: 0,
            },
        ];
        if sys::wait_ready(&mut fds, wait).is_err() {
            // Out of memory, say: what can't be watched is ended.
            exit.signal = sys::SIGKILL;
            kill_everything(pid);
            break;
        }
        drain(children);
        if fds[1].revents != 0 {
            let mut bytes = [0; 16];
            match control.read(&mut bytes) {
                Ok(0) | Err(_) => {
                    // The agent is gone.
                    control_open = false;
                    kill_everything(pid);
                }
                Ok(n) => bytes[..n].iter().for_each(|&number| forward(pid, number.into())),
            }
        }
        if deadline.is_some_and(|at| Instant::now() >= at) {
            exit.timed_out = true;
            deadline = None;
            kill_everything(pid);
        }
    }
    exit.killed = end_leftovers(children, Duration::ZERO);
    (exit.cpu_us, exit.peak_bytes) = sys::children_usage();
    exit
}

/// Reaps whatever has ended; gives the program's own end. Its group is killed before its number is free again.
fn take_ended(pid: i32) -> Option<sys::Ended> {
    while let Ok(Some(ended)) = sys::peek_ended() {
        if ended == pid {
            sys::send_signal(-pid, sys::SIGKILL);
        }
        let result = sys::reap(ended);
        if ended == pid {
            return Some(result.unwrap_or(sys::Ended { code: 255, signal: 0, cpu_us: 0, peak_bytes: 0 }));
        }
    }
    None
}

/// Sends a signal to the program's group; the one that can't be caught goes to everything.
fn forward(pid: i32, number: i32) {
    if number == sys::SIGKILL {
        kill_everything(pid);
    } else {
        sys::send_signal(-pid, number);
    }
}

fn kill_everything(pid: i32) {
    sys::send_signal(-pid, sys::SIGKILL);
    kill_children();
}

/// Kills this process's children, and the groups they lead: of a group nobody gets away by forking.
fn kill_children() {
    for child in children_of_this_process() {
        sys::send_signal(-child, sys::SIGKILL);
        sys::send_signal(child, sys::SIGKILL);
    }
}

/// Reaps all that came to this process, and what comes to it meanwhile; what has not ended by itself after
/// `patience` is killed. Gives how many there were.
pub fn end_leftovers(children: &File, patience: Duration) -> u32 {
    let kill_from = Instant::now() + patience;
    let until = kill_from + KILL_TIME;
    let mut killed = 0;
    loop {
        match sys::peek_ended() {
            Ok(Some(pid)) => {
                let _ = sys::reap(pid);
                killed += 1;
                continue;
            }
            // No children left, or nothing to be known of them.
            Err(_) => return killed,
            Ok(None) => {}
        }
        if Instant::now() >= until {
            return killed;
        }
        if Instant::now() >= kill_from {
            kill_children();
        }
        // The signal wakes this up; the short limit is for one that was missed.
        let mut fds = [sys::PollFd { fd: children.as_raw_fd(), events: sys::POLLIN, revents: 0 }];
        let _ = sys::wait_ready(&mut fds, 50);
        drain(children);
    }
}

/// Empties a signal descriptor.
pub fn drain(mut signals: &File) {
    let mut bytes = [0; 1024];
    while matches!(signals.read(&mut bytes), Ok(n) if n > 0) {}
}

/// The process ids of this process's children.
pub fn children_of_this_process() -> Vec<i32> {
    let me = sys::process_id();
    let listed = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children"));
    if let Ok(listed) = listed {
        return listed.split_whitespace().filter_map(|p| p.parse().ok()).collect();
    }
    // Kernels without CONFIG_PROC_CHILDREN.
    super::usage::processes().into_iter().filter(|p| p.parent == me).map(|p| p.pid).collect()
}

/// Writes a report; the record is smaller than what a pipe takes at once.
pub fn report(to: &mut File, report: Report) {
    let _ = to.write_all(&report.encode());
}
