//! Runtimes, and the screen of them.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::{Setup, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Setup,
        "runtime.setup",
        Workbench,
        &["f3", "d"],
        "",
        "Runtimes: what is here",
        "shows every runtime, what is wrong with it, and fetches what can be fetched",
    ),
    row(
        Cmd::Fetch,
        "runtime.fetch",
        Setup,
        &["enter"],
        "choose",
        "Runtime: fetch or use",
        "fetches the chosen runtime if it can be fetched, or starts with it",
    ),
    row(
        Cmd::Recheck,
        "runtime.recheck",
        Setup,
        &["r"],
        "look again",
        "Runtime: look again",
        "looks for all runtimes again",
    ),
    row(
        Cmd::ShowFix,
        "runtime.fix",
        Setup,
        &["f"],
        "fix",
        "Runtime: show the fix",
        "shows what the chosen runtime needs, step by step; again goes to the next step",
    ),
    row(
        Cmd::CopyFix,
        "runtime.copy-fix",
        Setup,
        &["y"],
        "",
        "Runtime: copy the fix",
        "copies the step's line for a shell; nothing is run for you",
    ),
    row(
        Cmd::Report,
        "runtime.report",
        Setup,
        &["d"],
        "",
        "Runtime: write the report",
        "writes what codebeaker doctor prints to a file",
    ),
    row(Cmd::Up, "move.up", Setup, &["up", "k"], "", "Up", "chooses the runtime above"),
    row(Cmd::Down, "move.down", Setup, &["down", "j"], "", "Down", "chooses the runtime below"),
];
