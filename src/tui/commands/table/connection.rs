//! The way to the engine.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::{Everywhere, LinkLost};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Connect,
        "connection.open",
        Everywhere,
        &["c"],
        "",
        "Connection: to a server",
        "works with the engine of a server, or goes back to the one in this process",
    ),
    row(
        Cmd::Retry,
        "connection.retry",
        LinkLost,
        &["R"],
        "retry now",
        "Connection: retry now",
        "tries to have the link back at once",
    ),
    row(
        Cmd::Connect,
        "connection.open",
        LinkLost,
        &["c"],
        "other server",
        "Connection: to a server",
        "works with the engine of another server",
    ),
    row(
        Cmd::WorkLocally,
        "connection.local",
        LinkLost,
        &["l"],
        "work locally",
        "Connection: work locally",
        "works with the engine in this process; what runs there goes on",
    ),
];
