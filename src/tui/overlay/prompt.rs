//! Asks for one line: the path of a file to open, or the number of a line to go to.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Hints, Outcome};
use crate::tui::disk;
use crate::tui::editor::{Action, Motion};
use crate::tui::layout::centred;
use crate::tui::model::Model;
use crate::tui::msg::Effect;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::update::open_file;
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// So many paths are shown to choose from.
const SHOWN: usize = 8;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    File,
    Line,
}

/// The line being typed.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    wanted: Wanted,
    pub(super) field: Field,
    /// Paths that begin like what is typed.
    paths: Vec<String>,
    /// What was wrong with it.
    trouble: Option<&'static str>,
}

impl Prompt {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { wanted, field: Field::default(), paths: Vec::new(), trouble: None }
    }

    /// The paths that begin like what was typed are known: as much as they have in common is typed.
    pub(crate) fn complete(&mut self, typed: &str, paths: Vec<String>) {
        // The answer to something that was typed before.
        if self.wanted != Wanted::File || self.field.text() != typed {
            return;
        }
        self.trouble = paths.is_empty().then_some("no path begins like this");
        if let Some(first) = paths.first() {
            let same = |path: &String| first.chars().zip(path.chars()).take_while(|(a, b)| a == b).count();
            let common = paths.iter().map(same).min().unwrap_or(0);
            self.field = Field::new(&first.chars().take(common).collect::<String>());
        }
        self.paths = if paths.len() > 1 { paths } else { Vec::new() };
    }

    /// For the bottom line.
    pub(super) fn hints(&self) -> Hints {
        match self.wanted {
            Wanted::File => ("OPEN", &[("Enter", "open"), ("Tab", "complete"), ("Esc", "back")]),
            Wanted::Line => ("GO TO", &[("Enter", "go"), ("Esc", "back")]),
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &mut Model) -> Outcome {
        let typed = self.field.text().trim().to_owned();
        match (self.wanted, key.code) {
            (_, KeyCode::Enter) if typed.is_empty() => {}
            (Wanted::Line, KeyCode::Enter) => match typed.parse::<usize>() {
                Ok(line @ 1..) => {
                    model.editor.apply(Action::Move { motion: Motion::Line(line - 1), select: false });
                    return Outcome::Close(Vec::new());
                }
                _ => self.trouble = Some("a number is asked for"),
            },
            (Wanted::File, KeyCode::Enter) => {
                return Outcome::Close(open_file(model, disk::expand(&typed).into()));
            }
            (Wanted::File, KeyCode::Tab) => {
                return Outcome::Stay(vec![Effect::Complete(self.field.text().to_owned())]);
            }
            _ => {
                self.trouble = None;
                self.field.key(key);
            }
        }
        Outcome::Stay(Vec::new())
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let (title, hint) = match self.wanted {
            Wanted::File => ("Open a file", "Enter open   Tab complete   Esc back"),
            Wanted::Line => ("Go to line", "Enter go   Esc back"),
        };
        let shown = self.paths.len().min(SHOWN);
        let rows = u16::try_from(shown).unwrap_or(0);
        let area = centred(model.room(), 64, 5 + rows);
        let inside = over(title, "", theme, area, frame);
        let line = |y: u16| {
            Rect::new(inside.x + 1, inside.y + y, inside.width.saturating_sub(2), 1).intersection(inside)
        };
        self.field.draw(theme, line(0), true, frame);
        let mut put = |y: u16, words: &str, role: Role| {
            if !line(y).is_empty() {
                let words = text::fit(words, usize::from(line(y).width), theme.glyphs.cut).into_owned();
                frame.buffer_mut().set_string(line(y).x, line(y).y, words, theme.style(role));
            }
        };
        for (y, path) in (1..).zip(self.paths.iter().take(SHOWN)) {
            put(y, &text::sanitise(path), Role::Muted);
        }
        match self.trouble {
            Some(trouble) => put(2 + rows, trouble, Role::Fail),
            None => put(2 + rows, hint, Role::KeysKey),
        }
    }
}
