//! The keys that may follow the first of two, over the lines at the bottom, while the second is waited for.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::tui::commands::specs;
use crate::tui::layout::Layout;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;

/// Cells between a key and its words, and behind those.
const GAP: usize = 2;

pub(super) fn draw(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    let Some(first) = model.pending.filter(|_| model.overlays.is_empty()) else { return };
    let places = model.places();
    let here = model.keymap.after(first).filter(|binding| model.keymap.reaches(binding, &places));
    let title = |cmd| specs().find(|spec| spec.cmd == cmd).map_or("", |spec| spec.title);
    let entries: Vec<(String, &str)> = here.map(|binding| (binding.second(), title(binding.cmd))).collect();
    let longest = |of: &dyn Fn(&(String, &str)) -> usize| entries.iter().map(of).max().unwrap_or(0);
    let key = longest(&|(key, _)| text::width(key));
    let cell = key + longest(&|(_, words)| text::width(words)) + 2 * GAP;
    let width = usize::from(layout.keys.width);
    let columns = (width.saturating_sub(2) / cell.max(1)).clamp(1, entries.len().max(1));
    let rows = entries.len().div_ceil(columns);
    let bottom = layout.keys.y;
    let height = u16::try_from(rows + 2).unwrap_or(u16::MAX).min(bottom);
    if entries.is_empty() || height < 3 {
        return;
    }
    let area = Rect { x: layout.keys.x, y: bottom - height, width: layout.keys.width, height };
    let inside = over(&format!("{first} then"), "Esc back", theme, area, frame);
    for (at, (second, words)) in entries.iter().enumerate() {
        let (column, row) = (at / rows, at % rows);
        let x = inside.x.saturating_add(u16::try_from(1 + column * cell).unwrap_or(u16::MAX));
        let y = inside.y.saturating_add(u16::try_from(row).unwrap_or(u16::MAX));
        if x >= inside.right() || y >= inside.bottom() {
            continue;
        }
        let line = Rect { x, y, width: inside.right() - x, height: 1 };
        let buffer = frame.buffer_mut();
        put(buffer, line.x, line.y, second, line.width, theme.style(Role::KeysKey));
        let behind = u16::try_from(key + GAP).unwrap_or(0).min(line.width);
        put(buffer, line.x + behind, line.y, words, line.width - behind, theme.style(Role::Text));
    }
}
