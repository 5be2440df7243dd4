//! Runtimes: what was found, what is fetched.

use crate::protocol::{CreateSession, Failure, RuntimeInfo, RuntimeType};
use crate::tui::document::ORDER;
use crate::tui::ingest;
use crate::tui::model::{Model, RuntimeRow, Screen, SessionRow, Verdict};
use crate::tui::msg::{Effect, RuntimeMsg};
use crate::tui::overlay::Overlay;
use crate::tui::remedy;

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
        RuntimeMsg::Reported(Ok(path)) => {
            model.tell(Verdict::Ok, format!("the report is in {}", path.display()), "");
        }
        RuntimeMsg::Reported(Err(why)) => {
            model.tell(
                Verdict::Fail,
                format!("the report was not written: {why}"),
                "codebeaker doctor prints it",
            );
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
        let fetchable = |row: &RuntimeRow| row.info.as_ref().is_some_and(|i| i.fetchable);
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
    let scratch = model.shows_sample();
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
        Some(info) if info.available && !info.fetchable => return begin_with(model, runtime),
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

/// Begins with a runtime: in a session on it, its own one where there is one, in the text's language where it runs that.
fn begin_with(model: &mut Model, runtime: RuntimeType) -> Vec<Effect> {
    model.screen = Screen::Workbench;
    let Some(info) = model.runtimes.row(runtime).and_then(|row| row.info.clone()) else { return Vec::new() };
    let untouched = model.shows_sample();
    let now = model.document.language().filter(|language| info.languages.contains(language));
    let Some(language) =
        now.or_else(|| ORDER.into_iter().find(|language| untouched && info.languages.contains(language)))
    else {
        let message = format!("{} does not run the text's language", runtime.short());
        model.tell(Verdict::Idle, message, "");
        return Vec::new();
    };
    if now.is_none() {
        super::command::set_language(model, language);
    }
    let fits = |row: &SessionRow| {
        let what = (row.info.runtime_type, row.info.language) == (runtime, language);
        what && row.is_usable() && model.sessions.is_ours(&row.info.session_id)
    };
    if let Some(at) = model.sessions.rows.iter().position(fits) {
        model.sessions.pick(at);
        return Vec::new();
    }
    model.sessions.creating += 1;
    let params = CreateSession { runtime_type: Some(runtime), ..CreateSession::new(language) };
    vec![Effect::CreateSession { params: Box::new(params), run: None }]
}

/// Shows the chosen runtime's fix, or goes to its next step.
pub(super) fn show_fix(model: &mut Model) {
    let row = model.runtimes.rows.get(model.runtimes.selected);
    let info = row.and_then(|row| row.info.as_ref());
    let count = info.map_or(0, |info| remedy::steps(info).len());
    if count == 0 {
        let name = row.map_or("it", |row| row.runtime.short());
        let message = match info {
            Some(info) if info.available => format!("{name} needs no fix"),
            Some(_) => format!("nothing is known to help {name}"),
            None => format!("{name} is still being looked for"),
        };
        return model.tell(Verdict::Idle, message, "");
    }
    model.runtimes.step = Some(model.runtimes.step.map_or(0, |step| (step + 1) % count));
}

/// Copies the line for a shell of the step that is shown, or of the first that has one from there on.
pub(super) fn copy_fix(model: &mut Model) -> Vec<Effect> {
    let info = model.runtimes.rows.get(model.runtimes.selected).and_then(|row| row.info.as_ref());
    let steps = info.map(remedy::steps).unwrap_or_default();
    let from = model.runtimes.step.unwrap_or(0);
    let lines = steps.iter().enumerate().cycle().skip(from).take(steps.len());
    let found = lines.filter_map(|(at, step)| Some((at, step.line.clone()?))).next();
    let Some((at, line)) = found else {
        model.tell(Verdict::Idle, "there is no line to copy", "");
        return Vec::new();
    };
    model.runtimes.step = Some(at);
    model.output.copying = format!("for a shell: {line}");
    vec![Effect::Copy(line)]
}

/// Has what is known of all runtimes written to a file.
pub(super) fn report(model: &mut Model) -> Vec<Effect> {
    let known = |row: &RuntimeRow| row.info.clone();
    match model.runtimes.rows.iter().map(known).collect::<Option<Vec<_>>>() {
        Some(runtimes) => vec![Effect::Report(runtimes)],
        None => {
            model.tell(Verdict::Idle, "the runtimes are still being looked for", "");
            Vec::new()
        }
    }
}

pub(super) fn recheck(model: &mut Model) -> Vec<Effect> {
    (model.notice, model.runtimes.step) = (None, None);
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
