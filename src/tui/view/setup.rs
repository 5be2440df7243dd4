//! The runtimes screen: what was found, what is wrong, what Enter does about it.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::put;
use crate::protocol::{Language, Progress, RuntimeInfo, RuntimeType};
use crate::tui::model::{Model, RuntimeRow, Verdict};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::{frame as frames, verdict};

const NAME: usize = 9;
const STATE: usize = 18;

pub(super) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let buffer = frame.buffer_mut();
    let title = match model.connection.server() {
        Some(server) => format!("codebeaker   runtimes of {server}"),
        None => "codebeaker   runtimes".to_owned(),
    };
    put(buffer, 1, 0, &title, screen.width.saturating_sub(1), theme.style(Role::Strong));
    let room = Rect { y: 1, height: screen.height.saturating_sub(3), ..screen };
    let width = room.width.min(92);
    let height = room.height.min(u16::try_from(model.runtimes.rows.len()).unwrap_or(0).saturating_add(13));
    let area = Rect::new((room.width - width) / 2, room.y + (room.height - height) / 3, width, height);
    let framed = frames::Framed {
        title: "Runtimes",
        right: if model.runtimes.all_known() { "r look again" } else { "looking..." },
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

fn body(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let ready = model.runtimes.available().count();
    let all = model.runtimes.rows.len();
    let first = match ready {
        0 if !model.runtimes.all_known() => "Looking for runtimes.".to_owned(),
        0 => format!("None of {all} runtimes is ready yet; one is enough."),
        1 => format!("1 of {all} runtimes is ready; one is enough."),
        n => format!("{n} of {all} runtimes are ready."),
    };
    let mut y = area.y;
    let mut line = |text: &str, role: Role, frame: &mut Frame<'_>| {
        if y < area.bottom() {
            put(frame.buffer_mut(), area.x + 1, y, text, area.width.saturating_sub(2), theme.style(role));
        }
        y = y.saturating_add(1);
        y
    };
    let compact = usize::from(area.height) < all + 7;
    let mut y = line(&first, Role::Text, frame);
    if !compact {
        line("", Role::Text, frame);
        let heads = format!("  {:<NAME$}{:<STATE$}{}", "runtime", "state", "what is wrong, or where it is");
        y = line(&heads, Role::Muted, frame);
    }
    for (at, row) in model.runtimes.rows.iter().enumerate() {
        if y < area.bottom() {
            runtime(row, at == model.runtimes.selected, model, theme, Rect { y, height: 1, ..area }, frame);
        }
        y += 1;
    }
    if let Some(row) = model.runtimes.rows.get(model.runtimes.selected) {
        let y = y.saturating_add(u16::from(!compact));
        let rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
        chosen(row, model, theme, rest, frame);
    }
}

/// State word of a runtime.
fn standing(row: &RuntimeRow, model: &Model) -> (Verdict, &'static str) {
    match &row.info {
        _ if model.runtimes.fetching == Some(row.runtime) => (Verdict::Run, "fetching"),
        None => (Verdict::Unknown, "looking"),
        Some(info) if info.available => (Verdict::Ok, "ready"),
        Some(info) if info.fetchable => (Verdict::Warn, "can be fetched"),
        Some(_) => (Verdict::Fail, "not available"),
    }
}

fn runtime(
    row: &RuntimeRow,
    selected: bool,
    model: &Model,
    theme: &Theme,
    line: Rect,
    frame: &mut Frame<'_>,
) {
    let (of, word) = standing(row, model);
    let (glyph, _, style) = verdict(theme, of);
    let mark = if selected { theme.glyphs.pointer } else { " " };
    let plain = theme.style(if selected { Role::Selected } else { Role::Text });
    let detail = match &row.info {
        Some(info) if info.available => ready_detail(info),
        Some(info) => info.reason.clone().unwrap_or_default(),
        None => String::new(),
    };
    let name = text::pad(&format!("{mark} {}", row.runtime.short()), NAME + 2, "");
    let state = text::pad(&format!("{glyph} {word}"), STATE, "");
    let mut x = line.x + 1;
    for (text, style) in [(&name, plain), (&state, style), (&detail, theme.style(Role::Text))] {
        let room = line.right().saturating_sub(x + 1);
        let shown = text::fit(text, usize::from(room), theme.glyphs.cut);
        x += put(frame.buffer_mut(), x, line.y, &shown, room, style);
    }
}

fn ready_detail(info: &RuntimeInfo) -> String {
    let version = info.version.clone().unwrap_or_default();
    let path = info.path.clone().unwrap_or_default();
    format!("{version}  {path}").trim().to_owned()
}

/// What can be done about the chosen runtime, or how its fetch goes.
fn chosen(row: &RuntimeRow, model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let fetches = model.runtimes.fetching == Some(row.runtime);
    let width = area.width.saturating_sub(2);
    let lines = if fetches {
        fetch_lines(row, theme, width)
    } else {
        let wrapped = text::wrap(&advice(row), usize::from(width));
        wrapped.into_iter().map(|line| (line, Role::Text)).collect()
    };
    for ((line, role), y) in lines.iter().zip(area.top()..area.bottom()) {
        put(frame.buffer_mut(), area.x + 1, y, line, width, theme.style(*role));
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

/// What Enter does about a runtime, or what a person can do.
fn advice(row: &RuntimeRow) -> String {
    let name = row.runtime.short();
    match &row.info {
        None => String::new(),
        Some(info) if info.available && !info.fetchable => {
            format!("Enter starts the workbench; {name} runs {}.", languages(&info.languages))
        }
        Some(info) if info.available => format!(
            "{name} runs {}. Enter {}, for {}; Esc starts the workbench.",
            languages(&info.languages),
            fetches(info),
            languages(&info.fetchable_languages)
        ),
        Some(info) if info.fetchable => format!(
            "Enter {}; it runs {}. Nothing is fetched unasked.",
            fetches(info),
            languages(&info.languages)
        ),
        Some(info) => info.fix.clone().unwrap_or_default(),
    }
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
