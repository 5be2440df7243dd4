//! TLS: the built binary with a certificate, and clients that know who has signed it.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::daemon::Daemon;
use crate::door::exchange;
use crate::support::home::{codebeaker, finished};
use crate::support::native::Kind;
use crate::support::raw::{Raw, knock};
use crate::{Bench, create};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// An authority's certificate, as it is; the server's and its key lie in `place`.
fn certify(place: &Path) -> CertificateDer<'static> {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority_key);
    let names = vec!["127.0.0.1".into(), "localhost".into()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(place.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(place.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(place.join("authority.pem"), authority.pem()).unwrap();
    authority.der().clone()
}

fn connector(authority: Option<CertificateDer<'static>>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    if let Some(authority) = authority {
        roots.add(authority).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn over_tls_with_a_token() {
    let Some(bench) = Bench::open().await else { return };
    let place = tempfile::tempdir().unwrap();
    let authority = certify(place.path());
    let file = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("tokens"), format!("{TOKEN}\n")).unwrap();
    let (cert, key, tokens) = (file("cert.pem"), file("key.pem"), file("tokens"));
    let daemon = Daemon::start(&["--tls-cert", &cert, "--tls-key", &key, "--token-file", &tokens]);
    assert!(daemon.said().contains("wss://"), "{}", daemon.said());
    let name = ServerName::try_from("localhost").unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let host = daemon.address.to_string();
    let tcp = TcpStream::connect(daemon.address).await.unwrap();
    let tls = connector(Some(authority)).connect(name.clone(), tcp).await.unwrap();
    let mut raw = knock(tls, &host, &[("authorization", &bearer)]).await.unwrap();
    let session = create(&mut raw, Kind::Python).await;
    let large = "x".repeat(3 << 20);
    raw.execute(&session, crate::write("large", &large)).await;
    assert_eq!(raw.execute(&session, crate::read("large")).await["result"]["content"], large.as_str());
    // A client that doesn't know the authority does not connect.
    let tcp = TcpStream::connect(daemon.address).await.unwrap();
    assert!(connector(None).connect(name, tcp).await.is_err());
    // Our own client trusts what the system's list of authorities says.
    let url = format!("wss://localhost:{}", daemon.address.port());
    for (roots, code) in [(file("authority.pem"), 0), (file("cert.pem"), 125)] {
        let home = tempfile::tempdir().unwrap();
        let mut command = codebeaker(&home, &["sessions", "list", "--json", "--attach", &url]);
        command.env("SSL_CERT_FILE", roots).env("CODEBEAKER_TOKEN", TOKEN);
        let (seen, stdout, stderr) = finished(command.spawn().unwrap());
        assert_eq!(seen, Some(code), "{stdout} {stderr}");
        assert_eq!(stdout.contains(&session), code == 0, "{stdout} {stderr}");
    }
    // One who speaks without TLS here is told so.
    let said = exchange(daemon.address, b"GET /ws/jsonrpc HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("wss://"), "{said:?}");
    raw.close().await;
    daemon.end();
    bench.end().await;
}

#[tokio::test]
async fn tls_where_there_is_none_has_a_clear_end() {
    let Some(bench) = Bench::open().await else { return };
    let tcp = TcpStream::connect(bench.served.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let error = crate::timely(connector(None).connect(name, tcp)).await.unwrap_err();
    assert!(error.to_string().contains("corrupt message") || error.to_string().contains("eof"), "{error}");
    let mut raw = Raw::connect(bench.served.address).await;
    assert_eq!(raw.result("session.list", json!({})).await["count"], 0);
    bench.end().await;
}
