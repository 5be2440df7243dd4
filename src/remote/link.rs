//! The task of a connection: it alone reads and writes, notices the loss, has the connection back, and takes up what was
//! under way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::SplitStream;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::call::{Call, Fate, Order, Pending, lost};
use super::dial::{Dialed, Socket, dial, knock, seconds};
use super::error::RemoteError;
use super::follow::{Followed, Heard};
use super::pulse::Pulse;
use super::requests::Requests;
use super::shared::Shared;
use super::wire::Wire;
use crate::engine::{Link, LinkDown, LinkUp, Told};
use crate::protocol::{
    AckCall, ErrorKind, EventKind, ExecutionId, Failure, Id, Incoming, Method, Notice, Notification, Request,
    Response, ServerInfo, SessionEvent, SubscribeCall, Subscribed, WireName as _, from_json, parse_message,
};

/// A timer that is so much too late tells that this process was stopped, or the machine asleep.
const STOPPED: Duration = Duration::from_secs(1);

/// A connection that stands, with what the server said of itself.
pub struct Greeted {
    pub socket: Socket,
    pub info: ServerInfo,
    pub round_trip: Duration,
    pub pulse: Arc<Pulse>,
    pub tls: Option<String>,
}

/// Connects and asks what the server is.
///
/// # Errors
/// [`RemoteError::Server`] where it does not know the question: it is an original server.
pub async fn greet(shared: &Shared) -> Result<Greeted, RemoteError> {
    let Dialed { mut socket, tls, pulse } =
        dial(&shared.address, shared.token.as_ref(), &shared.timing).await?;
    let asked = Instant::now();
    let ask = async {
        let request = Request {
            id: Some(Id::number(0)),
            method: Method::ServerInfo.name().to_owned(),
            params: Some(json!({})),
        };
        let text = request.to_text();
        shared.tap.sent("0", &request.method, &text);
        socket.send(Message::text(text)).await.map_err(|e| broken(shared, &e.to_string()))?;
        loop {
            let message = socket.next().await.ok_or_else(|| broken(shared, "it was closed"))?;
            let message = message.map_err(|e| broken(shared, &e.to_string()))?;
            let Message::Text(text) = message else { continue };
            shared.tap.received(&text);
            for item in parse_message(&text).items {
                if let Incoming::Response(Response { result, .. }) = item {
                    return result.map_err(RemoteError::Server);
                }
            }
        }
    };
    let answer = tokio::time::timeout(shared.timing.greeting, ask).await.unwrap_or_else(|_| {
        let time = seconds(shared.timing.greeting);
        Err(broken(shared, &format!("it did not say within {time} what it is")))
    })?;
    let round_trip = asked.elapsed();
    let info = from_json(answer)
        .map_err(|message| RemoteError::Decode { method: Method::ServerInfo.name().to_owned(), message })?;
    Ok(Greeted { socket, info, round_trip, pulse, tls })
}

fn broken(shared: &Shared, why: &str) -> RemoteError {
    let message = format!("the connection to {} broke: {why}", shared.address.short());
    RemoteError::passing(message, "it is tried again")
}

/// What a connection's task keeps from one connection to the next.
pub struct LinkTask {
    shared: Arc<Shared>,
    orders: mpsc::Receiver<Order>,
    requests: Requests,
    following: HashMap<ExecutionId, Followed>,
    instance: Option<String>,
    returns: u32,
}

/// Waits until then; for ever where there is no then.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => tokio::time::sleep_until(then).await,
        None => std::future::pending().await,
    }
}

/// Why a connection is no more.
enum Loss {
    /// By itself.
    Broken(String),
    /// Nobody wants it any more.
    Ended,
}

impl LinkTask {
    pub fn new(shared: Arc<Shared>, orders: mpsc::Receiver<Order>) -> Self {
        Self {
            shared,
            orders,
            requests: Requests::new(),
            following: HashMap::new(),
            instance: None,
            returns: 0,
        }
    }

    /// Keeps the connection until the engine over it is shut down.
    pub async fn run(mut self, first: Greeted) {
        let mut next = Some(first);
        while let Some(greeted) = next.take() {
            match self.connected(greeted).await {
                Loss::Ended => break,
                Loss::Broken(why) => {
                    tracing::info!("the link to {} is lost: {why}", self.shared.address);
                    self.requests.lose(&self.shared.address.short());
                    next = self.have_back(&why).await;
                }
            }
        }
        self.give_up();
    }

    /// Serves one connection until it is lost.
    async fn connected(&mut self, greeted: Greeted) -> Loss {
        let Greeted { socket, info, round_trip, pulse, .. } = greeted;
        let started_anew = self.instance.is_some() && self.instance != info.instance;
        let is_return = self.instance.is_some();
        self.instance = Some(info.instance.clone().unwrap_or_default());
        self.shared.take_info(info);
        let (sink, mut stream) = socket.split();
        let mut wire = Wire::over(sink);
        self.take_up(&mut wire, started_anew);
        self.returns += u32::from(is_return);
        self.shared.show(Link::Up(LinkUp {
            server: self.shared.address.short(),
            software: self.shared.software(),
            round_trip: Some(round_trip),
            missing: Vec::new(),
            returns: self.returns,
        }));
        if is_return {
            // What happened meanwhile nobody has told.
            self.shared.tell(Told::Lagged(1));
        }
        self.turn(&mut wire, &mut stream, &pulse).await
    }

    /// Asks for what was under way.
    fn take_up(&mut self, wire: &mut Wire, started_anew: bool) {
        let events = vec![EventKind::State, EventKind::Started, EventKind::Finished];
        let subscribe = SubscribeCall { events, ..SubscribeCall::default() };
        self.ask(wire, Method::SessionSubscribe, &json!(subscribe), Pending::Own);
        let server = self.shared.address.short();
        if started_anew {
            for (_, mut followed) in self.following.drain() {
                followed.gone(&server);
            }
        }
        self.following.retain(|_, followed| !followed.is_unwanted());
        let resumed: Vec<(ExecutionId, Value)> =
            self.following.iter_mut().map(|(id, followed)| (id.clone(), json!(followed.resume()))).collect();
        for (id, params) in resumed {
            self.ask(wire, Method::SessionSubscribe, &params, Pending::Resume(id));
        }
        for call in self.requests.take_again() {
            self.call(wire, call);
        }
    }

    async fn turn(&mut self, wire: &mut Wire, stream: &mut SplitStream<Socket>, pulse: &Pulse) -> Loss {
        let shared = self.shared.clone();
        let mut heart = tokio::time::interval(shared.timing.heartbeat);
        heart.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let late = until(self.requests.due());
            tokio::select! {
                message = stream.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => {
                            if let Some(why) = self.receive(wire, message) {
                                return Loss::Broken(why);
                            }
                        }
                        Some(Err(error)) => return Loss::Broken(error.to_string()),
                        None => return Loss::Broken("the server closed it".to_owned()),
                    }
                }
                () = wire.drained(), if wire.is_full() => {}
                order = self.orders.recv(), if !wire.is_full() => match order {
                    Some(order) => self.obey(wire, order),
                    None => return Loss::Ended,
                },
                _ = heart.tick() => {
                    heard = heard.max(pulse.since_last_look().unwrap_or(heard));
                    // One that can't be written to is not asked.
                    let stamp = shared.stamp().to_be_bytes().to_vec();
                    wire.try_now(Message::Ping(Bytes::from(stamp)));
                }
                () = tokio::time::sleep_until(heard + shared.timing.silence) => {
                    if (heard + shared.timing.silence).elapsed() > STOPPED {
                        // Nothing was heard because nobody listened.
                        heard = Instant::now();
                        continue;
                    }
                    return Loss::Broken(format!("no sign of life for {}", seconds(shared.timing.silence)));
                }
                () = late => self.requests.expire(&shared.address.short()),
                () = shared.stop.cancelled() => {
                    wire.try_now(Message::Close(None));
                    return Loss::Ended;
                }
            }
        }
    }

    /// Sends a request.
    fn ask(&mut self, wire: &mut Wire, method: Method, params: &Value, pending: Pending) {
        let id = self.requests.enter(pending);
        let request = Request {
            id: Some(Id::number(id)),
            method: method.name().to_owned(),
            params: Some(params.clone()),
        };
        let text = request.to_text();
        self.shared.tap.sent(&id.to_string(), &request.method, &text);
        wire.put(Message::text(text));
    }

    /// Tells something that needs no answer.
    fn tell(&self, wire: &mut Wire, method: Method, params: Value) {
        let text = Notification { method: method.name().to_owned(), params }.to_text();
        self.shared.tap.told(method.name(), &text);
        wire.put(Message::text(text));
    }

    fn call(&mut self, wire: &mut Wire, call: Call) {
        if call.answer.is_closed() && call.fate != Fate::AskAgain {
            return;
        }
        let (method, params) = (call.method, call.params.clone());
        self.ask(wire, method, &params, Pending::Call(call));
    }

    fn obey(&mut self, wire: &mut Wire, order: Order) {
        match order {
            Order::Call(call) => self.call(wire, call),
            Order::Execute(mut followed) => {
                let id = followed.id.clone();
                if self.following.contains_key(&id) {
                    let failure = Failure::new(
                        crate::protocol::ErrorKind::InvalidParams,
                        format!("there is an execution {id} already"),
                        "leave executionId out, or take a new one",
                    );
                    return followed.finish(Err(failure));
                }
                let params = followed.call.to_params();
                self.following.insert(id.clone(), *followed);
                self.ask(wire, Method::SessionExecute, &params, Pending::Execute(id));
            }
            Order::Taken(execution_id, seq) => {
                if let Some(followed) = self.following.get_mut(&execution_id) {
                    followed.take(seq);
                }
                self.tell(wire, Method::SessionAck, json!(AckCall { execution_id, seq }));
            }
            Order::Leave(id) => self.leave(wire, id),
        }
    }

    /// Nobody listens to an execution any more.
    fn leave(&mut self, wire: &mut Wire, id: ExecutionId) {
        self.following.remove(&id);
        let subscription_id = id.0;
        self.tell(wire, Method::SessionUnsubscribe, json!(Subscribed { subscription_id }));
    }

    /// Takes a message. `Some`: why the connection is no more.
    fn receive(&mut self, wire: &mut Wire, message: Message) -> Option<String> {
        match message {
            Message::Text(text) => {
                self.shared.tap.received(&text);
                for item in parse_message(&text).items {
                    match item {
                        Incoming::Response(response) => {
                            if let Some(why) = self.answered(wire, response) {
                                return Some(why);
                            }
                        }
                        Incoming::Request(Request { method, params, .. }) => {
                            let params = params.unwrap_or_default();
                            if let Some(why) = self.noticed(wire, Notification { method, params }) {
                                return Some(why);
                            }
                        }
                        Incoming::Invalid(response) => {
                            tracing::warn!("a message of the server's can't be read: {:?}", response.result);
                        }
                    }
                }
                None
            }
            Message::Pong(stamp) => {
                if let Ok(stamp) = <[u8; 8]>::try_from(stamp.as_ref()) {
                    self.shared.measured(u64::from_be_bytes(stamp));
                }
                None
            }
            Message::Close(frame) => {
                let reason = frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
                Some(reason.unwrap_or_else(|| "the server closed it".to_owned()))
            }
            Message::Binary(_) | Message::Ping(_) | Message::Frame(_) => None,
        }
    }

    /// Takes an answer. `Some`: why the connection is no more.
    fn answered(&mut self, wire: &mut Wire, response: Response) -> Option<String> {
        // Otherwise it is of nobody, or of one who has not waited for it.
        let pending = response.id.as_number().and_then(|id| self.requests.answered(id))?;
        match pending {
            Pending::Call(call) => {
                let unheard = call.answer.send(response.result.map_err(RemoteError::Server));
                if let (Method::SessionCreate, Err(Ok(session))) = (call.method, unheard) {
                    // Whoever wanted it has gone, and nobody else knows of it.
                    let params = json!({ "sessionId": session.get("sessionId") });
                    self.ask(wire, Method::SessionClose, &params, Pending::Own);
                }
            }
            Pending::Execute(id) => {
                let heard = self.following.get_mut(&id).map(|followed| followed.answer(response.result));
                match heard {
                    Some(Heard::Broken(why)) => return Some(why),
                    _ => self.following.remove(&id),
                };
            }
            Pending::Resume(id) => match response.result {
                Ok(_) => {}
                // It has no room for what was under way: later, when others have gone.
                Err(failure) if matches!(failure.kind, ErrorKind::Busy | ErrorKind::LimitReached) => {
                    return Some(format!("the server is too busy: {failure}"));
                }
                Err(failure) => {
                    if let Some(mut followed) = self.following.remove(&id) {
                        followed.unknown(&self.shared.address.short(), &failure);
                    }
                }
            },
            Pending::Own => {
                if let Err(failure) = response.result {
                    tracing::warn!("the server refuses what the link itself asks: {failure}");
                }
            }
        }
        None
    }

    /// Takes what the server tells unasked. `Some`: why the connection is no more.
    fn noticed(&mut self, wire: &mut Wire, notification: Notification) -> Option<String> {
        let notice = match Notice::read(notification) {
            Ok(notice) => notice?,
            Err(problem) => {
                tracing::warn!("a notification can't be read: {problem}");
                return None;
            }
        };
        match &notice {
            Notice::Queued(at) | Notice::Started(at) if at.subscription_id.is_none() => {
                return self.pass_on(wire, &at.execution_id.clone(), notice);
            }
            Notice::Output(output) if output.at.subscription_id.is_none() => {
                return self.pass_on(wire, &output.at.execution_id.clone(), notice);
            }
            Notice::Finished(finished) if finished.at.subscription_id.is_none() => {
                return self.pass_on(wire, &finished.at.execution_id.clone(), notice);
            }
            Notice::Lagged(lagged) => match lagged.execution_id.clone() {
                Some(id) => return self.pass_on(wire, &id, notice),
                None => self.shared.tell(Told::Lagged(lagged.skipped)),
            },
            Notice::Progress(progress) => {
                let call = progress.request_id.as_u64().and_then(|id| self.requests.get(id));
                if let Some(Pending::Call(Call { progress: Some(told), .. })) = call {
                    // Only the newest matters: one who is slow misses some.
                    let _ = told.try_send(progress.progress.clone());
                }
            }
            Notice::State(_) | Notice::Started(_) | Notice::Finished(_) => self.happened(notice),
            Notice::Queued(_) | Notice::Output(_) | Notice::StatsSample(_) => {}
        }
        None
    }

    fn pass_on(&mut self, wire: &mut Wire, id: &ExecutionId, notice: Notice) -> Option<String> {
        match self.following.get_mut(id)?.tell(notice) {
            Heard::GoesOn => {}
            Heard::Over => {
                self.following.remove(id);
            }
            Heard::Unwanted => self.leave(wire, id.clone()),
            Heard::Broken(why) => return Some(why),
        }
        None
    }

    /// Something happened to a session.
    fn happened(&self, notice: Notice) {
        let event = match notice {
            Notice::State(state) => {
                SessionEvent::State { session_id: state.session_id, state: state.state, reason: state.reason }
            }
            Notice::Started(at) => {
                SessionEvent::Started { session_id: at.session_id, execution_id: at.execution_id }
            }
            Notice::Finished(finished) => SessionEvent::Finished {
                session_id: finished.at.session_id,
                execution_id: finished.at.execution_id,
                success: finished.success,
            },
            _ => return,
        };
        self.shared.tell(Told::Event(event));
    }

    /// What is asked while there is no connection fails at once.
    fn refuse(&mut self, order: Order, why: &str) {
        let server = self.shared.address.short();
        let error = || {
            RemoteError::passing(
                format!("the link to {server} is down: {why}"),
                "it is tried again by itself",
            )
        };
        match order {
            Order::Call(call) => {
                let _ = call.answer.send(Err(error()));
            }
            Order::Execute(mut followed) => followed.finish(Err(error().into())),
            // Told when the connection is back, with what is asked for then.
            Order::Taken(id, seq) => {
                if let Some(followed) = self.following.get_mut(&id) {
                    followed.take(seq);
                }
            }
            Order::Leave(id) => {
                self.following.remove(&id);
            }
        }
    }

    /// Tries until the connection is back; `None`: nobody wants it any more.
    async fn have_back(&mut self, why: &str) -> Option<Greeted> {
        let mut why = why.to_owned();
        let mut attempt = 1;
        let mut knocks = true;
        let mut wait = Some(self.shared.timing.before(attempt));
        loop {
            self.show_down(&why, attempt, wait);
            if !self.wait_for_turn(wait, knocks, &why).await {
                return None;
            }
            self.show_down(&why, attempt, Some(Duration::ZERO));
            let shared = self.shared.clone();
            let trying = greet(&shared);
            tokio::pin!(trying);
            let tried = loop {
                let late = until(self.requests.due());
                tokio::select! {
                    tried = &mut trying => break tried,
                    order = self.orders.recv() => self.refuse(order?, &why),
                    () = late => self.requests.expire(&shared.address.short()),
                    () = shared.stop.cancelled() => return None,
                }
            };
            match tried {
                Ok(greeted) => return Some(greeted),
                Err(error) => {
                    knocks = error.is_nobody();
                    why = error.to_string();
                    attempt += 1;
                    wait = error.is_passing().then(|| self.shared.timing.before(attempt));
                }
            }
        }
    }

    /// Waits until it is time for the next attempt. False: nobody wants it any more.
    async fn wait_for_turn(&mut self, wait: Option<Duration>, knocks: bool, why: &str) -> bool {
        let shared = self.shared.clone();
        let turn = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let answered = async {
            if !knocks {
                return std::future::pending().await;
            }
            loop {
                tokio::time::sleep(shared.timing.before_knock()).await;
                if knock(&shared.address, &shared.timing).await {
                    return;
                }
            }
        };
        tokio::pin!(turn, answered);
        loop {
            let late = until(self.requests.due());
            tokio::select! {
                () = &mut turn => return true,
                () = &mut answered => return true,
                () = shared.retry.notified() => return true,
                () = late => self.requests.expire(&shared.address.short()),
                () = shared.stop.cancelled() => return false,
                order = self.orders.recv() => match order {
                    Some(order) => self.refuse(order, why),
                    None => return false,
                },
            }
        }
    }

    fn show_down(&self, why: &str, attempt: u32, wait: Option<Duration>) {
        let server = self.shared.address.short();
        self.shared.show(Link::Down(LinkDown { server, reason: why.to_owned(), attempt, wait }));
    }

    /// There will be no connection any more.
    fn give_up(&mut self) {
        let server = self.shared.address.short();
        self.requests.give_up(&server);
        for (_, mut followed) in self.following.drain() {
            followed.finish(Err(lost(&server, Method::SessionExecute, Fate::Unknown).into()));
        }
    }
}
