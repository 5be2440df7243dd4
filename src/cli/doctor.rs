//! `codebeaker doctor`: what is here, what is not, and why.

use std::fmt::Write as _;
use std::process::ExitCode;

use futures_util::future::join_all;
use serde_json::json;

use crate::protocol::{Capabilities, IsolationReport, RuntimeInfo};

use super::args;
use super::calibration::CalibrationFile;
use super::exit::{self, Problem};
use super::surroundings::{Surroundings, end};

/// Prints the report. Exit code 0 where at least one runtime is ready.
pub async fn doctor(args: args::Doctor) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?.for_one_session();
    // The runtimes themselves, without an engine: it is asked just when that can't be had.
    let known = surroundings.runtimes();
    let mut runtimes: Vec<RuntimeInfo> = join_all(known.iter().map(|r| r.info(true))).await;
    end(&known).await;
    let calibration = CalibrationFile::of(&surroundings.paths).read();
    runtimes.iter_mut().for_each(|info| calibration.tell(info));
    if let Some(minimum) = surroundings.settings.minimum_isolation {
        for runtime in runtimes.iter_mut().filter(|r| r.available && r.isolation.score < minimum) {
            runtime.available = false;
            let score = runtime.isolation.score;
            runtime.reason = Some(format!("isolation {score} of 10 is below minimum_isolation = {minimum}"));
            runtime.fix = Some(format!("minimum_isolation = {score} in config.toml accepts it"));
        }
    }
    let ready = runtimes.iter().any(|r| r.available);
    if args.json {
        let report = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": ready,
            "agent": { "linkage": crate::engine::AGENT_LINKAGE },
            "paths": {
                "config": surroundings.paths.config, "data": surroundings.paths.data, "state": surroundings.paths.state,
            },
            "warnings": surroundings.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "runtimes": runtimes,
        });
        exit::print(&format!("{report:#}\n"))?;
    } else {
        exit::print(&text(&surroundings, &runtimes))?;
    }
    Ok(if ready { ExitCode::SUCCESS } else { exit::code(125) })
}

/// Writes the report beside the logs, where the workbench asks for it.
pub fn to_file(surroundings: Surroundings) -> crate::tui::Report {
    std::sync::Arc::new(move |runtimes| {
        let path = surroundings.paths.state.join("doctor.txt");
        let written = std::fs::create_dir_all(&surroundings.paths.state)
            .and_then(|()| std::fs::write(&path, text(&surroundings, runtimes)));
        written.map(|()| path).map_err(|e| crate::engine::system_words(&e))
    })
}

fn text(surroundings: &Surroundings, runtimes: &[RuntimeInfo]) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    let ready = runtimes.iter().filter(|r| r.available).count();
    line(format!("codebeaker {}", env!("CARGO_PKG_VERSION")));
    line(String::new());
    line(match ready {
        0 => "no runtime is ready".into(),
        n => format!("{n} of {} runtimes ready", runtimes.len()),
    });
    for runtime in runtimes {
        line(String::new());
        let mark = if runtime.available { "✓" } else { "✗" };
        let version = runtime.version.as_deref().unwrap_or("not available");
        line(format!("{mark} {:<14} {version}", runtime.runtime));
        let languages: Vec<&str> = runtime.languages.iter().map(|l| l.title()).collect();
        let mut row = |name: &str, value: &str| line(format!("    {name:<10} {value}"));
        row("languages", &languages.join(", "));
        if let Some(path) = &runtime.path {
            row("path", path);
        }
        for cost in costs(runtime) {
            row("cost", &cost);
        }
        if let Some(reason) = &runtime.reason {
            row("why", reason);
        }
        if let Some(fix) = &runtime.fix {
            row("fix", fix);
        }
    }
    for text in isolation(runtimes, surroundings.settings.minimum_isolation) {
        line(text);
    }
    line(String::new());
    for (name, path) in [
        ("settings", surroundings.paths.settings_file()),
        ("runtimes", surroundings.paths.data.join("runtimes")),
        ("sessions", surroundings.paths.state.join("sessions")),
    ] {
        line(format!("{name:<10} {}", path.display()));
    }
    if crate::engine::AGENT_LINKAGE == "dynamic" {
        line("note: the agent is linked dynamically: build with a static C library for containers".into());
    }
    for warning in &surroundings.warnings {
        line(format!("warning: {warning}"));
    }
    out
}

/// What a session costs: as it was measured, a line for each language, or what is assumed until then.
fn costs(runtime: &RuntimeInfo) -> Vec<String> {
    let cost = |of: Capabilities, how: &str| {
        format!("start {:.0} ms, {:.0} MB ({how})", of.startup_time_ms, of.memory_overhead_mb)
    };
    if !runtime.available {
        return Vec::new();
    }
    if runtime.measured.is_empty() {
        return vec![cost(runtime.capabilities, "nominal: codebeaker calibrate measures")];
    }
    let day = |at: &str| at.split('T').next().unwrap_or_default().to_owned();
    let measured = runtime.measured.iter();
    measured
        .map(|(language, of)| {
            cost(runtime.figures(*language), &format!("measured {}, {language}", day(&of.at)))
        })
        .collect()
}

/// What isolates sessions: told once where all runtimes have the same, else for each kind of isolation there is.
fn isolation(runtimes: &[RuntimeInfo], minimum: Option<u8>) -> Vec<String> {
    let mut kinds: Vec<(Vec<String>, &IsolationReport)> = Vec::new();
    // Of one that can't be had nothing is known.
    for runtime in runtimes.iter().filter(|runtime| !runtime.isolation.layers.is_empty()) {
        let name = runtime.runtime.to_string();
        match kinds.iter_mut().find(|(_, isolation)| **isolation == runtime.isolation) {
            Some((names, _)) => names.push(name),
            None => kinds.push((vec![name], &runtime.isolation)),
        }
    }
    let alone = kinds.len() == 1;
    let mut lines = Vec::new();
    for (names, isolation) in kinds {
        // Native runtimes share one launcher, and so one set of layers.
        let of = if alone { "all".to_owned() } else { names.join(", ") };
        let IsolationReport { score, letters, tier, weakened, layers } = isolation;
        let tier = if tier.is_empty() { String::new() } else { format!("   ({tier})") };
        lines.push(String::new());
        lines.push(format!("isolation of {of} sessions: {score} of 10   {letters}{tier}"));
        if let Some(minimum) = minimum.filter(|minimum| score < minimum) {
            lines.push(format!("    ✗ below minimum_isolation = {minimum}: no such session is created"));
        }
        if !weakened.is_empty() {
            lines.push(format!("    a stronger wall does not hold here: {weakened}"));
        }
        for layer in layers {
            let mark = if layer.active { "✓" } else { "-" };
            lines.push(format!("    {mark} {:<20} {}", layer.name, layer.detail).trim_end().to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nominal;
    use crate::protocol::{Language, LayerReport, Measured, RuntimeType};

    fn runtime(runtime: RuntimeType, score: u8, tier: &str) -> RuntimeInfo {
        let layer = |name: &str, active| LayerReport {
            name: name.into(),
            active,
            detail: if active { String::new() } else { "the kernel has none".into() },
        };
        RuntimeInfo {
            ready: None,
            runtime,
            available: true,
            version: None,
            path: None,
            reason: None,
            fix: None,
            fetchable: false,
            languages: Vec::new(),
            fetchable_languages: Vec::new(),
            capabilities: nominal(runtime, score),
            measured: Default::default(),
            isolation: IsolationReport {
                score,
                letters: "F2 N2 P2 R2 K1".into(),
                tier: tier.into(),
                weakened: String::new(),
                layers: vec![layer("user namespace", true), layer("seccomp", false)],
            },
        }
    }

    #[test]
    fn costs_are_told_as_measured_or_as_nominal() {
        let mut bun = runtime(RuntimeType::Bun, 9, "namespaces");
        assert_eq!(costs(&bun), ["start 50 ms, 25 MB (nominal: codebeaker calibrate measures)"]);
        let at = "2026-11-26T10:00:00Z".to_owned();
        let measured =
            Measured { startup_time_ms: 12.4, memory_overhead_mb: 8.1, isolation_level: 9, samples: 7, at };
        bun.measured = [(Language::TypeScript, measured)].into();
        assert_eq!(costs(&bun), ["start 12 ms, 8 MB (measured 2026-11-26, typescript)"]);
        bun.available = false;
        assert!(costs(&bun).is_empty());
    }

    #[test]
    fn isolation_is_told_once_where_it_is_the_same() {
        let same = [runtime(RuntimeType::Deno, 9, "namespaces"), runtime(RuntimeType::Bun, 9, "namespaces")];
        assert_eq!(
            isolation(&same, Some(9)),
            [
                "",
                "isolation of all sessions: 9 of 10   F2 N2 P2 R2 K1   (namespaces)",
                "    ✓ user namespace",
                "    - seccomp              the kernel has none",
            ]
        );
        let others = [runtime(RuntimeType::Deno, 9, "namespaces"), runtime(RuntimeType::Docker, 4, "")];
        let told = isolation(&others, Some(8));
        assert_eq!(told[1], "isolation of Deno sessions: 9 of 10   F2 N2 P2 R2 K1   (namespaces)");
        assert_eq!(told[5], "isolation of Docker sessions: 4 of 10   F2 N2 P2 R2 K1");
        assert_eq!(told[6], "    ✗ below minimum_isolation = 8: no such session is created");
    }
}
