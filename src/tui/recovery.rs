//! Texts that are not saved, kept on disk for as long as they are not, so that a crash loses seconds at most. For the
//! effects alone; everything here blocks.
//!
//! Each workbench has a file of its own and holds a lock beside it. A file whose lock is free is of one that ended
//! without being left: its texts are taken over, and it goes once they stand in the new one's file. There they stay
//! until the model has them: it may be left before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::msg::{Source, Stamp, Unsaved};
use crate::config::make_private_dir;

/// The largest file that is taken over, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;
/// So many files of others are looked at.
const MOST_FILES: usize = 100;
/// So many texts are taken over.
const MOST_TEXTS: usize = 32;

#[derive(Debug, Deserialize, Serialize)]
struct Record {
    texts: Vec<Text>,
}

/// A text in the file.
#[derive(Debug, Deserialize, Serialize)]
struct Text {
    /// The file of this machine that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    /// What it is called, where it is of none.
    #[serde(default)]
    name: String,
    text: String,
    /// The stamp of the file that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<Stamp>,
}

/// What the others have left.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) texts: Vec<Unsaved>,
    /// A file that could not be read, and where it is now.
    pub(super) broken: Option<PathBuf>,
}

/// The file of this workbench.
#[derive(Debug)]
pub(super) struct Keeper {
    dir: PathBuf,
    file: PathBuf,
    /// Held as long as the workbench is open.
    lock: Option<File>,
    /// The number of what is in the file.
    number: u64,
    /// Texts that were taken over, and that the model doesn't have yet.
    taken: Vec<Unsaved>,
    /// The workbench is being left: nothing is taken over any more.
    ended: bool,
}

impl Keeper {
    pub(super) fn new(dir: PathBuf) -> Self {
        let begun = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{}-{}", std::process::id(), begun.as_nanos());
        let file = dir.join(format!("{name}.json"));
        Self { dir, file, lock: None, number: 0, taken: Vec::new(), ended: false }
    }

    /// Puts texts in the place of those kept before; an older request than the last one does nothing. Those that were
    /// taken over are kept with them, unless the model has them already.
    pub(super) fn keep(&mut self, number: u64, texts: &[Unsaved], has_taken: bool) -> io::Result<()> {
        if number <= self.number {
            return Ok(());
        }
        self.number = number;
        if has_taken {
            self.taken.clear();
        }
        if texts.is_empty() && self.taken.is_empty() {
            return self.forget();
        }
        self.write(texts.iter().chain(&self.taken).map(Text::of).collect())
    }

    /// The same as the last thing: what others have left is theirs from now on.
    pub(super) fn keep_at_end(&mut self, number: u64, texts: &[Unsaved], has_taken: bool) -> io::Result<()> {
        self.ended = true;
        let kept = self.keep(number, texts, has_taken);
        self.lock = None;
        kept
    }

    fn write(&mut self, texts: Vec<Text>) -> io::Result<()> {
        if self.lock.is_none() {
            make_private_dir(&self.dir)?;
            let lock = private(&lock_of(&self.file))?;
            lock.try_lock()?;
            self.lock = Some(lock);
        }
        let json = serde_json::to_vec(&Record { texts }).map_err(io::Error::other)?;
        let beside = self.file.with_extension("new");
        let written = private(&beside).and_then(|mut file| {
            file.set_len(0)?;
            file.write_all(&json)?;
            file.sync_all()?;
            fs::rename(&beside, &self.file)
        });
        if written.is_err() {
            // A full disk has better use for its room; what was kept before stays.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// Nothing is unsaved any more, or the workbench is being left.
    fn forget(&mut self) -> io::Result<()> {
        // Held until the end: nobody may take for a dead one's what is being thrown away.
        let Some(_lock) = self.lock.take() else { return Ok(()) };
        match fs::remove_file(&self.file) {
            // It could not be written.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        fs::remove_file(lock_of(&self.file))
    }

    /// Takes over what workbenches that are no more have left.
    pub(super) fn take_over(&mut self, number: u64) -> io::Result<Found> {
        let mut found = Found::default();
        let mut taken = Vec::new();
        if self.ended {
            return Ok(found);
        }
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        };
        for path in entries.flatten().map(|entry| entry.path()).take(MOST_FILES) {
            if path.extension().is_none_or(|ending| ending != "json") || path == self.file {
                continue;
            }
            let lock = private(&lock_of(&path))?;
            // Whoever holds it is alive.
            if lock.try_lock().is_err() {
                continue;
            }
            match read(&path) {
                Ok(texts) if found.texts.len() + texts.len() <= MOST_TEXTS => {
                    found.texts.extend(texts);
                    taken.push((path, lock));
                }
                // The next workbench has room again.
                Ok(_) => {}
                Err(_) => {
                    let aside = path.with_extension("broken");
                    fs::rename(&path, &aside)?;
                    fs::remove_file(lock_of(&path))?;
                    found.broken = Some(aside);
                }
            }
        }
        if !found.texts.is_empty() {
            // A newer request may have come first: what it has kept stays.
            let own = if self.lock.is_some() { read(&self.file).unwrap_or_default() } else { Vec::new() };
            self.write(own.iter().chain(&found.texts).map(Text::of).collect())?;
            self.number = self.number.max(number);
            self.taken.clone_from(&found.texts);
        }
        for (path, lock) in taken {
            // At worst they are there twice.
            let removed = fs::remove_file(&path).and_then(|()| fs::remove_file(lock_of(&path)));
            if let Err(error) = removed {
                tracing::warn!("{} was taken over and is still there: {error}", path.display());
            }
            drop(lock);
        }
        Ok(found)
    }
}

impl Text {
    fn of(unsaved: &Unsaved) -> Self {
        let (path, name) = match &unsaved.source {
            Source::File(path) => (Some(path.clone()), String::new()),
            Source::Named(name) => (None, name.clone()),
        };
        Self { path, name, text: unsaved.text.clone(), base: unsaved.base }
    }
}

fn read(path: &Path) -> io::Result<Vec<Unsaved>> {
    if fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::other("too large"));
    }
    let record: Record = serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)?;
    let unsaved = |text: Text| Unsaved {
        source: text.path.map_or(Source::Named(text.name), Source::File),
        text: text.text,
        base: text.base,
    };
    Ok(record.texts.into_iter().map(unsaved).collect())
}

fn lock_of(file: &Path) -> PathBuf {
    file.with_extension("lock")
}

/// A file that nobody else may read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<Unsaved> {
        let base = Some(Stamp { modified: (1_700_000_000, 5), length: 3 });
        vec![
            Unsaved { source: Source::Named("scratch.py".to_owned()), text: text.to_owned(), base: None },
            Unsaved { source: Source::File("/w/a.go".into()), text: "日\n".to_owned(), base },
        ]
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_a_dead_workbench_left_is_taken_over_once() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state/unsaved");
        let mut dead = Keeper::new(dir.clone());
        assert!(dead.take_over(1).unwrap().texts.is_empty());
        dead.keep(2, &texts("old"), true).unwrap();
        dead.keep(4, &texts("new"), true).unwrap();
        // One that came late.
        dead.keep(3, &texts("older"), true).unwrap();
        // As long as it lives, nobody takes it.
        let mut other = Keeper::new(dir.clone());
        assert!(other.take_over(1).unwrap().texts.is_empty());
        drop(dead);
        assert_eq!(other.take_over(2).unwrap().texts, texts("new"));
        assert_eq!(names(&dir).len(), 2, "{:?}", names(&dir));
        // A crash of that one loses nothing either.
        drop(other);
        let mut third = Keeper::new(dir.clone());
        assert_eq!(third.take_over(1).unwrap().texts, texts("new"));
        third.forget().unwrap();
        assert!(names(&dir).is_empty(), "{:?}", names(&dir));
    }

    /// A workbench may be left, or a text be kept, before what was taken over is in the model.
    #[test]
    fn what_was_taken_over_is_forgotten_only_when_the_model_has_it() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("unsaved");
        let dies = |text: &str| Keeper::new(dir.clone()).keep(1, &texts(text), true).unwrap();
        dies("old");
        let mut next = Keeper::new(dir.clone());
        assert_eq!(next.take_over(1).unwrap().texts, texts("old"));
        next.keep_at_end(2, &[], false).unwrap();
        drop(next);
        let mut next = Keeper::new(dir.clone());
        assert_eq!(next.take_over(1).unwrap().texts, texts("old"));
        // What is kept meanwhile is kept beside them, and so is what was kept before.
        next.keep(2, &texts("new")[..1], false).unwrap();
        drop(next);
        let both: Vec<_> = texts("new").into_iter().take(1).chain(texts("old")).collect();
        let mut next = Keeper::new(dir.clone());
        next.keep(2, &texts("newest")[..1], false).unwrap();
        assert_eq!(next.take_over(1).unwrap().texts, both);
        drop(next);
        let all: Vec<_> = texts("newest").into_iter().take(1).chain(both).collect();
        let mut next = Keeper::new(dir.clone());
        assert_eq!(next.take_over(1).unwrap().texts, all);
        // The model has them, and is left with nothing to save.
        next.keep_at_end(2, &[], true).unwrap();
        assert!(names(&dir).is_empty(), "{:?}", names(&dir));
        dies("last");
        assert!(next.take_over(3).unwrap().texts.is_empty(), "it was left");
        assert_eq!(Keeper::new(dir).take_over(1).unwrap().texts, texts("last"));
    }

    #[test]
    fn what_an_older_workbench_left_is_read() {
        let home = tempfile::tempdir().unwrap();
        let old = r#"{"texts":[{"path":"/w/a.go","name":"","text":"x"}]}"#;
        fs::write(home.path().join("1-1.json"), old).unwrap();
        let found = Keeper::new(home.path().to_owned()).take_over(1).unwrap();
        let text = Unsaved { source: Source::File("/w/a.go".into()), text: "x".to_owned(), base: None };
        assert_eq!(found.texts, [text]);
    }

    #[test]
    fn what_could_not_be_written_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("unsaved");
        let mut keeper = Keeper::new(dir.clone());
        // Something is in the way of the file, as a full disk would be.
        fs::create_dir_all(&keeper.file).unwrap();
        assert!(keeper.keep(1, &texts("x"), true).is_err());
        assert_eq!(names(&dir).len(), 2, "{:?}", names(&dir));
        fs::remove_dir(&keeper.file).unwrap();
        keeper.forget().unwrap();
        assert!(names(&dir).is_empty(), "{:?}", names(&dir));
    }

    #[test]
    fn nobody_else_may_read_what_is_kept() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("state/unsaved");
        let mut keeper = Keeper::new(dir.clone());
        keeper.keep(1, &texts("x"), true).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(dir.parent().unwrap()), mode(&dir), mode(&keeper.file)], [0o711, 0o700, 0o600]);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_put_aside() {
        let home = tempfile::tempdir().unwrap();
        for bad in ["", "{", "{\"texts\": 1}", "\u{0}", "[]"] {
            fs::write(home.path().join("1-1.json"), bad).unwrap();
            let found = Keeper::new(home.path().to_owned()).take_over(1).unwrap();
            assert!(found.texts.is_empty() && found.broken.is_some(), "{bad}");
            assert_eq!(names(home.path()), ["1-1.broken"]);
        }
    }
}
