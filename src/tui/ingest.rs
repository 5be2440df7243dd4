//! What an engine says, made safe to draw before the model keeps it.

use std::sync::Arc;

use crate::engine::{Frame, FrameKind, Link, Look, Recent};
use crate::protocol::{Failure, IsolationReport, Progress, RuntimeInfo, Selection, SessionInfo};

use super::text::{self, sanitise};

/// Cells of a message's name or id that are kept.
const NAME: usize = 120;

fn clean(text: &mut String) {
    if let std::borrow::Cow::Owned(safe) = sanitise(text) {
        *text = safe;
    }
}

fn clean_all<'a>(texts: impl IntoIterator<Item = &'a mut String>) {
    texts.into_iter().for_each(clean);
}

pub(super) fn failure(mut failure: Failure) -> Failure {
    clean_all([&mut failure.message, &mut failure.hint]);
    failure
}

pub(super) fn runtime(mut info: RuntimeInfo) -> RuntimeInfo {
    clean_all([&mut info.version, &mut info.path, &mut info.reason, &mut info.fix].into_iter().flatten());
    clean_all(info.measured.values_mut().map(|measured| &mut measured.at));
    isolation(&mut info.isolation);
    info
}

fn isolation(report: &mut IsolationReport) {
    clean_all([&mut report.letters, &mut report.tier, &mut report.weakened]);
    for layer in &mut report.layers {
        clean_all([&mut layer.name, &mut layer.detail]);
    }
}

pub(super) fn session(mut info: SessionInfo) -> SessionInfo {
    clean_all(info.name.iter_mut());
    clean_all([&mut info.runtime, &mut info.created_at, &mut info.last_activity]);
    isolation(&mut info.isolation);
    info.selection = info.selection.map(selection);
    info
}

pub(super) fn selection(mut selection: Selection) -> Selection {
    clean_all(selection.ranking.iter_mut().map(|candidate| &mut candidate.reason));
    selection
}

pub(super) fn progress(mut progress: Progress) -> Progress {
    match &mut progress {
        Progress::Resolving { from, .. } => clean(from),
        Progress::Step { what, .. } => clean(what),
        Progress::Done { version, .. } => clean(version),
        Progress::Building { image, what, .. } => {
            clean(image);
            clean(what);
        }
        Progress::Downloading { .. } => {}
    }
    progress
}

pub(super) fn link(mut link: Link) -> Link {
    match &mut link {
        Link::Local => {}
        Link::Up(up) => {
            clean_all([&mut up.server, &mut up.software]);
            clean_all(&mut up.missing);
        }
        Link::Down(down) => clean_all([&mut down.server, &mut down.reason]),
    }
    link
}

pub(super) fn look(mut look: Look) -> Look {
    clean_all([&mut look.address, &mut look.software]);
    clean_all(look.tls.iter_mut().chain(&mut look.missing));
    look
}

pub(super) fn recent(mut recent: Vec<Recent>) -> Vec<Recent> {
    clean_all(recent.iter_mut().map(|one| &mut one.address));
    recent
}

/// A message in one line. What is short is kept short: a name has no bound of its own.
pub(super) fn frame(mut frame: Frame) -> Frame {
    if let std::borrow::Cow::Owned(safe) = sanitise(&frame.text) {
        frame.text = Arc::from(safe);
    }
    let short = |name: &mut String| *name = text::fit(&sanitise(name), NAME, "").into_owned();
    match &mut frame.kind {
        FrameKind::Request { id, method } | FrameKind::Answer { id, method, .. } => {
            short(id);
            short(method);
        }
        FrameKind::Notification { method } => short(method),
    }
    frame
}
