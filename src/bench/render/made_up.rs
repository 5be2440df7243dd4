//! Reports for tests, with everything in them that is hard to show.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bench::host::{Host, Noise};
use crate::bench::plan::Lane;
use crate::bench::report::{CodeFacts, EngineFacts, EnvironmentFacts, FORMAT, Method, Report, Series};
use crate::bench::suite::Suite;
use crate::protocol::{
    IsolationReport, Language, LayerReport, Phases, RuntimeType, SessionConfig, SessionLimits,
};

/// What a hostile program may say.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script> | \"quoted\", 'so' \u{1b}[31mred\u{1b}[0m\u{9b}2J\r\n=cmd()|`x` \\| \u{202e}txt ]]> & -- \u{0}";

/// Lanes of a usual machine.
pub(crate) const LANES: [Lane; 4] = [
    Lane { runtime: RuntimeType::Bun, language: Language::JavaScript },
    Lane { runtime: RuntimeType::Deno, language: Language::JavaScript },
    Lane { runtime: RuntimeType::Docker, language: Language::JavaScript },
    Lane { runtime: RuntimeType::NativeProcess, language: Language::Python },
];

/// A whole report. `slower` makes every sample so many times as much.
pub(crate) fn report(name: Option<&str>, slower: f64) -> Report {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let mut series = Vec::new();
    let scale = [1.0, 2.0, 9.0, 3.1];
    for (suite, lanes, middle, n) in [
        (Suite::Create, 4, 44.0, 20),
        (Suite::Exec, 4, 12.0, 50),
        (Suite::Files, 3, 0.41, 20),
        (Suite::Select, 0, 0.0021, 20),
        (Suite::Oneshot, 4, 58.0, 20),
        (Suite::Output, 2, 410.0, 4),
        (Suite::Concurrency, 2, 21.0, 5),
        (Suite::Memory, 3, 28.0, 10),
        (Suite::Code, 3, 33.0, 100),
    ] {
        let lanes: Vec<Option<Lane>> =
            if lanes == 0 { vec![None] } else { LANES[..lanes].iter().copied().map(Some).collect() };
        for (at, lane) in lanes.into_iter().enumerate() {
            for (i, case) in suite.cases().iter().enumerate() {
                let mut one = Series::new(suite, *case, lane);
                let middle = middle * scale[at] * (1.0 + i as f64 * 0.6) * slower;
                for sample in 0..n {
                    let noise: f64 = (0..6).map(|_| rng.random::<f64>()).sum::<f64>() / 6.0 + 0.5;
                    let tail = if rng.random::<f64>() > 0.96 { 1.9 } else { 1.0 };
                    one.samples.push(middle * noise * tail);
                    one.launches.push(sample / 10);
                    if matches!(suite, Suite::Exec | Suite::Code) && i == 0 {
                        let ms = middle * noise;
                        let docker = if at == 2 { 0.6 } else { 0.06 };
                        let (launch, rest) = (ms * docker, ms * (1.0 - docker));
                        one.phases.push(Phases {
                            queue_ms: 0.04,
                            launch_ms: launch,
                            run_ms: rest * 0.96,
                            collect_ms: rest * 0.04,
                        });
                    }
                }
                one.warm_ups = 5;
                one.peak_memory_bytes = (suite != Suite::Select).then(|| (41e6 * scale[at]) as u64);
                series.push(one);
            }
        }
    }
    // One lane failed twice, one was given up before it had a sample, one after.
    let given_up = LANES[3];
    for one in &mut series {
        if one.lane == Some(given_up) && one.suite == Suite::Oneshot {
            one.samples.clear();
            one.launches.clear();
            (one.failures, one.reason) = (3, Some(HOSTILE.into()));
        }
        if one.lane == Some(LANES[1]) && one.suite == Suite::Exec {
            (one.failures, one.reason) = (2, Some("time limit of 10 s".into()));
        }
    }
    Report {
        format: FORMAT,
        tool: "codebeaker 0.1.0".into(),
        name: name.map(Into::into),
        started: "2026-11-26T09:14:05.1234567Z".into(),
        seconds: 203.4,
        complete: false,
        method: Method {
            suites: vec![Suite::Create, Suite::Exec, Suite::Files, Suite::Select, Suite::Oneshot],
            samples: None,
            seed: 42,
            words: "interleaved, 5 warm-ups of each session dropped, monotonic clock, seed 42".into(),
        },
        engine: EngineFacts {
            place: "local".into(),
            version: "CodeBeaker 0.1.0".into(),
            pool: Some(false),
            threads: 1,
        },
        host: Host {
            name: "workshop".into(),
            system: "Debian GNU/Linux 12 (bookworm)".into(),
            kernel: "6.1.0-28-amd64".into(),
            architecture: "x86_64".into(),
            processor: "AMD EPYC 7B13".into(),
            processors: 2,
            memory_mb: Some(8_210),
        },
        noise: Noise {
            load_before: Some(2.4),
            load_after: Some(1.9),
            steal: Some(0.001),
            yardstick: Some(0.4),
        },
        environments: LANES.map(environment).into(),
        code: Some(CodeFacts {
            name: "sum <of> it's.ts".into(),
            language: Language::TypeScript,
            bytes: 1204,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        }),
        series,
    }
}

fn environment(lane: Lane) -> EnvironmentFacts {
    let layer = |name: &str, active| LayerReport { name: name.into(), active, detail: String::new() };
    EnvironmentFacts {
        lane,
        version: (lane.runtime != RuntimeType::NativeProcess).then(|| "1.3.1".into()),
        isolation: IsolationReport {
            score: 8,
            letters: "F2 N2 P2 R1 K1".into(),
            tier: "namespaces".into(),
            weakened: "no cgroup may be made".into(),
            layers: vec![layer("user namespace", true), layer("seccomp", true), layer("cgroup", false)],
        },
        config: Some(SessionConfig {
            idle_timeout_minutes: 30,
            max_lifetime_minutes: 120,
            memory_limit_mb: Some(512),
            network: false,
        }),
        limits: SessionLimits {
            timeout_ms: Some(30_000),
            processes: Some(64),
            workspace_bytes: Some(64 << 20),
            ..SessionLimits::default()
        },
    }
}

/// One in which every text says `text`.
pub(crate) fn saying(text: &str) -> Report {
    let mut report = report(Some(text), 1.0);
    report.series.retain(|series| series.suite == Suite::Exec || series.suite == Suite::Create);
    for series in &mut report.series {
        series.samples.truncate(6);
        series.launches.truncate(6);
        series.phases.truncate(6);
        series.case = text.into();
        series.reason = Some(text.into());
    }
    for facts in &mut report.environments {
        facts.version = Some(text.into());
        facts.isolation.letters = text.into();
        facts.isolation.tier = text.into();
        facts.isolation.weakened = text.into();
        facts.isolation.layers.iter_mut().for_each(|layer| layer.name = text.into());
    }
    if let Some(code) = &mut report.code {
        (code.name, code.sha256) = (text.into(), text.into());
    }
    (report.tool, report.started, report.method.words) = (text.into(), text.into(), text.into());
    (report.engine.place, report.engine.version) = (text.into(), text.into());
    let host = &mut report.host;
    (host.name, host.system, host.kernel) = (text.into(), text.into(), text.into());
    (host.architecture, host.processor) = (text.into(), text.into());
    report
}
