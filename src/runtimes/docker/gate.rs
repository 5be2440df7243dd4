//! The directory through which an agent comes into its container, and the socket that it dials from there.
//!
//! It is private: only its container sees it. The first to dial is the agent, as nothing else runs before it is
//! greeted; then socket and directory are removed, and nobody can dial after it.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{UnixListener, UnixStream};

use super::container::{PEOPLE, people};
use super::owner::{Life, Owner};
use crate::agent;

/// A process's directory for the gates of its containers, removed with the last handle to it.
#[derive(Debug)]
pub struct Gates {
    path: PathBuf,
    next: AtomicU64,
}

impl Gates {
    /// Makes one below `state`; those of processes that are gone are removed.
    pub fn open(state: &Path, owner: &Owner, instance: &str) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        reap(state, owner);
        let path = state.join(format!("{}.{instance}", owner.label().replace(':', ".")));
        DirBuilder::new().mode(0o700).create(&path)?;
        let gates = Self { path, next: AtomicU64::new(1) };
        let program = gates.program();
        fs::write(&program, agent::PROGRAM)?;
        fs::set_permissions(&program, Permissions::from_mode(0o755))?;
        Ok(gates)
    }

    fn program(&self) -> PathBuf {
        self.path.join("agent")
    }

    /// Makes a gate for one container, whose programs are this user.
    pub fn gate(&self, user: u32) -> io::Result<Gate> {
        let path = self.path.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        DirBuilder::new().mode(0o711).create(&path)?;
        // From here on dropping it removes the directory.
        let mut gate = Gate { path, listener: None };
        let program = gate.path.join("agent");
        fs::hard_link(self.program(), &program).or_else(|_| fs::copy(self.program(), &program).map(drop))?;
        for (name, text) in PEOPLE.iter().zip(people(user)) {
            fs::write(gate.path.join(name), text)?;
            fs::set_permissions(gate.path.join(name), Permissions::from_mode(0o644))?;
        }
        gate.listener = Some(listen(&gate.path)?);
        Ok(gate)
    }
}

/// Removes what processes that are gone have left below `state`.
pub fn reap(state: &Path, owner: &Owner) {
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().replace('.', ":");
        let label = name.rsplit_once(':').map_or("", |(label, _)| label);
        if matches!(owner.life(label), Life::Gone | Life::Before) {
            let removed = agent::remove_tree(&entry.path());
            removed.unwrap_or_else(|e| tracing::warn!("{} can't be removed: {e}", entry.path().display()));
        }
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        let removed = agent::remove_tree(&self.path);
        removed.unwrap_or_else(|e| tracing::warn!("{} can't be removed: {e}", self.path.display()));
    }
}

/// Listens on a socket that every user may dial who sees it. Its name is short, however deep the directory lies: the
/// kernel takes no more than 107 bytes.
fn listen(directory: &Path) -> io::Result<UnixListener> {
    use std::os::fd::AsRawFd;
    let directory = fs::File::open(directory)?;
    let path = format!("/proc/self/fd/{}/socket", directory.as_raw_fd());
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// A gate for one container. Dropped, it is removed; whoever has come through stays.
#[derive(Debug)]
pub struct Gate {
    path: PathBuf,
    listener: Option<UnixListener>,
}

impl Gate {
    /// What the container is to be given.
    pub fn directory(&self) -> &Path {
        &self.path
    }

    /// Waits for the agent.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        match &self.listener {
            Some(listener) => Ok(listener.accept().await?.0),
            None => std::future::pending().await,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let files = ["agent", "socket"].into_iter().chain(PEOPLE);
        let removed: Vec<_> = files.map(|name| fs::remove_file(self.path.join(name))).collect();
        let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
        let failed = removed.into_iter().chain([fs::remove_dir(&self.path)]).filter_map(Result::err);
        if let Some(e) = failed.into_iter().find(|e| !gone(e)) {
            tracing::warn!("{} can't be removed: {e}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_gate_is_gone_when_somebody_has_come_through() {
        // Deeper than the name of a socket can be.
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("a".repeat(100)).join("b".repeat(100));
        let owner = Owner::ourselves();
        let gates = Gates::open(&state, &owner, "one").unwrap();
        let gate = gates.gate(60_600).unwrap();
        assert!(gate.directory().join("agent").is_file());
        let near = fs::File::open(gate.directory()).unwrap();
        let short = format!("/proc/self/fd/{}/socket", std::os::fd::AsRawFd::as_raw_fd(&near));
        let (theirs, ours) = tokio::join!(UnixStream::connect(&short), gate.accept());
        let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
        drop(gate);
        assert_eq!(UnixStream::connect(&short).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        drop(theirs);
        let mut byte = [0];
        assert_eq!(tokio::io::AsyncReadExt::read(&mut { ours }, &mut byte).await.unwrap(), 0);
        drop(gates);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_process_left_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let owner = Owner::ourselves();
        let dead = format!("{}.x", owner.label().rsplit_once(':').unwrap().0.replace(':', ".") + ".1");
        let alive = format!("{}.y", owner.label().replace(':', "."));
        for name in [&dead, &alive, "other"] {
            fs::create_dir_all(root.path().join(name).join("1")).unwrap();
        }
        let gates = Gates::open(root.path(), &owner, "one").unwrap();
        assert!(!root.path().join(&dead).exists());
        assert!(root.path().join(&alive).exists() && root.path().join("other").exists());
        drop(gates);
    }
}
