//! The output pane: blocks of runs, each from its header to its result.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::{ansi, put};
use crate::tui::commands::Cmd;
use crate::tui::model::{Model, Pane, Phase, Screen, Verdict};
use crate::tui::output::{At, Kind, Line, Wrapped, thousands};
use crate::tui::stop::Stop;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{outcome, verdict};

/// What stands in the frame.
pub(super) fn edges(model: &Model, theme: &Theme) -> (String, String, String) {
    let output = &model.output;
    if let Some(screen) = model.terminal() {
        return (Pane::Output.title().to_owned(), super::screen::edge(screen), String::new());
    }
    let state = match (output.follows(), output.news()) {
        (true, _) => format!("follow {} {} lines", theme.glyphs.down, thousands(output.len() as u64)),
        (false, 0) => "paused".to_owned(),
        (false, news) => format!("paused, {} new", thousands(news)),
    };
    let forgotten = match output.forgotten() {
        0 => String::new(),
        1 => "1 older run forgotten | ".to_owned(),
        n => format!("{n} older runs forgotten | "),
    };
    let wrap = if output.wrap { "" } else { "cut | " };
    let sought = sought(model).map(|sought| sought + " | ").unwrap_or_default();
    (Pane::Output.title().to_owned(), format!("{sought}{forgotten}{wrap}{state}"), String::new())
}

/// What is looked for, and how often it is there.
fn sought(model: &Model) -> Option<String> {
    let output = &model.output;
    output.query()?;
    let seek = output.seek.as_ref()?;
    let text = text::fit(seek.field.text(), 16, "~");
    let (hits, number) = (output.hits(), output.hit_number());
    // What is only in a file is not looked through.
    let part = if output.run_blocks().any(|block| block.dropped() > 0) { " in memory" } else { "" };
    Some(match (seek.filters, number) {
        (true, _) => format!("{} with {text}{part}", count(hits)),
        (false, Some(number)) => format!("{number} of {} {text}{part}", thousands(hits as u64)),
        (false, None) => format!("{} {text}{part}", thousands(hits as u64)),
    })
}

fn count(lines: usize) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{} lines", thousands(lines as u64)) }
}

/// What typing does in the output, if that is not what it does elsewhere.
pub(super) fn mode(model: &Model) -> Option<(&'static str, Role)> {
    if model.screen != Screen::Workbench || model.focus != Pane::Output || model.feeds {
        return None;
    }
    if model.types_into_program() {
        return Some(("TERMINAL", Role::ModeEdit));
    }
    match (&model.output.seek, model.output.selection()) {
        (Some(seek), _) if seek.typing && seek.filters => Some(("FILTER", Role::ModeEdit)),
        (Some(seek), _) if seek.typing => Some(("FIND", Role::ModeEdit)),
        (_, Some(_)) => Some(("SELECT", Role::ModeEdit)),
        _ => None,
    }
}

/// The keys worth showing while something is looked for or selected.
pub(super) fn hints(model: &Model) -> Option<Vec<(String, &'static str)>> {
    mode(model)?;
    let places = model.places();
    let key = |cmd: Cmd, brief: &'static str| {
        model.keymap.shown(cmd, &places, model.types()).map(|key| (key, brief))
    };
    if model.types_into_program() {
        return Some([key(Cmd::FocusNext, "leave"), key(Cmd::Quit, "quit")].into_iter().flatten().collect());
    }
    let hints = match model.output.selection() {
        Some(selection) => {
            let other = if selection.lines { "characters" } else { "lines" };
            vec![key(Cmd::CopyLine, "copy"), key(Cmd::Select, other), key(Cmd::Leave, "back")]
        }
        None => vec![Some(("Enter".to_owned(), "keep")), key(Cmd::Leave, "back")],
    };
    Some(hints.into_iter().flatten().collect())
}

/// First row shown, rows shown, all rows.
pub(super) fn scroll(model: &Model, inside: Rect) -> Option<(usize, usize, usize)> {
    if model.terminal().is_some() {
        return None;
    }
    let (rows, columns) = room(model, inside);
    let (first, all) = model.output.extent(rows, columns);
    Some((first, rows, all))
}

/// Rows and columns of the text: the last row is for what is typed.
fn room(model: &Model, area: Rect) -> (usize, usize) {
    let line = u16::from(model.has_output_line());
    (usize::from(area.height.saturating_sub(line)), usize::from(area.width))
}

pub(super) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    if let Some(screen) = model.terminal() {
        let (above, last) =
            (Rect { height: area.height - 1, ..area }, Rect { y: area.bottom() - 1, height: 1, ..area });
        super::screen::draw(screen, model, theme, above, frame);
        return super::screen::foot(model, theme, last, frame);
    }
    let (rows, columns) = room(model, area);
    let output = &model.output;
    if output.is_empty() && model.runs.active.is_none() {
        return super::welcome::draw(model, theme, area, frame);
    }
    let bottom = area.y + u16::try_from(rows).unwrap_or(u16::MAX).min(area.height);
    let say = |words: &str, frame: &mut Frame<'_>| {
        if bottom > area.y {
            put(frame.buffer_mut(), area.x + 1, area.y, words, area.width - 1, theme.style(Role::Muted));
        }
    };
    if output.query().is_some() && output.hits() == 0 && output.seek.as_ref().is_some_and(|s| s.filters) {
        say("no line holds it: Esc shows all", frame);
    } else if !output.is_empty() {
        let mut y = area.y;
        let (first, mut above) = output.first_shown(rows, columns);
        let mut at = Some(first);
        while let Some(here) = at.filter(|_| y < bottom) {
            let Some(line) = output.line(here) else { break };
            let place = Rect { y, height: bottom - y, ..area };
            y = draw_line(&line, here, above, model, theme, place, frame);
            above = 0;
            at = output.after(here);
        }
    }
    let last = Rect { y: area.bottom() - 1, height: 1, ..area };
    match &output.seek {
        Some(seek) if seek.typing => {
            let mark = if seek.filters { "& " } else { "/ " };
            let used = put(frame.buffer_mut(), last.x, last.y, mark, last.width, theme.style(Role::KeysKey));
            let field = Rect { x: last.x + used, width: last.width - used, ..last };
            let active = model.focus == Pane::Output && model.overlays.is_empty();
            seek.field.draw(theme, field, active, frame);
        }
        _ if model.runs.active.is_some() => input_line(model, theme, last, frame),
        _ => {}
    }
}

/// A piece of a line: where in its text it begins, unless it is drawn before that, and how it looks.
pub(super) struct Piece<'a> {
    from: Option<usize>,
    pub(super) text: Cow<'a, str>,
    pub(super) style: Style,
}

/// A line's pieces with their styles.
pub(super) fn pieces<'a>(line: &'a Line, theme: &Theme, width: usize) -> Vec<Piece<'a>> {
    let plain = |role| Piece { from: Some(0), text: line.text.as_str().into(), style: theme.style(role) };
    let lead = |text: String, style| Piece { from: None, text: text.into(), style };
    match line.kind {
        Kind::Header => vec![plain(Role::Strong)],
        Kind::Note | Kind::Gap => vec![plain(Role::Meta)],
        Kind::Input => vec![lead("> ".to_owned(), theme.style(Role::Meta)), plain(Role::Text)],
        Kind::Rule => vec![lead(theme.glyphs.rule.repeat(width.min(54)), theme.style(Role::Border))],
        Kind::Result(of) => {
            let (glyph, word, style) = outcome(theme, of);
            vec![lead(format!("{glyph} {word}  "), style), plain(Role::Text)]
        }
        Kind::Stdout | Kind::Stderr => {
            let role = if line.kind == Kind::Stderr { Role::Stderr } else { Role::Text };
            let (base, ground) = (theme.style(role), theme.style(Role::Background).patch(theme.style(role)));
            let mut from = 0;
            let piece = |(text, own): (&'a str, Option<Style>)| {
                let own = own.map(|own| ansi::shown(own, ground, theme));
                let piece = Piece {
                    from: Some(from),
                    text: text.into(),
                    style: own.map_or(base, |own| base.patch(own)),
                };
                from += text.len();
                piece
            };
            line.pieces().map(piece).collect()
        }
    }
}

/// What lies over a line's own look: what is found, what is selected, that it is chosen.
struct Marks {
    found: Vec<Range<usize>>,
    selected: Option<Range<usize>>,
    chosen: bool,
}

impl Marks {
    fn of(model: &Model, at: At, line: &Line) -> Self {
        let output = &model.output;
        let found = output.query().filter(|_| line.kind != Kind::Gap);
        Self {
            found: found.map(|query| query.all(&line.text).take(1000).collect()).unwrap_or_default(),
            selected: output.selected_in(at),
            chosen: model.focus == Pane::Output
                && output.selection().is_none()
                && output.chosen() == Some(at),
        }
    }

    /// The look of a character, or of what is drawn before the text.
    fn over(&self, byte: Option<usize>, style: Style, theme: &Theme) -> Style {
        let found = byte.is_some_and(|byte| self.found.iter().any(|found| found.contains(&byte)));
        let selected = match (&self.selected, byte) {
            (Some(selected), Some(byte)) => selected.contains(&byte),
            _ => false,
        };
        match (selected, found, self.chosen) {
            (true, ..) => style.patch(theme.style(Role::Selection)),
            // In a line that is drawn reversed as a whole, what is found is not.
            (_, true, true) => style.patch(theme.style(Role::ListMatch)),
            (_, true, false) => style.patch(theme.style(Role::OutputMatch)),
            (_, _, true) => style.patch(theme.style(Role::Selected)),
            _ => style,
        }
    }

    /// An empty line has a cell that shows it too.
    fn over_nothing(&self, theme: &Theme) -> Option<Style> {
        let of = |role| Some(theme.style(role));
        if self.selected.is_some() {
            of(Role::Selection)
        } else {
            self.chosen.then(|| theme.style(Role::Selected))
        }
    }
}

/// Draws one line without the rows of it that are above the pane, over several rows where lines are wrapped, and
/// gives the row after it.
fn draw_line(
    line: &Line,
    at: At,
    above: usize,
    model: &Model,
    theme: &Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) -> u16 {
    let wrap = model.output.wrap;
    let marks = Marks::of(model, at, line);
    let mut skip = if wrap { 0 } else { model.output.left };
    let mut place = Wrapped { row: 0, column: 0, columns: usize::from(area.width) };
    if line.text.is_empty()
        && line.kind.is_program()
        && let Some(style) = marks.over_nothing(theme)
    {
        frame.buffer_mut().set_string(area.x, area.y, " ", style);
    }
    for Piece { mut from, text, style } in pieces(line, theme, area.width.into()) {
        for grapheme in text.graphemes(true) {
            let width = text::width(grapheme);
            let style = marks.over(from, style, theme);
            from = from.map(|from| from + grapheme.len());
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
    let next = area.y + u16::try_from((place.row + 1).saturating_sub(above)).unwrap_or(1);
    if line.kind == Kind::Header && next > area.y {
        let used = u16::try_from(place.column).unwrap_or(u16::MAX).min(area.width);
        folded(model, at, theme, Rect { y: next - 1, height: 1, ..area }, used, frame);
    }
    next
}

/// What a folded run holds, behind its header, and over it where there is no room behind.
fn folded(model: &Model, at: At, theme: &Theme, row: Rect, used: u16, frame: &mut Frame<'_>) {
    let Some(block) = model.output.block(at).filter(|block| block.folded) else { return };
    let lines = match block.written() {
        1 => "1 line".to_owned(),
        n => format!("{} lines", thousands(n)),
    };
    let lines = format!("  {} {lines}  ", theme.glyphs.pointer);
    let (of, ending) = block.result().unwrap_or((Verdict::Run, ""));
    let (glyph, word, style) = outcome(theme, of);
    let ending = ending.split("   ").next().unwrap_or_default();
    let result = format!("{glyph} {word}  {ending}");
    let width = text::width(&lines) + text::width(result.trim_end());
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(row.width);
    let x = row.x + used.min(row.width - width);
    let meta = put(frame.buffer_mut(), x, row.y, &lines, row.right() - x, theme.style(Role::Meta));
    let room = row.right() - x - meta;
    let result = text::fit(result.trim_end(), room.into(), theme.glyphs.cut);
    put(frame.buffer_mut(), x + meta, row.y, &result, room, style);
}

/// A run's last line asks for something that nobody else should read.
fn asks_secret(model: &Model, run: u32) -> bool {
    let block = model.output.run_blocks().rev().find(|block| block.run == run);
    let last = block.and_then(|block| Some(block.unfinished()?.to_lowercase()));
    last.is_some_and(|last| last.contains("password") || last.contains("passphrase"))
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
    let asks = model.output.asks(run.number);
    // The way to the line of input from another pane.
    let away = |what: &str| {
        let key = model.keymap.shown(Cmd::TypeInput, &model.places(), model.types());
        key.map_or_else(String::new, |key| format!("   {key} {what}"))
    };
    let secret = asks && asks_secret(model, run.number);
    let (words, keys) = match (run.stop, run.phase, model.focus) {
        _ if down => ("unknown", "asks again when the link is back".to_owned()),
        (Stop::Killing(_), ..) => (run.word(), String::new()),
        (Stop::Asked(_), ..) if run.stop.kills(model.now) => (run.word(), "Ctrl-C again kill".to_owned()),
        (Stop::Asked(_), ..) => (run.word(), "Ctrl-C asks again, twice kills".to_owned()),
        (_, Phase::Running, _) if secret => {
            ("asks for a secret", "what is typed here is shown; Ctrl-C, then F7: it isn't".to_owned())
        }
        // Its last line has no end: most programs that ask something leave it so.
        (_, Phase::Running, Pane::Output) if asks => {
            ("waits for input?", "i answers   Ctrl-D ends the input   Ctrl-C stop".to_owned())
        }
        (_, Phase::Running, _) if asks => ("waits for input?", format!("Ctrl-C stop{}", away("answers"))),
        (_, Phase::Running, Pane::Output) => (run.word(), "Ctrl-C stop   i type input".to_owned()),
        (_, Phase::Running, _) => (run.word(), format!("Ctrl-C stop{}", away("type input"))),
        _ => (run.word(), "Ctrl-C stop".to_owned()),
    };
    let used = put(frame.buffer_mut(), area.x, area.y, &format!("{glyph} {words}   "), area.width, style);
    put(frame.buffer_mut(), area.x + used, area.y, &keys, area.width - used, theme.style(Role::Muted));
}
