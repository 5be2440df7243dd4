//! What is typed, read by a thread of its own for as long as the terminal is ours.
//!
//! crossterm's stream is not used. It waits for edges: a key that comes together with a new size, with its own waking,
//! or behind the first KiB of what is there, is seen when another one is typed. So crossterm waits by level here
//! (`use-dev-tty`), and a thread hands on what it reads, in order.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crossterm::event::{self, Event};
use futures_util::Stream;
use rustix::event::{PollFd, PollFlags};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

/// Keys that may wait for the loop; more wait in the terminal.
const QUEUE: usize = 1024;
/// How long the thread waits at once. It is woken when it is to end.
const WAIT: Duration = Duration::from_secs(3600);
/// How long the thread may take to end: it can be in the middle of a sequence that never ends.
const END: Duration = Duration::from_millis(200);

/// What is typed. Clones are the same keyboard.
#[derive(Clone, Debug)]
pub(super) struct Keyboard(Rc<RefCell<Keys>>);

#[derive(Debug)]
struct Keys {
    tx: mpsc::Sender<io::Result<Event>>,
    rx: mpsc::Receiver<io::Result<Event>>,
    reader: Option<Reader>,
}

/// The thread that reads.
#[derive(Debug)]
struct Reader {
    ending: Arc<AtomicBool>,
    /// Nothing is ever told through it, but its end.
    ended: std::sync::mpsc::Receiver<()>,
}

impl Keyboard {
    /// One that nobody reads yet, but that tells when there is no terminal any more: no signal need do so.
    pub(super) fn new() -> io::Result<Self> {
        let (tx, rx) = mpsc::channel(QUEUE);
        let told = tx.clone();
        // It waits for nothing else, and as long as the process lives.
        std::thread::Builder::new().name("hang-up".to_owned()).spawn(move || {
            hung_up();
            // Nobody reads any more.
            let _ = told.blocking_send(Err(io::ErrorKind::UnexpectedEof.into()));
        })?;
        Ok(Self(Rc::new(RefCell::new(Keys { tx, rx, reader: None }))))
    }

    /// Begins to read.
    pub(super) fn start(&self) -> io::Result<()> {
        // Now crossterm listens to the signal that wakes it.
        event::poll(Duration::ZERO)?;
        let mut keys = self.0.borrow_mut();
        let reader = Reader::start(keys.tx.clone())?;
        keys.reader = Some(reader);
        Ok(())
    }

    /// Reads no more. What was read already is told when it is read again.
    pub(super) fn stop(&self) {
        self.0.borrow_mut().reader = None;
    }

    /// Tells how large the terminal is, as if it had just changed.
    pub(super) fn tell_size(&self) {
        // Nothing can be wrong with a signal to oneself.
        let _ = kill_process(getpid(), Signal::WINCH);
    }
}

impl Stream for Keyboard {
    type Item = io::Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().rx.poll_recv(context)
    }
}

/// Waits until the terminal has gone.
fn hung_up() {
    let stdin = io::stdin();
    loop {
        // Of what there may be to wait for, only this is told unasked.
        let mut fds = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty())];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) if fds[0].revents().is_empty() => {}
            _ => return,
        }
    }
}

impl Reader {
    fn start(tx: mpsc::Sender<io::Result<Event>>) -> io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let (told, ended) = std::sync::mpsc::channel();
        let told_to = Arc::clone(&ending);
        std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || {
            let _told: std::sync::mpsc::Sender<()> = told;
            while !told_to.load(Ordering::SeqCst) {
                let event = match event::poll(WAIT) {
                    // Who is told to end leaves it to the next one.
                    Ok(true) if told_to.load(Ordering::SeqCst) => return,
                    Ok(true) => event::read(),
                    Ok(false) => continue,
                    Err(error) => Err(error),
                };
                let failed = event.is_err();
                if tx.blocking_send(event).is_err() || failed {
                    return;
                }
            }
        })?;
        Ok(Self { ending, ended })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        // A new size wakes it. As above.
        let _ = kill_process(getpid(), Signal::WINCH);
        // It has ended, or hangs where it does no harm.
        let _ = self.ended.recv_timeout(END);
    }
}
