//! The methods: their names, and the parameters of those that are more than a session's own words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::command::Encoding;
use super::decode;
use super::event::Signal;
use super::ids::{ExecutionId, SessionId};
use super::language::Language;
use super::names::wire_enum;
use super::runtime::{RuntimePreference, RuntimeType};
use super::session::{CreateSession, Execute};

wire_enum! {
    /// A method of the protocol, by the name it has on the wire.
    pub enum Method {
        /// What the server is, in the words of the original.
        Initialize = "initialize";
        /// What the server is.
        ServerInfo = "server.info";
        /// The runtimes and what is known of each.
        RuntimeList = "runtime.list";
        /// The ranking for a language.
        RuntimeSelect = "runtime.select";
        /// Fetches what a runtime lacks.
        RuntimeProvision = "runtime.provision";
        /// The languages and who runs them.
        LanguageList = "language.list";
        /// Makes a session.
        SessionCreate = "session.create";
        /// Executes a command in one.
        SessionExecute = "session.execute";
        /// Feeds a running program.
        SessionInput = "session.input";
        /// Tells a program's terminal its size.
        SessionResize = "session.resize";
        /// Signals a running program.
        SessionInterrupt = "session.interrupt";
        /// The sessions.
        SessionList = "session.list";
        /// What one uses.
        SessionStats = "session.stats";
        /// Asks to be told.
        SessionSubscribe = "session.subscribe";
        /// Asks to be told no more.
        SessionUnsubscribe = "session.unsubscribe";
        /// Says how far an execution's output was taken.
        SessionAck = "session.ack";
        /// Ends one.
        SessionClose = "session.close";
        /// Runs code in a session of its own, later.
        ExecutionRun = "execution.run";
        /// What came of that.
        ExecutionStatus = "execution.status";
    }
}

impl Method {
    /// The method with exactly this name: methods, unlike enums, are told apart by case.
    pub fn exact(name: &str) -> Option<Self> {
        use super::names::WireName as _;
        Self::from_name(name).filter(|method| method.name() == name)
    }
}

wire_enum! {
    /// What a subscriber can be told of.
    pub enum EventKind {
        /// A session changed its state.
        State = "state" | "session.state";
        /// An execution began.
        Started = "started" | "session.started";
        /// An execution ended.
        Finished = "finished" | "session.finished";
        /// A program wrote something.
        Output = "output" | "session.output";
        /// What a session uses, once a second.
        StatsSample = "statsSample" | "session.statsSample" | "stats";
    }
}

/// `session.execute`, with how its connection follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecuteCall {
    /// What is to be executed.
    pub execute: Execute,
    /// Its notifications are acknowledged by `session.ack`, and at most so many are sent ahead of that. A program whose
    /// output is not taken waits, as it does in one process. Absent: nothing waits, and a slow reader is told `lagged`.
    pub window: Option<u32>,
}

impl ExecuteCall {
    /// Reads the parameters. Error: what is wrong, in one sentence with the member's name.
    pub fn from_params(params: Option<Value>) -> Result<Self, String> {
        let mut members = decode::params_object(params)?;
        let window = number(&mut members, "window")?;
        Ok(Self { execute: decode::from_members(members)?, window })
    }

    /// The parameters as they are sent.
    pub fn to_params(&self) -> Value {
        with(&self.execute, "window", self.window.map(Value::from))
    }
}

/// `session.create`, so that it can be asked again without being done twice.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateCall {
    /// The session to make.
    pub create: CreateSession,
    /// Who asks again with the same key gets the session that was made the first time.
    pub key: Option<String>,
}

impl CreateCall {
    /// Reads the parameters. Error: what is wrong, in one sentence with the member's name.
    pub fn from_params(params: Option<Value>) -> Result<Self, String> {
        let mut members = decode::params_object(params)?;
        let key = decode::take(&mut members, "idempotencyKey").map(decode::from_json).transpose();
        let key = key.map_err(|e| format!("idempotencyKey {e}"))?;
        Ok(Self { create: CreateSession::from_params(Some(Value::Object(members)))?, key })
    }

    /// The parameters as they are sent.
    pub fn to_params(&self) -> Value {
        with(&self.create, "idempotencyKey", self.key.clone().map(Value::from))
    }
}

fn number(members: &mut Map<String, Value>, name: &str) -> Result<Option<u32>, String> {
    let read = |value| decode::from_json(value).map_err(|e| format!("{name} {e}"));
    decode::take(members, name).map(read).transpose()
}

/// A value's members and one more.
fn with(value: &impl Serialize, name: &str, more: Option<Value>) -> Value {
    // What is serialised here is a plain struct.
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let (Value::Object(members), Some(more)) = (&mut value, more) {
        members.insert(name.to_owned(), more);
    }
    value
}

/// Names a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionCall {
    /// Which.
    pub session_id: SessionId,
}

/// `runtime.list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuntimeListCall {
    /// Only this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_type: Option<RuntimeType>,
    /// Looks again.
    pub refresh: bool,
}

/// `session.input`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputCall {
    /// Whom to feed.
    pub execution_id: ExecutionId,
    /// What, in `encoding`.
    #[serde(default)]
    pub data: String,
    /// How `data` carries bytes; absent is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// No more comes.
    #[serde(default)]
    pub eof: bool,
    /// How many bytes were fed before these: what the program was fed already is passed over, so that asking again
    /// feeds nothing twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
}

/// `session.resize`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResizeCall {
    /// Whose terminal.
    pub execution_id: ExecutionId,
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// `session.interrupt`: one of the two ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterruptCall {
    /// One execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// Whatever runs in a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// With what.
    #[serde(default = "int")]
    pub signal: Signal,
}

fn int() -> Signal {
    Signal::Int
}

/// `session.subscribe`: to one execution, from a place on; to one session; or to all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscribeCall {
    /// Only this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// This execution, from the beginning or from `after` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// What to be told of; none is everything but output and samples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventKind>,
    /// Of an execution: the last `seq` that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Of an execution with a window: the first `seq` that was seen and not taken; none: all that was seen was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untaken: Option<u64>,
    /// Of an execution: the bytes of output seen so far, so that a gap can be told in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// As of [`ExecuteCall`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
}

/// The answer to `session.subscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribed {
    /// What `session.unsubscribe` names; of an execution, its own id.
    pub subscription_id: String,
}

/// `session.ack`: everything up to `seq` was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckCall {
    /// Of which execution.
    pub execution_id: ExecutionId,
    /// The last that was taken.
    pub seq: u64,
}

/// `execution.run`, in the words of the original; those are PascalCase there, and any case is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobCall {
    /// The language of the code.
    pub language: Language,
    /// The program text.
    pub code: String,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Wall time it may take, in seconds.
    #[serde(default = "half_a_minute")]
    pub timeout: f64,
    /// Memory, in MB.
    #[serde(default = "half_a_gigabyte")]
    pub memory_limit: u64,
    /// What matters in the choice of a runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_preference: Option<RuntimePreference>,
    /// Exactly this runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_type: Option<RuntimeType>,
}

fn half_a_minute() -> f64 {
    30.0
}

fn half_a_gigabyte() -> u64 {
    512
}

/// Names a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRef {
    /// Which.
    pub execution_id: ExecutionId,
}

wire_enum! {
    /// Where a job is.
    pub enum JobState {
        /// It waits for a worker.
        Queued = "queued";
        /// It has one.
        Running = "running";
        /// Its program ended with code 0.
        Completed = "completed";
        /// It ended otherwise, or could not be begun.
        Failed = "failed";
        /// There is none of this id, or not any more.
        NotFound = "not_found";
    }
}

/// The answer to `execution.run` and `execution.status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// Which.
    pub execution_id: ExecutionId,
    /// Where it is.
    pub status: JobState,
    /// What came of it, once that is known.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<JobOutcome>,
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobOutcome {
    /// The program's; -1 where there was none.
    pub exit_code: i32,
    /// What it wrote, as far as it is kept.
    pub stdout: String,
    /// Likewise; or why it could not be begun.
    pub stderr: String,
    /// Of the program, in milliseconds.
    pub duration_ms: u32,
    /// Its time was up.
    pub timeout: bool,
}
