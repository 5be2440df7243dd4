//! The list of themes: everything is drawn in the chosen one while it is open. Enter keeps it, Esc goes back to what
//! was shown before.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use super::palette::score;
use crate::tui::layout::centred;
use crate::tui::model::{Model, Verdict};
use crate::tui::state::Chosen;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// What was typed, and which theme is being looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Themes {
    field: Field,
    selected: Option<String>,
}

impl Themes {
    /// The list, at the theme that is shown.
    pub(crate) fn new(shown: &str) -> Self {
        Self { field: Field::default(), selected: Some(shown.to_owned()) }
    }

    /// The theme being looked at.
    pub(crate) fn previewed(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// The names that fit what was typed.
    fn found<'a>(&self, model: &'a Model) -> Vec<&'a str> {
        let names = model.look.names();
        names.into_iter().filter(|name| score(self.field.text(), name).is_some()).collect()
    }

    fn at(&self, found: &[&str]) -> Option<usize> {
        found.iter().position(|name| Some(*name) == self.previewed())
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let found = self.found(model);
        let at = self.at(&found);
        let last = found.len().saturating_sub(1);
        let to = match key.code {
            KeyCode::Up => at.map_or(0, |at| at.saturating_sub(1)),
            KeyCode::Down => at.map_or(0, |at| (at + 1).min(last)),
            KeyCode::Home if self.field.text().is_empty() => 0,
            KeyCode::End if self.field.text().is_empty() => last,
            KeyCode::Enter => return self.keep(model),
            _ => {
                if self.field.key(key) {
                    self.settle(model);
                }
                return Outcome::Stay(Vec::new());
            }
        };
        if let Some(name) = found.get(to) {
            self.selected = Some((*name).to_owned());
        }
        Outcome::Stay(Vec::new())
    }

    pub(super) fn paste(&mut self, text: &str, model: &Model) {
        self.field.insert(text);
        self.settle(model);
    }

    /// Looks at the first theme that fits what is typed, if the one being looked at doesn't.
    fn settle(&mut self, model: &Model) {
        let found = self.found(model);
        if self.at(&found).is_none() {
            self.selected = found.first().map(|name| (*name).to_owned());
        }
    }

    fn keep(&self, model: &mut Model) -> Outcome {
        let found = self.found(model);
        let Some(name) = self.at(&found).and_then(|at| found.get(at)).map(|name| (*name).to_owned()) else {
            return Outcome::Stay(Vec::new());
        };
        let wrong =
            model.look.theme(&name).and_then(|(_, warnings)| warnings.first()).map(ToString::to_string);
        model.look.chosen = Some(Chosen::new(&name, &model.look.settings));
        let kept = format!("theme {name} is kept; for good: theme = \"{name}\" in config.toml");
        match wrong {
            Some(wrong) => model.tell(Verdict::Warn, wrong, kept),
            None => model.tell(Verdict::Ok, kept, ""),
        }
        Outcome::Close(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let found = self.found(model);
        let all = model.look.names().len();
        let rows = u16::try_from(all).unwrap_or(u16::MAX).clamp(1, 12);
        // To the side, so that what it is all about can be seen.
        let mut area = centred(model.room(), 46, rows + 5);
        area.x = model.room().width.saturating_sub(area.width + 2);
        let inside = over("Theme", &format!("{} of {all}", found.len()), theme, area, frame);
        if inside.width < 8 || inside.height < 3 {
            return;
        }
        let buffer = frame.buffer_mut();
        buffer.set_string(inside.x + 1, inside.y, ":", theme.style(Role::KeysKey));
        let rows = usize::from(inside.height - 3);
        let at = self.at(&found);
        let first = (at.unwrap_or(0) + 1).saturating_sub(rows);
        for (row, name) in found.iter().enumerate().skip(first).take(rows) {
            let y = inside.y + 2 + u16::try_from(row - first).unwrap_or(0);
            let selected = at == Some(row);
            let mark = if selected { theme.glyphs.pointer } else { " " };
            let kind = kind(model, name);
            let room = usize::from(inside.width).saturating_sub(5 + text::width(kind));
            let name = text::pad(name, room, theme.glyphs.cut);
            let line = text::pad(&format!(" {mark} {name} {kind} "), usize::from(inside.width), "");
            let role = if selected { Role::Selected } else { Role::Text };
            buffer.set_string(inside.x, y, line, theme.style(role));
        }
        let foot = match (found.is_empty(), model.look.is_mono()) {
            (true, _) => "no theme is called that; Esc goes back",
            (_, true) => "no colours here (NO_COLOR, or TERM)",
            _ => "Enter keeps it   Esc goes back",
        };
        let foot = text::fit(foot, usize::from(inside.width - 2), theme.glyphs.cut);
        buffer.set_string(inside.x + 1, inside.bottom() - 1, foot, theme.style(Role::Muted));
        let field = Rect::new(inside.x + 3, inside.y, inside.width - 4, 1);
        self.field.draw(theme, field, true, frame);
    }
}

/// What a theme is made for.
fn kind(model: &Model, name: &str) -> &'static str {
    match model.look.theme(name) {
        Some((_, warnings)) if !warnings.is_empty() => "! has faults",
        Some((file, _)) if file.light => "light",
        _ if name == "mono" => "no colour",
        _ if name == "terminal" => "16 colours",
        _ => "dark",
    }
}
