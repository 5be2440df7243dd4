//! Files of this machine: read once, written when asked.

use crate::protocol::Language;
use crate::tui::document::{Document, Form};
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::{Content, Effect, FileMsg, Replace, SaveFailure};
use crate::tui::overlay::{Overlay, Question};

pub(super) fn update(model: &mut Model, msg: FileMsg) -> Vec<Effect> {
    match msg {
        FileMsg::Read(path, result) => {
            if model.document.path() == Some(path.as_path()) {
                read(model, result);
            }
        }
        FileMsg::Saved(path, revision, Ok(stamp)) => {
            model.document.saving = false;
            model.document.on_disk = Some(stamp);
            model.document.set_path(path);
            model.document.set_saved(revision);
            model.document.form.settle();
            model.editor.set_language(model.document.language());
            let name = model.document.name();
            model.tell(Verdict::Ok, format!("{name} is saved"), "");
            if std::mem::take(&mut model.document.save_again) && model.is_changed() {
                return super::command::save(model);
            }
        }
        FileMsg::Saved(path, _, Err(why @ (SaveFailure::Exists | SaveFailure::Changed))) => {
            (model.document.saving, model.document.save_again) = (false, false);
            let lines = vec![match why {
                SaveFailure::Changed => format!("{} was changed by something else", path.display()),
                _ => format!("{} exists already", path.display()),
            }];
            let (text, revision) = (model.file_text(), model.editor.revision());
            let again = Effect::Save { path, text, revision, replace: Replace::Always };
            let question = Question::new("Replace the file?", lines, "replace", again);
            model.overlays.push(Overlay::Question(question));
        }
        FileMsg::Saved(path, _, Err(SaveFailure::Other(why))) => {
            (model.document.saving, model.document.save_again) = (false, false);
            model.tell(Verdict::Fail, format!("{} was not saved: {why}", path.display()), "w tries again");
        }
    }
    Vec::new()
}

/// The file to edit was read, is still to be made, or can't be had.
fn read(model: &mut Model, result: Result<Option<Content>, String>) {
    model.document.loading = false;
    let held = std::mem::take(&mut model.document.held);
    match result {
        Ok(content) => {
            model.document.on_disk = content.as_ref().map(|content| content.stamp);
            let content = content.unwrap_or_default();
            let (form, content) = Form::of(&content.text);
            model.document.form = form;
            let first = content.lines().next().unwrap_or_default();
            let language = model.document.language().or_else(|| Language::from_shebang(first));
            if let Some(language) = language {
                model.document.set_language(language);
            }
            model.editor.replace(content, language);
            if let Some(place) = model.document.path().and_then(|path| model.memory.place(path)) {
                model.editor.jump(place);
            }
        }
        Err(why) => {
            // Scratch instead: a later save must not overwrite what could not be read.
            let name = model.document.name();
            model.document = Document::new(None);
            let sample = model.document.sample();
            model.editor.replace(&sample, model.document.language());
            model.tell(Verdict::Fail, format!("{name} was not opened: {why}"), "this is scratch instead");
        }
    }
    model.document.set_saved(model.editor.revision());
    held.into_iter().for_each(|action| model.editor.apply(action));
}
