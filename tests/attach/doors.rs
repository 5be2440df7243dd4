//! What is at an address, and who is let in: every answer is typed, and comes in bounded time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codebeaker::engine::Token;
use codebeaker::protocol::{ErrorKind, Failure};
use codebeaker::remote::{self, Address, Timing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::{Rig, quick, timely};

const SECRET: &str = "a-secret-that-opens-it";

/// Something that listens, and does this with each connection.
async fn listening<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(tcp));
        }
    });
    (address, AbortOnDropHandle::new(serving))
}

/// Half a second for each step.
fn short() -> Timing {
    let step = Duration::from_millis(500);
    Timing { connect: step, shake: step, greeting: step, ..quick() }
}

/// Why it can't be attached to, found out in a few steps' time.
async fn refused(address: &str, token: Option<&str>) -> Failure {
    let address = Address::parse(address).unwrap();
    let begin = Instant::now();
    let answer = timely(remote::attach_timed(address.clone(), token.map(Token::new), short())).await;
    let failure = Failure::from(answer.err().expect("it is attached to"));
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}: {failure:?}", begin.elapsed());
    assert!(!failure.hint.is_empty(), "{failure:?}");
    assert!(failure.message.contains(&address.short()), "it says where: {failure:?}");
    failure
}

#[tokio::test]
async fn tokens_are_asked_for_and_known() {
    let Some(rig) = Rig::with(|settings| settings.tokens = vec![Token::new(SECRET)]).await else { return };
    for (token, says) in
        [(None, "wants a token"), (Some("a-wrong-secret-for-it"), "does not know this token")]
    {
        let failure = refused(rig.address().url(), token).await;
        assert_eq!(failure.kind, ErrorKind::Unauthorised, "{failure:?}");
        assert!(failure.message.contains(says), "{failure:?}");
        assert!(!format!("{failure:?}").contains("a-wrong-secret"), "{failure:?}");
    }
    let unsendable = rig.attach_as(Some("no\u{0}header"), quick()).await;
    let failure = Failure::from(unsendable.err().unwrap());
    assert_eq!(failure.kind, ErrorKind::InvalidParams, "{failure:?}");
    let engine = rig.attach_as(Some(SECRET), quick()).await.unwrap();
    timely(engine.sessions()).await.unwrap();
    engine.shutdown().await;
    rig.end().await;
}

/// An address of this machine's that others can reach; found without a packet being sent.
async fn another_address() -> Option<std::net::IpAddr> {
    let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await.ok()?;
    socket.connect("192.0.2.1:9").await.ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[tokio::test]
async fn a_token_is_not_sent_in_clear_to_another_machine() {
    let ip = another_address().await;
    let there = ip.ok_or_else(|| "this machine has no address but its own".to_owned());
    if !crate::support::require("address", there.as_ref().map(drop).map_err(Clone::clone)) {
        return;
    }
    let listener = TcpListener::bind((ip.unwrap(), 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let failure = refused(&url, Some(SECRET)).await;
    assert_eq!(failure.kind, ErrorKind::Unauthorised, "{failure:?}");
    assert!(failure.message.contains("in clear") && failure.hint.contains("wss://"), "{failure:?}");
    assert!(!format!("{failure:?}").contains(SECRET));
    // Nobody has even called there; without a token somebody does.
    let called = futures_util::FutureExt::now_or_never(listener.accept());
    assert!(called.is_none(), "{called:?}");
    let address = Address::parse(&url).unwrap();
    let calling = tokio::spawn(async move { remote::attach_timed(address, None, short()).await.map(drop) });
    timely(listener.accept()).await.unwrap();
    assert!(timely(calling).await.unwrap().is_err());
}

#[tokio::test]
async fn where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = refused(&url, None).await;
    assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure:?}");
    assert!(
        failure.message.contains("nobody listens") && failure.hint.contains("codebeaker serve"),
        "{failure:?}"
    );
    let failure = refused("ws://no-such-host.invalid", None).await;
    assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure:?}");
}

#[tokio::test]
async fn where_something_else_listens() {
    let answering = |answer: &'static [u8]| {
        listening(move |mut tcp| async move {
            let mut asked = [0; 4096];
            let _ = tcp.read(&mut asked).await;
            let _ = tcp.write_all(answer).await;
        })
    };
    let web = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let missing = answering(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let moved = answering(b"HTTP/1.1 301 Moved\r\nlocation: https://x/\r\ncontent-length: 0\r\n\r\n").await;
    let mail = answering(b"220 mail.example.org ESMTP\r\n").await;
    let gone = answering(b"").await;
    let garbage = answering(&[0xff; 300]).await;
    let echo = listening(|mut tcp| async move {
        let (mut read, mut write) = tcp.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await;
    let silent = listening(|tcp| async move {
        let _tcp = tcp;
        std::future::pending().await
    })
    .await;
    // A WebSocket that says nothing, and one that is none of ours.
    let mute = listening(|tcp| async move {
        let socket = tokio_tungstenite::accept_async(tcp).await;
        let _socket = socket;
        std::future::pending().await
    })
    .await;
    let foreign = listening(|tcp| async move {
        use futures_util::{SinkExt as _, StreamExt as _};
        use tokio_tungstenite::tungstenite::Message;
        let mut socket = tokio_tungstenite::accept_async(tcp).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {
            let answer = r#"{"jsonrpc":"2.0","id":0,"result":{"hello":1}}"#;
            let _ = socket.send(Message::text(answer)).await;
        }
    })
    .await;
    let all = [
        (&web, "200"),
        (&missing, "no CodeBeaker server"),
        (&moved, "301"),
        (&mail, "speaks no WebSocket"),
        (&gone, "closed the connection"),
        (&garbage, "speaks no WebSocket"),
        (&echo, "speaks no WebSocket"),
        (&silent, "does not finish its handshake"),
        (&mute, "did not say"),
    ];
    for ((address, _serving), says) in all {
        let failure = refused(&format!("ws://{address}"), None).await;
        assert_eq!(failure.kind, ErrorKind::Unreachable, "{says}: {failure:?}");
        assert!(failure.message.contains(says), "{says}: {failure:?}");
    }
    let address = Address::parse(&format!("ws://{}", foreign.0)).unwrap();
    let failure: Failure = timely(remote::attach_timed(address, None, short())).await.err().unwrap().into();
    assert_eq!(failure.kind, ErrorKind::Internal, "{failure:?}");
    assert!(failure.message.contains("can't be read") && failure.hint.contains("CodeBeaker"), "{failure:?}");
    // TLS, where there is none.
    let failure = refused(&format!("wss://localhost:{}", mail.0.port()), None).await;
    assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure:?}");
    assert!(failure.message.contains("TLS"), "{failure:?}");
    let failure = refused(&format!("wss://localhost:{}", silent.0.port()), None).await;
    assert!(failure.message.contains("TLS"), "{failure:?}");
}

mod tls {
    //! With a made-up authority that a child process is told to trust.

    use std::path::Path;
    use std::process::Stdio;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use crate::support::daemon::Daemon;
    use crate::support::home::{NO_DOCKER, codebeaker, finished};

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    /// A certificate for `name` and its key, as files.
    fn certificate(dir: &Path, authority: &Authority, name: &str, until: i32) -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let signed = params.signed_by(&key, authority).unwrap();
        let [cert_path, key_path] = ["cert", "key"]
            .map(|part| dir.join(format!("{name}-{until}.{part}")).to_str().unwrap().to_owned());
        std::fs::write(&cert_path, signed.pem()).unwrap();
        std::fs::write(&key_path, key.serialize_pem()).unwrap();
        [cert_path, key_path]
    }

    /// `sessions list` there, trusting who is in `roots`.
    fn list(home: &TempDir, port: &str, roots: &Path) -> (Option<i32>, String, String) {
        let url = format!("wss://localhost:{port}");
        let mut command = codebeaker(home, &["sessions", "list", "--json", "--attach", &url]);
        command.env("SSL_CERT_FILE", roots).env(NO_DOCKER.0, NO_DOCKER.1).stderr(Stdio::piped());
        finished(command.spawn().unwrap())
    }

    #[test]
    fn a_certificate_is_verified() {
        let home = tempfile::tempdir().unwrap();
        let (ours, theirs) = (authority("ours"), authority("theirs"));
        let [our_roots, their_roots] = [("ours", &ours), ("theirs", &theirs)].map(|(name, authority)| {
            let path = home.path().join(name);
            std::fs::write(&path, authority.pem()).unwrap();
            path
        });
        let cases = [
            (certificate(home.path(), &ours, "localhost", 2090), &our_roots, None),
            (
                certificate(home.path(), &ours, "localhost", 2091),
                &their_roots,
                Some(("UnknownIssuer", "SSL_CERT_FILE")),
            ),
            (
                certificate(home.path(), &ours, "localhost", 2001),
                &our_roots,
                Some(("expired", "new certificate")),
            ),
            (
                certificate(home.path(), &ours, "elsewhere.example", 2090),
                &our_roots,
                Some(("elsewhere.example", "the name that its certificate is for")),
            ),
        ];
        for (files, roots, problem) in cases {
            let daemon = Daemon::start(&["--tls-cert", &files[0], "--tls-key", &files[1]]);
            let port = daemon.address.rsplit_once(':').unwrap().1;
            let (code, out, err) = list(&home, port, roots);
            match problem {
                None => {
                    assert_eq!(code, Some(0), "{err}");
                    assert!(out.contains("\"count\": 0"), "{out}");
                }
                Some((problem, hint)) => {
                    assert_eq!(code, Some(125), "{out}");
                    assert!(err.contains("is not trusted") && err.contains(hint), "{err}");
                    assert!(err.to_lowercase().contains(&problem.to_lowercase()), "{problem}: {err}");
                }
            }
            // In clear to where TLS is: said, and no riddle.
            if problem.is_none() {
                let url = format!("ws://localhost:{port}");
                let (code, _, err) =
                    finished(codebeaker(&home, &["sessions", "list", "--attach", &url]).spawn().unwrap());
                assert_eq!(code, Some(125));
                assert!(err.contains("wss://"), "{err}");
            }
        }
    }

    /// As openssl makes it unless it is told otherwise: neither server nor client leaves anybody to guess.
    #[test]
    fn the_certificate_of_an_authority_is_no_servers() {
        let home = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let files = ["cert", "key"].map(|part| home.path().join(part));
        std::fs::write(&files[0], params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        let [cert, key] = files.each_ref().map(|file| file.to_str().unwrap());
        let daemon = Daemon::start(&["--tls-cert", cert, "--tls-key", key]);
        let port = daemon.address.rsplit_once(':').unwrap().1;
        let (code, _, err) = list(&home, port, &files[0]);
        assert_eq!(code, Some(125));
        assert!(err.contains("CA:TRUE") && err.contains("CA:FALSE"), "{err}");
        // A file without any certificate is not passed over.
        let (code, _, err) = list(&home, port, &files[1]);
        assert_eq!(code, Some(125));
        assert!(err.contains("holds no certificate"), "{err}");
    }
}
