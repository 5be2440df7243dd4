//! Files.

use super::{Place, Spec, row};
use crate::tui::commands::{Cmd, FileCmd};
use crate::tui::model::Pane::Editor;

use Place::{In, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Save,
        "file.save",
        Workbench,
        &["f4", "w", "ctrl-s"],
        "",
        "File: save",
        "saves the editor's text to its file",
    ),
    row(
        Cmd::File(FileCmd::Open),
        "file.open",
        Workbench,
        &["f o"],
        "",
        "File: open",
        "opens another file of this machine",
    ),
    row(
        Cmd::File(FileCmd::New),
        "file.new",
        Workbench,
        &["f n"],
        "",
        "File: new scratch",
        "opens a new text that has no file yet",
    ),
    row(
        Cmd::File(FileCmd::Switch),
        "file.switch",
        Workbench,
        &["f l"],
        "",
        "File: switch to another",
        "lists the open texts",
    ),
    row(
        Cmd::File(FileCmd::Next),
        "file.next",
        Workbench,
        &["f f"],
        "",
        "File: next",
        "shows the text that was opened after this one",
    ),
    row(
        Cmd::File(FileCmd::Previous),
        "file.previous",
        Workbench,
        &["f p"],
        "",
        "File: previous",
        "shows the text that was opened before this one",
    ),
    row(
        Cmd::File(FileCmd::Close),
        "file.close",
        Workbench,
        &["f c"],
        "",
        "File: close",
        "closes this text; asks if it is not saved",
    ),
    row(
        Cmd::File(FileCmd::EditOutside),
        "file.edit-outside",
        In(Editor),
        &["e"],
        "",
        "File: edit in $EDITOR",
        "hands the text to $VISUAL or $EDITOR and takes it back",
    ),
];
