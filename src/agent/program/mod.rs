//! The agent: the program inside every sandbox. It starts programs and does file commands for the host, which it
//! talks to in frames over one byte stream.
//!
//! One thread, one `poll`: so it may fork without `exec`, and a session costs one small process. Everything is
//! bounded: what a program writes is read only as far as the host has granted, and as the stream takes it.
//! When the stream ends, everything the agent ever started ends with it.

mod begin;
mod channel;
mod files;
mod guard;
mod probe;
mod session;
mod spawn;
mod supervise;
mod task;
mod usage;
mod walk;
mod walls;

use std::fs::File;
use std::io::Result;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use self::channel::Channel;
use self::session::Session;
use super::sys;

/// Runs the agent. Its byte stream is the socket that is its standard input; with `dial=PATH` as its argument it
/// connects to that one; with `attached` requests come from standard input and replies go to standard output.
pub fn main() {
    // A fault here can't be told to anybody: the host sees the stream end.
    let _ = run();
}

fn run() -> Result<()> {
    let _ = sys::deny_inspection();
    sys::survive_writing();
    sys::become_subreaper()?;
    let children = File::from(sys::watch_children()?);
    let argument = std::env::args().nth(1).unwrap_or_default();
    // In a container there are those of its image.
    sys::forget_environment();
    let (input, output) = match argument.strip_prefix("dial=") {
        Some(path) => (OwnedFd::from(UnixStream::connect(path)?), None),
        None => (sys::duplicate(0)?, (argument == "attached").then(|| sys::duplicate(1)).transpose()?),
    };
    let null = sys::open_path(c"/dev/null", sys::O_RDWR)?;
    for fd in 0..3 {
        sys::place(std::os::fd::AsRawFd::as_raw_fd(&null), fd)?;
    }
    sys::set_nonblocking(&input)?;
    output.iter().try_for_each(sys::set_nonblocking)?;
    Session::new(Channel::new(input, output), children, ways_into_groups(&argument)).serve()
}

/// The descriptors through which programs join their control groups: the launcher names them as `join=3,4`.
fn ways_into_groups(argument: &str) -> Vec<OwnedFd> {
    let numbers =
        argument.strip_prefix("join=").unwrap_or_default().split(',').filter_map(|n| n.parse().ok());
    // Under new numbers, closed on exec.
    let ways: Vec<_> = numbers.clone().filter_map(|fd| sys::duplicate(fd).ok()).collect();
    numbers.for_each(sys::close);
    ways
}
