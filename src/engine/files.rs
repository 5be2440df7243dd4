//! File commands, through the agent; and what their errors are called.

use jiff::Timestamp;

use crate::agent::wire::{Entry, List, Mode};
use crate::agent::{Agent, AgentError};
use crate::protocol::{
    Command, CommandOutput, Copied, Created, Deleted, DirectoryEntry, EntryKind, FileContent, Listing,
    WriteFile, WriteMode, Written,
};

/// The most bytes one answer carries of a file.
const MAX_READ: u64 = 8 << 20;
/// The most entries one answer carries of a directory.
const MAX_ENTRIES: u32 = 5000;

/// What a command gave, or why it failed; an error of the agent's own is the outer one.
type Outcome<T> = Result<Result<T, String>, AgentError>;

/// Does a file command.
pub async fn perform(agent: &Agent, command: &Command) -> Outcome<CommandOutput> {
    Ok(match command {
        Command::WriteFile(c) => write(agent, c).await?.map(CommandOutput::Written),
        Command::ReadFile(c) => {
            refused(&c.path, agent.read(c.path.as_bytes(), MAX_READ).await)?.map(|(data, size)| {
                CommandOutput::Content(FileContent::new(c.path.clone(), &data, size, c.encoding))
            })
        }
        Command::CreateDirectory(c) => {
            refused(&c.path, agent.make_directory(c.path.as_bytes(), c.recursive).await)?
                .map(|()| CommandOutput::Created(Created { path: c.path.clone() }))
        }
        Command::CopyFile(c) => {
            let copied = agent.copy(c.source.as_bytes(), c.destination.as_bytes(), c.overwrite).await;
            // The system does not say which of the two it means; only the destination can exist already.
            let meant = match &copied {
                Err(AgentError::Refused { errno: 17, .. }) => &c.destination,
                _ => &c.source,
            };
            refused(meant, copied)?.map(|bytes| {
                let (source, destination) = (c.source.clone(), c.destination.clone());
                CommandOutput::Copied(Copied { source, destination, bytes })
            })
        }
        Command::DeleteFile(c) => refused(&c.path, agent.delete(c.path.as_bytes(), c.recursive).await)?
            .map(|()| CommandOutput::Deleted(Deleted { path: c.path.clone() })),
        Command::ListDirectory(c) => {
            let depth = match (c.recursive, c.max_depth) {
                (false, _) => 1,
                (true, None | Some(0)) => u32::MAX,
                (true, Some(depth)) => depth,
            };
            let list = List {
                path: c.path.clone().into_bytes(),
                depth,
                max_entries: MAX_ENTRIES,
                hidden: c.include_hidden,
                pattern: c.pattern.clone().unwrap_or_default().into_bytes(),
            };
            refused(&c.path, agent.list(list).await)?.map(|(entries, truncated)| {
                let mut entries: Vec<DirectoryEntry> = entries.into_iter().map(entry).collect();
                entries.sort_by(|a, b| a.path.cmp(&b.path));
                CommandOutput::Listing(Listing { path: c.path.clone(), entries, truncated })
            })
        }
        Command::ExecuteShell(_) | Command::ExecuteCode(_) | Command::InstallPackages(_) => {
            Err("this command starts a program".into())
        }
    })
}

/// Writes a file.
pub async fn write(agent: &Agent, command: &WriteFile) -> Outcome<Written> {
    let content = match command.decoded() {
        Ok(content) => content,
        Err(error) => return Ok(Err(error)),
    };
    let mode = if command.mode == WriteMode::Append { Mode::Append } else { Mode::Replace };
    let written = refused(&command.path, agent.write(command.path.as_bytes(), mode, &content).await)?;
    Ok(written.map(|bytes| Written { path: command.path.clone(), bytes }))
}

/// Parts what the system refused from what the agent did not do.
fn refused<T>(path: &str, result: Result<T, AgentError>) -> Outcome<T> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(AgentError::Refused { errno, message }) => Ok(Err(explain(path, errno, &message))),
        Err(e) => Err(e),
    }
}

/// An error of the system in a sentence that names the path as the client gave it.
fn explain(path: &str, errno: i32, message: &str) -> String {
    match errno {
        2 => format!("File not found: {path}"),
        17 => format!("{path} exists already"),
        18 => format!("{path} leads out of the workspace: use a path in /workspace"),
        20 => format!("{path}: a part of it is not a directory"),
        21 => format!("{path} is a directory"),
        22 => format!("{path} is not a regular file"),
        27 => format!("{path} would grow over the file size limit"),
        28 | 122 => format!("{path}: no space left"),
        36 => format!("{path}: the name is too long"),
        39 => format!("{path} is not empty: delete it with recursive"),
        40 => format!("{path} is a symbolic link that can't be followed"),
        _ => format!("{path}: {message}"),
    }
}

fn entry(entry: Entry) -> DirectoryEntry {
    let path = String::from_utf8_lossy(&entry.path).into_owned();
    DirectoryEntry {
        name: path.rsplit('/').next().unwrap_or(&path).to_owned(),
        path,
        kind: match entry.kind {
            b'f' => EntryKind::File,
            b'd' => EntryKind::Directory,
            b'l' => EntryKind::Link,
            _ => EntryKind::Other,
        },
        size: entry.size,
        modified: Timestamp::from_second(entry.modified).map(|t| t.to_string()).unwrap_or_default(),
        mode: format!("{:04o}", entry.mode),
    }
}
