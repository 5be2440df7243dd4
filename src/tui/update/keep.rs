//! Texts that are not saved: which they are, when they are to be kept, and what a crash has left of them.

use std::path::PathBuf;

use crate::tui::buffers;
use crate::tui::document::{Document, Form, Origin, identity};
use crate::tui::editor::{Action, Editor};
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
    let one = |(document, editor): (&Document, &Editor)| {
        let source = match document.origin() {
            // Another workbench may be opened elsewhere.
            Origin::Disk(path) => Source::File(identity(&model.memory.base, path)),
            Origin::Scratch | Origin::Workspace { .. } => Source::Named(document.name()),
        };
        // Not in the editor yet.
        if let Some(recovered) = &document.recovered {
            return Unsaved::clone(recovered);
        }
        Unsaved { source, text: document.form.write(&editor.text()), base: document.on_disk }
    };
    unsaved.map(one).collect()
}

pub(super) fn keep(model: &mut Model) -> Vec<Effect> {
    model.kept = state(model);
    vec![Effect::Keep(unsaved(model))]
}

/// Opens what a workbench that crashed had not saved; none of it is saved now either.
pub(super) fn recovered(model: &mut Model, texts: Vec<Unsaved>, broken: Option<PathBuf>) -> Vec<Effect> {
    // Who is being asked whether to quit was not asked about these.
    if !texts.is_empty() {
        model.overlays.retain(|overlay| !overlay.asks_to_quit());
    }
    let shown = (!model.shows_sample()).then_some(model.document.id);
    let (mut names, mut effects) = (Vec::new(), vec![Effect::Recovered]);
    for unsaved in texts {
        names.push(open(model, unsaved, &mut effects));
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
    effects
}

/// Opens one such text, and gives its name with what is to be known of it.
fn open(model: &mut Model, unsaved: Unsaved, effects: &mut Vec<Effect>) -> String {
    let path = match &unsaved.source {
        Source::File(path) => path.clone(),
        Source::Named(name) => return open_as_scratch(model, name, &unsaved.text),
    };
    let origin = Origin::Disk(path.clone());
    let buffer = buffers::of_origin(model, &origin).unwrap_or_else(|| {
        let buffer = buffers::open_anyway(model, Document::new(origin), "");
        effects.push(Effect::Read(buffer, path));
        buffer
    });
    let Some((document, editor)) = buffers::find(model, buffer) else { return String::new() };
    let name = document.name();
    if !document.loading {
        // Two workbenches had it open, or somebody types already: neither text goes over the other.
        if buffers::is_unsaved(document, editor) {
            let same = document.form.write(&editor.text()) == unsaved.text;
            return if same { name } else { open_as_scratch(model, &name, &unsaved.text) };
        }
        let other = put_over(document, editor, unsaved);
        return if other { format!("{name} ({})", other_file(document)) } else { name };
    }
    let text = unsaved.text.clone();
    match document.recovered.replace(Box::new(unsaved)) {
        Some(before) if before.text != text => {
            format!("{name}, {}", open_as_scratch(model, &name, &before.text))
        }
        _ => name,
    }
}

/// Puts a text that was recovered over that of its file, as one change that can be taken back. What is saved later is
/// held against the file that it was made from. True: that is not the one that is there now.
pub(super) fn put_over(document: &mut Document, editor: &mut Editor, unsaved: Unsaved) -> bool {
    let (form, body) = Form::of(&unsaved.text);
    let is_there = document.on_disk.is_some();
    if !is_there {
        document.form = form;
        document.look_at(body);
        editor.set_habits(document.habits());
    }
    editor.apply(Action::Revise(body.to_owned()));
    document.big = super::file::is_big(&editor.text());
    if editor.revision() == document.saved_revision() {
        return false;
    }
    let other = is_there && document.on_disk != unsaved.base;
    document.on_disk = unsaved.base;
    other
}

/// What is to be known of a text that was put over another file than its own.
pub(super) fn other_file(document: &Document) -> &'static str {
    match document.on_disk {
        Some(_) => "its file was changed since",
        None => "its file may have been changed since",
    }
}

/// Opens a text that has no file, or can't have it, and gives its name. It is not saved.
pub(super) fn open_as_scratch(model: &mut Model, name: &str, text: &str) -> String {
    let (form, body) = Form::of(text);
    let mut document = Document::named(name);
    document.form = form;
    document.look_at(body);
    buffers::open_anyway(model, document, body);
    model.document.set_saved(0);
    model.document.name()
}
