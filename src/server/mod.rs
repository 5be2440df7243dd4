//! Any engine, served: JSON-RPC 2.0 over a WebSocket, and beside it health and metrics over HTTP.
//!
//! Owns who is let in, what each connection may have under way, and what is kept for one who comes back. Sessions are
//! the engine's: no connection owns one. Knows nothing of runtimes, nor whether its engine is in this process.

mod accept;
mod audit;
mod connection;
mod creations;
mod door;
mod executions;
mod http;
mod hub;
mod input;
mod jobs;
mod journal;
mod methods;
mod metrics;
mod out;
mod rate;
mod request;
mod settings;
mod shared;
mod subscription;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, InterruptTarget, system_words};
use crate::protocol::Signal;

use audit::Audit;
use shared::Shared;

pub use door::SHORTEST_TOKEN;
pub use settings::{Bounds, Certificate, LISTEN, ServerSettings};

/// Connections beyond those bound for WebSockets: health, metrics, and those that have not said yet what they want.
const UNSAID: usize = 128;
/// How long connections may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);
/// How often what is over is looked at for being forgotten.
const PRUNE: Duration = Duration::from_secs(30);

/// Why a server can't be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody on the network could run code.
    #[error("{0} can be reached from other machines, and no token is asked for there")]
    Unguarded(SocketAddr),
    /// A token that can be guessed.
    #[error("a token must have {SHORTEST_TOKEN} characters or more")]
    WeakToken,
    /// Somebody else listens there.
    #[error("{address} can't be listened at: {problem}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why, in the system's words.
        problem: String,
        /// Somebody listens there already.
        taken: bool,
    },
    /// The certificate or its key.
    #[error("{path} can't be used: {problem}")]
    Certificate {
        /// Which file.
        path: String,
        /// Why.
        problem: String,
    },
    /// The audit log.
    #[error("the audit log {path} can't be written: {problem}")]
    Audit {
        /// Which file.
        path: String,
        /// Why, in the system's words.
        problem: String,
    },
}

/// A server that listens.
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Begins to listen. The engine stays its owner's, who shuts it down when [`Server::run`] is over.
    ///
    /// # Errors
    /// A [`ServeError`]: what is asked for is not safe, or not possible.
    pub async fn bind(settings: ServerSettings, engine: Arc<dyn Engine>) -> Result<Self, ServeError> {
        let listen = settings.listen;
        if settings.tokens.is_empty() && !listen.ip().to_canonical().is_loopback() {
            return Err(ServeError::Unguarded(listen));
        }
        if settings.tokens.iter().any(|token| token.secret().len() < SHORTEST_TOKEN) {
            return Err(ServeError::WeakToken);
        }
        let tls = settings.tls.as_ref().map(accept::tls).transpose()?;
        let audit = settings.audit.as_ref().map(|path| {
            Audit::open(path).map_err(|e| ServeError::Audit {
                path: path.display().to_string(),
                problem: system_words(&e),
            })
        });
        let audit = audit.transpose()?;
        let failed = |e: io::Error| ServeError::Listen {
            address: listen,
            problem: system_words(&e),
            taken: e.kind() == io::ErrorKind::AddrInUse,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut listeners = vec![listener];
        if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            // `localhost` is both: nobody else is to be found by that name and be sent a token.
            match TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await {
                Ok(other) => listeners.push(other),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse && listen.port() != 0 => {
                    return Err(ServeError::Listen {
                        address: (Ipv6Addr::LOCALHOST, address.port()).into(),
                        problem: system_words(&e),
                        taken: true,
                    });
                }
                // This machine may have no such address.
                Err(e) => tracing::debug!("[::1] is not listened at: {e}"),
            }
        }
        let shared = Arc::new(Shared::new(engine, settings, address, audit));
        Ok(Self { shared, listeners, tls, address })
    }

    /// Where it listens; the port is a real one also where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is cancelled. Then nothing new is taken, what runs may end within the grace that was set and
    /// is killed after that, and connections are closed with a word.
    pub async fn run(self, stop: CancellationToken) {
        let Self { shared, listeners, tls, .. } = self;
        let (hub, pruner) = (shared.clone(), shared.clone());
        shared.tasks.spawn(async move { hub.hub.run(hub.engine.as_ref(), hub.end.clone()).await });
        shared.tasks.spawn(async move { prune(&pruner).await });
        let reception = accept::Reception {
            tls,
            routes: http::routes(shared.clone()),
            handshake: shared.settings.bounds.handshake,
            tasks: shared.tasks.clone(),
            stop: shared.stop.clone(),
            places: Arc::new(Semaphore::new(shared.settings.bounds.connections.saturating_add(UNSAID))),
        };
        for listener in listeners {
            shared.tasks.spawn(accept::accept(listener, reception.clone()));
        }
        stop.cancelled().await;
        shared.stop.cancel();
        wind_up(&shared).await;
        shared.end.cancel();
        shared.tasks.close();
        if tokio::time::timeout(GOODBYE, shared.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not say goodbye in time");
        }
    }
}

async fn prune(shared: &Shared) {
    let mut every = tokio::time::interval(PRUNE);
    loop {
        tokio::select! {
            _ = every.tick() => shared.executions.prune(Instant::now()),
            () = shared.end.cancelled() => return,
        }
    }
}

/// Lets what runs come to its end, and kills what takes too long.
async fn wind_up(shared: &Shared) {
    if tokio::time::timeout(shared.settings.grace, idle(shared)).await.is_ok() {
        return;
    }
    for session in shared.engine.sessions().await.unwrap_or_default() {
        let target = InterruptTarget::Session(session.session_id);
        let _ = shared.engine.interrupt(target, Signal::Kill).await;
    }
    let _ = tokio::time::timeout(GOODBYE, idle(shared)).await;
}

/// Waits until nothing runs.
async fn idle(shared: &Shared) {
    while shared.executions.running() > 0 {
        shared.executions.ended().await;
    }
}
