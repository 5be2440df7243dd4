//! Runtimes: what was found, what is fetched.

use crate::protocol::{Failure, RuntimeInfo, RuntimeType};
use crate::tui::document::{ORDER, Origin};
use crate::tui::ingest;
use crate::tui::model::{Model, Screen, Verdict};
use crate::tui::msg::{Effect, RuntimeMsg};
use crate::tui::overlay::Overlay;

pub(super) fn update(model: &mut Model, msg: RuntimeMsg) -> Vec<Effect> {
    match msg {
        RuntimeMsg::Known(runtime, result) => known(model, runtime, result.map(|info| *info)),
        RuntimeMsg::Progress(progress) => {
            let runtime = progress.runtime();
            if let Some(row) = model.runtimes.row(runtime) {
                row.progress = Some(ingest::progress(progress));
            }
        }
        RuntimeMsg::Fetched(runtime, result) => fetched(model, runtime, result.map(|info| *info)),
        RuntimeMsg::Ranked(language, preference, result) => {
            let result = result.map(ingest::selection).map_err(ingest::failure);
            for overlay in &mut model.overlays {
                if let Overlay::NewSession(form) = overlay {
                    form.ranked(language, preference, result.clone());
                }
            }
        }
        RuntimeMsg::Limited(limits) => {
            for overlay in &mut model.overlays {
                if let Overlay::NewSession(form) = overlay {
                    form.limited(limits);
                }
            }
        }
    }
    Vec::new()
}

fn known(model: &mut Model, runtime: RuntimeType, result: Result<RuntimeInfo, Failure>) {
    // It is asked for again when the link is back.
    if result.is_err() && model.connection.down().is_some() {
        return;
    }
    let info = match result {
        Ok(info) => ingest::runtime(info),
        Err(failure) => unknown(runtime, failure),
    };
    let Some(row) = model.runtimes.row(runtime) else { return };
    if row.info.as_ref() != Some(&info) {
        row.info = Some(info);
        model.redraw = true;
    }
    if !model.runtimes.settled && model.runtimes.all_known() {
        model.runtimes.settled = true;
        model.redraw = true;
        settle(model);
    }
}

/// A runtime that could not be looked at counts as not available, with the reason.
fn unknown(runtime: RuntimeType, failure: Failure) -> RuntimeInfo {
    let nothing =
        crate::protocol::Capabilities { startup_time_ms: 0.0, memory_overhead_mb: 0.0, isolation_level: 0 };
    let failure = ingest::failure(failure);
    RuntimeInfo {
        reason: Some(failure.message),
        fix: Some(failure.hint).filter(|hint| !hint.is_empty()),
        ..RuntimeInfo::unavailable(runtime, Vec::new(), nothing)
    }
}

/// Every runtime has answered once: shows what is needed, and begins with a language that runs.
fn settle(model: &mut Model) {
    if model.runtimes.available().next().is_none() {
        let fetchable = |row: &crate::tui::model::RuntimeRow| row.info.as_ref().is_some_and(|i| i.fetchable);
        model.runtimes.selected = model.runtimes.rows.iter().position(fetchable).unwrap_or(0);
        // Somebody who types already is not interrupted.
        if model.is_changed() || !model.overlays.is_empty() {
            model.tell(
                Verdict::Warn,
                "no runtime is here that could run code",
                "F3 shows what can be fetched",
            );
        } else {
            model.screen = Screen::Setup;
        }
        return;
    }
    begin_with_what_runs(model);
}

/// Untouched scratch becomes a sample that some runtime here can run.
fn begin_with_what_runs(model: &mut Model) {
    let runs = model.document.language().is_some_and(|language| model.runtimes.run(language));
    let scratch = *model.document.origin() == Origin::Scratch && !model.is_changed();
    if let Some(language) = ORDER.into_iter().find(|l| model.runtimes.run(*l)).filter(|_| scratch && !runs) {
        super::command::set_language(model, language);
    }
}

/// Enter on the runtimes screen: fetches what can be fetched, or begins.
pub(super) fn choose(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.runtimes.rows.get(model.runtimes.selected) else { return Vec::new() };
    let (runtime, name) = (row.runtime, row.runtime.short());
    let (verdict, message, hint) = match &row.info {
        None => (Verdict::Idle, format!("{name} is still being looked for"), String::new()),
        Some(info) if info.available && !info.fetchable => {
            model.screen = Screen::Workbench;
            return Vec::new();
        }
        Some(info) if info.fetchable => match model.runtimes.fetching {
            Some(other) => {
                let message = format!("{} is being fetched", other.short());
                (Verdict::Warn, message, "one at a time; Ctrl-C ends it".to_owned())
            }
            None => {
                model.notice = None;
                model.runtimes.fetching = Some(runtime);
                return vec![Effect::Fetch(runtime)];
            }
        },
        Some(info) => {
            let why = info.reason.clone().unwrap_or_else(|| "it is not available".to_owned());
            (Verdict::Warn, format!("{name}: {why}"), info.fix.clone().unwrap_or_default())
        }
    };
    model.tell(verdict, message, hint);
    Vec::new()
}

pub(super) fn recheck(model: &mut Model) -> Vec<Effect> {
    model.notice = None;
    for row in &mut model.runtimes.rows {
        row.info = None;
    }
    model.runtimes.rows.iter().map(|row| Effect::Probe { runtime: row.runtime, refresh: true }).collect()
}

fn fetched(model: &mut Model, runtime: RuntimeType, result: Result<RuntimeInfo, Failure>) {
    // One that was ended just when it was done has told of its end already.
    if model.runtimes.fetching.take() != Some(runtime) {
        return;
    }
    let Some(row) = model.runtimes.row(runtime) else { return };
    row.progress = None;
    match result {
        Ok(info) => {
            let info = ingest::runtime(info);
            let version = info.version.clone().unwrap_or_default();
            row.info = Some(info);
            model.screen = Screen::Workbench;
            model.tell(Verdict::Ok, format!("{} {version} is ready", runtime.short()), "F5 runs the code");
            begin_with_what_runs(model);
        }
        Err(failure) => model.tell(Verdict::Fail, failure.message, failure.hint),
    }
}
