//! The tour goes on when what it asked for has really happened, or by hand.

use super::sample;
use crate::tui::commands::Cmd;
use crate::tui::model::{Model, Pane, Screen, Verdict};
use crate::tui::overlay::Overlay;
use crate::tui::samples::SAMPLES;
use crate::tui::stop::Stop;
use crate::tui::tour::{Step, Tour};

/// Begins, with whatever is ready.
pub(super) fn start(model: &mut Model) {
    if model.runtimes.settled && model.runtimes.available().next().is_none() {
        let hint = model.keymap.shown(Cmd::Setup, &model.places(), true);
        let hint = hint.map_or_else(String::new, |key| format!("{key} shows what can be fetched"));
        return model.tell(Verdict::Warn, "the tour needs a runtime, and none is ready yet", hint);
    }
    model.overlays.clear();
    go_to(model, Step::Run);
}

/// Goes to the next step without waiting for anything.
pub(super) fn skip(model: &mut Model) {
    if model.tour.is_some() {
        next(model);
    }
}

/// Ends the tour, unless there is something nearer to leave. False: nothing was left.
pub(super) fn leave(model: &mut Model) -> bool {
    let nearer = model.types() || model.zoomed || model.editor.selection().is_some();
    !nearer && model.tour.take().is_some()
}

/// Looks whether what the step waits for has happened.
pub(super) fn advance(model: &mut Model) {
    let Some(tour) = &model.tour else { return };
    let (step, half) = (tour.step, tour.half);
    // What is done and seen is two things: a box is to be read before the next step talks of something else.
    let open = |is: fn(&Overlay) -> bool| model.overlays.iter().any(is);
    let now = match step {
        Step::Run => ran(model, tour),
        Step::Stop => model.runs.active.as_ref().is_some_and(|run| run.stop != Stop::No),
        Step::Compare => model.screen == Screen::Race,
        Step::Files => ran(model, tour) && model.focus == Pane::Files,
        Step::Palette => open(|overlay| matches!(overlay, Overlay::Palette(_))),
        Step::Help => open(|overlay| matches!(overlay, Overlay::Help(_))),
        Step::Connect => open(|overlay| matches!(overlay, Overlay::Connect(_))),
        Step::End => false,
    };
    let over = match step {
        Step::Run | Step::Files | Step::End => now,
        // Side by side, or one after another.
        Step::Compare if ran(model, tour) && runtimes_used(model) > 1 || only_one(model) => !now,
        _ => half && !now && model.runs.active.is_none(),
    };
    if over {
        next(model);
    } else if let Some(tour) = model.tour.as_mut().filter(|_| now) {
        tour.half = true;
    }
}

/// A run of this step has ended.
fn ran(model: &Model, tour: &Tour) -> bool {
    model.runs.count > tour.runs_before && model.runs.active.is_none()
}

/// How many runtimes have run something in the sessions that are there.
fn runtimes_used(model: &Model) -> usize {
    let mut used = Vec::new();
    for row in model.sessions.rows.iter().filter(|row| row.info.execution_count > 0 || row.last.is_some()) {
        if !used.contains(&row.info.runtime_type) {
            used.push(row.info.runtime_type);
        }
    }
    used.len()
}

/// There is no other runtime for the text's language.
fn only_one(model: &Model) -> bool {
    let Some(language) = model.document.language() else { return true };
    model.runtimes.settled
        && model.runtimes.available().filter(|info| info.languages.contains(&language)).count() < 2
}

fn next(model: &mut Model) {
    let at = model.tour.as_ref().and_then(|tour| Step::ALL.iter().position(|step| *step == tour.step));
    match at.and_then(|at| Step::ALL.get(at + 1)) {
        Some(step) => go_to(model, *step),
        None => model.tour = None,
    }
}

/// Puts the step's program into the editor: beside a text that was changed.
fn go_to(model: &mut Model, step: Step) {
    model.redraw = true;
    model.tour = Some(Tour::at(step, model.runs.count));
    let number = step.sample().and_then(|name| SAMPLES.iter().position(|sample| sample.name == name));
    if let Some(number) = number {
        let language = sample::language(model);
        sample::open(model, number, language);
        // The tour says it all.
        model.dismiss();
    }
}
