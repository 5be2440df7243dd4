//! System call filters that the agent puts on itself, where nobody could before it began: in a container.
//!
//! By hand for the same reason as in `sys`.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_ulong, c_void};
use std::io::{Error, Result};

use super::sys;

#[cfg(target_arch = "x86_64")]
const SYS_SECCOMP: c_long = 317;
#[cfg(target_arch = "aarch64")]
const SYS_SECCOMP: c_long = 277;
/// Bytes of an instruction.
const INSTRUCTION: usize = 8;

#[repr(C)]
struct Program {
    length: u16,
    instructions: *const c_void,
}

/// Holds this process and all it starts to a filter, for good; new privileges are ruled out with it. What is already
/// held by others stays so: the kernel takes the strictest answer.
pub fn put_on(filter: &[u8]) -> Result<()> {
    const SET_MODE_FILTER: c_int = 1;
    sys::deny_new_privileges()?;
    let invalid = || Error::from_raw_os_error(sys::EINVAL);
    if !filter.len().is_multiple_of(INSTRUCTION) {
        return Err(invalid());
    }
    let length = u16::try_from(filter.len() / INSTRUCTION).map_err(|_| invalid())?;
    // The kernel copies them from wherever they are.
    let program = Program { length, instructions: filter.as_ptr().cast() };
    // SAFETY: the instructions outlive the call, and there are as many bytes as their number says.
    let done = unsafe { sys::syscall(SYS_SECCOMP, SET_MODE_FILTER, 0 as c_ulong, &program) };
    sys::check(done as c_int).map(drop)
}
