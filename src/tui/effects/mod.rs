//! Does what the model asks for outside of it: talks to the engine, reaches others, reads and writes files. Every task
//! has an owner here that ends it. What has to do with the engine ends with its use: a task of an engine that was left
//! tells nothing any more.

mod bench;
mod crew;
mod dial;
mod execution;
mod files;
mod host;
mod keeping;
mod listen;
mod memory;
mod past;
mod spool;
#[cfg(target_os = "linux")]
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::watch as latest;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use self::bench::Benches;
use self::crew::Crew;
use self::dial::Dialler;
use self::files::Transfers;
use self::keeping::Keeping;
use self::memory::Memory;
use self::past::Past;
use self::spool::Spools;
use super::clipboard;
use super::disk;
use super::look::read_themes;
use super::msg::{
    Copied, Effect, FileMsg, LookMsg, Msg, OutputMsg, RunMsg, RuntimeMsg, SaveFailure, SessionMsg, Unsaved,
};
use super::outside::Outside;
use super::past::Entry;
use super::state::Remembered;
use super::workbench::Report;
use crate::config::ThemeFile;
use crate::engine::{Connector, Engine, InterruptTarget};
use crate::protocol::{
    Command, ErrorKind, Execute, ExecuteCode, ExecutionId, Failure, Language, Provision, RuntimeInfo,
    RuntimePreference, RuntimeType, SelectParams, SessionId,
};

/// Lines of input that may wait for a program to read them.
const INPUT_QUEUE: usize = 64;

/// Messages of runs that may wait for the loop: of output each carries up to [`execution::CHUNK`] and a little more.
const RUN_QUEUE: usize = 4;

type Sender = mpsc::Sender<Msg>;

/// The tasks that are under way.
pub(crate) struct Effects {
    engine: Arc<dyn Engine>,
    /// What the engine is asked and tells.
    there: Crew,
    /// Files, and dials.
    here: Crew,
    /// What runs tell: few at a time, since each may carry much output.
    runs: Crew,
    spools: Spools,
    dialler: Dialler,
    creating: Vec<(Option<u32>, AbortHandle)>,
    fetch: Option<(RuntimeType, AbortHandle)>,
    transfers: Transfers,
    feed: Option<(u32, mpsc::Sender<(Bytes, bool)>)>,
    /// The size of a run's terminal.
    size: Option<(u32, latest::Sender<(u16, u16)>)>,
    report: Option<Report>,
    memory: Option<Memory>,
    past: Option<Past>,
    keeping: Option<Keeping>,
    benches: Benches,
}

impl Effects {
    /// Begins to tell what an engine tells.
    pub(crate) fn new(engine: Arc<dyn Engine>, connector: Option<Arc<dyn Connector>>) -> Self {
        let mut effects = Self {
            engine,
            there: Crew::new(),
            here: Crew::new(),
            runs: Crew::of(RUN_QUEUE),
            spools: Spools::default(),
            dialler: Dialler::new(connector),
            creating: Vec::new(),
            fetch: None,
            transfers: Transfers::default(),
            feed: None,
            size: None,
            report: None,
            memory: None,
            past: None,
            keeping: None,
            benches: Benches::new(None),
        };
        effects.listen();
        effects
    }

    /// Reports are written by this.
    pub(crate) fn report_with(&mut self, report: Option<Report>) {
        self.report = report;
    }

    /// Keeps what programs write in files of this directory, beside what fits into memory.
    pub(crate) fn spooling_in(mut self, directory: PathBuf) -> Self {
        self.spools = Spools::of(directory);
        self
    }

    /// Writes what is remembered into this file.
    pub(crate) fn remembering_in(mut self, file: Option<PathBuf>) -> Self {
        self.memory = file.map(Memory::new);
        self
    }

    /// Keeps the runs that have ended in this file.
    pub(crate) fn recording_in(mut self, file: Option<PathBuf>) -> Self {
        self.past = file.map(Past::new);
        self
    }

    /// Keeps texts that are not saved in this directory.
    pub(crate) fn keeping_in(mut self, directory: Option<PathBuf>) -> Self {
        self.keeping = directory.map(Keeping::new);
        self
    }

    /// Keeps benchmarks in this directory.
    pub(crate) fn benching_in(mut self, directory: Option<PathBuf>) -> Self {
        self.benches = Benches::new(directory);
        self
    }

    /// Clears away what earlier workbenches have left of texts that were in an editor.
    pub(crate) fn clear_outside(&mut self, outside: Outside) {
        let tx = self.here.tx();
        self.here.spawn(async move {
            let kept = blocking(move || outside.clear()).await.unwrap_or_default();
            if !kept.is_empty() {
                // Nobody listens any more: the owner is ending.
                let _ = tx.send(Msg::File(FileMsg::LeftOutside(kept))).await;
            }
        });
    }

    /// Tells something as if it had been asked for.
    pub(crate) fn tell(&mut self, msg: Msg) {
        self.here.ask(async move { msg });
    }

    /// Has a program put a text into the clipboard.
    pub(crate) fn copy_by(&mut self, program: &'static str, args: &'static [&'static str], text: String) {
        self.here.ask(async move {
            let size = text.len();
            Msg::Output(match clipboard::copy_by(program, args, text.clone()).await {
                Ok(()) => OutputMsg::Copied { size, how: Copied::By(program) },
                Err(why) => OutputMsg::NotCopied { text, why },
            })
        });
    }

    fn listen(&mut self) {
        let crew = &mut self.there;
        crew.spawn(listen::sessions(self.engine.subscribe(), crew.tx()));
        crew.spawn(listen::link(self.engine.link(), crew.tx()));
        if let Some(traffic) = self.engine.traffic() {
            crew.spawn(listen::traffic(traffic, crew.tx()));
        }
    }

    /// Leaves the engine to its owner, and uses the one that a dial has reached.
    fn switch(&mut self, dial: u32) {
        let Some(engine) = self.dialler.take(dial) else { return };
        self.engine = engine;
        (self.there, self.runs) = (Crew::new(), Crew::of(RUN_QUEUE));
        self.creating.clear();
        self.transfers = Transfers::default();
        (self.fetch, self.feed, self.size) = (None, None, None);
        self.listen();
    }

    /// The next thing that is told.
    pub(crate) async fn next(&mut self) -> Option<Msg> {
        tokio::select! {
            biased;
            msg = self.dialler.next() => msg,
            msg = self.here.next() => msg,
            msg = self.there.next() => msg,
            msg = self.runs.next() => msg,
        }
    }

    /// The next thing that was told already.
    pub(crate) fn heard(&mut self) -> Option<Msg> {
        self.dialler
            .heard()
            .or_else(|| self.here.heard())
            .or_else(|| self.there.heard())
            .or_else(|| self.runs.heard())
    }

    /// Does one thing. Never waits.
    pub(crate) fn run(&mut self, effect: Effect) {
        match effect {
            Effect::Probe { runtime, refresh } => self.ask(move |engine| async move {
                let known = engine.runtime(runtime, refresh).await.map(Box::new);
                Msg::Runtime(RuntimeMsg::Known(runtime, known))
            }),
            Effect::Rank(language, preference) => self.rank(language, preference),
            Effect::Report(runtimes) => self.report(runtimes),
            Effect::Limits => self.ask(|engine| async move {
                let limits = engine.info().await.map(|info| info.limits).unwrap_or_default();
                Msg::Runtime(RuntimeMsg::Limited(limits))
            }),
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
            Effect::CloseSessions(ids) => ids.into_iter().for_each(|id| self.run(Effect::CloseSession(id))),
            Effect::Stats(id) => self.ask(|engine| async move {
                let result = engine.stats(&id).await;
                Msg::Session(SessionMsg::Stats(id, result))
            }),
            Effect::Execute { run, session, language, code, file_name, interactive, pty } => {
                let code =
                    ExecuteCode { code, language: Some(language), file_name, pty, ..ExecuteCode::default() };
                self.execute(run, session, code, interactive);
            }
            Effect::Feed { run, data, eof } => self.feed(run, data, eof),
            Effect::Resize { run, rows, cols } => {
                if let Some((_, size)) = self.size.as_ref().filter(|(of, _)| *of == run) {
                    size.send_replace((rows, cols));
                }
            }
            Effect::Signal(run, execution, signal) => self.ask(move |engine| async move {
                let target = InterruptTarget::Execution(execution);
                Msg::Run(RunMsg::Signalled(run, engine.interrupt(target, signal).await))
            }),
            Effect::Files { session, number, task } => {
                let question =
                    self.transfers.begin(Arc::clone(&self.engine), session, number, *task, &self.there);
                drop(self.there.ask(question));
            }
            Effect::Bench(task) => self.benches.run(task, &self.engine, &mut self.here),
            Effect::StopFiles(number) => self.transfers.stop(number),
            Effect::Reconnect => self.engine.reconnect(),
            Effect::Switch(dial) => self.switch(dial),
            Effect::Dial { dial, target } => self.dialler.dial(dial, target, &mut self.here),
            Effect::Look { dial, target } => self.dialler.look(dial, target, &mut self.here),
            Effect::HangUp => self.dialler.hang_up(),
            Effect::Recent => self.dialler.recent(&mut self.here),
            Effect::TokenSource(address) => self.dialler.token_source(address, &mut self.here),
            Effect::Read(buffer, path) => drop(self.here.ask(async move {
                let result = blocking(move || disk::read(&path)).await.and_then(|result| result);
                Msg::File(FileMsg::Read(buffer, result))
            })),
            Effect::Save { buffer, path, text, revision, replace } => drop(self.here.ask(async move {
                let to = path.clone();
                let result = blocking(move || disk::save(&to, text.as_bytes(), replace)).await;
                let result = result.map_err(SaveFailure::Other).and_then(|result| result);
                Msg::File(FileMsg::Saved(buffer, path, revision, result))
            })),
            Effect::SaveOutput { run, path, text } => {
                let spool = self.spools.of_run(run);
                let stopped = CancellationToken::new();
                self.here.ask(async move {
                    let (to, stop) = (path.clone(), stopped.clone());
                    // It goes on where it may block; whoever ends this task ends that too.
                    let _ended = stopped.drop_guard();
                    let saved = blocking(move || spool::save(spool, &to, &text, &stop)).await;
                    Msg::Output(OutputMsg::Saved { run, path, result: saved.and_then(|saved| saved) })
                });
            }
            Effect::ReadThemes(paths) => drop(self.here.ask(async move {
                let read = blocking(move || read_themes(&ThemeFile::names(&paths), &paths)).await;
                Msg::Look(LookMsg::Themes(read.unwrap_or_default()))
            })),
            #[cfg(target_os = "linux")]
            Effect::WatchSettings(paths) => {
                let tx = self.here.tx();
                self.here.spawn(watch::settings(paths, tx));
            }
            #[cfg(not(target_os = "linux"))]
            Effect::WatchSettings(_) => {}
            Effect::Complete(typed) => drop(self.here.ask(async move {
                let of = typed.clone();
                let paths = blocking(move || disk::complete(&of)).await.unwrap_or_default();
                Msg::File(FileMsg::Completed(typed, paths))
            })),
            Effect::Keep(texts) => {
                if let Some(keeping) = &mut self.keeping {
                    keeping.keep(texts, &mut self.here);
                }
            }
            Effect::Recovered => self.keeping.iter_mut().for_each(Keeping::is_taken),
            Effect::Recover => self.keeping.iter_mut().for_each(|keeping| keeping.recover(&mut self.here)),
            Effect::ForgetRuns => self.past.iter().for_each(Past::forget),
            // The model's own, and the loop's.
            Effect::Decided(_)
            | Effect::EditOutside(_)
            | Effect::Copy(_)
            | Effect::CopyByTerminal(_)
            | Effect::CaptureMouse(_)
            | Effect::AskBackground
            | Effect::Suspend
            | Effect::Quit => {}
        }
    }

    /// Spawns a question whose answer is one message.
    fn spawn<F, T>(&mut self, question: F) -> AbortHandle
    where
        F: FnOnce(Arc<dyn Engine>) -> T + Send + 'static,
        T: Future<Output = Msg> + Send + 'static,
    {
        self.there.ask(question(Arc::clone(&self.engine)))
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

    fn report(&mut self, runtimes: Vec<RuntimeInfo>) {
        let report = self.report.clone();
        self.here.ask(async move {
            let written = match report {
                Some(report) => blocking(move || report(&runtimes)).await.and_then(|written| written),
                None => Err("this workbench has nowhere to write one".to_owned()),
            };
            Msg::Runtime(RuntimeMsg::Reported(written))
        });
    }

    fn fetch(&mut self, runtime: RuntimeType) {
        let tx = self.there.tx();
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

    fn execute(&mut self, run: u32, session: SessionId, code: ExecuteCode, interactive: bool) {
        let execution = ExecutionId::random();
        let (feed, fed) = mpsc::channel(INPUT_QUEUE);
        if interactive {
            self.feed = Some((run, feed));
        }
        let size = code.pty.map(|pty| {
            let (size, sized) = latest::channel((pty.rows, pty.cols));
            self.size = Some((run, size));
            sized
        });
        let mut params = Execute::new(session, Command::ExecuteCode(code));
        params.stream = true;
        params.interactive = interactive;
        params.execution_id = Some(execution);
        let (tx, spool, engine) = (self.runs.tx(), self.spools.begin(run), Arc::clone(&self.engine));
        self.runs.ask(async move {
            match engine.execute(params).await {
                Ok(execution) => {
                    execution::follow(engine, run, execution, execution::Given { fed, size }, spool, &tx)
                        .await
                }
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

    /// Has something remembered for the next start.
    pub(crate) fn remember(&self, what: Remembered) {
        if let Some(memory) = &self.memory {
            memory.keep(what);
        }
    }

    /// Keeps runs that have ended for the next start.
    pub(crate) fn record(&self, runs: Vec<Entry>) {
        if let Some(past) = self.past.as_ref().filter(|_| !runs.is_empty()) {
            past.add(runs);
        }
    }

    /// Keeps texts that are not saved, as the last thing; none are forgotten.
    pub(crate) fn keep_at_end(&mut self, texts: Vec<Unsaved>) {
        if let Some(keeping) = &mut self.keeping {
            keeping.keep_at_end(&texts);
        }
    }

    /// Ends every task.
    pub(crate) async fn shutdown(self) {
        self.benches.end().await;
        self.runs.end().await;
        if let Some(memory) = self.memory {
            memory.end().await;
        }
        if let Some(past) = self.past {
            past.end().await;
        }
        self.there.end().await;
        self.here.end().await;
    }
}

/// Does what blocks where it may. It is not ended half way, whatever becomes of who waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}
