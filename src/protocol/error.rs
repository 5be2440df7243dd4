//! Failures of a request, told apart by who can do what about them.

use serde_json::{Value, json};

use super::names::wire_enum;

wire_enum! {
    /// What kind of failure this is; decides the JSON-RPC code.
    pub enum ErrorKind {
        /// The message is not JSON.
        ParseError = "parse_error", # -32700;
        /// The message is JSON but no request.
        InvalidRequest = "invalid_request", # -32600;
        /// No such method.
        MethodNotFound = "method_not_found", # -32601;
        /// The parameters don't fit the method.
        InvalidParams = "invalid_params", # -32602;
        /// A fault of ours.
        Internal = "internal", # -32603;
        /// No session has this id.
        SessionNotFound = "session_not_found", # -32001;
        /// The session is closed, or its environment was lost.
        SessionClosed = "session_closed", # -32002;
        /// No runtime that fits is available.
        NoRuntime = "no_runtime", # -32003;
        /// A limit was reached.
        LimitReached = "limit_reached", # -32004;
        /// Not allowed in.
        Unauthorised = "unauthorised", # -32005;
        /// The request was cancelled.
        Cancelled = "cancelled", # -32006;
        /// Too much is under way; the same request may succeed later.
        Busy = "busy", # -32007;
        /// The server can't be reached. Ours, not of the protocol's first seven.
        Unreachable = "unreachable", # -32008;
        /// The link was lost before the answer came: whether it was done is not known.
        Unknown = "unknown", # -32009;
        /// No execution of this id is known, or not any more.
        ExecutionNotFound = "execution_not_found", # -32011;
        /// The server has no such ability.
        NotAvailable = "not_available", # -32010;
    }
}

impl ErrorKind {
    /// The JSON-RPC error code.
    pub fn code(self) -> i32 {
        match self {
            Self::ParseError => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::SessionNotFound => -32001,
            Self::SessionClosed => -32002,
            Self::NoRuntime => -32003,
            Self::LimitReached => -32004,
            Self::Unauthorised => -32005,
            Self::Cancelled => -32006,
            Self::Busy => -32007,
            Self::Unreachable => -32008,
            Self::Unknown => -32009,
            Self::NotAvailable => -32010,
            Self::ExecutionNotFound => -32011,
        }
    }
}

/// Why a request failed: one sentence, and what to do next.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What happened and why, in one sentence.
    pub message: String,
    /// What to do next; empty where nothing helps.
    pub hint: String,
}

impl Failure {
    /// A failure with what to do next.
    pub fn new(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }

    /// A fault of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message, "this is a fault of CodeBeaker's: please report it")
    }

    /// The `error` member of a JSON-RPC answer.
    pub fn to_json(&self) -> Value {
        use super::names::WireName;
        let mut data = json!({ "kind": self.kind.name() });
        if !self.hint.is_empty() {
            data["hint"] = json!(self.hint);
        }
        json!({ "code": self.kind.code(), "message": self.message, "data": data })
    }

    /// Reads the `error` member of anybody's JSON-RPC answer; what is missing gets a sensible value.
    pub fn from_json(error: &Value) -> Self {
        use super::names::WireName;
        let code = error.get("code").and_then(Value::as_i64).unwrap_or(-32603);
        let data = error.get("data");
        let kind = data
            .and_then(|d| d.get("kind"))
            .and_then(Value::as_str)
            .and_then(ErrorKind::from_name)
            .or_else(|| ErrorKind::from_number(code))
            .unwrap_or(ErrorKind::Internal);
        let text = |v: Option<&Value>| v.and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut message = text(error.get("message"));
        // The original server says what happened only in `data`, and from some version on adds its stack there.
        if let Some(detail) = data.and_then(Value::as_str).and_then(|d| d.lines().next()) {
            message = if message.is_empty() { detail.to_owned() } else { format!("{message}: {detail}") };
        }
        Self { kind, message, hint: text(data.and_then(|d| d.get("hint"))) }
    }
}
