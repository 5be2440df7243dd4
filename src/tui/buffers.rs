//! The texts that are open: the current one is the model's own `document` and `editor`, the others wait here.
//!
//! Knows what is asked of a text (to be shown, found, closed), not where texts are read from or saved to.

use std::path::Path;

use super::document::{Document, Origin, identity};
use super::editor::Editor;
use super::model::Model;
use super::msg::BufferId;

/// The most texts that are open at once.
pub(crate) const MOST: usize = 64;

/// A text that is open.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) document: Document,
    pub(crate) editor: Editor,
}

/// The texts that are open but not shown.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    waiting: Vec<Buffer>,
    last: u64,
}

impl Buffers {
    /// A name for another text.
    fn name(&mut self) -> BufferId {
        self.last += 1;
        BufferId(self.last)
    }
}

/// A text as the lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: BufferId,
    pub(crate) name: String,
    /// Where it is from, for a person.
    pub(crate) place: String,
    pub(crate) unsaved: bool,
}

/// The text has changes that its file hasn't, or that no file has.
pub(crate) fn is_unsaved(document: &Document, editor: &Editor) -> bool {
    let changed = document.saved_revision() != editor.revision() && !document.loading;
    document.recovered.is_some() || changed && (*document.origin() != Origin::Scratch || !editor.is_blank())
}

/// Shows another text. A sample that nobody has touched gives way to it. `None`: too many are open.
pub(crate) fn open_buffer(model: &mut Model, document: Document, text: &str) -> Option<BufferId> {
    let full = !model.shows_sample() && model.buffers.waiting.len() + 1 >= MOST;
    (!full).then(|| open_anyway(model, document, text))
}

/// The same however many are open: for what exists nowhere else.
pub(crate) fn open_anyway(model: &mut Model, mut document: Document, text: &str) -> BufferId {
    let untouched = model.shows_sample();
    let id = model.buffers.name();
    document.id = id;
    // The least that no other scratch has: two of one name would pass for one.
    let taken =
        |number: &usize| each(model).skip(untouched.into()).any(|(of, _)| of.number() == Some(*number));
    let number = (1..).find(|number| !taken(number)).unwrap_or(1);
    document.set_number(number);
    let editor = Editor::new(text, document.habits());
    document.set_saved(editor.revision());
    let before = Buffer {
        document: std::mem::replace(&mut model.document, document),
        editor: std::mem::replace(&mut model.editor, editor),
    };
    if !untouched {
        model.buffers.waiting.push(before);
    }
    id
}

/// Opens a text behind the one that is shown. `None`: too many are open.
pub(crate) fn open_behind(model: &mut Model, mut document: Document) -> Option<BufferId> {
    if model.buffers.waiting.len() + 1 >= MOST {
        return None;
    }
    let id = model.buffers.name();
    document.id = id;
    let editor = Editor::new("", document.habits());
    document.set_saved(editor.revision());
    model.buffers.waiting.push(Buffer { document, editor });
    Some(id)
}

/// Shows scratch that nobody has typed into yet.
pub(crate) fn new_scratch(model: &mut Model) -> Option<BufferId> {
    let language = model.document.language();
    let mut document = Document::new(Origin::Scratch);
    if let Some(language) = language {
        document.set_language(language);
    }
    let sample = document.sample();
    open_buffer(model, document, &sample)
}

/// Shows the text of this name. False: there is none.
pub(crate) fn show_buffer(model: &mut Model, id: BufferId) -> bool {
    if model.document.id == id {
        return true;
    }
    let Some(found) = model.buffers.waiting.iter_mut().find(|buffer| buffer.document.id == id) else {
        return false;
    };
    std::mem::swap(&mut found.document, &mut model.document);
    std::mem::swap(&mut found.editor, &mut model.editor);
    true
}

/// Shows the text that was opened after this one, or before it; after the last comes the first.
pub(crate) fn next_buffer(model: &mut Model, forward: bool) {
    let all = ids(model);
    let at = all.iter().position(|id| *id == model.document.id).unwrap_or(0);
    let step = if forward { 1 } else { all.len() - 1 };
    if let Some(id) = all.get((at + step) % all.len()) {
        show_buffer(model, *id);
    }
}

/// Closes a text, whatever of it is not saved. The next one is shown if it was; after the only one comes scratch.
pub(crate) fn close_buffer(model: &mut Model, id: BufferId) {
    if model.document.id == id {
        if model.buffers.waiting.is_empty() {
            // Takes the place of the text: only untouched scratch gives way.
            let language = model.document.language();
            model.document = Document::new(Origin::Scratch);
            if let Some(language) = language {
                model.document.set_language(language);
            }
            model.document.id = model.buffers.name();
            let sample = model.document.sample();
            model.editor.replace(&sample, model.document.habits());
            model.document.set_saved(model.editor.revision());
            return;
        }
        next_buffer(model, true);
    }
    model.buffers.waiting.retain(|buffer| buffer.document.id != id);
}

/// A text that is open, shown or not.
pub(crate) fn find(model: &mut Model, id: BufferId) -> Option<(&mut Document, &mut Editor)> {
    if model.document.id == id {
        return Some((&mut model.document, &mut model.editor));
    }
    let buffer = model.buffers.waiting.iter_mut().find(|buffer| buffer.document.id == id)?;
    Some((&mut buffer.document, &mut buffer.editor))
}

/// The text that is from there, if it is open: under whatever name of its file.
pub(crate) fn of_origin(model: &Model, origin: &Origin) -> Option<BufferId> {
    let name = |path: &Path| identity(&model.memory.base, path);
    let is_same = |of: &Origin| match (of, origin) {
        (Origin::Disk(one), Origin::Disk(other)) => one == other || name(one) == name(other),
        (one, other) => one == other,
    };
    all(model).map(|(document, _)| document).find(|document| is_same(document.origin())).map(|d| d.id)
}

/// Every text, the one that is shown first.
pub(crate) fn each(model: &Model) -> impl Iterator<Item = (&Document, &Editor)> {
    let waiting = model.buffers.waiting.iter().map(|buffer| (&buffer.document, &buffer.editor));
    std::iter::once((&model.document, &model.editor)).chain(waiting)
}

/// Every text, in the order they were opened.
pub(crate) fn all(model: &Model) -> impl Iterator<Item = (&Document, &Editor)> {
    let mut all: Vec<_> = each(model).collect();
    all.sort_by_key(|(document, _)| document.id);
    all.into_iter()
}

/// Every text as the lists show it, in the order they were opened.
pub(crate) fn listed(model: &Model) -> Vec<Listed> {
    let listed = |(document, editor): (&Document, &Editor)| Listed {
        id: document.id,
        name: document.name(),
        place: document.place(),
        unsaved: is_unsaved(document, editor),
    };
    all(model).map(listed).collect()
}

fn ids(model: &Model) -> Vec<BufferId> {
    all(model).map(|(document, _)| document.id).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::tui::editor::Action;

    fn model() -> Model {
        let keymap = crate::tui::keys::Keymap::load(&crate::config::Settings::default()).0;
        Model::new(keymap, &[], None, ratatui::layout::Size::new(80, 24))
    }

    fn file(name: &str) -> Document {
        let mut document = Document::new(Origin::Disk(PathBuf::from(name)));
        document.loading = false;
        document
    }

    fn names(model: &Model) -> Vec<String> {
        listed(model).into_iter().map(|one| one.name).collect()
    }

    #[test]
    fn untouched_scratch_gives_way_and_touched_waits() {
        let mut model = model();
        open_buffer(&mut model, file("a.py"), "a");
        assert_eq!(names(&model), ["a.py"]);
        new_scratch(&mut model);
        assert_eq!(names(&model), ["a.py", "scratch.py"]);
        model.editor.apply(Action::Insert('x'));
        open_buffer(&mut model, file("b.go"), "b");
        assert_eq!(names(&model), ["a.py", "scratch.py", "b.go"]);
        assert_eq!(model.editor.text(), "b");
        next_buffer(&mut model, true);
        assert_eq!(model.document.name(), "a.py");
        next_buffer(&mut model, false);
        assert_eq!(model.document.name(), "b.go");
        next_buffer(&mut model, false);
        assert!(model.editor.text().starts_with('x'), "its changes waited with it");
    }

    #[test]
    fn every_scratch_has_a_name_of_its_own() {
        let mut model = model();
        let mut touched = |count: usize| {
            for _ in 0..count {
                model.editor.apply(Action::Insert('x'));
                new_scratch(&mut model);
            }
            names(&model)
        };
        assert_eq!(touched(2), ["scratch.ts", "scratch-2.ts", "scratch-3.ts"]);
        // Untouched scratch gives way, and its name is free.
        assert_eq!(touched(0), ["scratch.ts", "scratch-2.ts", "scratch-3.ts"]);
        let second = ids(&model).get(1).copied().unwrap();
        new_scratch(&mut model);
        assert_eq!(names(&model), ["scratch.ts", "scratch-2.ts", "scratch-3.ts"]);
        find(&mut model, second).unwrap().0.set_origin(Origin::Disk(PathBuf::from("a.ts")));
        model.editor.apply(Action::Insert('x'));
        open_buffer(&mut model, Document::named("b.py"), "b");
        assert_eq!(names(&model), ["scratch.ts", "a.ts", "scratch-3.ts", "scratch-2.py"]);
        let all = ids(&model);
        all.into_iter().for_each(|id| close_buffer(&mut model, id));
        assert_eq!(names(&model), ["scratch.py"]);
    }

    #[test]
    fn closing_shows_another_and_at_last_scratch() {
        let mut model = model();
        let a = open_buffer(&mut model, file("a.py"), "a").unwrap();
        let b = open_buffer(&mut model, file("b.py"), "b").unwrap();
        close_buffer(&mut model, a);
        assert_eq!(names(&model), ["b.py"]);
        close_buffer(&mut model, b);
        assert_eq!(names(&model), ["scratch.py"]);
        assert!(!is_unsaved(&model.document, &model.editor));
        assert!(find(&mut model, b).is_none() && !show_buffer(&mut model, a));
    }

    #[test]
    fn no_more_are_opened_than_can_be() {
        let mut model = model();
        for n in 0..MOST {
            assert!(open_buffer(&mut model, file(&format!("{n}.py")), "").is_some());
        }
        assert!(open_buffer(&mut model, file("more.py"), "").is_none());
        assert_eq!(names(&model).len(), MOST);
    }
}
