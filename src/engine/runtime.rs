//! What the engine asks of a runtime: [`Runtime`]. A runtime differs from another in how it launches the agent, and
//! in how its programs are called; everything else is the engine's and the agent's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::agent::Agent;
use crate::protocol::{
    EnvironmentId, Failure, InstallPackages, IsolationReport, Language, Progress, Provision, RuntimeInfo,
    RuntimeType, SessionLimits,
};

/// A way of launching environments.
#[async_trait]
pub trait Runtime: Send + Sync {
    /// Which one this is.
    fn runtime_type(&self) -> RuntimeType;

    /// Whether it is available now, and what it offers. `refresh` looks again instead of remembering.
    async fn info(&self, refresh: bool) -> RuntimeInfo;

    /// The same without trying anything that takes a while: of a runtime that was never tried the isolation is then not
    /// known.
    async fn glance(&self) -> RuntimeInfo {
        self.info(false).await
    }

    /// Fetches what it needs to become available, or to run a language besides. Dropping the future leaves nothing half
    /// done.
    async fn provision(&self, wanted: &Provision, progress: mpsc::Sender<Progress>) -> Result<(), Failure>;

    /// Launches an agent inside this runtime's isolation.
    async fn launch(&self, spec: LaunchSpec) -> Result<Environment, Failure>;

    /// How `argv` is really called here: an interpreter's own name becomes its path, with what must be in front.
    async fn call(&self, context: &SessionContext, argv: Vec<String>) -> Result<Vec<String>, Failure>;

    /// How a file with code is run.
    async fn plan(&self, context: &SessionContext, code: CodeFile) -> Result<Vec<Step>, Failure>;

    /// How packages are installed for a language's programs to import; without a way of its own by pip or npm.
    async fn install(
        &self,
        _context: &SessionContext,
        language: Language,
        wanted: &InstallPackages,
    ) -> Result<Vec<Step>, Failure> {
        super::install::steps(language, wanted)
    }

    /// Ends what it has beyond its environments, all of which are torn down.
    async fn shutdown(&self) {}
}

/// Where programs are called: what a runtime has to know of a session for that.
#[derive(Clone, Debug)]
pub struct SessionContext {
    /// The session's directory on this machine, as of [`LaunchSpec`].
    pub directory: PathBuf,
    /// Whether it was asked for the network.
    pub network: bool,
    /// Its programs have a root of their own: paths are those in there, not this machine's.
    pub own_root: bool,
    /// The memory its programs may use, in MB.
    pub memory_limit_mb: u64,
}

/// What an environment is launched for.
#[derive(Clone, Debug)]
pub struct LaunchSpec {
    /// Its name.
    pub environment_id: EnvironmentId,
    /// A directory of its own on this machine, empty; it is removed when the session is closed.
    pub directory: PathBuf,
    /// What will run in it.
    pub language: Language,
    /// Whether it may use the network.
    pub network: bool,
    /// Memory, in MB.
    pub memory_limit_mb: u64,
    /// Every other limit, already within what is configured. Absent (of time only) is without limit.
    pub limits: SessionLimits,
    /// The image it is to be launched from, where the runtime has such.
    pub image: Option<String>,
}

/// A launched environment: the agent in it, and how to end it.
pub struct Environment {
    /// The host's end of the pipe to the agent.
    pub agent: Agent,
    /// The variables that every program in it has.
    pub variables: BTreeMap<String, String>,
    /// The limits that are in force in it. Those of a command's wall time and of kept output are the engine's.
    pub limits: SessionLimits,
    /// What isolates it, as far as was seen at launch.
    pub isolation: IsolationReport,
    /// Where its programs are called.
    pub context: SessionContext,
    /// What this machine itself can tell of it, without the agent's word.
    pub meter: Option<std::sync::Arc<dyn Meter>>,
    /// Who can tell why it has ended, where that is somebody.
    pub witness: Option<std::sync::Arc<dyn Witness>>,
    /// Ends it.
    pub teardown: Box<dyn Teardown>,
}

/// Knows more of the end of an environment than that its stream has ended.
#[async_trait]
pub trait Witness: Send + Sync {
    /// Why it has ended, in a few words; `None`: it doesn't know either.
    async fn why_gone(&self) -> Option<String>;
}

/// Reads what an environment uses, from this machine: the kernel's word, not the agent's. Quick; it may block for
/// microseconds.
pub trait Meter: Send + Sync {
    /// What it uses now.
    fn read(&self) -> Metered;

    /// Of that, only how often a limit has held it: asked before and after every program.
    fn held(&self) -> Held {
        let Metered { memory_kills, process_refusals, .. } = self.read();
        Held { memory_kills, process_refusals }
    }
}

/// How often a limit has held an environment since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How often the kernel has killed for want of memory.
    pub memory_kills: u64,
    /// How often a new process or thread was refused.
    pub process_refusals: u64,
}

/// What a [`Meter`] tells. Absent is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// Processor time since it began, in microseconds.
    pub cpu_us: Option<u64>,
    /// Memory now, in bytes, with what its files in memory take.
    pub memory_bytes: Option<u64>,
    /// The most memory at once since it began, in bytes.
    pub peak_bytes: Option<u64>,
    /// Memory now of what stands outside of it for it alone, in bytes.
    pub outside_bytes: Option<u64>,
    /// Processes now.
    pub processes: Option<u64>,
    /// How often the kernel has killed for want of memory since it began.
    pub memory_kills: u64,
    /// How often a new process or thread was refused since it began.
    pub process_refusals: u64,
    /// How often it had to wait because it had used up its share of the processors.
    pub throttled: u64,
}

/// Ends an environment. What is in its directory is removed by the engine.
#[async_trait]
pub trait Teardown: Send + Sync {
    /// Ends every process of the environment; returns when they are gone. Called when no [`Agent`] is held any more
    /// but those of running executions.
    async fn teardown(self: Box<Self>);
}

/// A file with code in the workspace.
#[derive(Clone, Debug)]
pub struct CodeFile {
    /// Its path from the workspace.
    pub path: String,
    /// What is in it.
    pub language: Language,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Where compiled programs go, from the workspace: a directory that no other execution uses meanwhile.
    pub build: String,
}

/// One program on the way to running code; the last one is the code itself, those before it must succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables beyond the environment's.
    pub env: BTreeMap<String, String>,
    /// Its output is shown only where it fails: a compiler's.
    pub quiet: bool,
}

impl Step {
    /// The code itself.
    pub fn run<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), env: BTreeMap::new(), quiet: false }
    }

    /// A compiler.
    pub fn compile<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { quiet: true, ..Self::run(argv) }
    }
}
