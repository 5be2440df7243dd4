//! The host's end of the pipe to an agent.
//!
//! One task reads, one writes; both end with the stream. What an agent sends is bounded by what was granted to it:
//! one that sends more, or anything that can't be read, is cut off, and every task on it ends with [`AgentError`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::frame::{Decoder, HEADER, MAX_PAYLOAD};
use super::wire::{
    CHUNK, Confinement, Entry, Exit, List, Mode, OUTPUT_WINDOW, Reply, Request, STDIN_WINDOW, Start, Usage,
    cost,
};

/// How long a file command may take before the agent counts as hung, although it answers other questions.
const COMMAND_TIME: Duration = Duration::from_secs(120);
/// Bytes of an agent's reason that are passed on.
const MAX_MESSAGE: usize = 4096;
/// Output that is returned to the agent's window at once: fewer and larger grants.
const GRANT: u32 = OUTPUT_WINDOW / 4;

/// Why an agent did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// It tried, and the system refused.
    #[error("{message}")]
    Refused {
        /// The system's error number, or 0.
        errno: i32,
        /// Its words.
        message: String,
    },
    /// The stream has ended: the agent is gone, or was cut off for what it sent.
    #[error("the environment has ended: {0}")]
    Gone(String),
    /// It has not answered in time.
    #[error("the environment does not answer")]
    Silent,
}

/// How long an agent may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// To say that it is there.
    pub hello: Duration,
    /// Without a word about a file command, before it is asked whether it is still there.
    pub quiet: Duration,
    /// To answer that.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { hello: seconds(10), quiet: seconds(5), answer: seconds(5) }
    }
}

/// What comes from a running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It runs.
    Started,
    /// It wrote on standard output.
    Stdout(Bytes),
    /// It wrote on standard error.
    Stderr(Bytes),
    /// It ended; nothing comes after this.
    Exited(Exit),
}

/// The host's end of the pipe to one agent. Copies are the same end; with the last one the stream is closed, and
/// everything the agent started ends.
#[derive(Clone, Debug)]
pub struct Agent {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Encoded requests on their way to the writer.
    requests: mpsc::Sender<Vec<u8>>,
    routes: Mutex<Routes>,
    next: AtomicU32,
    patience: Patience,
    gone: watch::Receiver<Option<String>>,
    /// Ends the reader and the writer, and with them the stream.
    closed: CancellationToken,
}

#[derive(Debug, Default)]
struct Routes {
    by_id: HashMap<u32, Route>,
    closed: bool,
}

/// Where the replies to one task go.
#[derive(Debug)]
struct Route {
    /// Bounded by what is let through: output within the window, one start, one end.
    replies: mpsc::UnboundedSender<Reply>,
    stdin: Arc<Semaphore>,
    /// What may still come before more is granted. The piece that uses it up may reach beyond.
    window: Arc<AtomicI64>,
    started: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A task under way, as its asker holds it. Dropping it cancels the task.
#[derive(Debug)]
struct Task {
    id: u32,
    replies: mpsc::UnboundedReceiver<Reply>,
    stdin: Arc<Semaphore>,
    window: Arc<AtomicI64>,
    ungranted: u32,
    over: bool,
    shared: Arc<Shared>,
}

impl Agent {
    /// Greets the agent at the other end of `stream`, tells it where its workspace is and what its programs are held
    /// to.
    pub async fn connect(
        stream: UnixStream,
        workspace: &[u8],
        confinement: Confinement,
    ) -> Result<Self, AgentError> {
        Self::connect_with(stream, workspace, confinement, Patience::default()).await
    }

    /// As [`Agent::connect`], for an agent that may take another time to say that it is there.
    pub async fn connect_within(
        stream: UnixStream,
        workspace: &[u8],
        confinement: Confinement,
        time: Duration,
    ) -> Result<Self, AgentError> {
        let patience = Patience { hello: time, ..Patience::default() };
        Self::connect_with(stream, workspace, confinement, patience).await
    }

    /// As [`Agent::connect`], for an agent that may take other times.
    pub async fn connect_with(
        stream: UnixStream,
        workspace: &[u8],
        confinement: Confinement,
        patience: Patience,
    ) -> Result<Self, AgentError> {
        let (read, write) = stream.into_split();
        let (requests, queue) = mpsc::channel(64);
        let (gone_send, gone) = watch::channel(None);
        let closed = CancellationToken::new();
        let shared = Arc::new(Shared {
            requests,
            routes: Mutex::default(),
            next: AtomicU32::new(1),
            patience,
            gone,
            closed: closed.clone(),
        });
        let hello = shared.open(0);
        tokio::spawn(closed.clone().run_until_cancelled_owned(write_requests(write, queue)));
        // The reader holds no strong reference: it ends when the last handle is dropped.
        tokio::spawn(read_replies(read, Arc::downgrade(&shared), closed, gone_send));
        let agent = Self { shared };
        let mut hello = hello?;
        agent.shared.send(0, &Request::Init { workspace: workspace.to_vec(), confinement }).await?;
        match tokio::time::timeout(patience.hello, hello.reply()).await {
            Ok(Ok(Reply::Hello { .. })) => {
                hello.over = true;
                Ok(agent)
            }
            Ok(Ok(Reply::Failed { errno, message })) => Err(AgentError::Refused { errno, message }),
            Ok(Ok(_)) => Err(AgentError::Gone("its first words were not a greeting".into())),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(AgentError::Silent),
        }
    }

    /// Starts a program.
    pub async fn start(&self, start: Start) -> Result<(Process, ProcessControl), AgentError> {
        let terminal = start.pty != (0, 0);
        let reads = start.stdin || terminal;
        let task = self.shared.begin(&Request::Start(start)).await?;
        if !reads {
            task.stdin.close();
        }
        let (shared, stdin) = (self.shared.clone(), task.stdin.clone());
        let control = ProcessControl { id: task.id, terminal, shared, stdin };
        Ok((Process { task }, control))
    }

    /// Has the agent try what a program could, held as one; it answers each question with a line on standard output.
    pub async fn probe(&self, questions: Vec<Vec<u8>>) -> Result<Process, AgentError> {
        let task = self.shared.begin(&Request::Probe(questions)).await?;
        task.stdin.close();
        Ok(Process { task })
    }

    /// Writes a file; gives how many bytes.
    pub async fn write(&self, path: &[u8], mode: Mode, content: &[u8]) -> Result<u64, AgentError> {
        let (first, rest) = content.split_at(content.len().min(CHUNK));
        let request =
            Request::Write { path: path.to_vec(), mode, last: rest.is_empty(), data: first.to_vec() };
        let mut task = self.shared.begin(&request).await?;
        let mut pieces = rest.chunks(CHUNK).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            self.shared.send(task.id, &Request::WriteMore { last, data: piece.to_vec() }).await?;
        }
        Ok(task.done().await?.0)
    }

    /// Reads a file, at most `max` bytes; gives them and the file's size.
    pub async fn read(&self, path: &[u8], max: u64) -> Result<(Vec<u8>, u64), AgentError> {
        let mut task = self.shared.begin(&Request::Read { path: path.to_vec(), max }).await?;
        let (data, (size, _)) = task.data(max).await?;
        Ok((data, size))
    }

    /// Makes a directory.
    pub async fn make_directory(&self, path: &[u8], parents: bool) -> Result<(), AgentError> {
        self.command(&Request::Mkdir { path: path.to_vec(), parents }).await.map(drop)
    }

    /// Deletes a file or a directory.
    pub async fn delete(&self, path: &[u8], recursive: bool) -> Result<(), AgentError> {
        self.command(&Request::Delete { path: path.to_vec(), recursive }).await.map(drop)
    }

    /// Copies a file; gives its size.
    pub async fn copy(&self, source: &[u8], destination: &[u8], overwrite: bool) -> Result<u64, AgentError> {
        let request = Request::Copy { source: source.to_vec(), destination: destination.to_vec(), overwrite };
        self.command(&request).await.map(|(bytes, _)| bytes)
    }

    /// Lists a directory; gives its entries and whether there are more.
    pub async fn list(&self, list: List) -> Result<(Vec<Entry>, bool), AgentError> {
        // Paths have at most 4096 bytes.
        let max_entries = list.max_entries as usize;
        let most = u64::from(list.max_entries) * 4200;
        let mut task = self.shared.begin(&Request::List(list)).await?;
        let (data, (_, more)) = task.data(most).await?;
        let entries = Entry::decode_all(&data).map_err(|e| AgentError::Gone(format!("it sent {e}")))?;
        if entries.len() > max_entries {
            return Err(AgentError::Gone("it sent more entries than it was asked for".into()));
        }
        Ok((entries, more != 0))
    }

    /// What all programs in the environment use.
    pub async fn usage(&self) -> Result<Usage, AgentError> {
        let mut task = self.shared.begin(&Request::Usage).await?;
        match task.timely().await? {
            Reply::Usage(usage) => {
                task.over = true;
                Ok(usage)
            }
            other => Err(task.unexpected(other)),
        }
    }

    /// Asks whether the agent still answers. Error: it is gone, or silent for longer than it may be.
    pub async fn alive(&self) -> Result<(), AgentError> {
        self.shared.alive().await
    }

    /// The bytes and files of the workspace.
    pub async fn measure(&self) -> Result<(u64, u64), AgentError> {
        self.command(&Request::Measure).await
    }

    async fn command(&self, request: &Request) -> Result<(u64, u64), AgentError> {
        self.shared.begin(request).await?.done().await
    }

    /// Closes the stream: the agent ends everything it started, and itself.
    pub fn close(&self) {
        self.shared.closed.cancel();
    }

    /// Whether its stream is still open, as far as is known now.
    pub fn is_there(&self) -> bool {
        self.shared.gone.borrow().is_none()
    }

    /// Waits until the agent is gone; gives why.
    pub async fn gone(&self) -> String {
        let mut gone = self.shared.gone.clone();
        let reason = gone.wait_for(Option::is_some).await.ok().and_then(|r| r.clone());
        reason.unwrap_or_else(|| "the stream was closed".into())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Shared {
    /// A route for replies to task `id`.
    fn open(self: &Arc<Self>, id: u32) -> Result<Task, AgentError> {
        let (send, replies) = mpsc::unbounded_channel();
        let window = Arc::new(AtomicI64::new(OUTPUT_WINDOW.into()));
        let stdin = Arc::new(Semaphore::new(STDIN_WINDOW as usize));
        let route = Route { replies: send, stdin: stdin.clone(), window: window.clone(), started: false };
        let mut routes = lock(&self.routes);
        if routes.closed {
            return Err(self.why_gone());
        }
        routes.by_id.insert(id, route);
        Ok(Task { id, replies, stdin, window, ungranted: 0, over: false, shared: self.clone() })
    }

    async fn begin(self: &Arc<Self>, request: &Request) -> Result<Task, AgentError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let task = self.open(id)?;
        self.send(id, request).await?;
        Ok(task)
    }

    async fn send(self: &Arc<Self>, id: u32, request: &Request) -> Result<(), AgentError> {
        // An agent reads whatever else it does: one that does not is stopped, or worse.
        tokio::select! {
            biased;
            sent = self.enqueue(id, request) => sent,
            error = self.silence() => Err(error),
        }
    }

    /// Waits for as long as there is no room for a request.
    async fn enqueue(&self, id: u32, request: &Request) -> Result<(), AgentError> {
        let mut bytes = Vec::new();
        request.encode(id, &mut bytes);
        if bytes.len() > HEADER + MAX_PAYLOAD {
            return Err(AgentError::Refused { errno: 7, message: "Argument list too long".into() });
        }
        self.requests.send(bytes).await.map_err(|_| self.why_gone())
    }

    /// Asks, by a task of its own, whether the agent is still there.
    async fn alive(self: &Arc<Self>) -> Result<(), AgentError> {
        let asking = async {
            let mut task = self.open(self.next.fetch_add(1, Ordering::Relaxed))?;
            self.enqueue(task.id, &Request::Usage).await?;
            match task.reply().await? {
                Reply::Usage(_) => {
                    task.over = true;
                    Ok(())
                }
                other => Err(task.unexpected(other)),
            }
        };
        tokio::time::timeout(self.patience.answer, asking).await.unwrap_or(Err(AgentError::Silent))
    }

    /// Waits until an agent that says nothing is found to be gone or hung: gives which.
    async fn silence(self: &Arc<Self>) -> AgentError {
        let asking = async {
            loop {
                tokio::time::sleep(self.patience.quiet).await;
                if let Err(error) = self.alive().await {
                    return error;
                }
            }
        };
        tokio::time::timeout(COMMAND_TIME, asking).await.unwrap_or(AgentError::Silent)
    }

    fn why_gone(&self) -> AgentError {
        AgentError::Gone(self.gone.borrow().clone().unwrap_or_else(|| "the stream was closed".into()))
    }
}

impl Task {
    /// The next reply. Giving up waiting for it loses nothing: what came is taken last of all.
    async fn reply(&mut self) -> Result<Reply, AgentError> {
        if self.ungranted >= GRANT {
            self.grant().await;
        }
        let Some(reply) = self.replies.recv().await else { return Err(self.shared.why_gone()) };
        if let Reply::Stdout(data) | Reply::Stderr(data) | Reply::Data(data) = &reply {
            self.ungranted += cost(data.len());
        }
        Ok(reply)
    }

    /// Returns to the agent's window what was taken. Where that can't be sent the stream has ended, and what came
    /// before is still to be had.
    async fn grant(&mut self) {
        let Ok(permit) = self.shared.requests.reserve().await else { return };
        let granted = std::mem::take(&mut self.ungranted);
        self.window.fetch_add(granted.into(), Ordering::Relaxed);
        let mut bytes = Vec::new();
        Request::Credit(granted).encode(self.id, &mut bytes);
        permit.send(bytes);
    }

    /// The next reply of an agent that goes on answering.
    async fn timely(&mut self) -> Result<Reply, AgentError> {
        let shared = self.shared.clone();
        tokio::select! {
            biased;
            reply = self.reply() => reply,
            error = shared.silence() => Err(error),
        }
    }

    /// The numbers a file command gives at its end.
    async fn done(&mut self) -> Result<(u64, u64), AgentError> {
        self.data(0).await.map(|(_, numbers)| numbers)
    }

    /// All data of a file command, at most `most` bytes, and the numbers at its end.
    async fn data(&mut self, most: u64) -> Result<(Vec<u8>, (u64, u64)), AgentError> {
        let mut all = Vec::new();
        loop {
            match self.timely().await? {
                Reply::Data(data) if (all.len() + data.len()) as u64 <= most => all.extend_from_slice(&data),
                Reply::Done(a, b) => {
                    self.over = true;
                    return Ok((all, (a, b)));
                }
                other => return Err(self.unexpected(other)),
            }
        }
    }

    fn unexpected(&mut self, reply: Reply) -> AgentError {
        match reply {
            Reply::Failed { errno, mut message } => {
                self.over = true;
                message.truncate(message.floor_char_boundary(MAX_MESSAGE));
                AgentError::Refused { errno, message }
            }
            _ => AgentError::Gone("it answered what was not asked".into()),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        lock(&self.shared.routes).by_id.remove(&self.id);
        // Whoever still wants to feed the program must not wait for ever.
        self.stdin.close();
        if !self.over {
            let mut bytes = Vec::new();
            Request::Cancel.encode(self.id, &mut bytes);
            // A full queue means the agent is behind; whoever waits for room then sends it.
            if let Err(mpsc::error::TrySendError::Full(bytes)) = self.shared.requests.try_send(bytes) {
                let requests = self.shared.requests.clone();
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move { requests.send(bytes).await });
                }
            }
        }
    }
}

/// A program under way. Dropping it kills the program.
#[derive(Debug)]
pub struct Process {
    task: Task,
}

impl Process {
    /// What comes next. After an error, and after `Exited`, nothing does.
    pub async fn next(&mut self) -> Result<ProcessEvent, AgentError> {
        Ok(match self.task.reply().await? {
            Reply::Started { .. } => ProcessEvent::Started,
            Reply::Stdout(data) => ProcessEvent::Stdout(data.into()),
            Reply::Stderr(data) => ProcessEvent::Stderr(data.into()),
            Reply::Exited(exit) => {
                self.task.over = true;
                ProcessEvent::Exited(exit)
            }
            other => return Err(self.task.unexpected(other)),
        })
    }
}

/// Reaches into a running program from anywhere.
#[derive(Clone, Debug)]
pub struct ProcessControl {
    id: u32,
    terminal: bool,
    shared: Arc<Shared>,
    stdin: Arc<Semaphore>,
}

impl ProcessControl {
    /// Feeds standard input; waits while the program is slower. False: the program reads no more.
    pub async fn feed(&self, data: &[u8]) -> Result<bool, AgentError> {
        for piece in data.chunks(CHUNK) {
            let Ok(permit) = self.stdin.acquire_many(piece.len() as u32).await else { return Ok(false) };
            self.shared.send(self.id, &Request::Stdin(piece.to_vec())).await?;
            // Used up only now: whoever gives up feeding before has sent nothing.
            permit.forget();
        }
        Ok(!self.stdin.is_closed())
    }

    /// Ends standard input; a terminal's only for the program that reads it now.
    pub async fn end_input(&self) -> Result<(), AgentError> {
        if !self.terminal {
            self.stdin.close();
        }
        self.shared.send(self.id, &Request::StdinEof).await
    }

    /// Signals the program's group; the signal 9 kills everything it started.
    pub async fn signal(&self, number: i32) -> Result<(), AgentError> {
        self.shared.send(self.id, &Request::Signal(number)).await
    }

    /// Sets the size of the program's terminal.
    pub async fn resize(&self, rows: u16, cols: u16) -> Result<(), AgentError> {
        self.shared.send(self.id, &Request::Resize(rows, cols)).await
    }
}

async fn write_requests(mut stream: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(mut bytes) = queue.recv().await {
        // What has gathered meanwhile goes out in one piece.
        while bytes.len() < CHUNK
            && let Ok(more) = queue.try_recv()
        {
            bytes.extend_from_slice(&more);
        }
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_replies(
    mut stream: OwnedReadHalf,
    shared: std::sync::Weak<Shared>,
    closed: CancellationToken,
    gone: watch::Sender<Option<String>>,
) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; CHUNK];
    let reason = loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read,
            () = closed.cancelled() => break "the stream was closed".to_owned(),
        };
        match read {
            Ok(0) => break "its agent has gone".to_owned(),
            Ok(n) => decoder.push(&buffer[..n]),
            Err(e) => break format!("its stream broke: {e}"),
        }
        let Some(shared) = shared.upgrade() else { break "the stream was closed".to_owned() };
        if let Err(reason) = deliver(&mut decoder, &shared) {
            break reason;
        }
    };
    gone.send_replace(Some(reason));
    // The writer ends too: one that was cut off is not to be left with half a stream.
    closed.cancel();
    if let Some(shared) = shared.upgrade() {
        let mut routes = lock(&shared.routes);
        routes.closed = true;
        // Whoever waits for a reply sees his channel end; whoever waits to feed is let go.
        routes.by_id.drain().for_each(|(_, route)| route.stdin.close());
    }
}

/// Hands out every whole reply. Error: why the agent is to be cut off.
fn deliver(decoder: &mut Decoder, shared: &Shared) -> Result<(), String> {
    while let Some(frame) = decoder.next_frame().map_err(|e| format!("it sent {e}"))? {
        let id = frame.id;
        let reply = Reply::decode(frame).map_err(|e| format!("it sent {e}"))?;
        lock(&shared.routes).take(id, reply)?;
    }
    Ok(())
}

impl Routes {
    /// Hands a reply to whoever waits for it; he may have gone meanwhile. Error: it was not to be sent.
    fn take(&mut self, id: u32, reply: Reply) -> Result<(), String> {
        let Some(route) = self.by_id.get_mut(&id) else { return Ok(()) };
        match &reply {
            Reply::Stdout(data) | Reply::Stderr(data) | Reply::Data(data) => {
                let cost = i64::from(cost(data.len()));
                if route.window.fetch_sub(cost, Ordering::Relaxed) <= 0 {
                    return Err("it sent more output than it was granted".into());
                }
                let _ = route.replies.send(reply);
            }
            Reply::StdinCredit(bytes) => {
                let free = (STDIN_WINDOW as usize).saturating_sub(route.stdin.available_permits());
                route.stdin.add_permits((*bytes as usize).min(free));
            }
            Reply::StdinClosed => route.stdin.close(),
            Reply::Started { .. } if std::mem::replace(&mut route.started, true) => {
                return Err("it started the same program twice".into());
            }
            Reply::Started { .. } => drop(route.replies.send(reply)),
            // Every other reply is the last one: what comes after it is for nobody.
            _ => {
                route.stdin.close();
                let _ = route.replies.send(reply);
                self.by_id.remove(&id);
            }
        }
        Ok(())
    }
}
