//! What every program of a session is held to, beyond what holds the agent: its control group, its limits, its user,
//! Landlock.

use std::io::Result;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::super::wire::Confinement;
use super::super::{landlock, seccomp, sys};

/// Made once, put on by each program before it is executed.
#[derive(Default)]
pub struct Walls {
    user: u32,
    processes: u64,
    data_bytes: u64,
    open_files: u64,
    expendable: bool,
    /// Each takes a process into a control group.
    joins: Vec<OwnedFd>,
    rules: Option<OwnedFd>,
}

impl Walls {
    /// Prepares what is asked for. From then on the agent itself looks at files as the programs' user, who owns them.
    pub fn new(confinement: &Confinement, joins: Vec<OwnedFd>) -> Result<Self> {
        let Confinement { user, processes, data_bytes, open_files, ref read, ref write, expendable, .. } =
            *confinement;
        // A user of their own is out of the reach of the agent's helpers, and they of his.
        let rules = confinement.landlock.then(|| landlock::rules(read, write, user == 0)).transpose()?;
        if user != 0 {
            sys::look_at_files_as(user)?;
            // That makes the kernel forget it: without the launcher nobody would end a session that doesn't end itself.
            sys::signal_at_end_of_parent(sys::SIGKILL);
        }
        // Last: they refuse some of what was done until now.
        for filter in &confinement.filters {
            seccomp::put_on(filter)?;
        }
        Ok(Self { user, processes, data_bytes, open_files, expendable, joins, rules })
    }

    /// The descriptors that a process must keep to put them on.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.joins.iter().chain(&self.rules).map(AsRawFd::as_raw_fd)
    }

    /// Whether a program is to find its supervisor waiting: where that has control groups to join, which can take a
    /// while, and in a container, where a fork is a good part of what a short command costs.
    pub fn want_a_spare(&self) -> bool {
        !self.joins.is_empty() || self.expendable
    }

    /// Takes this process into the control groups; what it starts is in them from the first.
    pub fn join(&self) -> Result<()> {
        for join in &self.joins {
            // 0 is whoever writes it.
            std::io::Write::write_all(&mut std::fs::File::from(join.try_clone()?), b"0")?;
        }
        Ok(())
    }

    /// Puts the others on this process. `supervisor` is who forked it.
    pub fn put_on(&self, cpu_seconds: u64, supervisor: i32) -> Result<()> {
        if self.expendable {
            // Its own file is its own only while it lets itself be looked at, as it will when it is executed.
            sys::allow_inspection();
            std::fs::write("/proc/self/oom_score_adj", "1000")?;
            sys::deny_inspection()?;
        }
        if cpu_seconds > 0 {
            sys::lower_limit(sys::Resource::Cpu, cpu_seconds)?;
        }
        if self.data_bytes > 0 {
            sys::lower_limit(sys::Resource::Data, self.data_bytes)?;
        }
        if self.user != 0 {
            sys::become_user(self.user)?;
        }
        // After that: one more than the limit may always begin, and sees what is wrong.
        if self.processes > 0 {
            sys::lower_limit(sys::Resource::Processes, self.processes)?;
        }
        // Becoming another user forgets it. Where both its supervisor and the agent are killed nobody else ends it.
        sys::die_with(supervisor);
        if let Some(rules) = &self.rules {
            landlock::put_on(rules)?;
        }
        // Last: what is open already stays so.
        if self.open_files > 0 {
            sys::lower_limit(sys::Resource::OpenFiles, self.open_files)?;
        }
        Ok(())
    }
}
