//! Logs go to a file, never to the screen: that belongs to programs and to the workbench.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing_appender::rolling::{Builder, RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

use crate::config::{Paths, make_private_dir};

/// How many days of logs are kept.
const DAYS: usize = 7;

/// Logs to a file of today in the state directory: what `CODEBEAKER_LOG` selects, or warnings. The file is made when
/// there is something to write; where it can't be, nothing is logged.
pub fn start() {
    let Ok(paths) = Paths::from_env() else { return };
    let file = LogFile(Mutex::new(State::Unopened(paths.state.join("logs"))));
    let filter = EnvFilter::try_from_env("CODEBEAKER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(file);
    // Only the first of a process counts; there is but one.
    let _ = subscriber.try_init();
}

/// The log, opened with its first line: most runs have none, and shall not pay for a file or a thread.
struct LogFile(Mutex<State>);

enum State {
    Unopened(PathBuf),
    Open(RollingFileAppender),
    Refused,
}

/// The log, for as long as one line is written.
struct Line<'a>(MutexGuard<'a, State>);

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for LogFile {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Unopened(directory) = &*state {
            *state = open(directory.clone()).map_or(State::Refused, State::Open);
        }
        Line(state)
    }
}

fn open(directory: PathBuf) -> Option<RollingFileAppender> {
    make_private_dir(&directory).ok()?;
    let file = Builder::new().rotation(Rotation::DAILY).filename_prefix("codebeaker").filename_suffix("log");
    file.max_log_files(DAYS).build(directory).ok()
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *self.0 {
            State::Open(file) => file.write(line),
            State::Unopened(_) | State::Refused => Ok(line.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut *self.0 {
            State::Open(file) => file.flush(),
            State::Unopened(_) | State::Refused => Ok(()),
        }
    }
}
