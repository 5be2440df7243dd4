//! Engines elsewhere: links as they are told, messages as they pass, and a connector that does as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use codebeaker::engine::{Connector, Engine, Frame, FrameKind, Link, LinkDown, LinkUp, Look, Recent, Target};
use codebeaker::protocol::{ErrorKind, Failure};
use codebeaker::tui::{LinkMsg, Msg};

use super::Scripted;

pub const SERVER: &str = "wss://lab.example.org";

pub fn up(round_trip: u64) -> LinkUp {
    LinkUp {
        server: SERVER.to_owned(),
        software: "codebeaker 0.1.0".to_owned(),
        round_trip: Some(Duration::from_millis(round_trip)),
        missing: Vec::new(),
        returns: 0,
    }
}

pub fn down(attempt: u32, wait: Option<u64>) -> LinkDown {
    LinkDown {
        server: SERVER.to_owned(),
        reason: "connection refused".to_owned(),
        attempt,
        wait: wait.map(Duration::from_secs),
    }
}

/// That the link is this now.
pub fn changed(link: Link) -> Msg {
    Msg::Link(LinkMsg::Changed(link))
}

pub fn look() -> Look {
    Look {
        address: SERVER.to_owned(),
        software: "codebeaker 0.1.0".to_owned(),
        round_trip: Duration::from_millis(14),
        tls: Some("verified, for lab.example.org until 2027-03-01".to_owned()),
        missing: Vec::new(),
        sessions: 3,
    }
}

pub fn recent() -> Vec<Recent> {
    let recent =
        |address: &str, seconds| Recent { address: address.to_owned(), ago: Duration::from_secs(seconds) };
    vec![recent("wss://lab.example.org", 7500), recent("ws://localhost:5039", 300_000)]
}

pub fn refused() -> Failure {
    Failure::new(
        ErrorKind::Unreachable,
        "wss://lab.example.org can't be reached: tcp: connection refused",
        "is the server running there? codebeaker serve starts one",
    )
}

fn message(sent: bool, kind: FrameKind, text: &str) -> Frame {
    Frame { sent, kind, bytes: text.len(), text: Arc::from(text) }
}

pub fn request(id: &str, method: &str, text: &str) -> Frame {
    message(true, FrameKind::Request { id: id.to_owned(), method: method.to_owned() }, text)
}

pub fn answer(id: &str, method: &str, ok: bool, text: &str) -> Frame {
    let took = Some(Duration::from_micros(14_200));
    message(false, FrameKind::Answer { id: id.to_owned(), method: method.to_owned(), ok, took }, text)
}

pub fn event(method: &str, text: &str) -> Frame {
    message(false, FrameKind::Notification { method: method.to_owned() }, text)
}

pub fn passed(frames: Vec<Frame>) -> Msg {
    Msg::Link(LinkMsg::Passed { frames, missed: 0 })
}

/// A connector to one engine here and one elsewhere. `refuse` refuses, `never` does not answer.
pub struct Switchboard {
    pub here: Arc<Scripted>,
    pub there: Arc<Scripted>,
    pub asked: Mutex<Vec<Target>>,
}

impl Switchboard {
    pub fn new(here: &Arc<Scripted>, there: &Arc<Scripted>) -> Arc<Self> {
        Arc::new(Self { here: Arc::clone(here), there: Arc::clone(there), asked: Mutex::default() })
    }

    async fn answer<T>(&self, target: Target, answer: T) -> Result<T, Failure> {
        self.asked.lock().unwrap().push(target.clone());
        match target.address.as_str() {
            "never" => std::future::pending().await,
            "refuse" => Err(refused()),
            _ => Ok(answer),
        }
    }
}

#[async_trait]
impl Connector for Switchboard {
    async fn local(&self) -> Result<Arc<dyn Engine>, Failure> {
        Ok(Arc::clone(&self.here) as Arc<dyn Engine>)
    }

    async fn attach(&self, target: Target) -> Result<Arc<dyn Engine>, Failure> {
        self.answer(target, Arc::clone(&self.there) as Arc<dyn Engine>).await
    }

    async fn look(&self, target: Target) -> Result<Look, Failure> {
        self.answer(target, look()).await
    }

    fn recent(&self) -> Vec<Recent> {
        recent()
    }

    fn token_source(&self, _: &str) -> Option<String> {
        Some("CODEBEAKER_TOKEN".to_owned())
    }
}
