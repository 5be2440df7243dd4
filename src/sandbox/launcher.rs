//! The launcher: what our own binary does when it is executed again to start a session's agent.
//!
//! It is started with an empty environment, the agent's stream as standard input, and the agent's program as standard
//! output. First of all comes its [`Spec`] through the stream. It forks: the child goes behind the wall and becomes
//! the agent; where a layer can't be put on the child says so on the stream, in the agent's stead, and ends. The
//! launcher itself stays outside, ends the session when its stream is closed or its agent is gone, whatever the agent
//! does, and removes its control group.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions};
use rustix::thread::CapabilitySet;

use super::identity::Identity;
use super::spec::{Spec, Tier};
use super::{cgroup, privileges, root, stray};

/// How long an agent may take to end by itself when its stream is closed.
const LIFELINE_TIME: Duration = Duration::from_secs(1);

/// A layer that could not be put on.
pub struct Refusal {
    layer: &'static str,
    error: Error,
}

/// Says which layer an error was in.
pub fn layer<E: Into<Error>>(layer: &'static str) -> impl FnOnce(E) -> Refusal {
    move |error| Refusal { layer, error: error.into() }
}

/// Runs the launcher; never returns. Must be called before the process has other threads.
pub fn entry() -> ! {
    // SAFETY: the descriptors 0 and 1 were set up by whoever launched us, and nothing else in this process has used
    // them yet.
    let (stream, program) = unsafe { (File::from_raw_fd(0), OwnedFd::from_raw_fd(1)) };
    let code = match launch(&stream, program) {
        Ok(()) => 0,
        Err(refusal) => {
            refusal.tell(&stream);
            1
        }
    };
    std::process::exit(code)
}

impl Refusal {
    /// The frame of a failed request, as the agent would write it: the launcher speaks in its place.
    fn tell(&self, mut stream: &File) {
        let message = format!("{}: {}", self.layer, self.error);
        let mut frame = Vec::new();
        frame.extend_from_slice(&(message.len() as u32 + 4).to_le_bytes());
        frame.extend_from_slice(&[1, 0x89, 0, 0, 0, 0, 0, 0]);
        frame.extend_from_slice(&self.error.raw_os_error().unwrap_or(0).to_le_bytes());
        frame.extend_from_slice(message.as_bytes());
        let _ = stream.write_all(&frame);
    }
}

fn launch(stream: &File, program: OwnedFd) -> std::result::Result<(), Refusal> {
    let spec = Spec::read(stream).map_err(layer("the specification can't be read"))?;
    privileges::keep_no_descriptors().map_err(layer("inherited descriptors can't be closed"))?;
    rustix::process::setsid().map_err(layer("no session of processes of its own"))?;
    let identity = Identity::choose(spec.tier);
    // Opened by whoever may write them; the agent then only needs the descriptors.
    let groups: Result<Vec<File>> =
        spec.groups.iter().map(|dir| File::options().write(true).open(dir.join("cgroup.procs"))).collect();
    let groups = groups.map_err(layer("control group"))?;
    if spec.tier != Tier::Namespaces {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(layer("process supervisor"))?;
        identity.hand_over(&spec.directory).map_err(layer("unprivileged user"))?;
    }
    let (go, gone) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(layer("no pipe to the session's first process"))?;
    let Some(child) = fork_into(namespaces(&spec)).map_err(|e| no_namespaces(&e))? else {
        drop(gone);
        // Until it is known who we are in there nothing can be done.
        let mut byte = [0];
        if !matches!(File::from(go).read(&mut byte), Ok(1)) {
            std::process::exit(1);
        }
        let Err(refusal) = become_agent(&spec, &identity, program, groups);
        refusal.tell(stream);
        std::process::exit(1)
    };
    let mapped = if spec.tier == Tier::Namespaces { identity.map(child) } else { Ok(()) };
    drop(go);
    if mapped.is_ok() {
        let _ = File::from(gone).write_all(&[1]);
    } else {
        drop(gone);
    }
    drop((program, groups));
    let result = mapped.map_err(layer("user namespace"));
    if let Err(refusal) = &result {
        refusal.tell(stream);
    }
    watch(child, stream);
    if spec.tier != Tier::Namespaces {
        stray::end(&identity);
    }
    // Whoever holds the other end learns that it is over before the rest is cleared away.
    let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Both);
    cgroup::remove_all(&spec.groups);
    Ok(())
}

fn namespaces(spec: &Spec) -> libc::c_int {
    if spec.tier != Tier::Namespaces {
        return 0;
    }
    let network = if spec.network { 0 } else { libc::CLONE_NEWNET };
    libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP
        | network
}

/// Why there are no namespaces, as far as the error tells.
fn no_namespaces(error: &Error) -> Refusal {
    let reason = match error.raw_os_error() {
        Some(libc::ENOSPC) => "this machine allows no (more) user namespaces: user.max_user_namespaces",
        Some(libc::EPERM) => {
            "they are not allowed here: by a container, AppArmor or kernel.unprivileged_userns_clone"
        }
        _ => return Refusal { layer: "namespaces", error: Error::new(error.kind(), error.to_string()) },
    };
    Refusal { layer: "namespaces", error: Error::new(error.kind(), reason) }
}

/// Forks into new namespaces. A child, or in the child: `None`.
fn fork_into(namespaces: libc::c_int) -> Result<Option<Pid>> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: without CLONE_VM this is a fork, and this process has a single thread: the child's memory is consistent
    // and it may do anything.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match pid {
        ..0 => Err(Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid as i32)),
    }
}

/// Goes behind the wall and becomes the agent; returns only where that fails.
fn become_agent(
    spec: &Spec,
    identity: &Identity,
    program: OwnedFd,
    groups: Vec<File>,
) -> std::result::Result<std::convert::Infallible, Refusal> {
    match spec.tier {
        Tier::Namespaces => root::build(spec, identity)?,
        Tier::Landlock | Tier::Unconfined => {
            privileges::bound_to(CapabilitySet::empty(), false).map_err(layer("capabilities"))?;
            identity.become_host_user().map_err(layer("unprivileged user"))?;
            std::env::set_current_dir(&spec.directory)
                .map_err(layer("the session's directory can't be entered"))?;
        }
    }
    privileges::limit(spec).map_err(layer("resource limits"))?;
    privileges::drop_capabilities(identity).map_err(layer("capabilities"))?;
    rustix::thread::set_no_new_privs(true).map_err(layer("no new privileges"))?;
    for filter in &spec.filters {
        privileges::apply_filter(filter).map_err(layer("system call filter"))?;
    }
    // The launcher has one thread, so this is its end and nothing else.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(layer("lifeline"))?;
    Err(layer("the agent can't be started")(privileges::execute(program, &groups)))
}

/// Waits until the session's first process is gone; ends it where the stream is closed and it does not end by itself.
fn watch(child: Pid, stream: &File) {
    /// How long to wait between two looks where the kernel can't tell of an end.
    const LOOK: Duration = Duration::from_millis(100);
    let ended = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty()).ok();
    let mut kill_at: Option<Instant> = None;
    loop {
        // Nobody else reaps it: until this has, its number is its own.
        if !matches!(rustix::process::waitpid(Some(child), WaitOptions::NOHANG), Ok(None)) {
            return;
        }
        if kill_at.is_some_and(|at| Instant::now() >= at) {
            let _ = rustix::process::kill_process(child, Signal::KILL);
            // What the kernel can't end now it ends later: there is nothing left to do about it.
            kill_at = Some(Instant::now() + LIFELINE_TIME);
        }
        let mut fds = Vec::new();
        fds.extend(ended.as_ref().map(|ended| PollFd::new(ended, PollFlags::IN)));
        // What has hung up stays so: from then on only the end is waited for.
        if kill_at.is_none() {
            fds.push(PollFd::from_borrowed_fd(stream.as_fd(), PollFlags::RDHUP));
        }
        let until_kill = kill_at.map(|at| at.saturating_duration_since(Instant::now()));
        let look = ended.is_none().then_some(LOOK);
        let wait = until_kill.into_iter().chain(look).min().and_then(|time| Timespec::try_from(time).ok());
        if poll(&mut fds, wait.as_ref()).is_err() {
            // Out of memory, say: looking again is all there is to do.
            std::thread::sleep(LOOK);
        }
        let hung_up = kill_at.is_none() && fds.last().is_some_and(|fd| fd.revents().intersects(HUNG_UP));
        if hung_up {
            kill_at = Some(Instant::now() + LIFELINE_TIME);
        }
    }
}

/// How a stream is whose other end is closed.
const HUNG_UP: PollFlags = PollFlags::RDHUP.union(PollFlags::HUP).union(PollFlags::ERR);
