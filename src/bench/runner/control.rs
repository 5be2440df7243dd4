//! Pausing and stopping from outside, and telling how far it is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::bench::plan::Lane;
use crate::bench::report::Report;
use crate::bench::suite::Suite;

/// Reaches a benchmark that is under way. Its clones reach the same one.
#[derive(Clone, Debug)]
pub struct Control {
    stopped: CancellationToken,
    paused: Arc<watch::Sender<bool>>,
}

impl Default for Control {
    fn default() -> Self {
        Self { stopped: CancellationToken::new(), paused: Arc::new(watch::Sender::new(false)) }
    }
}

impl Control {
    /// Ends it after what is under way; what was measured is kept.
    pub fn stop(&self) {
        self.stopped.cancel();
    }

    /// Takes no further sample until it goes on.
    pub fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_cancelled()
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    pub(super) async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// Waits while it is paused, and not stopped.
    pub(super) async fn go_on(&self) {
        let mut paused = self.paused.subscribe();
        tokio::select! {
            () = self.stopped() => {}
            _ = paused.wait_for(|paused| !paused) => {}
        }
    }
}

/// How far a benchmark is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The suite that is measured now; `None` before the first and after the last.
    pub suite: Option<Suite>,
    /// Its lanes.
    pub lanes: Vec<LaneProgress>,
    /// The suites that have ended, with their lanes.
    pub ended: Vec<(Suite, Vec<LaneProgress>)>,
    /// Samples that were taken, of the whole plan.
    pub done: u32,
    /// Samples there will be.
    pub total: u32,
    /// How long the rest will take, as far as that can be said.
    pub eta: Option<Duration>,
    /// It takes no sample until it goes on.
    pub paused: bool,
    /// It is being stopped.
    pub stopping: bool,
}

/// How far one lane is in the suite that is measured now.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneProgress {
    /// Which; `None` is the engine as a whole.
    pub lane: Option<Lane>,
    /// Samples that were taken.
    pub done: u32,
    /// Samples there will be.
    pub total: u32,
    /// Its sample is being taken now.
    pub running: bool,
    /// Why it is measured no more.
    pub given_up: Option<String>,
}

/// What there is of a benchmark: its report so far, and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What was measured so far.
    pub report: Report,
    /// How far it is.
    pub progress: Progress,
}
