//! Engines that are a WebSocket away: one of ours, or an original server of the .NET project.
//!
//! Owns the connection, its loss and its return, and what was under way meanwhile. Knows nothing of runtimes, terminals
//! or this machine's files.

mod address;
mod call;
mod client;
mod dial;
mod error;
mod follow;
mod link;
mod pulse;
mod requests;
mod shared;
mod timing;
mod traffic;

use std::sync::Arc;

use crate::engine::{Engine, Look, Token};

use link::greet;
use shared::Shared;

pub use address::Address;
pub use client::Remote;
pub use dial::{Dialed, Io, Socket, dial, knock};
pub use error::RemoteError;
pub use timing::Timing;

/// Attaches to a server, and finds out which words it speaks.
///
/// # Errors
/// Why there is no engine: not reached, not let in, or no CodeBeaker server.
pub async fn attach(address: Address, token: Option<Token>) -> Result<Arc<dyn Engine>, RemoteError> {
    attach_timed(address, token, Timing::default()).await
}

/// As [`attach`], with times of one's own.
///
/// # Errors
/// As of [`attach`].
pub async fn attach_timed(
    address: Address,
    token: Option<Token>,
    timing: Timing,
) -> Result<Arc<dyn Engine>, RemoteError> {
    let shared = Arc::new(Shared::new(address, token, timing));
    match greet(&shared).await {
        Ok(greeted) => Ok(Arc::new(Remote::over(shared, greeted))),
        Err(error) => Err(error),
    }
}

/// Looks what is at an address, and leaves it.
///
/// # Errors
/// As of [`attach`].
pub async fn look(address: Address, token: Option<Token>) -> Result<Look, RemoteError> {
    let shared = Arc::new(Shared::new(address.clone(), token, Timing::default()));
    let greeted = greet(&shared).await?;
    let (software, round_trip, tls) =
        (format!("{} {}", greeted.info.name, greeted.info.version), greeted.round_trip, greeted.tls.clone());
    let engine = Remote::over(shared, greeted);
    let sessions = engine.sessions().await.map_err(RemoteError::Server)?.len();
    engine.shutdown().await;
    Ok(Look { address: address.to_string(), software, round_trip, tls, missing: Vec::new(), sessions })
}
