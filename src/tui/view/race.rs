//! The screen of a race: each runtime's output side by side, their times as bars, and whether they agree.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::{bars, output, put};
use crate::tui::layout::{Class, Layout};
use crate::tui::model::{Model, Verdict};
use crate::tui::output::Wrapped;
use crate::tui::race::{Lane, Places, Race, Start};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::{Framed, draw as draw_frame};
use crate::tui::widget::{outcome, verdict};

pub(super) fn draw(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    let Some(race) = &model.race else { return };
    let places = race.places(model.without_tour(frame.area().as_size()));
    top(race, model, theme, places.top, frame);
    for (at, lane) in race.lanes.iter().enumerate() {
        draw_lane(lane, at, race, &places, model, theme, frame);
    }
    draw_times(race, &places, theme, frame);
    draw_verdict(race, layout, model, theme, places.verdict, frame);
    bars::keys(model, layout, theme, frame);
    bars::status(model, layout, theme, frame);
}

fn top(race: &Race, model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let how = if race.in_turn { "one after another" } else { "all at once" };
    let many = match race.lanes.len() {
        1 => "1 runtime, without input".to_owned(),
        n => format!("{n} runtimes, {how}, without input"),
    };
    let server = model.connection.server().map_or_else(String::new, |server| format!("   {server}"));
    let words = format!("Race  {} on {many}{server}", race.name);
    let words = text::fit(&words, usize::from(line.width.saturating_sub(1)), theme.glyphs.cut);
    put(frame.buffer_mut(), line.x + 1, line.y, &words, line.width, theme.style(Role::Strong));
}

fn draw_lane(
    lane: &Lane,
    at: usize,
    race: &Race,
    places: &Places,
    model: &Model,
    theme: &Theme,
    frame: &mut Frame<'_>,
) {
    let area = places.lanes.get(at).copied().unwrap_or_default();
    if area.is_empty() {
        return;
    }
    let inside = places.inside(at);
    if places.framed {
        let (glyph, word, _) = state(lane, theme);
        let right = format!("{glyph} {word}");
        let (rows, columns) = (usize::from(inside.height), usize::from(inside.width));
        let (first, all) = lane.output.extent(rows, columns);
        let foot = match (lane.output.follows(), all > rows) {
            (true, false) => String::new(),
            (true, true) => format!("{all} lines {}", theme.glyphs.down),
            (false, _) => format!("line {} of {all}", first + 1),
        };
        let focused = at == race.chosen && model.overlays.is_empty();
        let framed = Framed { title: &title(lane, model), right: &right, foot: &foot, focused };
        draw_frame(&framed, theme, area, frame);
    }
    draw_output(lane, theme, inside, frame);
}

fn title(lane: &Lane, model: &Model) -> String {
    let row = model.runtimes.rows.iter().find(|row| row.runtime == lane.runtime);
    let version = row.and_then(|row| row.info.as_ref()?.version.as_deref()).unwrap_or_default();
    // That of an interpreter has its name before it.
    let short =
        version.split_whitespace().next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let plain = short.filter(|short| short.len() <= 12).unwrap_or_default();
    format!("{} {plain}", lane.runtime.short()).trim_end().to_owned()
}

/// How a lane stands. Whatever ended it from outside has stopped it.
fn state(lane: &Lane, theme: &Theme) -> (&'static str, &'static str, Style) {
    let (of, word) = lane.state();
    let (glyph, _, style) = outcome(theme, of);
    (glyph, word, style)
}

fn draw_output(lane: &Lane, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let (rows, columns) = (usize::from(area.height), usize::from(area.width));
    if lane.output.is_empty() && rows > 0 {
        let words = if lane.is_live() { "nothing yet" } else { "no output" };
        put(frame.buffer_mut(), area.x, area.y, words, area.width, theme.style(Role::Muted));
        return;
    }
    let (first, mut above) = lane.output.first_shown(rows, columns);
    let mut y = area.y;
    let mut next = Some(first);
    while let Some(at) = next {
        next = lane.output.after(at);
        let Some(line) = lane.output.line(at).filter(|_| y < area.bottom()) else { break };
        let mut place = Wrapped { row: 0, column: 0, columns };
        for output::Piece { text: piece, style, .. } in output::pieces(&line, theme, columns) {
            for grapheme in piece.graphemes(true) {
                let width = text::width(grapheme);
                let (row, column) = place.put(width);
                let Some(row) = row.checked_sub(above).and_then(|row| u16::try_from(row).ok()) else {
                    continue;
                };
                if y.saturating_add(row) < area.bottom() {
                    let x = area.x + u16::try_from(column).unwrap_or(0);
                    frame.buffer_mut().set_stringn(x, y + row, grapheme, width, style);
                }
            }
        }
        y = y.saturating_add(u16::try_from((place.row + 1).saturating_sub(above)).unwrap_or(u16::MAX));
        above = 0;
    }
}

/// The columns of the times, as many as there is room for; the bar has what is left.
struct Columns {
    name: usize,
    state: usize,
    bar: usize,
    /// Start, run, cpu, peak: those that fit.
    figures: usize,
}

const FIGURE: usize = 9;
const FIGURES: [&str; 4] = ["start-up", "run", "cpu", "peak"];

impl Columns {
    fn of(width: u16) -> Self {
        let (name, state) = (9, 11);
        let left = usize::from(width).saturating_sub(name + state + FIGURE);
        // A bar of at least eight cells.
        let figures = (left.saturating_sub(9) / FIGURE).min(FIGURES.len());
        Self { name, state, bar: left.saturating_sub(figures * FIGURE + 1).min(60), figures }
    }
}

fn draw_times(race: &Race, places: &Places, theme: &Theme, frame: &mut Frame<'_>) {
    let area = places.times;
    let columns = Columns::of(area.width);
    let mut rows = area.top()..area.bottom();
    let glyphs = &theme.glyphs;
    if places.framed
        && let Some(y) = rows.next()
    {
        let bar = format!("{} start {} run", glyphs.empty, glyphs.full);
        let bar = text::pad(&bar, columns.bar, "");
        let Columns { name, state, .. } = columns;
        let mut heads = format!(" {:<name$}{:<state$}{bar}{:>FIGURE$}", "runtime", "state", "in all");
        FIGURES.iter().take(columns.figures).for_each(|head| heads.push_str(&format!("{head:>FIGURE$}")));
        put(frame.buffer_mut(), area.x, y, &heads, area.width, theme.style(Role::Muted));
    }
    let longest = race.lanes.iter().filter_map(Lane::total_ms).fold(0.0, f64::max);
    for ((at, lane), y) in race.lanes.iter().enumerate().zip(rows.by_ref()) {
        let line = Rect { y, height: 1, ..area };
        draw_time(lane, at == race.chosen, longest, &columns, theme, line, frame);
    }
    for ((runtime, why), y) in race.others.iter().zip(rows) {
        let words = format!(" {:<name$}- {why}", runtime.short(), name = columns.name);
        let words = text::fit(&words, usize::from(area.width), glyphs.cut);
        put(frame.buffer_mut(), area.x, y, &words, area.width, theme.style(Role::Muted));
    }
}

fn draw_time(
    lane: &Lane,
    chosen: bool,
    longest: f64,
    columns: &Columns,
    theme: &Theme,
    line: Rect,
    frame: &mut Frame<'_>,
) {
    let mut x = line.x;
    let mut write = |words: &str, cells: usize, style: Style| {
        let words = text::pad(words, cells, theme.glyphs.cut);
        let room = line.right().saturating_sub(x);
        x += put(frame.buffer_mut(), x, line.y, &words, room, style);
    };
    let mark = if chosen { theme.glyphs.pointer } else { " " };
    let role = if chosen { Role::Strong } else { Role::Text };
    write(mark, 1, theme.style(role));
    write(lane.runtime.short(), columns.name, theme.style(role));
    let (glyph, word, style) = state(lane, theme);
    write(&format!("{glyph} {word}"), columns.state, style);
    let total = lane.total_ms();
    let (start, run) = bar(lane, longest, columns.bar);
    write(&theme.glyphs.empty.repeat(start), start, theme.style(Role::Chart2));
    write(&theme.glyphs.full.repeat(run), columns.bar - start, theme.style(Role::Chart1));
    let unknown = || "-".to_owned();
    let end = lane.end();
    let start = match lane.start {
        Start::Unknown => unknown(),
        Start::Warm => "warm".to_owned(),
        Start::Cold(ms) => text::millis(ms),
    };
    let figures = [
        total.map_or_else(unknown, text::millis),
        start,
        end.and_then(|end| end.wall_ms).map_or_else(unknown, text::whole_millis),
        end.and_then(|end| end.cpu_ms).map_or_else(unknown, text::whole_millis),
        end.and_then(|end| end.peak_bytes).map_or_else(unknown, text::bytes),
    ];
    for (at, figure) in figures.iter().take(columns.figures + 1).enumerate() {
        let role = if at == 0 { Role::Strong } else { Role::Text };
        write(&format!("{figure:>FIGURE$}"), FIGURE, theme.style(role));
    }
}

/// Cells of the bar for the start and for the run, of so many for the longest of all.
fn bar(lane: &Lane, longest: f64, cells: usize) -> (usize, usize) {
    let Some(total) = lane.total_ms().filter(|_| longest > 0.0) else { return (0, 0) };
    // From 0 to the number of cells: nothing is lost.
    let part = |ms: f64| ((ms / longest * cells as f64).round() as usize).min(cells);
    let start = part(lane.start_ms());
    let whole = part(total).max(start).max(1);
    (start.min(whole), whole - start.min(whole))
}

/// Whether the answers agree; on a small screen what was told last has its place.
fn draw_verdict(
    race: &Race,
    layout: &Layout,
    model: &Model,
    theme: &Theme,
    line: Rect,
    frame: &mut Frame<'_>,
) {
    let told = model.notice.as_ref().filter(|_| layout.class == Class::Small);
    let (of, mut words) = match told {
        Some(notice) => (notice.verdict, notice.message.clone()),
        None => race.verdict(),
    };
    if let Some(quickest) = race.quickest_words().filter(|_| told.is_none()) {
        words.push_str(&format!("   {quickest}"));
    }
    let (glyph, _, style) = verdict(theme, of);
    // The words say what the glyph means; of a difference nothing has failed.
    let style = if of == Verdict::Idle { theme.style(Role::Muted) } else { style };
    let words = text::fit(&words, usize::from(line.width.saturating_sub(3)), theme.glyphs.cut).into_owned();
    put(frame.buffer_mut(), line.x + 1, line.y, &format!("{glyph} {words}"), line.width, style);
}
