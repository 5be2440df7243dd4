//! A report as it is read: each series with what it says and what changed. Screen and exports show this, so that they
//! show the same numbers.

use super::compare::Change;
use super::plan::Lane;
use super::published::{self, Published};
use super::report::{EnvironmentFacts, Report, Series};
use super::stats::Summary;
use super::suite::{Suite, Unit};

/// A machine that has changed by more than this since then is told of.
const DRIFT: f64 = 0.03;

/// What a report is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// One that was saved.
    Saved(Box<Report>),
    /// The figures that the original project published.
    Seed,
}

impl Baseline {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Saved(report) => report.name.as_deref().unwrap_or("unnamed"),
            Self::Seed => published::NAME,
        }
    }

    /// What it is, in a line: when, whose, where; with what keeps figures from being held against each other.
    pub fn words(&self, of: &Report) -> String {
        let Self::Saved(base) = self else {
            return "the original project's published figures: another machine, no samples, so no verdict"
                .into();
        };
        let day = base.started.replace('T', " ");
        let day = day.get(..16).unwrap_or(&day);
        let mut words = format!("{day} {:?}, {} runs", self.name(), base.runs());
        if !of.host.is_like(&base.host) {
            words.push_str(" on another machine or kernel");
        }
        if of.engine.place != base.engine.place {
            words.push_str(&format!(" over {}", base.engine.place));
        }
        let drift = of.noise.drift(&base.noise);
        if drift > DRIFT {
            words.push_str(&format!("; the machine itself has changed by {:.0} % since", drift * 100.0));
        }
        if (of.engine.pool, of.engine.threads) != (base.engine.pool, base.engine.threads) {
            words.push_str(", with another pool or number of threads");
        }
        let other = |facts: &&EnvironmentFacts| {
            let same = |then: &EnvironmentFacts| {
                (&then.version, &then.isolation.letters) == (&facts.version, &facts.isolation.letters)
            };
            base.environments.iter().any(|then| then.lane == facts.lane && !same(then))
        };
        let others: Vec<&str> =
            of.environments.iter().filter(other).map(|f| f.lane.runtime.short()).collect();
        if !others.is_empty() {
            words.push_str(&format!(", of another version or isolation of {}", others.join(", ")));
        }
        if of.code.as_ref().zip(base.code.as_ref()).is_some_and(|(now, then)| now.sha256 != then.sha256) {
            words.push_str(", of other code");
        }
        words
    }
}

/// A series, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it stands in the report.
    pub series: usize,
    /// Its suite.
    pub suite: Suite,
    /// Its figure.
    pub case: String,
    /// Where it was measured.
    pub lane: Option<Lane>,
    /// In what.
    pub unit: Unit,
    /// What it says; `None` of no samples.
    pub summary: Option<Summary>,
    /// The most memory a program of it had, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// What changed against the baseline, where that has the same.
    pub change: Option<Change>,
    /// It has no samples, and the baseline's has.
    pub lost: bool,
    /// What was published beside it.
    pub published: Option<&'static Published>,
    /// How often it failed.
    pub failures: u32,
    /// Why, or why it was not measured.
    pub reason: Option<String>,
}

/// A report, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    /// In the order of the report.
    pub rows: Vec<Row>,
    /// What it was compared with, in a line.
    pub base: Option<String>,
    /// What makes intervals wide.
    pub noise: Option<String>,
}

impl Digest {
    /// Reads a report. Takes some milliseconds for each series.
    pub fn of(report: &Report, base: Option<&Baseline>) -> Self {
        let rows: Vec<Row> =
            report.series.iter().enumerate().map(|(i, series)| row(report, i, series, base)).collect();
        let common = rows.iter().any(|row| row.change.is_some() || row.lost || row.published.is_some());
        let nothing = if common || rows.is_empty() { "" } else { "; it has none of these figures" };
        Self {
            base: base.map(|base| base.words(report) + nothing),
            rows,
            noise: report.noise.warning(report.host.processors),
        }
    }
}

fn row(report: &Report, index: usize, series: &Series, base: Option<&Baseline>) -> Row {
    let seed = report.method.seed;
    let change = match base {
        Some(Baseline::Saved(base)) => base
            .like(series)
            .and_then(|before| Change::between(before, series, seed, report.noise.drift(&base.noise))),
        _ => None,
    };
    let lost = match base {
        Some(Baseline::Saved(base)) if series.samples.is_empty() => {
            base.like(series).is_some_and(|before| !before.samples.is_empty())
        }
        _ => false,
    };
    let runtime = series.lane.map(|lane| lane.runtime);
    let published = matches!(base, Some(Baseline::Seed))
        .then(|| published::figure(series.suite, &series.case, runtime))
        .flatten();
    Row {
        series: index,
        suite: series.suite,
        case: series.case.clone(),
        lane: series.lane,
        unit: series.unit,
        summary: Summary::of(&series.samples, &series.launches, seed),
        peak_memory_bytes: series.peak_memory_bytes,
        change,
        lost,
        published,
        failures: series.failures,
        reason: series.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::render::made_up;

    #[test]
    fn a_base_that_has_nothing_in_common_says_so() {
        let report = made_up::report(Some("main"), 1.0);
        let words = |base: Baseline| Digest::of(&report, Some(&base)).base.unwrap_or_default();
        let mut other = report.clone();
        other.series.retain(|series| series.suite == Suite::Repl);
        other.series.iter_mut().for_each(|series| series.samples.clear());
        assert!(words(Baseline::Saved(Box::new(other))).ends_with("it has none of these figures"));
        assert!(!words(Baseline::Saved(Box::new(report.clone()))).contains("none of these"));
    }
}
