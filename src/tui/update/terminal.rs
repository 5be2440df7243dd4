//! A run in a terminal: keys and pastes go to its program, what that writes goes to its screen.

use bytes::Bytes;
use crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::command::focus;
use crate::protocol::OutputStream;
use crate::tui::commands::Cmd;
use crate::tui::keys::{Chord, Meaning};
use crate::tui::model::{Model, Pane, Phase, Run, Screen};
use crate::tui::msg::Effect;
use crate::tui::output::Kind;
use crate::tui::typed;

/// Hands a key to the program. `None`: it is not the program's.
pub(super) fn press(model: &Model, key: &KeyEvent) -> Option<Vec<Effect>> {
    if !model.types_into_program() || model.pending.is_some() || is_ours(model, key) {
        return None;
    }
    let run = model.runs.active.as_ref()?;
    let data = typed::bytes(key, run.terminal.as_ref()?.application_cursor());
    Some(feed(run.number, data))
}

/// Function keys that mean something here, and the one that quits: without them there would be no way out.
fn is_ours(model: &Model, key: &KeyEvent) -> bool {
    let function = matches!(key.code, KeyCode::F(_));
    match model.keymap.meaning(Chord::of(key), None, &model.places(), true) {
        Meaning::Command(cmd) => function || cmd == Cmd::Quit,
        Meaning::Prefix(_) => function,
        Meaning::Nothing => false,
    }
}

/// Hands a pasted text to the program. `None`: it is not for it.
pub(super) fn paste(model: &Model, pasted: &str) -> Option<Vec<Effect>> {
    let run = model.runs.active.as_ref().filter(|_| model.types_into_program())?;
    let data = typed::pasted(pasted, run.terminal.as_ref()?.bracketed_paste());
    Some(feed(run.number, data))
}

fn feed(run: u32, data: Vec<u8>) -> Vec<Effect> {
    if data.is_empty() { Vec::new() } else { vec![Effect::Feed { run, data: Bytes::from(data), eof: false }] }
}

/// The mouse over the screen gives it the keys, and is told to a program that has them and asks for it: what lies under
/// the screen is not seen. `None`: it is elsewhere.
pub(super) fn click(model: &mut Model, mouse: MouseEvent) -> Option<Vec<Effect>> {
    let at = Position::new(mouse.column, mouse.row);
    let inside = model.layout().inside(Pane::Output);
    let over = model.terminal().is_some() && inside.contains(at);
    if !over || model.screen != Screen::Workbench || model.dragged.is_some() {
        return None;
    }
    if model.types_into_program()
        && let Some(run) = &model.runs.active
        && let Some(screen) = &run.terminal
    {
        let place = (at.y - inside.y, at.x - inside.x);
        let (mode, encoding) = screen.mouse();
        // The row below the screen says how things stand.
        let data =
            if place.0 < screen.size().0 { typed::mouse(&mouse, place, mode, encoding) } else { Vec::new() };
        return Some(feed(run.number, data));
    }
    if matches!(mouse.kind, MouseEventKind::Down(_)) {
        model.redraw = true;
        focus(model, Pane::Output);
    }
    Some(Vec::new())
}

/// Draws what the program wrote, and answers what it has asked of its terminal.
pub(super) fn write<'a>(run: &mut Run, pieces: impl Iterator<Item = &'a Bytes>) -> Vec<Effect> {
    let Some(screen) = &mut run.terminal else { return Vec::new() };
    let answers: Vec<u8> = pieces.flat_map(|bytes| screen.write(bytes)).collect();
    feed(run.number, answers)
}

/// Has the screen be as large as the pane; tells the program, once it runs.
pub(super) fn sync(model: &mut Model) -> Option<Effect> {
    model.terminal()?;
    // A pane that is not on the screen changes nothing.
    let room = room(model)?;
    let reachable = model.connection.down().is_none();
    let run = model.runs.active.as_mut()?;
    let screen = run.terminal.as_mut()?;
    model.redraw |= screen.resize(room);
    let size = screen.size();
    if screen.told == size || run.phase != Phase::Running || !reachable {
        return None;
    }
    screen.told = size;
    Some(Effect::Resize { run: run.number, rows: size.0, cols: size.1 })
}

/// Rows and columns of the pane that a screen has: the last row says how things stand.
pub(super) fn room(model: &Model) -> Option<(u16, u16)> {
    let inside = model.layout().inside(Pane::Output);
    let rows = inside.height.checked_sub(1).filter(|rows| *rows > 0)?;
    (inside.width > 1).then_some((rows, inside.width))
}

/// The run is over: what its screen shows, and what has left it, are the lines of its block.
pub(super) fn settle(model: &mut Model, run: &mut Run) {
    let Some(screen) = run.terminal.take() else { return };
    let (number, output) = (run.number, &mut model.output);
    if screen.lost() > 0 {
        let lost = format!("{} lines before this left the terminal and are not in memory", screen.lost());
        output.say_in(number, Kind::Note, lost);
    }
    screen.drain(|cells, goes_on| {
        for cell in &cells {
            cell.text.chars().for_each(|c| output.put(number, OutputStream::Stdout, c, cell.style));
        }
        if !goes_on {
            output.newline(number, OutputStream::Stdout);
        }
    });
}
