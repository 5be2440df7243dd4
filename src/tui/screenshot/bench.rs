//! The demo's benchmark: the figures of an ordinary machine, as an example, the same each time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::bench::host::{Host, Noise};
use crate::bench::report::{EngineFacts, FORMAT, Method};
use crate::bench::{Baseline, Digest, Lane, LaneProgress, Plan, Progress, Report, Series, Snapshot, Suite};
use crate::protocol::{Phases, RuntimeType};
use crate::tui::bench::Reading;

/// Samples of each lane, those of the last one still to come.
const ALL: u32 = 50;
const DONE: u32 = 41;
/// Sessions that they are spread over.
const LAUNCHES: u32 = 10;

/// What there is of a benchmark of this plan: one of its lanes is not done yet.
pub(super) fn reading(plan: &Plan) -> Reading {
    static READING: OnceLock<Reading> = OnceLock::new();
    READING.get_or_init(|| read(plan)).clone()
}

fn read(plan: &Plan) -> Reading {
    let mut before = report(plan, 7, 1.0);
    (before.name, before.started) = (Some("main".to_owned()), "2026-11-21T09:14:00Z".to_owned());
    let base = Baseline::Saved(Box::new(before));
    let report = report(plan, 42, 1.12);
    let digest = Digest::of(&report, Some(&base));
    let lane = |(at, lane): (usize, &Lane)| {
        let done = if at + 1 == plan.lanes.len() { DONE } else { ALL };
        LaneProgress { lane: Some(*lane), done, total: ALL, running: done < ALL, given_up: None }
    };
    let lanes: Vec<LaneProgress> = plan.lanes.iter().enumerate().map(lane).collect();
    let progress = Progress {
        suite: Some(Suite::Code),
        done: lanes.iter().map(|lane| lane.done).sum(),
        total: lanes.iter().map(|lane| lane.total).sum(),
        lanes,
        eta: Some(Duration::from_secs(3)),
        ..Progress::default()
    };
    let snapshot = Arc::new(Snapshot { report, progress });
    Reading { snapshot, digest: Arc::new(digest), base: Some(Arc::new(base)), live: true, cost: 3.1 }
}

fn report(plan: &Plan, seed: u32, deno: f64) -> Report {
    let mut series = Vec::new();
    for (at, lane) in plan.lanes.iter().enumerate() {
        let many = if at + 1 == plan.lanes.len() { DONE } else { ALL };
        let (warm, cold, megabytes) = match lane.runtime {
            RuntimeType::Docker => (61.0, 498.0, 212),
            RuntimeType::Deno => (24.4 * deno, 81.0, 58),
            RuntimeType::Bun | RuntimeType::NativeProcess => (12.0, 48.0, 41),
        };
        let seed = seed + u32::try_from(at).unwrap_or(0);
        for (case, middle, n) in [(0, warm, many), (1, cold, LAUNCHES)] {
            let Some(case) = Suite::Code.cases().get(case) else { continue };
            let samples = samples(n, middle, seed);
            let phases = |ms: &f64| match lane.runtime {
                RuntimeType::Docker => {
                    Phases { queue_ms: 0.2, launch_ms: 2.9, run_ms: ms - 3.9, collect_ms: 0.8 }
                }
                _ => Phases { queue_ms: 0.2, launch_ms: 1.1, run_ms: ms - 1.4, collect_ms: 0.1 },
            };
            series.push(Series {
                warm_ups: 2 * LAUNCHES,
                launches: (0..n).map(|sample| sample * LAUNCHES / n).collect(),
                phases: if case.name == "warm" { samples.iter().map(phases).collect() } else { Vec::new() },
                samples,
                peak_memory_bytes: Some(megabytes * 1_000_000),
                ..Series::new(Suite::Code, *case, Some(*lane))
            });
        }
    }
    let code = plan.code.as_ref().map(crate::bench::report::CodeFacts::of);
    Report {
        format: FORMAT,
        tool: "codebeaker 0.1.0".to_owned(),
        name: None,
        started: "2026-11-26T14:02:00Z".to_owned(),
        seconds: 14.2,
        complete: false,
        method: Method {
            suites: plan.suites.clone(),
            samples: plan.samples,
            seed: plan.seed,
            words: "interleaved, 2 warm-ups of each session dropped, monotonic clock, seed 42".to_owned(),
        },
        engine: EngineFacts { place: "local".to_owned(), ..EngineFacts::default() },
        host: Host { processors: 2, ..Host::default() },
        noise: Noise { load_before: Some(2.4), ..Noise::default() },
        environments: Vec::new(),
        code,
        series,
    }
}

/// So many figures about a middle, skewed as times are, with one of them far off.
fn samples(n: u32, middle: f64, seed: u32) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2_654_435_761);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1_u32 << 24)
    };
    (0..n)
        .map(|at| {
            let (a, b) = (next(), next());
            let far = if at % 23 == 19 { 0.5 } else { 0.0 };
            middle * (0.94 + 0.08 * a + 0.2 * b.powi(4) + far)
        })
        .collect()
}
