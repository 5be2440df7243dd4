//! The runtimes screen: what was found, what is wrong, what Enter does about it.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::protocol::{Language, Measured, Progress, RuntimeInfo, RuntimeType};
use crate::tui::commands::{Cmd, Place};
use crate::tui::model::{Model, RuntimeRow, Verdict};
use crate::tui::remedy;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{frame as frames, verdict};

/// Cells in which what is wrong can be told at all.
const LEAST: usize = 18;
/// Cells that what is wrong needs before the column of keys has a place.
const DETAIL: usize = 24;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let size = model.without_tour(frame.area().as_size());
    let screen = Rect::from((frame.area().as_position(), size));
    let buffer = frame.buffer_mut();
    let title = match model.connection.server() {
        Some(server) => format!("codebeaker   runtimes of {server}"),
        None => "codebeaker   runtimes".to_owned(),
    };
    put(buffer, 1, 0, &title, screen.width.saturating_sub(1), theme.style(Role::Strong));
    let room = Rect { y: 1, height: screen.height.saturating_sub(3), ..screen };
    let width = room.width.min(92);
    let height = room.height.min(u16::try_from(model.runtimes.rows.len()).unwrap_or(0).saturating_add(15));
    let area = Rect::new((room.width - width) / 2, room.y + (room.height - height) / 3, width, height);
    let again = key(model, Cmd::Recheck).map_or_else(String::new, |key| format!("{key} look again"));
    let framed = frames::Framed {
        title: "Runtimes",
        right: if model.runtimes.all_known() { &again } else { "looking..." },
        foot: "",
        focused: model.overlays.is_empty(),
    };
    let inside = frames::draw(&framed, theme, area, frame);
    body(model, theme, inside, frame);
    let last = screen.bottom().saturating_sub(1);
    let line = |y: u16| Rect { y, height: 1, ..screen };
    super::bars::key_line(model, line(last.saturating_sub(1)), theme, frame);
    let ready = model.runtimes.available().count();
    let lost = super::link::lost(model);
    let of = if ready > 0 && lost.is_none() { Verdict::Ok } else { Verdict::Warn };
    let (glyph, _, style) = verdict(theme, of);
    let words = lost.unwrap_or_else(|| format!("{ready} of {} runtimes ready", model.runtimes.rows.len()));
    let words = format!("{glyph} {words}");
    put(frame.buffer_mut(), 1, last, &words, screen.width.saturating_sub(1), style);
}

/// The key of a command on this screen.
fn key(model: &Model, cmd: Cmd) -> Option<String> {
    model.keymap.shown(cmd, &[Place::Setup, Place::Everywhere], false)
}

fn body(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let ready = model.runtimes.available().count();
    let all = model.runtimes.rows.len();
    let first = match ready {
        0 if !model.runtimes.all_known() => "Looking for runtimes.".to_owned(),
        0 => format!("None of {all} runtimes is ready yet; one is enough."),
        1 => format!("1 of {all} runtimes is ready; one is enough."),
        n => format!("{n} of {all} runtimes are ready."),
    };
    let compact = usize::from(area.height) < all + 7;
    let mut y = area.y;
    let width = area.width.saturating_sub(2);
    let mut line = |text: &str, role: Role, frame: &mut Frame<'_>| {
        if y < area.bottom() {
            put(frame.buffer_mut(), area.x + 1, y, text, width, theme.style(role));
        }
        y = y.saturating_add(1);
        y
    };
    let columns = Columns::of(model, theme, usize::from(width));
    let mut y = line(&first, Role::Text, frame);
    if !compact {
        line("", Role::Text, frame);
        y = line(
            &columns.row(["  runtime", "state", "what is wrong, or what is here", "do"], ""),
            Role::Muted,
            frame,
        );
    }
    // Where there is little room, a fix has that of the runtimes it is not for.
    let alone = compact && model.runtimes.step.is_some();
    for (at, row) in model.runtimes.rows.iter().enumerate() {
        if alone && at != model.runtimes.selected {
            continue;
        }
        if y < area.bottom() {
            let line = Rect { y, height: 1, x: area.x + 1, width };
            runtime(row, at == model.runtimes.selected, &columns, model, theme, line, frame);
        }
        y = y.saturating_add(1);
    }
    let Some(row) = model.runtimes.rows.get(model.runtimes.selected) else { return };
    let y = y.saturating_add(u16::from(!compact));
    let rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    let used = chosen(row, model, theme, rest, frame);
    let rest = Rect { y: y.saturating_add(used), height: rest.height.saturating_sub(used), ..area };
    others(model, theme, rest, frame);
}

/// The widths of the columns: what is in them, and the rest for what is wrong.
struct Columns {
    name: usize,
    state: usize,
    detail: usize,
    what: usize,
}

impl Columns {
    fn of(model: &Model, theme: &Theme, width: usize) -> Self {
        let rows = &model.runtimes.rows;
        let widest = |cells: fn(&RuntimeRow, &Model, &Theme) -> String, head: &str| {
            let cells = rows.iter().map(|row| text::width(&cells(row, model, theme)));
            cells.max().unwrap_or(0).max(head.len()) + 2
        };
        let name = widest(|row, _, _| format!("  {}", row.runtime.short()), "  runtime");
        let state = widest(|row, model, theme| state(row, model, theme).0, "state");
        let what = widest(|row, model, _| what_to_do(row, model), "do").saturating_sub(2);
        // Less would say nothing; the chosen one is told whole below.
        let rest = match width.saturating_sub(name + state) {
            rest if rest < LEAST => 0,
            rest => rest,
        };
        let what = if rest >= DETAIL + what { what } else { 0 };
        Self { name, state, detail: rest - what, what }
    }

    fn row(&self, [name, state, detail, what]: [&str; 4], cut: &str) -> String {
        // The gap before the last column is part of the one before it.
        let gap = if self.what > 0 { 2 } else { 0 };
        let detail = text::pad(detail, self.detail.saturating_sub(gap), cut);
        let name = text::pad(name, self.name, "");
        let state = text::pad(state, self.state, "");
        let what = text::fit(what, self.what, "");
        format!("{name}{state}{detail}{:gap$}{what}", "")
    }
}

/// State of a runtime: glyph and word, and which.
fn state(row: &RuntimeRow, model: &Model, theme: &Theme) -> (String, Verdict) {
    let (of, word) = match &row.info {
        _ if model.runtimes.fetching == Some(row.runtime) => (Verdict::Run, "fetching"),
        None => (Verdict::Unknown, "looking"),
        Some(info) if info.available => (Verdict::Ok, "ready"),
        Some(info) if info.fetchable => (Verdict::Warn, "can be fetched"),
        Some(_) => (Verdict::Fail, "not available"),
    };
    let (glyph, _, _) = verdict(theme, of);
    (format!("{glyph} {word}"), of)
}

/// The key that does something about a runtime, with a word.
fn what_to_do(row: &RuntimeRow, model: &Model) -> String {
    let Some(info) = &row.info else { return String::new() };
    let (cmd, word) = match info {
        RuntimeInfo { fetchable: true, runtime: RuntimeType::Docker, .. } => (Cmd::Fetch, "build"),
        RuntimeInfo { fetchable: true, .. } => (Cmd::Fetch, "fetch"),
        RuntimeInfo { available: true, .. } => (Cmd::Fetch, "start"),
        RuntimeInfo { fix: Some(_), .. } => (Cmd::ShowFix, "show fix"),
        _ => return String::new(),
    };
    key(model, cmd).map_or_else(String::new, |key| format!("{key} {word}"))
}

fn runtime(
    row: &RuntimeRow,
    selected: bool,
    columns: &Columns,
    model: &Model,
    theme: &Theme,
    line: Rect,
    frame: &mut Frame<'_>,
) {
    let mark = if selected { theme.glyphs.pointer } else { " " };
    let (state, of) = state(row, model, theme);
    let detail = match &row.info {
        Some(info) if info.available => info.version.clone().unwrap_or_else(|| "?".to_owned()),
        Some(info) => info.reason.clone().unwrap_or_default(),
        None => String::new(),
    };
    let name = format!("{mark} {}", row.runtime.short());
    let whole = columns.row([&name, &state, &detail, &what_to_do(row, model)], theme.glyphs.cut);
    let plain = theme.style(if selected { Role::Selected } else { Role::Text });
    put(frame.buffer_mut(), line.x, line.y, &whole, line.width, plain);
    let x = line.x + u16::try_from(columns.name).unwrap_or(0);
    let room = line.right().saturating_sub(x);
    let style = verdict(theme, of).2;
    put(frame.buffer_mut(), x, line.y, &state, room, if selected { plain.patch(style) } else { style });
}

/// What can be done about the chosen runtime, or how its fetch goes. Gives the lines it took.
fn chosen(row: &RuntimeRow, model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) -> u16 {
    let width = area.width.saturating_sub(2);
    let lines = match (&row.info, model.runtimes.step) {
        _ if model.runtimes.fetching == Some(row.runtime) => fetch_lines(row, theme, width),
        (Some(info), Some(at)) => fix_lines(info, at, model, theme, usize::from(width)),
        _ => {
            let wrapped =
                advice(row, model).into_iter().flat_map(|line| text::wrap(&line, usize::from(width)));
            wrapped.map(|line| (line, Role::Text)).collect()
        }
    };
    for ((line, role), y) in lines.iter().zip(area.top()..area.bottom()) {
        put(frame.buffer_mut(), area.x + 1, y, line, width, theme.style(*role));
    }
    u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height)
}

/// The fix step by step, with the step that is copied next.
fn fix_lines(
    info: &RuntimeInfo,
    at: usize,
    model: &Model,
    theme: &Theme,
    width: usize,
) -> Vec<(String, Role)> {
    let mut lines =
        vec![(format!("Fix for {} (nothing is run for you):", info.runtime.short()), Role::Strong)];
    let steps = remedy::steps(info);
    let copy = key(model, Cmd::CopyFix).unwrap_or_default();
    for (number, step) in steps.iter().enumerate() {
        let mark = if number == at { theme.glyphs.pointer } else { " " };
        let mut words = match &step.line {
            Some(line) => format!("{mark} {}  {line}", number + 1),
            None => format!("{mark} {}  {}", number + 1, step.words),
        };
        if let (Some(_), false) = (&step.line, copy.is_empty()) {
            let more = format!("   {copy} copies it");
            if number == at && text::width(&words) + more.len() <= width {
                words.push_str(&more);
            } else if text::width(&words) + text::width(&step.words) + 3 <= width && number != at {
                words = format!("{words}   {}", step.words);
            }
        }
        let role = if number == at { Role::Selected } else { Role::Text };
        // A line for a shell is told whole, over as many rows as it takes.
        lines.extend(text::broken(&words, width.max(1)).into_iter().map(|line| (line, role)));
    }
    let again =
        key(model, Cmd::Recheck).map_or_else(|| "look again".to_owned(), |key| format!("{key} looks again"));
    lines.push((format!("  {}  {again}", steps.len() + 1), Role::Text));
    lines
}

/// What else there is to do here.
fn others(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let uses = model.runtimes.available().next().map(|info| format!(" (uses {})", info.runtime.short()));
    let tour = format!("the three-minute tour{}", uses.unwrap_or_else(|| ", once one is ready".to_owned()));
    let ways = [
        (Cmd::Connect, "work on a server instead".to_owned()),
        (Cmd::Tour, tour),
        (Cmd::Report, "write this report to a file, as codebeaker doctor prints it".to_owned()),
    ];
    let ways: Vec<String> =
        ways.into_iter().filter_map(|(cmd, what)| Some(format!("{}  {what}", key(model, cmd)?))).collect();
    if usize::from(area.height) < ways.len() + 1 {
        return;
    }
    for (at, (way, y)) in ways.iter().zip(area.top() + 1..area.bottom()).enumerate() {
        let words = format!("{} {way}", if at == 0 { "Or:" } else { "   " });
        put(
            frame.buffer_mut(),
            area.x + 1,
            y,
            &words,
            area.width.saturating_sub(2),
            theme.style(Role::Muted),
        );
    }
}

/// How a fetch goes: in words, as a bar, and how to end it.
fn fetch_lines(row: &RuntimeRow, theme: &Theme, width: u16) -> Vec<(String, Role)> {
    let (words, share) = progress(row.progress.as_ref(), row.runtime.short());
    let mut lines = vec![(words, Role::Text)];
    if let Some(share) = share {
        let room = usize::from(width.saturating_sub(2)).min(60);
        let full = ((share * room as f64).round() as usize).min(room);
        let bar = theme.glyphs.full.repeat(full) + &theme.glyphs.empty.repeat(room - full);
        lines.push((format!("[{bar}]"), Role::Run));
    }
    lines.push(("Ctrl-C ends it".to_owned(), Role::Muted));
    lines
}

/// What is here whole, what Enter does about it, or what a person can do: a sentence each.
fn advice(row: &RuntimeRow, model: &Model) -> Vec<String> {
    let name = row.runtime.short();
    let enter = key(model, Cmd::Fetch).unwrap_or_else(|| "Enter".to_owned());
    let Some(info) = &row.info else { return Vec::new() };
    let is = [info.version.clone(), info.path.as_ref().map(|path| format!("at {path}"))];
    let is: Vec<String> = is.into_iter().flatten().collect();
    let mut lines = Vec::new();
    if info.available {
        lines.push(format!("{name}: {}", if is.is_empty() { "?".to_owned() } else { is.join("  ") }));
        lines.push(format!("It runs {}.", languages(&info.languages)));
        if !info.measured.is_empty() {
            let cost = |(language, of): (&Language, &Measured)| {
                let (ms, mb) = (of.startup_time_ms, of.memory_overhead_mb);
                format!("{} {ms:.0} ms, {mb:.0} MB", language.title())
            };
            let costs: Vec<String> = info.measured.iter().map(cost).collect();
            lines.push(format!("A session takes, as measured here: {}.", costs.join("; ")));
        }
    } else if let Some(reason) = &info.reason {
        lines.push(format!("{name}: {reason}"));
    }
    match info {
        RuntimeInfo { available: true, fetchable: false, .. } => {
            lines.push(format!("{enter} starts with it."))
        }
        RuntimeInfo { available: true, .. } => {
            lines.push(format!("{enter} {}, for {}.", fetches(info), languages(&info.fetchable_languages)));
        }
        RuntimeInfo { fetchable: true, .. } => lines.push(format!(
            "{enter} {}; it runs {}. Nothing is fetched unasked.",
            fetches(info),
            languages(&info.languages)
        )),
        RuntimeInfo { fix: Some(fix), .. } => {
            let how =
                key(model, Cmd::ShowFix).map_or_else(String::new, |key| format!(" ({key}: step by step)"));
            lines.push(format!("What helps{how}: {fix}"));
        }
        _ => {}
    }
    lines
}

/// What Enter does.
fn fetches(info: &RuntimeInfo) -> String {
    match info.runtime {
        RuntimeType::Docker => "builds the images that it lacks".to_owned(),
        other => format!("fetches {}, checks it and keeps it for CodeBeaker alone", other.short()),
    }
}

fn languages(languages: &[Language]) -> String {
    let names: Vec<&str> = languages.iter().map(|language| language.title()).collect();
    if names.is_empty() { "no language".to_owned() } else { names.join(", ") }
}

/// How a fetch goes, in words and as a share of the whole where that is known.
fn progress(progress: Option<&Progress>, name: &str) -> (String, Option<f64>) {
    match progress {
        None => (format!("{name}: asking"), None),
        Some(Progress::Resolving { from, .. }) => {
            (format!("{name}: asking {from} for the newest version"), None)
        }
        Some(Progress::Downloading { received, total: Some(total), .. }) if *total > 0 => {
            let share = (*received as f64 / *total as f64).min(1.0);
            (
                format!(
                    "{name}: {} of {}  {:.0} %",
                    text::bytes(*received),
                    text::bytes(*total),
                    share * 100.0
                ),
                Some(share),
            )
        }
        Some(Progress::Downloading { received, .. }) => {
            (format!("{name}: {} so far", text::bytes(*received)), None)
        }
        Some(Progress::Building { image, step, steps, what, .. }) => {
            // The step that is done now is not done yet.
            let share = f64::from(step.saturating_sub(1)) / f64::from((*steps).max(1));
            (format!("{image}: step {step} of {steps}  {what}"), Some(share.min(1.0)))
        }
        Some(Progress::Step { what, .. }) => (format!("{name}: {what}"), None),
        Some(Progress::Done { version, .. }) => (format!("{name} {version} is there"), Some(1.0)),
    }
}
