//! Who a session's programs are: a user without any privilege, and where we are root, one of the session's own.

use std::fs;
use std::io::{Result, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::{Pid, getegid, geteuid};
use rustix::thread::{Gid, Uid};

use super::spec::Tier;

/// The user that programs are inside a user namespace; the agent is 0 where it has one of its own.
pub const INSIDE: u32 = 1000;
/// The first of the host's numbers for users of sessions: above what systemd and subordinate ids are given, and a
/// range that nobody else is known to use.
const FIRST: u32 = 0x7000_0000;
/// Ids for each session: the agent's and its programs'.
const EACH: u32 = 2;
/// The highest process id there can be on 64-bit Linux.
const MAX_PID: u32 = 1 << 22;

/// Who is who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// We are root: agent and programs get ids of their own on the host.
    Own {
        /// The agent's.
        agent: u32,
        /// The programs'.
        programs: u32,
    },
    /// We are an ordinary user, and so are they.
    Ours {
        /// Our user.
        user: u32,
        /// Our group.
        group: u32,
    },
}

impl Identity {
    /// The identity of this launcher's session.
    pub fn choose(tier: Tier) -> Self {
        // No two launchers that live have the same number.
        let own = std::process::id() % MAX_PID * EACH;
        match own_users(own).filter(|_| tier != Tier::Unconfined) {
            Some(agent) => Self::Own { agent, programs: agent + 1 },
            None => Self::Ours { user: geteuid().as_raw(), group: getegid().as_raw() },
        }
    }

    /// The user that programs have as the agent sees it, where it is not the agent's own.
    pub fn inside(&self) -> Option<u32> {
        matches!(self, Self::Own { .. }).then_some(INSIDE)
    }

    /// Makes these users those of a new user namespace, which `child` is in.
    pub fn map(&self, child: Pid) -> Result<()> {
        let file = |name: &str, text: &str| {
            let path = format!("/proc/{}/{name}", child.as_raw_nonzero());
            // One write: the kernel takes a map as a whole.
            fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
        };
        match *self {
            Self::Own { agent, programs } => {
                let map = format!("0 {agent} 1\n{INSIDE} {programs} 1\n");
                file("uid_map", &map)?;
                file("gid_map", &map)
            }
            Self::Ours { user, group } => {
                file("setgroups", "deny")?;
                file("uid_map", &format!("{INSIDE} {user} 1\n"))?;
                file("gid_map", &format!("{INSIDE} {group} 1\n"))
            }
        }
    }

    /// In a user namespace: from the user that this process was outside to the agent's.
    pub fn become_agent(&self) -> Result<()> {
        match self {
            Self::Own { .. } => become_user(0),
            Self::Ours { .. } => Ok(()),
        }
    }

    /// Without namespaces: gives the directories in a session's to its user, who may pass through to them.
    pub fn hand_over(&self, directory: &Path) -> Result<()> {
        let Self::Own { programs, .. } = *self else { return Ok(()) };
        let passable = fs::Permissions::from_mode(0o711);
        for above in [Some(directory), directory.parent()].into_iter().flatten() {
            fs::set_permissions(above, passable.clone())?;
        }
        for entry in fs::read_dir(directory)?.flatten() {
            std::os::unix::fs::lchown(entry.path(), Some(programs), Some(programs))?;
        }
        Ok(())
    }

    /// Without namespaces: the user of the host that agent and programs are. Privileges go with it.
    pub fn become_host_user(&self) -> Result<()> {
        match *self {
            Self::Own { programs, .. } => become_user(programs),
            Self::Ours { .. } => Ok(()),
        }
    }
}

/// Whether sessions are given users of their own here: by a root who has some to give.
pub fn has_own_users() -> bool {
    own_users(0).is_some()
}

fn own_users(own: u32) -> Option<u32> {
    let ranges = geteuid().is_root().then(|| fs::read_to_string("/proc/self/uid_map").ok()).flatten()?;
    place(&ranges, own)
}

/// Gives up every other group and becomes this user.
pub fn become_user(number: u32) -> Result<()> {
    let (user, group) = (Uid::from_raw(number), Gid::from_raw(number));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(group, group, group)?;
    Ok(rustix::thread::set_thread_res_uid(user, user, user)?)
}

/// Where `own` numbers can be had: the usual place, or where this root has fewer users than the host (a container's
/// root), at the end of its largest range.
fn place(map: &str, own: u32) -> Option<u32> {
    let ranges = map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|n| n.parse::<u64>().ok());
        let (inside, _, length) = (numbers.next()??, numbers.next()??, numbers.next()??);
        Some((inside, length))
    });
    let ranges: Vec<(u64, u64)> = ranges.collect();
    let whole = u64::from(FIRST)..u64::from(FIRST + MAX_PID * EACH);
    if ranges.iter().any(|&(from, length)| from <= whole.start && whole.end <= from + length) {
        return Some(FIRST + own);
    }
    // The lower half is left to whoever lives there.
    let &(from, length) = ranges.iter().max_by_key(|(_, length)| *length)?;
    let free = length / 2 / u64::from(EACH) * u64::from(EACH);
    (free >= 64).then(|| (from + length - free + u64::from(own) % free) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_have_users_that_nobody_else_has() {
        let whole = "         0          0 4294967295\n";
        assert_eq!(place(whole, 0), Some(FIRST));
        assert_eq!(place(whole, 2 * 4711), Some(FIRST + 2 * 4711));
        // Rootless Docker: root itself and 65536 subordinate users.
        let container = "0 1000 1\n1 100000 65536\n";
        for own in (0..100_000).step_by(2) {
            let agent = place(container, own).unwrap();
            assert!((32769..65536).contains(&agent), "{agent}");
        }
        assert_eq!(place("0 1000 1\n", 2), None);
    }
}
