//! The history pane: which run is chosen, and what is done with it.

use std::time::Duration;

use super::run;
use crate::tui::buffers::open_buffer;
use crate::tui::commands::Cmd;
use crate::tui::document::{Document, Origin};
use crate::tui::model::{Model, Named, Pane, Program, Verdict};
use crate::tui::msg::{Decision, Effect};
use crate::tui::overlay::{Compare, Overlay, Question};

/// A second click within this time is a double click.
const DOUBLE: Duration = Duration::from_millis(400);

/// Does what a command says of the chosen run.
pub(super) fn perform(model: &mut Model, cmd: Cmd) -> Vec<Effect> {
    match cmd {
        Cmd::AllRuns => {
            model.history.all = !model.history.all;
            model.history.chosen = None;
        }
        Cmd::Rerun => return rerun(model),
        Cmd::CompareRuns => compare(model),
        Cmd::OpenRun => open(model),
        Cmd::ForgetRuns => ask_to_forget(model),
        _ => {}
    }
    Vec::new()
}

/// Moves the choice by so many rows; the newest is at the top.
pub(super) fn step(model: &mut Model, by: i64) {
    let numbers: Vec<u32> = model.shown_runs().map(|record| record.number).collect();
    let at = model.chosen_run().and_then(|record| numbers.iter().position(|n| *n == record.number));
    let step = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    let at = at.unwrap_or(0);
    let at = if by < 0 { at.saturating_sub(step) } else { at.saturating_add(step) };
    let at = at.min(numbers.len().saturating_sub(1));
    // The newest stays chosen when there is a newer one, unless somebody went elsewhere.
    model.history.chosen = numbers.get(at).copied().filter(|_| at > 0);
}

/// Up and down, page by page, and to the top.
pub(super) fn go(model: &mut Model, cmd: Cmd) {
    let page = i64::from(model.layout().inside(Pane::History).height.saturating_sub(2).max(1));
    step(model, cmd.rows(page));
}

/// A click on a run chooses it, a second one runs it again.
pub(super) fn click(model: &mut Model, number: u32) -> Vec<Effect> {
    let now = model.now;
    let before = model.history.clicked.replace((number, now));
    model.history.chosen = Some(number);
    if before.is_some_and(|(run, at)| run == number && now.saturating_sub(at) <= DOUBLE) {
        model.history.clicked = None;
        return rerun(model);
    }
    Vec::new()
}

fn nothing(model: &mut Model) {
    model.tell(Verdict::Idle, "no run yet", "F5 runs the editor's code");
}

/// Runs the chosen run's code: in its session if that is there, else where it fits.
fn rerun(model: &mut Model) -> Vec<Effect> {
    let Some(record) = model.chosen_run() else {
        nothing(model);
        return Vec::new();
    };
    let place = record.place.as_ref();
    let program = Program {
        language: record.language,
        code: record.code.to_string(),
        named: Named {
            name: record.written.clone().or_else(|| record.file_name.clone()),
            of: record.session().cloned(),
            is_text: false,
        },
        on: place.map(|place| place.runtime),
        session: place.map(|place| place.session.clone()),
        terminal: record.terminal,
    };
    model.history.chosen = None;
    run::once_more(model, program)
}

fn ask_to_forget(model: &mut Model) {
    let count = model.history.newest_first(None).count();
    if count == 0 {
        return nothing(model);
    }
    let lines = vec![format!("{count} runs with their code, those of earlier starts among them")];
    let yes = Effect::Decided(Decision::ForgetRuns);
    model.overlays.push(Overlay::Question(Question::new("Forget the runs?", lines, "forget", yes)));
}

/// Forgets the runs that have ended, here and on the disk.
pub(super) fn forget(model: &mut Model) -> Vec<Effect> {
    model.history.forget();
    model.tell(Verdict::Idle, "the runs are forgotten", "");
    vec![Effect::ForgetRuns]
}

/// Opens the chosen run's code as scratch of its own.
fn open(model: &mut Model) {
    let Some(record) = model.chosen_run() else { return nothing(model) };
    let (number, code) = (record.number, std::sync::Arc::clone(&record.code));
    let mut document = Document::new(Origin::Scratch);
    document.set_language(record.language);
    if open_buffer(model, document, &code).is_none() {
        model.tell(Verdict::Warn, "too many texts are open", "close one first");
        return;
    }
    super::command::focus(model, Pane::Editor);
    model.edits = false;
    model.tell(Verdict::Ok, format!("the code of run {number} is in the editor"), "");
}

/// Marks the chosen run, or compares it with the one that is marked.
fn compare(model: &mut Model) {
    let Some(record) = model.chosen_run() else { return nothing(model) };
    let number = record.number;
    match model.history.marked.filter(|marked| model.history.find(*marked).is_some()) {
        Some(marked) if marked == number => {
            model.history.marked = None;
            model.tell(Verdict::Idle, format!("run {number} is not marked any more"), "");
        }
        Some(marked) => {
            if let Some(compare) = Compare::of(model, marked, number) {
                model.overlays.push(Overlay::Compare(Box::new(compare)));
            }
        }
        None => {
            model.history.marked = Some(number);
            let key = model.keymap.shown(Cmd::CompareRuns, &model.places(), false).unwrap_or_default();
            model.tell(
                Verdict::Idle,
                format!("run {number} is marked"),
                format!("{key} on another compares the two"),
            );
        }
    }
}
