//! The self-test of a wall of our own: what it takes to try it, and what its layers are for.

use std::path::Path;

use super::launch::{self, LANDLOCK_SCOPES, Launched, Wall};
use crate::engine::Teardown;
use crate::runtimes::selftest::{self, END_TIME, Host, Place, Subject};
use crate::sandbox::{self, Layer, ReportedLayer, Tier};

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
    let asked = selftest::look(&subject(&launched), &host).await;
    let own_root = launched.context.own_root;
    let ended = end(launched).await;
    let mut seen = asked?;
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
            let (active, detail) = match seen.holds(layer, own_root) {
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
    let spec = selftest::spec(place.0.join(if network { "networked" } else { "session" }), network);
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

fn subject(launched: &Launched) -> Subject<'_> {
    let own_root = launched.context.own_root;
    let workspace = if own_root { "/workspace".into() } else { launched.context.directory.join("workspace") };
    Subject {
        agent: &launched.agent,
        own_root,
        workspace: workspace.display().to_string(),
        meter: launched.meter.as_ref(),
        outsider: launched.launcher,
    }
}

/// Tries that a session which is given the network is given nothing else. Error: what could be done.
async fn with_network(launcher: &Path, wall: Wall<'_>, place: &Place, host: &Host) -> Result<(), String> {
    let launched = launched(launcher, wall, place, true).await?;
    let looked = selftest::look_beyond_network(&subject(&launched), host).await;
    end(launched).await;
    looked
}

/// Without what everybody knows.
fn reason(message: &str) -> String {
    let known = ["the session can't be launched: ", "the launcher or its agent refused: "];
    known.iter().fold(message, |text, front| text.strip_prefix(front).unwrap_or(text)).to_owned()
}

/// What there is to be known of a layer that holds.
fn detail(layer: Layer, own_root: bool) -> String {
    let text = match layer {
        Layer::OwnRoot => "only /workspace and /tmp can be written; /usr and the runtimes are read-only",
        Layer::OwnProcesses => "it sees and signals no others, and all end with the first",
        Layer::OwnNetwork => "only its own loopback",
        Layer::NoSockets => "neither network nor sockets of this machine",
        Layer::UnprivilegedUser if sandbox::has_own_users() => "a user of the session's own",
        Layer::UnprivilegedUser => "the user that CodeBeaker runs as, without capabilities",
        Layer::ControlGroup => "memory, processes and processor time as a whole",
        Layer::StorageQuota => "bytes and files of /workspace, /tmp and /dev/shm",
        Layer::ResourceLimits => "open files, file size, core dumps; time where it is asked for",
        Layer::Supervisor => "ends what programs leave behind",
        Layer::Lifeline => "ends everything when CodeBeaker is killed",
        Layer::Landlock if own_root => "nothing is written but in /workspace, /tmp and /dev",
        Layer::Landlock => "names and command lines outside can be seen, files not be opened",
        Layer::SignalScope => "none reaches its agent, nor anybody else",
        Layer::Seccomp => "mounts, namespaces, tracing, keys, rare sockets and more are refused",
        _ => "",
    };
    text.to_owned()
}

/// Why a layer does not hold.
fn why(layer: Layer, wall: Wall<'_>, missing: &Missing<'_>, seen: String) -> String {
    let by_namespaces = matches!(layer, Layer::OwnRoot | Layer::OwnProcesses | Layer::OwnNetwork);
    match layer {
        _ if wall.tier == Tier::Unconfined => "runs without a wall, as the settings allow".into(),
        Layer::ControlGroup if wall.hierarchies.is_none() => {
            format!("memory and processes are watched instead: {}", missing.groups.unwrap_or("there is none"))
        }
        Layer::StorageQuota if wall.tier != Tier::Namespaces => "its size is watched instead".into(),
        Layer::Landlock if wall.landlock == 0 => "this kernel has none, or has it turned off".into(),
        Layer::SignalScope if wall.landlock < LANDLOCK_SCOPES => {
            "this kernel's Landlock is older than version 6 (Linux 6.12)".into()
        }
        _ if wall.tier == Tier::Landlock && by_namespaces => missing.stronger.unwrap_or(&seen).to_owned(),
        _ => seen,
    }
}
