//! What a control group has used, as the kernel counts it.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::{Hierarchies, mounted};

/// What a group has used. Absent is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Processor time, in microseconds.
    pub cpu_us: Option<u64>,
    /// Memory now, in bytes.
    pub memory_bytes: Option<u64>,
    /// The most memory at once, in bytes.
    pub peak_bytes: Option<u64>,
    /// How often something was killed for want of memory.
    pub memory_kills: u64,
    /// How often a process or thread was refused.
    pub refusals: u64,
    /// How often it had to wait because it had used up its share of the processors.
    pub throttled: u64,
}

/// Where a group's counters are: its own directory in each hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters(pub(super) Hierarchies);

impl Counters {
    /// Those of the group that a process is in. `None`: they can't be seen from here.
    pub fn of_process(pid: u32) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let found = Self::find(&mounts, &groups)?;
        // Of the group that we are in ourselves nothing could be told apart.
        let there = found.file("memory", "cgroup.procs").exists();
        (there && Self::find(&mounts, &own).as_ref() != Some(&found)).then_some(found)
    }

    fn find(mounts: &str, groups: &str) -> Option<Self> {
        let path = |controller: &str| {
            groups.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(":/")?;
                controllers.split(',').any(|c| c == controller).then_some(path)
            })
        };
        let v1 = |controller: &str| {
            let (point, _) =
                mounted(mounts, "cgroup").find(|(_, options)| options.split(',').any(|o| o == controller))?;
            Some(point.join(path(controller)?))
        };
        let all = || Some((v1("memory")?, v1("pids")?, v1("cpu")?, v1("cpuacct")?));
        if let Some((memory, pids, cpu, cpuacct)) = all() {
            return Some(Self(Hierarchies::V1 { memory, pids, cpu, cpuacct }));
        }
        let (point, _) = mounted(mounts, "cgroup2").next()?;
        Some(Self(Hierarchies::V2(point.join(path("")?))))
    }

    /// A file of a controller's.
    pub(super) fn file(&self, controller: &str, file: &str) -> PathBuf {
        let directory = match &self.0 {
            Hierarchies::V2(tree) => tree,
            Hierarchies::V1 { memory, pids, cpu, cpuacct } => match controller {
                "memory" => memory,
                "pids" => pids,
                "cpu" => cpu,
                _ => cpuacct,
            },
        };
        directory.join(file)
    }

    /// How often something in the group was killed for want of memory, and how often a process or thread was refused.
    pub fn held(&self) -> (u64, u64) {
        let counted = |controller, file, key| {
            count(&read(&self.file(controller, file)).unwrap_or_default(), key).unwrap_or(0)
        };
        let memory = match &self.0 {
            Hierarchies::V2(_) => "memory.events",
            Hierarchies::V1 { .. } => "memory.oom_control",
        };
        (counted("memory", memory, "oom_kill"), counted("pids", "pids.events", "max"))
    }

    /// What the group has used.
    pub fn figures(&self) -> Figures {
        let number = |controller, file| read(&self.file(controller, file))?.trim().parse::<u64>().ok();
        let counted =
            |controller, file, key| count(&read(&self.file(controller, file)).unwrap_or_default(), key);
        let (memory_kills, refusals) = self.held();
        match &self.0 {
            Hierarchies::V2(_) => Figures {
                cpu_us: counted("v2", "cpu.stat", "usage_usec"),
                memory_bytes: number("v2", "memory.current"),
                peak_bytes: number("v2", "memory.peak"),
                memory_kills,
                refusals,
                throttled: counted("v2", "cpu.stat", "nr_throttled").unwrap_or(0),
            },
            Hierarchies::V1 { .. } => Figures {
                cpu_us: number("cpuacct", "cpuacct.usage").map(|ns| ns / 1000),
                memory_bytes: number("memory", "memory.usage_in_bytes"),
                peak_bytes: number("memory", "memory.max_usage_in_bytes"),
                memory_kills,
                refusals,
                throttled: counted("cpu", "cpu.stat", "nr_throttled").unwrap_or(0),
            },
        }
    }
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The number behind `key` in lines of `key number`.
fn count(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_their_name() {
        let text = "low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n";
        assert_eq!(count(text, "oom_kill"), Some(3));
        assert_eq!(count(text, "max"), Some(7));
        assert_eq!(count(text, "oo"), None);
    }

    #[test]
    fn a_containers_group_is_found_in_both_versions() {
        let mounts = "32 31 0:29 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
            35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n\
            39 31 0:36 / /cg/pids rw - cgroup cgroup rw,pids\n\
            41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n";
        let groups = "9:pids:/docker/abc\n5:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/docker/abc\n";
        let found = Counters::find(mounts, groups).unwrap();
        assert_eq!(found.file("memory", "x"), Path::new("/cg/memory/docker/abc/x"));
        assert_eq!(found.file("cpuacct", "x"), Path::new("/cg/cpu,cpuacct/docker/abc/x"));
        let found = Counters::find(
            "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "0::/system.slice/docker-abc.scope\n",
        );
        let expected = Path::new("/sys/fs/cgroup/system.slice/docker-abc.scope/memory.max");
        assert_eq!(found.unwrap().file("memory", "memory.max"), expected);
        assert_eq!(Counters::find("", groups), None);
    }
}
