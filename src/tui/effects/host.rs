//! This machine's side of what is copied to a workspace and from one: what is there, read in pieces, written whole.
//! Everything here blocks.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::tui::disk;
use crate::tui::msg::{Replace, SaveFailure};

/// The most files and directories that are copied at once.
const MOST_FILES: usize = 5000;
/// The most bytes that are copied at once.
const MOST_BYTES: u64 = 256 << 20;
/// How deep directories are followed.
const DEEPEST: usize = 64;

/// A path as it was typed, with the home directory in place of a `~`.
pub(super) fn expand(path: &Path) -> PathBuf {
    path.to_str().map_or_else(|| path.to_owned(), |typed| disk::expand(typed).into())
}

/// A file or directory to be copied, with all in it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tree {
    /// Directories, from the one above all, which is empty; each after the one that holds it.
    pub(super) directories: Vec<String>,
    /// Files with their sizes. Of a file alone the name is empty.
    pub(super) files: Vec<(String, u64)>,
    /// So many are left out: links, devices, names that are no UTF-8.
    pub(super) left_out: u64,
}

impl Tree {
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, size)| size).sum()
    }

    /// Error: it is more than is copied at once.
    pub(super) fn is_not_too_much(&self) -> Result<(), String> {
        if self.directories.len() + self.files.len() > MOST_FILES {
            return Err(format!("it has more than {MOST_FILES} files and directories"));
        }
        if self.bytes() > MOST_BYTES {
            return Err("it has more than 256 MiB".to_owned());
        }
        Ok(())
    }
}

/// What is at a path. Error: nothing that can be copied, in words.
pub(super) fn look(path: &Path) -> Result<Tree, String> {
    let meta = fs::metadata(path).map_err(|error| words(&error))?;
    let mut tree = Tree::default();
    if meta.is_file() {
        tree.files.push((String::new(), meta.len()));
    } else if meta.is_dir() {
        tree.directories.push(String::new());
        walk(path, "", 0, &mut tree)?;
    } else {
        return Err("it is neither a file nor a directory".to_owned());
    }
    tree.is_not_too_much()?;
    Ok(tree)
}

fn walk(at: &Path, prefix: &str, depth: usize, tree: &mut Tree) -> Result<(), String> {
    for entry in fs::read_dir(at).map_err(|error| words(&error))? {
        let entry = entry.map_err(|error| words(&error))?;
        let Ok(name) = entry.file_name().into_string() else {
            tree.left_out += 1;
            continue;
        };
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let meta = entry.metadata().map_err(|error| words(&error))?;
        if meta.is_file() {
            tree.files.push((path, meta.len()));
        } else if meta.is_dir() && depth < DEEPEST {
            tree.directories.push(path.clone());
            tree.is_not_too_much()?;
            walk(&entry.path(), &path, depth + 1, tree)?;
        } else {
            tree.left_out += 1;
        }
        tree.is_not_too_much()?;
    }
    Ok(())
}

/// Opens a regular file to be read in pieces.
pub(super) fn open(path: &Path) -> Result<File, String> {
    disk::open(path)
}

/// The next piece of a file; a shorter one is the last.
pub(super) fn piece(file: &File, most: usize) -> Result<Vec<u8>, String> {
    let mut piece = Vec::new();
    file.take(most as u64).read_to_end(&mut piece).map_err(|error| words(&error))?;
    Ok(piece)
}

/// Writes a file whole, or not at all. `None`: one is there that was not to be replaced.
pub(super) fn write(path: &Path, content: &[u8], replace: bool) -> Result<Option<()>, String> {
    let replace = if replace { Replace::Always } else { Replace::Never };
    match disk::save(path, content, replace) {
        Ok(_) => Ok(Some(())),
        Err(SaveFailure::Exists | SaveFailure::Changed) => Ok(None),
        Err(SaveFailure::Other(why)) => Err(why),
    }
}

/// Makes a directory that is not there yet. `None`: something is.
pub(super) fn make(path: &Path) -> Result<Option<()>, String> {
    match fs::create_dir(path) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(words(&error)),
    }
}

fn words(error: &io::Error) -> String {
    crate::engine::system_words(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_looked_at_without_following_links() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("src/a.py"), "12345").unwrap();
        fs::write(dir.path().join("b"), "1").unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("root")).unwrap();
        let mut tree = look(dir.path()).unwrap();
        tree.files.sort();
        assert_eq!(tree.directories, ["", "src"]);
        assert_eq!(tree.files, [("b".to_owned(), 1), ("src/a.py".to_owned(), 5)]);
        assert_eq!((tree.left_out, tree.bytes()), (1, 6));
        assert_eq!(look(&dir.path().join("b")).unwrap().files, [(String::new(), 1)]);
        assert!(look(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_file_is_read_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "abcde").unwrap();
        let file = open(&path).unwrap();
        let pieces: Vec<Vec<u8>> = (0..4).map(|_| piece(&file, 2).unwrap()).collect();
        assert_eq!(pieces, [b"ab".to_vec(), b"cd".to_vec(), b"e".to_vec(), Vec::new()]);
        assert!(open(dir.path()).is_err());
    }

    #[test]
    fn nothing_is_replaced_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert_eq!(write(&path, b"\xff1", false), Ok(Some(())));
        assert_eq!(write(&path, b"2", false), Ok(None));
        assert_eq!(fs::read(&path).unwrap(), b"\xff1");
        assert_eq!(write(&path, b"2", true), Ok(Some(())));
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!((make(&path), make(&dir.path().join("d"))), (Ok(None), Ok(Some(()))));
    }
}
