//! Asking programs who they are, and remembering it for as long as the program stays the same.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long a program may take to answer: a version manager's script starts several others.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long a script's answer is good for: what it starts can change without the script changing.
const SCRIPT_ANSWER_TIME: Duration = Duration::from_secs(600);
/// The most of an answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// What programs have answered. On disk too, so that a one-shot run asks nobody twice.
pub struct Probes {
    cache: Option<PathBuf>,
    known: Mutex<Option<BTreeMap<String, Known>>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    /// Changes when the file does.
    stamp: String,
    answer: String,
}

impl Probes {
    /// Remembers in the file `cache`.
    pub fn new(cache: Option<PathBuf>) -> Self {
        Self { cache, known: Mutex::default() }
    }

    /// What `program` prints when called with `args`, trimmed. Error: why there is no answer, in a few words.
    pub async fn ask(&self, program: &Path, args: &[&str]) -> Result<String, String> {
        let key = format!("{} {}", program.display(), args.join(" "));
        let stamp = stamp(program);
        if let Some(stamp) = &stamp
            && let Some(known) = self.known().get(&key)
            && known.stamp == *stamp
        {
            return Ok(known.answer.clone());
        }
        let answer = run(program, args).await?;
        if let Some(stamp) = stamp {
            self.remember(key, Known { stamp, answer: answer.clone() });
        }
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeMap<String, Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> BTreeMap<String, Known> {
        let read = || {
            let text = std::fs::read(self.cache.as_ref()?).ok()?;
            serde_json::from_slice(&text).ok()
        };
        self.lock().get_or_insert_with(|| read().unwrap_or_default()).clone()
    }

    /// What can't be written is asked again next time.
    fn remember(&self, key: String, known: Known) {
        let mut lock = self.lock();
        let all = lock.get_or_insert_default();
        if all.insert(key, known.clone()).as_ref() == Some(&known) {
            return;
        }
        if let Some(path) = &self.cache
            && let Ok(json) = serde_json::to_vec_pretty(all)
        {
            let _ = replace(path, &json);
        }
    }
}

/// Writes a file so that others see the old one or the new one.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, content)?;
    std::fs::rename(&temporary, path)
}

/// What changes when a program's answer may: with its file; of a script also with the directory and with time.
fn stamp(program: &Path) -> Option<String> {
    let path = std::fs::canonicalize(program).ok()?;
    let meta = std::fs::metadata(&path).ok()?;
    let file =
        format!("{} {} {}.{} {}", path.display(), meta.size(), meta.mtime(), meta.mtime_nsec(), meta.ino());
    if !is_script(program) {
        return Some(file);
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    let period = now.as_secs() / SCRIPT_ANSWER_TIME.as_secs();
    Some(format!("{file} {} {period}", std::env::current_dir().ok()?.display()))
}

/// Whether a program is a script: a version manager's, which starts the real one.
pub fn is_script(program: &Path) -> bool {
    let mut start = [0; 2];
    let read = std::fs::File::open(program).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut start));
    read.is_ok() && start == *b"#!"
}

async fn run(program: &Path, args: &[&str]) -> Result<String, String> {
    let child = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("it can't be started: {e}"))?;
    let output = tokio::time::timeout(ANSWER_TIME, child.wait_with_output())
        .await
        .map_err(|_| "it does not answer".to_owned())?
        .map_err(|e| format!("it can't be read: {e}"))?;
    let text =
        |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_ANSWER)]).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let complaint = text(&output.stderr);
    let first = complaint.lines().next().unwrap_or_default();
    Err(format!("it fails ({}): {first}", output.status))
}

/// The first executable of this name in a PATH.
pub fn find(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    std::env::split_paths(path?)
        .filter(|d| d.is_absolute())
        .map(|d| d.join(name))
        .find(|p| std::fs::metadata(p).is_ok_and(|m| m.is_file() && m.mode() & 0o111 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn script(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn answers_are_remembered_until_the_program_changes() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache/probes.json");
        let echo = find("echo", Some(OsStr::new("/usr/bin:/bin"))).unwrap();
        let probes = Probes::new(Some(cache.clone()));
        assert_eq!(probes.ask(&echo, &["1.2"]).await.unwrap(), "1.2");
        let text = std::fs::read_to_string(&cache).unwrap();
        std::fs::write(&cache, text.replace("\"answer\": \"1.2\"", "\"answer\": \"remembered\"")).unwrap();
        assert_eq!(Probes::new(Some(cache.clone())).ask(&echo, &["1.2"]).await.unwrap(), "remembered");
        // A cache that can't be read is none.
        std::fs::write(&cache, "{").unwrap();
        assert_eq!(Probes::new(Some(cache)).ask(&echo, &["1.2"]).await.unwrap(), "1.2");

        let shim = dir.path().join("shim");
        script(&shim, "#!/bin/sh\necho one\n");
        assert_eq!(probes.ask(&shim, &[]).await.unwrap(), "one");
        script(&shim, "#!/bin/sh\necho two # changed\n");
        assert_eq!(probes.ask(&shim, &[]).await.unwrap(), "two");
        script(&shim, "#!/bin/sh\necho no such version >&2; exit 3\n");
        let complaint = probes.ask(&shim, &[]).await.unwrap_err();
        assert!(complaint.contains("no such version"), "{complaint}");
    }
}
