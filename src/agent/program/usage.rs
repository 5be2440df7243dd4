//! What runs below the agent and what it uses, from `/proc`.

use super::super::sys;
use super::super::wire::Usage;

/// One process, as `/proc/PID/stat` tells it.
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// Its processor time and that of its reaped children, in microseconds.
    pub cpu_us: u64,
    /// Resident memory, in bytes.
    pub memory_bytes: u64,
    /// Its threads.
    pub threads: u64,
}

/// Every process this one can see.
pub fn processes() -> Vec<Process> {
    let Ok(dir) = std::fs::read_dir("/proc") else { return Vec::new() };
    dir.flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            parse(pid, &std::fs::read_to_string(entry.path().join("stat")).ok()?)
        })
        .collect()
}

fn parse(pid: i32, stat: &str) -> Option<Process> {
    // The name stands in parentheses and may hold anything, parentheses too.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let number = |i: usize| fields.get(i).and_then(|f| f.parse::<i64>().ok()).map(|n| n.max(0) as u64);
    // Clock ticks: 100 a second on every Linux that std supports.
    let ticks: u64 = (11..=14).filter_map(number).sum();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        cpu_us: ticks * 10_000,
        memory_bytes: number(21)? * sys::page_size(),
        threads: number(17)?,
    })
}

/// What the programs below the agent use; `supervisors` are those the agent knows of.
pub fn of_descendants(me: i32, supervisors: &[i32]) -> Usage {
    let all = processes();
    let mut family = vec![me];
    // Where processes are hidden from others than their tracers a supervisor is not listed, but its programs are.
    family.extend_from_slice(supervisors);
    let mut usage = Usage::default();
    // Each round finds the children of those found in the last.
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        next += 1;
        for process in all.iter().filter(|p| p.parent == parent && p.pid != me) {
            if family.contains(&process.pid) {
                continue;
            }
            family.push(process.pid);
            // A child of the agent itself is a supervisor, perhaps one that is just ending.
            if parent == me {
                continue;
            }
            usage.cpu_us += process.cpu_us;
            usage.memory_bytes += process.memory_bytes;
            usage.processes += 1;
        }
    }
    usage
}

/// What runs below one supervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// The supervisor.
    pub supervisor: i32,
    /// Resident memory of all, in bytes; what they share counts for each.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub threads: u64,
    /// Who they are, and the resident memory of each.
    pub members: Vec<(i32, u64)>,
}

/// What runs below each of these supervisors.
pub fn families(supervisors: &[i32]) -> Vec<Family> {
    let all = processes();
    let family = |&supervisor: &i32| {
        let mut family = Family { supervisor, ..Family::default() };
        let mut next = vec![supervisor];
        while let Some(parent) = next.pop() {
            for process in all.iter().filter(|p| p.parent == parent) {
                // Numbers are given again: what was listed at different moments may form a ring.
                if family.members.iter().all(|(pid, _)| *pid != process.pid) {
                    family.memory_bytes += process.memory_bytes;
                    family.threads += process.threads;
                    family.members.push((process.pid, process.memory_bytes));
                    next.push(process.pid);
                }
            }
        }
        family
    };
    supervisors.iter().map(family).collect()
}

/// A process's memory with its share of what it has in common with others, and what of it was swapped out, in bytes; of
/// one that has just ended nothing. `None` where it lets nobody look.
pub fn proportional(pid: i32) -> Option<u64> {
    let text = match std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Err(e) if matches!(e.raw_os_error(), Some(sys::EACCES | sys::EPERM)) => return None,
        text => text.unwrap_or_default(),
    };
    if text.is_empty() {
        return Some(0);
    }
    let field = |name: &str| {
        let line = text.lines().find_map(|l| l.strip_prefix(name))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    };
    Some(field("Pss:")? + field("SwapPss:").unwrap_or(0))
}

/// What programs have open that has no name any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unnamed {
    /// Bytes of deleted files.
    pub bytes: u64,
    /// The supervisors of processes that let nobody look at what they have.
    pub hidden: Vec<i32>,
}

/// Looks at what the programs have open.
pub fn unnamed(families: &[Family]) -> Unnamed {
    use std::os::unix::fs::MetadataExt;
    let mut unnamed = Unnamed::default();
    let mut deleted = std::collections::BTreeMap::new();
    for (family, &(pid, _)) in families.iter().flat_map(|f| f.members.iter().map(move |m| (f, m))) {
        let open = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
            Err(e) if e.raw_os_error() == Some(sys::EACCES) && is_older_than(pid, HIDING) => {
                unnamed.hidden.push(family.supervisor);
                continue;
            }
            open => open.into_iter().flatten().flatten(),
        };
        for entry in open {
            let to = std::fs::read_link(entry.path()).unwrap_or_default();
            if to.as_os_str().as_encoded_bytes().ends_with(b" (deleted)")
                && let Ok(meta) = std::fs::metadata(entry.path())
                && meta.is_file()
                && meta.nlink() == 0
            {
                deleted.insert((meta.dev(), meta.ino()), meta.blocks() * 512);
            }
        }
    }
    unnamed.bytes = deleted.values().sum();
    unnamed
}

/// How long a process may hide what it has, in seconds: between its fork and its execution it looks like the agent.
const HIDING: f64 = 2.0;

fn is_older_than(pid: i32, seconds: f64) -> bool {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let stat = read(&format!("/proc/{pid}/stat"));
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let begun = fields.split_whitespace().nth(19).and_then(|ticks| ticks.parse::<f64>().ok());
    let up = read("/proc/uptime").split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok());
    // Clock ticks: 100 a second.
    begun.zip(up).is_some_and(|(begun, up)| up - begun / 100.0 > seconds)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_may_hold_anything() {
        let fields = "S 7 1 1 0 -1 4194560 1 0 0 0 3 4 5 6 20 0 1 0 100 1000 25 0";
        let process = super::parse(42, &format!("42 (a) (b c) {fields}")).unwrap();
        assert_eq!((process.parent, process.cpu_us), (7, 180_000));
        assert_eq!(process.memory_bytes, 25 * super::sys::page_size());
    }
}
