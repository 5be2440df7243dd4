//! The program itself: panes, palette, help, quitting.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::model::Pane;

use Pane::{Editor, Files, History, Output, Sessions, Stats};
use Place::{Everywhere, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(Cmd::Leave, "app.back", Everywhere, &["esc"], "", "Back", "closes what is open, or leaves typing"),
    row(
        Cmd::Palette,
        "palette.open",
        Everywhere,
        &["f2", ":"],
        "palette",
        "Palette: all commands",
        "finds a command by what it is called",
    ),
    row(
        Cmd::FocusNext,
        "focus.next",
        Workbench,
        &["f6", "tab"],
        "next pane",
        "Focus: next pane",
        "goes to the next pane",
    ),
    row(
        Cmd::FocusPrevious,
        "focus.previous",
        Workbench,
        &["shift-f6", "shift-tab"],
        "",
        "Focus: previous pane",
        "goes to the pane before",
    ),
    row(
        Cmd::Focus(Sessions),
        "focus.sessions",
        Workbench,
        &["1", "s s"],
        "",
        "Focus: sessions",
        "goes to the sessions",
    ),
    row(
        Cmd::Focus(Files),
        "focus.files",
        Workbench,
        &["2"],
        "",
        "Focus: files",
        "goes to the session's files",
    ),
    row(Cmd::Focus(Editor), "focus.editor", Workbench, &["3"], "", "Focus: editor", "goes to the editor"),
    row(Cmd::Focus(Output), "focus.output", Workbench, &["4"], "", "Focus: output", "goes to the output"),
    row(Cmd::Focus(Stats), "focus.stats", Workbench, &["5"], "", "Focus: stats", "goes to the statistics"),
    row(Cmd::Focus(History), "focus.history", Workbench, &["6"], "", "Focus: history", "goes to the runs"),
    row(
        Cmd::Suspend,
        "app.suspend",
        Everywhere,
        &["ctrl-z"],
        "",
        "Suspend",
        "goes back to the shell; fg returns",
    ),
    row(Cmd::Help, "help.here", Everywhere, &["f1", "?"], "help", "Help", "shows the keys that work here"),
    row(
        Cmd::Quit,
        "app.quit",
        Everywhere,
        &["ctrl-q", "q"],
        "quit",
        "Quit",
        "ends CodeBeaker and its sessions here; asks if something runs or a file is unsaved",
    ),
];
