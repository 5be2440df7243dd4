//! The agent: the small program inside every sandbox, the frame format, and the host's end of the pipe.
//!
//! `frame`, `wire`, `sys` and `tree` are compiled twice, into the host and into the agent's program (`main`,
//! `program`), which is built by `build.rs` from std alone and embedded here. The host's end ([`Agent`]) takes
//! what an agent says for what it is: the word of something that hostile code may have taken over.

pub mod frame;
mod host;
#[cfg(any(test, clippy))]
#[allow(dead_code, missing_docs)]
mod program;
#[allow(missing_docs, dead_code)]
mod sys;
#[allow(dead_code)]
mod tree;
pub mod wire;

pub use host::{Agent, AgentError, Process, ProcessControl, ProcessEvent};

/// The agent's program, ready to be run on Linux; empty where there is none.
pub const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agent"));

/// How the agent's program is linked: `static`, `dynamic`, or `none` where there is none.
pub const LINKAGE: &str = env!("CODEBEAKER_AGENT_LINKAGE");
