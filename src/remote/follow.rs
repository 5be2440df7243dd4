//! Executions elsewhere: what they tell is passed on at the speed of whoever asked, and goes on after the connection was
//! lost where it had stopped.

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::call::Order;
use crate::protocol::{
    Command, ErrorKind, EventKind, ExecuteCall, ExecuteResult, ExecutionEvent, ExecutionId, Failure, Notice,
    SubscribeCall,
};

/// Things that the server may tell ahead of what was taken.
pub const WINDOW: u32 = 64;
/// How many are taken before that is said, at most.
const SAY_EVERY: u64 = 16;

/// A thing that was told, with its place in the order where it has one.
pub type Step = (Option<u64>, ExecutionEvent);

/// An execution that this client has asked for.
pub struct Followed {
    pub id: ExecutionId,
    pub call: ExecuteCall,
    /// The kind of command: what its result means.
    shape: Command,
    /// Told once the server has taken it, or not.
    accepted: Option<oneshot::Sender<Result<(), Failure>>>,
    steps: mpsc::Sender<Step>,
    /// The place of its end among the steps, which is there however slow they are taken.
    end: Option<mpsc::OwnedPermit<Step>>,
    /// The last that was told, and the last that was taken.
    last: Option<u64>,
    taken: Option<u64>,
    /// It was asked for again, so that its result comes with its end.
    resumed: bool,
    /// Something was missing after this, and it was asked for again.
    missed: Option<u64>,
    /// The place of its end, once that was told; what came of it may still be on its way.
    ended: Option<u64>,
    /// Bytes of output that were told.
    received: u64,
    /// Bytes that the server sent though nobody had taken what came before.
    overrun: u64,
}

/// What to make of something that was told.
pub enum Heard {
    /// More is to come.
    GoesOn,
    /// It is over.
    Over,
    /// Nobody listens any more.
    Unwanted,
    /// That can't be: what was under way is to be asked for again over another connection.
    Broken(String),
}

impl Followed {
    /// An execution that is to be asked for, and where what it tells comes out.
    pub fn new(
        id: ExecutionId,
        call: ExecuteCall,
        accepted: oneshot::Sender<Result<(), Failure>>,
    ) -> (Self, mpsc::Receiver<Step>) {
        // Room for all that a server may send ahead, and for the end.
        let (steps, told) = mpsc::channel(WINDOW as usize + 4);
        let shape = shape(&call.execute.command.command);
        let followed = Self {
            id,
            call,
            shape,
            accepted: Some(accepted),
            end: steps.clone().try_reserve_owned().ok(),
            steps,
            last: None,
            taken: None,
            resumed: false,
            missed: None,
            ended: None,
            received: 0,
            overrun: 0,
        };
        (followed, told)
    }

    /// Whoever asked has taken everything up to this.
    pub fn take(&mut self, seq: u64) {
        self.taken = self.taken.max(Some(seq));
    }

    /// Nobody listens any more.
    pub fn is_unwanted(&self) -> bool {
        self.steps.is_closed()
    }

    /// The server has taken it.
    fn accept(&mut self) {
        if let Some(accepted) = self.accepted.take() {
            let _ = accepted.send(Ok(()));
        }
    }

    /// It was not taken by the server as far as is known.
    pub fn is_waiting(&self) -> bool {
        self.accepted.is_some()
    }

    /// Takes what the server tells of it.
    pub fn tell(&mut self, notice: Notice) -> Heard {
        if let Some(problem) = self.out_of_order(&notice) {
            return Heard::Broken(problem);
        }
        self.accept();
        match notice {
            Notice::Queued(at) => self.last = Some(at.seq),
            Notice::Started(at) => self.pass(Some(at.seq), ExecutionEvent::Started),
            Notice::Output(output) => {
                let (seq, stream) = (output.at.seq, output.stream);
                match output.decoded() {
                    Ok(data) => {
                        self.received += data.len() as u64;
                        self.pass(Some(seq), ExecutionEvent::Output { stream, data });
                    }
                    Err(problem) => return Heard::Broken(format!("its output can't be read: {problem}")),
                }
            }
            Notice::Lagged(lagged) => {
                self.received += lagged.skipped;
                self.pass(Some(lagged.seq), ExecutionEvent::Lagged { skipped: lagged.skipped });
            }
            Notice::Finished(finished) => {
                self.ended = Some(finished.at.seq);
                if let Some(result) = finished.result {
                    self.finish(Ok(result));
                    return Heard::Over;
                }
                if self.resumed {
                    self.finish(Err(Failure::internal("the execution ended without a result")));
                    return Heard::Over;
                }
            }
            Notice::State(_) | Notice::StatsSample(_) | Notice::Progress(_) => {}
        }
        if self.is_unwanted() { Heard::Unwanted } else { Heard::GoesOn }
    }

    /// What is told is numbered without a gap, and told once.
    fn out_of_order(&mut self, notice: &Notice) -> Option<String> {
        let (seq, passes_over) = match notice {
            Notice::Queued(at) | Notice::Started(at) => (at.seq, false),
            Notice::Output(output) => (output.at.seq, false),
            Notice::Lagged(lagged) => (lagged.seq, true),
            Notice::Finished(finished) => (finished.at.seq, false),
            Notice::State(_) | Notice::StatsSample(_) | Notice::Progress(_) => return None,
        };
        let next = self.last.map_or(0, |last| last + 1);
        let seen = self.ended.map_or(next, |ended| ended + 1);
        if seq < seen {
            return Some("it repeats itself".to_owned());
        }
        // One who is not told of output sees gaps. What is missing twice is not to be had.
        let gap = self.call.execute.stream && !passes_over && seq > next;
        if gap && self.missed != Some(next) {
            self.missed = Some(next);
            return Some("something is missing".to_owned());
        }
        None
    }

    /// The answer to the request is there: what to make of it.
    pub fn answer(&mut self, answer: Result<Value, Failure>) -> Heard {
        if let Err(failure) = &answer
            && !self.is_waiting()
            && self.ended.is_none()
        {
            // It was taken, and how it ended is told before this.
            return Heard::Broken(format!("it contradicts itself: {failure}"));
        }
        self.finish(answer);
        Heard::Over
    }

    fn pass(&mut self, seq: Option<u64>, event: ExecutionEvent) {
        self.last = seq.or(self.last);
        if self.overrun > 0 {
            let skipped = std::mem::take(&mut self.overrun);
            if self.steps.try_send((None, ExecutionEvent::Lagged { skipped })).is_err() {
                self.overrun = skipped;
            }
        }
        let size = match &event {
            ExecutionEvent::Output { data, .. } => data.len() as u64,
            _ => 0,
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = self.steps.try_send((seq, event)) {
            self.overrun += size;
        }
    }

    /// The answer to the request is there.
    pub fn finish(&mut self, answer: Result<Value, Failure>) {
        let result = match answer {
            Ok(value) => ExecuteResult::from_json(&self.shape, value).map_err(|problem| {
                Failure::internal(format!("the server's result can't be read: {problem}"))
            }),
            Err(failure) => Err(failure),
        };
        match (result, self.accepted.take()) {
            (Err(failure), Some(accepted)) => {
                let _ = accepted.send(Err(failure));
            }
            (Err(failure), None) => self.end(failed(&self.id, &failure)),
            (Ok(result), accepted) => {
                if let Some(accepted) = accepted {
                    let _ = accepted.send(Ok(()));
                }
                self.end(ExecuteResult { execution_id: self.id.clone(), ..result });
            }
        }
    }

    fn end(&mut self, result: ExecuteResult) {
        let seq = self.ended.or(self.last);
        let event = ExecutionEvent::Finished(Box::new(result));
        if self.overrun > 0 {
            let skipped = std::mem::take(&mut self.overrun);
            // Only a server that doesn't keep to the window leaves no room for this.
            let _ = self.steps.try_send((None, ExecutionEvent::Lagged { skipped }));
        }
        if let Some(end) = self.end.take() {
            end.send((seq, event));
        }
    }

    /// Asks to be told from where it was lost.
    pub fn resume(&mut self) -> SubscribeCall {
        self.resumed = true;
        let streams = self.call.execute.stream;
        let events = if streams { Vec::new() } else { vec![EventKind::Started, EventKind::Finished] };
        let untaken = self.taken.map_or(0, |taken| taken + 1);
        SubscribeCall {
            execution_id: Some(self.id.clone()),
            events,
            after: self.last,
            untaken: self.last.filter(|last| untaken <= *last).map(|_| untaken),
            received: Some(self.received),
            window: Some(WINDOW),
            ..SubscribeCall::default()
        }
    }

    /// The server is another one since.
    pub fn gone(&mut self, server: &str) {
        self.finish(Err(Failure::new(
            ErrorKind::Unknown,
            format!("how it ended is not known: {server} was started anew while the link was lost"),
            "its sessions are gone; run it again in a new one",
        )));
    }

    /// The server does not tell of it: it never had it, or has forgotten it, or something else is the matter.
    pub fn unknown(&mut self, server: &str, refusal: &Failure) {
        // Servers of our first version had no kind of its own for that.
        let not_there = matches!(refusal.kind, ErrorKind::ExecutionNotFound | ErrorKind::InvalidParams);
        let failure = if !not_there {
            let message = format!("how it ended is not known: {server} does not tell ({refusal})");
            Failure::new(ErrorKind::Unknown, message, "look into the session before it is run again")
        } else if self.is_waiting() {
            Failure::new(
                ErrorKind::Unreachable,
                format!("the link to {server} was lost before the command was there: it was not executed"),
                "run it again",
            )
        } else {
            Failure::new(
                ErrorKind::Unknown,
                format!("how it ended is not known: {server} no longer keeps what came of it"),
                "the link was lost for too long; look into the session, or run it again",
            )
        };
        self.finish(Err(failure));
    }
}

/// The end of an execution that has no result of its own.
fn failed(id: &ExecutionId, failure: &Failure) -> ExecuteResult {
    ExecuteResult {
        success: false,
        result: None,
        error: Some(failure.message.clone()),
        duration_ms: 0,
        phases: None,
        execution_id: id.clone(),
        unknown: failure.kind == ErrorKind::Unknown,
    }
}

/// The command without what is in it.
fn shape(command: &Command) -> Command {
    use crate::protocol::{
        CopyFile, CreateDirectory, DeleteFile, ExecuteCode, ExecuteShell, InstallPackages, ListDirectory,
        ReadFile, WriteFile,
    };
    let path = String::new;
    match command {
        Command::WriteFile(_) => Command::WriteFile(WriteFile::bytes("", b"")),
        Command::ReadFile(_) => Command::ReadFile(ReadFile { path: path(), encoding: None }),
        Command::ExecuteShell(_) => Command::ExecuteShell(ExecuteShell::default()),
        Command::CreateDirectory(_) => {
            Command::CreateDirectory(CreateDirectory { path: path(), recursive: false })
        }
        Command::CopyFile(_) => {
            Command::CopyFile(CopyFile { source: path(), destination: path(), overwrite: false })
        }
        Command::DeleteFile(_) => Command::DeleteFile(DeleteFile { path: path(), recursive: false }),
        Command::ListDirectory(_) => Command::ListDirectory(ListDirectory {
            path: path(),
            recursive: false,
            max_depth: None,
            pattern: None,
            include_hidden: false,
        }),
        Command::ExecuteCode(_) => Command::ExecuteCode(ExecuteCode::default()),
        Command::InstallPackages(_) => Command::InstallPackages(InstallPackages::default()),
    }
}

/// Passes on what an execution tells as fast as it is taken, and says how far that is; says so, too, when nobody listens
/// any more.
pub async fn pass_on(
    id: ExecutionId,
    mut told: mpsc::Receiver<Step>,
    events: mpsc::Sender<ExecutionEvent>,
    orders: mpsc::Sender<Order>,
) {
    let mut unsaid = 0;
    while let Some((seq, event)) = told.recv().await {
        let last = matches!(event, ExecutionEvent::Finished(_));
        if events.send(event).await.is_err() {
            let _ = orders.send(Order::Leave(id)).await;
            return;
        }
        unsaid += 1;
        // The last is said at once, so that the server may forget; others when there is some of it, or nothing to do.
        if let Some(seq) = seq.filter(|_| last || unsaid >= SAY_EVERY || told.is_empty()) {
            unsaid = 0;
            let _ = orders.send(Order::Taken(id.clone(), seq)).await;
        }
    }
}
