//! Asks for the file to save scratch to.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;

use super::Outcome;
use super::path::{self as form, Words};
use crate::tui::model::Model;
use crate::tui::msg::{Effect, Replace};
use crate::tui::theme::Theme;
use crate::tui::widget::field::Field;

/// The path being typed.
#[derive(Clone, Debug)]
pub(crate) struct SaveAs {
    pub(super) field: Field,
}

impl SaveAs {
    pub(crate) fn new(name: &str) -> Self {
        Self { field: Field::new(name) }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        let path = self.field.text().trim();
        if key.code == KeyCode::Enter && !path.is_empty() {
            return Outcome::Close(vec![Effect::Save {
                buffer: model.document.id,
                path: PathBuf::from(path),
                text: model.file_text(),
                revision: model.editor.revision(),
                replace: Replace::Never,
            }]);
        }
        self.field.key(key);
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let words = Words { title: "Save as", right: "", notes: &[], hint: "Enter save   Esc back" };
        form::draw(&self.field, words, model, theme, frame);
    }
}
