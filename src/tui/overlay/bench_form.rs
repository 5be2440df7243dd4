//! Chooses what is measured, on which runtimes, and how many samples are taken.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Margin, Position, Rect};

use super::Outcome;
use crate::bench::{Lane, MOST_SAMPLES, Suite, lanes};
use crate::protocol::{Language, RuntimeInfo, RuntimeType};
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::race;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::update;
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// Cells of the box.
const WIDTH: u16 = 66;

/// What is chosen, and where the choice is.
#[derive(Clone, Debug)]
pub(crate) struct BenchForm {
    suites: Vec<Suite>,
    runtimes: Vec<RuntimeType>,
    /// Of each lane; nothing is what each suite takes by itself.
    samples: Field,
    at: usize,
    trouble: Option<String>,
}

/// A line of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Heading(&'static str),
    Suite(Suite),
    Runtime(RuntimeType),
    Samples,
}

impl BenchForm {
    /// As the last one was, else the editor's code on every runtime that runs it.
    pub(crate) fn open(model: &Model) -> Self {
        let language = update::bench_language(model);
        let able = |runtime: &RuntimeType| lane(model, *runtime, language).is_some();
        let all = || model.runtimes.rows.iter().map(|row| row.runtime);
        let last = model.bench.as_ref().map(|bench| &bench.plan);
        let suites = last.map_or_else(|| vec![Suite::Code], |plan| plan.suites.clone());
        let before: Vec<RuntimeType> =
            last.iter().flat_map(|plan| &plan.lanes).map(|lane| lane.runtime).collect();
        let mut runtimes: Vec<RuntimeType> = all().filter(|of| before.contains(of)).filter(able).collect();
        if runtimes.is_empty() {
            runtimes = all().filter(able).collect();
        }
        let samples =
            last.and_then(|plan| plan.samples).map_or_else(Field::default, |n| Field::new(&n.to_string()));
        Self { suites, runtimes, samples, at: 0, trouble: None }
    }

    fn lines(model: &Model) -> Vec<Line> {
        let order = || {
            [Suite::Code]
                .into_iter()
                .chain(Suite::all().iter().copied().filter(|suite| *suite != Suite::Code))
        };
        let mut lines = vec![Line::Heading("what         samples of each runtime")];
        lines.extend(order().map(Line::Suite));
        lines.push(Line::Heading("where"));
        lines.extend(model.runtimes.rows.iter().map(|row| Line::Runtime(row.runtime)));
        lines.push(Line::Samples);
        lines
    }

    /// The lines that can be chosen, each with its place among all.
    fn choices(model: &Model) -> Vec<(usize, Line)> {
        let lines = Self::lines(model).into_iter().enumerate();
        lines.filter(|(_, line)| !matches!(line, Line::Heading(_))).collect()
    }

    fn line(&self, model: &Model) -> Option<Line> {
        Self::choices(model).get(self.at).map(|(_, line)| *line)
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let last = Self::choices(model).len().saturating_sub(1);
        let types = self.line(model) == Some(Line::Samples);
        match key.code {
            KeyCode::Up | KeyCode::BackTab => self.at = self.at.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => self.at = (self.at + 1).min(last),
            KeyCode::Enter => return self.begin(model),
            _ if types => {
                self.trouble = None;
                self.samples.key(key);
            }
            KeyCode::Char(' ' | 'x') => self.toggle(model),
            KeyCode::Char('k') => self.at = self.at.saturating_sub(1),
            KeyCode::Char('j') => self.at = (self.at + 1).min(last),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = last,
            _ => {}
        }
        Outcome::Stay(Vec::new())
    }

    fn toggle(&mut self, model: &Model) {
        self.trouble = None;
        match self.line(model) {
            Some(Line::Suite(suite)) if self.suites.contains(&suite) => self.suites.retain(|of| *of != suite),
            Some(Line::Suite(suite)) => self.suites.push(suite),
            Some(Line::Runtime(runtime)) if self.runtimes.contains(&runtime) => {
                self.runtimes.retain(|of| *of != runtime);
            }
            Some(Line::Runtime(runtime)) => match why_not(model, runtime) {
                Some(why) => self.trouble = Some(format!("{}: {why}", runtime.short())),
                None => self.runtimes.push(runtime),
            },
            _ => {}
        }
    }

    fn begin(&mut self, model: &mut Model) -> Outcome {
        let typed = self.samples.text().trim();
        let samples = match typed.parse::<u32>() {
            _ if typed.is_empty() => None,
            Ok(n) if (1..=MOST_SAMPLES).contains(&n) => Some(n),
            _ => {
                self.trouble = Some(format!("samples: a number from 1 to {MOST_SAMPLES}, or nothing"));
                return Outcome::Stay(Vec::new());
            }
        };
        let language = update::bench_language(model);
        // In the order in which they are shown, and not in that in which they were chosen.
        let lines = Self::lines(model);
        let suites: Vec<Suite> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Suite(suite) => Some(*suite).filter(|suite| self.suites.contains(suite)),
                _ => None,
            })
            .collect();
        let chosen =
            model.runtimes.rows.iter().map(|row| row.runtime).filter(|of| self.runtimes.contains(of));
        let lanes: Vec<Lane> = chosen.filter_map(|runtime| lane(model, runtime, language)).collect();
        self.trouble = if suites.is_empty() {
            Some("choose what is measured".to_owned())
        } else if lanes.is_empty() && suites.iter().any(|suite| !suite.is_of_the_engine()) {
            Some("choose a runtime".to_owned())
        } else {
            None
        };
        if self.trouble.is_some() {
            return Outcome::Stay(Vec::new());
        }
        match update::begin_bench(model, suites, lanes, samples) {
            Some(effects) => Outcome::Close(effects),
            None => Outcome::Stay(Vec::new()),
        }
    }

    /// The box, its lines, and the first of them that is shown.
    fn places(&self, model: &Model) -> (Rect, Rect, usize) {
        let lines = Self::lines(model).len();
        let area = centred(model.room(), WIDTH, u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(3));
        let inside = area.inner(Margin::new(1, 1));
        let body = Rect { height: inside.height.saturating_sub(1), ..inside };
        let at = Self::choices(model).get(self.at).map_or(0, |(at, _)| *at);
        (area, body, (at + 1).saturating_sub(usize::from(body.height).max(1)))
    }

    /// A click chooses a line, and what it says or not.
    pub(super) fn click(&mut self, at: Position, model: &Model) -> Outcome {
        let (_, body, first) = self.places(model);
        if body.contains(at) {
            let row = first + usize::from(at.y - body.y);
            if let Some(choice) = Self::choices(model).iter().position(|(line, _)| *line == row) {
                self.at = choice;
                self.toggle(model);
            }
        }
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let (area, body, first) = self.places(model);
        over("Benchmark", "Esc back", theme, area, frame);
        let width = usize::from(body.width);
        let focus = self.line(model);
        for (line, y) in Self::lines(model).into_iter().skip(first).zip(body.top()..body.bottom()) {
            let selected = focus == Some(line);
            let mark = if selected { theme.glyphs.pointer } else { " " };
            let (words, role) = self.words(line, model);
            let role = if selected { Role::Selected } else { role };
            let words = text::pad(&format!("{mark}{words}"), width, theme.glyphs.cut);
            frame.buffer_mut().set_string(body.x, y, words, theme.style(role));
            if line == Line::Samples {
                let field = Rect::new(body.x + 10, y, 10, 1).intersection(body);
                self.samples.draw(theme, field, selected, frame);
            }
        }
        if area.height > 2 {
            let (words, role) = match &self.trouble {
                Some(trouble) => (format!(" {} {trouble}", theme.glyphs.warn), Role::Warn),
                None => (" Enter measure   Space choose   Esc back".to_owned(), Role::KeysKey),
            };
            let words = text::fit(&words, width, theme.glyphs.cut);
            frame.buffer_mut().set_string(body.x, body.bottom(), words, theme.style(role));
        }
    }

    fn words(&self, line: Line, model: &Model) -> (String, Role) {
        let check = |on: bool| if on { "[x]" } else { "[ ]" };
        match line {
            Line::Heading(heading) => (heading.to_owned(), Role::Muted),
            Line::Suite(suite) => {
                let name =
                    if suite == Suite::Code { format!(": {}", model.document.name()) } else { String::new() };
                let words = format!(
                    "{} {:<12}{:>4}  {}{name}",
                    check(self.suites.contains(&suite)),
                    suite.name(),
                    suite.samples(),
                    suite.title()
                );
                (words, Role::Text)
            }
            Line::Runtime(runtime) => {
                let on = self.runtimes.contains(&runtime);
                let what = why_not(model, runtime);
                let role = if what.is_some() { Role::Muted } else { Role::Text };
                let what = what
                    .map_or_else(|| in_language(model, runtime), |why| format!("- {}", text::sanitise(&why)));
                (format!("{} {:<12} {what}", check(on), runtime.short()), role)
            }
            Line::Samples => {
                let note = if self.samples.text().is_empty() {
                    "of each runtime; without: as above"
                } else {
                    "of each"
                };
                (format!("samples  {:<11}{note}", ""), Role::Text)
            }
        }
    }
}

/// The lane that a runtime would be measured in.
fn lane(model: &Model, runtime: RuntimeType, language: Option<Language>) -> Option<Lane> {
    let info = |of: &RuntimeInfo| of.runtime == runtime;
    let infos: Vec<RuntimeInfo> = model.runtimes.available().filter(|of| info(of)).cloned().collect();
    lanes(&infos, language).first().copied()
}

fn in_language(model: &Model, runtime: RuntimeType) -> String {
    let lane = lane(model, runtime, update::bench_language(model));
    lane.map_or_else(String::new, |lane| lane.language.title().to_owned())
}

/// Why it can't be measured on a runtime.
fn why_not(model: &Model, runtime: RuntimeType) -> Option<String> {
    let language = update::bench_language(model);
    if lane(model, runtime, language).is_some() {
        return None;
    }
    let row = model.runtimes.rows.iter().find(|row| row.runtime == runtime)?;
    let language = language.unwrap_or(Language::JavaScript);
    Some(race::unfit(row, language).unwrap_or_else(|| format!("does not run {}", language.title())))
}
