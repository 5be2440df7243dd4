//! The output.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::model::Pane;

use Pane::Output;
use Place::In;

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::TypeInput,
        "output.input",
        In(Output),
        &["enter", "i"],
        "input",
        "Output: type input",
        "types a line for the running program to read",
    ),
    row(
        Cmd::EndInput,
        "output.eof",
        In(Output),
        &["ctrl-d"],
        "",
        "Output: end the input",
        "tells the running program that no more input comes",
    ),
    row(
        Cmd::Follow,
        "output.follow",
        In(Output),
        &["f", "end"],
        "follow",
        "Output: follow",
        "shows the newest output and stays there",
    ),
    row(
        Cmd::Wrap,
        "view.wrap",
        In(Output),
        &["W"],
        "wrap",
        "Output: wrap long lines",
        "breaks lines that are too long, or cuts them",
    ),
    row(Cmd::ClearOutput, "output.clear", In(Output), &["D"], "", "Output: clear", "forgets all output"),
    row(Cmd::Up, "move.up", In(Output), &["up", "k"], "", "Up", "scrolls up"),
    row(Cmd::Down, "move.down", In(Output), &["down", "j"], "", "Down", "scrolls down"),
    row(Cmd::Left, "move.left", In(Output), &["left", "h"], "", "Left", "scrolls left in lines that are cut"),
    row(
        Cmd::Right,
        "move.right",
        In(Output),
        &["right", "l"],
        "",
        "Right",
        "scrolls right in lines that are cut",
    ),
    row(Cmd::Top, "move.top", In(Output), &["home", "g"], "", "Top", "scrolls to the oldest output"),
    row(Cmd::PageUp, "move.page-up", In(Output), &["pageup"], "", "Page up", "scrolls a page up"),
    row(Cmd::PageDown, "move.page-down", In(Output), &["pagedown"], "", "Page down", "scrolls a page down"),
];
