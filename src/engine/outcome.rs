//! What came of a command, as its result tells it.

use std::time::{Duration, Instant};

use base64::Engine as _;

use crate::agent::wire::{Exit, Limit};
use crate::protocol::{CommandOutput, Failure, LimitReached, OutputStream, Phases, ProcessResult};

const SIGKILL: i32 = 9;

/// What came of a command: what it gave, and why it is no success.
pub struct Outcome {
    pub output: Option<CommandOutput>,
    pub error: Option<String>,
    /// The agent no longer answers: the session is lost, but what is known of the program is told.
    pub hung: bool,
    /// When the program that counts ran, where one was started and that is known.
    pub ran: Option<Ran>,
}

/// When a program ran.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    began: Instant,
    took: Duration,
}

impl Ran {
    /// A program of which the first was heard at `heard`, and the end at `ended`; its agent says that it `took` so long.
    pub fn new(heard: Instant, ended: Instant, took: Duration) -> Self {
        // It is heard of later than it begins, so what it took tells more; but an agent can say what it likes.
        Self { began: ended.checked_sub(took).map_or(heard, |at| at.min(heard)), took }
    }

    /// A program that is not started any more.
    pub fn never() -> Self {
        Self { began: Instant::now(), took: Duration::ZERO }
    }

    /// The phases of its command, which was asked for then, had its turn then, and took so long in all.
    pub fn phases(&self, asked: Instant, turn: Instant, whole: Duration) -> Phases {
        let ms = |us: u128| us as f64 / 1000.0;
        let queue = turn.saturating_duration_since(asked).as_micros();
        let launch = self.began.saturating_duration_since(turn).as_micros();
        let left = whole.as_micros().saturating_sub(queue + launch);
        let run = self.took.as_micros().min(left);
        Phases { queue_ms: ms(queue), launch_ms: ms(launch), run_ms: ms(run), collect_ms: ms(left - run) }
    }
}

impl Outcome {
    pub fn failed(error: impl Into<String>) -> Self {
        Self { output: None, error: Some(error.into()), hung: false, ran: None }
    }

    /// Of a session that can't be used (any more).
    pub fn unusable(failure: Failure) -> Self {
        Self::failed(failure.message)
    }

    /// Of what was interrupted too early to have done anything.
    pub fn cancelled() -> Self {
        Self::failed("cancelled before it was started")
    }

    /// Of a program that could not be started, as a shell would have it end.
    pub fn not_started(exit_code: i32, error: String) -> Self {
        let process = ProcessResult { exit_code, ..ProcessResult::default() };
        Self { output: Some(CommandOutput::Process(process)), error: Some(error), hung: false, ran: None }
    }

    /// Of a program that ended so, after it had written this; `limit` is the one that it reached.
    pub fn of_program(exit: Exit, mut output: Output, limit: Option<LimitReached>) -> Self {
        output.end_at_a_character();
        let error = if let Some(limit) = &limit {
            Some(format!("stopped: its limit of {} was reached ({})", limit.value, limit.name))
        } else if exit.signal != 0 {
            Some(format!("ended by {}", signal_name(exit.signal)))
        } else if exit.code != 0 {
            Some(format!("exited with code {}", exit.code))
        } else {
            None
        };
        let stdout_base64 = std::str::from_utf8(&output.stdout)
            .is_err()
            .then(|| base64::engine::general_purpose::STANDARD.encode(&output.stdout));
        let process = ProcessResult {
            exit_code: match exit {
                Exit { timed_out: true, .. } => 124,
                // A full workspace it was told of, and has ended by itself.
                Exit { limit: Some(Limit::Storage), signal: 0, code, .. } => code,
                // Also where it was quicker to end by itself than to be killed.
                Exit { limit: Some(_), .. } => 128 + SIGKILL,
                Exit { signal: 0, code, .. } => code,
                Exit { signal, .. } => 128 + signal,
            },
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            duration_ms: u32::try_from(exit.wall_us / 1000).unwrap_or(i32::MAX as u32),
            truncated: output.truncated,
            signal: (exit.signal != 0).then(|| signal_name(exit.signal)),
            timed_out: exit.timed_out,
            limit,
            // A supervisor that was killed has told nothing.
            peak_memory_bytes: (exit.peak_bytes > 0).then_some(exit.peak_bytes),
            cpu_ms: (exit.peak_bytes > 0).then_some(exit.cpu_us / 1000),
            stdout_base64,
        };
        Self { output: Some(CommandOutput::Process(process)), error, hung: false, ran: None }
    }
}

impl From<Result<CommandOutput, String>> for Outcome {
    fn from(result: Result<CommandOutput, String>) -> Self {
        match result {
            Ok(output) => Self { output: Some(output), error: None, hung: false, ran: None },
            Err(error) => Self::failed(error),
        }
    }
}

/// What a program wrote, as far as it is kept.
#[derive(Default)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    truncated: bool,
}

impl Output {
    /// Keeps a piece, as far as there is room: at most `most` bytes of each stream.
    pub fn keep(&mut self, stream: OutputStream, data: &[u8], most: usize) {
        let kept = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        let room = most.saturating_sub(kept.len());
        self.truncated |= data.len() > room;
        kept.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// Where it was cut within a character, that goes too: text stays text.
    fn end_at_a_character(&mut self) {
        if !self.truncated {
            return;
        }
        for kept in [&mut self.stdout, &mut self.stderr] {
            if let Err(e) = std::str::from_utf8(kept)
                && e.error_len().is_none()
            {
                kept.truncate(e.valid_up_to());
            }
        }
    }
}

fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        other => return format!("signal {other}"),
    };
    format!("SIG{name}")
}
