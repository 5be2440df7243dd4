//! What the process says and exits with when something is wrong.

use std::io::Write as _;
use std::process::ExitCode;

use crate::protocol::Failure;

/// The exit code of our own errors; those of programs are their own.
const OURS: u8 = 125;

/// Something that keeps a verb from being done.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    message: String,
    next_step: String,
}

impl Problem {
    /// What happened and why, in one sentence; and what to do next.
    pub fn new(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { message: message.into(), next_step: next_step.into() }
    }

    /// Prints the same for programs that read: `{success, error, hint}`.
    pub fn print(&self) -> Result<(), Self> {
        let object = serde_json::json!({ "success": false, "error": self.message, "hint": self.next_step });
        print(&format!("{object:#}\n"))
    }

    /// Tells the person, and gives the exit code.
    pub fn tell(&self) -> ExitCode {
        say(&self.message);
        if !self.next_step.is_empty() {
            let _ = writeln!(std::io::stderr(), "  {}", harmless(&self.next_step));
        }
        ExitCode::from(OURS)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::new(failure.message, failure.hint)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::new(crate::protocol::ErrorKind::Internal, problem.message, problem.next_step)
    }
}

impl From<crate::provision::ProvisionError> for Problem {
    fn from(error: crate::provision::ProvisionError) -> Self {
        Self::new(error.to_string(), error.next_step())
    }
}

/// Arguments that can't be read, or a question for help.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    // What follows -- is the program's own.
    let asked_for_json = std::env::args_os().take_while(|a| a != "--").any(|a| a == "--json");
    if error.use_stderr() && asked_for_json {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let _ = Problem::new(first, "codebeaker --help").print();
    }
    if error.use_stderr() { ExitCode::from(OURS) } else { ExitCode::SUCCESS }
}

/// An exit code as the system has it: its lowest eight bits.
pub fn code(code: i32) -> ExitCode {
    ExitCode::from((code & 0xff) as u8)
}

/// Says something on standard error. Where nobody listens any more, that is no reason to fail.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "codebeaker: {}", harmless(&text.to_string()));
}

/// A text without what a terminal would obey: a server's words are among what is said.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Prints to standard output. Whoever has stopped reading has seen enough: that is no error.
pub fn print(text: &str) -> Result<(), Problem> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Problem::new(format!("standard output can't be written: {e}"), "free some space"))
        }
        _ => Ok(()),
    }
}
