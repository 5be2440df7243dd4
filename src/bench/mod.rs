//! The benchmark: measures whatever an [`Engine`](crate::engine::Engine) is, and says how sure it is of what it says.
//!
//! Owns the suites, the order of the work, the statistics, comparison, and what a report looks like. Knows the engine as
//! a trait: not which runtimes there are behind it, nor whether it is in this process; and nothing of how a screen shows
//! it. The clock is monotonic ([`std::time::Instant`]), read on the caller's side; phases are the engine's own time stamps.

pub mod calibrate;
pub mod compare;
pub mod digest;
pub mod host;
pub mod plan;
mod programs;
pub mod published;
pub mod render;
pub mod report;
pub mod runner;
pub mod stats;
pub mod store;
pub mod suite;

pub use compare::{Change, Verdict};
pub use digest::{Baseline, Digest, Row};
pub use plan::{Code, Lane, MOST_SAMPLES, Plan, SEED_OF_ORDERS, lanes};
pub use report::{Report, Series};
pub use runner::{Control, LaneProgress, Progress, Snapshot, measure};
pub use stats::{Distribution, Interval, Summary};
pub use store::{Store, StoreError};
pub use suite::{SEED, Suite, Unit};
