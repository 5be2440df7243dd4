//! Where things are on this machine, and the engine over it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Paths, Settings, Warning};
use crate::engine::{Embedded, Engine, EngineSettings, Runtime};
use crate::protocol::RuntimePreference;
use crate::provision;
use crate::runtimes::{self, RuntimeSettings};

use super::exit::{self, Problem};

/// Paths and settings, as files and variables have them.
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

    /// The runtimes of this machine.
    pub fn runtimes(&self) -> Vec<Arc<dyn Runtime>> {
        let cache = self.paths.state.join("runtimes.json");
        runtimes::all(RuntimeSettings::new(self.provision(), Some(cache)))
    }

    /// The engine in this process.
    pub fn engine(&self) -> Result<Arc<Embedded>, Problem> {
        let settings = EngineSettings::new(self.paths.state.join("sessions"));
        Ok(Arc::new(Embedded::new(settings, self.runtimes())?))
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

/// Shuts an engine down; what takes too long is left to the kernel and the next engine.
pub async fn shut_down(engine: &dyn Engine) {
    tokio::select! {
        () = engine.shutdown() => {}
        () = tokio::time::sleep(END_TIME) => tracing::warn!("the engine did not end in time"),
    }
}
