//! The signals that are passed on to a program.

use std::task::Poll;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::protocol::Signal;

use super::exit::Problem;

/// Signals to this process. From when it is made, they end it no more.
pub struct Signals(Vec<(Stream, Signal)>);

impl Signals {
    /// Begins to listen; not to those that whoever started us has us ignore, as nohup does.
    pub fn listen() -> Result<Self, Problem> {
        let ignored = ignored();
        let listened = [Signal::Int, Signal::Term, Signal::Hup, Signal::Quit];
        let listened = listened.into_iter().filter(|s| ignored & (1 << (s.number() - 1)) == 0);
        let streams = listened.map(|s| Ok((signal(SignalKind::from_raw(s.number()))?, s)));
        streams
            .collect::<std::io::Result<_>>()
            .map(Self)
            .map_err(|e| Problem::new(format!("signals can't be listened to: {e}"), "end some programs"))
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            let arrived = self.0.iter_mut().find_map(|(stream, signal)| match stream.poll_recv(context) {
                Poll::Ready(Some(())) => Some(*signal),
                _ => None,
            });
            arrived.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The signals this process ignores since it was started, a bit each; none where the system doesn't tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
