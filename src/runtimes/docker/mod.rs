//! Docker: containers whose first process is our agent, on a Docker Engine or on Podman.
//!
//! The Engine is asked to make and to remove containers, and for nothing else: what happens in one goes through the
//! agent's own stream, and not by `exec` or archives.

mod attach;
mod builder;
mod client;
mod container;
mod gate;
mod images;
mod known;
mod launch;
mod lent;
mod meter;
mod owner;
mod place;
mod plan;
mod pool;
mod reap;
mod selftest;
mod versions;
mod witness;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;

use self::client::Unreachable;
use self::images::{Image, RECIPES, Recipe, tell};
use self::known::{Known, Looking};
use self::launch::{Container, Launcher, Wanted};
use self::pool::Pool;
use super::RuntimeSettings;
use super::limits::Limits;
use super::refusal::NotLaunched;
use super::report::report;
use crate::engine::{CodeFile, Environment, LaunchSpec, Runtime, SessionContext, Step, Teardown};
use crate::protocol::{ErrorKind, Failure, Language, Progress, Provision, RuntimeInfo, RuntimeType};

pub use self::pool::Marks;

/// How long what was seen of an Engine is taken as it is.
const FRESH: Duration = Duration::from_secs(10);
/// How long it is taken while it is looked again in the background.
const USABLE: Duration = Duration::from_secs(300);

/// The least memory of a container, in MB: the Engine takes no less than 6, and the agent is one of its processes.
const LEAST_MB: u64 = 16;

/// How Docker is set up.
#[derive(Clone, Debug, Default)]
pub struct DockerSettings {
    /// Where the Engine is; absent: where Docker's own settings say.
    pub host: Option<String>,
    /// The image that ours are built on, in place of the official ones.
    pub base: Option<String>,
    /// How many containers stand ready.
    pub pool: Marks,
    /// Containers are treated as those of an Engine elsewhere, whose machine nothing is known of: for testing.
    pub elsewhere: bool,
}

/// Sessions in containers.
pub struct Docker {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<RuntimeSettings>,
    launcher: Arc<Launcher>,
    pool: Arc<Pool>,
    seen: Mutex<Option<Seen>>,
    /// Held while somebody looks: whoever comes meanwhile takes what that shows.
    looking: tokio::sync::Mutex<()>,
    /// What runs in the background was begun.
    begun: AtomicBool,
}

/// What was seen, and when.
#[derive(Clone)]
struct Seen {
    known: Result<Arc<Known>, Unreachable>,
    at: Instant,
}

impl Docker {
    /// The Engine that `settings` name; nothing is asked yet.
    pub fn new(settings: Arc<RuntimeSettings>) -> Self {
        let state = settings.cache.as_ref().and_then(|cache| cache.parent()).map(PathBuf::from);
        let state = state.unwrap_or_else(std::env::temp_dir).join("docker");
        let pool = Arc::new(Pool::new(settings.docker.pool));
        let launcher = Arc::new(Launcher::new(state, settings.docker.elsewhere));
        let (seen, looking) = (Mutex::default(), tokio::sync::Mutex::default());
        let inner = Inner { settings, launcher, pool, seen, looking, begun: AtomicBool::new(false) };
        Self { inner: Arc::new(inner) }
    }
}

impl Drop for Docker {
    /// Without `shutdown`, containers end by the ends of their streams.
    fn drop(&mut self) {
        self.inner.launcher.stop.cancel();
        self.inner.pool.clear();
    }
}

impl Inner {
    fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of the Engine. What is not fresh any more is looked at again, in the background where it may do for
    /// now.
    async fn known(self: &Arc<Self>, refresh: bool) -> Result<Arc<Known>, Unreachable> {
        match self.seen().filter(|seen| !refresh && seen.known.is_ok()) {
            Some(seen) if seen.at.elapsed() < FRESH => seen.known,
            Some(seen) if seen.at.elapsed() < USABLE => {
                let inner = self.clone();
                self.launcher.tasks.spawn(async move {
                    // Somebody looks already: that is enough.
                    if let Ok(_looking) = inner.looking.try_lock() {
                        let _ = inner.look(false).await;
                    }
                });
                seen.known
            }
            _ => {
                let asked = Instant::now();
                let _looking = self.looking.lock().await;
                match self.seen().filter(|seen| seen.at >= asked) {
                    Some(seen) => seen.known,
                    None => self.look(refresh).await,
                }
            }
        }
    }

    async fn look(self: &Arc<Self>, again: bool) -> Result<Arc<Known>, Unreachable> {
        let known = self.place().look(again).await.map(Arc::new);
        let seen = Seen { known: known.clone(), at: Instant::now() };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        if let Ok(known) = &known
            && !self.begun.swap(true, Ordering::SeqCst)
        {
            let (launcher, client) = (&self.launcher, &known.client);
            launcher.tasks.spawn(reap::keep_clean(launcher.clone(), client.clone()));
            if self.settings.docker.pool.high > 0 {
                launcher.tasks.spawn(self.pool.clone().keep_filled(launcher.clone()));
            }
        }
        known
    }

    fn place(&self) -> Looking<'_> {
        Looking {
            launcher: &self.launcher,
            host: self.settings.docker.host.as_deref(),
            file: self.settings.cache.as_ref().map(|cache| cache.with_file_name("docker.json")),
            elsewhere: self.settings.docker.elsewhere,
        }
    }

    /// What was seen is not so any more.
    fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The image of a session.
    async fn image(&self, known: &Known, spec: &LaunchSpec) -> Result<Image, Failure> {
        let image = match &spec.image {
            Some(name) => images::named(&known.client, name).await?.ok_or_else(|| {
                let message = format!("the image {name} is not here");
                Failure::new(ErrorKind::NoRuntime, message, format!("docker pull {name}"))
            })?,
            None => {
                let here = known.image(spec.language).ok_or_else(|| missing(spec.language))?;
                here.image.clone()
            }
        };
        let ours = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        if !image.architecture.is_empty() && image.architecture != ours {
            let message = format!("its image is for {}, and our agent for {ours}", image.architecture);
            let next = format!("name an image for linux/{ours}");
            return Err(Failure::new(ErrorKind::NoRuntime, message, next));
        }
        Ok(image)
    }

    /// A container that stands ready, or a new one. `named`: of an image that somebody has named, whose faults are its own.
    async fn container(&self, known: &Known, wanted: Wanted, named: bool) -> Result<Container, Failure> {
        if let Some(container) = self.pool.take(&known.client, &wanted).await {
            return Ok(container);
        }
        self.launcher.launch(&known.client, wanted).await.map_err(|NotLaunched { failure, refused }| {
            // Perhaps something has changed: the next one looks again.
            self.forget();
            if refused && !named {
                self.place().forget();
            }
            failure
        })
    }
}

/// Of a language whose image is not here.
fn missing(language: Language) -> Failure {
    let Recipe { name, .. } = Recipe::of(language);
    let title = language.title();
    Failure::new(
        ErrorKind::NoRuntime,
        format!("{title} needs the image {name}, which is not here yet"),
        format!("codebeaker setup docker --language {language} builds it"),
    )
}

#[async_trait]
impl Runtime for Docker {
    fn runtime_type(&self) -> RuntimeType {
        RuntimeType::Docker
    }

    async fn glance(&self) -> RuntimeInfo {
        if self.inner.seen().is_some() {
            return self.info(false).await;
        }
        self.inner.place().glance().await
    }

    async fn info(&self, refresh: bool) -> RuntimeInfo {
        let first = !refresh && self.inner.seen().is_none();
        let told = if first { self.inner.place().told().await } else { None };
        if let Some(told) = told {
            // Who stays for longer than one session looks for himself, meanwhile.
            if self.inner.settings.docker.pool.high > 0 {
                let inner = self.inner.clone();
                self.inner.launcher.tasks.spawn(async move { inner.known(false).await.map(drop) });
            }
            return told;
        }
        match self.inner.known(refresh).await {
            Ok(known) => RuntimeInfo { ready: self.inner.pool.ready(), ..known.info() },
            Err(Unreachable { reason, fix }) => {
                RuntimeInfo { reason: Some(reason), fix: Some(fix), ..known::unknown() }
            }
        }
    }

    async fn provision(&self, wanted: &Provision, progress: mpsc::Sender<Progress>) -> Result<(), Failure> {
        let known = self.inner.known(false).await?;
        let runtime = RuntimeType::Docker;
        if let Some(name) = &wanted.docker_image {
            images::check(name)?;
            images::pull(&known.client, name, &progress).await?;
            tell(&progress, Progress::Done { runtime, version: name.clone() });
            return Ok(());
        }
        let asked = |recipe: &Recipe| wanted.language.is_none_or(|language| Recipe::of(language) == *recipe);
        let there =
            |recipe: &Recipe| known.images.iter().any(|here| here.recipe == *recipe && !here.is_outdated());
        let base = self.inner.settings.docker.base.as_deref();
        // One that is asked for by name is built anew.
        let missing = RECIPES.into_iter().filter(|r| asked(r) && (wanted.language.is_some() || !there(r)));
        for recipe in missing {
            images::build(&known.client, recipe, base, &progress).await?;
            tell(&progress, Progress::Done { runtime, version: recipe.name.to_owned() });
        }
        let _looking = self.inner.looking.lock().await;
        self.inner.look(false).await?;
        Ok(())
    }

    async fn launch(&self, spec: LaunchSpec) -> Result<Environment, Failure> {
        let mut known = self.inner.known(false).await?;
        let mut image = self.inner.image(&known, &spec).await?;
        let limits = Limits::of(&spec, true);
        if spec.memory_limit_mb < LEAST_MB {
            let message = format!("a container needs {LEAST_MB} MB of memory at least");
            return Err(Failure::new(ErrorKind::InvalidParams, message, "ask for more"));
        }
        let wanted = |known: &Known, image: &Image| Wanted {
            image: image.clone(),
            limits,
            network: spec.network,
            way: known.way,
            role: "session",
        };
        let named = spec.image.is_some();
        let container = match self.inner.container(&known, wanted(&known, &image), named).await {
            // It may have been built anew since somebody looked.
            Err(failure) if failure.kind == ErrorKind::NoRuntime && !named => {
                known = self.inner.known(false).await?;
                let before = std::mem::replace(&mut image, self.inner.image(&known, &spec).await?);
                if image == before {
                    return Err(failure);
                }
                self.inner.container(&known, wanted(&known, &image), named).await?
            }
            container => container?,
        };
        Ok(Environment {
            agent: container.agent.clone(),
            variables: plan::variables(&image),
            limits: limits.in_force(&spec.limits, known.way.cpus),
            isolation: report(&known.layers, spec.network, "container", known.weakened.clone()),
            context: SessionContext {
                directory: spec.directory,
                network: spec.network,
                own_root: true,
                memory_limit_mb: spec.memory_limit_mb,
            },
            meter: container.meter.clone(),
            witness: Some(Arc::new(container.removal.witness())),
            teardown: Box::new(ContainerTeardown(container)),
        })
    }

    async fn call(&self, _: &SessionContext, argv: Vec<String>) -> Result<Vec<String>, Failure> {
        // Programs are found in the image's own PATH.
        Ok(argv)
    }

    async fn plan(&self, _: &SessionContext, code: CodeFile) -> Result<Vec<Step>, Failure> {
        Ok(plan::steps(code))
    }

    async fn shutdown(&self) {
        self.inner.launcher.stop.cancel();
        self.inner.pool.clear();
        self.inner.launcher.shutdown().await;
    }
}

/// A container's end: answered at once, carried out in the background.
struct ContainerTeardown(Container);

#[async_trait]
impl Teardown for ContainerTeardown {
    async fn teardown(self: Box<Self>) {
        self.0.agent.close();
    }
}
