//! Help: the keys that work where it was asked for, read from the table of commands.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::Outcome;
use crate::tui::commands::{Place, specs};
use crate::tui::layout::centred;
use crate::tui::model::{Model, Screen};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// What was typed to filter, and how far down the text is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Help {
    pub(super) filter: Field,
    top: usize,
}

enum Row {
    Heading(String),
    Key(String, &'static str),
    Blank,
}

impl Help {
    pub(super) fn press(&mut self, key: &KeyEvent) -> Outcome {
        match key.code {
            KeyCode::F(1) => return Outcome::Close(Vec::new()),
            KeyCode::Up => self.top = self.top.saturating_sub(1),
            KeyCode::Down => self.top += 1,
            KeyCode::PageUp => self.top = self.top.saturating_sub(10),
            KeyCode::PageDown => self.top += 10,
            _ => {
                if self.filter.key(key) {
                    self.top = 0;
                }
            }
        }
        // More than the table has rows is the end.
        self.top = self.top.min(specs().count());
        Outcome::Stay(Vec::new())
    }

    fn rows(&self, model: &Model) -> Vec<Row> {
        let mut rows = Vec::new();
        for place in model.places() {
            let title = match place {
                Place::In(pane) => format!("In {}", pane.title()),
                Place::Setup | Place::Messages => "On this screen".to_owned(),
                Place::LinkLost => "While the link is lost".to_owned(),
                Place::Tour => "During the tour".to_owned(),
                Place::Workbench => "In every pane".to_owned(),
                Place::Everywhere => "Everywhere".to_owned(),
            };
            let found = self.keys_in(place, model);
            if !found.is_empty() {
                rows.extend([Row::Heading(title)].into_iter().chain(found).chain([Row::Blank]));
            }
        }
        rows.pop();
        rows
    }

    fn keys_in(&self, place: Place, model: &Model) -> Vec<Row> {
        let fits = |text: &str| text.to_lowercase().contains(&self.filter.text().to_lowercase());
        let mut rows = Vec::new();
        for spec in specs().filter(|spec| spec.place == place) {
            let places = [place];
            let keys: Vec<String> = model.keymap.of(spec.cmd, &places).map(ToString::to_string).collect();
            let keys = if keys.is_empty() { "-".to_owned() } else { keys.join("  ") };
            // What has no key at all is for the palette, unless it is asked for.
            let palette_only = spec.keys.is_empty() && keys == "-" && self.filter.text().is_empty();
            if palette_only {
                continue;
            }
            if fits(&keys) || fits(spec.title) || fits(spec.help) {
                rows.push(Row::Key(keys, spec.help));
            }
        }
        rows
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let area = centred(model.size, 82, model.size.height.saturating_sub(4).max(8));
        let inside = over("Help  keys that work now", "Esc close", theme, area, frame);
        if inside.width < 12 || inside.height < 3 {
            return;
        }
        let label = "type to filter: ";
        frame.buffer_mut().set_string(
            inside.x + 1,
            inside.y,
            text::fit(label, usize::from(inside.width - 1), ""),
            theme.style(Role::Muted),
        );
        let used = 1 + u16::try_from(label.len()).unwrap_or(0);
        let field = Rect::new(inside.x + used, inside.y, inside.width.saturating_sub(used + 1), 1);
        self.filter.draw(theme, field.intersection(inside), true, frame);
        let body =
            Rect { y: inside.y + 2, height: inside.height - 2, x: inside.x + 1, width: inside.width - 2 };
        self.draw_rows(model, theme, body, frame);
    }

    fn draw_rows(&self, model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
        let mut rows = self.rows(model);
        if self.filter.text().is_empty() && model.screen == Screen::Workbench && model.types() {
            let note = "You are typing: letters are commands after Esc; Enter types again.";
            rows.splice(0..0, [Row::Heading(note.to_owned()), Row::Blank]);
        }
        let height = usize::from(body.height);
        let top = self.top.min(rows.len().saturating_sub(height));
        let column = 22.min(usize::from(body.width) / 2);
        let width = usize::from(body.width);
        let cut = theme.glyphs.cut;
        let last = rows.len().saturating_sub(top);
        for (row, y) in rows.iter().skip(top).zip(body.top()..body.bottom()) {
            let buffer = frame.buffer_mut();
            match row {
                Row::Heading(title) => {
                    buffer.set_string(body.x, y, text::fit(title, width, cut), theme.style(Role::Strong));
                }
                Row::Key(keys, help) => {
                    let keys = text::pad(keys, column.saturating_sub(2), cut);
                    buffer.set_string(body.x, y, keys, theme.style(Role::KeysKey));
                    let help = text::fit(help, width.saturating_sub(column), cut);
                    let x = body.x + u16::try_from(column).unwrap_or(0);
                    buffer.set_string(x, y, help, theme.style(Role::Text));
                }
                Row::Blank => {}
            }
        }
        if last > height {
            let more = format!(" {} more ", last - height);
            let x = body.right().saturating_sub(u16::try_from(more.len()).unwrap_or(0));
            frame.buffer_mut().set_string(
                x.max(body.x),
                body.bottom(),
                text::fit(&more, width, ""),
                theme.style(Role::Muted),
            );
        }
    }
}
