//! The self-test: a session is launched as any other, and from inside it is tried to break out. What was seen counts,
//! nothing else.
//!
//! How it is launched, and what its layers are called for, is each runtime's own.

mod host;
mod seen;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::host::{Host, Place};
pub use self::seen::Seen;
use crate::agent::wire::{Exit, Limit};
use crate::agent::{Agent, ProcessEvent};
use crate::engine::{LaunchSpec, Meter};
use crate::protocol::{EnvironmentId, Language, SessionLimits};

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(20);
/// How long everything may take to end when its engine goes away.
pub const END_TIME: Duration = Duration::from_secs(2);
const MEMORY_MB: u64 = 32;
const PROCESSES: u64 = 12;
const WORKSPACE: u64 = 1 << 20;
const FILES: u64 = 64;
/// A fifth of a processor: whoever turns for longer than a fifth of a tenth of a second is made to wait.
const CPU_SHARES: u64 = 205;
const SPIN_MS: u64 = 120;
/// For how long it turns where nobody outside can tell.
const LONG_SPIN_MS: u64 = 1000;
/// Questions that go to one program.
const PART: usize = 26;
const AF_VSOCK: u32 = 40;

/// A session that is tried.
pub struct Subject<'a> {
    /// The host's end of its pipe.
    pub agent: &'a Agent,
    /// It has a root of its own.
    pub own_root: bool,
    /// Its workspace, as its programs name it.
    pub workspace: String,
    /// What this machine tells of it.
    pub meter: Option<&'a Arc<dyn Meter>>,
    /// A process outside that it must not reach, besides our own.
    pub outsider: Option<u32>,
}

/// What a session that only tries is launched for: little of everything, so that it is quick to reach it.
pub fn spec(directory: PathBuf, network: bool) -> LaunchSpec {
    let limits = SessionLimits {
        processes: Some(PROCESSES),
        cpu_shares: Some(CPU_SHARES),
        workspace_bytes: Some(WORKSPACE),
        workspace_files: Some(FILES),
        ..SessionLimits::default()
    };
    LaunchSpec {
        environment_id: EnvironmentId::random(),
        directory,
        language: Language::Python,
        network,
        memory_limit_mb: MEMORY_MB,
        limits,
        image: None,
    }
}

/// Why nothing was seen of a session that has not answered in time: that may be the machine's doing.
pub const SILENT: &str = "it does not answer";

/// Asks a session what it can do, within a time.
pub async fn look(subject: &Subject<'_>, host: &Host) -> Result<Seen, String> {
    tokio::time::timeout(TIME, ask(subject, host)).await.map_err(|_| SILENT.to_owned())?
}

/// Tries that a session which was given the network was given nothing else. Error: what could be done.
pub async fn look_beyond_network(subject: &Subject<'_>, host: &Host) -> Result<(), String> {
    let asked = [
        format!("read {}", host.canary.display()),
        format!("read {}", host.open().display()),
        format!("unix {}", host.socket.display()),
        format!("abstract {}", host.hidden),
        format!("socket {AF_VSOCK}"),
        "read /etc/shadow".to_owned(),
        "unshare".to_owned(),
        "ptrace 1".to_owned(),
    ];
    let questions = asked.iter().map(|question| question.clone().into_bytes()).collect();
    let answered = tokio::time::timeout(TIME, answer(subject, questions)).await;
    let (text, _) = answered.map_err(|_| SILENT.to_owned())??;
    let mut answers = text.lines();
    let done = asked.iter().find(|_| answers.next().is_none_or(|answer| answer.starts_with("0 ")));
    done.map_or(Ok(()), |question| Err(format!("it could do this: {question}")))
}

/// Asks a session what it can do.
async fn ask(subject: &Subject<'_>, host: &Host) -> Result<Seen, String> {
    let me = std::process::id();
    let tcp = host.tcp.local_addr().map_or(0, |a| a.port());
    let udp = host.udp.local_addr().map_or(0, |a| a.port());
    let workspace = &subject.workspace;
    let canary = host.canary.display();
    let open = host.open().display();
    let mut questions: Vec<(&'static str, String)> = vec![
        ("read", format!("read {canary}")),
        ("stat", format!("stat {canary}")),
        ("change", format!("write {canary}")),
        ("open", format!("read {open}")),
        ("shadow", "read /etc/shadow".into()),
        ("workspace", format!("write {workspace}/probe")),
        ("tcp", format!("tcp {tcp}")),
        ("udp", format!("udp {udp}")),
        ("unix", format!("unix {}", host.socket.display())),
        ("abstract", format!("abstract {}", host.hidden)),
        ("vsock", format!("socket {AF_VSOCK}")),
        ("inet", "socket 2".into()),
        ("kill", format!("kill {me}")),
        ("launcher", format!("kill {}", subject.outsider.unwrap_or(me))),
        ("agent", "kill 1".into()),
        ("parent", "parent".into()),
        ("proc", format!("stat /proc/{me}")),
        ("init", "read /proc/1/environ".into()),
        ("unshare", "unshare".into()),
        ("ptrace", "ptrace 1".into()),
        ("comm", "write /proc/self/comm".into()),
        ("capabilities", "field CapEff".into()),
        ("user", "field Uid".into()),
        ("map", "show /proc/self/uid_map".into()),
        ("privileges", "field NoNewPrivs".into()),
        ("limits", "limits".into()),
        ("environment", "environment".into()),
        ("fork", format!("fork {}", 2 * PROCESSES)),
        ("leave", "leave".into()),
    ];
    if subject.own_root {
        // Elsewhere the agent would end whoever does that, and whoever comes after it and has taken nothing.
        questions.push(("fill", format!("fill {workspace}/large {}", 4 * WORKSPACE)));
        questions.push(("files", format!("files {workspace} {}", 2 * FILES)));
    }
    let mut seen = Seen::default();
    // Not all in one program: one that is ended for what it tried takes the answers after it along.
    for part in questions.chunks(PART) {
        let (text, _) = answer(subject, part.iter().map(|(_, q)| q.clone().into_bytes()).collect()).await?;
        for ((name, _), line) in part.iter().zip(text.lines()) {
            let (errno, detail) = line.split_once(' ').unwrap_or((line, ""));
            seen.answers.insert(name, (errno.parse().unwrap_or(0), detail.to_owned()));
        }
    }
    seen.left_behind = subject.agent.usage().await.map_err(|e| e.to_string())?.processes;
    let bytes = (MEMORY_MB + MEMORY_MB / 2) << 20;
    seen.memory_held = match subject.meter {
        Some(meter) => {
            let before = meter.read().memory_kills;
            let (text, _) = answer(subject, vec![format!("memory {bytes}").into_bytes()]).await?;
            text.contains("signal 9") && meter.read().memory_kills > before
        }
        None => {
            let (_, exit) = answer(subject, vec![format!("hold {bytes}").into_bytes()]).await?;
            exit.limit == Some(Limit::Memory)
        }
    };
    let Some(meter) = subject.meter else {
        // By what the agent has seen of a longer time, in which the last tenth of a second counts for little.
        let (_, exit) = answer(subject, vec![format!("spin {LONG_SPIN_MS}").into_bytes()]).await?;
        seen.processors_held = exit.cpu_us * 1024 <= exit.wall_us * (CPU_SHARES + CPU_SHARES / 4);
        seen.workspace_works = seen.errno("workspace") == Some(0);
        return Ok(seen);
    };
    let (before, begun) = (meter.read(), Instant::now());
    answer(subject, vec![format!("spin {SPIN_MS}").into_bytes()]).await?;
    let (after, time) = (meter.read(), begun.elapsed());
    let used = after.cpu_us.zip(before.cpu_us).map(|(after, before)| after.saturating_sub(before));
    // On a machine with much to do it may not even get as much as it may have.
    let within =
        used.is_some_and(|used| u128::from(used) * 1024 <= time.as_micros() * u128::from(CPU_SHARES));
    seen.processors_held = after.throttled > before.throttled || within;
    seen.workspace_works = seen.errno("workspace") == Some(0);
    Ok(seen)
}

/// What a program answers to these, and how it ended.
async fn answer(subject: &Subject<'_>, questions: Vec<Vec<u8>>) -> Result<(String, Exit), String> {
    let mut process = subject.agent.probe(questions).await.map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    loop {
        match process.next().await.map_err(|e| e.to_string())? {
            ProcessEvent::Stdout(data) => text.extend_from_slice(&data),
            ProcessEvent::Exited(exit) => return Ok((String::from_utf8_lossy(&text).into_owned(), exit)),
            _ => {}
        }
    }
}
