//! What was seen, and which layers hold by that.

use std::collections::HashMap;

use super::{FILES, PROCESSES, WORKSPACE};
use crate::sandbox::Layer;

const EPERM: i32 = 1;
const EACCES: i32 = 13;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;

/// What was seen.
#[derive(Default)]
pub struct Seen {
    pub answers: HashMap<&'static str, (i32, String)>,
    pub workspace_works: bool,
    pub memory_held: bool,
    pub processors_held: bool,
    pub left_behind: u32,
    pub reached: bool,
    pub ended: bool,
}

impl Seen {
    pub fn errno(&self, name: &str) -> Option<i32> {
        self.answers.get(name).map(|(errno, _)| *errno)
    }

    fn detail(&self, name: &str) -> &str {
        self.answers.get(name).map_or("", |(_, detail)| detail)
    }

    /// It was tried, and refused with one of these.
    fn refused(&self, name: &str, errors: &[i32]) -> Result<(), String> {
        match self.answers.get(name) {
            Some((errno, _)) if errors.contains(errno) => Ok(()),
            Some((0, _)) => Err(format!("{name}: it could be done")),
            Some((_, error)) => Err(format!("{name}: {error}")),
            None => Err(format!("{name}: no answer")),
        }
    }

    fn failed(&self, names: &[&str]) -> Result<(), String> {
        let done = names.iter().find(|name| self.errno(name).is_none_or(|errno| errno == 0));
        done.map_or(Ok(()), |name| Err(format!("{name}: it could be done")))
    }

    /// Whether a layer holds; if not, what was seen.
    pub fn holds(&self, layer: Layer, own_root: bool) -> Result<(), String> {
        let unless = |held: bool, reason: &str| if held { Ok(()) } else { Err(reason.to_owned()) };
        match layer {
            Layer::OwnRoot => ["read", "stat", "change", "open", "shadow"]
                .iter()
                .try_for_each(|name| self.refused(name, &[ENOENT, 30])),
            Layer::OwnProcesses if !own_root => Err("it has this machine's processes around it".into()),
            // Low numbers are its own processes': then the others must do.
            Layer::OwnProcesses if std::process::id() <= 64 => self.refused("init", &[EACCES, EPERM, ENOENT]),
            Layer::OwnProcesses => {
                self.refused("kill", &[ESRCH])?;
                self.refused("proc", &[ENOENT])?;
                self.refused("init", &[EACCES, EPERM, ENOENT])
            }
            Layer::OwnNetwork if !own_root => Err("it has this machine's network".into()),
            Layer::OwnNetwork => {
                unless(!self.reached, "something arrived from inside")?;
                self.failed(&["tcp", "abstract"])
            }
            Layer::NoSockets => {
                ["tcp", "udp", "unix", "abstract", "inet"]
                    .iter()
                    .try_for_each(|n| self.refused(n, &[EPERM]))?;
                unless(!self.reached, "something arrived from inside")
            }
            Layer::Landlock => {
                self.refused("comm", &[EACCES])?;
                self.failed(&["read", "change", "open", "shadow"])
            }
            Layer::SignalScope => {
                self.failed(&["kill", "launcher", "abstract"])?;
                // Of the same user as the program, and in its namespace: nothing else keeps it from these.
                ["agent", "parent"].iter().try_for_each(|name| self.refused(name, &[EPERM]))
            }
            Layer::Seccomp => {
                ["vsock", "unshare", "ptrace"].iter().try_for_each(|name| self.refused(name, &[EPERM]))
            }
            Layer::UnprivilegedUser => self.unprivileged(),
            Layer::NoNewPrivileges => unless(self.detail("privileges") == "1", "it is not set"),
            Layer::ControlGroup => {
                unless(self.memory_held, "more memory than the limit could be used")?;
                let forks = self.detail("fork").parse::<u64>().unwrap_or(u64::MAX);
                unless(forks < PROCESSES, "more processes than the limit could be had")?;
                unless(self.processors_held, "more processor time than the limit could be used")
            }
            Layer::StorageQuota if !own_root => Err("it has this machine's file system".into()),
            Layer::StorageQuota => {
                // As much as it may hold, and no more: a full disk of this machine's would refuse as well.
                let (errno, written) = self.detail("fill").split_once(' ').unwrap_or_default();
                let near = written.parse().is_ok_and(|n: u64| (WORKSPACE / 2..=WORKSPACE).contains(&n));
                unless(errno == "28" && near, &format!("{written} bytes could be written"))?;
                let files = self.detail("files").parse::<u64>().unwrap_or(u64::MAX);
                unless(files <= FILES, "more files than the limit could be made")
            }
            Layer::ResourceLimits => {
                let (files, core) = self.detail("limits").split_once(' ').unwrap_or_default();
                unless(self.memory_held, "more memory than the limit could be used")?;
                unless(core == "1", "core dumps are not ruled out")?;
                unless(files.parse().is_ok_and(|n: u64| n <= 1024), "open files are not limited")
            }
            Layer::Supervisor => {
                unless(self.left_behind == 0, "what a program left behind was still there")?;
                // Behind namespaces the agent, whom nobody in there can end, stands in for one that was.
                if own_root { Ok(()) } else { self.refused("parent", &[EPERM]) }
            }
            Layer::Lifeline => unless(self.ended, "it did not end with its stream"),
            Layer::CleanEnvironment => unless(self.detail("environment") == "0", "variables were inherited"),
        }
    }

    /// Neither root on this machine, nor with any of its capabilities.
    fn unprivileged(&self) -> Result<(), String> {
        if !self.detail("capabilities").trim_start_matches('0').is_empty() {
            return Err(format!("it has capabilities: {}", self.detail("capabilities")));
        }
        let inside = self.detail("user").split(',').next().and_then(|n| n.parse::<u64>().ok());
        // `inside outside length` for each range.
        let map: Vec<u64> = self.detail("map").split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let outside = map.chunks_exact(3).find_map(|range| {
            let offset = inside?.checked_sub(range[0]).filter(|offset| *offset < range[2])?;
            Some(range[1] + offset)
        });
        match outside {
            Some(0) => Err("CodeBeaker runs as root, and so do its sessions".into()),
            Some(_) => Ok(()),
            None => Err("which user it is on this machine is not known".into()),
        }
    }
}
