//! What a session is held to, in numbers: the same for every runtime, so that a program finds the same room on each.

use crate::engine::LaunchSpec;
use crate::protocol::SessionLimits;
use crate::sandbox::Storage;

/// What `/tmp` and `/dev/shm` hold at most.
const TMP: Storage = Storage { bytes: 256 << 20, files: 16384 };
const SHM: Storage = Storage { bytes: 64 << 20, files: 1024 };

/// What a session is held to, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub memory_bytes: u64,
    pub processes: u64,
    pub open_files: u64,
    pub file_size: u64,
    pub workspace: Storage,
    pub tmp: Storage,
    pub shm: Storage,
    pub cpu_shares: Option<u64>,
}

impl Limits {
    /// Those of a session; `in_memory`: its files are, too.
    pub fn of(spec: &LaunchSpec, in_memory: bool) -> Self {
        let limits = &spec.limits;
        let memory_bytes = spec.memory_limit_mb.saturating_mul(1 << 20);
        // Files in memory are memory too: filled to the brim they must leave programs some.
        let part = |storage: Storage, of: u64| Storage {
            bytes: if in_memory { storage.bytes.min(memory_bytes / of) } else { storage.bytes },
            ..storage
        };
        let workspace = Storage {
            bytes: limits.workspace_bytes.unwrap_or(256 << 20),
            files: limits.workspace_files.unwrap_or(32768),
        };
        Self {
            memory_bytes,
            processes: limits.processes.unwrap_or(64),
            open_files: limits.open_files.unwrap_or(1024),
            file_size: limits.file_size_bytes.unwrap_or(64 << 20),
            workspace: part(workspace, 2),
            tmp: part(TMP, 4),
            shm: part(SHM, 8),
            cpu_shares: limits.cpu_shares,
        }
    }

    /// Those that hold; of processors only where somebody bounds them.
    pub fn in_force(&self, asked: &SessionLimits, processors: bool) -> SessionLimits {
        SessionLimits {
            cpu_shares: self.cpu_shares.filter(|_| processors),
            processes: Some(self.processes),
            open_files: Some(self.open_files),
            file_size_bytes: Some(self.file_size),
            workspace_bytes: Some(self.workspace.bytes),
            workspace_files: Some(self.workspace.files),
            ..asked.clone()
        }
    }
}
