//! What was measured of the runtimes, on disk; and the measuring of what is not, while a serving engine has nothing to do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bench::calibrate::Background;
use crate::config::{Paths, make_state_dir, replace_private};
use crate::engine::{Calibrated, Calibration, Embedded, system_words};
use crate::protocol::Failure;

use super::surroundings::Surroundings;

/// So long an engine has nothing to do before its runtimes are measured.
const IDLE: Duration = Duration::from_secs(20);
/// So long after it was found to be busy the machine is looked at again.
const LATER: Duration = Duration::from_secs(300);
/// How long the end of what is measured may take.
const END_TIME: Duration = Duration::from_secs(20);

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
        let text = match std::fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Calibration::default(),
            Err(error) => {
                tracing::warn!("{} can't be read: {}", self.0.display(), system_words(&error));
                return Calibration::default();
            }
        };
        Calibration::from_json(&text).unwrap_or_else(|error| {
            tracing::warn!("{} counts for nothing: {error}", self.0.display());
            Calibration::default()
        })
    }

    /// Changes what is in it. Read anew before: another process may have measured meanwhile.
    pub fn change<T>(&self, change: impl FnOnce(&mut Calibration) -> T) -> std::io::Result<T> {
        let mut calibration = self.read();
        let done = change(&mut calibration);
        if let Some(directory) = self.0.parent() {
            make_state_dir(directory)?;
        }
        replace_private(&self.0, &calibration.to_json())?;
        Ok(done)
    }

    /// Adds what was measured; where that can't be written, it holds until this process ends.
    pub fn keep(&self, one: &Calibrated) {
        if let Err(error) = self.change(|calibration| calibration.learn([one.clone()])) {
            tracing::warn!("{} can't be written: {}", self.0.display(), system_words(&error));
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
            let calm = || {
                let calm = is_calm();
                if calm {
                    // Another process may have measured since this one began.
                    engine.learn(file.read().all().iter().cloned());
                }
                calm
            };
            let cold = || surroundings.engine().map_err(Failure::from);
            let background = Background {
                serving: &engine,
                idle: IDLE,
                later: LATER,
                calm: &calm,
                cold: &cold,
                keep: &|one| file.keep(one),
                stop: stopped,
            };
            background.run().await;
        });
        Some(Self { stop, task })
    }

    /// Ends it, with all that it has made; before the engine is shut down.
    pub async fn end(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(END_TIME, &mut self.task).await.is_err() {
            tracing::warn!("the measuring of the runtimes did not end in time");
        }
    }
}

impl Drop for Calibrating {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Whether the processors have had less to do than they could, over the last minute. Where that is not told, they may.
fn is_calm() -> bool {
    let load = std::fs::read_to_string("/proc/loadavg").ok();
    let load = load.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    load.is_none_or(|load| load < processors as f64)
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
}
