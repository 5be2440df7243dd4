//! One line of text being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// The most that can be typed.
const LONGEST: usize = 4096;

/// A line of text and the cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    text: String,
    /// In bytes, always between two characters.
    cursor: usize,
}

impl Field {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Takes the text out and leaves nothing.
    pub(crate) fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Takes the text out with more typed where the cursor is, however long that is.
    pub(crate) fn take_with(&mut self, typed: &str) -> String {
        let at = self.cursor;
        let mut text = self.take();
        text.insert_str(at, &text::sanitise(typed));
        text
    }

    /// Types a key. False: the field has no use for it.
    pub(crate) fn key(&mut self, event: &KeyEvent) -> bool {
        let before = |field: &Self| field.head().chars().next_back().map_or(0, char::len_utf8);
        let after = |field: &Self| field.tail().chars().next().map_or(0, char::len_utf8);
        match event.code {
            KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            // As in a shell: nobody sees what a masked field still holds.
            KeyCode::Char('u') if event.modifiers.contains(KeyModifiers::CONTROL) => {
                self.text.replace_range(..self.cursor, "");
                self.cursor = 0;
            }
            KeyCode::Backspace => {
                let len = before(self);
                self.cursor -= len;
                self.text.replace_range(self.cursor..self.cursor + len, "");
            }
            KeyCode::Delete => self.text.replace_range(self.cursor..self.cursor + after(self), ""),
            KeyCode::Left => self.cursor -= before(self),
            KeyCode::Right => self.cursor += after(self),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Types a text; its line breaks become spaces.
    pub(crate) fn insert(&mut self, typed: &str) {
        let typed = text::sanitise(typed);
        if self.text.len() + typed.len() <= LONGEST {
            self.text.insert_str(self.cursor, &typed);
            self.cursor += typed.len();
        }
    }

    /// The same with a mark in place of each character, to be drawn instead.
    pub(crate) fn masked(&self, mark: &str) -> Self {
        let many = |text: &str| mark.repeat(text.chars().count());
        Self { text: many(&self.text), cursor: many(self.head()).len() }
    }

    fn head(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn tail(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    /// Draws the text with the terminal's cursor in it; a long text shows the part around the cursor.
    pub(crate) fn draw(&self, theme: &Theme, area: Rect, active: bool, frame: &mut Frame<'_>) {
        if area.is_empty() {
            return;
        }
        let room = usize::from(area.width).saturating_sub(1);
        let mut start = 0;
        while text::width(self.head().get(start..).unwrap_or_default()) > room {
            start += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        let shown =
            text::fit(self.text.get(start..).unwrap_or_default(), usize::from(area.width), "").into_owned();
        frame.buffer_mut().set_string(area.x, area.y, shown, theme.style(Role::Input));
        if active {
            let column = text::width(self.head().get(start..).unwrap_or_default());
            let x = area.x + u16::try_from(column).unwrap_or(0).min(area.width.saturating_sub(1));
            frame.set_cursor_position(Position::new(x, area.y));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_and_erasing_anywhere() {
        let mut field = Field::default();
        let press = |field: &mut Field, code| field.key(&KeyEvent::new(code, KeyModifiers::NONE));
        for c in "aé日".chars() {
            press(&mut field, KeyCode::Char(c));
        }
        press(&mut field, KeyCode::Left);
        press(&mut field, KeyCode::Backspace);
        assert_eq!(field.text(), "a日");
        press(&mut field, KeyCode::Delete);
        press(&mut field, KeyCode::Delete);
        assert_eq!(field.text(), "a");
        field.insert("\x1b\nx");
        assert_eq!(field.masked("•"), Field::new("••••"));
        assert_eq!(field.take(), "a\u{241b} x");
        assert_eq!(field, Field::default());
    }
}
