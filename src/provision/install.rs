//! The place where a runtime is put together: one at a time per runtime by a lock, in a temporary directory on the
//! same file system, and into place by one rename.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::error::CREATING;
use super::http::{Client, shown};
use super::integrity::Hasher;
use super::source::Artifact;
use super::{ProvisionError, Settings, Tool, blocking};

/// How often a lock that another process holds is tried. A blocking wait could not be cancelled.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// The temporary directory of one fetch, and the lock that makes it the only one. Both go when this is dropped.
pub(super) struct Workspace {
    directory: PathBuf,
    cancelled: AtomicBool,
    // released after the directory is gone, so that who holds the lock may remove all that is left over
    _lock: File,
    // the last to go
    traces: Traces,
}

/// Held by all that may have files of a fetch: as long as one is there, something of it may be.
pub(super) struct Traces {
    installed: Arc<AtomicBool>,
    _held: mpsc::Sender<()>,
}

/// The end of all [`Traces`] of a fetch.
pub(super) struct Gone {
    installed: Arc<AtomicBool>,
    held: mpsc::Receiver<()>,
}

impl Traces {
    pub(super) fn new() -> (Self, Gone) {
        let (sender, held) = mpsc::channel(1);
        let installed = Arc::new(AtomicBool::new(false));
        (Self { installed: Arc::clone(&installed), _held: sender }, Gone { installed, held })
    }
}

impl Gone {
    /// Waits for it. Whether the runtime was installed before.
    pub(super) async fn wait(mut self) -> bool {
        // nothing is ever sent: this ends with the last sender
        let _ = self.held.recv().await;
        self.installed.load(Ordering::Acquire)
    }
}

impl Workspace {
    /// Takes the lock, calling `waiting` once where another holds it, and removes what killed fetches left over.
    pub(super) async fn open(
        tool: Tool,
        settings: &Settings,
        traces: Traces,
        waiting: impl Fn(),
    ) -> Result<Self, ProvisionError> {
        let runtimes = settings.runtimes();
        let lock_file = runtimes.join(format!(".lock-{}", tool.name()));
        let lock = {
            let (runtimes, lock_file) = (runtimes.clone(), lock_file.clone());
            blocking(move || {
                fs::create_dir_all(&runtimes)
                    .map_err(|error| ProvisionError::from_io(CREATING, &runtimes, error))?;
                let opened = File::options().create(true).truncate(false).write(true).open(&lock_file);
                opened.map_err(|error| ProvisionError::from_io("opening", &lock_file, error))
            })
            .await?
        };
        let started = Instant::now();
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => {
                    return Err(ProvisionError::from_io("locking", &lock_file, error));
                }
                Err(TryLockError::WouldBlock) if started.elapsed() >= settings.patience.lock => {
                    return Err(ProvisionError::Busy { tool, waited: settings.patience.lock });
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        waiting();
                        told = true;
                    }
                    tokio::time::sleep(LOCK_INTERVAL).await;
                }
            }
        }
        blocking(move || Self::create(tool, &runtimes, lock, traces)).await
    }

    fn create(tool: Tool, runtimes: &Path, lock: File, traces: Traces) -> Result<Self, ProvisionError> {
        let prefix = format!(".tmp-{}-", tool.name());
        for entry in fs::read_dir(runtimes).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let leftover = entry.path();
                if let Err(error) = fs::remove_dir_all(&leftover) {
                    tracing::warn!("{} cannot be removed: {error}", leftover.display());
                }
            }
        }
        let directory = runtimes.join(format!("{prefix}{}", std::process::id()));
        fs::create_dir(&directory).map_err(|error| ProvisionError::from_io(CREATING, &directory, error))?;
        Ok(Self { directory, cancelled: AtomicBool::new(false), _lock: lock, traces })
    }

    /// Where the download is stored.
    pub(super) fn archive(&self) -> PathBuf {
        self.directory.join("archive")
    }

    /// Set when the fetch was given up; long work on files looks at it.
    pub(super) fn cancelled(&self) -> &AtomicBool {
        &self.cancelled
    }

    /// The directory that is to become the installed one.
    pub(super) fn stage(&self) -> Result<PathBuf, ProvisionError> {
        let staged = self.directory.join("staged");
        fs::create_dir(&staged).map_err(|error| ProvisionError::from_io(CREATING, &staged, error))?;
        Ok(staged)
    }

    /// Moves the staged directory into place. A broken installation that lies there is moved out of the way and
    /// goes with the workspace.
    pub(super) fn commit(&self, staged: &Path, target: &Path) -> Result<(), ProvisionError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(ProvisionError::Interrupted);
        }
        let parent = target.parent().unwrap_or(target);
        fs::create_dir_all(parent).map_err(|error| ProvisionError::from_io(CREATING, parent, error))?;
        sync_directory(staged);
        if fs::symlink_metadata(target).is_ok() {
            let aside = self.directory.join("replaced");
            fs::rename(target, &aside)
                .map_err(|error| ProvisionError::from_io("replacing", target, error))?;
        }
        fs::rename(staged, target).map_err(|error| ProvisionError::from_io("installing", target, error))?;
        self.traces.installed.store(true, Ordering::Release);
        sync_directory(parent);
        Ok(())
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            tracing::warn!("{} cannot be removed: {error}", self.directory.display());
        }
    }
}

/// Removes the installations that these binaries are in, and returns the names of those that are gone.
pub(super) fn remove(tool: Tool, runtimes: &Path, binaries: Vec<PathBuf>) -> Vec<String> {
    if binaries.is_empty() {
        return Vec::new();
    }
    let lock = File::options().write(true).open(runtimes.join(format!(".lock-{}", tool.name())));
    let Some(_locked) = lock.ok().filter(|lock| lock.try_lock().is_ok()) else { return Vec::new() };
    let mut removed = Vec::new();
    for binary in binaries {
        let Some(directory) = binary.parent().filter(|_| !is_running(&binary)) else { continue };
        let Some(version) = directory.file_name().and_then(|name| name.to_str()) else { continue };
        // whole until it is gone at once; should the rest fail, the next fetch removes it
        let aside = runtimes.join(format!(".tmp-{}-old-{version}", tool.name()));
        if let Err(error) = fs::rename(directory, &aside).and_then(|()| fs::remove_dir_all(&aside)) {
            tracing::warn!("{} cannot be removed: {error}", directory.display());
        }
        if !directory.exists() {
            removed.push(version.to_owned());
        }
    }
    removed
}

/// Whether a process runs this file, as far as the system tells: it lets nobody write to such a file, or names it
/// as the process's program.
fn is_running(binary: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let opened = File::options().write(true).open(binary);
    if opened.is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy) {
        return true;
    }
    let Ok(wanted) = binary.metadata() else { return false };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut programs = processes.filter_map(|process| process.path().join("exe").metadata().ok());
    programs.any(|program| (program.dev(), program.ino()) == (wanted.dev(), wanted.ino()))
}

/// Makes a rename last over a crash. Some file systems cannot, and lose no more than the installation then.
fn sync_directory(directory: &Path) {
    if let Ok(opened) = File::open(directory) {
        let _ = opened.sync_all();
    }
}

/// The fetch that uses a workspace. Dropped, it ends the work that goes on in the background; the workspace itself
/// goes when that work has ended, so that nothing is written after it was removed.
pub(super) struct Attempt {
    workspace: Arc<Workspace>,
}

impl Attempt {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self { workspace: Arc::new(workspace) }
    }

    /// Where what is written goes with the fetch.
    pub(super) fn scratch(&self) -> &Path {
        &self.workspace.directory
    }

    /// Runs work on files.
    pub(super) async fn in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Workspace) -> Result<T, ProvisionError> + Send + 'static,
    ) -> Result<T, ProvisionError> {
        let workspace = Arc::clone(&self.workspace);
        blocking(move || work(&workspace)).await
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.workspace.cancelled.store(true, Ordering::Relaxed);
    }
}

/// A whole archive on disk, not yet to be trusted.
pub(super) struct Downloaded {
    hasher: Hasher,
}

impl Downloaded {
    /// Compares the sum of what came with the published one.
    pub(super) fn verify(self, artifact: &Artifact) -> Result<(), ProvisionError> {
        artifact.integrity.check(self.hasher).map_err(|(expected, actual)| ProvisionError::Mismatch {
            url: shown(&artifact.request.url),
            expected,
            actual,
        })
    }
}

/// Downloads the artifact to the workspace's archive, hashing as it comes; from the start again after a fault of the
/// network.
pub(super) async fn download(
    attempt: &Attempt,
    client: &Client,
    artifact: &Artifact,
    limit: u64,
    report: &(dyn Fn(u64, Option<u64>) + Send + Sync),
) -> Result<Downloaded, ProvisionError> {
    let mut retries = client.retries();
    loop {
        match download_once(attempt, client, artifact, limit, report).await {
            Err(error) if retries.another(&error).await => {}
            outcome => return outcome,
        }
    }
}

async fn download_once(
    attempt: &Attempt,
    client: &Client,
    artifact: &Artifact,
    limit: u64,
    report: &(dyn Fn(u64, Option<u64>) + Send + Sync),
) -> Result<Downloaded, ProvisionError> {
    let path = attempt.workspace.archive();
    let failed = |error| ProvisionError::from_io("writing", &path, error);
    let mut body = client.open(&artifact.request).await?;
    report(0, body.total());
    // with the workspace in hand: given up meanwhile, it is not removed before the file is there to be removed
    let created = attempt.in_background(|workspace| {
        let path = workspace.archive();
        File::create(&path).map_err(|error| ProvisionError::from_io("writing", &path, error))
    });
    let mut file = tokio::fs::File::from_std(created.await?);
    let mut hasher = artifact.integrity.hasher();
    while let Some(chunk) = body.next(limit).await? {
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(failed)?;
        report(body.received(), body.total());
    }
    // the last write's failure shows only here
    file.flush().await.map_err(failed)?;
    Ok(Downloaded { hasher })
}
