//! Files of this machine: read once, written when asked.

use crate::protocol::Language;
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::{Effect, FileMsg, SaveFailure};
use crate::tui::overlay::{Overlay, Question};

pub(super) fn update(model: &mut Model, msg: FileMsg) -> Vec<Effect> {
    match msg {
        FileMsg::Read(path, result) => {
            if model.document.path() != Some(path.as_path()) {
                return Vec::new();
            }
            model.document.loading = false;
            let language = model.document.language();
            match result {
                Ok(content) => {
                    model.document.on_disk = content.is_some();
                    let content = content.unwrap_or_default();
                    let first = content.lines().next().unwrap_or_default();
                    let language = language.or_else(|| Language::from_shebang(first));
                    if let Some(language) = language {
                        model.document.set_language(language);
                    }
                    model.editor.replace(&content, language);
                }
                Err(why) => {
                    // Not opened: a later save must not overwrite what could not be read.
                    let name = model.document.name();
                    model.document = crate::tui::document::Document::new(None);
                    let sample = model.document.sample();
                    model.editor.replace(&sample, model.document.language());
                    model.tell(
                        Verdict::Fail,
                        format!("{name} was not opened: {why}"),
                        "this is scratch instead",
                    );
                }
            }
            model.document.set_saved(model.editor.revision());
        }
        FileMsg::Saved(path, revision, Ok(())) => {
            model.document.set_path(path);
            model.document.set_saved(revision);
            model.editor.set_language(model.document.language());
            let name = model.document.name();
            model.tell(Verdict::Ok, format!("{name} is saved"), "");
        }
        FileMsg::Saved(path, revision, Err(SaveFailure::Exists)) => {
            let lines = vec![format!("{} exists already", path.display())];
            let text = model.editor.text();
            let again = Effect::Save { path, text, revision, overwrite: true };
            model.overlays.push(Overlay::Question(Question::new(
                "Replace the file?",
                lines,
                "replace",
                again,
            )));
        }
        FileMsg::Saved(path, _, Err(SaveFailure::Other(why))) => {
            model.tell(Verdict::Fail, format!("{} was not saved: {why}", path.display()), "w tries again");
        }
    }
    Vec::new()
}
