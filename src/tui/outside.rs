//! A text in the person's own editor: handed over in a file, and read back when that editor ends, however it does.
//!
//! The terminal is given away before and taken again after; that is the loop's and the terminal's business.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::disk;
use super::msg::{Content, Edited, FileMsg, Handed};
use crate::config::make_private_dir;

/// How long an editor may take to end when the workbench must.
const GRACE: Duration = Duration::from_secs(1);

/// The person's editor, and where texts that have no file are put for it.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    /// A command line, as `$VISUAL` and `$EDITOR` hold it.
    pub(super) command: String,
    pub(super) dir: Option<PathBuf>,
}

impl Outside {
    /// Has a text edited, until the editor ends or the workbench is asked to.
    pub(super) async fn edit(&self, handed: Handed, stopped: &CancellationToken) -> FileMsg {
        let buffer = handed.buffer;
        let in_place = handed.path.is_some();
        let result = self.run(handed, stopped).await.map_err(|error| error.to_string());
        let (result, trouble) = match result.and_then(|(content, status)| Ok((content?, status))) {
            Ok((content, status)) => (Ok(content), trouble(status)),
            Err(why) => (Err(why), None),
        };
        FileMsg::Edited(Edited { buffer, in_place, command: self.command.clone(), result, trouble })
    }

    async fn run(
        &self,
        handed: Handed,
        stopped: &CancellationToken,
    ) -> io::Result<(Result<Option<Content>, String>, ExitStatus)> {
        let (path, _kept) = match handed.path {
            Some(path) => (std::path::absolute(path)?, None),
            None => {
                let dir =
                    self.dir.as_deref().ok_or_else(|| io::Error::other("there is no place for its file"))?;
                let copy = Copy::make(dir, &handed.name, &handed.text)?;
                (copy.file.clone(), Some(copy))
            }
        };
        // As git does: what the variable holds may have arguments and quotes.
        let line = format!("{} \"$@\"", self.command);
        let mut child =
            Command::new("/bin/sh").args(["-c", &line, "sh"]).arg(&path).kill_on_drop(true).spawn()?;
        let status = tokio::select! {
            status = child.wait() => status?,
            () = stopped.cancelled() => end(&mut child).await?,
        };
        Ok((disk::read(&path), status))
    }
}

/// Asks an editor to end.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.start_kill()?;
            child.wait().await
        }
    }
}

/// How an editor ended, if not well.
fn trouble(status: ExitStatus) -> Option<String> {
    // A shell tells of a signal by a code above 128.
    let signal = status.signal().or(status.code().and_then(|code| code.checked_sub(128).filter(|n| *n > 0)));
    match (status.success(), signal, status.code()) {
        (true, ..) => None,
        (_, Some(signal), _) => Some(format!("was ended by signal {signal}")),
        (_, _, Some(127)) => Some("is not there".to_owned()),
        (_, _, code) => {
            Some(format!("ended with exit {}", code.map_or("?".to_owned(), |code| code.to_string())))
        }
    }
}

/// A file with a text, in a directory of its own; both go with it.
struct Copy {
    dir: PathBuf,
    file: PathBuf,
}

impl Copy {
    fn make(below: &Path, name: &str, text: &str) -> io::Result<Self> {
        make_private_dir(below)?;
        let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
        for n in 0..100 {
            let dir = below.join(format!("{}-{n}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => {
                    // The name is only for the person and for the editor's colours.
                    let plain = |c: char| if c == '/' || c.is_control() { '_' } else { c };
                    let name: String = name.chars().map(plain).take(100).collect();
                    let copy = Self { file: dir.join(name.trim_start_matches('.')), dir };
                    let mut file =
                        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy.file)?;
                    file.write_all(text.as_bytes())?;
                    return Ok(copy);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
                Err(error) => return Err(error),
            }
        }
        Err(taken)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Nothing better can be done about what can't be removed.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
