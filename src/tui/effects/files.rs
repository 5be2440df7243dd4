//! Does what is asked of a workspace, through the engine's file commands: the same whatever engine it is.
//!
//! Nothing here decides what is asked next. A task ends: each command has a time, and a person can end the long ones.

mod transfer;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::crew::Crew;
use crate::engine::Engine;
use crate::protocol::{
    Command, CommandOutput, DirectoryEntry, ErrorKind, Execute, ExecuteShell, ExecutionId, Failure,
    ListDirectory, Listing, ReadFile, SessionId, WriteFile, WriteMode,
};
use crate::tui::msg::Msg;
use crate::tui::text;
use crate::tui::workspace::{Done, EXECUTION, FilesMsg, Refusal, Task, name, parent};

/// How long one command may take.
const ANSWER: Duration = Duration::from_secs(60);

/// What can be ended of all that is under way.
#[derive(Default)]
pub(super) struct Transfers(Vec<(u64, CancellationToken)>);

impl Transfers {
    /// A task, to be awaited.
    pub(super) fn begin(
        &mut self,
        engine: Arc<dyn Engine>,
        session: SessionId,
        number: u64,
        task: Task,
        crew: &Crew,
    ) -> impl Future<Output = Msg> + Send + use<> {
        let stop = CancellationToken::new();
        self.0.retain(|(_, stop)| !stop.is_cancelled());
        self.0.push((number, stop.clone()));
        let tx = crew.tx();
        async move {
            let workspace = Workspace { engine, session: session.clone(), number, tx, stop: stop.clone() };
            let result = workspace.perform(task).await;
            // It is over: nothing is left to be ended.
            stop.cancel();
            Msg::Files(FilesMsg::Done { session, number, result })
        }
    }

    pub(super) fn stop(&mut self, number: u64) {
        self.0.iter().filter(|(of, _)| *of == number).for_each(|(_, stop)| stop.cancel());
    }
}

/// The workspace of a session, for one task.
struct Workspace {
    engine: Arc<dyn Engine>,
    session: SessionId,
    number: u64,
    tx: mpsc::Sender<Msg>,
    stop: CancellationToken,
}

fn failed(message: impl Into<String>, hint: &str) -> Refusal {
    Refusal::Failed(Failure::new(ErrorKind::InvalidParams, message, hint))
}

/// A command gave what no such command gives.
fn odd() -> Refusal {
    Refusal::Failed(Failure::internal("the answer is of another kind than the question"))
}

/// Says that there is no such file: the words of the engine's commands, here and elsewhere.
fn is_missing(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Failed(failure) if failure.message.starts_with("File not found"))
}

impl Workspace {
    async fn perform(&self, task: Task) -> Result<Done, Refusal> {
        match task {
            Task::List { path, hidden } => {
                let Listing { entries, truncated, .. } = self.list(&path, hidden, None, false).await?;
                Ok(Done::Listed { entries, truncated })
            }
            Task::Open { path } => self.open(&path).await,
            Task::Save { path, text, known, .. } => self.save(&path, &text, known).await,
            Task::NewFile { path } => self.new_file(&path).await,
            Task::NewDirectory { path } => self.new_directory(&path).await,
            Task::Rename { from, to } => self.rename(&from, &to).await,
            Task::Copy { from, to } => self.copy(&from, &to).await,
            Task::Delete { path, sure } => self.delete(path, sure).await,
            Task::Restore(kept) => self.restore(kept).await,
            Task::Upload { from, to, replace } => self.upload(&from, &to, replace).await,
            Task::Download { from, to, replace } => self.download(&from, &to, replace).await,
        }
    }

    /// Has the engine do one command. It does not wait for programs that run in the session.
    async fn command(&self, command: Command) -> Result<CommandOutput, Refusal> {
        let id = ExecutionId(format!("{EXECUTION}{}", ExecutionId::random()));
        let mut params = Execute::new(self.session.clone(), command);
        params.concurrent = true;
        params.execution_id = Some(id);
        let answer = async { self.engine.execute(params).await?.finished().await };
        let result = tokio::select! {
            () = self.stop.cancelled() => return Err(Refusal::Ended(String::new())),
            answer = tokio::time::timeout(ANSWER, answer) => match answer {
                Ok(answer) => answer.map_err(Refusal::Failed)?,
                Err(_) => {
                    let message = format!("no answer within {} s", ANSWER.as_secs());
                    let hint = "whether it was done is not known: R lists the files";
                    return Err(Refusal::Failed(Failure::new(ErrorKind::Unknown, message, hint)));
                }
            },
        };
        let starts = matches!(result.result, Some(CommandOutput::Process(_)));
        match (result.result, result.error) {
            (Some(output), None) if result.success || starts => Ok(output),
            (Some(output @ CommandOutput::Process(_)), Some(_)) => Ok(output),
            (_, error) => Err(failed(error.unwrap_or_else(|| "it gave no result".to_owned()), "")),
        }
    }

    async fn list(
        &self,
        path: &str,
        hidden: bool,
        pattern: Option<&str>,
        recursive: bool,
    ) -> Result<Listing, Refusal> {
        let list = ListDirectory {
            path: if path.is_empty() { ".".to_owned() } else { path.to_owned() },
            recursive,
            max_depth: None,
            pattern: pattern.map(str::to_owned),
            include_hidden: hidden,
        };
        match self.command(Command::ListDirectory(list)).await? {
            CommandOutput::Listing(listing) => Ok(listing),
            _ => Err(odd()),
        }
    }

    /// What is at a path.
    async fn find(&self, path: &str) -> Result<Option<DirectoryEntry>, Refusal> {
        let name = name(path);
        let listing = match self.list(parent(path), true, Some(name), false).await {
            // Where the directory is missing, so is the file.
            Err(refusal) if is_missing(&refusal) => return Ok(None),
            other => other?,
        };
        let found = listing.entries.into_iter().find(|entry| entry.name == name);
        if found.is_none() && listing.truncated {
            let message = format!("whether {name} is there can't be told: too many names are like it");
            return Err(failed(message, ""));
        }
        Ok(found)
    }

    /// What is at a path, where something has to be.
    async fn found(&self, path: &str) -> Result<DirectoryEntry, Refusal> {
        let found = self.find(path).await?;
        found.ok_or_else(|| failed(format!("{} is not there any more", name(path)), "R lists the files"))
    }

    /// Error: something is at a path.
    async fn free(&self, path: &str) -> Result<(), Refusal> {
        match self.find(path).await? {
            Some(_) => Err(Refusal::Exists(name(path).to_owned())),
            None => Ok(()),
        }
    }

    /// A file's bytes, all of them. `Ok(Err(size))`: it has so many that no answer carries them.
    async fn read(&self, path: &str) -> Result<Result<Vec<u8>, u64>, Refusal> {
        let read = ReadFile { path: path.to_owned(), encoding: None };
        match self.command(Command::ReadFile(read)).await? {
            CommandOutput::Content(content) if content.truncated => Ok(Err(content.bytes)),
            CommandOutput::Content(content) => Ok(Ok(content.decoded().map_err(|why| failed(why, ""))?)),
            _ => Err(odd()),
        }
    }

    async fn write(&self, path: &str, content: &[u8], mode: WriteMode) -> Result<(), Refusal> {
        let write = WriteFile { mode, ..WriteFile::bytes(path, content) };
        self.command(Command::WriteFile(write)).await.map(drop)
    }

    /// Runs a program of the session's with exact arguments. Error: its own words, if it fails.
    async fn run(&self, program: &str, args: Vec<String>) -> Result<(), Refusal> {
        let shell = ExecuteShell { command_name: program.to_owned(), args, ..ExecuteShell::default() };
        match self.command(Command::ExecuteShell(shell)).await? {
            CommandOutput::Process(process) if process.exit_code == 0 => Ok(()),
            CommandOutput::Process(process) => {
                let words = process.stderr.lines().next().unwrap_or_default().trim().to_owned();
                let code = format!("{program}: exit {}", process.exit_code);
                Err(failed(if words.is_empty() { code } else { words }, ""))
            }
            _ => Err(odd()),
        }
    }

    /// Tells how far the task is, unless so much is told already that it would have to wait.
    fn progress(&self, files: (u64, u64), bytes: (u64, u64)) {
        let (session, number) = (self.session.clone(), self.number);
        let _ = self.tx.try_send(Msg::Files(FilesMsg::Progress { session, number, files, bytes }));
    }
}

/// How much a file has, for people.
fn size(bytes: u64) -> String {
    text::bytes(bytes)
}
