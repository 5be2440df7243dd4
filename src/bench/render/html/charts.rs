//! What is drawn of a report.

use super::svg::{Scale, Svg};
use crate::bench::compare::{FALL, MARGIN, Verdict};
use crate::bench::digest::Row;
use crate::bench::render::{facts, numbers, text};
use crate::bench::report::Series;
use crate::bench::stats::{Bin, Distribution, Interval, fences};
use crate::bench::suite::Suite;
use crate::protocol::Phases;

/// The most bins of a histogram.
const BINS: usize = 24;
/// More samples than this are drawn as what lies between the least and the most of their neighbours.
const POINTS: usize = 400;
/// Cells of a name in a picture.
const LONGEST: usize = 26;

/// The class of a row's colour.
pub(super) fn class(row: &Row) -> &'static str {
    row.lane.map_or("engine", |lane| lane.runtime.short())
}

fn name(text_of: &str) -> String {
    text::cut(&text::plain(text_of), LONGEST)
}

/// A row's lane and figure, where the figure is not called as its suite.
fn label(row: &Row) -> String {
    match row.case == row.suite.name() {
        true => facts::lane(row),
        false => name(&format!("{} {}", facts::lane(row), row.case)),
    }
}

/// Medians as bars, with the mean and its interval upon them; rows have one unit.
pub(super) fn medians(suite: Suite, rows: &[&Row]) -> String {
    let Some(unit) = rows.first().map(|row| row.unit) else { return String::new() };
    let summaries = || rows.iter().filter_map(|row| row.summary.as_ref());
    let ends = summaries().filter_map(|summary| summary.interval).flat_map(|i| [i.low, i.high]);
    let values: Vec<f64> = summaries().flat_map(|summary| [summary.p50, summary.mean]).chain(ends).collect();
    let scale = Scale::of(&values);
    let told: Vec<String> =
        rows.iter().map(|row| format!("{} {} {}", facts::lane(row), row.case, of(row))).collect();
    let mut svg = Svg::new(&format!("{}: medians", suite.title()), &told.join("; "));
    let cases = facts::cases(rows);
    let heads = if cases.len() > 1 { cases.len() } else { 0 };
    let bottom = rows.len() as f64 * 42.0 + heads as f64 * 24.0 + 4.0;
    for tick in scale.ticks() {
        let x = scale.at(tick);
        svg.line("g", (x, 0.0), (x, bottom));
        svg.tick((x, bottom + 14.0), &numbers::figure(tick, unit));
    }
    let mut y = 0.0;
    for (case, rows) in cases {
        if heads > 0 {
            svg.text("b", (0.0, y + 18.0), &name(case));
            y += 24.0;
        }
        for row in &rows {
            let mark = if facts::stands_apart(row, &rows) { facts::MARK } else { "" };
            svg.text("", (0.0, y + 15.0), &format!("{} {mark}", facts::lane(row)));
            svg.text("e", (100.0, y + 15.0), &of(row));
            if let Some(summary) = &row.summary {
                svg.bar(class(row), (0.0, scale.at(summary.p50)), y + 22.0, 10.0);
                if let Some(Interval { low, high }) = summary.interval {
                    whisker(&mut svg, "w", (scale.at(low), scale.at(high)), y + 27.0);
                }
                svg.dot("wd", (scale.at(summary.mean), y + 27.0), 3.0);
            }
            y += 42.0;
        }
    }
    let log = if scale.is_log() { " Logarithmic scale." } else { "" };
    let caption = format!("Bar: median. Dot and whisker: mean and its 95 % interval.{log}");
    format!("{}<p class=\"note\">{caption}</p>\n", svg.finish(bottom + 20.0))
}

fn of(row: &Row) -> String {
    row.summary
        .as_ref()
        .map_or_else(|| "not measured".into(), |summary| numbers::figure(summary.p50, row.unit))
}

fn whisker(svg: &mut Svg, class: &str, (from, to): (f64, f64), y: f64) {
    svg.line(class, (from, y), (to, y));
    for x in [from, to] {
        svg.line(class, (x, y - 4.0), (x, y + 4.0));
    }
}

/// How often which values came.
pub(super) fn histogram(row: &Row, series: &Series) -> String {
    let (Some(distribution), Some(summary)) = (Distribution::of(&series.samples), &row.summary) else {
        return String::new();
    };
    let bins = distribution.bins(BINS);
    let usual = bins.get(bins.len() / 2).map_or(1.0, |bin| bin.high - bin.low);
    // What lies beyond the fences is in a bin of another width on each side.
    let is_usual = |bin: &Bin| ((bin.high - bin.low) / usual - 1.0).abs() < 1e-6;
    let within: Vec<&Bin> = bins.iter().filter(|bin| is_usual(bin)).collect();
    let (Some(first), Some(last)) = (within.first(), within.last()) else { return String::new() };
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(1).max(1);
    let figure = |value| numbers::figure(value, row.unit);
    let fullest = bins.iter().find(|bin| bin.n == most).map_or_else(String::new, |bin| {
        format!("; the most, {most}, from {} to {}", figure(bin.low), figure(bin.high))
    });
    let told =
        format!("{} samples from {} to {}{fullest}", summary.n, figure(summary.min), figure(summary.max));
    let mut svg = Svg::new(&format!("Histogram: {} {} {}", row.suite, row.case, facts::lane(row)), &told);
    let (top, height) = (26.0, 110.0);
    // The ends are kept for what lies beyond.
    let (left, right) = (6.0, 94.0);
    let step = (right - left) / within.len() as f64;
    let bar = |svg: &mut Svg, class: &str, from: f64, width: f64, n: u64| {
        if n > 0 {
            let tall = (n as f64 / most as f64 * height).max(1.5);
            svg.bar(class, (from + 0.2, from + width - 0.2), top + height - tall, tall);
        }
    };
    for (i, bin) in within.iter().enumerate() {
        bar(&mut svg, class(row), left + i as f64 * step, step, bin.n);
    }
    let beyond = format!("{} beyond", class(row));
    for bin in bins.iter().filter(|bin| !is_usual(bin)) {
        let low = bin.low < first.low;
        let from = if low { 0.0 } else { right + 1.5 };
        bar(&mut svg, &beyond, from, 4.5, bin.n);
        svg.text("f m", (from + 2.25, top + height + 15.0), if low { "<" } else { ">" });
    }
    svg.line("axis", (0.0, top + height), (100.0, top + height));
    let at = |value: f64| left + (value - first.low) / (last.high - first.low) * (right - left);
    let p50 = at(summary.p50);
    if p50.is_finite() && (0.0..=100.0).contains(&p50) {
        svg.line("dash", (p50, top - 6.0), (p50, top + height));
        svg.text("f m", (p50.clamp(12.0, 88.0), top - 11.0), &format!("p50 {}", figure(summary.p50)));
    }
    svg.text("f", (left + 1.0, top + height + 15.0), &figure(first.low));
    svg.text("f e", (right - 1.0, top + height + 15.0), &figure(last.high));
    let beyond = if within.len() < bins.len() { "; paler: what lies beyond them" } else { "" };
    let caption = format!("{} samples, bins of {}, the tallest {most}{beyond}", summary.n, figure(usual));
    format!("{}<p class=\"note\">{caption}</p>\n", svg.finish(top + height + 20.0))
}

/// Samples in the order in which they were taken.
pub(super) fn scatter(row: &Row, series: &Series) -> String {
    let Some(distribution) = Distribution::of(&series.samples) else { return String::new() };
    let Some(summary) = &row.summary else { return String::new() };
    let figure = |value| numbers::figure(value, row.unit);
    let title = format!("Run by run: {} {} {}", row.suite, row.case, facts::lane(row));
    let told =
        format!("{} samples, {} outliers, median {}", summary.n, summary.outliers, figure(summary.p50));
    let mut svg = Svg::new(&title, &told);
    let (top, height) = (20.0, 110.0);
    let scale = Scale::between(summary.min, summary.max);
    let y = |value: f64| top + height - scale.at(value) / 100.0 * height;
    let n = series.samples.len();
    let x = |i: usize| 1.0 + i as f64 / n.saturating_sub(1).max(1) as f64 * 98.0;
    let (first, third) = (distribution.at(0.25), distribution.at(0.75));
    svg.bar("band", (0.0, 100.0), y(third), (y(first) - y(third)).max(1.0));
    svg.line("g", (0.0, y(summary.p50)), (100.0, y(summary.p50)));
    svg.line("axis", (0.0, top + height + 6.0), (100.0, top + height + 6.0));
    let (low, high) = fences(&series.samples);
    if n > POINTS {
        for (i, part) in series.samples.chunks(n.div_ceil(POINTS / 2)).enumerate() {
            let at = x(i * n.div_ceil(POINTS / 2));
            let least = part.iter().copied().fold(f64::INFINITY, f64::min);
            let most = part.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            svg.line("axis", (at, y(least)), (at, y(most)));
        }
    } else {
        let points = format!("{} point", class(row));
        for (i, value) in series.samples.iter().enumerate() {
            match *value < low || *value > high {
                true => svg.text("m", (x(i), y(*value) + 4.0), "×"),
                false => svg.dot(&points, (x(i), y(*value)), 2.5),
            }
        }
    }
    svg.text("f", (0.0, top - 8.0), &figure(summary.max));
    svg.text("f", (0.0, top + height + 21.0), &figure(summary.min));
    svg.text("f e", (100.0, top + height + 21.0), &format!("run {n}"));
    let caption = if n > POINTS {
        "Lines: from the least to the most of neighbouring runs. Shaded: the middle half."
    } else {
        "Shaded: the middle half. ×: outlier, kept."
    };
    format!("{}<p class=\"note\">{caption}</p>\n", svg.finish(top + height + 26.0))
}

/// Parts of the time, one bar a row.
pub(super) fn phases(rows: &[(&Row, Phases)]) -> String {
    let sum = |phases: &Phases| phases.each().iter().map(|(_, ms)| ms.max(0.0)).sum::<f64>();
    let longest = rows.iter().map(|(_, phases)| sum(phases)).fold(0.0, f64::max);
    if longest <= 0.0 || !longest.is_finite() {
        return String::new();
    }
    let told: Vec<String> = rows
        .iter()
        .map(|(row, phases)| {
            let parts = phases.each().map(|(name, ms)| format!("{name} {}", numbers::phase(ms)));
            format!("{} {}: {}", row.suite, facts::lane(row), parts.join(", "))
        })
        .collect();
    let mut svg = Svg::new("Where the time goes", &told.join("; "));
    let mut y = 0.0;
    for (row, phases) in rows {
        svg.text("", (0.0, y + 15.0), &label(row));
        svg.text("e", (100.0, y + 15.0), &numbers::phase(sum(phases)));
        let mut from = 0.0;
        for (part, ms) in phases.each() {
            let to = from + ms.max(0.0) / longest * 100.0;
            svg.bar(part, (from, to), y + 21.0, 16.0);
            from = to;
        }
        y += 46.0;
    }
    let legend = [("queue", "queue"), ("launch", "launch"), ("run", "run"), ("collect", "collect")]
        .map(|(class, name)| format!("<span class=\"dot {class}\"></span>{name}"));
    format!("{}<p class=\"note\">{}, in this order from the left</p>\n", svg.finish(y), legend.join(" &gt; "))
}

/// Changes with their intervals around the margin within which none matters.
pub(super) fn changes(rows: &[&Row]) -> String {
    let changes = || rows.iter().filter_map(|row| row.change.map(|change| (*row, change)));
    // Far ends are cut: they would press all others together.
    let far = |value: f64| value.clamp(-1.0, 2.0);
    let ends = || {
        changes().flat_map(|(_, change)| {
            let (low, high) = change.interval.map_or((change.change, change.change), |i| (i.low, i.high));
            [far(low), far(high)]
        })
    };
    let reach = |value: f64| if value.is_finite() { value } else { 0.0 };
    let (low, high) = (ends().map(reach).fold(-0.12, f64::min), ends().map(reach).fold(0.12, f64::max));
    let pad = (high - low) * 0.04;
    let scale = Scale::between(low - pad, high + pad);
    let told: Vec<String> = changes()
        .map(|(row, change)| {
            let (what, verdict) = (numbers::percent(change.change), change.verdict.words(row.unit));
            format!("{} {} {}: {what}, {verdict}", row.suite, row.case, facts::lane(row))
        })
        .collect();
    let mut svg = Svg::new("Changes against the base", &told.join("; "));
    let bottom = told.len() as f64 * 42.0 + 4.0;
    svg.bar("band", (scale.at(-FALL), scale.at(MARGIN)), 0.0, bottom);
    for tick in scale.ticks() {
        let x = scale.at(tick);
        svg.line(if tick == 0.0 { "axis" } else { "g" }, (x, 0.0), (x, bottom));
        svg.tick((x, bottom + 14.0), &numbers::percent(tick));
    }
    let mut y = 0.0;
    for (row, change) in changes() {
        let words = numbers::verdict(&change, row.unit);
        let colour = verdict_class(change.verdict);
        svg.text("", (0.0, y + 16.0), &label(row));
        let text = format!("{}  {words}", numbers::percent(change.change));
        svg.text(&format!("e {colour}"), (100.0, y + 16.0), &text);
        if let Some(Interval { low, high }) = change.interval {
            whisker(&mut svg, "w", (scale.at(low), scale.at(high)), y + 28.0);
        }
        svg.dot("wd", (scale.at(change.change), y + 28.0), 4.0);
        y += 42.0;
    }
    svg.finish(bottom + 20.0)
}

/// The class of a verdict's colour.
pub(super) fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::NoChange | Verdict::CannotTell => "unsure",
    }
}
