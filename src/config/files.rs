//! Files that are there as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Puts a file that nobody else may read, with this in it, in the place of what is there.
pub fn replace_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let (beside, mut file) = create_beside(path, 0o600)?;
    // On the disk before it has its name: a machine that stops then leaves the old one, not an empty one.
    let done =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        // Nothing more can be done about it.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Makes a new file in the directory of another, whose place it is to take.
pub fn create_beside(target: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    let mut taken = io::Error::from(ErrorKind::PermissionDenied);
    for n in 0..100 {
        // Short whatever the file is called: a name can be too long.
        let beside = target.with_file_name(format!(".codebeaker-{}-{n}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside) {
            Ok(file) => return Ok((beside, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = error,
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(taken))
}
