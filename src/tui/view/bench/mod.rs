//! The screen of a benchmark: how far it is, what the samples say of each runtime, and charts of them.

mod charts;
mod table;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{bars, foot, put};
use crate::bench::{LaneProgress, Progress, Suite};
use crate::tui::bench::{self, Bench, Panel, Places, Sort};
use crate::tui::commands::{BenchCmd, Cmd};
use crate::tui::layout::{Class, Layout};
use crate::tui::model::{Model, Verdict};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::{Framed, draw as draw_frame};
use crate::tui::widget::verdict;

/// Cells of the bar that shows how far it is, at most.
const BAR: usize = 30;
/// And at least.
const LEAST_BAR: usize = 8;

pub(super) fn draw(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    let Some(bench) = &model.bench else { return };
    let places = bench.places(model.without_tour(frame.area().as_size()));
    top(bench, model, theme, places.top, frame);
    progress(bench, model, &places, theme, frame);
    results(bench, model, &places, theme, frame);
    charts::histogram(bench, model, places.histogram, theme, frame);
    match (places.class, bench.panel) {
        (Some(Class::Wide), _) | (_, Panel::Runs) => charts::runs(bench, model, places.panel, theme, frame),
        (_, Panel::Cold) => charts::cold(bench, model, places.panel, theme, frame),
        (_, Panel::Phases) => charts::phases(bench, model, places.panel, theme, frame),
    }
    charts::cold(bench, model, places.cold, theme, frame);
    charts::phases(bench, model, places.phases, theme, frame);
    base_line(bench, model, layout, places.base, theme, frame);
    bars::keys(model, layout, theme, frame);
    bars::status(model, layout, theme, frame);
}

/// A line of text in an area, cut to it.
fn line(area: Rect, y: u16, words: &str, style: Style, theme: &Theme, frame: &mut Frame<'_>) {
    if y < area.bottom() && y >= area.y {
        let words = text::fit(words, usize::from(area.width), theme.glyphs.cut);
        put(frame.buffer_mut(), area.x, y, &words, area.width, style);
    }
}

/// A framed panel; gives its inside, with a blank at its left.
fn panel(title: &str, right: &str, area: Rect, theme: &Theme, frame: &mut Frame<'_>) -> Rect {
    if area.is_empty() {
        return Rect::ZERO;
    }
    let framed = Framed { title: title.trim(), right, ..Framed::default() };
    let inside = draw_frame(&framed, theme, area, frame);
    // Where there is little room, none of it is left blank at the right.
    let right = if area.width < 50 { 1 } else { 2 };
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(right), ..inside }
}

fn top(bench: &Bench, model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let lanes = match bench.plan.lanes.len() {
        0 => "the engine".to_owned(),
        1 => "1 runtime".to_owned(),
        n => format!("{n} runtimes"),
    };
    let place = model.connection.server().unwrap_or("local");
    let code = bench.plan.code.as_ref().filter(|code| code.name == model.document.name());
    let changed = code.is_some_and(|code| code.text != model.editor.text());
    let changed = if changed { "   the text has changed since" } else { "" };
    let words = format!("Bench: {} on {lanes}   {}{changed}", bench.name(), text::sanitise(place));
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    line(area, area.y, &words, theme.style(Role::Strong), theme, frame);
}

/// How far it is: each lane of the suite that is measured, and all of it.
fn progress(bench: &Bench, model: &Model, places: &Places, theme: &Theme, frame: &mut Frame<'_>) {
    let area = if places.class == Some(Class::Wide) {
        let keys = [(Cmd::Bench(BenchCmd::Pause), "pause"), (Cmd::Stop, "stop")];
        let keys = if bench.live { foot(model, &keys) } else { String::new() };
        panel("Progress", &keys, places.progress, theme, frame)
    } else {
        Rect { x: places.progress.x + 1, width: places.progress.width.saturating_sub(2), ..places.progress }
    };
    if area.is_empty() {
        return;
    }
    let Some(progress) = bench.progress() else {
        let (glyph, _, style) = verdict(theme, Verdict::Run);
        return line(area, area.y, &format!("{glyph} asking the engine"), style, theme, frame);
    };
    // What matters most has its place at the right; before it the lanes, and between them a bar.
    let (of, words) = if bench.live { whole(bench, progress) } else { bench.outcome() };
    let (glyph, _, style) = verdict(theme, of);
    let end = format!("{glyph} {words}");
    let end = text::fit(&end, usize::from(area.width), theme.glyphs.cut).into_owned();
    let cells = u16::try_from(text::width(&end)).unwrap_or(area.width);
    put(frame.buffer_mut(), area.right() - cells, area.y, &end, cells, style);
    let right = area.right().saturating_sub(cells + 2);
    let mut x = area.x;
    let room = usize::from(right.saturating_sub(x));
    for (words, style) in fitting(bench, progress, room, theme) {
        x += put(frame.buffer_mut(), x, area.y, &words, right.saturating_sub(x), style) + 2;
    }
    let bar = if bench.live {
        bar(progress, usize::from(right.saturating_sub(x)).min(BAR), theme)
    } else {
        String::new()
    };
    let cells = u16::try_from(text::width(&bar)).unwrap_or(0);
    put(frame.buffer_mut(), right.saturating_sub(cells), area.y, &bar, cells, theme.style(Role::Chart1));
}

/// How far all of it is.
fn whole(bench: &Bench, progress: &Progress) -> (Verdict, String) {
    let share = 100.0 * f64::from(progress.done) / f64::from(progress.total.max(1));
    let eta = match progress.eta {
        Some(eta) if !bench.paused => format!("eta {}", text::span(eta)),
        _ => "eta -".to_owned(),
    };
    match (bench.stopped, bench.paused) {
        (true, _) => (Verdict::Warn, format!("stopping at {share:.0} %")),
        (false, true) => (Verdict::Idle, format!("paused at {share:.0} %")),
        (false, false) => (Verdict::Run, format!("{share:3.0} %   {eta}")),
    }
}

fn bar(progress: &Progress, cells: usize, theme: &Theme) -> String {
    let cells = cells.saturating_sub(2);
    if cells + 2 < LEAST_BAR {
        return String::new();
    }
    let done = cells * progress.done.min(progress.total) as usize / progress.total.max(1) as usize;
    format!("[{}{}]", theme.glyphs.full.repeat(done), theme.glyphs.empty.repeat(cells - done))
}

/// How much is said of each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// How it is, and how far of how much.
    Full,
    /// Its mark says how it is.
    Counts,
    /// And the suite by its number alone.
    Brief,
    /// How far alone.
    Least,
}

/// The pieces in as many words as there is room for beside the bar, else without it.
fn fitting(bench: &Bench, progress: &Progress, room: usize, theme: &Theme) -> Vec<(String, Style)> {
    let of = |detail| -> Vec<(String, Style)> {
        let look = |(of, words)| {
            let (glyph, _, style) = verdict(theme, of);
            (format!("{glyph} {words}"), style)
        };
        pieces(bench, progress, detail).into_iter().map(look).collect()
    };
    // Two blanks behind each part it from what follows.
    let cells =
        |pieces: &[(String, Style)]| pieces.iter().map(|(words, _)| text::width(words) + 2).sum::<usize>();
    let details = [Detail::Full, Detail::Counts, Detail::Brief, Detail::Least];
    let fits = |room: usize| details.into_iter().map(of).find(|pieces| cells(pieces) <= room);
    let beside_bar = room.checked_sub(LEAST_BAR).filter(|_| bench.live).and_then(fits);
    if let Some(pieces) = beside_bar.or_else(|| fits(room + 2)) {
        return pieces;
    }
    // Those that there is no room for are counted.
    let mut pieces = of(Detail::Least);
    let mut more = 0;
    while cells(&pieces) + 2 > room && pieces.pop().is_some() {
        more += 1;
    }
    pieces.push((format!("+{more}"), theme.style(Role::Muted)));
    pieces
}

/// The suite that is measured, where there are several, and its lanes.
fn pieces(bench: &Bench, progress: &Progress, detail: Detail) -> Vec<(Verdict, String)> {
    let suites = &bench.plan.suites;
    let at = progress.suite.and_then(|suite| suites.iter().position(|of| *of == suite));
    let suite = |at: usize| {
        let (nth, many, name) = (at + 1, suites.len(), suites.get(at).map_or("", |s| s.name()));
        match detail {
            Detail::Full | Detail::Counts => format!("suite {nth} of {many}: {name}"),
            Detail::Brief => format!("{nth}/{many} {name}"),
            Detail::Least => format!("{nth}/{many}"),
        }
    };
    let suite = at.filter(|_| suites.len() > 1).map(|at| (Verdict::Run, suite(at)));
    suite.into_iter().chain(bench.lanes().into_iter().map(|lane| piece(bench, &lane, detail))).collect()
}

fn piece(bench: &Bench, lane: &LaneProgress, detail: Detail) -> (Verdict, String) {
    let name = bench::lane_name(lane.lane);
    let (of, word) = match lane {
        LaneProgress { given_up: Some(_), .. } => (Verdict::Fail, "given up"),
        lane if lane.done >= lane.total => (Verdict::Ok, "done"),
        _ if !bench.live => (Verdict::Warn, "stopped"),
        // They take turns: which it is at this moment says nothing.
        _ => (Verdict::Run, ""),
    };
    let words = match detail {
        Detail::Full => format!("{name} {word} {}/{}", lane.done, lane.total).replace("  ", " "),
        Detail::Counts | Detail::Brief => format!("{name} {}/{}", lane.done, lane.total),
        Detail::Least => format!("{name} {}", lane.done),
    };
    (of, words)
}

/// What the table is of.
fn title(bench: &Bench) -> String {
    let Some((suite, case)) = bench.shown() else { return "Results".to_owned() };
    let figures = bench.figures();
    let unit = suite.cases().iter().find(|of| of.name == case).map(|of| of.unit);
    let sense = unit.map_or_else(String::new, |unit| {
        let better = if unit.more_is_better() { "higher" } else { "lower" };
        format!("  {}, {better} is better", unit.sign())
    });
    let what = if suite.cases().len() > 1 { format!(": {case}") } else { String::new() };
    let several = match figures.len() {
        0 | 1 => String::new(),
        n => format!("  {} of {n}", bench.figure.min(n - 1) + 1),
    };
    let name = if suite == Suite::Code { bench.name_of_code() } else { suite.title().to_owned() };
    format!("Results  {name}{what}{sense}{several}")
}

fn results(bench: &Bench, model: &Model, places: &Places, theme: &Theme, frame: &mut Frame<'_>) {
    let area = places.results;
    if area.is_empty() {
        return;
    }
    let wide = places.class == Some(Class::Wide);
    let inside = if places.class == Some(Class::Small) {
        area
    } else {
        let sort = model.keymap.shown(Cmd::Bench(BenchCmd::Sort), &model.places(), false);
        let sort = sort.filter(|_| wide || bench.sort != Sort::Plan);
        let sort = sort.map_or_else(String::new, |key| format!("{key} {}", bench.order()));
        let figures = [(Cmd::Bench(BenchCmd::NextFigure), if wide { "next figure" } else { "next" })];
        let figures = if bench.figures().len() > 1 { foot(model, &figures) } else { String::new() };
        let right = format!("{figures}  {sort}").trim().to_owned();
        let framed =
            Framed { title: &title(bench), right: &right, foot: "", focused: model.overlays.is_empty() };
        draw_frame(&framed, theme, area, frame)
    };
    let used = table::draw(bench, theme, inside, frame);
    let mut y = inside.y + used + u16::from(wide);
    if places.class == Some(Class::Small) {
        table::details(bench, theme, Rect { y, height: inside.bottom().saturating_sub(y), ..inside }, frame);
        return;
    }
    let inside = Rect { x: inside.x + 2, width: inside.width.saturating_sub(3), ..inside };
    let mut notes = Vec::new();
    if wide {
        notes.push(base_words(bench, model));
    }
    let noise = bench.digest().and_then(|digest| digest.noise.clone());
    notes.extend(noise.map(|noise| (Verdict::Warn, noise)));
    notes.extend(bench.troubles().into_iter().map(|why| (Verdict::Fail, why)));
    notes.extend(bench.report().filter(|_| wide).map(|report| (Verdict::Idle, report.method.words.clone())));
    for (of, words) in notes {
        let (glyph, _, style) = verdict(theme, of);
        let (words, style) = match of {
            Verdict::Idle => (words, theme.style(Role::Muted)),
            _ => (format!("{glyph} {words}"), style),
        };
        line(inside, y, &words, style, theme, frame);
        y = y.saturating_add(1);
    }
}

/// What it is compared with.
fn base_words(bench: &Bench, model: &Model) -> (Verdict, String) {
    if let Some(base) = bench.digest().and_then(|digest| digest.base.as_ref()) {
        return (Verdict::Idle, format!("baseline: {}", text::sanitise(base)));
    }
    let key = |cmd| model.keymap.shown(Cmd::Bench(cmd), &model.places(), false);
    let ways = [
        (BenchCmd::Keep, "keeps this one by a name"),
        (BenchCmd::Compare, "compares with one that was kept"),
    ];
    let ways = ways.into_iter().filter_map(|(cmd, what)| Some(format!("{} {what}", key(cmd)?)));
    (Verdict::Idle, format!("baseline: none   {}", ways.collect::<Vec<_>>().join("   ")))
}

/// Where there are no frames to hold it: what it is compared with, or on a small screen what was told last.
fn base_line(
    bench: &Bench,
    model: &Model,
    layout: &Layout,
    area: Rect,
    theme: &Theme,
    frame: &mut Frame<'_>,
) {
    let told = model.notice.as_ref().filter(|_| layout.class == Class::Small);
    let (of, words) =
        told.map_or_else(|| base_words(bench, model), |notice| (notice.verdict, notice.message.clone()));
    let (glyph, _, style) = verdict(theme, of);
    let (words, style) = match told {
        Some(_) => (format!("{glyph} {words}"), style),
        None => (words, theme.style(Role::Muted)),
    };
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    line(area, area.y, &words, style, theme, frame);
}
