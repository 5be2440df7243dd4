//! Logs go to a file, never to the screen: that belongs to programs and to the workbench.

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::Paths;

/// Starts logging to a file of today in the state directory, if that can be written; what `CODEBEAKER_LOG` selects,
/// or warnings. The log is complete when the guard is dropped.
pub fn start() -> Option<WorkerGuard> {
    let directory = Paths::from_env().ok()?.state.join("logs");
    std::fs::create_dir_all(&directory).ok()?;
    let file = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("codebeaker")
        .filename_suffix("log")
        .max_log_files(7)
        .build(directory)
        .ok()?;
    // The default would touch 4 MB of memory at every start.
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(1024).finish(file);
    let filter = EnvFilter::try_from_env("CODEBEAKER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer);
    subscriber.try_init().ok()?;
    Some(guard)
}
