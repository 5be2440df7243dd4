//! Where settings, runtimes and sessions are.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

/// The three directories that CodeBeaker reads and writes. None of them need exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`, `themes/`.
    pub config: PathBuf,
    /// `runtimes/NAME/VERSION/`.
    pub data: PathBuf,
    /// Sessions, journal, logs, saved benchmarks.
    pub state: PathBuf,
}

/// The environment names no home directory, so there is nowhere to keep anything.
#[derive(Debug, thiserror::Error)]
#[error("no home directory is known: set HOME, or XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME")]
pub struct NoHome;

impl Paths {
    /// The directories that the XDG variables name, or their defaults below the home directory.
    pub fn from_env() -> Result<Self, NoHome> {
        let base = etcetera::choose_base_strategy().map_err(|_| NoHome)?;
        Ok(Self {
            config: base.config_dir().join("codebeaker"),
            data: base.data_dir().join("codebeaker"),
            state: base.state_dir().unwrap_or_else(|| base.data_dir()).join("codebeaker"),
        })
    }

    /// All three below one directory: for tests.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { config: root.join("config"), data: root.join("data"), state: root.join("state") }
    }

    /// The settings file.
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The file of keys.
    pub fn keymap_file(&self) -> PathBuf {
        self.config.join("keymap.toml")
    }

    /// The file of a theme of the person's own.
    pub fn theme_file(&self, name: &str) -> PathBuf {
        self.config.join("themes").join(format!("{name}.toml"))
    }
}
