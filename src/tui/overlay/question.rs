//! A question before something is lost. Enter and `y` do it, Esc and `n` don't.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;

use super::Outcome;
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;

/// From one key to the next of somebody who types, at most.
const TYPING: Duration = Duration::from_millis(700);

/// A question and what yes does.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    title: &'static str,
    lines: Vec<String>,
    /// The word for yes.
    word: &'static str,
    pub(crate) yes: Effect,
    /// It came by itself, and somebody was typing then: when a key was pressed last.
    typing: Option<Duration>,
}

impl Question {
    pub(crate) fn new(title: &'static str, lines: Vec<String>, word: &'static str, yes: Effect) -> Self {
        let lines = lines.iter().map(|line| text::sanitise(line).into_owned()).collect();
        Self { title, lines, word, yes, typing: None }
    }

    /// One that comes by itself: what somebody goes on typing is no answer to it.
    pub(crate) fn sudden(self, now: Duration) -> Self {
        Self { typing: Some(now), ..self }
    }

    /// The word for yes.
    pub(super) fn word(&self) -> &'static str {
        self.word
    }

    pub(super) fn press(&mut self, key: &KeyEvent, now: Duration) -> Outcome {
        if let Some(last) = &mut self.typing {
            if now.saturating_sub(*last) < TYPING {
                *last = now;
                return Outcome::Stay(Vec::new());
            }
            self.typing = None;
        }
        match key.code {
            KeyCode::Enter | KeyCode::Char('y' | 'Y') => Outcome::Close(vec![self.yes.clone()]),
            KeyCode::Char('n' | 'N') => Outcome::Close(Vec::new()),
            _ => Outcome::Stay(Vec::new()),
        }
    }

    /// Esc: what is asked is not done.
    pub(super) fn leave(&mut self, now: Duration) -> Outcome {
        match self.press(&KeyEvent::from(KeyCode::Null), now) {
            // Of somebody who types it is the end of that.
            Outcome::Stay(_) if self.typing.is_some() => Outcome::Stay(Vec::new()),
            _ => Outcome::Close(Vec::new()),
        }
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let width = model.room().width.min(64);
        let room = usize::from(width.saturating_sub(4));
        let mut lines: Vec<String> = self.lines.iter().flat_map(|line| text::wrap(line, room)).collect();
        lines.push(String::new());
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(3);
        let area = centred(model.room(), width, height);
        let inside = over(self.title, "", theme, area, frame);
        lines.push(format!("Enter {}   Esc back", self.word));
        let last = lines.len() - 1;
        for (at, (line, y)) in lines.iter().zip(inside.top()..inside.bottom()).enumerate() {
            let role = if at == last { Role::KeysKey } else { Role::Text };
            let shown = text::fit(line, usize::from(inside.width.saturating_sub(1)), theme.glyphs.cut);
            frame.buffer_mut().set_string(inside.x + 1, y, shown, theme.style(role));
        }
    }
}
