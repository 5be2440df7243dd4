//! Confinement of native sessions: the layers, what they really gave, and the score computed from them.
//!
//! The launcher is our own binary, executed again for each session. It is single-threaded, puts on one layer after
//! the other, refuses to go on where one fails, and becomes the agent. It knows neither engine nor runtimes.
//!
//! So far the layers are those that cost nothing to have: a session of processes of its own, an empty environment,
//! limits, no new privileges. The score says so: what is not active counts nothing.

mod launcher;
mod score;

pub use launcher::{Spec, entry};
pub use score::{Layer, Letters, ReportedLayer, report, score};

/// The first argument that makes our binary the launcher.
pub const LAUNCH_VERB: &str = "__launch";
