//! Help: the keys that work where it was asked for, read from the keymap; and the key doctor, which shows what arrives.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Rect, Size};

use super::Outcome;
use crate::tui::commands::{Cmd, Place, Spec, specs};
use crate::tui::keys::{Binding, Chord, Meaning};
use crate::tui::layout::centred;
use crate::tui::model::{Model, Screen};
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::widget::field::Field;
use crate::tui::widget::frame::over;

/// From this width on there are two columns.
const TWO: usize = 70;
/// Cells between them.
const BETWEEN: usize = 2;

/// What was typed to filter, and how far down the text is; or the last key, for the doctor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Help {
    pub(super) filter: Field,
    top: usize,
    doctor: Option<Doctor>,
}

/// The keys that have arrived.
#[derive(Clone, Debug, Default)]
struct Doctor {
    last: Option<KeyEvent>,
}

/// A line of text; the keys are drawn apart.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    Heading(String),
    Key(String, String),
    Note(String),
    Blank,
}

impl Help {
    /// The key doctor.
    pub(crate) fn doctor() -> Self {
        Self { doctor: Some(Doctor::default()), ..Self::default() }
    }

    /// Whether every key is only shown.
    pub(crate) fn is_doctor(&self) -> bool {
        self.doctor.is_some()
    }

    pub(super) fn press(&mut self, key: &KeyEvent, model: &Model) -> Outcome {
        if let Some(doctor) = &mut self.doctor {
            let again = doctor.last.is_some_and(|last| last.code == key.code);
            match key.code {
                KeyCode::Esc if again => return Outcome::Close(Vec::new()),
                KeyCode::Tab if again => self.doctor = None,
                _ => doctor.last = Some(*key),
            }
            return Outcome::Stay(Vec::new());
        }
        match key.code {
            KeyCode::F(1) => return Outcome::Close(Vec::new()),
            KeyCode::Tab => self.doctor = Some(Doctor::default()),
            KeyCode::Up => self.scroll(-1, model),
            KeyCode::Down => self.scroll(1, model),
            KeyCode::PageUp => self.scroll(-10, model),
            KeyCode::PageDown => self.scroll(10, model),
            _ => {
                if self.filter.key(key) {
                    self.top = 0;
                }
            }
        }
        Outcome::Stay(Vec::new())
    }

    pub(super) fn scroll(&mut self, by: i16, model: &Model) {
        let body = body(model.room());
        let last = self.lines(model, body.width.into()).len().saturating_sub(body.height.into());
        let step = usize::from(by.unsigned_abs());
        self.top = if by < 0 { self.top.saturating_sub(step) } else { (self.top + step).min(last) };
    }

    /// The rows of all places that matter here, each place under its heading; at length or in short.
    fn rows(&self, model: &Model, long: bool) -> Vec<Row> {
        let mut rows = Vec::new();
        for place in &model.places() {
            let title = match place {
                Place::In(pane) => {
                    // The number is the pane's key, not its name.
                    let name = pane.title().split_once(' ').map_or(pane.title(), |(_, name)| name);
                    format!("In {name}")
                }
                Place::Setup | Place::Messages | Place::Race | Place::Bench => "On this screen".to_owned(),
                Place::LinkLost => "While the link is lost".to_owned(),
                Place::Tour => "During the tour".to_owned(),
                Place::Selecting => "While selecting".to_owned(),
                Place::Workbench => "In every pane".to_owned(),
                Place::Everywhere => "Everywhere".to_owned(),
            };
            let found = self.keys_in(*place, model, long);
            if !found.is_empty() {
                rows.extend([Row::Heading(title)].into_iter().chain(found).chain([Row::Blank]));
            }
        }
        rows.pop();
        rows
    }

    fn keys_in(&self, place: Place, model: &Model, long: bool) -> Vec<Row> {
        let typed = self.filter.text().to_lowercase();
        let fits = |text: &str| text.to_lowercase().contains(&typed);
        let mut rows = Vec::new();
        let mut panes = Vec::new();
        for (spec, bindings) in bound(model, place) {
            let keys: Vec<String> = bindings.iter().map(ToString::to_string).collect();
            // Six panes, six numbers, one line.
            let of_pane = |key: &String| {
                matches!(spec.cmd, Cmd::Focus(_)) && typed.is_empty() && key.chars().count() == 1
            };
            let (numbers, keys): (Vec<String>, Vec<String>) = keys.into_iter().partition(of_pane);
            panes.extend(numbers);
            let keys = keys.join("  ");
            if keys.is_empty() {
                continue;
            }
            if fits(&keys) || fits(spec.title) || fits(spec.help) || fits(spec.id) {
                rows.push(Row::Key(keys, if long { spec.help } else { spec.title }.to_owned()));
            }
        }
        if !panes.is_empty() {
            rows.push(Row::Key(panes.join(" "), "Focus: a pane".to_owned()));
        }
        rows
    }

    /// The text, in as many columns as fit: down the first, then down the second.
    fn lines(&self, model: &Model, width: usize) -> Vec<(Row, Row)> {
        let note = (self.filter.text().is_empty() && model.screen == Screen::Workbench && model.types())
            .then(|| "You are typing: letters are commands after Esc; Enter types again.".to_owned());
        let mut out: Vec<(Row, Row)> = Vec::new();
        for line in note.iter().flat_map(|note| text::wrap(note, width)) {
            out.push((Row::Note(line), Row::Blank));
        }
        if !out.is_empty() {
            out.push((Row::Blank, Row::Blank));
        }
        // What somebody looks for is told at length.
        let two = width >= TWO && self.filter.text().is_empty();
        let room = if two { (width - BETWEEN) / 2 } else { width };
        let rows = wrap(self.rows(model, !two), room);
        let mut middle = if two { rows.len().div_ceil(2) } else { rows.len() };
        // No column ends with a heading or begins with a blank.
        while rows.get(middle.wrapping_sub(1)).is_some_and(|row| matches!(row, Row::Heading(_))) {
            middle += 1;
        }
        // Nor between the lines of one command.
        while rows
            .get(middle)
            .is_some_and(|row| matches!(row, Row::Key(keys, help) if keys.is_empty() || help.is_empty()))
        {
            middle += 1;
        }
        let (left, right) = rows.split_at(middle.min(rows.len()));
        let right =
            if right.first() == Some(&Row::Blank) { right.get(1..).unwrap_or_default() } else { right };
        for at in 0..left.len().max(right.len()) {
            let row = |rows: &[Row]| rows.get(at).cloned().unwrap_or(Row::Blank);
            out.push((row(left), row(right)));
        }
        out.push((Row::Blank, Row::Blank));
        let map = format!("Keymap: {} (F2 «keymap» has others)", model.keymap.preset().name());
        let doctor = "Tab: what arrives of the keys you press (key doctor)";
        for words in [map.as_str(), doctor] {
            out.extend(text::wrap(words, width).into_iter().map(|line| (Row::Note(line), Row::Blank)));
        }
        out
    }

    pub(super) fn draw(&self, model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
        let title = if self.is_doctor() { "Keys  press any" } else { "Help  keys that work now" };
        let end = if self.is_doctor() { "Esc Esc close" } else { "Esc close" };
        let inside = over(title, end, theme, area(model.room()), frame);
        if inside.width < 12 || inside.height < 3 {
            return;
        }
        if let Some(doctor) = &self.doctor {
            let lines = doctor.lines(model, usize::from(inside.width.saturating_sub(2)));
            for ((role, words), line) in lines.iter().zip(inside.rows()) {
                frame.buffer_mut().set_string(line.x + 1, line.y, words, theme.style(*role));
            }
            return;
        }
        let label = text::fit("type to filter: ", usize::from(inside.width - 1), "").into_owned();
        frame.buffer_mut().set_string(inside.x + 1, inside.y, &label, theme.style(Role::Muted));
        let used = 1 + u16::try_from(text::width(&label)).unwrap_or(0);
        let field = Rect::new(inside.x + used, inside.y, inside.width.saturating_sub(used + 1), 1);
        self.filter.draw(theme, field.intersection(inside), true, frame);
        self.draw_lines(model, theme, body(model.room()), frame);
    }

    fn draw_lines(&self, model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
        let lines = self.lines(model, body.width.into());
        let height = usize::from(body.height);
        let top = self.top.min(lines.len().saturating_sub(height));
        let half = body.width.saturating_sub(u16::try_from(BETWEEN).unwrap_or(0)) / 2;
        let two = usize::from(body.width) >= TWO && self.filter.text().is_empty();
        let (left, right) = match two {
            false => (body, Rect::ZERO),
            true => (Rect { width: half, ..body }, Rect { x: body.right() - half, width: half, ..body }),
        };
        for ((one, other), y) in lines.iter().skip(top).zip(body.top()..body.bottom()) {
            // What is no key of a column has the whole width.
            let area = if matches!(one, Row::Note(_)) { body } else { left };
            draw_row(one, theme, Rect { y, height: 1, ..area }, frame);
            if !right.is_empty() {
                draw_row(other, theme, Rect { y, height: 1, ..right }, frame);
            }
        }
        if lines.len() > top + height {
            let more = format!(" {} more ", lines.len() - top - height);
            let x = body.right().saturating_sub(u16::try_from(more.len()).unwrap_or(0));
            let more = text::fit(&more, usize::from(body.width), "").into_owned();
            frame.buffer_mut().set_string(x.max(body.x), body.bottom(), more, theme.style(Role::Muted));
        }
    }
}

impl Doctor {
    /// What arrived, what it does, and who may have kept others.
    fn lines(&self, model: &Model, width: usize) -> Vec<(Role, String)> {
        let mut out = Vec::new();
        match &self.last {
            None => out.push((Role::Text, "Press a key: it is shown, and does nothing here.".to_owned())),
            Some(key) => {
                let chord = Chord::of(key);
                let raw = match key.modifiers.is_empty() {
                    true => format!("{:?}", key.code),
                    false => format!("{:?}, {:?}", key.code, key.modifiers),
                };
                out.push((Role::Strong, format!("arrived: {chord}   ({raw})")));
                let says = |typing: bool| match model.keymap.meaning(chord, None, &model.places(), typing) {
                    Meaning::Command(cmd) => title_of(cmd).to_owned(),
                    Meaning::Prefix(first) => {
                        let then: Vec<String> = model.keymap.after(first).map(Binding::second).collect();
                        format!("the first of two keys; then {}", then.join(" or "))
                    }
                    Meaning::Nothing if typing && chord.is_typing() => "goes into the text".to_owned(),
                    Meaning::Nothing => "nothing".to_owned(),
                };
                out.push((Role::Text, format!("while typing: {}", says(true))));
                out.push((Role::Text, format!("otherwise:    {}", says(false))));
                let keeper = model.keymap.outer().keeper(chord);
                let keeper =
                    keeper.map(|name| format!("{name} keeps this key as it comes; yours lets it through"));
                out.extend(keeper.map(|words| (Role::Text, words)));
                let end = match key.code {
                    KeyCode::Esc => "Esc again closes this.",
                    KeyCode::Tab => "Tab again goes back to the keys.",
                    _ => "",
                };
                out.push((Role::Muted, end.to_owned()));
            }
        }
        out.push((Role::Text, String::new()));
        let mut words = model.keymap.outer().words();
        if words.is_empty() {
            words.push("No program is known to be around this one that would keep keys.".to_owned());
        }
        words.push(
            "A key that shows nothing here never arrived: the desktop or the terminal kept it.".to_owned(),
        );
        words.push("Esc Esc closes, Tab Tab goes back to the keys.".to_owned());
        out.extend(words.into_iter().map(|words| (Role::Muted, words)));
        let wrapped = out.into_iter().flat_map(|(role, words)| {
            let lines = if words.is_empty() { vec![words] } else { text::wrap(&words, width) };
            lines.into_iter().map(move |line| (role, line))
        });
        wrapped.collect()
    }
}

fn title_of(cmd: Cmd) -> &'static str {
    specs().find(|spec| spec.cmd == cmd).map_or("", |spec| spec.title)
}

/// The commands that have keys in a place, with these, in the table's order.
fn bound(model: &Model, place: Place) -> Vec<(&'static Spec, Vec<&Binding>)> {
    let mut out: Vec<(&'static Spec, Vec<&Binding>)> = Vec::new();
    for spec in specs() {
        // A command is told once a place, in the words of its row there, if it has one.
        let better =
            spec.place != place && specs().any(|other| other.cmd == spec.cmd && other.place == place);
        if better || out.iter().any(|(other, _)| other.cmd == spec.cmd) {
            continue;
        }
        let mut bindings = model.keymap.arriving(spec.cmd, place);
        bindings.retain(|binding| model.keymap.reaches(binding, &model.places()));
        if !bindings.is_empty() {
            out.push((spec, bindings));
        }
    }
    out
}

/// The box.
fn area(size: Size) -> Rect {
    centred(size, 96, size.height.saturating_sub(4).max(8))
}

/// Where the keys are.
fn body(size: Size) -> Rect {
    let inside = area(size).inner(ratatui::layout::Margin::new(1, 1));
    Rect {
        x: inside.x + 1,
        y: inside.y + 2,
        width: inside.width.saturating_sub(2),
        height: inside.height.saturating_sub(2),
    }
}

/// Cells of the keys in a column so wide.
fn key_column(width: usize) -> usize {
    (width / 3).clamp(15, 18)
}

/// Breaks what is too long: nothing is cut.
fn wrap(rows: Vec<Row>, width: usize) -> Vec<Row> {
    let mut out = Vec::new();
    for row in rows {
        match row {
            Row::Key(keys, help) => {
                let keys = fold(&keys, key_column(width) - 1);
                let help = text::wrap(&help, width.saturating_sub(key_column(width)));
                for at in 0..keys.len().max(help.len()) {
                    let part = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
                    out.push(Row::Key(part(&keys), part(&help)));
                }
            }
            Row::Heading(title) => out.extend(text::wrap(&title, width).into_iter().map(Row::Heading)),
            other => out.push(other),
        }
    }
    out
}

/// Keys with two blanks between them, over as many lines as they need.
fn fold(keys: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for key in keys.split("  ") {
        match lines.last_mut() {
            Some(line) if text::width(line) + 2 + text::width(key) <= width => {
                line.push_str("  ");
                line.push_str(key);
            }
            _ => lines.push(key.to_owned()),
        }
    }
    lines
}

fn draw_row(row: &Row, theme: &Theme, line: Rect, frame: &mut Frame<'_>) {
    let width = usize::from(line.width);
    let buffer = frame.buffer_mut();
    match row {
        Row::Heading(title) => {
            let title = text::fit(title, width, theme.glyphs.cut);
            buffer.set_string(line.x, line.y, title, theme.style(Role::Strong));
        }
        Row::Note(words) => {
            let words = text::fit(words, width, theme.glyphs.cut);
            buffer.set_string(line.x, line.y, words, theme.style(Role::Muted));
        }
        Row::Key(keys, help) => {
            let column = key_column(width);
            let keys = text::pad(keys, column - 1, theme.glyphs.cut);
            buffer.set_string(line.x, line.y, keys, theme.style(Role::KeysKey));
            let x = line.x + u16::try_from(column).unwrap_or(0);
            let help = text::fit(help, width.saturating_sub(column), theme.glyphs.cut);
            buffer.set_string(x, line.y, help, theme.style(Role::Text));
        }
        Row::Blank => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::Preset;
    use crate::tui::model::Pane;

    fn model(preset: Preset) -> Model {
        let keymap = crate::tui::keys::Keymap::load(&crate::config::Settings::default()).0;
        Model::new(keymap.with_preset(preset), &[], None, Size::new(80, 24))
    }

    #[test]
    fn every_bound_key_is_in_the_help_of_its_place_and_none_is_cut() {
        for preset in Preset::ALL {
            let mut model = model(preset);
            model.edits = false;
            for (screen, pane) in Pane::ALL
                .into_iter()
                .map(|pane| (Screen::Workbench, pane))
                .chain([(Screen::Setup, Pane::Editor), (Screen::Messages, Pane::Editor)])
            {
                (model.screen, model.focus) = (screen, pane);
                for width in [30, 76, 92] {
                    let lines = Help::default().lines(&model, width);
                    let mut keys = String::new();
                    for row in lines.iter().flat_map(|(left, right)| [left, right]) {
                        if let Row::Key(part, help) = row {
                            keys = format!("{keys}  {part}  ");
                            let room = if width < TWO { width } else { (width - BETWEEN) / 2 };
                            assert!(text::width(part) < key_column(room), "{part}");
                            assert!(text::width(help) + key_column(room) <= room, "{help}");
                        }
                    }
                    let arrives = |b: &&Binding| !model.keymap.outer().keeps(b.first);
                    let here = |b: &&Binding| model.places().contains(&b.place) && arrives(b);
                    for binding in model.keymap.bindings().iter().filter(here) {
                        let here = matches!(binding.cmd, Cmd::Focus(_)) && binding.second.is_none();
                        let shown =
                            keys.contains(&format!(" {binding} ")) || here && keys.contains("1 2 3 4 5 6");
                        let reaches = model.keymap.reaches(binding, &model.places());
                        assert!(shown || !reaches, "{binding} in {keys}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_doctor_says_what_a_key_is() {
        let model = model(Preset::Standard);
        let mut help = Help::doctor();
        let f5 = KeyEvent::new(KeyCode::F(5), crossterm::event::KeyModifiers::NONE);
        help.press(&f5, &model);
        let doctor = help.doctor.unwrap_or_default();
        let told: Vec<String> = doctor.lines(&model, 76).into_iter().map(|(_, words)| words).collect();
        assert!(told.iter().any(|line| line.starts_with("arrived: F5")), "{told:?}");
        assert!(told.contains(&"while typing: Run: the editor's code".to_owned()), "{told:?}");
    }
}
