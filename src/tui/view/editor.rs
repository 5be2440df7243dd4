//! The editor pane: line numbers, the text with its colours, what is selected or found, and the terminal's cursor.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::put;
use crate::protocol::Language;
use crate::tui::buffers;
use crate::tui::editor::{Pos, cells, column, placed_from};
use crate::tui::highlight::Highlighter;
use crate::tui::model::{Model, Pane};
use crate::tui::theme::{Role, Theme};

/// What stands in the frame.
pub(super) fn edges(model: &Model) -> (String, String, String) {
    let (row, column) = model.editor.cursor();
    let language =
        model.document.language().map(Language::extension).or(model.document.syntax()).unwrap_or("?");
    let mode = if model.document.big { "READ" } else { super::bars::editing(model).0 };
    let title = format!("{}  {}", Pane::Editor.title(), super::bars::document_name(model));
    let foot = match buffers::listed(model) {
        all if all.len() > 1 => {
            let at = all.iter().position(|one| one.id == model.document.id).unwrap_or(0);
            format!("{} of {} texts", at + 1, all.len())
        }
        _ => String::new(),
    };
    (title, format!("{language} | {mode} | {}:{}", row + 1, column + 1), foot)
}

/// First line shown, lines shown, all lines.
pub(super) fn scroll(model: &Model, inside: Rect) -> Option<(usize, usize, usize)> {
    Some((model.editor.view().0, inside.height.into(), model.editor.lines().len()))
}

pub(super) fn draw(
    model: &Model,
    theme: &Theme,
    highlights: &Highlighter,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let area = model.above_search(area);
    if area.is_empty() {
        return;
    }
    if model.document.loading {
        let muted = theme.style(Role::Muted);
        put(frame.buffer_mut(), area.x + 1, area.y, "reading the file...", area.width - 1, muted);
        return;
    }
    frame.buffer_mut().set_style(area, theme.style(Role::Text));
    let (top, _) = model.editor.view();
    let sheet = Sheet::new(model, theme, highlights);
    for y in area.top()..area.bottom() {
        let row = top + usize::from(y - area.y);
        if row >= model.editor.lines().len() {
            break;
        }
        sheet.line(row, Rect { y, height: 1, ..area }, frame);
    }
    if model.focus == Pane::Editor && model.overlays.is_empty() {
        let short = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        if let Some((row, column)) = model.editor.cursor_on_screen() {
            let position =
                Position::new(area.x.saturating_add(short(column)), area.y.saturating_add(short(row)));
            if area.contains(position) {
                frame.set_cursor_position(position);
            }
        }
    }
}

/// What the lines have in common.
struct Sheet<'a> {
    model: &'a Model,
    theme: &'a Theme,
    highlights: &'a Highlighter,
    selection: Option<(Pos, Pos)>,
    brackets: Option<(Pos, Pos)>,
}

impl<'a> Sheet<'a> {
    fn new(model: &'a Model, theme: &'a Theme, highlights: &'a Highlighter) -> Self {
        let (selection, brackets) = (model.editor.selection(), model.editor.brackets());
        Self { model, theme, highlights, selection, brackets }
    }

    /// The bytes of a line that are selected; true: its end too.
    fn selected(&self, row: usize, len: usize) -> (Range<usize>, bool) {
        match self.selection {
            Some((from, to)) if (from.row..=to.row).contains(&row) => {
                let start = if row == from.row { from.byte } else { 0 };
                let end = if row == to.row { to.byte } else { len };
                (start..end, row < to.row)
            }
            _ => (0..0, false),
        }
    }

    fn is_bracket(&self, row: usize, byte: usize) -> bool {
        let at = Pos::new(row, byte);
        self.brackets.is_some_and(|(one, other)| one == at || other == at)
    }

    /// Draws one line into one row.
    fn line(&self, row: usize, area: Rect, frame: &mut Frame<'_>) {
        let editor = &self.model.editor;
        let line = editor.lines().get(row).map_or("", String::as_str);
        let gutter = editor.gutter();
        let number = format!("{:>width$} ", row + 1, width = gutter - 1);
        let buffer = frame.buffer_mut();
        let taken = put(buffer, area.x, area.y, &number, area.width, self.theme.style(Role::Gutter));
        let text = Rect { x: area.x + taken, width: area.width - taken, ..area };
        if text.is_empty() {
            return;
        }
        if row == editor.place().row {
            buffer.set_style(text, self.theme.style(Role::CodeLine));
        }
        let (left, tab) = (editor.view().1, editor.habits().indent.max(1));
        let right = left + usize::from(text.width);
        let (selected, with_end) = self.selected(row, line.len());
        let found = self.model.found_in(line);
        let mut parts = self.highlights.parts(row).iter().peekable();
        for (byte, at, grapheme) in placed_from(line, left, tab) {
            let width = cells(grapheme, at, tab);
            if at >= right {
                break;
            }
            while parts.next_if(|(range, _)| range.end <= byte).is_some() {}
            if at + width <= left {
                continue;
            }
            let role = parts.peek().filter(|(range, _)| range.contains(&byte)).map(|(_, role)| *role);
            let mut style = role.map_or(Style::new(), |role| colour(self.theme.style(role)));
            if found.iter().any(|range| range.contains(&byte)) {
                style = style.patch(self.theme.style(Role::OutputMatch));
            }
            if self.is_bracket(row, byte) {
                style = style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
            }
            if selected.contains(&byte) {
                style = style.patch(self.theme.style(Role::Selection));
            }
            // A tab, or a character that an edge cuts, is as many blanks.
            let whole = grapheme != "\t" && at >= left && at + width <= right;
            let (from, to) = (at.max(left) - left, (at + width).min(right) - left);
            let x = text.x + u16::try_from(from).unwrap_or(0);
            if whole {
                buffer.set_stringn(x, text.y, seen(grapheme), width, style);
            } else {
                buffer.set_string(x, text.y, " ".repeat(to - from), style);
            }
        }
        if with_end {
            let end = column(line, line.len(), tab);
            if let Some(x) = end.checked_sub(left).filter(|x| *x < usize::from(text.width)) {
                let x = text.x + u16::try_from(x).unwrap_or(0);
                buffer.set_string(x, text.y, " ", self.theme.style(Role::Selection));
            }
        }
    }
}

/// The colour of a role; the background stays as it is.
fn colour(style: Style) -> Style {
    let colour = Style::new().add_modifier(style.add_modifier - Modifier::REVERSED);
    style.fg.map_or(colour, |fg| colour.fg(fg))
}

/// A character that takes no cell of its own is seen as one that does.
fn seen(grapheme: &str) -> &str {
    if crate::tui::text::width(grapheme) == 0 { "?" } else { grapheme }
}
