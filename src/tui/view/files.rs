//! The files pane: the chosen session's workspace.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::put;
use crate::protocol::{EntryKind, SessionState};
use crate::tui::commands::Cmd;
use crate::tui::files::{Entry, FilesCmd, Row, What};
use crate::tui::model::{Model, Pane};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// What stands in the frame.
pub(super) fn edges(model: &Model) -> (String, String, String) {
    let count = match model.files.tree.count() {
        _ if model.connection.down().is_some() && model.files.session.is_some() => "?".to_owned(),
        Some((count, false)) => count.to_string(),
        Some((count, true)) => format!("{count}+"),
        None => String::new(),
    };
    let foot = match model.files.queues.activity() {
        Some(words) => words,
        None if model.focus == Pane::Files => {
            let keys =
                [(FilesCmd::NewFile, "new"), (FilesCmd::Delete, "delete"), (FilesCmd::Filter, "filter")];
            super::foot(model, &keys.map(|(cmd, word)| (Cmd::Files(cmd), word)))
        }
        None => String::new(),
    };
    (Pane::Files.title().to_owned(), count, foot)
}

/// Where the files are in the pane: above the line of the filter, where there is one.
pub(crate) fn list(model: &Model, inside: Rect) -> Rect {
    let filter = u16::from(has_filter(model));
    Rect { height: inside.height.saturating_sub(filter), ..inside }
}

fn has_filter(model: &Model) -> bool {
    model.files.filtering || !model.files.filter.text().is_empty()
}

/// The first row, how many are shown, and all.
pub(super) fn scroll(model: &Model, inside: Rect) -> Option<(usize, usize, usize)> {
    let height = usize::from(list(model, inside).height);
    Some((model.files.first_shown(height), height, model.files.rows.len()))
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let place = list(model, area);
    if has_filter(model) {
        let line = Rect { y: place.bottom(), height: 1, ..area };
        let used = put(frame.buffer_mut(), line.x, line.y, "/ ", line.width, theme.style(Role::KeysKey));
        let field = Rect { x: line.x + used, width: line.width - used, ..line };
        let active = model.files.filtering && model.focus == Pane::Files && model.overlays.is_empty();
        model.files.filter.draw(theme, field, active, frame);
    }
    if let Some(words) = instead(model) {
        let width = area.width.saturating_sub(1);
        for (line, y) in text::wrap(&words, usize::from(width)).iter().zip(place.top()..place.bottom()) {
            put(frame.buffer_mut(), area.x + 1, y, line, width, theme.style(Role::Muted));
        }
        return;
    }
    let first = model.files.first_shown(usize::from(place.height));
    let rows = model.files.rows.iter().enumerate().skip(first);
    for ((at, row), line) in rows.zip(place.rows()) {
        draw_row(row, at == model.files.selected, model, theme, line, frame);
    }
}

/// What is said where there is nothing to list.
fn instead(model: &Model) -> Option<String> {
    let files = &model.files;
    if files.session.is_none() {
        return Some(match model.sessions.current().map(|row| row.info.state) {
            None => "no session yet: its files are shown here".to_owned(),
            Some(SessionState::Creating) => "the session is being created".to_owned(),
            Some(SessionState::Lost) => "the session is lost, and its files with it".to_owned(),
            Some(_) => "the session is closing".to_owned(),
        });
    }
    if !files.tree.is_listed() && model.connection.down().is_some() {
        return Some("the link is down".to_owned());
    }
    if !files.rows.is_empty() {
        return None;
    }
    if !files.tree.is_listed() {
        return Some("listing".to_owned());
    }
    let key = |cmd| model.keymap.shown(cmd, &model.places(), true);
    let run = key(crate::tui::commands::Cmd::Run).unwrap_or_else(|| "a run".to_owned());
    Some(format!("nothing here yet: {run} can write files, n makes one"))
}

fn draw_row(row: &Row, selected: bool, model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let plain = match (selected, model.focus == Pane::Files) {
        (true, true) => theme.style(Role::Selected),
        (true, false) => theme.style(Role::SelectedBlurred),
        _ => theme.style(Role::Text),
    };
    let mark = if selected { theme.glyphs.pointer } else { " " };
    let used = put(frame.buffer_mut(), line.x, line.y, mark, line.width, plain);
    // However deep: the name is what is looked for.
    let indent = u16::try_from(row.depth * 2).unwrap_or(u16::MAX).min(line.width / 2);
    let begin = used.saturating_add(indent).min(line.width);
    let rest = Rect { x: line.x + begin, width: line.width - begin, ..line };
    match &row.what {
        What::Entry { entry, open } => draw_entry(entry, *open, plain, theme, rest, frame),
        What::Note(words) => {
            let style = if selected { plain } else { theme.style(Role::Muted) };
            put(frame.buffer_mut(), rest.x, rest.y, &format!("  {words}"), rest.width, style);
        }
        What::Failed(why) => {
            let style = if selected { plain } else { theme.style(Role::Fail) };
            let words = format!("{} {why}", theme.glyphs.fail);
            let words = text::fit(&words, usize::from(rest.width), theme.glyphs.cut);
            put(frame.buffer_mut(), rest.x, rest.y, &words, rest.width, style);
        }
    }
}

fn draw_entry(entry: &Entry, open: bool, plain: Style, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let (sign, end) = match (entry.kind, open) {
        (EntryKind::Directory, true) => ("- ", "/"),
        (EntryKind::Directory, false) => ("+ ", "/"),
        (EntryKind::Link, _) => ("  ", "@"),
        (EntryKind::Other, _) => ("  ", "="),
        (EntryKind::File, _) => ("  ", ""),
    };
    let size = match entry.kind {
        _ if !entry.known => format!("{} not UTF-8", theme.glyphs.unknown),
        EntryKind::File => text::bytes(entry.size),
        _ => String::new(),
    };
    let width = u16::try_from(text::width(&size)).unwrap_or(0);
    // Without room for both, the name has it.
    let behind = if line.width > width + 12 { width + u16::from(width > 0) } else { 0 };
    let room = line.width - behind;
    let name = format!("{sign}{}{end}", entry.shown);
    let name = text::fit(&name, usize::from(room), theme.glyphs.cut);
    let style =
        if entry.kind == EntryKind::Directory { plain.patch(theme.style(Role::Strong)) } else { plain };
    put(frame.buffer_mut(), line.x, line.y, &name, room, style);
    if behind > 0 {
        put(frame.buffer_mut(), line.right() - width, line.y, &size, width, theme.style(Role::Muted));
    }
}
