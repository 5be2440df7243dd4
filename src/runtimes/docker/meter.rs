//! What this machine's kernel counts of a container: quicker than the Engine's own statistics, which take a second.

use crate::engine::{Held, Meter, Metered};
use crate::runtimes::meter::metered;
use crate::sandbox::Counters;

/// Letters of an id, at least: less could be anybody's.
const ID: usize = 32;

/// Reads the control groups of a container.
pub struct ContainerMeter {
    counters: Counters,
    /// The process that looks after this container alone, outside of it.
    shim: Option<u32>,
}

impl ContainerMeter {
    /// Of the container of this id, whose first process this is. `None`: its control groups can't be seen from here, or
    /// the number is that of another process here: the Engine is elsewhere, or sees other processes.
    pub fn of_process(pid: i64, container: &str) -> Option<Self> {
        let pid = u32::try_from(pid).ok().filter(|pid| *pid > 0)?;
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        // Every Engine calls the groups of a container by its id.
        let its_own = container.len() >= ID && groups.contains(container);
        let counters = Counters::of_process(pid).filter(|_| its_own)?;
        Some(Self { counters, shim: shim(pid) })
    }
}

impl Meter for ContainerMeter {
    fn read(&self) -> Metered {
        let outside_bytes = self.shim.and_then(|shim| anonymous(&about(shim)?));
        Metered { outside_bytes, ..metered(self.counters.figures()) }
    }

    fn held(&self) -> Held {
        let (memory_kills, process_refusals) = self.counters.held();
        Held { memory_kills, process_refusals }
    }
}

/// What the kernel tells of a process.
fn about(pid: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/status")).ok()
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The parent of a container's first process, where that is one that an Engine starts for each container.
fn shim(first: u32) -> Option<u32> {
    let parent: u32 = field(&about(first)?, "PPid:")?.parse().ok()?;
    let about = about(parent)?;
    let name = field(&about, "Name:")?;
    (name.starts_with("containerd-shim") || name == "conmon").then_some(parent)
}

/// The memory that is this process's alone: its program is there once, however many run it.
fn anonymous(status: &str) -> Option<u64> {
    let kilobytes: u64 = field(status, "RssAnon:")?.trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_process_is_read_and_one_of_another_kind_is_no_shim() {
        assert_eq!(anonymous("Name:\tx\nRssAnon:\t    2500 kB\nRssFile:\t 1 kB\n"), Some(2500 * 1024));
        assert_eq!(anonymous("Name:\tx\n"), None);
        assert!(anonymous(&about(std::process::id()).unwrap()).is_some_and(|bytes| bytes > 0));
        assert_eq!(shim(std::process::id()), None);
    }

    #[test]
    fn a_process_that_is_not_of_the_container_counts_for_nothing() {
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        for id in ["", "/", &"a".repeat(64)] {
            assert!(ContainerMeter::of_process(other.id().into(), id).is_none(), "{id}");
        }
        assert!(ContainerMeter::of_process(0, &"a".repeat(64)).is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
