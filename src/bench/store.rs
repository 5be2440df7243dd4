//! Benchmarks that are kept by name, a file each.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::digest::Baseline;
use super::published;
use super::report::{FORMAT, Report};

/// The longest name.
const LONGEST: usize = 64;
/// The largest file that is read, in bytes: a hundred thousand samples of a few series.
const LARGEST: u64 = 256 << 20;

/// Why a benchmark could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be called that.
    #[error(
        "{0:?} can't be the name of a benchmark: use up to 64 letters, digits, dots, dashes and underscores, a letter or digit first"
    )]
    Name(String),
    /// The name stands for the published figures.
    #[error("{:?} is the name of the published figures: choose another", published::NAME)]
    Reserved,
    /// None has this name.
    #[error("no benchmark is called {name:?}; {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those there are, in words.
        known: String,
    },
    /// The file is no benchmark, or of a later version.
    #[error("{} is no benchmark of this version: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A directory of benchmarks. It need not exist to be read.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

impl Store {
    /// The one in this directory.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// The names there are, in order.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let name = |entry: fs::DirEntry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(".json")
                    .filter(|name| check(name).is_ok())?
                    .to_owned(),
            )
        };
        let mut names: Vec<String> = entries.filter_map(name).collect();
        names.sort();
        names
    }

    /// Whether a report can be kept by this name.
    pub fn check(name: &str) -> Result<(), StoreError> {
        check(name)
    }

    /// Whether anything can be kept here.
    pub fn try_to_write(&self) -> Result<(), StoreError> {
        let path = self.0.join(format!(".try.{}", std::process::id()));
        let tried = fs::write(&path, b"");
        let _ = fs::remove_file(&path);
        tried.map_err(|error| StoreError::Io { path: self.0.clone(), error })
    }

    /// Keeps a report by this name, in place of what had it before; the directory must be there.
    pub fn save(&self, report: &mut Report, name: &str) -> Result<PathBuf, StoreError> {
        check(name)?;
        report.name = Some(name.to_owned());
        let path = self.path(name);
        let io = |error| StoreError::Io { path: path.clone(), error };
        let json = serde_json::to_vec_pretty(report).map_err(|e| io(e.into()))?;
        // Whoever reads meanwhile has the whole of one or of the other.
        let draft = self.0.join(format!(".{name}.{}", std::process::id()));
        let written = (|| {
            let mut file =
                fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&json)?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.map_err(io)?;
        Ok(path)
    }

    /// The one of this name.
    pub fn load(&self, name: &str) -> Result<Report, StoreError> {
        check(name)?;
        match read(&self.path(name)) {
            Err(StoreError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                let names = self.names();
                let known = match names.is_empty() {
                    true => "none was saved yet".to_owned(),
                    false => format!("saved are {}", names.join(", ")),
                };
                Err(StoreError::Unknown { name: name.to_owned(), known })
            }
            report => report,
        }
    }

    /// What is meant by a name, or by the path of a file that was exported as JSON.
    pub fn baseline(&self, name: &str) -> Result<Baseline, StoreError> {
        if name == published::NAME {
            return Ok(Baseline::Seed);
        }
        let report = match name.contains('/') || name.ends_with(".json") {
            true => read(Path::new(name)).map(|report| named(report, name)),
            false => self.load(name),
        };
        Ok(Baseline::Saved(Box::new(report?)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }
}

fn named(report: Report, name: &str) -> Report {
    Report { name: report.name.or_else(|| Some(name.to_owned())), ..report }
}

fn check(name: &str) -> Result<(), StoreError> {
    if name == published::NAME {
        return Err(StoreError::Reserved);
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && name.len() <= LONGEST && name.chars().all(fine) {
        Ok(())
    } else {
        Err(StoreError::Name(name.to_owned()))
    }
}

/// Reads a report from a file.
pub fn read(path: &Path) -> Result<Report, StoreError> {
    let io = |error| StoreError::Io { path: path.to_owned(), error };
    let unreadable = |why: String| StoreError::Unreadable { path: path.to_owned(), why };
    let metadata = fs::metadata(path).map_err(io)?;
    if metadata.len() > LARGEST || !metadata.is_file() {
        return Err(unreadable("it is too large, or no file".into()));
    }
    let json = fs::read(path).map_err(io)?;
    let report: Report = serde_json::from_slice(&json).map_err(|e| unreadable(e.to_string()))?;
    if report.format != FORMAT {
        return Err(unreadable(format!("its format is {}, and {FORMAT} can be read", report.format)));
    }
    // A launch for each sample, or intervals would be of nothing.
    match report.series.iter().find(|series| series.launches.len() != series.samples.len()) {
        Some(series) => {
            Err(unreadable(format!("{} {} has samples without launches", series.suite, series.case)))
        }
        None => Ok(report),
    }
}
