//! Texts of a workspace in the editor: opened from there, saved there, and what becomes of them when their file or
//! their session goes.

use super::super::file::fill;
use super::ask;
use crate::protocol::SessionId;
use crate::tui::buffers;
use crate::tui::document::{Document, Origin};
use crate::tui::keymap::Preset;
use crate::tui::model::{Model, Pane, Verdict};
use crate::tui::msg::{BufferId, Content, Effect};
use crate::tui::overlay::{Overlay, Question, SaveAs};
use crate::tui::workspace::{Seen, Task, name};

/// Shows a text that was read. One that is open already is read anew, unless it has changes of its own. While a box is
/// open it waits behind the text that the box is about.
pub(super) fn open(model: &mut Model, session: SessionId, path: String, text: String, seen: Seen) {
    let origin = Origin::Workspace { session, path };
    let behind = !model.overlays.is_empty();
    let buffer = match buffers::of_origin(model, &origin) {
        Some(buffer) => Some(buffer),
        None if behind => buffers::open_behind(model, Document::new(origin)),
        None => buffers::open_buffer(model, Document::new(origin), ""),
    };
    let Some(buffer) = buffer else {
        model.tell(Verdict::Warn, "too many texts are open", "close one of them first");
        return;
    };
    if !behind {
        buffers::show_buffer(model, buffer);
        super::super::command::focus(model, Pane::Editor);
        // There is nothing to read in an empty one: whoever opens it types.
        if text.is_empty() && model.keymap.preset() != Preset::Vim {
            model.edits = true;
        }
    }
    let Some((document, editor)) = buffers::find(model, buffer) else { return };
    let name = document.name();
    if buffers::is_unsaved(document, editor) {
        let same = document.in_workspace == Some(seen);
        let hint = if same { "" } else { "its file was changed since: saving asks" };
        model.tell(Verdict::Idle, format!("{name} is open with changes"), hint);
        return;
    }
    fill(document, editor, Some(Content { text, ..Content::default() }));
    (document.on_disk, document.in_workspace) = (None, Some(seen));
    if document.big {
        let message = format!("{name} is too long to be changed here");
        model.tell(Verdict::Warn, message, "Esc e edits it in $EDITOR");
    } else if behind && model.document.id != buffer {
        model.tell(Verdict::Idle, format!("{name} is open behind this text"), "Esc f l lists the open texts");
    }
}

/// Saves a text of a workspace there, or, where its session is gone, asks for a place on this machine.
pub(in crate::tui::update) fn save(model: &mut Model, buffer: BufferId) -> Vec<Effect> {
    let usable = |model: &mut Model, id: &SessionId| model.sessions.find(id).is_some_and(|r| r.is_usable());
    let Some((document, editor)) = buffers::find(model, buffer) else { return Vec::new() };
    let Origin::Workspace { session, path } = document.origin().clone() else { return Vec::new() };
    if document.loading {
        return Vec::new();
    }
    if document.saving {
        document.save_again = true;
        return Vec::new();
    }
    let save = Task::Save {
        buffer,
        path,
        text: document.form.write(&editor.text()),
        revision: editor.revision(),
        known: document.in_workspace,
    };
    let (losses, shown) = (document.form.losses(), document.name());
    if !usable(model, &session) {
        // What a box is about stays.
        if model.overlays.is_empty() {
            buffers::show_buffer(model, buffer);
        }
        let message = format!("the session that {shown} was in is closed");
        model.tell(Verdict::Warn, message, "it can be saved on this machine");
        model.overlays.push(Overlay::SaveAs(SaveAs::new(buffer, &shown)));
        return Vec::new();
    }
    if !super::super::link::is_reachable(model) {
        return Vec::new();
    }
    let save = ask(&session, save);
    if losses.is_empty() {
        return vec![save];
    }
    model.overlays.push(Overlay::Question(Question::new("Save what is shown?", losses, "save", save)));
    Vec::new()
}

pub(super) fn is_being_saved(model: &mut Model, buffer: BufferId) {
    if let Some((document, _)) = buffers::find(model, buffer) {
        document.saving = true;
    }
}

pub(super) fn is_not_saved(model: &mut Model, buffer: BufferId) {
    if let Some((document, _)) = buffers::find(model, buffer) {
        (document.saving, document.save_again) = (false, false);
    }
}

/// These will never be answered.
pub(super) fn are_not_saved(model: &mut Model, lost: &[Task]) {
    for task in lost {
        if let Task::Save { buffer, .. } = task {
            is_not_saved(model, *buffer);
        }
    }
}

/// A text of this revision is in its file now.
pub(super) fn saved(
    model: &mut Model,
    buffer: BufferId,
    path: &str,
    revision: u64,
    seen: Seen,
) -> Vec<Effect> {
    if let Some((document, editor)) = buffers::find(model, buffer) {
        document.saving = false;
        document.in_workspace = Some(seen);
        document.set_saved(revision);
        document.form.settle();
        if std::mem::take(&mut document.save_again) && document.saved_revision() != editor.revision() {
            return save(model, buffer);
        }
    }
    model.tell(Verdict::Ok, format!("{} is saved in the workspace", name(path)), "");
    Vec::new()
}

/// Texts follow their file, or the directory that holds it.
pub(super) fn renamed(model: &mut Model, session: &SessionId, from: &str, to: &str) {
    let moved = |origin: &Origin| match origin {
        Origin::Workspace { session: of, path } if of == session => {
            let rest = path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            Some(Origin::Workspace { session: of.clone(), path: format!("{to}{rest}") })
        }
        _ => None,
    };
    let ids: Vec<(BufferId, Origin)> = buffers::all(model)
        .filter_map(|(document, _)| Some((document.id, moved(document.origin())?)))
        .collect();
    for (id, origin) in ids {
        if let Some((document, editor)) = buffers::find(model, id) {
            document.set_origin(origin);
            editor.set_habits(document.habits());
        }
    }
}
