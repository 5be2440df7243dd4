//! The work of each suite: what is done between two readings of the clock.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::control::Control;
use super::sessions::Sessions;
use crate::bench::plan::{Code, Lane};
use crate::bench::programs;
use crate::bench::suite::Suite;
use crate::engine::{Engine, Link};
use crate::protocol::{
    Command, CopyFile, DeleteFile, ErrorKind, Execute, ExecuteCode, ExecuteResult, ExecutionEvent, Failure,
    Language, ListDirectory, Phases, ReadFile, RuntimePreference, SelectParams, SessionInfo, WriteFile,
};

/// Calls between two readings of the clock, of what is quicker than the clock.
const CALLS: u32 = 64;
/// How long a warm session has had nothing to do before it is asked for the next program. What an engine makes ready for
/// the next command takes some milliseconds: without this, figures of one runtime alone would be others than those of the
/// same runtime beside another.
const BREATH: Duration = Duration::from_millis(30);
/// One-shots of each client, in a row.
const SHOTS: usize = 2;
/// How many clients there are at once.
const CLIENTS: [usize; 3] = [1, 4, 16];
/// The sizes of files, in bytes.
const SIZES: [usize; 3] = [1 << 10, 64 << 10, 1 << 20];

/// Why there is no sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// It failed, and may not fail again.
    Failed(String),
    /// It will always fail.
    Never(String),
    /// The benchmark was stopped.
    Stopped,
}

/// What one round of work gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// Figures, each with the number of its case; a case may have several.
    pub(super) values: Vec<(usize, f64)>,
    /// Of the first case.
    pub(super) phases: Option<Phases>,
    pub(super) peak_memory_bytes: Option<u64>,
}

impl Sample {
    fn of(values: impl IntoIterator<Item = (usize, f64)>) -> Self {
        Self { values: values.into_iter().collect(), ..Self::default() }
    }

    fn of_run(case: usize, ms: f64, result: &ExecuteResult) -> Self {
        let process = result.process();
        Self {
            values: vec![(case, ms)],
            phases: phases(result),
            peak_memory_bytes: process.and_then(|process| process.peak_memory_bytes),
        }
    }
}

/// One suite in one lane.
pub(super) struct Work {
    engine: Arc<dyn Engine>,
    sessions: Arc<Sessions>,
    control: Control,
    suite: Suite,
    lane: Option<Lane>,
    code: Option<Code>,
    session: Option<SessionInfo>,
    /// When its last sample ended.
    rested: Instant,
    /// Programs that must differ have had this many.
    number: u64,
}

/// A program that was run, with times from when it was asked for, in milliseconds.
struct Ran {
    result: ExecuteResult,
    started: Option<f64>,
    first_output: Option<f64>,
    whole: f64,
    bytes: u64,
    /// Those of the first piece.
    first_bytes: u64,
}

impl Work {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        sessions: Arc<Sessions>,
        control: Control,
        suite: Suite,
        lane: Option<Lane>,
        code: Option<Code>,
    ) -> Self {
        Self {
            engine,
            sessions,
            control,
            suite,
            lane,
            code,
            session: None,
            rested: Instant::now(),
            number: 0,
        }
    }

    /// How many figures it gives.
    pub(super) fn cases(&self) -> usize {
        self.suite.cases().len()
    }

    pub(super) fn is_cold(&self) -> bool {
        self.suite.is_cold()
    }

    /// It has what a sample takes.
    pub(super) fn is_ready(&self) -> bool {
        self.session.is_some() || self.suite.is_cold() || self.suite.is_of_the_engine()
    }

    /// Begins in a new session; of a cold suite every sample does that by itself.
    pub(super) async fn launch(&mut self) -> Result<Option<Sample>, Trouble> {
        if self.suite.is_cold() || self.suite.is_of_the_engine() {
            return Ok(None);
        }
        self.end().await;
        let (session, asked) = self.sessions.create(self.lane()?).await?;
        let begun = self.begin(&session, asked).await;
        self.session = begun.is_ok().then(|| session.clone());
        if begun.is_err() {
            let _ = self.sessions.close(&session).await;
        }
        begun
    }

    /// What is done first in a new session.
    async fn begin(&self, session: &SessionInfo, asked: Instant) -> Result<Option<Sample>, Trouble> {
        match self.suite {
            Suite::Code => {
                let ran = self.run(session, self.own_code()?, asked).await.map_err(for_good)?;
                let cold = Sample::of_run(1, ran.whole, &ran.result);
                // Its time stamps are not those of a warm run.
                Ok(Some(Sample { phases: None, ..cold }))
            }
            Suite::Io => {
                for (i, size) in SIZES.iter().enumerate() {
                    self.file(session, write(&format!("io-{i}"), *size)).await?;
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Does it once.
    pub(super) async fn sample(&mut self) -> Result<Sample, Trouble> {
        self.number += 1;
        match self.suite {
            Suite::Select => self.select().await,
            Suite::Create => {
                let (session, asked) = self.sessions.create(self.lane()?).await?;
                let took = ms(asked);
                self.sessions.close(&session).await?;
                Ok(Sample::of([(0, took)]))
            }
            Suite::Oneshot => {
                let lane = self.lane()?;
                let shot = self.one_shot(lane).await?;
                self.sessions.settle(lane.runtime).await;
                Ok(Sample::of([(0, shot.first_output), (1, shot.whole)]))
            }
            Suite::Startup => self.start().await,
            Suite::Memory => self.memory().await,
            Suite::Concurrency => self.at_once().await,
            warm => {
                let session =
                    self.session.clone().ok_or_else(|| Trouble::Failed("it has no session".into()))?;
                let breath = BREATH.saturating_sub(self.rested.elapsed());
                if !matches!(warm, Suite::Files | Suite::Io) {
                    tokio::time::sleep(breath).await;
                }
                let sample = self.in_session(warm, &session).await;
                self.rested = Instant::now();
                sample
            }
        }
    }

    /// Closes its session.
    pub(super) async fn end(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = self.sessions.close(&session).await;
        }
    }

    async fn in_session(&self, suite: Suite, session: &SessionInfo) -> Result<Sample, Trouble> {
        let language = session.language;
        let code = match suite {
            Suite::Files => return self.files(session).await,
            Suite::Io => return self.io(session).await,
            Suite::Output => return self.output(session).await,
            Suite::Repl => return self.cell(session).await,
            Suite::Exec => code(programs::different(programs::hello(language), language, self.number)),
            Suite::Code => self.own_code()?,
            _ => code(programs::hello(language)),
        };
        let ran = self.run(session, code, Instant::now()).await?;
        Ok(Sample::of_run(0, ran.whole, &ran.result))
    }

    async fn select(&self) -> Result<Sample, Trouble> {
        // One elsewhere is a journey away, and that is what is measured.
        let calls = if matches!(*self.engine.link().borrow(), Link::Local) { CALLS } else { 1 };
        let mut values = Vec::new();
        let preferences = [
            RuntimePreference::Speed,
            RuntimePreference::Security,
            RuntimePreference::Memory,
            RuntimePreference::Balanced,
        ];
        // Another one begins each time: what is known of runtimes is renewed now and then.
        for at in 0..preferences.len() {
            let case = (at + self.number as usize) % preferences.len();
            let preference = preferences[case];
            let params = SelectParams {
                language: Language::JavaScript,
                runtime_preference: Some(preference),
                runtime_type: None,
            };
            let begun = Instant::now();
            for _ in 0..calls {
                black_box(self.engine.select(black_box(params.clone())).await.map_err(failed)?);
            }
            values.push((case, ms(begun) / f64::from(calls)));
        }
        Ok(Sample::of(values))
    }

    async fn one_shot(&self, lane: Lane) -> Result<Shot, Trouble> {
        let (session, asked) = self.sessions.create(lane).await?;
        let ran = self.run(&session, code(programs::hello(lane.language)), asked).await;
        let closed = self.sessions.closed(&session).await;
        let whole = ms(asked);
        let ran = ran?;
        closed?;
        let silent = || Trouble::Failed("hello printed nothing".into());
        Ok(Shot { first_output: ran.first_output.ok_or_else(silent)?, whole })
    }

    async fn start(&self) -> Result<Sample, Trouble> {
        let lane = self.lane()?;
        let (session, asked) = self.sessions.create(lane).await?;
        let ran = self.run(&session, code(programs::empty(lane.language)), asked).await;
        self.sessions.close(&session).await?;
        let unknown = || Trouble::Never("this engine does not tell when a program starts".into());
        Ok(Sample::of([(0, ran?.started.ok_or_else(unknown)?)]))
    }

    async fn memory(&self) -> Result<Sample, Trouble> {
        let lane = self.lane()?;
        let (session, asked) = self.sessions.create(lane).await?;
        let ran = self.run(&session, code(programs::empty(lane.language)), asked).await;
        let stats = self.engine.stats(&session.session_id).await;
        self.sessions.close(&session).await?;
        let ran = ran?;
        // Of the whole session where the machine counts that, else of its largest process.
        let whole = stats.ok().and_then(|stats| stats.peak_memory_bytes);
        let process = ran.result.process().and_then(|process| process.peak_memory_bytes);
        let unknown = || Trouble::Never("this engine does not tell how much memory a session has".into());
        let bytes = whole.max(process).ok_or_else(unknown)?;
        Ok(Sample { peak_memory_bytes: process, ..Sample::of([(0, bytes as f64 / 1e6)]) })
    }

    async fn at_once(&self) -> Result<Sample, Trouble> {
        let lane = self.lane()?;
        let mut values = Vec::new();
        for (level, clients) in CLIENTS.into_iter().enumerate() {
            let begun = Instant::now();
            let client = |_| async {
                let mut shots = Vec::new();
                for _ in 0..SHOTS {
                    shots.push(self.one_shot(lane).await?.whole);
                }
                Ok::<_, Trouble>(shots)
            };
            // Each to its end, also where one fails: none is dropped with a session.
            let shots = join_all((0..clients).map(client)).await;
            let seconds = ms(begun) / 1e3;
            let shots = shots.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
            values.push((level, shots.len() as f64 / seconds));
            values.extend(shots.into_iter().map(|shot| (CLIENTS.len() + level, shot)));
            self.sessions.settle(lane.runtime).await;
        }
        Ok(Sample::of(values))
    }

    async fn files(&self, session: &SessionInfo) -> Result<Sample, Trouble> {
        let commands = [
            write("notes.txt", 200),
            Command::ReadFile(ReadFile { path: "notes.txt".into(), encoding: None }),
            Command::ListDirectory(ListDirectory {
                path: ".".into(),
                recursive: false,
                max_depth: None,
                pattern: None,
                include_hidden: false,
            }),
            Command::CopyFile(CopyFile {
                source: "notes.txt".into(),
                destination: "copy.txt".into(),
                overwrite: true,
            }),
            Command::DeleteFile(DeleteFile { path: "copy.txt".into(), recursive: false }),
        ];
        let mut values = Vec::new();
        for (case, command) in commands.into_iter().enumerate() {
            values.push((case, self.file(session, command).await?));
        }
        Ok(Sample::of(values))
    }

    async fn io(&self, session: &SessionInfo) -> Result<Sample, Trouble> {
        let mut values = Vec::new();
        for (case, size) in SIZES.into_iter().enumerate() {
            let path = format!("io-{case}");
            values.push((case, self.file(session, write(&path, size)).await?));
            let read = Command::ReadFile(ReadFile { path, encoding: None });
            values.push((SIZES.len() + case, self.file(session, read).await?));
        }
        Ok(Sample::of(values))
    }

    async fn output(&self, session: &SessionInfo) -> Result<Sample, Trouble> {
        let code = code(programs::printing(session.language));
        let ran = self.run(session, code, Instant::now()).await?;
        let first = ran.first_output.ok_or_else(|| Trouble::Failed("it printed nothing".into()))?;
        // Of those that tell all of it at the end there is nothing to measure.
        if ran.first_bytes == ran.bytes {
            return Err(Trouble::Never("this engine does not tell output as it comes".into()));
        }
        if ran.bytes < programs::PRINTED as u64 {
            let why = format!("only {} of {} bytes came through", ran.bytes, programs::PRINTED);
            return Err(Trouble::Failed(why));
        }
        let seconds = (ran.whole - first) / 1e3;
        Ok(Sample {
            values: vec![(0, (ran.bytes - ran.first_bytes) as f64 / 1e6 / seconds)],
            ..Sample::of_run(0, 0.0, &ran.result)
        })
    }

    async fn cell(&self, session: &SessionInfo) -> Result<Sample, Trouble> {
        let cell = ExecuteCode { repl: true, ..code(programs::hello(session.language)) };
        // Where it is not offered there is no use in trying again.
        let ran = self.run(session, cell, Instant::now()).await.map_err(for_good)?;
        Ok(Sample::of_run(0, ran.whole, &ran.result))
    }

    /// Runs code to its end; times count from `asked`.
    async fn run(&self, session: &SessionInfo, code: ExecuteCode, asked: Instant) -> Result<Ran, Trouble> {
        let mut params = Execute::new(session.session_id.clone(), Command::ExecuteCode(code));
        // Telling of output as it comes costs something: only where that is what is measured.
        params.stream = !matches!(self.suite, Suite::Exec | Suite::Rerun | Suite::Repl | Suite::Code);
        let mut execution = self.unless_stopped(self.engine.execute(params)).await?;
        let (mut started, mut first_output, mut bytes, mut first_bytes) = (None, None, 0, 0);
        loop {
            let event = tokio::select! {
                biased;
                event = execution.next() => event,
                // Its session is closed soon, and the program with it.
                () = self.control.stopped() => return Err(Trouble::Stopped),
            };
            match event {
                Some(ExecutionEvent::Started) => started = started.or(Some(ms(asked))),
                Some(ExecutionEvent::Output { data, .. }) => {
                    if first_output.is_none() {
                        (first_output, first_bytes) = (Some(ms(asked)), data.len() as u64);
                    }
                    bytes += data.len() as u64;
                }
                Some(ExecutionEvent::Lagged { .. }) => {}
                Some(ExecutionEvent::Finished(result)) => {
                    let whole = ms(asked);
                    succeeded(&result)?;
                    return Ok(Ran { result: *result, started, first_output, whole, bytes, first_bytes });
                }
                None => return Err(Trouble::Failed("the execution ended without a result".into())),
            }
        }
    }

    /// Does a file command; gives how long it took, in milliseconds.
    async fn file(&self, session: &SessionInfo, command: Command) -> Result<f64, Trouble> {
        let params = Execute::new(session.session_id.clone(), command);
        let begun = Instant::now();
        let work = async { self.engine.execute(params).await?.finished().await };
        let result = self.unless_stopped(work).await?;
        let took = ms(begun);
        succeeded(&result).map(|()| took)
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Trouble> {
        tokio::select! {
            biased;
            done = work => done.map_err(failed),
            () = self.control.stopped() => Err(Trouble::Stopped),
        }
    }

    fn lane(&self) -> Result<Lane, Trouble> {
        self.lane.ok_or_else(|| Trouble::Never("no runtime was named".into()))
    }

    fn own_code(&self) -> Result<ExecuteCode, Trouble> {
        let own = self.code.as_ref().ok_or_else(|| Trouble::Never("no code was given".into()))?;
        Ok(ExecuteCode {
            language: Some(own.language),
            file_name: own.file_name.clone(),
            ..code(own.text.clone())
        })
    }
}

/// What a one-shot took, in milliseconds.
struct Shot {
    first_output: f64,
    whole: f64,
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn code(text: String) -> ExecuteCode {
    ExecuteCode { code: text, ..ExecuteCode::default() }
}

fn write(path: &str, size: usize) -> Command {
    Command::WriteFile(WriteFile::bytes(path, "x".repeat(size).as_bytes()))
}

fn failed(failure: Failure) -> Trouble {
    match failure.kind {
        ErrorKind::MethodNotFound => Trouble::Never(failure.to_string()),
        _ => Trouble::Failed(failure.to_string()),
    }
}

fn for_good(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Failed(why) => Trouble::Never(why),
        other => other,
    }
}

/// Error: why it failed, and the last line that it said about that.
fn succeeded(result: &ExecuteResult) -> Result<(), Trouble> {
    if result.success {
        return Ok(());
    }
    let why = result.error.as_deref().unwrap_or("it failed");
    let said = result.process().and_then(|process| told(&process.stderr));
    Err(Trouble::Failed(match said {
        Some(line) => format!("{why}: {}", line.chars().take(160).collect::<String>()),
        None => why.to_owned(),
    }))
}

/// The line of a traceback that says what was wrong: the last that names an error, or else the last.
fn told(stderr: &str) -> Option<&str> {
    let lines = || stderr.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let names =
        |line: &&str| ["rror: ", "xception: ", "panic: ", "error CS"].iter().any(|mark| line.contains(mark));
    lines().find(names).or_else(|| lines().next())
}

/// The engine's own time stamps.
fn phases(result: &ExecuteResult) -> Option<Phases> {
    // A server's words: what is no time is not one.
    result.phases.filter(|phases| phases.each().iter().all(|(_, ms)| ms.is_finite() && *ms >= 0.0))
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn of_a_traceback_the_message_is_told() {
        let node = "/workspace/x.js:1\nthrow new Error(\"x\");\n^\n\nError: x\n    at Object.<anonymous> (x.js:1:7)\n\nNode.js v20.20.2\n";
        assert_eq!(told(node), Some("Error: x"));
        let bun = "1 | throw new Error(\"no\")\n          ^\nerror: no\n      at x.js:1:7\n\nBun v1.4.5 (Linux x64)\n";
        assert_eq!(told(bun), Some("error: no"));
        let python = "Traceback (most recent call last):\n  File \"x.py\", line 1\nValueError: no good\n";
        assert_eq!(told(python), Some("ValueError: no good"));
        assert_eq!(told("one\ntwo\n\n"), Some("two"));
        assert_eq!(told("\n"), None);
    }
}
