//! `codebeaker bench`: measures runtimes, and says what changed.

mod shown;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::bench::render::{self, Format};
use crate::bench::{
    self, Baseline, Code, Control, Digest, Lane, Plan, Report, SEED, Store, StoreError, Suite,
};
use crate::config;
use crate::engine::{Engine, system_words};
use crate::protocol::{Language, RuntimeInfo, Signal, WireName as _};

use super::args;
use super::connect::Reached;
use super::exit::{self, Problem};
use super::run;
use super::signals::Signals;
use super::surroundings::Surroundings;

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
        return tell(&args, &report, base.as_ref(), format);
    }
    args.save.as_deref().map_or(Ok(()), Store::check)?;
    let (mut report, interrupted) = measured(&args, surroundings).await?;
    if let Some(name) = &args.save {
        config::make_private_dir(store.directory()).map_err(|e| {
            Problem::new(
                format!("{} can't be made: {}", store.directory().display(), system_words(&e)),
                "set XDG_STATE_HOME to a directory that you can write",
            )
        })?;
        store.save(&mut report, name)?;
        exit::say(format_args!("saved as {name}: codebeaker bench --compare {name} compares with it"));
    }
    let told = tell(&args, &report, base.as_ref(), format)?;
    Ok(interrupted.unwrap_or(told))
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

/// Measures what is asked for; with it the exit code, where it was interrupted.
async fn measured(
    args: &args::Bench,
    surroundings: Surroundings,
) -> Result<(Report, Option<ExitCode>), Problem> {
    let code = match &args.file {
        None => None,
        Some(file) => {
            let (text, name) = run::read_code(file).await?;
            let language = args.language.map_or_else(|| run::guess(file, &text), Ok)?;
            Some(Code {
                name: name.clone().unwrap_or_else(|| "standard input".into()),
                language,
                text,
                file_name: name,
            })
        }
    };
    let suites = suites(args, code.is_some())?;
    let surroundings = if args.pool { surroundings } else { surroundings.for_one_session() };
    let mut signals = Signals::listen()?;
    let reached = tokio::select! {
        biased;
        signal = signals.next() => return Err(Problem::new("stopped before anything was measured", format!("that was {signal}"))),
        reached = Reached::at(args.attach.as_deref(), &surroundings) => reached?,
    };
    let planned = plan(args, reached.engine.as_ref(), suites, code);
    let planned = tokio::select! {
        biased;
        _ = signals.next() => Err(Problem::new("stopped before anything was measured", "")),
        planned = planned => planned,
    };
    let outcome = match planned {
        Ok(plan) => Ok(watched(reached.engine.clone(), plan, signals).await),
        Err(problem) => Err(problem),
    };
    reached.end().await;
    outcome
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
            return Err(Problem::new("no code was given", "add --file FILE"));
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
    for missing in infos.iter().filter(|info| !lanes.iter().any(|lane| lane.runtime == info.runtime)) {
        let problem = unfit(missing, language);
        if !args.runtimes.is_empty() || lanes.is_empty() {
            return Err(problem);
        }
        exit::say(format_args!("left out: {problem}"));
    }
    let only_engine = suites.iter().all(|suite| suite.is_of_the_engine());
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
async fn watched(engine: Arc<dyn Engine>, plan: Plan, mut signals: Signals) -> (Report, Option<ExitCode>) {
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
                if let (Some(first), Some(snapshot)) = (stopped_by, &*latest.borrow()) {
                    return (snapshot.report.clone(), Some(by(first)));
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
    (report, stopped_by.map(by))
}

/// The exit code of what a signal ended.
fn by(signal: Signal) -> ExitCode {
    exit::code(128 + signal.number())
}

fn lanes_in_words(lanes: &[Lane]) -> String {
    let names: Vec<String> = lanes.iter().map(ToString::to_string).collect();
    if names.is_empty() { "the engine".to_owned() } else { names.join(", ") }
}

/// Writes a report; gives the exit code.
fn tell(
    args: &args::Bench,
    report: &Report,
    base: Option<&Baseline>,
    format: Format,
) -> Result<ExitCode, Problem> {
    let digest = Digest::of(report, base);
    let text = render::render(report, &digest, base, format);
    if args.output == Path::new("-") {
        exit::print(&text)?;
    } else {
        std::fs::write(&args.output, text).map_err(|e| {
            Problem::new(
                format!("{} can't be written: {}", args.output.display(), system_words(&e)),
                "choose another file with -o",
            )
        })?;
        exit::say(format_args!("written to {}", args.output.display()));
    }
    let Some(share) = args.fail_if else { return Ok(ExitCode::SUCCESS) };
    let compared = digest.rows.iter().filter(|row| row.change.is_some()).count();
    if compared == 0 {
        return Err(Problem::new(
            "nothing was measured that the baseline has too",
            "measure the same suites on the same runtimes",
        ));
    }
    let worse = digest.worse_than(share);
    for row in &worse {
        let Some(change) = row.change else { continue };
        let lane = row.lane.map_or_else(String::new, |lane| format!(" on {lane}"));
        let interval = change
            .interval
            .map_or_else(String::new, |i| format!(" [{:+.0} % to {:+.0} %]", i.low * 100.0, i.high * 100.0));
        exit::say(format_args!(
            "{} {}{lane} is {} by {:+.0} %{interval}",
            row.suite,
            row.case,
            change.verdict_beyond(share, row.unit).words(row.unit),
            change.change * 100.0
        ));
    }
    Ok(if worse.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(SLOWER) })
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
