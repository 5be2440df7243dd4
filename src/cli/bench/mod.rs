//! `codebeaker bench`: measures runtimes, and says what changed.

mod shown;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::bench::compare::LEAST;
use crate::bench::render::{self, Format, numbers};
use crate::bench::{
    self, Baseline, Change, Code, Control, Digest, Lane, Plan, Report, Row, SEED, Store, StoreError, Suite,
    Verdict,
};
use crate::config;
use crate::engine::{Engine, system_words};
use crate::protocol::{Language, RuntimeInfo, Signal, WireName as _};

use super::args;
use super::calibration::Measuring;
use super::connect::Reached;
use super::exit::{self, Problem};
use super::run;
use super::signals::Signals;
use super::surroundings::Surroundings;

/// How long closing what was opened may take after a second signal.
const IMPATIENCE: Duration = Duration::from_secs(2);
/// The exit code where something is slower than it may be.
const SLOWER: u8 = 1;

/// Measures, and writes what came of it; or writes what was measured earlier.
pub async fn bench(args: args::Bench) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let store = Store::at(surroundings.paths.state.join("bench"));
    if args.list {
        return list(&store);
    }
    let base = args.compare.as_deref().map(|name| store.baseline(name)).transpose()?;
    if args.fail_if.is_some() && base == Some(Baseline::Seed) {
        return Err(Problem::new(
            "the published figures have no samples, so nothing is called slower by them",
            "name a result that was saved with --save",
        ));
    }
    let format = format(&args)?;
    if let Some(name) = &args.show {
        let report = match store.baseline(name)? {
            Baseline::Saved(report) => *report,
            Baseline::Seed => {
                return Err(Problem::new(
                    "the published figures are compared with, not shown",
                    "use --compare seed",
                ));
            }
        };
        ready(&args, &store)?;
        let passed = tell(&args, &report, base.as_ref(), format, true)?;
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(SLOWER) });
    }
    let made = ready(&args, &store)?;
    let outcome = measured(&args, surroundings).await;
    let (report, stopped_by, mut signals) = match outcome {
        Ok(Measured::Report { report, stopped_by, signals }) => (report, stopped_by, signals),
        Ok(Measured::Stopped(signal)) => {
            exit::say("stopped before anything was measured");
            drop_empty(made);
            return Ok(by(signal));
        }
        Err(problem) => {
            drop_empty(made);
            return Err(problem);
        }
    };
    let finish = tokio::task::spawn_blocking(move || {
        finish(&args, *report, &store, base.as_ref(), format, stopped_by)
    });
    tokio::select! {
        finished = finish => finished.map_err(|e| Problem::new(e.to_string(), ""))?,
        signal = signals.next() => Ok(by(signal)),
    }
}

/// Keeps and shows what was measured; gives the exit code.
fn finish(
    args: &args::Bench,
    mut report: Report,
    store: &Store,
    base: Option<&Baseline>,
    format: Format,
    stopped_by: Option<Signal>,
) -> Result<ExitCode, Problem> {
    let told = tell(args, &report, base, format, report.complete);
    let kept = match &told {
        _ if !report.complete => "-stopped",
        Ok(false) => "-slower",
        _ => "",
    };
    if let Some(name) = &args.save {
        save(&mut report, store, name, kept)?;
    }
    let passed = told?;
    match stopped_by {
        Some(signal) => Ok(by(signal)),
        None if !report.complete => Err(Problem::new(
            "the link to the server was lost, and not all is measured",
            "try again when it is back",
        )),
        None if passed => Ok(ExitCode::SUCCESS),
        None => Ok(ExitCode::from(SLOWER)),
    }
}

/// Keeps a report. One that was stopped, or is slower than it may be, does not take the place of a good one: it is kept
/// beside it.
fn save(report: &mut Report, store: &Store, name: &str, beside: &str) -> Result<(), Problem> {
    let name = if store.load(name).is_ok() { format!("{name}{beside}") } else { name.to_owned() };
    store.save(report, &name)?;
    exit::say(format_args!("saved as {name}: codebeaker bench --compare {name} compares with it"));
    Ok(())
}

/// Removes the file that was made to see whether it can be, where nothing has come into it.
fn drop_empty(made: Option<PathBuf>) {
    let empty = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0);
    if let Some(path) = made.filter(empty) {
        let _ = std::fs::remove_file(path);
    }
}

/// Sees to it that what is measured can be kept: not after minutes that it can't. Gives the file that was made for that.
fn ready(args: &args::Bench, store: &Store) -> Result<Option<PathBuf>, Problem> {
    if let Some(name) = &args.save {
        Store::check(name)?;
        config::make_private_dir(store.directory()).map_err(|e| {
            Problem::new(
                format!("{} can't be made: {}", store.directory().display(), system_words(&e)),
                "set XDG_STATE_HOME to a directory that you can write",
            )
        })?;
        store.try_to_write()?;
    }
    if args.output == Path::new("-") {
        return Ok(None);
    }
    let new = !args.output.exists();
    // What is there stays until there is something to put in its place.
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(&args.output);
    opened.map_err(|e| unwritable(&args.output, &e))?;
    Ok(new.then(|| args.output.clone()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(
        format!("{} can't be written: {}", path.display(), system_words(error)),
        "choose another file with -o",
    )
}

/// The format that was asked for, or that the file's name asks for.
fn format(args: &args::Bench) -> Result<Format, Problem> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let Some(extension) = args.output.extension() else { return Ok(Format::Table) };
    extension.to_str().and_then(Format::from_extension).ok_or_else(|| {
        Problem::new(
            format!("{} says nothing of a format", args.output.display()),
            format!("add --format: {}", Format::NAMES.join(", ")),
        )
    })
}

fn list(store: &Store) -> Result<ExitCode, Problem> {
    let mut text = String::new();
    for name in store.names() {
        let line = match store.load(&name) {
            Ok(report) => {
                let suites: Vec<&str> = report.method.suites.iter().map(|suite| suite.name()).collect();
                format!("{name:<24}{}  {:>6} runs  {}\n", report.started, report.runs(), suites.join(" "))
            }
            Err(error) => format!("{name:<24}{error}\n"),
        };
        text.push_str(&exit::harmless(&line));
    }
    exit::print(if text.is_empty() { "none was saved yet: codebeaker bench --save NAME\n" } else { &text })?;
    Ok(ExitCode::SUCCESS)
}

/// What came of measuring.
enum Measured {
    /// What was measured; the signal that ended it, and those that may still come.
    Report { report: Box<Report>, stopped_by: Option<Signal>, signals: Signals },
    /// A signal came before there was anything.
    Stopped(Signal),
}

/// Measures what is asked for.
async fn measured(args: &args::Bench, surroundings: Surroundings) -> Result<Measured, Problem> {
    let code = match &args.file {
        None => None,
        Some(file) => {
            let (text, file_name) = run::read_code(file).await?;
            let language = args.language.map_or_else(|| run::guess(file, &text), Ok)?;
            Some(Code { name: file.display().to_string(), language, text, file_name })
        }
    };
    let suites = suites(args, code.is_some())?;
    let surroundings = if args.pool { surroundings } else { surroundings.for_one_session() };
    let paths = surroundings.paths.clone();
    let mut signals = Signals::listen()?;
    let reached = tokio::select! {
        biased;
        signal = signals.next() => return Ok(Measured::Stopped(signal)),
        reached = Reached::at(args.attach.as_deref(), &surroundings) => reached?,
    };
    let planned = plan(args, reached.engine.as_ref(), suites, code);
    let outcome = tokio::select! {
        biased;
        signal = signals.next() => Ok(Err(signal)),
        planned = planned => planned.map(Ok),
    };
    let outcome = match outcome {
        Ok(Ok(plan)) => {
            // What others measure on this machine meanwhile would be in these figures, and these in theirs.
            let turn = tokio::select! {
                biased;
                signal = signals.next() => Err(signal),
                turn = turn_of_ours(&paths) => Ok(turn),
            };
            let _turn = match turn {
                Ok(turn) => turn,
                Err(signal) => {
                    reached.end().await;
                    return Ok(Measured::Stopped(signal));
                }
            };
            let (report, stopped_by) = watched(reached.engine.clone(), plan, &mut signals).await;
            Ok(Measured::Report { report: Box::new(report), stopped_by, signals })
        }
        Ok(Err(signal)) => Ok(Measured::Stopped(signal)),
        Err(problem) => Err(problem),
    };
    reached.end().await;
    outcome
}

/// Waits until nobody else measures, and says so.
async fn turn_of_ours(paths: &config::Paths) -> Measuring {
    if let Some(turn) = Measuring::begin(paths) {
        return turn;
    }
    exit::say("another benchmark or calibration runs on this machine: waiting for its end");
    Measuring::wait(paths).await
}

/// What is meant by the names that were given.
fn suites(args: &args::Bench, has_code: bool) -> Result<Vec<Suite>, Problem> {
    let mut suites: Vec<Suite> = Vec::new();
    for name in &args.suites {
        match name.as_str() {
            "all" => suites.extend(Suite::all()),
            "seed" => suites.extend(SEED),
            name => suites.extend(Suite::from_name(name)),
        }
    }
    match (args.suites.is_empty(), has_code) {
        (true, true) => suites.push(Suite::Code),
        (true, false) => suites.extend(Suite::all()),
        (false, true) if !suites.contains(&Suite::Code) => suites.push(Suite::Code),
        _ => {}
    }
    if !has_code {
        let named = args.suites.iter().any(|name| name == Suite::Code.name());
        if named {
            return Err(Problem::new("no code was given", "add --file FILE, or --file - for standard input"));
        }
        suites.retain(|suite| *suite != Suite::Code);
    }
    let mut seen = Vec::new();
    suites.retain(|suite| {
        !seen.contains(suite) && {
            seen.push(*suite);
            true
        }
    });
    Ok(suites)
}

/// Decides what is measured where.
async fn plan(
    args: &args::Bench,
    engine: &dyn Engine,
    suites: Vec<Suite>,
    code: Option<Code>,
) -> Result<Plan, Problem> {
    let language = code.as_ref().map(|code| code.language).or(args.language);
    let types = engine.runtime_types();
    if let Some(unknown) = args.runtimes.iter().find(|runtime| !types.contains(runtime)) {
        let known: Vec<&str> = types.iter().map(|runtime| runtime.short()).collect();
        return Err(Problem::new(
            format!("this engine has no {}", unknown.short()),
            format!("use {}", known.join(", ")),
        ));
    }
    let wanted =
        types.into_iter().filter(|runtime| args.runtimes.is_empty() || args.runtimes.contains(runtime));
    let infos: Vec<RuntimeInfo> = join_all(wanted.map(|runtime| engine.runtime(runtime, false)))
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    let lanes = bench::lanes(&infos, language);
    let only_engine = suites.iter().all(|suite| suite.is_of_the_engine());
    for missing in infos.iter().filter(|info| !lanes.iter().any(|lane| lane.runtime == info.runtime)) {
        let problem = unfit(missing, language);
        if !only_engine && (!args.runtimes.is_empty() || lanes.is_empty()) {
            return Err(problem);
        }
        exit::say(format_args!("left out: {problem}"));
    }
    if lanes.is_empty() && !only_engine {
        return Err(Problem::new("this engine has no runtime", "codebeaker doctor tells what is missing"));
    }
    Ok(Plan { suites, lanes, samples: args.samples, seed: args.seed, code })
}

/// Why a runtime can't be measured.
fn unfit(info: &RuntimeInfo, language: Option<Language>) -> Problem {
    let name = info.runtime.short();
    match language {
        Some(language) if info.fetchable_languages.contains(&language) => Problem::new(
            format!("what {name} needs for {} is not here yet", language.title()),
            format!("codebeaker setup {name} --language {language} gets it"),
        ),
        Some(language) if info.available => Problem::new(
            format!("{name} does not run {}", language.title()),
            "leave it out of --runtimes, or choose another --language",
        ),
        _ => Problem::new(
            format!("{name} is not available: {}", info.reason.as_deref().unwrap_or("it was not found")),
            info.fix.clone().unwrap_or_else(|| "codebeaker doctor tells what is missing".into()),
        ),
    }
}

/// Measures and shows how far it is. A first signal ends it and keeps what there is, a second one leaves.
async fn watched(engine: Arc<dyn Engine>, plan: Plan, signals: &mut Signals) -> (Report, Option<Signal>) {
    let control = Control::default();
    let (told, seen) = watch::channel(None);
    let mut stopped_by = None;
    let (seed, name) = (plan.seed, lanes_in_words(&plan.lanes));
    exit::say(format_args!("measuring {name}, seed {seed}; Ctrl-C ends it and keeps what was measured"));
    let measuring = bench::measure(engine, plan, control.clone(), told);
    tokio::pin!(measuring);
    let latest = seen.clone();
    let showing = shown::show(seen);
    tokio::pin!(showing);
    let mut shows = true;
    let report = loop {
        tokio::select! {
            biased;
            signal = signals.next() => {
                if stopped_by.is_some() {
                    // Sessions are being closed: not for ever.
                    let left = tokio::time::timeout(IMPATIENCE, &mut measuring).await.ok();
                    let latest = latest.borrow().clone();
                    match left.or_else(|| latest.map(|snapshot| snapshot.report.clone())) {
                        Some(report) => return (report, stopped_by),
                        None => continue,
                    }
                }
                exit::say("ending: what was measured is kept; once more leaves at once");
                control.stop();
                stopped_by = Some(signal);
            }
            () = &mut showing, if shows => shows = false,
            report = &mut measuring => break report,
        }
    };
    if shows {
        showing.await;
    }
    (report, stopped_by)
}

/// The exit code of what a signal ended.
fn by(signal: Signal) -> ExitCode {
    exit::code(128 + signal.number())
}

fn lanes_in_words(lanes: &[Lane]) -> String {
    let names: Vec<String> = lanes.iter().map(ToString::to_string).collect();
    if names.is_empty() { "the engine".to_owned() } else { names.join(", ") }
}

/// Writes a report; whether it meets its condition. Of one that is not `whole` nothing is asked.
fn tell(
    args: &args::Bench,
    report: &Report,
    base: Option<&Baseline>,
    format: Format,
    whole: bool,
) -> Result<bool, Problem> {
    let digest = Digest::of(report, base);
    let text = render::render(report, &digest, base, format);
    if args.output == Path::new("-") {
        exit::print(&text)?;
    } else if let Err(error) = std::fs::write(&args.output, &text) {
        // It is not lost for that.
        exit::print(&text)?;
        return Err(unwritable(&args.output, &error));
    } else {
        exit::say(format_args!("written to {}", args.output.display()));
    }
    if report.runs() == 0 && report.complete {
        let reason = report.series.iter().find_map(|series| series.reason.clone());
        let next = match report.code {
            Some(_) => "codebeaker run FILE --runtime NAME shows all that it says",
            None => "codebeaker doctor tells what each runtime can do here",
        };
        return Err(Problem::new(format!("nothing was measured: {}", reason.unwrap_or_default()), next));
    }
    args.fail_if.filter(|_| whole).map_or(Ok(true), |share| condition(&digest, share))
}

/// Whether nothing is slower by more than `share`, nor lost.
fn condition(digest: &Digest, share: f64) -> Result<bool, Problem> {
    let lost: Vec<&Row> = digest.rows.iter().filter(|row| row.lost).collect();
    for row in &lost {
        let why = row.reason.as_deref().unwrap_or("it gave no sample");
        exit::say(format_args!("{} can't be measured any more: {why}", figure(row)));
    }
    let compared: Vec<_> = digest.rows.iter().filter_map(|row| Some((row, row.change?))).collect();
    if compared.is_empty() && lost.is_empty() {
        return Err(Problem::new(
            "nothing was measured that the baseline has too",
            "measure the same suites on the same runtimes",
        ));
    }
    let all = compared.len();
    if all > 0 && compared.iter().all(|(_, change)| change.interval.is_none()) {
        let message = format!("{all} figures were compared, and none has samples enough to tell anything");
        return Err(Problem::new(
            message,
            format!("take at least {LEAST} with -n, here and in the baseline"),
        ));
    }
    let verdict = |row: &Row, change: &Change| change.verdict_beyond(share, row.unit);
    let open = compared.iter().filter(|(row, change)| verdict(row, change) == Verdict::CannotTell).count();
    if open > 0 {
        exit::say(format_args!("of {open} of {all} figures it can't be told: take more samples with -n"));
    }
    let worse: Vec<_> =
        compared.iter().filter(|(row, change)| verdict(row, change) == Verdict::Slower).collect();
    for (row, change) in &worse {
        let (by, interval) = (numbers::percent(change.change), numbers::percents(change.interval));
        let word = Verdict::Slower.words(row.unit);
        exit::say(format_args!("{} is {word} by {by} ({interval})", figure(row)));
    }
    Ok(worse.is_empty() && lost.is_empty())
}

/// What a row is about: `code warm on bun javascript`.
fn figure(row: &Row) -> String {
    let lane = row.lane.map_or_else(String::new, |lane| format!(" on {lane}"));
    format!("{} {}{lane}", row.suite, row.case)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let next = match &error {
            StoreError::Unknown { .. } => "codebeaker bench --list names them, --save makes one",
            StoreError::Name(_) | StoreError::Reserved => "choose another name",
            StoreError::Unreadable { .. } => "measure it anew with --save",
            StoreError::Io { .. } => "check that it is there and that you may use it",
        };
        Self::new(error.to_string(), next)
    }
}
