//! A text in the person's own editor: handed over in a file, and read back when that editor ends, however it does.
//!
//! The terminal is given away before and taken again after; that is the loop's and the terminal's business.

mod copy;
mod descendants;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::copy::{Copy, Places};
use super::disk;
use super::msg::{Content, Edited, FileMsg, Handed};
use crate::engine::system_words;

/// How long an editor may take to end when the workbench must.
const GRACE: Duration = Duration::from_secs(1);
/// How often is looked whether what it has started is gone.
const GLANCE: Duration = Duration::from_millis(20);
/// First words of a command line that no `exec` can stand before, as far as people use them here.
const SHELLS_OWN: [&str; 6] = ["command", "exec", "eval", ".", "!", "{"];

/// The person's editor, and where texts that have no file are put for it.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    /// A command line, as `$VISUAL` and `$EDITOR` hold it.
    command: String,
    places: Option<Places>,
}

/// What an editor has left.
struct Left {
    content: Result<Option<Content>, String>,
    status: ExitStatus,
    /// Where that is, if it can't be read.
    kept: Option<PathBuf>,
}

impl Outside {
    pub(super) fn new(command: String, state: Option<PathBuf>) -> Self {
        Self { command, places: state.map(Places::below) }
    }

    /// Clears away what workbenches that are no more have left, and gives where that is which an editor had changed: it
    /// is kept. Blocks.
    pub(super) fn clear(&self) -> Vec<PathBuf> {
        self.places.as_ref().map(Places::clear).unwrap_or_default()
    }

    /// Has a text edited, until the editor ends or the workbench is asked to.
    pub(super) async fn edit(&self, handed: Handed, stopped: &CancellationToken) -> FileMsg {
        let buffer = handed.buffer;
        let in_place = handed.path.is_some();
        let (result, trouble, kept) = match self.run(handed, stopped).await {
            Ok(Left { content: Ok(content), status, .. }) => (Ok(content), trouble(status), None),
            Ok(Left { content: Err(why), kept, .. }) => (Err(why), None, kept),
            Err(error) => (Err(system_words(&error)), None, None),
        };
        FileMsg::Edited(Edited { buffer, in_place, command: self.command.clone(), result, trouble, kept })
    }

    async fn run(&self, handed: Handed, stopped: &CancellationToken) -> io::Result<Left> {
        let (path, copy) = match handed.path {
            Some(path) => (std::path::absolute(path)?, None),
            None => {
                let places =
                    self.places.as_ref().ok_or_else(|| io::Error::other("there is no place for its file"))?;
                let copy = Copy::make(places, &handed.name, &handed.text)?;
                (copy.file().to_owned(), Some(copy))
            }
        };
        let line = line(&self.command);
        let begun = Command::new("/bin/sh").args(["-c", &line, "sh"]).arg(&path).kill_on_drop(true).spawn();
        let mut child = match begun {
            Ok(child) => child,
            Err(error) => {
                copy.iter().for_each(Copy::remove);
                return Err(error);
            }
        };
        let status = tokio::select! {
            status = child.wait() => status?,
            () = stopped.cancelled() => end(&mut child).await?,
        };
        let content = disk::read(&path);
        // What was written there is nowhere else until it was read.
        let kept = match content {
            Ok(_) => {
                copy.iter().for_each(Copy::remove);
                None
            }
            Err(_) => copy.map(Copy::keep),
        };
        Ok(Left { content, status, kept })
    }
}

/// What the shell is given to do. As git does: what the variable holds may have arguments and quotes.
fn line(command: &str) -> String {
    let first = command.split_whitespace().next().unwrap_or_default();
    let is_a_program =
        !command.contains([';', '&', '|', '(', '\n']) && !first.contains('=') && !SHELLS_OWN.contains(&first);
    // Where the shell has nothing else to do, the editor takes its place, and a signal finds it.
    let exec = if is_a_program { "exec " } else { "" };
    format!("{exec}{command} \"$@\"")
}

/// Asks an editor to end, and all that it has started or that stands before it.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    let mut all = child.id().map(descendants::of).unwrap_or_default();
    all.extend(child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())));
    descendants::signal(&all, Signal::TERM);
    let until = Instant::now() + GRACE;
    let status = match tokio::time::timeout_at(until, child.wait()).await {
        Ok(status) => status?,
        Err(_) => {
            child.start_kill()?;
            child.wait().await?
        }
    };
    // Its file is not taken from one that is still saving.
    while Instant::now() < until && all.iter().any(|pid| descendants::is_alive(*pid)) {
        tokio::time::sleep(GLANCE).await;
    }
    descendants::signal(&all, Signal::KILL);
    Ok(status)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editor_takes_the_shells_place_where_that_is_all() {
        assert_eq!(line("vim"), "exec vim \"$@\"");
        assert_eq!(line("'my editor' --wait"), "exec 'my editor' --wait \"$@\"");
        for of_a_shell in ["X=1 vim", "cd /tmp && vim", "command vim", "exec vim", "(vim", "vim; true"] {
            assert_eq!(line(of_a_shell), format!("{of_a_shell} \"$@\""));
        }
    }
}
