//! Runs.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::{Everywhere, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Run,
        "run.start",
        Workbench,
        &["f5", "r", "ctrl-enter"],
        "run",
        "Run: the editor's code",
        "runs the code, in a session that fits its language",
    ),
    row(
        Cmd::Stop,
        "run.stop",
        Everywhere,
        &["ctrl-c"],
        "stop",
        "Run: stop",
        "interrupts the running program; again within 2 s kills it",
    ),
];
