//! The highlighter without the frame it works for, where it has a few milliseconds at a time: `tests/benches/hot.rs`
//! measures it whole. For that alone; everything else that a bench needs of the workbench is public anyway.

use std::time::Duration;

use super::editor::{Action, Editor, Habits, Motion};
use super::highlight::Highlighter;
use super::msg::BufferId;

/// A text with its colours.
#[derive(Debug)]
pub struct Coloured {
    editor: Editor,
    highlighter: Highlighter,
}

impl Coloured {
    /// A text without colours, the cursor in one of its lines; the grammars are read.
    pub fn new(text: &str, line: usize) -> Self {
        let mut editor = Editor::new(text, Habits::default());
        editor.apply(Action::Move { motion: Motion::Line(line), select: false });
        let mut highlighter = Highlighter::default();
        highlighter.warm_up();
        Self { editor, highlighter }
    }

    /// Types a letter where the cursor is.
    pub fn type_letter(&mut self, letter: char) {
        self.editor.apply(Action::Insert(letter));
    }

    /// Takes back the last letter.
    pub fn take_letter(&mut self) {
        self.editor.apply(Action::Backspace);
    }

    /// Colours all lines, as those of the text with this number, in the language of this ending.
    pub fn colour(&mut self, text: u64, ending: &str) -> bool {
        self.highlighter.sync(BufferId(text), &self.editor, Some(ending));
        let lines = self.editor.lines();
        self.highlighter.ensure(lines, lines.len(), Duration::MAX)
    }
}
