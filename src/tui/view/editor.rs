//! The editor pane: the text, its colours painted over, and the terminal's cursor.

use ratatui::Frame;
use ratatui::buffer::{Buffer, CellWidth as _};
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use unicode_segmentation::UnicodeSegmentation as _;

use super::put;
use crate::protocol::Language;
use crate::tui::highlight::Highlighter;
use crate::tui::model::{Model, Pane};
use crate::tui::theme::{Role, Theme};

/// What stands in the frame.
pub(super) fn edges(model: &Model) -> (String, String, String) {
    let (row, column) = model.editor.cursor();
    let language = model.document.language().map_or("?", Language::extension);
    let mode = if model.edits { "EDIT" } else { "CMD" };
    let title = format!("{}  {}", Pane::Editor.title(), super::bars::document_name(model));
    (title, format!("{language} | {mode} | {}:{}", row + 1, column + 1), String::new())
}

/// First line shown, lines shown, all lines.
pub(super) fn scroll(model: &Model, inside: Rect) -> Option<(usize, usize, usize)> {
    let (top, _) = model.editor.area().scroll_offset();
    Some((top.into(), inside.height.into(), model.editor.lines().len()))
}

pub(super) fn draw(
    model: &Model,
    theme: &Theme,
    highlights: &Highlighter,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    if area.is_empty() {
        return;
    }
    if model.document.loading {
        put(
            frame.buffer_mut(),
            area.x + 1,
            area.y,
            "reading the file...",
            area.width - 1,
            theme.style(Role::Muted),
        );
        return;
    }
    let text = model.editor.area();
    frame.render_widget(text, area);
    // Known only after the widget has drawn: it scrolls to its cursor then.
    let (top, left) = text.scroll_offset();
    let gutter = text.line_number_width();
    for row in 0..area.height {
        let at = usize::from(top) + usize::from(row);
        let Some(line) = model.editor.lines().get(at) else { break };
        let row = Rect { y: area.y + row, height: 1, ..area };
        paint(line, highlights.parts(at), text.tab_length(), (gutter, left), row, theme, frame.buffer_mut());
    }
    let focused = model.focus == Pane::Editor && model.overlays.is_empty();
    if focused {
        let cursor = text.screen_cursor();
        let x = (usize::from(area.x) + usize::from(gutter) + cursor.col).checked_sub(left.into());
        let y = (usize::from(area.y) + cursor.row).checked_sub(top.into());
        if let (Some(x), Some(y)) =
            (x.and_then(|x| u16::try_from(x).ok()), y.and_then(|y| u16::try_from(y).ok()))
        {
            let position = Position::new(x, y);
            if area.contains(position) {
                frame.set_cursor_position(position);
            }
        }
    }
}

/// Gives the drawn cells of one line their colours; backgrounds stay as the widget set them.
fn paint(
    line: &str,
    parts: &[(std::ops::Range<usize>, Role)],
    tab: u8,
    (gutter, left): (u16, u16),
    row: Rect,
    theme: &Theme,
    buffer: &mut Buffer,
) {
    if parts.is_empty() {
        return;
    }
    let tab = usize::from(tab.max(1));
    let mut column = 0usize;
    let mut parts = parts.iter().peekable();
    for (at, grapheme) in line.grapheme_indices(true) {
        let width = match grapheme {
            "\t" => tab - column % tab,
            g if g.chars().any(char::is_control) => 0,
            g => usize::from(g.cell_width()),
        };
        while parts.next_if(|(range, _)| range.end <= at).is_some() {}
        let Some((range, role)) = parts.peek() else { return };
        if range.contains(&at) {
            let style = theme.style(*role);
            for cell in column..column + width {
                let Some(x) = (usize::from(gutter) + cell).checked_sub(left.into()) else { continue };
                if x >= usize::from(row.width) {
                    return;
                }
                if let Some(cell) =
                    buffer.cell_mut(Position::new(row.x + u16::try_from(x).unwrap_or(0), row.y))
                {
                    cell.fg = style.fg.unwrap_or(cell.fg);
                    cell.modifier.insert(style.add_modifier - Modifier::REVERSED);
                }
            }
        }
        column += width;
    }
}
