//! What an engine tells while something is under way.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ids::{ExecutionId, SessionId};
use super::names::wire_enum;
use super::result::ExecuteResult;
use super::runtime::RuntimeType;
use super::session::SessionState;

wire_enum! {
    /// Which of a program's two outputs.
    pub enum OutputStream {
        /// Standard output; of a program in a terminal, everything.
        Stdout = "stdout";
        /// Standard error.
        Stderr = "stderr";
    }
}

/// What happens in one execution, in order; `Finished` comes last, exactly once.
#[derive(Clone, Debug, PartialEq)]
pub enum ExecutionEvent {
    /// Its turn came and its program was started (or its file command begun).
    Started,
    /// The program wrote these bytes.
    Output {
        /// Where.
        stream: OutputStream,
        /// Exactly what it wrote.
        data: Bytes,
    },
    /// So many bytes could not be passed on, because they were not taken in time.
    Lagged {
        /// Bytes of both streams.
        skipped: u64,
    },
    /// It ended.
    Finished(Box<ExecuteResult>),
}

/// What happens to sessions, told to everybody who subscribes. One who reads too slowly is told how many he missed.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionEvent {
    /// A session changed its state; `Closed` and `Lost` come last.
    State {
        /// Which session.
        session_id: SessionId,
        /// Its state now.
        state: SessionState,
        /// Why, where that is not obvious: `idle for 30 minutes`.
        reason: Option<String>,
    },
    /// An execution began.
    Started {
        /// In which session.
        session_id: SessionId,
        /// Which.
        execution_id: ExecutionId,
    },
    /// An execution ended.
    Finished {
        /// In which session.
        session_id: SessionId,
        /// Which.
        execution_id: ExecutionId,
        /// Its result was a success.
        success: bool,
    },
}

/// How far the fetching of a runtime is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "camelCase")]
pub enum Progress {
    /// Asks what the newest version is.
    Resolving {
        /// Which runtime.
        runtime: RuntimeType,
        /// Whom.
        from: String,
    },
    /// Bytes arrive.
    Downloading {
        /// Which runtime.
        runtime: RuntimeType,
        /// So far.
        received: u64,
        /// Of how many, where that is known.
        total: Option<u64>,
    },
    /// An image is built.
    Building {
        /// Which runtime.
        runtime: RuntimeType,
        /// Which image.
        image: String,
        /// The step of its recipe that is done now, from 1.
        step: u32,
        /// Of how many.
        steps: u32,
        /// What the step last said.
        what: String,
    },
    /// Any other step, in a word or two: `verifying`, `unpacking`, `waiting for another process`.
    Step {
        /// Which runtime.
        runtime: RuntimeType,
        /// What.
        what: String,
    },
    /// It is there.
    Done {
        /// Which runtime.
        runtime: RuntimeType,
        /// Which version.
        version: String,
    },
}

impl Progress {
    /// Which runtime this is about.
    pub fn runtime(&self) -> RuntimeType {
        match self {
            Self::Resolving { runtime, .. }
            | Self::Downloading { runtime, .. }
            | Self::Building { runtime, .. }
            | Self::Step { runtime, .. }
            | Self::Done { runtime, .. } => *runtime,
        }
    }
}

wire_enum! {
    /// A signal that can be sent to a program.
    pub enum Signal {
        /// Interrupt: what Ctrl-C sends.
        Int = "INT" | "SIGINT", # 2;
        /// Terminate.
        Term = "TERM" | "SIGTERM", # 15;
        /// Kill: can't be ignored.
        Kill = "KILL" | "SIGKILL", # 9;
        /// Hang up.
        Hup = "HUP" | "SIGHUP", # 1;
        /// Quit: what Ctrl-\ sends.
        Quit = "QUIT" | "SIGQUIT", # 3;
        /// User-defined.
        Usr1 = "USR1" | "SIGUSR1", # 10;
        /// User-defined.
        Usr2 = "USR2" | "SIGUSR2", # 12;
    }
}

impl Signal {
    /// Its number on Linux.
    pub fn number(self) -> i32 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Kill => 9,
            Self::Usr1 => 10,
            Self::Usr2 => 12,
            Self::Term => 15,
        }
    }
}
