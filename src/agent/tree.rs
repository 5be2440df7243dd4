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
/// Names read at once, and kept at most for each directory in work.
const BATCH: usize = 512;
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

/// A directory in work.
struct Level {
    fd: OwnedFd,
    /// Its name in the one above.
    name: CString,
    /// Directories in it that are known not to be empty.
    full: Vec<CString>,
}

/// Deletes everything in a directory, but not the directory itself.
pub fn empty(top: &OwnedFd) -> Result<()> {
    sys::unlock_directory(top);
    let mut moved = 0u64;
    let mut full = sweep(top)?;
    // What lies between `top` and the directory in work.
    let mut path: Vec<Level> = Vec::new();
    loop {
        let depth = path.len();
        let (here, full) = path.last_mut().map_or((top, &mut full), |level| (&level.fd, &mut level.full));
        if let Some(child) = full.pop() {
            if depth >= MAX_DEPTH {
                // From the top it is one level down, and what is above it can be finished.
                unless_changed(move_up(here, &child, top, &mut moved))?;
            } else if let Some(fd) = unless_changed(open_directory(here, &child))? {
                path.push(Level { full: sweep(&fd)?, fd, name: child });
            }
            continue;
        }
        *full = sweep(here)?;
        if full.is_empty() {
            let Some(level) = path.pop() else { return Ok(()) };
            let parent = path.last().map_or(top, |above| &above.fd);
            unless_changed(sys::remove(parent, &level.name, true))?;
        }
    }
}

/// Deletes what is no directory in `here`, and directories that are empty; gives some that are not, if there are any.
fn sweep(here: &OwnedFd) -> Result<Vec<CString>> {
    let mut full = Vec::new();
    while full.is_empty() {
        // A fresh descriptor each time: its offset is at the beginning, and what was deleted is not listed again.
        let listing = sys::open_at(here, c".", sys::O_RDONLY | sys::O_DIRECTORY);
        let Some(listing) = unless_changed(listing)? else { break };
        let names = unless_changed(sys::names(&listing, BATCH))?.unwrap_or_default();
        if names.is_empty() {
            break;
        }
        for (name, kind) in names {
            let removed = match kind {
                DT_DIR => sys::remove(here, &name, true),
                DT_UNKNOWN => sys::remove(here, &name, false).or_else(|_| sys::remove(here, &name, true)),
                _ => sys::remove(here, &name, false),
            };
            match unless_changed(removed) {
                Err(e) if is_full(&e) => full.push(name),
                result => drop(result?),
            }
        }
    }
    Ok(full)
}

/// Moves the directory `child` to the top, under a name that is free there.
fn move_up(here: &OwnedFd, child: &CStr, top: &OwnedFd, moved: &mut u64) -> Result<()> {
    let mut locked = false;
    loop {
        *moved += 1;
        let name = sys::c_path(format!(".deep-{}-{moved}", std::process::id()).as_bytes())?;
        match sys::rename(here, child, top, &name) {
            // Taken: by a directory that is not empty, or by a file.
            Err(e)
                if is_full(&e) || (e.raw_os_error() == Some(sys::ENOTDIR) && sys::is_there(top, &name)) => {}
            // A directory gets another parent only if it can be written to.
            Err(e) if e.raw_os_error() == Some(sys::EACCES) && !locked => {
                locked = true;
                open_directory(here, child)?;
            }
            result => return result,
        }
    }
}

/// `None` where somebody else has moved, deleted or replaced the thing meanwhile: it is looked at again, or gone.
fn unless_changed<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(e) if matches!(e.raw_os_error(), Some(sys::ENOENT | sys::ENOTDIR | sys::EISDIR | sys::ELOOP)) => {
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// ENOTEMPTY, or EEXIST as some file systems say.
fn is_full(error: &Error) -> bool {
    matches!(error.raw_os_error(), Some(sys::ENOTEMPTY | sys::EEXIST))
}
