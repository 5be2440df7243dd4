//! What this machine's kernel counts of a container: quicker than the Engine's own statistics, which take a second.

use crate::engine::{Held, Meter, Metered};
use crate::runtimes::meter::metered;
use crate::sandbox::Counters;

/// Letters of an id, at least: less could be anybody's.
const ID: usize = 32;

/// Reads the control groups of a container.
pub struct ContainerMeter(Counters);

impl ContainerMeter {
    /// Of the container of this id, whose first process this is. `None`: its control groups can't be seen from here, or
    /// the number is that of another process here: the Engine is elsewhere, or sees other processes.
    pub fn of_process(pid: i64, container: &str) -> Option<Self> {
        let pid = u32::try_from(pid).ok().filter(|pid| *pid > 0)?;
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        // Every Engine calls the groups of a container by its id.
        let its_own = container.len() >= ID && groups.contains(container);
        Counters::of_process(pid).map(Self).filter(|_| its_own)
    }
}

impl Meter for ContainerMeter {
    fn read(&self) -> Metered {
        metered(self.0.figures())
    }

    fn held(&self) -> Held {
        let (memory_kills, process_refusals) = self.0.held();
        Held { memory_kills, process_refusals }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
