//! Asks for a session's name. The engine has no way to change it, so that it is kept in this workbench.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use crate::protocol::{SessionId, SessionInfo};
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// The longest name, in cells.
const LONGEST: usize = 60;

/// The name being typed.
#[derive(Clone, Debug)]
pub(crate) struct Rename {
    session: SessionId,
    pub(super) field: Field,
}

impl Rename {
    pub(crate) fn new(info: &SessionInfo) -> Self {
        let name = info.name.as_deref().unwrap_or_default();
        Self { session: info.session_id.clone(), field: Field::new(name) }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        if key.code != KeyCode::Enter {
            self.field.key(key);
            return Outcome::Stay(Vec::new());
        }
        let name = text::fit(self.field.text().trim(), LONGEST, "").into_owned();
        // It may be gone by now.
        if let Some(row) = model.sessions.find(&self.session) {
            row.rename(name);
        }
        Outcome::Close(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let inside = over("Name the session", "", theme, centred(model.room(), 64, 5), frame);
        let row = |y: u16| {
            Rect::new(inside.x + 1, inside.y + y, inside.width.saturating_sub(2), 1).intersection(inside)
        };
        self.field.draw(theme, row(0), true, frame);
        let hint = text::fit("Enter keep   Esc back", usize::from(row(2).width), theme.glyphs.cut);
        if !row(2).is_empty() {
            frame.buffer_mut().set_string(row(2).x, row(2).y, hint, theme.style(Role::KeysKey));
        }
    }
}
