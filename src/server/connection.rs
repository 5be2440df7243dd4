//! One WebSocket connection: reads requests, has them done side by side, and writes answers and notifications, all in
//! one task, so that a request that is done at once is answered without a detour. A reader who is slow has nothing piled
//! up for him: what he does not take is not made.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{FuturesUnordered, SplitSink, Stream, StreamExt as _};
use futures_util::{Sink as _, SinkExt as _};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use super::door::Who;
use super::hub::News;
use super::rate::Bucket;
use super::request::{Asked, Done, Following};
use super::shared::Shared;
use super::subscription::{Sampler, Subscription};
use crate::protocol::{ErrorKind, Failure, Incoming, Notice, Request, Response, parse_message};

/// With so much to be written nothing more is done for this connection.
const FULL: usize = 1 << 20;
/// With so much to be written nothing more is read from it either.
const STUFFED: usize = 4 << 20;
/// How often a connection on which nothing passes is touched, so that one whose other end is gone is found.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How long a closing handshake may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// Answers that are taken at once before the next message is read.
const AT_ONCE: usize = 32;

/// Close codes of the WebSocket's standard.
mod code {
    pub const NORMAL: u16 = 1000;
    pub const GOING_AWAY: u16 = 1001;
    pub const NOT_UTF8: u16 = 1007;
    pub const TOO_BIG: u16 = 1009;
}

type Work = BoxFuture<'static, Done>;

/// A connection.
pub struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) number: u64,
    pub(super) peer: SocketAddr,
    pub(super) who: Who,
    out: Out,
    work: FuturesUnordered<Work>,
    /// Requests without an answer so far.
    in_flight: usize,
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
}

/// What is to be written.
#[derive(Default)]
struct Out {
    queue: VecDeque<Message>,
    bytes: usize,
    unflushed: bool,
}

impl Out {
    fn put(&mut self, text: String) {
        self.bytes += text.len();
        self.queue.push_back(Message::Text(text.into()));
    }

    /// Writes all there is; ready when it is with the kernel.
    async fn write(&mut self, sink: &mut SplitSink<WebSocket, Message>) -> Result<(), axum::Error> {
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

    fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.unflushed
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        _ => 0,
    }
}

/// Why a connection ends from this side.
type End = Option<CloseFrame>;

fn close(code: u16, reason: impl Into<String>) -> End {
    Some(CloseFrame { code, reason: reason.into().into() })
}

impl Connection {
    pub fn new(shared: Arc<Shared>, number: u64, peer: SocketAddr, who: Who) -> Self {
        let rate = Bucket::new(shared.settings.bounds.connection_rate, Instant::now());
        Self {
            shared,
            number,
            peer,
            who,
            out: Out::default(),
            work: FuturesUnordered::new(),
            in_flight: 0,
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
        let Some(frame) = end else {
            // Where the other end has closed it, that is answered; where it is gone, this fails.
            let _ = tokio::time::timeout(GOODBYE, sink.flush()).await;
            return;
        };
        tracing::debug!("connection {} is closed: {} {}", self.number, frame.code, frame.reason);
        let goodbye = async {
            self.out.queue.push_back(Message::Close(Some(frame)));
            self.out.write(&mut sink).await?;
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
        let mut heart = tokio::time::interval_at((Instant::now() + HEARTBEAT).into(), HEARTBEAT);
        loop {
            let room = self.out.bytes < FULL;
            tokio::select! {
                () = ending.cancelled() => return close(code::GOING_AWAY, "the server is shutting down"),
                written = self.out.write(sink), if !self.out.is_empty() => {
                    if written.is_err() {
                        return None;
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
                        None => return None,
                    }
                }
                news = next_news(&mut self.news), if room => self.tell(news),
                _ = heart.tick() => {
                    if self.is_idle() {
                        let minutes = self.shared.settings.bounds.idle.as_secs() / 60;
                        return close(code::NORMAL, format!("nothing was asked for {minutes} minutes"));
                    }
                    if self.out.is_empty() {
                        self.out.queue.push_back(Message::Ping(axum::body::Bytes::new()));
                    }
                }
            }
            self.take_what_is_done();
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
            _ => None,
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
                    self.answer(&Asked::nobody(), Err(failure));
                    return None;
                }
            },
            Message::Ping(_) | Message::Pong(_) => return None,
            // Answered by the WebSocket itself.
            Message::Close(_) => return Some(None),
        };
        self.active = Instant::now();
        self.shared.metrics.received(text.len());
        let batch = parse_message(text);
        let number = batch.is_array.then(|| {
            self.next_batch += 1;
            // Held until all of it is begun.
            self.batches.insert(self.next_batch, Batch { left: 1, answers: Vec::new() });
            self.next_batch
        });
        for item in batch.items {
            match item {
                Incoming::Request(request) => self.begin(request, number),
                Incoming::Invalid(response) => {
                    let asked = Asked { id: Some(response.id), batch: number, ..Asked::nobody() };
                    self.expect(&asked);
                    self.answer(&asked, response.result.map(|value| value.to_string()));
                }
                // Nothing was asked of this client.
                Incoming::Response(_) => {}
            }
        }
        if let Some(number) = number {
            self.settle(number, None);
        }
        None
    }

    /// Counts an answer that is to come.
    fn expect(&mut self, asked: &Asked) {
        if asked.id.is_some() {
            self.in_flight += 1;
            if let Some(batch) = asked.batch.and_then(|number| self.batches.get_mut(&number)) {
                batch.left += 1;
            }
        }
    }

    /// Begins to do what a request asks.
    fn begin(&mut self, request: Request, batch: Option<u64>) {
        let asked = Asked::new(&request, batch);
        self.expect(&asked);
        let now = Instant::now();
        let taken = self.rate.take(now).and_then(|()| self.shared.token_rate(self.who.index, now));
        if let Err(wait) = taken {
            self.shared.metrics.refused("rate");
            let message = "more requests a second than this server takes";
            let hint = format!("wait {} ms", wait.as_millis() + 1);
            return self.answer(&asked, Err(Failure::new(ErrorKind::LimitReached, message, hint)));
        }
        let most = self.shared.settings.bounds.in_flight;
        if self.in_flight > most {
            self.shared.metrics.refused("in_flight");
            let message =
                format!("{most} requests of this connection wait for their answers, which is the limit");
            return self.answer(&asked, Err(Failure::new(ErrorKind::Busy, message, "wait for one of them")));
        }
        self.dispatch(asked, request);
    }

    pub(super) fn push(&mut self, work: Work) {
        self.work.push(work);
    }

    /// Something is done, or has come a step further.
    fn done(&mut self, done: Done) {
        match done {
            Done::Answer(asked, result) => self.answer(&asked, result),
            Done::Told(following, notices) => self.told(following, notices),
            Done::Sampled(sampler, stats) => self.sampled(sampler, stats),
            Done::Progress(provisioning, step) => self.progressed(provisioning, step),
        }
    }

    /// Passes on what an execution has told, and goes on following it; answers when it is over.
    fn told(&mut self, mut following: Following, notices: Vec<Notice>) {
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
        if following.cursor.is_for_itself() && following.asked.is_none() {
            self.following.remove(&journal.execution.0);
        }
        if let Some(asked) = following.asked.take() {
            let result = match journal.result() {
                Some(result) => Ok(super::request::result_text(&result, following.form)),
                None => Err(Failure::internal("the execution ended without a result")),
            };
            self.answer(&asked, result);
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
                let wanting: Vec<String> = self
                    .subscriptions
                    .iter()
                    .filter(|(_, of)| of.wants_output(&journal.session))
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in wanting {
                    let work = Following::for_subscription(journal.clone(), id).step().boxed();
                    self.push(work);
                }
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
    fn answer(&mut self, asked: &Asked, result: Result<String, Failure>) {
        self.shared.note(self.number, &self.peer, &self.who, asked, &result);
        if let Some(execution) = &asked.follows {
            self.following.remove(execution);
        }
        let Some(id) = &asked.id else { return };
        self.in_flight = self.in_flight.saturating_sub(1);
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
        batch.answers.extend(answer);
        if batch.left > 0 {
            return;
        }
        if let Some(batch) = self.batches.remove(&number).filter(|batch| !batch.answers.is_empty()) {
            self.send(format!("[{}]", batch.answers.join(",")));
        }
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
