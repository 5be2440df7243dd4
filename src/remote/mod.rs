//! Engines that are a WebSocket away: one of ours, or an original server of the .NET project.
//!
//! Owns the connection, its loss and its return, and what was under way meanwhile. Knows nothing of runtimes, terminals
//! or this machine's files.

mod address;
mod dial;
mod error;
mod original;
mod traffic;

pub use address::Address;
pub use dial::{Dialed, Io, Socket, dial, knock};
pub use error::RemoteError;
pub use original::{Options as OriginalOptions, Original, attach as attach_original};
