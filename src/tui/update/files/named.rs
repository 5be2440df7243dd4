//! What the file of a run is called in the workspace: a run writes over nothing that its person has put there.

use std::path::Path;

use crate::protocol::{Language, SessionId};
use crate::tui::buffers;
use crate::tui::document::Origin;
use crate::tui::model::{Model, Named};
use crate::tui::workspace::{Seen, join, name, parent};

/// The name of a run's file in this session, and what is to be said where it is not the one it is known by.
pub(in crate::tui::update) fn of_run(
    model: &mut Model,
    session: &SessionId,
    language: Language,
    named: &Named,
    code: &str,
) -> (Option<String>, Option<String>) {
    let Some(path) = &named.name else { return (None, None) };
    let here = named.of.as_ref() == Some(session);
    // Elsewhere its directories are not there.
    let path = if here { path.as_str() } else { name(path) };
    let seen = Seen::of(code.as_bytes());
    if here && named.is_text {
        is_written(model, session, language, path, seen);
        return (Some(path.to_owned()), None);
    }
    let Some(free) = (0..).map(|n| another(path, n)).find(|path| !is_kept(model, session, path, seen)) else {
        return (None, None);
    };
    let note =
        (free != path).then(|| format!("your {} there stays: this runs as {}", name(path), name(&free)));
    (Some(free), note)
}

/// `main.py`, `main-run.py`, `main-run-2.py`.
fn another(path: &str, n: u32) -> String {
    let suffix = match n {
        0 => return path.to_owned(),
        1 => "-run".to_owned(),
        n => format!("-run-{n}"),
    };
    let (stem, extension) = match name(path).rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name(path), String::new()),
    };
    join(parent(path), &format!("{stem}{suffix}{extension}"))
}

/// Its person has a file there, or a text of it open, that is not this.
fn is_kept(model: &mut Model, session: &SessionId, path: &str, seen: Seen) -> bool {
    let own = model.sessions.find(session).and_then(|row| row.own_files.get(path));
    let origin = Origin::Workspace { session: session.clone(), path: path.to_owned() };
    let mut texts = buffers::all(model).filter(|(document, _)| *document.origin() == origin);
    own.is_some_and(|known| known != Some(seen))
        || texts.any(|(document, _)| document.in_workspace != Some(seen))
}

/// The text that is run is what is in its file from now on.
fn is_written(model: &mut Model, session: &SessionId, language: Language, path: &str, seen: Seen) {
    // The engine gives what seems to be of another language another name.
    let of = Path::new(path).extension().and_then(|e| e.to_str()).and_then(Language::from_extension);
    if language != Language::Python && of != Some(language) || path.ends_with("_test.go") {
        return;
    }
    if let Some(row) = model.sessions.find(session) {
        row.own_files.rewritten(path, seen);
    }
    let origin = Origin::Workspace { session: session.clone(), path: path.to_owned() };
    let Some(buffer) = buffers::of_origin(model, &origin) else { return };
    if let Some((document, _)) = buffers::find(model, buffer) {
        document.in_workspace = Some(seen);
    }
}
