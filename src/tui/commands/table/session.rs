//! Sessions.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::model::Pane;

use Pane::{Sessions, Stats};
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
    row(
        Cmd::RenameSession,
        "session.rename",
        In(Sessions),
        &["r"],
        "name",
        "Session: name",
        "gives the chosen session a name, in this workbench",
    ),
    row(
        Cmd::CloseIdle,
        "session.close-idle",
        In(Sessions),
        &["X"],
        "",
        "Session: close all idle",
        "closes your sessions in which nothing runs, after asking",
    ),
    row(Cmd::Top, "move.top", In(Sessions), &["home", "g"], "", "Top", "chooses the first session"),
    row(Cmd::Bottom, "move.bottom", In(Sessions), &["end", "G"], "", "Bottom", "chooses the last session"),
    row(Cmd::PageUp, "move.page-up", In(Sessions), &["pageup"], "", "Page up", "goes up a page"),
    row(Cmd::PageDown, "move.page-down", In(Sessions), &["pagedown"], "", "Page down", "goes down a page"),
    row(Cmd::Up, "move.up", In(Sessions), &["up", "k"], "", "Up", "chooses the session above"),
    row(Cmd::Down, "move.down", In(Sessions), &["down", "j"], "", "Down", "chooses the session below"),
    row(Cmd::Up, "move.up", In(Stats), &["up", "k"], "", "Up", "scrolls up"),
    row(Cmd::Down, "move.down", In(Stats), &["down", "j"], "", "Down", "scrolls down"),
    row(Cmd::Top, "move.top", In(Stats), &["home", "g"], "", "Top", "scrolls to the first figures"),
    row(Cmd::Bottom, "move.bottom", In(Stats), &["end", "G"], "", "Bottom", "scrolls to the last figures"),
    row(Cmd::PageUp, "move.page-up", In(Stats), &["pageup"], "", "Page up", "scrolls a page up"),
    row(Cmd::PageDown, "move.page-down", In(Stats), &["pagedown"], "", "Page down", "scrolls a page down"),
];
