//! Which wall native sessions of this machine have: the strongest that holds when it is tried.

use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::super::RuntimeSettings;
use super::launch::{self, Wall};
use super::places::{self, Installed};
use super::selftest::{self, Missing};
use crate::engine::{Environment, LaunchSpec};
use crate::protocol::{ErrorKind, Failure, IsolationReport, LayerReport};
use crate::sandbox::{self, Hierarchies, Layer, ReportedLayer, Tier};

/// What the native runtimes of an engine share.
pub struct Walls {
    settings: Arc<RuntimeSettings>,
    tested: Mutex<Option<Arc<Tested>>>,
}

/// What trying has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// What it was shown of: another kernel, user or binary is tried anew.
    stamp: String,
    /// The wall that holds, if one does.
    pub tier: Option<Tier>,
    /// Its layers.
    layers: Vec<ReportedLayer>,
    /// Why stronger ones don't.
    pub refusals: Vec<(Tier, String)>,
    /// Why there is no control group, where there is none.
    uncounted: Option<String>,
}

impl Walls {
    /// Nothing is tried yet.
    pub fn new(settings: Arc<RuntimeSettings>) -> Self {
        Self { settings, tested: Mutex::default() }
    }

    /// What holds on this machine; tried once, remembered for as long as the machine runs and nothing that matters
    /// changes. `refresh` tries again.
    pub async fn tested(&self, refresh: bool) -> Arc<Tested> {
        let mut known = self.tested.lock().await;
        if let Some(tested) = known.as_ref().filter(|_| !refresh) {
            return tested.clone();
        }
        let hierarchies = Hierarchies::find();
        if let Ok(found) = &hierarchies {
            // What killed engines have left.
            found.reap();
        }
        let stamp = self.stamp(&hierarchies);
        let remembered = self.remembered().filter(|tested| !refresh && tested.stamp == stamp);
        let tested = match remembered {
            Some(tested) => tested,
            None => {
                let tested = self.test(stamp, &hierarchies).await;
                self.remember(&tested);
                tested
            }
        };
        let tested = Arc::new(tested);
        *known = Some(tested.clone());
        tested
    }

    async fn test(&self, stamp: String, hierarchies: &Result<Hierarchies, String>) -> Tested {
        let mut refusals = Vec::new();
        let allowed = [Tier::Namespaces, Tier::Landlock]
            .into_iter()
            .chain(self.settings.allow_unconfined.then_some(Tier::Unconfined))
            .filter(|tier| self.settings.only.is_none_or(|only| only == *tier));
        let uncounted = hierarchies.as_ref().err().cloned();
        for tier in allowed {
            let wall = Wall { tier, hierarchies: hierarchies.as_ref().ok() };
            let stronger = refusals.last().map(|(_, reason): &(Tier, String)| reason.clone());
            let missing = Missing { groups: uncounted.as_deref(), stronger: stronger.as_deref() };
            match selftest::run(&self.settings.launcher, wall, &missing).await {
                Ok(layers) => return Tested { stamp, tier: Some(tier), layers, refusals, uncounted },
                Err(reason) => {
                    tracing::warn!("{} don't hold here: {reason}", tier.name());
                    refusals.push((tier, reason));
                }
            }
        }
        let layers =
            Layer::ALL.map(|layer| ReportedLayer { layer, active: false, detail: String::new() }).to_vec();
        Tested { stamp, tier: None, layers, refusals, uncounted }
    }

    /// Launches an environment behind the wall that holds. One that can't be built, though it could when it was tried,
    /// is a failure: nothing weaker takes its place unasked.
    pub async fn launch(&self, spec: LaunchSpec, installed: &[Installed]) -> Result<Environment, Failure> {
        let tested = self.tested(false).await;
        let Some(tier) = tested.tier else { return Err(tested.unavailable()) };
        if let Some(failure) = launch::out_of_reach(tier, &spec.directory, installed) {
            return Err(failure);
        }
        let hierarchies = if tested.uncounted.is_none() { Hierarchies::find().ok() } else { None };
        let wall = Wall { tier, hierarchies: hierarchies.as_ref() };
        let network = spec.network;
        let launched = match launch::launch(&self.settings.launcher, wall, spec, installed).await {
            Ok(launched) => launched,
            Err(failure) => {
                // Something has changed: the next one is launched by what holds now.
                *self.tested.lock().await = None;
                self.forget();
                return Err(failure);
            }
        };
        Ok(Environment {
            agent: launched.agent,
            variables: places::variables(&launched.context, installed),
            limits: launched.limits,
            isolation: tested.report(network),
            context: launched.context,
            meter: launched.meter,
            teardown: Box::new(launched.teardown),
        })
    }

    /// What can change what holds: the machine's start, the kernel's settings, our binary, our user and namespaces.
    fn stamp(&self, hierarchies: &Result<Hierarchies, String>) -> String {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let link = |path: &str| std::fs::read_link(path).unwrap_or_default().display().to_string();
        let file = std::fs::metadata(&self.settings.launcher);
        let binary = file.map(|m| format!("{} {} {}.{}", m.ino(), m.size(), m.mtime(), m.mtime_nsec()));
        let user = rustix::process::geteuid().as_raw();
        [
            binary.unwrap_or_default(),
            text("/proc/sys/kernel/random/boot_id"),
            text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            text("/proc/sys/kernel/unprivileged_userns_clone"),
            text("/proc/sys/user/max_user_namespaces"),
            link("/proc/self/ns/user"),
            link("/proc/self/ns/pid"),
            format!("{user} {} {:?} {hierarchies:?}", self.settings.allow_unconfined, self.settings.only),
        ]
        .join("\n")
    }

    fn file(&self) -> Option<PathBuf> {
        Some(self.settings.cache.as_ref()?.with_file_name("isolation.json"))
    }

    fn remembered(&self) -> Option<Tested> {
        // Whoever could write it could have told us anything: it must be ours alone.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(self.file()?).ok()?;
        let meta = file.metadata().ok()?;
        let ours =
            meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o022 == 0;
        let mut text = Vec::new();
        ours.then_some(file)?.take(1 << 20).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// What can't be written is tried again next time.
    fn remember(&self, tested: &Tested) {
        if let Some(path) = self.file()
            && let Ok(json) = serde_json::to_vec_pretty(tested)
        {
            let _ = super::probe::replace(&path, &json);
        }
    }

    fn forget(&self) {
        if let Some(path) = self.file() {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Tested {
    /// What isolates a session, with or without the network.
    pub fn report(&self, network: bool) -> IsolationReport {
        let mut layers = self.layers.clone();
        if network {
            for layer in layers.iter_mut().filter(|l| l.active) {
                if matches!(layer.layer, Layer::OwnNetwork | Layer::NoSockets) {
                    layer.active = false;
                    layer.detail = "the session was given this machine's network".into();
                }
            }
        }
        let active: Vec<Layer> = layers.iter().filter(|l| l.active).map(|l| l.layer).collect();
        IsolationReport {
            score: sandbox::score(&active),
            letters: sandbox::Letters::of(&active).to_string(),
            tier: self.tier.map_or("none", Tier::name).into(),
            layers: layers
                .into_iter()
                .map(|l| LayerReport { name: l.layer.name().into(), active: l.active, detail: l.detail })
                .collect(),
        }
    }

    /// Why there is no native session at all.
    pub fn unavailable(&self) -> Failure {
        Failure::new(ErrorKind::NoRuntime, self.why_none(), UNCONFINED)
    }

    /// Why no wall holds, in one sentence.
    pub fn why_none(&self) -> String {
        let reasons: Vec<String> =
            self.refusals.iter().map(|(tier, reason)| format!("{}: {reason}", tier.name())).collect();
        if reasons.is_empty() {
            return "no wall was tried on this machine: none is allowed".into();
        }
        format!("no wall holds on this machine ({})", reasons.join("; "))
    }
}

/// What to do where no wall holds.
pub const UNCONFINED: &str = "allow user namespaces or Landlock (codebeaker doctor tells what failed); \
                              allow_unconfined = true in config.toml runs code without any wall";

/// A directory of our own for a session that only tries, removed when dropped.
pub struct Place(PathBuf);

impl Place {
    /// Makes one below the directory for temporary files.
    pub fn make() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("codebeaker-selftest-{}", uuid::Uuid::new_v4()));
        std::fs::DirBuilder::new().mode(0o711).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(e) = crate::agent::remove_tree(&self.0) {
            tracing::warn!("{} can't be removed: {e}", self.0.display());
        }
    }
}
