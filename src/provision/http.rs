//! Requests over the network: proxies, certificates, time-outs, retries, and each fault by its name. Knows nothing
//! of packages or of where a download goes.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Certificate, NoProxy, Proxy, Response, StatusCode, Url};

use super::error::words;
use super::npmrc::{NpmConfig, expand_home};
use super::settings::Patience;
use super::{ProvisionError, Settings};

/// How often a request is made again before a fault of the network is final.
const RETRIES: u32 = 2;

/// An HTTP client with the machine's proxies and certificates.
pub(super) struct Client {
    inner: reqwest::Client,
    /// The proxies that are set, by host and port, to be named when a connection fails.
    proxies: Vec<String>,
    patience: Patience,
}

impl Client {
    /// Proxies come from npm's configuration, else from the usual variables; certificates are the system's, and
    /// those of npm's `cafile` and of `NODE_EXTRA_CA_CERTS` besides.
    pub(super) async fn new(settings: &Settings, config: &NpmConfig) -> Result<Self, ProvisionError> {
        // an error means that another part of the program, or an earlier call, has installed one: just as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("codebeaker/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.patience.connect)
            .redirect(Policy::custom(redirect))
            .referer(false)
            // those of the process are read below, from the settings, and nowhere else
            .no_proxy();
        let mut named = Vec::new();
        for (proxy, server) in proxies(settings, config)? {
            builder = builder.proxy(proxy);
            if !named.contains(&server) {
                named.push(server);
            }
        }
        let certificates = certificates(settings, config)?;
        if !certificates.is_empty() {
            builder = builder.tls_certs_merge(certificates);
        }
        // reads and parses all of the system's certificates: some milliseconds of work
        let built = tokio::task::spawn_blocking(move || builder.build()).await;
        let inner = built
            .map_err(|_| ProvisionError::Interrupted)?
            .map_err(|error| ProvisionError::Tls { reason: innermost(error) })?;
        Ok(Self { inner, proxies: named, patience: settings.patience.clone() })
    }

    /// Asks for `url` and returns its answer of at most `limit` bytes, trying again after faults of the network.
    pub(super) async fn get(&self, request: &Request, limit: u64) -> Result<Vec<u8>, ProvisionError> {
        let mut retries = self.retries();
        loop {
            match self.get_once(request, limit).await {
                Err(error) if retries.another(&error).await => {}
                outcome => return outcome,
            }
        }
    }

    async fn get_once(&self, request: &Request, limit: u64) -> Result<Vec<u8>, ProvisionError> {
        let mut body = self.open(request).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next(limit).await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Where `url` leads after its redirections; the answer itself is not read.
    pub(super) async fn final_address(&self, request: &Request) -> Result<Url, ProvisionError> {
        let mut retries = self.retries();
        loop {
            match self.open(request).await {
                Err(error) if retries.another(&error).await => {}
                outcome => return Ok(outcome?.response.url().clone()),
            }
        }
    }

    /// Asks for `url`, once. The answer's head has come when this returns, and its status is a success.
    pub(super) async fn open(&self, request: &Request) -> Result<Body, ProvisionError> {
        let mut builder = self.inner.get(request.url.clone());
        if let Some(accept) = request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        if let Some(value) = &request.authorization {
            builder = builder.header(AUTHORIZATION, value);
        }
        let wait = self.patience.connect + self.patience.stall;
        let response = match tokio::time::timeout(wait, builder.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.send_error(&request.url, error)),
            Err(_) => return Err(stalled(&request.url, wait, "it should have answered")),
        };
        let status = response.status();
        if status != StatusCode::OK {
            return Err(ProvisionError::Status { url: shown(&request.url), status: status.as_u16() });
        }
        Ok(Body { total: response.content_length(), received: 0, response, stall: self.patience.stall })
    }

    fn send_error(&self, asked: &Url, error: reqwest::Error) -> ProvisionError {
        let server = server(error.url().unwrap_or(asked));
        if let Some(reason) = certificate_fault(&error) {
            return ProvisionError::Certificate { server, reason };
        }
        if error.is_redirect() {
            return ProvisionError::Answer { url: shown(asked), reason: innermost(error) };
        }
        let timed_out = error.is_timeout();
        let mut reason = match timed_out {
            true => format!("no connection was made within {:?}", self.patience.connect),
            false => innermost(error),
        };
        if !self.proxies.is_empty() {
            reason += &format!(" (the proxy {} is set)", self.proxies.join(" or "));
        }
        ProvisionError::Unreachable { server, reason, timed_out }
    }

    /// The retries of one request.
    pub(super) fn retries(&self) -> Retries {
        Retries { left: RETRIES, pause: self.patience.back_off }
    }
}

/// Decides whether a request that failed is made again.
pub(super) struct Retries {
    left: u32,
    pause: Duration,
}

impl Retries {
    /// After a fault of the network, and while tries are left: waits for a while, and says yes.
    pub(super) async fn another(&mut self, error: &ProvisionError) -> bool {
        if self.left == 0 || !error.is_transient() {
            return false;
        }
        self.left -= 1;
        tracing::warn!("trying again in {:?}: {error}", self.pause);
        tokio::time::sleep(self.pause).await;
        self.pause *= 3;
        true
    }
}

/// What is asked for.
pub(super) struct Request {
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    pub(super) authorization: Option<HeaderValue>,
}

impl Request {
    pub(super) fn plain(url: Url) -> Self {
        Self { url, accept: None, authorization: None }
    }
}

/// The bytes of an answer, as they come.
pub(super) struct Body {
    response: Response,
    received: u64,
    total: Option<u64>,
    stall: Duration,
}

impl Body {
    /// The announced size in bytes.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// The bytes received so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes; `None` after the last. More than `limit` in all is an error.
    pub(super) async fn next(&mut self, limit: u64) -> Result<Option<bytes::Bytes>, ProvisionError> {
        let url = self.response.url().clone();
        let too_large = || ProvisionError::TooLarge { what: format!("the answer of {}", shown(&url)), limit };
        if self.total.is_some_and(|total| total > limit) {
            return Err(too_large());
        }
        let chunk = match tokio::time::timeout(self.stall, self.response.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                let (received, total) = (self.received, self.total);
                return Err(ProvisionError::Truncated {
                    url: shown(&url),
                    received,
                    total,
                    reason: innermost(error),
                });
            }
            Err(_) => return Err(stalled(&url, self.stall, "it should have sent more")),
        };
        if let Some(chunk) = &chunk {
            self.received += chunk.len() as u64;
            if self.received > limit {
                return Err(too_large());
            }
        }
        Ok(chunk)
    }
}

/// An address fit for people: without the user, password and query that it may hold.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // these fail for addresses that can't have them, which then don't
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Host and port of an address.
pub(super) fn server(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn stalled(url: &Url, waited: Duration, doing: &'static str) -> ProvisionError {
    ProvisionError::Stalled { server: server(url), waited, doing }
}

/// What rustls says, where it is the reason.
fn certificate_fault(error: &reqwest::Error) -> Option<String> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
        Some(fault @ rustls::Error::InvalidCertificate(_)) => Some(fault.to_string()),
        _ => None,
    })
}

/// The last cause, which names the fault; the others name the layers that it came through. Without the address, which
/// may hold a password.
fn innermost(error: reqwest::Error) -> String {
    let error = error.without_url();
    causes(&error).last().map_or_else(|| words(&error), words)
}

/// An error's causes. Those that an [`io::Error`] wraps are among them, which `source` passes over.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| match cause.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
        None => cause.source(),
    })
}

/// Follows redirections, but not from https to http: what a registry says is what a download is verified against.
fn redirect(attempt: Attempt<'_>) -> Action {
    const MOST: usize = 10;
    let from_https = attempt.previous().last().is_some_and(|from| from.scheme() == "https");
    if from_https && attempt.url().scheme() != "https" {
        attempt.error("it leads from https to http")
    } else if attempt.previous().len() > MOST {
        attempt.error("it leads from one address to the next without end")
    } else {
        attempt.follow()
    }
}

/// The proxies for https and http, and their servers. npm's `proxy=false` means none at all.
fn proxies(settings: &Settings, config: &NpmConfig) -> Result<Vec<(Proxy, String)>, ProvisionError> {
    let environment = &settings.environment;
    let from_npm = |keys: [&str; 2]| {
        keys.into_iter().find_map(|key| config.get(key)).map(|it| (it.value.to_owned(), it.origin.to_owned()))
    };
    let from_variables = |names: &[&str]| {
        environment.first(names).map(|(name, value)| (value.to_owned(), format!("the variable {name}")))
    };
    let https = from_npm(["https-proxy", "proxy"])
        .or_else(|| from_variables(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]));
    let http = from_npm(["proxy", "https-proxy"])
        .or_else(|| from_variables(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]));
    let exceptions = config
        .get("noproxy")
        .map(|it| it.value)
        .or_else(|| environment.first(&["NO_PROXY", "no_proxy"]).map(|(_, value)| value))
        .unwrap_or_default();

    let mut proxies = Vec::new();
    type Make = fn(String) -> reqwest::Result<Proxy>;
    for (found, make) in [(https, Proxy::https as Make), (http, Proxy::http as Make)] {
        let Some((address, origin)) = found.filter(|(address, _)| address != "false") else { continue };
        // an address without a scheme is that of an http proxy
        let named = Url::parse(&address).ok().filter(Url::has_host);
        let named = named.or_else(|| Url::parse(&format!("http://{address}")).ok());
        let proxy = make(address).map_err(|error| ProvisionError::Setting {
            what: "the proxy",
            origin,
            reason: innermost(error),
        })?;
        let server = named.as_ref().map(server).unwrap_or_default();
        proxies.push((proxy.no_proxy(NoProxy::from_string(exceptions)), server));
    }
    Ok(proxies)
}

fn certificates(settings: &Settings, config: &NpmConfig) -> Result<Vec<Certificate>, ProvisionError> {
    let mut certificates = Vec::new();
    if let Some(file) = config.get("cafile") {
        let refuse = |reason: String| ProvisionError::Setting {
            what: "the `cafile`",
            origin: file.origin.to_owned(),
            reason,
        };
        let path = expand_home(file.value, settings.environment.home());
        let pem =
            std::fs::read(&path).map_err(|error| refuse(format!("{}: {}", path.display(), words(&error))))?;
        certificates.extend(Certificate::from_pem_bundle(&pem).map_err(|error| refuse(innermost(error)))?);
    }
    // node goes on without a file that it cannot use, and so do we
    if let Some(path) = settings.environment.text("NODE_EXTRA_CA_CERTS")
        && let Ok(pem) = std::fs::read(path)
    {
        certificates.extend(Certificate::from_pem_bundle(&pem).unwrap_or_default());
    }
    Ok(certificates)
}
