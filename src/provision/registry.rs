//! Which npm registry is used, and what is sent to it: the order in which npm's configuration names one, and the
//! credentials that go with an address.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::error::words;
use super::npmrc::NpmConfig;
use super::{ProvisionError, Settings, executable_on_path};

/// A registry's base address (with a slash at the end) and where it was named.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) base: Url,
    pub(super) origin: String,
}

impl Registry {
    /// The first that is named by: our settings, npm's variables, the user's npmrc, the global npmrc, npm itself.
    /// `None` where nothing names one, which also means that there is no npm.
    pub(super) async fn discover(
        settings: &Settings,
        config: &NpmConfig,
        scope: &str,
        scratch: &Path,
    ) -> Result<Option<Self>, ProvisionError> {
        if let Some(registry) = &settings.registry {
            return Self::parse(registry, "CodeBeaker's settings").map(Some);
        }
        if let Some(registry) = config.registry(scope) {
            return Self::parse(registry.value, registry.origin).map(Some);
        }
        match ask_npm(settings, scratch).await? {
            Some(registry) => Self::parse(&registry, "`npm config get registry`").map(Some),
            None => Ok(None),
        }
    }

    fn parse(address: &str, origin: &str) -> Result<Self, ProvisionError> {
        let refuse = |reason: &str| ProvisionError::Setting {
            what: "the registry",
            origin: origin.to_owned(),
            reason: reason.to_owned(),
        };
        let address = address.trim();
        let slashed = if address.ends_with('/') { address.to_owned() } else { format!("{address}/") };
        let base = Url::parse(&slashed).map_err(|_| refuse("it is not an http(s) address"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(refuse("it is not an http(s) address"));
        }
        Ok(Self { base, origin: origin.to_owned() })
    }

    /// The address of a package's description.
    pub(super) fn package(&self, name: &str) -> Result<Url, ProvisionError> {
        self.base.join(&name.replacen('/', "%2f", 1)).map_err(|error| ProvisionError::Setting {
            what: "the registry",
            origin: self.origin.clone(),
            reason: error.to_string(),
        })
    }
}

/// What `npm config get registry` says; `None` where there is no npm on the search path. npm's cache, which it makes
/// whatever it is asked, goes to `scratch`.
async fn ask_npm(settings: &Settings, scratch: &Path) -> Result<Option<String>, ProvisionError> {
    let Some(npm) = executable_on_path("npm", settings.search_path.as_deref()) else { return Ok(None) };
    // nothing is written outside our own directories
    let cache = scratch.join("npm");
    let quiet =
        [("npm_config_logs_max", "0".as_ref()), ("npm_config_update_notifier", "false".as_ref())].into_iter();
    let quiet: Vec<(&str, &OsStr)> = quiet.chain([("npm_config_cache", cache.as_os_str())]).collect();
    // npm knows variables in any case, so that of the person's own might be stronger
    let ours = |name: &OsStr| quiet.iter().any(|(ours, _)| name.eq_ignore_ascii_case(ours));
    let mut command = tokio::process::Command::new(&npm);
    command
        .args(["config", "get", "registry"])
        .env_clear()
        .envs(settings.environment.iter().filter(|(name, _)| !ours(name)))
        .envs(quiet.iter().copied())
        // npm reads an .npmrc where it is started: not that of whatever project we happen to stand in
        .current_dir(settings.environment.home().filter(|home| home.is_dir()).unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(path) = &settings.search_path {
        // npm is a script that looks for node
        command.env("PATH", path);
    }
    let fail = |complaint: String| ProvisionError::Npm {
        command: format!("{} config get registry", npm.display()),
        complaint,
    };
    let output = match tokio::time::timeout(settings.patience.npm, command.output()).await {
        Ok(output) => output.map_err(|error| fail(words(&error)))?,
        Err(_) => return Err(fail(format!("it did not end within {:?}", settings.patience.npm))),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        // what a program says may hold sequences that drive a terminal
        let line: String = line.chars().filter(|character| !character.is_control()).take(300).collect();
        return Err(fail(match line.as_str() {
            "" => format!("it ended with {}", output.status),
            line => format!("it ended with {}: {line}", output.status),
        }));
    }
    let answer = String::from_utf8_lossy(&output.stdout);
    let address = answer.lines().map(str::trim).rfind(|line| line.contains("://"));
    address.map(|address| Some(address.to_owned())).ok_or_else(|| fail("it named no address".into()))
}

/// The credentials for `url`: those of the longest `//host/path` that npm's configuration has any for; for another
/// address on the registry's host, those of the registry. Marked as sensitive, so that no log shows them.
pub(super) fn authorization(config: &NpmConfig, registry: &Registry, url: &Url) -> Option<HeaderValue> {
    // a token that was given for an https registry is not sent where all can read it
    if registry.base.scheme() == "https" && url.scheme() != "https" {
        return None;
    }
    let found = by_longest_path(config, url).or_else(|| {
        let same_host = url.host_str() == registry.base.host_str()
            && url.port_or_known_default() == registry.base.port_or_known_default();
        same_host.then(|| by_longest_path(config, &registry.base)).flatten()
    })?;
    let mut value = HeaderValue::from_str(&found).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn by_longest_path(config: &NpmConfig, url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut key = format!("//{host}{}", url.path());
    while key.len() > 2 {
        if let Some(found) = credentials(config, &key) {
            return Some(found);
        }
        // both //host/path/ and //host/path are keys: what follows the last slash goes first, then the slash
        match key.rfind('/') {
            Some(at) if at + 1 < key.len() => key.truncate(at + 1),
            Some(at) => key.truncate(at),
            None => break,
        }
    }
    None
}

fn credentials(config: &NpmConfig, key: &str) -> Option<String> {
    let get = |name: &str| config.get(&format!("{key}:{name}")).map(|setting| setting.value);
    if let Some(token) = get("_authToken") {
        return Some(format!("Bearer {token}"));
    }
    if let Some(basic) = get("_auth") {
        return Some(format!("Basic {basic}"));
    }
    let password = STANDARD.decode(get("_password")?).ok()?;
    let pair = [get("username")?.as_bytes(), b":", &password].concat();
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(npmrc: &str, registry: &str, url: &str) -> Option<String> {
        let registry = Registry::parse(registry, "test").unwrap();
        let value = authorization(&NpmConfig::of(npmrc), &registry, &Url::parse(url).unwrap())?;
        assert!(value.is_sensitive());
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn credentials_go_only_where_they_belong() {
        let rc = "//r.example/npm/:_authToken=deep\n//r.example/:_authToken=shallow\n//o.example:8443/:_auth=b2s=\n\
                  //u.example/:username=me\n//u.example/:_password=cHc=";
        let registry = "https://r.example/npm";
        let cases = [
            ("https://r.example/npm/@deno%2fx", Some("Bearer deep")),
            ("https://r.example/other/x.tgz", Some("Bearer shallow")),
            ("https://r.example/", Some("Bearer shallow")),
            ("https://o.example:8443/x.tgz", Some("Basic b2s=")),
            ("https://u.example/x.tgz", Some("Basic bWU6cHc=")),
            ("https://o.example/x.tgz", None),
            ("https://r.example.evil/npm/x", None),
            ("http://r.example/npm/x", None),
        ];
        for (url, expected) in cases {
            assert_eq!(sent(rc, registry, url).as_deref(), expected, "{url}");
        }
        let only_deep = "//r.example/npm/:_authToken=deep";
        assert_eq!(
            sent(only_deep, registry, "https://r.example/files/x.tgz").as_deref(),
            Some("Bearer deep")
        );
        assert_eq!(sent("//r.example/:_authToken=a\u{7f}b", registry, "https://r.example/"), None);
    }

    #[test]
    fn a_registry_is_an_http_address() {
        for bad in ["", "nonsense", "file:///etc", "${NOPE}", "ftp://r.example/"] {
            let error = Registry::parse(bad, "~/.npmrc").unwrap_err();
            assert!(error.to_string().contains("~/.npmrc"), "{error}");
        }
        let registry = Registry::parse("https://r.example/npm", "test").unwrap();
        let package = registry.package("@oven/bun-linux-x64").unwrap();
        assert_eq!(package.as_str(), "https://r.example/npm/@oven%2fbun-linux-x64");
    }
}
