//! The sessions pane: each with its state, and how its last run ended.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::put;
use crate::protocol::SessionState;
use crate::tui::commands::Cmd;
use crate::tui::model::{Model, Pane, SessionRow, Verdict};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{outcome, verdict};

/// What stands in the frame.
pub(super) fn edges(model: &Model) -> (String, String, String) {
    let keys = [(Cmd::NewSession, "new"), (Cmd::CloseSession, "close"), (Cmd::RenameSession, "name")];
    let foot = if model.focus == Pane::Sessions { super::foot(model, &keys) } else { String::new() };
    let count = model.sessions.rows.len();
    // How many there are now is not known while nobody can be asked.
    let count = if model.connection.down().is_some() { format!("{count} ?") } else { count.to_string() };
    (Pane::Sessions.title().to_owned(), count, foot)
}

/// Which session stands in each row of so many: two rows each.
pub(crate) fn rows(model: &Model, height: u16) -> Vec<Option<usize>> {
    let height = usize::from(height);
    let fit = (height / 2).max(1);
    let first = (model.sessions.selected + 1).saturating_sub(fit);
    let shown = model.sessions.rows.len().saturating_sub(first);
    (0..height).map(|row| (row / 2 < shown).then_some(first + row / 2)).collect()
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    if model.sessions.rows.is_empty() {
        let asks = model.connection.server().is_some() && !model.sessions.listed;
        let lines = if model.connection.down().is_some() {
            [format!("{} the link is down", theme.glyphs.unknown), String::new()]
        } else if model.sessions.creating > 0 {
            [format!("{} creating", theme.glyphs.run), String::new()]
        } else if asks {
            ["asking the server".to_owned(), String::new()]
        } else {
            ["no session yet".to_owned(), "n new   F5 run".to_owned()]
        };
        for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
            put(
                frame.buffer_mut(),
                area.x + 1,
                y,
                line,
                area.width.saturating_sub(1),
                theme.style(Role::Muted),
            );
        }
        return;
    }
    let mut before = None;
    for (at, y) in rows(model, area.height).into_iter().zip(area.top()..area.bottom()) {
        let Some(row) = at.and_then(|at| model.sessions.rows.get(at)) else { continue };
        let line = Rect { y, height: 1, ..area };
        if at == before {
            second_line(row, model, theme, line, frame);
        } else {
            first_line(row, at == Some(model.sessions.selected), model, theme, line, frame);
        }
        before = at;
    }
}

/// What a session is doing.
fn state(row: &SessionRow, model: &Model) -> (Verdict, &'static str) {
    let id = &row.info.session_id;
    let runs = model.runs.active.as_ref().is_some_and(|run| run.session.as_ref() == Some(id));
    match row.info.state {
        _ if model.connection.down().is_some() => (Verdict::Unknown, "unknown"),
        _ if runs => (Verdict::Run, "running"),
        SessionState::Creating => (Verdict::Run, "creating"),
        SessionState::Active if row.is_new() => (Verdict::Idle, "ready"),
        SessionState::Active => (Verdict::Run, "busy"),
        SessionState::Idle => (Verdict::Idle, "idle"),
        SessionState::Closing => (Verdict::Unknown, "closing"),
        SessionState::Closed => (Verdict::Unknown, "closed"),
        SessionState::Lost => (Verdict::Fail, "lost"),
    }
}

/// From this width on a row tells more of its session.
const WIDE: u16 = 70;
/// From this width on figures carry their units in full.
const UNITS: u16 = 36;

fn first_line(
    row: &SessionRow,
    selected: bool,
    model: &Model,
    theme: &Theme,
    line: Rect,
    frame: &mut Frame<'_>,
) {
    let (of, word) = state(row, model);
    let (glyph, _, style) = verdict(theme, of);
    let mark = if selected { theme.glyphs.pointer } else { " " };
    let bytes = if line.width < UNITS { text::short_bytes } else { text::bytes };
    let memory =
        row.stats.as_ref().and_then(|stats| stats.memory_bytes).map_or_else(|| "-".to_owned(), bytes);
    let what = format!("{} {:<6} ", row.info.language.extension(), row.info.runtime_type.short());
    let plain = theme.style(match (selected, model.focus == Pane::Sessions) {
        (true, true) => Role::Selected,
        (true, false) => Role::SelectedBlurred,
        _ => Role::Text,
    });
    let muted = theme.style(Role::Muted);
    let mut spans = vec![(mark.to_owned(), plain), (glyph.to_owned(), style), (format!(" {what}"), plain)];
    if line.width >= WIDE {
        spans.extend([(format!("{word:<9}"), style), (format!("{memory:>8}   "), muted)]);
        spans.push((more(row, model), muted));
        put_spans(&spans, theme, line, frame);
        return;
    }
    spans.push((word.to_owned(), style));
    let used = put_spans(&spans, theme, line, frame);
    let width = u16::try_from(text::width(&memory)).unwrap_or(0);
    if line.width.saturating_sub(used) > width {
        put(frame.buffer_mut(), line.right() - width, line.y, &memory, width, muted);
    }
}

/// Since when it is there, since when nothing happened in it, and what isolates it.
fn more(row: &SessionRow, model: &Model) -> String {
    let time = |time: Option<std::time::Duration>| time.map_or_else(|| "-".to_owned(), text::minutes);
    let (up, idle) = (time(row.age(model.now)), time(row.idle(model.now)));
    let isolation = &row.info.isolation;
    let score = if isolation.letters.is_empty() { "-".to_owned() } else { format!("{}/10", isolation.score) };
    format!("up {up:<10} idle {idle:<10} isolation {score}")
}

/// What a run's row ends with, from all of it to the least.
fn last_run(row: &SessionRow, model: &Model, theme: &Theme) -> Vec<Vec<(String, Style)>> {
    let muted = theme.style(Role::Muted);
    let Some((number, of, wall)) = row.last else {
        let id = &row.info.session_id;
        let run = model.runs.active.as_ref().filter(|run| run.session.as_ref() == Some(id));
        let words = match run {
            Some(run) => format!("run {}", run.number),
            // What others do there is theirs.
            None if model.connection.server().is_some() && !model.sessions.is_ours(id) => {
                "not yours".to_owned()
            }
            None => String::new(),
        };
        return vec![vec![(words, muted)]];
    };
    let (glyph, word, style) = outcome(theme, of);
    let wall = wall.map_or_else(|| "-".to_owned(), text::whole_millis);
    let ended = (format!("{glyph} {word}"), style);
    vec![
        vec![(format!("run {number}  {wall}  "), muted), ended.clone()],
        vec![(format!("run {number}  "), muted), ended.clone()],
        vec![ended],
    ]
}

fn second_line(row: &SessionRow, model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let muted = theme.style(Role::Muted);
    let indent = 3.min(line.width);
    let line = Rect { x: line.x + indent, width: line.width - indent, ..line };
    let name = row.info.name.as_deref().filter(|name| !name.is_empty());
    let tails = match &row.reason {
        Some(reason) => vec![vec![(reason.clone(), muted)]],
        None => last_run(row, model, theme),
    };
    let cells = |spans: &[(String, Style)]| spans.iter().map(|(words, _)| text::width(words)).sum::<usize>();
    let gap = |tail: &[(String, Style)]| if cells(tail) == 0 { 0 } else { 2 };
    let room = usize::from(line.width);
    let wanted =
        |tail: &[(String, Style)]| name.map_or(0, |name| text::width(name) + gap(tail)) + cells(tail);
    let Some(tail) = tails.iter().find(|tail| wanted(tail) <= room).or(tails.last()) else { return };
    let mut spans = Vec::new();
    // Why it is lost matters more than its name.
    if let Some(name) = name.filter(|_| row.reason.is_none() || wanted(tail) <= room) {
        let name = text::fit(name, room.saturating_sub(cells(tail) + gap(tail)), theme.glyphs.cut);
        spans.push((format!("{name}{:1$}", "", gap(tail)), theme.style(Role::Text)));
    }
    spans.extend(tail.iter().cloned());
    put_spans(&spans, theme, line, frame);
}

/// Writes pieces one after the other, the end cut where it has no room, and gives the cells they took.
fn put_spans(spans: &[(String, Style)], theme: &Theme, line: Rect, frame: &mut Frame<'_>) -> u16 {
    let mut x = line.x;
    for (words, style) in spans {
        let room = line.right().saturating_sub(x);
        let words = text::fit(words, usize::from(room), theme.glyphs.cut).into_owned();
        x += put(frame.buffer_mut(), x, line.y, &words, room, *style);
    }
    x - line.x
}
