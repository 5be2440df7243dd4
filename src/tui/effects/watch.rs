//! Tells when a file of settings has changed: the kernel does (inotify), and nothing is looked at in between.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;

use crate::config::{Paths, Settings};
use crate::tui::look::read_themes;
use crate::tui::msg::{LookMsg, Msg};

/// How long after a change the files are read: editors write several times, and some in two steps.
const SETTLE: Duration = Duration::from_millis(80);
/// The least time between two readings, whatever changes how often.
const PAUSE: Duration = Duration::from_millis(500);

/// Tells what all files of settings say whenever one has changed. Where nothing can be watched, it tells nothing.
pub(super) async fn settings(paths: Paths, tx: mpsc::Sender<Msg>) {
    if let Err(error) = watch(&paths, &tx).await {
        tracing::warn!("changes of the settings are not noticed: {error}");
    }
}

async fn watch(paths: &Paths, tx: &mpsc::Sender<Msg>) -> io::Result<()> {
    let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    // No pipe, but all that is wanted of one: it can be waited for and read.
    let queue = Receiver::from_owned_fd_unchecked(queue)?;
    // Nothing to watch, nothing to tell.
    while arm(&queue, paths) > 0 {
        drain(&queue).await?;
        tokio::time::sleep(SETTLE).await;
        // Before anything is read: what changes from now on is told.
        arm(&queue, paths);
        let of = paths.clone();
        let Ok(reread) = super::blocking(move || read(&of)).await else { continue };
        if tx.send(Msg::Look(reread)).await.is_err() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Watches all there is to watch, each time anew: a directory may have been made meanwhile, or another have taken its
/// place. Gives how many there are.
fn arm(queue: &Receiver, paths: &Paths) -> usize {
    let all = directories(paths).into_iter();
    all.filter(|(directory, flags)| inotify::add_watch(queue, directory, *flags).is_ok()).count()
}

/// Waits for something to happen, and takes all of it. What it was is seen in the files.
async fn drain(queue: &Receiver) -> io::Result<()> {
    let mut events = [0; 4096];
    queue.readable().await?;
    loop {
        match queue.try_read(&mut events) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is watched, and for what.
fn directories(paths: &Paths) -> Vec<(PathBuf, WatchFlags)> {
    let made = WatchFlags::CREATE | WatchFlags::MOVED_TO;
    let changed = made | WatchFlags::CLOSE_WRITE | WatchFlags::DELETE | WatchFlags::MOVED_FROM;
    let mut all = vec![(paths.config.clone(), changed), (paths.themes_dir(), changed)];
    // Settings are often links into a directory that is kept elsewhere.
    let behind = std::fs::canonicalize(paths.settings_file()).ok();
    let behind = behind.as_deref().and_then(Path::parent).filter(|parent| **parent != *paths.config);
    all.extend(behind.map(|parent| (parent.to_owned(), changed)));
    // Where there is no directory yet, one may be made.
    let above = paths.config.ancestors().find(|above| above.is_dir()).filter(|above| *above != paths.config);
    all.extend(above.map(|above| (above.to_owned(), made)));
    all
}

fn read(paths: &Paths) -> LookMsg {
    let (settings, warnings) = Settings::load(paths);
    let themes = read_themes(&crate::config::ThemeFile::names(paths), paths);
    LookMsg::Reread { settings: Box::new(settings), warnings, themes }
}
