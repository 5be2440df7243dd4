//! Who is let in: the name the server was called by, the web page that calls, the token that is borne.

use std::net::SocketAddr;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::settings::ServerSettings;

/// The shortest token that opens a server: 128 bits in base64.
pub const SHORTEST_TOKEN: usize = 22;

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    /// What is counted.
    pub reason: &'static str,
    /// One line for whoever reads the answer.
    pub message: String,
}

impl Refusal {
    pub fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Which token was borne: its first digits once it is hashed. Empty where none is needed.
    pub token: String,
    /// Which of the server's tokens that is.
    pub index: usize,
}

/// The rules of one server.
#[derive(Debug)]
pub struct Door {
    /// Hashed, so that neither their text nor their length is compared.
    tokens: Vec<[u8; 32]>,
    origins: Vec<String>,
    /// Only these may it be called by; `None`: by any, as it listens beyond this machine.
    hosts: Option<Vec<String>>,
}

impl Door {
    pub fn new(settings: &ServerSettings, listens: SocketAddr) -> Self {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let mut hosts: Vec<String> = own.into_iter().chain([bracketed(listens)]).collect();
        hosts.extend(settings.hosts.iter().map(|host| host.to_lowercase()).filter(|host| !host.is_empty()));
        Self {
            tokens: settings.tokens.iter().map(|token| hash(token.secret())).collect(),
            origins: settings
                .origins
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_lowercase())
                .collect(),
            hosts: listens.ip().to_canonical().is_loopback().then_some(hosts),
        }
    }

    /// Whether the name this server was called by is one of its own. A web page whose name was made to point here
    /// calls it by another.
    pub fn called(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let Some(hosts) = &self.hosts else { return Ok(()) };
        let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = uri.authority().map(|a| a.as_str()).or(header).unwrap_or_default().to_lowercase();
        let name = without_port(&host);
        if hosts.iter().any(|known| known == name || *known == host) {
            return Ok(());
        }
        let message =
            format!("this server is not called {name:?}: use localhost, or start it with --allow-host");
        Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "host", message))
    }

    /// Whether the web page that calls may; what is no web page says nothing.
    pub fn page(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or_default().to_lowercase();
        if self.origins.contains(&origin) {
            return Ok(());
        }
        let message =
            format!("web pages of {origin:?} may not connect: start the server with --allow-origin");
        Err(Refusal::new(StatusCode::FORBIDDEN, "origin", message))
    }

    /// Whose token is borne.
    pub fn bearer(&self, headers: &HeaderMap) -> Result<Who, Refusal> {
        if self.tokens.is_empty() {
            return Ok(Who { token: String::new(), index: 0 });
        }
        let wants = |message| Err(Refusal::new(StatusCode::UNAUTHORIZED, "token", message));
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = header.and_then(bearer) else {
            return wants("this server wants a token: Authorization: Bearer TOKEN");
        };
        let given = hash(given);
        // All are compared, each to its end: how long it takes tells nothing.
        let mut found = None;
        let mut any = Choice::from(0);
        for (index, token) in self.tokens.iter().enumerate() {
            let same = token.ct_eq(&given);
            any |= same;
            if bool::from(same) {
                found = Some(index);
            }
        }
        match (found, bool::from(any)) {
            (Some(index), true) => Ok(Who { token: fingerprint(&given), index }),
            _ => wants("this token is not known here"),
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn fingerprint(hash: &[u8; 32]) -> String {
    hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn bracketed(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Token;

    fn door(change: impl FnOnce(&mut ServerSettings)) -> Door {
        let listen = "127.0.0.1:5039".parse().unwrap();
        let mut settings = ServerSettings::new(listen);
        change(&mut settings);
        let listen = settings.listen;
        Door::new(&settings, listen)
    }

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn on_this_machine_only_its_own_names_are_taken() {
        let door = door(|s| s.hosts.push("Box.local".into()));
        let uri = Uri::from_static("/ws/jsonrpc");
        for (host, taken) in [
            ("localhost:5039", true),
            ("LOCALHOST", true),
            ("127.0.0.1:9", true),
            ("[::1]:5039", true),
            ("box.local:5039", true),
            ("evil.example:5039", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            let called = door.called(&headers(&[("host", host)]), &uri);
            assert_eq!(called.is_ok(), taken, "{host}");
            assert!(called.map_err(|r| r.status).err().is_none_or(|s| s == StatusCode::MISDIRECTED_REQUEST));
        }
        assert!(door.called(&HeaderMap::new(), &uri).is_err());
        // The whole of an absolute address counts, whatever the header says.
        let absolute = Uri::from_static("http://evil.example/ws/jsonrpc");
        assert!(door.called(&headers(&[("host", "localhost")]), &absolute).is_err());
        let open =
            Door::new(&ServerSettings::new("0.0.0.0:1".parse().unwrap()), "0.0.0.0:1".parse().unwrap());
        assert!(open.called(&headers(&[("host", "any.example")]), &uri).is_ok());
    }

    #[test]
    fn pages_are_taken_that_are_named_and_no_others() {
        let door = door(|s| s.origins.push("https://App.example:8443/".into()));
        for (origin, taken) in [
            ("https://app.example:8443", true),
            ("https://app.example", false),
            ("http://app.example:8443", false),
            ("null", false),
            ("http://localhost:5039", false),
        ] {
            assert_eq!(door.page(&headers(&[("origin", origin)])).is_ok(), taken, "{origin}");
        }
        assert!(door.page(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_token_is_right_or_it_is_not() {
        let door =
            door(|s| s.tokens = vec![Token::new("first-token-of-two"), Token::new("second-token-of-two")]);
        for (header, index) in [
            ("Bearer first-token-of-two", Some(0)),
            ("bearer  second-token-of-two ", Some(1)),
            ("Bearer first-token-of-tw", None),
            ("Bearer first-token-of-two-and", None),
            ("Basic first-token-of-two", None),
            ("Bearer", None),
            ("", None),
        ] {
            let who = door.bearer(&headers(&[("authorization", header)]));
            assert_eq!(who.as_ref().ok().map(|w| w.index), index, "{header}");
            assert!(who.is_ok_and(|w| w.token.len() == 8) == index.is_some());
        }
        assert!(door.bearer(&HeaderMap::new()).is_err());
    }
}
