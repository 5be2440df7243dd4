//! Launching: our own binary executed again, which builds the wall and becomes the agent behind it.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::{MemfdFlags, SealFlags};
use tokio::process::{Child, Command};

use super::places::Installed;
use crate::agent::wire::{Confinement, Watch};
use crate::agent::{self, Agent};
use crate::engine::{Held, LaunchSpec, Meter, Metered, SessionContext, Teardown};
use crate::protocol::{ErrorKind, Failure, SessionLimits};
use crate::runtimes::filters;
use crate::runtimes::limits::Limits;
use crate::runtimes::meter::metered;
use crate::runtimes::refusal::NotLaunched;
use crate::sandbox::{self, Filter, Group, GroupLimits, Hierarchies, LAUNCH_VERB, Spec, Tier};

/// How long an agent and its launcher may take to end everything and themselves, when the stream is closed.
const END_TIME: Duration = Duration::from_secs(5);
/// The version of Landlock that knows how far signals and abstract sockets reach.
pub const LANDLOCK_SCOPES: u32 = 6;
/// Open files of the agent, whatever its programs may have.
const AGENT_FILES: u64 = 1024;
/// Processes beyond the limit that the kernel refuses: what counts comes first, and says what it was.
const PROCESS_SLACK: u64 = 24;
/// In a control group with a program: its supervisor, and the one of the next.
const SUPERVISORS: u64 = 2;
/// Where nothing counts but the kernel by user: the agent, a supervisor and a file command are one of them.
const HELPERS: u64 = 3;
/// As many more where that limit counts all processes of the user: those that others begin meanwhile.
const OTHERS_SLACK: u64 = 256;
/// Data that each process may have beyond the memory limit, where memory is only watched: what is taken faster than it
/// is watched ends there. JavaScriptCore gives up compiling where it has less.
const DATA_SLACK: u64 = 2304 << 20;

/// How a session is walled in.
#[derive(Clone, Copy, Debug)]
pub struct Wall<'a> {
    /// With what.
    pub tier: Tier,
    /// Where control groups can be made.
    pub hierarchies: Option<&'a Hierarchies>,
    /// The version of Landlock; 0 is none.
    pub landlock: u32,
}

/// What was launched.
pub struct Launched {
    /// The host's end of its stream.
    pub agent: Agent,
    /// Where its programs are.
    pub context: SessionContext,
    /// What holds them.
    pub limits: SessionLimits,
    /// What the host counts of it.
    pub meter: Option<Arc<dyn Meter>>,
    /// How it ends.
    pub teardown: NativeTeardown,
    /// The launcher's process id.
    pub launcher: Option<u32>,
}

/// Launches an agent behind a wall.
pub async fn launch(
    launcher: &Path,
    wall: Wall<'_>,
    spec: LaunchSpec,
    installed: &[Installed],
) -> Result<Launched, NotLaunched> {
    if agent::PROGRAM.is_empty() {
        return Err(Failure::new(
            ErrorKind::NoRuntime,
            "native sessions need Linux",
            "attach to a CodeBeaker server that runs on Linux",
        )
        .into());
    }
    if let Some(hierarchies) = wall.hierarchies.cloned() {
        // Meanwhile the rest is made.
        tokio::task::spawn_blocking(move || hierarchies.warm());
    }
    let own_root = wall.tier == Tier::Namespaces;
    let limits = Limits::of(&spec, own_root);
    let group =
        group(&limits, wall.hierarchies).map_err(|e| failed("its control group can't be made", &e))?;
    // From here on dropping this removes it.
    let mut teardown = NativeTeardown { child: None, group };
    let context = SessionContext {
        directory: spec.directory.clone(),
        network: spec.network,
        own_root,
        memory_limit_mb: spec.memory_limit_mb,
    };
    let workspace = if own_root { PathBuf::from("/workspace") } else { spec.directory.join("workspace") };
    if !own_root {
        for name in ["workspace", "tmp", "cache"] {
            std::fs::create_dir(spec.directory.join(name))
                .map_err(|e| failed("its directories can't be made", &e))?;
        }
    }
    let confinement = confinement(wall, &limits, &context, installed);
    let specification = Spec {
        tier: wall.tier,
        directory: spec.directory,
        network: spec.network,
        binds: installed.iter().flat_map(|i| i.binds.clone()).collect(),
        workspace: limits.workspace,
        tmp: limits.tmp,
        shm: limits.shm,
        open_files: limits.open_files.max(AGENT_FILES),
        file_size: limits.file_size,
        groups: teardown.group.as_ref().map(Group::directories).unwrap_or_default(),
        filters: filters(wall, spec.network).map_err(|e| failed("its system call filter", &e))?,
    };
    let started = start(launcher, &specification);
    let (child, stream) = started.map_err(|failure| NotLaunched { failure, refused: true })?;
    teardown.child = Some(child);
    let agent = match Agent::connect(stream, workspace.as_os_str().as_bytes(), confinement).await {
        Ok(agent) => agent,
        Err(error) => {
            Box::new(teardown).teardown().await;
            let failure = failed("the launcher or its agent refused", &error);
            return Err(NotLaunched { failure, refused: true });
        }
    };
    let launcher = teardown.child.as_ref().and_then(Child::id);
    Ok(Launched {
        agent,
        context,
        limits: limits.in_force(&spec.limits, teardown.group.is_some()),
        meter: teardown.group.clone().map(|group| Arc::new(GroupMeter(group)) as Arc<dyn Meter>),
        teardown,
        launcher,
    })
}

/// What is in the way of a session's own user where it has one in the host's tree of files: to its directory, or to the
/// first of its programs, which is what it was asked for. The launcher sees to the directory itself and the one above.
pub fn out_of_reach(tier: Tier, directory: &Path, installed: &[Installed]) -> Option<Failure> {
    if tier != Tier::Landlock || !sandbox::has_own_users() {
        return None;
    }
    let told = |closed: &Path, to: &Path, otherwise: &str| {
        let (closed, to) = (closed.display(), to.display());
        let message = format!(
            "without namespaces a root's sessions run as users of their own, who can't pass {closed} on the way to {to}"
        );
        Failure::new(ErrorKind::NoRuntime, message, format!("chmod o+x {closed}, or {otherwise}"))
    };
    let above = directory.parent().and_then(Path::parent).unwrap_or(directory);
    if let Some(closed) = closed_to_others(above) {
        let otherwise = "set XDG_STATE_HOME to a directory that everybody may pass through";
        return Some(told(&closed, directory, otherwise));
    }
    let program = &installed.first()?.program;
    let closed = closed_to_others(program)?;
    Some(told(&closed, program, "install it where everybody may execute it, as in /usr/local"))
}

/// The first part of a path that users without rights of their own may not pass, or execute.
fn closed_to_others(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let path = std::fs::canonicalize(path).ok()?;
    let parts: Vec<&Path> = path.ancestors().collect();
    let closed = |part: &&&Path| std::fs::metadata(part).is_ok_and(|meta| meta.mode() & 0o001 == 0);
    parts.iter().rev().find(closed).map(|part| part.to_path_buf())
}

/// A control group of these limits, where one can be made.
fn group(limits: &Limits, hierarchies: Option<&Hierarchies>) -> std::io::Result<Option<Group>> {
    let limits = GroupLimits {
        memory_bytes: limits.memory_bytes,
        processes: limits.processes.saturating_add(SUPERVISORS),
        cpu_shares: limits.cpu_shares,
    };
    hierarchies.map(|hierarchies| Group::make(hierarchies, &limits)).transpose()
}

/// What the agent puts on each program.
fn confinement(
    wall: Wall<'_>,
    limits: &Limits,
    context: &SessionContext,
    installed: &[Installed],
) -> Confinement {
    let counted = wall.hierarchies.is_some();
    let bytes =
        |paths: Vec<PathBuf>| paths.into_iter().map(|p| p.into_os_string().into_encoded_bytes()).collect();
    let (read, write) = if context.own_root {
        (Vec::new(), ["/workspace", "/tmp", "/dev"].map(PathBuf::from).to_vec())
    } else {
        let mut read = sandbox::readable(context.network);
        read.extend(installed.iter().flat_map(|i| i.binds.iter().map(|bind| bind.source.clone())));
        let own = ["workspace", "tmp", "cache"].map(|name| context.directory.join(name));
        (read, own.into_iter().chain(sandbox::devices()).collect())
    };
    let unless = |known: bool, limit: u64| if known { 0 } else { limit };
    // The kernel counts by user, and in a user namespace by that.
    let alone = context.own_root || sandbox::has_own_users();
    let others = if alone { 0 } else { threads_of_our_user() + OTHERS_SLACK };
    Confinement {
        user: if context.own_root && sandbox::has_own_users() { sandbox::INSIDE } else { 0 },
        processes: limits.processes.saturating_add(if counted { PROCESS_SLACK } else { HELPERS } + others),
        data_bytes: unless(counted, limits.memory_bytes.saturating_add(DATA_SLACK)),
        open_files: limits.open_files,
        // Behind namespaces it is one layer of several, and missing it is told.
        landlock: wall.tier == Tier::Landlock || wall.tier == Tier::Namespaces && wall.landlock > 0,
        read: bytes(read),
        write: bytes(write),
        filters: Vec::new(),
        expendable: false,
        watch: Watch {
            memory_bytes: unless(counted, limits.memory_bytes),
            processes: unless(counted, limits.processes),
            workspace_bytes: unless(context.own_root, limits.workspace.bytes),
            workspace_files: unless(context.own_root, limits.workspace.files),
            own_file_system: context.own_root,
            own_group: false,
        },
    }
}

/// What our user runs on this machine.
fn threads_of_our_user() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter(|process| process.metadata().is_ok_and(|meta| meta.uid() == user));
    let threads = |process: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(17)?.parse::<u64>().ok()
    };
    ours.filter_map(threads).sum()
}

/// The system call filters of a session.
fn filters(wall: Wall<'_>, network: bool) -> std::io::Result<Vec<Vec<u8>>> {
    if wall.tier == Tier::Unconfined {
        return Ok(Vec::new());
    }
    filters::built(Filter {
        tier: wall.tier,
        network,
        own_users: sandbox::has_own_users(),
        counted: wall.hierarchies.is_some(),
        scoped: wall.landlock >= LANDLOCK_SCOPES,
    })
}

/// Starts the launcher and tells it what to do; gives our end of the agent's stream.
fn start(launcher: &Path, spec: &Spec) -> Result<(Child, tokio::net::UnixStream), Failure> {
    let program = program().map_err(|e| failed("the agent can't be handed over", &e))?;
    let (ours, theirs) = UnixStream::pair().map_err(|e| failed("no stream", &e))?;
    let specification = spec.encode().map_err(|e| failed("its specification", &e))?;
    let child = Command::new(launcher)
        .arg0("codebeaker-launcher")
        .arg(LAUNCH_VERB)
        // For whoever looks at the list of processes.
        .arg(&spec.directory)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(program))
        .stderr(Stdio::null())
        // Dropped, it ends by the end of its stream, and clears away what it has made.
        .kill_on_drop(false)
        .spawn()
        .map_err(|e| failed("the launcher can't be started", &e))?;
    // It is smaller than what a stream takes at once, and nobody else writes before it.
    (&ours).write_all(&specification).map_err(|e| failed("the launcher does not listen", &e))?;
    ours.set_nonblocking(true).map_err(|e| failed("no stream", &e))?;
    let ours = tokio::net::UnixStream::from_std(ours).map_err(|e| failed("no stream", &e))?;
    Ok((child, ours))
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    let message = format!("the session can't be launched: {what}: {error}");
    Failure::new(ErrorKind::Internal, message, "see codebeaker doctor")
}

/// The agent's program in memory, sealed: made once, handed to every launcher.
fn program() -> std::io::Result<File> {
    static PROGRAM: OnceLock<File> = OnceLock::new();
    if let Some(program) = PROGRAM.get() {
        return program.try_clone();
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Machines that let such files be executed only where that is asked for; older kernels don't know the question.
    let memory = rustix::fs::memfd_create("codebeaker-agent", flags | MemfdFlags::EXEC)
        .or_else(|_| rustix::fs::memfd_create("codebeaker-agent", flags))?;
    let mut file = File::from(memory);
    file.write_all(agent::PROGRAM)?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    PROGRAM.get_or_init(|| file).try_clone()
}

struct GroupMeter(Group);

impl Meter for GroupMeter {
    fn read(&self) -> Metered {
        metered(self.0.figures())
    }

    fn held(&self) -> Held {
        let (memory_kills, process_refusals) = self.0.held();
        Held { memory_kills, process_refusals }
    }
}

/// A native environment ends when its stream is closed: the agent then ends everything, and itself, and the launcher
/// what is left.
pub struct NativeTeardown {
    child: Option<Child>,
    group: Option<Group>,
}

#[async_trait]
impl Teardown for NativeTeardown {
    async fn teardown(mut self: Box<Self>) {
        if let Some(mut child) = self.child.take()
            && tokio::time::timeout(END_TIME, child.wait()).await.is_err()
        {
            tracing::warn!("a launcher did not end in time and is killed");
            let _ = child.kill().await;
        }
        if let Some(group) = self.group.take() {
            // The launcher has done so, unless it was killed.
            let _ = tokio::task::spawn_blocking(move || group.remove()).await;
        }
    }
}

impl Drop for NativeTeardown {
    fn drop(&mut self) {
        // Only where it was never torn down: the launch was broken off. A launcher that was started removes it itself.
        if let Some(group) = self.group.take().filter(|_| self.child.is_none()) {
            group.remove();
        }
    }
}

impl NativeTeardown {
    /// Waits for the launcher's end, at most so long. False: it has not ended.
    pub async fn ended_within(&mut self, time: Duration) -> bool {
        match &mut self.child {
            Some(child) => tokio::time::timeout(time, child.wait()).await.is_ok(),
            None => true,
        }
    }
}
