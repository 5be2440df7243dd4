//! What passes from the person to a running program: standard input and signals.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::exit;
use crate::cli::signals::Signals;
use crate::engine::{Engine, InterruptTarget, Link};
use crate::protocol::{ErrorKind, ExecutionId, Failure, SessionId, Signal};

/// Bytes of standard input passed on at once.
const PIECE: usize = 64 << 10;
/// How long a piece of input that could not be sent waits at least before it is tried again.
const LINK_PAUSE: Duration = Duration::from_millis(50);
/// How often a run in the background looks whether the terminal is its own by now.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(250);

/// Passes our standard input on, until it or the program ends.
pub async fn feed(engine: Arc<dyn Engine>, id: ExecutionId) {
    let (pieces, mut arrived) = mpsc::channel(1);
    // A thread of its own: one that waits in a read can't be ended, and must keep nobody waiting at the end.
    let reader = std::thread::Builder::new().name("standard input".into());
    if reader.spawn(move || read_stdin(&pieces)).is_err() {
        return;
    }
    while let Some(data) = arrived.recv().await {
        if let Err(failure) = input(engine.as_ref(), &id, data, false).await {
            if failure.kind == ErrorKind::NotAvailable {
                exit::say(format_args!("note: {failure}: what you give it is not read"));
            }
            return;
        }
    }
    // The program has ended, or reads no more: then nobody misses the end.
    let _ = input(engine.as_ref(), &id, Bytes::new(), true).await;
}

/// Feeds the program; what could not be sent because the link is down waits until it is back.
async fn input(engine: &dyn Engine, id: &ExecutionId, data: Bytes, eof: bool) -> Result<(), Failure> {
    let mut link = engine.link();
    loop {
        match engine.input(id, data.clone(), eof).await {
            Err(failure) if failure.kind == ErrorKind::Unreachable => {
                tokio::time::sleep(LINK_PAUSE).await;
                if link.wait_for(|link| !matches!(link, Link::Down(_))).await.is_err() {
                    return Err(failure);
                }
            }
            done => return done,
        }
    }
}

fn read_stdin(pieces: &mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; PIECE];
    loop {
        while in_background() {
            // To read the terminal now would stop us. Whoever runs us in the background may bring us forward.
            if pieces.is_closed() {
                return;
            }
            std::thread::sleep(BACKGROUND_PAUSE);
        }
        match std::io::stdin().lock().read(&mut buffer) {
            Ok(n) if n > 0 => {
                if pieces.blocking_send(Bytes::copy_from_slice(&buffer[..n])).is_err() {
                    return;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// Whether standard input is a terminal that belongs to another job of the shell's.
fn in_background() -> bool {
    let foreground = rustix::termios::tcgetpgrp(rustix::stdio::stdin());
    foreground.is_ok_and(|group| group != rustix::process::getpgrp())
}

/// Where signals go.
pub struct Passing {
    pub engine: Arc<dyn Engine>,
    pub execution: ExecutionId,
    pub session: SessionId,
    /// The person doesn't want to see any more of it.
    pub gave_up: CancellationToken,
    /// The person wants to go, and the program can't be told.
    pub left: CancellationToken,
    /// The last signal that was passed on.
    pub passed: Arc<AtomicI32>,
}

impl Passing {
    /// Passes on the signals that we get; the second Ctrl-C kills. A program that none of them reaches is left alone:
    /// at once, or by the second Ctrl-C.
    pub async fn pass(self, mut signals: Signals) {
        let mut interrupted = false;
        loop {
            let got = signals.next().await;
            let signal = if got == Signal::Int && interrupted { Signal::Kill } else { got };
            interrupted |= signal == Signal::Int;
            self.passed.store(signal.number(), Ordering::SeqCst);
            let target = InterruptTarget::Execution(self.execution.clone());
            let told = self.engine.interrupt(target, signal).await;
            if signal == Signal::Kill {
                self.gave_up.cancel();
            }
            let Err(failure) = told else { continue };
            if failure.kind == ErrorKind::NotAvailable {
                // It ends with its session, which is nobody else's.
                exit::say(format_args!("note: {failure}: its session is closed"));
                let _ = self.engine.close_session(&self.session).await;
            } else if signal == Signal::Int {
                exit::say(format_args!("note: {failure}; once more leaves the program there"));
            } else {
                self.passed.store(got.number(), Ordering::SeqCst);
                return self.left.cancel();
            }
        }
    }
}
