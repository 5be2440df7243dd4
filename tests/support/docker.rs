//! Docker as tests have it, and what is left of its containers afterwards.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::models::{ContainerSummary, MountPoint};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListVolumesOptions, RemoveContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker as Api};
use codebeaker::engine::Runtime;
use codebeaker::protocol::{Language, RuntimeType};
use codebeaker::runtimes::{self, DockerSettings, Marks, RuntimeSettings};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

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

/// Tries the Engine, once for all tests of this process that enter containers in this way.
async fn tried(attached: bool) -> Result<Tried, String> {
    static TRIED: [OnceCell<Result<Tried, String>>; 2] = [const { OnceCell::const_new() }; 2];
    TRIED[usize::from(attached)].get_or_init(|| try_it(attached)).await.clone()
}

async fn try_it(attached: bool) -> Result<Tried, String> {
    // What one leaves is told from what the other has.
    static ALONE: Mutex<()> = Mutex::const_new(());
    let _alone = ALONE.lock().await;
    // What is remembered counts for one test binary and one way alone, so each has a place of its own.
    let binary = std::env::current_exe().unwrap();
    let learnt = native::kept().join("docker").join(binary.file_name().unwrap());
    let learnt = if attached { learnt.join("attached") } else { learnt };
    let runtime = of(runtimes::all(settings(&learnt, 0, attached)));
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
    assert_eq!(containers(&api, from(&learnt)).await, []);
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

fn settings(place: &Path, ready: usize, attached: bool) -> RuntimeSettings {
    let pool = Marks { low: ready.min(1), high: ready, ..Marks::default() };
    RuntimeSettings {
        docker: DockerSettings { pool, elsewhere: attached, ..DockerSettings::default() },
        ..native::settings_in(place)
    }
}

fn of(all: Vec<Arc<dyn Runtime>>) -> Arc<dyn Runtime> {
    all.into_iter().find(|r| r.runtime_type() == RuntimeType::Docker).unwrap()
}

/// Whether containers for a language can be had here.
pub async fn runs(language: Language) -> bool {
    let runs = tried(false).await.and_then(|tried| match tried.languages.contains(&language) {
        true => Ok(()),
        false => Err(format!("there is no image for {language}: codebeaker setup docker")),
    });
    require("docker", runs)
}

/// Our containers that were given something of this kind, in whatever state they are.
async fn containers(api: &Api, given: impl Fn(&MountPoint) -> bool) -> Vec<ContainerSummary> {
    let ours = [("label", vec![OWNER])].into();
    let options = ListContainersOptionsBuilder::default().all(true).filters(&ours).build();
    let mut all = api.list_containers(Some(options)).await.unwrap();
    all.retain(|container| container.mounts.iter().flatten().any(&given));
    all
}

/// Something of this directory.
fn from(place: &Path) -> impl Fn(&MountPoint) -> bool {
    move |mount| mount.source.as_deref().is_some_and(|source| Path::new(source).starts_with(place))
}

fn told(container: &ContainerSummary) -> String {
    format!("{:?} {:?} {:?}", container.names, container.status, container.labels)
}

fn by_us(owner: Option<&String>) -> bool {
    owner.and_then(|owner| owner.split(':').nth(3)) == Some(&std::process::id().to_string())
}

/// What is left on the Engine of an engine that keeps what it needs for containers below `place`; `None`: there is no
/// Docker here. For tests without a runtime of their own.
pub fn left_below(place: &Path) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if !runs(Language::Python).await {
            return None;
        }
        let api = api(&tried(false).await.ok()?.url).await.unwrap();
        Some(containers(&api, from(place)).await.iter().map(told).collect())
    })
}

/// Images that this process has made.
async fn images_of_ours(api: &Api) -> Vec<String> {
    let ours = [("label", vec![OWNER])].into();
    let options = ListImagesOptionsBuilder::default().filters(&ours).build();
    let all = api.list_images(Some(options)).await.unwrap();
    all.into_iter().filter(|i| by_us(i.labels.get(OWNER))).map(|i| format!("{:?}", i.repo_tags)).collect()
}

/// A directory for what one engine keeps of Docker: by it, its containers are told from everybody else's.
pub struct Yard {
    place: TempDir,
    api: Api,
    ready: usize,
    /// Its containers are entered by their standard streams, and given nothing of that directory. Only one is then
    /// there at a time, and those of this process that are given a volume are its.
    attached: Option<MutexGuard<'static, ()>>,
}

impl Yard {
    /// One in which so many containers stand ready. `None`: there is no Docker here.
    pub async fn new(ready: usize, attached: bool) -> Option<Self> {
        static ATTACHED: Mutex<()> = Mutex::const_new(());
        let tried = tried(attached).await.ok()?;
        let place = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(&tried.learnt).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), place.path().join(entry.file_name())).unwrap();
            }
        }
        let attached = if attached { Some(ATTACHED.lock().await) } else { None };
        Some(Self { api: api(&tried.url).await.unwrap(), place, ready, attached })
    }

    /// All runtimes of this machine, Docker among them.
    pub fn runtimes(&self) -> Vec<Arc<dyn Runtime>> {
        runtimes::all(settings(self.place.path(), self.ready, self.attached.is_some()))
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
    async fn all(&self) -> Vec<ContainerSummary> {
        if self.attached.is_none() {
            return containers(&self.api, from(self.place.path())).await;
        }
        let mut all = containers(&self.api, |mount| mount.typ.as_deref() == Some("volume")).await;
        all.retain(|container| by_us(container.labels.as_ref().and_then(|labels| labels.get(OWNER))));
        all
    }

    /// Each with its state, for people.
    pub async fn containers(&self) -> Vec<String> {
        self.all().await.iter().map(told).collect()
    }

    /// The first processes of those that run, by this machine's numbers.
    pub async fn agents(&self) -> Vec<i32> {
        let mut pids = Vec::new();
        for container in self.all().await {
            let inspected = self.api.inspect_container(&container.id.unwrap(), None).await;
            let pid = inspected.ok().and_then(|inspected| inspected.state?.pid);
            pids.extend(pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0));
        }
        pids
    }

    /// Removes all of them, as somebody might who tidies up.
    pub async fn remove_all(&self) {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        for container in self.all().await {
            self.api.remove_container(&container.id.unwrap(), Some(options.clone())).await.unwrap();
        }
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
        if self.attached.is_some() {
            let all = self.api.list_volumes(None::<ListVolumesOptions>).await.unwrap().volumes;
            let left: Vec<_> = all.into_iter().flatten().filter(|v| by_us(v.labels.get(OWNER))).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }
}
