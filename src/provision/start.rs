//! Starts a fetched binary once, before it is installed, to see that it runs on this machine.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::error::words;
use super::{ProvisionError, Tool};

/// As much as is read of what a binary says.
const SAID_LIMIT: u64 = 16 << 10;

/// Runs `BINARY --version`.
pub(super) async fn check(
    tool: Tool,
    version: &str,
    binary: &Path,
    wait: Duration,
) -> Result<(), ProvisionError> {
    let fail = |reason| ProvisionError::DoesNotStart { tool, version: version.to_owned(), reason };
    let mut child = spawn(binary).await.map_err(|error| fail(why_not_started(&error)))?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let finished = async {
        let (_, said) = tokio::join!(read(stdout), read(stderr));
        (child.wait().await, said)
    };
    match tokio::time::timeout(wait, finished).await {
        Ok((Ok(status), _)) if status.success() => Ok(()),
        Ok((Ok(status), said)) => Err(fail(why_it_ended(status, &said))),
        Ok((Err(error), _)) => Err(fail(words(&error))),
        Err(_) => Err(fail(format!("`{} --version` did not end within {wait:?}", tool.name()))),
    }
}

async fn spawn(binary: &Path) -> io::Result<Child> {
    let mut command = Command::new(binary);
    command
        .arg("--version")
        // nothing that a person has set should decide whether it starts, and no secret is its business
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut tries = 0;
    loop {
        match command.spawn() {
            // a child that another thread is just starting still holds the file that we wrote; it is gone at once
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < 50 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut said = Vec::new();
    if let Some(pipe) = pipe {
        // what was read before a fault is all there is
        let _ = pipe.take(SAID_LIMIT).read_to_end(&mut said).await;
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn why_not_started(error: &io::Error) -> String {
    // ENOEXEC: the kernel does not know the format
    const NO_EXEC: i32 = 8;
    match error.kind() {
        // the file is there: it is its loader that is not
        io::ErrorKind::NotFound => "the C library that it needs is not on this machine".into(),
        io::ErrorKind::PermissionDenied => format!("{}; its directory may be mounted noexec", words(error)),
        _ if error.raw_os_error() == Some(NO_EXEC) => "it is not a program for this machine".into(),
        _ => words(error),
    }
}

fn why_it_ended(status: ExitStatus, said: &str) -> String {
    // SIGILL has this number on all that we fetch for
    const ILLEGAL_INSTRUCTION: i32 = 4;
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    // what a program says may hold sequences that drive a terminal
    let line: String = line.chars().filter(|character| !character.is_control()).take(300).collect();
    match (status.signal(), line.as_str()) {
        (Some(ILLEGAL_INSTRUCTION), _) => "it uses instructions that this processor does not have".into(),
        (_, "") => format!("it ended with {status}"),
        (_, line) => format!("it ended with {status}: {line}"),
    }
}
