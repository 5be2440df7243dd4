//! The launcher: what our own binary does when it is executed again to start a session's agent.
//!
//! It is started with an empty environment, the agent's stream as standard input, and the agent's program as standard
//! output. First of all comes its [`Spec`] through the stream: four bytes of length, little endian, then JSON. Where
//! a layer can't be put on it says so on the stream, in the agent's stead, and ends.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Resource, Rlimit};
use serde::{Deserialize, Serialize};

/// The longest specification taken.
const MAX_SPEC: usize = 64 << 10;

/// What a launcher is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Where the agent begins.
    pub directory: PathBuf,
    /// Open files of each process.
    pub open_files: u64,
    /// The largest file, in bytes.
    pub file_size: u64,
}

impl Spec {
    /// The specification as it goes through the stream.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        let length = u32::try_from(json.len())
            .ok()
            .filter(|n| *n as usize <= MAX_SPEC)
            .ok_or(ErrorKind::InvalidInput)?;
        Ok([&length.to_le_bytes()[..], &json].concat())
    }

    fn read(mut stream: impl Read) -> Result<Self> {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_SPEC {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut json = vec![0; length];
        stream.read_exact(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

/// A layer that could not be put on.
struct Refusal {
    layer: &'static str,
    error: Error,
}

/// Runs the launcher; never returns. Must be called before the process has other threads.
pub fn entry() -> ! {
    // SAFETY: the descriptors 0 and 1 were set up by whoever launched us, and nothing else in this process has used
    // them yet.
    let (stream, program) = unsafe { (File::from_raw_fd(0), OwnedFd::from_raw_fd(1)) };
    let Err(refusal) = launch(&stream, program);
    let message = format!("{}: {}", refusal.layer, refusal.error);
    // The frame of a failed request, as the agent would write it: the launcher speaks in its place.
    let mut frame = Vec::new();
    frame.extend_from_slice(&(message.len() as u32 + 4).to_le_bytes());
    frame.extend_from_slice(&[1, 0x89, 0, 0, 0, 0, 0, 0]);
    frame.extend_from_slice(&refusal.error.raw_os_error().unwrap_or(0).to_le_bytes());
    frame.extend_from_slice(message.as_bytes());
    let _ = (&stream).write_all(&frame);
    std::process::exit(1)
}

fn launch(stream: &File, program: OwnedFd) -> std::result::Result<std::convert::Infallible, Refusal> {
    let layer = |layer: &'static str| move |error: Error| Refusal { layer, error };
    let spec = Spec::read(stream).map_err(layer("the specification can't be read"))?;
    keep_no_descriptors().map_err(layer("inherited descriptors can't be closed"))?;
    rustix::process::setsid().map_err(|e| layer("no session of processes of its own")(e.into()))?;
    limit(&spec).map_err(layer("the resource limits can't be set"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|e| layer("new privileges can't be ruled out")(e.into()))?;
    std::env::set_current_dir(&spec.directory).map_err(layer("the session's directory can't be entered"))?;
    Err(layer("the agent can't be started")(become_agent(program)))
}

/// Marks everything but the standard streams as closed on exec, whatever whoever started us has left open.
fn keep_no_descriptors() -> Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
        let number = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok());
        let Some(number) = number.filter(|n| *n > 2) else { continue };
        // SAFETY: the number was just listed as open; setting a flag on it touches nobody's data.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
        match rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC) {
            // The listing's own descriptor is gone by now, or will be.
            Ok(()) | Err(rustix::io::Errno::BADF) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

fn limit(spec: &Spec) -> Result<()> {
    let limits =
        [(Resource::Core, 0), (Resource::Nofile, spec.open_files), (Resource::Fsize, spec.file_size)];
    for (resource, wanted) in limits {
        let now = rustix::process::getrlimit(resource);
        // Nobody can raise a limit that he is under himself.
        let value = now.maximum.map_or(wanted, |most| most.min(wanted));
        rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}

/// Executes the agent's program from its descriptor; returns only where that fails.
fn become_agent(program: OwnedFd) -> Error {
    let null = match File::options().write(true).open("/dev/null") {
        Ok(null) => null,
        Err(error) => return error,
    };
    // A number that is closed on exec; the kernel has opened the program by then.
    let program = match program.try_clone() {
        Ok(program) => program,
        Err(error) => return error,
    };
    Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()))
        .arg0("codebeaker-agent")
        .env_clear()
        .stdout(null)
        .exec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_goes_through_the_stream() {
        let spec = Spec { directory: "/somewhere".into(), open_files: 1024, file_size: 1 << 28 };
        let mut bytes = spec.encode().unwrap();
        bytes.extend_from_slice(b"what comes after it");
        assert_eq!(Spec::read(&bytes[..]).unwrap(), spec);
        assert!(Spec::read(&bytes[..10]).is_err());
        assert_eq!(Spec::read(&[255u8; 8][..]).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
