//! Landlock: what programs may do with which files, and whom their signals and sockets reach.
//!
//! Three system calls, by hand for the same reason as in `sys`. The rules are made once; each program puts them on.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_void};
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, OwnedFd};

use super::sys;

const SYS_CREATE_RULESET: c_long = 444;
const SYS_ADD_RULE: c_long = 445;
const SYS_RESTRICT_SELF: c_long = 446;

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
/// To move and link a file from one directory into another: refused everywhere unless it is among what is held.
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
/// What can be allowed of a file that is no directory.
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
const SCOPE_ABSTRACT_SOCKETS: u64 = 1 << 0;
const SCOPE_SIGNALS: u64 = 1 << 1;

#[repr(C)]
struct RulesetAttr {
    files: u64,
    network: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneathAttr {
    allowed: u64,
    parent: c_int,
}

/// The version that the kernel has; 0 is none.
pub fn version() -> u32 {
    const VERSION: c_int = 1;
    // SAFETY: no attributes, and so no pointer that is read.
    let version = unsafe { sys::syscall(SYS_CREATE_RULESET, std::ptr::null::<c_void>(), 0usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

/// What a version can tell apart of files.
fn known(version: u32) -> u64 {
    match version {
        0 => 0,
        1 => (1 << 13) - 1,
        2 => (1 << 14) - 1,
        3 | 4 => (1 << 15) - 1,
        _ => (1 << 16) - 1,
    }
}

/// Rules by which files beneath `read` may be read and executed, those beneath `write` also be changed, and no others
/// be opened. Without `read` only what is written is held, and devices: what else there is to be found is decided
/// elsewhere, and looking costs the kernel a step for every directory above. Abstract sockets reach
/// nobody but the same program and what it starts; where `signals` says so, signals neither.
pub fn rules(read: &[Vec<u8>], write: &[Vec<u8>], signals: bool) -> Result<OwnedFd> {
    let version = version();
    let of_what_is_written = WRITE_FILE | TRUNCATE | IOCTL_DEV | MAKE_CHAR | MAKE_BLOCK | REFER;
    let held = if read.is_empty() { of_what_is_written } else { u64::MAX };
    let all = known(version) & held;
    if all == 0 {
        return Err(Error::from_raw_os_error(sys::EOPNOTSUPP));
    }
    let scoped = SCOPE_ABSTRACT_SOCKETS | if signals { SCOPE_SIGNALS } else { 0 };
    let attr = RulesetAttr { files: all, network: 0, scoped: if version >= 6 { scoped } else { 0 } };
    let size: usize = if version >= 6 { 24 } else { 8 };
    // SAFETY: the record is at least as long as the size that is given.
    let rules = sys::own(unsafe { sys::syscall(SYS_CREATE_RULESET, &attr, size, 0 as c_int) } as c_int)?;
    for path in read {
        allow(&rules, path, all & (EXECUTE | READ_FILE | READ_DIR))?;
    }
    for path in write {
        allow(&rules, path, all & !(MAKE_CHAR | MAKE_BLOCK))?;
    }
    Ok(rules)
}

/// What is not there needs no rule.
fn allow(rules: &OwnedFd, path: &[u8], rights: u64) -> Result<()> {
    const PATH_BENEATH: c_int = 1;
    let parent = match sys::open_path(&sys::c_path(path)?, sys::O_PATH) {
        Err(e) if matches!(e.raw_os_error(), Some(sys::ENOENT | sys::EACCES)) => return Ok(()),
        result => result?,
    };
    let is_directory = std::fs::File::from(parent.try_clone()?).metadata()?.is_dir();
    let allowed = if is_directory { rights } else { rights & OF_FILES };
    let attr = PathBeneathAttr { allowed, parent: parent.as_raw_fd() };
    // SAFETY: the record is the one this kind of rule has, and the descriptors are open.
    let done = unsafe { sys::syscall(SYS_ADD_RULE, rules.as_raw_fd(), PATH_BENEATH, &attr, 0 as c_int) };
    sys::check(done as c_int).map(drop)
}

/// Holds this process and all it starts to the rules, for good. New privileges must be ruled out before.
pub fn put_on(rules: &OwnedFd) -> Result<()> {
    // SAFETY: takes integers only.
    sys::check(unsafe { sys::syscall(SYS_RESTRICT_SELF, rules.as_raw_fd(), 0 as c_int) } as c_int).map(drop)
}
