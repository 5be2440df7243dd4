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
/// From one key to the same once more that wasn't meant, at most.
const TWICE: Duration = Duration::from_millis(250);

/// A question and what yes does.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    title: &'static str,
    lines: Vec<String>,
    /// The word for yes.
    word: &'static str,
    pub(crate) yes: Effect,
    /// What is pressed is no answer: since when, and for how long.
    deaf: Option<(Duration, Duration)>,
}

impl Question {
    pub(crate) fn new(title: &'static str, lines: Vec<String>, word: &'static str, yes: Effect) -> Self {
        let lines = lines.iter().map(|line| text::sanitise(line).into_owned()).collect();
        Self { title, lines, word, yes, deaf: None }
    }

    /// One that comes by itself: what somebody goes on typing is no answer to it.
    pub(crate) fn sudden(self, now: Duration) -> Self {
        Self { deaf: Some((now, TYPING)), ..self }
    }

    /// One that an Enter has led to: the same pressed twice is no answer to it.
    pub(crate) fn after_enter(self, now: Duration) -> Self {
        Self { deaf: Some((now, TWICE)), ..self }
    }

    /// The word for yes.
    pub(super) fn word(&self) -> &'static str {
        self.word
    }

    pub(super) fn press(&mut self, key: &KeyEvent, now: Duration) -> Outcome {
        if let Some((since, wait)) = &mut self.deaf {
            if now.saturating_sub(*since) < *wait {
                // Who wants to answer is not kept waiting by trying; any other key is somebody typing.
                if !matches!(key.code, KeyCode::Enter | KeyCode::Char('y' | 'Y' | 'n' | 'N')) {
                    *since = now;
                }
                return Outcome::Stay(Vec::new());
            }
            self.deaf = None;
        }
        match key.code {
            KeyCode::Enter | KeyCode::Char('y' | 'Y') => Outcome::Close(vec![self.yes.clone()]),
            KeyCode::Char('n' | 'N') => Outcome::Close(Vec::new()),
            _ => Outcome::Stay(Vec::new()),
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
