//! Confinement of native sessions: the walls, what they are made of, and the score computed from what really holds.
//!
//! The launcher is our own binary, executed again for each session. It is single-threaded, puts on one layer after
//! the other, refuses to go on where one fails, and becomes the agent. What holds only programs and not the agent
//! (another user, Landlock, control groups, the tighter limits) the agent puts on each before it is executed. This
//! module knows neither engine nor runtimes nor agent.

mod cgroup;
mod counters;
mod filter;
mod identity;
mod landlock;
mod launcher;
mod pages;
mod privileges;
mod root;
mod score;
mod spec;
mod stray;

pub use cgroup::{Group, GroupLimits, Hierarchies};
pub use counters::{Counters, Figures};
pub use filter::{Filter, filters};
pub use identity::{INSIDE, has_own_users};
pub use landlock::landlock_version;
pub use launcher::entry;
pub use pages::give_back;
pub use root::{devices, is_system, readable};
pub use score::{Layer, Letters, ReportedLayer, score};
pub use spec::{Bind, Spec, Storage, Tier};

/// The first argument that makes our binary the launcher.
pub const LAUNCH_VERB: &str = "__launch";
