//! The tour's rows at the bottom of the screen, below whatever it talks about.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::tour;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let rows = tour::rows(model, screen.as_size());
    let Some(state) = model.tour.as_ref().filter(|_| rows > 0) else { return };
    let area = Rect { y: screen.bottom().saturating_sub(rows), height: rows, ..screen };
    let width = usize::from(area.width);
    frame.render_widget(ratatui::widgets::Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    let rule = theme.glyphs.rule.repeat(width);
    put(frame.buffer_mut(), area.x, area.y, &rule, area.width, theme.style(Role::BorderFocus));
    let keys = format!(" {} ", tour::keys(model));
    let whole = format!(" {} ", tour::title(state));
    // How to go on and how to leave matter more than what the step is called.
    let tight = text::width(&whole) + text::width(&keys) + 5 >= width;
    let title = if tight { format!(" {} ", tour::short_title(state)) } else { whole };
    let used = put(
        frame.buffer_mut(),
        area.x + 2,
        area.y,
        &title,
        area.width.saturating_sub(3),
        theme.style(Role::Strong),
    );
    let wide = u16::try_from(text::width(&keys)).unwrap_or(u16::MAX);
    if wide.saturating_add(used + 4) < area.width {
        put(frame.buffer_mut(), area.right() - wide - 2, area.y, &keys, wide, theme.style(Role::KeysKey));
    }
    let lines = tour::lines(model, state, width.saturating_sub(2));
    for (line, y) in lines.iter().zip(area.y + 1..area.bottom()) {
        put(frame.buffer_mut(), area.x + 1, y, line, area.width.saturating_sub(2), theme.style(Role::Text));
    }
}
