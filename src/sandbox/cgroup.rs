//! Control groups: memory, processes and processor time of a session bounded as a whole, and read from the host.
//!
//! Both versions by plain files. Version 2 where its tree has the controllers; else version 1 where we are root.
//! Groups stand below `codebeaker` and are named after the process that made them, so that those of a process that
//! is gone can be told and removed.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::counters::{Counters, Figures};

/// The directory of all our groups in each hierarchy.
const ROOT: &str = "codebeaker";
/// How long the kernel may take to see that a group is empty.
const REMOVE_TIME: Duration = Duration::from_secs(2);
/// Microseconds in which a session may use its share of the processors.
const PERIOD_US: u64 = 100_000;
/// Of that, what no machine has more of.
const MOST_US: u64 = 10_000 * PERIOD_US;

/// Where groups can be made on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hierarchies {
    /// One tree; the directory below which ours are made.
    V2(PathBuf),
    /// A tree for each controller: memory, pids, cpu.
    V1 {
        /// Where memory is bounded.
        memory: PathBuf,
        /// Where processes are.
        pids: PathBuf,
        /// Where processor time is.
        cpu: PathBuf,
        /// Where processor time is counted.
        cpuacct: PathBuf,
    },
}

impl Hierarchies {
    /// Those of this machine. Error: why there are none, and what would give some.
    pub fn find() -> std::result::Result<Self, String> {
        let mounts =
            fs::read_to_string("/proc/self/mountinfo").map_err(|e| format!("no mounts can be read: {e}"))?;
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut reasons = Vec::new();
        match v2(&mounts, &own) {
            Ok(found) => return Ok(found),
            Err(reason) => reasons.push(reason),
        }
        match v1(&mounts) {
            Ok(found) => return Ok(found),
            Err(reason) => reasons.push(reason),
        }
        Err(reasons.join("; "))
    }

    /// The directories of a group called `name`.
    fn directories(&self, name: &str) -> Vec<PathBuf> {
        self.roots().into_iter().map(|root| root.join(name)).collect()
    }

    /// The directories of all our groups, each once.
    fn roots(&self) -> Vec<PathBuf> {
        let mut roots = match self {
            Self::V2(tree) => vec![tree.join(ROOT)],
            Self::V1 { memory, pids, cpu, cpuacct } => {
                [memory, pids, cpu, cpuacct].map(|t| t.join(ROOT)).to_vec()
            }
        };
        roots.dedup();
        roots
    }

    /// Has the kernel ready for processes to join groups: the first to do so for a while waits ten milliseconds and more
    /// until every processor has seen that. Moves this process to where it is already. Blocks for as long.
    pub fn warm(&self) {
        let Self::V1 { pids, .. } = self else { return };
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let path = own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(":/")?;
            controllers.split(',').any(|c| c == "pids").then_some(path)
        });
        // What lies above a namespace can't be named; then the first one waits.
        if let Some(path) = path.filter(|path| !path.contains("..")) {
            let _ = fs::write(pids.join(path).join("cgroup.procs"), std::process::id().to_string());
        }
    }

    /// Ends and removes the groups of processes that are gone. Gives how many.
    pub fn reap(&self) -> usize {
        let until = Instant::now() + REMOVE_TIME;
        let mut reaped = 0;
        for root in self.roots() {
            for entry in fs::read_dir(root).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if entry.path().is_dir() && name.to_str().is_some_and(maker_is_gone) {
                    reaped += usize::from(remove(&entry.path(), until).is_ok());
                }
            }
        }
        reaped
    }
}

/// The mount points of a kind of file system, with their options.
pub(super) fn mounted<'a>(mounts: &'a str, kind: &'a str) -> impl Iterator<Item = (PathBuf, &'a str)> {
    mounts.lines().filter_map(move |line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        (right.next()? == kind).then_some(())?;
        let options = right.nth(1)?;
        let point = left.split(' ').nth(4)?;
        Some((PathBuf::from(point), options))
    })
}

fn has_all(list: &str) -> bool {
    ["memory", "pids", "cpu"].iter().all(|wanted| list.split_whitespace().any(|c| c == *wanted))
}

fn v2(mounts: &str, own: &str) -> std::result::Result<Hierarchies, String> {
    let (point, _) = mounted(mounts, "cgroup2").next().ok_or("no control groups of version 2 are mounted")?;
    let controllers = |dir: &Path| fs::read_to_string(dir.join("cgroup.subtree_control")).unwrap_or_default();
    let available = fs::read_to_string(point.join("cgroup.controllers")).unwrap_or_default();
    if !has_all(&available) {
        return Err("control groups of version 2 have no memory, pids and cpu controllers here".into());
    }
    if writable(&point) {
        if !has_all(&controllers(&point)) {
            fs::write(point.join("cgroup.subtree_control"), "+memory +pids +cpu")
                .map_err(|e| format!("the controllers can't be enabled: {}", plain(&e)))?;
        }
        return prepare(&point).map(|()| Hierarchies::V2(point));
    }
    // Of an ordinary user: a part of the tree that systemd has handed over, ours or the one above.
    let path = own.lines().find_map(|l| l.strip_prefix("0::/")).unwrap_or_default();
    let here = point.join(path);
    let delegated = here.parent().filter(|parent| has_all(&controllers(parent)) && writable(parent));
    let Some(parent) = delegated else {
        return Err("no part of the control groups was handed over to this user: start it with \
                    systemd-run --user --scope -p Delegate=yes"
            .into());
    };
    prepare(parent).map(|()| Hierarchies::V2(parent.to_owned()))
}

fn writable(directory: &Path) -> bool {
    rustix::fs::access(directory.join("cgroup.procs"), rustix::fs::Access::WRITE_OK).is_ok()
}

/// Makes the group of our groups, with the controllers for those in it.
fn prepare(tree: &Path) -> std::result::Result<(), String> {
    let root = tree.join(ROOT);
    make(&root)
        .and_then(|()| fs::write(root.join("cgroup.subtree_control"), "+memory +pids +cpu"))
        .map_err(|e| format!("no group can be made in {}: {}", tree.display(), plain(&e)))
}

fn v1(mounts: &str) -> std::result::Result<Hierarchies, String> {
    let find = |controller: &str| {
        mounted(mounts, "cgroup")
            .find(|(_, options)| options.split(',').any(|o| o == controller))
            .map(|(point, _)| point)
            .ok_or_else(|| format!("no {controller} controller of version 1 is mounted"))
    };
    let (memory, pids, cpu, cpuacct) = (find("memory")?, find("pids")?, find("cpu")?, find("cpuacct")?);
    if ![&memory, &pids, &cpu, &cpuacct].iter().all(|tree| writable(tree)) {
        return Err("control groups of version 1 are root's".into());
    }
    for tree in [&memory, &pids, &cpu, &cpuacct] {
        make(&tree.join(ROOT))
            .map_err(|e| format!("no group can be made in {}: {}", tree.display(), plain(&e)))?;
    }
    Ok(Hierarchies::V1 { memory, pids, cpu, cpuacct })
}

fn make(directory: &Path) -> Result<()> {
    match fs::create_dir(directory) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn plain(error: &Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// What a group is bounded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLimits {
    /// Bytes of memory, with what files in memory take.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Processors, in 1024ths; absent is without limit.
    pub cpu_shares: Option<u64>,
}

/// A control group of one session.
#[derive(Clone, Debug)]
pub struct Group {
    hierarchies: Hierarchies,
    name: String,
}

impl Group {
    /// Makes a group of this process's.
    pub fn make(hierarchies: &Hierarchies, limits: &GroupLimits) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = name_of(NEXT.fetch_add(1, Ordering::Relaxed))?;
        let group = Self { hierarchies: hierarchies.clone(), name };
        let made = group.create(limits);
        if made.is_err() {
            group.remove();
        }
        made.map(|()| group)
    }

    fn create(&self, limits: &GroupLimits) -> Result<()> {
        for directory in self.directories() {
            fs::create_dir(directory)?;
        }
        let quota =
            limits.cpu_shares.map(|shares| (shares.saturating_mul(PERIOD_US) / 1024).clamp(1000, MOST_US));
        match &self.hierarchies {
            Hierarchies::V2(_) => {
                let at = |file: &str| self.file("v2", file);
                fs::write(at("memory.max"), limits.memory_bytes.to_string())?;
                // Where there is no swap there is no such file.
                write_if_there(&at("memory.swap.max"), "0")?;
                write_if_there(&at("memory.oom.group"), "0")?;
                fs::write(at("pids.max"), limits.processes.to_string())?;
                if let Some(quota) = quota {
                    fs::write(at("cpu.max"), format!("{quota} {PERIOD_US}"))?;
                }
            }
            Hierarchies::V1 { .. } => {
                let memory = limits.memory_bytes.to_string();
                // Memory with swap can't be less than memory alone: that comes first.
                fs::write(self.file("memory", "memory.limit_in_bytes"), &memory)?;
                write_if_there(&self.file("memory", "memory.memsw.limit_in_bytes"), &memory)?;
                fs::write(self.file("pids", "pids.max"), limits.processes.to_string())?;
                if let Some(quota) = quota {
                    fs::write(self.file("cpu", "cpu.cfs_period_us"), PERIOD_US.to_string())?;
                    fs::write(self.file("cpu", "cpu.cfs_quota_us"), quota.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// Its directories, one for each hierarchy.
    pub fn directories(&self) -> Vec<PathBuf> {
        self.hierarchies.directories(&self.name)
    }

    fn file(&self, controller: &str, file: &str) -> PathBuf {
        self.counters().file(controller, file)
    }

    fn counters(&self) -> Counters {
        let own = |tree: &PathBuf| tree.join(ROOT).join(&self.name);
        Counters(match &self.hierarchies {
            Hierarchies::V2(tree) => Hierarchies::V2(own(tree)),
            Hierarchies::V1 { memory, pids, cpu, cpuacct } => {
                Hierarchies::V1 { memory: own(memory), pids: own(pids), cpu: own(cpu), cpuacct: own(cpuacct) }
            }
        })
    }

    /// As [`Counters::held`].
    pub fn held(&self) -> (u64, u64) {
        self.counters().held()
    }

    /// What it has used.
    pub fn figures(&self) -> Figures {
        self.counters().figures()
    }

    /// Ends what is in it and removes it. One that is gone already is fine.
    pub fn remove(&self) {
        remove_all(&self.directories());
    }
}

/// Ends what is in these groups and removes them.
pub fn remove_all(directories: &[PathBuf]) {
    let until = Instant::now() + REMOVE_TIME;
    for directory in directories {
        // One that can't be removed is left to the next start.
        let _ = remove(directory, until);
    }
}

fn remove(directory: &Path, until: Instant) -> Result<()> {
    loop {
        match fs::remove_dir(directory) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) && Instant::now() < until => {
                kill_all(directory);
                std::thread::sleep(Duration::from_millis(2));
            }
            result => return result,
        }
    }
}

fn kill_all(directory: &Path) {
    if fs::write(directory.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for pid in fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default().lines() {
        // 0 is a process that can't be seen from here, and a kill of it would be one of our own group.
        if let Some(pid) = pid.parse().ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// The name of a group: in whose namespace which process made it, when that began, and a number.
fn name_of(number: u64) -> Result<String> {
    let pid = std::process::id();
    let begun = start_time(pid)?;
    Ok(format!("{}.{pid}.{begun}.{number}", namespace()?))
}

/// Whether the process a group is named after is known to be gone. Of another namespace that can't be known.
fn maker_is_gone(name: &str) -> bool {
    let mut parts = name.split('.').map(|part| part.parse::<u64>().ok());
    let (Some(space), Some(pid), Some(begun)) =
        (parts.next().flatten(), parts.next().flatten(), parts.next().flatten())
    else {
        return false;
    };
    let ours = namespace().is_ok_and(|own| own == space);
    let gone = |pid| match start_time(pid) {
        Ok(now) => now != begun,
        Err(e) => e.kind() == ErrorKind::NotFound,
    };
    ours && u32::try_from(pid).is_ok_and(gone)
}

/// The namespace that our process ids are of.
fn namespace() -> Result<u64> {
    Ok(std::os::unix::fs::MetadataExt::ino(&fs::metadata("/proc/self/ns/pid")?))
}

/// When a process began, in clock ticks since the machine did.
fn start_time(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name stands in parentheses and may hold anything.
    let fields = stat.rfind(')').and_then(|end| stat.get(end + 1..)).unwrap_or_default();
    let begun = fields.split_whitespace().nth(19).and_then(|field| field.parse().ok());
    begun.ok_or_else(|| ErrorKind::InvalidData.into())
}

fn write_if_there(path: &Path, value: &str) -> Result<()> {
    match fs::OpenOptions::new().write(true).open(path) {
        Ok(mut file) => std::io::Write::write_all(&mut file, value.as_bytes()),
        Err(e) if e.kind() == ErrorKind::NotFound || e.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory\n\
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn hierarchies_are_found_by_their_options() {
        let points: Vec<_> = mounted(MOUNTS, "cgroup").collect();
        assert_eq!(points.len(), 3);
        assert_eq!(points[1], ("/sys/fs/cgroup/memory".into(), "rw,memory"));
        assert_eq!(mounted(MOUNTS, "cgroup2").next().unwrap().0, Path::new("/sys/fs/cgroup/unified"));
        assert_eq!(mounted(MOUNTS, "proc").count(), 0);
    }

    #[test]
    fn a_group_is_known_by_the_process_that_made_it() {
        let name = name_of(1).unwrap();
        assert!(!maker_is_gone(&name));
        let [space, pid, begun, _] = name.split('.').collect::<Vec<_>>()[..] else { panic!("{name}") };
        let later = begun.parse::<u64>().unwrap() + 1;
        assert!(maker_is_gone(&format!("{space}.{pid}.{later}.1")));
        assert!(maker_is_gone(&format!("{space}.{}.{begun}.1", u32::MAX / 2)));
        // Of others nothing is known.
        assert!(!maker_is_gone(&format!("{}.{pid}.{later}.1", space.parse::<u64>().unwrap() + 1)));
        assert!(!maker_is_gone("garbage"));
    }
}
