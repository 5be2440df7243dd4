//! The open texts and their files: opened, shown, closed; read once, written when asked.

use std::path::PathBuf;

use crate::protocol::Language;
use crate::tui::buffers;
use crate::tui::commands::FileCmd;
use crate::tui::document::{Document, Form, Origin};
use crate::tui::editor::{Action, Editor, Pos};
use crate::tui::model::{Model, Pane, Verdict};
use crate::tui::msg::{BufferId, Content, Decision, Effect, FileMsg, Replace, SaveFailure};
use crate::tui::overlay::{Overlay, Prompt, Question, Switch, Wanted};

/// Longer texts are shown, and not changed here.
const LONGEST: usize = 2 * 1024 * 1024;
/// So are texts of more lines.
const MOST_LINES: usize = 20_000;

pub(super) fn update(model: &mut Model, msg: FileMsg) -> Vec<Effect> {
    match msg {
        FileMsg::Read(buffer, result) => read(model, buffer, result),
        FileMsg::Edited(edited) => super::outside::take_back(model, edited),
        FileMsg::Recovered(texts, broken) => return super::keep::recovered(model, texts, broken),
        FileMsg::LeftOutside(places) => super::outside::left(model, &places),
        FileMsg::NotKept(why) => {
            let message = format!("what is not saved is not kept for a crash: {why}");
            model.tell(Verdict::Warn, message, "F4 saves it");
        }
        FileMsg::Completed(typed, paths) => match model.overlays.last_mut() {
            Some(Overlay::Prompt(prompt)) => prompt.complete(&typed, paths),
            Some(Overlay::Path(form)) => form.completed(&typed, paths),
            _ => {}
        },
        FileMsg::Saved(buffer, path, revision, Ok(stamp)) => {
            let Some((document, editor)) = buffers::find(model, buffer) else { return Vec::new() };
            document.saving = false;
            document.on_disk = Some(stamp);
            // A language that was chosen by hand stays with the file.
            if document.path() != Some(&path) {
                document.set_origin(Origin::Disk(path));
            }
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
            let question = Question::new("Replace the file?", vec![line], "replace", again).sudden(model.now);
            model.overlays.push(Overlay::Question(question));
        }
    }
    Vec::new()
}

/// A file to edit was read, is still to be made, or can't be had.
fn read(model: &mut Model, buffer: BufferId, result: Result<Option<Content>, String>) {
    let place = {
        let mut all = buffers::all(model).map(|(document, _)| document);
        let path = all.find(|document| document.id == buffer).and_then(Document::path);
        path.and_then(|path| model.memory.place(path))
    };
    let Some((document, editor)) = buffers::find(model, buffer) else { return };
    match result {
        Ok(content) => {
            let fresh = document.held.is_empty() && document.recovered.is_none();
            let other = fill(document, editor, content);
            if let Some((row, byte)) = place.filter(|_| fresh) {
                let at = Pos { row, byte };
                editor.apply(Action::Select(at, at));
                editor.apply(Action::Deselect);
            }
            if other {
                let message = format!("{}: {}", document.name(), super::keep::other_file(document));
                let hint = "here is what was not saved before; F4 asks before it replaces the file";
                model.tell(Verdict::Warn, message, hint);
            } else if document.form.hides() {
                let (name, losses) = (document.name(), document.form.losses().join("; "));
                let hint = "run as it is, it runs as the file has it; once changed, as it is shown";
                model.tell(Verdict::Warn, format!("{name}: {losses}"), hint);
            } else if document.big {
                let (name, lines) = (document.name(), editor.lines().len());
                let message =
                    format!("{name} has {lines} lines: it is shown without colours and not changed here");
                model.tell(Verdict::Warn, message, "Esc e edits it in $EDITOR");
            }
        }
        Err(why) => {
            // It does not stay open: a later save must not overwrite what could not be read.
            let (name, recovered) = (document.name(), document.recovered.take());
            let shown = model.document.id;
            buffers::close_buffer(model, buffer);
            let mut hint = match *model.document.origin() {
                Origin::Scratch => "this is scratch instead".to_owned(),
                _ => String::new(),
            };
            if let Some(unsaved) = recovered {
                let scratch = super::keep::open_as_scratch(model, &name, &unsaved.text);
                buffers::show_buffer(model, shown);
                hint = format!("what was not saved of it is {scratch}");
            }
            model.tell(Verdict::Fail, format!("{name} was not opened: {why}"), hint);
        }
    }
}

/// Whether a text is too long to be changed here.
pub(super) fn is_big(text: &str) -> bool {
    text.len() > LONGEST || text.lines().nth(MOST_LINES).is_some()
}

/// Gives a document its text, as it was read, and what a crash has left of it. True: that was made from another file.
pub(super) fn fill(document: &mut Document, editor: &mut Editor, content: Option<Content>) -> bool {
    document.loading = false;
    document.on_disk = content.as_ref().map(|content| content.stamp);
    let content = content.unwrap_or_default();
    let (form, text) = Form::of(&content.text);
    document.form = form;
    document.unshown = (form.hides() && !is_big(text)).then(|| content.text.clone());
    document.big = is_big(text);
    let first = text.lines().next().unwrap_or_default();
    if let Some(language) = document.language().or_else(|| Language::from_shebang(first)) {
        document.set_language(language);
    }
    document.look_at(text);
    editor.replace(text, document.habits());
    document.set_saved(editor.revision());
    let recovered = document.recovered.take();
    let other = recovered.is_some_and(|unsaved| super::keep::put_over(document, editor, *unsaved));
    let held = std::mem::take(&mut document.held);
    let big = document.big;
    held.into_iter().filter(|action| !big || !action.changes()).for_each(|action| editor.apply(action));
    other
}

pub(super) fn perform(model: &mut Model, cmd: FileCmd) -> Vec<Effect> {
    match cmd {
        FileCmd::Open => model.overlays.push(Overlay::Prompt(Prompt::new(Wanted::File))),
        FileCmd::New => match buffers::new_scratch(model) {
            Some(_) => {
                show(model);
                let name = model.document.name();
                model.tell(Verdict::Idle, format!("{name} is a new text"), "Esc f l lists the open texts");
            }
            None => too_many(model),
        },
        FileCmd::Next | FileCmd::Previous => {
            buffers::next_buffer(model, cmd == FileCmd::Next);
            show(model);
        }
        FileCmd::Switch => {
            let list = Switch::new(model);
            model.focus = Pane::Editor;
            model.overlays.push(Overlay::Switch(list));
        }
        FileCmd::Close => close(model),
        FileCmd::EditOutside => return super::outside::hand_over(model),
    }
    Vec::new()
}

/// Shows a file of this machine, which is read first unless it is open.
pub(crate) fn open(model: &mut Model, path: PathBuf) -> Vec<Effect> {
    let origin = Origin::Disk(path.clone());
    if let Some(id) = buffers::of_origin(model, &origin) {
        buffers::show_buffer(model, id);
        show(model);
        return Vec::new();
    }
    match buffers::open_buffer(model, Document::new(origin), "") {
        Some(id) => {
            show(model);
            vec![Effect::Read(id, path)]
        }
        None => {
            too_many(model);
            Vec::new()
        }
    }
}

/// Opens files behind the one that is shown. So many more than can be are told of and left out.
pub(crate) fn open_behind(model: &mut Model, paths: &[PathBuf]) {
    let (shown, mut left_out) = (model.document.id, 0);
    for path in paths {
        let origin = Origin::Disk(path.clone());
        if buffers::of_origin(model, &origin).is_none()
            && buffers::open_buffer(model, Document::new(origin), "").is_none()
        {
            left_out += 1;
        }
    }
    buffers::show_buffer(model, shown);
    if left_out > 0 {
        let files = if left_out == 1 { "1 file is".to_owned() } else { format!("{left_out} files are") };
        let most = buffers::MOST;
        let message = format!("{files} left out: no more than {most} texts can be open at once");
        model.tell(Verdict::Warn, message, "Esc f c closes one, Esc f o opens another");
    }
}

/// Whoever asks for a text wants to see it.
fn show(model: &mut Model) {
    model.focus = Pane::Editor;
    model.find.of = None;
}

fn too_many(model: &mut Model) {
    model.tell(Verdict::Warn, "no more texts can be open at once", "f c closes this one");
}

fn close(model: &mut Model) {
    let (id, name) = (model.document.id, model.document.name());
    if !model.is_unsaved() {
        buffers::close_buffer(model, id);
        return;
    }
    let lines = vec![format!("{name} has changes that are not saved")];
    let yes = Effect::Decided(Decision::Close(id));
    model.overlays.push(Overlay::Question(Question::new("Close it?", lines, "close", yes)));
}
