//! What a connection's task and the engine over it share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::timing::Timing;
use super::traffic::Tap;
use crate::engine::{Link, LinkUp, Token, Told};
use crate::protocol::ServerInfo;

/// Events that a subscriber may be behind.
const BEHIND: usize = 256;

pub struct Shared {
    pub address: Address,
    pub token: Option<Token>,
    pub timing: Timing,
    pub tap: Tap,
    link: watch::Sender<Link>,
    events: broadcast::Sender<Told>,
    info: Mutex<Option<ServerInfo>>,
    /// Somebody wants the next attempt now.
    pub retry: Notify,
    /// Nobody wants the connection any more.
    pub stop: CancellationToken,
    begun: Instant,
}

impl Shared {
    pub fn new(address: Address, token: Option<Token>, timing: Timing) -> Self {
        let up = LinkUp {
            server: address.short(),
            software: String::new(),
            round_trip: None,
            missing: Vec::new(),
            returns: 0,
        };
        Self {
            address,
            token,
            timing,
            tap: Tap::new(),
            link: watch::Sender::new(Link::Up(up)),
            events: broadcast::Sender::new(BEHIND),
            info: Mutex::default(),
            retry: Notify::new(),
            stop: CancellationToken::new(),
            begun: Instant::now(),
        }
    }

    /// What the server said of itself last.
    pub fn info(&self) -> Option<ServerInfo> {
        lock(&self.info).clone()
    }

    pub fn take_info(&self, info: ServerInfo) {
        *lock(&self.info) = Some(info);
    }

    /// The server's name and version.
    pub fn software(&self) -> String {
        lock(&self.info).as_ref().map_or_else(String::new, |info| format!("{} {}", info.name, info.version))
    }

    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    pub fn show(&self, link: Link) {
        self.link.send_replace(link);
    }

    pub fn events(&self) -> broadcast::Receiver<Told> {
        self.events.subscribe()
    }

    pub fn tell(&self, told: Told) {
        // Without listeners it is nobody's loss.
        let _ = self.events.send(told);
    }

    /// Now, in microseconds since this was made.
    pub fn stamp(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The other end has answered what was asked at `stamp`. Only a change that is seen is shown.
    pub fn measured(&self, stamp: u64) {
        let round_trip = Duration::from_micros(self.stamp().saturating_sub(stamp));
        self.link.send_if_modified(|link| {
            let Link::Up(up) = link else { return false };
            let seen = up.round_trip.is_none_or(|before| differs(before, round_trip));
            if seen {
                up.round_trip = Some(round_trip);
            }
            seen
        });
    }
}

/// Two round trips that people would tell apart.
fn differs(a: Duration, b: Duration) -> bool {
    let (a, b) = (a.as_secs_f64() * 1000.0, b.as_secs_f64() * 1000.0);
    a.round() != b.round() && (a - b).abs() > 0.25 * a.max(b)
}

/// A lock that a panic elsewhere does not spoil.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
