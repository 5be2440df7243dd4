//! What is asked of a connection's task, and what becomes of it when the connection is lost.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::dial::seconds;
use super::error::RemoteError;
use super::follow::Followed;
use crate::protocol::{ErrorKind, ExecutionId, Method, Progress};

/// What becomes of a request whose answer was not there when the connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It changes nothing: it has failed, and may be asked again by whoever likes.
    Harmless,
    /// Asked twice it is done once: it is asked again when the connection is back.
    AskAgain,
    /// Whether it was done is not known, and that is said.
    Unknown,
}

/// A request.
pub struct Call {
    pub method: Method,
    pub params: Value,
    pub fate: Fate,
    /// How long its answer may take, and until when that is.
    pub time: Duration,
    pub until: Instant,
    /// How far it is, of one that tells.
    pub progress: Option<mpsc::Sender<Progress>>,
    pub answer: oneshot::Sender<Result<Value, RemoteError>>,
}

impl Call {
    /// A request, and where its answer comes out.
    pub fn new(
        method: Method,
        params: Value,
        fate: Fate,
        time: Duration,
    ) -> (Self, oneshot::Receiver<Result<Value, RemoteError>>) {
        let (answer, answered) = oneshot::channel();
        let until = Instant::now() + time;
        (Self { method, params, fate, time, until, progress: None, answer }, answered)
    }
}

/// What a connection's task is asked.
pub enum Order {
    Call(Call),
    /// Executes a command, and follows it.
    Execute(Box<Followed>),
    /// Everything of an execution up to this was taken by whoever asked for it.
    Taken(ExecutionId, u64),
    /// Nobody listens to an execution any more.
    Leave(ExecutionId),
}

/// A request that was sent.
pub enum Pending {
    Call(Call),
    /// A command; its answer goes the way of its output.
    Execute(ExecutionId),
    /// Asks to be told of an execution from where the connection was lost.
    Resume(ExecutionId),
    /// Of the connection itself; nobody waits for it.
    Own,
}

/// A request that was under way when the connection was lost.
pub fn lost(server: &str, method: Method, fate: Fate) -> RemoteError {
    match fate {
        Fate::Harmless | Fate::AskAgain => RemoteError::passing(
            format!("the link to {server} was lost before the answer to {method} came"),
            "the link is tried again by itself; ask again when it is back",
        ),
        Fate::Unknown => RemoteError::lasting(
            ErrorKind::Unknown,
            format!(
                "the link to {server} was lost before the answer to {method} came: whether it was done is not known"
            ),
            "look when the link is back",
        ),
    }
}

/// A request that was not answered in its time.
pub fn late(server: &str, method: Method, fate: Fate, time: Duration) -> RemoteError {
    let kind = if fate == Fate::Harmless { ErrorKind::Unreachable } else { ErrorKind::Unknown };
    RemoteError::lasting(
        kind,
        format!("{server} has not answered {method} within {}", seconds(time)),
        "it may still be doing it: look, or ask again",
    )
}
