use proptest::prelude::*;
use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::bench::suite::Suite;

/// Times as programs take them: a long tail to the right, launches that differ by a few percent, here and there a pause
/// of the machine.
fn times(rng: &mut ChaCha8Rng, median: f64) -> Series {
    let mut series = Series::new(Suite::Code, Suite::Code.cases()[0], None);
    // The sum of twelve uniform numbers is as good as normal, with a deviation of 1.
    let mut normal = |spread: f64| ((0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0) * spread;
    for launch in 0..10 {
        let lucky = normal(0.02);
        for _ in 0..5 {
            let pause = if normal(1.0) > 2.0 { 0.5 } else { 0.0 };
            series.samples.push(median * (lucky + normal(0.06)).exp() * (1.0 + pause));
            series.launches.push(launch);
        }
    }
    series
}

fn count(repeats: u64, factor: f64, wanted: impl Fn(Verdict) -> bool) -> usize {
    let judged = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (base, now) = (times(&mut rng, 12.0), times(&mut rng, 12.0 * factor));
        Change::between(&base, &now, seed, 0.0).unwrap().verdict
    };
    (0..repeats).filter(|seed| wanted(judged(*seed))).count()
}

#[test]
fn the_same_twice_is_not_called_a_change() {
    let calm = |verdict| matches!(verdict, Verdict::NoChange | Verdict::CannotTell);
    assert!(count(100, 1.0, calm) >= 95);
}

#[test]
fn what_takes_30_percent_longer_is_slower_and_what_takes_less_is_faster() {
    assert!(count(100, 1.3, |verdict| verdict == Verdict::Slower) >= 95);
    assert!(count(100, 1.0 / 1.3, |verdict| verdict == Verdict::Faster) >= 95);
}

#[test]
fn the_whole_interval_decides() {
    let of = |low, high, more| judge(Interval { low, high }, 0.05, more);
    assert_eq!(of(0.06, 0.2, false), Verdict::Slower);
    assert_eq!(of(-0.3, -0.06, false), Verdict::Faster);
    assert_eq!(of(-0.02, 0.04, false), Verdict::NoChange);
    assert_eq!(of(0.01, 0.09, false), Verdict::CannotTell);
    assert_eq!(of(-0.2, 0.2, false), Verdict::CannotTell);
    // A rate that falls is slower.
    assert_eq!(of(-0.3, -0.06, true), Verdict::Slower);
    assert_eq!(of(0.06, 0.2, true), Verdict::Faster);
}

#[test]
fn too_few_samples_tell_nothing() {
    let mut few = Series::new(Suite::Code, Suite::Code.cases()[0], None);
    assert_eq!(Change::between(&few, &few, 1, 0.0), None);
    few.samples = vec![1.0; 9];
    few.launches = (0..9).collect();
    let slow = Series { samples: vec![9.0; 9], ..few.clone() };
    let change = Change::between(&few, &slow, 1, 0.0).unwrap();
    assert_eq!((change.verdict, change.interval), (Verdict::CannotTell, None));
    assert!((change.change - 8.0).abs() < 1e-9);
}

#[test]
fn what_was_taken_in_one_process_is_judged_by_a_wider_margin() {
    let mut base = Series::new(Suite::Select, Suite::Select.cases()[0], None);
    base.samples = (0..100).map(|i| 1.0 + f64::from(i % 3) / 1e3).collect();
    base.launches = vec![0; 100];
    let times = |factor: f64| Series {
        samples: base.samples.iter().map(|sample| sample * factor).collect(),
        ..base.clone()
    };
    let verdict = |factor| Change::between(&base, &times(factor), 1, 0.0).unwrap().verdict;
    assert_eq!(verdict(1.1), Verdict::NoChange);
    assert_eq!(verdict(1.3), Verdict::Slower);
}

#[test]
fn what_the_machine_itself_became_slower_by_is_no_change() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (base, now) = (times(&mut rng, 12.0), times(&mut rng, 12.0 * 1.3));
    let verdict = |drift| Change::between(&base, &now, 1, drift).unwrap().verdict;
    assert_eq!((verdict(0.0), verdict(0.6)), (Verdict::Slower, Verdict::NoChange));
}

#[test]
fn nothing_is_compared_with_zero() {
    let mut base = Series::new(Suite::Memory, Suite::Memory.cases()[0], None);
    base.samples = vec![0.0; 20];
    base.launches = (0..20).collect();
    let now = Series { samples: vec![1.0; 20], ..base.clone() };
    assert_eq!(Change::between(&base, &now, 1, 0.0).unwrap().verdict, Verdict::CannotTell);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_change_is_within_its_interval_and_fits_its_verdict(
        base in prop::collection::vec(0.001f64..1e4, 10..60),
        now in prop::collection::vec(0.001f64..1e4, 10..60),
        seed: u64,
    ) {
        let series = |samples: &[f64]| Series {
            samples: samples.to_vec(),
            launches: (0..samples.len() as u32).collect(),
            ..Series::new(Suite::Code, Suite::Code.cases()[0], None)
        };
        let change = Change::between(&series(&base), &series(&now), seed, 0.0).unwrap();
        let interval = change.interval.unwrap();
        prop_assert!(interval.low <= interval.high);
        match change.verdict {
            Verdict::Slower => prop_assert!(change.change > 0.0),
            Verdict::Faster => prop_assert!(change.change < 0.0),
            _ => {}
        }
        prop_assert_eq!(change.verdict_beyond(1e12, Unit::Milliseconds) == Verdict::Slower, false);
    }
}
