//! Whether the server is reached, as faces are told; and when that is looked at next.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::lock;
use crate::engine::{Link, LinkDown, LinkUp};

/// The shortest wait before a lost server is tried again; it doubles up to the time between two looks.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How a server is reached.
pub struct Standing {
    link: watch::Sender<Link>,
    course: Mutex<Course>,
    /// Something wants the server looked at now.
    wake: Notify,
    /// The longest between two looks.
    pace: Duration,
}

struct Course {
    up: LinkUp,
    /// Attempts that have failed since it was up.
    failed: u32,
}

impl Standing {
    /// Of a server that is about to be reached; `pace` is between two looks at one that is.
    pub fn new(server: String, pace: Duration) -> Self {
        let up =
            LinkUp { server, software: String::new(), round_trip: None, missing: Vec::new(), returns: 0 };
        Self {
            link: watch::Sender::new(Link::Up(up.clone())),
            course: Mutex::new(Course { up, failed: 0 }),
            wake: Notify::new(),
            pace,
        }
    }

    /// What is told, now and as it changes.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// What the server is, and what it can't do.
    pub fn describe(&self, software: String, missing: Vec<String>) {
        let mut course = lock(&self.course);
        course.up.software = software;
        course.up.missing = missing;
        if course.failed == 0 {
            self.link.send_replace(Link::Up(course.up.clone()));
        }
    }

    /// It has answered.
    pub fn answered(&self, round_trip: Duration) {
        let mut course = lock(&self.course);
        course.up.returns += u32::from(course.failed > 0);
        course.failed = 0;
        course.up.round_trip = Some(round_trip);
        self.link.send_replace(Link::Up(course.up.clone()));
    }

    /// It could not be reached, or does not answer.
    pub fn lost(&self, reason: &str) {
        let mut course = lock(&self.course);
        // What somebody asks meanwhile is no attempt to have it back.
        if matches!(&*self.link.borrow(), Link::Down(down) if down.wait != Some(Duration::ZERO)) {
            return;
        }
        course.failed = course.failed.saturating_add(1);
        // The sentence names the server, which is told anyway.
        let reason = reason.rsplit(": ").next().unwrap_or(reason).to_owned();
        let (server, attempt) = (course.up.server.clone(), course.failed);
        let wait = Some(self.wait(course.failed));
        self.link.send_replace(Link::Down(LinkDown { server, reason, attempt, wait }));
    }

    /// A connection broke or can't be made, or an answer did not come: that may be the server's end, or the
    /// connection's alone, and is looked into. What is lost already has its own times.
    pub fn doubt(&self) {
        if lock(&self.course).failed == 0 {
            self.look_now();
        }
    }

    /// Does not wait for the next look.
    pub fn look_now(&self) {
        self.wake.notify_one();
    }

    /// The time has come to try again.
    pub fn trying(&self) {
        self.link.send_if_modified(|link| match link {
            Link::Down(down) => down.wait.replace(Duration::ZERO) != Some(Duration::ZERO),
            _ => false,
        });
    }

    /// Waits until the server is to be looked at.
    pub async fn due(&self) {
        let wait = self.wait(lock(&self.course).failed);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.wake.notified() => {}
        }
    }

    fn wait(&self, failed: u32) -> Duration {
        match failed {
            0 => self.pace,
            n => FIRST_WAIT.saturating_mul(1 << (n - 1).min(16)).min(self.pace),
        }
    }
}
