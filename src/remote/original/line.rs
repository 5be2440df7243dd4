//! One connection to an original server. It answers one question after the other, so one is asked at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::standing::Standing;
use crate::engine::Token;
use crate::protocol::{ErrorKind, Id, Incoming, Request, Response, parse_message};
use crate::remote::dial::{Socket, dial};
use crate::remote::timing::Timing;
use crate::remote::traffic::Tap;
use crate::remote::{Address, RemoteError};

/// What all connections to one server share.
pub struct Wire {
    /// Where it is.
    pub address: Address,
    /// What opens it, where something in front of it wants that: these servers know no tokens.
    pub token: Option<Token>,
    /// Who wants to see what passes.
    pub tap: Tap,
    /// What is told of the connection.
    pub standing: Standing,
    /// The last request's id: one sequence for all connections, so that an answer knows its question.
    pub ids: AtomicU64,
}

/// A connection; made when it is needed, and again when it was lost.
pub struct Line {
    wire: Arc<Wire>,
    /// How long an answer may take where nothing else is said.
    patience: Duration,
    /// Absent while a question is asked: one that is given up takes the connection with it, on which its answer would
    /// come and keep all others waiting.
    socket: Option<Socket>,
}

impl Line {
    /// A connection that is not made yet.
    pub fn new(wire: Arc<Wire>, patience: Duration) -> Self {
        Self { wire, patience, socket: None }
    }

    /// Asks, and waits for the answer as long as the line has patience; errors are those of [`Line::talk`].
    pub async fn ask(&mut self, method: &str, params: Option<Value>) -> Result<Value, RemoteError> {
        let answer = tokio::time::timeout(self.patience, self.talk(method, params)).await;
        answer.unwrap_or_else(|_| {
            let (server, seconds) = (self.wire.address.short(), self.patience.as_secs_f32());
            Err(self.unknown(format!("{server} did not answer {method} within {seconds} s")))
        })
    }

    /// Asks, and waits for the answer as long as whoever asks. Dropping the future gives the connection up.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`]: nothing was asked. [`ErrorKind::Unknown`]: it was asked, and what came of it is not
    /// known.
    pub async fn talk(&mut self, method: &str, params: Option<Value>) -> Result<Value, RemoteError> {
        let mut socket = self.connected().await?;
        let id = Id::number(self.wire.ids.fetch_add(1, Ordering::Relaxed) + 1);
        let request = Request { id: Some(id.clone()), method: method.to_owned(), params };
        let text = request.to_text();
        self.wire.tap.sent(id.as_text(), method, &text);
        let talk = async {
            socket.send(Message::text(text)).await?;
            answer(&self.wire.tap, &mut socket, &id).await
        };
        match talk.await {
            Ok(response) => {
                self.socket = Some(socket);
                response.result.map_err(RemoteError::Server)
            }
            Err(error) => Err(self.unknown(format!(
                "the connection to {} was lost before the answer to {method} came: {error}",
                self.wire.address.short()
            ))),
        }
    }

    /// A connection that stands, as far as that can be seen without asking.
    async fn connected(&mut self) -> Result<Socket, RemoteError> {
        if let Some(mut socket) = self.socket.take() {
            loop {
                match socket.next().now_or_never() {
                    None => return Ok(socket),
                    // Unasked pongs: these servers keep connections open by them.
                    Some(Some(Ok(message))) if !message.is_close() => {}
                    Some(_) => break,
                }
            }
        }
        let dialed = dial(&self.wire.address, self.wire.token.as_ref(), &Timing::default()).await;
        dialed.map(|dialed| dialed.socket).inspect_err(|_| self.wire.standing.doubt())
    }

    fn unknown(&self, message: String) -> RemoteError {
        self.wire.standing.doubt();
        let hint = "whether it was done is not known: look before it is done again".to_owned();
        RemoteError::Transport { passing: true, nobody: false, kind: ErrorKind::Unknown, message, hint }
    }
}

/// Waits for the answer with this id. What has a method or another id is not for us: the original has notifications
/// with `"id":null` in its source.
async fn answer(tap: &Tap, socket: &mut Socket, id: &Id) -> Result<Response, Error> {
    loop {
        let message = socket.next().await.unwrap_or(Err(Error::ConnectionClosed))?;
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(Error::ConnectionClosed),
            _ => continue,
        };
        tap.received(&text);
        for item in parse_message(&text).items {
            if let Incoming::Response(response) = item
                && response.id == *id
            {
                return Ok(response);
            }
        }
    }
}
