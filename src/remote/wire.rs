//! One connection, as far as is written to it.

use std::collections::VecDeque;

use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use super::dial::Socket;

/// Messages that may wait to be written.
const WRITING: usize = 64;

/// One connection, as far as the task writes to it.
pub struct Wire {
    messages: mpsc::Sender<Message>,
    /// What waits for room there, the oldest first.
    backlog: VecDeque<Message>,
    _writer: AbortOnDropHandle<()>,
}

impl Wire {
    pub fn over(mut sink: SplitSink<Socket, Message>) -> Self {
        let (messages, mut writing) = mpsc::channel(WRITING);
        let writer = tokio::spawn(async move {
            while let Some(message) = writing.recv().await {
                if sink.feed(message).await.is_err() {
                    return;
                }
                if writing.is_empty() && sink.flush().await.is_err() {
                    return;
                }
            }
            let _ = sink.close().await;
        });
        Self { messages, backlog: VecDeque::new(), _writer: AbortOnDropHandle::new(writer) }
    }

    pub fn put(&mut self, message: Message) {
        self.backlog.push_back(message);
        self.pump();
    }

    /// Hands over as much as there is room for.
    fn pump(&mut self) {
        while !self.backlog.is_empty() {
            let Ok(room) = self.messages.try_reserve() else { return };
            if let Some(message) = self.backlog.pop_front() {
                room.send(message);
            }
        }
    }

    /// Waits until nothing waits for room.
    pub async fn drained(&mut self) {
        while let Some(message) = self.backlog.front().cloned() {
            // The writer that is gone has told so by the reader.
            if self.messages.send(message).await.is_err() {
                std::future::pending::<()>().await;
            }
            self.backlog.pop_front();
        }
    }

    /// Something waits for room.
    pub fn is_full(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Sends a message if there is room for it now; it may go before those that wait.
    pub fn try_now(&self, message: Message) {
        let _ = self.messages.try_send(message);
    }
}
