//! `codebeaker run`: one program in a session of its own; its output, its input, its signals and its exit code pass
//! through.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};

use crate::engine::{Engine, Execution, InterruptTarget};
use crate::protocol::{
    Command, CreateSession, ErrorKind, Execute, ExecuteCode, ExecuteResult, ExecutionEvent, ExecutionId,
    Language, OutputStream, RuntimeType, SessionInfo, Signal,
};

use super::args;
use super::exit::{self, Problem};
use super::setup;
use super::surroundings::Surroundings;

/// The longest program text taken.
const MAX_CODE: u64 = 16 << 20;
/// Bytes of standard input passed on at once.
const PIECE: usize = 64 << 10;

/// Runs a file.
pub async fn run(args: args::Run) -> Result<ExitCode, Problem> {
    let (code, name) = read_code(&args.file).await?;
    let language = args.language.map_or_else(|| guess(&args.file, &code), Ok)?;
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let engine: Arc<dyn Engine> = surroundings.engine()?;
    let outcome = Run { args: &args, engine: engine.clone(), surroundings: &surroundings }
        .run(language, code, name)
        .await;
    engine.shutdown().await;
    outcome
}

/// The program text and the name it has, where it has one.
async fn read_code(file: &Path) -> Result<(String, Option<String>), Problem> {
    let from_stdin = file == Path::new("-");
    let shown = if from_stdin { "standard input".into() } else { file.display().to_string() };
    let problem = |e: std::io::Error| {
        let next = match e.kind() {
            std::io::ErrorKind::NotFound => "check the name, or use - for code from standard input",
            _ => "choose another file",
        };
        Problem::new(format!("{shown} can't be read: {}", plain(&e)), next)
    };
    let mut bytes = Vec::new();
    if from_stdin {
        if std::io::stdin().is_terminal() {
            eprintln!("codebeaker: type the program, then Ctrl-D");
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

/// The system's words without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn guess(file: &Path, code: &str) -> Result<Language, Problem> {
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
    surroundings: &'a Surroundings,
}

impl Run<'_> {
    async fn run(&self, language: Language, code: String, name: Option<String>) -> Result<ExitCode, Problem> {
        let session = self.session(language).await?;
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
        let feeding = tokio::spawn(feed(self.engine.clone(), id.clone()));
        let signals = tokio::spawn(pass_signals(self.engine.clone(), id.clone()));
        let result = self.follow(execution, id).await;
        feeding.abort();
        signals.abort();
        let result = result?;
        if self.args.json {
            exit::print(&format!("{:#}\n", report(&session, &result)))?;
        }
        conclude(&result, self.args.json)
    }

    fn preference(&self) -> Option<crate::protocol::RuntimePreference> {
        self.args.prefer.or_else(|| self.surroundings.settings.preference.as_deref()?.parse().ok())
    }

    /// A session for the language; what it needs and is not here is fetched first, and that is said.
    async fn session(&self, language: Language) -> Result<SessionInfo, Problem> {
        let wanted = CreateSession {
            runtime_type: self.args.runtime,
            runtime_preference: self.preference(),
            ..CreateSession::new(language)
        };
        match self.engine.create_session(wanted.clone()).await {
            Err(failure) if failure.kind == ErrorKind::NoRuntime => {
                if !self.fetch_what_is_missing(language).await? {
                    return Err(failure.into());
                }
                Ok(self.engine.create_session(wanted).await?)
            }
            result => Ok(result?),
        }
    }

    /// Fetches Deno or Bun, if that is what a run of this language lacks.
    async fn fetch_what_is_missing(&self, language: Language) -> Result<bool, Problem> {
        // Of the two, Bun starts faster: it is what Balanced would choose.
        let candidates =
            self.args.runtime.map_or(vec![RuntimeType::Bun, RuntimeType::Deno], |asked| vec![asked]);
        for candidate in candidates {
            let Some(tool) = setup::tool(candidate) else { continue };
            let info = self.engine.runtime(candidate, false).await?;
            if info.available || !info.fetchable || !info.languages.contains(&language) {
                continue;
            }
            let why = info.reason.unwrap_or_default();
            eprintln!("codebeaker: this run needs {tool}, which is fetched now ({why})");
            setup::fetch(tool, None, self.surroundings).await?;
            self.engine.runtime(candidate, true).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Passes output on until the result is there.
    async fn follow(&self, mut execution: Execution, id: ExecutionId) -> Result<ExecuteResult, Problem> {
        let (mut stdout, mut stderr) = (tokio::io::stdout(), tokio::io::stderr());
        let mut unheard = false;
        while let Some(event) = execution.next().await {
            match event {
                ExecutionEvent::Output { stream, data } if !unheard => {
                    let written = match stream {
                        OutputStream::Stdout => write(&mut stdout, &data).await,
                        OutputStream::Stderr => write(&mut stderr, &data).await,
                    };
                    if let Err(e) = written {
                        unheard = true;
                        self.engine.interrupt(InterruptTarget::Execution(id.clone()), Signal::Kill).await?;
                        // `| head` has seen enough: that is no error.
                        if e.kind() != std::io::ErrorKind::BrokenPipe {
                            return Err(Problem::new(
                                format!("the output can't be written: {}", plain(&e)),
                                "free some space",
                            ));
                        }
                    }
                }
                ExecutionEvent::Finished(result) => return Ok(*result),
                ExecutionEvent::Started | ExecutionEvent::Output { .. } | ExecutionEvent::Lagged { .. } => {}
            }
        }
        Err(Problem::new("the run ended without a result", "see the log in the state directory"))
    }
}

async fn write(out: &mut (impl AsyncWriteExt + Unpin), data: &[u8]) -> std::io::Result<()> {
    out.write_all(data).await?;
    out.flush().await
}

/// Passes our standard input on, until it or the program ends.
async fn feed(engine: Arc<dyn Engine>, id: ExecutionId) {
    let mut stdin = tokio::io::stdin();
    let mut buffer = vec![0; PIECE];
    loop {
        let (data, eof) = match stdin.read(&mut buffer).await {
            Ok(0) | Err(_) => (Bytes::new(), true),
            Ok(n) => (Bytes::copy_from_slice(&buffer[..n]), false),
        };
        if engine.input(&id, data, eof).await.is_err() || eof {
            return;
        }
    }
}

/// Passes on the signals that we get; the second Ctrl-C kills.
async fn pass_signals(engine: Arc<dyn Engine>, id: ExecutionId) {
    let kinds = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
        signal(SignalKind::quit()),
    );
    let (Ok(mut int), Ok(mut term), Ok(mut hup), Ok(mut quit)) = kinds else { return };
    let mut interrupted = false;
    loop {
        let signal = tokio::select! {
            _ = int.recv() => if std::mem::replace(&mut interrupted, true) { Signal::Kill } else { Signal::Int },
            _ = term.recv() => Signal::Term,
            _ = hup.recv() => Signal::Hup,
            _ = quit.recv() => Signal::Quit,
        };
        let _ = engine.interrupt(InterruptTarget::Execution(id.clone()), signal).await;
    }
}

/// The result, the cost, and why this runtime.
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
        "selection": session.selection,
    })
}

/// The program's exit code; what is not visible in its output is said.
fn conclude(result: &ExecuteResult, json: bool) -> Result<ExitCode, Problem> {
    let error = result.error.clone().unwrap_or_default();
    let Some(process) = result.process() else {
        if json && !result.success {
            return Ok(exit::code(125));
        }
        return if result.success { Ok(ExitCode::SUCCESS) } else { Err(Problem::new(error, "")) };
    };
    // An exit code speaks for itself; a limit or a program that could not be started does not.
    if !json && (process.limit.is_some() || (process.peak_memory_bytes.is_none() && !result.success)) {
        eprintln!("codebeaker: {error}");
    }
    Ok(exit::code(process.exit_code))
}
