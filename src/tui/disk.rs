//! Files of this machine, for the effects alone, but for what a path means: what is read is stamped, and what is saved is there as a whole or not
//! at all. Everything here blocks.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::msg::{Content, Replace, SaveFailure, Stamp};
use crate::config::create_beside;
pub(super) use crate::config::replace_private;
use crate::engine::system_words;

/// The largest file that is opened.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;
/// So many entries of a directory are looked at to complete a path.
const MOST_ENTRIES: usize = 10_000;
/// So many paths are offered.
const MOST_PATHS: usize = 200;

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self { modified: (meta.mtime(), meta.mtime_nsec()), length: meta.len() }
    }
}

/// The text of a file; `None`: there is none yet.
pub(super) fn read(path: &Path) -> Result<Option<Content>, String> {
    let known = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| system_words(&error))?,
    };
    // Not opened to find out: a device may do something then.
    if !known.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let (bytes, stamp) = read_stamped(open(path)?)?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    Ok(Some(Content { text, stamp }))
}

/// A path as somebody types it, with the home directory in the place of a `~` that it begins with.
pub(super) fn expand(typed: &str) -> String {
    let home = std::env::var("HOME").ok();
    expand_to(typed, home.as_deref())
}

fn expand_to(typed: &str, home: Option<&str>) -> String {
    match (typed.strip_prefix('~'), home.filter(|home| !home.is_empty())) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => typed.to_owned(),
    }
}

/// Opens a regular file to be read.
pub(super) fn open(path: &Path) -> Result<File, String> {
    // A pipe that nobody writes to would be waited for before it can be told that it is one.
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(no_wait).open(path);
    let file = file.map_err(|error| system_words(&error))?;
    let meta = file.metadata().map_err(|error| system_words(&error))?;
    if meta.is_file() { Ok(file) } else { Err("it is no regular file".to_owned()) }
}

/// The paths that begin like what was typed, directories with a slash behind. `~/` is written out.
pub(super) fn complete(typed: &str) -> Vec<String> {
    let typed = expand(typed);
    let (dir, begin) = match typed.rsplit_once('/') {
        Some((dir, begin)) => (format!("{dir}/"), begin),
        None => (String::new(), typed.as_str()),
    };
    let entries = fs::read_dir(if dir.is_empty() { Path::new(".") } else { Path::new(&dir) });
    let mut paths = Vec::new();
    for entry in entries.into_iter().flatten().flatten().take(MOST_ENTRIES) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let hidden = name.starts_with('.') && !begin.starts_with('.');
        // A name that a line can't hold is not offered.
        if name.starts_with(begin) && !hidden && !name.chars().any(crate::tui::text::is_hostile) {
            let is_dir = fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir());
            paths.push(format!("{dir}{name}{}", if is_dir { "/" } else { "" }));
        }
    }
    paths.sort();
    paths.truncate(MOST_PATHS);
    paths
}

fn read_stamped(file: File) -> Result<(Vec<u8>, Stamp), String> {
    // Before the content: a change while it is read must show as one.
    let meta = file.metadata().map_err(|error| system_words(&error))?;
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| system_words(&error))?;
    match bytes.len() as u64 > LARGEST_FILE {
        true => Err("it is larger than 16 MiB".to_owned()),
        false => Ok((bytes, Stamp::of(&meta))),
    }
}

/// Writes a file and gives its new stamp.
pub(super) fn save(path: &Path, content: &[u8], replace: Replace) -> Result<Stamp, SaveFailure> {
    let failure = |error: io::Error| match error.kind() {
        ErrorKind::AlreadyExists => SaveFailure::Exists,
        _ => SaveFailure::Other(system_words(&error)),
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            // The file that a link names, and not the link, is what is missing.
            Ok(to) if replace != Replace::Never => {
                save(&path.parent().unwrap_or(Path::new("")).join(to), content, replace)
            }
            _ => create(path, replace == Replace::Always, |file| fill(file, content)).map_err(failure),
        },
        Err(error) => Err(failure(error)),
        Ok(_) if replace == Replace::Never => Err(SaveFailure::Exists),
        Ok(meta) if matches!(replace, Replace::Unchanged(known) if known != Stamp::of(&meta)) => {
            Err(SaveFailure::Changed)
        }
        Ok(meta) if !meta.is_file() => Err(SaveFailure::Other("it is no regular file".to_owned())),
        Ok(meta) => over(path, content, &meta).map_err(failure),
    }
}

/// Makes a file of what is written into it: beside its place, so that it has its name only when all of it is there.
/// Another of that name is replaced only if that was said.
pub(super) fn create<T>(
    path: &Path,
    replace: bool,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> io::Result<T> {
    // As any new file: for whomever the process lets have it.
    let (beside, mut file) = create_beside(path, 0o666)?;
    let name = || if replace { fs::rename(&beside, path) } else { rename_to_none(&beside, path) };
    let done = write(&mut file).and_then(|done| name().map(|()| done));
    if done.is_err() {
        // Nothing more can be done about it.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Gives a file a name that nothing has.
fn rename_to_none(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(error) if error != rustix::io::Errno::EXIST => {}
            other => return Ok(other?),
        }
    }
    // Not every file system can do that; one with a second name for a file can.
    match fs::hard_link(from, to) {
        Ok(()) => {
            // At worst it keeps its first name too.
            let _ = fs::remove_file(from);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Replaces a file that is there.
fn over(path: &Path, content: &[u8], meta: &Metadata) -> io::Result<Stamp> {
    // Not truncated yet. A file that may not be written is not replaced either, though its directory would allow it.
    let mut original = OpenOptions::new().write(true).open(path)?;
    // The file itself, not a link to it.
    let target = fs::canonicalize(path)?;
    // A new file would part it from its other names.
    if meta.nlink() == 1 {
        match exchange(&target, content, meta, &original) {
            Err(error) if needs_place(error.kind()) => {}
            other => return other,
        }
    }
    original.set_len(0)?;
    fill(&mut original, content)
}

/// Whether an error means that no new file can take the old one's place, though the old one may be written.
fn needs_place(kind: ErrorKind) -> bool {
    // Busy: it is a mount point.
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::ResourceBusy)
}

/// Writes a new file beside the old one and puts it in its place.
fn exchange(target: &Path, content: &[u8], meta: &Metadata, original: &File) -> io::Result<Stamp> {
    let (beside, mut file) = create_beside(target, 0o600)?;
    let done = dress(&file, meta)
        // What it can't be given the old file keeps, written in place.
        .and_then(|()| dress_more(&file, original).map_err(|_| ErrorKind::PermissionDenied.into()))
        .and_then(|()| fill(&mut file, content))
        .and_then(|stamp| fs::rename(&beside, target).map(|()| stamp));
    if done.is_err() {
        // Nothing more can be done about it.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Gives a new file the owner and mode of the old one.
fn dress(file: &File, meta: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (meta.uid(), meta.gid()) {
        std::os::unix::fs::fchown(file, Some(meta.uid()), Some(meta.gid()))?;
    }
    file.set_permissions(meta.permissions())
}

/// Gives a new file the extended attributes of the old one, and no others. After its mode, which changes those that
/// say who else may have it.
fn dress_more(file: &File, original: &File) -> rustix::io::Result<()> {
    let (old, new) = (attributes(original)?, attributes(file)?);
    for (name, _) in new.iter().filter(|(name, _)| old.iter().all(|(of, _)| of != name)) {
        rustix::fs::fremovexattr(file, name)?;
    }
    // Some may be set by the system alone, which then has done so.
    for (name, value) in old.iter().filter(|attribute| !new.contains(attribute)) {
        rustix::fs::fsetxattr(file, name, value, rustix::fs::XattrFlags::empty())?;
    }
    Ok(())
}

/// The extended attributes of a file: their names and values.
fn attributes(file: &File) -> rustix::io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut names = match rustix::fs::flistxattr_query(file) {
        // There are none on this file system.
        Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSYS) => return Ok(Vec::new()),
        size => vec![0; size?],
    };
    let length = rustix::fs::flistxattr(file, names.as_mut_slice())?;
    names.truncate(length);
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let with_value = |name: &[u8]| {
        let mut value = vec![0; rustix::fs::fgetxattr_query(file, name)?];
        let length = rustix::fs::fgetxattr(file, name, value.as_mut_slice())?;
        value.truncate(length);
        Ok((name.to_owned(), value))
    };
    names.map(with_value).collect()
}

fn fill(file: &mut File, content: &[u8]) -> io::Result<Stamp> {
    file.write_all(content)?;
    file.sync_all()?;
    Ok(Stamp::of(&file.metadata()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_takes_the_old_ones_place_and_mode() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.py"), dir.path().join("link.py"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o751)).unwrap();
        symlink("real.py", &link).unwrap();
        let before = fs::metadata(&real).unwrap().ino();
        let content = read(&link).unwrap().unwrap();
        let stamp = save(&link, b"new", Replace::Unchanged(content.stamp)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let meta = fs::metadata(&real).unwrap();
        assert_eq!((meta.mode() & 0o7777, fs::read_to_string(&real).unwrap().as_str()), (0o751, "new"));
        assert_ne!(meta.ino(), before, "it was truncated");
        assert_eq!(stamp, Stamp::of(&meta));
        assert_eq!(names(dir.path()), ["link.py", "real.py"]);
        save(&link, b"newer", Replace::Unchanged(stamp)).unwrap();
    }

    /// Does something in a child process whose files can't grow beyond some kilobytes, as on a full disk: this test
    /// alone once more, with the directory in the environment. `None`: this is the child, and where it shall do it.
    fn without_room(test: &str) -> Option<PathBuf> {
        const VAR: &str = "CODEBEAKER_TEST_WITHOUT_ROOM";
        if let Some(dir) = std::env::var_os(VAR) {
            return Some(dir.into());
        }
        let dir = tempfile::tempdir().unwrap();
        let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" --exact \"$1\"";
        let mut child = std::process::Command::new("/bin/sh");
        child.args(["-c", script]).arg(std::env::current_exe().unwrap()).arg(test).env(VAR, dir.path());
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
        None
    }

    #[test]
    fn a_new_file_is_there_whole_or_not_at_all() {
        let Some(dir) = without_room("tui::disk::tests::a_new_file_is_there_whole_or_not_at_all") else {
            return;
        };
        let large = vec![b'x'; 1 << 20];
        for replace in [Replace::Never, Replace::Unchanged(Stamp::default()), Replace::Always] {
            let saved = save(&dir.join("new.py"), &large, replace);
            assert!(matches!(saved, Err(SaveFailure::Other(_))), "{saved:?}");
        }
    }

    #[test]
    fn a_new_file_is_as_any_other_and_takes_no_name_that_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let (path, plain) = (dir.path().join("new"), dir.path().join("plain"));
        fs::write(&plain, "x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode();
        save(&path, b"1", Replace::Never).unwrap();
        assert_eq!(mode(&path), mode(&plain));
        // Somebody else made it meanwhile.
        let made = create(&path, false, |file| file.write_all(b"2"));
        assert_eq!(made.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1");
        // A link to a file that is not there yet.
        let link = dir.path().join("link");
        symlink("made", &link).unwrap();
        assert_eq!(save(&link, b"3", Replace::Never), Err(SaveFailure::Exists));
        save(&link, b"3", Replace::Always).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(dir.path().join("made")).unwrap(), "3");
        assert_eq!(names(dir.path()), ["link", "made", "new", "plain"]);
    }

    #[test]
    fn a_saved_file_keeps_its_extended_attributes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.py");
        fs::write(&path, "old").unwrap();
        let set = |name: &str| rustix::fs::setxattr(&path, name, b"mine", rustix::fs::XattrFlags::empty());
        if set("user.note") == Err(rustix::io::Errno::NOTSUP) {
            return;
        }
        set("user.other").unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        save(&path, b"new", Replace::Always).unwrap();
        assert_ne!(fs::metadata(&path).unwrap().ino(), before, "it was truncated");
        let mut kept = attributes(&File::open(&path).unwrap()).unwrap();
        kept.retain(|(name, _)| name.starts_with(b"user."));
        kept.sort();
        let is = |name: &str| (name.as_bytes().to_vec(), b"mine".to_vec());
        assert_eq!(kept, [is("user.note"), is("user.other")]);
        // One that only the new file has, as from its directory, is not kept.
        let new = File::create(dir.path().join("b")).unwrap();
        rustix::fs::fsetxattr(&new, "user.odd", b"", rustix::fs::XattrFlags::empty()).unwrap();
        dress_more(&new, &File::open(&path).unwrap()).unwrap();
        let mut dressed = attributes(&new).unwrap();
        dressed.retain(|(name, _)| name.starts_with(b"user."));
        dressed.sort();
        assert_eq!(dressed, kept);
    }

    #[test]
    fn paths_are_completed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("sum.py"), "").unwrap();
        fs::write(dir.path().join(".s"), "").unwrap();
        let root = dir.path().to_str().unwrap();
        let found = |typed: &str| complete(&format!("{root}/{typed}"));
        assert_eq!(found("s"), [format!("{root}/src/"), format!("{root}/sum.py")]);
        assert_eq!(found("su"), [format!("{root}/sum.py")]);
        assert_eq!(found(".").len(), 1);
        assert!(found("x").is_empty() && complete("/nonexistent/x").is_empty());
    }

    #[test]
    fn home_is_only_ones_own() {
        let expanded = |typed: &str| expand_to(typed, Some("/home/ada"));
        assert_eq!(expanded("~/a.ts"), "/home/ada/a.ts");
        assert_eq!((expanded("~"), expanded("~/")), ("/home/ada".to_owned(), "/home/ada/".to_owned()));
        for other in ["a/~/b", "~joe/a", "/~/a", "./~/a", ""] {
            assert_eq!(expanded(other), other);
        }
        assert_eq!(
            (expand_to("~/a", None), expand_to("~/a", Some(""))),
            ("~/a".to_owned(), "~/a".to_owned())
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let why = save(&dir.path().join("none/a"), b"x", Replace::Never);
        assert_eq!(why, Err(SaveFailure::Other("no such file or directory".to_owned())));
        assert_eq!(read(&dir.path().join("x".repeat(300))), Err("file name too long".to_owned()));
        assert!(open(dir.path()).is_err());
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (path, mode) = (dir.path().join("pipe"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert_eq!(open(&path).map(drop), Err("it is no regular file".to_owned()));
        assert!(read(&path).is_err());
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.py");
        fs::write(&path, "mine").unwrap();
        let stamp = read(&path).unwrap().unwrap().stamp;
        fs::write(&path, "somebody else's").unwrap();
        assert_eq!(save(&path, b"x", Replace::Unchanged(stamp)), Err(SaveFailure::Changed));
        assert_eq!(save(&path, b"x", Replace::Never), Err(SaveFailure::Exists));
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody else's");
        save(&path, b"x", Replace::Always).unwrap();
        // One that is gone has nothing to lose.
        fs::remove_file(&path).unwrap();
        save(&path, b"x", Replace::Unchanged(stamp)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x");
    }

    #[test]
    fn a_file_with_two_names_keeps_both() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, "something long").unwrap();
        fs::hard_link(&one, &two).unwrap();
        save(&one, b"x", Replace::Always).unwrap();
        assert_eq!(fs::read_to_string(&two).unwrap(), "x");
    }

    #[test]
    fn where_the_directory_takes_no_new_file_it_is_written_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "something long").unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let root = File::create(dir.path().join("probe")).is_ok();
        let saved = save(&path, b"x", Replace::Always);
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        saved.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x");
        // Root may make files anywhere.
        assert!(root || fs::metadata(&path).unwrap().ino() == before);
    }

    #[test]
    fn a_file_that_may_not_be_written_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let root = OpenOptions::new().write(true).open(&path).is_ok();
        assert_eq!(save(&path, b"x", Replace::Always).is_ok(), root);
        assert_eq!(names(dir.path()), ["a"]);
    }
}
