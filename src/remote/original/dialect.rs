//! Which of the original's versions a server is, and how it is spoken to.
//!
//! Found out by questions about a session that can't exist: they are refused before anything is done, and what the
//! refusal says tells the versions apart. So nothing is made on the server, and nothing is left there.

use serde_json::{Map, Value, json};

use super::line::Line;
use crate::protocol::{ErrorKind, Failure, SessionId};
use crate::remote::RemoteError;

/// The original's versions, by what changed on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// Parameters in PascalCase; Docker alone.
    A,
    /// Parameters in exact camelCase; Deno and Bun.
    B,
    /// Node.js and Python of the host.
    C,
    /// Errors with their type; Deno sessions run any program, and know `/workspace`.
    LateC,
    /// Parameters of `session.create` in any case.
    D,
    /// `environmentId` and `runtimeType` in what is told of sessions; programs of the host.
    E,
}

impl Era {
    /// As people are told: `era d`.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "era a",
            Self::B => "era b",
            Self::C => "era c",
            Self::LateC => "era c+",
            Self::D => "era d",
            Self::E => "era e",
        }
    }
}

/// The names that commands go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// Those of the original's source.
    Source,
    /// Those of its documents: no version has had them, but what follows the documents has.
    Documents,
}

/// How one server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Its version; of the last two it is the earlier one until a session is seen.
    pub era: Era,
    words: Words,
}

/// What `initialize` told.
#[derive(Clone, Debug, Default)]
pub struct Hello {
    /// The protocol's version, as the server has it.
    pub protocol: String,
    /// The names of languages.
    pub languages: Vec<String>,
}

/// What the question after a command's name showed.
enum Answer {
    /// The command is known: the session is what was missed.
    Known,
    /// There is no such command.
    Refused {
        /// The refusal names the type of the fault.
        typed: bool,
    },
}

impl Dialect {
    /// Finds out how a server is to be spoken to. Nothing is made there.
    pub async fn discover(line: &mut Line) -> Result<(Self, Hello), RemoteError> {
        let hello = hello(&line.ask("initialize", None).await?);
        let dialect = |era, words| Self { era, words };
        if !closes_in_camel_case(line).await? {
            return Ok((dialect(Era::A, Words::Source), hello));
        }
        let Answer::Refused { typed } = knows(line, "no_such_command").await? else {
            // It looks for the session first, so that its commands' names can't be asked for.
            return Ok((dialect(Era::B, Words::Source), hello));
        };
        let mut known = async |name| knows(line, name).await.map(|a| matches!(a, Answer::Known));
        if !known("shell").await? && known("execute_shell").await? {
            return Ok((dialect(Era::E, Words::Documents), hello));
        }
        let era = if known("list_files").await? {
            Era::D
        } else if typed {
            Era::LateC
        } else if known("install_packages").await? {
            Era::C
        } else {
            Era::B
        };
        Ok((dialect(era, Words::Source), hello))
    }

    /// Learns from what was told of a session.
    pub fn learn(&mut self, session: &Map<String, Value>) {
        if self.era == Era::D && session.contains_key("runtimeType") {
            self.era = Era::E;
        }
    }

    /// Parameters as this server reads them.
    pub fn params(self, params: Value) -> Value {
        match params {
            Value::Object(members) if self.era == Era::A => {
                Value::Object(members.into_iter().map(|(name, value)| (pascal(&name), value)).collect())
            }
            params => params,
        }
    }

    /// The command that starts a program. Arguments are always there: without them a server fails.
    pub fn program(self, program: &str, args: &[String]) -> Map<String, Value> {
        let (kind, name) = match self.words {
            Words::Source => ("shell", "command"),
            Words::Documents => ("execute_shell", "commandName"),
        };
        let members = [("type", json!(kind)), (name, json!(program)), ("args", json!(args))];
        members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }

    /// The command that runs code.
    pub fn code(self, code: &str) -> Value {
        let kind = match self.words {
            Words::Source => "execute",
            Words::Documents => "execute_code",
        };
        json!({ "type": kind, "code": code })
    }
}

/// `initialize` puts all into `serverCapabilities`.
fn hello(answer: &Value) -> Hello {
    let at = |name: &str| answer.get("serverCapabilities").and_then(|c| c.get(name)).or(answer.get(name));
    let names = at("supportedLanguages").and_then(Value::as_array).into_iter().flatten();
    Hello {
        protocol: at("protocolVersion").and_then(Value::as_str).unwrap_or_default().to_owned(),
        languages: names.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

/// Whether camelCase is read: closing what isn't there succeeds, if its id is seen at all.
async fn closes_in_camel_case(line: &mut Line) -> Result<bool, RemoteError> {
    match line.ask("session.close", Some(json!({ "sessionId": SessionId::random() }))).await {
        Ok(_) => Ok(true),
        Err(RemoteError::Server(refusal)) if refusal.message.contains("sessionId required") => Ok(false),
        Err(error) => Err(error),
    }
}

async fn knows(line: &mut Line, command: &str) -> Result<Answer, RemoteError> {
    let params = json!({ "sessionId": SessionId::random(), "command": { "type": command } });
    match line.ask("session.execute", Some(params)).await {
        Err(RemoteError::Server(refusal)) if refusal.message.contains("unrecognized type discriminator") => {
            Ok(Answer::Refused { typed: fault(&refusal.message).0.is_some() })
        }
        // Whatever else it has against a command of that name, or the session: it knows the name.
        Ok(_) | Err(RemoteError::Server(_)) => Ok(Answer::Known),
        Err(error) => Err(error),
    }
}

fn pascal(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// The type of a fault, where it is told, and what happened. Versions from c+ on write both.
fn fault(message: &str) -> (Option<&str>, &str) {
    let message = message.strip_prefix("Internal error: ").unwrap_or(message);
    match message.split_once(": ") {
        Some((kind, what)) if kind.ends_with("Exception") && !kind.contains(' ') => (Some(kind), what),
        _ => (None, message),
    }
}

/// What a server's refusal means. These servers have one code for all, and say in words what it is about.
pub fn explain(failure: Failure) -> Failure {
    let (_, what) = fault(&failure.message);
    let (kind, hint) = if what.contains("Session not found") {
        (ErrorKind::SessionNotFound, "it may have been closed: create a new one")
    } else if what.contains("Session is closed") || what.contains("Session environment is null") {
        (ErrorKind::SessionClosed, "create a new session")
    } else if what.contains("No runtime available") || what.contains(" not available for ") {
        (ErrorKind::NoRuntime, "choose another runtime, or install what it needs on the server")
    } else if what.contains("Docker is not available") {
        (ErrorKind::NoRuntime, "start Docker on the server, or choose another runtime")
    } else if what.contains("Environment is not ready") {
        (ErrorKind::Busy, "an earlier command still runs there: wait, or close the session")
    } else {
        (failure.kind, failure.hint.as_str())
    };
    Failure::new(kind, what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_their_words() {
        let refusal = |message: &str| explain(Failure::new(ErrorKind::Internal, message, ""));
        for (message, kind, said) in [
            ("Internal error: Session not found: x", ErrorKind::SessionNotFound, "Session not found: x"),
            (
                "Internal error: System.InvalidOperationException: Session is closed: x",
                ErrorKind::SessionClosed,
                "Session is closed: x",
            ),
            (
                "Internal error: Runtime Deno not available for python",
                ErrorKind::NoRuntime,
                "Runtime Deno not available for python",
            ),
            ("Internal error: The value: odd", ErrorKind::Internal, "The value: odd"),
        ] {
            let failure = refusal(message);
            assert_eq!((failure.kind, failure.message.as_str()), (kind, said));
        }
    }

    #[test]
    fn parameters_of_the_first_era_are_in_pascal_case_and_what_is_in_them_is_not() {
        let dialect = Dialect { era: Era::A, words: Words::Source };
        let given = json!({ "sessionId": "x", "command": { "type": "shell" } });
        assert_eq!(dialect.params(given), json!({ "SessionId": "x", "Command": { "type": "shell" } }));
    }
}
