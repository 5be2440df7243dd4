//! The frame of a pane or box: heavy, with `>` before the title, where the focus is.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear};

use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// What a frame says.
#[derive(Debug, Default)]
pub(crate) struct Framed<'a> {
    pub(crate) title: &'a str,
    /// At the right end of the upper edge.
    pub(crate) right: &'a str,
    /// In the lower edge.
    pub(crate) foot: &'a str,
    pub(crate) focused: bool,
}

/// Draws a frame and gives its inside.
pub(crate) fn draw(framed: &Framed<'_>, theme: &Theme, area: Rect, frame: &mut Frame<'_>) -> Rect {
    let (set, border, title_role) = if framed.focused {
        (theme.glyphs.border_focus, Role::BorderFocus, Role::TitleFocus)
    } else {
        (theme.glyphs.border, Role::Border, Role::Title)
    };
    let mark = if framed.focused { "> " } else { "" };
    let room = usize::from(area.width).saturating_sub(4);
    let right = text::fit(framed.right, room, theme.glyphs.cut);
    let left_room = room.saturating_sub(text::width(&right) + 3);
    let title = text::fit(framed.title, left_room.saturating_sub(mark.len()), theme.glyphs.cut);
    let mut block = Block::bordered().border_set(set).border_style(theme.style(border));
    let title_style = theme.style(title_role);
    if !title.is_empty() {
        // One piece of the edge before the title, as after it.
        block = block.title_top(Line::from(vec![
            ratatui::text::Span::styled(set.horizontal_top, theme.style(border)),
            ratatui::text::Span::styled(format!(" {mark}{title} "), title_style),
        ]));
    }
    if !right.is_empty() {
        block = block.title_top(
            Line::from(vec![
                ratatui::text::Span::styled(format!(" {right} "), title_style),
                ratatui::text::Span::styled(set.horizontal_top, theme.style(border)),
            ])
            .right_aligned(),
        );
    }
    if !framed.foot.is_empty() {
        let foot = text::fit(framed.foot, room, theme.glyphs.cut);
        block = block.title_bottom(Line::styled(format!(" {foot} "), theme.style(Role::Muted)));
    }
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// Clears a box over everything else, frames it as the one in focus, and gives its inside.
pub(crate) fn over(title: &str, right: &str, theme: &Theme, area: Rect, frame: &mut Frame<'_>) -> Rect {
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    frame.buffer_mut().set_style(area, theme.style(Role::Overlay));
    let framed = Framed { title, right, foot: "", focused: true };
    draw(&framed, theme, area, frame)
}
