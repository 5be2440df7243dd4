//! What came of tasks in a workspace: what the pane shows then, what is told, and what is asked back.

use super::{ask, texts};
use crate::protocol::SessionId;
use crate::tui::ingest;
use crate::tui::model::{Model, Verdict};
use crate::tui::msg::Effect;
use crate::tui::overlay::{Overlay, Question};
use crate::tui::text;
use crate::tui::workspace::{Done, Refusal, Seen, Task, name};

pub(super) fn take(
    model: &mut Model,
    session: SessionId,
    task: Task,
    result: Result<Done, Refusal>,
) -> Vec<Effect> {
    if !task.looks() && model.files.session.as_ref() == Some(&session) {
        // Also after a failure: something may have been done.
        model.files.stale = true;
    }
    match result {
        Ok(done) => self::done(model, session, task, done),
        Err(refusal) => {
            refused(model, session, task, refusal);
            Vec::new()
        }
    }
}

/// Notes what its person has put into a session, and what has gone from there.
fn note(model: &mut Model, session: &SessionId, task: &Task, done: &Done) {
    let Some(row) = model.sessions.find(session) else { return };
    let own = &mut row.own_files;
    match (task, done) {
        (Task::Save { path, .. }, Done::Saved(seen)) => own.put(path.clone(), Some(*seen)),
        (Task::NewFile { path }, _) => own.put(path.clone(), Some(Seen::of(b""))),
        (Task::Copy { to, .. } | Task::Upload { to, .. }, _) => own.put(to.clone(), None),
        (Task::Restore(kept), _) => own.put(kept.path.clone(), kept.content.as_deref().map(Seen::of)),
        (Task::Rename { from, to }, _) => own.rename(from, to),
        (Task::Delete { path, .. }, _) => own.remove(path),
        _ => {}
    }
}

fn done(model: &mut Model, session: SessionId, task: Task, done: Done) -> Vec<Effect> {
    note(model, &session, &task, &done);
    match (task, done) {
        (Task::List { path, hidden }, Done::Listed { entries, truncated }) => {
            let files = &mut model.files;
            if files.session.as_ref() == Some(&session) && files.hidden == hidden {
                let news = files.tree.listed(&path, entries, truncated);
                if news {
                    files.arrange();
                }
                model.redraw |= news;
            }
        }
        (Task::Open { path }, Done::Opened { text, seen }) => texts::open(model, session, path, text, seen),
        (Task::Save { buffer, path, revision, .. }, Done::Saved(seen)) => {
            return texts::saved(model, buffer, &path, revision, seen);
        }
        (Task::NewFile { path }, _) => {
            want(model, &session, path.clone());
            return vec![ask(&session, Task::Open { path })];
        }
        (Task::NewDirectory { path }, _) => made(model, &session, path, "is made"),
        (Task::Rename { from, to }, _) => {
            texts::renamed(model, &session, &from, &to);
            if model.files.session.as_ref() == Some(&session) && model.files.tree.is_open(&from) {
                model.files.tree.open(&to);
            }
            let words = format!("{} is {} now", name(&from), name(&to));
            want(model, &session, to);
            model.tell(Verdict::Ok, words, "");
        }
        (Task::Delete { path, .. }, Done::Deleted(kept)) => {
            let undo = if kept.is_some() { "u writes it back" } else { "" };
            kept.into_iter().for_each(|kept| model.files.keep(session.clone(), kept));
            model.tell(Verdict::Ok, format!("{} is deleted", name(&path)), undo);
        }
        (Task::Restore(kept), _) => made(model, &session, kept.path, "is back"),
        (Task::Copy { to, .. }, Done::Copied { files, left_out, .. }) => {
            let words = copied("copied", files, left_out);
            made(model, &session, to, &words);
        }
        (Task::Upload { to, .. }, Done::Copied { files, left_out, .. }) => {
            let words = copied("in the workspace", files, left_out);
            made(model, &session, to, &words);
        }
        (Task::Download { from, to, .. }, Done::Copied { files, bytes, left_out }) => {
            let words = copied("downloaded", files, left_out);
            let message = format!("{} {words}: {}, {}", name(&from), to.display(), text::bytes(bytes));
            model.tell(if left_out > 0 { Verdict::Warn } else { Verdict::Ok }, message, "");
        }
        // No task has another's answer.
        _ => {}
    }
    Vec::new()
}

/// Something is there now: it is chosen when it is listed.
fn made(model: &mut Model, session: &SessionId, path: String, words: &str) {
    model.tell(Verdict::Ok, format!("{} {words}", name(&path)), "");
    want(model, session, path);
}

fn want(model: &mut Model, session: &SessionId, path: String) {
    if model.files.session.as_ref() == Some(session) {
        model.files.want(path);
    }
}

fn copied(word: &str, files: u64, left_out: u64) -> String {
    let files = match files {
        1 => String::new(),
        n => format!(" ({n} files)"),
    };
    match left_out {
        0 => format!("is {word}{files}"),
        n => format!("is {word}{files}, without {n} that are no plain files or can't be named"),
    }
}

fn refused(model: &mut Model, session: SessionId, task: Task, refusal: Refusal) {
    if let Task::Save { buffer, .. } = &task {
        texts::is_not_saved(model, *buffer);
    }
    let words = task.words();
    match refusal {
        Refusal::Failed(failure) => {
            let failure = ingest::failure(failure);
            if let Task::List { path, .. } = task {
                let here = model.files.session.as_ref() == Some(&session);
                if here && model.connection.down().is_none() {
                    model.files.tree.failed(&path, failure.message);
                    model.files.arrange();
                    model.redraw = true;
                }
                return;
            }
            restore_again(model, session, &task);
            let hint =
                if matches!(task, Task::Save { .. }) { "w tries again" } else { failure.hint.as_str() };
            model.tell(Verdict::Fail, format!("{words}: {}", failure.message), hint);
        }
        Refusal::Ended(rest) => {
            let hint = if rest.is_empty() { "nothing is left of it" } else { rest.as_str() };
            model.tell(Verdict::Warn, format!("{words}: you ended it"), hint);
        }
        Refusal::Changed => {
            let lines = vec![format!("{} was changed by something else", named(&task))];
            if let Task::Save { buffer, path, text, revision, .. } = task {
                let again = Task::Save { buffer, path, text, revision, known: None };
                question(model, "Replace the file?", lines, "replace", ask(&session, again));
            }
        }
        Refusal::Unkept(why) => {
            let lines = vec![why, "it can't be written back".to_owned()];
            if let Task::Delete { path, .. } = task {
                let sure = ask(&session, Task::Delete { path, sure: true });
                question(model, "Delete for good?", lines, "delete", sure);
            }
        }
        Refusal::Exists(what) => exists(model, &session, task, &what),
    }
}

fn exists(model: &mut Model, session: &SessionId, task: Task, what: &str) {
    let line = format!("{what} exists already");
    let again = match task {
        Task::Upload { from, to, .. } => Task::Upload { from, to, replace: true },
        Task::Download { from, to, .. } => Task::Download { from, to, replace: true },
        other => {
            restore_again(model, session.clone(), &other);
            model.tell(Verdict::Warn, format!("{}: {line}", other.words()), "take another name");
            return;
        }
    };
    question(model, "Replace what is there?", vec![line], "replace", ask(session, again));
}

/// What could not be written back can be later.
fn restore_again(model: &mut Model, session: SessionId, task: &Task) {
    if let Task::Restore(kept) = task {
        model.files.keep(session, kept.clone());
    }
}

fn question(model: &mut Model, title: &'static str, lines: Vec<String>, word: &'static str, yes: Effect) {
    // Whoever saves goes on typing; a deletion is waited for.
    let question = Question::new(title, lines, word, yes);
    let question = if word == "replace" { question.sudden(model.now) } else { question };
    model.overlays.push(Overlay::Question(question));
}

fn named(task: &Task) -> &str {
    match task {
        Task::Save { path, .. } => name(path),
        _ => "it",
    }
}
