//! What the self-test tries from inside a session. Nothing of it is to succeed, and nothing would be changed by it.
//!
//! By hand for the same reason as in `sys`.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long};
use std::io::Result;

use super::sys;

unsafe extern "C" {
    fn socket(family: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn unshare(flags: c_int) -> c_int;
    fn ptrace(request: c_int, ...) -> c_long;
}

/// Tries to open a socket of a family.
pub fn try_socket(family: i32) -> Result<()> {
    const SOCK_STREAM: c_int = 1;
    // SAFETY: takes integers only.
    sys::own(unsafe { socket(family, SOCK_STREAM, 0) }).map(drop)
}

/// Tries whether a process could be signalled.
pub fn try_signal(pid: i32) -> Result<()> {
    // SAFETY: takes integers only.
    sys::check(unsafe { sys::kill(pid, 0) }).map(drop)
}

/// Tries to make a namespace.
pub fn try_unshare() -> Result<()> {
    const CLONE_NEWUSER: c_int = 0x1000_0000;
    // SAFETY: takes an integer; only this process is concerned.
    sys::check(unsafe { unshare(CLONE_NEWUSER) }).map(drop)
}

/// Tries to trace a process, without stopping it.
pub fn try_trace(pid: i32) -> Result<()> {
    const PTRACE_SEIZE: c_int = 0x4206;
    // SAFETY: this request takes no address.
    sys::check(unsafe { ptrace(PTRACE_SEIZE, pid, 0 as c_long, 0 as c_long) } as c_int).map(drop)
}
