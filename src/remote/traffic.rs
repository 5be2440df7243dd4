//! What passes over a connection, told to whoever listens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::broadcast;

use crate::engine::{Frame, FrameKind, Traffic};

/// Frames that wait for a slow listener; one who is slower misses the oldest.
const FRAMES: usize = 256;
/// Requests that may be unanswered before the oldest are forgotten: some never are answered.
const UNANSWERED: usize = 256;

/// Makes [`Frame`]s of the messages of one server's connections. Costs next to nothing while nobody listens.
pub struct Tap {
    frames: broadcast::Sender<Frame>,
    asked: Mutex<VecDeque<Asked>>,
}

/// A request on its way.
struct Asked {
    id: String,
    method: String,
    at: Instant,
}

impl Tap {
    /// A tap that nobody listens at yet.
    pub fn new() -> Self {
        Self { frames: broadcast::Sender::new(FRAMES), asked: Mutex::default() }
    }

    /// What passes from now on.
    pub fn listen(&self) -> Traffic {
        self.frames.subscribe()
    }

    /// A request was sent; `id` as it is written in the message, unique among those that are unanswered.
    pub fn sent(&self, id: &str, method: &str, text: &str) {
        if self.frames.receiver_count() == 0 {
            return;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() == UNANSWERED {
            asked.pop_front();
        }
        asked.push_back(Asked { id: id.to_owned(), method: method.to_owned(), at: Instant::now() });
        drop(asked);
        self.tell(true, FrameKind::Request { id: id.to_owned(), method: method.to_owned() }, text);
    }

    /// A message came.
    pub fn received(&self, text: &str) {
        if self.frames.receiver_count() > 0 {
            self.tell(false, self.kind(text), text);
        }
    }

    fn kind(&self, text: &str) -> FrameKind {
        let peek: Peek<'_> = serde_json::from_str(text).unwrap_or_default();
        if let Some(method) = peek.method {
            return FrameKind::Notification { method };
        }
        let Some(id) = peek.id.map(|id| id.get().to_owned()) else {
            return FrameKind::Notification { method: String::new() };
        };
        let ok = peek.error.is_none_or(|error| error.get() == "null");
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let request = asked.iter().position(|a| a.id == id).and_then(|at| asked.remove(at));
        let took = request.as_ref().map(|a| a.at.elapsed());
        FrameKind::Answer { id, method: request.map(|a| a.method).unwrap_or_default(), ok, took }
    }

    fn tell(&self, sent: bool, kind: FrameKind, text: &str) {
        let kept = text.get(..text.floor_char_boundary(Frame::KEPT)).unwrap_or(text);
        // Who listened may have left just now.
        let _ = self.frames.send(Frame { sent, kind, bytes: text.len(), text: Arc::from(kept) });
    }
}

/// As much of a message as tells what it is; its long members are not read.
#[derive(Default, Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(tap: &Tap, say: impl Fn(&Tap)) -> Vec<FrameKind> {
        let mut frames = tap.listen();
        say(tap);
        std::iter::from_fn(|| frames.try_recv().ok()).map(|frame| frame.kind).collect()
    }

    #[test]
    fn an_answer_knows_its_question() {
        let told = kinds(&Tap::new(), |tap| {
            tap.sent("7", "session.list", "{}");
            tap.received(r#"{"jsonrpc":"2.0","id":7,"result":null,"error":null}"#);
            tap.received(r#"{"id":8,"error":{"code":-1}}"#);
        });
        let FrameKind::Answer { id, method, ok: true, took: Some(_) } = &told[1] else { panic!("{told:?}") };
        assert_eq!((id.as_str(), method.as_str()), ("7", "session.list"));
        let unknown = FrameKind::Answer { id: "8".into(), method: String::new(), ok: false, took: None };
        assert_eq!(told[2], unknown);
    }

    #[test]
    fn what_has_a_method_is_a_notification_whatever_its_id() {
        let told = kinds(&Tap::new(), |tap| tap.received(r#"{"id":null,"method":"execution.output"}"#));
        assert_eq!(told, [FrameKind::Notification { method: "execution.output".into() }]);
    }

    #[test]
    fn long_messages_are_kept_in_part_and_unanswered_requests_are_forgotten() {
        let tap = Tap::new();
        let mut frames = tap.listen();
        tap.received(&"é".repeat(Frame::KEPT));
        let frame = frames.try_recv().unwrap();
        assert_eq!((frame.bytes, frame.text.len()), (2 * Frame::KEPT, Frame::KEPT));
        (0..2 * UNANSWERED).for_each(|id| tap.sent(&id.to_string(), "m", "{}"));
        assert_eq!(tap.asked.lock().unwrap().len(), UNANSWERED);
    }
}
