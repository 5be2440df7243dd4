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
const IPPROTO_L2TP: libc::c_int = 115;

/// The filters for a session of this tier, with or without the network, as the kernel takes them: 8 bytes an
/// instruction.
///
/// # Errors
/// The filter can't be built for this machine's architecture.
pub fn filters(tier: Tier, network: bool) -> Result<Vec<Vec<u8>>> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(unusable)?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let filter =
        SeccompFilter::new(rules(tier, network).map_err(unusable)?, SeccompAction::Allow, refused, arch);
    let filter: BpfProgram = filter.and_then(TryInto::try_into).map_err(unusable)?;
    let bytes = |code: u16, jt: u8, jf: u8, k: u32| {
        let [c0, c1] = code.to_ne_bytes();
        let [k0, k1, k2, k3] = k.to_ne_bytes();
        [c0, c1, jt, jf, k0, k1, k2, k3]
    };
    let main = filter.iter().flat_map(|i| bytes(i.code, i.jt, i.jf, i.k)).collect();
    let absent = absent().iter().flat_map(|&(code, jt, jf, k)| bytes(code, jt, jf, k)).collect();
    Ok(vec![absent, main])
}

fn unusable(error: BackendError) -> Error {
    Error::other(format!("the system call filter can't be built: {error}"))
}

/// What is as if the kernel did not have it: `clone3`, whose flags stand in memory, and the x32 calls, which would go
/// past the numbers that the other filter knows. The other filter has looked at the architecture before: the kernel
/// takes the strictest answer of both.
fn absent() -> Vec<(u16, u8, u8, u32)> {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const X32: u32 = 0x4000_0000;
    vec![
        (LOAD_NUMBER, 0, 0, 0),
        (IF_EQUAL, 2, 0, libc::SYS_clone3 as u32),
        (IF_AT_LEAST, 1, 0, X32),
        (RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        (RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn rules(tier: Tier, network: bool) -> std::result::Result<Rules, BackendError> {
    let shared: &[i64] = if tier == Tier::Landlock { &SHARED } else { &[] };
    let always = REFUSED.iter().chain(REFUSED_HERE).chain(shared);
    let mut rules: Rules = always.map(|&number| (number, Vec::new())).collect();
    let mut refuse = |number: i64, conditions: Vec<SeccompCondition>| {
        SeccompRule::new(conditions).map(|rule| rules.entry(number).or_default().push(rule))
    };
    for flag in NEW_NAMESPACES {
        refuse(libc::SYS_clone, vec![has(0, flag as u64)?])?;
    }
    // Another process's limits: the agent's, where it has the same user.
    refuse(libc::SYS_prlimit64, vec![differs(0, 0)?])?;
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
        for number in [
            libc::SYS_sched_setaffinity,
            libc::SYS_sched_setscheduler,
            libc::SYS_sched_setparam,
            libc::SYS_sched_setattr,
        ] {
            refuse(number, vec![differs(0, 0)?])?;
        }
    }
    if tier == Tier::Landlock && !network {
        // Landlock holds neither datagrams nor sockets in files.
        rules.insert(libc::SYS_socket, Vec::new());
        return Ok(rules);
    }
    let mut families = vec![libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    // Without a root of its own a session would reach the host's sockets in files: the Docker Engine's.
    families.extend((tier == Tier::Namespaces).then_some(libc::AF_UNIX));
    let others: std::result::Result<Vec<_>, _> = families.iter().map(|&f| differs(0, f as u64)).collect();
    refuse(libc::SYS_socket, others?)?;
    for family in [libc::AF_INET, libc::AF_INET6] {
        // Protocols that nobody asks for, each with its own code in the kernel.
        for protocol in [libc::IPPROTO_DCCP, libc::IPPROTO_SCTP, libc::IPPROTO_UDPLITE, IPPROTO_L2TP] {
            let this = equals(2, protocol as u64)?;
            refuse(libc::SYS_socket, vec![equals(0, family as u64)?, this])?;
        }
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
            for network in [false, true] {
                let filters = filters(tier, network).unwrap();
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
