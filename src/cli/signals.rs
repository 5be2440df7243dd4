//! The signals that are passed on to a program.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::protocol::Signal;

use super::exit::Problem;

/// Signals to this process. From when it is made, they end it no more.
pub struct Signals {
    int: Stream,
    term: Stream,
    hup: Stream,
    quit: Stream,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> Result<Self, Problem> {
        let listen = || {
            Ok(Self {
                int: signal(SignalKind::interrupt())?,
                term: signal(SignalKind::terminate())?,
                hup: signal(SignalKind::hangup())?,
                quit: signal(SignalKind::quit())?,
            })
        };
        listen().map_err(|e: std::io::Error| {
            Problem::new(format!("signals can't be listened to: {e}"), "end some programs")
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.int.recv() => Signal::Int,
            _ = self.term.recv() => Signal::Term,
            _ = self.hup.recv() => Signal::Hup,
            _ = self.quit.recv() => Signal::Quit,
        }
    }
}
