//! A benchmark: begun, paused, stopped, looked at, compared, kept and exported.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::run;
use crate::bench::{Lane, Plan, SEED_OF_ORDERS, Suite};
use crate::protocol::Language;
use crate::tui::bench::{self, Bench, BenchMsg, BenchTask, KeepFailure, Reading};
use crate::tui::commands::{BenchCmd, Cmd, Place};
use crate::tui::model::{Model, Screen, Verdict};
use crate::tui::msg::Effect;
use crate::tui::overlay::{Baselines, BenchForm, Overlay, Question, SaveAs};
use crate::tui::race;
use crate::tui::text;

pub(super) fn perform(model: &mut Model, cmd: BenchCmd) -> Vec<Effect> {
    match cmd {
        BenchCmd::Open => return open(model),
        // What is chosen could not be begun.
        BenchCmd::Choose if bench::is_live(model) => {
            model.tell(Verdict::Idle, "the benchmark is still measuring", "Ctrl-C stops it");
            return Vec::new();
        }
        BenchCmd::Choose => {
            let form = BenchForm::open(model);
            model.overlays.push(Overlay::BenchForm(Box::new(form)));
            return Vec::new();
        }
        _ => {}
    }
    let Some(bench) = &mut model.bench else {
        let key = model.keymap.shown(Cmd::Bench(BenchCmd::Open), &[Place::Workbench], false);
        let hint = key.map_or_else(String::new, |key| format!("{key} measures the editor's code"));
        model.tell(Verdict::Idle, "there is no benchmark yet", hint);
        return Vec::new();
    };
    // From the menu or the palette it may be elsewhere.
    model.screen = Screen::Bench;
    match cmd {
        BenchCmd::Open | BenchCmd::Choose => {}
        BenchCmd::Sort => bench.sort = bench.sort.next(),
        BenchCmd::Log => bench.log = !bench.log,
        BenchCmd::Panel => bench.panel = bench.panel.next(),
        BenchCmd::NextFigure => step_figure(bench, true),
        BenchCmd::PreviousFigure => step_figure(bench, false),
        BenchCmd::Pause => return pause(model),
        BenchCmd::Rerun => return rerun(model),
        BenchCmd::Compare => {
            model.overlays.push(Overlay::Baselines(Baselines::default()));
            return vec![Effect::Bench(BenchTask::Names)];
        }
        BenchCmd::Keep => ask_name(model),
        BenchCmd::Export => ask_file(model),
    }
    Vec::new()
}

/// The last one; where there is none yet, the editor's code is measured on every runtime that runs its language.
fn open(model: &mut Model) -> Vec<Effect> {
    if model.bench.is_some() {
        model.screen = Screen::Bench;
        model.overlays.clear();
        return Vec::new();
    }
    let Some(language) = run::ready(model) else { return Vec::new() };
    let lanes: Vec<Lane> = race::able(model, language).map(|runtime| Lane { runtime, language }).collect();
    if lanes.is_empty() {
        model.tell(Verdict::Warn, "the runtimes are still being looked for", "try again in a moment");
        return Vec::new();
    }
    let code = Some(bench::code(&model.document, run::code(model), language));
    measure(model, Plan { suites: vec![Suite::Code], lanes, samples: None, seed: SEED_OF_ORDERS, code })
}

/// Begins the benchmark that the form asks for; false: it can't be begun now.
pub(crate) fn begin(
    model: &mut Model,
    suites: Vec<Suite>,
    lanes: Vec<Lane>,
    samples: Option<u32>,
) -> Option<Vec<Effect>> {
    if !run::is_free(model) {
        return None;
    }
    let code = match suites.contains(&Suite::Code) {
        true => {
            let language = run::ready(model)?;
            Some(bench::code(&model.document, run::code(model), language))
        }
        false => None,
    };
    Some(measure(model, Plan { suites, lanes, samples, seed: SEED_OF_ORDERS, code }))
}

/// The language that the runtimes are measured in: that of the text.
pub(crate) fn language(model: &Model) -> Option<Language> {
    model.document.language()
}

/// The same work in the same order once more.
fn rerun(model: &mut Model) -> Vec<Effect> {
    if !run::is_free(model) {
        return Vec::new();
    }
    match model.bench.as_ref().map(|bench| bench.plan.clone()) {
        Some(plan) => measure(model, plan),
        None => Vec::new(),
    }
}

fn measure(model: &mut Model, plan: Plan) -> Vec<Effect> {
    model.notice = None;
    let before = model.bench.take();
    let number = before.as_ref().map_or(1, |bench| bench.number + 1);
    let base = before.as_ref().and_then(|bench| bench.base().cloned());
    let task = BenchTask::Measure { number, plan: Box::new(plan.clone()), base };
    let mut bench = Bench::new(number, plan);
    if let Some(before) = before {
        // Who measures again looks at it as before.
        (bench.sort, bench.log, bench.panel) = (before.sort, before.log, before.panel);
        (bench.lane, bench.figure) = (before.lane, before.figure);
    }
    model.bench = Some(bench);
    model.screen = Screen::Bench;
    model.overlays.clear();
    vec![Effect::Bench(task)]
}

/// Ctrl-C: it ends after what is under way, and what was measured is kept. `None`: nothing is being measured.
pub(super) fn stop(model: &mut Model) -> Option<Vec<Effect>> {
    let bench = model.bench.as_mut().filter(|bench| bench.live)?;
    bench.stopped = true;
    model.tell(Verdict::Idle, "the benchmark is being stopped", "what was measured is kept");
    Some(vec![Effect::Bench(BenchTask::Stop)])
}

fn pause(model: &mut Model) -> Vec<Effect> {
    let Some(bench) = model.bench.as_mut().filter(|bench| bench.live && !bench.stopped) else {
        model.tell(Verdict::Idle, "nothing is being measured", "r measures again");
        return Vec::new();
    };
    bench.paused = !bench.paused;
    vec![Effect::Bench(BenchTask::Pause(bench.paused))]
}

pub(super) fn update(model: &mut Model, msg: BenchMsg) -> Vec<Effect> {
    match msg {
        BenchMsg::Told { number, reading } => return told(model, number, *reading),
        // It is drawn with what comes next.
        BenchMsg::Drawn { spent, of } => {
            if let Some(bench) = model.bench.as_mut().filter(|_| !of.is_zero()) {
                bench.drawing = Some(spent.as_secs_f64() / of.as_secs_f64() * 1e3);
            }
            return Vec::new();
        }
        BenchMsg::Lost(number) => {
            if let Some(bench) = model.bench.as_mut().filter(|bench| bench.number == number) {
                bench.live = false;
                model.tell(Verdict::Fail, "the benchmark has ended by a fault of ours", "r measures again");
            }
        }
        BenchMsg::Names(names) => {
            let form = model.overlays.iter_mut().find_map(|overlay| match overlay {
                Overlay::Baselines(form) => Some(form),
                _ => None,
            });
            form.into_iter().for_each(|form| form.learn(&names));
        }
        BenchMsg::NotCompared(why) => model.tell(Verdict::Fail, why, "c chooses another"),
        BenchMsg::Kept(name, result) => return kept(model, name, result),
        BenchMsg::Exported(path, Ok(bytes)) => {
            let size = text::bytes(bytes);
            model.tell(Verdict::Ok, format!("the benchmark: {size} written to {}", path.display()), "");
        }
        BenchMsg::Exported(path, Err(KeepFailure::Exists)) => {
            let Some(reading) = model.bench.as_ref().and_then(|bench| bench.reading.clone()) else {
                return Vec::new();
            };
            let lines = vec![format!("{} is there already", path.display())];
            let task = BenchTask::Export { reading: Box::new(reading), path, replace: true };
            ask_to_replace(model, "Replace the file?", lines, task);
        }
        BenchMsg::Exported(path, Err(KeepFailure::Other(why))) => {
            let message = format!("the benchmark was not written to {}: {why}", path.display());
            model.tell(Verdict::Fail, message, "e asks for another name");
        }
    }
    model.redraw = true;
    Vec::new()
}

fn told(model: &mut Model, number: u32, reading: Reading) -> Vec<Effect> {
    let Some(bench) = model.bench.as_mut().filter(|bench| bench.number == number) else { return Vec::new() };
    let ended = std::mem::replace(&mut bench.live, reading.live) && !reading.live;
    bench.stopped |= reading.snapshot.progress.stopping;
    bench.reading = Some(reading);
    model.redraw = true;
    if !ended {
        return Vec::new();
    }
    (bench.paused, bench.stopped) = (false, false);
    let (of, words) = bench.outcome();
    let name = bench.name();
    // What was said about stopping it is over.
    model.notice = model.notice.take().filter(|notice| notice.stays());
    let key = model.keymap.shown(Cmd::Bench(BenchCmd::Open), &[Place::Workbench], false);
    if model.screen != Screen::Bench {
        let first = if model.types() { "Esc " } else { "" };
        let hint = key.map_or_else(String::new, |key| format!("{first}{key} shows it"));
        let how = if of == Verdict::Warn { "was" } else { "is over:" };
        model.tell(of, format!("the benchmark of {name} {how} {words}"), hint);
    }
    // While it measured nobody was asked for the sessions.
    vec![Effect::ListSessions]
}

fn kept(model: &mut Model, name: String, result: Result<std::path::PathBuf, KeepFailure>) -> Vec<Effect> {
    model.redraw = true;
    match result {
        Ok(path) => {
            if let Some(bench) = &mut model.bench {
                bench.kept = Some(name.clone());
            }
            model.tell(
                Verdict::Ok,
                format!("kept as {name}: c compares with it"),
                path.display().to_string(),
            );
        }
        Err(KeepFailure::Exists) => {
            let Some(snapshot) = model.bench.as_ref().and_then(|bench| bench.snapshot().cloned()) else {
                return Vec::new();
            };
            let lines = vec![format!("there is one that is called {name}; it would be gone")];
            let task = BenchTask::Keep { snapshot, name, replace: true };
            ask_to_replace(model, "Replace the benchmark?", lines, task);
        }
        Err(KeepFailure::Other(why)) => {
            model.tell(
                Verdict::Fail,
                format!("the benchmark was not kept: {why}"),
                "k asks for another name",
            );
        }
    }
    Vec::new()
}

fn ask_to_replace(model: &mut Model, title: &'static str, lines: Vec<String>, task: BenchTask) {
    let question = Question::new(title, lines, "replace", Effect::Bench(task)).after_enter(model.now);
    model.overlays.push(Overlay::Question(question));
}

/// Whether there is something to keep; says so if not.
fn has_samples(model: &mut Model) -> bool {
    let samples = model.bench.as_ref().and_then(|bench| bench.report()).map_or(0, |report| report.runs());
    if samples == 0 {
        model.tell(Verdict::Idle, "nothing was measured yet that could be kept", "");
    }
    samples > 0
}

fn ask_name(model: &mut Model) {
    if has_samples(model) {
        let name =
            model.bench.as_ref().and_then(|bench| bench.kept.clone()).unwrap_or_else(|| "main".to_owned());
        model.overlays.push(Overlay::SaveAs(SaveAs::bench_name(&name)));
    }
}

fn ask_file(model: &mut Model) {
    if has_samples(model) {
        model.overlays.push(Overlay::SaveAs(SaveAs::bench_file("bench.json")));
    }
}

/// Esc: it goes on while one is elsewhere.
pub(super) fn leave(model: &mut Model) {
    model.screen = Screen::Workbench;
}

/// The next of the figures, or the one before.
fn step_figure(bench: &mut Bench, forward: bool) {
    let many = bench.figures().len().max(1);
    let at = bench.figure.min(many - 1);
    bench.figure = (at + if forward { 1 } else { many - 1 }) % many;
}

/// Moves among the runtimes: in the table, and with it in the charts.
pub(super) fn go(model: &mut Model, cmd: Cmd) {
    let Some(bench) = &mut model.bench else { return };
    let rows = bench.rows();
    let (at, last) = (bench.chosen(&rows), rows.len().saturating_sub(1));
    let to = match cmd {
        Cmd::Left | Cmd::Up => at.saturating_sub(1),
        Cmd::Right | Cmd::Down => (at + 1).min(last),
        Cmd::Top => 0,
        Cmd::Bottom => last,
        _ => at,
    };
    choose(model, to);
}

fn choose(model: &mut Model, to: usize) {
    let Some(bench) = &mut model.bench else { return };
    let lane = bench.rows().get(to).map(|row| row.lane);
    if let Some(lane) = lane {
        bench.lane = lane;
        model.redraw = true;
    }
}

/// The mouse chooses a row.
pub(super) fn click(model: &mut Model, mouse: MouseEvent) {
    let size = model.without_tour(model.size);
    let Some(bench) = &model.bench else { return };
    let (places, at) = (bench.places(size), Position::new(mouse.column, mouse.row));
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            if let Some(row) = places.row_at(at) {
                choose(model, row);
            }
        }
        MouseEventKind::ScrollUp => go(model, Cmd::Up),
        MouseEventKind::ScrollDown => go(model, Cmd::Down),
        _ => {}
    }
}
