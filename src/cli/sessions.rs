//! `codebeaker sessions`: the sessions of a server, seen and closed from the command line.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::json;

use crate::engine::Engine;
use crate::protocol::{Failure, SessionInfo, SessionStats};
use crate::server::LISTEN;

use super::args::{Sessions, SessionsVerb};
use super::connect::Reached;
use super::exit::{self, Problem, harmless};
use super::surroundings::Surroundings;

/// Does what is asked of a server's sessions; without an address, of the one on this machine.
pub async fn sessions(args: Sessions) -> Result<ExitCode, Problem> {
    let json = args.json;
    let outcome = perform(args).await;
    if let (true, Err(problem)) = (json, &outcome) {
        problem.print()?;
    }
    outcome
}

async fn perform(args: Sessions) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    // The engine in this process has no sessions yet: only a server's can be meant.
    let address =
        args.attach.clone().filter(|address| !address.trim().is_empty()).unwrap_or_else(|| LISTEN.to_owned());
    let reached = Reached::at(Some(&address), &surroundings).await?;
    let done = match &args.verb {
        SessionsVerb::List => list(reached.engine.as_ref(), args.json).await,
        SessionsVerb::Show { session } => show(reached.engine.as_ref(), session, args.json).await,
        SessionsVerb::Close { sessions, all } => {
            close(reached.engine.as_ref(), sessions, *all, args.json).await
        }
    };
    reached.end().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(engine: &dyn Engine, json: bool) -> Result<(), Problem> {
    let sessions = engine.sessions().await?;
    if json {
        let list = json!({ "count": sessions.len(), "sessions": sessions });
        return exit::print(&format!("{list:#}\n"));
    }
    if sessions.is_empty() {
        return exit::print("no sessions\n");
    }
    let mut text = format!(
        "{:<10}{:<12}{:<9}{:<9}{:>5}{:>10}{:>10}  name\n",
        "session", "language", "runtime", "state", "runs", "idle", "age"
    );
    for session in &sessions {
        let _ = writeln!(
            text,
            "{:<10}{:<12}{:<9}{:<9}{:>5}{:>10}{:>10}  {}",
            harmless(session.session_id.short()),
            session.language,
            harmless(&session.runtime),
            session.state,
            session.execution_count,
            minutes(session.idle_minutes),
            minutes(session.lifetime_minutes),
            harmless(session.name.as_deref().unwrap_or("-")),
        );
    }
    exit::print(&text)
}

async fn show(engine: &dyn Engine, wanted: &str, json: bool) -> Result<(), Problem> {
    let session = find(engine.sessions().await?, wanted)?;
    // Not every server tells.
    let stats: Result<SessionStats, Failure> = engine.stats(&session.session_id).await;
    if json {
        let object = json!({ "session": session, "stats": stats.ok() });
        return exit::print(&format!("{object:#}\n"));
    }
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    line("session", harmless(&session.session_id.0));
    if let Some(name) = &session.name {
        line("name", harmless(name));
    }
    line("language", session.language.title().to_owned());
    line("runtime", harmless(&session.runtime));
    line("state", session.state.to_string());
    line("created", harmless(&session.created_at));
    line("active", format!("{} ago, {} commands", minutes(session.idle_minutes), session.execution_count));
    let config = &session.config;
    line(
        "time-outs",
        format!("idle {} min, life {} min", config.idle_timeout_minutes, config.max_lifetime_minutes),
    );
    line("network", if config.network { "on" } else { "off" }.to_owned());
    let isolation = &session.isolation;
    let score = match isolation.tier.as_str() {
        "" => "not known".to_owned(),
        tier => format!("{} of 10, {} ({})", isolation.score, harmless(tier), harmless(&isolation.letters)),
    };
    line("isolation", score);
    match stats {
        Ok(stats) => {
            let number = |value: Option<u64>, unit: &str| {
                value.map_or_else(|| "?".to_owned(), |value| format!("{value}{unit}"))
            };
            line("cpu", number(stats.cpu_ms, " ms"));
            let memory = |bytes: Option<u64>| number(bytes.map(|bytes| bytes.div_ceil(1 << 20)), " MB");
            line(
                "memory",
                format!("{}, peak {}", memory(stats.memory_bytes), memory(stats.peak_memory_bytes)),
            );
            line("processes", number(stats.processes.map(u64::from), ""));
            line("workspace", number(stats.workspace_bytes, " B"));
        }
        Err(failure) => line("usage", format!("not known: {}", harmless(&failure.message))),
    }
    exit::print(&text)
}

async fn close(engine: &dyn Engine, wanted: &[String], all: bool, json: bool) -> Result<(), Problem> {
    let known = engine.sessions().await?;
    let meant = if all {
        known
    } else {
        let found: Result<Vec<SessionInfo>, Problem> =
            wanted.iter().map(|wanted| find(known.clone(), wanted)).collect();
        found?
    };
    let mut closed = Vec::new();
    for session in meant {
        engine.close_session(&session.session_id).await?;
        closed.push(session.session_id);
    }
    if json {
        return exit::print(&format!("{:#}\n", json!({ "closed": closed })));
    }
    let lines: String = closed.iter().map(|id| format!("closed {}\n", harmless(&id.0))).collect();
    exit::print(if lines.is_empty() { "no sessions\n" } else { &lines })
}

/// The session whose id or name is this, or whose id alone begins so.
fn find(known: Vec<SessionInfo>, wanted: &str) -> Result<SessionInfo, Problem> {
    let exact = |s: &SessionInfo| s.session_id.0 == wanted || s.name.as_deref() == Some(wanted);
    if let Some(session) = known.iter().find(|s| exact(s)) {
        return Ok(session.clone());
    }
    let mut like = known.into_iter().filter(|s| !wanted.is_empty() && s.session_id.0.starts_with(wanted));
    match (like.next(), like.next()) {
        (Some(session), None) => Ok(session),
        (Some(_), Some(_)) => {
            let message = format!("more than one session begins with {wanted}");
            Err(Problem::new(message, "give more of its id"))
        }
        _ => {
            Err(Problem::new(format!("there is no session {wanted}"), "codebeaker sessions list names them"))
        }
    }
}

fn minutes(minutes: f64) -> String {
    match minutes {
        m if m < 1.0 => format!("{:.0} s", m * 60.0),
        m if m < 120.0 => format!("{m:.0} min"),
        m => format!("{:.1} h", m / 60.0),
    }
}
