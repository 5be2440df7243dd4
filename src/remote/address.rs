//! Addresses of servers, as people write them.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The port of a CodeBeaker server.
pub const PORT: u16 = 5039;
/// The ports of original servers: of a bare one, and of their container images.
const ORIGINAL_PORTS: [u16; 2] = [5000, 8080];
/// The path of its WebSocket.
pub const PATH: &str = "/ws/jsonrpc";

/// Where a server is: a WebSocket address in full.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    url: Url,
    /// The port was not written.
    assumed: bool,
}

impl Address {
    /// Reads `host`, `host:port`, `ws://…`, `wss://…`, `http://…` or `https://…`. What is left out is CodeBeaker's own:
    /// port 5039, path `/ws/jsonrpc`; without a scheme, TLS everywhere but to this machine. Error: what is wrong, in one
    /// sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the address is empty: ws://localhost:5039 is one".to_owned());
        }
        let wrong = |what: &dyn fmt::Display| format!("{text:?} is no address of a server: {what}");
        // `localhost:5039` would else have the scheme `localhost`.
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let scheme = match scheme.as_deref() {
            Some("ws" | "http") => "ws",
            Some("wss" | "https") => "wss",
            Some(_) => return Err(wrong(&"it begins with ws:// or wss://")),
            None => "",
        };
        let probe = if scheme.is_empty() { "wss" } else { scheme };
        let mut url = Url::parse(&format!("{probe}://{rest}")).map_err(|e| wrong(&e))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(wrong(&"secrets don't belong into it; CODEBEAKER_TOKEN holds the token"));
        }
        url.set_fragment(None);
        if matches!(url.path(), "" | "/") {
            url.set_path(PATH);
        }
        let port = explicit_port(rest);
        let Self { mut url, assumed } = Self { url, assumed: port.is_none() };
        if scheme == "ws" || scheme.is_empty() && is_loopback(&url) {
            url.set_scheme("ws").map_err(|()| wrong(&"it has no host"))?;
        }
        url.set_port(Some(port.unwrap_or(PORT))).map_err(|()| wrong(&"it has no host"))?;
        Ok(Self { url, assumed })
    }

    /// The connection is encrypted.
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "wss"
    }

    /// It is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// A secret may be sent there.
    pub fn keeps_secrets(&self) -> bool {
        self.is_secure() || self.is_loopback()
    }

    /// The host's name or number, without brackets.
    pub fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Ipv6(ip)) => ip.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    /// The host as it stands in a URL: a number of IPv6 in brackets.
    pub fn bracketed(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(PORT)
    }

    /// The address as a URL.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// What tells it apart for people: without the path that all have.
    pub fn short(&self) -> String {
        let port = self.port();
        let host = self.bracketed();
        let path = Some(self.url.path()).filter(|path| *path != PATH).unwrap_or_default();
        format!("{}://{host}:{port}{path}", self.url.scheme())
    }

    /// The same server under the ports that original servers have, where none was written.
    pub fn elsewhere(&self) -> Vec<Self> {
        let ports = ORIGINAL_PORTS.iter().filter(|_| self.assumed);
        let moved = |port: &u16| {
            let mut url = self.url.clone();
            url.set_port(Some(*port)).ok()?;
            Some(Self { url, assumed: false })
        };
        ports.filter_map(moved).collect()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        None => false,
    }
}

/// The port that was written: `Url` forgets one that is its scheme's own.
fn explicit_port(rest: &str) -> Option<u16> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (_, port) =
        authority.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'))?;
    port.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (text, url) in [
            ("localhost", "ws://localhost:5039/ws/jsonrpc"),
            ("127.0.0.1:8080", "ws://127.0.0.1:8080/ws/jsonrpc"),
            ("[::1]", "ws://[::1]:5039/ws/jsonrpc"),
            ("[::1]:7000/", "ws://[::1]:7000/ws/jsonrpc"),
            ("lab.example.org", "wss://lab.example.org:5039/ws/jsonrpc"),
            ("ws://lab.example.org", "ws://lab.example.org:5039/ws/jsonrpc"),
            ("wss://lab.example.org:7443/rpc", "wss://lab.example.org:7443/rpc"),
            ("WS://Lab.Example.org:1/", "ws://lab.example.org:1/ws/jsonrpc"),
            ("http://localhost:5000", "ws://localhost:5000/ws/jsonrpc"),
            (" localhost:5039 ", "ws://localhost:5039/ws/jsonrpc"),
        ] {
            assert_eq!(Address::parse(text).map(|a| a.url().to_owned()).as_deref(), Ok(url), "{text}");
        }
        // A port that is the scheme's own is what was asked for, not 5039.
        for (text, port) in [("wss://lab:443", 443), ("ws://lab:80/x", 80), ("https://lab:443/", 443)] {
            assert_eq!(Address::parse(text).map(|a| a.port()), Ok(port), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in
            ["", "ftp://x", "ws://", "ws://a b", "ws://u:p@host", "wss://host/?token=x", "ws://host:99999"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_stay_on_this_machine_or_encrypted() {
        for (text, keeps) in [
            ("ws://localhost", true),
            ("ws://127.8.9.1", true),
            ("ws://[::ffff:127.0.0.1]", true),
            ("wss://far", true),
            ("ws://far", false),
            ("ws://localhost.evil.example", false),
            ("ws://0.0.0.0", false),
        ] {
            assert_eq!(Address::parse(text).map(|a| a.keeps_secrets()), Ok(keeps), "{text}");
        }
    }

    #[test]
    fn only_a_port_that_was_not_written_is_looked_for_elsewhere() {
        let ports = |text: &str| -> Vec<u16> {
            Address::parse(text).unwrap().elsewhere().iter().map(Address::port).collect()
        };
        assert_eq!(ports("localhost"), [5000, 8080]);
        assert!(ports("localhost:5039").is_empty() && ports("ws://localhost:80/x").is_empty());
    }

    #[test]
    fn people_see_no_path_that_all_have() {
        assert_eq!(Address::parse("localhost").map(|a| a.short()).as_deref(), Ok("ws://localhost:5039"));
        assert_eq!(Address::parse("wss://h:443/x").map(|a| a.short()).as_deref(), Ok("wss://h:443/x"));
    }
}
