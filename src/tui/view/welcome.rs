//! What the output says before anything has run: how to begin, with the keys that work now.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::tui::commands::{Cmd, Place};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let key = |cmd| model.keymap.shown(cmd, &[Place::Workbench, Place::Everywhere], model.types());
    let letter = |cmd| model.keymap.shown(cmd, &[Place::Workbench, Place::Everywhere], false);
    // Output that was cleared is no sign that nothing ran.
    let empty = if model.runs.count == model.runs.earlier {
        "nothing has run yet"
    } else {
        "nothing is here any more"
    };
    let run = key(Cmd::Run)
        .map_or_else(|| empty.to_owned(), |key| format!("{empty}: {key} runs the editor's code"));
    let palette = key(Cmd::Palette).map(|key| format!("{key} finds every command"));
    let esc = if model.types() { "Esc, then " } else { "" };
    let begin = [(Cmd::Samples, "samples"), (Cmd::Tour, "three-minute tour"), (Cmd::Setup, "runtimes")];
    let begin = begin.into_iter().filter_map(|(cmd, what)| Some(format!("{} {what}", letter(cmd)?)));
    let begin = format!("{esc}{}", begin.collect::<Vec<_>>().join("   "));
    let lines = [Some(run), palette, Some(begin)];
    let width = area.width.saturating_sub(1);
    for (line, y) in lines.into_iter().flatten().zip(area.top()..area.bottom()) {
        let line = text::fit(&line, usize::from(width), theme.glyphs.cut).into_owned();
        put(frame.buffer_mut(), area.x + 1, y, &line, width, theme.style(Role::Muted));
    }
}
