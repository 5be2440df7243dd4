//! The editor's text.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::model::Pane;

use Pane::Editor;
use Place::{In, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::TypeHere,
        "edit.type",
        In(Editor),
        &["enter", "i"],
        "type",
        "Editor: type",
        "types into the editor",
    ),
    row(
        Cmd::Undo,
        "edit.undo",
        Workbench,
        &["ctrl-_", "ctrl-7", "u"],
        "",
        "Edit: undo",
        "takes the last change back",
    ),
    row(Cmd::Redo, "edit.redo", Workbench, &["U"], "", "Edit: redo", "makes the change again"),
    row(
        Cmd::SelectAll,
        "edit.select-all",
        In(Editor),
        &["a"],
        "",
        "Edit: select all",
        "selects the whole text",
    ),
    row(
        Cmd::NextLanguage,
        "edit.language",
        In(Editor),
        &["l"],
        "language",
        "Edit: next language",
        "goes through the languages the text may be in",
    ),
];
