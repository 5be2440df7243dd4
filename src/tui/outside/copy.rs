//! Texts in files, for an editor. Such a file goes once it was read; what can't be read is kept where nobody removes it.
//!
//! Each file has a directory of its own, with a lock beside it that its workbench holds. What has a lock that is free
//! is of one that ended without clearing it away.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::make_private_dir;

/// So many names are tried.
const MOST_NAMES: usize = 1000;
/// So many directories of others are looked at.
const MOST_OTHERS: usize = 100;

/// Where such files are, and where those are that were kept.
#[derive(Clone, Debug)]
pub(super) struct Places {
    outside: PathBuf,
    kept: PathBuf,
}

/// A file with a text.
#[derive(Debug)]
pub(super) struct Copy {
    places: Places,
    dir: PathBuf,
    file: PathBuf,
    /// Held as long as an editor may have the file.
    _lock: File,
}

impl Places {
    pub(super) fn below(state: PathBuf) -> Self {
        Self { outside: state.join("outside"), kept: state.join("kept") }
    }

    /// Clears away what others have left, and gives where that is which was changed since.
    pub(super) fn clear(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.outside).into_iter().flatten().flatten();
        let mut names: Vec<PathBuf> =
            entries.take(MOST_OTHERS).map(|entry| entry.path().with_extension("")).collect();
        names.sort();
        names.dedup();
        names.iter().filter_map(|dir| self.clear_one(dir)).collect()
    }

    fn clear_one(&self, dir: &Path) -> Option<PathBuf> {
        let lock_path = lock_of(dir);
        let mut lock = private().read(true).create(true).truncate(false).open(&lock_path).ok()?;
        // Whoever holds it is alive.
        lock.try_lock().ok()?;
        let kept = if is_as_handed(dir, &mut lock) {
            // What can't be removed now is removed another time.
            fs::remove_dir_all(dir).ok().or_else(|| (!dir.exists()).then_some(()))?;
            None
        } else {
            Some(self.put_aside(dir).ok()?)
        };
        // A lock alone is harmless.
        let _ = fs::remove_file(&lock_path);
        kept
    }

    /// Moves a directory to where nobody removes it, and gives where it is now.
    fn put_aside(&self, dir: &Path) -> io::Result<PathBuf> {
        make_private_dir(&self.kept)?;
        for n in 0..MOST_NAMES {
            let to = self.kept.join(format!("{}-{n}", std::process::id()));
            // A name with something in it is refused.
            match fs::symlink_metadata(&to) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return fs::rename(dir, &to).map(|()| to);
                }
                _ => {}
            }
        }
        Err(io::Error::from(ErrorKind::AlreadyExists))
    }
}

impl Copy {
    pub(super) fn make(places: &Places, name: &str, text: &str) -> io::Result<Self> {
        make_private_dir(&places.outside)?;
        for n in 0..MOST_NAMES {
            let dir = places.outside.join(format!("{}-{n}", std::process::id()));
            match Self::begin(&dir, text) {
                Ok(lock) => {
                    let copy = Self { places: places.clone(), file: dir.join(plain(name)), dir, _lock: lock };
                    let mut options = private();
                    let made = options.create_new(true).open(&copy.file);
                    if let Err(error) = made.and_then(|mut file| file.write_all(text.as_bytes())) {
                        copy.remove();
                        return Err(error);
                    }
                    return Ok(copy);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(ErrorKind::AlreadyExists))
    }

    /// Makes a directory for a text, after its lock.
    fn begin(dir: &Path, text: &str) -> io::Result<File> {
        let path = lock_of(dir);
        let mut lock = private().create_new(true).open(&path)?;
        let made = lock.try_lock().map_err(io::Error::from).and_then(|()| {
            lock.write_all(hash(text.as_bytes()).as_bytes())?;
            DirBuilder::new().mode(0o700).create(dir)
        });
        if made.is_err() {
            // Nothing better can be done about what can't be removed.
            let _ = fs::remove_file(&path);
        }
        made.map(|()| lock)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// It was read, or never changed.
    pub(super) fn remove(&self) {
        // Nothing better can be done about what can't be removed.
        let _ = fs::remove_dir_all(&self.dir);
        let _ = fs::remove_file(lock_of(&self.dir));
    }

    /// It could not be read: puts it where nobody removes it, and gives where it is.
    pub(super) fn keep(self) -> PathBuf {
        let Ok(aside) = self.places.put_aside(&self.dir) else {
            // As it was changed, it is not removed from there either.
            return self.file;
        };
        let _ = fs::remove_file(lock_of(&self.dir));
        self.file.file_name().map_or_else(|| aside.clone(), |name| aside.join(name))
    }
}

/// A file's name is only for the person and for the editor's colours.
fn plain(name: &str) -> String {
    let plain = |c: char| if c == '/' || c.is_control() { '_' } else { c };
    let name: String = name.chars().map(plain).take(100).collect();
    name.trim_start_matches('.').to_owned()
}

fn lock_of(dir: &Path) -> PathBuf {
    dir.with_extension("lock")
}

/// For a file that nobody else may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// What is in a directory is the one file as it was handed to an editor: no editor has saved it, or left something.
fn is_as_handed(dir: &Path, lock: &mut File) -> bool {
    let mut handed = String::new();
    let known = lock.read_to_string(&mut handed).is_ok();
    let mut entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let (Some(file), None) = (entries.next(), entries.next()) else {
        return fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none()) || !dir.exists();
    };
    let is_file = fs::symlink_metadata(&file).is_ok_and(|meta| meta.is_file());
    known && is_file && fs::read(&file).is_ok_and(|bytes| hash(&bytes) == handed)
}

/// Tells texts apart. Another version may know another one; then what was not changed is kept too.
fn hash(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_copy_is_gone_once_it_was_read_and_kept_where_it_was_not() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::below(home.path().join("state"));
        let copy = Copy::make(&places, "../.a/b.py", "text").unwrap();
        assert_eq!(fs::read_to_string(copy.file()).unwrap(), "text");
        copy.remove();
        assert!(names(&places.outside).is_empty());
        let mut kept = Vec::new();
        for n in [1, 2] {
            let copy = Copy::make(&places, "a.py", "text").unwrap();
            fs::write(copy.file(), [0xe9, n]).unwrap();
            kept.push(copy.keep());
            assert_eq!(fs::read(&kept[kept.len() - 1]).unwrap(), [0xe9, n]);
        }
        assert!(names(&places.outside).is_empty());
        assert!(places.clear().is_empty());
        assert!(kept.iter().all(|path| path.ends_with("a.py") && path.starts_with(&places.kept)), "{kept:?}");
        assert!(kept.iter().all(|path| path.exists()));
    }

    #[test]
    fn what_the_dead_have_left_is_cleared_but_not_what_an_editor_saved() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::below(home.path().join("state"));
        assert!(places.clear().is_empty());
        let [same, saved, alive] = ["same", "saved", "alive"].map(|name| Copy::make(&places, name, "text"));
        let (same, saved, alive) = (same.unwrap(), saved.unwrap(), alive.unwrap());
        fs::write(saved.file(), "saved").unwrap();
        fs::write(alive.file(), "saved").unwrap();
        // Earlier workbenches had no locks.
        fs::create_dir(places.outside.join("7-0")).unwrap();
        fs::create_dir(places.outside.join("7-1")).unwrap();
        fs::write(places.outside.join("7-1/old.py"), "old").unwrap();
        // Killed.
        drop((same, saved));
        let mut kept: Vec<String> = places
            .clear()
            .iter()
            .flat_map(|dir| names(dir).into_iter().map(|name| fs::read_to_string(dir.join(name)).unwrap()))
            .collect();
        kept.sort();
        assert_eq!(kept, ["old", "saved"]);
        let mut left = names(&places.outside);
        left.sort();
        let of_the_living = alive.dir.file_name().unwrap().to_str().unwrap();
        assert_eq!(left, [of_the_living.to_owned(), format!("{of_the_living}.lock")]);
        assert_eq!(fs::read_to_string(alive.file()).unwrap(), "saved");
        alive.remove();
        assert!(names(&places.outside).is_empty());
        assert_eq!(names(&places.kept).len(), 2);
    }
}
