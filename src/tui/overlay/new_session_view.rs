//! How the form for a new session looks, and where its parts are: drawing and the mouse ask the same function.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::Outcome;
use super::new_session::{Choice, NewSession, PREFERENCES, Part};
use crate::protocol::{Candidate, Scores, WireName as _};
use crate::tui::layout::centred;
use crate::tui::model::{Model, Verdict};
use crate::tui::race::unfit;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;
use crate::tui::widget::{state, verdict};

/// Cells of the box.
const WIDTH: u16 = 78;
/// Cells of a part's name, with the mark of the focus before it.
const NAME: u16 = 12;
/// Cells of a short text's field, brackets included, and of a long one's.
const SHORT: u16 = 14;
const LONG: u16 = 34;
/// Cells of a score: its bar, a blank, its number and what parts it from the next.
const BAR: usize = 8;
const SCORE: usize = BAR + 1 + 4 + 2;
/// Cells before the scores: a mark, a place, a name.
const RUNTIME: usize = 13;
/// The most lines for what is wrong.
const TROUBLE: usize = 3;

/// A row of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Part(Part),
    /// What the columns of the ranking are.
    Heads,
    /// One of the ranking's lines.
    Ranked(usize),
    /// Why the first has won.
    Why(usize),
    Gap,
}

/// Where everything is.
struct Places {
    area: Rect,
    rows: Vec<(Row, Rect)>,
    trouble: Rect,
    keys: Rect,
}

impl NewSession {
    fn rows(&self, model: &Model, cells: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        for part in self.parts() {
            rows.push(Row::Part(part));
            if part == Part::Runtime {
                rows.push(Row::Heads);
                // As many lines as there will be, so that nothing jumps when they come.
                let many = match &self.ranking {
                    Some(Ok(selection)) => selection.ranking.len(),
                    Some(Err(_)) => 1,
                    None => model.runtimes.rows.len(),
                };
                rows.extend((0..many).map(Row::Ranked));
                rows.extend((0..self.why(cells).len()).map(Row::Why));
                rows.push(Row::Gap);
            }
        }
        rows
    }

    fn places(&self, model: &Model) -> Places {
        let width = model.room().width.min(WIDTH);
        let cells = usize::from(width.saturating_sub(4));
        let rows = self.rows(model, cells);
        let trouble = self.trouble_lines(cells).len();
        let height = u16::try_from(rows.len() + trouble).unwrap_or(u16::MAX).saturating_add(3);
        let area = centred(model.room(), width, height);
        let inside = area.inner(ratatui::layout::Margin::new(1, 1));
        let line = |y: u16| Rect { y, height: 1, ..inside };
        let keys = line(inside.bottom().saturating_sub(1)).intersection(inside);
        let told = u16::try_from(trouble).unwrap_or(0).min(inside.height / 2);
        let body = Rect { height: inside.height.saturating_sub(1 + told), ..inside };
        let trouble = Rect { y: body.bottom(), height: told, ..inside };
        // The part that has the focus stays in view, with what belongs to it where there is room.
        let focus = rows.iter().position(|row| *row == Row::Part(self.part)).unwrap_or(0);
        let shown = usize::from(body.height);
        let below = if self.part == Part::Runtime { self.below(&rows, focus) } else { focus };
        let last = below.min(focus + shown.saturating_sub(1));
        let first = (last + 1).saturating_sub(shown);
        let rows = rows.into_iter().skip(first).zip(body.top()..body.bottom()).map(|(row, y)| (row, line(y)));
        Places { area, rows: rows.collect(), trouble, keys }
    }

    /// The last row of the ranking.
    fn below(&self, rows: &[Row], focus: usize) -> usize {
        rows.iter().rposition(|row| matches!(row, Row::Ranked(_) | Row::Why(_))).unwrap_or(focus)
    }

    /// The part at a place on the screen.
    pub(super) fn click(&mut self, at: Position, model: &Model) -> Outcome {
        let places = self.places(model);
        let hit = places.rows.iter().find(|(_, area)| area.contains(at));
        match hit {
            Some((Row::Part(part), _)) => self.click_part(*part, model),
            _ => Outcome::Stay(Vec::new()),
        }
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let places = self.places(model);
        over("New session", "Esc back", theme, places.area, frame);
        for (row, line) in &places.rows {
            match row {
                Row::Part(part) => self.draw_part(*part, model, theme, *line, frame),
                Row::Heads => self.draw_heads(theme, *line, frame),
                Row::Ranked(at) => self.draw_ranked(*at, theme, *line, frame),
                Row::Why(at) => {
                    let cells = usize::from(line.width.saturating_sub(2));
                    let why = self.why(cells).get(*at).cloned().unwrap_or_default();
                    say(theme, *line, &format!("  {}", plain(&why, theme)), Role::Muted, frame);
                }
                Row::Gap => {}
            }
        }
        let cells = usize::from(places.trouble.width.saturating_sub(2));
        let lines = self.trouble_lines(cells);
        for (at, (line, y)) in lines.iter().zip(places.trouble.top()..places.trouble.bottom()).enumerate() {
            let mark = if at == 0 { theme.glyphs.fail } else { " " };
            let role = if at == 0 { Role::Fail } else { Role::Text };
            let place = Rect { y, height: 1, ..places.trouble };
            say(theme, place, &format!("{mark} {line}"), role, frame);
        }
        self.draw_keys(model, theme, places.keys, frame);
    }

    fn draw_keys(&self, model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
        if self.waits(model) {
            let creating = state(theme, Verdict::Run, "creating   Ctrl-C end   Esc back");
            say(theme, line, &format!(" {}", creating.content), Role::Run, frame);
            return;
        }
        let change =
            if self.part.is_text() { String::new() } else { format!("{} change   ", theme.glyphs.across) };
        say(theme, line, &format!(" Enter create   {change}Tab next   Esc back"), Role::KeysKey, frame);
    }

    fn trouble_lines(&self, cells: usize) -> Vec<String> {
        let Some((message, hint)) = &self.trouble else { return Vec::new() };
        let mut lines = text::wrap(message, cells.max(1));
        lines.truncate(TROUBLE - 1);
        lines.extend(text::wrap(hint, cells.max(1)));
        lines.truncate(TROUBLE);
        lines
    }

    fn draw_part(&self, part: Part, model: &Model, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
        let focused = part == self.part;
        let mark = if focused { theme.glyphs.pointer } else { " " };
        let role = if focused { Role::Strong } else { Role::Muted };
        let (name, unit, default) = words(part);
        say(theme, line, &format!("{mark}{name}"), role, frame);
        let used = NAME.min(line.width);
        let value = Rect { x: line.x + used, width: line.width - used, ..line };
        let chosen = if focused { Role::Selected } else { Role::Strong };
        match part {
            Part::Language => say(theme, value, &format!("< {} >", self.language.title()), chosen, frame),
            Part::Runtime => {
                let (words, more) = self.choice_words(model, theme);
                let words = format!("< {words} >");
                say(theme, value, &words, chosen, frame);
                let used = u16::try_from(text::width(&words) + 2).unwrap_or(u16::MAX).min(value.width);
                let beside = Rect { x: value.x + used, width: value.width - used, ..value };
                say(theme, beside, &more, Role::Muted, frame);
            }
            Part::Network => {
                let dot = |on: bool| if on == self.network { theme.glyphs.dot } else { " " };
                let role = if focused { Role::Strong } else { Role::Text };
                say(theme, value, &format!("({}) off  ({}) on", dot(false), dot(true)), role, frame);
            }
            _ => {
                let width = if matches!(part, Part::Name | Part::Image) { LONG } else { SHORT };
                let default = self.default(part).unwrap_or_else(|| default.to_owned());
                let area = Rect { width: width.min(value.width), ..value };
                self.draw_field(part, focused && !self.waits(model), &default, theme, area, frame);
                let used = (width + 1).min(value.width);
                say(
                    theme,
                    Rect { x: value.x + used, width: value.width - used, ..value },
                    unit,
                    Role::Muted,
                    frame,
                );
            }
        }
    }

    /// What an empty part stands for, where the engine has said it.
    fn default(&self, part: Part) -> Option<String> {
        match part {
            Part::Memory => self.most.max_memory.map(|mb| mb.to_string()),
            Part::Time => self.most.max_timeout.map(|s| s.to_string()),
            _ => None,
        }
    }

    fn draw_field(
        &self,
        part: Part,
        active: bool,
        default: &str,
        theme: &Theme,
        area: Rect,
        frame: &mut Frame<'_>,
    ) {
        let Some(field) = self.field(part).filter(|_| area.width > 4) else { return };
        say(theme, area, "[", Role::Muted, frame);
        say(theme, Rect { x: area.right() - 1, width: 1, ..area }, "]", Role::Muted, frame);
        let inside = Rect { x: area.x + 2, width: area.width - 4, ..area };
        field.draw(theme, inside, active, frame);
        if field.text().is_empty() {
            say(theme, inside, default, Role::Placeholder, frame);
        }
    }

    /// What is chosen, and what that means.
    fn choice_words(&self, model: &Model, theme: &Theme) -> (String, String) {
        match self.choice() {
            Choice::By(preference) => {
                let what = PREFERENCES.iter().find(|(p, _)| *p == preference).map_or("", |(_, what)| *what);
                (format!("by {}", preference.name()), what.to_owned())
            }
            Choice::On(runtime) => {
                let row = model.runtimes.rows.iter().find(|row| row.runtime == runtime);
                let why = row.and_then(|row| unfit(row, self.language));
                let (of, words) = match why {
                    None => (Verdict::Ok, "ready".to_owned()),
                    Some(why) => (Verdict::Fail, why),
                };
                (format!("on {}", runtime.short()), format!("{} {words}", verdict(theme, of).0))
            }
        }
    }

    fn draw_heads(&self, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
        let mut heads = format!("  {:<width$}", "ranking", width = RUNTIME - 2);
        for (name, _) in scores(None).iter().take(columns(line.width)) {
            heads.push_str(&format!("{name:<SCORE$}"));
        }
        say(theme, line, &heads, Role::Muted, frame);
    }

    fn draw_ranked(&self, at: usize, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
        let (words, role) = match &self.ranking {
            None if at == 0 => ("  asking...".to_owned(), Role::Muted),
            None => return,
            Some(Err(failure)) => (format!("{} {}", theme.glyphs.fail, failure.message), Role::Fail),
            Some(Ok(selection)) => match selection.ranking.get(at) {
                None => return,
                Some(candidate) => match &candidate.scores {
                    Some(scores) => return draw_scores(at + 1, candidate, scores, theme, line, frame),
                    None => {
                        let name = candidate.runtime_type.short();
                        (format!("  - {name:<9}{}", plain(&candidate.reason, theme)), Role::Muted)
                    }
                },
            },
        };
        say(theme, line, &words, role, frame);
    }

    /// Why the first has won, in lines.
    fn why(&self, cells: usize) -> Vec<String> {
        let Some(Ok(selection)) = &self.ranking else { return Vec::new() };
        let words = match selection.ranking.iter().find(|candidate| candidate.chosen) {
            Some(first) => format!("{} wins: {}", first.runtime_type.short(), first.reason),
            None => "no runtime that is here can run it: F3 gets what can be had".to_owned(),
        };
        let mut lines = text::wrap(&words, cells.saturating_sub(2).max(1));
        lines.truncate(2);
        lines
    }
}

fn draw_scores(
    place: usize,
    candidate: &Candidate,
    of: &Scores,
    theme: &Theme,
    line: Rect,
    frame: &mut Frame<'_>,
) {
    let mark = if candidate.chosen { theme.glyphs.ok } else { " " };
    let role = if candidate.chosen { Role::Strong } else { Role::Text };
    let name = format!("{mark} {place} {:<width$}", candidate.runtime_type.short(), width = RUNTIME - 4);
    say(theme, line, &name, role, frame);
    let mut x = line.x + u16::try_from(RUNTIME).unwrap_or(0);
    for (at, (_, score)) in scores(Some(of)).iter().take(columns(line.width)).enumerate() {
        // From 0 to the number of cells: nothing is lost.
        let full = ((score.clamp(0.0, 1.0) * BAR as f64).round() as usize).min(BAR);
        let bar = theme.glyphs.full.repeat(full) + &theme.glyphs.empty.repeat(BAR - full);
        let cell = Rect { x, width: line.right().saturating_sub(x), ..line };
        say(theme, cell, &bar, if at == 0 { Role::Chart1 } else { Role::Chart2 }, frame);
        let cell = Rect { x: x + 9, width: line.right().saturating_sub(x + 9), ..line };
        say(theme, cell, &format!("{score:.2}"), role, frame);
        x += u16::try_from(SCORE).unwrap_or(0);
    }
}

/// The scores with their names, the one that counts first.
fn scores(of: Option<&Scores>) -> [(&'static str, f64); 4] {
    let of = of.copied().unwrap_or(Scores { speed: 0.0, security: 0.0, memory: 0.0, total: 0.0 });
    [("in all", of.total), ("speed", of.speed), ("security", of.security), ("memory", of.memory)]
}

/// How many scores there is room for.
fn columns(width: u16) -> usize {
    (usize::from(width).saturating_sub(RUNTIME) + 2) / SCORE
}

/// A part's name, its unit, and what an empty one stands for.
fn words(part: Part) -> (&'static str, &'static str, &'static str) {
    match part {
        Part::Language => ("language", "", ""),
        Part::Runtime => ("runtime", "", ""),
        Part::Name => ("name", "", "none"),
        Part::Network => ("network", "", ""),
        Part::Image => ("image", "of Docker", "the language's own"),
        Part::Memory => ("memory", "MB", "default"),
        Part::Processors => ("processors", "as in 0.5 or 2", "default"),
        Part::Processes => ("processes", "with threads", "default"),
        Part::Disk => ("disk", "MB of files", "default"),
        Part::Time => ("time", "s, for each run", "default"),
        Part::Idle => ("idle", "min without a run, then it is closed", "30"),
        Part::Life => ("life", "min in all, then it is closed", "120"),
    }
}

/// An engine's sign for multiplication, where the screen has no other than ASCII.
fn plain(words: &str, theme: &Theme) -> String {
    if theme.glyphs.cut.is_ascii() { words.replace('×', "x") } else { words.to_owned() }
}

/// Writes a line into a row, cut to its width.
fn say(theme: &Theme, area: Rect, words: &str, role: Role, frame: &mut Frame<'_>) {
    if !area.is_empty() {
        let shown = text::fit(words, usize::from(area.width), theme.glyphs.cut);
        frame.buffer_mut().set_string(area.x, area.y, shown, theme.style(role));
    }
}
