//! What a session used in the last minute, a sample a second, and how long programs took to start. Bounded.

use std::collections::VecDeque;

use crate::protocol::RuntimeType;

/// Samples of a session that are kept.
pub(crate) const SAMPLES: usize = 60;
/// Starts of a runtime that are kept, of each kind.
const STARTS: usize = 200;
/// From so many starts on the slow ones are worth a figure of their own.
const ENOUGH: usize = 5;

/// One figure over time, the oldest sample first. `None`: it was not known then.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trace(VecDeque<Option<f64>>);

impl Trace {
    /// Adds a sample. Whether the curve is another now: one that is level stays as it is, however long it is.
    pub(crate) fn push(&mut self, sample: Option<f64>) -> bool {
        let sample = sample.filter(|sample| sample.is_finite());
        // What was not known yet is a gap at its beginning, and makes no curve of a level one.
        let level = self.0.iter().skip_while(|old| old.is_none()).all(|old| *old == sample);
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(sample);
        !level
    }

    /// The largest sample.
    pub(crate) fn top(&self) -> Option<f64> {
        self.0.iter().flatten().copied().reduce(f64::max)
    }

    /// The newest samples as a row of at most so many cells: marks from low to high, against a scale from 0 to `full`.
    pub(crate) fn drawn(&self, cells: usize, full: f64, marks: &[&str; 8]) -> String {
        let first = self.0.len().saturating_sub(cells);
        let mark = |sample: &Option<f64>| match sample {
            None => " ",
            Some(sample) => {
                let share = if full > 0.0 { (sample / full).clamp(0.0, 1.0) } else { 0.0 };
                // The lowest mark is nothing or next to nothing, the highest all of it.
                let at = (share * 7.0).round();
                marks.get(at as usize).copied().unwrap_or(" ")
            }
        };
        self.0.iter().skip(first).map(mark).collect()
    }
}

/// How long programs took to start, by runtime.
#[derive(Debug, Default)]
pub(crate) struct Starts(Vec<(RuntimeType, bool, VecDeque<f64>)>);

/// What is said of a runtime's starts, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) count: usize,
    pub(crate) p50: Option<f64>,
    /// `None` where there are too few to tell.
    pub(crate) p95: Option<f64>,
}

impl Starts {
    /// Notes a start: in a new session, or in one that was there.
    pub(crate) fn note(&mut self, runtime: RuntimeType, cold: bool, ms: f64) {
        if !ms.is_finite() || ms < 0.0 {
            return;
        }
        let at = self.0.iter().position(|(of, is_cold, _)| (*of, *is_cold) == (runtime, cold));
        let at = at.unwrap_or_else(|| {
            self.0.push((runtime, cold, VecDeque::new()));
            self.0.len() - 1
        });
        if let Some((_, _, samples)) = self.0.get_mut(at) {
            if samples.len() == STARTS {
                samples.pop_front();
            }
            samples.push_back(ms);
        }
    }

    pub(crate) fn summary(&self, runtime: RuntimeType, cold: bool) -> Summary {
        let found = self.0.iter().find(|(of, is_cold, _)| (*of, *is_cold) == (runtime, cold));
        let mut samples: Vec<f64> = found.iter().flat_map(|(_, _, samples)| samples).copied().collect();
        samples.sort_by(f64::total_cmp);
        let count = samples.len();
        // The nearest rank: a time that was really taken.
        let rank = |percent: usize| samples.get((count * percent).div_ceil(100).max(1) - 1).copied();
        Summary { count, p50: rank(50), p95: rank(95).filter(|_| count >= ENOUGH) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];

    #[test]
    fn the_newest_samples_are_drawn() {
        let mut trace = Trace::default();
        assert_eq!((trace.drawn(5, 1.0, &MARKS), trace.top()), (String::new(), None));
        for sample in [Some(0.0), None, Some(50.0), Some(100.0), Some(900.0), Some(f64::NAN)] {
            trace.push(sample);
        }
        assert_eq!(trace.drawn(10, 100.0, &MARKS), "0 477 ");
        assert_eq!(trace.drawn(3, 100.0, &MARKS), "77 ");
        assert_eq!(trace.drawn(9, 0.0, &MARKS), "0 000 ");
        assert_eq!(trace.top(), Some(900.0));
        for _ in 0..100 {
            trace.push(Some(1.0));
        }
        assert_eq!((trace.0.len(), trace.top()), (SAMPLES, Some(1.0)));
    }

    #[test]
    fn what_is_not_known_yet_is_no_part_of_the_curve() {
        let mut trace = Trace::default();
        assert!(!trace.push(None) && !trace.push(Some(0.0)) && !trace.push(Some(0.0)));
        assert!(trace.push(None), "but a gap in it is");
    }

    #[test]
    fn a_level_curve_is_not_another_one() {
        let mut trace = Trace::default();
        assert!(!trace.push(Some(1.0)) && !trace.push(Some(1.0)));
        assert!(trace.push(Some(2.0)) && trace.push(Some(2.0)));
        for _ in 0..SAMPLES {
            trace.push(Some(2.0));
        }
        assert!(!trace.push(Some(2.0)));
    }

    #[test]
    fn starts_are_summed_up_by_nearest_rank() {
        let mut starts = Starts::default();
        let bun = RuntimeType::Bun;
        assert_eq!(starts.summary(bun, true), Summary::default());
        for ms in [30.0, 10.0, 20.0, 40.0] {
            starts.note(bun, true, ms);
        }
        assert_eq!(starts.summary(bun, true), Summary { count: 4, p50: Some(20.0), p95: None });
        starts.note(bun, true, 50.0);
        starts.note(bun, true, f64::NAN);
        assert_eq!(starts.summary(bun, true), Summary { count: 5, p50: Some(30.0), p95: Some(50.0) });
        assert_eq!(starts.summary(bun, false).count, 0);
        (0..999).for_each(|n| starts.note(bun, false, f64::from(n)));
        let warm = starts.summary(bun, false);
        assert_eq!((warm.count, warm.p50, warm.p95), (STARTS, Some(898.0), Some(988.0)));
    }
}
