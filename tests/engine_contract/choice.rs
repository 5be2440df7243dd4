//! The choice of a runtime: from what is known of them, for how long that is good, and by which figures.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use codebeaker::engine::{
    Calibrated, Calibration, CodeFile, Embedded, Engine, EngineSettings, Environment, LaunchSpec, Runtime,
    SessionContext, Step, nominal,
};
use codebeaker::protocol::{
    CreateSession, ErrorKind, Failure, IsolationReport, Language, Measured, Progress, Provision, RuntimeInfo,
    RuntimePreference, RuntimeType, SelectParams, Selection,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// A runtime that is what it is told to be, and counts how often it is looked at.
struct Shown {
    runtime: RuntimeType,
    here: AtomicBool,
    version: Mutex<&'static str>,
    looks: AtomicUsize,
}

impl Shown {
    fn new(runtime: RuntimeType) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            here: AtomicBool::new(true),
            version: Mutex::new("1.0"),
            looks: AtomicUsize::new(0),
        })
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    fn is_here(&self, here: bool) {
        self.here.store(here, Ordering::Relaxed);
    }
}

fn nothing() -> Failure {
    Failure::new(ErrorKind::NoRuntime, "it is not here", "look elsewhere")
}

#[async_trait]
impl Runtime for Shown {
    fn runtime_type(&self) -> RuntimeType {
        self.runtime
    }

    async fn info(&self, _: bool) -> RuntimeInfo {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let languages = vec![Language::TypeScript, Language::JavaScript];
        let isolation = IsolationReport {
            score: 7,
            tier: "namespaces".into(),
            letters: "F2".into(),
            ..IsolationReport::default()
        };
        RuntimeInfo {
            available: self.here.load(Ordering::Relaxed),
            version: Some((*self.version.lock().unwrap()).to_owned()),
            isolation,
            ..RuntimeInfo::unavailable(self.runtime, languages, nominal(self.runtime, 7))
        }
    }

    async fn provision(&self, _: &Provision, _: mpsc::Sender<Progress>) -> Result<(), Failure> {
        self.is_here(true);
        Ok(())
    }

    async fn launch(&self, _: LaunchSpec) -> Result<Environment, Failure> {
        Err(nothing())
    }

    async fn call(&self, _: &SessionContext, _: Vec<String>) -> Result<Vec<String>, Failure> {
        Err(nothing())
    }

    async fn plan(&self, _: &SessionContext, _: CodeFile) -> Result<Vec<Step>, Failure> {
        Err(nothing())
    }
}

/// An engine over Bun and Deno as they are shown.
fn engine(root: &TempDir) -> (Embedded, Arc<Shown>, Arc<Shown>) {
    let (bun, deno) = (Shown::new(RuntimeType::Bun), Shown::new(RuntimeType::Deno));
    let settings = EngineSettings::new(root.path().join("sessions"));
    (Embedded::new(settings, vec![bun.clone(), deno.clone()]).unwrap(), bun, deno)
}

async fn ranking(engine: &Embedded) -> Selection {
    let params = SelectParams {
        language: Language::TypeScript,
        runtime_preference: Some(RuntimePreference::Speed),
        runtime_type: None,
    };
    engine.select(params).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_known_answers_and_is_renewed_by_being_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let (engine, bun, _) = engine(&root);
    let first = ranking(&engine).await;
    assert_eq!((first.chosen, bun.looks()), (Some(RuntimeType::Bun), 1));
    assert_eq!((ranking(&engine).await, bun.looks()), (first.clone(), 1));
    // Nobody has said that it is gone.
    bun.is_here(false);
    assert_eq!((ranking(&engine).await, bun.looks()), (first.clone(), 1));
    // A second later that still answers, and is renewed meanwhile: once, however many ask.
    tokio::time::advance(Duration::from_millis(1100)).await;
    assert_eq!(ranking(&engine).await, first);
    assert_eq!(ranking(&engine).await, first);
    while ranking(&engine).await == first {
        tokio::task::yield_now().await;
    }
    assert_eq!((ranking(&engine).await.chosen, bun.looks()), (Some(RuntimeType::Deno), 2));
    // Nobody asks for longer than it is good: nothing looks, and the next one waits for what is so now.
    bun.is_here(true);
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::task::yield_now().await;
    assert_eq!(bun.looks(), 2);
    assert_eq!((ranking(&engine).await.chosen, bun.looks()), (Some(RuntimeType::Bun), 3));
    engine.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_told_counts_at_once() {
    let root = tempfile::tempdir().unwrap();
    let (engine, bun, _) = engine(&root);
    assert_eq!(ranking(&engine).await.chosen, Some(RuntimeType::Bun));
    bun.is_here(false);
    assert!(!engine.runtime(RuntimeType::Bun, true).await.unwrap().available);
    let without = ranking(&engine).await;
    assert_eq!(without.chosen, Some(RuntimeType::Deno));
    assert!(without.ranking[1].reason.starts_with("not available"), "{without:?}");
    // As does what was fetched.
    let (steps, _told) = mpsc::channel(1);
    engine.provision(Provision::all(RuntimeType::Bun), steps).await.unwrap();
    assert_eq!(ranking(&engine).await.chosen, Some(RuntimeType::Bun));
    // And a launch that finds it gone.
    bun.is_here(false);
    engine.create_session(CreateSession::new(Language::TypeScript)).await.unwrap_err();
    assert_eq!(ranking(&engine).await.chosen, Some(RuntimeType::Deno));
    engine.shutdown().await;
}

fn measured(startup_time_ms: f64) -> Measured {
    let at = "2026-11-26T10:00:00Z".to_owned();
    Measured { startup_time_ms, memory_overhead_mb: 8.0, isolation_level: 7, samples: 7, at }
}

#[tokio::test(start_paused = true)]
async fn what_was_learnt_counts_for_as_long_as_it_holds() {
    let root = tempfile::tempdir().unwrap();
    let (engine, bun, deno) = engine(&root);
    assert_eq!(ranking(&engine).await.chosen, Some(RuntimeType::Bun));
    let mut learnt = Vec::new();
    for (runtime, ms) in [(&bun, 31.5), (&deno, 22.0)] {
        let info = engine.runtime(runtime.runtime, false).await.unwrap();
        learnt.push(Calibrated::new(&info, Language::TypeScript, measured(ms)));
    }
    engine.learn(learnt.clone());
    let by_measure = ranking(&engine).await;
    assert_eq!(by_measure.chosen, Some(RuntimeType::Deno));
    assert!(
        by_measure.ranking.iter().all(|c| c.measured && c.reason.contains("(measured)")),
        "{by_measure:?}"
    );
    let told = engine.runtime(RuntimeType::Bun, false).await.unwrap();
    assert_eq!(told.figures(Language::TypeScript).startup_time_ms, 31.5);
    assert_eq!(told.figures(Language::JavaScript), told.capabilities);
    // A session's own choice goes by the same.
    let params = CreateSession {
        runtime_preference: Some(RuntimePreference::Speed),
        ..CreateSession::new(Language::TypeScript)
    };
    let looks = deno.looks();
    engine.create_session(params).await.unwrap_err();
    assert!(deno.looks() > looks);
    // Another version is another thing: nothing was measured of it.
    *bun.version.lock().unwrap() = "1.1";
    assert!(engine.runtime(RuntimeType::Bun, true).await.unwrap().measured.is_empty());
    let nominal = ranking(&engine).await;
    assert_eq!(nominal.chosen, Some(RuntimeType::Bun));
    assert_eq!(nominal.ranking[0].reason, "starts in 50 ms (nominal: Bun not measured)");
    engine.shutdown().await;

    // The next engine has it from a file.
    let mut kept = Calibration::default();
    kept.learn(learnt);
    let kept = Calibration::from_json(&kept.to_json()).unwrap();
    let settings = EngineSettings { calibration: kept, ..EngineSettings::new(root.path().join("sessions")) };
    *bun.version.lock().unwrap() = "1.0";
    let next = Embedded::new(settings, vec![bun, deno]).unwrap();
    assert_eq!(ranking(&next).await, by_measure);
    next.shutdown().await;
}

#[test]
fn a_file_of_figures_that_can_not_be_is_none() {
    for text in ["", "{", "[]", "{\"measured\": 3}"] {
        assert!(Calibration::from_json(text.as_bytes()).is_err(), "{text}");
    }
    let mut calibration = Calibration::default();
    let info = RuntimeInfo::unavailable(RuntimeType::Bun, Vec::new(), nominal(RuntimeType::Bun, 7));
    for ms in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        calibration.learn([Calibrated::new(&info, Language::TypeScript, measured(ms))]);
    }
    assert!(calibration.is_empty(), "{calibration:?}");
}
