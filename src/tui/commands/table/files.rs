//! The files pane: the chosen session's workspace.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::files::FilesCmd;
use crate::tui::model::Pane;

use Pane::Files;
use Place::In;

const fn files(
    cmd: FilesCmd,
    id: &'static str,
    keys: &'static [&'static str],
    brief: &'static str,
    title: &'static str,
    help: &'static str,
) -> Spec {
    row(Cmd::Files(cmd), id, In(Files), keys, brief, title, help)
}

pub(super) const ROWS: &[Spec] = &[
    files(
        FilesCmd::Open,
        "files.open",
        &["enter", "o"],
        "open",
        "Files: open",
        "opens the chosen file in the editor, or opens and closes a directory",
    ),
    files(
        FilesCmd::NewFile,
        "files.new",
        &["n"],
        "new",
        "Files: new file",
        "makes an empty file in the session's workspace and opens it",
    ),
    files(
        FilesCmd::NewDirectory,
        "files.new-directory",
        &["N"],
        "",
        "Files: new directory",
        "makes a directory in the session's workspace",
    ),
    files(
        FilesCmd::Delete,
        "files.delete",
        &["x", "delete"],
        "delete",
        "Files: delete",
        "deletes the chosen file or directory; asks first where undo can't write it back",
    ),
    files(
        FilesCmd::Undo,
        "files.undo",
        &["u"],
        "undo",
        "Files: undo the deletion",
        "writes back what was deleted last in this session",
    ),
    files(
        FilesCmd::Rename,
        "files.rename",
        &["r"],
        "rename",
        "Files: rename or move",
        "gives the chosen file or directory another path",
    ),
    files(
        FilesCmd::Copy,
        "files.copy",
        &["c"],
        "copy",
        "Files: copy",
        "copies the chosen file, or a directory with all in it",
    ),
    files(
        FilesCmd::Upload,
        "files.upload",
        &["U"],
        "upload",
        "Files: upload",
        "copies a file or directory of this machine into the workspace",
    ),
    files(
        FilesCmd::Download,
        "files.download",
        &["D"],
        "download",
        "Files: download",
        "copies the chosen file or directory to this machine",
    ),
    files(
        FilesCmd::Filter,
        "files.filter",
        &["/"],
        "filter",
        "Files: filter",
        "shows what fits the letters you type, of all that is listed",
    ),
    files(
        FilesCmd::Refresh,
        "files.refresh",
        &["R"],
        "refresh",
        "Files: refresh",
        "lists the open directories again",
    ),
    files(
        FilesCmd::Hidden,
        "files.hidden",
        &["."],
        "",
        "Files: hidden names",
        "shows names that begin with a dot, or leaves them out",
    ),
    row(Cmd::Up, "move.up", In(Files), &["up", "k"], "", "Up", "chooses the file above"),
    row(Cmd::Down, "move.down", In(Files), &["down", "j"], "", "Down", "chooses the file below"),
    files(
        FilesCmd::Collapse,
        "files.collapse",
        &["left", "h"],
        "",
        "Files: close the directory",
        "closes the chosen directory, or goes to the one that holds it",
    ),
    files(
        FilesCmd::Expand,
        "files.expand",
        &["right", "l"],
        "",
        "Files: open the directory",
        "opens the chosen directory, or goes to the first in it",
    ),
    row(Cmd::Top, "move.top", In(Files), &["home", "g"], "", "Top", "chooses the first file"),
    files(FilesCmd::Last, "files.last", &["end", "G"], "", "Files: last", "chooses the last file"),
    row(Cmd::PageUp, "move.page-up", In(Files), &["pageup"], "", "Page up", "a page up"),
    row(Cmd::PageDown, "move.page-down", In(Files), &["pagedown"], "", "Page down", "a page down"),
];
