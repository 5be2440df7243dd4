//! Which wall native sessions of this machine have: the strongest that holds when it is tried.

use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::super::RuntimeSettings;
use super::launch::{self, LANDLOCK_SCOPES, Wall};
use super::places::{self, Installed};
use super::selftest::{self, Missing};
use crate::engine::{Environment, LaunchSpec};
use crate::protocol::{ErrorKind, Failure, IsolationReport};
use crate::runtimes::report::report;
use crate::sandbox::{self, Hierarchies, Layer, ReportedLayer, Tier};

/// What the native runtimes of an engine share.
pub struct Walls {
    settings: Arc<RuntimeSettings>,
    known: Mutex<Option<Known>>,
}

/// What is known since this process looked.
#[derive(Clone)]
struct Known {
    tested: Arc<Tested>,
    hierarchies: Result<Hierarchies, String>,
    landlock: u32,
    since: Instant,
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
    refusals: Vec<(Tier, String)>,
}

impl Walls {
    /// Nothing is tried yet.
    pub fn new(settings: Arc<RuntimeSettings>) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// What holds on this machine; tried once, remembered for as long as the machine runs and nothing that matters
    /// changes. `refresh` tries again.
    pub async fn tested(&self, refresh: bool) -> Arc<Tested> {
        self.known(refresh).await.tested
    }

    async fn known(&self, refresh: bool) -> Known {
        let asked = Instant::now();
        let mut known = self.known.lock().await;
        // What another runtime has tried meanwhile was tried after this was asked.
        if let Some(known) = known.as_ref().filter(|known| !refresh || known.since >= asked) {
            return known.clone();
        }
        // Ends what killed engines have left, too, which may take a while.
        let found = tokio::task::spawn_blocking(|| {
            Hierarchies::find().inspect(|found| {
                found.reap();
            })
        });
        let hierarchies =
            found.await.unwrap_or_else(|e| Err(format!("control groups can't be looked for: {e}")));
        let landlock = sandbox::landlock_version();
        let stamp = self.stamp(&hierarchies, landlock);
        let remembered = self.remembered().filter(|tested| !refresh && tested.stamp == stamp);
        let tested = match remembered {
            Some(tested) => tested,
            None => {
                let (tested, lasting) = self.test(stamp, &hierarchies, landlock).await;
                if lasting {
                    self.remember(&tested);
                }
                tested
            }
        };
        known.insert(Known { tested: Arc::new(tested), hierarchies, landlock, since: Instant::now() }).clone()
    }

    /// Tries the walls, the strongest first; also tells whether the answer is one to be remembered. What fails is tried
    /// again: a machine that was out of something for a moment is not to be thought weaker than it is.
    async fn test(
        &self,
        stamp: String,
        hierarchies: &Result<Hierarchies, String>,
        landlock: u32,
    ) -> (Tested, bool) {
        let allowed = [Tier::Namespaces, Tier::Landlock]
            .into_iter()
            .chain(self.settings.allow_unconfined.then_some(Tier::Unconfined))
            .filter(|tier| self.settings.only.is_none_or(|only| only == *tier));
        let mut tested = Tested { stamp, tier: None, layers: Vec::new(), refusals: Vec::new() };
        let mut lasting = true;
        for tier in allowed {
            let wall = Wall { tier, hierarchies: hierarchies.as_ref().ok(), landlock };
            let stronger = tested.refusals.last().map(|(_, reason)| reason.as_str());
            let missing = Missing { groups: hierarchies.as_ref().err().map(String::as_str), stronger };
            let run = || selftest::run(&self.settings.launcher, self.state(), wall, &missing);
            let mut outcome = run().await;
            if !outcome.as_ref().is_ok_and(|layers| is_all_there_can_be(layers, wall)) {
                let again = run().await;
                lasting &= outcome == again;
                outcome = again.or(outcome);
            }
            match outcome {
                Ok(layers) => return (Tested { tier: Some(tier), layers, ..tested }, lasting),
                Err(reason) => {
                    tracing::warn!("{} can't be had here: {reason}", tier.name());
                    tested.refusals.push((tier, reason));
                }
            }
        }
        let none = |layer| ReportedLayer { layer, active: false, detail: "no session is launched".into() };
        (Tested { layers: Layer::ALL.map(none).to_vec(), ..tested }, lasting)
    }

    /// Launches an environment behind the wall that holds. One that can't be built, though it could when it was tried,
    /// is a failure: nothing weaker takes its place unasked.
    pub async fn launch(&self, spec: LaunchSpec, installed: &[Installed]) -> Result<Environment, Failure> {
        let Known { tested, hierarchies, landlock, .. } = self.known(false).await;
        let Some(tier) = tested.tier else { return Err(tested.unavailable()) };
        if let Some(failure) = launch::out_of_reach(tier, &spec.directory, installed) {
            return Err(failure);
        }
        let wall = Wall { tier, hierarchies: hierarchies.as_ref().ok(), landlock };
        let network = spec.network;
        let launched = match launch::launch(&self.settings.launcher, wall, spec, installed).await {
            Ok(launched) => launched,
            Err(not) => {
                if not.refused {
                    // Perhaps something has changed: the next one is launched by what holds then.
                    *self.known.lock().await = None;
                    self.forget();
                }
                return Err(not.failure);
            }
        };
        Ok(Environment {
            agent: launched.agent,
            variables: places::variables(&launched.context, installed),
            limits: launched.limits,
            isolation: tested.report(network),
            context: launched.context,
            meter: launched.meter,
            witness: None,
            teardown: Box::new(launched.teardown),
        })
    }

    /// The directory that sessions are below.
    fn state(&self) -> Option<&Path> {
        self.settings.cache.as_ref()?.parent()
    }

    /// What can change what holds: the machine's start, the kernel's settings, our binary, our user and namespaces.
    fn stamp(&self, hierarchies: &Result<Hierarchies, String>, landlock: u32) -> String {
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
            format!(
                "{user} {landlock} {} {:?} {hierarchies:?}",
                self.settings.allow_unconfined, self.settings.only
            ),
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
        let weakened = if self.tier.is_some() { self.why_not() } else { String::new() };
        report(&self.layers, network, self.tier.map_or("none", Tier::name), weakened)
    }

    /// Why there is no native session at all.
    pub fn unavailable(&self) -> Failure {
        Failure::new(ErrorKind::NoRuntime, self.why_none(), UNCONFINED)
    }

    /// Why no wall holds, in one sentence.
    pub fn why_none(&self) -> String {
        if self.refusals.is_empty() {
            return "no wall was tried on this machine: none is allowed".into();
        }
        format!("no wall holds on this machine ({})", self.why_not())
    }

    /// Why those that were tried before don't.
    fn why_not(&self) -> String {
        let told = |(tier, reason): &(Tier, String)| match reason.starts_with(tier.name()) {
            true => reason.clone(),
            false => format!("{}: {reason}", tier.name()),
        };
        self.refusals.iter().map(told).collect::<Vec<_>>().join("; ")
    }
}

/// Whether nothing is missing but what this machine is known not to have.
fn is_all_there_can_be(layers: &[ReportedLayer], wall: Wall<'_>) -> bool {
    let expected = |layer: Layer| match layer {
        Layer::ControlGroup => wall.hierarchies.is_some(),
        Layer::Landlock => wall.landlock > 0,
        Layer::SignalScope => wall.landlock >= LANDLOCK_SCOPES,
        _ => wall.tier == Tier::Namespaces,
    };
    layers.iter().all(|l| l.active || !expected(l.layer))
}

/// What to do where no wall holds.
pub const UNCONFINED: &str = "allow user namespaces or Landlock (codebeaker doctor tells what failed); \
                              allow_unconfined = true in config.toml runs code without any wall";
