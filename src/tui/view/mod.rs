//! Draws the model and changes nothing.

mod ansi;
mod bars;
mod bench;
mod editor;
pub(crate) mod files;
pub(crate) mod history;
mod link;
mod messages;
mod notices;
mod output;
mod prefix;
mod race;
mod screen;
pub(crate) mod sessions;
mod setup;
pub(crate) mod stats;
mod tour;
mod welcome;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::commands::Cmd;
use super::highlight::Highlighter;
use super::layout::{Class, Layout};
use super::model::{Model, Pane, Screen};
use super::overlay;
use super::text;
use super::theme::{Role, Theme};
use super::widget::frame::{Framed, draw as draw_frame};

/// Draws everything.
pub(crate) fn view(model: &Model, theme: &Theme, highlights: &Highlighter, frame: &mut Frame<'_>) {
    let area = frame.area();
    // The terminal may have changed its size since the model was told.
    let layout = Layout::of(model.without_tour(area.as_size()), model.focus, &model.ratios, model.zoomed);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    if layout.class == Class::Tiny {
        notices::too_small(model, theme, frame);
    } else {
        match model.screen {
            Screen::Setup => setup::draw(model, theme, frame),
            Screen::Messages => messages::draw(model, &layout, theme, frame),
            Screen::Race => race::draw(model, &layout, theme, frame),
            Screen::Bench => bench::draw(model, &layout, theme, frame),
            Screen::Workbench => workbench(model, &layout, theme, highlights, frame),
        }
        notices::toast(model, &layout, theme, frame);
        prefix::draw(model, &layout, theme, frame);
        overlay::draw(model, theme, frame);
        tour::draw(model, theme, frame);
    }
    neutralise(frame.buffer_mut());
}

fn workbench(model: &Model, layout: &Layout, theme: &Theme, highlights: &Highlighter, frame: &mut Frame<'_>) {
    bars::top(model, layout, theme, frame);
    bars::tabs(model, layout, theme, frame);
    for (pane, area) in &layout.panes {
        let inside = match layout.class {
            Class::Small => *area,
            _ => framed(*pane, model, theme, *area, frame),
        };
        match pane {
            Pane::Sessions => sessions::draw(model, theme, inside, frame),
            Pane::Files => files::draw(model, theme, inside, frame),
            Pane::Editor => editor::draw(model, theme, highlights, inside, frame),
            Pane::Output => output::draw(model, theme, inside, frame),
            Pane::Stats => stats::draw(model, theme, inside, frame),
            Pane::History => history::draw(model, theme, inside, frame),
        }
        if layout.class != Class::Small {
            let bar = match pane {
                Pane::Editor => editor::scroll(model, inside),
                Pane::Output => output::scroll(model, inside),
                Pane::Stats => Some(stats::scroll(model, inside)),
                Pane::Files => files::scroll(model, inside),
                _ => None,
            };
            if let Some((first, shown, all)) = bar {
                thumb(theme, *area, first, shown, all, frame.buffer_mut());
            }
        }
    }
    bars::result(model, layout, theme, frame);
    bars::keys(model, layout, theme, frame);
    bars::status(model, layout, theme, frame);
}

/// Draws a pane's frame with what stands in its edges.
fn framed(pane: Pane, model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) -> Rect {
    let (title, right, foot) = match pane {
        Pane::Sessions => sessions::edges(model),
        Pane::Files => files::edges(model),
        Pane::Editor => editor::edges(model),
        Pane::Output => output::edges(model, theme),
        Pane::Stats => stats::edges(model),
        Pane::History => history::edges(model),
    };
    let right = match (model.zoomed, right.is_empty()) {
        (false, _) => right,
        (true, true) => "zoomed".to_owned(),
        (true, false) => format!("{right} | zoomed"),
    };
    let focused = model.focus == pane && !overlay::is_in_front(model);
    draw_frame(&Framed { title: &title, right: &right, foot: &foot, focused }, theme, area, frame)
}

/// The part of the right edge that shows where in a long text the pane is.
fn thumb(theme: &Theme, area: Rect, first: usize, shown: usize, all: usize, buffer: &mut Buffer) {
    let track = usize::from(area.height.saturating_sub(2));
    if all <= shown || track == 0 {
        return;
    }
    let size = (shown * track / all).max(1);
    let from = (first * (track - size)).div_ceil((all - shown).max(1)).min(track - size);
    for row in from..from + size {
        let y = area.y + 1 + u16::try_from(row).unwrap_or(0);
        buffer.set_string(area.right() - 1, y, theme.glyphs.thumb, theme.style(Role::Thumb));
    }
}

/// The last word on what reaches the terminal: no cell holds a control, a reordering mark or a heap of accents,
/// wherever it came from.
fn neutralise(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.len() == 1 && symbol.as_bytes().first().is_some_and(|b| (b' '..0x7f).contains(b)) {
            continue;
        }
        let marks = symbol.chars().filter(|c| text::is_combining(*c)).count();
        if marks > text::MAX_COMBINING || symbol.chars().any(text::is_hostile) {
            let safe: String =
                symbol.chars().filter(|c| !text::is_hostile(*c)).take(1 + text::MAX_COMBINING).collect();
            cell.set_symbol(if safe.is_empty() { "?" } else { &safe });
        }
    }
}

/// Writes a text cut to `width` cells, and gives the cells it took.
fn put(buffer: &mut Buffer, x: u16, y: u16, text: &str, width: u16, style: ratatui::style::Style) -> u16 {
    if width == 0 {
        return 0;
    }
    let shown = text::fit(text, usize::from(width), "");
    let (end, _) = buffer.set_stringn(x, y, &shown, usize::from(width), style);
    end.saturating_sub(x)
}

/// The keys of some commands that work in the pane in focus, each with a word for it.
fn foot(model: &Model, commands: &[(Cmd, &str)]) -> String {
    let places = model.places();
    let key = |(cmd, word): &(Cmd, &str)| {
        Some(format!("{} {word}", model.keymap.shown(*cmd, &places, model.types())?))
    };
    commands.iter().filter_map(key).collect::<Vec<_>>().join("  ")
}
