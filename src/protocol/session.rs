//! Sessions: what is asked, what is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::command::CommandRequest;
use super::decode;
use super::ids::{EnvironmentId, ExecutionId, SessionId};
use super::language::Language;
use super::names::wire_enum;
use super::runtime::{IsolationReport, RuntimePreference, RuntimeType, Selection};

wire_enum! {
    /// Where a session is in its life.
    pub enum SessionState {
        /// Its environment is being launched.
        Creating = "Creating", # 0;
        /// It executes something, or never has.
        Active = "Active", # 1;
        /// It waits for the next command.
        Idle = "Idle", # 2;
        /// It is being closed.
        Closing = "Closing", # 3;
        /// It is gone.
        Closed = "Closed", # 4;
        /// Its environment ended without being asked to.
        Lost = "Lost";
    }
}

fn idle_minutes() -> u32 {
    30
}

fn lifetime_minutes() -> u32 {
    120
}

/// Limits of a session. Asked for: absent or 0 is the engine's default; a client may lower them, configuration alone
/// raises them. Told: those that are in force; absent is without limit, or not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionLimits {
    /// Wall time of one command, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Processor seconds of one process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<u64>,
    /// Processors that all its processes may use together, in 1024ths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_shares: Option<u64>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Open files of one process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// The largest file, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size_bytes: Option<u64>,
    /// All files in the workspace, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_bytes: Option<u64>,
    /// Files and directories in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_files: Option<u64>,
    /// What is kept of each output stream for a command's result, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

impl SessionLimits {
    /// Nothing is limited, or known to be.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Parameters of `session.create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSession {
    /// The language of the session.
    pub language: Language,
    /// What matters in the choice of a runtime; absent is Balanced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_preference: Option<RuntimePreference>,
    /// Exactly this runtime, or a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_type: Option<RuntimeType>,
    /// Closed when nothing was executed for so long.
    #[serde(default = "idle_minutes")]
    pub idle_timeout_minutes: u32,
    /// Closed when it is so old.
    #[serde(default = "lifetime_minutes")]
    pub max_lifetime_minutes: u32,
    /// Memory, in MB.
    #[serde(default, rename = "memoryLimitMB", skip_serializing_if = "Option::is_none")]
    pub memory_limit_mb: Option<u64>,
    /// Processors it may use, in 1024ths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_shares: Option<u64>,
    /// The image of a Docker session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_image: Option<String>,
    /// Network access; off unless asked for.
    #[serde(default)]
    pub network: bool,
    /// Variables of every program in the session.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Limits beyond memory and cpu.
    #[serde(default)]
    pub limits: SessionLimits,
}

impl CreateSession {
    /// A session with every default.
    pub fn new(language: Language) -> Self {
        Self {
            language,
            runtime_preference: None,
            runtime_type: None,
            idle_timeout_minutes: idle_minutes(),
            max_lifetime_minutes: lifetime_minutes(),
            memory_limit_mb: None,
            cpu_shares: None,
            docker_image: None,
            network: false,
            env: BTreeMap::new(),
            name: None,
            limits: SessionLimits::default(),
        }
    }

    /// Reads the parameters as clients send them; `cpus` may stand for `cpuShares`. Error: what is missing or
    /// wrong, in one sentence with the member's name.
    pub fn from_params(params: Option<Value>) -> Result<Self, String> {
        let mut members = decode::params_object(params)?;
        let cpus = decode::take(&mut members, "cpus").map(|cpus| cpu_shares(&cpus)).transpose()?;
        let mut session: Self = decode::from_members(members)?;
        session.cpu_shares = session.cpu_shares.or(cpus);
        Ok(session)
    }
}

/// Processors as the weight that a session is given.
fn cpu_shares(cpus: &Value) -> Result<u64, String> {
    match cpus.as_f64() {
        // Above 0 and far below what a u64 holds, so that the cast loses nothing but a fraction.
        Some(n) if n > 0.0 && n <= 1e6 => Ok(((n * 1024.0).round() as u64).max(1)),
        _ => Err(format!("cpus must be a number above 0, not {}", decode::Found(decode::unexpected(cpus)))),
    }
}

/// The part of a session's configuration that clients read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionConfig {
    /// See [`CreateSession`].
    pub idle_timeout_minutes: u32,
    /// See [`CreateSession`].
    pub max_lifetime_minutes: u32,
    /// Memory, in MB: what it got, which may be less than was asked for.
    #[serde(default, rename = "memoryLimitMB", skip_serializing_if = "Option::is_none")]
    pub memory_limit_mb: Option<u64>,
    /// See [`CreateSession`].
    #[serde(default)]
    pub network: bool,
}

/// A session, in `session.create`'s answer and as a row of `session.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// Which.
    pub session_id: SessionId,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// The environment again: older clients look for it by this name.
    pub container_id: EnvironmentId,
    /// The runtime it runs on.
    pub runtime_type: RuntimeType,
    /// The same in lower case.
    pub runtime: String,
    /// Its language.
    pub language: Language,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is in its life.
    pub state: SessionState,
    /// UTC, ISO 8601 with at most 7 fraction digits and `Z`: existing clients read no more.
    pub created_at: String,
    /// UTC, ISO 8601: when the last execution began or ended.
    pub last_activity: String,
    /// How many commands it has executed.
    pub execution_count: u64,
    /// Minutes since the last activity.
    pub idle_minutes: f64,
    /// Minutes since it was created.
    pub lifetime_minutes: f64,
    /// From the request to the ready environment, in milliseconds.
    pub startup_ms: f64,
    /// What it was created with.
    pub config: SessionConfig,
    /// The limits that are in force beyond memory.
    #[serde(default, skip_serializing_if = "SessionLimits::is_empty")]
    pub limits: SessionLimits,
    /// What isolates it.
    #[serde(default)]
    pub isolation: IsolationReport,
    /// Why its runtime was chosen; only in `session.create`'s answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
}

/// The answer to `session.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionList {
    /// How many.
    pub count: usize,
    /// In order of creation.
    pub sessions: Vec<SessionInfo>,
}

/// The answer to `session.close`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloseResult {
    /// Which; an unknown one too.
    pub session_id: SessionId,
    /// Always true.
    pub closed: bool,
}

/// What a session uses now. Absent is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStats {
    /// Processor time of all its processes since it began, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Memory now, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// The most at once, in bytes: of all together where the machine counts that, else of any one process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// Memory now, in bytes, of what stands outside of it for it alone: of a container's shim. Not in the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_bytes: Option<u64>,
    /// Processes now, without our own; with their threads where the machine counts those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Bytes in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_bytes: Option<u64>,
    /// Files in the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_files: Option<u64>,
}

/// Parameters of `session.execute`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execute {
    /// In which session.
    pub session_id: SessionId,
    /// What.
    pub command: CommandRequest,
    /// Wall time, in milliseconds; absent is the session's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Tell of output as it is written.
    #[serde(default)]
    pub stream: bool,
    /// Standard input will come by `session.input`; without it the program reads an empty input.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interactive: bool,
    /// Don't wait for the session's earlier commands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub concurrent: bool,
    /// The id this execution shall have; absent is a random one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
}

impl Execute {
    /// Reads the parameters as clients send them. Error: what is missing or wrong, in one sentence with the member's
    /// name.
    pub fn from_params(params: Option<Value>) -> Result<Self, String> {
        decode::from_params(params)
    }

    /// Executes `command` in `session`, in order, without streaming.
    pub fn new(session_id: SessionId, command: impl Into<CommandRequest>) -> Self {
        Self {
            session_id,
            command: command.into(),
            timeout_ms: None,
            stream: false,
            interactive: false,
            concurrent: false,
            execution_id: None,
        }
    }
}

/// What a server can do, in the words of the original's `initialize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerCapabilities {
    /// Tells of output as it is written.
    pub supports_streaming: bool,
    /// Has a debugger; never, so far.
    pub supports_debugging: bool,
    /// Forwards ports of sessions; never, so far.
    pub supports_port_forwarding: bool,
    /// Tells of changed files; never, so far.
    pub supports_file_watch: bool,
}

/// The most a client may ask for. Absent is not limited, or not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerLimits {
    /// Wall time of one command, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_timeout: Option<u64>,
    /// Memory of one session, in MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,
    /// Sessions at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u64>,
}

/// The answer to `server.info`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// `codebeaker`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The protocol's version.
    pub protocol_version: String,
    /// Every language some runtime could run.
    pub supported_languages: Vec<Language>,
    /// What it can do.
    #[serde(default)]
    pub server_capabilities: ServerCapabilities,
    /// What it allows at most.
    #[serde(default)]
    pub limits: ServerLimits,
    /// The runtimes it could have, available or not, in the order people are shown them.
    #[serde(default)]
    pub runtimes: Vec<RuntimeType>,
    /// Another one for each start of a server: with a new one, what the old one knew is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}
