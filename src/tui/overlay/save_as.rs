//! Asks for the file to save scratch to, or a run's output.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;

use super::Outcome;
use super::path::{self as form, Words};
use crate::tui::buffers;
use crate::tui::disk;
use crate::tui::document::Document;
use crate::tui::editor::Editor;
use crate::tui::model::Model;
use crate::tui::msg::{BufferId, Effect, Replace};
use crate::tui::text;
use crate::tui::theme::Theme;
use crate::tui::widget::field::Field;

/// The path being typed.
#[derive(Clone, Debug)]
pub(crate) struct SaveAs {
    pub(super) field: Field,
    what: What,
}

/// What is saved.
#[derive(Clone, Copy, Debug)]
enum What {
    /// A text: the one it was asked for, whichever is shown.
    Text(BufferId),
    /// A run's output.
    Output(u32),
}

impl SaveAs {
    pub(crate) fn new(buffer: BufferId, name: &str) -> Self {
        Self { field: Field::new(name), what: What::Text(buffer) }
    }

    /// Asks for the file to save a run's output to.
    pub(crate) fn output(run: u32) -> Self {
        Self { field: Field::new(&format!("run-{run}.txt")), what: What::Output(run) }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        let typed = self.field.text().trim();
        if key.code == KeyCode::Enter && !typed.is_empty() {
            let path = PathBuf::from(disk::expand(typed));
            return Outcome::Close(match self.what {
                What::Output(run) => {
                    let text = model.output.run_text(run).unwrap_or_default();
                    vec![Effect::SaveOutput { run, path, text }]
                }
                What::Text(buffer) => {
                    let saved = buffers::all(model).find(|(document, _)| document.id == buffer);
                    let save = |(document, editor): (&Document, &Editor)| Effect::Save {
                        buffer,
                        path,
                        text: document.form.write(&editor.text()),
                        revision: editor.revision(),
                        replace: Replace::Never,
                    };
                    saved.map(save).into_iter().collect()
                }
            });
        }
        self.field.key(key);
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let title = match self.what {
            What::Text(_) => "Save as".to_owned(),
            What::Output(run) => format!("Save the output of run {run} as"),
        };
        // Where a name alone leads is not to be seen in it.
        let is_relative = Path::new(&disk::expand(self.field.text().trim())).is_relative();
        let base = &model.memory.base;
        let note = format!("in {}", text::sanitise(&base.to_string_lossy()));
        let notes = if is_relative && base.is_absolute() { vec![note] } else { Vec::new() };
        let words = Words { title: &title, right: "", notes: &notes, hint: "Enter save   Esc back" };
        form::draw(&self.field, words, model, theme, frame);
    }
}
