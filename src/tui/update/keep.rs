//! Texts that are not saved: which they are, when they are to be kept, and what a crash has left of them.

use std::path::{Path, PathBuf};

use crate::tui::buffers;
use crate::tui::document::{Document, Origin};
use crate::tui::editor::Action;
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::{BufferId, Effect, Source, Unsaved};

/// Which texts are not saved, and in which revision.
fn state(model: &Model) -> Vec<(BufferId, u64)> {
    let unsaved = buffers::all(model).filter(|(document, editor)| buffers::is_unsaved(document, editor));
    unsaved.map(|(document, editor)| (document.id, editor.revision())).collect()
}

/// Whether that has changed since they were kept.
pub(crate) fn has_unkept(model: &Model) -> bool {
    state(model) != model.kept
}

/// The texts that are not saved.
pub(crate) fn unsaved(model: &Model) -> Vec<Unsaved> {
    let unsaved = buffers::all(model).filter(|(document, editor)| buffers::is_unsaved(document, editor));
    let one = |(document, editor): (&Document, &crate::tui::editor::Editor)| {
        let source = match document.origin() {
            // Another workbench may be opened elsewhere.
            Origin::Disk(path) => Source::File(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
            Origin::Scratch | Origin::Workspace { .. } => Source::Named(document.name()),
        };
        Unsaved { source, text: document.form.write(&editor.text()) }
    };
    unsaved.map(one).collect()
}

pub(super) fn keep(model: &mut Model) -> Vec<Effect> {
    model.kept = state(model);
    vec![Effect::Keep(unsaved(model))]
}

/// Opens what a workbench that crashed had not saved; none of it is saved now either.
pub(super) fn recovered(model: &mut Model, texts: Vec<Unsaved>, broken: Option<PathBuf>) {
    let shown = (!model.shows_sample()).then_some(model.document.id);
    let mut names = Vec::new();
    for Unsaved { source, text } in texts {
        if let Some(name) = open(model, source, &text) {
            names.push(name);
        }
    }
    if let Some(shown) = shown {
        buffers::show_buffer(model, shown);
    }
    if let Some(aside) = broken {
        let message = "what an earlier workbench had not saved can't be read";
        model.tell(Verdict::Warn, message, format!("it is in {}", aside.display()));
    } else if !names.is_empty() {
        let message = format!("back from a workbench that ended without being left: {}", names.join(", "));
        model.tell(Verdict::Warn, message, "Esc f l lists the open texts; F4 saves");
    }
}

/// Opens one such text, and gives its name.
fn open(model: &mut Model, source: Source, text: &str) -> Option<String> {
    let path = match &source {
        Source::File(path) => Some(path.as_path()),
        Source::Named(_) => None,
    };
    let (form, body) = crate::tui::document::Form::of(text);
    let same =
        |document: &Document| document.path().is_some_and(|of| path.is_some_and(|path| is_same(of, path)));
    let open = buffers::all(model).find(|(document, _)| same(document)).map(|(document, _)| document.id);
    if let Some((document, editor)) = open.and_then(|id| buffers::find(model, id)) {
        // Over what is in the file: one change, that can be taken back.
        let action = Action::Revise(body.to_owned());
        match document.loading {
            true => document.held.push(action),
            false => editor.apply(action),
        }
        return Some(document.name());
    }
    let mut document = match source {
        Source::File(path) => Document::new(Origin::Disk(path)),
        Source::Named(name) => Document::named(&name),
    };
    document.loading = false;
    document.form = form;
    document.look_at(body);
    let name = document.name();
    buffers::open_buffer(model, document, body)?;
    // No file has it, or another text.
    model.document.set_saved(0);
    Some(name)
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || std::path::absolute(one).is_ok_and(|one| one == other)
}
