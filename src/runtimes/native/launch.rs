//! Launching: our own binary executed again, which puts on the layers and becomes the agent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::{MemfdFlags, SealFlags};
use tokio::process::{Child, Command};

use crate::agent::wire::Confinement;
use crate::agent::{self, Agent};
use crate::engine::{Environment, LaunchSpec, SessionContext, Teardown};
use crate::protocol::{ErrorKind, Failure, SessionLimits};
use crate::sandbox::{LAUNCH_VERB, Spec};

/// Open files of each process, where nothing else is asked for.
const OPEN_FILES: u64 = 1024;
/// The largest file, where nothing else is asked for.
const FILE_SIZE: u64 = 256 << 20;
/// How long an agent may take to end everything and itself, when its stream is closed.
const END_TIME: Duration = Duration::from_secs(3);

/// Launches the agent for a session whose programs have `variables`.
pub async fn launch(
    launcher: &Path,
    spec: LaunchSpec,
    variables: BTreeMap<String, String>,
) -> Result<Environment, Failure> {
    if agent::PROGRAM.is_empty() {
        return Err(Failure::new(
            ErrorKind::NoRuntime,
            "native sessions need Linux",
            "attach to a CodeBeaker server that runs on Linux",
        ));
    }
    let workspace = spec.directory.join("workspace");
    for directory in [&workspace, &spec.directory.join("tmp"), &spec.directory.join("cache")] {
        std::fs::create_dir(directory).map_err(|e| failed("its directories can't be made", &e))?;
    }
    let (open_files, file_size) = (
        spec.limits.open_files.unwrap_or(OPEN_FILES).min(OPEN_FILES),
        spec.limits.file_size_bytes.unwrap_or(FILE_SIZE).min(FILE_SIZE),
    );
    let (child, stream) = start(launcher, &Spec { directory: workspace.clone(), open_files, file_size })?;
    let stream = tokio::net::UnixStream::from_std(stream).map_err(|e| failed("no stream", &e))?;
    let agent = Agent::connect(stream, workspace.as_os_str().as_bytes(), Confinement::default())
        .await
        .map_err(|e| failed("the launcher or its agent refused", &e))?;
    Ok(Environment {
        agent,
        variables,
        // What nothing enforces yet is not in force.
        limits: SessionLimits {
            open_files: Some(open_files),
            file_size_bytes: Some(file_size),
            processes: None,
            workspace_bytes: None,
            workspace_files: None,
            ..spec.limits
        },
        isolation: super::isolation(),
        context: SessionContext {
            directory: spec.directory,
            network: spec.network,
            own_root: false,
            memory_limit_mb: spec.memory_limit_mb,
        },
        meter: None,
        teardown: Box::new(NativeTeardown { child }),
    })
}

/// Starts the launcher and tells it what to do; gives our end of the agent's stream.
fn start(launcher: &Path, spec: &Spec) -> Result<(Child, UnixStream), Failure> {
    let program = program().map_err(|e| failed("the agent can't be handed over", &e))?;
    let (ours, theirs) = UnixStream::pair().map_err(|e| failed("no stream", &e))?;
    let child = Command::new(launcher)
        .arg0("codebeaker-launcher")
        .arg(LAUNCH_VERB)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(program))
        .stderr(Stdio::null())
        // Dropped, it ends by the end of its stream. A kill in the midst of that would set free what it is ending.
        .kill_on_drop(false)
        .spawn()
        .map_err(|e| failed("the launcher can't be started", &e))?;
    let specification = spec.encode().map_err(|e| failed("its specification", &e))?;
    // It is smaller than what a stream takes at once, and nobody else writes before it.
    (&ours).write_all(&specification).map_err(|e| failed("the launcher does not listen", &e))?;
    ours.set_nonblocking(true).map_err(|e| failed("no stream", &e))?;
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
    let mut file = File::from(rustix::fs::memfd_create("codebeaker-agent", flags)?);
    file.write_all(agent::PROGRAM)?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    PROGRAM.get_or_init(|| file).try_clone()
}

/// A native environment ends when its stream is closed: the agent then ends everything, and itself.
struct NativeTeardown {
    child: Child,
}

#[async_trait]
impl Teardown for NativeTeardown {
    async fn teardown(mut self: Box<Self>) {
        if tokio::time::timeout(END_TIME, self.child.wait()).await.is_err() {
            tracing::warn!("an agent did not end in time and is killed");
            let _ = self.child.kill().await;
        }
    }
}
