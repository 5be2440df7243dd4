//! One command from its turn to its result.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::agent::wire::{Exit, Limit, Start};
use crate::agent::{AgentError, Process, ProcessControl, ProcessEvent};
use crate::protocol::{
    Command, ErrorKind, ExecuteCode, ExecuteShell, ExecutionEvent, ExecutionId, Failure, InstallPackages,
    Language, OutputStream, WriteFile,
};

use super::files;
use super::limits::{Gauge, Held};
use super::outcome::{Outcome, Output, Ran};
use super::runtime::{CodeFile, Step};
use super::session::Session;

/// How much longer than a command's own time-out its agent may take to end it, before it counts as hung.
const GRACE: Duration = Duration::from_secs(5);
/// How long a killed program may take to be gone, before its agent counts as hung.
const KILL_TIME: Duration = Duration::from_secs(3);
/// How long a program may be quiet before its agent is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(10);
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

/// Does what a job asks. Error: the environment is gone or hung.
pub async fn perform(session: &Session, job: &Job) -> Result<Outcome, Failure> {
    let gone = |e: AgentError| Failure::new(ErrorKind::SessionClosed, e.to_string(), "create a new session");
    let prepared = tokio::select! {
        prepared = prepare(session, job) => prepared.map_err(gone)?,
        () = job.cancelled.cancelled() => return Ok(Outcome::cancelled()),
    };
    match prepared {
        Prepared::Done(outcome) => Ok(outcome),
        Prepared::Steps(shell, steps) => {
            // Of one that keeps nothing, only what is passed on is seen.
            let kept = usize::try_from(session.limits.output_bytes.unwrap_or(0)).unwrap_or(usize::MAX);
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
                let shell =
                    ExecuteShell { stdin: code.stdin.clone(), pty: code.pty, ..ExecuteShell::default() };
                Prepared::Steps(Cow::Owned(shell), steps)
            }
            Err(error) => Prepared::Done(Outcome::failed(error)),
        },
        Command::InstallPackages(wanted) => match install(session, wanted).await {
            Ok(steps) => Prepared::Steps(Cow::Owned(ExecuteShell::default()), steps),
            Err(error) => Prepared::Done(Outcome::failed(error)),
        },
        file_command => {
            let _ = job.events.send(ExecutionEvent::Started).await;
            Prepared::Done(files::perform(&session.agent, file_command).await?.into())
        }
    })
}

/// The steps that install packages, or why they can't be.
async fn install(session: &Session, wanted: &InstallPackages) -> Result<Vec<Step>, String> {
    if !session.context.network {
        return Err(
            "packages come over the network, which this session has not: create one with network".into()
        );
    }
    let steps = session.runtime.install(&session.context, session.language, wanted).await;
    steps.map_err(|failure| match failure.hint.as_str() {
        "" => failure.message,
        hint => format!("{}: {hint}", failure.message),
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

impl Program<'_> {
    async fn run(self, steps: Vec<Step>) -> Result<Outcome, AgentError> {
        let began = Instant::now();
        let mut total = Exit::default();
        let mut output = Output::default();
        let mut ran = None;
        let last = steps.len().saturating_sub(1);
        for (index, step) in steps.into_iter().enumerate() {
            if self.job.cancelled.is_cancelled() {
                return Ok(Outcome::cancelled());
            }
            let left =
                self.job.timeout.map(|t| t.saturating_sub(began.elapsed()).max(Duration::from_millis(1)));
            output = Output::default();
            let Ended { exit, hung, ran: step_ran } = match self.step(&step, left, &mut output).await {
                Ok(ended) => ended,
                Err(AgentError::Refused { errno, message }) => {
                    return Ok(self.not_started(&step, errno, &message));
                }
                Err(e) => return Err(e),
            };
            total = Exit {
                wall_us: total.wall_us.saturating_add(exit.wall_us),
                cpu_us: total.cpu_us.saturating_add(exit.cpu_us),
                peak_bytes: total.peak_bytes.max(exit.peak_bytes),
                ..exit
            };
            let failed = exit.code != 0 || exit.signal != 0 || exit.timed_out || exit.limit.is_some();
            // A compiler's run is on the way to the program; where it fails there is none.
            ran = if step.quiet { failed.then(Ran::never) } else { step_ran };
            if failed && step.quiet {
                self.forward(OutputStream::Stdout, output.stdout.clone().into()).await;
                self.forward(OutputStream::Stderr, output.stderr.clone().into()).await;
            }
            if hung {
                return Ok(self.hung(total, output));
            }
            if failed || index == last {
                break;
            }
        }
        Ok(Outcome { ran, ..self.outcome(total, output).await })
    }

    /// Runs one program to its end.
    async fn step(
        &self,
        step: &Step,
        timeout: Option<Duration>,
        output: &mut Output,
    ) -> Result<Ended, AgentError> {
        let gauge = Gauge::new(self.session.meter.clone());
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
        let _feeding = self.feed(step, &control);
        let deadline = timeout.map(|t| tokio::time::Instant::now() + t);
        let stopped = CancellationToken::new();
        let ended = tokio::select! {
            biased;
            never = stop_at_a_limit(&gauge, &control, &stopped) => match never {},
            ended = self.follow(step, deadline, &stopped, &mut process, output) => ended,
        };
        self.job.phase.send_replace(Phase::Waiting);
        let (exit, hung, ran) = match ended {
            Ok((exit, heard)) => {
                let took = Duration::from_micros(exit.wall_us);
                (exit, false, Some(Ran::new(heard, Instant::now(), took)))
            }
            Err(AgentError::Silent) => (self.presumed_end(deadline, &stopped), true, None),
            Err(e) => return Err(e),
        };
        // Once more: the program may have been quicker than the look at it.
        Ok(Ended { exit: Exit { limit: exit.limit.or_else(|| gauge.reached()), ..exit }, hung, ran })
    }

    /// Feeds a program the input that came with the command, for as long as what is given back is held.
    fn feed(&self, step: &Step, control: &ProcessControl) -> Option<AbortOnDropHandle<()>> {
        let text = self.shell.stdin.clone().filter(|_| !step.quiet)?;
        let control = control.clone();
        Some(AbortOnDropHandle::new(tokio::spawn(async move {
            // A program that reads less than it is given is no failure.
            if matches!(control.feed(text.as_bytes()).await, Ok(true)) {
                let _ = control.end_input().await;
            }
        })))
    }

    /// Follows a program to its end; gives also when the first was heard of it.
    async fn follow(
        &self,
        step: &Step,
        deadline: Option<tokio::time::Instant>,
        stopped: &CancellationToken,
        process: &mut Process,
        output: &mut Output,
    ) -> Result<(Exit, Instant), AgentError> {
        let mut heard = None;
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
                () = self.still_there(stopped) => return Err(AgentError::Silent),
                error = self.silence() => return Err(error),
            };
            let heard = *heard.get_or_insert_with(Instant::now);
            if !std::mem::replace(&mut told, true) {
                let _ = self.job.events.send(ExecutionEvent::Started).await;
            }
            let (stream, data) = match event {
                ProcessEvent::Started => continue,
                ProcessEvent::Stdout(data) => (OutputStream::Stdout, data),
                ProcessEvent::Stderr(data) => (OutputStream::Stderr, data),
                ProcessEvent::Exited(exit) => return Ok((exit, heard)),
            };
            output.keep(stream, &data, self.kept);
            if !step.quiet {
                self.forward(stream, data).await;
            }
        }
    }

    /// Waits for longer than a killed program may be there; without a kill, for ever.
    async fn still_there(&self, stopped: &CancellationToken) {
        tokio::select! {
            () = self.job.killed.cancelled() => {}
            () = stopped.cancelled() => {}
        }
        tokio::time::sleep(KILL_TIME).await;
    }

    /// Waits until an agent that says nothing is found to be gone or hung: gives which.
    async fn silence(&self) -> AgentError {
        loop {
            tokio::time::sleep(QUIET).await;
            if let Err(error) = self.session.agent.alive().await {
                return error;
            }
        }
    }

    /// The end of a program whose agent doesn't tell: it is killed with it.
    fn presumed_end(&self, deadline: Option<tokio::time::Instant>, stopped: &CancellationToken) -> Exit {
        let killed = self.job.killed.is_cancelled() || stopped.is_cancelled();
        let late = deadline.is_some_and(|at| at <= tokio::time::Instant::now());
        Exit { signal: SIGKILL, timed_out: late && !killed, ..Exit::default() }
    }

    /// Passes output on; waits while whoever asked for it is slower. One who is gone misses it.
    async fn forward(&self, stream: OutputStream, data: Bytes) {
        if self.job.stream && !data.is_empty() {
            let _ = self.job.events.send(ExecutionEvent::Output { stream, data }).await;
        }
    }

    fn start(&self, step: &Step, timeout: Option<Duration>) -> Start {
        let mut variables = self.session.variables.clone();
        // A compiler writes for whoever asked for the program, not into its terminal.
        let terminal = self.shell.pty.filter(|_| !step.quiet);
        // Colours are for terminals; some programs write them into pipes too unless they are told.
        let (name, value) = if terminal.is_some() { ("TERM", "xterm-256color") } else { ("NO_COLOR", "1") };
        variables.insert(name.into(), value.into());
        variables.extend(step.env.clone());
        variables.extend(self.shell.env.clone());
        Start {
            argv: step.argv.iter().map(|a| a.clone().into_bytes()).collect(),
            env: variables.into_iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect(),
            cwd: self.shell.working_directory.clone().unwrap_or_default().into_bytes(),
            stdin: !step.quiet && (self.job.interactive || self.shell.stdin.is_some() || terminal.is_some()),
            pty: terminal.map_or((0, 0), |size| (size.rows.max(1), size.cols.max(1))),
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
        Outcome::not_started(exit_code, error)
    }

    async fn outcome(&self, exit: Exit, output: Output) -> Outcome {
        let workspace = match exit.limit {
            Some(Limit::Storage) => self.session.agent.measure().await.ok(),
            _ => None,
        };
        Outcome::of_program(exit, output, self.held(workspace).reached(&exit))
    }

    /// Of a program whose agent does not answer any more: why, unless something else had ended it.
    fn hung(&self, exit: Exit, output: Output) -> Outcome {
        let limit = self.held(None).reached(&exit);
        let ended = limit.is_some() || self.job.killed.is_cancelled();
        let outcome = Outcome::of_program(exit, output, limit);
        let error = if ended { outcome.error } else { Some(AgentError::Silent.to_string()) };
        Outcome { hung: true, error, ..outcome }
    }

    fn held(&self, workspace: Option<(u64, u64)>) -> Held<'_> {
        Held {
            limits: &self.session.limits,
            memory_mb: self.session.config.memory_limit_mb,
            timeout: self.job.timeout,
            workspace,
        }
    }
}

/// How a program ended.
struct Ended {
    exit: Exit,
    /// Its agent has not told: this is what is presumed.
    hung: bool,
    ran: Option<Ran>,
}

/// Kills a program when the kernel has held its session to a limit, and says so through `stopped`.
async fn stop_at_a_limit(
    gauge: &Gauge,
    control: &ProcessControl,
    stopped: &CancellationToken,
) -> std::convert::Infallible {
    gauge.overrun().await;
    stopped.cancel();
    // Where that can't be sent the agent is gone, and with it the program.
    let _ = control.signal(SIGKILL).await;
    std::future::pending().await
}
