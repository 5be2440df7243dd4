//! Connections from their arrival to their first request: TLS where there is a certificate, and nobody takes for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServeError;
use super::http::Peer;
use super::settings::Certificate;

/// How long what was sent is left unacknowledged before the other end counts as gone.
const UNHEARD: u32 = 60_000;
/// How long a connection that is closed is still read from, so that its other end gets the last word.
const LINGER: Duration = Duration::from_secs(2);
/// Waits after an error that is not one connection's.
const BREATH: Duration = Duration::from_millis(100);

/// Reads a certificate and its key.
pub fn tls(certificate: &Certificate) -> Result<TlsAcceptor, ServeError> {
    let unusable = |path: &std::path::Path, problem: String| ServeError::Certificate {
        path: path.display().to_string(),
        problem,
    };
    let chain = CertificateDer::pem_file_iter(&certificate.chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unusable(&certificate.chain, e.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(&certificate.chain, "it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&certificate.key)
        .map_err(|e| unusable(&certificate.key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| unusable(&certificate.chain, e.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// How connections are received.
#[derive(Clone)]
pub struct Reception {
    pub tls: Option<TlsAcceptor>,
    pub routes: Router,
    /// How long a handshake, and then the head of a request, may take.
    pub handshake: Duration,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
    /// Places for connections of any kind, those too that have not said yet what they want.
    pub places: Arc<Semaphore>,
}

/// Takes connections until it is to stop.
pub async fn accept(listener: TcpListener, reception: Reception) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = reception.stop.cancelled() => return,
        };
        match accepted {
            Ok((tcp, peer)) => {
                // Without a place it is closed: nothing was said on it yet.
                let Ok(place) = reception.places.clone().try_acquire_owned() else { continue };
                let own = reception.clone();
                reception.tasks.spawn(async move {
                    if let Err(e) = serve((tcp, place), peer, own).await {
                        tracing::debug!("a connection from {peer} ended: {e}");
                    }
                });
            }
            // Without a free descriptor nothing can be taken; those that are there go on.
            Err(e) => {
                tracing::warn!("a connection can't be taken: {e}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

async fn serve(
    (tcp, place): (TcpStream, OwnedSemaphorePermit),
    peer: SocketAddr,
    reception: Reception,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_keepalive(&tcp, true)?;
    rustix::net::sockopt::set_tcp_user_timeout(&tcp, UNHEARD)?;
    let mut tcp = Lingering(Some(tcp), place);
    let Some(tls) = &reception.tls else { return serve_http(tcp, peer, reception).await };
    let shaken = async {
        if is_plain(tcp.0.as_ref()).await? {
            tcp.0.as_mut().map(|tcp| tcp.try_write(WANTS_TLS)).transpose()?;
            return Err(io::Error::other("it speaks without TLS"));
        }
        tls.accept(tcp).await
    };
    let stream = tokio::time::timeout(reception.handshake, shaken).await??;
    serve_http(stream, peer, reception).await
}

/// What is said without TLS where it is wanted.
const WANTS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    this server speaks TLS: use wss:// or https://\n";

/// Whether what comes first is the name of an HTTP method: TLS begins otherwise.
async fn is_plain(tcp: Option<&TcpStream>) -> io::Result<bool> {
    let Some(tcp) = tcp else { return Ok(false) };
    let mut first = [0];
    Ok(tcp.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase())
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    reception: Reception,
) -> io::Result<()> {
    let Reception { routes, handshake, stop, .. } = reception;
    let service = TowerToHyperService::new(routes.layer(Extension(Peer(peer))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(handshake)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    served.map_err(io::Error::other)
}

/// A stream that is closed with care: what the other end still sends is read for a moment, since a connection that is
/// closed with something unread is reset, and the last word with it.
struct Lingering(
    Option<TcpStream>,
    #[allow(dead_code, reason = "held for as long as the stream")] OwnedSemaphorePermit,
);

impl Lingering {
    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.0.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(mut tcp) = self.0.take() else { return };
        let Ok(tokio) = tokio::runtime::Handle::try_current() else { return };
        tokio.spawn(async move {
            let rest = async {
                tcp.shutdown().await?;
                let mut unread = [0; 4096];
                while tcp.read(&mut unread).await? > 0 {}
                Ok::<(), io::Error>(())
            };
            let _ = tokio::time::timeout(LINGER, rest).await;
        });
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.stream() {
            Ok(stream) => stream.poll_read(cx, buf),
            Err(e) => Poll::Ready(Err(e)),
        }
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.stream() {
            Ok(stream) => stream.poll_write(cx, data),
            Err(e) => Poll::Ready(Err(e)),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.stream() {
            Ok(stream) => stream.poll_write_vectored(cx, data),
            Err(e) => Poll::Ready(Err(e)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream() {
            Ok(stream) => stream.poll_flush(cx),
            Err(e) => Poll::Ready(Err(e)),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream() {
            Ok(stream) => stream.poll_shutdown(cx),
            Err(e) => Poll::Ready(Err(e)),
        }
    }
}
