//! Keys, the mouse, pastes and sizes: to the topmost overlay, else to a command, else to the text being typed.

use bytes::Bytes;
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::{Position, Size};

use super::command::{focus, perform};
use super::edit::edit;
use crate::tui::commands::{Cmd, Place};
use crate::tui::editor::Action;
use crate::tui::keymap::Preset;
use crate::tui::keys::{self, Chord, Meaning};
use crate::tui::layout::Class;
use crate::tui::model::{Model, Pane, Screen};
use crate::tui::msg::Effect;
use crate::tui::output::Kind;
use crate::tui::overlay::{self, Overlay};
use crate::tui::text;

/// Rows that one notch of the wheel moves.
const NOTCH: i16 = 3;

pub(super) fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    let tiny = model.layout().class == Class::Tiny;
    match event {
        Event::Key(key) if tiny => press_unseen(model, &key),
        Event::Paste(_) | Event::Mouse(_) if tiny => Vec::new(),
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            model.redraw = true;
            press(model, &key)
        }
        Event::Paste(text) => {
            model.redraw = true;
            paste(model, text)
        }
        Event::Resize(width, height) => {
            model.redraw = true;
            model.size = Size::new(width, height);
            Vec::new()
        }
        Event::Mouse(mouse) => click(model, mouse),
        // Its colours may have changed meanwhile, as with the time of day.
        Event::FocusGained if model.look.follows() => vec![Effect::AskBackground],
        _ => Vec::new(),
    }
}

/// On a screen too small to show anything, only what that screen names works: nobody sees what else would change.
fn press_unseen(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    match model.keymap.meaning(Chord::of(key), None, &[Place::Everywhere], true) {
        Meaning::Command(cmd @ (Cmd::Stop | Cmd::Quit)) => {
            model.redraw = true;
            perform(model, cmd)
        }
        _ => Vec::new(),
    }
}

fn press(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    if model.overlays.is_empty()
        && let Some(effects) = super::terminal::press(model, key)
    {
        return effects;
    }
    // The doctor shows a key as it came.
    let is_doctor = matches!(model.overlays.last(), Some(Overlay::Help(help)) if help.is_doctor());
    if let Some(second) = after_escape(model, key).filter(|_| !is_doctor) {
        let mut effects = press(model, &KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
        effects.extend(press(model, &second));
        return effects;
    }
    let chord = Chord::of(key);
    // What was only said has been read by now; warnings and failures stay until Esc.
    if model.notice.as_ref().is_some_and(|notice| !notice.stays()) {
        model.dismiss();
    }
    if !model.overlays.is_empty() {
        // The keys that work while typing work over a box too.
        let anywhere = model.keymap.meaning(chord, None, &[Place::Everywhere], true);
        match anywhere {
            // There a key is only looked at.
            _ if is_doctor => return overlay::press(model, key),
            Meaning::Command(cmd @ (Cmd::Stop | Cmd::Quit | Cmd::Suspend)) => return perform(model, cmd),
            Meaning::Command(Cmd::Leave) => {
                return overlay::press(model, &KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
            }
            _ => return overlay::press(model, key),
        }
    }
    let after = model.pending.take();
    let types = model.types();
    match model.keymap.meaning(chord, after, &model.places(), types) {
        Meaning::Command(cmd) => perform(model, cmd),
        Meaning::Prefix(chord) => {
            model.pending = Some(chord);
            Vec::new()
        }
        Meaning::Nothing if after.is_some() => Vec::new(),
        Meaning::Nothing => text(model, key, types),
    }
}

/// Esc and a character that came too fast to be told from Alt with that character: tmux and slow lines send them
/// together. Nothing but a person's own keymap binds Alt. Gives the character.
fn after_escape(model: &Model, key: &KeyEvent) -> Option<KeyEvent> {
    if !key.modifiers.contains(KeyModifiers::ALT) || !matches!(key.code, KeyCode::Char(_)) {
        return None;
    }
    let meaning = model.keymap.meaning(Chord::of(key), model.pending, &model.places(), model.types());
    let second = KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT);
    matches!(meaning, Meaning::Nothing).then_some(second)
}

/// A key that is no command: typed into a text, or a motion.
fn text(model: &mut Model, key: &KeyEvent, types: bool) -> Vec<Effect> {
    match model.screen {
        Screen::Messages if types => super::messages::type_filter(model, key),
        Screen::Messages | Screen::Setup | Screen::Race | Screen::Bench => {}
        Screen::Workbench => return text_in_pane(model, key, types),
    }
    Vec::new()
}

fn text_in_pane(model: &mut Model, key: &KeyEvent, types: bool) -> Vec<Effect> {
    match model.focus {
        Pane::Editor => {
            let action = keys::editing(key).filter(|action| types || matches!(action, Action::Move { .. }));
            // After vim's `v` arrows select as its letters do.
            let action = action.map(|action| match action {
                Action::Move { motion, select } => {
                    Action::Move { motion, select: select || model.selecting && !types }
                }
                other => other,
            });
            if let Some(action) = action {
                edit(model, action);
            }
        }
        Pane::Output if types && !model.feeds => super::output::type_query(model, key),
        Pane::Files if types => super::files::type_filter(model, key),
        Pane::Output if types => {
            if key.code == KeyCode::Enter {
                return send_line(model);
            }
            model.input.key(key);
        }
        _ => {}
    }
    Vec::new()
}

/// Hands the typed line to the running program.
fn send_line(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.runs.active else { return Vec::new() };
    let number = run.number;
    let line = model.input.take();
    model.output.say_in(number, Kind::Input, line.clone());
    vec![Effect::Feed { run: number, data: Bytes::from(line + "\n"), eof: false }]
}

/// Hands the complete lines of a pasted text to the running program, and leaves the last one to be typed on.
fn paste_input(model: &mut Model, pasted: &str) -> Vec<Effect> {
    let pasted = text::sanitise_lines(pasted);
    let (Some((lines, last)), Some(run)) = (pasted.rsplit_once('\n'), &model.runs.active) else {
        model.input.insert(&pasted);
        return Vec::new();
    };
    let number = run.number;
    let mut data = String::with_capacity(pasted.len());
    for line in lines.split('\n') {
        let line = model.input.take_with(line);
        data += &line;
        data.push('\n');
        model.output.say_in(number, Kind::Input, line);
    }
    model.input.insert(last);
    // At once: the program's input takes few pieces at a time.
    vec![Effect::Feed { run: number, data: Bytes::from(data), eof: false }]
}

fn paste(model: &mut Model, pasted: String) -> Vec<Effect> {
    if !model.overlays.is_empty() {
        return overlay::paste(model, &pasted);
    } else if let Some(effects) = super::terminal::paste(model, &pasted) {
        return effects;
    } else if model.screen == Screen::Messages && model.wire.filtering {
        model.wire.filter.insert(&pasted);
        model.wire.filter();
    } else if model.screen == Screen::Workbench && model.focus == Pane::Output && model.feeds {
        return paste_input(model, &pasted);
    } else if model.screen == Screen::Workbench && model.focus == Pane::Output && model.types() {
        super::output::paste_query(model, &pasted);
    } else if model.screen == Screen::Workbench && model.focus == Pane::Files && model.files.filtering {
        super::files::paste_filter(model, &pasted);
    } else if model.screen == Screen::Workbench && model.focus == Pane::Editor {
        // Pasted text is never a row of commands.
        super::edit::paste(model, text::sanitise_lines(&pasted));
    }
    Vec::new()
}

fn click(model: &mut Model, mouse: MouseEvent) -> Vec<Effect> {
    if !model.overlays.is_empty() {
        return overlay::mouse(model, mouse);
    }
    if model.screen == Screen::Setup {
        return Vec::new();
    }
    if model.screen == Screen::Messages {
        super::messages::click(model, mouse);
        return Vec::new();
    }
    if model.screen == Screen::Race {
        super::race::click(model, mouse);
        return Vec::new();
    }
    if model.screen == Screen::Bench {
        super::bench::click(model, mouse);
        return Vec::new();
    }
    if let Some(effects) = super::terminal::click(model, mouse) {
        return effects;
    }
    if let Some(effects) = super::output::mouse(model, mouse) {
        return effects;
    }
    let at = Position::new(mouse.column, mouse.row);
    let layout = model.layout();
    if super::panes::drag(model, mouse.kind, at) {
        return Vec::new();
    }
    let step = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            model.redraw = true;
            if let Some(pane) = layout.tab_at(at) {
                focus(model, pane);
            } else if let Some(pane) = layout.at(at) {
                return press_in(model, pane, at);
            }
            return Vec::new();
        }
        MouseEventKind::Drag(MouseButton::Left) | MouseEventKind::Up(MouseButton::Left) => {
            super::edit::drag(model, mouse.kind, at);
            return Vec::new();
        }
        MouseEventKind::ScrollUp => -NOTCH,
        MouseEventKind::ScrollDown => NOTCH,
        _ => return Vec::new(),
    };
    model.redraw = true;
    match layout.at(at) {
        Some(Pane::Editor) => model.editor.apply(Action::Scroll(step)),
        Some(Pane::Output) => {
            let (rows, columns) = model.output_room();
            model.output.scroll(i64::from(step), rows, columns);
        }
        Some(Pane::Sessions) => super::session::choose(model, step.signum().into()),
        Some(Pane::Files) => super::files::step(model, step.into()),
        Some(Pane::Stats) => {
            let cmd = if step < 0 { Cmd::Up } else { Cmd::Down };
            (0..step.abs()).for_each(|_| super::session::scroll_stats(model, cmd));
        }
        Some(Pane::History) => super::history::step(model, step.signum().into()),
        _ => {}
    }
    Vec::new()
}

/// A click inside a pane.
fn press_in(model: &mut Model, pane: Pane, at: Position) -> Vec<Effect> {
    focus(model, pane);
    let inside = model.layout().inside(pane);
    if !inside.contains(at) {
        return Vec::new();
    }
    let (row, column) = (at.y - inside.y, at.x - inside.x);
    match pane {
        Pane::Editor => {
            // In vim's normal mode a click moves the cursor, as any motion does.
            model.edits |= model.keymap.preset() != Preset::Vim;
            super::edit::click(model, at, (row, column));
        }
        Pane::Sessions => {
            let rows = crate::tui::view::sessions::rows(model, inside.height);
            if let Some(chosen) = rows.get(usize::from(row)).copied().flatten() {
                model.sessions.pick(chosen);
            }
        }
        Pane::Files => return super::files::click(model, row),
        Pane::History => {
            let rows = crate::tui::view::history::rows(model, inside.height);
            if let Some(number) = rows.get(usize::from(row)).copied().flatten() {
                return super::history::click(model, number);
            }
        }
        Pane::Output | Pane::Stats => {}
    }
    Vec::new()
}
