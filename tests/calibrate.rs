//! The runtimes of this machine are measured: by the command, and in the background; the choice goes by it, for as long as
//! it holds.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codebeaker::bench::calibrate::{Background, Step, calibrate, lacking};
use codebeaker::engine::{Calibrated, Calibration, Embedded, Engine, EngineSettings};
use codebeaker::protocol::{
    CreateSession, Failure, Language, RuntimePreference, RuntimeType, SelectParams, Selection,
};
use codebeaker::provision::Tool;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::home::{NO_DOCKER, codebeaker, finished, within};
use support::native::{self, Kind, PATIENCE};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Nothing takes as long as this.
async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

fn engine(root: &TempDir, calibration: Calibration) -> Arc<Embedded> {
    let settings = EngineSettings { calibration, ..EngineSettings::new(root.path().join("sessions")) };
    Arc::new(Embedded::new(settings, native::all()).unwrap())
}

/// Whether there are Deno, Bun and Python.
async fn all_here(engine: &dyn Engine) -> bool {
    let fetched = native::fetched(Tool::Deno) && native::fetched(Tool::Bun);
    fetched && Kind::Python.is_here(engine).await
}

async fn ranking(engine: &dyn Engine, language: Language) -> Selection {
    let params =
        SelectParams { language, runtime_preference: Some(RuntimePreference::Speed), runtime_type: None };
    timely(engine.select(params)).await.unwrap()
}

/// What the choice says of the figures of those that can run it.
fn measured(selection: &Selection) -> Vec<bool> {
    selection.ranking.iter().filter(|c| c.scores.is_some()).map(|c| c.measured).collect()
}

const PAIRS: [(RuntimeType, Language); 3] = [
    (RuntimeType::Deno, Language::TypeScript),
    (RuntimeType::Bun, Language::TypeScript),
    (RuntimeType::NativeProcess, Language::Python),
];

#[tokio::test]
async fn what_is_measured_is_what_the_choice_goes_by() {
    let root = tempfile::tempdir().unwrap();
    let first = engine(&root, Calibration::default());
    if !all_here(&*first).await {
        return;
    }
    let unknown = lacking(&*first).await;
    assert!(PAIRS.iter().all(|pair| unknown.contains(pair)), "{unknown:?}");
    let mut samples = 0;
    let count = |step: Step<'_>| match step {
        Step::Sample { .. } => samples += 1,
        Step::Done(_) => {}
        Step::Failed { pair, failure } => panic!("{pair:?}: {failure}"),
    };
    let figures = timely(calibrate(&*first, &PAIRS, 2, &CancellationToken::new(), count)).await;
    // One more of each is dropped.
    assert_eq!((figures.len(), samples), (3, 9));
    for one in &figures {
        assert!(one.startup_time_ms > 1.0 && one.memory_overhead_mb > 1.0 && one.samples == 2, "{one:?}");
        assert!(!one.version.is_empty() && !one.tier.is_empty() && one.at.ends_with('Z'), "{one:?}");
    }
    assert!(first.sessions().await.unwrap().is_empty());
    // Measuring alone teaches nobody.
    assert!(!measured(&ranking(&*first, Language::TypeScript).await).contains(&true));
    timely(first.shutdown()).await;

    let mut calibration = Calibration::default();
    calibration.learn(figures.clone());
    let kept = Calibration::from_json(&calibration.to_json()).unwrap();
    let next = engine(&root, kept);
    let selection = ranking(&*next, Language::TypeScript).await;
    assert_eq!(measured(&selection), [true, true], "{selection:?}");
    let least = figures[..2].iter().min_by(|a, b| a.startup_time_ms.total_cmp(&b.startup_time_ms)).unwrap();
    assert_eq!(selection.chosen, Some(least.runtime));
    assert!(selection.ranking[0].reason.ends_with("ms (measured)"), "{selection:?}");
    let left = lacking(&*next).await;
    assert!(PAIRS.iter().all(|pair| !left.contains(pair)), "{left:?}");
    // A session's choice is the same.
    let params = CreateSession {
        runtime_preference: Some(RuntimePreference::Speed),
        ..CreateSession::new(Language::TypeScript)
    };
    let session = timely(next.create_session(params)).await.unwrap();
    assert_eq!(measured(&session.selection.unwrap()), [true, true]);
    timely(next.shutdown()).await;

    // Figures of another version, or of another wall, are of something else.
    for change in [|one: &mut Calibrated| one.version.push('x'), |one: &mut Calibrated| one.tier.push('x')] {
        let stale = figures.iter().cloned().map(|mut one| {
            change(&mut one);
            one
        });
        let mut calibration = Calibration::default();
        calibration.learn(stale);
        let other = engine(&root, calibration);
        assert_eq!(measured(&ranking(&*other, Language::TypeScript).await), [false, false]);
        let again = lacking(&*other).await;
        assert!(PAIRS.iter().all(|pair| again.contains(pair)), "{again:?}");
        timely(other.shutdown()).await;
    }
}

#[tokio::test]
async fn cancelled_it_ends_with_every_session_closed() {
    let root = tempfile::tempdir().unwrap();
    let engine = engine(&root, Calibration::default());
    if !Kind::Python.is_here(&*engine).await {
        return;
    }
    let python = (RuntimeType::NativeProcess, Language::Python);
    let stop = CancellationToken::new();
    // As the second of them begins.
    let mut begun = 0;
    let cancel = |step: Step<'_>| {
        if matches!(step, Step::Sample { number: 0, .. }) {
            begun += 1;
            if begun == 2 {
                stop.cancel();
            }
        }
    };
    let figures = timely(calibrate(&*engine, &[python, python], 1, &stop, cancel)).await;
    assert_eq!(figures.len(), 1);
    assert!(engine.sessions().await.unwrap().is_empty());
    timely(engine.shutdown()).await;
    assert_eq!(native::processes(root.path()), []);
}

#[tokio::test]
async fn in_the_background_it_gives_way_and_goes_on_later() {
    let root = tempfile::tempdir().unwrap();
    let serving = engine(&root, Calibration::default());
    if !Kind::Python.is_here(&*serving).await {
        return;
    }
    let python = CreateSession {
        runtime_type: Some(RuntimeType::NativeProcess),
        ..CreateSession::new(Language::Python)
    };
    // Somebody is here first.
    let session = timely(serving.create_session(python)).await.unwrap();
    let (made, kept) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let calm = AtomicBool::new(false);
    let cold = || -> Result<Arc<dyn Engine>, Failure> {
        let cold = engine(&root, Calibration::default());
        made.lock().unwrap().push(cold.clone());
        Ok(cold)
    };
    let (looked, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // How many are here, told as the engine tells it: so that somebody can come at one moment and no other.
    let (people, occupied) = watch::channel(1);
    let background = Background {
        serving: &*serving,
        occupied,
        idle: Duration::from_millis(20),
        later: Duration::from_millis(20),
        turn: &|| {
            looked.fetch_add(1, Ordering::Relaxed);
            calm.load(Ordering::Relaxed).then(|| turns.fetch_add(1, Ordering::Relaxed))
        },
        cold: &cold,
        keep: &|one| {
            serving.learn([one.clone()]);
            kept.lock().unwrap().push(one.clone());
        },
        stop: CancellationToken::new(),
    };
    let person = async {
        // While there is a session nothing is even looked at.
        let mut occupied = serving.occupied();
        assert_eq!((*occupied.borrow_and_update(), looked.load(Ordering::Relaxed)), (1, 0));
        timely(serving.close_session(&session.session_id)).await.unwrap();
        assert_eq!(*occupied.borrow_and_update(), 0);
        people.send_replace(0);
        // The machine is busy, twice.
        native::until("it looks at the load", || looked.load(Ordering::Relaxed) >= 2).await;
        assert!(made.lock().unwrap().is_empty());
        calm.store(true, Ordering::Relaxed);
        native::until("it measures", || !made.lock().unwrap().is_empty()).await;
        let first = made.lock().unwrap()[0].clone();
        // In the middle of a sample somebody comes.
        let mut samples = first.occupied();
        samples.wait_for(|sessions| *sessions == 1).await.unwrap();
        assert!(serving.sessions().await.unwrap().is_empty(), "what is measured is in nobody's list");
        people.send_replace(1);
        samples.wait_for(|sessions| *sessions == 0).await.unwrap();
        assert_eq!((made.lock().unwrap().len(), kept.lock().unwrap().len()), (1, 0));
        people.send_replace(0);
    };
    let (_, ()) = timely(async { tokio::join!(background.run(), person) }).await;
    // One of each is measured by its own engine, after the one that gave way. Nothing was left at the last turn.
    let pairs = kept.lock().unwrap().len();
    assert_eq!((made.lock().unwrap().len(), turns.load(Ordering::Relaxed)), (pairs + 1, pairs + 2));
    // All of it is measured in the end, each thing once.
    assert_eq!(lacking(&*serving).await, []);
    let mut names: Vec<_> = kept.lock().unwrap().iter().map(|one| (one.runtime, one.language)).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert!(names.len() == all && names.contains(&(RuntimeType::NativeProcess, Language::Python)));
    assert_eq!(measured(&ranking(&*serving, Language::Python).await), [true]);
    // A new one has nothing to do.
    timely(background.run()).await;
    assert_eq!(kept.lock().unwrap().len(), all);
    timely(serving.shutdown()).await;
    assert_eq!(native::processes(root.path()), []);
}

#[tokio::test]
async fn ended_in_the_background_it_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let serving = engine(&root, Calibration::default());
    if !Kind::Python.is_here(&*serving).await {
        return;
    }
    let stop = CancellationToken::new();
    let cold = || -> Result<Arc<dyn Engine>, Failure> {
        stop.cancel();
        Ok(engine(&root, Calibration::default()))
    };
    let background = Background {
        serving: &*serving,
        occupied: serving.occupied(),
        idle: Duration::ZERO,
        later: Duration::ZERO,
        turn: &|| Some(()),
        cold: &cold,
        keep: &|one| panic!("{one:?}"),
        stop: stop.clone(),
    };
    timely(background.run()).await;
    timely(serving.shutdown()).await;
    assert_eq!(native::processes(root.path()), []);
    assert_eq!(std::fs::read_dir(root.path().join("sessions")).unwrap().count(), 0);
}

fn file(home: &TempDir) -> PathBuf {
    home.path().join("xdg_state_home/codebeaker/calibration.json")
}

fn done(home: &TempDir, args: &[&str]) -> (Option<i32>, String, String) {
    finished(codebeaker(home, args).env(NO_DOCKER.0, NO_DOCKER.1).spawn().unwrap())
}

fn json(home: &TempDir, args: &[&str]) -> Value {
    let (code, out, err) = done(home, args);
    assert_eq!(code, Some(0), "{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
}

/// What doctor's report says was measured of Bun.
fn of_bun(home: &TempDir) -> Value {
    let report = json(home, &["doctor", "--json"]);
    let bun = report["runtimes"].as_array().unwrap().iter().find(|r| r["type"] == "Bun").unwrap();
    assert_eq!(bun["capabilities"]["startupTimeMs"], 50.0);
    bun["measured"]["typescript"].clone()
}

#[test]
fn the_command_measures_tells_and_forgets() {
    if !native::fetched(Tool::Bun) || !native::fetched(Tool::Deno) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    assert_eq!(of_bun(&home), Value::Null);
    // What is no such file counts for nothing, and is replaced.
    std::fs::create_dir_all(file(&home).parent().unwrap()).unwrap();
    std::fs::write(file(&home), "no figures").unwrap();
    assert_eq!(of_bun(&home), Value::Null);
    let told = json(&home, &["calibrate", "--runtimes", "bun,deno", "--samples", "1", "--json"]);
    assert_eq!(told["failed"], Value::Array(Vec::new()), "{told:#}");
    let rows = told["calibrated"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "{told:#}");
    for row in rows {
        let (measured, nominal) = (&row["measured"], &row["nominal"]);
        assert!(measured["startupTimeMs"].as_f64().unwrap() > 1.0, "{row:#}");
        assert!(measured["memoryOverheadMB"].as_f64().unwrap() > 1.0, "{row:#}");
        assert!(nominal["startupTimeMs"].as_f64().unwrap() >= 50.0, "{row:#}");
    }
    let bun = of_bun(&home);
    assert_eq!(bun["samples"], 1, "{bun:#}");
    let (code, text, _) = done(&home, &["doctor"]);
    assert_eq!(code, Some(0));
    assert!(text.contains(", typescript)") && text.contains("MB (measured 2"), "{text}");
    // A run says by what it was chosen.
    std::fs::write(home.path().join("hello.ts"), "console.log(1)").unwrap();
    let run = json(&home, &["run", "hello.ts", "--prefer", "speed", "--json"]);
    let candidate = &run["selection"]["ranking"][0];
    assert_eq!(candidate["measured"], true, "{run:#}");
    assert!(candidate["nominal"]["startupTimeMs"].as_f64().unwrap() >= 50.0, "{run:#}");
    // Of one alone, then of all.
    assert_eq!(json(&home, &["calibrate", "--forget", "-r", "bun", "--json"])["forgotten"], 2);
    assert_eq!(of_bun(&home), Value::Null);
    let (code, text, _) = done(&home, &["calibrate", "--forget"]);
    assert!(code == Some(0) && text.starts_with("2 measurements are forgotten"), "{text}");
}

#[test]
fn what_can_not_be_kept_is_told() {
    if !native::fetched(Tool::Bun) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    // Read by nobody, and no missing file.
    std::fs::create_dir_all(file(&home)).unwrap();
    for args in [&["calibrate", "-r", "bun", "--samples", "1"][..], &["calibrate", "--forget"]] {
        let (code, _, err) = done(&home, args);
        assert!(code == Some(125) && err.contains("calibration.json can't be changed: "), "{err}");
    }
    assert!(file(&home).is_dir());
}

#[test]
fn nothing_that_is_here_is_nothing_measured() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = done(&home, &["calibrate", "--runtimes", "docker", "--samples", "1"]);
    assert_eq!((code, out.as_str()), (Some(125), ""), "{err}");
    assert!(err.contains("nothing was measured"), "{err}");
    let (code, _, err) = done(&home, &["calibrate", "--runtimes", "bunny"]);
    assert!(code == Some(125) && err.contains("use bun, deno, native or docker"), "{err}");
}

#[test]
fn ctrl_c_ends_it_and_keeps_what_was_measured() {
    if !native::fetched(Tool::Bun) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = codebeaker(&home, &["calibrate", "--runtimes", "bun", "--samples", "1000", "--json"]);
    let child = command.env(NO_DOCKER.0, NO_DOCKER.1).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let sessions = home.path().join("xdg_state_home/codebeaker/sessions");
    let below = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten();
    let any = || below(sessions.clone()).any(|engine| below(engine.path()).next().is_some());
    within(PATIENCE, "it has a session", any);
    kill_process(pid, Signal::INT).unwrap();
    let (code, out, err) = finished(child);
    assert_eq!(code, Some(130), "{err}");
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
    assert_eq!(told["calibrated"], Value::Array(Vec::new()));
    // One whose launch was broken off ends by its closed stream.
    within(PATIENCE, "every process has ended", || native::processes(home.path()).is_empty());
    assert_eq!(std::fs::read_dir(&sessions).unwrap().count(), 0);
}

#[test]
fn while_another_process_measures_it_waits() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(file(&home).parent().unwrap()).unwrap();
    let other = std::fs::File::create(file(&home).with_file_name("measuring.lock")).unwrap();
    other.lock().unwrap();
    let args = ["calibrate", "--runtimes", "native", "--samples", "1"];
    let mut child = codebeaker(&home, &args).env(NO_DOCKER.0, NO_DOCKER.1).spawn().unwrap();
    let mut line = String::new();
    let mut errors = std::io::BufReader::with_capacity(1, child.stderr.as_mut().unwrap());
    errors.read_line(&mut line).unwrap();
    assert!(line.contains("another codebeaker measures"), "{line}");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let (code, out, err) = finished(child);
    assert_eq!((code, out.as_str()), (Some(130), ""), "{err}");
}
