//! Sessions.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::model::Pane;

use Pane::Sessions;
use Place::{In, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::NewSession,
        "session.new",
        In(Sessions),
        &["n"],
        "new",
        "Session: new",
        "creates a session on a runtime you choose, or by preference",
    ),
    row(
        Cmd::NewSession,
        "session.new",
        Workbench,
        &["s n"],
        "",
        "Session: new",
        "creates a session on a runtime you choose, or by preference",
    ),
    row(
        Cmd::CloseSession,
        "session.close",
        In(Sessions),
        &["x", "delete"],
        "close",
        "Session: close",
        "closes the chosen session and removes all it had",
    ),
    row(Cmd::Up, "move.up", In(Sessions), &["up", "k"], "", "Up", "chooses the session above"),
    row(Cmd::Down, "move.down", In(Sessions), &["down", "j"], "", "Down", "chooses the session below"),
];
