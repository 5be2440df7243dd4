//! Native runtimes: programs of this machine, confined by the launcher of `sandbox`.

mod csharp;
mod fetched;
mod host;
mod launch;
mod places;
mod probe;
mod selftest;
mod walls;

pub use fetched::Fetched;
pub use host::Host;
pub use host::strips_types;
pub use probe::{Probes, replace};
pub use walls::Walls;

use crate::engine::{SessionContext, nominal};
use crate::protocol::{Language, RuntimeInfo, RuntimeType};
use crate::sandbox;

use walls::UNCONFINED;

/// The variables of programs that have a root of their own, and nothing of ours in it.
pub fn variables() -> std::collections::BTreeMap<String, String> {
    let context =
        SessionContext { directory: Default::default(), network: false, own_root: true, memory_limit_mb: 0 };
    places::variables(&context, &[])
}

/// Puts on the layers and becomes the agent; never returns.
pub fn launcher_entry() -> ! {
    sandbox::entry()
}

/// What is known of a runtime of which nothing was found yet.
async fn missing(runtime: RuntimeType, languages: &[Language], walls: &Walls, refresh: bool) -> RuntimeInfo {
    let tested = walls.tested(refresh).await;
    let isolation = tested.report(false);
    let unavailable =
        RuntimeInfo::unavailable(runtime, languages.to_vec(), nominal(runtime, isolation.score));
    RuntimeInfo { isolation, ..unavailable }
}

/// A runtime whose programs are here is not available where no wall holds.
async fn behind_walls(info: RuntimeInfo, walls: &Walls) -> RuntimeInfo {
    let tested = walls.tested(false).await;
    if tested.tier.is_some() || !info.available {
        return info;
    }
    RuntimeInfo { available: false, reason: Some(tested.why_none()), fix: Some(UNCONFINED.into()), ..info }
}
