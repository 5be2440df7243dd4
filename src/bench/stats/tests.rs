use proptest::prelude::*;
use rand::Rng as _;

use super::*;

#[test]
fn a_summary_of_known_numbers() {
    let samples: Vec<f64> = (1..=100).map(f64::from).collect();
    let summary = Summary::of(&samples, &[], 1).unwrap();
    assert_eq!((summary.n, summary.min, summary.max, summary.outliers), (100, 1.0, 100.0, 0));
    assert!((summary.mean - 50.5).abs() < 1e-9);
    assert!((summary.deviation.unwrap() - 29.011_491_975_882_016).abs() < 1e-9);
    for (got, exact) in [(summary.p50, 50.5), (summary.p95.unwrap(), 95.0), (summary.p99.unwrap(), 99.0)] {
        assert!((got / exact - 1.0).abs() < 1e-3, "{got} is not {exact}");
    }
    // Of a mean, the usual formula gives 50.5 ± 1.96 × 29.01 / 10.
    let Interval { low, high } = summary.interval.unwrap();
    assert!((low - 44.8).abs() < 1.0 && (high - 56.2).abs() < 1.0, "{low} to {high}");
}

#[test]
fn what_few_samples_do_not_say_is_withheld() {
    let of = |n: u32| Summary::of(&(0..n).map(f64::from).collect::<Vec<_>>(), &[], 1);
    assert_eq!(of(0), None);
    let one = of(1).unwrap();
    assert!(one.deviation.is_none() && one.interval.is_none() && one.p95.is_none());
    assert!(of(19).unwrap().p95.is_none() && of(20).unwrap().p95.is_some());
    assert!(of(99).unwrap().p99.is_none() && of(100).unwrap().p99.is_some());
}

#[test]
fn outliers_are_counted_and_kept() {
    let mut samples = vec![10.0; 30];
    samples.extend([10.5, 9.5, 11.0, 10.2, 9.8]);
    samples.push(90.0);
    let summary = Summary::of(&samples, &[], 1).unwrap();
    assert_eq!((summary.n, summary.max), (36, 90.0));
    assert_eq!(summary.outliers, 6, "all that differ from the thirty, whose quartiles are the same");
    let same = Summary::of(&[5.0; 9], &[], 1).unwrap();
    assert_eq!(same.outliers, 0);
}

#[test]
fn samples_that_resemble_each_other_within_a_launch_widen_the_interval() {
    // Five launches of ten: between them they differ, within them they don't.
    let samples: Vec<f64> = (0..50).map(|i| 10.0 + f64::from(i / 10)).collect();
    let launches: Vec<u32> = (0..50).map(|i| i / 10).collect();
    let together = Summary::of(&samples, &[], 1).unwrap().interval.unwrap();
    let apart = Summary::of(&samples, &launches, 1).unwrap().interval.unwrap();
    assert!(apart.half() > 2.0 * together.half(), "{apart:?} against {together:?}");
}

#[test]
fn the_interval_holds_the_true_mean_about_95_times_in_100() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let held = (0..200)
        .filter(|seed| {
            // The sum of uniform numbers: its mean is 6.
            let samples: Vec<f64> = (0..40).map(|_| (0..12).map(|_| rng.random::<f64>()).sum()).collect();
            let Interval { low, high } = mean_interval(&samples, &[], *seed);
            low <= 6.0 && 6.0 <= high
        })
        .count();
    assert!((180..=198).contains(&held), "{held} of 200");
}

#[test]
fn bins_are_round_and_hold_everything() {
    let samples: Vec<f64> = (0..50).map(|i| 12.0 + f64::from(i % 7) / 3.0).chain([80.0]).collect();
    let bins = Distribution::of(&samples).unwrap().bins(6);
    assert_eq!(bins.iter().map(|bin| bin.n).sum::<u64>(), 51);
    assert!(bins.len() <= 9, "{bins:?}");
    let last = bins.last().unwrap();
    assert_eq!((last.n, last.high.round()), (1, 80.0));
    let same = Distribution::of(&[5.0; 9]).unwrap().bins(6);
    assert_eq!(same.iter().map(|bin| bin.n).sum::<u64>(), 9);
}

proptest! {
    // Each of them draws a hundred thousand numbers.
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_samples_have_a_summary_in_order(samples in prop::collection::vec(0.0f64..1e7, 1..200), seed: u64) {
        let summary = Summary::of(&samples, &[], seed).unwrap();
        let slack = |x: f64| x * 1.001 + 1e-6;
        prop_assert!(summary.min <= summary.p50 && summary.p50 <= summary.max);
        if let (Some(p95), Some(p99)) = (summary.p95, summary.p99) {
            prop_assert!(summary.p50 <= p95 && p95 <= p99 && p99 <= slack(summary.max));
        }
        if let Some(interval) = summary.interval {
            prop_assert!(interval.low <= interval.high);
        }
        prop_assert!(summary.outliers <= summary.n);
        for most in [1, 5, 20] {
            for bins in [Distribution::of(&samples).unwrap().bins(most), Distribution::of(&samples).unwrap().log_bins(most)] {
                prop_assert_eq!(bins.iter().map(|bin| bin.n).sum::<u64>(), samples.len() as u64);
                prop_assert!(bins.len() <= most + 4, "{} bins of {}", bins.len(), most);
            }
        }
    }
}
