//! Walking the workspace: listing and measuring. Runs in a process of its own, since a tree may be endless.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use super::super::sys;
use super::super::wire::{Entry, List};

/// How deep a walk goes at most: each level holds a descriptor.
const MAX_DEPTH: usize = 128;
/// Names that are looked at of one directory, and kept of all in work.
const MAX_NAMES: usize = 200_000;
/// The longest path that can be asked for; what lies deeper is not listed.
const MAX_PATH: usize = 4095;
/// Entries after which measuring stops.
const MAX_MEASURED: u64 = 500_000;

/// A directory in work, with the names in it that are still to be looked at.
struct Level {
    fd: OwnedFd,
    names: std::vec::IntoIter<(std::ffi::CString, u8)>,
    /// What its owner may do with it, where that had to be widened meanwhile.
    mode: Option<u32>,
}

impl Drop for Level {
    fn drop(&mut self) {
        if let Some(mode) = self.mode {
            sys::set_mode(&self.fd, mode);
        }
    }
}

impl Level {
    /// Reads the names in an open directory, at most so many.
    fn read(fd: OwnedFd, most: usize, mode: Option<u32>) -> Result<Self> {
        // Whatever happens, the mode is set back.
        let mut level = Self { fd, names: Vec::new().into_iter(), mode };
        let mut names = sys::names(&level.fd, most)?;
        names.sort();
        level.names = names.into_iter();
        Ok(level)
    }
}

/// What the owner of a directory has to be given to look into it: its mode before, and so widened.
fn widened(meta: &std::fs::Metadata) -> Option<(u32, u32)> {
    const LOOK_INTO: u32 = 0o500;
    let mode = meta.mode() & 0o7777;
    (mode & LOOK_INTO != LOOK_INTO).then_some((mode, mode | LOOK_INTO))
}

fn kept(stack: &[(Level, usize)]) -> usize {
    stack.iter().map(|(level, _)| level.names.len()).sum()
}

/// Visits everything below `top`, directories before what is in them, names in order, no link followed. `visit` gets
/// the path from `top` and says whether to go on. `all`: also what its owner has closed to himself; gives whether
/// nothing stayed closed.
fn walk(
    top: Level,
    depth: usize,
    (hidden, all): (bool, bool),
    visit: &mut dyn FnMut(&[u8], &std::fs::Metadata) -> Result<bool>,
) -> Result<bool> {
    let mut open = true;
    let mut path: Vec<u8> = Vec::new();
    let mut stack = vec![(top, 0)];
    while let Some((level, prefix)) = stack.last_mut() {
        path.truncate(*prefix);
        let Some((name, _)) = level.names.next() else {
            stack.pop();
            continue;
        };
        if !hidden && name.as_bytes().starts_with(b".") {
            continue;
        }
        // Vanished in between.
        let Ok(entry) = sys::open_at(&level.fd, &name, sys::O_PATH) else { continue };
        let Ok(meta) = File::from(entry.try_clone()?).metadata() else { continue };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        if !visit(&path, &meta)? {
            return Ok(open);
        }
        if meta.is_dir() && stack.len() < depth.min(MAX_DEPTH) {
            let most = MAX_NAMES.saturating_sub(kept(&stack));
            match enter(&entry, &meta, most, all) {
                Ok(level) => stack.push((level, path.len())),
                // Where permissions can't be changed by path not even the agent gets in.
                Err(e) => open &= !matches!(e.raw_os_error(), Some(sys::EACCES | sys::EPERM)),
            }
        }
    }
    Ok(open)
}

/// Opens a directory of which there is only a path's descriptor.
fn enter(entry: &OwnedFd, meta: &std::fs::Metadata, most: usize, all: bool) -> Result<Level> {
    let widened = widened(meta).filter(|_| all);
    if let Some((_, mode)) = widened {
        let link = format!("/proc/self/fd/{}", entry.as_raw_fd());
        std::fs::set_permissions(link, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    }
    Level::read(reopen(entry)?, most, widened.map(|(mode, _)| mode))
}

/// Writes the entries that `list` asks for; gives their number and whether there are more.
pub fn list(dir: OwnedFd, list: &List, out: &mut File) -> Result<(u64, u64)> {
    let mut out = BufWriter::new(out);
    let (mut count, mut more) = (0, 0);
    let top = Level::read(dir, MAX_NAMES, None)?;
    walk(top, list.depth.max(1) as usize, (list.hidden, false), &mut |path, meta| {
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
        if !list.pattern.is_empty() && !matches(&list.pattern, name) {
            return Ok(true);
        }
        if count >= u64::from(list.max_entries) {
            more = 1;
            return Ok(false);
        }
        if path.len() > MAX_PATH {
            more = 1;
            return Ok(true);
        }
        count += 1;
        let kind = match meta.file_type() {
            t if t.is_file() => b'f',
            t if t.is_dir() => b'd',
            t if t.is_symlink() => b'l',
            _ => b'o',
        };
        let entry = Entry {
            path: path.to_vec(),
            kind,
            size: meta.size(),
            modified: meta.mtime(),
            mode: meta.mode() & 0o7777,
        };
        let mut record = Vec::new();
        entry.encode(&mut record);
        out.write_all(&record)?;
        Ok(true)
    })?;
    out.flush()?;
    Ok((count, more))
}

/// What is below a directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Bytes on disk.
    pub bytes: u64,
    /// Files, without directories.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Nothing was too deep, nothing too many, and nothing closed for good.
    pub whole: bool,
}

/// Counts what is below `dir`, also what its owner has closed to himself: that is opened meanwhile.
pub fn measure(dir: &OwnedFd) -> Result<Measured> {
    let mut all = Measured { whole: true, ..Measured::default() };
    let widened = widened(&File::from(dir.try_clone()?).metadata()?);
    if let Some((_, mode)) = widened {
        sys::set_mode(dir, mode);
    }
    let top = Level::read(reopen(dir)?, MAX_NAMES, widened.map(|(mode, _)| mode))?;
    let open = walk(top, MAX_DEPTH, (true, true), &mut |path, meta| {
        all.bytes += meta.blocks() * 512;
        all.files += u64::from(!meta.is_dir());
        all.directories += u64::from(meta.is_dir());
        // What is as deep as this may have more below it.
        let depth = path.iter().filter(|&&b| b == b'/').count() + 1;
        let few = all.files + all.directories < MAX_MEASURED;
        all.whole &= few && !(meta.is_dir() && depth >= MAX_DEPTH);
        Ok(few)
    })?;
    all.whole &= open;
    Ok(all)
}

/// A fresh listing descriptor of a directory that is already open.
pub fn reopen(dir: &impl AsRawFd) -> Result<OwnedFd> {
    sys::open_at(dir, c".", sys::O_RDONLY | sys::O_DIRECTORY)
}

/// Whether `name` matches `pattern`, in which `*` is any number of bytes and `?` is one.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on when what follows the last star doesn't match here.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    (p, n) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*.py", "a.py", true),
            ("*.py", "a.pyc", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("", "", true),
            ("**", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
