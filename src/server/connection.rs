//! One WebSocket connection: reads requests, has them done side by side, and writes answers and notifications, all in
//! one task, so that a request that is done at once is answered without a detour. A reader who is slow has nothing piled
//! up for him: what he does not take is not made.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{FuturesUnordered, SplitSink, Stream, StreamExt as _};
use serde_json::Value;
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_util::sync::CancellationToken;

use super::door::Who;
use super::hub::News;
use super::out::Out;
use super::rate::Bucket;
use super::request::{Asked, Asker, Done, Following};
use super::shared::Shared;
use super::subscription::{Sampler, Subscription};
use crate::protocol::{
    Batch as Document, ErrorKind, Failure, Id, Incoming, Method, Notice, Request, Response, parse_documents,
};

/// With so much to be written nothing more is done for this connection.
const FULL: usize = 1 << 20;
/// With so much to be written nothing more is read from it either.
const STUFFED: usize = 4 << 20;
/// Bytes of answers that one batch may have.
const MOST_OF_A_BATCH: usize = 16 << 20;
/// How long the last answers may take, and then a closing handshake.
const GOODBYE: Duration = Duration::from_secs(2);
/// Answers that are taken at once before the next message is read.
const AT_ONCE: usize = 32;

/// The longest messages that may be under way together; shorter ones as many as there are places.
const MESSAGES: usize = 4;
/// Places beyond the bound for requests that end others.
const RESERVED: usize = 16;

/// Close codes of the WebSocket's standard.
mod code {
    pub const NORMAL: u16 = 1000;
    pub const GOING_AWAY: u16 = 1001;
    pub const PROTOCOL: u16 = 1002;
    pub const NOT_UTF8: u16 = 1007;
    pub const TOO_BIG: u16 = 1009;
}

type Work = BoxFuture<'static, Done>;

/// A connection.
pub struct Connection {
    pub(super) shared: Arc<Shared>,
    asker: Arc<Asker>,
    out: Out,
    work: FuturesUnordered<Work>,
    /// Requests that are not done so far, and those notifications that are.
    in_flight: usize,
    /// Bytes of their messages.
    in_flight_bytes: usize,
    batches: HashMap<u64, Batch>,
    next_batch: u64,
    pub(super) subscriptions: HashMap<String, Subscription>,
    pub(super) news: Option<broadcast::Receiver<News>>,
    /// By execution: ends the following of it.
    pub(super) following: HashMap<String, CancellationToken>,
    rate: Bucket,
    active: Instant,
}

/// An array of requests whose answers go into one array.
struct Batch {
    left: usize,
    answers: Vec<String>,
    bytes: usize,
}

/// How a connection ends.
enum End {
    /// Without a word.
    Lost,
    /// From the other side.
    Theirs,
    /// From this side.
    Ours(CloseFrame),
}

fn close(code: u16, reason: impl Into<String>) -> End {
    End::Ours(CloseFrame { code, reason: reason.into().into() })
}

impl Connection {
    pub fn new(shared: Arc<Shared>, number: u64, peer: SocketAddr, who: Who) -> Self {
        let rate = Bucket::new(shared.settings.bounds.connection_rate, Instant::now());
        let asker = Asker { shared: shared.clone(), number, peer: peer.to_string(), who };
        Self {
            shared,
            asker: Arc::new(asker),
            out: Out::default(),
            work: FuturesUnordered::new(),
            in_flight: 0,
            in_flight_bytes: 0,
            batches: HashMap::new(),
            next_batch: 0,
            subscriptions: HashMap::new(),
            news: None,
            following: HashMap::new(),
            rate,
            active: Instant::now(),
        }
    }

    /// Serves the connection until one of both ends it.
    pub async fn serve(mut self, socket: WebSocket) {
        let (mut sink, mut stream) = socket.split();
        let end = self.turn(&mut sink, &mut stream).await;
        let frame = match end {
            End::Lost => return,
            End::Theirs => None,
            End::Ours(frame) => Some(frame),
        };
        let goodbye = async {
            if let Some(frame) = frame {
                tracing::debug!(
                    "connection {} is closed: {} {}",
                    self.asker.number,
                    frame.code,
                    frame.reason
                );
                self.out.put_other(Message::Close(Some(frame)));
                self.out.write(&mut sink).await?;
            }
            // Where the other end has said it first, this sends our answer to it.
            while let Some(Ok(_)) = stream.next().await {}
            Ok::<(), axum::Error>(())
        };
        // One who doesn't listen is left without.
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }

    async fn turn(
        &mut self,
        sink: &mut SplitSink<WebSocket, Message>,
        stream: &mut (impl Stream<Item = Result<Message, axum::Error>> + Unpin),
    ) -> End {
        let ending = self.shared.end.clone();
        let mut last = None;
        let beat = self.shared.settings.bounds.heartbeat;
        let mut heart = tokio::time::interval_at((Instant::now() + beat).into(), beat);
        loop {
            let room = self.out.bytes < FULL;
            tokio::select! {
                () = ending.cancelled(), if last.is_none() => last = Some(tokio::time::Instant::now() + GOODBYE),
                () = at(last) => return going_away(),
                written = self.out.write(sink), if !self.out.is_empty() => {
                    if written.is_err() {
                        return End::Lost;
                    }
                }
                Some(done) = self.work.next(), if room => self.done(done),
                message = stream.next(), if self.out.bytes < STUFFED => {
                    match message {
                        Some(Ok(message)) => {
                            if let Some(end) = self.receive(message) {
                                return end;
                            }
                        }
                        Some(Err(error)) => return self.broken(error),
                        None => return End::Lost,
                    }
                }
                news = next_news(&mut self.news), if room => self.tell(news),
                _ = heart.tick() => {
                    if self.is_idle() {
                        let minutes = self.shared.settings.bounds.idle.as_secs() / 60;
                        return close(code::NORMAL, format!("nothing was asked for {minutes} minutes"));
                    }
                    if self.out.is_empty() {
                        self.out.put_other(Message::Ping(axum::body::Bytes::new()));
                    }
                }
            }
            self.take_what_is_done();
            // What has come to its end with the server is still answered.
            if last.is_some() && self.in_flight == 0 && self.following.is_empty() {
                return going_away();
            }
        }
    }

    /// What is done at once is answered before the next message is read.
    fn take_what_is_done(&mut self) {
        for _ in 0..AT_ONCE {
            if self.out.bytes >= FULL {
                return;
            }
            let Some(Some(done)) = self.work.next().now_or_never() else { return };
            self.done(done);
        }
    }

    fn is_idle(&self) -> bool {
        let quiet = self.in_flight == 0 && self.subscriptions.is_empty() && self.following.is_empty();
        quiet && self.active.elapsed() >= self.shared.settings.bounds.idle
    }

    /// Why reading has failed, for the other end.
    fn broken(&self, error: axum::Error) -> End {
        let inner = error.into_inner();
        match inner.downcast_ref::<tungstenite::Error>() {
            Some(tungstenite::Error::Capacity(_)) => {
                self.shared.metrics.refused("message_size");
                let most = self.shared.settings.bounds.message_bytes;
                close(code::TOO_BIG, format!("a message may have {most} bytes"))
            }
            Some(tungstenite::Error::Utf8(_)) => close(code::NOT_UTF8, "text must be UTF-8"),
            Some(tungstenite::Error::Protocol(problem)) if *problem != LEFT => {
                close(code::PROTOCOL, problem.to_string())
            }
            _ => End::Lost,
        }
    }

    /// Takes a message. `Some`: the connection ends.
    fn receive(&mut self, message: Message) -> Option<End> {
        let text = match &message {
            Message::Text(text) => text.as_str(),
            Message::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => {
                    let failure = Failure::new(
                        ErrorKind::ParseError,
                        "a binary message holds no JSON",
                        "send JSON in text messages",
                    );
                    self.refuse(Id::null(), None, Err(failure));
                    return None;
                }
            },
            Message::Ping(_) | Message::Pong(_) => return None,
            // Answered by the WebSocket itself.
            Message::Close(_) => return Some(End::Theirs),
        };
        self.active = Instant::now();
        self.shared.metrics.received(text.len());
        let documents = parse_documents(text);
        // What each holds is not looked at: all hold the same share of the message.
        let items: usize = documents.iter().map(|document| document.items.len()).sum();
        let share = text.len() / items.max(1);
        documents.into_iter().for_each(|document| self.take(document, share));
        None
    }

    /// Begins what one document asks.
    fn take(&mut self, document: Document, share: usize) {
        let number = document.is_array.then(|| {
            self.next_batch += 1;
            // Held until all of it is begun.
            self.batches.insert(self.next_batch, Batch { left: 1, answers: Vec::new(), bytes: 0 });
            self.next_batch
        });
        for item in document.items {
            match item {
                Incoming::Request(request) => self.begin(request, share, number),
                Incoming::Invalid(response) => self.refuse(response.id, number, response.result),
                // Nothing was asked of this client.
                Incoming::Response(_) => {}
            }
        }
        if let Some(number) = number {
            self.settle(number, None);
        }
    }

    /// Answers what is no request.
    fn refuse(&mut self, id: Id, batch: Option<u64>, result: Result<Value, Failure>) {
        let asked = Asked::unreadable(&self.asker, id, batch);
        self.count_in(&asked);
        self.answer(asked, result.map(|value| value.to_string()));
    }

    /// Counts something that is to be done. Of one that wants no answer there is as much to keep as of any other.
    fn count_in(&mut self, asked: &Asked) {
        self.in_flight += 1;
        self.in_flight_bytes += asked.bytes;
        if asked.id.is_some()
            && let Some(batch) = asked.batch.and_then(|number| self.batches.get_mut(&number))
        {
            batch.left += 1;
        }
    }

    /// Begins to do what a request asks.
    fn begin(&mut self, request: Request, bytes: usize, batch: Option<u64>) {
        let mut asked = Asked::new(&self.asker, &request, batch);
        asked.bytes = bytes;
        self.count_in(&asked);
        // What makes room for others is never refused: an execution whose output is not acknowledged waits for that.
        if matches!(asked.method, Some(Method::SessionAck | Method::SessionUnsubscribe)) {
            return self.dispatch(asked, request);
        }
        let now = Instant::now();
        let taken = self.rate.take(now).and_then(|()| self.shared.token_rate(self.asker.who.index, now));
        if let Err(wait) = taken {
            self.shared.metrics.refused("rate");
            let message = "more requests a second than this server takes";
            let hint = format!("wait {} ms", wait.as_millis() + 1);
            return self.answer(asked, Err(Failure::new(ErrorKind::LimitReached, message, hint)));
        }
        if let Err(failure) = self.has_room(asked.method) {
            self.shared.metrics.refused("in_flight");
            return self.answer(asked, Err(failure));
        }
        self.dispatch(asked, request);
    }

    /// Whether one more request may be under way. For those that end others there are some places more.
    fn has_room(&self, method: Option<Method>) -> Result<(), Failure> {
        use Method::{SessionClose, SessionInterrupt};
        let bounds = &self.shared.settings.bounds;
        let ends_others = matches!(method, Some(SessionClose | SessionInterrupt));
        let most = bounds.in_flight;
        let bytes = bounds.message_bytes.saturating_mul(MESSAGES);
        let busy = |message| Err(Failure::new(ErrorKind::Busy, message, "wait for one of them"));
        if self.in_flight > most + if ends_others { RESERVED } else { 0 } {
            return busy(format!(
                "{most} requests of this connection wait for their answers, which is the limit"
            ));
        }
        if self.in_flight_bytes > bytes {
            let mb = bytes >> 20;
            return busy(format!(
                "requests of this connection with {mb} MB wait for their answers, which is the limit"
            ));
        }
        Ok(())
    }

    pub(super) fn push(&mut self, work: Work) {
        self.work.push(work);
    }

    /// Something is done, or has come a step further.
    fn done(&mut self, done: Done) {
        match done {
            Done::Answer(asked, result) => self.answer(asked, result),
            Done::Told(following, notices) => self.told(following, notices),
            Done::Sampled(sampler, stats) => self.sampled(sampler, stats),
            Done::Progress(provisioning, step) => self.progressed(provisioning, step),
        }
    }

    /// Passes on what an execution has told, and goes on following it; answers when it is over.
    fn told(&mut self, mut following: Following, notices: Vec<Notice>) {
        if following.cursor.subscription().is_some_and(|id| !self.subscriptions.contains_key(id)) {
            return;
        }
        for notice in &notices {
            if matches!(notice, Notice::Lagged(_)) {
                self.shared.metrics.lagged();
            }
            self.notify(notice);
        }
        if !notices.is_empty() {
            return self.push(following.step().boxed());
        }
        // Its end is told.
        let journal = following.cursor.journal().clone();
        // Where it was left it is known no more by now, or it is somebody else who follows it by this name.
        if following.cursor.subscription().is_none() && !following.is_left() {
            self.following.remove(&journal.execution.0);
        }
        if let Some(mut asked) = following.asked.take() {
            asked.follows = None;
            let result = match journal.result() {
                Some(result) => Ok(super::request::result_text(&result, following.form)),
                None => Err(Failure::internal("the execution ended without a result")),
            };
            self.answer(asked, result);
        }
    }

    fn sampled(&mut self, sampler: Sampler, notice: Option<Notice>) {
        if self.subscriptions.contains_key(&sampler.subscription)
            && let Some(notice) = notice
        {
            self.notify(&notice);
            self.push(sampler.step().boxed());
        }
    }

    fn tell(&mut self, news: News) {
        match news {
            News::Session(seq, event) => {
                let notices: Vec<Notice> =
                    self.subscriptions.iter().filter_map(|(id, of)| of.notice(id, seq, &event)).collect();
                notices.iter().for_each(|notice| self.notify(notice));
            }
            News::Missed(skipped, seq) => {
                let lagged: Vec<Notice> = self
                    .subscriptions
                    .keys()
                    .map(|id| super::subscription::lagged(id, skipped, seq))
                    .collect();
                lagged.iter().for_each(|notice| self.notify(notice));
            }
            News::Follow(journal) => {
                let wanting = self.subscriptions.iter().filter(|(_, of)| of.wants_output(&journal.session));
                let following: Vec<Following> = wanting
                    .map(|(id, of)| Following::for_subscription(journal.clone(), id.clone(), of.over()))
                    .collect();
                following.into_iter().for_each(|following| self.push(following.step().boxed()));
            }
        }
    }

    pub(super) fn notify(&mut self, notice: &Notice) {
        self.send(notice.to_text());
    }

    fn send(&mut self, mut text: String) {
        text.push('\n');
        self.shared.metrics.sent(text.len());
        self.out.put(text);
    }

    /// Answers a request, or keeps the answer for its batch.
    fn answer(&mut self, mut asked: Asked, result: Result<String, Failure>) {
        asked.note(&result);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(asked.bytes);
        if let Some(execution) = &asked.follows {
            self.following.remove(execution);
        }
        let Some(id) = &asked.id else { return };
        let batch = asked.batch.and_then(|number| self.batches.get(&number));
        let result = result.and_then(|result| match batch {
            Some(batch) if batch.bytes + result.len() > MOST_OF_A_BATCH => Err(too_much()),
            _ => Ok(result),
        });
        let text = match result {
            Ok(result) => Response::text_of(id, &result),
            Err(failure) => Response { id: id.clone(), result: Err(failure) }.to_text(),
        };
        match asked.batch {
            Some(number) => self.settle(number, Some(text)),
            None => self.send(text),
        }
    }

    /// One thing less that a batch waits for; with the last of them its answers go.
    fn settle(&mut self, number: u64, answer: Option<String>) {
        let Some(batch) = self.batches.get_mut(&number) else { return };
        batch.left = batch.left.saturating_sub(1);
        batch.bytes += answer.as_ref().map_or(0, String::len);
        batch.answers.extend(answer);
        if batch.left > 0 {
            return;
        }
        if let Some(batch) = self.batches.remove(&number).filter(|batch| !batch.answers.is_empty()) {
            self.send(format!("[{}]", batch.answers.join(",")));
        }
    }
}

fn too_much() -> Failure {
    let message =
        format!("it is done, and the answers of its batch are more than {MOST_OF_A_BATCH} bytes together");
    Failure::new(ErrorKind::LimitReached, message, "ask for what is large by itself")
}

/// How tungstenite calls it when the other end goes without a word.
const LEFT: ProtocolError = ProtocolError::ResetWithoutClosingHandshake;

fn going_away() -> End {
    close(code::GOING_AWAY, "the server is shutting down")
}

/// At this time; without one, never.
async fn at(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The next thing that happened to sessions; never, for one who doesn't want to know.
async fn next_news(news: &mut Option<broadcast::Receiver<News>>) -> News {
    let Some(receiver) = news else { return std::future::pending().await };
    match receiver.recv().await {
        Ok(news) => news,
        Err(broadcast::error::RecvError::Lagged(missed)) => News::Missed(missed, 0),
        Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
    }
}
