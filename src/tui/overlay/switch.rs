//! The list of open texts.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;

use super::Outcome;
use crate::tui::buffers;
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;

/// Which row is chosen.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    selected: usize,
}

impl Switch {
    pub(crate) fn new(model: &Model) -> Self {
        let at = buffers::listed(model).iter().position(|one| one.id == model.document.id);
        Self { selected: at.unwrap_or(0) }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let all = buffers::listed(model);
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.selected = (self.selected + 1).min(all.len() - 1),
            KeyCode::Enter => {
                if let Some(one) = all.get(self.selected) {
                    buffers::show_buffer(model, one.id);
                }
                return Outcome::Close(Vec::new());
            }
            _ => {}
        }
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let all = buffers::listed(model);
        let rows = u16::try_from(all.len()).unwrap_or(u16::MAX).min(14);
        let area = centred(model.room(), 72, rows.saturating_add(4));
        let inside = over("Open texts", &all.len().to_string(), theme, area, frame);
        if inside.width < 4 || inside.height < 3 {
            return;
        }
        let (width, fits) = (usize::from(inside.width), usize::from(inside.height - 2));
        let first = (self.selected + 1).saturating_sub(fits);
        for ((at, one), y) in all.iter().enumerate().skip(first).take(fits).zip(inside.y..) {
            let chosen = at == self.selected;
            let mark = if chosen { theme.glyphs.pointer } else { " " };
            let name = text::pad(&one.name, (width / 3).min(24), theme.glyphs.cut);
            let state = if one.unsaved { "* not saved" } else { "" };
            let line = format!(" {mark} {name}  {state:11}  {}", one.place);
            let line = text::pad(&line, width, theme.glyphs.cut);
            let role = if chosen { Role::Selected } else { Role::Text };
            frame.buffer_mut().set_string(inside.x, y, line, theme.style(role));
        }
        let hint = text::fit("Enter show   Esc back", width - 1, theme.glyphs.cut);
        frame.buffer_mut().set_string(inside.x + 1, inside.bottom() - 1, hint, theme.style(Role::KeysKey));
    }
}
