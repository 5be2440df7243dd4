//! Does what the model asks for outside of it: talks to the engine, reads and writes files. Every task has an owner
//! here that ends it, and tells what came of it through the one bounded channel.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::disk;
use super::msg::{Effect, FileMsg, Msg, RunMsg, RuntimeMsg, SaveFailure, SessionMsg};
use crate::engine::{Engine, Execution, InterruptTarget};
use crate::protocol::{
    Command, ErrorKind, Execute, ExecuteCode, ExecutionEvent, ExecutionId, Failure, Language, Provision,
    RuntimePreference, RuntimeType, SelectParams, SessionId,
};

/// Bytes of output that are passed on at once, at most.
const CHUNK: usize = 256 * 1024;
/// Lines of input that may wait for a program to read them.
const INPUT_QUEUE: usize = 64;

type Sender = mpsc::Sender<Msg>;

/// The tasks that are under way.
pub(crate) struct Effects {
    engine: Arc<dyn Engine>,
    tx: Sender,
    tasks: JoinSet<()>,
    creating: Vec<(Option<u32>, AbortHandle)>,
    fetch: Option<(RuntimeType, AbortHandle)>,
    feed: Option<(u32, mpsc::Sender<(Bytes, bool)>)>,
}

impl Effects {
    /// Begins to tell what happens to sessions.
    pub(crate) fn new(engine: Arc<dyn Engine>, tx: Sender) -> Self {
        let mut events = engine.subscribe();
        let mut tasks = JoinSet::new();
        let told = tx.clone();
        tasks.spawn(async move {
            while let Some(event) = events.next().await {
                if told.send(Msg::Session(SessionMsg::Told(event))).await.is_err() {
                    break;
                }
            }
        });
        Self { engine, tx, tasks, creating: Vec::new(), fetch: None, feed: None }
    }

    /// Does one thing. Never waits.
    pub(crate) fn run(&mut self, effect: Effect) {
        // Forget tasks that have ended.
        while self.tasks.try_join_next().is_some() {}
        match effect {
            Effect::Probe { runtime, refresh } => self.ask(move |engine| async move {
                Msg::Runtime(RuntimeMsg::Known(runtime, engine.runtime(runtime, refresh).await.map(Box::new)))
            }),
            Effect::Rank(language, preference) => self.rank(language, preference),
            Effect::Fetch(runtime) => self.fetch(runtime),
            Effect::CancelFetch => self.cancel_fetch(),
            Effect::ListSessions => {
                self.ask(|engine| async move { Msg::Session(SessionMsg::Listed(engine.sessions().await)) })
            }
            Effect::CreateSession { params, run } => {
                let handle = self.spawn(move |engine| async move {
                    let result = engine.create_session(*params).await.map(Box::new);
                    Msg::Session(SessionMsg::Created { run, result })
                });
                self.creating.retain(|(_, handle)| !handle.is_finished());
                self.creating.push((run, handle));
            }
            Effect::CancelCreate(run) => {
                self.creating.iter().filter(|(of, _)| *of == run).for_each(|(_, handle)| handle.abort());
            }
            Effect::CloseSession(id) => self.ask(|engine| async move {
                let result = engine.close_session(&id).await;
                Msg::Session(SessionMsg::Closed(id, result))
            }),
            Effect::Stats(id) => self.ask(|engine| async move {
                let result = engine.stats(&id).await;
                Msg::Session(SessionMsg::Stats(id, result))
            }),
            Effect::Execute { run, session, language, code, file_name } => {
                self.execute(
                    run,
                    session,
                    ExecuteCode { code, language: Some(language), file_name, ..ExecuteCode::default() },
                );
            }
            Effect::Feed { run, data, eof } => self.feed(run, data, eof),
            Effect::Signal(run, execution, signal) => self.ask(move |engine| async move {
                let target = InterruptTarget::Execution(execution);
                Msg::Run(RunMsg::Signalled(run, engine.interrupt(target, signal).await))
            }),
            Effect::Read(path) => self.ask(|_| async move {
                let of = path.clone();
                let result = blocking(move || disk::read(&of)).await.and_then(|result| result);
                Msg::File(FileMsg::Read(path, result))
            }),
            Effect::Save { path, text, revision, replace } => self.ask(move |_| async move {
                let to = path.clone();
                let result = blocking(move || disk::save(&to, &text, replace)).await;
                let result = result.map_err(SaveFailure::Other).and_then(|result| result);
                Msg::File(FileMsg::Saved(path, revision, result))
            }),
            // The loop's own.
            Effect::Suspend | Effect::Quit => {}
        }
    }

    /// Spawns a question whose answer is one message.
    fn spawn<F, T>(&mut self, question: F) -> AbortHandle
    where
        F: FnOnce(Arc<dyn Engine>) -> T + Send + 'static,
        T: Future<Output = Msg> + Send + 'static,
    {
        let (engine, tx) = (Arc::clone(&self.engine), self.tx.clone());
        self.tasks.spawn(async move {
            let msg = question(engine).await;
            // Nobody listens any more: the workbench is closing.
            let _ = tx.send(msg).await;
        })
    }

    fn ask<F, T>(&mut self, question: F)
    where
        F: FnOnce(Arc<dyn Engine>) -> T + Send + 'static,
        T: Future<Output = Msg> + Send + 'static,
    {
        self.spawn(question);
    }

    fn rank(&mut self, language: Language, preference: RuntimePreference) {
        self.ask(move |engine| async move {
            let params = SelectParams { language, runtime_preference: Some(preference), runtime_type: None };
            Msg::Runtime(RuntimeMsg::Ranked(language, preference, engine.select(params).await))
        });
    }

    fn fetch(&mut self, runtime: RuntimeType) {
        let tx = self.tx.clone();
        let handle = self.spawn(move |engine| async move {
            let (progress, mut steps) = mpsc::channel(16);
            let told = async move {
                while let Some(mut step) = steps.recv().await {
                    // Only the newest step is worth a frame.
                    while let Ok(newer) = steps.try_recv() {
                        step = newer;
                    }
                    if tx.send(Msg::Runtime(RuntimeMsg::Progress(step))).await.is_err() {
                        break;
                    }
                }
            };
            let (result, ()) = tokio::join!(engine.provision(Provision::all(runtime), progress), told);
            Msg::Runtime(RuntimeMsg::Fetched(runtime, result.map(Box::new)))
        });
        self.fetch = Some((runtime, handle));
    }

    /// Dropping the engine's future leaves nothing half done.
    fn cancel_fetch(&mut self) {
        if let Some((runtime, handle)) = self.fetch.take() {
            handle.abort();
            let failure = Failure::new(
                ErrorKind::Cancelled,
                format!("{} was not fetched: you ended it", runtime.short()),
                "Enter begins anew",
            );
            self.ask(move |_| async move { Msg::Runtime(RuntimeMsg::Fetched(runtime, Err(failure))) });
        }
    }

    fn execute(&mut self, run: u32, session: SessionId, code: ExecuteCode) {
        let execution = ExecutionId::random();
        let (feed, fed) = mpsc::channel(INPUT_QUEUE);
        self.feed = Some((run, feed));
        let mut params = Execute::new(session, Command::ExecuteCode(code));
        params.stream = true;
        params.interactive = true;
        params.execution_id = Some(execution);
        let tx = self.tx.clone();
        self.ask(move |engine| async move {
            match engine.execute(params).await {
                Ok(execution) => follow(engine, run, execution, fed, &tx).await,
                Err(failure) => Msg::Run(RunMsg::Failed(run, failure)),
            }
        });
    }

    fn feed(&mut self, run: u32, data: Bytes, eof: bool) {
        let Some((_, feed)) = self.feed.as_ref().filter(|(of, _)| *of == run) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = feed.try_send((data, eof)) {
            let failure = Failure::new(
                ErrorKind::Busy,
                "the program does not read its input; the line was not sent",
                "wait, or stop it with Ctrl-C",
            );
            self.ask(move |_| async move { Msg::Run(RunMsg::InputRefused(run, failure)) });
        }
    }

    /// Ends every task.
    pub(crate) async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Passes on all that an execution tells, output in as few messages as may be, and gives its end.
async fn follow(
    engine: Arc<dyn Engine>,
    run: u32,
    mut execution: Execution,
    fed: mpsc::Receiver<(Bytes, bool)>,
    tx: &Sender,
) -> Msg {
    let id = execution.id.clone();
    let feeding = feed_all(Arc::clone(&engine), run, id.clone(), fed, tx.clone());
    let events = async {
        let _ = tx.send(Msg::Run(RunMsg::Accepted(run, id))).await;
        let mut next = execution.next().await;
        while let Some(event) = next {
            next = match event {
                ExecutionEvent::Finished(result) => return Msg::Run(RunMsg::Finished(run, result)),
                ExecutionEvent::Started => {
                    let _ = tx.send(Msg::Run(RunMsg::Started(run))).await;
                    execution.next().await
                }
                ExecutionEvent::Lagged { skipped } => {
                    let _ = tx.send(Msg::Run(RunMsg::Lagged(run, skipped))).await;
                    execution.next().await
                }
                ExecutionEvent::Output { stream, data } => {
                    let mut size = data.len();
                    let mut chunks = vec![(stream, data)];
                    let after = loop {
                        match execution.next().now_or_never() {
                            Some(Some(ExecutionEvent::Output { stream, data })) => {
                                size += data.len();
                                chunks.push((stream, data));
                                if size >= CHUNK {
                                    break None;
                                }
                            }
                            other => break other,
                        }
                    };
                    let _ = tx.send(Msg::Run(RunMsg::Output(run, chunks))).await;
                    match after {
                        Some(event) => event,
                        None => execution.next().await,
                    }
                }
            };
        }
        Msg::Run(RunMsg::Failed(run, Failure::internal("the run ended without a result")))
    };
    tokio::pin!(events, feeding);
    // Input that a program never reads must not outlive it.
    tokio::select! {
        end = &mut events => end,
        () = &mut feeding => events.await,
    }
}

/// Feeds a program in the order in which lines were typed.
async fn feed_all(
    engine: Arc<dyn Engine>,
    run: u32,
    execution: ExecutionId,
    mut fed: mpsc::Receiver<(Bytes, bool)>,
    tx: Sender,
) {
    while let Some((data, eof)) = fed.recv().await {
        if let Err(failure) = engine.input(&execution, data, eof).await {
            let _ = tx.send(Msg::Run(RunMsg::InputRefused(run, failure))).await;
        }
    }
}

/// Does what blocks where it may. It is not ended half way, whatever becomes of who waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}
