//! The screen of messages: what passed between the workbench and its engine, and one of them in full.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::tui::commands::{Cmd, Place};
use crate::tui::layout::{Layout, Messages};
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::{Framed, draw as draw_frame};
use crate::tui::wire::{self, Entry};

pub(super) fn draw(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    super::bars::top(model, layout, theme, frame);
    let places = Messages::at(model.without_tour(frame.area().as_size()), model.wire.reading);
    if !places.list.is_empty() {
        list(model, &places, theme, frame);
    }
    if !places.detail.is_empty() {
        detail(model, &places, theme, frame);
    }
    super::bars::result(model, layout, theme, frame);
    super::bars::keys(model, layout, theme, frame);
    super::bars::status(model, layout, theme, frame);
}

fn list(model: &Model, places: &Messages, theme: &Theme, frame: &mut Frame<'_>) {
    let focused = model.overlays.is_empty() && !model.wire.reading;
    let right = edge(model, theme);
    let framed = Framed { title: "Messages", right: &right, foot: "", focused };
    let inside = draw_frame(&framed, theme, places.list, frame);
    if inside.is_empty() {
        return;
    }
    let shown = model.wire.shown();
    if shown.is_empty() {
        for (line, y) in nothing(model, usize::from(inside.width.saturating_sub(1))).iter().zip(inside.rows())
        {
            put(frame.buffer_mut(), y.x + 1, y.y, line, y.width.saturating_sub(1), theme.style(Role::Muted));
        }
    } else {
        put(
            frame.buffer_mut(),
            inside.x,
            inside.y,
            &names(inside.width),
            inside.width,
            theme.style(Role::Muted),
        );
        let (first, chosen) = (model.wire.first(&shown, places.rows), model.wire.place(&shown));
        let rows = shown.iter().enumerate().skip(first).take(places.rows);
        for ((at, (_, entry)), y) in rows.zip(inside.top() + 1..inside.bottom()) {
            let role = match (at == chosen, focused) {
                (true, true) => Some(Role::Selected),
                (true, false) => Some(Role::SelectedBlurred),
                (false, _) => None,
            };
            draw_row(entry, role, theme, Rect { y, height: 1, ..inside }, frame);
        }
    }
    filter_line(model, theme, Rect { y: inside.bottom() - 1, height: 1, ..inside }, frame);
}

/// How many there are, and whether the newest is followed.
fn edge(model: &Model, theme: &Theme) -> String {
    let follow =
        if model.wire.follows() { format!("follow {}", theme.glyphs.down) } else { "paused".to_owned() };
    let lost = match model.wire.dropped() + model.wire.missed {
        0 => String::new(),
        n => format!("{n} more not kept | "),
    };
    let count = match model.wire.len() {
        1 => "1 message".to_owned(),
        n => format!("{n} messages"),
    };
    let held = match model.wire.filter.text() {
        "" => String::new(),
        _ => format!("{} of ", model.wire.shown().len()),
    };
    format!("{lost}{follow} {held}{count}")
}

/// Why the list is empty, and what fills it.
fn nothing(model: &Model, cells: usize) -> Vec<String> {
    let words = if !model.wire.filter.text().is_empty() && model.wire.len() > 0 {
        vec![format!("no message holds {}: Esc shows all", model.wire.filter.text())]
    } else if model.connection.server().is_some() {
        vec!["no message has passed yet".to_owned()]
    } else {
        let key = model.keymap.shown(Cmd::Connect, &[Place::Everywhere], false);
        let how = key.map_or_else(String::new, |key| {
            format!(
                "{key} connects to a server; what passes between it and the workbench is then shown here."
            )
        });
        vec!["The engine is in this process: nothing passes over a wire.".to_owned(), String::new(), how]
    };
    let broken = |line: &String| if line.is_empty() { vec![String::new()] } else { text::wrap(line, cells) };
    words.iter().flat_map(broken).collect()
}

/// Cells of the columns at the end, where there is room for them.
fn columns(width: u16) -> Columns {
    match width {
        0..44 => Columns { kind: 0, id: 0, bytes: 7, took: 0 },
        44..58 => Columns { kind: 9, id: 0, bytes: 8, took: 9 },
        _ => Columns { kind: 9, id: 7, bytes: 8, took: 9 },
    }
}

struct Columns {
    kind: usize,
    id: usize,
    bytes: usize,
    took: usize,
}

impl Columns {
    /// A row with its parts in their columns.
    fn row(&self, width: u16, [time, arrow, kind, method, id, bytes, took]: [&str; 7], cut: &str) -> String {
        let used = 13 + self.kind + self.id + self.bytes + self.took;
        let method = text::pad(method, usize::from(width).saturating_sub(used), cut);
        let left = |text: &str, cells: usize| text::pad(text, cells, "");
        let right = |text: &str, cells: usize| {
            let text = text::fit(text, cells, "").into_owned();
            format!("{}{text}", " ".repeat(cells.saturating_sub(text::width(&text))))
        };
        format!(
            "{} {arrow} {}{method}{}{}{}",
            right(time, 9),
            left(kind, self.kind),
            right(id, self.id),
            right(bytes, self.bytes),
            right(took, self.took)
        )
    }
}

fn names(width: u16) -> String {
    columns(width).row(width, ["s", " ", "kind", "method", "id", "size", "took"], "")
}

fn draw_row(entry: &Entry, selected: Option<Role>, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let arrow = if entry.frame.sent { theme.glyphs.sent } else { theme.glyphs.came };
    let time = format!("{:.3}", entry.at.as_secs_f64());
    let size = text::bytes(entry.frame.bytes as u64);
    let took = entry.took().map_or_else(String::new, |took| text::millis(took.as_secs_f64() * 1000.0));
    let parts = [&time, arrow, entry.kind(), entry.method(), entry.id(), &size, &took];
    let row = columns(line.width).row(line.width - 1, parts, theme.glyphs.cut);
    let role = selected.unwrap_or(if entry.kind() == "error" { Role::Fail } else { Role::Text });
    let mark = if selected.is_some() { theme.glyphs.pointer } else { " " };
    let style = theme.style(role);
    let used = put(frame.buffer_mut(), line.x, line.y, mark, line.width, style);
    put(frame.buffer_mut(), line.x + used, line.y, &row, line.width - used, style);
}

/// What is typed to filter, where something is.
fn filter_line(model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let wire = &model.wire;
    if !wire.filtering && wire.filter.text().is_empty() {
        return;
    }
    let used = put(frame.buffer_mut(), line.x, line.y, "/ ", line.width, theme.style(Role::KeysKey));
    let field = Rect { x: line.x + used, width: line.width - used, ..line };
    wire.filter.draw(theme, field, wire.filtering && model.overlays.is_empty(), frame);
}

fn detail(model: &Model, places: &Messages, theme: &Theme, frame: &mut Frame<'_>) {
    let focused = model.overlays.is_empty() && model.wire.reading;
    let Some(entry) = model.wire.chosen() else {
        let framed = Framed { title: "Message", right: "", foot: "", focused };
        draw_frame(&framed, theme, places.detail, frame);
        return;
    };
    let lines = wire::lines(entry, usize::from(places.text.width));
    let rows = usize::from(places.text.height);
    let first = model.wire.above.min(lines.len().saturating_sub(rows));
    let right = format!("{} lines", lines.len());
    let framed = Framed { title: entry.method(), right: &right, foot: "", focused };
    let inside = draw_frame(&framed, theme, places.detail, frame);
    let width = inside.width.saturating_sub(1);
    put(frame.buffer_mut(), inside.x + 1, inside.y, &about(entry, theme), width, theme.style(Role::Muted));
    let text = places.text.intersection(inside);
    for (line, row) in lines.iter().skip(first).zip(text.rows()) {
        put(frame.buffer_mut(), row.x, row.y, line, row.width, theme.style(Role::Text));
    }
    super::thumb(theme, places.detail, first, rows, lines.len(), frame.buffer_mut());
}

/// What a message is, in one line.
fn about(entry: &Entry, theme: &Theme) -> String {
    let arrow = if entry.frame.sent { theme.glyphs.sent } else { theme.glyphs.came };
    let way = if entry.frame.sent { "sent" } else { "came" };
    let id = if entry.id().is_empty() { String::new() } else { format!("   id {}", entry.id()) };
    let took = entry
        .took()
        .map_or_else(String::new, |took| format!("   took {}", text::millis(took.as_secs_f64() * 1000.0)));
    let size = text::bytes(entry.frame.bytes as u64);
    format!("{arrow} {way}   {}{id}   {size}{took}", entry.kind())
}
