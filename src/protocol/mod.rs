//! The words on the wire: what every client and every engine of CodeBeaker say to each other.
//!
//! Plain data and serde only: no tokio, no IO, no clock. Decoding is tolerant (names in any of the cases that
//! clients in the wild use, unknown members ignored), encoding is exact and checked in
//! `tests/protocol_golden.rs`.

mod calls;
mod command;
mod decode;
mod envelope;
mod error;
mod event;
mod ids;
mod language;
pub(crate) mod names;
mod notice;
mod result;
mod runtime;
mod session;

pub use calls::{
    AckCall, CreateCall, EventKind, ExecuteCall, InputCall, InterruptCall, JobCall, JobOutcome, JobRef,
    JobState, JobStatus, Method, ResizeCall, RuntimeListCall, SessionCall, SubscribeCall, Subscribed,
};
pub use command::{
    CODE_ALIASES, Command, CommandRequest, CopyFile, CreateDirectory, DeleteFile, Encoding, ExecuteCode,
    ExecuteShell, InstallPackages, ListDirectory, PtySize, ReadFile, ResultForm, WriteFile, WriteMode,
};
pub use decode::{from_json, from_params};
pub use envelope::{
    Batch, Envelope, Id, Incoming, Notification, Request, Response, parse_documents, parse_message, to_ascii,
};
pub use error::{ErrorKind, Failure};
pub use event::{ExecutionEvent, OutputStream, Progress, SessionEvent, Signal};
pub use ids::{EnvironmentId, ExecutionId, SessionId};
pub use language::Language;
pub use names::WireName;
pub use notice::{
    FinishedNotice, LaggedNotice, Moment, Notice, OutputNotice, ProgressNotice, StateNotice, StatsNotice,
};
pub use result::{
    CommandOutput, Copied, Created, Deleted, DirectoryEntry, EntryKind, ExecuteResult, FileContent,
    LimitReached, Listing, Phases, ProcessResult, Written,
};
pub use runtime::{
    Candidate, Capabilities, IsolationReport, LayerReport, Measured, Provision, RuntimeInfo,
    RuntimePreference, RuntimeType, Scores, SelectParams, Selection,
};
pub use session::{
    CloseResult, CreateSession, Execute, ServerCapabilities, ServerInfo, ServerLimits, SessionConfig,
    SessionInfo, SessionLimits, SessionList, SessionState, SessionStats,
};

/// The version of the protocol that [`ServerInfo`] names.
pub const PROTOCOL_VERSION: &str = "1.0";
