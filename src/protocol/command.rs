//! The commands a session executes, and the tolerant reading of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use serde_json::{Map, Value};

use super::decode;
use super::language::Language;
use super::names::wire_enum;

wire_enum! {
    /// How `write_file` treats what is already there.
    pub enum WriteMode {
        /// Writes the file new; what was there is replaced (as existing clients expect).
        Create = "Create", # 0;
        /// Writes after what is there.
        Append = "Append", # 1;
        /// Replaces what is there.
        Overwrite = "Overwrite", # 2;
    }
}

wire_enum! {
    /// How bytes are carried in a JSON string.
    pub enum Encoding {
        /// As they are.
        Utf8 = "utf8" | "utf-8" | "text";
        /// In base64, standard alphabet, padded.
        Base64 = "base64";
    }
}

fn yes() -> bool {
    true
}

fn dot() -> String {
    ".".to_owned()
}

fn is_false(b: &bool) -> bool {
    !b
}

/// Writes a file; missing parent directories are made.
#[derive(Clone, Debug, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteFile {
    /// Where, relative to the workspace or beginning with `/workspace`.
    pub path: String,
    /// The content, in `encoding`.
    pub content: String,
    /// How `content` carries bytes; absent is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// What happens to content already there.
    #[serde(default = "WriteMode::create")]
    pub mode: WriteMode,
}

impl WriteMode {
    fn create() -> Self {
        Self::Create
    }
}

impl WriteFile {
    /// A command that writes these bytes, as text where they are text.
    pub fn bytes(path: impl Into<String>, bytes: &[u8]) -> Self {
        let (content, encoding) = encode(bytes);
        Self { path: path.into(), content, encoding, mode: WriteMode::Create }
    }

    /// The bytes to write. Error: `content` is not the base64 it claims to be.
    pub fn decoded(&self) -> Result<Cow<'_, [u8]>, String> {
        match self.encoding {
            Some(Encoding::Base64) => base64::engine::general_purpose::STANDARD
                .decode(&self.content)
                .map(Cow::Owned)
                .map_err(|e| format!("content is not valid base64: {e}")),
            _ => Ok(Cow::Borrowed(self.content.as_bytes())),
        }
    }
}

/// Bytes as a JSON string: themselves where they are UTF-8, base64 elsewhere.
pub(super) fn encode(bytes: &[u8]) -> (String, Option<Encoding>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (base64::engine::general_purpose::STANDARD.encode(bytes), Some(Encoding::Base64)),
    }
}

/// Reads a file.
#[derive(Clone, Debug, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadFile {
    /// Which file.
    pub path: String,
    /// How the answer should carry the bytes; absent is UTF-8, and base64 where they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
}

/// The size of a terminal, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
pub struct PtySize {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// Starts a program with exact arguments; no shell reads them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteShell {
    /// The program, by name or path.
    pub command_name: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Where it runs; absent is the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Variables added to the session's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What it reads on standard input; absent is an empty input, unless the execution is fed by `session.input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Runs it in a terminal of this size.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "pty_size")]
    pub pty: Option<PtySize>,
}

/// `true` is a terminal of 24 by 80, `false` is none.
fn pty_size<'de, D: Deserializer<'de>>(d: D) -> Result<Option<PtySize>, D::Error> {
    match Value::deserialize(d)? {
        Value::Null | Value::Bool(false) => Ok(None),
        Value::Bool(true) => Ok(Some(PtySize { rows: 24, cols: 80 })),
        size @ Value::Object(_) => decode::from_json(size).map(Some).map_err(D::Error::custom),
        other => {
            Err(D::Error::invalid_type(decode::unexpected(&other), &"true, false or an object {rows, cols}"))
        }
    }
}

/// Makes a directory.
#[derive(Clone, Debug, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDirectory {
    /// Which.
    pub path: String,
    /// Makes missing parents too, and is content with one that exists.
    #[serde(default = "yes")]
    pub recursive: bool,
}

/// Copies a file.
#[derive(Clone, Debug, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyFile {
    /// From.
    #[serde(rename = "sourcePath")]
    pub source: String,
    /// To.
    #[serde(rename = "destinationPath")]
    pub destination: String,
    /// Replaces what is there.
    #[serde(default = "yes")]
    pub overwrite: bool,
}

/// Deletes a file, or a directory.
#[derive(Clone, Debug, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteFile {
    /// Which.
    pub path: String,
    /// Deletes a directory with all that is in it.
    #[serde(default)]
    pub recursive: bool,
}

/// Lists a directory.
#[derive(Clone, Debug, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListDirectory {
    /// Which.
    #[serde(default = "dot")]
    pub path: String,
    /// Lists what is below it too.
    #[serde(default)]
    pub recursive: bool,
    /// How deep, counted from 1; absent or 0 is without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<u32>,
    /// Only names that match: `*` and `?` stand for any characters and any one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Names that begin with a dot too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub include_hidden: bool,
}

/// Runs code in the session's language, or another that its runtime knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteCode {
    /// The program text.
    pub code: String,
    /// Its language; absent is the session's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// The program's arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// What it reads on standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Keeps variables from one call to the next.
    #[serde(default, skip_serializing_if = "is_false")]
    pub repl: bool,
    /// The file name the code gets in the workspace, for messages that name it; absent is `snippet` with the
    /// language's extension. Ours, not of the original protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Runs it in a terminal of this size; what compiles it has none. Ours, as of programs.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "pty_size")]
    pub pty: Option<PtySize>,
}

/// Installs packages that the session's programs import, from where its language has them. Only in a session that has
/// the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallPackages {
    /// Their names, as the installer takes them: `six`, `six==1.17.0`, `is-odd@3`.
    #[serde(default)]
    pub packages: Vec<String>,
    /// A file in the workspace that names them: `requirements.txt`, `package.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements_file: Option<String>,
    /// Taken for the clients that send it: a session is all there is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub global: bool,
    /// Further arguments of the installer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// A command, in our own words.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Writes a file.
    WriteFile(WriteFile),
    /// Reads a file.
    ReadFile(ReadFile),
    /// Starts a program.
    ExecuteShell(ExecuteShell),
    /// Makes a directory.
    CreateDirectory(CreateDirectory),
    /// Copies a file.
    CopyFile(CopyFile),
    /// Deletes a file or a directory.
    DeleteFile(DeleteFile),
    /// Lists a directory.
    ListDirectory(ListDirectory),
    /// Runs code.
    ExecuteCode(ExecuteCode),
    /// Installs packages.
    InstallPackages(InstallPackages),
}

/// Names of types that mean `execute_code`.
pub const CODE_ALIASES: [&str; 2] = ["execute", "execute_code"];

/// The types this server knows, ours first.
const KNOWN: &str = "write_file, read_file, execute_shell (shell), create_directory (create_dir), copy_file, \
    delete_file, list_directory (list_files), execute_code (execute), install_packages";

impl Command {
    /// The command's type as it is written on the wire.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::WriteFile(_) => "write_file",
            Self::ReadFile(_) => "read_file",
            Self::ExecuteShell(_) => "execute_shell",
            Self::CreateDirectory(_) => "create_directory",
            Self::CopyFile(_) => "copy_file",
            Self::DeleteFile(_) => "delete_file",
            Self::ListDirectory(_) => "list_directory",
            Self::ExecuteCode(_) => "execute_code",
            Self::InstallPackages(_) => "install_packages",
        }
    }

    /// Whether it starts a program: it then has output, can be fed and be stopped.
    pub fn starts_program(&self) -> bool {
        matches!(self, Self::ExecuteShell(_) | Self::ExecuteCode(_) | Self::InstallPackages(_))
    }
}

/// The form in which a client's words ask for the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultForm {
    /// The object of PROTOCOL 1.3.
    #[default]
    Object,
    /// The bare standard output: what `execute` always gave.
    Stdout,
    /// `{tree}`: what `list_files` always gave.
    Tree,
}

/// A command as a client sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRequest {
    /// The command.
    pub command: Command,
    /// How the client wants its result.
    pub form: ResultForm,
}

impl From<Command> for CommandRequest {
    fn from(command: Command) -> Self {
        Self { command, form: ResultForm::Object }
    }
}

impl Serialize for CommandRequest {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.command.serialize(s)
    }
}

impl<'de> Deserialize<'de> for CommandRequest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Members { kind, members } = Members::deserialize(d)?;
        Self::from_members(kind.as_deref(), members).map_err(serde::de::Error::custom)
    }
}

impl CommandRequest {
    fn from_members(kind: Option<&str>, mut members: Map<String, Value>) -> Result<Self, String> {
        let object = |command| Ok(Self { command, form: ResultForm::Object });
        let kind = match kind {
            Some(kind) => kind,
            None if members.keys().any(|name| decode::same_name(name, "code")) => "execute_code",
            None => return Err(format!("the command's type is missing: use one of {KNOWN}")),
        };
        match kind {
            "write_file" => object(Command::WriteFile(read(members, &[])?)),
            "read_file" => object(Command::ReadFile(read(members, &[])?)),
            "execute_shell" | "shell" => object(Command::ExecuteShell(read(
                members,
                &[
                    ("command", "commandName"),
                    ("environment", "env"),
                    ("program", "commandName"),
                    ("cwd", "workingDirectory"),
                ],
            )?)),
            "create_directory" | "create_dir" => object(Command::CreateDirectory(read(members, &[])?)),
            "copy_file" => object(Command::CopyFile(read(
                members,
                &[("source", "sourcePath"), ("destination", "destinationPath")],
            )?)),
            "delete_file" => object(Command::DeleteFile(read(members, &[])?)),
            "list_directory" => object(Command::ListDirectory(read(members, &[])?)),
            "list_files" => {
                let recursive = decode::take(&mut members, "recursive").unwrap_or(Value::Bool(true));
                members.insert("recursive".to_owned(), recursive);
                Ok(Self { command: Command::ListDirectory(read(members, &[])?), form: ResultForm::Tree })
            }
            "execute_code" => object(Command::ExecuteCode(read(blank_language(members), &[])?)),
            "execute" => Ok(Self {
                command: Command::ExecuteCode(read(blank_language(members), &[])?),
                form: ResultForm::Stdout,
            }),
            "install_packages" => object(Command::InstallPackages(read(members, &[])?)),
            other => {
                let given = decode::Found(Unexpected::Str(other));
                Err(format!("unknown command type {given}: use one of {KNOWN}"))
            }
        }
    }
}

/// The original's `execute` has `language: ""` where it means the session's.
fn blank_language(mut members: Map<String, Value>) -> Map<String, Value> {
    members.retain(|name, value| {
        !(decode::same_name(name, "language") && value.as_str().is_some_and(|s| s.trim().is_empty()))
    });
    members
}

fn read<T: DeserializeOwned>(mut members: Map<String, Value>, aliases: &[(&str, &str)]) -> Result<T, String> {
    decode::resolve(&mut members, aliases);
    decode::from_members(members)
}

/// The members of a command object with its `type`, which may stand anywhere and more than once.
struct Members {
    kind: Option<String>,
    members: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a command object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                let mut kind: Option<String> = None;
                let mut members = Map::new();
                while let Some(name) = access.next_key::<String>()? {
                    let value: Value = access.next_value()?;
                    if !decode::same_name(&name, "type") {
                        members.insert(name, value);
                        continue;
                    }
                    let given = match value {
                        Value::String(given) => given,
                        Value::Null => continue,
                        other => {
                            let found = decode::Found(decode::unexpected(&other));
                            return Err(A::Error::custom(format!("type must be a string, not {found}")));
                        }
                    };
                    if let Some(kind) = kind.filter(|kind| *kind != given) {
                        return Err(A::Error::custom(format!(
                            "the command has two types, {kind:?} and {given:?}: send one"
                        )));
                    }
                    kind = Some(given);
                }
                Ok(Members { kind, members })
            }
        }
        d.deserialize_map(Collect)
    }
}
