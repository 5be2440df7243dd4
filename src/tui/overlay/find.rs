//! The line under the editor that asks what to look for, and what to put in its place.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Hints, Outcome};
use crate::tui::editor::{Action, Pos};
use crate::tui::model::{Model, Pane};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::update::{look_for, replace_all, replace_here, said, step_to_match};
use crate::tui::widget::field::Field;

/// Where the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What to look for is being typed.
    Wanted,
    /// What to put in its place is being typed.
    Replacement,
    /// Asked about the match that is selected.
    Asked,
}

/// A search being asked for.
#[derive(Clone, Debug)]
pub(crate) struct Find {
    wanted: Field,
    /// What to put in its place, where that is asked for.
    replacement: Option<Field>,
    stage: Stage,
    /// Where the search begins, and the cursor goes back to.
    start: Pos,
    /// The first match that was asked about, and whether the search has begun anew at the top since.
    first: Pos,
    around: bool,
}

impl Find {
    /// A replacement begins with what is selected, or what was searched for before.
    pub(crate) fn new(model: &mut Model, replaces: bool, selected: Option<String>) -> Self {
        let start = model.editor.selection().map_or(model.editor.place(), |(from, _)| from);
        let before = model.find.pattern.as_ref().map(|pattern| pattern.text().to_owned());
        // A plain search begins empty: Enter alone looks for the same again.
        let wanted = selected.or(before).filter(|_| replaces).unwrap_or_default();
        let replacement = replaces.then(|| Field::new(&model.find.replacement));
        let find = Self {
            wanted: Field::new(&wanted),
            replacement,
            stage: Stage::Wanted,
            start,
            first: start,
            around: false,
        };
        if !wanted.is_empty() {
            look_for(model, &wanted, start);
        }
        find
    }

    /// So many lines it takes.
    pub(crate) fn rows(&self) -> u16 {
        if self.replacement.is_some() { 2 } else { 1 }
    }

    /// For the bottom line.
    pub(super) fn hints(&self) -> Hints {
        match (self.stage, &self.replacement) {
            (Stage::Asked, _) => ("REPLACE", &[("y", "yes"), ("n", "no"), ("a", "all"), ("Esc", "end")]),
            (Stage::Replacement, _) => {
                ("REPLACE", &[("Enter", "ask for each"), ("Tab", "what to find"), ("Esc", "back")])
            }
            (Stage::Wanted, Some(_)) => ("REPLACE", &[("Enter", "by what"), ("Esc", "back")]),
            (Stage::Wanted, None) => ("FIND", &[("Enter", "keep"), ("Esc", "back")]),
        }
    }

    /// Goes, and leaves the text as it was before the search; what was replaced stays.
    pub(super) fn leave(&self, model: &mut Model) -> Outcome {
        if self.stage == Stage::Asked {
            model.editor.apply(Action::Deselect);
        } else {
            model.find.pattern = None;
            model.editor.apply(Action::Select(self.start, self.start));
            model.editor.apply(Action::Deselect);
        }
        Outcome::Close(Vec::new())
    }

    pub(super) fn paste(&mut self, text: &str, model: &mut Model) {
        match (self.stage, &mut self.replacement) {
            (Stage::Wanted, _) => {
                self.wanted.insert(text);
                look_for(model, self.wanted.text(), self.start);
            }
            (Stage::Replacement, Some(field)) => field.insert(text),
            _ => {}
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        match (self.stage, key.code) {
            (Stage::Asked, code) => return self.answer(code, model),
            (_, KeyCode::Down | KeyCode::Up) => {
                step_to_match(model, key.code == KeyCode::Down);
            }
            (Stage::Wanted, KeyCode::Enter | KeyCode::Tab) if self.replacement.is_some() => {
                self.stage = Stage::Replacement;
            }
            (Stage::Wanted, KeyCode::Enter) => {
                if self.wanted.text().is_empty() {
                    step_to_match(model, true);
                }
                return Outcome::Close(Vec::new());
            }
            (Stage::Replacement, KeyCode::Tab | KeyCode::BackTab) => self.stage = Stage::Wanted,
            (Stage::Replacement, KeyCode::Enter) => {
                model.find.replacement =
                    self.replacement.as_ref().map(|field| field.text().to_owned()).unwrap_or_default();
                if model.find.matches.is_empty() {
                    self.stage = Stage::Wanted;
                } else {
                    self.stage = Stage::Asked;
                    self.first = model.editor.selection().map_or(self.start, |(from, _)| from);
                }
            }
            (Stage::Replacement, _) => {
                self.replacement.as_mut().map(|field| field.key(key));
            }
            (Stage::Wanted, _) => {
                let before = self.wanted.text().to_owned();
                self.wanted.key(key);
                if before != self.wanted.text() {
                    look_for(model, self.wanted.text(), self.start);
                }
            }
        }
        Outcome::Stay(Vec::new())
    }

    /// The answer to whether the selected match is replaced.
    fn answer(&mut self, code: KeyCode, model: &mut Model) -> Outcome {
        let past = match code {
            KeyCode::Char('y' | 'Y') | KeyCode::Enter => replace_here(model),
            KeyCode::Char('n' | 'N') | KeyCode::Down => step_to_match(model, true),
            KeyCode::Char('a' | 'A') => {
                replace_all(model);
                return self.leave(model);
            }
            _ => false,
        };
        // From the last one it goes on at the top, up to the first that was asked about.
        let ends = self.around && past;
        self.around |= past;
        let again = model.editor.selection().is_none_or(|(from, _)| self.around && from >= self.first);
        if ends || again || model.find.matches.is_empty() {
            return self.leave(model);
        }
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let inside = model.layout().inside(Pane::Editor);
        let rows = self.rows().min(inside.height);
        let first = inside.bottom().saturating_sub(rows);
        let line = |n: u16| Rect::new(inside.x, first + n, inside.width, u16::from(n < rows));
        let whole = Rect { y: first, height: rows, ..inside }.intersection(frame.area());
        frame.buffer_mut().set_style(whole, theme.style(Role::Overlay));
        let last = if self.stage == Stage::Wanted && rows == 1 { "Enter keep" } else { "" };
        let found = said(model);
        let end = if last.is_empty() { found } else { format!("{found}  {last}") };
        row(("/ ", &self.wanted), &end, self.stage == Stage::Wanted, theme, line(0), frame);
        if self.stage == Stage::Asked {
            let area = line(1).intersection(frame.area());
            let words =
                format!("{:w$}", " replace? y yes  n no  a all  Esc end", w = usize::from(area.width));
            let words = text::fit(&words, usize::from(area.width), theme.glyphs.cut).into_owned();
            frame.buffer_mut().set_stringn(
                area.x,
                area.y,
                words,
                usize::from(area.width),
                theme.style(Role::KeysKey),
            );
        } else if let Some(field) = &self.replacement {
            let active = self.stage == Stage::Replacement;
            row(("> ", field), "Enter asks for each", active, theme, line(1), frame);
        }
    }
}

/// Draws one line: what it is for, its field, and words at its end.
fn row(
    (mark, field): (&str, &Field),
    end: &str,
    active: bool,
    theme: &Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let area = area.intersection(frame.area());
    if area.width < 6 || area.height == 0 {
        return;
    }
    let width = usize::from(area.width);
    frame.buffer_mut().set_string(area.x, area.y, " ".repeat(width), theme.style(Role::Overlay));
    frame.buffer_mut().set_string(area.x + 1, area.y, mark, theme.style(Role::KeysKey));
    let wide = text::width(end);
    let fits = wide + 12 < width;
    let taken = if fits { wide + 2 } else { 1 };
    let field_area =
        Rect { x: area.x + 3, width: area.width - 3 - u16::try_from(taken).unwrap_or(0), ..area };
    if fits {
        let x = area.right() - u16::try_from(wide + 1).unwrap_or(0);
        frame.buffer_mut().set_string(x, area.y, end, theme.style(Role::Muted));
    }
    field.draw(theme, field_area, active, frame);
}
