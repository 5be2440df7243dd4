//! The list of what a benchmark can be compared with: those that were kept, and the published figures.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::Outcome;
use crate::bench::published;
use crate::tui::bench::BenchTask;
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;

/// So many are shown at once.
const SHOWN: u16 = 14;

/// The names, and which is chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baselines {
    /// Those that were kept; `None` while that is being asked.
    names: Option<Vec<String>>,
    selected: usize,
}

impl Baselines {
    /// The names are known.
    pub(crate) fn learn(&mut self, names: &[String]) {
        self.names = Some(names.iter().map(|name| text::sanitise(name).into_owned()).collect());
    }

    /// Each with what it is: names, the published figures, nothing.
    fn rows(&self) -> Vec<(Option<&str>, String)> {
        let kept = self.names.iter().flatten().map(|name| (Some(name.as_str()), name.clone()));
        let seed = (
            Some(published::NAME),
            format!("{}   the original project's published figures", published::NAME),
        );
        kept.chain([seed, (None, "nothing".to_owned())]).collect()
    }

    pub(super) fn press(&mut self, key: &KeyEvent) -> Outcome {
        let last = self.rows().len() - 1;
        match key.code {
            KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => {
                self.selected = self.selected.saturating_sub(1)
            }
            KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => {
                self.selected = (self.selected + 1).min(last)
            }
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(usize::from(SHOWN)),
            KeyCode::PageDown => self.selected = (self.selected + usize::from(SHOWN)).min(last),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::Enter => return self.take(),
            _ => {}
        }
        Outcome::Stay(Vec::new())
    }

    fn take(&self) -> Outcome {
        let name = self.rows().get(self.selected).and_then(|(name, _)| name.map(str::to_owned));
        Outcome::Close(vec![Effect::Bench(BenchTask::Compare(name))])
    }

    /// The box, and the first row that is shown of so many.
    fn places(&self, model: &Model) -> (Rect, usize) {
        let many = u16::try_from(self.rows().len()).unwrap_or(u16::MAX);
        let area = centred(model.room(), 60, many.min(SHOWN).saturating_add(4));
        let shown = usize::from(area.height.saturating_sub(4)).max(1);
        (area, (self.selected + 1).saturating_sub(shown))
    }

    /// A click on one compares with it.
    pub(super) fn click(&mut self, at: Position, model: &Model) -> Outcome {
        let (area, first) = self.places(model);
        let shown = Rect { y: area.y + 1, height: area.height.saturating_sub(4), ..area };
        if !shown.contains(at) {
            return Outcome::Stay(Vec::new());
        }
        let row = first + usize::from(at.y - shown.y);
        if row >= self.rows().len() {
            return Outcome::Stay(Vec::new());
        }
        self.selected = row;
        self.take()
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let (area, first) = self.places(model);
        let inside = over("Compare with", "Esc back", theme, area, frame);
        let width = usize::from(inside.width);
        let mut put = |y: u16, words: &str, role: Role| {
            if y < inside.bottom() {
                let words = text::pad(words, width, theme.glyphs.cut);
                frame.buffer_mut().set_string(inside.x, y, words, theme.style(role));
            }
        };
        let last = inside.bottom().saturating_sub(2);
        for ((at, (_, words)), y) in self.rows().iter().enumerate().skip(first).zip(inside.top()..last) {
            let selected = at == self.selected;
            let mark = if selected { theme.glyphs.pointer } else { " " };
            put(y, &format!("{mark} {words}"), if selected { Role::Selected } else { Role::Text });
        }
        let note = match &self.names {
            None => " looking for those that were kept",
            Some(names) if names.is_empty() => " none was kept yet: k keeps one",
            Some(_) => "",
        };
        put(last, note, Role::Muted);
        put(last + 1, &format!(" Enter compare   {} choose   Esc back", theme.glyphs.updown), Role::KeysKey);
    }
}
