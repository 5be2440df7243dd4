//! What is done to the editor's text: by keys that type, by commands, by the mouse.

use std::time::Duration;

use crossterm::event::MouseEventKind;
use ratatui::layout::Position;

use crate::tui::buffers;
use crate::tui::commands::EditCmd;
use crate::tui::editor::{Action, Motion};
use crate::tui::model::{Clicks, Model, Register, Verdict};
use crate::tui::msg::{Decision, Effect};
use crate::tui::overlay::{Overlay, Prompt, Question, Wanted};

/// Presses of the mouse that come sooner belong together.
const TOGETHER: Duration = Duration::from_millis(400);
/// More lines are not pasted unasked.
const MANY_LINES: usize = 1000;

/// Does something to the text: as soon as it is there, and not to one that is too long for it.
pub(super) fn edit(model: &mut Model, action: Action) {
    if model.document.big && action.changes() {
        refuse(model);
    } else if model.document.loading {
        model.document.held.push(action);
    } else {
        model.editor.apply(action);
    }
}

/// Says of a text that it is too long to be changed.
pub(super) fn refuse(model: &mut Model) {
    let name = model.document.name();
    let message = format!("{name} is too long to be changed here");
    model.tell(Verdict::Idle, message, "Esc e edits it in $EDITOR");
}

/// Types a pasted text, after a question if it is very long.
pub(super) fn paste(model: &mut Model, pasted: String) {
    let lines = pasted.matches('\n').count() + 1;
    if lines <= MANY_LINES || model.document.big {
        return edit(model, Action::Paste(pasted));
    }
    let words = vec![format!("{lines} lines were pasted")];
    let yes = Effect::Decided(Decision::Paste(model.document.id, pasted));
    model.overlays.push(Overlay::Question(Question::new("Paste all of it?", words, "paste", yes)));
}

/// Does what a question was about.
pub(super) fn decided(model: &mut Model, decision: Decision) -> Vec<Effect> {
    match decision {
        Decision::Paste(buffer, pasted) => {
            if let Some((_, editor)) = buffers::find(model, buffer) {
                editor.apply(Action::Paste(pasted));
            }
        }
        Decision::Close(buffer) => buffers::close_buffer(model, buffer),
        Decision::ClearOutput => model.output.clear(),
        Decision::ForgetRuns => return super::history::forget(model),
    }
    Vec::new()
}

/// One step back: typing ends, then the selection, then what was found is not marked any more. False: there is none.
pub(super) fn leave(model: &mut Model) -> bool {
    if model.edits {
        model.edits = false;
    } else if model.editor.selection().is_some() {
        model.editor.apply(Action::Deselect);
    } else {
        return model.find.pattern.take().is_some();
    }
    true
}

pub(super) fn perform(model: &mut Model, cmd: EditCmd) -> Vec<Effect> {
    if model.document.loading {
        return Vec::new();
    }
    let action = match cmd {
        EditCmd::Search | EditCmd::Replace => {
            super::search::open(model, cmd == EditCmd::Replace);
            return Vec::new();
        }
        EditCmd::SearchNext | EditCmd::SearchPrevious => {
            super::search::again(model, cmd == EditCmd::SearchNext);
            return Vec::new();
        }
        EditCmd::GoToLine => {
            model.overlays.push(Overlay::Prompt(Prompt::new(Wanted::Line)));
            return Vec::new();
        }
        EditCmd::Copy => return copy(model),
        EditCmd::Cut => {
            let effects = copy(model);
            let selected = model.editor.selection().is_some();
            edit(model, if selected { Action::Backspace } else { Action::DeleteLines });
            return effects;
        }
        EditCmd::Paste => match model.register.clone() {
            Register { text, .. } if text.is_empty() => {
                model.tell(Verdict::Idle, "nothing was copied or cut here yet", "");
                return Vec::new();
            }
            Register { text, lines: true } => Action::PasteLines { text, below: false },
            Register { text, lines: false } => Action::Paste(text),
        },
        EditCmd::DeleteLine => {
            model.register = Register { text: model.editor.touched_lines(), lines: true };
            Action::DeleteLines
        }
        EditCmd::DeleteToEnd => {
            model.register = Register { text: model.editor.text_to(Motion::End), lines: false };
            Action::DeleteTo(Motion::End)
        }
        EditCmd::DuplicateLine => Action::DuplicateLines,
        EditCmd::MoveUp => Action::MoveLinesUp,
        EditCmd::MoveDown => Action::MoveLinesDown,
        EditCmd::Join => Action::JoinLines,
        EditCmd::Comment => {
            if model.editor.habits().comment.is_none() {
                model.tell(Verdict::Idle, "no comments are known for files like this", "");
            }
            Action::ToggleComment
        }
        EditCmd::Indent => Action::IndentLines,
        EditCmd::Outdent => Action::OutdentLines,
        EditCmd::SelectWord => Action::SelectWord,
        EditCmd::SelectLine => Action::SelectLine,
        EditCmd::OpenBelow | EditCmd::OpenAbove => {
            model.edits = true;
            if cmd == EditCmd::OpenBelow { Action::OpenBelow } else { Action::OpenAbove }
        }
    };
    edit(model, action);
    Vec::new()
}

/// Keeps what is selected, or the line, to be pasted here, and puts it into the clipboard.
fn copy(model: &mut Model) -> Vec<Effect> {
    model.register = match model.editor.selected() {
        Some(text) => Register { text, lines: false },
        None => Register { text: model.editor.touched_lines(), lines: true },
    };
    let text = model.register.text.clone();
    let what = match text.lines().count() {
        0 | 1 => "the line".to_owned(),
        lines => format!("{lines} lines"),
    };
    let what = if model.register.lines || text.contains('\n') { what } else { "the selection".to_owned() };
    model.output.copying = what;
    vec![Effect::Copy(text)]
}

/// A press of the mouse in the text: the second at one place takes the word, the third the line.
pub(super) fn click(model: &mut Model, at: Position, (row, column): (u16, u16)) {
    let before = model.clicks;
    let again =
        before.at.is_some_and(|(place, then)| place == at && model.now.saturating_sub(then) < TOGETHER);
    let count = if again { before.count % 3 + 1 } else { 1 };
    model.clicks = Clicks { count, at: Some((at, model.now)), drags: true };
    model.editor.apply(Action::Click { row, column });
    match count {
        2 => model.editor.apply(Action::SelectWord),
        3 => model.editor.apply(Action::SelectLine),
        _ => {}
    }
}

/// The mouse is moved while its button is held, or the button is let go.
pub(super) fn drag(model: &mut Model, kind: MouseEventKind, at: Position) {
    if !matches!(kind, MouseEventKind::Drag(_)) || !model.clicks.drags {
        model.clicks.drags = false;
        return;
    }
    let area = model.text_area();
    if area.is_empty() || model.document.loading {
        return;
    }
    model.redraw = true;
    if at.y < area.y {
        model.editor.apply(Action::Scroll(-1));
    } else if at.y >= area.bottom() {
        model.editor.apply(Action::Scroll(1));
    }
    let row = at.y.clamp(area.y, area.bottom() - 1) - area.y;
    let column = at.x.clamp(area.x, area.right() - 1) - area.x;
    model.editor.apply(Action::Drag { row, column });
}
