//! Motions in the editor, and what vim's normal mode has besides. Most have keys in the presets alone: without one arrows
//! do what they do.

use super::{Place, Spec, row};
use crate::tui::commands::{Cmd, Vi};
use crate::tui::editor::Motion;
use crate::tui::model::Pane::Editor;

use Place::{In, Selecting};

const fn motion(motion: Motion, id: &'static str, title: &'static str, help: &'static str) -> Spec {
    keyed(motion, id, &[], title, help)
}

/// One that has a key in every preset.
const fn keyed(
    motion: Motion,
    id: &'static str,
    keys: &'static [&'static str],
    title: &'static str,
    help: &'static str,
) -> Spec {
    row(Cmd::Motion(motion), id, In(Editor), keys, "", title, help)
}

pub(super) const ROWS: &[Spec] = &[
    motion(Motion::Left, "motion.left", "Left", "goes a character to the left"),
    motion(Motion::Right, "motion.right", "Right", "goes a character to the right"),
    motion(Motion::Up, "motion.up", "Up", "goes a line up"),
    motion(Motion::Down, "motion.down", "Down", "goes a line down"),
    motion(Motion::WordRight, "motion.word-right", "Next word", "goes to the next word"),
    motion(
        Motion::WordLeft,
        "motion.word-left",
        "Word back",
        "goes to the beginning of the word, or the one before",
    ),
    keyed(
        Motion::WordEnd,
        "motion.word-end",
        &["E"],
        "Word's end",
        "goes to the end of the word, or of the next",
    ),
    motion(Motion::Home, "motion.home", "Line's beginning", "goes to the beginning of the line"),
    keyed(
        Motion::FirstNonBlank,
        "motion.first",
        &["^"],
        "Line's text",
        "goes to the first character that is no blank",
    ),
    motion(Motion::End, "motion.end", "Line's end", "goes to the end of the line"),
    motion(Motion::Top, "motion.top", "First line", "goes to the beginning of the text"),
    motion(Motion::Bottom, "motion.bottom", "Last line", "goes to the end of the text"),
    motion(Motion::PageUp, "motion.page-up", "Page up", "goes a page up"),
    motion(Motion::PageDown, "motion.page-down", "Page down", "goes a page down"),
    keyed(Motion::HalfPageUp, "motion.half-up", &["ctrl-pageup"], "Half a page up", "goes half a page up"),
    keyed(
        Motion::HalfPageDown,
        "motion.half-down",
        &["ctrl-pagedown"],
        "Half a page down",
        "goes half a page down",
    ),
    keyed(Motion::ParagraphUp, "motion.paragraph-up", &["{"], "Paragraph up", "goes to the blank line above"),
    keyed(
        Motion::ParagraphDown,
        "motion.paragraph-down",
        &["}"],
        "Paragraph down",
        "goes to the blank line below",
    ),
    row(
        Cmd::Vi(Vi::InsertFirst),
        "text.insert-first",
        In(Editor),
        &[],
        "",
        "Type at its text",
        "types before the first character of the line",
    ),
    row(
        Cmd::Vi(Vi::Append),
        "text.append",
        In(Editor),
        &[],
        "",
        "Type after",
        "types after the cursor's character",
    ),
    row(
        Cmd::Vi(Vi::AppendEnd),
        "text.append-end",
        In(Editor),
        &[],
        "",
        "Type at the end",
        "types at the end of the line",
    ),
    row(
        Cmd::Vi(Vi::Delete),
        "text.delete",
        In(Editor),
        &[],
        "",
        "Delete character",
        "deletes the cursor's character",
    ),
    row(
        Cmd::Vi(Vi::DeleteWord),
        "text.delete-word",
        In(Editor),
        &[],
        "",
        "Delete word",
        "deletes up to the next word",
    ),
    row(
        Cmd::Vi(Vi::ChangeWord),
        "text.change-word",
        In(Editor),
        &[],
        "",
        "Change word",
        "deletes the rest of the word and types",
    ),
    row(
        Cmd::Vi(Vi::ChangeEnd),
        "text.change-end",
        In(Editor),
        &[],
        "",
        "Change to the end",
        "deletes the rest of the line and types",
    ),
    row(
        Cmd::Vi(Vi::ChangeLine),
        "text.change-line",
        In(Editor),
        &[],
        "",
        "Change line",
        "deletes the line's text and types",
    ),
    row(
        Cmd::Vi(Vi::Put),
        "text.put",
        In(Editor),
        &[],
        "",
        "Paste after",
        "puts in what was copied or cut, after the cursor",
    ),
    row(
        Cmd::Vi(Vi::Select),
        "text.select",
        In(Editor),
        &[],
        "",
        "Select",
        "selects with every motion, until Esc",
    ),
    row(
        Cmd::Vi(Vi::SelectLines),
        "text.select-lines",
        In(Editor),
        &[],
        "",
        "Select lines",
        "selects the line, and more with every motion",
    ),
    row(Cmd::Vi(Vi::Copy), "text.copy", Selecting, &[], "", "Copy selection", "copies what is selected"),
    row(
        Cmd::Vi(Vi::Cut),
        "text.cut",
        Selecting,
        &[],
        "",
        "Cut selection",
        "takes what is selected, to be pasted elsewhere",
    ),
    row(
        Cmd::Vi(Vi::Change),
        "text.change",
        Selecting,
        &[],
        "",
        "Change selection",
        "takes what is selected and types",
    ),
    row(Cmd::Vi(Vi::Cancel), "text.cancel", Selecting, &[], "", "Select nothing", "selects nothing any more"),
];
