//! How long a client waits: for a sign of life, for an answer, and before it tries again.

use std::time::Duration;

/// How much a wait differs from one client to the next, in parts of it: they are not to come back all at once.
const JITTER: f64 = 0.2;

/// The times of one client's connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often the other end is asked for a sign of life.
    pub heartbeat: Duration,
    /// Without any sign for so long the connection counts as lost.
    pub silence: Duration,
    /// How long until the next attempt: the first, the second, and so on; the last of them ever after.
    pub backoff: [Duration; 5],
    /// How often it is looked whether anybody listens again where nobody did.
    pub knock: Duration,
    /// How long the way there may take: name, TCP.
    pub connect: Duration,
    /// How long TLS and the WebSocket's handshake may take, each.
    pub shake: Duration,
    /// How long the first question on a connection may take.
    pub greeting: Duration,
    /// How long most answers may take.
    pub answer: Duration,
}

impl Default for Timing {
    /// A lost connection is noticed within ten seconds, and a server that returns is found within two.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(3),
            silence: Duration::from_secs(8),
            backoff: [1, 2, 4, 8, 10].map(Duration::from_secs),
            knock: Duration::from_secs(1),
            connect: Duration::from_secs(5),
            shake: Duration::from_secs(10),
            greeting: Duration::from_secs(10),
            answer: Duration::from_secs(30),
        }
    }
}

impl Timing {
    /// How long to wait before the attempt of this number, from 1.
    pub(super) fn before(&self, attempt: u32) -> Duration {
        let last = self.backoff.len() - 1;
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(last).min(last);
        jittered(self.backoff[index], random())
    }

    /// How long to wait before the next knock.
    pub(super) fn before_knock(&self) -> Duration {
        jittered(self.knock, random())
    }
}

/// From 0 to 1.
fn random() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}

/// A time, more or less: `random` from 0 to 1 says which.
fn jittered(time: Duration, random: f64) -> Duration {
    time.mul_f64(1.0 + JITTER * (random - 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rarer_and_never_stop() {
        let timing = Timing::default();
        for (attempt, seconds) in [(0, 1.0), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (6, 10.0)] {
            for _ in 0..200 {
                let wait = timing.before(attempt).as_secs_f64();
                assert!((0.9 * seconds..=1.1 * seconds).contains(&wait), "{attempt}: {wait}");
            }
        }
        assert!(timing.before(u32::MAX) <= Duration::from_secs(11));
    }

    #[test]
    fn not_all_clients_come_back_at_once() {
        let timing = Timing::default();
        let waits: Vec<f64> = (0..200).map(|_| timing.before(5).as_secs_f64()).collect();
        let (least, most) = waits.iter().fold((f64::MAX, 0_f64), |(l, m), w| (l.min(*w), m.max(*w)));
        assert!(least < 9.3 && most > 10.7, "they wait from {least} s to {most} s");
    }

    #[test]
    fn the_promises_hold_with_what_is_usual() {
        let timing = Timing::default();
        // Two heartbeats may go unanswered before the connection counts as lost, and that is within ten seconds.
        assert!(2 * timing.heartbeat < timing.silence && timing.silence < Duration::from_secs(10));
        // Who returns is found within two.
        assert!(jittered(timing.knock, 1.0) < Duration::from_secs(2));
    }
}
