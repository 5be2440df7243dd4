//! A WebSocket client that sends texts and reads texts, and believes nothing.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::native::PATIENCE;

/// Plain or in TLS.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// What came.
#[derive(Debug, PartialEq)]
pub enum Heard {
    /// A message of text.
    Text(String),
    /// The end, with its code and reason where it had them.
    Closed(Option<(u16, String)>),
    /// The end without a word.
    Lost,
}

/// A connection.
pub struct Raw {
    pub socket: WebSocketStream<Box<dyn Wire>>,
    next: u64,
    /// Notifications that came while an answer was waited for.
    pub notices: VecDeque<Value>,
}

/// Nothing takes as long as this.
async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Knocks with these headers; what is said where nobody opens: the status and the text.
pub async fn knock(
    wire: impl Wire + 'static,
    host: &str,
    headers: &[(&str, &str)],
) -> Result<Raw, (u16, String)> {
    let mut request = format!("ws://{host}/ws/jsonrpc").into_client_request().unwrap();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    // Whatever a test sends is for the server to judge.
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let wire: Box<dyn Wire> = Box::new(wire);
    match timely(tokio_tungstenite::client_async_with_config(request, wire, Some(config))).await {
        Ok((socket, _)) => Ok(Raw { socket, next: 0, notices: VecDeque::new() }),
        Err(Error::Http(response)) => {
            let text = response.body().clone().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8(text).unwrap()))
        }
        Err(other) => panic!("{other}"),
    }
}

/// A request as the tests write it.
pub fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

/// The parameters of `session.execute`.
pub fn execute(session: &str, command: Value) -> Value {
    json!({ "sessionId": session, "command": command })
}

/// A script for the shell, as a command.
pub fn sh(script: &str) -> Value {
    json!({ "type": "execute_shell", "commandName": "sh", "args": ["-c", script] })
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(std::net::TcpStream::connect(address).unwrap()).await
    }

    /// Over a connection that is there.
    pub async fn over(wire: std::net::TcpStream) -> Self {
        let host = wire.peer_addr().unwrap().to_string();
        wire.set_nodelay(true).unwrap();
        wire.set_nonblocking(true).unwrap();
        knock(TcpStream::from_std(wire).unwrap(), &host, &[]).await.unwrap()
    }

    pub async fn send(&mut self, text: impl Into<String>) {
        self.message(Message::text(text.into())).await;
    }

    pub async fn message(&mut self, message: Message) {
        timely(self.socket.send(message)).await.unwrap();
    }

    /// What comes next that is no ping.
    pub async fn hear(&mut self) -> Heard {
        loop {
            match timely(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Heard::Text(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    let told = |frame: CloseFrame| (frame.code.into(), frame.reason.to_string());
                    return Heard::Closed(frame.map(told));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return Heard::Lost,
            }
        }
    }

    /// The next text, whose form every message has: one line of ASCII.
    pub async fn text(&mut self) -> String {
        match self.hear().await {
            Heard::Text(text) => {
                let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("no line end: {text:?}"));
                assert!(!line.contains('\n') && line.is_ascii(), "{line:?}");
                line.to_owned()
            }
            other => panic!("{other:?}"),
        }
    }

    pub async fn next(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Sends a request and gives its number.
    pub async fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let number = self.next;
        self.send(request(number, method, params).to_string()).await;
        number
    }

    /// Waits for the answer to a request; notifications before it are kept.
    pub async fn answer(&mut self, number: u64) -> Value {
        loop {
            let value = self.next().await;
            if value.get("method").is_some() {
                self.notices.push_back(value);
                continue;
            }
            assert_eq!(value["id"], number, "{value}");
            return value;
        }
    }

    pub async fn ask(&mut self, method: &str, params: Value) -> Value {
        let number = self.begin(method, params).await;
        self.answer(number).await
    }

    /// The result of a request that must succeed.
    pub async fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The error of a request that must fail, of this code and kind.
    pub async fn error(&mut self, method: &str, params: Value, code: i64, kind: &str) -> Value {
        let answer = self.ask(method, params).await;
        failed(&answer, code, kind);
        answer["error"].clone()
    }

    /// Executes a command; what `session.execute` gives.
    pub async fn execute(&mut self, session: &str, command: Value) -> Value {
        self.result("session.execute", execute(session, command)).await
    }

    /// The next notification, one that came before included.
    pub async fn notice(&mut self) -> Value {
        match self.notices.pop_front() {
            Some(notice) => notice,
            None => {
                let value = self.next().await;
                assert!(value.get("method").is_some(), "{value}");
                value
            }
        }
    }

    /// Sends a message, and gives all that is said until a question asked after it is answered.
    pub async fn said_to(&mut self, text: impl Into<String>) -> Vec<String> {
        self.next += 1;
        let last = format!("last-{}", self.next);
        self.send(text).await;
        self.send(request(last.as_str(), "session.close", json!({ "sessionId": "none" })).to_string()).await;
        let mut said = Vec::new();
        loop {
            let text = self.text().await;
            if text.contains(&format!("\"id\":\"{last}\"")) {
                return said;
            }
            said.push(text);
        }
    }

    /// Waits for the end, whatever comes before it.
    pub async fn ended(&mut self) -> Heard {
        loop {
            match self.hear().await {
                Heard::Text(_) => {}
                end => return end,
            }
        }
    }

    /// Says goodbye, and hears it.
    pub async fn close(mut self) {
        self.message(Message::Close(None)).await;
        let end = self.ended().await;
        assert!(matches!(end, Heard::Closed(_)), "{end:?}");
    }
}

/// That an answer is an error of this code and kind, with a sentence and what to do next, and nothing else.
#[track_caller]
pub fn failed(answer: &Value, code: i64, kind: &str) {
    let error = &answer["error"];
    assert!(answer.get("result").is_none(), "{answer}");
    assert_eq!(
        (error["code"].as_i64(), error["data"]["kind"].as_str()),
        (Some(code), Some(kind)),
        "{answer}"
    );
    assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{answer}");
    assert!(error["data"]["hint"].as_str().is_some_and(|h| !h.is_empty()), "{answer}");
}
