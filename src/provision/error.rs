//! What can go wrong while a runtime is fetched: each fault told apart, with its next step.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Tool;

/// Why a runtime could not be fetched. `Display` is one sentence that says what happened and why;
/// [`next_step`](ProvisionError::next_step) says what to do about it. Neither ever holds a token or password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// The publisher has no build for this machine.
    #[error("{tool} publishes no build for {platform}")]
    NoBuild {
        /// The runtime asked for.
        tool: Tool,
        /// The machine, like `linux-riscv64-glibc`.
        platform: String,
    },
    /// A setting, of ours or of npm's, cannot be used.
    #[error("{what} from {origin} cannot be used: {reason}")]
    Setting {
        /// Which setting: "the registry", "the proxy".
        what: &'static str,
        /// Where it stands: a file, an environment variable.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// npm is here, but does not say which registry is to be used.
    #[error("`{command}` failed: {complaint}")]
    Npm {
        /// What was started.
        command: String,
        /// What it said, or what was wrong.
        complaint: String,
    },
    /// No connection could be made.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// The network's own words.
        reason: String,
        /// Whether that took the whole time there is for a connection.
        timed_out: bool,
    },
    /// The server showed a certificate that this machine does not trust.
    #[error("{server} showed a certificate that is not trusted: {reason}")]
    Certificate {
        /// Host and port.
        server: String,
        /// What the TLS library said.
        reason: String,
    },
    /// The TLS client could not be set up.
    #[error("no secure connection can be made from this machine: {reason}")]
    Tls {
        /// What the TLS library said.
        reason: String,
    },
    /// The server sent nothing for too long.
    #[error("{server} sent nothing for {} while {doing}", seconds(*.waited))]
    Stalled {
        /// Host and port.
        server: String,
        /// How long nothing came.
        waited: Duration,
        /// What was being done.
        doing: &'static str,
    },
    /// The server answered with an error status.
    #[error("{url} answered {status}{}", status_words(*.status))]
    Status {
        /// What was asked for, without credentials.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server's answer is not what the protocol says.
    #[error("the answer of {url} is not usable: {reason}")]
    Answer {
        /// What was asked for, without credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The version asked for does not exist.
    #[error("{package} has no version {wanted}{}", newest(.latest.as_deref()))]
    NoSuchVersion {
        /// The package's name.
        package: String,
        /// The version asked for.
        wanted: String,
        /// The newest one, where it is known.
        latest: Option<String>,
    },
    /// Nothing strong enough was published to check the download against.
    #[error("no sha256, sha384 or sha512 sum is published for {what}, so the download could not be verified")]
    NoIntegrity {
        /// Package and version, or the file.
        what: String,
    },
    /// The download is not what was published.
    #[error("the download from {url} is not what was published: expected {expected}, got {actual}")]
    Mismatch {
        /// Where it came from.
        url: String,
        /// The published sum.
        expected: String,
        /// The sum of what came.
        actual: String,
    },
    /// The connection ended before the whole file had come.
    #[error("the download from {url} broke off after {received} bytes{}: {reason}", of_total(*.total))]
    Truncated {
        /// Where it came from.
        url: String,
        /// Bytes received.
        received: u64,
        /// Bytes announced, where they were.
        total: Option<u64>,
        /// The network's own words.
        reason: String,
    },
    /// An answer, archive or binary is larger than any real one.
    #[error("{what} is larger than {limit} bytes, which no real one is")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit that it passed, in bytes.
        limit: u64,
    },
    /// The archive does not hold what it should.
    #[error("the archive from {url} is not usable: {reason}")]
    Archive {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No space is left.
    #[error("the disk that holds {} is full", .path.display())]
    DiskFull {
        /// Where writing failed.
        path: PathBuf,
    },
    /// The place for runtimes cannot be written to.
    #[error("{} cannot be written to: {reason}", .path.display())]
    NotWritable {
        /// Where writing failed.
        path: PathBuf,
        /// The system's own words.
        reason: String,
    },
    /// Any other failure of the file system.
    #[error("{doing} {} failed: {}", .path.display(), words(.source))]
    File {
        /// What was being done.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The fetched binary is sound, but does not start here.
    #[error("the fetched {tool} {version} does not start here: {reason}")]
    DoesNotStart {
        /// The runtime.
        tool: Tool,
        /// Its version.
        version: String,
        /// What it or the system said.
        reason: String,
    },
    /// Another process has been installing the same runtime for very long.
    #[error("another process has been installing {tool} for more than {}", seconds(*.waited))]
    Busy {
        /// The runtime.
        tool: Tool,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The caller has given the fetch up; all of it has ended.
    #[error("the fetching of {tool} was stopped{}", if *.installed { " when it was installed already" } else { "" })]
    Cancelled {
        /// The runtime.
        tool: Tool,
        /// Whether that came too late, and the runtime is installed, whole.
        installed: bool,
    },
    /// The task that did the file work was ended from outside, as at the end of the program.
    #[error("the installation was interrupted")]
    Interrupted,
}

impl ProvisionError {
    /// What the person can do now, in one or two sentences.
    pub fn next_step(&self) -> String {
        match self {
            Self::NoBuild { tool, .. } => {
                format!("Use another runtime, or put a `{}` that runs here on the PATH.", tool.name())
            }
            Self::Setting { what, origin, .. } => format!("Correct {what} in {origin}, or remove it there."),
            Self::Npm { .. } => "Set the registry by `registry` in the settings or by CODEBEAKER_REGISTRY, or make npm \
                answer."
                .into(),
            Self::Unreachable { .. } => "Check the network. Behind a proxy, set HTTPS_PROXY (and HTTP_PROXY); to use \
                another npm registry, set CODEBEAKER_REGISTRY or `registry` in the settings or ~/.npmrc."
                .into(),
            Self::Certificate { .. } | Self::Tls { .. } => {
                "Install the system's CA certificates, or name the file that holds the right ones with \
                 SSL_CERT_FILE or `cafile` in ~/.npmrc."
                    .into()
            }
            Self::Stalled { .. } | Self::Truncated { .. } => {
                "Try again; if it happens again, use another network, or another npm registry by \
                 CODEBEAKER_REGISTRY."
                    .into()
            }
            Self::Status { status, .. } => status_step(*status),
            Self::Answer { .. } => "Check that the registry's address is that of an npm registry (CODEBEAKER_REGISTRY, \
                `registry` in the settings or ~/.npmrc); a log-in page of the network may have answered instead."
                .into(),
            Self::NoSuchVersion { latest, .. } => match latest {
                Some(latest) => format!("Ask for {latest}, or for no version at all to get the newest."),
                None => "Ask for no version at all to get the newest.".into(),
            },
            Self::NoIntegrity { .. } | Self::Mismatch { .. } | Self::Archive { .. } | Self::TooLarge { .. } => {
                "Nothing was installed. Try again; if it happens again, do not trust this source: use another npm \
                 registry by CODEBEAKER_REGISTRY, and tell the one who runs this one."
                    .into()
            }
            Self::DiskFull { .. } => "Free some space there (about 300 MB are needed), or name a directory on another \
                disk with XDG_DATA_HOME."
                .into(),
            Self::NotWritable { .. } => {
                "Make that directory writable for you, or name another one with XDG_DATA_HOME.".into()
            }
            Self::File { .. } => "Check that directory and its disk, then try again.".into(),
            Self::DoesNotStart { tool, .. } => format!(
                "Nothing was installed. Install {tool} by its own instructions, so that `{}` is on the PATH.",
                tool.name()
            ),
            Self::Busy { .. } => "End that process (`codebeaker`), then try again.".into(),
            Self::Cancelled { installed: true, .. } => "It can be used.".into(),
            Self::Cancelled { .. } => "Nothing was installed.".into(),
            Self::Interrupted => "Try again.".into(),
        }
    }

    /// Whether the same request may well succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            // what took long already is not made to take three times as long
            Self::Unreachable { timed_out, .. } => !timed_out,
            Self::Truncated { .. } => true,
            Self::Status { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// Tells a full disk and an unwritable directory from other failures of the file system.
    pub(super) fn from_io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let path = path.to_path_buf();
        match source.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => Self::DiskFull { path },
            Kind::ReadOnlyFilesystem | Kind::PermissionDenied | Kind::NotADirectory => {
                Self::NotWritable { path, reason: words(&source) }
            }
            // /proc and /sys answer ENOENT to every mkdir; our directories are created from the root down,
            // so a missing parent cannot be the reason
            Kind::NotFound if doing == CREATING => Self::NotWritable { path, reason: words(&source) },
            _ => Self::File { doing, path, source },
        }
    }
}

/// An error in words, without the system's number for it.
pub(super) fn words(error: &(impl std::fmt::Display + ?Sized)) -> String {
    let mut text = error.to_string();
    while let Some(start) = text.find(" (os error ") {
        let end = text[start..].find(')').map_or(text.len(), |length| start + length + 1);
        text.replace_range(start..end, "");
    }
    text
}

/// The phrase for the creation of directories, which [`ProvisionError::from_io`] knows.
pub(super) const CREATING: &str = "creating";

fn status_step(status: u16) -> String {
    match status {
        401 | 403 => "The registry wants you to be logged in, or forbids this package: run `npm login`, or set the \
            registry's `_authToken` in ~/.npmrc; or use another registry by CODEBEAKER_REGISTRY."
            .into(),
        404 => "This registry does not have the package: use one that does, by CODEBEAKER_REGISTRY or `registry` in \
            the settings or ~/.npmrc."
            .into(),
        407 => "The proxy wants a log-in: give it in the proxy's address (http://user:password@host:port).".into(),
        429 => "The registry wants fewer requests: try again in some minutes.".into(),
        500..=599 => "The server has a fault of its own: try again later, or use another registry by \
            CODEBEAKER_REGISTRY."
            .into(),
        _ => "Check the registry's address (CODEBEAKER_REGISTRY, `registry` in the settings or ~/.npmrc).".into(),
    }
}

fn status_words(status: u16) -> &'static str {
    match status {
        401 => " (not logged in)",
        403 => " (forbidden)",
        404 => " (not found)",
        407 => " (the proxy wants a log-in)",
        429 => " (too many requests)",
        500..=599 => " (the server failed)",
        _ => "",
    }
}

fn newest(latest: Option<&str>) -> String {
    latest.map(|latest| format!("; the newest is {latest}")).unwrap_or_default()
}

fn of_total(total: Option<u64>) -> String {
    total.map(|total| format!(" of {total}")).unwrap_or_default()
}

fn seconds(duration: Duration) -> String {
    if duration.as_millis() < 10_000 && duration.subsec_millis() != 0 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} s", duration.as_secs())
    }
}
