//! Finds Deno and Bun, and fetches what is missing: from the npm registry that this machine is set up for, else from
//! the runtimes' own releases. Owns `data_dir/runtimes/`. Knows nothing of sessions, of the screen (but for
//! [`terminal`], which draws its progress), or of the rest of the crate.
//!
//! What is installed is whole: a runtime appears under its version by one rename, after its published sum was
//! verified and its binary was seen to start. Everything before that lies in a `.tmp-…` directory, which goes with
//! the fetch that made it, or, where that was killed, with the next fetch.

mod archive;
mod error;
mod http;
mod install;
mod integrity;
mod npmrc;
mod platform;
mod registry;
mod settings;
mod source;
mod start;
pub mod terminal;
mod version;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use error::ProvisionError;
pub use platform::{Libc, Platform};
pub use settings::{Environment, Limits, Patience, Releases, Settings};

use http::Client;
use install::{Attempt, Traces, Workspace};
use npmrc::NpmConfig;
use source::Source;

/// A runtime that can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tool {
    /// Deno, by the package `@deno/…`.
    Deno,
    /// Bun, by the package `@oven/bun-…`.
    Bun,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Deno, Self::Bun];

    /// The name of its binary and of its directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deno => "deno",
            Self::Bun => "bun",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deno => "Deno",
            Self::Bun => "Bun",
        })
    }
}

impl FromStr for Tool {
    type Err = UnknownTool;

    fn from_str(name: &str) -> Result<Self, UnknownTool> {
        Self::ALL
            .into_iter()
            .find(|tool| tool.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownTool(name.to_owned()))
    }
}

/// A name that is no runtime's.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a runtime that can be fetched: those are deno and bun")]
pub struct UnknownTool(String);

/// A runtime on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub tool: Tool,
    /// Its binary, by an absolute path; on the PATH it may be a link, or a version manager's script.
    pub path: PathBuf,
    /// How it came here.
    pub origin: Origin,
}

/// How a runtime came to this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is on the PATH: the person's own.
    Path,
    /// It was fetched into our data directory.
    Fetched {
        /// Which version.
        version: String,
    },
}

/// How far a fetch has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process is installing the same runtime; this one goes on when that ends.
    Waiting,
    /// The version and address of the download are being asked for.
    Resolving {
        /// The package, the server and who named it.
        from: String,
    },
    /// Bytes are coming. Begins again at 0 when a broken connection is tried again.
    Downloading {
        /// The version that is downloaded.
        version: String,
        /// Bytes so far.
        received: u64,
        /// Bytes in all, where the server said.
        total: Option<u64>,
    },
    /// All bytes are here and are compared with the published sum.
    Verifying,
    /// The binary is being unpacked and started once.
    Unpacking,
    /// The runtime is installed, now or before.
    Done {
        /// Which version.
        version: String,
        /// Its binary.
        path: PathBuf,
    },
}

/// Finds a runtime: on the PATH, else the newest whole one in the data directory. Quick, and without the network.
/// Nothing is started, so that one on the PATH which is broken comes before a fetched one all the same: it is the
/// person's own choice, and who starts it sees and tells why it does not work.
pub fn find(tool: Tool, settings: &Settings) -> Option<Found> {
    if let Some(path) = executable_on_path(tool.name(), settings.search_path.as_deref()) {
        return Some(Found { tool, path, origin: Origin::Path });
    }
    fetched(tool, settings).into_iter().max_by(|a, b| match (&a.origin, &b.origin) {
        (Origin::Fetched { version: a }, Origin::Fetched { version: b }) => version::compare(a, b),
        _ => std::cmp::Ordering::Equal,
    })
}

/// Fetches a runtime: the newest version, or the one `wanted` (a version, or a tag like `canary`). One that is in the
/// data directory already is not fetched again. Dropping the future ends the fetch; what it wrote goes soon after, as
/// long as the process lives. Who ends the process then uses [`fetch_until`].
///
/// # Errors
/// Whatever went wrong, nothing is installed and no temporary file stays.
pub async fn fetch(
    tool: Tool,
    wanted: Option<&str>,
    settings: &Settings,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Found, ProvisionError> {
    fetch_with(tool, wanted, settings, progress, Traces::new().0).await
}

/// [`fetch`], until `cancel` ends, where that is sooner: then [`ProvisionError::Cancelled`], once the work on files
/// has stopped and nothing of it is left, so that the process may end at once.
///
/// # Errors
/// As for [`fetch`].
pub async fn fetch_until(
    tool: Tool,
    wanted: Option<&str>,
    settings: &Settings,
    progress: &(dyn Fn(Progress) + Send + Sync),
    cancel: impl Future<Output = ()>,
) -> Result<Found, ProvisionError> {
    let (traces, gone) = Traces::new();
    // the select drops the fetch, and with it the last trace but for those that its work in the background holds
    tokio::select! {
        biased;
        () = cancel => {}
        outcome = fetch_with(tool, wanted, settings, progress, traces) => return outcome,
    }
    Err(ProvisionError::Cancelled { tool, installed: gone.wait().await })
}

async fn fetch_with(
    tool: Tool,
    wanted: Option<&str>,
    settings: &Settings,
    progress: &(dyn Fn(Progress) + Send + Sync),
    traces: Traces,
) -> Result<Found, ProvisionError> {
    let wanted = wanted.map(|wanted| match wanted.strip_prefix('v') {
        Some(number) if version::is_plain(number) => number,
        _ => wanted,
    });
    let present = || wanted.and_then(|wanted| installed(tool, wanted, settings));
    let found = match present() {
        Some(found) => found,
        None => {
            let workspace = Workspace::open(tool, settings, traces, || progress(Progress::Waiting)).await?;
            // it may have been installed while we waited
            match present() {
                Some(found) => found,
                None => fetch_into(workspace, tool, wanted, settings, progress).await?,
            }
        }
    };
    if let Origin::Fetched { version } = &found.origin {
        progress(Progress::Done { version: version.clone(), path: found.path.clone() });
    }
    Ok(found)
}

async fn fetch_into(
    workspace: Workspace,
    tool: Tool,
    wanted: Option<&str>,
    settings: &Settings,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Found, ProvisionError> {
    let attempt = Attempt::new(workspace);
    let config = NpmConfig::read(settings);
    let source = Source::discover(tool, settings, &config, attempt.scratch()).await?;
    progress(Progress::Resolving { from: source.describe(tool, settings) });
    let client = Client::new(settings, &config).await?;
    let artifact = source.resolve(tool, wanted, settings, &config, &client).await?;
    if let Some(found) = installed(tool, &artifact.version, settings) {
        return Ok(found);
    }

    let version = artifact.version.clone();
    let report = |received, total| {
        progress(Progress::Downloading { version: version.clone(), received, total });
    };
    let archive = install::download(&attempt, &client, &artifact, settings.limits.archive, &report).await?;
    progress(Progress::Verifying);
    archive.verify(&artifact)?;

    progress(Progress::Unpacking);
    let url = http::shown(&artifact.request.url);
    let limit = settings.limits.unpacked;
    let format = artifact.format;
    let staged = attempt
        .in_background(move |workspace| {
            let staged = workspace.stage()?;
            let from = archive::Packed { file: &workspace.archive(), format, url: &url };
            archive::unpack(&from, tool, &staged.join(tool.name()), limit, workspace.cancelled())?;
            Ok(staged)
        })
        .await?;
    start::check(tool, &version, &staged.join(tool.name()), settings.patience.start).await?;

    let target = directory(tool, &version, settings);
    attempt.in_background(move |workspace| workspace.commit(&staged, &target)).await?;
    let path = directory(tool, &version, settings).join(tool.name());
    Ok(Found { tool, path, origin: Origin::Fetched { version } })
}

/// Removes the fetched versions that are older than `newest`, but for those that a process is running, and returns
/// what is gone. What can't be removed stays, and so does all while another process is installing.
pub async fn remove_superseded(newest: &Found, settings: &Settings) -> Vec<String> {
    let Origin::Fetched { version: newest_version } = &newest.origin else { return Vec::new() };
    let (tool, newest_version, settings) = (newest.tool, newest_version.clone(), settings.clone());
    let work = move || {
        let superseded = |found: &Found| match &found.origin {
            Origin::Fetched { version } => version::compare(version, &newest_version).is_lt(),
            Origin::Path => false,
        };
        let found = fetched(tool, &settings).into_iter().filter(superseded);
        Ok(install::remove(tool, &settings.runtimes(), found.map(|it| it.path).collect()))
    };
    blocking(work).await.unwrap_or_default()
}

fn directory(tool: Tool, version: &str, settings: &Settings) -> PathBuf {
    settings.runtimes().join(tool.name()).join(version)
}

/// All whole installations in the data directory.
fn fetched(tool: Tool, settings: &Settings) -> Vec<Found> {
    let entries = std::fs::read_dir(settings.runtimes().join(tool.name()));
    let versions = entries.into_iter().flatten().flatten().filter_map(|it| it.file_name().into_string().ok());
    versions.filter_map(|version| installed(tool, &version, settings)).collect()
}

/// The whole installation of a version in the data directory.
fn installed(tool: Tool, version: &str, settings: &Settings) -> Option<Found> {
    if !version::is_plain(version) {
        return None;
    }
    let path = directory(tool, version, settings).join(tool.name());
    let path = std::path::absolute(path).ok()?;
    is_executable(&path).then(|| Found {
        tool,
        path,
        origin: Origin::Fetched { version: version.to_owned() },
    })
}

/// The first executable of that name. Relative directories on a PATH are passed over: they would mean another
/// program in each directory that one stands in.
fn executable_on_path(name: &str, search_path: Option<&OsStr>) -> Option<PathBuf> {
    std::env::split_paths(search_path?)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Work on files, away from the threads that wait for the network.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProvisionError> + Send + 'static,
) -> Result<T, ProvisionError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ProvisionError::Interrupted)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_can_be_spawned() {
        fn sendable(_: impl Send) {}
        let settings = Settings::from_env();
        sendable(fetch(Tool::Bun, None, &settings, &|_| {}));
    }
}
