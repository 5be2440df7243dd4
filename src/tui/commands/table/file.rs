//! Files.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::Workbench;

pub(super) const ROWS: &[Spec] = &[row(
    Cmd::Save,
    "file.save",
    Workbench,
    &["f4", "w"],
    "",
    "File: save",
    "saves the editor's text to its file",
)];
