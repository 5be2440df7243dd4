//! What was measured of the runtimes, on disk; and the measuring of what is not, while a serving engine has nothing to do.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bench::calibrate::Background;
use crate::bench::host;
use crate::config::{Paths, make_state_dir, replace_private};
use crate::engine::{Calibrated, Calibration, Embedded, Engine, system_words};
use crate::protocol::Failure;

use super::surroundings::Surroundings;

/// So long an engine has nothing to do before its runtimes are measured.
const IDLE: Duration = Duration::from_secs(20);
/// So long after it was found to be busy the machine is looked at again.
const LATER: Duration = Duration::from_secs(300);
/// How long the end of what is measured may take.
const END_TIME: Duration = Duration::from_secs(20);
/// How long, where somebody is in a hurry.
const HURRIED_TIME: Duration = Duration::from_millis(500);
/// So long another process may take to write what it has measured.
const WRITE_TIME: Duration = Duration::from_secs(2);
/// So often a lock that another process has is asked for again.
const ASK: Duration = Duration::from_millis(20);
/// So often the turn to measure is.
const ASK_TURN: Duration = Duration::from_millis(200);

/// The file with what was measured.
#[derive(Clone, Debug)]
pub struct CalibrationFile(pub PathBuf);

impl CalibrationFile {
    /// Where it is.
    pub fn of(paths: &Paths) -> Self {
        Self(paths.state.join("calibration.json"))
    }

    /// What is in it. One that can't be read counts for nothing: all of it can be measured again.
    pub fn read(&self) -> Calibration {
        self.content().unwrap_or_else(|error| {
            tracing::warn!("{} can't be read: {}", self.0.display(), system_words(&error));
            Calibration::default()
        })
    }

    /// The same, where it can be told whether there is something. What is no such file holds nothing to be kept.
    fn content(&self) -> io::Result<Calibration> {
        let text = match std::fs::read(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Calibration::default()),
            other => other?,
        };
        Ok(Calibration::from_json(&text).unwrap_or_else(|error| {
            tracing::warn!("{} counts for nothing: {error}", self.0.display());
            Calibration::default()
        }))
    }

    /// Changes what is in it. Read anew before, and by one process at a time: another may have measured meanwhile.
    pub fn change<T>(&self, change: impl FnOnce(&mut Calibration) -> T) -> io::Result<T> {
        if let Some(directory) = self.0.parent() {
            make_state_dir(directory)?;
        }
        let begun = Instant::now();
        let _lock = loop {
            match Lock::take(&self.0.with_extension("lock")) {
                Some(lock) => break lock,
                None if begun.elapsed() > WRITE_TIME => {
                    return Err(io::Error::new(ErrorKind::TimedOut, "another process writes it"));
                }
                None => std::thread::sleep(ASK),
            }
        };
        let mut calibration = self.content()?;
        let done = change(&mut calibration);
        replace_private(&self.0, &calibration.to_json())?;
        Ok(done)
    }

    /// Adds what was measured; where that can't be written, it holds until this process ends.
    pub fn keep(&self, one: &Calibrated) {
        if let Err(error) = self.change(|calibration| calibration.learn([one.clone()])) {
            tracing::warn!("{} can't be changed: {}", self.0.display(), system_words(&error));
        }
    }
}

/// A lock among the processes of this machine, until it is dropped.
struct Lock(Option<File>);

impl Lock {
    /// `None`: another process has it. Where nothing can be locked it is nobody's, and keeps nobody from anything.
    fn take(path: &Path) -> Option<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        let locked = file.map_err(TryLockError::Error).and_then(|file| file.try_lock().map(|()| file));
        match locked {
            Ok(file) => Some(Self(Some(file))),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(error)) => {
                tracing::debug!("{} can't be locked: {}", path.display(), system_words(&error));
                Some(Self(None))
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child that is just being started has the file open too, and would have the lock for longer.
        if let Some(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}

/// The turn to measure, held for as long as that takes: two processes that measure at once measure each other.
pub struct Measuring {
    _lock: Lock,
}

impl Measuring {
    /// `None`: another process measures.
    pub fn begin(paths: &Paths) -> Option<Self> {
        // Where there is no such directory nothing can be locked.
        let _ = make_state_dir(&paths.state);
        Lock::take(&paths.state.join("measuring.lock")).map(|lock| Self { _lock: lock })
    }

    /// Waits until no other process measures.
    pub async fn wait(paths: &Paths) -> Self {
        loop {
            if let Some(turn) = Self::begin(paths) {
                return turn;
            }
            tokio::time::sleep(ASK_TURN).await;
        }
    }
}

/// The measuring of what is not measured, beside an engine; ended with [`Self::end`], or with this.
pub struct Calibrating {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Calibrating {
    /// Begins to wait for a time to measure in, unless the settings say otherwise.
    pub fn begin(surroundings: &Surroundings, engine: &Arc<Embedded>) -> Option<Self> {
        if surroundings.settings.calibrate == Some(false) {
            return None;
        }
        let stop = CancellationToken::new();
        let (stopped, engine) = (stop.clone(), engine.clone());
        let surroundings = surroundings.clone().for_one_session();
        let task = tokio::spawn(async move {
            let file = CalibrationFile::of(&surroundings.paths);
            let turn = || {
                let turn = (!host::is_noisy()).then(|| Measuring::begin(&surroundings.paths)).flatten()?;
                // Another process may have measured since this one began.
                engine.learn(file.read().all().iter().cloned());
                Some(turn)
            };
            let cold = || -> Result<Arc<dyn Engine>, Failure> { Ok(surroundings.engine()?) };
            let keep = |one: &Calibrated| {
                file.keep(one);
                engine.learn([one.clone()]);
            };
            let background = Background {
                serving: engine.as_ref(),
                occupied: engine.occupied(),
                idle: IDLE,
                later: LATER,
                turn: &turn,
                cold: &cold,
                keep: &keep,
                stop: stopped,
            };
            background.run().await;
        });
        Some(Self { stop, task })
    }

    /// Ends it, with all that it has made; before the engine is shut down.
    pub async fn end(self) {
        self.end_sooner(std::future::pending()).await;
    }

    /// The same, in less time from when `hurry` is over. What takes longer is ended where it stands: what it has made is
    /// left to the next engine, which clears up.
    pub async fn end_sooner(mut self, hurry: impl Future<Output = ()>) {
        self.stop.cancel();
        let hurried = async {
            hurry.await;
            tokio::time::sleep(HURRIED_TIME).await;
        };
        tokio::select! {
            biased;
            _ = &mut self.task => return,
            () = hurried => {}
            () = tokio::time::sleep(END_TIME) => {}
        }
        tracing::warn!("the measuring of the runtimes did not end in time");
        self.task.abort();
        // Ends at its next await.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Calibrating {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::engine::nominal;
    use crate::protocol::{Language, Measured, RuntimeInfo, RuntimeType};

    fn one(runtime: RuntimeType, startup_time_ms: f64) -> Calibrated {
        let info = RuntimeInfo::unavailable(runtime, Vec::new(), nominal(runtime, 7));
        let at = "2026-11-26T10:00:00Z".to_owned();
        let measured =
            Measured { startup_time_ms, memory_overhead_mb: 9.0, isolation_level: 7, samples: 7, at };
        Calibrated::new(&info, Language::TypeScript, measured)
    }

    #[test]
    fn what_was_measured_is_kept_and_a_broken_file_counts_for_nothing() {
        let root = tempfile::tempdir().unwrap();
        let file = CalibrationFile::of(&Paths::below(root.path()));
        assert!(file.read().is_empty());
        file.keep(&one(RuntimeType::Bun, 30.0));
        file.keep(&one(RuntimeType::Deno, 40.0));
        file.keep(&one(RuntimeType::Bun, 31.0));
        let starts: Vec<f64> = file.read().all().iter().map(|one| one.startup_time_ms).collect();
        assert_eq!(starts, [40.0, 31.0]);
        assert_eq!(std::fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&file.0, "{ broken").unwrap();
        assert!(file.read().is_empty());
        // It is replaced by the next that is measured.
        file.keep(&one(RuntimeType::Bun, 32.0));
        assert_eq!(file.read().all().len(), 1);
        assert_eq!(file.change(|all| all.forget(|_| true)).unwrap(), 1);
        assert!(file.read().is_empty());
    }

    #[test]
    fn what_is_not_known_or_can_not_be_read_is_not_lost() {
        let root = tempfile::tempdir().unwrap();
        let file = CalibrationFile::of(&Paths::below(root.path()));
        file.keep(&one(RuntimeType::Bun, 30.0));
        // As a newer version may have written it.
        let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&file.0).unwrap()).unwrap();
        let newer = serde_json::json!({ "runtime": "Wasm", "figures": [1, 2] });
        text["measured"].as_array_mut().unwrap().insert(0, newer.clone());
        std::fs::write(&file.0, text.to_string()).unwrap();
        assert_eq!(file.read().all().len(), 1);
        file.keep(&one(RuntimeType::Deno, 40.0));
        assert_eq!(file.read().all().len(), 2);
        let text: serde_json::Value = serde_json::from_slice(&std::fs::read(&file.0).unwrap()).unwrap();
        assert!(text["measured"].as_array().unwrap().contains(&newer), "{text:#}");
        // A directory is read by nobody, root included, and by its error is no missing file.
        std::fs::remove_file(&file.0).unwrap();
        std::fs::create_dir(&file.0).unwrap();
        let mut asked = false;
        assert!(file.change(|_| asked = true).is_err() && !asked);
    }

    #[test]
    fn processes_that_change_it_at_once_lose_nothing() {
        let root = tempfile::tempdir().unwrap();
        let file = CalibrationFile::of(&Paths::below(root.path()));
        let all = [RuntimeType::Bun, RuntimeType::Deno, RuntimeType::NativeProcess, RuntimeType::Docker];
        // A lock is of an opened file: threads have each their own, as processes do.
        std::thread::scope(|scope| {
            for runtime in all {
                let file = &file;
                scope.spawn(move || file.change(|known| known.learn([one(runtime, 30.0)])).unwrap());
            }
        });
        assert_eq!(file.read().all().len(), all.len());
    }

    #[tokio::test]
    async fn one_process_measures_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::below(root.path());
        let turn = Measuring::begin(&paths).unwrap();
        assert!(Measuring::begin(&paths).is_none());
        drop(turn);
        let turn = Measuring::wait(&paths).await;
        assert!(Measuring::begin(&paths).is_none());
        drop(turn);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_ended() {
        let ended = Arc::new(());
        let begin = || {
            let ended = ended.clone();
            let task = tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(ended);
            });
            Calibrating { stop: CancellationToken::new(), task }
        };
        let clock = tokio::time::Instant::now();
        begin().end().await;
        assert_eq!(clock.elapsed().as_secs(), END_TIME.as_secs());
        begin().end_sooner(std::future::ready(())).await;
        assert_eq!(clock.elapsed().as_secs(), END_TIME.as_secs());
        assert_eq!(Arc::strong_count(&ended), 1);
    }
}
