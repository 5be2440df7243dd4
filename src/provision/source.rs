//! What to download: the newest or a wanted version, its archive's address and its published sum, from an npm
//! registry or from the runtimes' own releases.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::{Client, Request, server, shown};
use super::integrity::Integrity;
use super::npmrc::NpmConfig;
use super::registry::{Registry, authorization};
use super::{ProvisionError, Settings, Tool, version};

/// The short form of a package's description, which leaves out what only an installer of dependencies needs.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// Where a runtime comes from.
pub(super) enum Source {
    Registry { registry: Registry, package: String },
    Releases { file: String },
}

/// One archive, and what it must be.
pub(super) struct Artifact {
    pub(super) version: String,
    pub(super) request: Request,
    pub(super) integrity: Integrity,
    pub(super) format: Format,
}

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    TarGz,
    Zip,
}

impl Source {
    /// The registry that is configured, else the runtime's own releases.
    pub(super) async fn discover(
        tool: Tool,
        settings: &Settings,
        config: &NpmConfig,
        scratch: &Path,
    ) -> Result<Self, ProvisionError> {
        let no_build = || ProvisionError::NoBuild { tool, platform: settings.platform.to_string() };
        let package = settings.platform.package(tool).ok_or_else(no_build)?;
        let scope = package.split('/').next().unwrap_or_default().to_owned();
        match Registry::discover(settings, config, &scope, scratch).await? {
            Some(registry) => Ok(Self::Registry { registry, package }),
            None => Ok(Self::Releases { file: settings.platform.release_file(tool).ok_or_else(no_build)? }),
        }
    }

    /// What a person is told of it.
    pub(super) fn describe(&self, tool: Tool, settings: &Settings) -> String {
        match self {
            Self::Registry { registry, package } => {
                format!("{package} at {} (named by {})", server(&registry.base), registry.origin)
            }
            Self::Releases { file } => {
                let base = match tool {
                    Tool::Deno => &settings.releases.deno,
                    Tool::Bun => &settings.releases.bun,
                };
                format!("{file} at {base} (no npm registry is configured)")
            }
        }
    }

    /// Finds the artifact of the wanted version, or of the newest.
    pub(super) async fn resolve(
        &self,
        tool: Tool,
        wanted: Option<&str>,
        settings: &Settings,
        config: &NpmConfig,
        client: &Client,
    ) -> Result<Artifact, ProvisionError> {
        match self {
            Self::Registry { registry, package } => {
                from_registry(registry, package, wanted, settings, config, client).await
            }
            Self::Releases { file } => from_releases(tool, file, wanted, settings, client).await,
        }
    }
}

/// The part of a package's description that is used. The versions are parsed only when wanted: there are hundreds.
#[derive(Deserialize)]
struct Packument {
    #[serde(rename = "dist-tags", default)]
    tags: BTreeMap<String, String>,
    versions: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct PublishedVersion {
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    integrity: Option<String>,
}

async fn from_registry(
    registry: &Registry,
    package: &str,
    wanted: Option<&str>,
    settings: &Settings,
    config: &NpmConfig,
    client: &Client,
) -> Result<Artifact, ProvisionError> {
    let url = registry.package(package)?;
    let unusable = |reason: String| ProvisionError::Answer { url: shown(&url), reason };
    let authorized = authorization(config, registry, &url);
    let request = Request { url: url.clone(), accept: Some(ABBREVIATED), authorization: authorized };
    let bytes = client.get(&request, settings.limits.metadata).await?;
    let packument: Packument = serde_json::from_slice(&bytes)
        .map_err(|error| unusable(format!("it is not a package description: {error}")))?;

    let latest = packument.tags.get("latest").cloned();
    let version = match wanted {
        // a tag is a name for a version, like `canary`
        Some(wanted) => packument.tags.get(wanted).map_or(wanted, String::as_str).to_owned(),
        None => latest.clone().ok_or_else(|| unusable("it names no latest version".into()))?,
    };
    let Some(published) = packument.versions.get(&version) else {
        let wanted = wanted.map_or(version, str::to_owned);
        return Err(ProvisionError::NoSuchVersion { package: package.to_owned(), wanted, latest });
    };
    if !version::is_plain(&version) {
        return Err(unusable(format!("{version:?} is no version")));
    }
    let published: PublishedVersion = serde_json::from_str(published.get())
        .map_err(|error| unusable(format!("version {version} is not described: {error}")))?;
    let integrity = published.dist.integrity.as_deref().and_then(Integrity::from_sri);
    let integrity =
        integrity.ok_or_else(|| ProvisionError::NoIntegrity { what: format!("{package}@{version}") })?;
    let tarball = registry
        .base
        .join(&published.dist.tarball)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| unusable("its archive has no http(s) address".into()))?;
    let authorized = authorization(config, registry, &tarball);
    let request = Request { url: tarball, accept: None, authorization: authorized };
    Ok(Artifact { version, request, integrity, format: Format::TarGz })
}

async fn from_releases(
    tool: Tool,
    file: &str,
    wanted: Option<&str>,
    settings: &Settings,
    client: &Client,
) -> Result<Artifact, ProvisionError> {
    let version = match wanted {
        Some(wanted) => wanted.to_owned(),
        None => newest_release(tool, settings, client).await?,
    };
    let no_such = || ProvisionError::NoSuchVersion {
        package: tool.name().to_owned(),
        wanted: version.clone(),
        latest: None,
    };
    if !version::is_plain(&version) {
        return Err(no_such());
    }
    let (directory, sums) = match tool {
        Tool::Deno => {
            (format!("{}/download/v{version}", settings.releases.deno), format!("{file}.sha256sum"))
        }
        Tool::Bun => {
            (format!("{}/download/bun-v{version}", settings.releases.bun), "SHASUMS256.txt".to_owned())
        }
    };
    let request = Request::plain(address(&format!("{directory}/{sums}"))?);
    let text = match client.get(&request, settings.limits.metadata).await {
        Err(ProvisionError::Status { status: 404, .. }) if wanted.is_some() => return Err(no_such()),
        answer => answer?,
    };
    let integrity = Integrity::from_checksum_file(&String::from_utf8_lossy(&text), file)
        .ok_or_else(|| ProvisionError::NoIntegrity { what: format!("{file} of {tool} {version}") })?;
    let request = Request::plain(address(&format!("{directory}/{file}"))?);
    Ok(Artifact { version, request, integrity, format: Format::Zip })
}

/// Deno publishes a text with its latest version; for Bun, the page of the latest release has it in its address.
async fn newest_release(tool: Tool, settings: &Settings, client: &Client) -> Result<String, ProvisionError> {
    let (asked, named) = match tool {
        Tool::Deno => {
            let url = address(&settings.releases.deno_latest)?;
            let text = client.get(&Request::plain(url.clone()), settings.limits.metadata).await?;
            (url, String::from_utf8_lossy(&text).trim().to_owned())
        }
        Tool::Bun => {
            let url = address(&format!("{}/latest", settings.releases.bun))?;
            let led_to = client.final_address(&Request::plain(url.clone())).await?;
            (url, led_to.path_segments().and_then(|mut it| it.next_back()).unwrap_or_default().to_owned())
        }
    };
    let prefix = match tool {
        Tool::Deno => "v",
        Tool::Bun => "bun-v",
    };
    let version = named.strip_prefix(prefix).filter(|version| version::is_plain(version));
    version.map(str::to_owned).ok_or_else(|| ProvisionError::Answer {
        url: shown(&asked),
        reason: "it does not name the latest version".into(),
    })
}

fn address(text: &str) -> Result<Url, ProvisionError> {
    Url::parse(text).map_err(|error| ProvisionError::Setting {
        what: "the address of the releases",
        origin: "CodeBeaker's settings".into(),
        reason: error.to_string(),
    })
}
