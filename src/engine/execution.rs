//! One command from its turn to its result.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::agent::wire::{Exit, Start};
use crate::agent::{AgentError, Process, ProcessControl, ProcessEvent};
use crate::protocol::{
    Command, CommandOutput, ErrorKind, ExecuteCode, ExecuteShell, ExecutionEvent, ExecutionId, Failure,
    Language, LimitReached, OutputStream, ProcessResult, WriteFile,
};

use super::files;
use super::runtime::{CodeFile, Step};
use super::session::Session;

/// How much longer than a command's own time-out its agent may take to end it, before it counts as hung.
const GRACE: Duration = Duration::from_secs(5);
/// How long a killed program may take to be gone, before its agent counts as hung.
const KILL_TIME: Duration = Duration::from_secs(3);
const SIGKILL: i32 = 9;
/// The name of code that has none, without the extension.
const SNIPPET: &str = "snippet";
/// Where compiled programs go, from the workspace.
const BUILD: &str = ".codebeaker";

/// A command on its way.
pub struct Job {
    pub id: ExecutionId,
    pub command: Command,
    pub timeout: Option<Duration>,
    pub stream: bool,
    pub interactive: bool,
    pub events: mpsc::Sender<ExecutionEvent>,
    /// Room for the result, so that it arrives however slow its reader is.
    pub result: mpsc::OwnedPermit<ExecutionEvent>,
    pub asked: Instant,
    /// Tells those who feed or signal it where it is.
    pub phase: watch::Sender<Phase>,
    /// It is not to be started any more.
    pub cancelled: CancellationToken,
    /// It was sent the signal that nothing survives.
    pub killed: CancellationToken,
    /// It does not wait for the session's other commands.
    pub concurrent: bool,
}

/// Where an execution is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// No program runs for it: its turn has not come, or it is between two steps, or it is a file command.
    Waiting,
    /// A step before the last runs: a compiler, which reads no input.
    Preparing(ProcessControl),
    /// Its program runs.
    Running {
        /// To reach it.
        control: ProcessControl,
        /// Its standard input comes from outside.
        input: bool,
    },
    /// It is over, or was never a program.
    Over,
}

/// What came of a command: what it gave, and why it is no success.
pub struct Outcome {
    pub output: Option<CommandOutput>,
    pub error: Option<String>,
    /// The agent no longer answers: the session is lost, but what is known of the program is told.
    pub hung: bool,
}

impl Outcome {
    fn failed(error: impl Into<String>) -> Self {
        Self { output: None, error: Some(error.into()), hung: false }
    }

    /// Of a session that can't be used (any more).
    pub fn unusable(failure: Failure) -> Self {
        Self::failed(failure.message)
    }

    /// Of what was interrupted too early to have done anything.
    pub fn cancelled() -> Self {
        Self::failed("cancelled before it was started")
    }
}

impl From<Result<CommandOutput, String>> for Outcome {
    fn from(result: Result<CommandOutput, String>) -> Self {
        match result {
            Ok(output) => Self { output: Some(output), error: None, hung: false },
            Err(error) => Self::failed(error),
        }
    }
}

/// Does what a job asks. Error: the environment is gone or hung.
pub async fn perform(session: &Session, job: &Job, kept: usize) -> Result<Outcome, Failure> {
    let gone = |e: AgentError| Failure::new(ErrorKind::SessionClosed, e.to_string(), "create a new session");
    let prepared = tokio::select! {
        prepared = prepare(session, job) => prepared.map_err(gone)?,
        () = job.cancelled.cancelled() => return Ok(Outcome::cancelled()),
    };
    match prepared {
        Prepared::Done(outcome) => Ok(outcome),
        Prepared::Steps(shell, steps) => {
            Program { session, job, shell: &shell, kept }.run(steps).await.map_err(gone)
        }
    }
}

/// What is left to do of a command.
enum Prepared<'a> {
    Done(Outcome),
    Steps(Cow<'a, ExecuteShell>, Vec<Step>),
}

/// Everything but programs: those can be signalled, the rest is just broken off.
async fn prepare<'a>(session: &Session, job: &'a Job) -> Result<Prepared<'a>, AgentError> {
    Ok(match &job.command {
        Command::ExecuteShell(shell) => {
            let argv =
                std::iter::once(shell.command_name.clone()).chain(shell.args.iter().cloned()).collect();
            match session.runtime.call(&session.context, argv).await {
                Ok(argv) => {
                    let step = Step { argv, env: shell.env.clone(), quiet: false };
                    Prepared::Steps(Cow::Borrowed(shell), vec![step])
                }
                Err(failure) => Prepared::Done(Outcome::failed(failure.to_string())),
            }
        }
        Command::ExecuteCode(code) => match prepare_code(session, job, code).await? {
            Ok(steps) => {
                let shell = ExecuteShell { stdin: code.stdin.clone(), ..ExecuteShell::default() };
                Prepared::Steps(Cow::Owned(shell), steps)
            }
            Err(error) => Prepared::Done(Outcome::failed(error)),
        },
        file_command => {
            let _ = job.events.send(ExecutionEvent::Started).await;
            Prepared::Done(files::perform(&session.agent, file_command).await?.into())
        }
    })
}

/// Writes the code to its file; gives the steps that run it, or why it can't be run.
async fn prepare_code(
    session: &Session,
    job: &Job,
    code: &ExecuteCode,
) -> Result<Result<Vec<Step>, String>, AgentError> {
    if code.repl {
        return Ok(Err("repl is not offered by this runtime: leave it out".into()));
    }
    let language = code.language.unwrap_or(session.language);
    // What runs at the same time has files of its own.
    let own = job.concurrent.then(|| job.id.short());
    let snippet = own.map_or_else(|| SNIPPET.to_owned(), |own| format!("{SNIPPET}-{own}"));
    let path = file_name(code.file_name.as_deref().unwrap_or(&snippet), language);
    let build = own.map_or_else(|| BUILD.to_owned(), |own| format!("{BUILD}/{own}"));
    let write = WriteFile::bytes(path.clone(), code.code.as_bytes());
    if let Err(error) = files::write(&session.agent, &write).await? {
        return Ok(Err(error));
    }
    let file = CodeFile { path, language, args: code.args.clone(), build };
    Ok(session.runtime.plan(&session.context, file).await.map_err(|failure| failure.to_string()))
}

/// A name that interpreters take for a file of this language: not for an option, nor for another language.
fn file_name(wanted: &str, language: Language) -> String {
    let extension = Path::new(wanted).extension().and_then(|e| e.to_str());
    // Python alone takes any name; it is the one that messages have.
    let fits = language == Language::Python && !wanted.starts_with(SNIPPET)
        || extension.and_then(Language::from_extension) == Some(language);
    let front = if wanted.starts_with(['-', '@']) { "./" } else { "" };
    let name = if language == Language::Go { go_file_name(wanted) } else { wanted.to_owned() };
    if fits { format!("{front}{name}") } else { format!("{front}{name}.{}", language.extension()) }
}

/// Go builds no file that is called a test, nor one that begins with an @.
fn go_file_name(wanted: &str) -> String {
    let name = wanted.trim_start_matches('@');
    name.strip_suffix("_test.go").map_or_else(|| name.to_owned(), |rest| format!("{rest}_test_.go"))
}

/// A command that starts programs.
struct Program<'a> {
    session: &'a Session,
    job: &'a Job,
    shell: &'a ExecuteShell,
    kept: usize,
}

/// What a program wrote, as far as it is kept.
#[derive(Default)]
struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    truncated: bool,
}

impl Output {
    fn keep(&mut self, stream: OutputStream, data: &[u8], most: usize) {
        let kept = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        let room = most.saturating_sub(kept.len());
        self.truncated |= data.len() > room;
        kept.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// Where it was cut within a character, that goes too: text stays text.
    fn end_at_a_character(&mut self) {
        if !self.truncated {
            return;
        }
        for kept in [&mut self.stdout, &mut self.stderr] {
            if let Err(e) = std::str::from_utf8(kept)
                && e.error_len().is_none()
            {
                kept.truncate(e.valid_up_to());
            }
        }
    }
}

impl Program<'_> {
    async fn run(self, steps: Vec<Step>) -> Result<Outcome, AgentError> {
        let began = Instant::now();
        let mut total = Exit::default();
        let mut output = Output::default();
        let last = steps.len().saturating_sub(1);
        for (index, step) in steps.into_iter().enumerate() {
            if self.job.cancelled.is_cancelled() {
                return Ok(Outcome::cancelled());
            }
            let left =
                self.job.timeout.map(|t| t.saturating_sub(began.elapsed()).max(Duration::from_millis(1)));
            output = Output::default();
            let mut hung = false;
            let exit = match self.step(&step, left, &mut output).await {
                Ok(exit) => exit,
                Err(AgentError::Silent) => {
                    hung = true;
                    self.presumed_end(left)
                }
                Err(AgentError::Refused { errno, message }) => {
                    return Ok(self.not_started(&step, errno, &message));
                }
                Err(e) => return Err(e),
            };
            total = Exit {
                wall_us: total.wall_us + exit.wall_us,
                cpu_us: total.cpu_us + exit.cpu_us,
                peak_bytes: total.peak_bytes.max(exit.peak_bytes),
                ..exit
            };
            let failed = exit.code != 0 || exit.signal != 0 || exit.timed_out;
            if failed && step.quiet {
                self.forward(OutputStream::Stdout, output.stdout.clone().into()).await;
                self.forward(OutputStream::Stderr, output.stderr.clone().into()).await;
            }
            if hung {
                return Ok(Outcome { hung, ..self.outcome(total, output) });
            }
            if failed || index == last {
                break;
            }
        }
        Ok(self.outcome(total, output))
    }

    /// Runs one program to its end.
    async fn step(
        &self,
        step: &Step,
        timeout: Option<Duration>,
        output: &mut Output,
    ) -> Result<Exit, AgentError> {
        let (mut process, control) = self.session.agent.start(self.start(step, timeout)).await?;
        self.job.phase.send_replace(if step.quiet {
            Phase::Preparing(control.clone())
        } else {
            let input = self.job.interactive || self.shell.pty.is_some();
            Phase::Running { control: control.clone(), input }
        });
        if self.job.cancelled.is_cancelled() {
            // Interrupted while it was being started: whoever did that has seen no program yet.
            control.signal(SIGKILL).await?;
        }
        let stdin = self.shell.stdin.clone().filter(|_| !step.quiet);
        let _feeding = stdin.map(|text| {
            AbortOnDropHandle::new(tokio::spawn(async move {
                // A program that reads less than it is given is no failure.
                if matches!(control.feed(text.as_bytes()).await, Ok(true)) {
                    let _ = control.end_input().await;
                }
            }))
        });
        let ended = self.follow(step, timeout, &mut process, output).await;
        self.job.phase.send_replace(Phase::Waiting);
        ended
    }

    async fn follow(
        &self,
        step: &Step,
        timeout: Option<Duration>,
        process: &mut Process,
        output: &mut Output,
    ) -> Result<Exit, AgentError> {
        let deadline = timeout.map(|t| tokio::time::Instant::now() + t);
        // Of a program that is quicker than its supervisor, output comes first: that it runs is told before.
        let mut told = step.quiet;
        loop {
            let next = process.next();
            // Counted anew each time: a reader who was slow to take the output says nothing about the agent.
            let overdue = async {
                match deadline.map(|at| at.max(tokio::time::Instant::now()) + GRACE) {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                biased;
                event = next => event?,
                () = overdue => return Err(AgentError::Silent),
                () = self.still_there() => return Err(AgentError::Silent),
            };
            if !std::mem::replace(&mut told, true) {
                let _ = self.job.events.send(ExecutionEvent::Started).await;
            }
            let (stream, data) = match event {
                ProcessEvent::Started => continue,
                ProcessEvent::Stdout(data) => (OutputStream::Stdout, data),
                ProcessEvent::Stderr(data) => (OutputStream::Stderr, data),
                ProcessEvent::Exited(exit) => return Ok(exit),
            };
            output.keep(stream, &data, self.kept);
            if !step.quiet {
                self.forward(stream, data).await;
            }
        }
    }

    /// Waits for longer than a killed program may be there; without a kill, for ever.
    async fn still_there(&self) {
        self.job.killed.cancelled().await;
        tokio::time::sleep(KILL_TIME).await;
    }

    /// The end of a program whose agent doesn't tell: it is killed with it.
    fn presumed_end(&self, timeout: Option<Duration>) -> Exit {
        let killed = self.job.killed.is_cancelled();
        Exit { signal: SIGKILL, timed_out: timeout.is_some() && !killed, ..Exit::default() }
    }

    /// Passes output on; waits while whoever asked for it is slower. One who is gone misses it.
    async fn forward(&self, stream: OutputStream, data: Bytes) {
        if self.job.stream && !data.is_empty() {
            let _ = self.job.events.send(ExecutionEvent::Output { stream, data }).await;
        }
    }

    fn start(&self, step: &Step, timeout: Option<Duration>) -> Start {
        let mut variables = self.session.variables.clone();
        // Colours are for terminals; some programs write them into pipes too unless they are told.
        let (name, value) =
            if self.shell.pty.is_some() { ("TERM", "xterm-256color") } else { ("NO_COLOR", "1") };
        variables.insert(name.into(), value.into());
        variables.extend(step.env.clone());
        variables.extend(self.shell.env.clone());
        Start {
            argv: step.argv.iter().map(|a| a.clone().into_bytes()).collect(),
            env: variables.into_iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect(),
            cwd: self.shell.working_directory.clone().unwrap_or_default().into_bytes(),
            stdin: !step.quiet
                && (self.job.interactive || self.shell.stdin.is_some() || self.shell.pty.is_some()),
            pty: self.shell.pty.map_or((0, 0), |size| (size.rows.max(1), size.cols.max(1))),
            timeout_ms: timeout.map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX).max(1)),
            cpu_seconds: self.session.limits.cpu_seconds.unwrap_or(0),
        }
    }

    /// As a shell has it: 127 for a program that isn't there, 126 for one that can't be run.
    fn not_started(&self, step: &Step, errno: i32, message: &str) -> Outcome {
        const ENOENT: i32 = 2;
        let name = step.argv.first().map_or("", String::as_str);
        let (exit_code, error) = match message.strip_prefix(crate::agent::wire::CWD_FAILED) {
            Some(reason) => {
                let directory = self.shell.working_directory.as_deref().unwrap_or_default();
                (126, format!("the working directory {directory} can't be used: {reason}"))
            }
            None if errno == ENOENT => (127, format!("{name}: command not found")),
            None => (126, format!("{name} can't be started: {message}")),
        };
        let process = ProcessResult { exit_code, ..ProcessResult::default() };
        Outcome { output: Some(CommandOutput::Process(process)), error: Some(error), hung: false }
    }

    fn outcome(&self, exit: Exit, mut output: Output) -> Outcome {
        output.end_at_a_character();
        let limit = self.limit_reached(&exit);
        let error = if let Some(limit) = &limit {
            Some(format!("stopped: its limit of {} was reached ({})", limit.value, limit.name))
        } else if exit.signal != 0 {
            Some(format!("ended by {}", signal_name(exit.signal)))
        } else if exit.code != 0 {
            Some(format!("exited with code {}", exit.code))
        } else {
            None
        };
        let stdout_base64 = std::str::from_utf8(&output.stdout)
            .is_err()
            .then(|| base64::engine::general_purpose::STANDARD.encode(&output.stdout));
        let process = ProcessResult {
            exit_code: match exit {
                Exit { timed_out: true, .. } => 124,
                Exit { signal: 0, code, .. } => code,
                Exit { signal, .. } => 128 + signal,
            },
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            duration_ms: u32::try_from(exit.wall_us / 1000).unwrap_or(i32::MAX as u32),
            truncated: output.truncated,
            signal: (exit.signal != 0).then(|| signal_name(exit.signal)),
            timed_out: exit.timed_out,
            limit,
            // A supervisor that was killed has told nothing.
            peak_memory_bytes: (exit.peak_bytes > 0).then_some(exit.peak_bytes),
            cpu_ms: (exit.peak_bytes > 0).then_some(exit.cpu_us / 1000),
            stdout_base64,
        };
        Outcome { output: Some(CommandOutput::Process(process)), error, hung: false }
    }

    fn limit_reached(&self, exit: &Exit) -> Option<LimitReached> {
        const SIGXCPU: i32 = 24;
        const SIGXFSZ: i32 = 25;
        let limits = &self.session.limits;
        let (name, value) = match exit {
            Exit { timed_out: true, .. } => ("time", seconds(self.job.timeout?)),
            Exit { signal: SIGXCPU, .. } => ("cpu", format!("{} s of processor time", limits.cpu_seconds?)),
            Exit { signal: SIGXFSZ, .. } => {
                ("fileSize", format!("{} MB for one file", limits.file_size_bytes? / (1024 * 1024)))
            }
            _ => return None,
        };
        Some(LimitReached { name: name.into(), value })
    }
}

fn seconds(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    match s {
        s if s < 1.0 => format!("{} ms", duration.as_millis()),
        s if s.fract() == 0.0 => format!("{s:.0} s"),
        s => format!("{s:.1} s"),
    }
}

fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        other => return format!("signal {other}"),
    };
    format!("SIG{name}")
}
