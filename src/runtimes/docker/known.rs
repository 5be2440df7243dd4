//! What is known of an Engine: which one it is, how its containers are entered, what isolates them, and which of our
//! images it has. What trying has shown is remembered for as long as nothing changes that it depends on.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::client::{self, Client, Unreachable, answered_soon, words};
use super::images::{self, Image, RECIPES, Recipe};
use super::launch::{Launcher, Wanted, Way};
use super::selftest::{self, Nothing, Refusal};
use super::versions;
use crate::engine::nominal;
use crate::protocol::{IsolationReport, Language, RuntimeInfo, RuntimeType, WireName as _};
use crate::runtimes::limits::Limits;
use crate::runtimes::report::report;
use crate::runtimes::selftest as common;
use crate::sandbox::{Layer, ReportedLayer};

/// An Engine that can be used.
#[derive(Clone)]
pub struct Known {
    pub client: Client,
    pub way: Way,
    pub layers: Vec<ReportedLayer>,
    /// Why containers can't be entered in a stronger way, where one was tried.
    pub weakened: String,
    /// Which of our images are here.
    pub images: Vec<Here>,
}

/// One of our images that is here.
#[derive(Clone, Debug)]
pub struct Here {
    pub recipe: Recipe,
    pub image: Image,
    /// What runs its language: `Python 3.13.1`; absent is not known.
    pub version: Option<String>,
}

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Remembered {
    /// What it was seen on.
    stamp: String,
    way: Option<Way>,
    layers: Vec<ReportedLayer>,
    weakened: String,
    /// What images answered when they were asked for their version, by their id; also that they did not.
    versions: BTreeMap<String, Option<String>>,
    /// What was told of it last.
    told: Option<Told>,
}

/// What was told of an Engine: good for choosing among runtimes, by a process that only wants to know whether this is
/// one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    /// When, in seconds since 1970.
    at: u64,
    /// Of which socket, and by which binary.
    of: String,
    info: RuntimeInfo,
}

/// How long what was told of an Engine is good for choosing, while its socket stays the same.
const TOLD_FOR: u64 = 600;

/// How often the network of the self-test is tried to be given back, and the pause before each time.
const TRIES: u32 = 3;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// Where to look, and what to look with.
pub struct Looking<'a> {
    pub launcher: &'a Arc<Launcher>,
    /// The setting of where the Engine is.
    pub host: Option<&'a str>,
    /// Where things are remembered.
    pub file: Option<PathBuf>,
    /// The Engine is taken for one elsewhere.
    pub elsewhere: bool,
}

impl Looking<'_> {
    /// Looks at the Engine. `again`: what is remembered counts for nothing.
    pub async fn look(&self, again: bool) -> Result<Known, Unreachable> {
        let client = client::connect(self.host).await?;
        let info = answered_soon(client.api.info()).await.map_err(|e| Unreachable {
            reason: format!("the Engine at {} tells nothing of itself: {}", client.place.url, words(&e)),
            fix: "check that the Docker Engine runs".into(),
        })?;
        let own_filter =
            |option: &String| option.starts_with("name=seccomp") && !option.contains("profile=unconfined");
        let filtered = info.security_options.iter().flatten().any(own_filter);
        let counted = info.memory_limit == Some(true) && info.pids_limit == Some(true);
        let cpus = info.cpu_cfs_quota == Some(true);
        let text = |part: Option<String>| part.unwrap_or_default();
        let stamp = [
            client.version.clone(),
            client.machine.clone(),
            client.place.url.clone(),
            text(info.id),
            info.security_options.unwrap_or_default().join(" "),
            text(info.default_runtime),
            format!("{:?} {:?} {counted} {cpus} {}", info.cgroup_driver, info.cgroup_version, self.elsewhere),
            binary(),
        ]
        .join("\n");
        let mut remembered = self.remembered().filter(|r| !again && r.stamp == stamp).unwrap_or_default();
        let before = remembered.clone();
        if remembered.way.is_none() {
            remembered = self.test(&client, counted, cpus).await?;
            if !filtered {
                let seccomp = remembered.layers.iter_mut().find(|l| l.layer == Layer::Seccomp && l.active);
                if let Some(layer) = seccomp {
                    layer.detail = "ours alone: the Engine puts none on its containers".into();
                }
            }
            remembered.stamp = stamp;
        }
        // Trying must have shown one.
        let Some(way) = remembered.way else { return Err(none_holds("")) };
        let images = self.images(&client, way, &mut remembered).await;
        let (layers, weakened) = (remembered.layers.clone(), remembered.weakened.clone());
        let known = Known { client, way, layers, weakened, images };
        remembered.told = told(&known.client, &known.info());
        if remembered != before {
            self.remember(&remembered);
        }
        Ok(known)
    }

    /// What can be told without trying a container: that an Engine answers, and which of our images it has.
    pub async fn glance(&self) -> RuntimeInfo {
        let mut remembered = self.remembered().unwrap_or_default();
        if let Some(told) = self.good(&remembered).await {
            return told;
        }
        let client = match client::connect(self.host).await {
            Ok(client) => client,
            Err(Unreachable { reason, fix }) => {
                return RuntimeInfo { reason: Some(reason), fix: Some(fix), ..unknown() };
            }
        };
        let here = |(recipe, image)| Here { recipe, image, version: None };
        let images = found(&client).await.into_iter().map(here).collect();
        // The way is nobody's business here.
        let way = Way { directory: false, landlock: false, counted: false, cpus: false };
        let known = Known { client, way, layers: Vec::new(), weakened: String::new(), images };
        let info = known.info();
        let info = RuntimeInfo {
            isolation: IsolationReport::default(),
            capabilities: unknown().capabilities,
            ..info
        };
        remembered.told = told(&known.client, &info);
        self.remember(&remembered);
        info
    }

    /// What was told of the Engine not long ago, if it is still the same that answers.
    pub async fn told(&self) -> Option<RuntimeInfo> {
        self.good(&self.remembered()?).await.filter(|info| !info.isolation.tier.is_empty())
    }

    async fn good(&self, remembered: &Remembered) -> Option<RuntimeInfo> {
        let told = remembered.told.as_ref()?;
        let place = client::find(self.host).ok()?;
        let socket = place.socket()?;
        let good = now().saturating_sub(told.at) < TOLD_FOR && of(socket)? == told.of;
        (good && !self.elsewhere && client::knock(socket).await.is_ok()).then(|| told.info.clone())
    }

    /// Tries the ways into a container, the best first.
    async fn test(&self, client: &Client, counted: bool, cpus: bool) -> Result<Remembered, Unreachable> {
        let near = client.place.socket().is_some() && !self.elsewhere;
        let ways = [(true, true), (true, false), (false, true), (false, false)]
            .map(|(directory, landlock)| Way { directory, landlock, counted, cpus });
        let mut refusals = Vec::new();
        let nothing = Nothing::make(self.launcher, client).await.map_err(|reason| none_holds(&reason))?;
        let mut found = None;
        for way in ways.into_iter().filter(|way| near || !way.directory) {
            let state = self.file.as_deref().and_then(Path::parent);
            let run = || selftest::run(self.launcher, client, &nothing.image, way, state);
            let outcome = match run().await {
                // Once more: nothing weaker is to take its place for what a moment may have had in it.
                Err(refusal) if refusal.lasting => run().await,
                outcome => outcome,
            };
            match outcome {
                Ok(layers) => {
                    found = Some((way, layers));
                    break;
                }
                Err(Refusal { reason, lasting }) => {
                    tracing::warn!("containers can't be used with {way:?}: {reason}");
                    if !lasting {
                        // Nothing weaker takes the place of what only could not be tried now.
                        refusals = vec![reason];
                        break;
                    }
                    // The same twice is said once.
                    if !refusals.contains(&reason) {
                        refusals.push(reason);
                    }
                }
            }
        }
        drop(nothing);
        // Later, when the containers that it was tried with are gone.
        let launcher = self.launcher.clone();
        self.launcher.tasks.spawn(async move {
            for _ in 0..TRIES {
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => launcher.lent.give_back_network().await,
                    () = launcher.stop.cancelled() => return,
                }
            }
        });
        let why = refusals.join("; ");
        let Some((way, layers)) = found else { return Err(none_holds(&why)) };
        // How the agent gets there is no wall: only without Landlock there is less than there could be.
        let weakened = if way.landlock { String::new() } else { why };
        Ok(Remembered { way: Some(way), layers, weakened, ..Remembered::default() })
    }

    /// Our images, each with what runs in it.
    async fn images(&self, client: &Client, way: Way, remembered: &mut Remembered) -> Vec<Here> {
        let found = found(client).await;
        let asked = found.into_iter().map(|(recipe, image)| {
            let known = remembered.versions.get(&image.id).cloned();
            async move {
                let version = match known {
                    Some(version) => version,
                    None => self.ask(client, way, &recipe, &image).await,
                };
                Here { recipe, image, version }
            }
        });
        let here = join_all(asked).await;
        let versions = here.iter().map(|here| (here.image.id.clone(), here.version.clone()));
        remembered.versions = versions.collect();
        here
    }

    /// Asks what runs in an image, in a container.
    async fn ask(&self, client: &Client, way: Way, recipe: &Recipe, image: &Image) -> Option<String> {
        let spec = crate::engine::LaunchSpec { memory_limit_mb: 256, ..common::spec(PathBuf::new(), false) };
        let limits = Limits { processes: 64, ..Limits::of(&spec, true) };
        let wanted = Wanted { image: image.clone(), limits, network: false, way, role: "question" };
        let container = match self.launcher.launch(client, wanted).await {
            Ok(container) => container,
            Err(not) => {
                tracing::warn!("{} can't be asked for its version: {}", recipe.name, not.failure.message);
                return None;
            }
        };
        versions::ask(&container.agent, recipe.language, image).await
    }

    fn remembered(&self) -> Option<Remembered> {
        serde_json::from_slice(&std::fs::read(self.file.as_ref()?).ok()?).ok()
    }

    /// What can't be written is tried again next time.
    fn remember(&self, remembered: &Remembered) {
        if let Some(path) = &self.file
            && let Ok(json) = serde_json::to_vec_pretty(remembered)
        {
            let _ = super::super::native::replace(path, &json);
        }
    }

    /// Something that was remembered is not so any more.
    pub fn forget(&self) {
        if let Some(path) = &self.file {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Known {
    /// The image of a language, if it is here.
    pub fn image(&self, language: Language) -> Option<&Here> {
        self.images.iter().find(|here| here.recipe == Recipe::of(language))
    }

    /// As people and clients are told it.
    pub fn info(&self) -> RuntimeInfo {
        let isolation = report(&self.layers, false, "container", self.weakened.clone());
        let (languages, fetchable_languages) = (self.languages(), self.missing());
        let versions: Vec<&str> = self.images.iter().filter_map(|here| here.version.as_deref()).collect();
        let with = if versions.is_empty() { String::new() } else { format!(" with {}", versions.join(", ")) };
        let info = RuntimeInfo {
            version: Some(format!("{}{with}", self.client.version)),
            path: Some(self.client.place.url.clone()),
            fetchable: !fetchable_languages.is_empty(),
            capabilities: nominal(RuntimeType::Docker, isolation.score),
            isolation,
            ..unknown()
        };
        if languages.is_empty() {
            return RuntimeInfo {
                reason: Some("none of its images is here yet".into()),
                fix: Some("codebeaker setup docker builds them".into()),
                ..info
            };
        }
        let fix = (!fetchable_languages.is_empty())
            .then(|| "codebeaker setup docker builds the images that are missing".into());
        RuntimeInfo { available: true, languages, fetchable_languages, fix, ..info }
    }

    /// The languages that its images run.
    pub fn languages(&self) -> Vec<Language> {
        Language::ALL
            .iter()
            .copied()
            .filter(|language| self.image(*language).is_some_and(|here| here.runs(*language)))
            .collect()
    }

    /// Those it would run with images that are not here yet.
    pub fn missing(&self) -> Vec<Language> {
        RECIPES.iter().map(|recipe| recipe.language).filter(|l| self.image(*l).is_none()).collect()
    }
}

impl Here {
    /// It was built by another version of its recipe.
    pub fn is_outdated(&self) -> bool {
        self.image.recipe.as_ref().is_some_and(|sum| *sum != self.recipe.sum())
    }

    /// Whether the language runs in it: TypeScript only where Node takes its types away.
    pub fn runs(&self, language: Language) -> bool {
        language != Language::TypeScript
            || self.version.as_deref().is_some_and(super::super::native::strips_types)
    }
}

/// Docker, of which nothing is known.
pub fn unknown() -> RuntimeInfo {
    let languages = RECIPES.map(|recipe| recipe.language).to_vec();
    RuntimeInfo::unavailable(RuntimeType::Docker, languages, nominal(RuntimeType::Docker, 0))
}

/// Our images that are here.
async fn found(client: &Client) -> Vec<(Recipe, Image)> {
    let found = join_all(RECIPES.map(|recipe| async move {
        let found = images::find(client, &recipe.tag()).await;
        found.inspect_err(|failure| tracing::warn!("{failure}")).ok().flatten().map(|image| (recipe, image))
    }));
    found.await.into_iter().flatten().collect()
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// What is told now, where it can be told later whether the Engine is still the same.
fn told(client: &Client, info: &RuntimeInfo) -> Option<Told> {
    Some(Told { at: now(), of: of(client.place.socket()?)?, info: info.clone() })
}

/// Changes with the Engine, whose socket is a new file each time that it starts, and with our binary.
fn of(socket: &Path) -> Option<String> {
    let meta = std::fs::metadata(socket).ok()?;
    let (path, made) = (socket.display(), (meta.ctime(), meta.ctime_nsec()));
    Some(format!("{path} {} {} {made:?} {}", meta.dev(), meta.ino(), binary()))
}

fn none_holds(why: &str) -> Unreachable {
    Unreachable {
        reason: format!("its containers can't be used ({why})"),
        fix: "see the log in the state directory; a newer Docker Engine may help".into(),
    }
}

/// Our own binary: another one tries anew.
fn binary() -> String {
    std::fs::metadata("/proc/self/exe").map_or_else(
        |_| String::new(),
        |meta| format!("{} {} {}.{}", meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()),
    )
}
