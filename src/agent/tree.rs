//! Deleting directory trees that hostile code has made: as deep and as wide as it likes.
//!
//! Recursion overflows the stack and keeping every ancestor open runs out of descriptors; so a directory that lies
//! deep is moved up to the top and deleted from there. Nothing follows a link.
//!
//! This file is compiled twice: into the host and into the agent's program. It may use std alone.

use std::ffi::{CStr, CString};
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, OwnedFd};

use super::sys;

/// Beyond this depth a subtree is moved to the top.
const MAX_DEPTH: usize = 64;
/// Names read at once.
const BATCH: usize = 1024;
const DT_DIR: u8 = 4;
const DT_UNKNOWN: u8 = 0;

/// Deletes `name` in `dir`, and all that is in it where it is a directory. A link is deleted, not followed.
pub fn delete(dir: &impl AsRawFd, name: &CStr) -> Result<()> {
    match sys::remove(dir, name, false) {
        Err(e) if matches!(e.raw_os_error(), Some(sys::EISDIR | sys::EPERM)) => {}
        result => return result,
    }
    let top = match open_directory(dir, name) {
        // What may not be deleted is no directory.
        Err(e) if e.raw_os_error() == Some(sys::ENOTDIR) => return Err(Error::from_raw_os_error(sys::EPERM)),
        result => result?,
    };
    empty(&top)?;
    sys::remove(dir, name, true)
}

fn open_directory(dir: &impl AsRawFd, name: &CStr) -> Result<OwnedFd> {
    let flags = sys::O_RDONLY | sys::O_DIRECTORY;
    let fd = match sys::open_at(dir, name, flags) {
        // A directory without permissions: its owner can give them back, through a descriptor that needs none.
        Err(e) if e.raw_os_error() == Some(sys::EACCES) => {
            let path = sys::open_at(dir, name, sys::O_PATH | sys::O_DIRECTORY)?;
            let link = sys::c_path(format!("/proc/self/fd/{}", path.as_raw_fd()).as_bytes())?;
            std::fs::set_permissions(
                std::path::Path::new(&*link.to_string_lossy()),
                std::os::unix::fs::PermissionsExt::from_mode(0o700),
            )?;
            sys::open_at(dir, name, flags)
        }
        result => result,
    }?;
    sys::unlock_directory(&fd);
    Ok(fd)
}

/// Deletes everything in a directory, but not the directory itself.
pub fn empty(top: &OwnedFd) -> Result<()> {
    sys::unlock_directory(top);
    let mut moved = 0u64;
    // What lies between `top` and the directory in work, with the name of each in its parent.
    let mut path: Vec<(OwnedFd, CString)> = Vec::new();
    loop {
        let here = path.last().map_or(top, |(fd, _)| fd);
        let Some(child) = delete_files(here)? else {
            let Some((_, name)) = path.pop() else { return Ok(()) };
            let parent = path.last().map_or(top, |(fd, _)| fd);
            sys::remove(parent, &name, true)?;
            continue;
        };
        if path.len() < MAX_DEPTH {
            let fd = open_directory(here, &child)?;
            path.push((fd, child));
            continue;
        }
        // Too deep: from the top it is one level down, and what is above it can be finished.
        loop {
            moved += 1;
            let name = sys::c_path(format!(".deep-{}-{moved}", std::process::id()).as_bytes())?;
            match sys::rename(here, &child, top, &name) {
                Err(e) if matches!(e.raw_os_error(), Some(sys::EEXIST | 39)) => continue,
                result => break result?,
            }
        }
    }
}

/// Deletes what is no directory in `here`, and directories that are empty; gives one that is not, if there is one.
fn delete_files(here: &OwnedFd) -> Result<Option<CString>> {
    loop {
        // A fresh descriptor each time: its offset is at the beginning, and what was deleted is not listed again.
        let listing = sys::open_at(here, c".", sys::O_RDONLY | sys::O_DIRECTORY)?;
        let names = sys::names(&listing, BATCH)?;
        if names.is_empty() {
            return Ok(None);
        }
        for (name, kind) in names {
            let removed = match kind {
                DT_DIR => sys::remove(here, &name, true),
                DT_UNKNOWN => sys::remove(here, &name, false).or_else(|_| sys::remove(here, &name, true)),
                _ => sys::remove(here, &name, false),
            };
            match removed {
                Ok(()) => {}
                Err(e) if e.raw_os_error() == Some(sys::ENOENT) => {}
                Err(e) if is_full(&e) => return Ok(Some(name)),
                Err(e) => return Err(e),
            }
        }
    }
}

/// ENOTEMPTY, or EEXIST as some file systems say.
fn is_full(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(39 | sys::EEXIST))
}
