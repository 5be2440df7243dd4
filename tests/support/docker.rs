//! Docker as tests have it, and what is left of its containers afterwards.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::query_parameters::{ListContainersOptionsBuilder, ListImagesOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker as Api};
use codebeaker::engine::Runtime;
use codebeaker::protocol::{Language, RuntimeType};
use codebeaker::runtimes::{self, DockerSettings, Marks, RuntimeSettings};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::native::{self, PATIENCE};
use super::require;

/// The label with the process that made a container or an image.
const OWNER: &str = "codebeaker.owner";

/// The Engine of this machine, once it was tried.
#[derive(Clone, Debug)]
struct Tried {
    /// Where it is: `unix:///var/run/docker.sock`.
    url: String,
    languages: Vec<Language>,
    /// What was learnt, for every engine under test to begin with.
    learnt: PathBuf,
}

/// Tries the Engine, once for all tests of this process.
async fn tried() -> Result<Tried, String> {
    static TRIED: OnceCell<Result<Tried, String>> = OnceCell::const_new();
    TRIED.get_or_init(try_it).await.clone()
}

async fn try_it() -> Result<Tried, String> {
    // What is remembered counts for one test binary alone, so each has a place of its own.
    let binary = std::env::current_exe().unwrap();
    let learnt = native::kept().join("docker").join(binary.file_name().unwrap());
    let runtime = of(runtimes::all(settings(&learnt, 0)));
    let info = runtime.info(false).await;
    runtime.shutdown().await;
    if !info.available {
        let [reason, fix] = [info.reason, info.fix].map(Option::unwrap_or_default);
        return Err(format!("{reason}: {fix}"));
    }
    if !info.isolation.weakened.is_empty() {
        return Err(format!(
            "its containers can't be entered as they should be: {}",
            info.isolation.weakened
        ));
    }
    let url = info.path.unwrap_or_default();
    let api = api(&url).await?;
    assert_eq!(containers_from(&api, &learnt).await, Vec::<String>::new());
    assert_eq!(images_of_ours(&api).await, Vec::<String>::new());
    Ok(Tried { url, languages: info.languages, learnt })
}

async fn api(url: &str) -> Result<Api, String> {
    if !url.starts_with("unix://") {
        return Err(format!("the Engine at {url} is not one of this machine"));
    }
    let api = Api::connect_with_unix(url, PATIENCE.as_secs(), API_DEFAULT_VERSION);
    api.map_err(|e| e.to_string())?.negotiate_version().await.map_err(|e| e.to_string())
}

fn settings(place: &Path, ready: usize) -> RuntimeSettings {
    let pool = Marks { low: ready.min(1), high: ready, ..Marks::default() };
    RuntimeSettings {
        docker: DockerSettings { pool, ..DockerSettings::default() },
        ..native::settings_in(place)
    }
}

fn of(all: Vec<Arc<dyn Runtime>>) -> Arc<dyn Runtime> {
    all.into_iter().find(|r| r.runtime_type() == RuntimeType::Docker).unwrap()
}

/// Whether containers for a language can be had here.
pub async fn runs(language: Language) -> bool {
    let runs = tried().await.and_then(|tried| match tried.languages.contains(&language) {
        true => Ok(()),
        false => Err(format!("there is no image for {language}: codebeaker setup docker")),
    });
    require("docker", runs)
}

/// Containers that a directory of this machine's was given to, in whatever state they are.
async fn containers_from(api: &Api, place: &Path) -> Vec<String> {
    let ours = [("label", vec![OWNER])].into();
    let options = ListContainersOptionsBuilder::default().all(true).filters(&ours).build();
    let all = api.list_containers(Some(options)).await.unwrap();
    let from = |source: &str| Path::new(source).starts_with(place);
    let of_it = all.into_iter().filter(|container| {
        let mut mounts = container.mounts.iter().flatten();
        mounts.any(|mount| mount.source.as_deref().is_some_and(from))
    });
    of_it.map(|c| format!("{:?} {:?} {:?}", c.names, c.status, c.labels)).collect()
}

/// What is left on the Engine of an engine that keeps what it needs for containers below `place`; `None`: there is no
/// Docker here. For tests without a runtime of their own.
pub fn left_below(place: &Path) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if !runs(Language::Python).await {
            return None;
        }
        let api = api(&tried().await.ok()?.url).await.unwrap();
        Some(containers_from(&api, place).await)
    })
}

/// Images that this process has made.
async fn images_of_ours(api: &Api) -> Vec<String> {
    let ours = [("label", vec![OWNER])].into();
    let options = ListImagesOptionsBuilder::default().filters(&ours).build();
    let us = std::process::id().to_string();
    let all = api.list_images(Some(options)).await.unwrap();
    let by_us = |owner: Option<&String>| owner.is_some_and(|owner| owner.split(':').nth(3) == Some(&us));
    all.into_iter().filter(|i| by_us(i.labels.get(OWNER))).map(|i| format!("{:?}", i.repo_tags)).collect()
}

/// A directory for what one engine keeps of Docker: by it, its containers are told from everybody else's.
pub struct Yard {
    place: TempDir,
    api: Api,
    ready: usize,
}

impl Yard {
    /// One in which so many containers stand ready. `None`: there is no Docker here.
    pub async fn new(ready: usize) -> Option<Self> {
        let tried = tried().await.ok()?;
        let place = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&tried.learnt).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), place.path().join(entry.file_name())).unwrap();
            }
        }
        Some(Self { api: api(&tried.url).await.unwrap(), place, ready })
    }

    /// All runtimes of this machine, Docker among them.
    pub fn runtimes(&self) -> Vec<Arc<dyn Runtime>> {
        runtimes::all(settings(self.place.path(), self.ready))
    }

    /// The address by which this machine is reached from containers with a network.
    pub async fn gateway(&self) -> String {
        let bridge = self.api.inspect_network("bridge", None).await.unwrap();
        let config = bridge.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        // Where nobody has chosen one, it is the first of its network.
        let first = |subnet: String| {
            let network: Ipv4Addr = subnet.split('/').next()?.parse().ok()?;
            Some(Ipv4Addr::from(u32::from(network) + 1).to_string())
        };
        let address = config.into_iter().find_map(|c| c.gateway.or_else(|| first(c.subnet?)));
        address.expect("the bridge has an address")
    }

    /// The containers of its engine.
    pub async fn containers(&self) -> Vec<String> {
        containers_from(&self.api, self.place.path()).await
    }

    /// What its engine keeps on this machine for containers.
    pub fn gates(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.place.path().join("docker")).into_iter().flatten().flatten();
        all.map(|entry| entry.path()).collect()
    }

    /// Neither a container nor a directory is left.
    pub async fn nothing_left(&self) {
        assert_eq!(self.containers().await, Vec::<String>::new());
        assert_eq!(self.gates(), Vec::<PathBuf>::new());
    }
}
