//! The palette: every command by what it is called.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use crate::tui::commands::{Cmd, Place, Spec, distinct};
use crate::tui::layout::centred;
use crate::tui::model::{Model, Screen};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// What was typed, and which row is chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Palette {
    pub(super) field: Field,
    selected: usize,
}

/// The commands that make sense now: what moves is left to its keys.
fn offered(model: &Model) -> impl Iterator<Item = &'static Spec> {
    let (screen, lost) = (model.screen, model.connection.down().is_some());
    let touring = model.tour.is_some();
    let here = move |spec: &&Spec| match (spec.place, screen) {
        (Place::Everywhere, _) | (Place::Setup, Screen::Setup) | (Place::Messages, Screen::Messages) => true,
        (Place::Workbench | Place::In(_), Screen::Workbench) => true,
        // Going back to the engine in this process makes sense always; it has a key only where that is pressing.
        (Place::LinkLost, _) => lost || spec.cmd == Cmd::WorkLocally,
        (Place::Tour, _) => touring,
        _ => false,
    };
    let moves = |spec: &&Spec| spec.id.starts_with("move.");
    let own = |spec: &&Spec| matches!(spec.cmd, Cmd::Palette | Cmd::Leave);
    distinct().filter(here).filter(move |spec| !moves(spec) && !own(spec))
}

/// How well typed words fit a text, in any order; `None`: one of them doesn't.
pub(crate) fn score(typed: &str, text: &str) -> Option<usize> {
    typed.split_whitespace().map(|word| word_score(word, text)).sum()
}

/// How well typed letters fit a text; `None`: they aren't in it in this order. Words' beginnings and letters in a
/// row count most.
fn word_score(typed: &str, text: &str) -> Option<usize> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut total = 0;
    let mut from = 0;
    let mut last = None;
    for wanted in typed.to_lowercase().chars() {
        let at = from + text.iter().skip(from).position(|c| *c == wanted)?;
        let begins = at.checked_sub(1).and_then(|i| text.get(i)).is_none_or(|c| !c.is_alphanumeric());
        total += 1 + usize::from(begins) * 4 + usize::from(last.is_some_and(|l| l + 1 == at)) * 6;
        last = Some(at);
        from = at + 1;
    }
    Some(total)
}

impl Palette {
    /// The commands that fit, the best first; of equals the earlier in the table.
    fn found(&self, model: &Model) -> Vec<&'static Spec> {
        let typed = self.field.text().trim().to_lowercase();
        let mut found: Vec<(usize, &Spec)> = offered(model)
            .filter_map(|spec| {
                let words = spec.id.contains(&typed) || spec.help.to_lowercase().contains(&typed);
                Some((score(&typed, spec.title).or(words.then_some(0))?, spec))
            })
            .collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.into_iter().map(|(_, spec)| spec).collect()
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        let last = self.found(model).len().saturating_sub(1);
        match key.code {
            KeyCode::F(2) => return Outcome::Close(Vec::new()),
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down => self.selected = (self.selected + 1).min(last),
            KeyCode::Enter => {
                return match self.found(model).get(self.selected) {
                    Some(spec) => Outcome::Command(spec),
                    None => Outcome::Stay(Vec::new()),
                };
            }
            _ => {
                if self.field.key(key) {
                    self.selected = 0;
                }
            }
        }
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let found = self.found(model);
        let area = centred(model.size, 76, 18);
        let all = offered(model).count();
        let right = format!("{} of {all}", found.len());
        let inside = over("Commands", &right, theme, area, frame);
        if inside.width < 8 || inside.height < 3 {
            return;
        }
        frame.buffer_mut().set_string(inside.x + 1, inside.y, ":", theme.style(Role::KeysKey));
        let field = Rect::new(inside.x + 3, inside.y, inside.width - 4, 1);
        self.field.draw(theme, field, true, frame);
        let rows = usize::from(inside.height - 3);
        let first = (self.selected + 1).saturating_sub(rows);
        for (row, spec) in found.iter().enumerate().skip(first).take(rows) {
            let y = inside.y + 2 + u16::try_from(row - first).unwrap_or(0);
            self.draw_row(
                spec,
                row == self.selected,
                model,
                theme,
                Rect::new(inside.x, y, inside.width, 1),
                frame,
            );
        }
        let help = found.get(self.selected).map_or("nothing is called that; Esc closes", |spec| spec.help);
        let help = text::fit(help, usize::from(inside.width - 2), theme.glyphs.cut);
        frame.buffer_mut().set_string(inside.x + 1, inside.bottom() - 1, help, theme.style(Role::Muted));
    }

    fn draw_row(
        &self,
        spec: &Spec,
        selected: bool,
        model: &Model,
        theme: &Theme,
        row: Rect,
        frame: &mut Frame<'_>,
    ) {
        let mark = if selected { theme.glyphs.pointer } else { " " };
        let mut places = vec![Place::Everywhere, Place::Workbench, Place::Setup, Place::Messages];
        places.extend(model.connection.down().map(|_| Place::LinkLost));
        places.extend(model.tour.as_ref().map(|_| Place::Tour));
        places.extend(crate::tui::model::Pane::ALL.map(Place::In));
        let keys: Vec<String> = model.keymap.of(spec.cmd, &places).map(ToString::to_string).collect();
        let keys = text::fit(&keys.join("  "), 16, theme.glyphs.cut).into_owned();
        let room = usize::from(row.width).saturating_sub(4 + 17);
        let title = text::pad(spec.title, room, theme.glyphs.cut);
        let line = text::pad(&format!(" {mark} {title} {keys}"), usize::from(row.width), "");
        let role = if selected { Role::Selected } else { Role::Text };
        frame.buffer_mut().set_string(row.x, row.y, line, theme.style(role));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_fit_is_first() {
        let palette = |typed: &str| Palette { field: Field::new(typed), selected: 0 };
        let keymap = crate::tui::keys::Keymap::load(&crate::config::Settings::default()).0;
        let model = Model::new(keymap, &[], None, ratatui::layout::Size::new(80, 24));
        let first = |typed: &str| palette(typed).found(&model).first().map(|s| s.id);
        assert_eq!(first("ru"), Some("run.start"));
        assert_eq!(first("kill"), Some("run.stop"));
        assert_eq!(first("quit"), Some("app.quit"));
        assert_eq!(first("new ses"), Some("session.new"));
        assert_eq!(first("zzzz"), None);
    }

    #[test]
    fn letters_must_come_in_order() {
        assert!(score("rn", "run").is_some());
        assert!(score("nr", "run").is_none());
        assert!(score("run", "Run: stop") > score("rsp", "Run: stop"));
    }
}
