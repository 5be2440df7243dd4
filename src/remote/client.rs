//! The engine that is one of our servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;

use super::call::{Call, Fate, Order};
use super::error::RemoteError;
use super::follow::{Followed, WINDOW, pass_on};
use super::link::{Greeted, LinkTask};
use super::shared::{Shared, lock};
use crate::engine::{Engine, Execution, InterruptTarget, Link, LinkUp, SessionEvents, Traffic};
use crate::protocol::{
    CreateCall, CreateSession, Encoding, ErrorKind, Execute, ExecuteCall, ExecutionId, Failure, InputCall,
    InterruptCall, Method, Progress, Provision, ResizeCall, RuntimeInfo, RuntimeListCall, RuntimeType,
    SelectParams, Selection, ServerInfo, SessionCall, SessionId, SessionInfo, SessionList, SessionStats,
    Signal, WireName as _, from_json,
};

/// Orders that may wait for the connection's task.
const ORDERS: usize = 256;
/// How long a session may take to be made: an image may have to be unpacked.
const CREATE: Duration = Duration::from_secs(300);
/// How long a runtime may take to be fetched or built.
const PROVISION: Duration = Duration::from_secs(3600);
/// How long a program may take to read what it is fed: for as long as anything lives.
const FOREVER: Duration = Duration::from_secs(24 * 3600);
/// How long the last words of a connection may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// An engine that is a WebSocket away.
pub struct Remote {
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    tasks: TaskTracker,
    fed: Fed,
}

/// How many bytes each running program was fed: so that what is asked again is not fed twice.
type Fed = Arc<Mutex<HashMap<ExecutionId, u64>>>;

impl Remote {
    /// An engine over a connection that stands.
    pub(super) fn over(shared: Arc<Shared>, greeted: Greeted) -> Self {
        let (orders, received) = mpsc::channel(ORDERS);
        let tasks = TaskTracker::new();
        shared.take_info(greeted.info.clone());
        shared.show(Link::Up(LinkUp {
            server: shared.address.short(),
            software: shared.software(),
            round_trip: Some(greeted.round_trip),
            missing: Vec::new(),
            returns: 0,
        }));
        tasks.spawn(LinkTask::new(shared.clone(), received).run(greeted));
        Self { shared, orders, tasks, fed: Fed::default() }
    }

    async fn order(&self, order: Order) -> Result<(), Failure> {
        self.orders.send(order).await.map_err(|_| self.left())
    }

    fn left(&self) -> Failure {
        let message = format!("{} was left", self.shared.address.short());
        Failure::new(ErrorKind::Unreachable, message, "attach to it again")
    }

    async fn call(
        &self,
        method: Method,
        params: Value,
        fate: Fate,
        time: Duration,
    ) -> Result<Value, Failure> {
        let (call, answered) = Call::new(method, params, fate, time);
        self.order(Order::Call(call)).await?;
        match answered.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(self.left()),
        }
    }

    /// Asks what changes nothing, and reads the answer.
    async fn ask<T: serde::de::DeserializeOwned>(&self, method: Method, params: Value) -> Result<T, Failure> {
        read(method, self.call(method, params, Fate::Harmless, self.shared.timing.answer).await?)
    }
}

fn read<T: serde::de::DeserializeOwned>(method: Method, answer: Value) -> Result<T, Failure> {
    from_json(answer)
        .map_err(|message| RemoteError::Decode { method: method.name().to_owned(), message }.into())
}

#[async_trait]
impl Engine for Remote {
    async fn info(&self) -> Result<ServerInfo, Failure> {
        self.ask(Method::ServerInfo, json!({})).await
    }

    fn runtime_types(&self) -> Vec<RuntimeType> {
        self.shared.info().map(|info| info.runtimes).unwrap_or_default()
    }

    async fn runtime(&self, runtime: RuntimeType, refresh: bool) -> Result<RuntimeInfo, Failure> {
        let params = json!(RuntimeListCall { runtime_type: Some(runtime), refresh });
        let answer: RuntimeList = self.ask(Method::RuntimeList, params).await?;
        answer.runtimes.into_iter().find(|info| info.runtime == runtime).ok_or_else(|| {
            let message = format!("{} did not tell of {runtime}", self.shared.address.short());
            Failure::new(ErrorKind::Internal, message, "another version may speak otherwise")
        })
    }

    async fn select(&self, params: SelectParams) -> Result<Selection, Failure> {
        self.ask(Method::RuntimeSelect, json!(params)).await
    }

    async fn provision(
        &self,
        wanted: Provision,
        progress: mpsc::Sender<Progress>,
    ) -> Result<RuntimeInfo, Failure> {
        let (mut call, answered) =
            Call::new(Method::RuntimeProvision, json!(wanted), Fate::Unknown, PROVISION);
        call.progress = Some(progress);
        self.order(Order::Call(call)).await?;
        let answer = answered.await.map_err(|_| self.left())?;
        read(Method::RuntimeProvision, answer?)
    }

    async fn create_session(&self, params: CreateSession) -> Result<SessionInfo, Failure> {
        let key = Some(ExecutionId::random().0);
        let params = CreateCall { create: params, key }.to_params();
        let answer = self.call(Method::SessionCreate, params, Fate::AskAgain, CREATE).await?;
        read(Method::SessionCreate, answer)
    }

    async fn execute(&self, mut params: Execute) -> Result<Execution, Failure> {
        let id = params.execution_id.get_or_insert_with(ExecutionId::random).clone();
        let (accepted, taken) = oneshot::channel();
        let call = ExecuteCall { execute: params, window: Some(WINDOW) };
        let (followed, told) = Followed::new(id.clone(), call, accepted);
        self.order(Order::Execute(Box::new(followed))).await?;
        let answer = self.shared.timing.answer;
        match tokio::time::timeout(answer, taken).await {
            Ok(Ok(accepted)) => accepted?,
            Ok(Err(_)) => return Err(self.left()),
            Err(_) => {
                let server = self.shared.address.short();
                let error = super::call::late(&server, Method::SessionExecute, Fate::Unknown, answer);
                return Err(error.into());
            }
        }
        let (events, receiver) = mpsc::channel(1);
        let (fed, orders, of) = (self.fed.clone(), self.orders.clone(), id.clone());
        lock(&fed).insert(id.clone(), 0);
        self.tasks.spawn(async move {
            pass_on(of.clone(), told, events, orders).await;
            lock(&fed).remove(&of);
        });
        Ok(Execution::new(id, receiver))
    }

    async fn input(&self, execution: &ExecutionId, data: Bytes, eof: bool) -> Result<(), Failure> {
        // Counted before it is sent: what follows at once comes after it.
        let at = lock(&self.fed).get_mut(execution).map(|fed| {
            let at = *fed;
            *fed += data.len() as u64;
            at
        });
        let fate = if at.is_some() { Fate::AskAgain } else { Fate::Unknown };
        let (data, encoding) = match std::str::from_utf8(&data) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (base64::engine::general_purpose::STANDARD.encode(&data), Some(Encoding::Base64)),
        };
        let call = InputCall { execution_id: execution.clone(), data, encoding, eof, at };
        self.call(Method::SessionInput, json!(call), fate, FOREVER).await.map(drop)
    }

    async fn resize(&self, execution: &ExecutionId, rows: u16, cols: u16) -> Result<(), Failure> {
        let call = ResizeCall { execution_id: execution.clone(), rows, cols };
        self.call(Method::SessionResize, json!(call), Fate::Harmless, self.shared.timing.answer)
            .await
            .map(drop)
    }

    async fn interrupt(&self, target: InterruptTarget, signal: Signal) -> Result<bool, Failure> {
        let (execution_id, session_id) = match target {
            InterruptTarget::Execution(id) => (Some(id), None),
            InterruptTarget::Session(id) => (None, Some(id)),
        };
        let params = json!(InterruptCall { execution_id, session_id, signal });
        let answer =
            self.call(Method::SessionInterrupt, params, Fate::Unknown, self.shared.timing.answer).await?;
        Ok(answer.get("interrupted").and_then(Value::as_bool).unwrap_or(false))
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>, Failure> {
        let list: SessionList = self.ask(Method::SessionList, json!({})).await?;
        Ok(list.sessions)
    }

    async fn stats(&self, session: &SessionId) -> Result<SessionStats, Failure> {
        self.ask(Method::SessionStats, json!(SessionCall { session_id: session.clone() })).await
    }

    async fn close_session(&self, session: &SessionId) -> Result<(), Failure> {
        let params = json!(SessionCall { session_id: session.clone() });
        self.call(Method::SessionClose, params, Fate::AskAgain, self.shared.timing.answer).await.map(drop)
    }

    fn subscribe(&self) -> SessionEvents {
        SessionEvents::new(self.shared.events())
    }

    async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(GOODBYE, self.tasks.wait()).await;
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.shared.link()
    }

    fn reconnect(&self) {
        self.shared.retry.notify_one();
    }

    fn traffic(&self) -> Option<Traffic> {
        Some(self.shared.tap.listen())
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// The answer to `runtime.list`.
#[derive(serde::Deserialize)]
struct RuntimeList {
    runtimes: Vec<RuntimeInfo>,
}
