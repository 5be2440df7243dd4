//! Where settings, runtimes and sessions are.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

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

/// Makes a directory of state, and those above it but for a whole home that isn't there. Others may pass through it, as
/// the users of a root's own sessions must to theirs, but not look into it: what is nobody else's is private by itself.
pub fn make_state_dir(path: &Path) -> io::Result<()> {
    let nearest = path.ancestors().find(|above| above.is_dir());
    if nearest.is_none_or(|above| above.parent().is_none()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    DirBuilder::new().recursive(true).mode(0o711).create(path)
}

/// Makes a directory of state that nobody else may pass or look into, and those above it as [`make_state_dir`] does.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_state_dir)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

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

    /// Where themes of the person's own are.
    pub fn themes_dir(&self) -> PathBuf {
        self.config.join("themes")
    }

    /// The file of keys.
    pub fn keymap_file(&self) -> PathBuf {
        self.config.join("keymap.toml")
    }

    /// The file of a theme of the person's own.
    pub fn theme_file(&self, name: &str) -> PathBuf {
        self.themes_dir().join(format!("{name}.toml"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn directories_of_state_can_be_passed_and_private_ones_cannot() {
        let home = tempfile::tempdir().unwrap();
        let private = home.path().join(".local/state/codebeaker/unsaved");
        for _ in 0..2 {
            make_private_dir(&private).unwrap();
        }
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(private.parent().unwrap()), mode(&private)), (0o711, 0o700));
    }

    #[test]
    fn no_home_is_made() {
        let nowhere = Path::new("/no-such-home/state/codebeaker");
        assert!(make_state_dir(nowhere).is_err() && make_private_dir(nowhere).is_err());
        assert!(!Path::new("/no-such-home").exists());
    }
}
