//! `codebeaker doctor`: what is here, what is not, and why.

use std::fmt::Write as _;
use std::process::ExitCode;

use futures_util::future::join_all;
use serde_json::json;

use crate::protocol::RuntimeInfo;

use super::args;
use super::exit::{self, Problem};
use super::surroundings::Surroundings;

/// Prints the report. Exit code 0 where at least one runtime is ready.
pub async fn doctor(args: args::Doctor) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    // The runtimes themselves, without an engine: it is asked just when that can't be had.
    let known = surroundings.runtimes();
    let runtimes: Vec<RuntimeInfo> = join_all(known.iter().map(|r| r.info(true))).await;
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
        if let Some(reason) = &runtime.reason {
            row("why", reason);
        }
        if let Some(fix) = &runtime.fix {
            row("fix", fix);
        }
    }
    // Native runtimes share one launcher, and so one set of layers.
    if let Some(runtime) = runtimes.first() {
        let isolation = &runtime.isolation;
        line(String::new());
        line(format!("isolation of native sessions: {} of 10   {}", isolation.score, isolation.letters));
        for layer in &isolation.layers {
            let mark = if layer.active { "✓" } else { "-" };
            line(format!("    {mark} {:<20} {}", layer.name, layer.detail).trim_end().to_owned());
        }
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
