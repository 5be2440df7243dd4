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
use crate::engine::{Engine, InterruptTarget};
use crate::protocol::{ErrorKind, ExecutionId, SessionId, Signal};

/// Bytes of standard input passed on at once.
const PIECE: usize = 64 << 10;
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
        if let Err(failure) = engine.input(&id, data, false).await {
            if failure.kind == ErrorKind::NotAvailable {
                exit::say(format_args!("note: {failure}: what you give it is not read"));
            }
            return;
        }
    }
    // The program has ended, or reads no more: then nobody misses the end.
    let _ = engine.input(&id, Bytes::new(), true).await;
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
    /// The last signal that was passed on.
    pub passed: Arc<AtomicI32>,
}

impl Passing {
    /// Passes on the signals that we get; the second Ctrl-C kills.
    pub async fn pass(self, mut signals: Signals) {
        let mut interrupted = false;
        loop {
            let signal = match signals.next().await {
                Signal::Int if interrupted => Signal::Kill,
                signal => signal,
            };
            interrupted |= signal == Signal::Int;
            self.passed.store(signal.number(), Ordering::SeqCst);
            let target = InterruptTarget::Execution(self.execution.clone());
            if let Err(failure) = self.engine.interrupt(target, signal).await
                && failure.kind == ErrorKind::NotAvailable
            {
                // It ends with its session, which is nobody else's.
                exit::say(format_args!("note: {failure}: its session is closed"));
                let _ = self.engine.close_session(&self.session).await;
            }
            if signal == Signal::Kill {
                self.gave_up.cancel();
            }
        }
    }
}
