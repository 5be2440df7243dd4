//! Where things are on this machine, and the engine over it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::config::{ContainerSettings, LimitSettings, Paths, Settings, Warning};
use crate::engine::{Embedded, Engine, EngineSettings, Limits, Runtime};
use crate::protocol::RuntimePreference;
use crate::provision;
use crate::runtimes::{self, DockerSettings, Marks, RuntimeSettings};

use super::calibration::CalibrationFile;
use super::exit::{self, Problem};

/// Paths and settings, as files and variables have them.
#[derive(Clone)]
pub struct Surroundings {
    pub paths: Paths,
    pub settings: Settings,
    pub warnings: Vec<Warning>,
}

impl Surroundings {
    /// Reads them.
    pub fn read() -> Result<Self, Problem> {
        let paths = Paths::from_env().map_err(|e| {
            Problem::new(e.to_string(), "set HOME, or XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME")
        })?;
        let (settings, mut warnings) = Settings::load(&paths);
        if let Some(message) = settings.preference.as_deref().and_then(unknown_preference) {
            let variable = std::env::var_os("CODEBEAKER_PREFERENCE").is_some_and(|v| !v.is_empty());
            let place = match variable {
                true => "CODEBEAKER_PREFERENCE".to_owned(),
                false => paths.settings_file().display().to_string(),
            };
            warnings.push(Warning { place, line: None, message });
        }
        Ok(Self { paths, settings, warnings })
    }

    /// Tells what is odd about the settings; that keeps nobody from working.
    pub fn warn(&self) {
        for warning in &self.warnings {
            exit::say(warning);
        }
    }

    /// How runtimes are found and fetched.
    pub fn provision(&self) -> provision::Settings {
        let from_env = provision::Settings::from_env();
        provision::Settings {
            data_dir: self.paths.data.clone(),
            registry: self.settings.registry.clone().or(from_env.registry),
            ..from_env
        }
    }

    /// The same for one session: nothing is kept ready for others.
    pub fn for_one_session(mut self) -> Self {
        self.settings.docker.pool_high = Some(0);
        self
    }

    /// The same, with images built on this one where one is named.
    pub fn built_on(mut self, base: Option<String>) -> Self {
        self.settings.docker.base = base.or(self.settings.docker.base);
        self
    }

    /// The runtimes of this machine.
    pub fn runtimes(&self) -> Vec<Arc<dyn Runtime>> {
        let cache = self.paths.state.join("runtimes.json");
        runtimes::all(RuntimeSettings {
            docker: docker(&self.settings.docker),
            allow_unconfined: self.settings.allow_unconfined,
            ..RuntimeSettings::new(self.provision(), Some(cache))
        })
    }

    /// The engine in this process.
    pub fn engine(&self) -> Result<Arc<Embedded>, Problem> {
        let default = EngineSettings::new(self.paths.state.join("sessions"));
        let settings = EngineSettings {
            limits: limits(&self.settings.limits),
            minimum_isolation: self.settings.minimum_isolation,
            calibration: CalibrationFile::of(&self.paths).read(),
            max_sessions: count(self.settings.server.sessions, default.max_sessions),
            ..default
        };
        Ok(Arc::new(Embedded::new(settings, self.runtimes())?))
    }
}

/// A number that was set, as a count of things in memory.
pub fn count(set: Option<u64>, default: usize) -> usize {
    set.map_or(default, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// What is configured of Docker.
fn docker(set: &ContainerSettings) -> DockerSettings {
    let default = Marks::default();
    let pool = Marks {
        low: count(set.pool_low, default.low),
        high: count(set.pool_high, default.high),
        memory: set.pool_memory_mb.map_or(default.memory, |mb| mb.saturating_mul(1 << 20)),
    };
    DockerSettings { host: set.host.clone(), base: set.base.clone(), pool, ..DockerSettings::default() }
}

/// The configured limits, in the engine's units.
fn limits(set: &LimitSettings) -> Limits {
    let default = Limits::default();
    let bytes = |count: Option<u64>, unit: u64, default: u64| {
        count.map_or(default, |count| count.saturating_mul(unit))
    };
    Limits {
        memory_mb: set.memory_mb.unwrap_or(default.memory_mb),
        cpu_shares: bytes(set.cpus, 1024, default.cpu_shares),
        processes: set.processes.unwrap_or(default.processes),
        open_files: set.open_files.unwrap_or(default.open_files),
        file_size_bytes: bytes(set.file_size_mb, 1 << 20, default.file_size_bytes),
        workspace_bytes: bytes(set.workspace_mb, 1 << 20, default.workspace_bytes),
        workspace_files: set.workspace_files.unwrap_or(default.workspace_files),
        output_bytes: bytes(set.output_kb, 1 << 10, default.output_bytes),
        timeout: set.timeout_seconds.map(Duration::from_secs).or(default.timeout),
        cpu_seconds: set.cpu_seconds.or(default.cpu_seconds),
    }
}

/// What to say of a preference that there isn't.
fn unknown_preference(name: &str) -> Option<String> {
    let known = name.parse::<RuntimePreference>().is_ok();
    let say =
        || format!("preference {name:?} is none of speed, security, memory and balanced; balanced is used");
    (!known).then(say)
}

/// How long the end of an engine may take: agents that don't end are killed long before.
const END_TIME: Duration = Duration::from_secs(20);

/// Ends what runtimes have that no engine is over; what takes too long is left to the next one.
pub async fn end(runtimes: &[Arc<dyn Runtime>]) {
    let ending = join_all(runtimes.iter().map(|runtime| runtime.shutdown()));
    if tokio::time::timeout(END_TIME, ending).await.is_err() {
        tracing::warn!("the runtimes did not end in time");
    }
}

/// Shuts an engine down; what takes too long is left to the kernel and the next engine.
pub async fn shut_down(engine: &dyn Engine) {
    tokio::select! {
        () = engine.shutdown() => {}
        () = tokio::time::sleep(END_TIME) => tracing::warn!("the engine did not end in time"),
    }
}
