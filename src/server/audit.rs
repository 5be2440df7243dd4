//! The audit log: a line of JSON for every request, when one is asked for. It holds no code and no output.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// The file.
#[derive(Debug)]
pub struct Audit(Mutex<File>);

/// One line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line<'a> {
    /// UTC, ISO 8601.
    pub time: String,
    /// Where the connection comes from.
    pub peer: &'a str,
    /// Which connection of this server.
    pub connection: u64,
    /// Which token; empty where none is needed.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub token: &'a str,
    /// What was asked.
    pub method: &'a str,
    /// The kind of command, of one that executes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'a str>,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<&'a str>,
    /// `ok`, `failed` for a command without success, or the kind of error.
    pub outcome: &'a str,
    /// Of a program that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// From the request to its answer.
    pub duration_ms: f64,
}

/// Now, as it is noted.
pub fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

/// As much of an answer as the log tells of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Seen {
    /// Of a session that was made.
    pub session_id: Option<String>,
    /// Of a command.
    pub success: Option<bool>,
    pub result: Option<Program>,
}

/// What is told of a program that has ended. Of what is none, nothing is.
#[derive(Debug, Default)]
pub struct Program {
    pub exit_code: Option<i32>,
}

impl<'de> Deserialize<'de> for Program {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Program {
                #[serde(rename = "exitCode")]
                exit_code: i32,
            },
            Other(serde::de::IgnoredAny),
        }
        Ok(match Any::deserialize(d)? {
            Any::Program { exit_code } => Self { exit_code: Some(exit_code) },
            Any::Other(_) => Self::default(),
        })
    }
}

impl Audit {
    /// Opens the file, or makes it, so that only its owner reads it.
    pub fn open(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Notes somebody who was not let in: `token`, `origin`, `host` or `connections` is why.
    pub fn refused(&self, peer: &str, why: &str) {
        self.note(&Line {
            time: now(),
            peer,
            connection: 0,
            token: "",
            method: "connect",
            command: None,
            session: None,
            outcome: &format!("refused_{why}"),
            exit_code: None,
            duration_ms: 0.0,
        });
    }

    /// Writes a line. One that can't be written is told of in the log.
    pub fn note(&self, line: &Line<'_>) {
        // A plain struct: writing it to a string can't fail.
        let mut text = serde_json::to_string(line).unwrap_or_default();
        text.push('\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(e) = file.write_all(text.as_bytes()) {
            tracing::error!("the audit log can't be written: {e}");
        }
    }
}
