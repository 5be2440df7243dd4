//! The methods: what each reads from its parameters, asks of the engine, and answers.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{FutureExt as _, join_all};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::connection::Connection;
use super::input::feed;
use super::journal::{Cursor, Wants};
use super::request::{Asked, Done, Following, execute};
use super::shared::Shared;
use super::subscription::{Sampler, Subscription};
use crate::engine::InterruptTarget;
use crate::protocol::{
    AckCall, CreateCall, ErrorKind, EventKind, ExecuteCall, ExecutionId, Failure, InputCall, InterruptCall,
    JobCall, JobRef, Language, Method, Notice, Progress, ProgressNotice, Provision, Request, ResizeCall,
    ResultForm, RuntimeInfo, RuntimeListCall, SelectParams, SessionCall, SessionList, SubscribeCall,
    Subscribed, WireName as _, WriteFile, WriteMode, from_params,
};

/// Subscriptions of one connection.
const SUBSCRIPTIONS: usize = 64;

/// As much of a name that is not known to be one is told back or noted.
const LONGEST_NAME: usize = 64;

/// A method's answer, written already.
type Answer = Result<String, Failure>;

/// Reads parameters, or tells what is wrong with them.
fn read<T: DeserializeOwned>(params: Option<Value>) -> Result<T, Failure> {
    from_params(params).map_err(misread)
}

fn misread(problem: String) -> Failure {
    Failure::new(ErrorKind::InvalidParams, problem, "see the method's parameters in the protocol")
}

fn written(value: &impl Serialize) -> Answer {
    serde_json::to_string(value).map_err(|e| Failure::internal(e.to_string()))
}

impl Connection {
    /// Begins to do what was asked. What changes this connection is done here; the rest is done beside it.
    pub(super) fn dispatch(&mut self, mut asked: Asked, request: Request) {
        let Request { method: name, params, .. } = request;
        let Some(method) = asked.method else {
            let known: Vec<&str> = Method::ALL.iter().map(|method| method.name()).collect();
            let failure = Failure::new(
                ErrorKind::MethodNotFound,
                format!("there is no method {:?}", name.chars().take(LONGEST_NAME).collect::<String>()),
                format!("there are {}", known.join(", ")),
            );
            return self.settle_now(asked, Err(failure));
        };
        match method {
            Method::SessionExecute => match ExecuteCall::from_params(params) {
                Err(problem) => self.settle_now(asked, Err(misread(problem))),
                Ok(call) => self.execute(asked, call),
            },
            Method::SessionSubscribe => {
                let answer = read(params).and_then(|call| self.subscribe(call));
                self.settle_now(asked, answer);
            }
            Method::SessionUnsubscribe => {
                let answer = read(params).map(|call: Subscribed| self.unsubscribe(&call.subscription_id));
                self.settle_now(asked, answer);
            }
            Method::SessionAck => {
                let answer = read(params).map(|call: AckCall| self.ack(&call));
                self.settle_now(asked, answer);
            }
            Method::RuntimeProvision => match read(params) {
                Err(failure) => self.settle_now(asked, Err(failure)),
                Ok(wanted) => {
                    self.push(Provisioning::begin(self.shared.clone(), asked, wanted).step().boxed())
                }
            },
            method => {
                let shared = self.shared.clone();
                asked.session = named_session(params.as_ref());
                let work = async move {
                    let answer = call(&shared, method, params).await;
                    Done::Answer(asked, answer)
                };
                self.push(work.boxed());
            }
        }
    }

    fn settle_now(&mut self, asked: Asked, answer: Answer) {
        self.push(std::future::ready(Done::Answer(asked, answer)).boxed());
    }

    fn execute(&mut self, mut asked: Asked, mut call: ExecuteCall) {
        asked.command = Some(call.execute.command.command.type_name());
        asked.session = Some(call.execute.session_id.0.clone());
        if let Err(failure) = self.shared.takes_work() {
            return self.settle_now(asked, Err(failure));
        }
        let left = CancellationToken::new();
        if call.execute.stream || call.window.is_some() {
            let id = call.execute.execution_id.get_or_insert_with(ExecutionId::random);
            if self.following.contains_key(&id.0) {
                let message = format!("this connection follows an execution {id} already");
                let failure = Failure::new(ErrorKind::InvalidParams, message, "take a new executionId");
                return self.settle_now(asked, Err(failure));
            }
            asked.follows = Some(id.0.clone());
            self.following.insert(id.0.clone(), left.clone());
        }
        let work = execute(self.shared.clone(), asked, call, left);
        self.push(work.boxed());
    }

    fn subscribe(&mut self, call: SubscribeCall) -> Answer {
        let (of_sessions, of_executions) = (self.subscriptions.len(), self.following.len());
        if of_sessions >= SUBSCRIPTIONS || of_executions >= 2 * self.shared.settings.bounds.in_flight {
            let message = "this connection has too many subscriptions";
            return Err(Failure::new(ErrorKind::LimitReached, message, "end some by session.unsubscribe"));
        }
        let Some(id) = call.execution_id.clone() else { return self.subscribe_to_sessions(call) };
        let journal = self.shared.executions.find_or_deny(&id).ok_or_else(|| {
            let message = format!("no execution {id} is known here (any more)");
            let hint = "those that are followed are kept for a while after their end";
            Failure::new(ErrorKind::ExecutionNotFound, message, hint)
        })?;
        let output = call.events.is_empty() || call.events.contains(&EventKind::Output);
        let wants = Wants { output, moments: true, result: true };
        let cursor =
            Cursor::new(journal, wants, call.after, call.window).untaken(call.untaken).seen(call.received);
        let left = CancellationToken::new();
        if let Some(before) = self.following.insert(id.0.clone(), left.clone()) {
            before.cancel();
        }
        self.push(Following::new(cursor, None, ResultForm::Object, left).step().boxed());
        written(&Subscribed { subscription_id: id.0 })
    }

    fn subscribe_to_sessions(&mut self, call: SubscribeCall) -> Answer {
        if call.session_id.is_none() && call.events.contains(&EventKind::StatsSample) {
            let message = "statsSample is told of one session, and no sessionId is given";
            return Err(Failure::new(
                ErrorKind::InvalidParams,
                message,
                "subscribe to each session of which you want it",
            ));
        }
        let subscription = Subscription::new(call.session_id.clone(), call.events, self.shared.watchers());
        let id = ExecutionId::random().0;
        if let Some(session) = subscription.sampled().cloned() {
            let (shared, over) = (self.shared.clone(), subscription.over());
            let sampler = Sampler { subscription: id.clone(), session, shared, seq: 0, over };
            self.push(sampler.step().boxed());
        }
        for journal in self.shared.executions.running_where(|of| subscription.wants_output(of)) {
            let over = subscription.over();
            self.push(Following::for_subscription(journal, id.clone(), over).step().boxed());
        }
        let hub = &self.shared.hub;
        self.news.get_or_insert_with(|| hub.listen());
        self.subscriptions.insert(id.clone(), subscription);
        written(&Subscribed { subscription_id: id })
    }

    fn unsubscribe(&mut self, id: &str) -> String {
        let session = self.subscriptions.remove(id).is_some();
        if self.subscriptions.is_empty() {
            self.news = None;
        }
        let execution = self.following.remove(id).map(|left| left.cancel()).is_some();
        json!({ "unsubscribed": session || execution }).to_string()
    }

    fn ack(&self, call: &AckCall) -> String {
        let journal = self.shared.executions.find(&call.execution_id);
        if let Some(journal) = &journal {
            journal.ack(call.seq);
            if journal.last().is_some_and(|last| call.seq >= last) {
                self.shared.executions.forget(journal);
            }
        }
        json!({ "acknowledged": journal.is_some() }).to_string()
    }

    pub(super) fn progressed(&mut self, provisioning: Provisioning, step: Progress) {
        if let Some(id) = &provisioning.asked.id {
            let request_id = serde_json::from_str(id.as_text()).unwrap_or_default();
            self.notify(&Notice::Progress(ProgressNotice { request_id, progress: step }));
        }
        self.push(provisioning.step().boxed());
    }
}

/// The session that parameters name, for the audit log.
fn named_session(params: Option<&Value>) -> Option<String> {
    let members = params?.as_object()?;
    let id = members.get("sessionId").or_else(|| members.get("SessionId"))?;
    id.as_str().map(|id| id.chars().take(LONGEST_NAME).collect())
}

/// Does what a method asks that needs nothing of its connection.
async fn call(shared: &Arc<Shared>, method: Method, params: Option<Value>) -> Answer {
    let engine = &shared.engine;
    match method {
        Method::Initialize => initialize(shared).await,
        Method::ServerInfo => written(&shared.info().await?),
        Method::RuntimeList => {
            let asked: RuntimeListCall = read(params)?;
            let runtimes = runtimes(shared, &asked).await?;
            written(&json!({ "count": runtimes.len(), "runtimes": runtimes }))
        }
        Method::RuntimeSelect => written(&engine.select(read::<SelectParams>(params)?).await?),
        Method::LanguageList => languages(shared).await,
        Method::SessionCreate => {
            shared.takes_work()?;
            let call = CreateCall::from_params(params).map_err(misread)?;
            written(&shared.creations.create(engine, &shared.tasks, call).await?)
        }
        Method::SessionInput => input(shared, read(params)?).await,
        Method::SessionResize => {
            let ResizeCall { execution_id, rows, cols } = read(params)?;
            engine.resize(&execution_id, rows, cols).await?;
            written(&json!({ "resized": true }))
        }
        Method::SessionInterrupt => interrupt(shared, read(params)?).await,
        Method::SessionList => {
            let sessions = engine.sessions().await?;
            written(&SessionList { count: sessions.len(), sessions })
        }
        Method::SessionStats => {
            let SessionCall { session_id } = read(params)?;
            written(&engine.stats(&session_id).await?)
        }
        Method::SessionClose => {
            let SessionCall { session_id } = read(params)?;
            engine.close_session(&session_id).await?;
            written(&json!({ "sessionId": session_id, "closed": true }))
        }
        Method::ExecutionRun => {
            shared.takes_work()?;
            let job: JobCall = read(params)?;
            written(&shared.jobs.run(job)?)
        }
        Method::ExecutionStatus => {
            let JobRef { execution_id } = read(params)?;
            written(&shared.jobs.status(&execution_id))
        }
        // Done by the connection itself.
        Method::SessionExecute
        | Method::SessionSubscribe
        | Method::SessionUnsubscribe
        | Method::SessionAck
        | Method::RuntimeProvision => Err(Failure::internal("the connection has not done this itself")),
    }
}

/// `server.info`, and the same as the original nests it.
async fn initialize(shared: &Shared) -> Answer {
    let info = shared.info().await?;
    let mut value = serde_json::to_value(&info).unwrap_or_default();
    let nested = json!({
        "supportedLanguages": info.supported_languages,
        "limits": info.limits,
        "protocolVersion": info.protocol_version,
    });
    if let (Some(Value::Object(capabilities)), Value::Object(nested)) =
        (value.get_mut("serverCapabilities"), nested)
    {
        capabilities.extend(nested);
    }
    written(&value)
}

async fn runtimes(shared: &Shared, asked: &RuntimeListCall) -> Result<Vec<RuntimeInfo>, Failure> {
    let wanted = match asked.runtime_type {
        Some(runtime) => vec![runtime],
        None => shared.engine.runtime_types(),
    };
    let infos = wanted.into_iter().map(|runtime| shared.engine.runtime(runtime, asked.refresh));
    join_all(infos).await.into_iter().collect()
}

/// The languages that some runtime which is here runs, the original's member `runtime` being the first of them.
async fn languages(shared: &Shared) -> Answer {
    let all = runtimes(shared, &RuntimeListCall::default()).await?;
    let of = |language: &Language| {
        let here = all.iter().filter(|info| info.available && info.languages.contains(language));
        let names: Vec<&str> = here.map(|info| info.runtime.name()).collect();
        json!({ "name": language, "runtime": names.first(), "runtimes": names })
    };
    let languages: Vec<Value> = Language::ALL.iter().map(of).collect();
    written(&json!({ "languages": languages }))
}

/// Feeds a program.
async fn input(shared: &Arc<Shared>, call: InputCall) -> Answer {
    let InputCall { execution_id, data, encoding, eof, at } = call;
    let write = WriteFile { path: String::new(), content: data, encoding, mode: WriteMode::Create };
    let data = write.decoded().map_err(|e| misread(e.replacen("content", "data", 1)))?.into_owned();
    feed(shared, execution_id, Bytes::from(data), eof, at).await?;
    written(&json!({ "accepted": true }))
}

async fn interrupt(shared: &Shared, call: InterruptCall) -> Answer {
    let target = match (call.execution_id, call.session_id) {
        (Some(execution), _) => InterruptTarget::Execution(execution),
        (None, Some(session)) => InterruptTarget::Session(session),
        (None, None) => return Err(misread("executionId or sessionId is missing".to_owned())),
    };
    let interrupted = shared.engine.interrupt(target, call.signal).await?;
    written(&json!({ "interrupted": interrupted }))
}

/// A runtime being fetched for a client, who is told how far that is. It ends with him.
pub struct Provisioning {
    pub asked: Asked,
    steps: mpsc::Receiver<Progress>,
    work: AbortOnDropHandle<Result<RuntimeInfo, Failure>>,
}

impl Provisioning {
    fn begin(shared: Arc<Shared>, asked: Asked, wanted: Provision) -> Self {
        let (progress, steps) = mpsc::channel(16);
        let work = tokio::spawn(async move { shared.engine.provision(wanted, progress).await });
        Self { asked, steps, work: AbortOnDropHandle::new(work) }
    }

    async fn step(mut self) -> Done {
        if let Some(mut step) = self.steps.recv().await {
            // Only the newest is worth a message.
            while let Ok(newer) = self.steps.try_recv() {
                step = newer;
            }
            return Done::Progress(self, step);
        }
        let result = self.work.await.unwrap_or_else(|e| Err(Failure::internal(e.to_string())));
        Done::Answer(self.asked, result.and_then(|info| written(&info)))
    }
}
