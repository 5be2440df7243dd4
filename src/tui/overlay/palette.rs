//! The palette: every command by what it is called, by its id, its key or another word for it; after `@` the sessions,
//! after `/` the open texts, after `#` the runs.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect, Size};

use super::{Outcome, session_name};
use crate::protocol::SessionId;
use crate::tui::buffers;
use crate::tui::commands::{BenchCmd, Cmd, Place, Spec, listed, synonyms};
use crate::tui::history::Record;
use crate::tui::layout::centred;
use crate::tui::model::{Model, Pane, Screen, SessionRow};
use crate::tui::msg::BufferId;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// Cells of the keys at a row's end.
const KEYS: u16 = 17;
/// Lines that the chosen command's details take.
const DETAILS: u16 = 3;

/// What was typed, and which row is chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Palette {
    pub(super) field: Field,
    selected: usize,
    /// More is told of the chosen row.
    details: bool,
}

/// Something to be chosen.
enum Item {
    Command(&'static Spec),
    Session(SessionId, String),
    Text(BufferId, String),
    Run(u32, String),
}

impl Item {
    fn title(&self) -> &str {
        match self {
            Self::Command(spec) => spec.title,
            Self::Session(_, name) | Self::Text(_, name) | Self::Run(_, name) => name,
        }
    }
}

/// The characters that lead to the other lists.
const LISTS: [char; 3] = ['@', '/', '#'];

/// The commands that make sense now.
pub(crate) fn offered(model: &Model) -> impl Iterator<Item = &'static Spec> {
    let (screen, lost) = (model.screen, model.connection.down().is_some());
    let touring = model.tour.is_some();
    let here = move |spec: &&Spec| match (spec.place, screen) {
        (Place::Everywhere, _) | (Place::Setup, Screen::Setup) | (Place::Messages, Screen::Messages) => true,
        (Place::Workbench | Place::In(_), Screen::Workbench) => true,
        (Place::Race, Screen::Race) | (Place::Bench, Screen::Bench) => true,
        // What is measured is chosen before there is anything to show.
        (Place::Bench, Screen::Workbench) => spec.cmd == Cmd::Bench(BenchCmd::Choose),
        // Going back to the engine in this process makes sense always; it has a key only where that is pressing.
        (Place::LinkLost, _) => lost || spec.cmd == Cmd::WorkLocally,
        (Place::Tour, _) => touring,
        _ => false,
    };
    listed().filter(here)
}

/// How well typed words fit a text, in any order; `None`: one of them doesn't.
pub(crate) fn score(typed: &str, text: &str) -> Option<usize> {
    typed.split_whitespace().map(|word| word_score(word, text)).sum()
}

/// How well typed letters fit a text; `None`: they aren't in it in this order. Words' beginnings and letters in a
/// row count most.
fn word_score(typed: &str, text: &str) -> Option<usize> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut total = 0;
    let mut from = 0;
    let mut last = None;
    for wanted in typed.to_lowercase().chars() {
        let at = from + text.iter().skip(from).position(|c| *c == wanted)?;
        let begins = at.checked_sub(1).and_then(|i| text.get(i)).is_none_or(|c| !c.is_alphanumeric());
        total += 1 + usize::from(begins) * 4 + usize::from(last.is_some_and(|l| l + 1 == at)) * 6;
        last = Some(at);
        from = at + 1;
    }
    Some(total)
}

/// How well typed words begin words of a text, as if they were a title's; `None`: one begins none.
fn beginnings(typed: &str, text: &str) -> Option<usize> {
    let begins = |word: &str| text.split([' ', '.', '-']).any(|other| other.starts_with(word));
    let whole = |word: &str| word.chars().count() * 7 - 2;
    typed.split_whitespace().map(|word| begins(word).then(|| whole(word))).sum()
}

/// How well a command fits what was typed, in lower case; `None`: it doesn't.
fn command_score(typed: &str, spec: &Spec, model: &Model) -> Option<usize> {
    if typed.is_empty() {
        // What was used last comes first.
        let used = model.recent.iter().position(|id| *id == spec.id);
        return Some(used.map_or(0, |at| usize::MAX - at));
    }
    let key = keys_of(spec, model).iter().any(|key| key.to_lowercase() == typed);
    let by_key = key.then(|| typed.chars().count() * 70);
    let by_title = score(typed, spec.title).map(|score| score * 10);
    let by_synonym = beginnings(typed, synonyms::of(spec.id)).map(|score| score * 10 - 3);
    let by_id =
        if spec.id == typed { Some(1000) } else { beginnings(typed, spec.id).map(|score| score * 10 - 6) };
    let by_help = spec.help.to_lowercase().contains(typed).then_some(1);
    [by_key, by_title, by_synonym, by_id, by_help].into_iter().flatten().max()
}

/// All keys of a command, wherever they hold.
fn keys_of(spec: &Spec, model: &Model) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in model.keymap.bindings().iter().filter(|b| b.cmd == spec.cmd).map(ToString::to_string) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

impl Palette {
    /// What fits, the best first; of equals the earlier in the table.
    fn found(&self, model: &Model) -> Vec<Item> {
        let typed = self.field.text().trim().to_lowercase();
        if let Some(list) = self.list_of() {
            return matching(typed.trim_start_matches(list), all_of(list, model));
        }
        let scored = offered(model).filter_map(|spec| Some((command_score(&typed, spec, model)?, spec)));
        let mut found: Vec<(usize, &Spec)> = scored.collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.into_iter().map(|(_, spec)| Item::Command(spec)).collect()
    }

    /// The list that what is typed leads to, if not the one of commands.
    fn list_of(&self) -> Option<char> {
        self.field.text().trim_start().chars().next().filter(|c| LISTS.contains(c))
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        let last = self.found(model).len().saturating_sub(1);
        let page = usize::from(self.list(model.room()).height).max(1);
        match key.code {
            KeyCode::F(2) => return Outcome::Close(Vec::new()),
            KeyCode::Tab => self.details = !self.details,
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down => self.selected = (self.selected + 1).min(last),
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(page),
            KeyCode::PageDown => self.selected = (self.selected + page).min(last),
            KeyCode::Enter => return self.choose(model),
            _ => {
                if self.field.key(key) {
                    self.selected = 0;
                }
            }
        }
        Outcome::Stay(Vec::new())
    }

    fn choose(&self, model: &Model) -> Outcome {
        match self.found(model).into_iter().nth(self.selected) {
            Some(Item::Command(spec)) => Outcome::Command(spec),
            Some(Item::Session(id, _)) => Outcome::Session(id),
            Some(Item::Text(id, _)) => Outcome::Text(id),
            Some(Item::Run(number, _)) => Outcome::Run(number),
            None => Outcome::Stay(Vec::new()),
        }
    }

    /// A click: on a row it is chosen and done, outside the box the palette goes.
    pub(super) fn click(&mut self, at: Position, model: &Model) -> Outcome {
        let list = self.list(model.room());
        if !area(model.room()).contains(at) {
            return Outcome::Close(Vec::new());
        }
        if !list.contains(at) {
            return Outcome::Stay(Vec::new());
        }
        let row = self.first(list) + usize::from(at.y - list.y);
        if row >= self.found(model).len() {
            return Outcome::Stay(Vec::new());
        }
        self.selected = row;
        self.choose(model)
    }

    pub(super) fn wheel(&mut self, by: i16, model: &Model) {
        let last = self.found(model).len().saturating_sub(1);
        let step = usize::from(by.unsigned_abs());
        self.selected =
            if by < 0 { self.selected.saturating_sub(step) } else { (self.selected + step).min(last) };
    }

    /// Where the rows are.
    fn list(&self, size: Size) -> Rect {
        let inside = area(size).inner(ratatui::layout::Margin::new(1, 1));
        let foot = if self.details { DETAILS } else { 1 };
        Rect { y: inside.y + 2, height: inside.height.saturating_sub(2 + foot), ..inside }
    }

    /// The first row that is shown.
    fn first(&self, list: Rect) -> usize {
        (self.selected + 1).saturating_sub(usize::from(list.height))
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let found = self.found(model);
        let inside = over("Command palette", "Esc close", theme, area(model.room()), frame);
        if inside.width < 8 || inside.height < 3 {
            return;
        }
        frame.buffer_mut().set_string(inside.x + 1, inside.y, ":", theme.style(Role::KeysKey));
        let field = Rect::new(inside.x + 3, inside.y, inside.width - 4, 1);
        self.field.draw(theme, field, true, frame);
        let rule = theme.glyphs.rule.repeat(usize::from(inside.width - 2));
        frame.buffer_mut().set_string(inside.x + 1, inside.y + 1, rule, theme.style(Role::Border));
        let list = self.list(model.room());
        let first = self.first(list);
        for ((at, item), line) in found.iter().enumerate().skip(first).zip(list.rows()) {
            draw_row(item, at == self.selected, model, theme, line, frame);
        }
        let foot = Rect { y: list.bottom(), height: inside.bottom().saturating_sub(list.bottom()), ..inside };
        let lines = match self.details {
            true => self.told(&found, model, usize::from(foot.width.saturating_sub(2))),
            false => vec![self.counted(&found, model, usize::from(foot.width.saturating_sub(2)))],
        };
        for (words, line) in lines.iter().zip(foot.rows()) {
            let words = text::fit(words, usize::from(line.width.saturating_sub(2)), theme.glyphs.cut);
            frame.buffer_mut().set_string(line.x + 1, line.y, words, theme.style(Role::Muted));
        }
    }

    /// How many there are, and what can be done: as much of it as fits.
    fn counted(&self, found: &[Item], model: &Model, room: usize) -> String {
        let all = match self.list_of() {
            Some(list) => all_of(list, model).len(),
            None => offered(model).count(),
        };
        let mut line = format!("{} of {all}", found.len());
        for words in ["Enter run", "Tab details", "@ sessions  / texts  # runs"] {
            if text::width(&line) + 3 + words.len() <= room {
                line = format!("{line}   {words}");
            }
        }
        line
    }

    /// What the chosen row is.
    fn told(&self, found: &[Item], model: &Model, room: usize) -> Vec<String> {
        let mut lines = match found.get(self.selected) {
            None => vec!["nothing is called that; Esc closes".to_owned()],
            Some(Item::Session(id, name)) => vec![name.clone(), text::sanitise(&id.0).into_owned()],
            Some(Item::Text(_, name) | Item::Run(_, name)) => text::wrap(name, room),
            Some(Item::Command(spec)) => {
                let keys = keys_of(spec, model).join("  ");
                let keys = if keys.is_empty() { "no key" } else { keys.as_str() };
                let mut lines = text::wrap(spec.help, room);
                lines.push(format!("{}   {keys}", spec.id));
                lines
            }
        };
        lines.truncate(DETAILS.into());
        lines
    }
}

/// The box.
fn area(size: Size) -> Rect {
    centred(size, 84, 18)
}

/// All of another list.
fn all_of(list: char, model: &Model) -> Vec<Item> {
    match list {
        '@' => model.sessions.rows.iter().map(session).collect(),
        '/' => buffers::listed(model).into_iter().map(open_text).collect(),
        _ => model.history.newest_first(None).map(run).collect(),
    }
}

fn session(row: &SessionRow) -> Item {
    let name = text::sanitise(&session_name(&row.info)).into_owned();
    let what = format!("{name}  {} on {}", row.info.language.title(), row.info.runtime_type.short());
    Item::Session(row.info.session_id.clone(), if row.info.name.is_some() { what } else { name })
}

fn open_text(listed: buffers::Listed) -> Item {
    let mark = if listed.unsaved { " *" } else { "" };
    let name = format!("{}{mark}  {}", listed.name, listed.place);
    Item::Text(listed.id, text::sanitise(&name).into_owned())
}

fn run(record: &Record) -> Item {
    let place = record.place.as_ref().map_or("-", |place| place.runtime.short());
    let end = record.end.as_ref().map_or("running", |end| end.ending.as_str());
    let what = format!("run {}  {} on {place}  {end}", record.number, record.language.title());
    Item::Run(record.number, text::sanitise(&what).into_owned())
}

/// Those whose names fit, the best first.
fn matching(typed: &str, all: Vec<Item>) -> Vec<Item> {
    let mut found: Vec<_> =
        all.into_iter().filter_map(|item| Some((score(typed, item.title())?, item))).collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, item)| item).collect()
}

fn draw_row(item: &Item, selected: bool, model: &Model, theme: &Theme, row: Rect, frame: &mut Frame<'_>) {
    let mark = if selected { theme.glyphs.pointer } else { " " };
    let keys = match item {
        Item::Command(spec) => key_of(spec, model),
        _ => String::new(),
    };
    let keys = text::fit(&keys, usize::from(KEYS - 1), theme.glyphs.cut).into_owned();
    let room = usize::from(row.width.saturating_sub(4 + KEYS));
    let title = text::pad(item.title(), room, theme.glyphs.cut);
    let line = text::pad(&format!(" {mark} {title} {keys}"), usize::from(row.width), "");
    let role = if selected { Role::Selected } else { Role::Text };
    frame.buffer_mut().set_string(row.x, row.y, line, theme.style(role));
}

/// The keys to show for a command: those that work here, or else where it has some.
fn key_of(spec: &Spec, model: &Model) -> String {
    let places = model.places();
    let mut here: Vec<String> = model
        .keymap
        .of(spec.cmd, &places)
        .filter(|b| !model.keymap.outer().keeps(b.first))
        .map(ToString::to_string)
        .collect();
    here.dedup();
    match (here.is_empty(), spec.place) {
        (false, _) => here.join("  "),
        (true, Place::In(pane)) => {
            let there = model.keymap.shown(spec.cmd, &[Place::In(pane)], false);
            there.map_or_else(String::new, |key| format!("{key} in {}", name_of(pane)))
        }
        (true, Place::Bench) => {
            let there = model.keymap.shown(spec.cmd, &[Place::Bench], false);
            there.map_or_else(String::new, |key| format!("{key} in Bench"))
        }
        (true, _) => keys_of(spec, model).join("  "),
    }
}

fn name_of(pane: Pane) -> &'static str {
    pane.title().split_once(' ').map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let keymap = crate::tui::keys::Keymap::load(&crate::config::Settings::default()).0;
        Model::new(keymap, &[], None, Size::new(80, 24))
    }

    fn ids(typed: &str, model: &Model) -> Vec<&'static str> {
        let palette = Palette { field: Field::new(typed), ..Palette::default() };
        let id = |item| match item {
            Item::Command(spec) => Some(spec.id),
            _ => None,
        };
        palette.found(model).into_iter().filter_map(id).collect()
    }

    #[test]
    fn the_best_fit_is_first() {
        let model = model();
        let first = |typed: &str| ids(typed, &model).first().copied();
        for (typed, id) in [
            ("ru", "run.start"),
            ("kill", "run.stop"),
            ("quit", "app.quit"),
            ("exit", "app.quit"),
            ("new ses", "session.new"),
            ("f5", "run.start"),
            ("ctrl-q", "app.quit"),
            ("s n", "session.new"),
            ("run.stop", "run.stop"),
            ("maximise", "pane.zoom"),
        ] {
            assert_eq!(first(typed), Some(id), "{typed}");
        }
        assert_eq!(first("zzzz"), None);
    }

    #[test]
    fn every_command_is_found_by_its_id() {
        let mut model = model();
        for screen in [Screen::Workbench, Screen::Setup, Screen::Messages] {
            model.screen = screen;
            for spec in offered(&model) {
                assert_eq!(ids(spec.id, &model).first(), Some(&spec.id));
            }
        }
    }

    #[test]
    fn what_was_used_last_comes_first_where_nothing_is_typed() {
        let mut model = model();
        let before = ids("", &model);
        model.recent = vec!["app.quit", "pane.zoom"];
        let now = ids("", &model);
        assert_eq!(now.get(..2), Some(&["app.quit", "pane.zoom"][..]));
        let rest: Vec<&str> = before.into_iter().filter(|id| !model.recent.contains(id)).collect();
        assert_eq!(now.get(2..), Some(&rest[..]));
    }

    #[test]
    fn letters_must_come_in_order() {
        assert!(score("rn", "run").is_some());
        assert!(score("nr", "run").is_none());
        assert!(score("run", "Run: stop") > score("rsp", "Run: stop"));
    }
}
