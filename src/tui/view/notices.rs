//! What is told over everything else: a toast, and what a screen too small for anything says.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Clear;

use super::{link, put};
use crate::tui::bench;
use crate::tui::commands::{Cmd, Place};
use crate::tui::layout::{Class, Layout};
use crate::tui::model::{Model, Screen, Verdict};
use crate::tui::overlay::Overlay;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{frame as frames, verdict};

/// A warning or error, over the panes until Esc or the next run.
pub(super) fn toast(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    let Some(notice) = model.notice.as_ref() else { return };
    let role = match notice.verdict {
        Verdict::Fail => Role::ToastError,
        Verdict::Warn => Role::ToastWarn,
        _ if model.screen == Screen::Setup => Role::ToastInfo,
        _ => return,
    };
    if layout.class == Class::Small && model.screen != Screen::Setup {
        return;
    }
    let size = model.without_tour(frame.area().as_size());
    let screen = Rect::from((frame.area().as_position(), size));
    let width = screen.width.min(64);
    let room = usize::from(width.saturating_sub(4));
    let mut lines = text::wrap(&notice.message, room);
    let hints = text::wrap(&notice.hint, room);
    let first_hint = lines.len().min(6);
    lines.truncate(6);
    lines.extend(hints.into_iter().take(6));
    let height = u16::try_from(lines.len()).unwrap_or(0) + 2;
    let area = Rect::new(screen.right() - width, screen.bottom().saturating_sub(height + 2), width, height);
    let area = area.intersection(screen);
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Background));
    let (glyph, word, _) = verdict(theme, notice.verdict);
    let title = format!("{glyph} {word}");
    let log = model.keymap.shown(Cmd::Log, &[Place::Everywhere], model.types());
    let log = log.map_or_else(String::new, |key| format!("{key} log   "));
    let waiting = match model.log.waiting() {
        0 => String::new(),
        n => format!("{n} more   "),
    };
    let right = format!("{waiting}{log}Esc close");
    let framed = frames::Framed { title: &title, right: &right, foot: "", focused: false };
    let inside = frames::draw(&framed, theme, area, frame);
    for (at, (line, y)) in lines.iter().zip(inside.top()..inside.bottom()).enumerate() {
        let style = if at < first_hint { theme.style(role) } else { theme.style(Role::Text) };
        put(frame.buffer_mut(), inside.x + 1, y, line, inside.width.saturating_sub(1), style);
    }
}

/// Where there is no room for anything: what is needed, what runs, how to stop and quit.
pub(super) fn too_small(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    let raced = model.race.as_ref().map_or(0, crate::tui::race::Race::live);
    let runs = usize::from(model.runs.active.is_some()) + raced + usize::from(bench::is_live(model));
    let of = if runs > 0 { Verdict::Run } else { Verdict::Idle };
    let lost = link::lost(model);
    let of = if lost.is_some() { Verdict::Warn } else { of };
    let (glyph, _, style) = verdict(theme, of);
    let word = lost.as_deref().unwrap_or(if runs > 0 { "running" } else { "nothing runs" });
    // There is no room for the question itself, but it is asked.
    let asked = matches!(model.overlays.last(), Some(Overlay::Question(_)));
    let keys = if asked { "sure? ^Q again quits" } else { "^C stop  ^Q quit" };
    let needed = if area.width < 21 { "needs 30x8" } else { "codebeaker needs 30x8" };
    let lines = [
        (needed.to_owned(), theme.style(Role::Strong)),
        (format!("this is {}x{}", area.width, area.height), theme.style(Role::Text)),
        (format!("{glyph} {word}"), style),
        (keys.to_owned(), theme.style(Role::KeysKey)),
    ];
    let skip = if area.height < 4 { 1 } else { 0 };
    let first = area.y + area.height.saturating_sub(4) / 2;
    let order: Vec<_> =
        lines.iter().enumerate().filter(|(at, _)| skip == 0 || *at != 1).map(|(_, l)| l).collect();
    for ((line, style), y) in order.into_iter().zip(first..area.bottom()) {
        let shown = text::fit(line, usize::from(area.width), theme.glyphs.cut);
        put(frame.buffer_mut(), area.x, y, &shown, area.width, *style);
    }
}
