//! Shows a fetch to a person: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Progress, Tool};

/// Draws the [`Progress`] of one fetch. Dropping it clears the bar, also when the fetch failed.
pub struct Reporter {
    tool: Tool,
    style: Style,
}

enum Style {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

struct Lines {
    out: Box<dyn Write + Send>,
    /// The last tenth of the download that a line was written for.
    tenth: Option<u64>,
}

impl Reporter {
    /// On standard error: a bar where that is a terminal, lines elsewhere.
    pub fn stderr(tool: Tool) -> Self {
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
            Self::bar(tool, bar)
        } else {
            Self::lines(tool, Box::new(std::io::stderr()))
        }
    }

    /// Plain lines to `out`.
    pub fn lines(tool: Tool, out: Box<dyn Write + Send>) -> Self {
        Self { tool, style: Style::Lines(Mutex::new(Lines { out, tenth: None })) }
    }

    fn bar(tool: Tool, bar: ProgressBar) -> Self {
        bar.set_style(spinner());
        bar.set_message(format!("{tool}: looking for where to fetch it from"));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { tool, style: Style::Bar(bar) }
    }

    /// Shows a step.
    pub fn report(&self, progress: &Progress) {
        match &self.style {
            Style::Bar(bar) => draw(self.tool, bar, progress),
            Style::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.report(self.tool, progress);
            }
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Style::Bar(bar) = &self.style {
            bar.finish_and_clear();
        }
    }
}

fn draw(tool: Tool, bar: &ProgressBar, progress: &Progress) {
    match progress {
        Progress::Downloading { version, received, total } => {
            if *received == 0 {
                // the rate is that of the download, not of what came before
                bar.reset();
            }
            match total {
                Some(total) if bar.length() != Some(*total) => {
                    bar.set_length(*total);
                    bar.set_style(download_bar());
                }
                Some(_) => {}
                None => bar.set_style(counter()),
            }
            bar.set_message(format!("{tool} {version}"));
            bar.set_position(*received);
        }
        Progress::Done { version, path } => {
            bar.finish_and_clear();
            bar.suspend(|| eprintln!("{tool} {version} is at {}", path.display()));
        }
        step => {
            bar.set_style(spinner());
            bar.set_message(format!("{tool}: {}", words(step)));
        }
    }
}

impl Lines {
    fn report(&mut self, tool: Tool, progress: &Progress) {
        let line = match progress {
            Progress::Downloading { version, received, total } => {
                let tenth = total.filter(|total| *total > 0).map_or(0, |total| received * 10 / total);
                // also begins again when the download does
                if self.tenth.is_some_and(|last| tenth == last || (tenth < last && tenth > 0)) {
                    return;
                }
                self.tenth = Some(tenth);
                match total {
                    Some(total) if tenth > 0 => format!("{}0 % of {}", tenth, megabytes(*total)),
                    Some(total) => format!("downloading {version}, {}", megabytes(*total)),
                    None => format!("downloading {version}"),
                }
            }
            Progress::Done { version, path } => format!("{version} is at {}", path.display()),
            step => words(step),
        };
        // who closed the other end does not want to read it
        let _ = writeln!(self.out, "{tool}: {line}");
        let _ = self.out.flush();
    }
}

fn words(progress: &Progress) -> String {
    match progress {
        Progress::Waiting => "waiting for another process that is installing it".into(),
        Progress::Resolving { from } => format!("asking for {from}"),
        Progress::Downloading { .. } => "downloading".into(),
        Progress::Verifying => "verifying the published sum".into(),
        Progress::Unpacking => "unpacking and starting it once".into(),
        Progress::Done { .. } => "done".into(),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

fn spinner() -> ProgressStyle {
    template("{spinner} {msg} ({elapsed})")
}

fn counter() -> ProgressStyle {
    template("{spinner} {msg}  {decimal_bytes}  {decimal_bytes_per_sec}")
}

fn download_bar() -> ProgressStyle {
    let style =
        template("{msg}  {wide_bar}  {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}");
    style.progress_chars("━━╌")
}

fn template(text: &str) -> ProgressStyle {
    // the templates are ours; a plain style is there for the day that one is misspelt
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
