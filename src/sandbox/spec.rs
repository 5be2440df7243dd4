//! What a launcher is told: which wall to build, around what.
//!
//! It goes through the agent's own stream before anything else: four bytes of length, little endian, and JSON; then
//! the system call filter in the same way, as the kernel takes it.

use std::io::{ErrorKind, Read, Result};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The longest part of a specification that is taken.
const MAX_PART: usize = 256 << 10;

/// The walls there are, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Namespaces with a root of their own, and everything of the next tier.
    Namespaces,
    /// Landlock and the system call filter, in the host's own tree of files.
    Landlock,
    /// A directory, limits and a supervisor: no wall.
    Unconfined,
}

impl Tier {
    /// Its name for people and for the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Landlock => "landlock",
            Self::Unconfined => "unconfined",
        }
    }
}

/// A file or directory of the host that sessions may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Where it is on the host; links are followed.
    pub source: PathBuf,
    /// Where it appears in the session.
    pub target: PathBuf,
}

impl Bind {
    /// The same path on both sides.
    pub fn same(path: impl Into<PathBuf>) -> Self {
        let source = path.into();
        Self { target: source.clone(), source }
    }

    /// Where a path on the host appears in the session, if it is beneath this.
    pub fn inside(&self, path: &Path) -> Option<PathBuf> {
        let rest = path.strip_prefix(&self.source).ok()?;
        Some(if rest.as_os_str().is_empty() { self.target.clone() } else { self.target.join(rest) })
    }
}

/// A file system in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// The most bytes in it.
    pub bytes: u64,
    /// The most files and directories in it.
    pub files: u64,
}

/// What a launcher is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Which wall.
    pub tier: Tier,
    /// The session's directory on the host.
    pub directory: PathBuf,
    /// The host's network stays reachable.
    pub network: bool,
    /// What of the host is bound into the session's root.
    pub binds: Vec<Bind>,
    /// The session's workspace.
    pub workspace: Storage,
    /// Its `/tmp`.
    pub tmp: Storage,
    /// Its `/dev/shm`.
    pub shm: Storage,
    /// Open files of the agent.
    pub open_files: u64,
    /// The largest file, in bytes.
    pub file_size: u64,
    /// The directories of its control group, one for each hierarchy: programs join them, and the launcher removes them.
    pub groups: Vec<PathBuf>,
    /// The system call filters, as the kernel takes them, applied in this order.
    #[serde(skip)]
    pub filters: Vec<Vec<u8>>,
}

impl Spec {
    /// The specification as it goes through the stream.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let json = serde_json::to_vec(self)?;
        for part in std::iter::once(&json).chain(&self.filters).chain(std::iter::once(&Vec::new())) {
            let length = u32::try_from(part.len()).ok().filter(|n| *n as usize <= MAX_PART);
            out.extend_from_slice(&length.ok_or(ErrorKind::InvalidInput)?.to_le_bytes());
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    /// Reads a specification, and nothing of what comes after it.
    pub fn read(mut stream: impl Read) -> Result<Self> {
        let mut spec: Self = serde_json::from_slice(&part(&mut stream)?)?;
        loop {
            let filter = part(&mut stream)?;
            if filter.is_empty() {
                return Ok(spec);
            }
            spec.filters.push(filter);
        }
    }
}

fn part(stream: &mut impl Read) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_PART {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut part = vec![0; length];
    stream.read_exact(&mut part)?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_goes_through_the_stream() {
        let storage = Storage { bytes: 1 << 28, files: 16384 };
        let spec = Spec {
            tier: Tier::Namespaces,
            directory: "/somewhere".into(),
            network: false,
            binds: vec![Bind::same("/usr")],
            workspace: storage,
            tmp: storage,
            shm: storage,
            open_files: 1024,
            file_size: 1 << 28,
            groups: vec!["/sys/fs/cgroup/memory/one".into()],
            filters: vec![vec![1, 2, 3], vec![4]],
        };
        let mut bytes = spec.encode().unwrap();
        bytes.extend_from_slice(b"what comes after it");
        let mut stream = &bytes[..];
        assert_eq!(Spec::read(&mut stream).unwrap(), spec);
        assert_eq!(stream, b"what comes after it");
        assert!(Spec::read(&bytes[..10]).is_err());
        assert_eq!(Spec::read(&[255u8; 8][..]).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn paths_are_found_behind_their_bind() {
        let bind = Bind { source: "/home/u/go".into(), target: "/opt/go".into() };
        assert_eq!(bind.inside(Path::new("/home/u/go/bin/go")).unwrap(), Path::new("/opt/go/bin/go"));
        assert_eq!(bind.inside(Path::new("/home/u/go")).unwrap(), Path::new("/opt/go"));
        assert_eq!(bind.inside(Path::new("/home/u/gone")), None);
    }
}
