//! The screen of messages: which one is chosen, and what is done with it.

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use crate::tui::commands::Cmd;
use crate::tui::layout;
use crate::tui::model::{Model, Screen, Verdict};
use crate::tui::msg::Effect;
use crate::tui::wire;

pub(super) fn perform(model: &mut Model, cmd: Cmd) {
    let rows = layout::Messages::of(model).rows;
    match cmd {
        Cmd::FilterMessages => (model.wire.filtering, model.wire.reading) = (true, false),
        Cmd::PauseMessages => model.wire.pause(rows),
        Cmd::ReadMessage if model.wire.reading => model.wire.reading = false,
        Cmd::ReadMessage if model.wire.chosen().is_some() => {
            // What is read stays, whatever comes after it.
            if model.wire.follows() {
                model.wire.pause(rows);
            }
            model.wire.reading = true;
        }
        _ => {}
    }
}

/// One step back: from the filter, from reading, from the screen.
pub(super) fn leave(model: &mut Model) {
    let wire = &mut model.wire;
    if wire.reading {
        wire.reading = false;
    } else if wire.filtering || !wire.filter.text().is_empty() {
        wire.filtering = false;
        wire.filter.take();
        wire.filter();
    } else {
        model.screen = Screen::Workbench;
    }
}

/// A key typed into the filter; Enter keeps it.
pub(super) fn type_filter(model: &mut Model, key: &KeyEvent) {
    let wire = &mut model.wire;
    match key.code {
        KeyCode::Enter => wire.filtering = false,
        _ => {
            if wire.filter.key(key) {
                wire.filter();
            }
        }
    }
}

/// Up, down and to the ends: in the list, or in the message that is read.
pub(super) fn go(model: &mut Model, cmd: Cmd) {
    let layout = layout::Messages::of(model);
    if model.wire.reading {
        return scroll(model, cmd, &layout);
    }
    let page = i64::try_from(layout.rows.saturating_sub(1).max(1)).unwrap_or(1);
    let by = match cmd {
        Cmd::Up => -1,
        Cmd::Down => 1,
        Cmd::PageUp => -page,
        Cmd::PageDown => page,
        Cmd::Top => i64::MIN / 2,
        _ => return model.wire.follow(),
    };
    model.wire.choose(by, layout.rows);
}

/// The wheel moves as the arrows do; a click chooses a message.
pub(super) fn click(model: &mut Model, mouse: MouseEvent) {
    let cmd = match mouse.kind {
        MouseEventKind::ScrollUp => Cmd::Up,
        MouseEventKind::ScrollDown => Cmd::Down,
        MouseEventKind::Down(MouseButton::Left) => {
            return choose(model, Position::new(mouse.column, mouse.row));
        }
        _ => return,
    };
    model.redraw = true;
    go(model, cmd);
}

/// Chooses the message at a place on the screen.
fn choose(model: &mut Model, at: Position) {
    let layout = layout::Messages::of(model);
    // Below the frame and the line of names.
    let row = usize::from(at.y.saturating_sub(layout.list.y + 2));
    if !layout.list.contains(at) || at.y < layout.list.y + 2 || row >= layout.rows {
        return;
    }
    let shown = model.wire.shown();
    let wanted = model.wire.first(&shown, layout.rows) + row;
    let by = i64::try_from(wanted).unwrap_or(0) - i64::try_from(model.wire.place(&shown)).unwrap_or(0);
    if wanted < shown.len() {
        model.wire.choose(by, layout.rows);
        (model.wire.reading, model.redraw) = (false, true);
    }
}

/// Scrolls in the message that is read.
fn scroll(model: &mut Model, cmd: Cmd, layout: &layout::Messages) {
    let (rows, cells) = (usize::from(layout.text.height), usize::from(layout.text.width));
    let Some(entry) = model.wire.chosen() else { return };
    let last = wire::lines(entry, cells).len().saturating_sub(rows);
    let page = rows.saturating_sub(1).max(1);
    let above = model.wire.above.min(last);
    model.wire.above = match cmd {
        Cmd::Up => above.saturating_sub(1),
        Cmd::Down => above + 1,
        Cmd::PageUp => above.saturating_sub(page),
        Cmd::PageDown => above + page,
        Cmd::Top => 0,
        _ => last,
    }
    .min(last);
}

/// Copies the chosen message.
pub(super) fn copy(model: &mut Model) -> Vec<Effect> {
    let Some(entry) = model.wire.chosen() else {
        model.tell(Verdict::Idle, "there is no message to copy", "");
        return Vec::new();
    };
    let copied = entry.frame.text.to_string();
    let what = if entry.is_cut() { "the message, whose rest is not kept" } else { "the message" };
    model.output.copying = what.to_owned();
    vec![Effect::Copy(copied)]
}
