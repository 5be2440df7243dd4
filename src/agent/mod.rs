//! The agent: the small program inside every sandbox, the frame format, and the host's end of the pipe.
//!
//! `frame`, `wire`, `sys` and `tree` are compiled twice, into the host and into the agent's program (`main`,
//! `program`), which is built by `build.rs` from std alone and embedded here. The host's end ([`Agent`]) takes
//! what an agent says for what it is: the word of something that hostile code may have taken over.

#[allow(dead_code)]
mod attempt;
pub mod frame;
mod host;
#[allow(dead_code)]
mod landlock;
#[cfg(any(test, clippy))]
#[allow(dead_code, missing_docs)]
mod program;
#[allow(dead_code)]
mod seccomp;
#[allow(missing_docs, dead_code)]
mod sys;
#[allow(dead_code)]
mod tree;
pub mod wire;

pub use host::{Agent, AgentError, Patience, Process, ProcessControl, ProcessEvent};

/// The agent's program, ready to be run on Linux; empty where there is none.
pub const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/agent"));

/// How the agent's program is linked: `static`, `dynamic`, or `none` where there is none.
pub const LINKAGE: &str = env!("CODEBEAKER_AGENT_LINKAGE");

/// Removes a directory with all that is in it, however hostile: links are not followed, depth and width are bounded
/// in memory and descriptors. One that does not exist is no error. Blocks for as long as it takes.
pub fn remove_tree(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let parent = std::fs::File::open(parent)?;
    match tree::delete(&parent, &sys::c_path(name.as_bytes())?) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
