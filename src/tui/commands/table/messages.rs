//! The screen of messages.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::{Messages, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Messages,
        "rpc.open",
        Workbench,
        &["J"],
        "",
        "Messages: what passes over the wire",
        "shows the JSON-RPC messages to the engine and from it",
    ),
    row(
        Cmd::ReadMessage,
        "rpc.read",
        Messages,
        &["enter"],
        "read",
        "Messages: read",
        "reads the chosen message, or goes back to the list",
    ),
    row(
        Cmd::FilterMessages,
        "rpc.filter",
        Messages,
        &["/"],
        "filter",
        "Messages: filter",
        "shows the messages alone that hold a text",
    ),
    row(
        Cmd::PauseMessages,
        "rpc.pause",
        Messages,
        &["p", "space"],
        "pause",
        "Messages: pause",
        "stays at the chosen message, or goes on with the newest",
    ),
    row(
        Cmd::CopyMessage,
        "rpc.copy",
        Messages,
        &["y"],
        "copy",
        "Messages: copy",
        "copies the chosen message",
    ),
    row(
        Cmd::Follow,
        "output.follow",
        Messages,
        &["f", "end"],
        "",
        "Messages: newest",
        "goes to the newest message, or to the end of the one being read",
    ),
    row(
        Cmd::Top,
        "move.top",
        Messages,
        &["home", "g"],
        "",
        "Top",
        "goes to the oldest message, or to the beginning of the one being read",
    ),
    row(
        Cmd::Up,
        "move.up",
        Messages,
        &["up", "k"],
        "",
        "Up",
        "chooses the message before, or scrolls up in the one being read",
    ),
    row(
        Cmd::Down,
        "move.down",
        Messages,
        &["down", "j"],
        "",
        "Down",
        "chooses the message after, or scrolls down in the one being read",
    ),
    row(Cmd::PageUp, "move.page-up", Messages, &["pageup"], "", "Page up", "a page up"),
    row(Cmd::PageDown, "move.page-down", Messages, &["pagedown"], "", "Page down", "a page down"),
];
