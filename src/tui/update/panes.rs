//! Zooming and resizing panes, by keys and by dragging their borders, and whose the mouse is.

use crossterm::event::{MouseButton, MouseEventKind};
use ratatui::layout::Position;

use crate::tui::commands::Cmd;
use crate::tui::keymap::Preset;
use crate::tui::layout::Class;
use crate::tui::model::{Model, Pane, Verdict};
use crate::tui::msg::Effect;
use crate::tui::ratios::{Ratios, Split};
use crate::tui::state::ChosenKeys;

/// Columns and rows that one key press moves a border.
const COLUMNS: i32 = 2;
const ROWS: i32 = 1;

/// Does what a command of the panes says.
pub(super) fn perform(model: &mut Model, cmd: Cmd) {
    match cmd {
        Cmd::Zoom if model.layout().class == Class::Small => {
            model.tell(Verdict::Idle, "one pane has the whole screen already", "");
        }
        Cmd::Zoom => model.zoomed = !model.zoomed,
        Cmd::Even => {
            model.zoomed = false;
            model.ratios = Ratios::even();
        }
        Cmd::Wider => step(model, true, COLUMNS),
        Cmd::Narrower => step(model, true, -COLUMNS),
        Cmd::Taller => step(model, false, ROWS),
        Cmd::Lower => step(model, false, -ROWS),
        _ => {}
    }
}

/// Leaves the mouse to the terminal, or takes it.
pub(super) fn toggle_mouse(model: &mut Model) -> Vec<Effect> {
    model.mouse = !model.mouse;
    model.dragged = None;
    let way = model.keymap.shown(Cmd::Palette, &model.places(), model.types());
    match model.mouse {
        true => model.tell(Verdict::Ok, "the mouse works here again", ""),
        false => {
            let hint = match way {
                Some(key) => format!("it selects; {key} «mouse» takes it back"),
                None => "it selects".to_owned(),
            };
            model.tell(Verdict::Ok, "the terminal has the mouse", hint);
        }
    }
    vec![Effect::CaptureMouse(model.mouse)]
}

/// The set of keys that was chosen in the workbench, while the settings name the one that they named then.
pub(crate) fn keep_preset(model: &mut Model) {
    match model.memory.keys.as_ref().map(|keys| keys.of(&model.look.settings)) {
        Some(Some(preset)) if preset != model.keymap.preset() => {
            model.keymap = model.keymap.with_preset(preset);
        }
        Some(None) => model.memory.keys = None,
        _ => {}
    }
}

/// Uses another set of keys from now on.
pub(super) fn use_preset(model: &mut Model, preset: Preset) {
    model.keymap = model.keymap.with_preset(preset);
    model.memory.keys = Some(ChosenKeys::new(preset, &model.look.settings));
    let name = preset.name();
    model.tell(
        Verdict::Ok,
        format!("the keys are {name} now"),
        format!("kept; for good: preset = \"{name}\" in config.toml"),
    );
}

/// Makes the pane in focus so many cells larger, if it has a border that can be moved that way.
fn step(model: &mut Model, upright: bool, by: i32) {
    let layout = model.layout();
    // A pane before its border grows with it, one behind it the other way.
    let borders: &[(Split, i32)] = match model.focus {
        Pane::Sessions => &[(Split::Left, 1), (Split::Sessions, 1), (Split::Upper, 1)],
        Pane::Files => &[(Split::Left, 1), (Split::Sessions, -1), (Split::Upper, 1)],
        Pane::Editor => &[(Split::Beside, 1), (Split::Right, 1), (Split::Editor, 1), (Split::Upper, 1)],
        Pane::Output => &[(Split::Beside, -1), (Split::Right, 1), (Split::Editor, -1), (Split::Upper, -1)],
        Pane::Stats => &[(Split::Right, -1), (Split::Stats, 1), (Split::Upper, 1)],
        Pane::History => &[(Split::Right, -1), (Split::Stats, -1), (Split::Upper, 1)],
    };
    let mut found = borders.iter().filter(|(split, _)| split.is_upright() == upright);
    match found.find_map(|(split, sign)| Some((layout.border(*split)?, *sign))) {
        Some((border, sign)) => model.ratios = border.stepped(model.ratios, by * sign),
        None => {
            let what = if upright { "wide" } else { "high" };
            model.tell(Verdict::Idle, format!("the pane is as {what} as it can be here"), "");
        }
    }
}

/// What the mouse does with borders. True: it was one's, and nobody else's.
pub(super) fn drag(model: &mut Model, kind: MouseEventKind, at: Position) -> bool {
    match kind {
        MouseEventKind::Down(MouseButton::Left) => {
            model.dragged = model.layout().border_at(at);
            // A click on a frame is one on its pane as well.
            false
        }
        MouseEventKind::Drag(MouseButton::Left) => {
            let Some(split) = model.dragged else { return false };
            let ratios = model.layout().dragged(split, model.ratios, at);
            model.redraw |= ratios != model.ratios;
            model.ratios = ratios;
            true
        }
        MouseEventKind::Up(MouseButton::Left) => model.dragged.take().is_some(),
        _ => false,
    }
}
