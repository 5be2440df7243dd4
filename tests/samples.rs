//! The samples, each really run: on every runtime of this machine that runs its language.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use codebeaker::engine::{Embedded, Engine, EngineSettings, InterruptTarget};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteResult, ExecutionEvent, ExecutionId, Language,
    OutputStream, SessionId, Signal,
};
use codebeaker::tui::{SAMPLES, sample};
use support::native::{self, Kind, PATIENCE};

/// Which language where.
const PLACES: [(Kind, Language); 10] = [
    (Kind::Bun, Language::TypeScript),
    (Kind::Bun, Language::JavaScript),
    (Kind::Deno, Language::TypeScript),
    (Kind::Deno, Language::JavaScript),
    (Kind::Python, Language::Python),
    (Kind::JavaScript, Language::JavaScript),
    (Kind::Go, Language::Go),
    (Kind::DockerPython, Language::Python),
    (Kind::DockerJavaScript, Language::JavaScript),
    (Kind::DockerCSharp, Language::CSharp),
];

/// What a program has written, and how it ended.
struct Ran {
    out: String,
    err: String,
    result: ExecuteResult,
}

struct Place {
    engine: Arc<dyn Engine>,
    session: SessionId,
    language: Language,
}

impl Place {
    /// Runs a sample; it is given `input`, and interrupted once it has written `stop_at`.
    async fn run(&self, name: &str, input: &str, stop_at: Option<&str>) -> Ran {
        let code = sample(name).unwrap().code(self.language);
        let id = ExecutionId::random();
        let code = ExecuteCode { code: code.into(), language: Some(self.language), ..ExecuteCode::default() };
        let params = Execute {
            stream: true,
            interactive: true,
            execution_id: Some(id.clone()),
            ..Execute::new(self.session.clone(), Command::ExecuteCode(code))
        };
        let mut execution = self.engine.execute(params).await.unwrap();
        self.engine.input(&id, Bytes::copy_from_slice(input.as_bytes()), true).await.unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        let mut stop_at = stop_at;
        let result = tokio::time::timeout(PATIENCE, async {
            loop {
                match execution.next().await.expect("a result comes last") {
                    ExecutionEvent::Output { stream, data } => {
                        let text = String::from_utf8_lossy(&data);
                        match stream {
                            OutputStream::Stdout => out.push_str(&text),
                            OutputStream::Stderr => err.push_str(&text),
                        }
                    }
                    ExecutionEvent::Finished(result) => break *result,
                    _ => {}
                }
                if stop_at.is_some_and(|text| out.contains(text)) {
                    stop_at = None;
                    let target = InterruptTarget::Execution(id.clone());
                    assert!(self.engine.interrupt(target, Signal::Int).await.unwrap());
                }
            }
        });
        let result = result.await.unwrap_or_else(|_| panic!("{name} does not end: {out} {err}"));
        Ran { out, err, result }
    }

    async fn succeeds(&self, name: &str, input: &str) -> String {
        let Ran { out, err, result } = self.run(name, input, None).await;
        assert!(result.success, "{name} in {}: {out}\n{err}\n{result:?}", self.language);
        assert_eq!(err, "", "{name} in {}", self.language);
        out
    }
}

async fn all_samples(kind: Kind, language: Language) {
    let yard = kind.yard().await;
    let state = tempfile::tempdir().unwrap();
    let runtimes = match &yard {
        Some(yard) => yard.runtimes(),
        None => native::all(),
    };
    let settings = EngineSettings::new(state.path().join("sessions"));
    let engine: Arc<dyn Engine> = Arc::new(Embedded::new(settings, runtimes).unwrap());
    if kind.is_here(engine.as_ref()).await {
        let wanted = CreateSession { runtime_type: Some(kind.runtime()), ..CreateSession::new(language) };
        let session = engine.create_session(wanted).await.unwrap().session_id;
        each(&Place { engine: engine.clone(), session, language }).await;
    }
    engine.shutdown().await;
}

async fn each(place: &Place) {
    assert_eq!(place.succeeds("hello", "").await, "squares: 1 4 9 16\n");
    assert_eq!(
        place.succeeds("fibonacci", "").await,
        "fibonacci(25) = 75025\nfibonacci(90) = 2880067194370816120\n"
    );
    assert_eq!(place.succeeds("words", "").await, "the   **** 4\nand   ** 2\nbat   * 1\n");
    assert_eq!(place.succeeds("http", "").await, "200 you asked for /greeting\n");
    let greeted = place.succeeds("input", "Ada\nAlan\n").await;
    assert_eq!(greeted, "What is your name?\nHello, Ada!\nHello, Alan!\ngreeted: 2\n");
    let waited = place.succeeds("async", "").await;
    assert!(waited.starts_with("tea is done\nrice is done\nsoup is done\n"), "{waited}");
    assert!(waited.ends_with(" ms instead of 180\n"), "{waited}");
    // Files stay from one run to the next.
    for runs in 1..=2 {
        let told = format!("notes.txt has 3 lines\nthis was run {runs} time(s) in this session\n");
        assert_eq!(place.succeeds("files", "").await, told);
    }
    let Ran { out, err, result } = place.run("fails", "", None).await;
    let process = result.process().unwrap();
    assert!(!result.success && process.exit_code != 0, "{result:?}");
    assert_eq!(out, "4\n", "what came before the error");
    assert!(err.contains("there is nobody to share with"), "{err}");
    assert!(err.to_lowercase().contains("share") && err.lines().count() > 1, "a traceback: {err}");
    let Ran { out, result, .. } = place.run("endless", "", Some("beat 1\n")).await;
    assert!(out.starts_with("beat 0\nbeat 1\n"), "{out}");
    assert!(!result.success, "it was stopped: {result:?}");
}

macro_rules! places {
    ($($name:ident: $at:literal,)+) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let (kind, language) = PLACES[$at];
            all_samples(kind, language).await;
        }
    )+ };
}

places! {
    typescript_on_bun: 0,
    javascript_on_bun: 1,
    typescript_on_deno: 2,
    javascript_on_deno: 3,
    python_of_this_machine: 4,
    javascript_of_this_machine: 5,
    go_of_this_machine: 6,
    python_in_docker: 7,
    javascript_in_docker: 8,
    csharp_in_docker: 9,
}

#[test]
fn every_sample_is_run_above() {
    let run = ["hello", "input", "files", "words", "fibonacci", "async", "http", "fails", "endless"];
    assert!(SAMPLES.iter().map(|sample| sample.name).eq(run));
}
