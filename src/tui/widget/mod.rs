//! Small things that several views draw with.

pub(crate) mod field;
pub(crate) mod frame;

use ratatui::style::Style;
use ratatui::text::Span;

use super::model::Verdict;
use super::theme::{Role, Theme};

/// The glyph, word and look of a state.
pub(crate) fn verdict(theme: &Theme, verdict: Verdict) -> (&'static str, &'static str, Style) {
    let glyphs = &theme.glyphs;
    let (glyph, word, role) = match verdict {
        Verdict::Ok => (glyphs.ok, "ok", Role::Ok),
        Verdict::Fail => (glyphs.fail, "failed", Role::Fail),
        Verdict::Run => (glyphs.run, "running", Role::Run),
        Verdict::Idle => (glyphs.idle, "idle", Role::Idle),
        Verdict::Warn => (glyphs.warn, "warning", Role::Warn),
        Verdict::Unknown => (glyphs.unknown, "unknown", Role::Unknown),
    };
    (glyph, word, theme.style(role))
}

/// The glyph, word and look of how a run ended: whatever ended it from outside has stopped it.
pub(crate) fn outcome(theme: &Theme, of: Verdict) -> (&'static str, &'static str, Style) {
    let (glyph, word, style) = verdict(theme, of);
    (glyph, if of == Verdict::Warn { "stopped" } else { word }, style)
}

/// A state as glyph and word of its own.
pub(crate) fn state(theme: &Theme, of: Verdict, word: &str) -> Span<'static> {
    let (glyph, _, style) = verdict(theme, of);
    Span::styled(format!("{glyph} {word}"), style)
}
