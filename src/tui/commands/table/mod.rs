//! The rows of the table, a file an area.

mod app;
mod bench;
mod connection;
mod edit;
mod file;
mod files;
mod history;
mod keymap;
mod look;
mod messages;
mod motions;
mod output;
mod run;
mod runtime;
mod sample;
mod session;
mod view;

use super::{Cmd, Place, Spec};

/// Every command; the bottom line, the help and the palette show them in this order.
const AREAS: &[&[Spec]] = &[
    run::ROWS,
    bench::ROWS,
    edit::ROWS,
    session::ROWS,
    history::ROWS,
    file::ROWS,
    files::ROWS,
    output::ROWS,
    runtime::ROWS,
    connection::ROWS,
    sample::ROWS,
    messages::ROWS,
    look::ROWS,
    view::ROWS,
    keymap::ROWS,
    motions::ROWS,
    app::ROWS,
];

const fn row(
    cmd: Cmd,
    id: &'static str,
    place: Place,
    keys: &'static [&'static str],
    brief: &'static str,
    title: &'static str,
    help: &'static str,
) -> Spec {
    Spec { cmd, id, title, help, keys, place, brief }
}

/// Every row.
pub(crate) fn specs() -> impl Iterator<Item = &'static Spec> {
    AREAS.iter().copied().flatten()
}
