//! What of Landlock the kernel has. The rules are the agent's: it puts them on each program.
#![allow(unsafe_code)]

/// The version of Landlock; 0 is none.
pub fn landlock_version() -> u32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: no attributes, and so no pointer that is read.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}
