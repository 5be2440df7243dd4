//! The self-test: a session is launched as any other, and from inside it is tried to break out. What was seen counts,
//! nothing else.

mod host;
mod seen;

use std::path::Path;
use std::time::{Duration, Instant};

use self::host::{Host, Place};
use self::seen::{Seen, detail, why};
use super::launch::{self, Launched, Wall};
use crate::agent::ProcessEvent;
use crate::agent::wire::{Exit, Limit};
use crate::engine::{LaunchSpec, Teardown};
use crate::protocol::{EnvironmentId, Language, SessionLimits};
use crate::sandbox::{self, Layer, ReportedLayer, Tier};

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(20);
/// How long everything may take to end when its engine goes away.
const END_TIME: Duration = Duration::from_secs(2);
const MEMORY_MB: u64 = 32;
const PROCESSES: u64 = 12;
const WORKSPACE: u64 = 1 << 20;
const FILES: u64 = 64;
/// A fifth of a processor: whoever turns for longer than a fifth of a tenth of a second is made to wait.
const CPU_SHARES: u64 = 205;
const SPIN_MS: u64 = 120;
/// Questions that go to one program.
const PART: usize = 26;
const AF_VSOCK: u32 = 40;

/// What is known to be missing before a wall is tried.
pub struct Missing<'a> {
    /// Why there is no control group, where there is none.
    pub groups: Option<&'a str>,
    /// Why a stronger wall does not hold, where one was tried.
    pub stronger: Option<&'a str>,
}

/// Tries a wall. Error: it can't be built, or does not let work what must, in a few words.
pub async fn run(
    launcher: &Path,
    state: Option<&Path>,
    wall: Wall<'_>,
    missing: &Missing<'_>,
) -> Result<Vec<ReportedLayer>, String> {
    let place = Place::make(state).map_err(|e| format!("no directory to try it in: {e}"))?;
    let host = Host::listen(&place.0).map_err(|e| format!("nothing to reach can be set up: {e}"))?;
    let launched = launched(launcher, wall, &place, false).await?;
    let asked = tokio::time::timeout(TIME, ask(&launched, &host)).await;
    let own_root = launched.context.own_root;
    let ended = end(launched).await;
    let mut seen = asked.map_err(|_| "it does not answer".to_owned())??;
    seen.ended = ended;
    seen.reached |= host.was_reached();
    if wall.tier != Tier::Unconfined {
        with_network(launcher, wall, &place, &host).await.map_err(|e| format!("given the network, {e}"))?;
    }
    if !seen.workspace_works {
        return Err("its own workspace can't be written".into());
    }
    // With a network of its own there is nothing in sockets to be kept from, and where the agent is another user it
    // needs no keeping from signals.
    let needless = |layer: Layer| match layer {
        Layer::NoSockets => own_root,
        Layer::SignalScope => own_root && sandbox::has_own_users(),
        _ => false,
    };
    let wanted = Layer::ALL.into_iter().filter(|layer| !needless(*layer));
    let layers: Vec<ReportedLayer> = wanted
        .map(|layer| {
            let (active, detail) = match seen.holds(layer, wall.tier) {
                Ok(()) => (true, detail(layer, own_root)),
                Err(reason) => (false, why(layer, wall, missing, reason)),
            };
            ReportedLayer { layer, active, detail }
        })
        .collect();
    // What the tier is for must hold, or it is not that tier.
    let needed: &[Layer] = match wall.tier {
        Tier::Namespaces => &[Layer::OwnRoot, Layer::OwnProcesses, Layer::OwnNetwork, Layer::Seccomp],
        Tier::Landlock => &[Layer::Landlock, Layer::NoSockets, Layer::Seccomp],
        Tier::Unconfined => &[],
    };
    match layers.iter().find(|l| needed.contains(&l.layer) && !l.active) {
        Some(missing) => Err(format!("{} does not hold: {}", missing.layer.name(), missing.detail)),
        None => Ok(layers),
    }
}

/// Launches a session that only tries.
async fn launched(launcher: &Path, wall: Wall<'_>, place: &Place, network: bool) -> Result<Launched, String> {
    let limits = SessionLimits {
        processes: Some(PROCESSES),
        cpu_shares: Some(CPU_SHARES),
        workspace_bytes: Some(WORKSPACE),
        workspace_files: Some(FILES),
        ..SessionLimits::default()
    };
    let spec = LaunchSpec {
        environment_id: EnvironmentId::random(),
        directory: place.0.join(if network { "networked" } else { "session" }),
        language: Language::Python,
        network,
        memory_limit_mb: MEMORY_MB,
        limits,
        image: None,
    };
    if let Some(failure) = launch::out_of_reach(wall.tier, &spec.directory, &[]) {
        return Err(format!("{}: {}", failure.message, failure.hint));
    }
    std::fs::create_dir(&spec.directory).map_err(|e| format!("no directory to try it in: {e}"))?;
    launch::launch(launcher, wall, spec, &[]).await.map_err(|not| reason(&not.failure.message))
}

/// Ends it; false: it did not end in time.
async fn end(launched: Launched) -> bool {
    let Launched { agent, mut teardown, .. } = launched;
    agent.close();
    let ended = teardown.ended_within(END_TIME).await;
    Box::new(teardown).teardown().await;
    ended
}

/// Tries that a session which is given the network is given nothing else. Error: what could be done.
async fn with_network(launcher: &Path, wall: Wall<'_>, place: &Place, host: &Host) -> Result<(), String> {
    let launched = launched(launcher, wall, place, true).await?;
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
    let answered = tokio::time::timeout(TIME, answer(&launched, questions)).await;
    end(launched).await;
    let (text, _) = answered.map_err(|_| "it does not answer".to_owned())??;
    let mut answers = text.lines();
    let done = asked.iter().find(|_| answers.next().is_none_or(|answer| answer.starts_with("0 ")));
    done.map_or(Ok(()), |question| Err(format!("it could do this: {question}")))
}

/// Without what everybody knows.
fn reason(message: &str) -> String {
    let known = ["the session can't be launched: ", "the launcher or its agent refused: "];
    known.iter().fold(message, |text, front| text.strip_prefix(front).unwrap_or(text)).to_owned()
}

/// Asks a session what it can do.
async fn ask(launched: &Launched, host: &Host) -> Result<Seen, String> {
    let me = std::process::id();
    let tcp = host.tcp.local_addr().map_or(0, |a| a.port());
    let udp = host.udp.local_addr().map_or(0, |a| a.port());
    let workspace = if launched.context.own_root {
        "/workspace".to_owned()
    } else {
        launched.context.directory.join("workspace").display().to_string()
    };
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
        ("launcher", format!("kill {}", launched.launcher.unwrap_or(me))),
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
    if launched.context.own_root {
        // Elsewhere the agent would end whoever does that, and whoever comes after it and has taken nothing.
        questions.push(("fill", format!("fill {workspace}/large {}", 4 * WORKSPACE)));
        questions.push(("files", format!("files {workspace} {}", 2 * FILES)));
    }
    let mut seen = Seen::default();
    // Not all in one program: one that is ended for what it tried takes the answers after it along.
    for part in questions.chunks(PART) {
        let (text, _) = answer(launched, part.iter().map(|(_, q)| q.clone().into_bytes()).collect()).await?;
        for ((name, _), line) in part.iter().zip(text.lines()) {
            let (errno, detail) = line.split_once(' ').unwrap_or((line, ""));
            seen.answers.insert(name, (errno.parse().unwrap_or(0), detail.to_owned()));
        }
    }
    seen.left_behind = launched.agent.usage().await.map_err(|e| e.to_string())?.processes;
    let bytes = (MEMORY_MB + MEMORY_MB / 2) << 20;
    seen.memory_held = match &launched.meter {
        Some(meter) => {
            let before = meter.read().memory_kills;
            let (text, _) = answer(launched, vec![format!("memory {bytes}").into_bytes()]).await?;
            text.contains("signal 9") && meter.read().memory_kills > before
        }
        None => {
            let (_, exit) = answer(launched, vec![format!("hold {bytes}").into_bytes()]).await?;
            exit.limit == Some(Limit::Memory)
        }
    };
    if let Some(meter) = &launched.meter {
        let (before, begun) = (meter.read(), Instant::now());
        answer(launched, vec![format!("spin {SPIN_MS}").into_bytes()]).await?;
        let (after, time) = (meter.read(), begun.elapsed());
        let used = after.cpu_us.zip(before.cpu_us).map(|(after, before)| after.saturating_sub(before));
        // On a machine with much to do it may not even get as much as it may have.
        let within =
            used.is_some_and(|used| u128::from(used) * 1024 <= time.as_micros() * u128::from(CPU_SHARES));
        seen.processors_held = after.throttled > before.throttled || within;
    }
    seen.workspace_works = seen.errno("workspace") == Some(0);
    Ok(seen)
}

/// What a program answers to these, and how it ended.
async fn answer(launched: &Launched, questions: Vec<Vec<u8>>) -> Result<(String, Exit), String> {
    let mut process = launched.agent.probe(questions).await.map_err(|e| e.to_string())?;
    let mut text = Vec::new();
    loop {
        match process.next().await.map_err(|e| e.to_string())? {
            ProcessEvent::Stdout(data) => text.extend_from_slice(&data),
            ProcessEvent::Exited(exit) => return Ok((String::from_utf8_lossy(&text).into_owned(), exit)),
            _ => {}
        }
    }
}
