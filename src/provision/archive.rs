//! Takes the one binary out of a runtime's archive. The archive was verified, but may still be anything: only a
//! regular file of the right name is written, to a path that the archive has no say in, and within a limit.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::words;
use super::source::Format;
use super::{ProvisionError, Tool};

/// An archive on disk.
pub(super) struct Packed<'a> {
    pub(super) file: &'a Path,
    pub(super) format: Format,
    /// Where it came from, to be named in errors.
    pub(super) url: &'a str,
}

/// Writes the runtime's binary to `to`, executable and synced. `limit` holds for all that is unpacked on the way.
pub(super) fn unpack(
    packed: &Packed<'_>,
    tool: Tool,
    to: &Path,
    limit: u64,
    cancelled: &AtomicBool,
) -> Result<(), ProvisionError> {
    let opened = File::open(packed.file);
    let archive =
        BufReader::new(opened.map_err(|error| ProvisionError::from_io("opening", packed.file, error))?);
    let meter = Meter { left: Cell::new(limit), exceeded: Cell::new(false), cancelled };
    let outcome = match packed.format {
        Format::TarGz => {
            from_tar(Metered { inner: flate2::read::GzDecoder::new(archive), meter: &meter }, tool, to)
        }
        Format::Zip => from_zip(archive, &meter, tool, to),
    };
    outcome.map_err(|fault| match fault {
        Fault::Writing(error) => ProvisionError::from_io("writing", to, error),
        // a reader that was stopped says so through layers that rename it
        _ if meter.exceeded.get() => ProvisionError::TooLarge {
            what: format!("what the archive from {} unpacks to", packed.url),
            limit,
        },
        _ if cancelled.load(Ordering::Relaxed) => ProvisionError::Interrupted,
        Fault::Reading(reason) => ProvisionError::Archive { url: packed.url.to_owned(), reason },
        Fault::Absent => ProvisionError::Archive {
            url: packed.url.to_owned(),
            reason: format!("it holds no regular file named {}", tool.name()),
        },
    })
}

enum Fault {
    Reading(String),
    Writing(io::Error),
    Absent,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Reading(words(&error))
    }
}

impl From<zip::result::ZipError> for Fault {
    fn from(error: zip::result::ZipError) -> Self {
        Self::Reading(words(&error))
    }
}

fn from_tar(archive: impl Read, tool: Tool, to: &Path) -> Result<(), Fault> {
    let mut archive = tar::Archive::new(archive);
    // raw: extension headers, which may claim any size of name, are not read into memory; our names are short
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() && is_wanted(&entry.path()?, tool) {
            return write(&mut entry, to);
        }
    }
    Err(Fault::Absent)
}

fn from_zip(archive: BufReader<File>, meter: &Meter<'_>, tool: Tool, to: &Path) -> Result<(), Fault> {
    let mut archive = zip::ZipArchive::new(archive)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let wanted = entry.is_file() && entry.enclosed_name().is_some_and(|name| is_wanted(&name, tool));
        if wanted {
            return write(&mut Metered { inner: entry, meter }, to);
        }
    }
    Err(Fault::Absent)
}

/// `package/deno`, `package/bin/bun`, `bun-linux-x64/bun`, `deno`.
fn is_wanted(path: &Path, tool: Tool) -> bool {
    let mut depth = 0;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            _ => return false,
        }
    }
    depth <= 3 && path.file_name().is_some_and(|name| name == tool.name())
}

fn write(from: &mut impl Read, to: &Path) -> Result<(), Fault> {
    let mut file =
        File::options().write(true).create_new(true).mode(0o755).open(to).map_err(Fault::Writing)?;
    let mut buffer = vec![0; 128 << 10];
    loop {
        let length = match from.read(&mut buffer) {
            // asked once more after the last byte, it also fails where all was given up: what follows takes time
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        file.write_all(&buffer[..length]).map_err(Fault::Writing)?;
    }
    // whatever the umask is
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).map_err(Fault::Writing)?;
    file.sync_all().map_err(Fault::Writing)
}

/// How much may still be unpacked, and whether it should go on at all.
struct Meter<'a> {
    left: Cell<u64>,
    exceeded: Cell<bool>,
    cancelled: &'a AtomicBool,
}

struct Metered<'a, R> {
    inner: R,
    meter: &'a Meter<'a>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("given up"));
        }
        let length = self.inner.read(buffer)?;
        match self.meter.left.get().checked_sub(length as u64) {
            Some(left) => self.meter.left.set(left),
            None => {
                self.meter.exceeded.set(true);
                return Err(io::Error::other("too large"));
            }
        }
        Ok(length)
    }
}
