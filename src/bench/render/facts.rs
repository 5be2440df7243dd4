//! What is said of a report, whatever it is written as: groups of rows, who stands apart, the facts of machine and
//! method. Texts are still as they came: each format escapes its own way.

use super::numbers;
use crate::bench::digest::{Baseline, Digest, Row};
use crate::bench::published::Published;
use crate::bench::report::{EnvironmentFacts, Report};
use crate::bench::suite::{SEED, Suite, Unit};
use crate::protocol::Phases;
use crate::protocol::SessionLimits;

/// What marks a lane that stands apart from the others.
pub(super) const MARK: &str = "★";
/// What the mark means.
pub(super) const MARK_WORDS: &str =
    "the best of its figure: the 95 % interval of its mean overlaps that of no other lane";

/// The rows of each suite, suites in the order in which they came.
pub(super) fn groups(digest: &Digest) -> Vec<(Suite, Vec<&Row>)> {
    let mut groups: Vec<(Suite, Vec<&Row>)> = Vec::new();
    for row in &digest.rows {
        match groups.iter_mut().find(|(suite, _)| *suite == row.suite) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((row.suite, vec![row])),
        }
    }
    groups
}

/// Every row, those of one figure side by side.
pub(super) fn in_order(digest: &Digest) -> Vec<&Row> {
    let groups = groups(digest);
    groups.iter().flat_map(|(_, rows)| cases(rows)).flat_map(|(_, rows)| rows).collect()
}

/// Rows of each figure of one suite, in the order in which they came.
pub(super) fn cases<'a>(rows: &[&'a Row]) -> Vec<(&'a str, Vec<&'a Row>)> {
    let mut cases: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in rows {
        match cases.iter_mut().find(|(case, of)| *case == row.case && of[0].unit == row.unit) {
            Some((_, of)) => of.push(row),
            None => cases.push((&row.case, vec![row])),
        }
    }
    cases
}

/// Where a row was measured: `bun javascript`.
pub(super) fn lane(row: &Row) -> String {
    row.lane.map_or_else(|| "engine".into(), |lane| lane.to_string())
}

/// Whether this row is the best of its figure beyond doubt: among several, its interval overlaps no other's.
pub(super) fn stands_apart(row: &Row, among: &[&Row]) -> bool {
    let mut others = among
        .iter()
        .filter(|other| (other.suite, &other.case, other.unit) == (row.suite, &row.case, row.unit))
        .filter(|other| other.series != row.series)
        .filter_map(|other| other.summary.as_ref())
        .peekable();
    let Some(own) = row.summary.as_ref().and_then(|summary| summary.interval) else { return false };
    others.peek().is_some()
        && others.all(|other| {
            other.interval.is_some_and(|other| match row.unit.more_is_better() {
                true => own.low > other.high,
                false => own.high < other.low,
            })
        })
}

/// Rows, each beside the figure that was published for it.
pub(super) type Beside<'a> = Vec<(&'a Row, &'static Published)>;

/// Rows beside which a figure was published: those of the original's four tests, and those of its other figures.
pub(super) fn published(digest: &Digest) -> (Beside<'_>, Beside<'_>) {
    let rows = in_order(digest).into_iter().filter_map(|row| Some((row, row.published?)));
    rows.partition(|(row, _)| SEED.contains(&row.suite))
}

/// Our mean and median beside a published mean, as text: p50, mean, theirs, its range, the ratio of the means, how theirs
/// came to be.
pub(super) fn beside(row: &Row, published: &Published) -> [String; 6] {
    let summary = row.summary.as_ref();
    [
        numbers::figure_or(summary.map(|summary| summary.p50), row.unit),
        numbers::figure_or(summary.map(|summary| summary.mean), row.unit),
        numbers::figure(published.mean, row.unit),
        numbers::range(published.range, row.unit),
        summary.map_or_else(
            || numbers::WITHHELD.into(),
            |summary| numbers::ratio(summary.mean / published.mean),
        ),
        if published.measured { "measured" } else { "estimated" }.into(),
    ]
}

/// The texts of a row's figures: n, mean, p50, p95, p99, max, outliers, memory.
pub(super) fn figures(row: &Row) -> [String; 8] {
    let summary = row.summary.as_ref();
    let of = |value: Option<f64>| numbers::figure_or(value, row.unit);
    [
        summary.map_or(0, |summary| summary.n).to_string(),
        summary.map_or_else(|| numbers::WITHHELD.into(), |summary| numbers::mean(summary, row.unit)),
        of(summary.map(|summary| summary.p50)),
        of(summary.and_then(|summary| summary.p95)),
        of(summary.and_then(|summary| summary.p99)),
        of(summary.map(|summary| summary.max)),
        summary.map_or_else(|| numbers::WITHHELD.into(), |summary| summary.outliers.to_string()),
        numbers::memory(row.peak_memory_bytes),
    ]
}

/// What stands above [`figures`].
pub(super) const FIGURES: [&str; 8] = ["n", "mean ± 95 % CI", "p50", "p95", "p99", "max", "outl", "mem peak"];

/// The texts of a row's change: the median before and now, the change, its interval, the verdict; `None` without one.
pub(super) fn change(row: &Row) -> Option<[String; 5]> {
    let change = row.change?;
    Some([
        numbers::figure(change.base, row.unit),
        numbers::figure(change.now, row.unit),
        numbers::percent(change.change),
        numbers::percents(change.interval),
        numbers::verdict(&change, row.unit),
    ])
}

/// What stands above [`change`].
pub(super) const CHANGE: [&str; 5] = ["base p50", "p50", "vs base", "95 % interval", "verdict"];

/// Rows whose time the engine split, with the medians of the parts.
pub(super) fn phases<'a>(report: &Report, digest: &'a Digest) -> Vec<(&'a Row, Phases)> {
    let of = |row: &Row| report.series.get(row.series).and_then(|series| series.median_phases());
    in_order(digest).into_iter().filter_map(|row| Some((row, of(row)?))).collect()
}

/// What did not go well, a line each: where, and why.
pub(super) fn troubles(digest: &Digest) -> Vec<(String, Option<&str>)> {
    let mut all: Vec<(String, Option<&str>)> = Vec::new();
    for row in digest.rows.iter().filter(|row| row.failures > 0 || row.reason.is_some()) {
        let times = match row.failures {
            0 => String::new(),
            1 => ", 1 failure".into(),
            n => format!(", {n} failures"),
        };
        let measured = if row.summary.is_none() { ", not measured" } else { "" };
        // The figures of one suite fail together.
        let place = format!("{}, {}{times}{measured}", row.suite, lane(row));
        if !all.iter().any(|(known, why)| *known == place && *why == row.reason.as_deref()) {
            all.push((place, row.reason.as_deref()));
        }
    }
    all
}

/// What a report is called.
pub(super) fn title(report: &Report) -> String {
    match &report.name {
        Some(name) => format!("Benchmark {name:?}"),
        None => "Benchmark".into(),
    }
}

/// When it began: `2026-11-26 09:14 UTC`.
pub(super) fn started(report: &Report) -> String {
    let day = report.started.replacen('T', " ", 1);
    format!("{} UTC", day.get(..16).unwrap_or(&day))
}

/// The facts of machine, engine and method, each with its name. What is not known is not told.
pub(super) fn facts(report: &Report, digest: &Digest) -> Vec<(&'static str, String)> {
    let host = &report.host;
    let mut facts = vec![
        ("measured", format!("{}, for {}", started(report), numbers::duration(report.seconds))),
        ("runs kept", report.runs().to_string()),
    ];
    if !report.complete {
        facts.push(("incomplete", "it was stopped before all of it was measured".into()));
    }
    if let Some(base) = &digest.base {
        facts.push(("base", base.clone()));
    }
    facts.push(("noise", noise(report, digest)));
    if let Some(code) = &report.code {
        let sha = code.sha256.get(..12).unwrap_or(&code.sha256);
        facts.push((
            "code",
            format!("{}, {}, {} bytes, sha256 {sha}…", code.name, code.language.title(), code.bytes),
        ));
    }
    let memory = host.memory_mb.map(|mb| format!("{:.1} GB memory", mb as f64 / 1000.0));
    let cores = (host.processors > 0).then(|| format!("{} cores", host.processors));
    let processor = [Some(host.processor.clone()), cores, memory].into_iter().flatten();
    facts.push(("host", joined([host.name.clone(), host.system.clone()])));
    facts.push(("processor", joined(processor)));
    facts.push(("kernel", joined([host.kernel.clone(), host.architecture.clone()])));
    let pool = match report.engine.pool {
        Some(true) => "environments may stand ready",
        Some(false) => "no environment stands ready",
        None => "",
    };
    let engine = [report.engine.place.clone(), report.engine.version.clone(), pool.into()];
    facts.push(("engine", joined(engine)));
    facts.push(("tool", report.tool.clone()));
    facts.push(("seed", report.method.seed.to_string()));
    facts.push(("method", report.method.words.clone()));
    facts.push(("repeat", command(report)));
    facts.retain(|(_, text)| !text.is_empty());
    facts
}

fn noise(report: &Report, digest: &Digest) -> String {
    let noise = &report.noise;
    let load = match (noise.load_before, noise.load_after) {
        (Some(before), Some(after)) => format!("load {before:.2} before, {after:.2} after"),
        (Some(load), None) | (None, Some(load)) => format!("load {load:.2}"),
        (None, None) => String::new(),
    };
    let steal = noise.steal.map(|share| format!("steal {:.1} %", share * 100.0)).unwrap_or_default();
    joined([load, steal, digest.noise.clone().unwrap_or_default()])
}

/// What ran in each lane and behind which walls: lane, version, isolation, limits.
pub(super) fn environments(report: &Report) -> Vec<[String; 4]> {
    let of = |facts: &EnvironmentFacts| {
        let isolation = &facts.isolation;
        let score = match isolation.letters.is_empty() {
            true => String::new(),
            false => format!("{} of 10 ({})", isolation.score, isolation.letters),
        };
        let layers: Vec<&str> =
            isolation.layers.iter().filter(|layer| layer.active).map(|layer| layer.name.as_str()).collect();
        let weak = match isolation.weakened.is_empty() {
            true => String::new(),
            false => format!("weakened: {}", isolation.weakened),
        };
        [
            facts.lane.to_string(),
            facts.version.clone().unwrap_or_else(|| "version not known".into()),
            joined([score, isolation.tier.clone(), layers.join(" + "), weak]),
            limits(facts),
        ]
    };
    report.environments.iter().map(of).collect()
}

fn limits(facts: &EnvironmentFacts) -> String {
    let SessionLimits {
        timeout_ms,
        cpu_seconds,
        cpu_shares,
        processes,
        open_files,
        file_size_bytes,
        workspace_bytes,
        workspace_files,
        output_bytes,
    } = &facts.limits;
    let memory = facts.config.as_ref().and_then(|config| config.memory_limit_mb);
    let network = facts.config.as_ref().map(|config| if config.network { "network" } else { "no network" });
    let bytes = |name: &str, limit: &Option<u64>| limit.map(|n| format!("{name} {}", numbers::bytes(n)));
    let all = [
        memory.map(|mb| format!("memory {mb} MB")),
        timeout_ms.map(|ms| format!("time {}", numbers::figure(ms as f64, Unit::Milliseconds))),
        cpu_seconds.map(|s| format!("cpu {s} s")),
        cpu_shares.map(|shares| format!("{} cores", shares as f64 / 1024.0)),
        processes.map(|n| format!("{n} processes")),
        open_files.map(|n| format!("{n} open files")),
        bytes("file", file_size_bytes),
        bytes("workspace", workspace_bytes),
        workspace_files.map(|n| format!("{n} files")),
        bytes("output", output_bytes),
        network.map(Into::into),
    ];
    joined(all.into_iter().flatten())
}

/// What is known, with commas between.
fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The command that measures the same again.
pub(super) fn command(report: &Report) -> String {
    let mut words = vec!["codebeaker bench".to_owned()];
    words.extend(report.method.suites.iter().map(|suite| suite.name().to_owned()));
    if let Some(code) = &report.code {
        words.push(format!("--file {}", quoted(&code.name)));
    }
    let mut runtimes: Vec<&str> = Vec::new();
    for facts in &report.environments {
        let runtime = facts.lane.runtime.short();
        if !runtimes.contains(&runtime) {
            runtimes.push(runtime);
        }
    }
    if !runtimes.is_empty() {
        words.push(format!("--runtimes {}", runtimes.join(",")));
    }
    if let Some(first) = report.environments.first().map(|facts| facts.lane.language)
        && report.environments.iter().all(|facts| facts.lane.language == first)
    {
        words.push(format!("--language {first}"));
    }
    words.extend(report.method.samples.map(|n| format!("--samples {n}")));
    words.push(format!("--seed {}", report.method.seed));
    if report.engine.place != "local" {
        words.push(format!("--attach {}", quoted(&report.engine.place)));
    } else if report.engine.pool == Some(true) {
        words.push("--pool".into());
    }
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':');
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(fine) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// How it was measured and what the words mean, in sentences.
pub(super) fn method(report: &Report, base: Option<&Baseline>) -> Vec<String> {
    let mut all = vec![
        "Each round takes one sample of every lane, in an order drawn anew from the seed, so that what the machine does \
         meanwhile meets all of them alike. The first samples of a session are dropped, but of crowds and of cold runs. The clock is monotonic and read \
         on the caller's side; the phases are the engine's own time stamps."
            .to_owned(),
        "± is half the 95 % interval of the mean. Intervals are by bootstrap, which draws sessions first and \
         the samples of each session then, since samples of one session resemble each other. Outliers lie more than 1.5 \
         interquartile ranges beyond the quartiles; they are counted and kept."
            .to_owned(),
        "A dash is a figure that is withheld because too few samples say nothing of it: intervals under 5, the 95th \
         percentile under 20, the 99th under 100."
            .to_owned(),
    ];
    match base {
        Some(Baseline::Saved(_)) => all.push(
            "A change is that of the median. It is called faster or slower only where the whole of its 95 % interval lies \
             beyond 5 % (20 % of figures that were all taken in one session), and no change where the whole of it lies \
             within; else nobody can tell. Where a piece of work that is always the same took another time than when \
             the base was measured, the machine has changed, and the 5 % are wider by as much."
                .into(),
        ),
        Some(Baseline::Seed) => all.push(
            "The published figures were measured (or estimated) by others on another machine and have no samples, so \
             nothing is called faster or slower by them."
                .into(),
        ),
        None => {}
    }
    if let Some(dropped) = report.series.iter().map(|series| series.warm_ups).max().filter(|n| *n > 0) {
        all.push(format!("Up to {dropped} samples of a series were taken first and dropped."));
    }
    all
}
