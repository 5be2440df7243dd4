//! Files of this machine: read once, written when asked.

use crate::protocol::Language;
use crate::tui::buffers;
use crate::tui::document::{Document, Form, Origin};
use crate::tui::editor::Editor;
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::{BufferId, Content, Effect, FileMsg, Replace, SaveFailure};
use crate::tui::overlay::{Overlay, Question};

pub(super) fn update(model: &mut Model, msg: FileMsg) -> Vec<Effect> {
    match msg {
        FileMsg::Read(buffer, result) => read(model, buffer, result),
        FileMsg::Saved(buffer, path, revision, Ok(stamp)) => {
            let Some((document, editor)) = buffers::find(model, buffer) else { return Vec::new() };
            document.saving = false;
            document.on_disk = Some(stamp);
            document.set_origin(Origin::Disk(path));
            document.set_saved(revision);
            document.form.settle();
            editor.set_habits(document.habits());
            let name = document.name();
            let again =
                std::mem::take(&mut document.save_again) && document.saved_revision() != editor.revision();
            model.tell(Verdict::Ok, format!("{name} is saved"), "");
            if again {
                return super::command::save(model, buffer);
            }
        }
        FileMsg::Saved(buffer, path, _, Err(why)) => {
            let Some((document, editor)) = buffers::find(model, buffer) else { return Vec::new() };
            (document.saving, document.save_again) = (false, false);
            let line = match why {
                SaveFailure::Changed => format!("{} was changed by something else", path.display()),
                SaveFailure::Exists => format!("{} exists already", path.display()),
                SaveFailure::Other(why) => {
                    let message = format!("{} was not saved: {why}", path.display());
                    model.tell(Verdict::Fail, message, "w tries again");
                    return Vec::new();
                }
            };
            let (text, revision) = (document.form.write(&editor.text()), editor.revision());
            let again = Effect::Save { buffer, path, text, revision, replace: Replace::Always };
            let question = Question::new("Replace the file?", vec![line], "replace", again);
            model.overlays.push(Overlay::Question(question));
        }
    }
    Vec::new()
}

/// A file to edit was read, is still to be made, or can't be had.
fn read(model: &mut Model, buffer: BufferId, result: Result<Option<Content>, String>) {
    let Some((document, editor)) = buffers::find(model, buffer) else { return };
    match result {
        Ok(content) => fill(document, editor, content),
        Err(why) => {
            // It does not stay open: a later save must not overwrite what could not be read.
            let name = document.name();
            buffers::close_buffer(model, buffer);
            let hint =
                if *model.document.origin() == Origin::Scratch { "this is scratch instead" } else { "" };
            model.tell(Verdict::Fail, format!("{name} was not opened: {why}"), hint);
        }
    }
}

/// Gives a document its text, as it was read.
pub(super) fn fill(document: &mut Document, editor: &mut Editor, content: Option<Content>) {
    document.loading = false;
    document.on_disk = content.as_ref().map(|content| content.stamp);
    let content = content.unwrap_or_default();
    let (form, text) = Form::of(&content.text);
    document.form = form;
    let first = text.lines().next().unwrap_or_default();
    if let Some(language) = document.language().or_else(|| Language::from_shebang(first)) {
        document.set_language(language);
    }
    document.look_at(text);
    editor.replace(text, document.habits());
    document.set_saved(editor.revision());
    std::mem::take(&mut document.held).into_iter().for_each(|action| editor.apply(action));
}
