//! What the caller decides: places, sources, limits and patience. The one place here that reads the process's
//! environment is [`Settings::from_env`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Platform;

/// How runtimes are found and fetched.
#[derive(Clone)]
pub struct Settings {
    /// Runtimes go to `data_dir/runtimes/NAME/VERSION/`; nothing is written anywhere else.
    pub data_dir: PathBuf,
    /// The npm registry to use, whatever npm's own configuration says.
    pub registry: Option<String>,
    /// The PATH on which runtimes and npm are looked for.
    pub search_path: Option<OsString>,
    /// Where npm's settings and the proxies come from.
    pub environment: Environment,
    /// The machine to fetch for.
    pub platform: Platform,
    /// Where the runtimes' own releases lie, for machines without npm.
    pub releases: Releases,
    /// How long to wait for what.
    pub patience: Patience,
    /// How large things may be.
    pub limits: Limits,
}

impl Settings {
    /// The defaults for this process: `$XDG_DATA_HOME/codebeaker`, the registry in `CODEBEAKER_REGISTRY`, the PATH.
    pub fn from_env() -> Self {
        let environment = Environment::current();
        Self {
            data_dir: environment.default_data_dir(),
            registry: environment.text("CODEBEAKER_REGISTRY").map(str::to_owned),
            search_path: environment.var("PATH").map(OsStr::to_owned),
            environment,
            platform: Platform::current(),
            releases: Releases::default(),
            patience: Patience::default(),
            limits: Limits::default(),
        }
    }

    /// Where all runtimes lie.
    pub(super) fn runtimes(&self) -> PathBuf {
        self.data_dir.join("runtimes")
    }
}

// a registry's address may hold a password, so it is not shown
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("data_dir", &self.data_dir)
            .field("search_path", &self.search_path)
            .field("environment", &self.environment)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// The part of a process's surroundings that decides which network is used: its variables and its home directory.
/// Tests make their own.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    home: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub fn current() -> Self {
        Self::new(std::env::vars_os(), std::env::home_dir())
    }

    /// One of the given variables and home directory.
    pub fn new<K, V>(variables: impl IntoIterator<Item = (K, V)>, home: Option<PathBuf>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, home }
    }

    /// One variable.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// One variable that is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.var(name)?.to_str().filter(|value| !value.trim().is_empty())
    }

    /// The first of these variables that is text and not empty, with its name.
    pub(super) fn first<'a>(&'a self, names: &[&'a str]) -> Option<(&'a str, &'a str)> {
        names.iter().find_map(|name| Some((*name, self.text(name)?)))
    }

    /// All variables.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The home directory.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    fn default_data_dir(&self) -> PathBuf {
        let named = self.var("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
        // without a home, a place that only root can make: never one like /tmp, where others could put programs
        let home = self.home.as_deref().unwrap_or(Path::new("/"));
        named.unwrap_or_else(|| home.join(".local/share")).join("codebeaker")
    }
}

// the variables hold tokens, so only their names are shown
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("home", &self.home)
            .field("variables", &self.variables.keys())
            .finish()
    }
}

/// The base addresses of the runtimes' own releases, without a slash at the end.
#[derive(Clone, Debug)]
pub struct Releases {
    /// The text that names Deno's latest release, like `v2.1.0`.
    pub deno_latest: String,
    /// Deno's releases: `BASE/download/vVERSION/FILE.zip`, and `FILE.zip.sha256sum` beside it.
    pub deno: String,
    /// Bun's releases: `BASE/latest` leads to `BASE/tag/bun-vVERSION`; `BASE/download/bun-vVERSION/FILE.zip`, and
    /// `SHASUMS256.txt` beside it.
    pub bun: String,
}

impl Default for Releases {
    fn default() -> Self {
        Self {
            deno_latest: "https://dl.deno.land/release-latest.txt".into(),
            deno: "https://github.com/denoland/deno/releases".into(),
            bun: "https://github.com/oven-sh/bun/releases".into(),
        }
    }
}

/// How long to wait before giving up.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub stall: Duration,
    /// For `npm config get registry`.
    pub npm: Duration,
    /// For the fetched binary to say its version.
    pub start: Duration,
    /// For another process that installs the same runtime.
    pub lock: Duration,
    /// Before the first of two retries after a fault of the network; the second waits three times as long.
    pub back_off: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            npm: Duration::from_secs(10),
            start: Duration::from_secs(10),
            lock: Duration::from_secs(15 * 60),
            back_off: Duration::from_millis(500),
        }
    }
}

/// What no real answer, archive or binary passes, in bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A registry's answer about a package, or a checksum file.
    pub metadata: u64,
    /// An archive, as it is downloaded.
    pub archive: u64,
    /// All that an archive unpacks to.
    pub unpacked: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { metadata: 64 << 20, archive: 512 << 20, unpacked: 1 << 30 }
    }
}
