//! Asks for the file to save scratch to, or a run's output.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;

use super::Outcome;
use super::path::{self as form, Words};
use crate::tui::disk;
use crate::tui::model::Model;
use crate::tui::msg::{Effect, Replace};
use crate::tui::text;
use crate::tui::theme::Theme;
use crate::tui::widget::field::Field;

/// The path being typed.
#[derive(Clone, Debug)]
pub(crate) struct SaveAs {
    pub(super) field: Field,
    /// Not the text, but this run's output.
    run: Option<u32>,
}

impl SaveAs {
    pub(crate) fn new(name: &str) -> Self {
        Self { field: Field::new(name), run: None }
    }

    /// Asks for the file to save a run's output to.
    pub(crate) fn output(run: u32) -> Self {
        Self { field: Field::new(&format!("run-{run}.txt")), run: Some(run) }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        let typed = self.field.text().trim();
        if key.code == KeyCode::Enter && !typed.is_empty() {
            let path = PathBuf::from(disk::expand(typed));
            if let Some(run) = self.run {
                let text = model.output.run_text(run).unwrap_or_default();
                return Outcome::Close(vec![Effect::SaveOutput { run, path, text }]);
            }
            return Outcome::Close(vec![Effect::Save {
                buffer: model.document.id,
                path,
                text: model.file_text(),
                revision: model.editor.revision(),
                replace: Replace::Never,
            }]);
        }
        self.field.key(key);
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let title =
            self.run.map_or_else(|| "Save as".to_owned(), |run| format!("Save the output of run {run} as"));
        // Where a name alone leads is not to be seen in it.
        let is_relative = Path::new(&disk::expand(self.field.text().trim())).is_relative();
        let base = &model.memory.base;
        let note = format!("in {}", text::sanitise(&base.to_string_lossy()));
        let notes = if is_relative && base.is_absolute() { vec![note] } else { Vec::new() };
        let words = Words { title: &title, right: "", notes: &notes, hint: "Enter save   Esc back" };
        form::draw(&self.field, words, model, theme, frame);
    }
}
