//! The requests of a client that are not answered yet, in the order in which they were made.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::call::{Call, Fate, Pending, late, lost};

/// What was asked of one server.
pub struct Requests {
    next: u64,
    sent: BTreeMap<u64, Pending>,
    /// When the time of those that have one is over.
    due: BTreeSet<(Instant, u64)>,
    /// Those that are asked again when the connection is back.
    again: Vec<Call>,
}

impl Requests {
    pub fn new() -> Self {
        // 0 is the greeting's.
        Self { next: 1, sent: BTreeMap::new(), due: BTreeSet::new(), again: Vec::new() }
    }

    /// Takes one that is about to be sent; gives its id.
    pub fn enter(&mut self, pending: Pending) -> u64 {
        let id = self.next;
        self.next += 1;
        if let Pending::Call(call) = &pending {
            self.due.insert((call.until, id));
        }
        self.sent.insert(id, pending);
        id
    }

    /// One is answered.
    pub fn answered(&mut self, id: u64) -> Option<Pending> {
        let pending = self.sent.remove(&id)?;
        if let Pending::Call(call) = &pending {
            self.due.remove(&(call.until, id));
        }
        Some(pending)
    }

    pub fn get(&self, id: u64) -> Option<&Pending> {
        self.sent.get(&id)
    }

    /// When the time of the next is over.
    pub fn due(&self) -> Option<Instant> {
        let sent = self.due.first().map(|(until, _)| *until);
        self.again.iter().map(|call| call.until).chain(sent).min()
    }

    /// Gives up those whose time is over.
    pub fn expire(&mut self, server: &str) {
        let now = Instant::now();
        let give_up = |call: Call| {
            let error = late(server, call.method, call.fate, call.time);
            let _ = call.answer.send(Err(error));
        };
        while let Some((until, id)) = self.due.first().copied().filter(|(until, _)| *until <= now) {
            self.due.remove(&(until, id));
            if let Some(Pending::Call(call)) = self.sent.remove(&id) {
                give_up(call);
            }
        }
        self.again.extract_if(.., |call| call.until <= now).for_each(give_up);
    }

    /// The connection is lost: what is asked again is kept, the rest is told what is known of it.
    pub fn lose(&mut self, server: &str) {
        self.due.clear();
        for pending in std::mem::take(&mut self.sent).into_values() {
            let Pending::Call(call) = pending else { continue };
            match call.fate {
                Fate::AskAgain => self.again.push(call),
                fate => {
                    let _ = call.answer.send(Err(lost(server, call.method, fate)));
                }
            }
        }
    }

    /// Those to ask again, in the order in which they were asked first.
    pub fn take_again(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.again)
    }

    /// There will be no connection any more.
    pub fn give_up(&mut self, server: &str) {
        self.lose(server);
        for call in self.take_again() {
            let _ = call.answer.send(Err(lost(server, call.method, Fate::Unknown)));
        }
    }
}
