//! The files pane: the chosen session's workspace.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::tui::model::{Model, Pane};
use crate::tui::theme::Theme;

/// What stands in the frame.
pub(super) fn edges(_model: &Model) -> (String, String, String) {
    (Pane::Files.title().to_owned(), String::new(), String::new())
}

pub(super) fn draw(_model: &Model, _theme: &Theme, _area: Rect, _frame: &mut Frame<'_>) {}
