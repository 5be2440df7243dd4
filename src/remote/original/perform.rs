//! Commands done in one session: how each is put to the kind of session it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Era};
use super::files;
use super::kind::Kind;
use super::line::Line;
use super::outcome::{Outcome, Reply};
use crate::protocol::{
    Command, CommandOutput, ExecuteCode, ExecuteShell, InstallPackages, Language, ReadFile, SessionId,
    WriteFile, WriteMode, from_json,
};
use crate::remote::RemoteError;

/// The most bytes of output that a script carries for a program.
const OUTPUT: usize = 16 << 20;
/// The name of code that has none, without the extension.
const SNIPPET: &str = "snippet";

/// One command, to be done in one session.
pub struct Performer<'a> {
    pub line: &'a mut Line,
    pub dialect: Dialect,
    pub session: &'a SessionId,
    pub kind: Kind,
    pub language: Language,
    /// Variables of every program in the session.
    pub env: &'a BTreeMap<String, String>,
    /// The command's own time-out.
    pub limit: Option<Duration>,
    /// That, or what a command has without one.
    pub time: Duration,
}

/// What a program is called with.
#[derive(Default)]
struct Call {
    argv: Vec<String>,
    directory: Option<String>,
    env: BTreeMap<String, String>,
    stdin: Option<String>,
}

impl Performer<'_> {
    /// Does a command. Error: the server has not answered, or refused to take it.
    pub async fn perform(&mut self, command: &Command) -> Result<Outcome, RemoteError> {
        match command {
            Command::ExecuteShell(ExecuteShell { pty: Some(_), .. })
            | Command::ExecuteCode(ExecuteCode { pty: Some(_), .. }) => {
                Ok(Outcome::failed("programs have no terminal on this server: leave pty out"))
            }
            Command::ExecuteShell(shell) => self.shell(shell).await,
            Command::ExecuteCode(code) => self.code(code).await,
            Command::InstallPackages(wanted) => self.install(wanted).await,
            file => Ok(self.file(file).await?.into()),
        }
    }

    /// Which of the runtimes for JavaScript a session has, where the server doesn't tell: its code knows.
    pub async fn identify(&mut self) -> Result<Kind, RemoteError> {
        let code =
            "console.log(typeof Bun !== 'undefined' ? 'bun' : typeof Deno !== 'undefined' ? 'deno' : 'node')";
        let reply = self.execute(code).await?;
        Ok(match reply.text().trim() {
            "deno" => Kind::Deno,
            "bun" => Kind::Bun,
            _ => Kind::Node,
        })
    }

    async fn send(&mut self, command: Value) -> Result<Reply, RemoteError> {
        let params = self.dialect.params(json!({ "sessionId": self.session, "command": command }));
        let answer = self.line.talk("session.execute", Some(params)).await?;
        from_json(answer)
            .map_err(|message| RemoteError::Decode { method: "session.execute".to_owned(), message })
    }

    async fn execute(&mut self, code: &str) -> Result<Reply, RemoteError> {
        self.send(self.dialect.code(code)).await
    }

    async fn file(&mut self, command: &Command) -> Result<Result<CommandOutput, String>, RemoteError> {
        if let Some(done) = self.own_file_command(command).await? {
            return Ok(done);
        }
        match self.kind {
            Kind::Docker | Kind::Native => match command {
                Command::WriteFile(write) => self.write_by_shell(command, write).await,
                _ => self.file_by_shell(command, files::shell_words(command, self.kind)).await,
            },
            Kind::Deno | Kind::Bun | Kind::Node | Kind::Python => {
                let ask = match files::ask(command, self.kind) {
                    Ok(ask) => ask,
                    Err(error) => return Ok(Err(error)),
                };
                let reply = self.execute(&files::script(&ask, self.kind)).await?;
                let otherwise = reply.error.clone().unwrap_or_default();
                Ok(files::outcome(command, reply.text(), &otherwise))
            }
        }
    }

    /// Deno and Bun sessions have two file commands that say how it went: they need no program, and carry text.
    /// `None`: they are no help with this command.
    async fn own_file_command(
        &mut self,
        command: &Command,
    ) -> Result<Option<Result<CommandOutput, String>>, RemoteError> {
        if !matches!(self.kind, Kind::Deno | Kind::Bun) {
            return Ok(None);
        }
        match command {
            Command::WriteFile(write) if write.encoding.is_none() => {
                let mut members = json!({
                    "type": "write_file", "path": self.kind.place(&write.path), "content": write.content,
                });
                if write.mode == WriteMode::Append {
                    members["mode"] = json!("Append");
                }
                let reply = self.send(members).await?;
                // Not tried again in another way: a part may have been written.
                let refused =
                    || format!("{}: {}", write.path, reply.error.as_deref().unwrap_or("not written"));
                let written = files::written(write).filter(|_| reply.success);
                Ok(Some(written.map(CommandOutput::Written).ok_or_else(refused)))
            }
            Command::ReadFile(ReadFile { path, encoding: None }) => {
                let reply = self.send(json!({ "type": "read_file", "path": self.kind.place(path) })).await?;
                let text = reply.text();
                // What was no text has lost its bytes on the way.
                if !reply.success || text.contains('\u{fffd}') {
                    return Ok(None);
                }
                let content = text.as_bytes();
                let read =
                    crate::protocol::FileContent::new(path.clone(), content, content.len() as u64, None);
                Ok(Some(Ok(CommandOutput::Content(read))))
            }
            _ => Ok(None),
        }
    }

    async fn write_by_shell(
        &mut self,
        command: &Command,
        write: &WriteFile,
    ) -> Result<Result<CommandOutput, String>, RemoteError> {
        let content = match write.decoded() {
            Ok(content) => content,
            Err(error) => return Ok(Err(error)),
        };
        let path = self.kind.place(&write.path);
        let mut done = Err(String::new());
        for words in files::shell_writes(&path, &content, write.mode == WriteMode::Append) {
            done = self.file_by_shell(command, words).await?;
            if done.is_err() {
                break;
            }
        }
        Ok(done)
    }

    async fn file_by_shell(
        &mut self,
        command: &Command,
        words: Vec<String>,
    ) -> Result<Result<CommandOutput, String>, RemoteError> {
        let mut args = vec!["-c".to_owned(), include_str!("files.sh").to_owned(), "sh".to_owned()];
        args.extend(words);
        let process = self.send(self.dialect.program("sh", &args).into()).await?.process();
        let otherwise = if process.stderr.is_empty() { &process.stdout } else { &process.stderr };
        let answer = if process.exit_code == 0 { process.stdout.as_str() } else { "" };
        Ok(files::outcome(command, answer, otherwise))
    }

    async fn shell(&mut self, shell: &ExecuteShell) -> Result<Outcome, RemoteError> {
        let program = std::iter::once(&shell.command_name);
        self.call(Call {
            argv: program.chain(&shell.args).cloned().collect(),
            directory: shell.working_directory.clone(),
            env: shell.env.clone(),
            stdin: shell.stdin.clone(),
        })
        .await
    }

    async fn code(&mut self, code: &ExecuteCode) -> Result<Outcome, RemoteError> {
        if code.repl {
            return Ok(Outcome::failed("repl is not offered by this server: leave it out"));
        }
        let language = code.language.unwrap_or(self.language);
        let script = matches!(language, Language::JavaScript | Language::TypeScript);
        // What Deno runs as code may start no program: it is run as it is, not by a script of ours.
        if self.kind == Kind::Deno && script && code.args.is_empty() && code.stdin.is_none() {
            let limit = self.limit_ms();
            return Ok(self.execute(&code.code).await?.program("deno", limit));
        }
        let file = file_name(code.file_name.as_deref().unwrap_or(SNIPPET), language);
        let mut argv = match self.kind.interpreter(language, &self.kind.place(&file)) {
            Ok(argv) => argv,
            Err(error) => return Ok(Outcome::failed(error)),
        };
        let write = Command::WriteFile(WriteFile::bytes(file, code.code.as_bytes()));
        if let Err(error) = self.file(&write).await? {
            return Ok(Outcome::failed(error));
        }
        argv.extend(code.args.iter().cloned());
        self.call(Call { argv, stdin: code.stdin.clone(), ..Call::default() }).await
    }

    /// Sessions on the host's interpreters have a command for it since era c; what others say of it is told.
    async fn install(&mut self, wanted: &InstallPackages) -> Result<Outcome, RemoteError> {
        let mut members = json!({
            "type": "install_packages", "packages": wanted.packages, "global": wanted.global, "flags": wanted.flags,
        });
        if let Some(file) = &wanted.requirements_file {
            // Source and documents have it by different names; what isn't known is ignored.
            members["requirements_file"] = json!(file);
            members["requirementsFile"] = json!(file);
        }
        let limit = self.limit_ms();
        Ok(self.send(members).await?.program("install_packages", limit))
    }

    /// Runs a program in the way that loses least of it.
    async fn call(&mut self, mut call: Call) -> Result<Outcome, RemoteError> {
        call.env = self.env.clone().into_iter().chain(call.env).collect();
        call.directory = call.directory.map(|directory| self.kind.place(&directory));
        if self.maps_arguments() && call.directory.is_none() {
            call.argv = call.argv.iter().map(|word| self.kind.argument(word)).collect();
        }
        match self.kind {
            Kind::Bun | Kind::Node | Kind::Python => self.call_by_script(call).await,
            Kind::Deno if self.dialect.era < Era::LateC => self.call_script_of_deno(call).await,
            Kind::Docker | Kind::Deno | Kind::Native => self.call_directly(call).await,
        }
    }

    /// By code that starts it: it keeps the arguments apart and tells the exit code, which `shell` here does not.
    async fn call_by_script(&mut self, mut call: Call) -> Result<Outcome, RemoteError> {
        let program = call.argv.first().cloned().unwrap_or_default();
        let own: &[&str] = match self.kind {
            Kind::Bun => &["bun"],
            Kind::Node => &["node"],
            _ => &["python", "python3"],
        };
        if let Some(first) = call.argv.first_mut()
            && own.contains(&first.as_str())
        {
            first.clear();
        }
        let ask = json!({
            "name": "run", "argv": call.argv, "cwd": call.directory.unwrap_or_else(|| ".".to_owned()),
            "env": call.env, "stdin": STANDARD.encode(call.stdin.unwrap_or_default()), "most": OUTPUT,
            "timeout": self.time.as_millis(),
        });
        Ok(self.execute(&files::script(&ask, self.kind)).await?.report(&program))
    }

    /// Deno before it ran programs: `shell` names a script that Deno runs.
    async fn call_script_of_deno(&mut self, call: Call) -> Result<Outcome, RemoteError> {
        let words: Vec<&str> = call.argv.iter().map(String::as_str).collect();
        let (script, args) = match words.as_slice() {
            ["deno", "run", script, args @ ..] | ["deno", script, args @ ..]
                if call.stdin.is_none() && call.directory.is_none() =>
            {
                (*script, args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
            }
            _ => {
                return Ok(Outcome::failed(
                    "Deno sessions of this server run scripts only, in the workspace and without input: deno FILE",
                ));
            }
        };
        let command = self.dialect.program(&self.kind.place(script), &args);
        let limit = self.limit_ms();
        Ok(self.send(with_env(command, &call.env)).await?.program("deno", limit))
    }

    /// By `shell`, which in containers, and of Deno and programs of the host, starts the program as it is called.
    async fn call_directly(&mut self, mut call: Call) -> Result<Outcome, RemoteError> {
        let program = call.argv.first().cloned().unwrap_or_default();
        let limit = self.limit_ms();
        let deno = self.kind == Kind::Deno && program == "deno";
        let script = deno && calls_a_script(&mut call.argv);
        // Elsewhere the directory and the variables are taken for the host's, or not at all.
        let beyond = self.kind != Kind::Docker && (call.directory.is_some() || !call.env.is_empty());
        if call.stdin.is_some() || self.limit.is_some() || beyond || deno && !script {
            let args = self.wrapped(call, script);
            return Ok(self.send(self.dialect.program("sh", &args).into()).await?.program(&program, limit));
        }
        let mut command = self.dialect.program(&program, call.argv.get(1..).unwrap_or_default());
        if let Some(directory) = call.directory {
            command.insert("workingDirectory".to_owned(), json!(directory));
        }
        Ok(self.send(with_env(command, &call.env)).await?.program(&program, limit))
    }

    /// The arguments of a shell that runs a program with all that it is called with; `script` is one that Deno runs.
    fn wrapped(&self, call: Call, script: bool) -> Vec<String> {
        let seconds = self.limit.map(|limit| limit.as_secs_f64().ceil().to_string());
        let mut args = vec![
            "-c".to_owned(),
            include_str!("run.sh").to_owned(),
            "sh".to_owned(),
            call.directory.unwrap_or_else(|| ".".to_owned()),
            call.stdin.map_or_else(|| "-".to_owned(), |stdin| STANDARD.encode(stdin)),
            seconds.unwrap_or_else(|| "-".to_owned()),
        ];
        args.extend(call.env.into_iter().map(|(name, value)| format!("{name}={value}")));
        let mut argv = call.argv.into_iter();
        if script {
            // What the server puts in itself where it sees that Deno is called.
            args.extend(argv.next());
            args.extend(["run", "--no-prompt", "--allow-read=.", "--allow-write=."].map(str::to_owned));
        }
        args.extend(argv);
        args
    }

    /// Whether nothing else gives an argument that names the workspace its meaning: scripts do, and later servers.
    fn maps_arguments(&self) -> bool {
        self.kind == Kind::Native || self.kind == Kind::Deno && self.dialect.era < Era::LateC
    }

    fn limit_ms(&self) -> Option<u64> {
        self.limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
    }
}

fn with_env(mut command: Map<String, Value>, env: &BTreeMap<String, String>) -> Value {
    if !env.is_empty() {
        command.insert("env".to_owned(), json!(env));
    }
    command.into()
}

/// Whether Deno is called to run a script; its `run` goes, which servers put in themselves.
fn calls_a_script(argv: &mut Vec<String>) -> bool {
    if argv.get(1).is_some_and(|word| word == "run") {
        argv.remove(1);
        return true;
    }
    argv.get(1).is_some_and(|word| is_script(word))
}

fn is_script(word: &str) -> bool {
    extension(word).is_some_and(|language| matches!(language, Language::JavaScript | Language::TypeScript))
}

fn extension(name: &str) -> Option<Language> {
    Path::new(name).extension().and_then(|extension| extension.to_str()).and_then(Language::from_extension)
}

/// A name that interpreters take for a file of this language, and none for an option.
fn file_name(wanted: &str, language: Language) -> String {
    let front = if wanted.starts_with('-') { "./" } else { "" };
    if extension(wanted) == Some(language) {
        return format!("{front}{wanted}");
    }
    format!("{front}{wanted}.{}", language.extension())
}
