//! Samples: put into the editor as scratch, in a language that runs here.

use crate::protocol::Language;
use crate::tui::buffers;
use crate::tui::document::{Document, ORDER, Origin};
use crate::tui::model::{Model, Pane, Screen, Verdict};
use crate::tui::overlay::{Overlay, Samples};
use crate::tui::samples::SAMPLES;

/// Shows the list of samples.
pub(super) fn list(model: &mut Model) {
    model.screen = Screen::Workbench;
    let samples = Samples::open(model);
    model.overlays.push(Overlay::Samples(samples));
}

/// The language samples are shown in: the text's if it runs here, else the first that does.
pub(crate) fn language(model: &Model) -> Language {
    let runs = |language: &Language| !model.runtimes.settled || model.runtimes.run(*language);
    let here = model.document.language().filter(runs).or_else(|| ORDER.into_iter().find(runs));
    here.or(model.document.language()).unwrap_or(Language::TypeScript)
}

/// Opens a sample as scratch. A text that was changed stays open beside it.
pub(crate) fn open(model: &mut Model, number: usize, language: Language) {
    let Some(sample) = SAMPLES.get(number) else { return };
    let mut document = Document::new(Origin::Scratch);
    document.set_language(language);
    document.show_sample(number);
    if buffers::open_buffer(model, document, sample.code(language)).is_none() {
        return model.tell(Verdict::Warn, "too many texts are open for one more", "close some of them first");
    }
    model.screen = Screen::Workbench;
    super::command::focus(model, Pane::Editor);
    model.edits = true;
    let hint = model.keymap.shown(crate::tui::commands::Cmd::Run, &model.places(), true);
    let hint = hint.map_or_else(String::new, |key| format!("{key} runs it"));
    model.tell(Verdict::Ok, format!("{}: {}", sample.title, sample.about), hint);
}
