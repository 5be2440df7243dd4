//! What an engine tells unasked: of sessions, of its link, and what passes over its wire.

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{mpsc, watch};

use crate::engine::{Frame, Link, SessionEvents, Traffic};
use crate::tui::msg::{LinkMsg, Msg, SessionMsg};

/// Messages of the wire that are passed on at once, at most.
const FRAMES: usize = 256;
/// Bytes of theirs that are passed on at once, at most but for the last message.
const BYTES: usize = 256 * 1024;

type Sender = mpsc::Sender<Msg>;

/// Tells what happens to sessions.
pub(super) async fn sessions(mut events: SessionEvents, tx: Sender) {
    while let Some(event) = events.next().await {
        if tx.send(Msg::Session(SessionMsg::Told(event))).await.is_err() {
            break;
        }
    }
}

/// Tells how the engine is reached: now, and whenever that changes.
pub(super) async fn link(mut link: watch::Receiver<Link>, tx: Sender) {
    loop {
        let now = link.borrow_and_update().clone();
        let told = tx.send(Msg::Link(LinkMsg::Changed(now))).await;
        if told.is_err() || link.changed().await.is_err() {
            break;
        }
    }
}

/// Tells what passes over the wire, in as few messages as may be. Who tells too much loses the oldest of it.
pub(super) async fn traffic(mut traffic: Traffic, tx: Sender) {
    let mut missed = 0;
    loop {
        let first = match traffic.recv().await {
            Ok(frame) => frame,
            Err(RecvError::Lagged(more)) => {
                missed += more;
                continue;
            }
            Err(RecvError::Closed) => break,
        };
        let frames = batch(first, &mut traffic, &mut missed);
        let passed = LinkMsg::Passed { frames, missed: std::mem::take(&mut missed) };
        if tx.send(Msg::Link(passed)).await.is_err() {
            break;
        }
    }
}

/// A message with those behind it that are there already.
fn batch(first: Frame, traffic: &mut Traffic, missed: &mut u64) -> Vec<Frame> {
    let mut bytes = first.text.len();
    let mut frames = vec![first];
    while frames.len() < FRAMES && bytes < BYTES {
        match traffic.try_recv() {
            Ok(frame) => {
                bytes += frame.text.len();
                frames.push(frame);
            }
            Err(TryRecvError::Lagged(more)) => *missed += more,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    frames
}
