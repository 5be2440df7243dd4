//! The presets: keys that come before the table's.

use super::Preset;
use crate::tui::commands::Place;

/// Keys of a command in a place.
type Row = (&'static str, Place, &'static [&'static str]);

/// What a preset adds.
pub(super) fn rows(preset: Preset) -> impl Iterator<Item = Row> {
    let rows: &[Row] = match preset {
        Preset::Standard => &[],
        Preset::Vim => VIM,
        Preset::Emacs => EMACS,
    };
    rows.iter().copied()
}

const VIM: &[Row] = &[("app.quit", Place::Workbench, &["Z Z"])];

const EMACS: &[Row] = &[
    ("file.save", Place::Workbench, &["ctrl-x ctrl-s"]),
    ("app.quit", Place::Everywhere, &["ctrl-x ctrl-c"]),
    ("app.back", Place::Everywhere, &["ctrl-g"]),
];
