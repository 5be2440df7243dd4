//! The history pane: the runs, the newest first, with what each cost and how it ended.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::tui::commands::Cmd;
use crate::tui::history::Record;
use crate::tui::model::{Model, Pane, Verdict};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::outcome;

/// What stands in the frame.
pub(super) fn edges(model: &Model) -> (String, String, String) {
    let focused = model.focus == Pane::History;
    let keys = [(Cmd::Rerun, "re-run"), (Cmd::CompareRuns, "diff"), (Cmd::OpenRun, "open")];
    let foot = if focused { super::foot(model, &keys) } else { String::new() };
    let count = model.shown_runs().count();
    let right = match (count, model.scope()) {
        (0, _) => String::new(),
        (_, Some(_)) => format!("this session {count}"),
        (_, None) => format!("all {count}"),
    };
    (Pane::History.title().to_owned(), right, foot)
}

/// Which run stands in each row of so many; none in the row of names.
pub(crate) fn rows(model: &Model, height: u16) -> Vec<Option<u32>> {
    let height = usize::from(height);
    let names = usize::from(height > 3);
    let fit = height.saturating_sub(names).max(1);
    let chosen = model.chosen_run().map(|record| record.number);
    let at = model.shown_runs().position(|record| Some(record.number) == chosen).unwrap_or(0);
    let first = (at + 1).saturating_sub(fit);
    let runs = model.shown_runs().skip(first).map(|record| Some(record.number));
    std::iter::repeat_n(None, names).chain(runs).take(height).collect()
}

/// From these widths on there is room for: the start and the wall time; the language, the processor time and the peak.
const TIMES: usize = 30;
const COST: usize = 56;

/// What stands left of how the run ended. The row of names is laid out as any other.
fn left(width: usize, [number, lang, runtime, start, wall, cpu, peak]: [&str; 7], cut: &str) -> String {
    let mut row = format!("{number:>4} ");
    let mut left = |words: &str, cells: usize| row += &(text::pad(words, cells, cut) + " ");
    if width >= COST {
        left(lang, 4);
    }
    left(runtime, 6);
    if width >= TIMES {
        left(start, 4);
        row += &format!("{wall:>7} ");
    }
    if width >= COST {
        row += &format!("{cpu:>7} {peak:>7} ");
    }
    row
}

fn row(run: &Record, width: usize, cut: &str) -> String {
    let end = run.end.as_ref();
    let time = |ms: Option<u64>| match ms {
        None => "-".to_owned(),
        Some(ms @ 60_000..) => text::clock(std::time::Duration::from_millis(ms)),
        Some(ms) => text::whole_millis(ms),
    };
    let (runtime, start) = match &run.place {
        Some(place) => (place.runtime.short(), if place.cold { "cold" } else { "warm" }),
        None => ("-", "-"),
    };
    let number = run.number.to_string();
    let wall = time(end.and_then(|end| end.wall_ms));
    let cpu = time(end.and_then(|end| end.cpu_ms));
    let peak = end.and_then(|end| end.peak_bytes).map_or_else(|| "-".to_owned(), text::bytes);
    left(width, [&number, run.language.extension(), runtime, start, &wall, &cpu, &peak], cut)
}

/// How a run ended, in so many cells: always with its mark, with all words where there is room.
fn ending(run: &Record, of: Verdict, theme: &Theme, cells: usize) -> String {
    let (glyph, word, _) = outcome(theme, of);
    let end = run.end.as_ref();
    let exit = end.and_then(|end| end.exit).map(|exit| exit.to_string());
    let words = end.map_or("", |end| end.ending.as_str());
    let long = format!("{glyph} {word}  {words}");
    let middle = format!("{glyph} {word} {}", exit.as_deref().unwrap_or_default());
    let short = match of {
        Verdict::Run => format!("{glyph} run"),
        _ => format!("{glyph} {}", exit.as_deref().unwrap_or("-")),
    };
    let fits = |words: &String| text::width(words.trim_end()) <= cells;
    if cells > 20 || fits(&long) {
        long
    } else if fits(&middle) {
        middle
    } else {
        short
    }
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    if model.shown_runs().next().is_none() {
        nothing(model, theme, area, frame);
        return;
    }
    let width = usize::from(area.width.saturating_sub(2));
    let cut = theme.glyphs.cut;
    let chosen = model.chosen_run().map(|record| record.number);
    for (number, y) in rows(model, area.height).into_iter().zip(area.top()..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        match number.and_then(|number| model.history.find(number)) {
            Some(run) => draw_run(run, chosen == number, model, theme, line, frame),
            None => {
                let names = left(width, ["#", "lang", "ran on", "", "wall", "cpu", "peak"], cut) + "exit";
                put(frame.buffer_mut(), line.x + 2, y, &names, line.width - 2, theme.style(Role::Muted));
            }
        }
    }
}

fn draw_run(run: &Record, chosen: bool, model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let focused = model.focus == Pane::History;
    let plain = theme.style(match (chosen, focused) {
        (true, true) => Role::Selected,
        (true, false) => Role::SelectedBlurred,
        _ => Role::Text,
    });
    let marked = model.history.marked == Some(run.number);
    let pointer = if chosen { theme.glyphs.pointer } else { " " };
    let mark = if marked { theme.glyphs.dot } else { " " };
    let row = row(run, usize::from(line.width.saturating_sub(2)), theme.glyphs.cut);
    // What runs elsewhere is not known while nobody can be asked.
    let of = match run.verdict() {
        Verdict::Run if model.connection.down().is_some() => Verdict::Unknown,
        of => of,
    };
    let (_, _, style) = outcome(theme, of);
    let mut x = line.x;
    for (words, style) in [(pointer, plain), (mark, theme.style(Role::Strong)), (&row, plain)] {
        x += put(frame.buffer_mut(), x, line.y, words, line.right().saturating_sub(x), style);
    }
    let room = usize::from(line.right().saturating_sub(x + 1));
    let words = text::fit(&ending(run, of, theme, room), room, theme.glyphs.cut).into_owned();
    put(frame.buffer_mut(), x, line.y, &words, line.right().saturating_sub(x), style);
}

/// What to do where there are no runs.
fn nothing(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let elsewhere = model.scope().is_some() && model.history.last().is_some();
    let hint = if elsewhere {
        super::foot(model, &[(Cmd::AllRuns, "those of all sessions")])
    } else {
        super::foot(model, &[(Cmd::Run, "runs the code")])
    };
    let first = if elsewhere { "no run in this session yet" } else { "no run yet" };
    for (words, y) in [first.to_owned(), hint].iter().zip(area.top()..area.bottom()) {
        let room = area.width.saturating_sub(1);
        put(frame.buffer_mut(), area.x + 1, y, words, room, theme.style(Role::Muted));
    }
}
