//! Asks for the file to save scratch to.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::msg::{Effect, Replace};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

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
        let inside = over("Save as", "", theme, centred(model.size, 64, 5), frame);
        let row = |y: u16| {
            Rect::new(inside.x + 1, inside.y + y, inside.width.saturating_sub(2), 1).intersection(inside)
        };
        self.field.draw(theme, row(0), true, frame);
        let hint = text::fit("Enter save   Esc back", usize::from(row(2).width), theme.glyphs.cut);
        if !row(2).is_empty() {
            frame.buffer_mut().set_string(row(2).x, row(2).y, hint, theme.style(Role::KeysKey));
        }
    }
}
