//! What the kernel counts of a session, as the engine reads it.

use crate::engine::Metered;
use crate::sandbox::Figures;

/// The figures of a control group.
pub fn metered(figures: Figures) -> Metered {
    let Figures { cpu_us, memory_bytes, peak_bytes, memory_kills, refusals, throttled } = figures;
    Metered {
        cpu_us,
        memory_bytes,
        // Nothing has run yet: not known.
        peak_bytes: peak_bytes.filter(|bytes| *bytes > 0),
        outside_bytes: None,
        // Supervisors are among them: the agent knows whose is whose.
        processes: None,
        memory_kills,
        process_refusals: refusals,
        throttled,
    }
}
