//! The log of all that was told: its list, and the chosen notice whole.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use crate::tui::layout::centred;
use crate::tui::log::Entry;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;
use crate::tui::widget::verdict;

/// Which notice is chosen, counted from the newest, and what the shown ones hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogView {
    selected: usize,
    pub(super) filter: Field,
    pub(super) filtering: bool,
}

impl LogView {
    /// Esc in the filter shows all again; else the log closes.
    pub(super) fn leave(&mut self) -> Outcome {
        if !self.filtering && self.filter.text().is_empty() {
            return Outcome::Close(Vec::new());
        }
        *self = Self::default();
        Outcome::Stay(Vec::new())
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let last = model.log.newest_first(self.filter.text()).count().saturating_sub(1);
        match key.code {
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down => self.selected = (self.selected + 1).min(last),
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(10),
            KeyCode::PageDown => self.selected = (self.selected + 10).min(last),
            KeyCode::Enter => self.filtering = false,
            _ if self.filtering && self.filter.key(key) => self.selected = 0,
            _ if self.filtering => {}
            KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Char('j') => self.selected = (self.selected + 1).min(last),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::Char('/') => self.filtering = true,
            KeyCode::Char('M' | 'q') => return Outcome::Close(Vec::new()),
            KeyCode::Char('y') => return Outcome::Stay(self.copy(model)),
            _ => {}
        }
        Outcome::Stay(Vec::new())
    }

    /// Sends the chosen notice to the clipboard.
    fn copy(&self, model: &mut Model) -> Vec<Effect> {
        let Some(entry) = model.log.newest_first(self.filter.text()).nth(self.selected) else {
            return Vec::new();
        };
        let copied = match entry.notice.hint.as_str() {
            "" => entry.notice.message.clone(),
            hint => format!("{}\n{hint}", entry.notice.message),
        };
        model.output.copying = "the notice".to_owned();
        vec![Effect::Copy(copied)]
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let area = centred(model.room(), 100, model.room().height.saturating_sub(4).max(8));
        let found: Vec<&Entry> = model.log.newest_first(self.filter.text()).collect();
        let older = match model.log.dropped {
            0 => String::new(),
            n => format!(", {n} older not kept"),
        };
        let right = format!("{} of {}{older}", found.len(), model.log.len());
        let inside = over("Log  newest first", &right, theme, area, frame);
        if inside.width < 12 || inside.height < 3 {
            return;
        }
        let selected = self.selected.min(found.len().saturating_sub(1));
        // The chosen one is told whole below the list, where there is room for both.
        let width = usize::from(inside.width.saturating_sub(2));
        let whole = found.get(selected).map(|entry| told(entry, width)).unwrap_or_default();
        let most = usize::from(inside.height / 2);
        let below = u16::try_from(whole.len().min(most)).unwrap_or(0);
        let rows = inside.height.saturating_sub(below + 2);
        let first = (selected + 1).saturating_sub(usize::from(rows));
        if found.is_empty() {
            let words =
                if self.filter.text().is_empty() { "nothing was told yet" } else { "no notice holds that" };
            put(frame, inside, inside.y, words, theme, Role::Muted);
        }
        for ((at, entry), y) in found.iter().enumerate().skip(first).zip(inside.y..inside.y + rows) {
            draw_row(entry, at == selected, theme, Rect { y, height: 1, ..inside }, frame);
        }
        let y = inside.y + rows;
        let rule = theme.glyphs.rule.repeat(inside.width.into());
        frame.buffer_mut().set_string(inside.x, y, rule, theme.style(Role::Border));
        for ((line, role), y) in whole.iter().zip(y + 1..y + 1 + below) {
            put(frame, inside, y, line, theme, *role);
        }
        self.foot(theme, Rect { y: inside.bottom() - 1, height: 1, ..inside }, frame);
    }

    fn foot(&self, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        if !self.filtering && self.filter.text().is_empty() {
            put(frame, area, area.y, "y copy   / filter   Esc close", theme, Role::KeysKey);
            return;
        }
        frame.buffer_mut().set_string(area.x + 1, area.y, "/", theme.style(Role::KeysKey));
        let field = Rect { x: area.x + 2, width: area.width.saturating_sub(3), ..area };
        self.filter.draw(theme, field, self.filtering, frame);
    }
}

/// A notice whole: what happened, and what to do.
fn told(entry: &Entry, width: usize) -> Vec<(String, Role)> {
    let message = text::wrap(&entry.notice.message, width).into_iter().map(|line| (line, Role::Text));
    let hint = text::wrap(&entry.notice.hint, width).into_iter().map(|line| (line, Role::Muted));
    message.chain(hint).collect()
}

fn draw_row(entry: &Entry, chosen: bool, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let (glyph, word, style) = verdict(theme, entry.notice.verdict);
    let mark = if chosen { theme.glyphs.pointer } else { " " };
    let times = if entry.times > 1 { format!("{} times: ", entry.times) } else { String::new() };
    let plain = theme.style(if chosen { Role::Selected } else { Role::Text });
    let state = text::pad(&format!("{glyph} {}", if word == "idle" { "note" } else { word }), 11, "");
    let start = format!(" {mark} {:>7}  ", text::clock(entry.at));
    let rest = format!("{times}{}", entry.notice.message);
    let width = usize::from(line.width);
    let whole = text::pad(&format!("{start}{state}{rest}"), width, theme.glyphs.cut);
    frame.buffer_mut().set_string(line.x, line.y, whole, plain);
    let at = text::width(&start);
    let state = text::fit(&state, width.saturating_sub(at), "").into_owned();
    let x = line.x + u16::try_from(at).unwrap_or(0);
    if x < line.right() {
        frame.buffer_mut().set_string(x, line.y, state, if chosen { plain } else { style });
    }
}

fn put(frame: &mut Frame<'_>, area: Rect, y: u16, words: &str, theme: &Theme, role: Role) {
    let shown = text::fit(words, usize::from(area.width.saturating_sub(2)), theme.glyphs.cut).into_owned();
    frame.buffer_mut().set_string(area.x + 1, y, shown, theme.style(role));
}
