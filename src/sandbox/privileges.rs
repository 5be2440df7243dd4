//! What a session's first process gives up before it becomes the agent.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::io::FdFlags;
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::identity::Identity;
use super::spec::Spec;

/// Marks everything but the standard streams as closed on exec, whatever whoever started us has left open.
pub fn keep_no_descriptors() -> Result<()> {
    const CLOEXEC: libc::c_uint = 4;
    // SAFETY: takes integers; marking touches nobody's data.
    match unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOEXEC) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// Limits that hold for the agent too; what is tighter for programs the agent sets for each.
pub fn limit(spec: &Spec) -> Result<()> {
    let limits = [
        // Not 0: with exactly 1 the kernel doesn't start a handler of crashes either, which runs outside and as root.
        (Resource::Core, 1),
        (Resource::Nofile, spec.open_files),
        (Resource::Fsize, spec.file_size),
        (Resource::Memlock, 64 << 10),
        (Resource::Msgqueue, 0),
        (Resource::Rtprio, 0),
        (Resource::Nice, 0),
        (Resource::Sigpending, 256),
    ];
    for (resource, wanted) in limits {
        let now = rustix::process::getrlimit(resource);
        // Nobody can raise a limit that he is under himself.
        let value = now.maximum.map_or(wanted, |most| most.min(wanted));
        rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    Ok(())
}

/// Leaves the agent what it needs to start programs as another user and to end them, where it has a user of its own
/// in a user namespace; otherwise nothing. Programs have none either way.
pub fn drop_capabilities(identity: &Identity) -> Result<()> {
    let in_namespace = identity.inside().is_some() && rustix::process::geteuid().is_root();
    let kept = if in_namespace {
        CapabilitySet::SETUID
            | CapabilitySet::SETGID
            | CapabilitySet::SETPCAP
            | CapabilitySet::KILL
            | CapabilitySet::SYS_PTRACE
    } else {
        CapabilitySet::empty()
    };
    rustix::thread::clear_ambient_capability_set()?;
    bound_to(kept, in_namespace)?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// Drops all others from what programs could ever gain; whoever becomes another user has to do so before. `must`: that
/// it can't be done is an error.
pub fn bound_to(kept: CapabilitySet, must: bool) -> Result<()> {
    for number in 0..64 {
        let Some(one) = CapabilitySet::from_bits(1 << number) else { continue };
        // What the kernel does not know nobody has; without the right to drop it there is nothing in it to gain, as
        // nothing gains by what it executes.
        if !kept.contains(one) && rustix::thread::capability_is_in_bounding_set(one).unwrap_or(false) {
            let dropped = rustix::thread::remove_capability_from_bounding_set(one);
            if must {
                dropped?;
            }
        }
    }
    Ok(())
}

/// Puts on a system call filter, 8 bytes an instruction.
pub fn apply_filter(bytes: &[u8]) -> Result<()> {
    let mut program: Vec<libc::sock_filter> = bytes
        .chunks_exact(8)
        .map(|i| libc::sock_filter {
            code: u16::from_ne_bytes([i[0], i[1]]),
            jt: i[2],
            jf: i[3],
            k: u32::from_ne_bytes([i[4], i[5], i[6], i[7]]),
        })
        .collect();
    let length = u16::try_from(program.len()).map_err(|_| ErrorKind::InvalidInput)?;
    let whole = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the program outlives the call and its length is its own.
    match unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &whole) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// Executes the agent with nothing but its stream and the ways into its control group; returns only where that fails.
pub fn execute(program: OwnedFd, groups: &[File]) -> Error {
    match prepare(program, groups) {
        Err(error) => error,
        Ok((program, joins)) => {
            let arguments = [c"codebeaker-agent".as_ptr(), joins.as_ptr(), std::ptr::null()];
            let environment = [std::ptr::null()];
            // SAFETY: both arrays end with a null pointer, their strings outlive the call, the descriptor is open.
            unsafe { libc::fexecve(program.as_raw_fd(), arguments.as_ptr(), environment.as_ptr()) };
            Error::last_os_error()
        }
    }
}

/// The program, which stands in the place of standard output, under another number; that place is for nothing.
fn prepare(program: OwnedFd, groups: &[File]) -> Result<(OwnedFd, CString)> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let moved = rustix::io::fcntl_dupfd_cloexec(&program, 3)?;
    drop(program);
    for target in [1, 2] {
        // SAFETY: the descriptor is one of the standard streams, which nothing here owns or uses any more.
        if unsafe { libc::dup2(null.as_raw_fd(), target) } < 0 {
            return Err(Error::last_os_error());
        }
    }
    let mut joins = String::from("join=");
    for group in groups {
        rustix::io::fcntl_setfd(group.as_fd(), FdFlags::empty())?;
        joins.push_str(&format!("{},", group.as_raw_fd()));
    }
    Ok((moved, CString::new(joins)?))
}
