//! The files of an engine that does as it is told: in memory, with the engine's own words for what can't be done.

use std::collections::BTreeMap;
use std::sync::Mutex;

use codebeaker::protocol::*;

/// Files with their bytes, and directories.
#[derive(Default)]
pub struct Workspace(Mutex<BTreeMap<String, Option<Vec<u8>>>>);

fn plain(path: &str) -> String {
    let path = path.strip_prefix("/workspace/").unwrap_or(path);
    path.trim_start_matches("./").trim_matches('/').to_owned()
}

fn parents(path: &str) -> impl Iterator<Item = String> + '_ {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned())
}

impl Workspace {
    pub fn put(&self, path: &str, content: &[u8]) {
        let mut files = self.0.lock().unwrap();
        files.extend(parents(path).map(|above| (above, None)));
        files.insert(path.to_owned(), Some(content.to_vec()));
    }

    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(path).cloned().flatten()
    }

    pub fn take(&self, path: &str) {
        self.0.lock().unwrap().remove(path);
    }

    pub fn has(&self, path: &str) -> bool {
        self.0.lock().unwrap().contains_key(path)
    }

    /// The answer to a file command.
    pub fn perform(&self, command: &Command, id: &ExecutionId) -> Box<ExecuteResult> {
        let (result, error) = match self.answer(command) {
            Ok(output) => (Some(output), None),
            Err(error) => (None, Some(error)),
        };
        Box::new(ExecuteResult {
            success: error.is_none(),
            result,
            error,
            duration_ms: 1,
            phases: None,
            execution_id: id.clone(),
            unknown: false,
        })
    }

    fn answer(&self, command: &Command) -> Result<CommandOutput, String> {
        let mut files = self.0.lock().unwrap();
        let missing = |path: &str| format!("File not found: {path}");
        Ok(match command {
            Command::ListDirectory(c) => {
                let root = plain(c.path.trim_matches('.'));
                if !root.is_empty() && files.get(&root) != Some(&None) {
                    return Err(missing(&c.path));
                }
                let below = if root.is_empty() { String::new() } else { format!("{root}/") };
                let entries = files.iter().filter_map(|(path, content)| {
                    let path = path.strip_prefix(&below)?;
                    let name = path.rsplit('/').next().unwrap();
                    let shown = (c.recursive || !path.contains('/'))
                        && (c.include_hidden || !name.starts_with('.'))
                        && c.pattern.as_ref().is_none_or(|pattern| pattern == name);
                    shown.then(|| DirectoryEntry {
                        name: name.to_owned(),
                        path: path.to_owned(),
                        kind: if content.is_some() { EntryKind::File } else { EntryKind::Directory },
                        size: content.as_ref().map_or(0, |content| content.len() as u64),
                        modified: "2026-11-22T14:00:00Z".to_owned(),
                        mode: "0644".to_owned(),
                    })
                });
                let entries = entries.collect();
                CommandOutput::Listing(Listing { path: c.path.clone(), entries, truncated: false })
            }
            Command::ReadFile(c) => match files.get(&plain(&c.path)) {
                Some(Some(content)) => {
                    let bytes = content.len() as u64;
                    CommandOutput::Content(FileContent::new(c.path.clone(), content, bytes, c.encoding))
                }
                Some(None) => return Err(format!("{} is a directory", c.path)),
                None => return Err(missing(&c.path)),
            },
            Command::WriteFile(c) => {
                let path = plain(&c.path);
                files.extend(parents(&path).map(|above| (above, None)));
                let content = c.decoded()?.into_owned();
                let place = files.entry(path).or_default();
                match (place, c.mode) {
                    (Some(there), WriteMode::Append) => there.extend(&content),
                    (place, _) => *place = Some(content.clone()),
                }
                CommandOutput::Written(Written { path: c.path.clone(), bytes: content.len() as u64 })
            }
            Command::CreateDirectory(c) => {
                let path = plain(&c.path);
                files.extend(parents(&path).map(|above| (above, None)));
                files.insert(path, None);
                CommandOutput::Created(Created { path: c.path.clone() })
            }
            Command::CopyFile(c) => {
                let Some(Some(content)) = files.get(&plain(&c.source)).cloned() else {
                    return Err(missing(&c.source));
                };
                if !c.overwrite && files.contains_key(&plain(&c.destination)) {
                    return Err(format!("{} exists already", c.destination));
                }
                let bytes = content.len() as u64;
                files.insert(plain(&c.destination), Some(content));
                let (source, destination) = (c.source.clone(), c.destination.clone());
                CommandOutput::Copied(Copied { source, destination, bytes })
            }
            Command::DeleteFile(c) => {
                let path = plain(&c.path);
                let below = format!("{path}/");
                if files.keys().any(|other| other.starts_with(&below)) && !c.recursive {
                    return Err(format!("{} is not empty: delete it with recursive", c.path));
                }
                if files.remove(&path).is_none() {
                    return Err(missing(&c.path));
                }
                files.retain(|other, _| !other.starts_with(&below));
                CommandOutput::Deleted(Deleted { path: c.path.clone() })
            }
            Command::ExecuteShell(_) | Command::ExecuteCode(_) | Command::InstallPackages(_) => {
                return Err("this command starts a program".to_owned());
            }
        })
    }
}
