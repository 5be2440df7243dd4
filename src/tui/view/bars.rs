//! The lines around the panes: where code runs, which keys work, how things stand.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{link, output, put};
use crate::tui::bench;
use crate::tui::commands::{BenchCmd, Cmd, Place, Spec, specs};
use crate::tui::document::Origin;
use crate::tui::keymap::Preset;
use crate::tui::layout::{Class, Layout, tabs as tab_places};
use crate::tui::model::{Model, Notice, Pane, RuntimeRow, Screen, Verdict};
use crate::tui::overlay;
use crate::tui::race::{self, Race};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{outcome, verdict};

/// Cells of how the last run ended: why one could not begin may be a long story.
const ENDING: usize = 48;
/// Below so many cells there is room for few keys.
const NARROW: u16 = 60;

/// A line's pieces, the most important first: those that don't fit are left out whole.
struct Pieces<'a> {
    theme: &'a Theme,
    line: Rect,
    x: u16,
}

impl<'a> Pieces<'a> {
    fn new(theme: &'a Theme, line: Rect) -> Self {
        Self { theme, line, x: line.x + 1 }
    }

    fn room(&self) -> u16 {
        self.line.right().saturating_sub(self.x)
    }

    /// Puts a piece with a gap after it; false: there was no room.
    fn put(&mut self, spans: &[(&str, Style)], gap: u16, frame: &mut Frame<'_>) -> bool {
        let width: usize = spans.iter().map(|(text, _)| text::width(text)).sum();
        if width > usize::from(self.room()) || self.line.is_empty() {
            return false;
        }
        for (text, style) in spans {
            self.x += put(frame.buffer_mut(), self.x, self.line.y, text, self.room(), *style);
        }
        self.x = self.x.saturating_add(gap);
        true
    }

    /// Puts a key and what it does.
    fn put_key(&mut self, key: &str, what: &str, frame: &mut Frame<'_>) {
        let (strong, plain) = (self.role(Role::KeysKey), self.role(Role::KeysBar));
        self.put(&[(key, strong), (" ", plain), (what, plain)], 3, frame);
    }

    /// Puts a piece at the right end, if there is room.
    fn put_right(&mut self, text: &str, style: Style, frame: &mut Frame<'_>) {
        let width = u16::try_from(text::width(text)).unwrap_or(u16::MAX);
        if width < self.room() {
            let x = self.line.right() - width - 1;
            put(frame.buffer_mut(), x, self.line.y, text, width, style);
            self.line.width = self.line.width.saturating_sub(width + 2);
        }
    }

    fn role(&self, role: Role) -> Style {
        self.theme.style(role)
    }
}

/// The name of the text, with `*` where it was changed.
pub(super) fn document_name(model: &Model) -> String {
    let mark = if model.is_changed() { " *" } else { "" };
    // One of the host may have the same name.
    let of = if matches!(model.document.origin(), Origin::Workspace { .. }) { " [workspace]" } else { "" };
    format!("{}{of}{mark}", model.document.name())
}

/// The top line: the program, the engine, its runtimes.
pub(super) fn top(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    let mut line = Pieces::new(theme, layout.top);
    if layout.class == Class::Small {
        let title = match model.screen {
            Screen::Messages => format!("Messages  {}", model.connection.name()),
            _ => format!("{}  {}", model.focus.title(), document_name(model)),
        };
        let end = match &model.runs.active {
            _ if model.connection.down().is_some() => (Verdict::Warn, "link down"),
            Some(_) => (Verdict::Run, "running"),
            None if bench::is_live(model) => (Verdict::Run, "measuring"),
            None => match &model.runs.last {
                Some(last) => (last.verdict, outcome(theme, last.verdict).1),
                None => (Verdict::Idle, "idle"),
            },
        };
        let (glyph, _, style) = verdict(theme, end.0);
        line.put_right(&format!("{glyph} {}", end.1), style, frame);
        let cut = text::fit(&title, usize::from(line.room()), theme.glyphs.cut).into_owned();
        line.put(&[(&cut, line.role(Role::TitleFocus))], 0, frame);
        return;
    }
    line.put(&[("codebeaker", line.role(Role::Strong))], 2, frame);
    let wide = layout.class == Class::Wide;
    if wide {
        line.put_right(&document_name(model), line.role(Role::TopBar), frame);
    }
    let figures = super::stats::in_short(model).filter(|_| layout.class == Class::Normal);
    if let Some(figures) = &figures {
        line.put_right(figures, line.role(Role::TopBar), frame);
    }
    engine(model, wide, &mut line, frame);
    // What was known of them may no longer be so.
    if model.connection.down().is_some() {
        return;
    }
    // Where there is no room for all, those that can't be used give theirs to the figures.
    let cells = |row: &RuntimeRow| row.runtime.short().len() + " x no  ".len();
    let all: usize = model.runtimes.rows.iter().map(cells).sum();
    let tight = figures.is_some() && all > usize::from(line.room());
    let shown = |row: &&RuntimeRow| !tight || row.info.as_ref().is_none_or(|info| info.available);
    for row in model.runtimes.rows.iter().filter(shown) {
        let version = row.info.as_ref().and_then(|info| info.version.as_deref()).unwrap_or_default();
        let short = version.split_whitespace().next().unwrap_or_default();
        let of = match &row.info {
            None => (Verdict::Unknown, "wait"),
            Some(info) if info.available => (Verdict::Ok, "ok"),
            Some(_) => (Verdict::Fail, "no"),
        };
        let (glyph, _, style) = verdict(theme, of.0);
        let name = row.runtime.short();
        let plain = line.role(Role::TopBar);
        let state = format!("{glyph} {}", of.1);
        let long = format!("{name} {short} ");
        let gap = if wide { 3 } else { 2 };
        let with_version = wide && short.starts_with(|c: char| c.is_ascii_digit()) && short.len() <= 12;
        if !with_version || !line.put(&[(&long, plain), (&state, style)], gap, frame) {
            line.put(&[(&format!("{name} "), plain), (&state, style)], gap, frame);
        }
    }
}

/// Where code runs, and how that is reached.
fn engine(model: &Model, wide: bool, line: &mut Pieces<'_>, frame: &mut Frame<'_>) {
    let plain = line.role(Role::TopBar);
    let state = link::state(model).map(|(of, words)| {
        let (glyph, _, style) = verdict(line.theme, of);
        (format!("{glyph} {words}"), style)
    });
    let down = model.connection.down().is_some();
    if let Some((words, style)) = state.as_ref().filter(|_| down) {
        line.put_right(words, *style, frame);
    }
    let name = link::engine(model, wide);
    let state = state.filter(|_| !down);
    let behind = state.as_ref().map_or(0, |(words, _)| text::width(words) + 1);
    let room = usize::from(line.room()).saturating_sub(behind).min(52);
    let name = text::fit(&name, room, line.theme.glyphs.cut).into_owned();
    match state {
        Some((words, style)) => line.put(&[(&name, plain), (" ", plain), (&words, style)], 3, frame),
        None => line.put(&[(&name, plain)], 3, frame),
    };
}

/// The strip of tabs, where not every pane is on the screen.
pub(super) fn tabs(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    if layout.tabs.is_empty() {
        return;
    }
    for (pane, area) in tab_places(layout.tabs) {
        let (text, role) = if pane == model.focus {
            (format!(" [{}] ", pane.title()), Role::TitleFocus)
        } else {
            (format!("  {}  ", pane.title()), Role::Title)
        };
        put(
            frame.buffer_mut(),
            area.x,
            area.y,
            &text[..text.len().min(area.width.into())],
            area.width,
            theme.style(role),
        );
    }
}

/// The word for what typing does in the editor: the same in its frame and in the line of keys.
pub(super) fn editing(model: &Model) -> (&'static str, Role) {
    match (model.keymap.preset(), model.edits, model.selecting) {
        (Preset::Vim, true, _) => ("INSERT", Role::ModeEdit),
        (Preset::Vim, false, true) => ("VISUAL", Role::ModeEdit),
        (Preset::Vim, false, false) => ("NORMAL", Role::ModeCommand),
        (_, true, _) => ("EDIT", Role::ModeEdit),
        (_, false, _) => ("CMD", Role::ModeCommand),
    }
}

/// The word for what typing does now.
fn mode(model: &Model) -> (&'static str, Role) {
    if let Some(mode) = output::mode(model) {
        return mode;
    }
    match (model.screen, model.focus) {
        (Screen::Setup, _) => ("RUNTIMES", Role::ModeCommand),
        (Screen::Messages, _) if model.wire.filtering => ("FILTER", Role::ModeEdit),
        (Screen::Messages, _) => ("MESSAGES", Role::ModeCommand),
        (Screen::Race, _) => ("RACE", Role::ModeCommand),
        (Screen::Bench, _) => ("BENCH", Role::ModeCommand),
        (_, Pane::Editor) => editing(model),
        (_, Pane::Output) if model.feeds => ("INPUT", Role::ModeEdit),
        (_, Pane::Output) => ("OUTPUT", Role::ModeCommand),
        (_, Pane::Sessions) => ("SESSIONS", Role::ModeCommand),
        (_, Pane::Files) if model.files.filtering => ("FILTER", Role::ModeEdit),
        (_, Pane::Files) => ("FILES", Role::ModeCommand),
        (_, Pane::Stats) => ("STATS", Role::ModeCommand),
        (_, Pane::History) => ("HISTORY", Role::ModeCommand),
    }
}

/// The bottom line of keys, from the table of commands, always ending with help.
pub(super) fn keys(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    key_line(model, layout.keys, theme, frame);
}

pub(super) fn key_line(model: &Model, line: Rect, theme: &Theme, frame: &mut Frame<'_>) {
    let mut line = Pieces::new(theme, line);
    if let Some((name, keys)) = overlay::hints(model) {
        line.put(&[(&name, theme.style(Role::ModeCommand))], 2, frame);
        for (key, what) in keys {
            line.put_key(key, what, frame);
        }
        if let Some((key, what)) = key_hint(model, Cmd::Stop, "stop").filter(|_| is_busy(model)) {
            line.put_key(&key, what, frame);
        }
        return;
    }
    let (word, role) = mode(model);
    line.put(&[(word, theme.style(role))], 2, frame);
    // What may follow the first of two keys stands in a box of its own.
    if let Some(first) = model.pending {
        line.put_key(&first.to_string(), "then one of these", frame);
        line.put_key("Esc", "back", frame);
        return;
    }
    let help = key_hint(model, Cmd::Help, "help");
    // Where there is room for few, the way back comes before it.
    let kept = help.as_ref().filter(|_| model.screen == Screen::Workbench || !is_narrow(model));
    let kept = kept.map_or(0, |(key, brief)| text::width(key) + brief.len() + 2);
    for (key, brief) in key_hints(model) {
        if text::width(&key) + brief.len() + 3 + kept <= usize::from(line.room()) {
            line.put_key(&key, brief, frame);
        }
    }
    if let Some((key, brief)) = help {
        line.put_key(&key, brief, frame);
    }
}

fn is_narrow(model: &Model) -> bool {
    model.size.width < NARROW
}

/// A command's key that works here, with a word for it.
fn key_hint(model: &Model, cmd: Cmd, brief: &'static str) -> Option<(String, &'static str)> {
    Some((model.keymap.shown(cmd, &model.places(), model.types())?, brief))
}

/// Stopping is worth its place only while there is something to stop.
fn is_busy(model: &Model) -> bool {
    model.runs.active.is_some()
        || model.runtimes.fetching.is_some()
        || model.sessions.creating > 0
        || model.files.queues.can_end().is_some()
        || model.connection.dial.is_some()
        || model.race.as_ref().is_some_and(Race::is_live)
        || bench::is_live(model)
}

/// A run has shown how that is done, and several runtimes would do it.
fn race_hint(model: &Model) -> bool {
    let able = |language| race::able(model, language).count();
    let ran = model.runs.last.is_some() || model.race.is_some();
    ran && model.document.language().is_some_and(|language| able(language) > 1)
}

/// Pausing is worth its place while something is measured, measuring again when nothing is.
fn bench_useful(model: &Model, cmd: Cmd) -> bool {
    let live = bench::is_live(model);
    match cmd {
        Cmd::Bench(BenchCmd::Pause) => live,
        Cmd::Bench(BenchCmd::Rerun | BenchCmd::Keep | BenchCmd::Choose) => !live,
        Cmd::Bench(BenchCmd::NextFigure) => {
            model.bench.as_ref().is_some_and(|bench| bench.figures().len() > 1)
        }
        Cmd::Bench(BenchCmd::Panel) => model.layout().class == Class::Normal,
        _ => true,
    }
}

/// The keys worth showing here, the most important first; help has a place of its own.
fn key_hints(model: &Model) -> Vec<(String, &'static str)> {
    if let Some(hints) = output::hints(model) {
        return hints;
    }
    let places = model.places();
    let busy = is_busy(model);
    // Where there is something to compare, and it is known how to run.
    let live = model.race.as_ref().is_some_and(Race::is_live);
    let races = if model.screen == Screen::Race { !live } else { race_hint(model) };
    let reads = model.screen == Screen::Messages && model.wire.reading;
    let mut shown: Vec<(String, &str)> = Vec::new();
    // While something runs, how to stop it is what nobody should have to look for.
    shown.extend(key_hint(model, Cmd::Stop, "stop").filter(|_| busy));
    if reads {
        shown.extend(key_hint(model, Cmd::PageDown, "page down"));
    }
    if model.screen == Screen::Messages && model.wire.filtering
        || model.screen == Screen::Workbench && model.focus == Pane::Files && model.types()
    {
        shown.push(("Enter".to_owned(), "keep"));
        shown.extend(key_hint(model, Cmd::Leave, "all"));
    } else if model.types() {
        let vim = model.keymap.preset() == Preset::Vim && model.focus == Pane::Editor;
        shown.extend(key_hint(model, Cmd::Leave, if vim { "normal" } else { "commands" }));
        if model.focus == Pane::Output {
            shown.push(("Enter".to_owned(), "send"));
            shown.extend(key_hint(model, Cmd::EndInput, "end of input"));
        }
    }
    // Lines are left out: where the frame has no room to say so, this does.
    let filtered = model.output.query().is_some() && model.output.seek.as_ref().is_some_and(|s| s.filters);
    if filtered && model.screen == Screen::Workbench && model.focus == Pane::Output && !model.types() {
        shown.extend(key_hint(model, Cmd::Leave, "all lines"));
    }
    if model.zoomed && model.screen == Screen::Workbench && !model.types() {
        shown.extend(key_hint(model, Cmd::Zoom, "unzoom"));
    }
    for place in &places {
        let here = |spec: &&Spec| spec.place == *place && !spec.brief.is_empty() && spec.cmd != Cmd::Help;
        let of_list =
            |spec: &&Spec| matches!(spec.cmd, Cmd::ReadMessage | Cmd::FilterMessages | Cmd::PauseMessages);
        let of_program = |spec: &&Spec| matches!(spec.cmd, Cmd::Stop | Cmd::TypeInput);
        let useful = |spec: &&Spec| {
            (!of_program(spec) || busy)
                && (spec.cmd != Cmd::Run || model.runs.active.is_none())
                && (!matches!(spec.cmd, Cmd::RunAll | Cmd::TakeTurns) || races)
                && !(reads && of_list(spec))
                && bench_useful(model, spec.cmd)
        };
        for spec in specs().filter(here).filter(useful) {
            // A key means what the nearest place says.
            let hint = key_hint(model, spec.cmd, spec.brief);
            shown.extend(
                hint.filter(|hint| !shown.iter().any(|(key, brief)| *brief == hint.1 || *key == hint.0)),
            );
        }
    }
    // The language is seldom changed: where there is little room, running and the menu have it.
    if let Some(at) = shown.iter().position(|(_, brief)| *brief == "language") {
        let language = shown.remove(at);
        shown.push(language);
    }
    if model.screen != Screen::Workbench && !model.types() {
        let filtered = model.screen == Screen::Messages && !model.wire.filter.text().is_empty();
        let alone = model.screen == Screen::Race && model.race.as_ref().is_some_and(|race| race.alone);
        let back = match (reads, filtered) {
            _ if alone => "all",
            (true, _) => "list",
            (false, true) => "all",
            (false, false) if is_narrow(model) => "back",
            (false, false) => "workbench",
        };
        let at = shown.len().min(if is_narrow(model) { 1 } else { 2 });
        shown.splice(at..at, key_hint(model, Cmd::Leave, back));
    }
    shown
}

/// The last line: the session, what runs, what can be fetched, and where the cursor is.
pub(super) fn status(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    let mut line = Pieces::new(theme, layout.status);
    let plain = theme.style(Role::StatusBar);
    if layout.status.is_empty() {
        return;
    }
    let (row, column) = model.editor.cursor();
    let place = format!("{}:{}", row + 1, column + 1);
    let edits = model.screen == Screen::Workbench;
    let end = match (edits, layout.class) {
        (false, _) => theme.name.clone(),
        (true, Class::Wide) => format!("{place}  {}", theme.name),
        (true, _) => place,
    };
    let down = model.connection.down().is_some();
    if !down {
        line.put_right(&end, plain, frame);
    }
    let notice = model.notice.as_ref().filter(|n| matches!(n.verdict, Verdict::Idle | Verdict::Ok));
    // What is told of a message has the line for itself.
    if edits || notice.is_none() {
        let (of, words) = activity(model);
        let (glyph, _, style) = verdict(theme, of);
        line.put(&[(glyph, style), (" ", style), (&words, style)], if down { 2 } else { 3 }, frame);
    }
    if let Some(notice) = notice {
        let said = said(notice);
        let said = text::fit(&said, usize::from(line.room()), theme.glyphs.cut).into_owned();
        line.put(&[(&said, theme.style(Role::ToastInfo))], 3, frame);
        return;
    }
    if down {
        for words in link::consequences(model) {
            line.put(&[(&words, theme.style(Role::Text))], 2, frame);
        }
        line.put_right(&end, plain, frame);
    } else if model.screen == Screen::Bench {
        if let Some(words) = bench_cost(model) {
            line.put(&[(&words, theme.style(Role::Muted))], 3, frame);
        }
    } else if let Some(hint) = fetch_hint(model).filter(|_| edits) {
        line.put(&[(&hint, theme.style(Role::Muted))], 0, frame);
    }
}

/// What looking at it cost, drawing and reading.
fn bench_cost(model: &Model) -> Option<String> {
    let bench = model.bench.as_ref()?;
    let cost = bench.drawing? + bench.reading.as_ref()?.cost;
    Some(format!("this view took {cost:.1} ms of each second"))
}

fn said(notice: &Notice) -> String {
    match notice.hint.as_str() {
        "" => notice.message.clone(),
        hint => format!("{}: {hint}", notice.message),
    }
}

/// What goes on now, in a few words.
fn activity(model: &Model) -> (Verdict, String) {
    if let Some(dial) = &model.connection.dial {
        return (Verdict::Run, format!("connecting to {}", dial.to));
    }
    if let Some(words) = link::lost(model) {
        return (Verdict::Warn, words);
    }
    let files = model.files.queues.activity();
    if let Some(words) = files.clone().filter(|_| model.focus == Pane::Files) {
        return (Verdict::Run, words);
    }
    if let Some(run) = &model.runs.active {
        return (Verdict::Run, format!("run {} {}", run.number, run.word()));
    }
    if let Some(race) = model.race.as_ref().filter(|race| race.is_live()) {
        return race.activity();
    }
    if let Some(bench) = model.bench.as_ref().filter(|bench| bench.live) {
        return bench.activity();
    }
    if let Some(runtime) = model.runtimes.fetching {
        return (Verdict::Run, format!("fetching {}", runtime.short()));
    }
    if let Some(words) = files {
        return (Verdict::Run, words);
    }
    if model.sessions.creating > 0 {
        return (Verdict::Run, "creating a session".to_owned());
    }
    if let Some(race) = model.race.as_ref().filter(|_| model.screen == Screen::Race) {
        return (Verdict::Idle, format!("all {} have ended", race.lanes.len()));
    }
    if let Some(bench) = model.bench.as_ref().filter(|_| model.screen == Screen::Bench) {
        return bench.outcome();
    }
    match (&model.runs.last, model.sessions.current()) {
        (Some(last), _) => {
            // Of what isn't known there is no time either.
            let time = match (last.verdict, last.total_ms) {
                (Verdict::Unknown, _) | (_, None) => String::new(),
                (_, Some(total)) => format!(" in {}", text::whole_millis(total)),
            };
            (last.verdict, format!("last: {}{time}", text::fit(&last.ending, ENDING, "~")))
        }
        (None, Some(row)) => (Verdict::Idle, crate::tui::overlay::session_name(&row.info)),
        (None, None) => {
            let words = "no session yet: F5 creates one";
            (Verdict::Idle, model.keymap.in_words(words, &model.places(), model.types()))
        }
    }
}

/// Which runtimes could be fetched, and with which key.
fn fetch_hint(model: &Model) -> Option<String> {
    let missing = |row: &&crate::tui::model::RuntimeRow| {
        row.info.as_ref().is_some_and(|info| !info.available && info.fetchable)
    };
    let names: Vec<&str> =
        model.runtimes.rows.iter().filter(missing).map(|row| row.runtime.short()).collect();
    if names.is_empty() || !model.runtimes.settled {
        return None;
    }
    let key = model.keymap.shown(Cmd::Setup, &[Place::Workbench], true)?;
    Some(format!("{key} can fetch {}", names.join(", ")))
}

/// The last result, where the output has no room.
pub(super) fn result(model: &Model, layout: &Layout, theme: &Theme, frame: &mut Frame<'_>) {
    let area = layout.result;
    if area.is_empty() || area.y == 0 {
        return;
    }
    let rule = theme.glyphs.rule.repeat(area.width.into());
    put(frame.buffer_mut(), area.x, area.y - 1, &rule, area.width, theme.style(Role::Border));
    let mut line = Pieces::new(theme, area);
    if let Some(notice) = model.notice.as_ref() {
        let (glyph, _, style) = verdict(theme, notice.verdict);
        let words = text::fit(&said(notice), usize::from(line.room().saturating_sub(2)), theme.glyphs.cut)
            .into_owned();
        line.put(&[(glyph, style), (" ", style), (&words, theme.style(Role::Text))], 0, frame);
        return;
    }
    let (of, words) = activity(model);
    let (glyph, _, style) = verdict(theme, of);
    let words = text::fit(&words, usize::from(line.room().saturating_sub(2)), theme.glyphs.cut).into_owned();
    line.put(&[(glyph, style), (" ", style), (&words, style)], 2, frame);
    // What a terminal shows is no line yet.
    if let Some(last) = model.output.last_text().filter(|_| model.terminal().is_none()) {
        let last = text::fit(&last, usize::from(line.room()), theme.glyphs.cut).into_owned();
        line.put(&[(&last, theme.style(Role::Text))], 0, frame);
    }
}
