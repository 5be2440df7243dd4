//! The system call filter: what no program of a session may ask the kernel for.
//!
//! A list of what is refused, not of what is allowed: the just-in-time compilers of Bun, Deno and Node use whatever
//! their kernel has, and a list that is a little too narrow fails at random. What is refused gets EPERM, so that
//! programs can go on; `clone3` and the x32 calls, which a filter can't look into, get ENOSYS and are replaced by
//! their callers.

use std::collections::BTreeMap;
use std::io::{Error, Result};

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::Tier;

/// Refused whatever their arguments are: other programs' memory, mounts and namespaces, the kernel's own state, and
/// what of the kernel is large and seldom needed.
const REFUSED: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount_setattr,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    // open_tree_attr, statmount, listmount: newer than the crate's lists.
    467,
    457,
    458,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_mbind,
    libc::SYS_set_mempolicy,
    libc::SYS_vmsplice,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Its requests count against what the machine has of them, for everybody.
    libc::SYS_io_setup,
    libc::SYS_memfd_secret,
    libc::SYS_process_mrelease,
    // System V's shared memory, queues and semaphores outlive whoever made them, and are memory of the session.
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
];

/// Those that only x86-64 has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Changes permissions, owners, times and attributes of what a path leads to, which Landlock does not hold. Refused
/// where the user is the one that we are: his files could be opened to others, or locked.
#[cfg(target_arch = "x86_64")]
const BY_PATH: [i64; 16] = [
    libc::SYS_chmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    // setxattrat, removexattrat, file_setattr: newer than the crate's lists.
    463,
    466,
    469,
];
#[cfg(not(target_arch = "x86_64"))]
const BY_PATH: [i64; 10] = [
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    463,
    466,
    469,
];

/// Of `clone`: every kind of namespace.
const NEW_NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Refused where there is no namespace for them: what has a name for everybody on the machine, can be the host's or
/// another session's, and outlives whoever made it.
const SHARED: [i64; 13] = [
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
];

const FCHMODAT2: i64 = 452;
/// What a socket of the internet may speak: what its kind does by itself, TCP, UDP, MPTCP, and the echo of ICMP.
const PROTOCOLS: [libc::c_int; 6] =
    [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP, 262, libc::IPPROTO_ICMP, libc::IPPROTO_ICMPV6];

/// What a filter has to make up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Which wall it is part of.
    pub tier: Tier,
    /// The session was given the host's network.
    pub network: bool,
    /// Programs are a user of the session's own, not the one that we are.
    pub own_users: bool,
    /// A control group counts all memory.
    pub counted: bool,
    /// Landlock keeps abstract sockets within the session.
    pub scoped: bool,
}

/// The filters for a session, as the kernel takes them: 8 bytes an instruction.
///
/// # Errors
/// The filter can't be built for this machine's architecture.
pub fn filters(filter: Filter) -> Result<Vec<Vec<u8>>> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(unusable)?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let rules = rules(filter).map_err(unusable)?;
    let main = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch);
    let main: BpfProgram = main.and_then(TryInto::try_into).map_err(unusable)?;
    let bytes = |code: u16, jt: u8, jf: u8, k: u32| {
        let [c0, c1] = code.to_ne_bytes();
        let [k0, k1, k2, k3] = k.to_ne_bytes();
        [c0, c1, jt, jf, k0, k1, k2, k3]
    };
    let main = main.iter().flat_map(|i| bytes(i.code, i.jt, i.jf, i.k)).collect();
    let absent = absent(filter).iter().flat_map(|&(code, jt, jf, k)| bytes(code, jt, jf, k)).collect();
    Ok(vec![absent, main])
}

fn unusable(error: BackendError) -> Error {
    Error::other(format!("the system call filter can't be built: {error}"))
}

/// What is as if the kernel did not have it: `clone3`, whose flags stand in memory, and the x32 calls, which would go
/// past the numbers that the other filter knows. The other filter has looked at the architecture before: the kernel
/// takes the strictest answer of both.
fn absent(filter: Filter) -> Vec<(u16, u8, u8, u32)> {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const X32: u32 = 0x4000_0000;
    // Memory that needs no process to hold it could not be counted.
    let memory = if filter.counted { libc::SYS_clone3 } else { libc::SYS_memfd_create };
    vec![
        (LOAD_NUMBER, 0, 0, 0),
        (IF_EQUAL, 3, 0, libc::SYS_clone3 as u32),
        (IF_EQUAL, 2, 0, memory as u32),
        (IF_AT_LEAST, 1, 0, X32),
        (RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        (RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn rules(filter: Filter) -> std::result::Result<Rules, BackendError> {
    let Filter { tier, own_users, .. } = filter;
    let mut rules = conditions(filter)?;
    let shared: &[i64] = if tier == Tier::Landlock { &SHARED } else { &[] };
    let by_path: &[i64] = if tier == Tier::Landlock && !own_users { &BY_PATH } else { &[] };
    // Whatever was to be looked at in their arguments: these are refused with any.
    for number in [REFUSED, REFUSED_HERE, shared, by_path].concat() {
        rules.insert(number, Vec::new());
    }
    Ok(rules)
}

/// What is refused with certain arguments.
fn conditions(filter: Filter) -> std::result::Result<Rules, BackendError> {
    let Filter { tier, network, own_users, scoped, .. } = filter;
    let mut rules = Rules::new();
    let mut refuse = |number: i64, conditions: Vec<SeccompCondition>| {
        SeccompRule::new(conditions).map(|rule| rules.entry(number).or_default().push(rule))
    };
    for flag in NEW_NAMESPACES {
        refuse(libc::SYS_clone, vec![has(0, flag as u64)?])?;
    }
    // Another process's limits: the agent's, where it has the same user.
    refuse(libc::SYS_prlimit64, vec![differs(0, 0)?])?;
    // The limit of core dumps is the one number that keeps the kernel from starting the host's handler of crashes.
    const RLIMIT_CORE: u64 = 4;
    refuse(libc::SYS_setrlimit, vec![equals(0, RLIMIT_CORE)?])?;
    refuse(libc::SYS_prlimit64, vec![equals(1, RLIMIT_CORE)?, is_there(2)?])?;
    // Typing into a terminal for whoever reads it next.
    const TIOCSTI: u64 = 0x5412;
    const TIOCLINUX: u64 = 0x541c;
    for request in [TIOCSTI, TIOCLINUX] {
        refuse(libc::SYS_ioctl, vec![equals(1, request)?])?;
    }
    for mode in [libc::S_ISUID, libc::S_ISGID] {
        refuse(libc::SYS_fchmod, vec![has(1, mode.into())?])?;
        refuse(libc::SYS_fchmodat, vec![has(2, mode.into())?])?;
        refuse(FCHMODAT2, vec![has(2, mode.into())?])?;
        #[cfg(target_arch = "x86_64")]
        refuse(libc::SYS_chmod, vec![has(1, mode.into())?])?;
    }
    if tier == Tier::Landlock && !own_users {
        // Of a path; what is open already may be changed.
        refuse(libc::SYS_utimensat, vec![is_there(1)?])?;
    }
    if tier == Tier::Landlock {
        // One of a pair for datagrams can send to any socket in a file, which Landlock does not hold. The kernel takes
        // raw ones for the same.
        for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
            refuse(libc::SYS_socketpair, vec![masked(1, 0xf, kind as u64)?])?;
        }
        // Others of the same user, the agent among them, could be made slower.
        const ONE_PROCESS: u64 = 0;
        const DISK_OF_ONE_PROCESS: u64 = 1;
        refuse(libc::SYS_setpriority, vec![differs(0, ONE_PROCESS)?])?;
        refuse(libc::SYS_setpriority, vec![differs(1, 0)?])?;
        refuse(libc::SYS_ioprio_set, vec![differs(0, DISK_OF_ONE_PROCESS)?])?;
        refuse(libc::SYS_ioprio_set, vec![differs(1, 0)?])?;
        for number in [libc::SYS_sched_setaffinity, libc::SYS_sched_setparam, libc::SYS_sched_setattr] {
            refuse(number, vec![differs(0, 0)?])?;
        }
        // What everything has anyway can be set: Mono does so for each of its threads.
        const SCHED_OTHER: u64 = 0;
        refuse(libc::SYS_sched_setscheduler, vec![differs(0, 0)?, differs(1, SCHED_OTHER)?])?;
    }
    if tier == Tier::Landlock && !network {
        // Landlock holds neither datagrams nor sockets in files.
        rules.insert(libc::SYS_socket, Vec::new());
        return Ok(rules);
    }
    let mut families = vec![libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    // Without a root of its own a session would reach the host's sockets in files: the Docker Engine's.
    families.extend((tier == Tier::Namespaces && (scoped || !network)).then_some(libc::AF_UNIX));
    let others: std::result::Result<Vec<_>, _> = families.iter().map(|&f| differs(0, f as u64)).collect();
    refuse(libc::SYS_socket, others?)?;
    for family in [libc::AF_INET, libc::AF_INET6] {
        // Every other protocol is code in the kernel that hardly anybody asks for.
        let others: std::result::Result<Vec<_>, _> =
            PROTOCOLS.iter().map(|&p| differs(2, p as u64)).collect();
        refuse(libc::SYS_socket, [vec![equals(0, family as u64)?], others?].concat())?;
        let raw = masked(1, 0xf, libc::SOCK_RAW as u64)?;
        refuse(libc::SYS_socket, vec![equals(0, family as u64)?, raw])?;
    }
    // Routes and addresses can be read; every other netlink is the kernel's own business.
    refuse(libc::SYS_socket, vec![equals(0, libc::AF_NETLINK as u64)?, differs(2, 0)?])?;
    Ok(rules)
}

type Condition = std::result::Result<SeccompCondition, BackendError>;

fn equals(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn differs(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}

/// Is no null pointer.
fn is_there(argument: u8) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)
}

/// Has this bit.
fn has(argument: u8, bit: u64) -> Condition {
    masked(argument, bit, bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_filters_that_fit_the_kernel() {
        for tier in [Tier::Namespaces, Tier::Landlock] {
            for mask in 0..16 {
                let flag = |bit: u32| mask & 1 << bit != 0;
                let (network, own_users, counted, scoped) = (flag(0), flag(1), flag(2), flag(3));
                let filters = filters(Filter { tier, network, own_users, counted, scoped }).unwrap();
                assert_eq!(filters.len(), 2);
                for filter in filters {
                    assert_eq!(filter.len() % 8, 0);
                    // BPF_MAXINSNS
                    assert!(filter.len() / 8 <= 4096, "{}", filter.len() / 8);
                }
            }
        }
    }
}
