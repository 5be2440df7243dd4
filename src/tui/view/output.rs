//! The output pane: blocks of runs, each from its header to its result.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::put;
use crate::tui::model::{Model, Pane, Phase, Verdict};
use crate::tui::output::{Kind, Line, Wrapped};
use crate::tui::stop::Stop;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{outcome, verdict};

/// What stands in the frame.
pub(super) fn edges(model: &Model, theme: &Theme) -> (String, String, String) {
    let lines = model.output.len();
    let follow =
        if model.output.follows() { format!("follow {}", theme.glyphs.down) } else { "scrolled".to_owned() };
    let dropped = match model.output.dropped() {
        0 => String::new(),
        n => format!("{n} older dropped | "),
    };
    let wrap = if model.output.wrap { "" } else { "cut | " };
    (Pane::Output.title().to_owned(), format!("{dropped}{wrap}{follow} {lines} lines"), String::new())
}

/// First row shown, rows shown, all rows.
pub(super) fn scroll(model: &Model, inside: Rect) -> Option<(usize, usize, usize)> {
    let (rows, columns) = room(model, inside);
    let (first, all) = model.output.extent(rows, columns);
    Some((first, rows, all))
}

/// Rows and columns of the text: the last row is for input while a program runs.
fn room(model: &Model, area: Rect) -> (usize, usize) {
    let input = u16::from(model.runs.active.is_some());
    (usize::from(area.height.saturating_sub(input)), usize::from(area.width))
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let (rows, columns) = room(model, area);
    let output = &model.output;
    if output.len() == 0 && model.runs.active.is_none() {
        return super::welcome::draw(model, theme, area, frame);
    }
    let mut y = area.y;
    let bottom = area.y + u16::try_from(rows).unwrap_or(u16::MAX).min(area.height);
    let (first, mut above) = output.first_shown(rows, columns);
    for at in first..output.len() {
        let Some(line) = output.line(at) else { break };
        if y >= bottom {
            break;
        }
        y = draw_line(&line, above, model, theme, Rect { y, height: bottom - y, ..area }, frame);
        above = 0;
    }
    if model.runs.active.is_some() {
        input_line(model, theme, Rect { y: area.bottom() - 1, height: 1, ..area }, frame);
    }
}

/// A line's pieces with their styles.
pub(super) fn pieces<'a>(
    line: &'a Line,
    theme: &Theme,
    width: usize,
) -> Vec<(std::borrow::Cow<'a, str>, Style)> {
    let plain = |role| vec![(line.text.as_str().into(), theme.style(role))];
    match line.kind {
        Kind::Header => plain(Role::Strong),
        Kind::Note => plain(Role::Meta),
        Kind::Input => {
            vec![("> ".into(), theme.style(Role::Meta)), (line.text.as_str().into(), theme.style(Role::Text))]
        }
        Kind::Rule => vec![(theme.glyphs.rule.repeat(width.min(54)).into(), theme.style(Role::Border))],
        Kind::Result(of) => {
            let (glyph, word, style) = outcome(theme, of);
            vec![
                (format!("{glyph} {word}  ").into(), style),
                (line.text.as_str().into(), theme.style(Role::Text)),
            ]
        }
        Kind::Stdout | Kind::Stderr => {
            let base =
                if line.kind == Kind::Stderr { theme.style(Role::Stderr) } else { theme.style(Role::Text) };
            let styled = |style: Option<Style>| style.map_or(base, |style| base.patch(style));
            line.pieces().map(|(piece, style)| (piece.into(), styled(style))).collect()
        }
    }
}

/// Draws one line without the rows of it that are above the pane, over several rows where lines are wrapped, and
/// gives the row after it.
fn draw_line(
    line: &Line,
    above: usize,
    model: &Model,
    theme: &Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) -> u16 {
    let wrap = model.output.wrap;
    let mut skip = if wrap { 0 } else { model.output.left };
    let mut place = Wrapped { row: 0, column: 0, columns: usize::from(area.width) };
    for (piece, style) in pieces(line, theme, area.width.into()) {
        for grapheme in piece.graphemes(true) {
            let width = text::width(grapheme);
            if skip > 0 {
                skip = skip.saturating_sub(width.max(1));
                continue;
            }
            let (row, column) = place.put(width);
            if row >= above + usize::from(area.height) {
                return area.bottom();
            }
            if row > 0 && !wrap {
                return area.y + 1;
            }
            if row >= above {
                let cell = |from: u16, by: usize| from + u16::try_from(by).unwrap_or(0);
                let (x, y) = (cell(area.x, column), cell(area.y, row - above));
                frame.buffer_mut().set_stringn(x, y, grapheme, width, style);
            }
        }
    }
    area.y + u16::try_from((place.row + 1).saturating_sub(above)).unwrap_or(1)
}

/// What is typed for the running program, or how to type it.
fn input_line(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let active = model.focus == Pane::Output && model.feeds;
    if active || !model.input.text().is_empty() {
        let used =
            put(frame.buffer_mut(), area.x, area.y, "input > ", area.width, theme.style(Role::KeysKey));
        let field = Rect { x: area.x + used, width: area.width - used, ..area };
        model.input.draw(theme, field, active && model.overlays.is_empty(), frame);
        return;
    }
    let down = model.connection.down().is_some();
    let (glyph, _, style) = verdict(theme, if down { Verdict::Unknown } else { Verdict::Run });
    let Some(run) = &model.runs.active else { return };
    let (words, keys) = match (run.stop, run.phase, model.focus) {
        _ if down => ("unknown", "asks again when the link is back"),
        (Stop::Killing(_), ..) => (run.word(), ""),
        (Stop::Asked(_), ..) => (run.word(), "Ctrl-C again kill"),
        (_, Phase::Running, Pane::Output) => (run.word(), "Ctrl-C stop   i type input"),
        (_, Phase::Running, _) => (run.word(), "Ctrl-C stop   F6 i type input"),
        _ => (run.word(), "Ctrl-C stop"),
    };
    let used = put(frame.buffer_mut(), area.x, area.y, &format!("{glyph} {words}   "), area.width, style);
    put(frame.buffer_mut(), area.x + used, area.y, keys, area.width - used, theme.style(Role::Muted));
}
