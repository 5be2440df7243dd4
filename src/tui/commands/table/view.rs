//! How the panes share the screen, and the mouse.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::{Everywhere, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Zoom,
        "pane.zoom",
        Workbench,
        &["z"],
        "",
        "Pane: zoom",
        "gives the pane in focus the room of all, or shares it again",
    ),
    row(Cmd::Wider, "pane.wider", Workbench, &[">"], "", "Pane: wider", "makes the pane in focus wider"),
    row(
        Cmd::Narrower,
        "pane.narrower",
        Workbench,
        &["<"],
        "",
        "Pane: narrower",
        "makes the pane in focus narrower",
    ),
    row(Cmd::Taller, "pane.taller", Workbench, &["+"], "", "Pane: taller", "makes the pane in focus taller"),
    row(Cmd::Lower, "pane.lower", Workbench, &["-"], "", "Pane: lower", "makes the pane in focus lower"),
    row(
        Cmd::Even,
        "pane.even",
        Workbench,
        &["="],
        "",
        "Pane: even",
        "makes the panes of a column equally high, and the columns as wide as usual",
    ),
    row(
        Cmd::ToggleMouse,
        "view.mouse",
        Everywhere,
        &[],
        "",
        "View: mouse off or on",
        "leaves the mouse to the terminal, so that its own selection works, or takes it again",
    ),
];
