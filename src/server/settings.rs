//! What a server is told before it starts: where it listens, whom it lets in, and how much it gives.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::engine::Token;

/// The address that is listened at unless another is named.
pub const LISTEN: &str = "127.0.0.1:5039";

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whoever bears one of these is let in; without any, everybody who reaches it.
    pub tokens: Vec<Token>,
    /// Its certificate and key; absent is plain HTTP.
    pub tls: Option<Certificate>,
    /// The web pages that may connect, as browsers name them: `https://host:port`.
    pub origins: Vec<String>,
    /// Names it is called by, besides this machine's own.
    pub hosts: Vec<String>,
    /// Where every request is noted.
    pub audit: Option<PathBuf>,
    /// How long executions may take to end when the server is stopped.
    pub grace: Duration,
    /// How much it gives.
    pub bounds: Bounds,
}

/// Files of a certificate, in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The chain.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The most of everything. What is over a bound is refused with the reason; everybody else goes on.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Requests of one connection that wait for their answers.
    pub in_flight: usize,
    /// Requests a second, of one connection.
    pub connection_rate: u32,
    /// Requests a second, of all who bear the same token.
    pub token_rate: u32,
    /// Executions at once.
    pub executions: usize,
    /// Bytes of output that are kept of each execution for those who follow it. As much as a result keeps of both streams
    /// or more, so that a slow reader misses only what the result has not either.
    pub followed_bytes: usize,
    /// How long the end of an execution is kept for one who comes back.
    pub kept: Duration,
    /// A connection that asks nothing and is told nothing for so long is closed.
    pub idle: Duration,
    /// How long a TLS handshake, and then the head of a request, may take.
    pub handshake: Duration,
    /// How often a connection on which nothing passes is touched, so that one whose other end is gone is found.
    pub heartbeat: Duration,
    /// Jobs that may wait for a worker.
    pub jobs: usize,
    /// Jobs at once.
    pub workers: usize,
    /// How long a job's outcome is kept.
    pub job_kept: Duration,
}

impl Certificate {
    /// What clients will have against it, as far as that can be seen here.
    pub fn remark(&self) -> Option<String> {
        let chain = CertificateDer::pem_file_iter(&self.chain).ok()?.next()?.ok()?;
        let (_, first) = x509_parser::parse_x509_certificate(&chain).ok()?;
        let shown = self.chain.display();
        if first.is_ca() {
            return Some(format!(
                "{shown} is the certificate of an authority (CA:TRUE), which CodeBeaker's clients take from no server; \
                 openssl req -x509 makes one that they take with -addext basicConstraints=critical,CA:FALSE"
            ));
        }
        (!first.validity().is_valid()).then(|| format!("{shown} is not valid now: clients will refuse it"))
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 2048,
            message_bytes: 16 << 20,
            in_flight: 384,
            connection_rate: 20_000,
            token_rate: 50_000,
            executions: 512,
            followed_bytes: 2 << 20,
            kept: Duration::from_secs(120),
            idle: Duration::from_secs(3600),
            handshake: Duration::from_secs(10),
            heartbeat: Duration::from_secs(20),
            jobs: 256,
            workers: 2,
            job_kept: Duration::from_secs(600),
        }
    }
}

impl ServerSettings {
    /// A server for this machine alone.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tokens: Vec::new(),
            tls: None,
            origins: Vec::new(),
            hosts: Vec::new(),
            audit: None,
            grace: Duration::from_secs(10),
            bounds: Bounds::default(),
        }
    }
}
