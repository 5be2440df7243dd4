//! What samples say: percentiles, mean, spread, outliers, and how sure that is. Pure.
//!
//! The median is exact; percentiles come from a histogram with a relative precision of 0.1 % (HDR: G. Tene, hdrhistogram.org). Intervals come
//! from the bootstrap (B. Efron, 1979), which resamples launches and then the samples of each launch: samples of one
//! session resemble each other, and an interval that took them for independent would be too narrow (T. Kalibera and
//! R. Jones, "Rigorous benchmarking in reasonable time", 2013).

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How many times samples are drawn again.
const RESAMPLES: usize = 2_000;
/// The most numbers that are drawn for one interval; of very many samples fewer drawings say as much.
const DRAWN: usize = 20_000_000;
/// With fewer samples there is no interval.
pub const LEAST_FOR_INTERVAL: usize = 5;
/// With fewer samples the 95th percentile is one of the few largest, and is withheld.
pub const LEAST_FOR_P95: usize = 20;
/// With fewer samples the 99th percentile is the largest, and is withheld.
pub const LEAST_FOR_P99: usize = 100;
/// Steps of a histogram in one unit of a figure: nanoseconds of a millisecond.
const STEPS: f64 = 1e6;
/// Decimal digits that a histogram keeps of each value.
const DIGITS: u8 = 3;

/// An interval that holds the true value 95 times in 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Half its width: what stands behind ±.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    fn of(values: &mut [f64]) -> Self {
        values.sort_by(f64::total_cmp);
        Self { low: quantile_of_sorted(values, 0.025), high: quantile_of_sorted(values, 0.975) }
    }
}

/// What a series of samples says, in the series' unit. Absent is withheld: too few samples say nothing of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many samples.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Its 95 % interval, by bootstrap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Their standard deviation; absent of one sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// The least.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// The 95th percentile; absent under 20 samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    /// The 99th percentile; absent under 100 samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    /// The largest.
    pub max: f64,
    /// How many lie more than 1.5 interquartile ranges beyond the quartiles (J. Tukey's fences). They are kept.
    pub outliers: usize,
}

impl Summary {
    /// What `samples` say; `launches` tells of each in which session it was taken (all in one where it is empty).
    /// `None` of no samples. The same samples and seed give the same summary.
    pub fn of(samples: &[f64], launches: &[u32], seed: u64) -> Option<Self> {
        let distribution = Distribution::of(samples)?;
        let n = samples.len();
        let mean = mean(samples);
        let deviation = (n > 1).then(|| {
            let squares: f64 = samples.iter().map(|x| (x - mean).powi(2)).sum();
            (squares / (n - 1) as f64).sqrt()
        });
        let (low, high) = fences(samples);
        Some(Self {
            n,
            mean,
            interval: (n >= LEAST_FOR_INTERVAL).then(|| mean_interval(samples, launches, seed)),
            deviation,
            min: samples.iter().copied().fold(f64::INFINITY, f64::min),
            p50: median(samples)?,
            p95: (n >= LEAST_FOR_P95).then(|| distribution.at(0.95)),
            p99: (n >= LEAST_FOR_P99).then(|| distribution.at(0.99)),
            max: samples.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            outliers: samples.iter().filter(|x| **x < low || **x > high).count(),
        })
    }
}

/// How often which values came.
#[derive(Clone, Debug)]
pub struct Distribution(Histogram<u64>);

/// Values from `low` up to `high`, and how many there were.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// The lower end, within.
    pub low: f64,
    /// The upper end, without.
    pub high: f64,
    /// How many values.
    pub n: u64,
}

impl Distribution {
    /// Of samples in any unit; `None` of none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut histogram = Histogram::new(DIGITS).ok()?;
        for sample in samples {
            // Below zero and what is no number become the least there is; nothing measured is either.
            let steps = (sample * STEPS).round().clamp(0.0, 1e18) as u64;
            histogram.record(steps).ok()?;
        }
        (!histogram.is_empty()).then_some(Self(histogram))
    }

    /// The value that a share `q` of all does not exceed.
    pub fn at(&self, q: f64) -> f64 {
        self.0.value_at_quantile(q) as f64 / STEPS
    }

    /// At most `most` bins of equal, round width that hold everything between the fences; what lies beyond them is in one
    /// more bin on each side.
    pub fn bins(&self, most: usize) -> Vec<Bin> {
        let (least, largest) = (self.least(), self.largest());
        let (fence_low, fence_high) = beyond(self.at(0.25), self.at(0.75));
        let (low, high) = (least.max(fence_low), largest.min(fence_high));
        let width = round_width((high - low) / most.max(1) as f64, largest);
        let mut edge = (low / width).floor() * width;
        let mut edges = vec![edge];
        while edge <= high {
            edge += width;
            edges.push(edge);
        }
        self.between(&edges, least, largest)
    }

    /// Bins each twice as wide as the one before: for what spans orders of magnitude.
    pub fn log_bins(&self, most: usize) -> Vec<Bin> {
        let (least, largest) = (self.least().max(1.0 / STEPS), self.largest());
        let mut edge = 2f64.powf(least.log2().floor());
        let mut edges = vec![edge];
        while edge <= largest && edges.len() <= most.max(1) {
            edge *= 2.0;
            edges.push(edge);
        }
        self.between(&edges, self.least(), largest)
    }

    /// Counts between edges, and what lies before the first and behind the last of them.
    fn between(&self, edges: &[f64], least: f64, largest: f64) -> Vec<Bin> {
        let (Some(first), Some(last)) = (edges.first(), edges.last()) else { return Vec::new() };
        let mut bins: Vec<Bin> =
            edges.windows(2).map(|pair| Bin { low: pair[0], high: pair[1], n: 0 }).collect();
        let (mut before, mut behind) = (0, 0);
        for value in self.0.iter_recorded() {
            let (at, n) = (value.value_iterated_to() as f64 / STEPS, value.count_at_value());
            match bins.iter_mut().find(|bin| at >= bin.low && at < bin.high) {
                Some(bin) => bin.n += n,
                None if at < *first => before += n,
                None => behind += n,
            }
        }
        if before > 0 {
            bins.insert(0, Bin { low: least, high: *first, n: before });
        }
        if behind > 0 {
            bins.push(Bin { low: *last, high: largest, n: behind });
        }
        bins
    }

    fn least(&self) -> f64 {
        self.0.min() as f64 / STEPS
    }

    fn largest(&self) -> f64 {
        self.0.max() as f64 / STEPS
    }
}

/// 1, 2 or 5 times a power of ten, at least `width`; of a width of nothing, a thousandth of `scale`.
fn round_width(width: f64, scale: f64) -> f64 {
    let wanted = width.max(scale.abs() * 1e-3).max(1.0 / STEPS);
    let power = 10f64.powf(wanted.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= wanted * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

/// Values below the first or above the second are outliers, by the exact quartiles; of no samples none are.
pub fn fences(samples: &[f64]) -> (f64, f64) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    beyond(quantile_of_sorted(&sorted, 0.25), quantile_of_sorted(&sorted, 0.75))
}

fn beyond(first: f64, third: f64) -> (f64, f64) {
    let reach = 1.5 * (third - first);
    (first - reach, third + reach)
}

/// The mean of some values; 0 of none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The median, exactly; `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    (!sorted.is_empty()).then(|| median_in(&mut sorted))
}

/// The same of some, whose order is then another.
fn median_in(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if odd {
        return *middle;
    }
    (below.iter().copied().fold(f64::NEG_INFINITY, f64::max) + *middle) / 2.0
}

fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let at = (q * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Samples by launch, to be drawn again.
pub(super) struct Launches(Vec<Vec<f64>>);

impl Launches {
    /// Without launches (or with another number of them than of samples) all are of one.
    pub(super) fn of(samples: &[f64], launches: &[u32]) -> Self {
        if launches.len() != samples.len() {
            return Self(vec![samples.to_vec()]);
        }
        // In order, so that the same seed draws the same.
        let mut groups: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (sample, launch) in samples.iter().zip(launches) {
            groups.entry(*launch).or_default().push(*sample);
        }
        Self(groups.into_values().collect())
    }

    /// How many samples.
    fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// How many launches.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// As many samples again, drawn with replacement: launches first, then within each.
    pub(super) fn draw(&self, rng: &mut impl Rng, into: &mut Vec<f64>) {
        into.clear();
        for _ in 0..self.0.len() {
            let launch = &self.0[rng.random_range(0..self.0.len())];
            into.extend((0..launch.len()).map(|_| launch[rng.random_range(0..launch.len())]));
        }
    }
}

fn resamples(n: usize) -> usize {
    RESAMPLES.min(DRAWN / n.max(1)).max(100)
}

fn mean_interval(samples: &[f64], launches: &[u32], seed: u64) -> Interval {
    let launches = Launches::of(samples, launches);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = Vec::with_capacity(samples.len());
    let mut means: Vec<f64> = (0..resamples(samples.len()))
        .map(|_| {
            launches.draw(&mut rng, &mut drawn);
            mean(&drawn)
        })
        .collect();
    Interval::of(&mut means)
}

/// The 95 % interval of the ratio of two series' medians, `now` to `base`.
pub(super) fn ratio_interval(base: &Launches, now: &Launches, seed: u64) -> Interval {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut ratios: Vec<f64> = (0..resamples(base.len() + now.len()))
        .map(|_| {
            base.draw(&mut rng, &mut a);
            now.draw(&mut rng, &mut b);
            median_in(&mut b) / median_in(&mut a)
        })
        .collect();
    Interval::of(&mut ratios)
}

#[cfg(test)]
mod tests;
