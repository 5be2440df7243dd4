//! What the tests of benchmarks share.

use std::sync::Arc;
use std::time::Duration;

use codebeaker::bench::host::{Host, Noise};
use codebeaker::bench::report::{CodeFacts, EngineFacts, FORMAT, Method};
use codebeaker::bench::{
    Baseline, Digest, Lane, LaneProgress, Plan, Progress, Report, Series, Snapshot, Suite,
};
use codebeaker::protocol::RuntimeType;
use codebeaker::tui::{BenchMsg, BenchTask, Effect, Msg, Reading};
use crossterm::event::KeyCode;

use super::{Bench, key, typed};

/// A workbench that was asked to measure its sample on these runtimes.
pub fn asked(width: u16, height: u16, runtimes: &[RuntimeType]) -> Bench {
    begun(Bench::new(width, height), runtimes)
}

/// The same of one that was made otherwise.
pub fn begun(mut bench: Bench, runtimes: &[RuntimeType]) -> Bench {
    bench.found(runtimes).press([key(KeyCode::Esc)]).press(typed("b"));
    bench
}

/// What was asked last to be measured.
pub fn planned(bench: &Bench) -> (u32, Plan) {
    let of = |effect: &Effect| match effect {
        Effect::Bench(BenchTask::Measure { number, plan, .. }) => Some((*number, (**plan).clone())),
        _ => None,
    };
    bench.effects.iter().rev().find_map(of).expect("something is measured")
}

/// Tells that so many samples of each lane were taken, of those that were asked for.
pub fn told(bench: &mut Bench, taken: u32, live: bool) {
    told_against(bench, taken, live, None);
}

/// The same, compared with something.
pub fn told_against(bench: &mut Bench, taken: u32, live: bool, base: Option<Baseline>) {
    let (number, plan) = planned(bench);
    let reading = Box::new(reading(&plan, taken, live, base));
    bench.tell(Msg::Bench(BenchMsg::Told { number, reading }));
}

/// Figures of a plan: `taken` samples of each lane, 10 ms on the first lane, 20 on the next, and so on.
pub fn reading(plan: &Plan, taken: u32, live: bool, base: Option<Baseline>) -> Reading {
    let report = report(plan, taken, 1.0);
    let total = plan.samples(plan.suites[0]);
    let lane =
        |lane: &Lane| LaneProgress { lane: Some(*lane), done: taken, total, running: false, given_up: None };
    let lanes: Vec<LaneProgress> = plan.lanes.iter().map(lane).collect();
    let progress = Progress {
        suite: plan.suites.first().copied().filter(|_| live),
        done: taken * lanes.len() as u32,
        total: total * lanes.len() as u32,
        ended: if live { Vec::new() } else { vec![(plan.suites[0], lanes.clone())] },
        lanes: if live { lanes } else { Vec::new() },
        eta: Some(Duration::from_secs(3)),
        ..Progress::default()
    };
    let digest = Digest::of(&report, base.as_ref());
    let snapshot = Snapshot { report: Report { complete: !live && taken == total, ..report }, progress };
    Reading {
        snapshot: Arc::new(snapshot),
        digest: Arc::new(digest),
        base: base.map(Arc::new),
        live,
        cost: 2.5,
    }
}

/// What was measured, each lane so many times as long as usual.
pub fn report(plan: &Plan, taken: u32, slower: f64) -> Report {
    let mut series = Vec::new();
    for suite in &plan.suites {
        for (at, lane) in plan.lanes.iter().enumerate() {
            for (nth, case) in suite.cases().iter().enumerate() {
                let middle = 10.0 * (at + 1) as f64 * (4 * nth + 1) as f64 * slower;
                let sample = |n: u32| {
                    middle * (1.0 + f64::from(n * 7 % 10) / 50.0) + if n % 20 == 19 { middle } else { 0.0 }
                };
                series.push(Series {
                    samples: (0..taken).map(sample).collect(),
                    launches: (0..taken).map(|n| n / 5).collect(),
                    peak_memory_bytes: Some(41_000_000 + 1_000_000 * at as u64),
                    ..Series::new(*suite, *case, Some(*lane))
                });
            }
        }
    }
    let code = plan.code.as_ref();
    Report {
        format: FORMAT,
        tool: "codebeaker 0.1.0".to_owned(),
        name: None,
        started: "2026-11-26T14:02:00Z".to_owned(),
        seconds: 12.0,
        complete: true,
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
        code: code.map(|code| CodeFacts {
            name: code.name.clone(),
            language: code.language,
            bytes: code.text.len(),
            sha256: String::new(),
        }),
        series,
    }
}

/// One that was kept: everything took so many times as long.
pub fn kept(plan: &Plan, slower: f64) -> Baseline {
    let report = Report { name: Some("main".to_owned()), ..report(plan, 50, slower) };
    Baseline::Saved(Box::new(report))
}

/// Figures of another suite than the person's code, as the form asks for them.
pub fn suite(suite: Suite, lanes: Vec<Lane>) -> Plan {
    Plan { suites: vec![suite], lanes, samples: None, seed: 42, code: None }
}
