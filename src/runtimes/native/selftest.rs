//! The self-test: a session is launched as any other, and from inside it is tried to break out. What was seen counts,
//! nothing else.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::launch::{self, LANDLOCK_SCOPES, Launched, Wall};
use crate::agent::ProcessEvent;
use crate::agent::wire::{Exit, Limit};
use crate::engine::{LaunchSpec, Teardown};
use crate::protocol::{EnvironmentId, Language, SessionLimits};
use crate::sandbox::{self, Layer, ReportedLayer, Tier};

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(20);
/// How long everything may take to end when its engine goes away.
const END_TIME: Duration = Duration::from_secs(2);
/// How the name of a directory for a self-test begins.
const PLACE: &str = "codebeaker-selftest-";
const MEMORY_MB: u64 = 32;
const PROCESSES: u64 = 12;
const WORKSPACE: u64 = 1 << 20;
const FILES: u64 = 64;
/// A fifth of a processor: whoever turns for longer than a fifth of a tenth of a second is made to wait.
const CPU_SHARES: u64 = 205;
const SPIN_MS: u64 = 120;
/// Questions that go to one program.
const PART: usize = 26;
const EPERM: i32 = 1;
const EACCES: i32 = 13;
const ENOENT: i32 = 2;
const ESRCH: i32 = 3;
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
    let limits = SessionLimits {
        processes: Some(PROCESSES),
        cpu_shares: Some(CPU_SHARES),
        workspace_bytes: Some(WORKSPACE),
        workspace_files: Some(FILES),
        ..SessionLimits::default()
    };
    let spec = LaunchSpec {
        environment_id: EnvironmentId::random(),
        directory: place.0.join("session"),
        language: Language::Python,
        network: false,
        memory_limit_mb: MEMORY_MB,
        limits,
        image: None,
    };
    if let Some(failure) = launch::out_of_reach(wall.tier, &spec.directory, &[]) {
        return Err(format!("{}: {}", failure.message, failure.hint));
    }
    std::fs::create_dir(&spec.directory).map_err(|e| format!("no directory to try it in: {e}"))?;
    let launched =
        launch::launch(launcher, wall, spec, &[]).await.map_err(|not| reason(&not.failure.message))?;
    let asked = tokio::time::timeout(TIME, ask(&launched, &host)).await;
    let Launched { agent, mut teardown, context, .. } = launched;
    agent.close();
    let ended = teardown.ended_within(END_TIME).await;
    Box::new(teardown).teardown().await;
    let mut seen = asked.map_err(|_| "it does not answer".to_owned())??;
    seen.ended = ended;
    seen.reached |= host.was_reached();
    if !seen.workspace_works {
        return Err("its own workspace can't be written".into());
    }
    let own_root = context.own_root;
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

/// Without what everybody knows.
fn reason(message: &str) -> String {
    let known = ["the session can't be launched: ", "the launcher or its agent refused: "];
    known.iter().fold(message, |text, front| text.strip_prefix(front).unwrap_or(text)).to_owned()
}

/// A directory for a session that only tries, removed when dropped; those of killed processes by the next one, who
/// knows them by the lock that nobody holds any more.
struct Place(PathBuf, File);

impl Place {
    /// Makes one where sessions are, so that what is seen there is so for them.
    fn make(state: Option<&Path>) -> std::io::Result<Self> {
        let above = state.map_or_else(std::env::temp_dir, Path::to_owned);
        std::fs::create_dir_all(&above)?;
        for entry in std::fs::read_dir(&above)?.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(PLACE.as_bytes())
                && is_abandoned(&entry.path())
                && let Err(e) = crate::agent::remove_tree(&entry.path())
            {
                tracing::warn!("{} can't be removed: {e}", entry.path().display());
            }
        }
        let path = above.join(format!("{PLACE}{}", uuid::Uuid::new_v4()));
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o711).create(&path)?;
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok(Self(path, lock))
    }
}

/// Whether nobody holds a place any more. One that was just made may not be locked yet.
fn is_abandoned(place: &Path) -> bool {
    const FRESH: Duration = Duration::from_secs(10);
    let Ok(file) = File::open(place) else { return false };
    let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age > FRESH) && file.try_lock().is_ok()
}

impl Drop for Place {
    fn drop(&mut self) {
        let removed = crate::agent::remove_tree(&self.0);
        if let Err(e) = removed.and_then(|()| self.1.unlock()) {
            tracing::warn!("{} can't be removed: {e}", self.0.display());
        }
    }
}

/// Puts down a file that everybody may read and write, as far as permissions go.
fn put_canary(directory: &Path) -> std::io::Result<PathBuf> {
    let path = directory.join("canary");
    std::fs::write(&path, "what no session may read")?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    Ok(path)
}

/// What there is to reach on this side.
struct Host {
    canary: PathBuf,
    /// One where every user may pass, so that permissions have no part in what is seen; if that can be had.
    open: Option<(PathBuf, Place)>,
    socket: std::path::PathBuf,
    hidden: String,
    tcp: std::net::TcpListener,
    udp: std::net::UdpSocket,
    _listeners: [std::os::unix::net::UnixListener; 2],
}

impl Host {
    fn listen(place: &Path) -> std::io::Result<Self> {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::{SocketAddr, UnixListener};
        let socket = place.join("socket");
        let canary = put_canary(place)?;
        let elsewhere = Place::make(Some(&std::env::temp_dir())).ok();
        let open = elsewhere.and_then(|place| Some((put_canary(&place.0).ok()?, place)));
        let hidden = format!("codebeaker-{}", uuid::Uuid::new_v4());
        let by_name = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&hidden)?)?;
        let tcp = std::net::TcpListener::bind("127.0.0.1:0")?;
        let udp = std::net::UdpSocket::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        let _listeners = [UnixListener::bind(&socket)?, by_name];
        Ok(Self { canary, open, socket, hidden, tcp, udp, _listeners })
    }

    /// Whether anything came, whatever was answered inside.
    fn was_reached(&self) -> bool {
        self.tcp.accept().is_ok() || self.udp.recv(&mut [0; 16]).is_ok()
    }
}

/// What was seen.
#[derive(Default)]
struct Seen {
    answers: std::collections::HashMap<&'static str, (i32, String)>,
    workspace_works: bool,
    memory_held: bool,
    processors_held: bool,
    left_behind: u32,
    reached: bool,
    ended: bool,
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
    let open = host.open.as_ref().map_or(&host.canary, |(path, _)| path).display();
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

impl Seen {
    fn errno(&self, name: &str) -> Option<i32> {
        self.answers.get(name).map(|(errno, _)| *errno)
    }

    fn detail(&self, name: &str) -> &str {
        self.answers.get(name).map_or("", |(_, detail)| detail)
    }

    /// It was tried, and refused with one of these.
    fn refused(&self, name: &str, errors: &[i32]) -> Result<(), String> {
        match self.answers.get(name) {
            Some((errno, _)) if errors.contains(errno) => Ok(()),
            Some((0, _)) => Err(format!("{name}: it could be done")),
            Some((_, error)) => Err(format!("{name}: {error}")),
            None => Err(format!("{name}: no answer")),
        }
    }

    fn failed(&self, names: &[&str]) -> Result<(), String> {
        let done = names.iter().find(|name| self.errno(name).is_none_or(|errno| errno == 0));
        done.map_or(Ok(()), |name| Err(format!("{name}: it could be done")))
    }

    /// Whether a layer holds; if not, what was seen.
    fn holds(&self, layer: Layer, tier: Tier) -> Result<(), String> {
        let unless = |held: bool, reason: &str| if held { Ok(()) } else { Err(reason.to_owned()) };
        let own_root = tier == Tier::Namespaces;
        match layer {
            Layer::OwnRoot => ["read", "stat", "change", "open", "shadow"]
                .iter()
                .try_for_each(|name| self.refused(name, &[ENOENT, 30])),
            Layer::OwnProcesses if !own_root => Err("it has this machine's processes around it".into()),
            // Low numbers are its own processes': then the others must do.
            Layer::OwnProcesses if std::process::id() <= 64 => self.refused("init", &[EACCES, EPERM, ENOENT]),
            Layer::OwnProcesses => {
                self.refused("kill", &[ESRCH])?;
                self.refused("proc", &[ENOENT])?;
                self.refused("init", &[EACCES, EPERM, ENOENT])
            }
            Layer::OwnNetwork if !own_root => Err("it has this machine's network".into()),
            Layer::OwnNetwork => {
                unless(!self.reached, "something arrived from inside")?;
                self.failed(&["tcp", "abstract"])
            }
            Layer::NoSockets => {
                ["tcp", "udp", "unix", "abstract", "inet"]
                    .iter()
                    .try_for_each(|n| self.refused(n, &[EPERM]))?;
                unless(!self.reached, "something arrived from inside")
            }
            Layer::Landlock => {
                self.refused("comm", &[EACCES])?;
                self.failed(&["read", "change", "open", "shadow"])
            }
            Layer::SignalScope => {
                self.failed(&["kill", "launcher", "abstract"])?;
                // Of the same user as the program, and in its namespace: nothing else keeps it from these.
                ["agent", "parent"].iter().try_for_each(|name| self.refused(name, &[EPERM]))
            }
            Layer::Seccomp => {
                ["vsock", "unshare", "ptrace"].iter().try_for_each(|name| self.refused(name, &[EPERM]))
            }
            Layer::UnprivilegedUser => self.unprivileged(),
            Layer::NoNewPrivileges => unless(self.detail("privileges") == "1", "it is not set"),
            Layer::ControlGroup => {
                unless(self.memory_held, "more memory than the limit could be used")?;
                let forks = self.detail("fork").parse::<u64>().unwrap_or(u64::MAX);
                unless(forks < PROCESSES, "more processes than the limit could be had")?;
                unless(self.processors_held, "more processor time than the limit could be used")
            }
            Layer::StorageQuota if !own_root => Err("it has this machine's file system".into()),
            Layer::StorageQuota => {
                // As much as it may hold, and no more: a full disk of this machine's would refuse as well.
                let (errno, written) = self.detail("fill").split_once(' ').unwrap_or_default();
                let near = written.parse().is_ok_and(|n: u64| (WORKSPACE / 2..=WORKSPACE).contains(&n));
                unless(errno == "28" && near, &format!("{written} bytes could be written"))?;
                let files = self.detail("files").parse::<u64>().unwrap_or(u64::MAX);
                unless(files <= FILES, "more files than the limit could be made")
            }
            Layer::ResourceLimits => {
                let (files, core) = self.detail("limits").split_once(' ').unwrap_or_default();
                unless(self.memory_held, "more memory than the limit could be used")?;
                unless(core == "1", "core dumps are not ruled out")?;
                unless(files.parse().is_ok_and(|n: u64| n <= 1024), "open files are not limited")
            }
            Layer::Supervisor => {
                unless(self.left_behind == 0, "what a program left behind was still there")?;
                // Behind namespaces the agent, whom nobody in there can end, stands in for one that was.
                if own_root { Ok(()) } else { self.refused("parent", &[EPERM]) }
            }
            Layer::Lifeline => unless(self.ended, "it did not end with its stream"),
            Layer::CleanEnvironment => unless(self.detail("environment") == "0", "variables were inherited"),
        }
    }

    /// Neither root on this machine, nor with any of its capabilities.
    fn unprivileged(&self) -> Result<(), String> {
        if !self.detail("capabilities").trim_start_matches('0').is_empty() {
            return Err(format!("it has capabilities: {}", self.detail("capabilities")));
        }
        let inside = self.detail("user").split(',').next().and_then(|n| n.parse::<u64>().ok());
        // `inside outside length` for each range.
        let map: Vec<u64> = self.detail("map").split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let outside = map.chunks_exact(3).find_map(|range| {
            let offset = inside?.checked_sub(range[0]).filter(|offset| *offset < range[2])?;
            Some(range[1] + offset)
        });
        match outside {
            Some(0) => Err("CodeBeaker runs as root, and so do its sessions".into()),
            Some(_) => Ok(()),
            None => Err("which user it is on this machine is not known".into()),
        }
    }
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
