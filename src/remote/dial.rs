//! One connection to a server: TCP, TLS where the address asks for it, and the WebSocket's handshake with the token.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Response, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};

use super::address::Address;
use super::error::RemoteError;
use super::pulse::{Pulse, Pulsed};
use super::timing::Timing;
use crate::engine::{Token, system_words};
use crate::protocol::ErrorKind;

/// Bytes that wait in the kernel to be sent, about: with more of them a heartbeat would come too late on a slow line.
const UNSENT: usize = 128 << 10;
/// The longest message taken: a result with all that is kept of two streams, escaped.
const MESSAGE: usize = 64 << 20;

/// A stream of bytes, encrypted or not.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection on which messages pass.
pub type Socket = WebSocketStream<Box<dyn Io>>;

/// A connection that stands.
pub struct Dialed {
    /// It.
    pub socket: Socket,
    /// What its certificate says, for people; absent without TLS.
    pub tls: Option<String>,
    /// What passes below its messages.
    pub pulse: Arc<Pulse>,
}

/// Connects.
///
/// # Errors
/// A [`RemoteError::Transport`]: passing where the server may come up, lasting where it has refused.
pub async fn dial(address: &Address, token: Option<&Token>, timing: &Timing) -> Result<Dialed, RemoteError> {
    if token.is_some() && !address.keeps_secrets() {
        return Err(in_clear(address));
    }
    let tcp = within(timing.connect, "does not answer", address, connect(address)).await?;
    if token.is_some() && !address.is_secure() {
        // A name may lead elsewhere than it says.
        let peer = tcp.peer_addr().map(|peer| peer.ip().to_canonical());
        if !peer.is_ok_and(|ip| ip.is_loopback()) {
            return Err(in_clear(address));
        }
    }
    let tcp = Pulsed::new(tcp);
    let pulse = tcp.pulse();
    let (stream, tls): (Box<dyn Io>, _) = if address.is_secure() {
        let (stream, seen) =
            within(timing.shake, "does not finish its TLS handshake", address, encrypt(address, tcp)).await?;
        (stream, Some(seen))
    } else {
        (Box::new(tcp), None)
    };
    let request = request(address, token)?;
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE)).max_frame_size(Some(MESSAGE));
    let shake = async {
        tokio_tungstenite::client_async_with_config(request, stream, Some(config))
            .await
            .map_err(|e| refused(address, token.is_some(), e))
    };
    let (socket, _) = within(timing.shake, "does not finish its handshake", address, shake).await?;
    Ok(Dialed { socket, tls, pulse })
}

fn in_clear(address: &Address) -> RemoteError {
    let (host, port) = (address.bracketed(), address.port());
    RemoteError::lasting(
        ErrorKind::Unauthorised,
        format!("a token is never sent in clear, and {} is not encrypted", address.short()),
        format!("use wss://{host}:{port}, or leave the token out"),
    )
}

/// Whether anybody listens there now: cheap enough to be asked every second.
pub async fn knock(address: &Address, timing: &Timing) -> bool {
    matches!(tokio::time::timeout(timing.connect, connect(address)).await, Ok(Ok(_)))
}

async fn within<T>(
    time: Duration,
    what: &str,
    address: &Address,
    step: impl Future<Output = Result<T, RemoteError>>,
) -> Result<T, RemoteError> {
    tokio::time::timeout(time, step).await.unwrap_or_else(|_| {
        let message = format!("{} {what} within {}", address.short(), seconds(time));
        Err(RemoteError::passing(message, "check the address, and that the server is up"))
    })
}

/// A time, for people.
pub(super) fn seconds(time: Duration) -> String {
    match time.as_secs_f64() {
        short if short < 2.0 => format!("{short:.1} s"),
        long => format!("{long:.0} s"),
    }
}

async fn connect(address: &Address) -> Result<TcpStream, RemoteError> {
    let short = address.short();
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::ConnectionRefused => RemoteError::nobody(
            format!("nobody listens at {short}: connection refused"),
            "start one there with codebeaker serve, or check the address",
        ),
        _ => RemoteError::passing(
            format!("{short} can't be reached: {}", system_words(&e)),
            "check the address and the network",
        ),
    };
    let tcp = TcpStream::connect((address.host(), address.port())).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    // Ours is the heartbeat that is noticed; this is for what lies idle below it.
    let _ = rustix::net::sockopt::set_socket_keepalive(&tcp, true);
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&tcp, UNSENT);
    Ok(tcp)
}

async fn encrypt(address: &Address, tcp: Pulsed) -> Result<(Box<dyn Io>, String), RemoteError> {
    let short = address.short();
    let name = ServerName::try_from(address.host()).map_err(|e| {
        let message = format!("{} is no name that a certificate can have: {e}", address.host());
        RemoteError::lasting(ErrorKind::InvalidParams, message, "check the address")
    })?;
    let stream = TlsConnector::from(config()?).connect(name, tcp).await.map_err(|e| {
        match e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(why)) => distrusted(&short, why),
            other => RemoteError::passing(
                format!(
                    "{short} speaks no TLS that fits: {}",
                    other.map_or_else(|| system_words(&e), ToString::to_string)
                ),
                "is it wss:// there, or plain ws://?",
            ),
        }
    })?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let seen = certificate.map_or_else(|| "verified".to_owned(), |c| describe(c, &address.host()));
    Ok((Box::new(stream), seen))
}

/// A certificate that proves nothing, and what to do about that.
fn distrusted(short: &str, why: &CertificateError) -> RemoteError {
    let reason = rustls::Error::InvalidCertificate(why.clone()).to_string();
    let (reason, hint) = match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (reason, "use the name that its certificate is for")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (reason, "it needs a new certificate; or is this machine's clock wrong?")
        }
        CertificateError::Other(_) if reason.contains("CaUsedAsEndEntity") => (
            "its certificate is that of an authority (CA:TRUE), which can't be a server's".to_owned(),
            "make one with openssl req -x509 … -addext basicConstraints=critical,CA:FALSE",
        ),
        _ => (
            reason,
            "have the system trust who has signed its certificate, or name the file by SSL_CERT_FILE",
        ),
    };
    RemoteError::lasting(ErrorKind::Unauthorised, format!("{short} is not trusted: {reason}"), hint)
}

/// The system's roots; `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
fn config() -> Result<Arc<ClientConfig>, RemoteError> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(file) = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty())
        && CertificateDer::pem_file_iter(&file).ok().and_then(|mut all| all.next()?.ok()).is_none()
    {
        return Err(RemoteError::lasting(
            ErrorKind::Unauthorised,
            format!("SSL_CERT_FILE names {}, which holds no certificate", file.display()),
            "name a PEM file, or unset it",
        ));
    }
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(String::new, |e| format!(" ({e})"));
        return Err(RemoteError::lasting(
            ErrorKind::Unauthorised,
            format!("this system trusts nobody: no root certificates were found{why}"),
            "install ca-certificates, or name a file by SSL_CERT_FILE",
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|e| RemoteError::lasting(ErrorKind::Internal, e.to_string(), ""))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// A certificate that was verified, for people.
fn describe(certificate: &CertificateDer<'_>, host: &str) -> String {
    let until = x509_parser::parse_x509_certificate(certificate)
        .ok()
        .and_then(|(_, parsed)| jiff::Timestamp::from_second(parsed.validity().not_after.timestamp()).ok());
    match until {
        Some(until) => format!("verified, for {host} until {}", until.strftime("%Y-%m-%d")),
        None => format!("verified, for {host}"),
    }
}

fn request(address: &Address, token: Option<&Token>) -> Result<Request, RemoteError> {
    let wrong = |what: String| {
        RemoteError::lasting(ErrorKind::InvalidParams, what, "check the address and the token")
    };
    let mut request = address.url().into_client_request().map_err(|e| wrong(e.to_string()))?;
    if let Some(token) = token {
        let bearer = HeaderValue::try_from(format!("Bearer {}", token.secret()));
        let mut bearer = bearer.map_err(|_| wrong("a token has printable characters only".to_owned()))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    Ok(request)
}

/// Why a handshake did not come to its end.
fn refused(address: &Address, has_token: bool, error: Error) -> RemoteError {
    let short = address.short();
    match error {
        Error::Http(response) => answered(&short, has_token, &response),
        Error::Protocol(ProtocolError::HandshakeIncomplete) | Error::ConnectionClosed => {
            RemoteError::passing(
                format!("{short} closed the connection during the handshake"),
                "is there TLS (wss://) at that address, or is the server just going down?",
            )
        }
        Error::Io(e) => RemoteError::passing(
            format!("the connection to {short} broke during the handshake: {}", system_words(&e)),
            "is there TLS (wss://) at that address?",
        ),
        other => RemoteError::lasting(
            ErrorKind::Unreachable,
            format!("what listens at {short} speaks no WebSocket: {other}"),
            if address.is_secure() { "check the address" } else { "is there TLS (wss://) at that address?" },
        ),
    }
}

/// A server that answered with something else than a WebSocket. Ours says why in one line.
fn answered(short: &str, has_token: bool, response: &Response<Option<Vec<u8>>>) -> RemoteError {
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let said = String::from_utf8_lossy(body.get(..body.len().min(200)).unwrap_or_default()).trim().to_owned();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let message = format!("{short} answered {}{said}", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED if has_token => RemoteError::lasting(
            ErrorKind::Unauthorised,
            format!("{short} does not know this token"),
            "check it",
        ),
        StatusCode::UNAUTHORIZED => RemoteError::lasting(
            ErrorKind::Unauthorised,
            format!("{short} wants a token"),
            "CODEBEAKER_TOKEN holds it; in the workbench the form for servers takes it (c after Esc)",
        ),
        StatusCode::NOT_FOUND => RemoteError::lasting(
            ErrorKind::Unreachable,
            format!("there is no CodeBeaker server at {short}"),
            "the path is /ws/jsonrpc unless a proxy has changed it",
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            RemoteError::passing(message, "it is busy or going down: try again")
        }
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
            RemoteError::passing(message, "the server behind this proxy is not up")
        }
        status if status.is_redirection() => RemoteError::lasting(
            ErrorKind::Unreachable,
            message,
            "it sends elsewhere: use the address behind that, perhaps wss://",
        ),
        _ => RemoteError::lasting(ErrorKind::Unreachable, message, "check the address"),
    }
}
