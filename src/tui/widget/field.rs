//! One line of text being typed: ratatui-textarea, kept to a line and a length.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui_textarea::{CursorMove, TextArea};

use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// The most that can be typed, in bytes.
const LONGEST: usize = 4096;

/// A line of text and the cursor in it.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    area: TextArea<'static>,
}

impl Default for Field {
    fn default() -> Self {
        Self::new("")
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() && self.area.cursor() == other.area.cursor()
    }
}

impl Eq for Field {}

impl Field {
    pub(crate) fn new(text: &str) -> Self {
        let mut area = TextArea::from([text]);
        // Nothing undoes a line, and what was a token must not stay anywhere.
        area.set_max_histories(0);
        area.move_cursor(CursorMove::End);
        Self { area }
    }

    /// One with a suggestion that is selected: typing replaces it, moving in it keeps it.
    pub(crate) fn suggesting(text: &str) -> Self {
        let mut field = Self::new(text);
        field.area.select_all();
        field
    }

    pub(crate) fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Takes the text out and leaves nothing.
    pub(crate) fn take(&mut self) -> String {
        let text = self.text().to_owned();
        *self = Self::default();
        text
    }

    /// Takes the text out with more typed where the cursor is, however long that is.
    pub(crate) fn take_with(&mut self, typed: &str) -> String {
        let at = self.head().len();
        let mut text = self.take();
        text.insert_str(at, &text::sanitise(typed));
        text
    }

    /// Types a key. False: the field has no use for it.
    pub(crate) fn key(&mut self, event: &KeyEvent) -> bool {
        let word = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Char(c) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            // As in a shell: nobody sees what a masked field still holds.
            KeyCode::Char('u') if word => drop(self.area.delete_line_by_head()),
            KeyCode::Backspace if word => drop(self.area.delete_word()),
            KeyCode::Backspace => drop(self.area.delete_char()),
            KeyCode::Delete => drop(self.area.delete_next_char()),
            KeyCode::Left if word => self.go(CursorMove::WordBack),
            KeyCode::Left => self.go(CursorMove::Back),
            KeyCode::Right if word => self.go(CursorMove::WordForward),
            KeyCode::Right => self.go(CursorMove::Forward),
            KeyCode::Home => self.go(CursorMove::Head),
            KeyCode::End => self.go(CursorMove::End),
            _ => return false,
        }
        true
    }

    /// Moves the cursor; what was selected stays and is not selected any more.
    fn go(&mut self, to: CursorMove) {
        self.area.cancel_selection();
        self.area.move_cursor(to);
    }

    /// Types a text; its line breaks become spaces.
    pub(crate) fn insert(&mut self, typed: &str) {
        let typed = text::sanitise(typed);
        if self.text().len() + typed.len() <= LONGEST {
            self.area.insert_str(&*typed);
        }
    }

    /// The same with a mark in place of each character, to be drawn instead.
    pub(crate) fn masked(&self, mark: char) -> Self {
        let mut masked = self.clone();
        masked.area.set_mask_char(mark);
        masked
    }

    /// What stands before the cursor.
    fn head(&self) -> &str {
        let column = self.area.cursor().1;
        let end = self.text().char_indices().nth(column).map_or(self.text().len(), |(at, _)| at);
        self.text().get(..end).unwrap_or_default()
    }

    /// Draws the text with the terminal's cursor in it; a long text shows the part around the cursor.
    pub(crate) fn draw(&self, theme: &Theme, area: Rect, active: bool, frame: &mut Frame<'_>) {
        if area.is_empty() {
            return;
        }
        let mut shown = self.area.clone();
        shown.set_style(theme.style(Role::Input));
        // The terminal's own cursor stands there.
        shown.set_cursor_style(theme.style(Role::Input));
        shown.set_cursor_line_style(Style::default());
        shown.set_selection_style(theme.style(Role::Selection));
        frame.render_widget(&shown, area);
        if active {
            let head = match self.area.mask_char() {
                Some(mark) => text::width(&mark.to_string().repeat(self.head().chars().count())),
                None => text::width(self.head()),
            };
            let column = head.saturating_sub(usize::from(shown.scroll_offset().1));
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
        assert_eq!(field.masked('•').area.mask_char(), Some('•'));
        assert_eq!(field.take(), "a\u{241b} x");
        assert_eq!(field, Field::default());
    }

    #[test]
    fn a_suggestion_is_replaced_by_what_is_typed_and_kept_by_moving_in_it() {
        let press = |field: &mut Field, code| field.key(&KeyEvent::new(code, KeyModifiers::NONE));
        let mut field = Field::suggesting("main");
        press(&mut field, KeyCode::Char('b'));
        press(&mut field, KeyCode::Char('a'));
        assert_eq!(field.text(), "ba");
        for (way, text) in [
            (KeyCode::End, "mainx"),
            (KeyCode::Left, "maixn"),
            (KeyCode::Home, "xmain"),
            (KeyCode::Backspace, "x"),
        ] {
            let mut field = Field::suggesting("main");
            press(&mut field, way);
            press(&mut field, KeyCode::Char('x'));
            assert_eq!(field.text(), text, "{way:?}");
        }
        let mut field = Field::suggesting("main");
        field.insert("pasted");
        assert_eq!(field.text(), "pasted");
    }
}
