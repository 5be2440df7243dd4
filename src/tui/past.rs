//! The runs of earlier starts: a file with a line of JSON for each run that has ended, the newest last.
//!
//! Several workbenches may add to it at once, each under the file's lock. What can't be read is passed over: a line torn
//! by a full disk costs that run alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disk;
use super::history::{End, MAX_RECORDS, Record, RunPlace};
use crate::config::make_state_dir;
use crate::protocol::{Language, RuntimeType, SessionId};

/// Bytes of the file that are read. A file larger than this is made smaller by whoever adds to it.
const LARGEST: u64 = 2 << 20;
/// Bytes that are left of one that is made smaller.
const SMALLER: u64 = LARGEST / 2;
/// The longest code that is kept, in bytes.
const LONGEST: usize = 64 << 10;

/// A run, as its line tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    number: u32,
    language: Language,
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    terminal: bool,
    end: End,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    session: SessionId,
    runtime: RuntimeType,
    cold: bool,
}

impl Entry {
    /// That of a run that has ended and isn't too long to be kept.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        let end = record.end.clone().filter(|_| record.code.len() <= LONGEST)?;
        let place = record.place.as_ref();
        Some(Self {
            number: record.number,
            language: record.language,
            code: record.code.to_string(),
            file_name: record.written.clone().or_else(|| record.file_name.clone()),
            place: place.map(|p| Place { session: p.session.clone(), runtime: p.runtime, cold: p.cold }),
            terminal: record.terminal,
            end,
        })
    }

    fn record(self, number: u32) -> Record {
        let place = self.place.map(|place| RunPlace {
            session: place.session,
            runtime: place.runtime,
            cold: place.cold,
            asked_at: Duration::ZERO,
        });
        let begun = Record::begun(number, self.language, &self.code, self.file_name, self.terminal);
        Record { place, end: Some(self.end), ..begun }
    }
}

/// The runs that are kept there, the oldest first. Their numbers rise, whoever wrote them.
pub(crate) fn load(path: &Path) -> io::Result<Vec<Record>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let text = tail(&mut file, LARGEST)?;
    let mut entries: Vec<Entry> =
        text.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).take(MAX_RECORDS).collect();
    // They stand there as they ended: those of a race in no order.
    entries.sort_by_key(|entry| entry.number);
    let mut last = 0u32;
    let numbered = entries.into_iter().map(|entry| {
        // A number that leaves no room for more is nobody's.
        last = entry.number.min(u32::MAX / 2).max(last.saturating_add(1));
        entry.record(last)
    });
    Ok(numbered.collect())
}

/// Adds runs.
pub(crate) fn append(path: &Path, entries: &[Entry]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        make_state_dir(directory)?;
    }
    let mut file = locked(path)?;
    if file.metadata()?.len() > LARGEST {
        shrink(path, &mut file)?;
        file = locked(path)?;
    }
    let mut lines = Vec::new();
    // What was torn ends here.
    if !ends_a_line(&mut file)? {
        lines.push(b'\n');
    }
    for entry in entries {
        serde_json::to_writer(&mut lines, entry)?;
        lines.push(b'\n');
    }
    file.write_all(&lines)
}

/// Forgets every run.
pub(crate) fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The file, which nobody else adds to or replaces until it is closed.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        file.lock()?;
        // Somebody may have put another in its place before it was locked.
        if fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|own| own.ino() == there.ino())) {
            return Ok(file);
        }
    }
}

/// Puts a file with the newest runs alone in the place of this one.
fn shrink(path: &Path, file: &mut File) -> io::Result<()> {
    disk::replace_private(path, tail(file, SMALLER)?.as_bytes())
}

/// The whole lines in the last so many bytes.
fn tail(file: &mut File, most: u64) -> io::Result<String> {
    let from = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let cut = if from == 0 { Some(0) } else { text.find('\n').map(|at| at + 1) };
    Ok(cut.and_then(|at| text.get(at..)).unwrap_or_default().to_owned())
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;
    use crate::tui::model::Verdict;

    fn record(number: u32, code: &str) -> Record {
        let end = End { exit: Some(3), wall_ms: Some(12), ..End::without_figures(Verdict::Fail, "exit 3") };
        let place = RunPlace {
            session: SessionId::from("a"),
            runtime: RuntimeType::Bun,
            cold: true,
            asked_at: Duration::from_secs(9),
        };
        let begun = Record::begun(number, Language::TypeScript, code, Some("a.ts".to_owned()), number == 2);
        Record { place: Some(place), end: Some(end), ..begun }
    }

    fn keep(path: &Path, number: u32, code: &str) {
        append(path, &[Entry::of(&record(number, code)).unwrap()]).unwrap();
    }

    fn numbers(path: &Path) -> Vec<u32> {
        load(path).unwrap().iter().map(|record| record.number).collect()
    }

    fn file() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/runs.jsonl");
        (home, path)
    }

    #[test]
    fn what_was_run_is_there_again() {
        let (_home, path) = file();
        assert!(load(&path).unwrap().is_empty());
        keep(&path, 1, "one\n\"two\"");
        keep(&path, 2, "é");
        let found = load(&path).unwrap();
        let whole = |record: &Record| {
            (Entry::of(record), record.terminal, record.place.as_ref().map(|place| place.asked_at))
        };
        let wanted = |number, code| (Entry::of(&record(number, code)), number == 2, Some(Duration::ZERO));
        assert_eq!(found.iter().map(whole).collect::<Vec<_>>(), [wanted(1, "one\n\"two\""), wanted(2, "é")]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "code is nobody else's");
        forget(&path).unwrap();
        assert!(load(&path).unwrap().is_empty());
        forget(&path).unwrap();
    }

    #[test]
    fn runs_that_go_on_or_are_long_are_not_kept() {
        let running = Record { end: None, ..record(1, "x") };
        assert_eq!(Entry::of(&running), None);
        assert_eq!(Entry::of(&record(1, &"x".repeat(LONGEST + 1))), None);
    }

    #[test]
    fn a_torn_line_costs_itself() {
        let (_home, path) = file();
        keep(&path, 1, "x");
        let mut raw = OpenOptions::new().append(true).open(&path).unwrap();
        raw.write_all(b"{\"number\": 2, \"langu\xff").unwrap();
        keep(&path, 3, "y");
        assert_eq!(numbers(&path), [1, 3]);
    }

    #[test]
    fn a_run_keeps_its_number_whenever_it_ended() {
        let (_home, path) = file();
        [1, 3, 2, 4].into_iter().for_each(|number| keep(&path, number, &number.to_string()));
        let found = load(&path).unwrap();
        assert!(found.iter().all(|record| *record.code == record.number.to_string()), "{found:?}");
    }

    #[test]
    fn numbers_rise() {
        let (_home, path) = file();
        for number in [4, 4, 2, 9, u32::MAX] {
            keep(&path, number, "x");
        }
        assert_eq!(numbers(&path), [2, 4, 5, 9, u32::MAX / 2]);
    }

    #[test]
    fn a_large_file_is_made_smaller() {
        let (_home, path) = file();
        let code = "x".repeat(LONGEST);
        for number in 1..=60 {
            keep(&path, number, &code);
            assert!(fs::metadata(&path).unwrap().len() < LARGEST + 2 * LONGEST as u64);
        }
        let kept = numbers(&path);
        assert_eq!(kept.last(), Some(&60));
        assert!((10..60).contains(&kept.len()), "{kept:?}");
        assert!(kept.windows(2).all(|pair| pair[1] == pair[0] + 1), "{kept:?}");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn several_add_at_once() {
        let (_home, path) = file();
        let code = "x".repeat(LONGEST / 2);
        std::thread::scope(|scope| {
            for of in 0..4 {
                let (path, code) = (&path, &code);
                scope.spawn(move || (0..40).for_each(|n| keep(path, of * 40 + n, code)));
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().all(|line| serde_json::from_str::<Entry>(line).is_ok()), "a line was torn");
        assert!(text.lines().count() > 10);
    }
}
