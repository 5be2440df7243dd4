//! Shows an engine's progress to a person: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;

use crate::protocol::Progress;

/// Steps that may wait to be shown.
const WAITING: usize = 64;

/// Does `work`, which tells how far it is, and shows that on standard error.
pub async fn shown<T, F: Future<Output = T>>(work: impl FnOnce(mpsc::Sender<Progress>) -> F) -> T {
    let (progress, mut steps) = mpsc::channel(WAITING);
    let mut shown = Shown::stderr();
    let work = work(progress);
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            Some(step) = steps.recv() => shown.show(&step),
            result = &mut work => {
                while let Ok(step) = steps.try_recv() {
                    shown.show(&step);
                }
                return result;
            }
        }
    }
}

struct Shown {
    /// Where there is a terminal.
    bar: Option<ProgressBar>,
    /// The line that was written last, where there is none.
    last: String,
}

impl Shown {
    fn stderr() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
            bar.set_style(template("{spinner} {msg} ({elapsed})"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, last: String::new() }
    }

    fn show(&mut self, step: &Progress) {
        let name = step.runtime().short();
        if let Progress::Done { version, .. } = step {
            return self.line(&format!("{name}: {version} is ready"));
        }
        let Some(bar) = &self.bar else {
            // Of what moves all the time a line for each step is enough.
            let line = match step {
                Progress::Building { image, step, steps, .. } => format!("{image}: step {step} of {steps}"),
                Progress::Downloading { .. } => format!("{name}: downloading"),
                other => words(other),
            };
            if self.last != line {
                self.line(&line);
                self.last = line;
            }
            return;
        };
        match step {
            Progress::Building { step, steps, .. } => {
                bar.set_style(template("{msg:.bold}  {bar:24} {pos}/{len}  {elapsed}  {prefix:.dim}"));
                bar.set_length(u64::from(*steps));
                // The step that is done now is not done yet.
                bar.set_position(u64::from(step.saturating_sub(1)));
            }
            Progress::Downloading { received, total: Some(total), .. } => {
                bar.set_style(template("{msg}  {wide_bar}  {decimal_bytes}/{decimal_total_bytes}  {eta}"));
                bar.set_length(*total);
                bar.set_position(*received);
            }
            _ => bar.set_style(template("{spinner} {msg} ({elapsed})")),
        }
        match step {
            Progress::Building { image, what, .. } => {
                bar.set_message(image.clone());
                bar.set_prefix(printable(what));
            }
            other => bar.set_message(words(other)),
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            // Who closed the other end does not want to read it.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn words(step: &Progress) -> String {
    let name = step.runtime();
    match step {
        Progress::Resolving { from, .. } => format!("{name}: asking for {from}"),
        Progress::Downloading { .. } => format!("{name}: downloading"),
        Progress::Building { image, what, .. } => format!("{image}: {}", printable(what)),
        Progress::Step { what, .. } => format!("{name}: {}", printable(what)),
        Progress::Done { version, .. } => format!("{version} is ready"),
    }
}

/// What a builder says may hold anything.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect()
}

/// A style of ours.
pub fn template(text: &str) -> ProgressStyle {
    // The templates are ours; a plain style is there for the day that one is misspelt.
    let style = ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.progress_chars("━━╌")
}
