//! The runtimes: ways of launching the agent, and of calling the programs that are there.
//!
//! A runtime knows its own programs and how their isolation is put on; it knows neither sessions nor faces.

mod docker;
mod filters;
mod limits;
mod meter;
mod native;
mod refusal;
mod report;
mod selftest;

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::Runtime;
use crate::provision;

pub use crate::sandbox::{Tier, give_back};
pub use docker::{DockerSettings, Marks};
pub use native::launcher_entry;

/// How the runtimes of this machine are set up.
#[derive(Clone, Debug)]
pub struct RuntimeSettings {
    /// Where runtimes are found, and how they are fetched.
    pub provision: provision::Settings,
    /// The binary that is executed again as the launcher: our own.
    pub launcher: PathBuf,
    /// Where what was learnt of programs is remembered.
    pub cache: Option<PathBuf>,
    /// Where containers are had, and how many stand ready.
    pub docker: DockerSettings,
    /// Sessions may be launched where nothing confines them.
    pub allow_unconfined: bool,
    /// The only wall that is tried, in place of the strongest that holds: for measuring and testing.
    pub only: Option<Tier>,
}

impl RuntimeSettings {
    /// This process's own binary as the launcher.
    pub fn new(provision: provision::Settings, cache: Option<PathBuf>) -> Self {
        let launcher = PathBuf::from("/proc/self/exe");
        Self {
            provision,
            launcher,
            cache,
            docker: DockerSettings::default(),
            allow_unconfined: false,
            only: None,
        }
    }
}

/// The first argument that makes our binary the launcher of native sessions: then [`launcher_entry`] must be called
/// before anything else happens in the process.
pub const LAUNCH_VERB: &str = crate::sandbox::LAUNCH_VERB;

/// Every runtime of this version, in the order people are shown them.
pub fn all(settings: RuntimeSettings) -> Vec<Arc<dyn Runtime>> {
    let settings = Arc::new(settings);
    let probes = Arc::new(native::Probes::new(settings.cache.clone()));
    let walls = Arc::new(native::Walls::new(settings.clone()));
    let fetched = |tool| native::Fetched::new(tool, settings.clone(), probes.clone(), walls.clone());
    vec![
        Arc::new(fetched(provision::Tool::Deno)),
        Arc::new(fetched(provision::Tool::Bun)),
        Arc::new(native::Host::new(settings.clone(), probes.clone(), walls.clone())),
        Arc::new(docker::Docker::new(settings.clone())),
    ]
}
