//! What changed between two benchmarks, and how sure that is.
//!
//! The change is that of the median, with a 95 % interval by bootstrap. A verdict takes the whole interval: faster or
//! slower where all of it lies beyond a margin, no change where all of it lies within, and cannot tell where it does
//! neither. Where a piece of work that is always the same took longer (or shorter) than then, the machine has changed, and
//! the margin is wider by as much. So a difference that is real but too small to matter is no change, and one that only a noisy machine shows is
//! not called a change.

use serde::{Deserialize, Serialize};

use super::report::Series;
use super::stats::{Interval, Launches, median, ratio_interval};
use super::suite::Unit;

/// A change within this share is none that matters.
pub const MARGIN: f64 = 0.05;
/// The same downwards: what a figure falls by where it grows by the margin the other way round.
pub const FALL: f64 = MARGIN / (1.0 + MARGIN);
/// Of samples that were all taken in one session, or in one process, the interval does not hold what differs from one to
/// the next: the margin is then so many times as wide.
const WITHIN_ONE: f64 = 4.0;
/// With fewer samples on either side nothing can be told.
pub const LEAST: usize = 10;

/// What a change comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Better, beyond the margin.
    Faster,
    /// Worse, beyond the margin.
    Slower,
    /// Within the margin.
    NoChange,
    /// The interval is too wide, or there are too few samples.
    CannotTell,
}

impl Verdict {
    /// In words; of memory, less is not faster.
    pub fn words(self, unit: Unit) -> &'static str {
        match (self, unit) {
            (Self::Faster, Unit::Megabytes) => "less",
            (Self::Slower, Unit::Megabytes) => "more",
            (Self::Faster, _) => "faster",
            (Self::Slower, _) => "slower",
            (Self::NoChange, _) => "no change",
            (Self::CannotTell, _) => "cannot tell",
        }
    }
}

/// What changed of one figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The median before.
    pub base: f64,
    /// The median now.
    pub now: f64,
    /// By how much the figure grew, as a share of what it was: 0.11 is 11 % more.
    pub change: f64,
    /// Its 95 % interval; absent of too few samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// By how much the machine itself was slower or faster than then, as a share: the margin is wider by that.
    pub drift: f64,
    /// The margin of its verdict is so many times the usual one.
    pub wider: f64,
    /// What that comes to.
    pub verdict: Verdict,
}

impl Change {
    /// From `base` to `now`, which measure the same thing on a machine that has changed by a share of `drift` meanwhile;
    /// `None` where one has no samples.
    pub fn between(base: &Series, now: &Series, seed: u64, drift: f64) -> Option<Self> {
        let (before, after) = (median(&base.samples)?, median(&now.samples)?);
        let change = after / before - 1.0;
        let launches = |series: &Series| Launches::of(&series.samples, &series.launches);
        let (launches_before, launches_now) = (launches(base), launches(now));
        let several = launches_before.count() > 1 && launches_now.count() > 1;
        let wider = if several { 1.0 } else { WITHIN_ONE };
        let enough = base.samples.len() >= LEAST && now.samples.len() >= LEAST && before > 0.0;
        let interval = enough.then(|| {
            let ratio = ratio_interval(&launches_before, &launches_now, seed);
            Interval { low: ratio.low - 1.0, high: ratio.high - 1.0 }
        });
        let interval = interval.filter(|i| i.low.is_finite() && i.high.is_finite());
        let verdict = Verdict::CannotTell;
        let change = Self { base: before, now: after, change, interval, drift, wider, verdict };
        Some(Self { verdict: change.verdict_beyond(MARGIN, now.unit), ..change })
    }

    /// The verdict with another margin.
    pub fn verdict_beyond(&self, margin: f64, unit: Unit) -> Verdict {
        let margin = (margin + self.drift) * self.wider;
        self.interval.map_or(Verdict::CannotTell, |i| judge(i, margin, unit.more_is_better()))
    }
}

fn judge(interval: Interval, margin: f64, more_is_better: bool) -> Verdict {
    // What a rate falls by where the same work takes so much longer, and a time by where it had taken so much longer.
    let fall = margin / (1.0 + margin);
    let (grown, shrunk) =
        if more_is_better { (Verdict::Faster, Verdict::Slower) } else { (Verdict::Slower, Verdict::Faster) };
    match interval {
        Interval { low, .. } if low > margin => grown,
        Interval { high, .. } if high < -fall => shrunk,
        Interval { low, high } if low >= -fall && high <= margin => Verdict::NoChange,
        _ => Verdict::CannotTell,
    }
}

#[cfg(test)]
mod tests;
