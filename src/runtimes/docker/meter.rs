//! What this machine's kernel counts of a container: quicker than the Engine's own statistics, which take a second.

use crate::engine::{Held, Meter, Metered};
use crate::runtimes::meter::metered;
use crate::sandbox::Counters;

/// Reads the control groups of a container.
pub struct ContainerMeter(Counters);

impl ContainerMeter {
    /// Of the container whose first process this is. `None`: its control groups can't be seen from here.
    pub fn of_process(pid: i64) -> Option<Self> {
        let pid = u32::try_from(pid).ok().filter(|pid| *pid > 0)?;
        Counters::of_process(pid).map(Self)
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
