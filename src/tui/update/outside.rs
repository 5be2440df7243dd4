//! The text in the person's own editor: handed over, and taken back as one change.

use crate::tui::buffers;
use crate::tui::document::Form;
use crate::tui::editor::Action;
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::{Edited, Effect, Handed};

pub(super) fn hand_over(model: &mut Model) -> Vec<Effect> {
    let document = &model.document;
    if document.loading || document.saving {
        model.tell(Verdict::Idle, "the file is being read or written; try again", "");
        return Vec::new();
    }
    // What was changed here is not written to the file unasked: a copy goes out, and comes back as it was changed.
    let path = document.path().filter(|_| !model.is_changed()).map(ToOwned::to_owned);
    let (name, text) = (document.name(), model.file_text());
    vec![Effect::EditOutside(Box::new(Handed { buffer: document.id, path, name, text }))]
}

pub(super) fn take_back(model: &mut Model, edited: Edited) {
    let Some((document, editor)) = buffers::find(model, edited.buffer) else { return };
    let name = document.name();
    let before = editor.version();
    match edited.result {
        Err(why) => {
            let Some(kept) = edited.kept else {
                let message = format!("{name} did not come back from `{}`: {why}", edited.command);
                return model.tell(Verdict::Fail, message, "the text is as it was here");
            };
            let message = format!("{name} can't be read back: {why}");
            return model.tell(Verdict::Fail, message, format!("it is kept in {}", kept.display()));
        }
        Ok(Some(content)) => {
            let (form, text) = Form::of(&content.text);
            document.form = form;
            editor.apply(Action::Revise(text.to_owned()));
            if edited.in_place {
                document.on_disk = Some(content.stamp);
                document.big = super::file::is_big(text);
                document.set_saved(editor.revision());
            }
        }
        // There is no file any more, or still none: the text stays.
        Ok(None) if edited.in_place => document.on_disk = None,
        Ok(None) => {}
    }
    let changed = editor.version() != before;
    match (edited.trouble, changed) {
        (Some(trouble), true) => {
            let message = format!("`{}` {trouble}; what it had saved of {name} is here", edited.command);
            model.tell(Verdict::Warn, message, "Esc u takes it back");
        }
        (Some(trouble), false) => {
            let message = format!("`{}` {trouble}; {name} is as it was", edited.command);
            model.tell(Verdict::Warn, message, "$VISUAL and $EDITOR name the editor");
        }
        (None, true) => model.tell(Verdict::Ok, format!("{name} is as you left it in your editor"), ""),
        (None, false) => model.tell(Verdict::Idle, format!("{name} was not changed"), ""),
    }
}

/// Tells where what an editor saved for an earlier workbench is: nobody has read it.
pub(super) fn left(model: &mut Model, places: &[std::path::PathBuf]) {
    let Some(first) = places.first() else { return };
    let more = if places.len() > 1 { format!(", and {} more", places.len() - 1) } else { String::new() };
    let message = "what your editor saved after an earlier workbench had ended is kept";
    model.tell(Verdict::Warn, message, format!("it is in {}{more}", first.display()));
}
