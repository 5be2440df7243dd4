//! The menu of groups: a letter for the group, then one for the command. It shows itself only when somebody looks for a
//! letter: after a moment, or once the group is chosen.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect, Size};

use super::{Outcome, offered};
use crate::tui::commands::{Cmd, GROUPS, Spec, letters};
use crate::tui::layout::Class;
use crate::tui::model::Model;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::frame::over;

/// How long somebody who knows the letters is left alone.
const PATIENCE: Duration = Duration::from_millis(300);

/// The menu: all groups, or one of them.
#[derive(Clone, Debug)]
pub(crate) struct Menu {
    group: Option<char>,
    /// The first entry shown is one of these pages on.
    page: usize,
    /// When it shows itself; `None`: it does.
    due: Option<Duration>,
}

/// What a letter of the menu leads to.
enum Entry {
    Group(char, &'static str),
    Command(char, &'static Spec),
}

impl Entry {
    fn letter(&self) -> char {
        match self {
            Self::Group(letter, _) | Self::Command(letter, _) => *letter,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Group(_, title) => title,
            Self::Command(_, spec) => without_group(spec),
        }
    }
}

/// A command's title without the word that the group's title says already.
fn without_group(spec: &Spec) -> &'static str {
    match spec.title.split_once(": ") {
        Some((word, rest)) if GROUPS.iter().any(|group| word.eq_ignore_ascii_case(group.title)) => rest,
        _ => spec.title,
    }
}

impl Menu {
    pub(crate) fn new(now: Duration) -> Self {
        Self { group: None, page: 0, due: Some(now + PATIENCE) }
    }

    /// When it is to show itself.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Shows itself from now on.
    pub(crate) fn show(&mut self) {
        self.due = None;
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.due.is_none()
    }

    fn name(&self) -> &'static str {
        let group = GROUPS.iter().find(|group| Some(group.letter) == self.group);
        group.map_or("MENU", |group| group.title)
    }

    fn entries(&self, model: &Model) -> Vec<Entry> {
        let of = |letter: char| {
            let here = letters(letter).into_iter();
            here.filter(|(_, spec)| offered(model).any(|other| other.id == spec.id))
        };
        match self.group {
            Some(letter) => of(letter).map(|(letter, spec)| Entry::Command(letter, spec)).collect(),
            None => GROUPS
                .iter()
                .filter(|group| of(group.letter).next().is_some())
                .map(|group| Entry::Group(group.letter, group.title))
                .collect(),
        }
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        self.show();
        match key.code {
            KeyCode::Backspace => (self.group, self.page) = (None, 0),
            KeyCode::PageDown | KeyCode::Down | KeyCode::Tab => {
                let pages = Grid::of(model.room(), &self.entries(model)).pages;
                self.page = (self.page + 1) % pages.max(1);
            }
            KeyCode::PageUp | KeyCode::Up | KeyCode::BackTab => {
                let pages = Grid::of(model.room(), &self.entries(model)).pages.max(1);
                self.page = (self.page + pages - 1) % pages;
            }
            KeyCode::Char(typed) => {
                let found = self.entries(model).into_iter().find(|entry| entry.letter() == typed);
                return found.map_or(Outcome::Stay(Vec::new()), |entry| self.choose(&entry));
            }
            _ => {}
        }
        Outcome::Stay(Vec::new())
    }

    fn choose(&mut self, entry: &Entry) -> Outcome {
        match entry {
            Entry::Group(letter, _) => {
                (self.group, self.page) = (Some(*letter), 0);
                Outcome::Stay(Vec::new())
            }
            Entry::Command(_, spec) => Outcome::Command(spec),
        }
    }

    /// A click: what stands there, or away.
    pub(super) fn click(&mut self, at: Position, model: &Model) -> Outcome {
        let entries = self.entries(model);
        let grid = Grid::of(model.room(), &entries);
        if !self.is_shown() || !grid.area.contains(at) {
            return Outcome::Close(Vec::new());
        }
        let shown = entries.into_iter().skip(grid.first(self.page)).take(grid.each());
        let found = shown.enumerate().find(|(n, _)| grid.cell(*n).contains(at));
        found.map_or(Outcome::Stay(Vec::new()), |(_, entry)| self.choose(&entry))
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        if !self.is_shown() {
            return;
        }
        let entries = self.entries(model);
        let grid = Grid::of(model.room(), &entries);
        let title = match self.group {
            None => "Menu".to_owned(),
            Some(letter) => format!("Menu  {letter} {}", self.name()),
        };
        let page = self.page.min(grid.pages.saturating_sub(1));
        let right = match grid.pages {
            0 | 1 => "Esc close".to_owned(),
            pages => format!("Tab more {}/{pages}", page + 1),
        };
        over(&title, &right, theme, grid.area, frame);
        for (n, entry) in entries.iter().skip(grid.first(page)).take(grid.each()).enumerate() {
            let cell = grid.cell(n);
            if cell.width < 5 {
                continue;
            }
            let buffer = frame.buffer_mut();
            buffer.set_string(cell.x + 1, cell.y, entry.letter().to_string(), theme.style(Role::KeysKey));
            let mut words = entry.title().to_owned();
            if let Entry::Command(_, spec) = entry
                && let Some(key) = model.keymap.shown(spec.cmd, &model.places(), false)
                && spec.cmd != Cmd::Menu
                && text::width(&words) + text::width(&key) + 6 <= usize::from(cell.width)
            {
                words = format!("{words}  ({key})");
            }
            let words = text::fit(&words, usize::from(cell.width - 4), theme.glyphs.cut);
            buffer.set_string(cell.x + 3, cell.y, words, theme.style(Role::Text));
        }
    }
}

/// A narrower column would show no title.
const NARROWEST: usize = 18;

/// Where the entries are: columns at the bottom of the screen, above the line of keys; what has no room is on more pages.
struct Grid {
    area: Rect,
    columns: usize,
    rows: usize,
    pages: usize,
}

impl Grid {
    fn of(size: Size, entries: &[Entry]) -> Self {
        let under = if Class::of(size) == Class::Small { 1 } else { 2 };
        let room = usize::from(size.height.saturating_sub(under + 3)).max(1);
        let longest = entries.iter().map(|entry| text::width(entry.title())).max().unwrap_or(0) + 12;
        let width = usize::from(size.width).saturating_sub(2).max(1);
        // As few columns as fit the height, if they are wide enough; more where there is width.
        let most = (width / NARROWEST).max(1);
        let columns = (width / longest.max(1)).max(entries.len().div_ceil(room).min(most));
        let columns = columns.clamp(1, entries.len().max(1));
        let rows = entries.len().div_ceil(columns).clamp(1, room);
        let pages = entries.len().div_ceil(columns * rows);
        let high = u16::try_from(rows + 2).unwrap_or(u16::MAX).min(size.height);
        let area = Rect::new(0, size.height.saturating_sub(under + high), size.width, high);
        Self { area, columns, rows, pages }
    }

    /// Entries of a page.
    fn each(&self) -> usize {
        self.columns * self.rows
    }

    /// The first entry of a page, or of the last one there is.
    fn first(&self, page: usize) -> usize {
        page.min(self.pages.saturating_sub(1)) * self.each()
    }

    /// Where one of those shown is.
    fn cell(&self, n: usize) -> Rect {
        if n / self.rows.max(1) >= self.columns {
            return Rect::ZERO;
        }
        let inside = self.area.inner(ratatui::layout::Margin::new(1, 1));
        let columns = u16::try_from(self.columns).unwrap_or(1);
        let width = inside.width / columns.max(1);
        let column = u16::try_from(n / self.rows.max(1)).unwrap_or(0);
        let row = u16::try_from(n % self.rows.max(1)).unwrap_or(0);
        Rect::new(inside.x + column * width, inside.y + row, width, 1).intersection(inside)
    }
}
