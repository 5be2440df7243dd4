//! File commands. Every path is resolved beneath the workspace by the kernel itself, so that neither `..` nor a
//! link leads out of it; only regular files are read and written, and nothing waits on a pipe or a device.

use std::ffi::CString;
use std::fs::File;
use std::io::{Error, Result, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use super::super::sys;
use super::super::tree;
use super::super::wire::Mode;

/// The workspace's name in every runtime.
const NAME: &[u8] = b"/workspace";
/// The longest path taken.
const MAX_PATH: usize = 4096;

/// The session's workspace.
pub struct Workspace {
    dir: OwnedFd,
    /// Its path in the agent's view.
    path: Vec<u8>,
}

impl Workspace {
    /// Opens the workspace.
    pub fn open(path: &[u8]) -> Result<Self> {
        let dir = sys::open_path(&sys::c_path(path)?, sys::O_RDONLY | sys::O_DIRECTORY)?;
        Ok(Self { dir, path: path.to_vec() })
    }

    /// The descriptor that everything is resolved beneath.
    pub fn dir(&self) -> &OwnedFd {
        &self.dir
    }

    /// Opens it again to its owner, where a program has shut it: the session is not to be lost for that.
    pub fn unlock(&self) {
        use std::os::unix::fs::MetadataExt;
        const OWNER: u32 = 0o700;
        let mode = self.dir.try_clone().and_then(|dir| File::from(dir).metadata()).map(|meta| meta.mode());
        if let Ok(mode) = mode
            && mode & OWNER != OWNER
        {
            sys::set_mode(&self.dir, mode & 0o7777 | OWNER);
        }
    }

    /// An argument of a program with `/workspace` in front replaced by where it really is; of `--option=value` and
    /// `NAME=value` (`assignment`) the value.
    pub fn translate(&self, argument: &[u8], assignment: bool) -> Vec<u8> {
        let has_value = assignment || argument.starts_with(b"-");
        let split = argument.iter().position(|&b| has_value && b == b'=').map_or(0, |i| i + 1);
        let (head, value) = argument.split_at(split);
        match value.strip_prefix(NAME) {
            Some(rest) if self.path != NAME && rest.first().is_none_or(|b| b"/,:".contains(b)) => {
                [head, &self.path, rest].concat()
            }
            _ => argument.to_vec(),
        }
    }

    /// The path below the workspace that a client's path means: normal, without `.` and `..`; `.` for itself.
    pub fn relative(&self, path: &[u8]) -> Result<CString> {
        let rest = match path.strip_prefix(b"/") {
            None => path,
            Some(_) => {
                let below =
                    |name: &[u8]| path.strip_prefix(name).filter(|r| r.is_empty() || r.starts_with(b"/"));
                below(NAME).or_else(|| below(&self.path)).ok_or_else(outside)?
            }
        };
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in rest.split(|&b| b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop().ok_or_else(outside)?;
                }
                name => parts.push(name),
            }
        }
        let joined = if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') };
        if joined.len() > MAX_PATH {
            return Err(Error::from_raw_os_error(36));
        }
        sys::c_path(&joined)
    }

    /// Opens a directory, for listing or as a program's directory.
    pub fn directory(&self, path: &[u8]) -> Result<OwnedFd> {
        let path = if path.is_empty() { c".".to_owned() } else { self.relative(path)? };
        sys::open_beneath(&self.dir, &path, sys::O_RDONLY | sys::O_DIRECTORY, 0)
    }

    /// Opens a regular file for reading; gives its size too.
    pub fn read(&self, path: &[u8]) -> Result<(File, u64)> {
        let fd = sys::open_beneath(&self.dir, &self.relative(path)?, sys::O_RDONLY | sys::O_NONBLOCK, 0)?;
        let file = File::from(fd);
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(Error::from_raw_os_error(sys::EISDIR));
        }
        if !meta.is_file() {
            return Err(not_regular());
        }
        Ok((file, meta.len()))
    }

    /// Opens a regular file for writing and makes the directories above it. `exclusive` refuses one that exists.
    pub fn write(&self, path: &[u8], mode: Mode, exclusive: bool) -> Result<File> {
        let path = self.relative(path)?;
        let flags = sys::O_WRONLY | sys::O_NONBLOCK | sys::O_CREAT | if exclusive { sys::O_EXCL } else { 0 };
        // By its whole path, so that a link may lead anywhere in the workspace.
        let open = || sys::open_beneath(&self.dir, &path, flags, 0o644);
        let file = File::from(match open() {
            Err(e) if e.raw_os_error() == Some(sys::ENOENT) => {
                self.parent(&path, true)?;
                open()?
            }
            result => result?,
        });
        if !file.metadata()?.is_file() {
            return Err(not_regular());
        }
        match mode {
            Mode::Replace => file.set_len(0)?,
            Mode::Append => {
                std::io::Seek::seek(&mut &file, std::io::SeekFrom::End(0))?;
            }
        }
        Ok(file)
    }

    /// Makes a directory.
    pub fn make(&self, path: &[u8], parents: bool) -> Result<()> {
        let path = self.relative(path)?;
        if path.as_c_str() == c"." {
            return if parents { Ok(()) } else { Err(Error::from_raw_os_error(sys::EEXIST)) };
        }
        let (parent, name) = self.parent(&path, parents)?;
        match sys::make_directory(&parent, &name) {
            Err(e) if parents && e.raw_os_error() == Some(sys::EEXIST) => {
                sys::open_beneath(&parent, &name, sys::O_RDONLY | sys::O_DIRECTORY, 0).map(drop)
            }
            result => result,
        }
    }

    /// Deletes a file, or a directory: with all in it, or an empty one.
    pub fn delete(&self, path: &[u8], recursive: bool) -> Result<()> {
        let path = self.relative(path)?;
        if path.as_c_str() == c"." {
            return if recursive {
                tree::empty(&self.dir.try_clone()?)
            } else {
                Err(Error::from_raw_os_error(sys::EISDIR))
            };
        }
        let (parent, name) = self.parent(&path, false)?;
        if recursive {
            return tree::delete(&parent, &name);
        }
        match sys::remove(&parent, &name, false) {
            Err(e) if matches!(e.raw_os_error(), Some(sys::EISDIR | sys::EPERM)) => {
                let removed = sys::remove(&parent, &name, true);
                // A file that may not be deleted is still no directory.
                removed.map_err(|second| if second.raw_os_error() == Some(sys::ENOTDIR) { e } else { second })
            }
            result => result,
        }
    }

    /// Copies a regular file; gives its size.
    pub fn copy(&self, source: &[u8], destination: &[u8], overwrite: bool) -> Result<u64> {
        let (mut from, _) = self.read(source)?;
        // Opened before anything is cut off: a file copied onto itself stays.
        let same = self.read(destination).ok().map(|(file, _)| file.metadata());
        let identity = |m: &std::fs::Metadata| {
            (std::os::unix::fs::MetadataExt::dev(m), std::os::unix::fs::MetadataExt::ino(m))
        };
        if let Some(Ok(there)) = same
            && identity(&there) == identity(&from.metadata()?)
        {
            return Ok(there.len());
        }
        let mut to = self.write(destination, Mode::Replace, !overwrite)?;
        let bytes = std::io::copy(&mut from, &mut to)?;
        to.set_permissions(from.metadata()?.permissions())?;
        to.flush()?;
        Ok(bytes)
    }

    /// The directory that holds `path`, and its name in it; makes missing directories where asked.
    fn parent(&self, path: &CString, make: bool) -> Result<(OwnedFd, CString)> {
        let bytes = path.as_bytes();
        let Some(slash) = bytes.iter().rposition(|&b| b == b'/') else {
            return Ok((self.dir.try_clone()?, path.clone()));
        };
        let (above, name) = (sys::c_path(&bytes[..slash])?, sys::c_path(&bytes[slash + 1..])?);
        let flags = sys::O_PATH | sys::O_DIRECTORY;
        match sys::open_beneath(&self.dir, &above, flags, 0) {
            Err(e) if make && e.raw_os_error() == Some(sys::ENOENT) => {}
            result => return Ok((result?, name)),
        }
        let mut dir = self.dir.try_clone()?;
        for part in bytes[..slash].split(|&b| b == b'/') {
            let part = sys::c_path(part)?;
            match sys::make_directory(&dir, &part) {
                Err(e) if e.raw_os_error() != Some(sys::EEXIST) => return Err(e),
                _ => {}
            }
            dir = sys::open_beneath(&dir, &part, flags, 0)?;
        }
        Ok((dir, name))
    }

    /// The descriptor's number, for a process that shall keep it.
    pub fn raw(&self) -> i32 {
        self.dir.as_raw_fd()
    }
}

/// EXDEV, as the kernel says of a path that leads out.
fn outside() -> Error {
    Error::from_raw_os_error(sys::EXDEV)
}

/// EINVAL: a pipe, a device or a socket.
fn not_regular() -> Error {
    Error::from_raw_os_error(sys::EINVAL)
}
