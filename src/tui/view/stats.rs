//! The stats pane: what the chosen session uses, what isolates it, how fast programs start, and what the last run
//! cost. What isn't known is a dash; each curve has its figures in words beside it.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::engine::LinkUp;
use crate::protocol::{IsolationReport, RuntimeType, SessionInfo, SessionStats};
use crate::tui::connection::round_trip;
use crate::tui::history::Record;
use crate::tui::model::{Model, Pane, SessionRow, Verdict};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::trace::{SAMPLES, Starts, Trace};
use crate::tui::widget::outcome;

/// What stands in the frame.
pub(super) fn edges(model: &Model) -> (String, String, String) {
    let title = match model.sessions.current() {
        Some(row) => {
            format!(
                "{}  {} {}",
                Pane::Stats.title(),
                row.info.language.extension(),
                row.info.runtime_type.short()
            )
        }
        None => Pane::Stats.title().to_owned(),
    };
    let right = if model.watched().is_some() { "live 1 s" } else { "" };
    (title, right.to_owned(), String::new())
}

/// What the chosen session uses, for a line where there is no room for the pane.
pub(super) fn in_short(model: &Model) -> Option<String> {
    let row = model.sessions.current().filter(|_| model.watched().is_some())?;
    let stats = row.stats.as_ref()?;
    let cpu = row.cpu_percent.map_or_else(dash, |percent| format!("{percent:.1}%"));
    Some(format!("cpu {cpu}  {}", stats.memory_bytes.map_or_else(dash, text::bytes)))
}

/// Cells of a row's name.
const NAME: usize = 10;
/// Cells of a figure that has a curve beside it.
const FIGURE: usize = 8;
/// The least that a curve of the processor share is drawn against, in per cent.
const LEAST_SHARE: f64 = 10.0;

/// A line of the pane.
enum Line<'a> {
    Gap,
    Note(String),
    Heading(String),
    /// A name and a value; a name is empty where the value goes on.
    Row(&'static str, String),
    /// A name, a value, its curve and what that is drawn against.
    Curve(&'static str, String, &'a Trace, f64),
    Outcome(Verdict, String),
    /// A layer of confinement, active or not.
    Layer(bool, String),
}

/// The lines of the pane, the most important first. Gaps are left out where there is no room for all.
fn lines(model: &Model, inside: Rect) -> Vec<Line<'_>> {
    let cells = usize::from(inside.width).saturating_sub(1 + NAME);
    let mut lines = Vec::new();
    let current = model.sessions.current();
    match current {
        Some(row) => session(row, model, cells, &mut lines),
        None => lines.push(Line::Note("no session yet".to_owned())),
    }
    if let Some(row) = current {
        starts(&model.starts, row.info.runtime_type, &mut lines);
    }
    if let Some(record) = last_record(model) {
        last_run(record, cells, &mut lines);
    }
    if let Some(up) = model.connection.up() {
        server(up, cells, &mut lines);
    }
    if let Some(row) = current {
        limits(&row.info, cells, &mut lines);
        layers(&row.info.isolation, cells + NAME, &mut lines);
    }
    if lines.len() > usize::from(inside.height) {
        lines.retain(|line| !matches!(line, Line::Gap));
    }
    lines
}

/// The first line shown, those that have room, and all: the place a person scrolled to, as far as there are lines.
fn place(model: &Model, all: usize, inside: Rect) -> usize {
    model.stats_top.min(all.saturating_sub(usize::from(inside.height)))
}

/// First row shown, rows shown, all rows.
pub(crate) fn scroll(model: &Model, inside: Rect) -> (usize, usize, usize) {
    let all = lines(model, inside).len();
    (place(model, all, inside), usize::from(inside.height), all)
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let lines = lines(model, area);
    let top = place(model, lines.len(), area);
    for (line, y) in lines.iter().skip(top).zip(area.top()..area.bottom()) {
        let at = Rect { x: area.x + 1, y, width: area.width.saturating_sub(1), height: 1 };
        draw_line(line, theme, at, frame);
    }
}

fn draw_line(line: &Line<'_>, theme: &Theme, at: Rect, frame: &mut Frame<'_>) {
    let mut write = |x: u16, text: &str, role: Role| {
        let room = at.right().saturating_sub(x);
        let shown = text::fit(text, usize::from(room), theme.glyphs.cut);
        put(frame.buffer_mut(), x, at.y, &shown, room, theme.style(role))
    };
    match line {
        Line::Gap => {}
        Line::Note(text) => drop(write(at.x, text, Role::Muted)),
        Line::Heading(text) => drop(write(at.x, text, Role::Strong)),
        Line::Row(name, value) => {
            let used = write(at.x, &format!("{name:<NAME$}"), Role::Muted);
            write(at.x + used, value, Role::Text);
        }
        Line::Curve(name, value, trace, full) => {
            let mut x = at.x + write(at.x, &format!("{name:<NAME$}"), Role::Muted);
            x += write(x, &format!("{value:<FIGURE$} "), Role::Text);
            let room = usize::from(at.right().saturating_sub(x)).min(SAMPLES);
            write(x, &trace.drawn(room, *full, &theme.glyphs.spark), Role::Chart1);
        }
        Line::Outcome(of, words) => {
            let (glyph, word, _) = outcome(theme, *of);
            let used = write(at.x, &format!("{:<NAME$}", "ended"), Role::Muted);
            write(at.x + used, &format!("{glyph} {word}  {words}"), Role::Text);
        }
        Line::Layer(active, text) => {
            let (glyph, role) = if *active { (theme.glyphs.ok, Role::Text) } else { ("-", Role::Muted) };
            write(at.x, &format!("{glyph} {text}"), role);
        }
    }
}

fn dash() -> String {
    "-".to_owned()
}

/// As limits are set: in units of 1024.
fn size(bytes: u64) -> String {
    match bytes >> 20 {
        0 => text::bytes(bytes),
        mb => format!("{mb} MB"),
    }
}

/// ` of 64`, where there is a limit.
fn of(limit: Option<String>) -> String {
    limit.map_or_else(String::new, |limit| format!(" of {limit}"))
}

fn session<'a>(row: &'a SessionRow, model: &Model, cells: usize, lines: &mut Vec<Line<'a>>) {
    let notes = row.reason.iter().flat_map(|reason| text::wrap(reason, cells + NAME));
    lines.extend(notes.map(Line::Note));
    let stats = row.stats.clone().unwrap_or_default();
    usage(row, &stats, lines);
    let info = &row.info;
    let mut line = |name, value| lines.push(Line::Row(name, value));
    let limit = info.limits.processes.map(|n| n.to_string());
    line("processes", stats.processes.map_or_else(dash, |n| n.to_string()) + &of(limit));
    let files = stats.workspace_files.map_or_else(dash, |n| n.to_string());
    let bytes = stats.workspace_bytes.map_or_else(dash, text::bytes);
    line("files", format!("{files}   {bytes}{}", of(info.limits.workspace_bytes.map(size))));
    // Before what can be spared: it is to be seen on small screens, too.
    let letters = &info.isolation.letters;
    let score = if letters.is_empty() { dash() } else { format!("{}/10", info.isolation.score) };
    line("isolation", format!("{score}  {letters}"));
    line("network", network(letters, info.config.network).to_owned());
    let age = row.age(model.now).map_or_else(dash, text::minutes);
    // The engine counts what lists files too.
    let count = match row.made_here {
        true => format!("runs {}", row.runs),
        false => format!("commands {}", info.execution_count),
    };
    line("up", format!("{age}   {count}"));
}

/// Processor and memory, each with its curve and the words for it.
fn usage<'a>(row: &'a SessionRow, stats: &SessionStats, lines: &mut Vec<Line<'a>>) {
    let cpu = row.cpu_percent.map_or_else(dash, |percent| format!("{percent:.1} %"));
    let top = row.cpu_trace.top();
    lines.push(Line::Curve("cpu", cpu, &row.cpu_trace, top.unwrap_or(0.0).max(LEAST_SHARE)));
    let total = stats.cpu_ms.map_or_else(dash, text::whole_millis);
    let most = top.map_or_else(dash, |percent| format!("{percent:.0} %"));
    lines.push(Line::Row("  total", format!("{total}   most {most}")));
    let memory = stats.memory_bytes.map_or_else(dash, text::bytes);
    // What stays as it is draws a line below the upper edge.
    let full = row.memory_trace.top().unwrap_or(0.0) * 1.5;
    lines.push(Line::Curve("memory", memory, &row.memory_trace, full));
    let peak = stats.peak_memory_bytes.map_or_else(dash, text::bytes);
    let limit = row.info.config.memory_limit_mb.map(|mb| format!("{mb} MB"));
    lines.push(Line::Row("  peak", format!("{peak}{}", of(limit))));
}

/// How long programs took to start on this runtime, as this workbench saw it.
fn starts(starts: &Starts, runtime: RuntimeType, lines: &mut Vec<Line<'_>>) {
    let head = format!("{:>8} {:>8} {:>3}", "p50", "p95", "n");
    lines.extend([Line::Gap, Line::Row("start", head)]);
    for (name, cold) in [("cold", true), ("warm", false)] {
        let summary = starts.summary(runtime, cold);
        let [p50, p95] = [summary.p50, summary.p95].map(|ms| ms.map_or_else(dash, text::millis));
        lines.push(Line::Row(name, format!("{p50:>8} {p95:>8} {:>3}", summary.count)));
    }
}

/// The last run that has ended: of the chosen session, or of any where there is none.
fn last_record(model: &Model) -> Option<&Record> {
    let id = model.sessions.current().map(|row| &row.info.session_id);
    let here = |record: &&Record| record.end.is_some() && (id.is_none() || record.session() == id);
    model.history.newest_first(None).find(here)
}

fn last_run(record: &Record, cells: usize, lines: &mut Vec<Line<'_>>) {
    let Some(end) = &record.end else { return };
    lines.extend([Line::Gap, Line::Heading(format!("last: run {}", record.number))]);
    // A glyph and a word stand before it.
    let mut ending = text::wrap(&end.ending, cells.saturating_sub(12)).into_iter();
    lines.push(Line::Outcome(end.verdict, ending.next().unwrap_or_default()));
    lines.extend(ending.map(|part| Line::Row("", part)));
    let time = |ms: Option<u64>| ms.map_or_else(dash, text::whole_millis);
    lines.push(Line::Row("wall", format!("{}   in all {}", time(end.wall_ms), time(end.total_ms))));
    let peak = end.peak_bytes.map_or_else(dash, text::bytes);
    lines.push(Line::Row("cpu", format!("{}   peak {peak}", time(end.cpu_ms))));
}

/// The limits in force that no figure above stands beside.
fn limits(info: &SessionInfo, cells: usize, lines: &mut Vec<Line<'_>>) {
    let limits = &info.limits;
    let span = |ms: u64| text::span(std::time::Duration::from_millis(ms));
    let items = [
        limits.cpu_shares.map(|shares| format!("cpu {:.1}", shares as f64 / 1024.0)),
        limits.timeout_ms.map(|ms| format!("time {}", span(ms))),
        limits.cpu_seconds.map(|s| format!("cpu time {}", span(s.saturating_mul(1000)))),
        limits.open_files.map(|n| format!("open files {n}")),
        limits.workspace_files.map(|n| format!("files {n}")),
        limits.file_size_bytes.map(|bytes| format!("a file {}", size(bytes))),
        limits.output_bytes.map(|bytes| format!("output {}", size(bytes))),
        Some(format!("idle {} min", info.config.idle_timeout_minutes)),
        Some(format!("life {} min", info.config.max_lifetime_minutes)),
    ];
    lines.push(Line::Gap);
    for (at, part) in packed(items.into_iter().flatten(), cells).into_iter().enumerate() {
        lines.push(Line::Row(if at == 0 { "limits" } else { "" }, part));
    }
}

/// Items in as few lines as may be, none of them broken.
fn packed(items: impl Iterator<Item = String>, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if text::width(line) + 2 + text::width(&item) <= cells => {
                line.push_str("  ");
                line.push_str(&item);
            }
            _ => lines.push(item),
        }
    }
    lines
}

/// The layers that the score is made of, those that are missing with their reasons.
fn layers(isolation: &IsolationReport, cells: usize, lines: &mut Vec<Line<'_>>) {
    if isolation.layers.is_empty() && isolation.weakened.is_empty() {
        return;
    }
    let tier = &isolation.tier;
    let heading = if tier.is_empty() { "isolation".to_owned() } else { format!("isolation: {tier}") };
    lines.extend([Line::Gap, Line::Heading(heading)]);
    lines.extend(text::wrap(&isolation.weakened, cells).into_iter().map(Line::Note));
    for layer in &isolation.layers {
        let reason = if layer.active { "" } else { layer.detail.as_str() };
        let gap = if reason.is_empty() { "" } else { "  " };
        lines.push(Line::Layer(layer.active, format!("{}{gap}{reason}", layer.name)));
    }
}

/// What is so, not what was asked for: without confinement the network is open whatever the session's settings say.
fn network(letters: &str, wanted: bool) -> &'static str {
    match letters.split_whitespace().find_map(|letter| letter.strip_prefix('N')) {
        None => "?",
        Some("0") => "open",
        Some(_) if wanted => "on",
        Some(_) => "off",
    }
}

/// The server whose engine it is, and what it can't do.
fn server(up: &LinkUp, cells: usize, lines: &mut Vec<Line<'_>>) {
    lines.extend([Line::Gap, Line::Heading("server".to_owned())]);
    lines.push(Line::Row("address", up.server.clone()));
    lines.push(Line::Row("is", up.software.clone()));
    let time = up.round_trip.map_or_else(|| "-".to_owned(), round_trip);
    lines.push(Line::Row("answers", format!("in {time}")));
    for (at, part) in text::wrap(&up.missing.join(", "), cells).into_iter().enumerate() {
        lines.push(Line::Row(if at == 0 { "can't do" } else { "" }, part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_shown_as_it_is_confined() {
        assert_eq!(network("F0 N0 P0 R1 K0", false), "open");
        assert_eq!(network("F0 N0 P0 R1 K0", true), "open");
        assert_eq!(network("F2 N2 P1 R1 K1", false), "off");
        assert_eq!(network("F2 N1 P1 R1 K1", true), "on");
        assert_eq!(network("", false), "?");
    }

    #[test]
    fn items_are_not_broken() {
        let items = || ["cpu 1.0", "time 30 s", "idle 30 min"].into_iter().map(str::to_owned);
        assert_eq!(packed(items(), 22), ["cpu 1.0  time 30 s", "idle 30 min"]);
        assert_eq!(packed(items(), 0), ["cpu 1.0", "time 30 s", "idle 30 min"]);
    }

    #[test]
    fn layers_that_are_missing_say_why() {
        let layer = |name: &str, active| crate::protocol::LayerReport {
            name: name.to_owned(),
            active,
            detail: if active { "as it was tried".to_owned() } else { "no right".to_owned() },
        };
        let isolation = IsolationReport {
            weakened: "user namespaces are off here".to_owned(),
            layers: vec![layer("landlock", true), layer("cgroup", false)],
            ..IsolationReport::default()
        };
        let mut lines = Vec::new();
        layers(&isolation, 16, &mut lines);
        let words = lines.into_iter().map(|line| match line {
            Line::Note(text) | Line::Heading(text) | Line::Row(_, text) => text,
            Line::Layer(active, text) => format!("{active} {text}"),
            _ => String::new(),
        });
        let words = words.collect::<Vec<_>>().join("|");
        assert_eq!(words, "|isolation|user namespaces|are off here|true landlock|false cgroup  no right");
    }
}
