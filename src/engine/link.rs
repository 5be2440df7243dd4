//! How an engine is reached: in this process, or over a connection that can be lost and come back. And who makes
//! engines, so that a face can change from one to another without knowing what they are.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Engine;
use crate::protocol::Failure;

/// How an engine is reached now.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// It is in this process.
    Local,
    /// A connection to it stands.
    Up(LinkUp),
    /// The connection is lost. What runs there goes on; what comes of it is unknown until the link is back.
    Down(LinkDown),
}

/// A connection that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkUp {
    /// Where to, as a person would write it: `wss://host:5039`.
    pub server: String,
    /// What the server says it is: `codebeaker 0.1.0`.
    pub software: String,
    /// From a question to its answer, as last measured; absent until then.
    pub round_trip: Option<Duration>,
    /// What this server can't do, in a word or two each: `streaming`, `input`. Empty of one of ours.
    pub missing: Vec<String>,
    /// How often the connection was lost and has come back.
    pub returns: u32,
}

/// A connection that is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkDown {
    /// Where to.
    pub server: String,
    /// Why, in a few words: `connection refused`.
    pub reason: String,
    /// Which attempt to have it back is next, or under way; from 1.
    pub attempt: u32,
    /// How long until it is made, from when this was told; zero while it is under way. Absent: no more are made until
    /// [`Engine::reconnect`] asks for one.
    pub wait: Option<Duration>,
}

/// One message that passed over an engine's connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// It was sent to the engine; false: it came from there.
    pub sent: bool,
    /// What it is.
    pub kind: FrameKind,
    /// Bytes of the whole message.
    pub bytes: usize,
    /// The message; the beginning of one that is longer than [`Frame::KEPT`].
    pub text: Arc<str>,
}

impl Frame {
    /// How many bytes of a message are kept.
    pub const KEPT: usize = 64 << 10;
}

/// What a message on the wire is.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameKind {
    /// Asks something.
    Request {
        /// The request's id, as it is written.
        id: String,
        /// What is asked.
        method: String,
    },
    /// Answers a request.
    Answer {
        /// The request's id.
        id: String,
        /// What was asked; empty where that is not known.
        method: String,
        /// It holds a result, not an error.
        ok: bool,
        /// Since the request was sent, where that is known.
        took: Option<Duration>,
    },
    /// Tells something unasked.
    Notification {
        /// About what.
        method: String,
    },
}

/// What passes over an engine's connection from now on.
pub type Traffic = tokio::sync::broadcast::Receiver<Frame>;

/// A secret that opens a server. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token; blanks around it don't count.
    pub fn new(secret: &str) -> Self {
        Self(secret.trim().to_owned())
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A server to attach to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address, as a person wrote it.
    pub address: String,
    /// What opens it; absent is what the surroundings have for it, if anything.
    pub token: Option<Token>,
}

/// What a look at a server showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The address in full.
    pub address: String,
    /// What the server says it is.
    pub software: String,
    /// From a question to its answer.
    pub round_trip: Duration,
    /// Of its certificate, as people read it: `verified, for lab.example.org until 2027-03-01`. Absent without TLS.
    pub tls: Option<String>,
    /// What can't be done there.
    pub missing: Vec<String>,
    /// How many sessions it has now.
    pub sessions: usize,
}

/// A server that was attached to before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Its address.
    pub address: String,
    /// How long ago.
    pub ago: Duration,
}

/// Makes engines: the one in this process, and those elsewhere.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// The engine in this process: always the same one, begun when it is first asked for.
    async fn local(&self) -> Result<Arc<dyn Engine>, Failure>;

    /// Attaches to a server, and remembers it among the recent ones.
    async fn attach(&self, target: Target) -> Result<Arc<dyn Engine>, Failure>;

    /// Looks whether a server can be attached to, and leaves it.
    async fn look(&self, target: Target) -> Result<Look, Failure>;

    /// The servers attached to before, the last first.
    fn recent(&self) -> Vec<Recent>;

    /// Where the token for an address would come from if none is typed: `CODEBEAKER_TOKEN`.
    fn token_source(&self, address: &str) -> Option<String>;
}
