//! The few system calls that std does not offer, for Linux on x86-64 and aarch64.
//!
//! Declared here by hand because the agent's program is built by `rustc` alone, without any crate. Everything
//! unsafe of the agent stands in this file and in `program::spawn`.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub const POLLIN: i16 = 1;
pub const POLLOUT: i16 = 4;
pub const POLLERR: i16 = 8;
pub const POLLHUP: i16 = 16;
pub const SIGKILL: c_int = 9;
pub const SIGPIPE: c_int = 13;
pub const SIGCHLD: c_int = 17;
pub const SIGCONT: c_int = 18;
const SIGXFSZ: c_int = 25;
pub const EPERM: i32 = 1;
pub const EOPNOTSUPP: i32 = 95;
pub const ESRCH: i32 = 3;
pub const EIO: i32 = 5;
pub const ECHILD: i32 = 10;
pub const ENOTEMPTY: i32 = 39;
pub const ELOOP: i32 = 40;
pub const EXDEV: i32 = 18;
pub const ENOTDIR: i32 = 20;
pub const EISDIR: i32 = 21;
pub const EINVAL: i32 = 22;
pub const ENOENT: i32 = 2;
pub const EACCES: i32 = 13;
pub const EEXIST: i32 = 17;

pub const O_RDONLY: c_int = 0;
pub const O_WRONLY: c_int = 1;
pub const O_RDWR: c_int = 2;
pub const O_CREAT: c_int = 0o100;
pub const O_EXCL: c_int = 0o200;
pub const O_NOCTTY: c_int = 0o400;
pub const O_NONBLOCK: c_int = 0o4000;
pub const O_CLOEXEC: c_int = 0o2000000;
pub const O_PATH: c_int = 0o10000000;
#[cfg(target_arch = "x86_64")]
pub const O_DIRECTORY: c_int = 0o200000;
#[cfg(target_arch = "x86_64")]
pub const O_NOFOLLOW: c_int = 0o400000;
#[cfg(target_arch = "aarch64")]
pub const O_DIRECTORY: c_int = 0o40000;
#[cfg(target_arch = "aarch64")]
pub const O_NOFOLLOW: c_int = 0o100000;

const PR_SET_DUMPABLE: c_int = 4;
const AT_REMOVEDIR: c_int = 0x200;
const AT_FDCWD: c_int = -100;
const SYS_OPENAT2: c_long = 437;
const SYS_CLOSE_RANGE: c_long = 436;
#[cfg(target_arch = "x86_64")]
const SYS_GETDENTS64: c_long = 217;
#[cfg(target_arch = "aarch64")]
const SYS_GETDENTS64: c_long = 61;
const RESOLVE_NO_MAGICLINKS: u64 = 0x02;
const RESOLVE_BENEATH: u64 = 0x08;

#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PollFd {
    pub fd: c_int,
    pub events: i16,
    pub revents: i16,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Timeval {
    sec: c_long,
    usec: c_long,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Rusage {
    utime: Timeval,
    stime: Timeval,
    maxrss: c_long,
    rest: [c_long; 13],
}

#[repr(C, align(8))]
struct SigSet([u8; 128]);

#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

#[repr(C)]
struct WinSize {
    rows: u16,
    cols: u16,
    x: u16,
    y: u16,
}

#[repr(C)]
struct Piece {
    data: *mut c_void,
    len: usize,
}

#[repr(C)]
struct Message {
    name: *mut c_void,
    name_len: u32,
    pieces: *mut Piece,
    pieces_len: usize,
    control: *mut c_void,
    control_len: usize,
    flags: c_int,
}

/// What goes with a message: a header of length, level and kind, then descriptors.
#[repr(C, align(8))]
struct Rights {
    len: usize,
    level: c_int,
    kind: c_int,
    fds: [c_int; RIGHTS],
}

#[repr(C)]
struct Rlimit {
    soft: u64,
    hard: u64,
}

unsafe extern "C" {
    pub(super) fn syscall(number: c_long, ...) -> c_long;
    fn poll(fds: *mut PollFd, n: c_ulong, timeout: c_int) -> c_int;
    fn fork() -> c_int;
    fn _exit(code: c_int) -> !;
    fn waitid(kind: c_int, id: c_uint, info: *mut c_void, options: c_int) -> c_int;
    fn wait4(pid: c_int, status: *mut c_int, options: c_int, usage: *mut Rusage) -> c_int;
    fn getrusage(who: c_int, usage: *mut Rusage) -> c_int;
    pub(super) fn kill(pid: c_int, signal: c_int) -> c_int;
    fn setsid() -> c_int;
    fn pipe2(fds: *mut c_int, flags: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn signalfd(fd: c_int, mask: *const SigSet, flags: c_int) -> c_int;
    fn sigemptyset(set: *mut SigSet) -> c_int;
    fn sigaddset(set: *mut SigSet, signal: c_int) -> c_int;
    fn sigprocmask(how: c_int, set: *const SigSet, old: *mut SigSet) -> c_int;
    fn signal(signal: c_int, handler: usize) -> usize;
    fn execve(path: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int;
    fn fchdir(fd: c_int) -> c_int;
    fn openat(dir: c_int, path: *const c_char, flags: c_int, ...) -> c_int;
    fn mkdirat(dir: c_int, path: *const c_char, mode: c_uint) -> c_int;
    fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn renameat(from: c_int, path: *const c_char, to: c_int, new: *const c_char) -> c_int;
    fn fchmod(fd: c_int, mode: c_uint) -> c_int;
    fn posix_openpt(flags: c_int) -> c_int;
    fn grantpt(fd: c_int) -> c_int;
    fn unlockpt(fd: c_int) -> c_int;
    fn ptsname_r(fd: c_int, buffer: *mut c_char, len: usize) -> c_int;
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    fn getpid() -> c_int;
    fn clearenv() -> c_int;
    static environ: *mut *mut c_char;
    fn setrlimit(resource: c_int, limit: *const Rlimit) -> c_int;
    fn getrlimit(resource: c_int, limit: *mut Rlimit) -> c_int;
    fn getauxval(kind: c_ulong) -> c_ulong;
    fn socketpair(family: c_int, kind: c_int, protocol: c_int, fds: *mut c_int) -> c_int;
    fn sendmsg(fd: c_int, message: *const Message, flags: c_int) -> isize;
    fn recvmsg(fd: c_int, message: *mut Message, flags: c_int) -> isize;
    fn fstatvfs(fd: c_int, record: *mut c_void) -> c_int;
    fn setfsuid(user: c_uint) -> c_int;
    fn setfsgid(group: c_uint) -> c_int;
    fn setgroups(n: usize, groups: *const c_uint) -> c_int;
    fn setresuid(real: c_uint, effective: c_uint, saved: c_uint) -> c_int;
    fn setresgid(real: c_uint, effective: c_uint, saved: c_uint) -> c_int;
}

pub(super) fn check(result: c_int) -> Result<c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// Owns a descriptor that a system call has just returned.
pub(super) fn own(result: c_int) -> Result<OwnedFd> {
    // SAFETY: the call succeeded, so the descriptor is open, and nobody else has it yet.
    check(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A path for the system. Error: it holds a NUL.
pub fn c_path(path: &[u8]) -> Result<CString> {
    CString::new(path).map_err(|_| Error::from_raw_os_error(EINVAL))
}

/// Waits until a descriptor is ready, at most so many milliseconds; negative is without end. An interruption counts
/// as nothing ready.
pub fn wait_ready(fds: &mut [PollFd], timeout_ms: i32) -> Result<usize> {
    // SAFETY: the pointer and length are those of one slice of `repr(C)` records.
    let n = unsafe { poll(fds.as_mut_ptr(), fds.len() as c_ulong, timeout_ms) };
    match check(n) {
        Ok(n) => Ok(n as usize),
        Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {
            fds.iter_mut().for_each(|f| f.revents = 0);
            Ok(0)
        }
        Err(e) => Err(e),
    }
}

/// A child, or in the child: `None`.
///
/// Only for single-threaded programs: the child may then do anything.
pub fn fork_process() -> Result<Option<i32>> {
    // SAFETY: the agent is single-threaded, so the child's memory is consistent.
    let pid = check(unsafe { fork() })?;
    Ok((pid != 0).then_some(pid))
}

/// Ends this process at once, without destructors.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: always sound; nothing of the process is used afterwards.
    unsafe { _exit(code) }
}

/// A child that has ended but is not reaped yet; `None` where none has. Error ECHILD: there are no children.
pub fn peek_ended() -> Result<Option<i32>> {
    const P_ALL: c_int = 0;
    const WNOHANG_WEXITED_WNOWAIT: c_int = 1 | 4 | 0x0100_0000;
    let mut info = [0u64; 16];
    // SAFETY: `info` has the 128 bytes and the alignment of a siginfo_t.
    check(unsafe { waitid(P_ALL, 0, info.as_mut_ptr().cast(), WNOHANG_WEXITED_WNOWAIT) })?;
    // si_pid stands after three ints and, on 64-bit machines, one of padding.
    let pid = info[2] as u32 as i32;
    Ok((pid != 0).then_some(pid))
}

/// How a reaped child ended, and what it used.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub code: i32,
    pub signal: i32,
    pub cpu_us: u64,
    pub peak_bytes: u64,
}

impl Rusage {
    fn cpu_us(&self) -> u64 {
        let us = |t: Timeval| t.sec as u64 * 1_000_000 + t.usec as u64;
        us(self.utime) + us(self.stime)
    }

    fn peak_bytes(&self) -> u64 {
        self.maxrss as u64 * 1024
    }
}

/// Reaps a child that has ended.
pub fn reap(pid: i32) -> Result<Ended> {
    let (mut status, mut usage) = (0, Rusage::default());
    // SAFETY: both pointers are valid for the call.
    check(unsafe { wait4(pid, &mut status, 0, &mut usage) })?;
    let signal = status & 0x7f;
    let code = if signal == 0 { (status >> 8) & 0xff } else { 0 };
    Ok(Ended { code, signal, cpu_us: usage.cpu_us(), peak_bytes: usage.peak_bytes() })
}

/// Processor time in microseconds and peak memory in bytes of all reaped children and theirs.
pub fn children_usage() -> (u64, u64) {
    const RUSAGE_CHILDREN: c_int = -1;
    let mut usage = Rusage::default();
    // SAFETY: the pointer is valid for the call; a failure leaves zeroes.
    unsafe { getrusage(RUSAGE_CHILDREN, &mut usage) };
    (usage.cpu_us(), usage.peak_bytes())
}

/// Signals a process, or with a negative number a group. A process that is gone is no error.
pub fn send_signal(pid: i32, number: i32) {
    // SAFETY: takes no pointers.
    unsafe { kill(pid, number) };
}

/// Begins a new session, and with it a new process group.
pub fn new_session() -> Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { setsid() }).map(drop)
}

/// This process's id.
pub fn process_id() -> i32 {
    // SAFETY: takes no pointers and can't fail.
    unsafe { getpid() }
}

/// A pipe, closed on exec: its reading and its writing end.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    check(unsafe { pipe2(fds.as_mut_ptr(), O_CLOEXEC) })?;
    Ok((own(fds[0])?, own(fds[1])?))
}

/// Makes reads and writes return instead of waiting.
pub fn set_nonblocking(fd: &impl AsRawFd) -> Result<()> {
    const F_GETFL: c_int = 3;
    const F_SETFL: c_int = 4;
    // SAFETY: the descriptor is open; the commands take integers.
    let flags = check(unsafe { fcntl(fd.as_raw_fd(), F_GETFL) })?;
    // SAFETY: as above.
    check(unsafe { fcntl(fd.as_raw_fd(), F_SETFL, flags | O_NONBLOCK) }).map(drop)
}

/// A copy of a descriptor with a number of at least 3, closed on exec.
pub fn duplicate(fd: RawFd) -> Result<OwnedFd> {
    const F_DUPFD_CLOEXEC: c_int = 1030;
    // SAFETY: takes integers only.
    own(unsafe { fcntl(fd, F_DUPFD_CLOEXEC, 3) })
}

/// Puts a descriptor at `target`, kept on exec.
pub fn place(fd: RawFd, target: RawFd) -> Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { dup2(fd, target) }).map(drop)
}

/// Closes every descriptor from 3 up but those in `keep`.
pub fn close_others(keep: &[RawFd]) {
    let mut keep = keep.to_vec();
    keep.sort_unstable();
    let mut first: c_uint = 3;
    for fd in keep {
        let fd = fd as c_uint;
        if fd > first {
            close_between(first, fd - 1);
        }
        first = first.max(fd + 1);
    }
    close_between(first, c_uint::MAX);
}

/// Closes a descriptor that nothing in this program owns.
pub fn close(fd: RawFd) {
    if fd > 2 {
        close_between(fd as c_uint, fd as c_uint);
    }
}

fn close_between(first: c_uint, last: c_uint) {
    // SAFETY: takes integers; the caller's own descriptors are outside of the range.
    if unsafe { syscall(SYS_CLOSE_RANGE, first, last, 0 as c_uint) } < 0 {
        // Kernels before 5.9.
        for fd in first..=last.min(4096) {
            // SAFETY: as above; an unopened number is an error that means nothing.
            drop(unsafe { OwnedFd::from_raw_fd(fd as RawFd) });
        }
    }
}

/// Marks every descriptor from 3 up as closed on exec.
pub fn close_all_on_exec() {
    const CLOSE_RANGE_CLOEXEC: c_uint = 4;
    // SAFETY: takes integers only.
    unsafe { syscall(SYS_CLOSE_RANGE, 3 as c_uint, c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
}

/// Makes this process the parent of all orphans below it.
pub fn become_subreaper() -> Result<()> {
    const PR_SET_CHILD_SUBREAPER: c_int = 36;
    // SAFETY: takes integers only.
    check(unsafe { prctl(PR_SET_CHILD_SUBREAPER, 1 as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) })
        .map(drop)
}

/// Keeps other processes of the same user from reading or tracing this one.
pub fn deny_inspection() -> Result<()> {
    // SAFETY: takes integers only.
    check(unsafe { prctl(PR_SET_DUMPABLE, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) }).map(drop)
}

/// Neither this process nor what it starts gains privileges by what it executes.
pub fn deny_new_privileges() -> Result<()> {
    const PR_SET_NO_NEW_PRIVS: c_int = 38;
    // SAFETY: takes integers only.
    check(unsafe { prctl(PR_SET_NO_NEW_PRIVS, 1 as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) })
        .map(drop)
}

/// Forgets every variable that this process was given, also where the kernel would show them to others.
pub fn forget_environment() {
    // SAFETY: this process has one thread, and nobody in it holds a variable: the list ends with a null pointer, and each
    // of its strings lies in memory of this process, up to its own end.
    unsafe {
        let mut variable = environ;
        while !variable.is_null() && !(*variable).is_null() {
            let mut at = *variable;
            while *at != 0 {
                *at = 0;
                at = at.add(1);
            }
            variable = variable.add(1);
        }
        clearenv();
    }
}

fn child_set() -> SigSet {
    let mut set = SigSet([0; 128]);
    // SAFETY: the set is as large as any libc's sigset_t.
    unsafe {
        sigemptyset(&mut set);
        sigaddset(&mut set, SIGCHLD);
    }
    set
}

/// Blocks SIGCHLD and gives a descriptor that is readable when a child has ended.
pub fn watch_children() -> Result<OwnedFd> {
    const SIG_BLOCK: c_int = 0;
    let set = child_set();
    // SAFETY: the set is valid, no old one is wanted.
    check(unsafe { sigprocmask(SIG_BLOCK, &set, std::ptr::null_mut()) })?;
    // SAFETY: as above.
    own(unsafe { signalfd(-1, &set, O_NONBLOCK | O_CLOEXEC) })
}

/// Gives a program the signals as a shell would: none blocked, none ignored, whatever the agent was started with.
pub fn reset_signals() {
    const SIG_SETMASK: c_int = 2;
    const LAST: c_int = 64;
    let mut empty = SigSet([0; 128]);
    // SAFETY: the set is valid; 0 is SIG_DFL, and a number that can't be set is refused.
    unsafe {
        for number in 1..=LAST {
            signal(number, 0);
        }
        sigemptyset(&mut empty);
        sigprocmask(SIG_SETMASK, &empty, std::ptr::null_mut());
    }
}

/// Makes a file that grows beyond the limit, or a pipe without a reader, an error of this process and not its end.
pub fn survive_writing() {
    const SIG_IGN: usize = 1;
    // SAFETY: no handler is installed that could run.
    unsafe {
        signal(SIGXFSZ, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
    }
}

/// Has this process signalled when the one that forked it ends.
pub fn signal_at_end_of_parent(signal: c_int) {
    const PR_SET_PDEATHSIG: c_int = 1;
    // SAFETY: takes integers only.
    unsafe { prctl(PR_SET_PDEATHSIG, signal as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) };
}

/// Has this process killed when the one that forked it ends; `parent` is that one's id.
pub fn die_with(parent: i32) {
    signal_at_end_of_parent(SIGKILL);
    // It may have ended before.
    if std::os::unix::process::parent_id() as i32 != parent {
        exit_now(0);
    }
}

/// How many descriptors this process may have open.
pub fn open_files_limit() -> u64 {
    const RLIMIT_NOFILE: c_int = 7;
    let mut limit = Rlimit { soft: 0, hard: 0 };
    // SAFETY: the pointer is valid for the call; a failure leaves zeroes.
    unsafe { getrlimit(RLIMIT_NOFILE, &mut limit) };
    limit.soft
}

/// Bytes of a page.
pub fn page_size() -> u64 {
    const AT_PAGESZ: c_ulong = 6;
    // SAFETY: takes an integer; 0 where there is no such entry.
    match unsafe { getauxval(AT_PAGESZ) } {
        0 => 4096,
        bytes => bytes,
    }
}

/// How many bytes can be read from a pipe now.
pub fn readable_bytes(fd: &impl AsRawFd) -> u64 {
    const FIONREAD: c_ulong = 0x541B;
    let mut bytes: c_int = 0;
    // SAFETY: this request writes an int; a failure leaves zero.
    unsafe { ioctl(fd.as_raw_fd(), FIONREAD, &mut bytes) };
    u64::try_from(bytes).unwrap_or(0)
}

/// A limit of a process.
#[derive(Clone, Copy, Debug)]
pub enum Resource {
    /// Seconds of processor time.
    Cpu = 0,
    /// Bytes of data.
    Data = 2,
    /// Processes and threads of the user.
    Processes = 6,
    /// Open files.
    OpenFiles = 7,
}

/// Lowers a limit of this process; one that is lower already stays.
pub fn lower_limit(resource: Resource, value: u64) -> Result<()> {
    let mut limit = Rlimit { soft: 0, hard: 0 };
    // SAFETY: the pointer is valid for the call.
    check(unsafe { getrlimit(resource as c_int, &mut limit) })?;
    limit.soft = limit.soft.min(value);
    // Of time one second more, in which a program that catches SIGXCPU may end by itself.
    let more = u64::from(matches!(resource, Resource::Cpu));
    limit.hard = limit.hard.min(value.saturating_add(more));
    // SAFETY: as above.
    check(unsafe { setrlimit(resource as c_int, &limit) }).map(drop)
}

/// From now on this process looks at files as this user and group, and makes them as these; everything else stays.
pub fn look_at_files_as(user: u32) -> Result<()> {
    // SAFETY: take integers only.
    let now = unsafe {
        setfsgid(user);
        setfsuid(user);
        // They tell nothing of a failure, only what was before: what a second call says is so.
        (setfsgid(user), setfsuid(user))
    };
    if now == (user as c_int, user as c_int) { Ok(()) } else { Err(Error::from_raw_os_error(EPERM)) }
}

/// Becomes this user and group, without any other group and any capability, for good.
pub fn become_user(user: u32) -> Result<()> {
    const PR_CAPBSET_READ: c_int = 23;
    const PR_CAPBSET_DROP: c_int = 24;
    for capability in 0..64 as c_ulong {
        let zero = 0 as c_ulong;
        // SAFETY: takes integers only.
        match unsafe { prctl(PR_CAPBSET_READ, capability, zero, zero, zero) } {
            0 => {}
            // SAFETY: as above.
            1 => drop(check(unsafe { prctl(PR_CAPBSET_DROP, capability, zero, zero, zero) })?),
            // There are no more.
            _ => break,
        }
    }
    // SAFETY: no groups, so no pointer is read.
    check(unsafe { setgroups(0, std::ptr::null()) })?;
    // SAFETY: takes integers only.
    check(unsafe { setresgid(user, user, user) })?;
    // SAFETY: as above.
    check(unsafe { setresuid(user, user, user) }).map(drop)
}

/// Lets others of the same user look at this process again.
pub fn allow_inspection() {
    // SAFETY: takes integers only.
    unsafe { prctl(PR_SET_DUMPABLE, 1 as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) };
}

/// Replaces this process's program; returns only where that fails.
pub fn exec(path: &CStr, argv: &[CString], env: &[CString]) -> Error {
    let pointers = |list: &[CString]| -> Vec<*const c_char> {
        list.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both arrays end with a null pointer and their strings outlive the call.
    unsafe { execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    Error::last_os_error()
}

/// Changes this process's directory.
pub fn change_directory(fd: &impl AsRawFd) -> Result<()> {
    // SAFETY: takes an integer.
    check(unsafe { fchdir(fd.as_raw_fd()) }).map(drop)
}

/// Opens a path that may not lead out of `dir`: not by `..`, not by a link, not by an absolute path.
pub fn open_beneath(dir: &impl AsRawFd, path: &CStr, flags: c_int, mode: u32) -> Result<OwnedFd> {
    let how = OpenHow {
        flags: (flags | O_CLOEXEC) as u64,
        mode: u64::from(mode),
        resolve: RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    let mut tries = 0;
    loop {
        // SAFETY: the string and the record are valid, and the record's size is given.
        let fd = unsafe { syscall(SYS_OPENAT2, dir.as_raw_fd(), path.as_ptr(), &how, size_of::<OpenHow>()) };
        match own(fd as c_int) {
            // A rename in between: the kernel can't tell whether the path stays beneath.
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock && tries < 50 => tries += 1,
            result => return result,
        }
    }
}

/// Opens a single name in a directory, without following a link.
pub fn open_at(dir: &impl AsRawFd, name: &CStr, flags: c_int) -> Result<OwnedFd> {
    // SAFETY: a valid string; no mode is needed without O_CREAT.
    own(unsafe { openat(dir.as_raw_fd(), name.as_ptr(), flags | O_NOFOLLOW | O_CLOEXEC) })
}

/// Opens a path as this process sees it.
pub fn open_path(path: &CStr, flags: c_int) -> Result<OwnedFd> {
    // SAFETY: a valid string; no mode is needed without O_CREAT.
    own(unsafe { openat(AT_FDCWD, path.as_ptr(), flags | O_CLOEXEC) })
}

/// Makes a directory in `dir`.
pub fn make_directory(dir: &impl AsRawFd, name: &CStr) -> Result<()> {
    // SAFETY: a valid string.
    check(unsafe { mkdirat(dir.as_raw_fd(), name.as_ptr(), 0o755) }).map(drop)
}

/// Removes a name from `dir`; `directory` says what it is the name of.
pub fn remove(dir: &impl AsRawFd, name: &CStr, directory: bool) -> Result<()> {
    // SAFETY: a valid string.
    check(unsafe { unlinkat(dir.as_raw_fd(), name.as_ptr(), if directory { AT_REMOVEDIR } else { 0 }) })
        .map(drop)
}

/// Moves a name from one directory to another.
pub fn rename(from: &impl AsRawFd, name: &CStr, to: &impl AsRawFd, new: &CStr) -> Result<()> {
    // SAFETY: two valid strings.
    check(unsafe { renameat(from.as_raw_fd(), name.as_ptr(), to.as_raw_fd(), new.as_ptr()) }).map(drop)
}

/// Whether a directory has something of this name.
pub fn is_there(dir: &impl AsRawFd, name: &CStr) -> bool {
    open_at(dir, name, O_PATH).is_ok()
}

/// Makes a directory readable, writable and searchable by its owner.
pub fn unlock_directory(fd: &impl AsRawFd) {
    set_mode(fd, 0o700);
}

/// Whether the file system that something open is on has no more room: for bytes, or for files.
pub fn is_full(fd: &impl AsRawFd) -> bool {
    // statvfs has less than that: five counters after two sizes on 64-bit machines.
    let mut record = [0u64; 32];
    // SAFETY: the record is larger than the one that is written, and as aligned.
    if unsafe { fstatvfs(fd.as_raw_fd(), record.as_mut_ptr().cast()) } != 0 {
        return false;
    }
    let [_, _, blocks, _, blocks_available, files, _, files_available, ..] = record;
    blocks > 0 && blocks_available == 0 || files > 0 && files_available == 0
}

/// Sets what may be done with a file or directory, where it is this user's.
pub fn set_mode(fd: &impl AsRawFd, mode: u32) {
    // SAFETY: takes integers only.
    unsafe { fchmod(fd.as_raw_fd(), mode) };
}

/// The names in a directory with their kinds (the `DT_` number), without `.` and `..`. Reads at most `most` names:
/// a directory can be larger than memory.
pub fn names(dir: &impl AsRawFd, most: usize) -> Result<Vec<(CString, u8)>> {
    let mut buffer = [0u64; 4096];
    let mut found = Vec::new();
    while found.len() < most {
        // SAFETY: the buffer is valid for its whole size.
        let n = unsafe {
            syscall(SYS_GETDENTS64, dir.as_raw_fd(), buffer.as_mut_ptr(), size_of_val(&buffer) as c_ulong)
        };
        let n = usize::try_from(n).map_err(|_| Error::last_os_error())?;
        if n == 0 {
            break;
        }
        // SAFETY: the kernel has filled the first n bytes, and any byte is a valid u8.
        let mut rest = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), n) };
        // Each record: inode 8, offset 8, length 2, kind 1, name and NUL.
        while let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, l0, l1, kind, ..] = *rest {
            let length = usize::from(u16::from_le_bytes([l0, l1]));
            let Some(record) = rest.get(19..length) else { break };
            if let Ok(name) = CStr::from_bytes_until_nul(record)
                && name != c"."
                && name != c".."
            {
                found.push((name.to_owned(), kind));
            }
            rest = &rest[length..];
        }
    }
    Ok(found)
}

/// A new terminal: its master, and the path of its slave.
pub fn open_terminal() -> Result<(OwnedFd, CString)> {
    // SAFETY: takes an integer.
    let master = own(unsafe { posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) })?;
    let fd = master.as_raw_fd();
    // SAFETY: the descriptor is an open terminal master.
    check(unsafe { grantpt(fd) })?;
    // SAFETY: as above.
    check(unsafe { unlockpt(fd) })?;
    let mut name = [0u8; 64];
    // SAFETY: the buffer's size is given.
    let error = unsafe { ptsname_r(fd, name.as_mut_ptr().cast(), name.len()) };
    if error != 0 {
        return Err(Error::from_raw_os_error(error));
    }
    let name = CStr::from_bytes_until_nul(&name).map_err(|_| Error::from_raw_os_error(EINVAL))?;
    Ok((master, name.to_owned()))
}

/// Sets a terminal's size.
pub fn set_terminal_size(fd: &impl AsRawFd, rows: u16, cols: u16) -> Result<()> {
    const TIOCSWINSZ: c_ulong = 0x5414;
    let size = WinSize { rows, cols, x: 0, y: 0 };
    // SAFETY: the record is what this request reads.
    check(unsafe { ioctl(fd.as_raw_fd(), TIOCSWINSZ, &size) }).map(drop)
}

/// Makes a terminal the controlling one of this process's new session.
pub fn take_terminal(fd: &impl AsRawFd) -> Result<()> {
    const TIOCSCTTY: c_ulong = 0x540E;
    // SAFETY: this request takes an integer.
    check(unsafe { ioctl(fd.as_raw_fd(), TIOCSCTTY, 0 as c_int) }).map(drop)
}

impl Message {
    /// One that points to these; it may be used for as long as they live.
    fn new(piece: &mut Piece, rights: &mut Rights) -> Self {
        Self {
            name: std::ptr::null_mut(),
            name_len: 0,
            pieces: piece,
            pieces_len: 1,
            control: std::ptr::from_mut(rights).cast(),
            control_len: size_of::<Rights>(),
            flags: 0,
        }
    }
}

/// How many descriptors go with a message.
pub const RIGHTS: usize = 4;
const SOL_SOCKET: c_int = 1;
const SCM_RIGHTS: c_int = 1;

/// Two connected sockets, closed on exec.
pub fn socket_pair() -> Result<(OwnedFd, OwnedFd)> {
    const AF_UNIX: c_int = 1;
    const SOCK_STREAM_CLOEXEC: c_int = 1 | O_CLOEXEC;
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    check(unsafe { socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, fds.as_mut_ptr()) })?;
    Ok((own(fds[0])?, own(fds[1])?))
}

/// Sends bytes, and descriptors with the first of them; gives how many bytes went.
pub fn send_with(socket: &impl AsRawFd, bytes: &[u8], fds: [RawFd; RIGHTS]) -> Result<usize> {
    let mut piece = Piece { data: bytes.as_ptr().cast_mut().cast(), len: bytes.len() };
    let len = size_of::<Rights>();
    let mut rights = Rights { len, level: SOL_SOCKET, kind: SCM_RIGHTS, fds };
    let message = Message::new(&mut piece, &mut rights);
    // SAFETY: all that the message points to lives until the call returns, and is only read.
    let sent = unsafe { sendmsg(socket.as_raw_fd(), &message, 0) };
    usize::try_from(sent).map_err(|_| Error::last_os_error())
}

/// Receives bytes, and the descriptors that came with them; gives how many bytes came.
pub fn receive_with(socket: &impl AsRawFd, bytes: &mut [u8]) -> Result<(usize, Option<[OwnedFd; RIGHTS]>)> {
    const MSG_CMSG_CLOEXEC: c_int = 0x4000_0000;
    let mut piece = Piece { data: bytes.as_mut_ptr().cast(), len: bytes.len() };
    let len = size_of::<Rights>();
    let mut rights = Rights { len: 0, level: 0, kind: 0, fds: [-1; RIGHTS] };
    let mut message = Message::new(&mut piece, &mut rights);
    // SAFETY: all that the message points to lives until the call returns, with the lengths that are given.
    let received = unsafe { recvmsg(socket.as_raw_fd(), &mut message, MSG_CMSG_CLOEXEC) };
    let received = usize::try_from(received).map_err(|_| Error::last_os_error())?;
    let whole = message.control_len >= len
        && rights.len == len
        && (rights.level, rights.kind) == (SOL_SOCKET, SCM_RIGHTS);
    let fds = whole.then(|| rights.fds.map(own));
    let fds = match fds {
        Some([Ok(a), Ok(b), Ok(c), Ok(d)]) => Some([a, b, c, d]),
        _ => None,
    };
    Ok((received, fds))
}
