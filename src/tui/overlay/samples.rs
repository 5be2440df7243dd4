//! The samples: their list, and the chosen one as it would be in the editor.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use crate::protocol::Language;
use crate::tui::document::ORDER;
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::samples::{SAMPLES, Sample};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::update;
use crate::tui::widget::frame::over;

/// Cells of the list.
const LIST: u16 = 18;
/// From so wide on the program is shown beside the list.
const BESIDE: u16 = 56;

/// Which sample, in which language.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    selected: usize,
    language: Language,
    /// Lines of the program above those that are shown.
    above: usize,
}

impl Samples {
    pub(crate) fn open(model: &Model) -> Self {
        Self { selected: 0, language: update::sample_language(model), above: 0 }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let last = SAMPLES.len() - 1;
        let at = self.selected;
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.selected = at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.selected = (at + 1).min(last),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::PageUp => self.above = self.above.saturating_sub(8),
            KeyCode::PageDown => self.above = (self.above + 8).min(64),
            KeyCode::Char('l') | KeyCode::Right | KeyCode::Tab => self.step(1),
            KeyCode::Char('h') | KeyCode::Left | KeyCode::BackTab => self.step(ORDER.len() - 1),
            KeyCode::Enter => {
                update::open_sample(model, self.selected, self.language);
                return Outcome::Close(Vec::new());
            }
            _ => {}
        }
        if self.selected != at {
            self.above = 0;
        }
        Outcome::Stay(Vec::new())
    }

    /// Goes through the languages.
    fn step(&mut self, by: usize) {
        let at = ORDER.iter().position(|language| *language == self.language).unwrap_or(0);
        self.language = ORDER.get((at + by) % ORDER.len()).copied().unwrap_or(self.language);
        self.above = 0;
    }

    fn chosen(&self) -> Option<&'static Sample> {
        SAMPLES.get(self.selected)
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let area = centred(model.room(), 104, model.room().height.saturating_sub(4).clamp(10, 28));
        let inside = over("Samples", self.language.title(), theme, area, frame);
        if inside.width < 12 || inside.height < 3 {
            return;
        }
        let beside = inside.width >= BESIDE;
        let foot = 1 + u16::from(!self.runs(model));
        let body = Rect { height: inside.height.saturating_sub(foot), ..inside };
        let list = Rect { width: if beside { LIST } else { body.width }, ..body };
        self.list(theme, list, frame);
        if beside {
            let code = Rect { x: body.x + LIST + 1, width: body.width - LIST - 1, ..body };
            self.code(theme, code, frame);
        }
        self.foot(model, theme, Rect { y: body.bottom(), height: foot, ..inside }, frame);
    }

    fn list(&self, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let first = (self.selected + 1).saturating_sub(usize::from(area.height));
        for ((at, sample), y) in SAMPLES.iter().enumerate().skip(first).zip(area.top()..area.bottom()) {
            let chosen = at == self.selected;
            let mark = if chosen { theme.glyphs.pointer } else { " " };
            let role = if chosen { Role::Selected } else { Role::Text };
            let line =
                text::pad(&format!(" {mark} {}", sample.title), usize::from(area.width), theme.glyphs.cut);
            frame.buffer_mut().set_string(area.x, y, line, theme.style(role));
        }
    }

    fn code(&self, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let lines: Vec<&str> =
            self.chosen().map_or("", |sample| sample.code(self.language)).lines().collect();
        let height = usize::from(area.height);
        let above = self.above.min(lines.len().saturating_sub(height));
        for (line, y) in lines.iter().skip(above).zip(area.top()..area.bottom()) {
            let line = line.replace('\t', "    ");
            let comment = ["//", "#"].iter().any(|mark| line.trim_start().starts_with(mark));
            let role = if comment { Role::Comment } else { Role::Text };
            let shown = text::fit(&line, usize::from(area.width.saturating_sub(1)), theme.glyphs.cut);
            frame.buffer_mut().set_string(area.x, y, shown, theme.style(role));
        }
        let more = lines.len().saturating_sub(above + height);
        if more > 0 && area.height > 1 {
            let words = format!(" PgDn {more} more lines ");
            let x = area.right().saturating_sub(u16::try_from(words.len()).unwrap_or(0) + 1).max(area.x);
            let shown = text::fit(&words, usize::from(area.right().saturating_sub(x)), "").into_owned();
            frame.buffer_mut().set_string(x, area.bottom() - 1, shown, theme.style(Role::Muted));
        }
    }

    /// Its language runs here, as far as is known.
    fn runs(&self, model: &Model) -> bool {
        !model.runtimes.settled || model.runtimes.run(self.language)
    }

    /// What the chosen one shows, and whether it could run. The keys are in the bottom line.
    fn foot(&self, model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let width = usize::from(area.width.saturating_sub(2));
        let about = self.chosen().map_or("", |sample| sample.about);
        let missing = format!("{} no runtime here runs {}", theme.glyphs.warn, self.language.title());
        let missing = (!self.runs(model)).then_some((missing.as_str(), Role::Warn));
        let lines = [(about, Role::Text)].into_iter().chain(missing);
        for ((line, role), y) in lines.zip(area.top()..area.bottom()) {
            let shown = text::fit(line, width, theme.glyphs.cut);
            frame.buffer_mut().set_string(area.x + 1, y, shown, theme.style(role));
        }
    }
}
