//! The stats pane: what the chosen session uses, what isolates it, and what the last run cost. What isn't known is
//! a dash.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
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

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let mut lines: Vec<(&str, String)> = Vec::new();
    match model.sessions.current() {
        Some(row) => session(row, &mut lines),
        None => lines.push(("", "no session yet".to_owned())),
    }
    let split = lines.len();
    if let Some(last) = &model.runs.last {
        let shown =
            model.sessions.current().is_none_or(|row| last.session.as_ref() == Some(&row.info.session_id));
        let title = if shown {
            format!("run {}", last.number)
        } else {
            format!("run {}, in another session", last.number)
        };
        lines.push(("", String::new()));
        lines.push(("", format!("last: {title}")));
        last_run(last, theme, &mut lines);
    }
    for (at, ((label, value), y)) in lines.iter().zip(area.top()..area.bottom()).enumerate() {
        let x = area.x + 1;
        let room = area.width.saturating_sub(1);
        if label.is_empty() {
            let role = if at > split { Role::Strong } else { Role::Muted };
            put(frame.buffer_mut(), x, y, value, room, theme.style(role));
            continue;
        }
        let used = put(frame.buffer_mut(), x, y, &format!("{label:<10}"), room, theme.style(Role::Muted));
        put(frame.buffer_mut(), x + used, y, value, room.saturating_sub(used), theme.style(Role::Text));
    }
}

fn session(row: &SessionRow, lines: &mut Vec<(&'static str, String)>) {
    let dash = || "-".to_owned();
    let stats = row.stats.clone().unwrap_or_default();
    let cpu = row.cpu_percent.map_or_else(dash, |p| format!("{p:.1} %"));
    let total = stats.cpu_ms.map_or_else(dash, text::whole_millis);
    lines.push(("cpu", format!("{cpu}   total {total}")));
    let peak = stats.peak_memory_bytes.map_or_else(dash, text::bytes);
    lines.push(("memory", format!("{}   peak {peak}", stats.memory_bytes.map_or_else(dash, text::bytes))));
    lines.push(("processes", stats.processes.map_or_else(dash, |n| n.to_string())));
    let files = stats.workspace_files.map_or_else(dash, |n| n.to_string());
    lines.push(("files", format!("{files}   {}", stats.workspace_bytes.map_or_else(dash, text::bytes))));
    lines.push(("", String::new()));
    lines.push(("start", text::millis(row.info.startup_ms)));
    lines.push(("runs", row.info.execution_count.to_string()));
    let isolation = &row.info.isolation;
    // The limit is asked for at creation; only a control group holds a session to it.
    let bounded = isolation.layers.iter().any(|layer| layer.active && layer.name == "control group");
    if let Some(mb) = row.info.config.memory_limit_mb.filter(|_| bounded) {
        lines.push(("limits", format!("memory {mb} MB")));
    }
    lines.push(("isolation", format!("{}/10  {}", isolation.score, isolation.letters)));
    lines.push(("network", network(&isolation.letters, row.info.config.network).to_owned()));
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

fn last_run(last: &LastRun, theme: &Theme, lines: &mut Vec<(&'static str, String)>) {
    let unknown = || "?".to_owned();
    let (glyph, word, _) = outcome(theme, last.verdict);
    lines.push(("ended", format!("{glyph} {word}")));
    lines.push(("how", last.ending.clone()));
    lines.push(("wall", last.wall_ms.map_or_else(unknown, text::whole_millis)));
    lines.push(("in all", text::whole_millis(last.total_ms)));
    lines.push(("cpu", last.cpu_ms.map_or_else(unknown, text::whole_millis)));
    lines.push(("peak", last.peak_bytes.map_or_else(unknown, text::bytes)));
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
}
