//! The stats pane: what the chosen session uses, what isolates it, and what the last run cost. What isn't known is
//! a dash.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::engine::LinkUp;
use crate::protocol::{IsolationReport, SessionInfo};
use crate::tui::connection::round_trip;
use crate::tui::model::{LastRun, Model, Pane, SessionRow};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
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

/// Cells of a row's name.
const NAME: usize = 10;

/// A line of the pane.
enum Line {
    Gap,
    Note(String),
    Heading(String),
    /// A name and a value; a name is empty where the value goes on.
    Row(&'static str, String),
    /// A layer of confinement, active or not.
    Layer(bool, String),
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let cells = usize::from(area.width.saturating_sub(1));
    let mut lines = Vec::new();
    let current = model.sessions.current();
    match current {
        Some(row) => session(row, &mut lines),
        None => lines.push(Line::Note("no session yet".to_owned())),
    }
    if let Some(last) = &model.runs.last {
        let shown = current.is_none_or(|row| last.session.as_ref() == Some(&row.info.session_id));
        let elsewhere = if shown { "" } else { ", in another session" };
        lines.extend([Line::Gap, Line::Heading(format!("last: run {}{elsewhere}", last.number))]);
        last_run(last, theme, cells.saturating_sub(NAME), &mut lines);
    }
    if let Some(up) = model.connection.up() {
        server(up, cells.saturating_sub(NAME), &mut lines);
    }
    if let Some(row) = current {
        let room = usize::from(area.height).saturating_sub(lines.len());
        layers(&row.info.isolation, room, &mut lines);
    }
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        draw_line(
            line,
            theme,
            Rect { x: area.x + 1, y, width: area.width.saturating_sub(1), height: 1 },
            frame,
        );
    }
}

fn draw_line(line: &Line, theme: &Theme, at: Rect, frame: &mut Frame<'_>) {
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
        Line::Layer(active, text) => {
            let (glyph, role) = if *active { (theme.glyphs.ok, Role::Text) } else { ("-", Role::Muted) };
            write(at.x, &format!("{glyph} {text}"), role);
        }
    }
}

fn session(row: &SessionRow, lines: &mut Vec<Line>) {
    let dash = || "-".to_owned();
    let mut line = |name, value| lines.push(Line::Row(name, value));
    let stats = row.stats.clone().unwrap_or_default();
    let cpu = row.cpu_percent.map_or_else(dash, |p| format!("{p:.1} %"));
    let total = stats.cpu_ms.map_or_else(dash, text::whole_millis);
    line("cpu", format!("{cpu}   total {total}"));
    let peak = stats.peak_memory_bytes.map_or_else(dash, text::bytes);
    line("memory", format!("{}   peak {peak}", stats.memory_bytes.map_or_else(dash, text::bytes)));
    line("processes", stats.processes.map_or_else(dash, |n| n.to_string()));
    let files = stats.workspace_files.map_or_else(dash, |n| n.to_string());
    line("files", format!("{files}   {}", stats.workspace_bytes.map_or_else(dash, text::bytes)));
    // Before what can be spared: it is to be seen on small screens, too.
    let isolation = &row.info.isolation;
    let letters = text::sanitise(&isolation.letters);
    line("isolation", format!("{}/10  {letters}", isolation.score));
    line("network", network(&letters, row.info.config.network).to_owned());
    lines.push(Line::Gap);
    let mut line = |name, value| lines.push(Line::Row(name, value));
    line("start", text::millis(row.info.startup_ms));
    line("runs", row.info.execution_count.to_string());
    for (at, limit) in limits(&row.info).into_iter().enumerate() {
        line(if at == 0 { "limits" } else { "" }, limit);
    }
}

/// The limits in force that programs are likely to reach.
fn limits(info: &SessionInfo) -> Vec<String> {
    let memory = info.config.memory_limit_mb.map(|mb| format!("memory {mb} MB"));
    let processes = info.limits.processes.map(|n| format!("processes {n}"));
    // As they are set: in units of 1024.
    let size = |bytes: u64| match bytes >> 20 {
        0 => text::bytes(bytes),
        mb => format!("{mb} MB"),
    };
    let workspace = info.limits.workspace_bytes.map(|bytes| format!("workspace {}", size(bytes)));
    [memory, processes, workspace].into_iter().flatten().collect()
}

/// The layers that the score is made of, those that are missing with their reasons, as far as there is room.
fn layers(isolation: &IsolationReport, room: usize, lines: &mut Vec<Line>) {
    let Some(room) = room.checked_sub(2).filter(|room| *room > 0 && !isolation.layers.is_empty()) else {
        return;
    };
    let tier = text::sanitise(&isolation.tier);
    let heading = if tier.is_empty() { "isolation".to_owned() } else { format!("isolation: {tier}") };
    lines.extend([Line::Gap, Line::Heading(heading)]);
    let all = isolation.layers.len();
    let shown = if all > room { room - 1 } else { all };
    for layer in &isolation.layers[..shown] {
        let name = text::sanitise(&layer.name);
        let missing = !layer.active && !layer.detail.is_empty();
        let reason = if missing { text::sanitise(&layer.detail) } else { Default::default() };
        let gap = if missing { "  " } else { "" };
        lines.push(Line::Layer(layer.active, format!("{name}{gap}{reason}")));
    }
    if shown < all {
        lines.push(Line::Note(format!("and {} more", all - shown)));
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
fn server(up: &LinkUp, cells: usize, lines: &mut Vec<Line>) {
    lines.extend([Line::Gap, Line::Heading("server".to_owned())]);
    lines.push(Line::Row("address", up.server.clone()));
    lines.push(Line::Row("is", up.software.clone()));
    let time = up.round_trip.map_or_else(|| "-".to_owned(), round_trip);
    lines.push(Line::Row("answers", format!("in {time}")));
    for (at, part) in text::wrap(&up.missing.join(", "), cells).into_iter().enumerate() {
        lines.push(Line::Row(if at == 0 { "can't do" } else { "" }, part));
    }
}

fn last_run(last: &LastRun, theme: &Theme, cells: usize, lines: &mut Vec<Line>) {
    let unknown = || "?".to_owned();
    let (glyph, word, _) = outcome(theme, last.verdict);
    lines.push(Line::Row("ended", format!("{glyph} {word}")));
    for (at, part) in text::wrap(&last.ending, cells).into_iter().enumerate() {
        lines.push(Line::Row(if at == 0 { "how" } else { "" }, part));
    }
    let mut line = |name, value| lines.push(Line::Row(name, value));
    line("wall", last.wall_ms.map_or_else(unknown, text::whole_millis));
    line("in all", text::whole_millis(last.total_ms));
    line("cpu", last.cpu_ms.map_or_else(unknown, text::whole_millis));
    line("peak", last.peak_bytes.map_or_else(unknown, text::bytes));
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
    fn layers_take_the_room_there_is() {
        let layer = |name: &str, active| crate::protocol::LayerReport {
            name: name.to_owned(),
            active,
            detail: if active { "as it was tried".to_owned() } else { "no\u{1b}[31m right".to_owned() },
        };
        let isolation = IsolationReport {
            layers: vec![layer("landlock", true), layer("cgroup", false), layer("seccomp", true)],
            ..IsolationReport::default()
        };
        let shown = |room| {
            let mut lines = Vec::new();
            layers(&isolation, room, &mut lines);
            assert!(lines.len() <= room);
            let words = lines.into_iter().map(|line| match line {
                Line::Gap => String::new(),
                Line::Note(text) | Line::Heading(text) | Line::Row(_, text) => text,
                Line::Layer(active, text) => format!("{active} {text}"),
            });
            words.collect::<Vec<_>>().join("|")
        };
        assert_eq!(shown(2), "");
        assert_eq!(shown(3), "|isolation|and 3 more");
        assert_eq!(shown(4), "|isolation|true landlock|and 2 more");
        let all = shown(5);
        assert!(
            all.starts_with("|isolation|true landlock|false cgroup  no") && !all.contains('\u{1b}'),
            "{all}"
        );
        assert!(all.ends_with("true seccomp"), "{all}");
    }
}
