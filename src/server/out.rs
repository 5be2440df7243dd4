//! What a connection has to write, in order; it goes as fast as the other end takes it.

use std::collections::VecDeque;
use std::task::{Poll, ready};

use axum::extract::ws::{Message, WebSocket};
use futures_util::Sink as _;
use futures_util::stream::SplitSink;

/// What is to be written.
#[derive(Default)]
pub struct Out {
    queue: VecDeque<Message>,
    /// Bytes that wait.
    pub bytes: usize,
    unflushed: bool,
}

impl Out {
    pub fn put(&mut self, text: String) {
        self.bytes += text.len();
        self.queue.push_back(Message::Text(text.into()));
    }

    /// Puts something that is no text: a ping, the goodbye.
    pub fn put_other(&mut self, message: Message) {
        self.queue.push_back(message);
    }

    /// Writes all there is; ready when it is with the kernel.
    pub async fn write(&mut self, sink: &mut SplitSink<WebSocket, Message>) -> Result<(), axum::Error> {
        std::future::poll_fn(|context| {
            let mut sink = std::pin::Pin::new(&mut *sink);
            while !self.queue.is_empty() {
                ready!(sink.as_mut().poll_ready(context))?;
                let Some(message) = self.queue.pop_front() else { break };
                self.bytes -= size(&message).min(self.bytes);
                sink.as_mut().start_send(message)?;
                self.unflushed = true;
            }
            ready!(sink.as_mut().poll_flush(context))?;
            self.unflushed = false;
            Poll::Ready(Ok(()))
        })
        .await
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        _ => 0,
    }
}
