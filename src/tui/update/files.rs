//! The files pane: what its keys and its mouse do, and what of the engine it follows.

mod answers;
mod named;
mod texts;

use crossterm::event::{KeyCode, KeyEvent};

use crate::protocol::{EntryKind, SessionEvent, SessionState};
use crate::tui::commands::Cmd;
use crate::tui::files::{Files, FilesCmd, Row};
use crate::tui::model::{Model, Pane, Screen, Verdict};
use crate::tui::msg::Effect;
use crate::tui::overlay::{Ask, Overlay, PathForm};
use crate::tui::text;
use crate::tui::view::files::list;
use crate::tui::widget::field::Field;
use crate::tui::workspace::{self, EXECUTION, FilesMsg, MOST_READ, Task, join, name, parent};

pub(super) use named::of_run as name_of_run;
pub(super) use texts::save;

pub(super) fn update(model: &mut Model, msg: FilesMsg) -> Vec<Effect> {
    match msg {
        FilesMsg::Progress { number, files, bytes, .. } => {
            model.redraw |= model.files.queues.progress(number, files, bytes);
            Vec::new()
        }
        FilesMsg::Done { session, number, result } => {
            // What was given up has no answer.
            let Some((task, next)) = model.files.queues.end(&session, number) else { return Vec::new() };
            model.redraw |= !matches!(task, Task::List { .. });
            let mut effects: Vec<Effect> = next.into_iter().collect();
            effects.extend(answers::take(model, session, task, result));
            effects
        }
    }
}

/// Gives tasks their turn: those that have a number have had it already.
pub(super) fn order(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let mut ordered = Vec::with_capacity(effects.len());
    for effect in effects {
        let Effect::Files { session, number: 0, task } = effect else {
            ordered.push(effect);
            continue;
        };
        let is_there = model.sessions.find(&session).is_some_and(|row| row.is_usable());
        let words = text::sanitise(&task.words()).into_owned();
        if !is_there {
            model.tell(Verdict::Warn, format!("{words}: its session is closed"), "choose another session");
            continue;
        }
        let saved = match *task {
            Task::Save { buffer, .. } => Some(buffer),
            _ => None,
        };
        match model.files.queues.add(session, *task) {
            Ok(effect) => {
                saved.into_iter().for_each(|buffer| texts::is_being_saved(model, buffer));
                ordered.extend(effect);
            }
            Err(_) => model.tell(
                Verdict::Warn,
                format!("{words}: too much waits to be done there"),
                "try again when it is done",
            ),
        }
    }
    ordered
}

/// Follows the chosen session, and lists what is shown where that may no longer be right.
pub(super) fn sync(model: &mut Model) -> Vec<Effect> {
    give_up_what_is_gone(model);
    let ready = |state: SessionState| matches!(state, SessionState::Active | SessionState::Idle);
    let current = model.sessions.current().filter(|row| ready(row.info.state));
    let current = current.map(|row| row.info.session_id.clone());
    if current != model.files.session {
        model.files.show(current);
    }
    let Some(session) = model.files.session.clone() else { return Vec::new() };
    if model.connection.down().is_some() {
        // What happens there meanwhile is not told.
        model.files.stale = true;
        return Vec::new();
    }
    let shown = model.screen == Screen::Workbench && model.layout().pane(Pane::Files).is_some();
    if !shown || !std::mem::take(&mut model.files.stale) {
        return Vec::new();
    }
    if model.files.tree.open("") {
        model.files.arrange();
    }
    let hidden = model.files.hidden;
    let list = |path| ask(&session, Task::List { path, hidden });
    model.files.tree.open_ones().into_iter().map(list).collect()
}

/// What is done in a session ends with it.
fn give_up_what_is_gone(model: &mut Model) {
    let rows = &model.sessions.rows;
    let lost = model.files.retain(|id| rows.iter().any(|row| row.info.session_id == *id));
    are_given_up(model, &lost, "ended with the session", "its files are gone");
}

/// Another engine is gone to: what was still to be done in the workspaces of this one is never answered.
pub(super) fn leave_all(model: &mut Model) {
    let lost = model.files.retain(|_| false);
    are_given_up(model, &lost, "left unfinished", "F4 saves what is not saved");
    model.files = Files::default();
}

/// Says of tasks that they will never be answered.
fn are_given_up(model: &mut Model, lost: &[Task], how: &str, hint: &str) {
    texts::are_not_saved(model, lost);
    let lost: Vec<&Task> = lost.iter().filter(|task| !task.looks()).collect();
    if let Some(first) = lost.first() {
        let more = if lost.len() > 1 { format!(" and {} more", lost.len() - 1) } else { String::new() };
        let words = text::sanitise(&first.words()).into_owned();
        model.tell(Verdict::Warn, format!("{words}{more}: {how}"), hint);
    }
}

/// A session tells something. True: it is about a file command, which is no run.
pub(super) fn heard(model: &mut Model, event: &SessionEvent) -> bool {
    let (session, execution, ended) = match event {
        SessionEvent::State { .. } => return false,
        SessionEvent::Started { session_id, execution_id } => (session_id, execution_id, false),
        SessionEvent::Finished { session_id, execution_id, .. } => (session_id, execution_id, true),
    };
    if execution.0.starts_with(EXECUTION) {
        return true;
    }
    model.files.stale |= ended && model.files.session.as_ref() == Some(session);
    false
}

pub(super) fn perform(model: &mut Model, cmd: FilesCmd) -> Vec<Effect> {
    let Some(session) = model.files.session.clone() else {
        model.tell(Verdict::Idle, "there is no session whose files could be shown", "F5 creates one");
        return Vec::new();
    };
    match cmd {
        FilesCmd::Filter => model.files.filtering = true,
        FilesCmd::Last => choose(model, usize::MAX),
        FilesCmd::Collapse => collapse(model),
        FilesCmd::Hidden => {
            model.files.hidden = !model.files.hidden;
            model.files.stale = true;
            let words = if model.files.hidden { "shown" } else { "left out" };
            model.tell(Verdict::Idle, format!("names that begin with a dot are {words}"), "");
        }
        // All others ask the engine something.
        _ if !super::link::is_reachable(model) => {}
        FilesCmd::Refresh => model.files.stale = true,
        FilesCmd::Open => return open(model),
        FilesCmd::Expand => return expand(model),
        FilesCmd::NewFile => prompt_here(model, Ask::NewFile),
        FilesCmd::NewDirectory => prompt_here(model, Ask::NewDirectory),
        FilesCmd::Upload => {
            let ask = Ask::Upload(directory(model));
            model.overlays.push(Overlay::Path(PathForm::new(session, ask, "")));
        }
        FilesCmd::Rename => prompt_of_chosen(model, Ask::Rename, |path| path.to_owned()),
        FilesCmd::Copy => prompt_of_chosen(model, Ask::Copy, another_name),
        FilesCmd::Download => prompt_of_chosen(model, Ask::Download, |path| name(path).to_owned()),
        FilesCmd::Delete => {
            return chosen(model)
                .map(|(path, _)| ask(&session, Task::Delete { path, sure: false }))
                .into_iter()
                .collect();
        }
        FilesCmd::Undo => match model.files.take_back(&session) {
            Some(kept) => return vec![ask(&session, Task::Restore(kept))],
            None => model.tell(Verdict::Idle, "no deletion can be taken back here", ""),
        },
    }
    Vec::new()
}

/// A task that waits for its turn.
fn ask(session: &crate::protocol::SessionId, task: Task) -> Effect {
    Effect::Files { session: session.clone(), number: 0, task: Box::new(task) }
}

/// The chosen file or directory, if it can be asked for; says why if not.
fn chosen(model: &mut Model) -> Option<(String, EntryKind)> {
    let found = model.files.chosen().map(|(path, entry)| (path.to_owned(), entry.clone()));
    let Some((path, entry)) = found else {
        model.tell(Verdict::Idle, "no file is chosen", "");
        return None;
    };
    if !workspace::is_known(&path) {
        let message = format!("{}: the name is not UTF-8, by which it could be asked for", entry.shown);
        model.tell(Verdict::Warn, message, "a program in the session can rename or delete it");
        return None;
    }
    Some((path, entry.kind))
}

/// The directory that new files go to: the chosen one if it is open, else the one that holds what is chosen.
fn directory(model: &Model) -> String {
    match model.files.chosen() {
        Some((path, entry)) if entry.kind == EntryKind::Directory && model.files.tree.is_open(path) => {
            path.to_owned()
        }
        Some((path, _)) => parent(path).to_owned(),
        None => String::new(),
    }
}

fn prompt_here(model: &mut Model, ask: Ask) {
    let Some(session) = model.files.session.clone() else { return };
    let typed = match directory(model) {
        directory if directory.is_empty() || !workspace::is_known(&directory) => String::new(),
        directory => format!("{directory}/"),
    };
    model.overlays.push(Overlay::Path(PathForm::new(session, ask, &typed)));
}

fn prompt_of_chosen(model: &mut Model, ask: fn(String) -> Ask, typed: fn(&str) -> String) {
    let (Some(session), Some((path, _))) = (model.files.session.clone(), chosen(model)) else { return };
    let typed = typed(&path);
    model.overlays.push(Overlay::Path(PathForm::new(session, ask(path), &typed)));
}

/// A name for a copy beside the original: `a-copy.py`.
fn another_name(path: &str) -> String {
    let (stem, extension) = match name(path).rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name(path), String::new()),
    };
    join(parent(path), &format!("{stem}-copy{extension}"))
}

/// Opens a file in the editor, or opens and closes a directory.
fn open(model: &mut Model) -> Vec<Effect> {
    let Some(session) = model.files.session.clone() else { return Vec::new() };
    let size = model.files.chosen().map_or(0, |(_, entry)| entry.size);
    let Some((path, kind)) = chosen(model) else { return Vec::new() };
    let shown = text::sanitise(name(&path)).into_owned();
    match kind {
        EntryKind::Directory if model.files.tree.is_open(&path) && model.files.filter.text().is_empty() => {
            model.files.tree.close(&path);
            model.files.arrange();
            Vec::new()
        }
        EntryKind::Directory => open_directory(model, &path),
        EntryKind::File if size > MOST_READ => {
            let message = format!("{shown} has {}: 8 MiB can be read of a file at most", text::bytes(size));
            model.tell(Verdict::Warn, message, "a program in the session can split or compress it");
            Vec::new()
        }
        EntryKind::File | EntryKind::Link => vec![ask(&session, Task::Open { path })],
        EntryKind::Other => {
            let message = format!("{shown} is neither a file nor a directory");
            model.tell(Verdict::Warn, message, "");
            Vec::new()
        }
    }
}

/// Opens a directory where it is in the tree, and all that hold it.
fn open_directory(model: &mut Model, path: &str) -> Vec<Effect> {
    let Some(session) = model.files.session.clone() else { return Vec::new() };
    let files = &mut model.files;
    if !files.filter.take().is_empty() {
        files.filtering = false;
        files.wanted = Some(path.to_owned());
    }
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    let all = above.chain([path]);
    let unlisted: Vec<&str> = all.filter(|path| files.tree.open(path)).collect();
    let hidden = files.hidden;
    files.arrange();
    unlisted.into_iter().map(|path| ask(&session, Task::List { path: path.to_owned(), hidden })).collect()
}

fn expand(model: &mut Model) -> Vec<Effect> {
    let Some((path, entry)) = model.files.chosen() else { return Vec::new() };
    if entry.kind != EntryKind::Directory || !workspace::is_known(path) {
        return Vec::new();
    }
    let path = path.to_owned();
    if !model.files.tree.is_open(&path) || !model.files.filter.text().is_empty() {
        return open_directory(model, &path);
    }
    step(model, 1);
    Vec::new()
}

fn collapse(model: &mut Model) {
    let Some(row) = model.files.rows.get(model.files.selected) else { return };
    let path = row.path.clone();
    if row.entry().is_some() && model.files.tree.is_open(&path) && model.files.filter.text().is_empty() {
        model.files.tree.close(&path);
        model.files.arrange();
        return;
    }
    let above = parent(&path).to_owned();
    if let Some(at) = model.files.rows.iter().position(|row| row.is_entry(&above)) {
        choose(model, at);
    }
}

/// Rows of the list on the screen.
fn height(model: &Model) -> usize {
    usize::from(list(model, model.layout().inside(Pane::Files)).height)
}

fn choose(model: &mut Model, at: usize) {
    let height = height(model);
    model.files.choose(at, height);
}

/// Moves the choice by so many rows.
pub(super) fn step(model: &mut Model, by: i64) {
    let at = i64::try_from(model.files.selected).unwrap_or(0).saturating_add(by);
    choose(model, usize::try_from(at).unwrap_or(0));
}

pub(super) fn go(model: &mut Model, cmd: Cmd) {
    let page = i64::try_from(height(model).saturating_sub(1).max(1)).unwrap_or(1);
    match cmd {
        Cmd::Up => step(model, -1),
        Cmd::Down => step(model, 1),
        Cmd::PageUp => step(model, -page),
        Cmd::PageDown => step(model, page),
        Cmd::Top => choose(model, 0),
        _ => {}
    }
}

/// A click at a row of the pane; the second soon after opens.
pub(super) fn click(model: &mut Model, row: u16) -> Vec<Effect> {
    let area = list(model, model.layout().inside(Pane::Files));
    let at = model.files.first_shown(usize::from(area.height)) + usize::from(row);
    if row >= area.height || model.files.rows.get(at).is_none() {
        return Vec::new();
    }
    choose(model, at);
    let opens = model.files.click(at, model.now) && model.files.chosen().is_some();
    if opens && super::link::is_reachable(model) { open(model) } else { Vec::new() }
}

/// A key while the filter is typed: Enter keeps it.
pub(super) fn type_filter(model: &mut Model, key: &KeyEvent) {
    match key.code {
        KeyCode::Enter => model.files.filtering = false,
        KeyCode::Up => step(model, -1),
        KeyCode::Down => step(model, 1),
        _ => {
            if model.files.filter.key(key) {
                filtered(model);
            }
        }
    }
}

pub(super) fn paste_filter(model: &mut Model, pasted: &str) {
    model.files.filter.insert(pasted);
    filtered(model);
}

/// The best fit is chosen.
fn filtered(model: &mut Model) {
    model.files.arrange();
    choose(model, 0);
}

/// Esc: all files are shown again, and what is chosen stays so. False: they were.
pub(super) fn leave(model: &mut Model) -> bool {
    let files = &mut model.files;
    let filtered = std::mem::take(&mut files.filtering) || !files.filter.text().is_empty();
    if !files.filter.text().is_empty() {
        files.filter = Field::default();
        let chosen = files.rows.get(files.selected).map(|row: &Row| row.path.clone());
        files.wanted = chosen;
        files.arrange();
    }
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_called_like_its_original() {
        for (path, copy) in
            [("a.py", "a-copy.py"), ("src/x", "src/x-copy"), (".env", ".env-copy"), ("a.b/c", "a.b/c-copy")]
        {
            assert_eq!(another_name(path), copy);
        }
    }
}
