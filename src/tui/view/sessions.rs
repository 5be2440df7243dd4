//! The sessions pane: each with its state, and how its last run ended.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::protocol::SessionState;
use crate::tui::model::{Model, Pane, SessionRow, Verdict};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{outcome, verdict};

/// What stands in the frame.
pub(super) fn edges(model: &Model) -> (String, String, String) {
    let foot = if model.focus == Pane::Sessions { "n new  x close" } else { "" };
    let count = model.sessions.rows.len();
    // How many there are now is not known while nobody can be asked.
    let count = if model.connection.down().is_some() { format!("{count} ?") } else { count.to_string() };
    (Pane::Sessions.title().to_owned(), count, foot.to_owned())
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
        SessionState::Active if row.info.execution_count == 0 => (Verdict::Idle, "ready"),
        SessionState::Active => (Verdict::Run, "busy"),
        SessionState::Idle => (Verdict::Idle, "idle"),
        SessionState::Closing => (Verdict::Unknown, "closing"),
        SessionState::Closed => (Verdict::Unknown, "closed"),
        SessionState::Lost => (Verdict::Fail, "lost"),
    }
}

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
    let memory =
        row.stats.as_ref().and_then(|stats| stats.memory_bytes).map_or_else(|| "-".to_owned(), text::bytes);
    let name = row.info.name.clone().unwrap_or_default();
    let what = format!("{} {:<6} ", row.info.language.extension(), row.info.runtime_type.short());
    let plain = match (selected, model.focus == Pane::Sessions) {
        (true, true) => theme.style(Role::Selected),
        (true, false) => theme.style(Role::SelectedBlurred),
        _ => theme.style(Role::Text),
    };
    let mut x = line.x;
    for (text, style) in [
        (mark, plain),
        (glyph, style),
        (" ", plain),
        (&what, plain),
        (word, style),
        ("  ", plain),
        (&name, plain),
    ] {
        x += put(frame.buffer_mut(), x, line.y, text, line.right().saturating_sub(x), style);
    }
    let width = u16::try_from(text::width(&memory)).unwrap_or(0);
    if line.right().saturating_sub(x) > width {
        put(frame.buffer_mut(), line.right() - width, line.y, &memory, width, theme.style(Role::Muted));
    }
}

fn second_line(row: &SessionRow, model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let muted = theme.style(Role::Muted);
    let room = line.width.saturating_sub(3);
    let x = line.x + 3.min(line.width);
    if let Some(reason) = &row.reason {
        put(frame.buffer_mut(), x, line.y, reason, room, muted);
    } else if let Some((number, of, wall)) = row.last {
        let (glyph, word, style) = outcome(theme, of);
        let wall = wall.map_or_else(|| "-".to_owned(), text::whole_millis);
        let used = put(frame.buffer_mut(), x, line.y, &format!("run {number}  {wall}  "), room, muted);
        put(
            frame.buffer_mut(),
            x + used,
            line.y,
            &format!("{glyph} {word}"),
            room.saturating_sub(used),
            style,
        );
    } else if let Some(run) =
        model.runs.active.as_ref().filter(|run| run.session.as_ref() == Some(&row.info.session_id))
    {
        put(frame.buffer_mut(), x, line.y, &format!("run {}", run.number), room, muted);
    }
}
