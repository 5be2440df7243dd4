//! The choice of a runtime.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use codebeaker::engine::{
    CodeFile, Embedded, Engine, EngineSettings, Environment, LaunchSpec, Runtime, SessionContext, Step,
    nominal,
};
use codebeaker::protocol::{
    Failure, Language, Progress, Provision, RuntimeInfo, RuntimePreference, RuntimeType, SelectParams,
};
use criterion::Criterion;
use tokio::sync::mpsc;

use crate::tui_support;

/// A runtime of which everything is known, and which launches nothing.
struct Known(RuntimeInfo);

fn nothing<T>() -> Result<T, Failure> {
    Err(Failure::internal("only its figures are asked for"))
}

#[async_trait]
impl Runtime for Known {
    fn runtime_type(&self) -> RuntimeType {
        self.0.runtime
    }

    async fn info(&self, _: bool) -> RuntimeInfo {
        self.0.clone()
    }

    async fn provision(&self, _: &Provision, _: mpsc::Sender<Progress>) -> Result<(), Failure> {
        nothing()
    }

    async fn launch(&self, _: LaunchSpec) -> Result<Environment, Failure> {
        nothing()
    }

    async fn call(&self, _: &SessionContext, _: Vec<String>) -> Result<Vec<String>, Failure> {
        nothing()
    }

    async fn plan(&self, _: &SessionContext, _: CodeFile) -> Result<Vec<Step>, Failure> {
        nothing()
    }
}

/// One as it is on a machine that has everything.
fn known(of: RuntimeType) -> Arc<dyn Runtime> {
    let told = tui_support::runtime(of, true);
    let mut info = RuntimeInfo::unavailable(of, told.languages, nominal(of, 7));
    (info.available, info.version, info.path) = (true, told.version, told.path);
    info.isolation = tui_support::session("s", Language::Python, of).isolation;
    Arc::new(Known(info))
}

pub fn bench(criterion: &mut Criterion) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let home = tempfile::tempdir().unwrap();
    let engine = tokio.block_on(async {
        let runtimes = tui_support::RUNTIMES.map(known).to_vec();
        Embedded::new(EngineSettings::new(home.path().join("sessions")), runtimes).unwrap()
    });
    let mut group = criterion.benchmark_group("select (goal 1 µs)");
    let asked = |language, runtime_preference, runtime_type| SelectParams {
        language,
        runtime_preference,
        runtime_type,
    };
    for (name, params) in [
        ("python, balanced", asked(Language::Python, None, None)),
        ("javascript, balanced", asked(Language::JavaScript, None, None)),
        ("javascript, speed", asked(Language::JavaScript, Some(RuntimePreference::Speed), None)),
        ("javascript, on bun", asked(Language::JavaScript, None, Some(RuntimeType::Bun))),
    ] {
        group.bench_function(name, |bencher| {
            // One task makes all calls: to enter the runtime is no part of one.
            bencher.iter_custom(|calls| {
                tokio.block_on(async {
                    let begun = Instant::now();
                    for _ in 0..calls {
                        let _ = black_box(engine.select(black_box(params.clone())).await);
                    }
                    begun.elapsed()
                })
            });
        });
    }
    group.finish();
    tokio.block_on(engine.shutdown());
}
