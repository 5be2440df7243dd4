//! `codebeaker run`: one program in a session of its own; its output, its input, its signals and its exit code pass
//! through.

mod passing;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::config::LimitSettings;
use crate::engine::{Engine, Execution, InterruptTarget, Link, system_words};
use crate::protocol::{
    Command, CreateSession, ErrorKind, Execute, ExecuteCode, ExecuteResult, ExecutionEvent, ExecutionId,
    Failure, IsolationReport, Language, LimitReached, OutputStream, Provision, RuntimeType, SessionInfo,
    Signal,
};

use super::args;
use super::bar;
use super::connect::Reached;
use super::exit::{self, Problem};
use super::setup;
use super::signals::Signals;
use super::surroundings::Surroundings;
use passing::{Passing, feed};

/// The longest program text taken.
const MAX_CODE: u64 = 16 << 20;
/// How long a session that nobody wants any more may take to be made, so that it can be removed.
const LATE_SESSION: Duration = Duration::from_secs(10);
/// How long a lost link may stay down before a run gives up.
const LINK_PATIENCE: Duration = Duration::from_secs(300);
/// What to do about a program whose end is not known.
const LOOK_THERE: &str = "codebeaker sessions list --attach URL tells what is there; or run it again";
/// The exit code of a program that wrote to a pipe which nobody reads: 128 and SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// Runs a file. With `--json` what keeps it from being run is an object too.
pub async fn run(args: args::Run) -> Result<ExitCode, Problem> {
    let json = args.json;
    let outcome = run_file(args).await;
    if let (true, Err(problem)) = (json, &outcome) {
        problem.print()?;
    }
    outcome
}

async fn run_file(args: args::Run) -> Result<ExitCode, Problem> {
    let (code, name) = read_code(&args.file).await?;
    let language = args.language.map_or_else(|| guess(&args.file, &code), Ok)?;
    let surroundings = Surroundings::read()?.for_one_session();
    surroundings.warn();
    let mut signals = Signals::listen()?;
    let reached = tokio::select! {
        biased;
        signal = signals.next() => return stopped(signal, args.json),
        reached = Reached::at(args.attach.as_deref(), &surroundings) => reached?,
    };
    let (gave_up, left) = (CancellationToken::new(), CancellationToken::new());
    let (engine, attached) = (reached.engine.clone(), reached.attached);
    let run = Run { args: &args, engine, attached, surroundings: &surroundings, gave_up, left };
    let session = run.session(language);
    tokio::pin!(session);
    let prepared = tokio::select! {
        biased;
        signal = signals.next() => {
            // A server makes it all the same: it is not to be left there.
            if let (true, Ok(Ok(made))) = (attached, tokio::time::timeout(LATE_SESSION, session.as_mut()).await) {
                run.remove(&made).await;
            }
            Err(signal)
        }
        session = &mut session => Ok(session),
    };
    let outcome = match prepared {
        Ok(Ok(session)) => {
            let outcome = run.execute(&session, code, name, signals).await;
            if attached {
                run.remove(&session).await;
            }
            outcome
        }
        Ok(Err(problem)) => Err(problem),
        Err(signal) => stopped(signal, args.json),
    };
    reached.end().await;
    outcome
}

/// A signal came before there was a program to pass it on to.
fn stopped(signal: Signal, json: bool) -> Result<ExitCode, Problem> {
    let stopped = Problem::new("stopped before the program was started", "");
    exit::say(&stopped);
    if json {
        stopped.print()?;
    }
    Ok(exit::code(128 + signal.number()))
}

/// The program text and the name it has, where it has one.
pub(super) async fn read_code(file: &Path) -> Result<(String, Option<String>), Problem> {
    let from_stdin = file == Path::new("-");
    let shown = if from_stdin { "standard input".into() } else { file.display().to_string() };
    let problem = |e: std::io::Error| {
        let next = match e.kind() {
            std::io::ErrorKind::NotFound => "check the name, or use - for code from standard input",
            _ => "choose another file",
        };
        Problem::new(format!("{shown} can't be read: {}", system_words(&e)), next)
    };
    let mut bytes = Vec::new();
    if from_stdin {
        if std::io::stdin().is_terminal() {
            exit::say("type the program, then Ctrl-D");
        }
        tokio::io::stdin().take(MAX_CODE + 1).read_to_end(&mut bytes).await.map_err(problem)?;
    } else {
        let file = tokio::fs::File::open(file).await.map_err(problem)?;
        if file.metadata().await.map_err(problem)?.is_dir() {
            return Err(Problem::new(format!("{shown} is a directory"), "name a file in it"));
        }
        file.take(MAX_CODE + 1).read_to_end(&mut bytes).await.map_err(problem)?;
    }
    if bytes.len() as u64 > MAX_CODE {
        let next = "put the data that it holds into a file of its own";
        return Err(Problem::new(format!("{shown} has more than {} MB", MAX_CODE >> 20), next));
    }
    let code = String::from_utf8(bytes)
        .map_err(|_| Problem::new(format!("{shown} is not UTF-8 text"), "only source code can be run"))?;
    let name = if from_stdin { None } else { file.file_name().map(|n| n.to_string_lossy().into_owned()) };
    Ok((code, name))
}

/// The language that a file's extension or its first line tells.
pub(super) fn guess(file: &Path, code: &str) -> Result<Language, Problem> {
    let by_extension = file.extension().and_then(|e| e.to_str()).and_then(Language::from_extension);
    by_extension.or_else(|| Language::from_shebang(code.lines().next().unwrap_or_default())).ok_or_else(
        || {
            Problem::new(
                format!(
                    "what language {} is in can't be told from its name or its first line",
                    file.display()
                ),
                "add --language python, javascript, typescript, go or csharp",
            )
        },
    )
}

struct Run<'a> {
    args: &'a args::Run,
    engine: Arc<dyn Engine>,
    /// It is a server's.
    attached: bool,
    surroundings: &'a Surroundings,
    /// The person doesn't want to see any more of it.
    gave_up: CancellationToken,
    /// The person wants to go, and the program can't be told.
    left: CancellationToken,
}

impl Run<'_> {
    /// Removes what this run had on a server; in this process it goes with the engine.
    async fn remove(&self, session: &SessionInfo) {
        if let Err(failure) = self.engine.close_session(&session.session_id).await {
            exit::say(format_args!("note: session {} may be left there: {failure}", session.session_id));
        }
    }

    async fn execute(
        &self,
        session: &SessionInfo,
        code: String,
        name: Option<String>,
        signals: Signals,
    ) -> Result<ExitCode, Problem> {
        let code =
            ExecuteCode { code, args: self.args.args.clone(), file_name: name, ..ExecuteCode::default() };
        let id = ExecutionId::random();
        let execute = Execute {
            timeout_ms: self.args.timeout.map(|t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX)),
            stream: !self.args.json,
            // Code that came through standard input has left nothing of it for the program.
            interactive: self.args.file != Path::new("-"),
            execution_id: Some(id.clone()),
            ..Execute::new(session.session_id.clone(), Command::ExecuteCode(code))
        };
        let execution = self.engine.execute(execute).await?;
        let interactive = self.args.file != Path::new("-");
        let _feeding =
            interactive.then(|| AbortOnDropHandle::new(tokio::spawn(feed(self.engine.clone(), id.clone()))));
        let passed = Arc::new(AtomicI32::new(0));
        let passing = Passing {
            engine: self.engine.clone(),
            execution: id.clone(),
            session: session.session_id.clone(),
            gave_up: self.gave_up.clone(),
            left: self.left.clone(),
            passed: passed.clone(),
        };
        let _passing = AbortOnDropHandle::new(tokio::spawn(passing.pass(signals)));
        let followed = tokio::select! {
            followed = self.follow(execution, id) => followed?,
            () = self.left.cancelled() => {
                exit::say("the program may still run there");
                return Ok(exit::code(128 + passed.load(Ordering::SeqCst)));
            }
            () = self.lost_for_good() => {
                let message = "the link does not come back: how the program ended is not known";
                return Err(Problem::new(message, LOOK_THERE));
            }
        };
        let Some(result) = followed else { return Ok(exit::code(BROKEN_PIPE)) };
        if self.args.json {
            exit::print(&format!("{:#}\n", report(session, &result)))?;
        }
        match passed.load(Ordering::SeqCst) {
            // It was stopped before it was a program.
            signal if signal != 0 && result.process().is_none() => Ok(exit::code(128 + signal)),
            _ => conclude(&result, self.args, &self.surroundings.settings.limits),
        }
    }

    /// Waits until the link to a server has been down for longer than anybody waits.
    async fn lost_for_good(&self) {
        let mut link = self.engine.link();
        while link.wait_for(|link| matches!(link, Link::Down(_))).await.is_ok() {
            // What is not tried any more is not waited for.
            let settled = link.wait_for(|link| match link {
                Link::Down(lost) => lost.wait.is_none(),
                Link::Up(_) | Link::Local => true,
            });
            match tokio::time::timeout(LINK_PATIENCE, settled).await {
                Ok(Ok(link)) if !matches!(*link, Link::Down(_)) => {}
                _ => return,
            }
        }
        std::future::pending().await
    }

    fn preference(&self) -> Option<crate::protocol::RuntimePreference> {
        self.args.prefer.or_else(|| self.surroundings.settings.preference.as_deref()?.parse().ok())
    }

    /// A session for the language. One behind a weaker wall than there could be is told of, unless the settings say what
    /// is enough.
    async fn session(&self, language: Language) -> Result<SessionInfo, Problem> {
        let session = self.launched(language).await?;
        if let (Some(asked), Some(got)) = (self.args.memory, session.config.memory_limit_mb)
            && asked > got
        {
            let whose = if self.attached { "the server's " } else { "" };
            exit::say(format_args!(
                "note: {got} MB of memory is the most that {whose}[limits] memory_mb allows"
            ));
        }
        let isolation = &session.isolation;
        if !isolation.weakened.is_empty() && self.surroundings.settings.minimum_isolation.is_none() {
            let IsolationReport { score, weakened, .. } = isolation;
            exit::say(format_args!(
                "note: isolation is only {score} of 10 here ({weakened}); minimum_isolation = {score} in config.toml \
                 accepts that without a word, codebeaker doctor tells more"
            ));
        }
        Ok(session)
    }

    /// A session; what it needs and is not here is fetched first, and that is said.
    async fn launched(&self, language: Language) -> Result<SessionInfo, Problem> {
        let wanted = CreateSession {
            runtime_type: self.args.runtime,
            runtime_preference: self.preference(),
            memory_limit_mb: self.args.memory,
            network: self.args.network,
            docker_image: self.args.image.clone(),
            ..CreateSession::new(language)
        };
        match self.engine.create_session(wanted.clone()).await {
            Err(failure) if failure.kind == ErrorKind::NoRuntime => {
                if !self.fetch_what_is_missing(language, &failure).await? {
                    return Err(failure.into());
                }
                Ok(self.engine.create_session(wanted).await?)
            }
            result => Ok(result?),
        }
    }

    /// Fetches what a run of this language lacks, if that can be: Deno, Bun, or the image of its containers.
    async fn fetch_what_is_missing(&self, language: Language, failure: &Failure) -> Result<bool, Problem> {
        if let Some(image) = &self.args.image {
            if failure.hint != format!("docker pull {image}") {
                return Ok(false);
            }
            exit::say(format_args!("this run needs the image {image}, which is pulled now"));
            let docker_image = Some(image.clone());
            let wanted = Provision { docker_image, ..Provision::all(RuntimeType::Docker) };
            return self.provision(wanted).await.map(|()| true);
        }
        // Of the first two, Bun starts faster: it is what Balanced would choose.
        let all = vec![RuntimeType::Bun, RuntimeType::Deno, RuntimeType::Docker];
        for candidate in self.args.runtime.map_or(all, |asked| vec![asked]) {
            let info = self.engine.runtime(candidate, false).await?;
            let lacks = !info.available && info.languages.contains(&language)
                || info.fetchable_languages.contains(&language);
            // Fetched for nothing, if it may not be used then.
            let minimum = self.surroundings.settings.minimum_isolation;
            let too_weak = minimum.is_some_and(|minimum| info.isolation.score < minimum);
            if !info.fetchable || !lacks || too_weak {
                continue;
            }
            match setup::tool(candidate) {
                _ if self.attached => {
                    let name = candidate.short();
                    exit::say(format_args!("this run needs {name}, which the server fetches now"));
                    let language = (candidate == RuntimeType::Docker).then_some(language);
                    self.provision(Provision { language, ..Provision::all(candidate) }).await?;
                }
                Some(tool) => {
                    let why = info.reason.unwrap_or_default();
                    exit::say(format_args!("this run needs {tool}, which is fetched now ({why})"));
                    setup::fetch(tool, None, self.surroundings).await?;
                    self.engine.runtime(candidate, true).await?;
                }
                None => {
                    let title = language.title();
                    exit::say(format_args!("this run needs an image for {title}, which is built now"));
                    self.provision(Provision { language: Some(language), ..Provision::all(candidate) })
                        .await?;
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    async fn provision(&self, wanted: Provision) -> Result<(), Problem> {
        let engine = self.engine.clone();
        bar::shown(|progress| async move { engine.provision(wanted, progress).await }).await?;
        Ok(())
    }

    /// Passes output on until the result is there; `None` where nobody reads the output any more.
    async fn follow(
        &self,
        mut execution: Execution,
        id: ExecutionId,
    ) -> Result<Option<ExecuteResult>, Problem> {
        let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
        let (mut unheard, mut broken) = (false, false);
        while let Some(event) = execution.next().await {
            match event {
                ExecutionEvent::Output { stream, data } if !unheard => {
                    let written = async {
                        match stream {
                            OutputStream::Stdout => write(&mut stdout, &data).await,
                            OutputStream::Stderr => write(&mut stderr, &data).await,
                        }
                    };
                    let written = tokio::select! {
                        written = written => written,
                        // The program was killed; a reader who is stuck must not keep us.
                        () = self.gave_up.cancelled() => { unheard = true; Ok(()) }
                    };
                    let Err(e) = written else { continue };
                    self.engine.interrupt(InterruptTarget::Execution(id.clone()), Signal::Kill).await?;
                    // `| head` has seen enough: that needs no words.
                    if e.kind() != std::io::ErrorKind::BrokenPipe {
                        let message = format!("the output can't be written: {}", system_words(&e));
                        return Err(Problem::new(message, "free some space"));
                    }
                    (unheard, broken) = (true, true);
                }
                ExecutionEvent::Finished(result) => return Ok((!broken).then_some(*result)),
                ExecutionEvent::Lagged { skipped } => {
                    exit::say(format_args!("note: {skipped} bytes of output are missing here"));
                }
                ExecutionEvent::Started | ExecutionEvent::Output { .. } => {}
            }
        }
        Err(Problem::new("the run ended without a result", "see the log in the state directory"))
    }
}

async fn write(out: &mut (impl AsyncWriteExt + Unpin), data: &[u8]) -> std::io::Result<()> {
    out.write_all(data).await?;
    out.flush().await
}

/// The result, the cost, what it was held to, and why this runtime.
fn report(session: &SessionInfo, result: &ExecuteResult) -> serde_json::Value {
    json!({
        "success": result.success,
        "error": result.error,
        "result": result.result,
        "durationMs": result.duration_ms,
        "startupMs": session.startup_ms,
        "runtime": session.runtime,
        "runtimeType": session.runtime_type,
        "language": session.language,
        "isolation": session.isolation,
        "config": session.config,
        "limits": session.limits,
        "selection": session.selection,
    })
}

/// The program's exit code; what is not visible in its output is said.
fn conclude(result: &ExecuteResult, args: &args::Run, most: &LimitSettings) -> Result<ExitCode, Problem> {
    const NEXT: &str = "try it again, or with another --runtime; codebeaker doctor tells which there are";
    let error = result.error.clone().unwrap_or_default();
    let Some(process) = result.process() else {
        if args.json && !result.success {
            return Ok(exit::code(125));
        }
        let next = if result.unknown { LOOK_THERE } else { NEXT };
        return if result.success { Ok(ExitCode::SUCCESS) } else { Err(Problem::new(error, next)) };
    };
    // An exit code speaks for itself; a limit or a program that could not be started does not.
    if !args.json {
        match &process.limit {
            Some(limit) => exit::say(format_args!("{error}; raise it with {}", remedy(limit, args, most))),
            None if process.peak_memory_bytes.is_none() && !result.success => exit::say(error),
            None => {}
        }
    }
    Ok(exit::code(process.exit_code))
}

/// What raises a limit: the argument that has lowered it, or else its setting.
fn remedy(limit: &LimitReached, args: &args::Run, most: &LimitSettings) -> String {
    let most_time = most.timeout_seconds.map(Duration::from_secs);
    let key = match limit.name.as_str() {
        "time" if args.timeout.is_some_and(|time| most_time.is_none_or(|most| time <= most)) => {
            return "--timeout".into();
        }
        "memory" if args.memory.is_some_and(|mb| limit.value == format!("{mb} MB of memory")) => {
            return "--memory".into();
        }
        "time" => "timeout_seconds",
        "cpu" => "cpu_seconds",
        "fileSize" => "file_size_mb",
        "memory" => "memory_mb",
        "workspace" if limit.value.contains("files") => "workspace_files",
        // Files live in memory, and may take half of it.
        "workspace" => return "[limits] workspace_mb, and memory_mb to twice as much, in config.toml".into(),
        other => other,
    };
    format!("[limits] {key} in config.toml")
}
