//! The presets: keys that come before the table's.
//!
//! Vim's normal mode is the editor's state for commands, so what it has no key for keeps the workbench's: `r` runs, `s n`
//! makes a session, Space opens the menu.

use super::Preset;
use crate::tui::commands::Place;
use crate::tui::model::Pane;

use Pane::Editor;
use Place::{Everywhere, In, Selecting, Workbench};

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

const VIM: &[Row] = &[
    ("motion.left", In(Editor), &["h"]),
    ("motion.right", In(Editor), &["l"]),
    ("motion.up", In(Editor), &["k"]),
    ("motion.down", In(Editor), &["j", "enter"]),
    ("motion.word-right", In(Editor), &["w"]),
    ("motion.word-left", In(Editor), &["b"]),
    ("motion.word-end", In(Editor), &["e"]),
    ("motion.home", In(Editor), &["0"]),
    ("motion.end", In(Editor), &["$"]),
    ("motion.top", In(Editor), &["g g"]),
    ("motion.bottom", In(Editor), &["G"]),
    ("motion.half-up", In(Editor), &["ctrl-u"]),
    ("motion.half-down", In(Editor), &["ctrl-d"]),
    ("motion.page-up", In(Editor), &["ctrl-b"]),
    ("motion.page-down", In(Editor), &["ctrl-f"]),
    ("edit.type", In(Editor), &["i"]),
    ("text.insert-first", In(Editor), &["I"]),
    ("text.append", In(Editor), &["a"]),
    ("text.append-end", In(Editor), &["A"]),
    ("edit.open-below", In(Editor), &["o"]),
    ("edit.open-above", In(Editor), &["O"]),
    ("text.delete", In(Editor), &["x"]),
    ("text.delete-word", In(Editor), &["d w"]),
    ("text.change-word", In(Editor), &["c w"]),
    ("text.change-end", In(Editor), &["C"]),
    ("text.change-line", In(Editor), &["c c", "S"]),
    ("edit.delete-line", In(Editor), &["d d"]),
    ("edit.delete-to-end", In(Editor), &["D"]),
    ("edit.copy", In(Editor), &["y y", "Y"]),
    ("text.put", In(Editor), &["p"]),
    ("edit.paste", In(Editor), &["P"]),
    ("edit.join-lines", In(Editor), &["J"]),
    ("edit.indent", In(Editor), &["> >"]),
    ("edit.outdent", In(Editor), &["< <"]),
    ("edit.bracket", In(Editor), &["%"]),
    ("edit.undo", Workbench, &["u"]),
    ("edit.redo", Workbench, &["ctrl-r"]),
    ("edit.search", In(Editor), &["/"]),
    ("edit.search-next", In(Editor), &["n"]),
    ("edit.search-previous", In(Editor), &["N"]),
    ("text.select", In(Editor), &["v"]),
    ("text.select-lines", In(Editor), &["V"]),
    ("text.copy", Selecting, &["y"]),
    ("text.cut", Selecting, &["d", "x"]),
    ("text.change", Selecting, &["c"]),
    ("edit.indent", Selecting, &[">"]),
    ("edit.outdent", Selecting, &["<"]),
    ("text.cancel", Selecting, &["esc", "v"]),
    ("app.quit", Workbench, &["Z Z"]),
];

const EMACS: &[Row] = &[
    ("motion.home", In(Editor), &["ctrl-a"]),
    ("motion.end", In(Editor), &["ctrl-e"]),
    ("motion.right", In(Editor), &["ctrl-f"]),
    ("motion.left", In(Editor), &["ctrl-b"]),
    ("motion.up", In(Editor), &["ctrl-p"]),
    ("motion.down", In(Editor), &["ctrl-n"]),
    ("motion.page-down", In(Editor), &["ctrl-v"]),
    ("text.delete", In(Editor), &["ctrl-d"]),
    ("edit.delete-to-end", In(Editor), &["ctrl-k"]),
    ("edit.paste", In(Editor), &["ctrl-y"]),
    ("edit.cut", In(Editor), &["ctrl-w"]),
    ("edit.search", In(Editor), &["ctrl-s"]),
    ("text.cancel", In(Editor), &["ctrl-g"]),
    ("edit.select-all", In(Editor), &["ctrl-x h"]),
    ("edit.undo", Workbench, &["ctrl-x u"]),
    ("file.save", Workbench, &["ctrl-x ctrl-s"]),
    ("file.open", Workbench, &["ctrl-x ctrl-f"]),
    ("file.switch", Workbench, &["ctrl-x b"]),
    ("file.close", Workbench, &["ctrl-x k"]),
    ("app.quit", Everywhere, &["ctrl-x ctrl-c"]),
    ("app.back", Everywhere, &["ctrl-g"]),
];
