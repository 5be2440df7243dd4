//! `codebeaker calibrate`: measures what each runtime costs here, and remembers it for the choice among them.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::bench::calibrate::{Pair, SAMPLES, Step, available, calibrate as measure, languages};
use crate::config::Paths;
use crate::engine::{Calibrated, system_words};
use crate::protocol::{Failure, RuntimeInfo, RuntimeType};

use super::args;
use super::bar::template;
use super::calibration::{CalibrationFile, Measuring};
use super::exit::{self, Problem};
use super::signals::Signals;
use super::surroundings::{Surroundings, shut_down};

/// What is said meanwhile.
const WAITING: &str = "waiting: another codebeaker measures";

/// Measures, keeps, and tells. What was measured before a signal is kept.
pub async fn calibrate(args: args::Calibrate) -> Result<ExitCode, Problem> {
    // With containers ready, starting one would not be measured.
    let surroundings = Surroundings::read()?.for_one_session();
    surroundings.warn();
    let file = CalibrationFile::of(&surroundings.paths);
    let asked = |runtime: RuntimeType| args.runtimes.is_empty() || args.runtimes.contains(&runtime);
    if args.forget {
        return forget(&file, asked, args.json);
    }
    let mut signals = Signals::listen()?;
    let engine = surroundings.engine()?;
    let mut shown = Shown::stderr();
    shown.looking();
    let stop = CancellationToken::new();
    let mut failed: Vec<(Pair, Failure)> = Vec::new();
    let mut kept = Ok(());
    let mut infos = Vec::new();
    let work = async {
        let _turn = tokio::select! {
            () = stop.cancelled() => return Vec::new(),
            turn = turn(&surroundings.paths, &shown) => turn,
        };
        infos = tokio::select! {
            () = stop.cancelled() => Vec::new(),
            infos = available(engine.as_ref()) => infos,
        };
        infos.retain(|info| asked(info.runtime));
        let of = |info: &RuntimeInfo| languages(info).map(|l| (info.runtime, l)).collect::<Vec<_>>();
        let wanted: Vec<Pair> = infos.iter().flat_map(of).collect();
        let samples = args.samples.unwrap_or(SAMPLES);
        shown.begin(wanted.len(), samples);
        let step = |step: Step<'_>| {
            shown.show(&step);
            match step {
                Step::Done(one) => {
                    let this = file.change(|all| all.learn([one.clone()]));
                    kept = std::mem::replace(&mut kept, Ok(())).and(this);
                }
                Step::Failed { pair, failure } => failed.push((pair, failure.clone())),
                Step::Sample { .. } => {}
            }
        };
        measure(engine.as_ref(), &wanted, samples, &stop, step).await
    };
    let (measured, signal) = until_signal(work, &stop, &mut signals).await;
    shown.clear();
    shut_down(engine.as_ref()).await;
    tell(&args, &file, &infos, &measured, &failed)?;
    kept.map_err(|error| not_changed(&file, &error))?;
    match signal {
        Some(signal) => Ok(exit::code(128 + signal.number())),
        None if measured.is_empty() => {
            Err(Problem::new("nothing was measured", "codebeaker doctor tells which runtimes are here"))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The turn to measure, waited for where another process has it.
async fn turn(paths: &Paths, shown: &Shown) -> Measuring {
    if let Some(turn) = Measuring::begin(paths) {
        return turn;
    }
    shown.waiting();
    let turn = Measuring::wait(paths).await;
    shown.looking();
    turn
}

/// Does the work; the first signal has it end cleanly, another one ends it now. Gives also the first.
async fn until_signal(
    work: impl Future<Output = Vec<Calibrated>>,
    stop: &CancellationToken,
    signals: &mut Signals,
) -> (Vec<Calibrated>, Option<crate::protocol::Signal>) {
    tokio::pin!(work);
    let signal = tokio::select! {
        measured = &mut work => return (measured, None),
        signal = signals.next() => signal,
    };
    stop.cancel();
    tokio::select! {
        measured = work => (measured, Some(signal)),
        _ = signals.next() => (Vec::new(), Some(signal)),
    }
}

fn not_changed(file: &CalibrationFile, error: &std::io::Error) -> Problem {
    let message = format!("{} can't be changed: {}", file.0.display(), system_words(error));
    Problem::new(message, "free some space, or change who may read and write there")
}

fn forget(
    file: &CalibrationFile,
    asked: impl Fn(RuntimeType) -> bool,
    json: bool,
) -> Result<ExitCode, Problem> {
    let forgotten = file.change(|all| all.forget(asked)).map_err(|error| not_changed(file, &error))?;
    exit::print(&match json {
        true => format!("{:#}\n", json!({ "forgotten": forgotten, "file": file.0 })),
        false => format!("{forgotten} measurements are forgotten; until the next, nominal figures count\n"),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn tell(
    args: &args::Calibrate,
    file: &CalibrationFile,
    infos: &[RuntimeInfo],
    measured: &[Calibrated],
    failed: &[(Pair, Failure)],
) -> Result<(), Problem> {
    let nominal = |one: &Calibrated| {
        infos.iter().find(|info| info.runtime == one.runtime).map(|info| info.capabilities)
    };
    if args.json {
        let rows: Vec<_> =
            measured.iter().map(|one| json!({ "measured": one, "nominal": nominal(one) })).collect();
        let failed: Vec<_> = failed
            .iter()
            .map(|((runtime, language), failure)| {
                json!({ "runtime": runtime, "language": language, "error": failure.message, "hint": failure.hint })
            })
            .collect();
        return exit::print(&format!(
            "{:#}\n",
            json!({ "calibrated": rows, "failed": failed, "file": file.0 })
        ));
    }
    if !measured.is_empty() {
        let mut text = format!(
            "{:<8} {:<11} {:>10} {:>10}   {:>10} {:>10}   version\n",
            "runtime", "language", "start-up", "nominal", "memory", "nominal"
        );
        for one in measured {
            let nominal = nominal(one);
            let or = |figure: Option<f64>, unit: &str| {
                figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0} {unit}"))
            };
            text += &format!(
                "{:<8} {:<11} {:>10} {:>10}   {:>10} {:>10}   {}\n",
                one.runtime.short(),
                one.language,
                format!("{:.0} ms", one.startup_time_ms),
                or(nominal.map(|n| n.startup_time_ms), "ms"),
                format!("{:.0} MB", one.memory_overhead_mb),
                or(nominal.map(|n| n.memory_overhead_mb), "MB"),
                one.version
            );
        }
        exit::print(&text)?;
    }
    for ((runtime, language), failure) in failed {
        exit::say(format_args!("{} {language} was not measured: {}", runtime.short(), failure.message));
    }
    Ok(())
}

/// How far it is: a bar on a terminal, a line for each that is done elsewhere.
struct Shown {
    bar: Option<ProgressBar>,
    /// Samples of each, with the one that is dropped.
    each: u64,
    done: u64,
}

impl Shown {
    fn stderr() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(15));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, each: 1, done: 0 }
    }

    fn looking(&self) {
        if let Some(bar) = &self.bar {
            bar.set_style(template("{spinner} {msg} ({elapsed})"));
            bar.set_message("looking at the runtimes");
        }
    }

    fn waiting(&self) {
        match &self.bar {
            Some(bar) => bar.set_message(WAITING),
            None => exit::say(WAITING),
        }
    }

    fn begin(&mut self, pairs: usize, samples: u32) {
        self.each = u64::from(samples.max(1)) + 1;
        if let Some(bar) = &self.bar {
            bar.set_style(template("measuring {msg:.bold}  {bar:24} {pos}/{len}  about {eta} left"));
            bar.set_length(self.each * pairs as u64);
            bar.reset_eta();
        }
    }

    fn show(&mut self, step: &Step<'_>) {
        match step {
            Step::Sample { pair: (runtime, language), number } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{} {language}", runtime.short()));
                    bar.set_position(self.done * self.each + u64::from(*number));
                } else if *number == 0 {
                    exit::say(format_args!("measuring {} {language}", runtime.short()));
                }
            }
            Step::Done(_) | Step::Failed { .. } => self.done += 1,
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
