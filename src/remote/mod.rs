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
mod original;
mod pulse;
mod requests;
mod shared;
mod timing;
mod traffic;
mod wire;

use std::sync::Arc;

use crate::engine::{Engine, Link, Look, Token};
use crate::protocol::ErrorKind;

use link::greet;
use shared::Shared;

pub use address::Address;
pub use client::Remote;
pub use dial::{Dialed, Io, Socket, dial, knock};
pub use error::RemoteError;
pub use original::{Options as OriginalOptions, Original};
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
    reach(address, token, timing).await.map(|(engine, _)| engine)
}

/// Looks what is at an address, and leaves it.
///
/// # Errors
/// As of [`attach`].
pub async fn look(address: Address, token: Option<Token>) -> Result<Look, RemoteError> {
    let (engine, tls) = reach(address.clone(), token, Timing::default()).await?;
    let link = engine.link().borrow().clone();
    let sessions = engine.sessions().await.map(|all| all.len());
    engine.shutdown().await;
    let Link::Up(up) = link else {
        return Err(RemoteError::passing(
            format!("the link to {} was lost at once", address.short()),
            "try again",
        ));
    };
    Ok(Look {
        address: address.to_string(),
        software: up.software,
        round_trip: up.round_trip.unwrap_or_default(),
        tls,
        missing: up.missing,
        sessions: sessions.map_err(RemoteError::Server)?,
    })
}

type Reached = (Arc<dyn Engine>, Option<String>);

/// The engine at an address, and what its certificate says. Where nobody listens at our own port, those of original
/// servers are tried; never with a token, which is not for whoever listens there.
async fn reach(address: Address, token: Option<Token>, timing: Timing) -> Result<Reached, RemoteError> {
    let reached = reach_exactly(address.clone(), token.clone(), timing.clone()).await;
    if token.is_none() && reached.as_ref().is_err_and(RemoteError::is_nobody) {
        for other in address.elsewhere() {
            if let Ok(found) = reach_exactly(other, None, timing.clone()).await {
                return Ok(found);
            }
        }
    }
    reached
}

async fn reach_exactly(
    address: Address,
    token: Option<Token>,
    timing: Timing,
) -> Result<Reached, RemoteError> {
    let shared = Arc::new(Shared::new(address.clone(), token.clone(), timing));
    match greet(&shared).await {
        Ok(greeted) => {
            let tls = greeted.tls.clone();
            Ok((Arc::new(Remote::over(shared, greeted)), tls))
        }
        // What does not know the first word of ours is an original server.
        Err(RemoteError::Server(failure)) if failure.kind == ErrorKind::MethodNotFound => {
            let tls = address.is_secure().then(|| format!("verified, for {}", address.host()));
            let original = Original::attach(address, token, OriginalOptions::default()).await?;
            Ok((original, tls))
        }
        Err(error) => Err(error),
    }
}
