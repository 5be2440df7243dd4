//! Notifications: what a server tells those who asked for it.

use base64::Engine as _;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::command::{Encoding, encode};
use super::decode;
use super::envelope::{Notification, ascii};
use super::event::{OutputStream, Progress};
use super::ids::{ExecutionId, SessionId};
use super::session::{SessionState, SessionStats};

/// A notification. `seq` counts those of one execution, or, where there is a `subscription_id`, those of the server's
/// sessions; it only grows.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// An execution was taken and waits for its turn: the first word of each.
    Queued(Moment),
    /// Its turn came.
    Started(Moment),
    /// It wrote something.
    Output(OutputNotice),
    /// It ended.
    Finished(FinishedNotice),
    /// A session changed its state.
    State(StateNotice),
    /// What a session uses.
    StatsSample(StatsNotice),
    /// Something was passed over because it was not taken in time.
    Lagged(LaggedNotice),
    /// How far a `runtime.provision` is.
    Progress(ProgressNotice),
}

/// Something happened in an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// In which session.
    pub session_id: SessionId,
    /// In which execution.
    pub execution_id: ExecutionId,
    /// Its place in the order.
    pub seq: u64,
    /// The subscription it is told for; absent where it is told to whoever asked for the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
}

/// A program wrote something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputNotice {
    /// Where and when.
    #[serde(flatten)]
    pub at: Moment,
    /// On which stream.
    pub stream: OutputStream,
    /// What, in `encoding`.
    pub data: String,
    /// Absent where `data` is the text itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
}

impl OutputNotice {
    /// A notice that carries these bytes.
    pub fn new(at: Moment, stream: OutputStream, bytes: &[u8]) -> Self {
        let (data, encoding) = encode(bytes);
        Self { at, stream, data, encoding }
    }

    /// The bytes. Error: `data` is not the base64 it claims to be.
    pub fn decoded(self) -> Result<Bytes, String> {
        match self.encoding {
            Some(Encoding::Base64) => base64::engine::general_purpose::STANDARD
                .decode(self.data)
                .map(Bytes::from)
                .map_err(|e| format!("data is not valid base64: {e}")),
            _ => Ok(Bytes::from(self.data)),
        }
    }
}

/// An execution ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishedNotice {
    /// Where and when.
    #[serde(flatten)]
    pub at: Moment,
    /// With success.
    pub success: bool,
    /// The whole answer, for one who came back after the request for it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// A session changed its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateNotice {
    /// Which session.
    pub session_id: SessionId,
    /// Its place in the order.
    pub seq: u64,
    /// The subscription it is told for.
    pub subscription_id: String,
    /// The state now.
    pub state: SessionState,
    /// Why, where that is not obvious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a session uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatsNotice {
    /// Which session.
    pub session_id: SessionId,
    /// Counts the samples of this subscription.
    pub seq: u64,
    /// The subscription it is told for.
    pub subscription_id: String,
    /// The figures.
    pub stats: SessionStats,
}

/// Something was passed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaggedNotice {
    /// Of an execution's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// Or of a subscription's events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Bytes of output, or events.
    pub skipped: u64,
    /// The last that was passed over.
    pub seq: u64,
}

/// How far a `runtime.provision` is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgressNotice {
    /// The id of the request.
    pub request_id: Value,
    /// How far.
    pub progress: Progress,
}

impl Notice {
    /// Its method on the wire.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Queued(_) => "session.queued",
            Self::Started(_) => "session.started",
            Self::Output(_) => "session.output",
            Self::Finished(_) => "session.finished",
            Self::State(_) => "session.state",
            Self::StatsSample(_) => "session.statsSample",
            Self::Lagged(_) => "session.lagged",
            Self::Progress(_) => "runtime.progress",
        }
    }

    /// The notification as one line of ASCII.
    pub fn to_text(&self) -> String {
        let method = self.method();
        // Plain structs: writing them to a string can't fail.
        let params = match self {
            Self::Queued(params) | Self::Started(params) => serde_json::to_string(params),
            Self::Output(params) => serde_json::to_string(params),
            Self::Finished(params) => serde_json::to_string(params),
            Self::State(params) => serde_json::to_string(params),
            Self::StatsSample(params) => serde_json::to_string(params),
            Self::Lagged(params) => serde_json::to_string(params),
            Self::Progress(params) => serde_json::to_string(params),
        };
        let params = params.unwrap_or_default();
        ascii(format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params}}}"))
    }

    /// Reads a notification; `None`: it is none of these. Error: what is wrong with one that is.
    pub fn read(notification: Notification) -> Result<Option<Self>, String> {
        let params = notification.params;
        Ok(Some(match notification.method.as_str() {
            "session.queued" => Self::Queued(decode::from_json(params)?),
            "session.started" => Self::Started(decode::from_json(params)?),
            "session.output" => Self::Output(decode::from_json(params)?),
            "session.finished" => Self::Finished(decode::from_json(params)?),
            "session.state" => Self::State(decode::from_json(params)?),
            "session.statsSample" => Self::StatsSample(decode::from_json(params)?),
            "session.lagged" => Self::Lagged(decode::from_json(params)?),
            "runtime.progress" => Self::Progress(decode::from_json(params)?),
            _ => return Ok(None),
        }))
    }
}
