//! How the engine is reached, as the workbench was told; and the dial to another one, while it is under way.

use std::time::Duration;

use super::text;
use crate::engine::{Link, LinkDown, LinkUp};

/// A dial that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dial {
    /// Its number: an answer to an earlier one is no answer.
    pub(crate) number: u32,
    /// Where to, as people are told.
    pub(crate) to: String,
}

/// The way to the engine.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) link: Link,
    /// When that was told.
    pub(crate) told: Duration,
    /// Since when the link is lost.
    pub(crate) lost: Option<Duration>,
    /// The engine that is being reached.
    pub(crate) dial: Option<Dial>,
    /// How many dials and looks there were.
    pub(crate) dials: u32,
}

impl Default for Connection {
    fn default() -> Self {
        Self { link: Link::Local, told: Duration::ZERO, lost: None, dial: None, dials: 0 }
    }
}

impl Connection {
    /// What the engine is called: `local`, or its server's address.
    pub(crate) fn name(&self) -> &str {
        self.server().unwrap_or("local")
    }

    /// The server's address, where there is one.
    pub(crate) fn server(&self) -> Option<&str> {
        match &self.link {
            Link::Local => None,
            Link::Up(LinkUp { server, .. }) | Link::Down(LinkDown { server, .. }) => Some(server),
        }
    }

    pub(crate) fn up(&self) -> Option<&LinkUp> {
        match &self.link {
            Link::Up(up) => Some(up),
            _ => None,
        }
    }

    pub(crate) fn down(&self) -> Option<&LinkDown> {
        match &self.link {
            Link::Down(down) => Some(down),
            _ => None,
        }
    }

    /// The time until the next attempt to have the link back; `None`: no more are made.
    pub(crate) fn wait(&self, now: Duration) -> Option<Duration> {
        Some(self.down()?.wait?.saturating_sub(now.saturating_sub(self.told)))
    }

    /// For how long the link has been lost.
    pub(crate) fn lost_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.lost.unwrap_or(now))
    }
}

/// From a question to its answer, to the millisecond: what varies less is no news.
pub(crate) fn round_trip(time: Duration) -> String {
    match u64::try_from(time.as_millis()) {
        Ok(0) => "<1 ms".to_owned(),
        Ok(ms) => text::whole_millis(ms),
        Err(_) => "?".to_owned(),
    }
}

/// What of a link is on the screen.
pub(crate) fn alike(a: &Link, b: &Link) -> bool {
    match (a, b) {
        (Link::Up(a), Link::Up(b)) => {
            let shown = |up: &LinkUp| LinkUp { round_trip: None, ..up.clone() };
            a.round_trip.map(round_trip) == b.round_trip.map(round_trip) && shown(a) == shown(b)
        }
        _ => a == b,
    }
}
