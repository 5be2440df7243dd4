//! What commands give back.

use std::collections::HashMap;

use base64::Engine as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::command::{Command, Encoding, ResultForm, encode};
use super::decode;
use super::ids::ExecutionId;
use super::names::wire_enum;

/// A file was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The path as the client gave it.
    pub path: String,
    /// How many bytes this command wrote.
    pub bytes: u64,
}

/// A file's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileContent {
    /// The path as the client gave it.
    pub path: String,
    /// The content, in `encoding`.
    pub content: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// Absent where `content` is the text itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// The file is larger than one answer may be; `content` is its beginning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

impl FileContent {
    /// An answer that carries `content`; `bytes` is the whole file's size.
    pub fn new(path: String, content: &[u8], bytes: u64, wanted: Option<Encoding>) -> Self {
        let (text, encoding) = match wanted {
            Some(Encoding::Base64) => {
                (base64::engine::general_purpose::STANDARD.encode(content), Some(Encoding::Base64))
            }
            _ => encode(content),
        };
        Self { path, content: text, bytes, encoding, truncated: (content.len() as u64) < bytes }
    }

    /// The bytes. Error: `content` is not the base64 it claims to be.
    pub fn decoded(&self) -> Result<Vec<u8>, String> {
        match self.encoding {
            Some(Encoding::Base64) => base64::engine::general_purpose::STANDARD
                .decode(&self.content)
                .map_err(|e| format!("content is not valid base64: {e}")),
            _ => Ok(self.content.clone().into_bytes()),
        }
    }
}

wire_enum! {
    /// What a directory entry is.
    pub enum EntryKind {
        /// A regular file.
        File = "file";
        /// A directory.
        Directory = "directory";
        /// A symbolic link, not followed.
        Link = "link";
        /// A device, pipe or socket.
        Other = "other";
    }
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// Its name; bytes that are not UTF-8 stand as U+FFFD.
    pub name: String,
    /// Its path from the listed directory.
    pub path: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// Bytes.
    pub size: u64,
    /// When it was last changed, UTC.
    pub modified: String,
    /// Its permission bits in octal.
    pub mode: String,
}

/// A directory's entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// The path as the client gave it.
    pub path: String,
    /// In order of their paths.
    pub entries: Vec<DirectoryEntry>,
    /// There are more than one answer may hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A directory was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Created {
    /// The path as the client gave it.
    pub path: String,
}

/// A file was copied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copied {
    /// From.
    pub source: String,
    /// To.
    pub destination: String,
    /// How many bytes.
    pub bytes: u64,
}

/// A file or directory was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {
    /// The path as the client gave it.
    pub path: String,
}

/// A limit that ended a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitReached {
    /// Which: `time`, `cpu`, `fileSize`, `memory`, `processes`, `workspace`.
    pub name: String,
    /// Its value with its unit, as people read it.
    pub value: String,
}

/// How a program ended, and what it cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessResult {
    /// Its exit code; 128 and the number where a signal ended it, 124 where its time was up.
    pub exit_code: i32,
    /// What it wrote on standard output, as far as it is kept; invalid UTF-8 stands as U+FFFD.
    #[serde(default)]
    pub stdout: String,
    /// What it wrote on standard error, likewise.
    #[serde(default)]
    pub stderr: String,
    /// Wall time of the program, in milliseconds.
    #[serde(serialize_with = "int32")]
    pub duration_ms: u32,
    /// More was written than is kept.
    #[serde(default)]
    pub truncated: bool,
    /// The signal that ended it: `SIGKILL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// Its time was up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// The limit that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitReached>,
    /// Peak resident memory of the largest process; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// Processor time of the program and all it started, in milliseconds; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Standard output as bytes, only where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_base64: Option<String>,
}

/// A duration as clients that keep it in an int32 can read it.
fn int32<S: Serializer>(duration_ms: &u32, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u32((*duration_ms).min(i32::MAX as u32))
}

/// A command's result in our own form.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CommandOutput {
    /// Of `write_file`.
    Written(Written),
    /// Of `read_file`.
    Content(FileContent),
    /// Of `execute_shell` and `execute_code`.
    Process(ProcessResult),
    /// Of `create_directory`.
    Created(Created),
    /// Of `copy_file`.
    Copied(Copied),
    /// Of `delete_file`.
    Deleted(Deleted),
    /// Of `list_directory`.
    Listing(Listing),
}

impl CommandOutput {
    /// Reads the result that `command` gave. Error: what is wrong, in one sentence with the member's name.
    pub fn decode(command: &Command, value: Value) -> Result<Self, String> {
        use decode::from_json as read;
        Ok(match command {
            Command::WriteFile(_) => Self::Written(read(value)?),
            Command::ReadFile(_) => Self::Content(read(value)?),
            Command::ExecuteShell(_) | Command::ExecuteCode(_) | Command::InstallPackages(_) => {
                Self::Process(read(value)?)
            }
            Command::CreateDirectory(_) => Self::Created(read(value)?),
            Command::CopyFile(_) => Self::Copied(read(value)?),
            Command::DeleteFile(_) => Self::Deleted(read(value)?),
            Command::ListDirectory(_) => Self::Listing(read(value)?),
        })
    }

    /// The result in the form the client's words asked for.
    pub fn in_form(&self, form: ResultForm) -> Value {
        match (form, self) {
            (ResultForm::Stdout, Self::Process(process)) => {
                Value::String(process.stdout.trim_end_matches('\n').to_owned())
            }
            (ResultForm::Tree, Self::Listing(listing)) => serde_json::json!({ "tree": tree(listing) }),
            _ => serde_json::to_value(self).unwrap_or(Value::Null),
        }
    }
}

/// How deep the nested form of a listing goes: two levels of JSON each, and existing clients read 64.
const TREE_DEPTH: usize = 28;

/// The nested form of a listing: `{name, path, type, size, modified, children}`.
fn tree(listing: &Listing) -> Value {
    let mut by_parent: HashMap<&str, Vec<&DirectoryEntry>> = HashMap::new();
    // An entry without a path would be its own parent; no honest agent sends one.
    for entry in listing.entries.iter().filter(|e| !e.path.is_empty()) {
        let parent = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        by_parent.entry(parent).or_default().push(entry);
    }
    let name = listing.path.trim_end_matches('/').rsplit('/').next().unwrap_or(".");
    serde_json::json!({
        "name": name, "path": listing.path, "type": "Directory", "size": 0,
        "children": children(&by_parent, "", 1),
    })
}

fn children(by_parent: &HashMap<&str, Vec<&DirectoryEntry>>, parent: &str, depth: usize) -> Vec<Value> {
    let entries = by_parent.get(parent).filter(|_| depth <= TREE_DEPTH);
    let node = |e: &&DirectoryEntry| {
        let is_dir = e.kind == EntryKind::Directory;
        serde_json::json!({
            "name": e.name, "path": e.path, "size": e.size, "modified": e.modified,
            "type": if is_dir { "Directory" } else { "File" },
            "children": is_dir.then(|| children(by_parent, &e.path, depth + 1)),
        })
    };
    entries.into_iter().flatten().map(node).collect()
}

/// Where the time of a command that starts programs went, in milliseconds with microseconds. They follow upon each
/// other without a gap, so they add up to the time from the request to the result, as the engine has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phases {
    /// From the request until its turn came.
    pub queue_ms: f64,
    /// From its turn until the program that counts was started: its file was written, compilers were run. Of code that
    /// could not be compiled, until that was known.
    pub launch_ms: f64,
    /// The program's own wall time, as its agent has measured it; of code that could not be compiled, none.
    pub run_ms: f64,
    /// From the program's end to the result.
    pub collect_ms: f64,
}

impl Phases {
    /// Each with its name, in order, in milliseconds.
    pub fn each(&self) -> [(&'static str, f64); 4] {
        [
            ("queue", self.queue_ms),
            ("launch", self.launch_ms),
            ("run", self.run_ms),
            ("collect", self.collect_ms),
        ]
    }

    /// All of it, in milliseconds.
    pub fn total_ms(&self) -> f64 {
        self.queue_ms + self.launch_ms + self.run_ms + self.collect_ms
    }
}

/// The answer to `session.execute`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteResult {
    /// The command did what it was asked; of a program: its exit code is 0.
    pub success: bool,
    /// What it gave; absent where it failed before it gave anything.
    pub result: Option<CommandOutput>,
    /// Why it failed, in one sentence.
    pub error: Option<String>,
    /// From the request to the result, in milliseconds.
    #[serde(serialize_with = "int32")]
    pub duration_ms: u32,
    /// Where that time went; absent where no program was started (of a file command there is nothing to tell apart), and
    /// where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
    /// Which execution this was.
    pub execution_id: ExecutionId,
    /// How it ended is not known, and that is all that is known: whoever followed it was away for too long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

/// An [`ExecuteResult`] whose result is not yet read: what it means depends on the command.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawResult {
    success: bool,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    error: Option<String>,
    duration_ms: u32,
    #[serde(default)]
    phases: Option<Phases>,
    #[serde(default)]
    execution_id: Option<ExecutionId>,
    #[serde(default)]
    unknown: bool,
}

impl ExecuteResult {
    /// Reads the answer to `session.execute` of `command`. Of a server that knows no execution ids, `execution_id`
    /// is empty, for the caller to put in his own; a program's own duration is the whole one where none is given. Error: what is wrong, in one sentence with the member's
    /// name.
    pub fn from_json(command: &Command, value: Value) -> Result<Self, String> {
        let mut raw: RawResult = decode::from_json(value)?;
        if let Some(Value::Object(members)) = &mut raw.result
            && command.starts_program()
            && !members.keys().any(|name| decode::same_name(name, "durationMs"))
        {
            members.insert("durationMs".to_owned(), raw.duration_ms.into());
        }
        let output = raw.result.map(|result| CommandOutput::decode(command, result)).transpose();
        Ok(Self {
            success: raw.success,
            result: output.map_err(|e| format!("result: {e}"))?,
            error: raw.error,
            duration_ms: raw.duration_ms,
            phases: raw.phases,
            execution_id: raw.execution_id.unwrap_or_else(|| ExecutionId::from("")),
            unknown: raw.unknown,
        })
    }

    /// The program's end, where a program was run.
    pub fn process(&self) -> Option<&ProcessResult> {
        match &self.result {
            Some(CommandOutput::Process(process)) => Some(process),
            _ => None,
        }
    }
}
