//! What the presets' own commands do in the editor: motions, vim's ways to begin typing, and its selections.
//!
//! What the editor's commands do already is given to them by their ids.

use super::command::perform as give;
use crate::tui::commands::{Vi, specs};
use crate::tui::editor::{Action, Motion};
use crate::tui::model::Model;
use crate::tui::msg::Effect;

/// Moves the cursor, selecting what is between if that was begun.
pub(super) fn go(model: &mut Model, motion: Motion) {
    let select = model.selecting && !model.edits;
    model.editor.apply(Action::Move { motion, select });
}

pub(super) fn perform(model: &mut Model, what: Vi) -> Vec<Effect> {
    // Nothing of it makes sense in a text that is not there yet.
    if model.document.loading {
        return Vec::new();
    }
    match what {
        Vi::InsertFirst => types_after(model, [still(Motion::FirstNonBlank)]),
        Vi::Append => {
            // Not onto the next line.
            let at_end = model.editor.text_to(Motion::End).is_empty();
            let step = (!at_end).then(|| still(Motion::Right));
            types_after(model, step)
        }
        Vi::AppendEnd => types_after(model, [still(Motion::End)]),
        Vi::Delete => super::edit::edit(model, Action::Delete),
        Vi::DeleteWord => super::edit::edit(model, Action::DeleteTo(Motion::WordRight)),
        Vi::ChangeWord => {
            let to = |motion| Action::Move { motion, select: true };
            types_after(model, [to(Motion::WordEnd), to(Motion::Right), Action::Backspace]);
        }
        Vi::ChangeEnd => types_after(model, [Action::DeleteTo(Motion::End)]),
        Vi::ChangeLine => types_after(model, [still(Motion::FirstNonBlank), Action::DeleteTo(Motion::End)]),
        Vi::Put => return put(model),
        Vi::Select => (model.selecting, model.by_lines) = (true, false),
        Vi::SelectLines => {
            (model.selecting, model.by_lines) = (true, true);
            model.editor.apply(Action::SelectLine);
        }
        Vi::Copy => return with_selection(model, "edit.copy"),
        Vi::Cut => return with_selection(model, "edit.cut"),
        Vi::Change => {
            let effects = with_selection(model, "edit.cut");
            model.edits = true;
            return effects;
        }
        Vi::Cancel => {
            model.selecting = false;
            model.editor.apply(Action::Deselect);
        }
    }
    Vec::new()
}

fn still(motion: Motion) -> Action {
    Action::Move { motion, select: false }
}

/// Does something to the text, and types from then on.
fn types_after(model: &mut Model, actions: impl IntoIterator<Item = Action>) {
    for action in actions {
        super::edit::edit(model, action);
    }
    model.edits = true;
}

/// Gives a command of the editor's what is selected, and selects nothing after.
fn with_selection(model: &mut Model, id: &str) -> Vec<Effect> {
    // The cursor's character belongs to it, unless it began behind that.
    let behind = model.editor.selection().is_some_and(|(from, _)| from == model.editor.place());
    if !model.by_lines && !behind {
        model.editor.apply(Action::Move { motion: Motion::Right, select: true });
    }
    let effects = specs().find(|spec| spec.id == id).map_or_else(Vec::new, |spec| give(model, spec.cmd));
    model.selecting = false;
    model.editor.apply(Action::Deselect);
    effects
}

/// Puts in what was copied or cut: lines below this one, anything else after the cursor's character.
fn put(model: &mut Model) -> Vec<Effect> {
    let register = model.register.clone();
    if register.lines {
        super::edit::edit(model, Action::PasteLines { text: register.text, below: true });
        return Vec::new();
    }
    if !model.editor.text_to(Motion::End).is_empty() {
        model.editor.apply(still(Motion::Right));
    }
    specs().find(|spec| spec.id == "edit.paste").map_or_else(Vec::new, |spec| give(model, spec.cmd))
}
