//! What can be asked of a session's workspace, and what is answered: the words between `update` and the effects.
//!
//! Paths are relative to the workspace and never empty but for the workspace itself. Knows neither how an engine is
//! asked nor what a pane shows.

use std::path::PathBuf;

use bytes::Bytes;

use super::msg::BufferId;
use crate::protocol::{DirectoryEntry, Failure, SessionId};

/// The most bytes of a deleted file that are kept to be written back.
pub const MOST_KEPT: u64 = 8 << 20;
/// The largest file that can be read out of a workspace: the most bytes that one answer carries.
pub const MOST_READ: u64 = 8 << 20;

/// Something to be done in a workspace, or between it and this machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Lists a directory.
    List {
        /// Which.
        path: String,
        /// Names that begin with a dot too.
        hidden: bool,
    },
    /// Reads a text to be edited.
    Open {
        /// Which file.
        path: String,
    },
    /// Writes an edited text.
    Save {
        /// Which text.
        buffer: BufferId,
        /// Which file.
        path: String,
        /// What.
        text: String,
        /// The revision of the text.
        revision: u64,
        /// The file as it was read or saved, the only one that may be replaced; `None`: any may.
        known: Option<Seen>,
    },
    /// Makes an empty file; one that is there stays.
    NewFile {
        /// Which.
        path: String,
    },
    /// Makes a directory.
    NewDirectory {
        /// Which.
        path: String,
    },
    /// Gives a file or directory another name; what has that name already stays.
    Rename {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// Copies a file, or a directory with all in it; what is there already stays.
    Copy {
        /// From.
        from: String,
        /// To.
        to: String,
    },
    /// Deletes a file or directory.
    Delete {
        /// Which.
        path: String,
        /// Also what can't be written back: its person was asked.
        sure: bool,
    },
    /// Writes back what was deleted.
    Restore(Kept),
    /// Copies a file or directory of this machine into the workspace.
    Upload {
        /// From.
        from: PathBuf,
        /// To.
        to: String,
        /// Replaces what is there: its person was asked.
        replace: bool,
    },
    /// Copies a file or directory of the workspace to this machine.
    Download {
        /// From.
        from: String,
        /// To.
        to: PathBuf,
        /// Replaces a file that is there: its person was asked.
        replace: bool,
    },
}

impl Task {
    /// It only looks: nothing is lost with it.
    pub fn looks(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Open { .. })
    }

    /// What it does, for people: `deleting a.py`.
    pub fn words(&self) -> String {
        match self {
            Self::List { path, .. } => format!("listing {}", name(path)),
            Self::Open { path } => format!("opening {}", name(path)),
            Self::Save { path, .. } => format!("saving {}", name(path)),
            Self::NewFile { path } | Self::NewDirectory { path } => format!("making {}", name(path)),
            Self::Rename { from, .. } => format!("renaming {}", name(from)),
            Self::Copy { from, .. } => format!("copying {}", name(from)),
            Self::Delete { path, .. } => format!("deleting {}", name(path)),
            Self::Restore(kept) => format!("writing {} back", name(&kept.path)),
            Self::Upload { to, .. } => format!("uploading {}", name(to)),
            Self::Download { from, .. } => format!("downloading {}", name(from)),
        }
    }
}

/// The last part of a path.
pub fn name(path: &str) -> &str {
    if path.is_empty() { "the workspace" } else { path.rsplit('/').next().unwrap_or(path) }
}

/// The directory that holds a path; empty for the workspace.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A path in a directory.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Whether a name that a session told is one that stays where it is: no part of it leads elsewhere.
pub fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// Whether a name is known as it is: bytes that are no UTF-8 come as U+FFFD, which names no file.
pub fn is_known(name: &str) -> bool {
    !name.contains('\u{fffd}')
}

/// What tells whether a file was changed: of its whole content, since times are known to the second only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Bytes.
    pub size: u64,
    /// Of the content; only to be compared with others of this process.
    pub hash: u64,
}

impl Seen {
    /// Of this content.
    pub fn of(content: &[u8]) -> Self {
        use std::hash::{DefaultHasher, Hasher as _};
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        Self { size: content.len() as u64, hash: hasher.finish() }
    }
}

/// Something deleted that can be written back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it was.
    pub path: String,
    /// What was in it; `None`: it was an empty directory.
    pub content: Option<Bytes>,
    /// Its permission bits in octal.
    pub mode: String,
}

/// What came of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// A directory's entries.
    Listed {
        /// In the order of their names.
        entries: Vec<DirectoryEntry>,
        /// There are more than one answer holds.
        truncated: bool,
    },
    /// A text to be edited.
    Opened {
        /// All of it.
        text: String,
        /// The file as it is.
        seen: Seen,
    },
    /// A text was written.
    Saved(Seen),
    /// It was deleted; with it what can be written back.
    Deleted(Option<Kept>),
    /// So many files were copied, so many left out because they are no regular files, or have no name that is known.
    Copied {
        /// Files.
        files: u64,
        /// Bytes.
        bytes: u64,
        /// Left out.
        left_out: u64,
    },
    /// It is done.
    Made,
}

/// Why a task was not done.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// There is something of this name, which was not to be replaced.
    Exists(String),
    /// The file was changed since it was read.
    Changed,
    /// What would be deleted can't be written back, for this reason.
    Unkept(String),
    /// It was ended from here; what is half done in words, if anything is.
    Ended(String),
    /// Anything else.
    Failed(Failure),
}

/// What is told of a task.
#[derive(Debug)]
pub enum FilesMsg {
    /// How far it is.
    Progress {
        /// Where.
        session: SessionId,
        /// Its number.
        number: u64,
        /// Files done, of how many; bytes done, of how many.
        files: (u64, u64),
        /// Bytes done, of how many.
        bytes: (u64, u64),
    },
    /// It ended.
    Done {
        /// Where.
        session: SessionId,
        /// Its number.
        number: u64,
        /// What came of it.
        result: Result<Done, Refusal>,
    },
}

/// What the ids of the executions that these tasks take begin with. A session tells of every execution; these are no
/// runs, and what follows a run must not follow them.
pub(super) const EXECUTION: &str = "files-";
