//! The screen of a program that runs in a terminal.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{ansi, put};
use crate::tui::commands::{Cmd, Place};
use crate::tui::model::{Model, Pane, Verdict};
use crate::tui::screen::Screen;
use crate::tui::stop::Stop;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::verdict;

/// What stands in the frame: the terminal's size.
pub(super) fn edge(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let full = if screen.is_full() { "full screen | " } else { "" };
    format!("{full}terminal {columns}x{rows}")
}

/// Draws the screen's cells, and its cursor where keys go to it.
pub(super) fn draw(screen: &Screen, model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let base = theme.style(Role::Text);
    let ground = theme.style(Role::Background).patch(base);
    let (rows, columns) = screen.size();
    // Neighbours mostly look the same.
    let mut last = (Style::default(), base);
    for row in 0..rows.min(area.height) {
        for column in 0..columns.min(area.width) {
            let Some(cell) = screen.cell(row, column) else { continue };
            if cell.style != last.0 {
                let shown = base.patch(ansi::shown(cell.style, ground, theme));
                last = (cell.style, if cell.style == Style::default() { base } else { shown });
            }
            if cell.text == " " && last.1 == base {
                continue;
            }
            let room = (area.width - column).min(cell.width);
            frame.buffer_mut().set_stringn(
                area.x + column,
                area.y + row,
                &cell.text,
                usize::from(room),
                last.1,
            );
        }
    }
    if let Some((row, column)) = screen.cursor().filter(|_| model.types_into_program()) {
        let at = Position::new(area.x + column.min(columns - 1), area.y + row);
        if area.contains(at) && model.overlays.is_empty() {
            frame.set_cursor_position(at);
        }
    }
}

/// What gives the program the keys, from another pane.
fn way(model: &Model) -> String {
    if model.focus == Pane::Output {
        return String::new();
    }
    let places = [Place::Workbench, Place::Everywhere];
    let key = |types| model.keymap.shown(Cmd::Focus(Pane::Output), &places, types);
    let key = key(model.types()).or_else(|| key(false).map(|key| format!("Esc {key}")));
    let click = model.mouse.then(|| "a click".to_owned());
    let ways: Vec<String> = key.into_iter().chain(click).collect();
    if ways.is_empty() { String::new() } else { format!("   {} gives it the keys", ways.join(" or ")) }
}

/// The row below it: how the program stands, and who gets the keys.
pub(super) fn foot(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let Some(run) = &model.runs.active else { return };
    let down = model.connection.down().is_some();
    let (glyph, _, style) = verdict(theme, if down { Verdict::Unknown } else { Verdict::Run });
    let places = model.places();
    let key = |cmd| model.keymap.shown(cmd, &places, true).unwrap_or_else(|| "-".to_owned());
    let (words, keys) = match run.stop {
        _ if down => ("unknown", "asks again when the link is back".to_owned()),
        Stop::Killing(_) => (run.word(), String::new()),
        _ if model.types_into_program() => {
            (run.word(), format!("keys go to it   {} leaves", key(Cmd::FocusNext)))
        }
        Stop::Asked(_) if run.stop.kills(model.now) => {
            (run.word(), format!("{} again kills it", key(Cmd::Stop)))
        }
        Stop::Asked(_) => (run.word(), format!("{} asks again, twice kills it", key(Cmd::Stop))),
        Stop::No => (run.word(), format!("{} stop{}", key(Cmd::Stop), way(model))),
    };
    let used = put(frame.buffer_mut(), area.x, area.y, &format!("{glyph} {words}   "), area.width, style);
    put(frame.buffer_mut(), area.x + used, area.y, &keys, area.width - used, theme.style(Role::Muted));
}
