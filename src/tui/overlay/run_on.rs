//! The list of runtimes that the editor's text could run on: Enter runs it there.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::Outcome;
use crate::protocol::Language;
use crate::tui::layout::centred;
use crate::tui::model::{Model, RuntimeRow, Verdict};
use crate::tui::race::unfit;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::update;
use crate::tui::widget::{frame::over, verdict};

/// The language, and the runtime that is chosen.
#[derive(Clone, Debug)]
pub(crate) struct RunOn {
    language: Language,
    selected: usize,
}

impl RunOn {
    /// Begins with a runtime that runs the language and that the chosen session is not on.
    pub(crate) fn open(model: &Model, language: Language) -> Self {
        let now = model.sessions.current().map(|row| row.info.runtime_type);
        let able = |row: &RuntimeRow| unfit(row, language).is_none();
        let rows = &model.runtimes.rows;
        let other = rows.iter().position(|row| able(row) && Some(row.runtime) != now);
        let selected = other.or_else(|| rows.iter().position(able)).unwrap_or(0);
        Self { language, selected }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let last = model.runtimes.rows.len().saturating_sub(1);
        match key.code {
            KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => {
                self.selected = self.selected.saturating_sub(1);
            }
            KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => {
                self.selected = (self.selected + 1).min(last)
            }
            KeyCode::Char(digit @ '1'..='9') => {
                let at = usize::try_from(u32::from(digit) - u32::from('1')).unwrap_or(usize::MAX);
                if at <= last {
                    self.selected = at;
                    return self.run(model);
                }
            }
            KeyCode::Enter => return self.run(model),
            _ => {}
        }
        Outcome::Stay(Vec::new())
    }

    /// A click on a runtime runs there.
    pub(super) fn click(&mut self, at: Position, model: &mut Model) -> Outcome {
        let area = area(model);
        let row = usize::from(at.y.saturating_sub(area.y + 1));
        if !area.contains(at) || at.y <= area.y || row >= model.runtimes.rows.len() {
            return Outcome::Stay(Vec::new());
        }
        self.selected = row;
        self.run(model)
    }

    fn run(&self, model: &mut Model) -> Outcome {
        let Some(row) = model.runtimes.rows.get(self.selected) else { return Outcome::Close(Vec::new()) };
        let runtime = row.runtime;
        if let Some(why) = unfit(row, self.language) {
            model.tell(Verdict::Warn, format!("{}: {why}", runtime.short()), "choose another, or F3");
            return Outcome::Stay(Vec::new());
        }
        Outcome::Close(update::start_on(model, runtime))
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let area = area(model);
        let title = format!("Run {} on", self.language.title());
        let inside = over(&title, "Esc back", theme, area, frame);
        let width = usize::from(inside.width);
        let last = inside.bottom().saturating_sub(1);
        for ((at, row), y) in model.runtimes.rows.iter().enumerate().zip(inside.top()..last) {
            let selected = at == self.selected;
            let mark = if selected { theme.glyphs.pointer } else { " " };
            let (of, words) = self.state(row, model);
            let (glyph, ..) = verdict(theme, of);
            let line = format!("{mark}{} {:<7} {glyph} {words}", at + 1, row.runtime.short());
            let role = match (selected, of) {
                (true, _) => Role::Selected,
                (false, Verdict::Ok) => Role::Text,
                (false, _) => Role::Muted,
            };
            let line = text::pad(&line, width, theme.glyphs.cut);
            frame.buffer_mut().set_string(inside.x, y, line, theme.style(role));
        }
        if inside.height > 0 {
            let keys = format!(" Enter run   {} choose   Esc back", theme.glyphs.updown);
            let keys = text::fit(&keys, width, theme.glyphs.cut);
            frame.buffer_mut().set_string(inside.x, last, keys, theme.style(Role::KeysKey));
        }
    }

    /// Whether it runs the language, and in which session.
    fn state(&self, row: &RuntimeRow, model: &Model) -> (Verdict, String) {
        if let Some(why) = unfit(row, self.language) {
            return (Verdict::Fail, why);
        }
        let idle = update::idle_session(&model.sessions, self.language, Some(row.runtime));
        let session = if idle.is_some() { "in its session" } else { "in a new session" };
        let version = row.info.as_ref().and_then(|info| info.version.as_deref()).unwrap_or_default();
        (Verdict::Ok, format!("ready  {session}  {version}"))
    }
}

fn area(model: &Model) -> Rect {
    let rows = u16::try_from(model.runtimes.rows.len()).unwrap_or(u16::MAX);
    centred(model.room(), 64, rows.saturating_add(3))
}
