//! Charts of a benchmark. Each carries its values as text.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{line, panel};
use crate::bench::stats::{Bin, LEAST_FOR_P95, LEAST_FOR_P99, fences};
use crate::bench::{Distribution, Row, Series, Summary};
use crate::protocol::Phases;
use crate::tui::bench::{self, Bench, number};
use crate::tui::commands::{BenchCmd, Cmd};
use crate::tui::layout::Class;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::view::{foot, put};

/// The key of a command with a word for it, where it is worth its place.
fn key(model: &Model, cmd: Cmd, word: &str) -> String {
    foot(model, &[(cmd, word)])
}

/// What a narrow panel's edge has, where it stands for several.
fn switch(model: &Model) -> String {
    let several = model.layout().class == Class::Normal;
    if several { key(model, Cmd::Bench(BenchCmd::Panel), "view") } else { String::new() }
}

/// How often which values came.
pub(super) fn histogram(bench: &Bench, model: &Model, area: Rect, theme: &Theme, frame: &mut Frame<'_>) {
    let chosen = bench.chosen_series();
    let name = chosen.map_or("", |(row, _)| bench::lane_name(row.lane));
    let unit = chosen.map_or("", |(row, _)| row.unit.sign());
    let scale = key(model, Cmd::Bench(BenchCmd::Log), if bench.log { "even" } else { "log" });
    let narrow = if area.width < 50 { "" } else { " runtime" };
    let right = format!("{scale}  {}{narrow}", theme.glyphs.across);
    let inside = panel(&format!("Histogram  {name}  {unit}"), &right, area, theme, frame);
    let muted = theme.style(Role::Muted);
    let of = chosen
        .and_then(|(row, series)| Some((row.summary.as_ref()?, series, Distribution::of(&series.samples)?)));
    let Some((summary, series, distribution)) = of else {
        return line(inside, inside.y, "no samples yet", muted, theme, frame);
    };
    // A heading above, two lines below; what lies outside the fences may take two rows more.
    let foot = if inside.height > 6 { 2 } else { 1 };
    let rows = usize::from(inside.height.saturating_sub(1 + foot));
    let most = rows.saturating_sub(3).clamp(1, 12);
    let mut bins = if bench.log { distribution.log_bins(most) } else { distribution.bins(most) };
    if bins.len() > rows {
        // There is no room for so many: fewer, wider ones.
        bins = if bench.log { distribution.log_bins(1) } else { distribution.bins(1) };
    }
    draw_bins(&bins, Rect { height: inside.height.saturating_sub(foot), ..inside }, bench.log, theme, frame);
    let bottom = inside.bottom().saturating_sub(foot);
    line(inside, bottom, &quantiles(summary), theme.style(Role::Text), theme, frame);
    if foot > 1 {
        let (low, high) = fences(&series.samples);
        let digits = bench::decimals(summary.p50);
        let words = match summary.outliers {
            0 => "outliers: none".to_owned(),
            n => {
                let beyond = format!("{}..{}", number(low.max(0.0), digits), number(high, digits));
                format!("outliers: {n}, kept, beyond {beyond}")
            }
        };
        line(inside, bottom + 1, &words, muted, theme, frame);
    }
}

/// The percentiles, and how many samples those need that are withheld.
fn quantiles(summary: &Summary) -> String {
    let digits = bench::decimals(summary.p50);
    let of = |name: &str, value: Option<f64>, least: usize| match value {
        Some(value) => format!("{name} {}", number(value, digits)),
        None => format!("{name} needs {least}"),
    };
    if summary.p95.is_none() {
        let p50 = number(summary.p50, digits);
        return format!("p50 {p50}  p95 needs {LEAST_FOR_P95}, p99 {LEAST_FOR_P99}");
    }
    format!(
        "p50 {}  {}  {}",
        number(summary.p50, digits),
        of("p95", summary.p95, LEAST_FOR_P95),
        of("p99", summary.p99, LEAST_FOR_P99)
    )
}

fn draw_bins(bins: &[Bin], area: Rect, log: bool, theme: &Theme, frame: &mut Frame<'_>) {
    let labels = labels(bins, log);
    let widest = labels.iter().map(|label| text::width(label)).max().unwrap_or(0).max(3);
    let heading = format!("{:>widest$} {:>6}", "bin", "n");
    line(area, area.y, &heading, theme.style(Role::Muted), theme, frame);
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(0).max(1);
    let before = widest + 8;
    let room = u64::from(area.width).saturating_sub(before as u64 + 1);
    for ((bin, label), y) in bins.iter().zip(&labels).zip(area.top() + 1..area.bottom()) {
        let words = format!("{label:>widest$} {:>6}  ", bin.n);
        line(area, y, &words, theme.style(Role::Text), theme, frame);
        // What there is at all is seen.
        let cells = (bin.n * room / most).max(u64::from(bin.n > 0));
        let bar = theme.glyphs.full.repeat(usize::try_from(cells).unwrap_or(0));
        let x = area.x.saturating_add(u16::try_from(before).unwrap_or(u16::MAX));
        if x < area.right() {
            put(frame.buffer_mut(), x, y, &bar, area.right() - x, theme.style(Role::Chart1));
        }
    }
}

/// What each bin is called: its ends, or the one it has where it holds all beyond.
fn labels(bins: &[Bin], log: bool) -> Vec<String> {
    let narrowest =
        bins.iter().map(|bin| bin.high - bin.low).filter(|w| *w > 0.0).fold(f64::INFINITY, f64::min);
    // As many decimals as the width needs: 0.05 has two.
    let digits = if narrowest.is_finite() { (-narrowest.log10()).ceil().clamp(0.0, 6.0) as usize } else { 0 };
    let alike = |a: f64, b: f64| (a - b).abs() <= narrowest * 0.01;
    let step = |bin: &Bin| if log { bin.low } else { bin.high - bin.low };
    let label = |(at, bin): (usize, &Bin)| {
        let (before, behind) = (at.checked_sub(1).and_then(|at| bins.get(at)), bins.get(at + 1));
        let below = behind.is_some_and(|next| {
            let wanted = if log { next.low / 2.0 } else { next.low - step(next) };
            at == 0 && !alike(bin.low, wanted)
        });
        let above = before.is_some_and(|last| {
            let wanted = if log { last.high * 2.0 } else { last.high + step(last) };
            at + 1 == bins.len() && !alike(bin.high, wanted)
        });
        match (below, above) {
            (true, _) => format!("<{}", number(bin.high, digits)),
            (_, true) => format!(">{}", number(bin.low, digits)),
            _ => format!("{}-{}", number(bin.low, digits), number(bin.high, digits)),
        }
    };
    bins.iter().enumerate().map(label).collect()
}

/// Cells of the values beside a chart.
const AXIS: u16 = 8;
/// Cells from one sample to the next, where there are few.
const SPREAD: usize = 4;

/// Each sample in the order in which they were taken.
pub(super) fn runs(bench: &Bench, model: &Model, area: Rect, theme: &Theme, frame: &mut Frame<'_>) {
    let chosen = bench.chosen_series();
    let name = chosen.map_or("", |(row, _)| bench::lane_name(row.lane));
    let unit = chosen.map_or("", |(row, _)| row.unit.sign());
    let inside = panel(&format!("Run by run  {name}  {unit}"), &switch(model), area, theme, frame);
    let muted = theme.style(Role::Muted);
    let of = chosen
        .and_then(|(row, series)| Some((row.summary.as_ref()?, series, Distribution::of(&series.samples)?)));
    let Some((summary, series, distribution)) = of else {
        return line(inside, inside.y, "no samples yet", muted, theme, frame);
    };
    let digits = bench::decimals(summary.p50);
    // Below it its axis, and what its marks mean.
    let plot = Rect { height: inside.height.saturating_sub(3), ..inside };
    scatter(series, summary, fences(&series.samples), plot, theme, frame);
    let axis = format!(
        "{:>width$}{}",
        "",
        format_args!(
            "{}{}",
            theme.glyphs.border.bottom_left,
            theme.glyphs.rule.repeat(usize::from(plot.width.saturating_sub(AXIS)))
        ),
        width = usize::from(AXIS) - 1
    );
    line(inside, plot.bottom(), &axis, theme.style(Role::Axis), theme, frame);
    let last = format!("{} runs", summary.n);
    let end = usize::from(plot.width.saturating_sub(AXIS)).min(series.samples.len().saturating_mul(SPREAD));
    let gap = end.saturating_sub(1 + text::width(&last));
    let words = format!("{:>width$}{:gap$}{last}", "1", "", width = usize::from(AXIS) + 1);
    line(inside, plot.bottom() + 1, &words, muted, theme, frame);
    let (p5, p95) = (distribution.at(0.05), distribution.at(0.95));
    let range = match summary.p95 {
        Some(_) => format!("{}..{}", number(p5, digits), number(p95.min(summary.max), digits)),
        None => format!("needs {LEAST_FOR_P95}"),
    };
    let words = format!("{} outliers: {}   p5..p95 {range}", theme.glyphs.outlier, summary.outliers);
    line(inside, plot.bottom() + 2, &words, muted, theme, frame);
}

fn scatter(
    series: &Series,
    summary: &Summary,
    (low, high): (f64, f64),
    plot: Rect,
    theme: &Theme,
    frame: &mut Frame<'_>,
) {
    let body = Rect { x: plot.x.saturating_add(AXIS), width: plot.width.saturating_sub(AXIS), ..plot };
    if body.is_empty() {
        return;
    }
    let digits = bench::decimals(summary.p50);
    let (rows, columns) = (usize::from(body.height), usize::from(body.width));
    let span = (summary.max - summary.min).max(f64::MIN_POSITIVE);
    for row in 0..rows {
        // Every other row has its value, the first and the last always.
        let told = row % 2 == 0 && row + 2 < rows || row == 0 || row + 1 == rows;
        let value = summary.max - span * row as f64 / (rows - 1).max(1) as f64;
        let words = if told { number(value, digits) } else { String::new() };
        let words =
            format!("{words:>width$}{}", theme.glyphs.border.vertical_left, width = usize::from(AXIS) - 1);
        let y = body.y + u16::try_from(row).unwrap_or(0);
        put(frame.buffer_mut(), plot.x, y, &words, plot.width, theme.style(Role::Axis));
    }
    let cell =
        |share: f64, cells: usize| (share * cells.saturating_sub(1) as f64).round().clamp(0.0, 1e4) as u16;
    let last = series.samples.len().saturating_sub(1).max(1) as f64;
    let width = columns.min(series.samples.len().saturating_mul(SPREAD));
    let mut draw = |outliers: bool| {
        for (at, value) in series.samples.iter().enumerate() {
            if (*value < low || *value > high) != outliers || !value.is_finite() {
                continue;
            }
            let x = body.x + cell(at as f64 / last, width).min(body.width - 1);
            let y = body.y + cell((summary.max - value) / span, rows).min(body.height - 1);
            let (mark, role) = match outliers {
                true => (theme.glyphs.outlier, Role::Warn),
                false => (theme.glyphs.point, Role::Chart1),
            };
            put(frame.buffer_mut(), x, y, mark, 1, theme.style(role));
        }
    };
    draw(false);
    // An outlier is not covered by what came beside it.
    draw(true);
}

/// How long it takes where nothing is warm.
pub(super) fn cold(bench: &Bench, model: &Model, area: Rect, theme: &Theme, frame: &mut Frame<'_>) {
    let rows = bench.cold();
    let what = rows.first().map(|row| match row.suite.name() {
        suite if suite == row.case => suite.to_owned(),
        suite => format!("{suite} {}", row.case),
    });
    let title = what.map_or_else(|| "Cold start".to_owned(), |what| format!("Cold start  {what}, median"));
    let inside = panel(&title, &switch(model), area, theme, frame);
    let muted = theme.style(Role::Muted);
    let timed: Vec<(&&Row, &Summary)> =
        rows.iter().filter_map(|row| Some((row, row.summary.as_ref()?))).collect();
    let longest = timed.iter().map(|(_, summary)| summary.p50).fold(0.0, f64::max);
    if timed.is_empty() {
        let words =
            if bench.live { "not measured yet" } else { "no cold start was measured: + chooses suites" };
        let words = model.keymap.in_words(words, &model.places(), false);
        return line(inside, inside.y, &words, muted, theme, frame);
    }
    // Name, bar, value and number of samples.
    let cells = usize::from(inside.width).saturating_sub(8 + 12 + 8);
    let (shown, more) = fit_rows(timed.len(), inside.height);
    if let Some(more) = more {
        line(inside, inside.bottom().saturating_sub(1), &more, muted, theme, frame);
    }
    for ((row, summary), y) in timed.into_iter().take(shown).zip(inside.top()..inside.bottom()) {
        line(inside, y, bench::lane_name(row.lane), theme.style(Role::Text), theme, frame);
        let share = if longest > 0.0 { summary.p50 / longest } else { 0.0 };
        let bar = theme.glyphs.full.repeat(((share * cells as f64).round() as usize).clamp(1, cells.max(1)));
        put(
            frame.buffer_mut(),
            inside.x + 8,
            y,
            &bar,
            inside.width.saturating_sub(8),
            theme.style(Role::Chart1),
        );
        let words = format!("{:>12}  n {:<4}", text::millis(summary.p50), summary.n);
        let x = inside.right().saturating_sub(u16::try_from(words.len()).unwrap_or(0)).max(inside.x);
        put(frame.buffer_mut(), x, y, &words, inside.right() - x, theme.style(Role::Text));
    }
}

/// Cells of a name and of each phase's figure, and the same where there is little room.
const PHASES: [usize; 5] = [8, 8, 8, 8, 8];
const NARROW: [usize; 5] = [7, 6, 7, 8, 8];

/// What a command's time goes into.
pub(super) fn phases(bench: &Bench, model: &Model, area: Rect, theme: &Theme, frame: &mut Frame<'_>) {
    let inside = panel(
        if area.width < 50 { "Phases  ms, median" } else { "Where the time goes  ms, median" },
        &switch(model),
        area,
        theme,
        frame,
    );
    let muted = theme.style(Role::Muted);
    let told = told(bench);
    if told.iter().all(|(_, phases)| phases.is_err()) {
        // One that has samples and no phases tells of the engine.
        let untold = told.iter().filter_map(|(_, phases)| phases.err()).find(|why| *why == UNTOLD);
        return line(inside, inside.y, untold.unwrap_or(no_samples(bench)), muted, theme, frame);
    }
    let [name_cells, figures @ ..] = if inside.width < 48 { NARROW } else { PHASES };
    let in_columns = |words: [String; 4]| {
        words.iter().zip(figures).map(|(words, cells)| format!("{words:>cells$}")).collect::<String>()
    };
    let names = in_columns(Phases::default().each().map(|(name, _)| name.to_owned()));
    line(inside, inside.y, &format!("{:name_cells$}{names}", ""), muted, theme, frame);
    let before = name_cells + figures.iter().sum::<usize>() + 2;
    let cells = usize::from(inside.width).saturating_sub(before);
    let all = |phases: &Phases| phases.each().iter().map(|(_, ms)| ms.max(0.0)).sum::<f64>();
    let longest = told.iter().filter_map(|(_, phases)| phases.as_ref().ok().map(all)).fold(0.0, f64::max);
    // The heading has the phases in the order of the bars: the lanes come before the legend.
    let rows = inside.height.saturating_sub(1);
    let has_legend = told.len() < usize::from(rows);
    let (shown, more) = fit_rows(told.len(), rows);
    for ((name, phases), y) in told.iter().take(shown).zip(inside.top() + 1..inside.bottom()) {
        line(inside, y, name, theme.style(Role::Text), theme, frame);
        let words = match phases {
            Ok(phases) => in_columns(phases.each().map(|(_, ms)| number(ms, 1))),
            Err(why) => format!("  {why}"),
        };
        let indent = u16::try_from(name_cells).unwrap_or(0).min(inside.width);
        let right = Rect { x: inside.x + indent, width: inside.width - indent, ..inside };
        let role = if phases.is_ok() { Role::Text } else { Role::Muted };
        line(right, y, &words, theme.style(role), theme, frame);
        let Ok(phases) = phases else { continue };
        let mut x = inside.x.saturating_add(u16::try_from(before).unwrap_or(u16::MAX));
        for (at, (_, ms)) in phases.each().into_iter().enumerate() {
            let share = if longest > 0.0 { ms.max(0.0) / longest } else { 0.0 };
            let bar = theme.glyphs.shades[at].repeat(((share * cells as f64).round() as usize).min(cells));
            if x < inside.right() {
                let role = [Role::Chart3, Role::Chart2, Role::Chart1, Role::Chart4][at];
                x += put(frame.buffer_mut(), x, y, &bar, inside.right() - x, theme.style(role));
            }
        }
    }
    let last = inside.bottom().saturating_sub(1);
    if let Some(more) = more {
        line(inside, last, &more, muted, theme, frame);
    } else if has_legend {
        let shades = theme.glyphs.shades.iter().zip(Phases::default().each());
        let words = shades.map(|(shade, (name, _))| format!("{shade} {name}")).collect::<Vec<_>>().join("  ");
        line(inside, last, &words, muted, theme, frame);
    }
}

/// How many of so many are shown on so many rows, and what is said of the others on the last row.
fn fit_rows(many: usize, rows: u16) -> (usize, Option<String>) {
    let rows = usize::from(rows);
    if many <= rows {
        return (many, None);
    }
    let shown = rows.saturating_sub(1);
    (shown, Some(format!("{} more: no room here", many - shown)))
}

/// Of samples without phases.
const UNTOLD: &str = "not told by this engine";

fn no_samples(bench: &Bench) -> &'static str {
    if bench.live { "no samples yet" } else { "no samples" }
}

/// The phases of each lane, of the shown suite's first figure, or why there are none: those of others are none.
fn told(bench: &Bench) -> Vec<(&'static str, Result<Phases, &'static str>)> {
    let (Some((suite, _)), Some(report)) = (bench.shown(), bench.report()) else { return Vec::new() };
    let first = suite.cases().first().map(|case| case.name);
    let of =
        report.series.iter().filter(|series| series.suite == suite && Some(series.case.as_str()) == first);
    let why = |series: &Series| if series.samples.is_empty() { no_samples(bench) } else { UNTOLD };
    of.map(|series| (bench::lane_name(series.lane), series.median_phases().ok_or_else(|| why(series))))
        .collect()
}
