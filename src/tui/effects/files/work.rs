//! What is done inside a workspace.

use bytes::Bytes;

use super::{Workspace, failed, is_missing, size};
use crate::protocol::{
    Command, CommandOutput, CopyFile, CreateDirectory, DeleteFile, DirectoryEntry, EntryKind, WriteMode,
};
use crate::tui::workspace::{Done, Kept, MOST_KEPT, Refusal, Seen, is_known, is_plain, join, name, parent};

/// What is below a directory.
pub(super) struct Below {
    /// Directories, each after the one that holds it.
    pub(super) directories: Vec<String>,
    /// Files with their sizes.
    pub(super) files: Vec<(String, u64)>,
    /// Neither, or nothing that can be asked for by its name.
    pub(super) left_out: u64,
}

impl Workspace {
    pub(super) async fn open(&self, path: &str) -> Result<Done, Refusal> {
        let shown = name(path);
        let too_large =
            |bytes| failed(format!("{shown} has {}: too much to be edited here", size(bytes)), "");
        let content = self.read(path).await?.map_err(too_large)?;
        let bytes = content.len() as u64;
        let seen = Seen::of(&content);
        let text = String::from_utf8(content).ok().filter(|text| !text.contains('\0'));
        let Some(text) = text else {
            return Err(failed(
                format!("{shown} is binary, {}: no text to edit", size(bytes)),
                "D downloads it",
            ));
        };
        Ok(Done::Opened { text, seen })
    }

    pub(super) async fn save(&self, path: &str, text: &str, known: Option<Seen>) -> Result<Done, Refusal> {
        if known.is_some() {
            match self.read(path).await {
                Ok(Ok(content)) if Some(Seen::of(&content)) == known => {}
                Ok(_) => return Err(Refusal::Changed),
                // What is gone has nothing to lose.
                Err(refusal) if is_missing(&refusal) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        self.write(path, text.as_bytes(), WriteMode::Create).await?;
        Ok(Done::Saved(Seen::of(text.as_bytes())))
    }

    pub(super) async fn new_file(&self, path: &str) -> Result<Done, Refusal> {
        self.free(path).await?;
        // Appended: a file that a program has made just now keeps what is in it.
        self.write(path, b"", WriteMode::Append).await?;
        Ok(Done::Made)
    }

    pub(super) async fn new_directory(&self, path: &str) -> Result<Done, Refusal> {
        self.free(path).await?;
        self.make(path).await?;
        Ok(Done::Made)
    }

    pub(super) async fn make(&self, path: &str) -> Result<(), Refusal> {
        let make = CreateDirectory { path: path.to_owned(), recursive: true };
        self.command(Command::CreateDirectory(make)).await.map(drop)
    }

    pub(super) async fn remove(&self, path: &str, recursive: bool) -> Result<(), Refusal> {
        let delete = DeleteFile { path: path.to_owned(), recursive };
        self.command(Command::DeleteFile(delete)).await.map(drop)
    }

    /// A file by the engine's own commands; all else, which those can't move, by the session's `mv`.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<Done, Refusal> {
        self.free(to).await?;
        if self.found(from).await?.kind == EntryKind::File {
            self.copy_file(from, to).await?;
            self.remove(from, false).await?;
            return Ok(Done::Made);
        }
        if !parent(to).is_empty() {
            self.make(parent(to)).await?;
        }
        // Exact arguments, which no shell reads; and none is taken for an option.
        let args = ["-n", "-T", "--", &format!("./{from}"), &format!("./{to}")];
        self.run("mv", args.map(str::to_owned).into()).await?;
        Ok(Done::Made)
    }

    async fn copy_file(&self, from: &str, to: &str) -> Result<u64, Refusal> {
        let copy = CopyFile { source: from.to_owned(), destination: to.to_owned(), overwrite: false };
        match self.command(Command::CopyFile(copy)).await? {
            CommandOutput::Copied(copied) => Ok(copied.bytes),
            _ => Err(super::odd()),
        }
    }

    pub(super) async fn copy(&self, from: &str, to: &str) -> Result<Done, Refusal> {
        self.free(to).await?;
        if self.found(from).await?.kind != EntryKind::Directory {
            let bytes = self.copy_file(from, to).await?;
            return Ok(Done::Copied { files: 1, bytes, left_out: 0 });
        }
        let Below { directories, files, left_out } = self.below(from).await?;
        let all = (files.len() as u64, files.iter().map(|(_, size)| size).sum());
        let (mut done, mut bytes) = (0, 0);
        let in_part = |refusal| in_part(refusal, to);
        self.make(to).await?;
        for directory in &directories {
            self.make(&join(to, directory)).await.map_err(in_part)?;
        }
        for (file, _) in &files {
            self.progress((done, all.0), (bytes, all.1));
            bytes += self.copy_file(&join(from, file), &join(to, file)).await.map_err(in_part)?;
            done += 1;
        }
        Ok(Done::Copied { files: done, bytes, left_out })
    }

    /// All that is below a directory. Error: more than one answer holds.
    pub(super) async fn below(&self, path: &str) -> Result<Below, Refusal> {
        let listing = self.list(path, true, None, true).await?;
        if listing.truncated {
            let message = format!("{} holds more than {} files", name(path), listing.entries.len());
            return Err(failed(message, "take the directories in it one by one"));
        }
        let mut below = Below { directories: Vec::new(), files: Vec::new(), left_out: 0 };
        for DirectoryEntry { path, kind, size, .. } in listing.entries {
            // Each part comes from a program: none may lead elsewhere.
            match kind {
                _ if !path.split('/').all(is_plain) || !is_known(&path) => below.left_out += 1,
                EntryKind::Directory => below.directories.push(path),
                EntryKind::File => below.files.push((path, size)),
                EntryKind::Link | EntryKind::Other => below.left_out += 1,
            }
        }
        below.directories.sort_by_key(|path| path.matches('/').count());
        Ok(below)
    }

    pub(super) async fn delete(&self, path: String, sure: bool) -> Result<Done, Refusal> {
        let entry = self.found(&path).await?;
        let shown = name(&path);
        if sure {
            self.remove(&path, entry.kind == EntryKind::Directory).await?;
            return Ok(Done::Deleted(None));
        }
        let content = match entry.kind {
            EntryKind::Directory => {
                let holds = self.list(&path, true, None, true).await?;
                if !holds.entries.is_empty() {
                    let count = match holds.entries.len() {
                        1 => "1 entry".to_owned(),
                        n if holds.truncated => format!("{n} entries or more"),
                        n => format!("{n} entries"),
                    };
                    return Err(Refusal::Unkept(format!("{shown} holds {count}")));
                }
                None
            }
            EntryKind::Link => return Err(Refusal::Unkept(format!("{shown} is a symbolic link"))),
            EntryKind::Other => return Err(Refusal::Unkept(format!("{shown} is no regular file"))),
            EntryKind::File if entry.size > MOST_KEPT => {
                let size = size(entry.size);
                return Err(Refusal::Unkept(format!("{shown} has {size}, and 8 MiB are kept at most")));
            }
            EntryKind::File => match self.read(&path).await? {
                Ok(content) => Some(Bytes::from(content)),
                Err(bytes) => return Err(Refusal::Unkept(format!("{shown} has {}", size(bytes)))),
            },
        };
        self.remove(&path, false).await?;
        Ok(Done::Deleted(Some(Kept { path, content, mode: entry.mode })))
    }

    pub(super) async fn restore(&self, kept: Kept) -> Result<Done, Refusal> {
        self.free(&kept.path).await?;
        let Some(content) = kept.content else {
            self.make(&kept.path).await?;
            return Ok(Done::Made);
        };
        self.fill(&kept.path, &content).await?;
        // What could be started can be again. No command says so of a file; the session's own program does.
        if u32::from_str_radix(&kept.mode, 8).is_ok_and(|mode| mode & 0o111 != 0) {
            let args = vec![kept.mode, "--".to_owned(), format!("./{}", kept.path)];
            self.run("chmod", args).await.map_err(|refusal| match refusal {
                Refusal::Failed(mut failure) => {
                    failure.message = format!("it is back, but can't be started: {}", failure.message);
                    Refusal::Failed(failure)
                }
                other => other,
            })?;
        }
        Ok(Done::Made)
    }
}

/// A refusal when something was done already.
pub(super) fn in_part(refusal: Refusal, what: &str) -> Refusal {
    let rest = format!("a part of {} is there", name(what));
    match refusal {
        Refusal::Failed(mut failure) => {
            if failure.hint.is_empty() {
                failure.hint = rest;
            }
            Refusal::Failed(failure)
        }
        Refusal::Ended(_) => Refusal::Ended(rest),
        other => other,
    }
}
