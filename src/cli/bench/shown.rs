//! Shows how far a benchmark is: a bar on a terminal, a line a suite elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget};
use tokio::sync::watch;

use crate::bench::{LaneProgress, Progress, Snapshot};
use crate::cli::bar::template;

/// Shows what is told until nothing more is.
pub async fn show(mut told: watch::Receiver<Option<Arc<Snapshot>>>) {
    let bar = std::io::stderr().is_terminal().then(|| {
        // Drawn when something is told, and at no other time: what is measured is not to be disturbed.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
        bar.set_style(template("{prefix:.bold} {bar:24} {percent} %  {wide_msg}"));
        bar
    });
    let mut written = 0;
    while told.changed().await.is_ok() {
        let Some(snapshot) = told.borrow_and_update().clone() else { continue };
        let progress = &snapshot.progress;
        let Some(bar) = &bar else {
            for (suite, lanes) in progress.ended.iter().skip(written) {
                let _ = writeln!(std::io::stderr(), "{suite}: {}", words(lanes));
            }
            written = progress.ended.len();
            continue;
        };
        draw(bar, progress);
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(u64::from(progress.total));
    bar.set_position(u64::from(progress.done));
    let rest = match (progress.stopping, progress.eta) {
        (true, _) => "ending".to_owned(),
        (_, Some(eta)) => format!("{} s left", eta.as_secs()),
        _ => String::new(),
    };
    bar.set_prefix(progress.suite.map_or_else(String::new, |suite| suite.to_string()));
    bar.set_message(format!("{rest}  {}", words(&progress.lanes)));
    bar.tick();
}

/// `bun javascript 41/50, deno javascript 50/50`.
fn words(lanes: &[LaneProgress]) -> String {
    let lane = |lane: &LaneProgress| {
        let name = lane.lane.map_or_else(|| "engine".to_owned(), |lane| lane.runtime.short().to_owned());
        match lane.given_up {
            Some(_) => format!("{name} given up"),
            None => format!("{name} {}/{}", lane.done, lane.total),
        }
    };
    lanes.iter().map(lane).collect::<Vec<_>>().join(", ")
}
