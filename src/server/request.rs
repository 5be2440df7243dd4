//! A request under way, and an execution that is followed until it is over.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::audit::{Line, Seen, now};
use super::door::Who;
use super::executions::Running;
use super::hub::News;
use super::journal::{Cursor, Journal, Wants};
use super::methods::Provisioning;
use super::shared::Shared;
use super::subscription::Sampler;
use crate::engine::Execution;
use crate::protocol::{
    ExecuteCall, ExecuteResult, ExecutionEvent, Failure, Id, Method, Notice, Progress, Request, ResultForm,
    WireName as _,
};

/// Who asks: what the books say of a connection.
pub struct Asker {
    pub shared: Arc<Shared>,
    /// Which connection of this server.
    pub number: u64,
    /// Where it comes from.
    pub peer: String,
    pub who: Who,
}

impl Asker {
    fn note(&self, asked: &Asked, outcome: &str, exit_code: Option<i32>) {
        let Some(audit) = &self.shared.audit else { return };
        audit.note(&Line {
            time: now(),
            peer: &self.peer,
            connection: self.number,
            token: &self.who.token,
            method: asked.method_name(),
            command: asked.command,
            session: asked.session.as_deref(),
            outcome,
            exit_code,
            // To the microsecond.
            duration_ms: (asked.at.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        });
    }
}

/// What was asked, as far as its answer and the books need to know. However it ends, it is noted: also where whoever
/// asked has gone.
pub struct Asked {
    /// Absent of a notification, which is never answered.
    pub id: Option<Id>,
    /// The array it came in.
    pub batch: Option<u64>,
    /// `None`: there is no such method.
    pub method: Option<Method>,
    pub at: Instant,
    /// The kind of command.
    pub command: Option<&'static str>,
    pub session: Option<String>,
    /// The execution that its connection follows for it.
    pub follows: Option<String>,
    /// Its share of the message that it came in.
    pub bytes: usize,
    asker: Arc<Asker>,
    noted: bool,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.noted {
            self.asker.note(self, "unanswered", None);
        }
    }
}

impl Asked {
    pub fn new(asker: &Arc<Asker>, request: &Request, batch: Option<u64>) -> Self {
        Self::of(asker, request.id.clone(), Method::exact(&request.method), batch)
    }

    /// What could not even be read.
    pub fn unreadable(asker: &Arc<Asker>, id: Id, batch: Option<u64>) -> Self {
        Self::of(asker, Some(id), None, batch)
    }

    fn of(asker: &Arc<Asker>, id: Option<Id>, method: Option<Method>, batch: Option<u64>) -> Self {
        let (at, asker) = (Instant::now(), asker.clone());
        Self {
            id,
            batch,
            method,
            at,
            command: None,
            session: None,
            follows: None,
            bytes: 0,
            asker,
            noted: false,
        }
    }

    /// Notes how it ended.
    pub fn note(&mut self, result: &Result<String, Failure>) {
        self.noted = true;
        self.asker.shared.metrics.answered(self.method_name(), self.at.elapsed().as_secs_f64());
        // That something was read is said for every few lines of output; it is no request of anybody's.
        if self.asker.shared.audit.is_none() || self.method == Some(Method::SessionAck) {
            return;
        }
        let tells = self.command.is_some() || self.method == Some(Method::SessionCreate);
        let text = result.as_ref().ok().filter(|_| tells);
        let seen: Seen = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let outcome = match result {
            Ok(_) if seen.success == Some(false) => "failed",
            Ok(_) => "ok",
            Err(failure) => failure.kind.name(),
        };
        self.session = self.session.take().or(seen.session_id);
        self.asker.note(self, outcome, seen.result.and_then(|program| program.exit_code));
    }

    /// The method's name, as it is counted.
    pub fn method_name(&self) -> &'static str {
        self.method.map_or("unknown", |method| method.name())
    }
}

/// How far something is.
pub enum Done {
    /// It is done.
    Answer(Asked, Result<String, Failure>),
    /// An execution told this; nothing: it is over.
    Told(Following, Vec<Notice>),
    /// What a session uses; `None`: it is gone.
    Sampled(Sampler, Option<Notice>),
    /// A provisioning is so far.
    Progress(Provisioning, Progress),
}

/// An execution that a connection follows.
pub struct Following {
    pub cursor: Cursor,
    /// The request that is to be answered when it is over.
    pub asked: Option<Asked>,
    pub form: ResultForm,
    /// Whoever asked wants to hear no more.
    left: CancellationToken,
}

impl Following {
    pub fn new(cursor: Cursor, asked: Option<Asked>, form: ResultForm, left: CancellationToken) -> Self {
        Self { cursor, asked, form, left }
    }

    /// The output of somebody's execution, for one who watches a session.
    pub fn for_subscription(journal: Arc<Journal>, subscription: String, left: CancellationToken) -> Self {
        let wants = Wants { output: true, moments: false, result: false };
        let cursor = Cursor::new(journal, wants, None, None).subscribed(subscription);
        Self::new(cursor, None, ResultForm::Object, left)
    }

    /// Whoever asked for it has left it, or follows it anew.
    pub fn is_left(&self) -> bool {
        self.left.is_cancelled()
    }

    /// Waits for what comes next.
    pub async fn step(mut self) -> Done {
        if !self.left.is_cancelled() {
            let notices = tokio::select! {
                biased;
                () = self.left.cancelled() => None,
                notices = self.cursor.next() => Some(notices),
            };
            if let Some(notices) = notices {
                return Done::Told(self, notices);
            }
        }
        // Left alone, it goes on; who has asked for it is answered all the same.
        self.cursor.let_go();
        if self.asked.is_none() {
            return Done::Told(self, Vec::new());
        }
        let notices = self.cursor.next().await;
        Done::Told(self, notices)
    }
}

/// Executes a command, and follows it as far as its caller wants that.
pub async fn execute(shared: Arc<Shared>, asked: Asked, call: ExecuteCall, left: CancellationToken) -> Done {
    let form = call.execute.command.form;
    match begin(&shared, call).await {
        Err(failure) => Done::Answer(asked, Err(failure)),
        Ok(Begun::Alone(alone)) => {
            let result = alone.finished().await;
            Done::Answer(asked, result.map(|result| result_text(&result, form)))
        }
        Ok(Begun::Followed(cursor)) => Following::new(cursor, Some(asked), form, left).step().await,
    }
}

/// A command that was handed over.
enum Begun {
    /// Nobody wants to know but its result.
    Alone(Alone),
    Followed(Cursor),
}

async fn begin(shared: &Arc<Shared>, call: ExecuteCall) -> Result<Begun, Failure> {
    let running = shared.executions.admit().inspect_err(|_| shared.metrics.refused("executions"))?;
    let ExecuteCall { mut execute, window } = call;
    shared.executions.may_begin(execute.execution_id.as_ref())?;
    let (stream, watched) = (execute.stream, shared.is_output_watched());
    execute.stream |= watched;
    let session = execute.session_id.clone();
    let at = Instant::now();
    // The first poll hands it over: what came first over a connection comes first in its session.
    let execution = shared.engine.execute(execute).await?;
    if !stream && !watched && window.is_none() {
        let alone = Alone { execution: Some(execution), running: Some(running), shared: shared.clone(), at };
        return Ok(Begun::Alone(alone));
    }
    let journal = Journal::new(session, execution.id.clone(), shared.settings.bounds.followed_bytes);
    shared.executions.enter(&journal);
    let wants = Wants { output: stream, moments: stream || window.is_some(), result: false };
    let cursor = Cursor::new(journal.clone(), wants, None, window);
    if watched {
        shared.hub.tell(News::Follow(journal.clone()));
    }
    let recorder = shared.clone();
    shared.tasks.spawn(async move {
        journal.record(execution).await;
        recorder.metrics.executed(journal.result().is_some_and(|r| r.success), at.elapsed().as_secs_f64());
        drop(running);
        recorder.executions.ended_with(journal.bytes());
    });
    Ok(Begun::Followed(cursor))
}

/// An execution of which only the result is wanted. It keeps its place among those that run until it is over, also when
/// whoever asked for it goes away.
struct Alone {
    execution: Option<Execution>,
    running: Option<Running>,
    shared: Arc<Shared>,
    at: Instant,
}

impl Alone {
    async fn finished(mut self) -> Result<ExecuteResult, Failure> {
        let result = match &mut self.execution {
            Some(execution) => finish(execution).await,
            None => None,
        };
        self.execution = None;
        let success = result.as_ref().is_some_and(|result| result.success);
        self.shared.metrics.executed(success, self.at.elapsed().as_secs_f64());
        result.ok_or_else(|| Failure::internal("the execution ended without a result"))
    }
}

async fn finish(execution: &mut Execution) -> Option<ExecuteResult> {
    while let Some(event) = execution.next().await {
        if let ExecutionEvent::Finished(result) = event {
            return Some(*result);
        }
    }
    None
}

impl Drop for Alone {
    fn drop(&mut self) {
        if let (Some(mut execution), Some(running)) = (self.execution.take(), self.running.take()) {
            let (shared, at) = (self.shared.clone(), self.at);
            self.shared.tasks.spawn(async move {
                let result = finish(&mut execution).await;
                shared.metrics.executed(result.is_some_and(|r| r.success), at.elapsed().as_secs_f64());
                drop(running);
            });
        }
    }
}

/// The answer to `session.execute`, in the form that the client's words ask for.
pub fn result_text(result: &ExecuteResult, form: ResultForm) -> String {
    let text = match form {
        ResultForm::Object => serde_json::to_string(result),
        _ => {
            // A plain struct: as a value it can't fail.
            let mut value = serde_json::to_value(result).unwrap_or_default();
            let formed = result.result.as_ref().map_or(Value::Null, |output| output.in_form(form));
            value["result"] = json!(formed);
            serde_json::to_string(&value)
        }
    };
    text.unwrap_or_default()
}
