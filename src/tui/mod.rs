//! The workbench: sessions, editor, output and statistics in a terminal.
//!
//! A model that only `update` changes, a view that changes nothing, effects that alone talk to the engine, and one
//! loop between them and the terminal. Knows the engine as a trait: not which runtimes there are behind it, nor
//! whether it is in this process.
//!
//! - the loop: [`run`](fn@run) and `run`, `term`, `keyboard` and `answers` (what the terminal says among the keys), `outside` (the
//!   person's own editor has it);
//! - what is known: `model`, and its parts: `buffers`, `document` and `editor` (texts), `output` and `sink`, `history`,
//!   `race`, `bench`, `files` and `workspace`, `trace` (figures), `wire` (messages), `log`, `tour`;
//! - what changes it: `update`, a file an area, by `msg`; what it is asked to: `commands` (the one table), `keys` and `keymap`;
//! - what is drawn: `layout`, `view`, `overlay` (boxes, each with its state and its keys), `widget`, `theme`, `screenshot`;
//! - what is done: `effects`; and what outlives a start: `state` (looks and places), `past` (runs) and `recovery` (texts that were not saved).

mod answers;
mod bench;
mod buffers;
mod charset;
mod clipboard;
mod commands;
mod connection;
mod diff;
mod disk;
mod document;
mod editor;
mod effects;
mod files;
mod highlight;
mod history;
mod ingest;
#[doc(hidden)]
pub mod internals;
mod keyboard;
mod keymap;
mod keys;
mod layout;
mod log;
mod look;
mod model;
mod msg;
mod output;
mod outside;
mod overlay;
mod past;
mod race;
mod ratios;
mod recovery;
mod remedy;
mod run;
mod samples;
mod screen;
mod screenshot;
mod sink;
mod state;
mod stop;
mod term;
mod text;
mod theme;
mod tour;
mod trace;
mod traceback;
mod typed;
mod update;
mod view;
mod widget;
mod wire;
mod workbench;
mod workspace;

use std::io::IsTerminal as _;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::engine::Engine;

pub use bench::{BenchMsg, BenchTask, KeepFailure, Reading};
pub use clipboard::Clipboard;
pub use keymap::{KeyRow, Outer, key_rows};
pub use msg::{
    BufferId, Content, Copied, Decision, Edited, Effect, FileMsg, Handed, LinkMsg, LookMsg, Msg, OutputMsg,
    Reached, Replace, RunMsg, RuntimeMsg, SaveFailure, SessionMsg, Source, Spooled, Stamp, Unsaved,
};
pub use run::{Control, Exit, drive};
pub use samples::{SAMPLES, Sample, sample};
pub use screenshot::{SCREENS, ScreenshotError, names as screen_names, screenshot};
pub use state::Remembered;
pub use theme::{ColourTier, TerminalKind, light_from_vars};
pub use workbench::{Options, Report, Workbench};
pub use workspace::{Done, FilesMsg, Kept, Refusal, Seen, Task};

/// Why the workbench could not be shown, or not any longer.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Input or output is a file or a pipe.
    #[error("the workbench needs a terminal: use `codebeaker run FILE` where there is none")]
    NoTerminal,
    /// The terminal refused something.
    #[error("the terminal can't be used: {0}")]
    Terminal(String),
}

/// Shows the workbench on this terminal until it is left, and restores the terminal whatever happens.
///
/// The engine is not shut down: that is its owner's business. To be awaited on the thread that owns the terminal; the
/// future can't be sent to another.
pub async fn run(options: Options, engine: Arc<dyn Engine>) -> Result<Exit, TuiError> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let mouse = options.settings.ui.mouse != Some(false);
    let mut guard = term::TerminalGuard::enter(options.outer.tells_keys, mouse).map_err(terminal_error)?;
    // The guard gives the cursor back. Dropped, this would do it too, and panic where the terminal has gone away, before
    // sessions are closed.
    let mut terminal = ManuallyDrop::new(term::open().map_err(terminal_error)?);
    let keyboard = guard.keyboard();
    drive(&mut terminal, keyboard, engine, options, &mut guard).await
}

fn terminal_error(error: impl std::fmt::Display) -> TuiError {
    TuiError::Terminal(error.to_string())
}
