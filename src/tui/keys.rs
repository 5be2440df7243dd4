//! Keys: how they are written, and which command they mean where.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::commands::{Cmd, Place, specs};
use super::editor::{Action, Motion};
use crate::config::{Settings, Warning};

/// One key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chord {
    code: KeyCode,
    mods: KeyModifiers,
}

impl Chord {
    /// The chord of a key event, in one form for all terminals.
    pub(crate) fn of(event: &KeyEvent) -> Self {
        let mut mods = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::BackTab => {
                mods |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            // A capital letter says by itself that shift was held.
            KeyCode::Char(c) => {
                mods -= KeyModifiers::SHIFT;
                KeyCode::Char(if mods.contains(KeyModifiers::CONTROL) { c.to_ascii_lowercase() } else { c })
            }
            code => code,
        };
        Self { code, mods }
    }

    /// Reads `f5`, `ctrl-c`, `shift-tab`, `W`.
    fn parse(text: &str) -> Option<Self> {
        let mut mods = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            let lower = rest.to_ascii_lowercase();
            let (flag, len) = match () {
                () if lower.starts_with("ctrl-") && rest.len() > 5 => (KeyModifiers::CONTROL, 5),
                () if lower.starts_with("shift-") && rest.len() > 6 => (KeyModifiers::SHIFT, 6),
                () if lower.starts_with("alt-") && rest.len() > 4 => (KeyModifiers::ALT, 4),
                () => break,
            };
            mods |= flag;
            rest = rest.get(len..)?;
        }
        let mut letters = rest.chars();
        let code = match (letters.next()?, letters.next()) {
            (c, None) => {
                KeyCode::Char(if mods.contains(KeyModifiers::CONTROL) { c.to_ascii_lowercase() } else { c })
            }
            _ => named(&rest.to_ascii_lowercase())?,
        };
        Some(Self { code, mods })
    }

    /// Whether it types or moves in a text, and so belongs to the text while one is being typed.
    fn is_typing(self) -> bool {
        let moves = matches!(
            self.code,
            KeyCode::Enter
                | KeyCode::Tab
                | KeyCode::Backspace
                | KeyCode::Delete
                | KeyCode::Insert
                | KeyCode::Up
                | KeyCode::Down
                | KeyCode::Left
                | KeyCode::Right
                | KeyCode::Home
                | KeyCode::End
                | KeyCode::PageUp
                | KeyCode::PageDown
        );
        let types = matches!(self.code, KeyCode::Char(_))
            && !self.mods.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        moves || types
    }
}

fn named(name: &str) -> Option<KeyCode> {
    Some(match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "insert" => KeyCode::Insert,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        _ => return name.strip_prefix('f')?.parse().ok().filter(|n| (1..=24).contains(n)).map(KeyCode::F),
    })
}

impl std::fmt::Display for Chord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (flag, word) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.mods.contains(flag) {
                f.write_str(word)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(c) if self.mods.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", c.to_ascii_uppercase())
            }
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            code => write!(f, "{code:?}"),
        }
    }
}

/// One way to give a command: a key, or two one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) cmd: Cmd,
    pub(crate) place: Place,
    first: Chord,
    second: Option<Chord>,
}

impl Binding {
    fn parse(cmd: Cmd, place: Place, text: &str) -> Option<Self> {
        let mut chords = text.split_whitespace().map(Chord::parse);
        let first = chords.next()??;
        let second = match chords.next() {
            Some(chord) => Some(chord?),
            None => None,
        };
        chords.next().is_none().then_some(Self { cmd, place, first, second })
    }
}

impl std::fmt::Display for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.second {
            Some(second) => write!(f, "{} {second}", self.first),
            None => write!(f, "{}", self.first),
        }
    }
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Command(Cmd),
    /// The first of two keys.
    Prefix(Chord),
    Nothing,
}

/// All bindings: the table's, as the settings change them.
#[derive(Clone, Debug)]
pub(crate) struct Keymap {
    bindings: Vec<Binding>,
}

impl Keymap {
    /// The table's keys, with those of the settings in place of a command's own.
    pub(crate) fn load(settings: &Settings) -> (Self, Vec<Warning>) {
        let mut warnings = Vec::new();
        let mut warn = |message| warnings.push(Warning { place: "[keys]".to_owned(), line: None, message });
        for id in settings.keys.keys().filter(|id| !specs().any(|spec| spec.id == *id)) {
            warn(format!("unknown command `{id}`: F2 lists them all"));
        }
        let mut bindings = Vec::new();
        for spec in specs() {
            let Some(own) = settings.keys.get(spec.id) else {
                bindings.extend(spec.keys.iter().filter_map(|key| Binding::parse(spec.cmd, spec.place, key)));
                continue;
            };
            for key in own.iter().filter(|key| *key != "none") {
                match Binding::parse(spec.cmd, spec.place, key) {
                    Some(binding) => bindings.push(binding),
                    None => warn(format!("`{}`: no such key as `{key}`; write f5, ctrl-r, W", spec.id)),
                }
            }
        }
        // The person's own keys come first, so that they win over a default on the same key.
        let own = |b: &Binding| specs().any(|s| s.cmd == b.cmd && settings.keys.contains_key(s.id));
        bindings.sort_by_key(|b| !own(b));
        (Self { bindings }, warnings)
    }

    /// What a key means in these places, the first of which comes first. While typing, keys that type mean nothing.
    pub(crate) fn meaning(
        &self,
        chord: Chord,
        after: Option<Chord>,
        places: &[Place],
        typing: bool,
    ) -> Meaning {
        if typing && chord.is_typing() {
            return Meaning::Nothing;
        }
        for place in places {
            let mut here = self.bindings.iter().filter(|b| b.place == *place);
            let found = match after {
                Some(first) => here.find(|b| b.first == first && b.second == Some(chord)),
                None => here.find(|b| b.first == chord),
            };
            if let Some(binding) = found {
                let begins = after.is_none() && binding.second.is_some();
                return if begins { Meaning::Prefix(chord) } else { Meaning::Command(binding.cmd) };
            }
        }
        Meaning::Nothing
    }

    /// The keys of a command that work in one of these places.
    pub(crate) fn of<'a>(&'a self, cmd: Cmd, places: &'a [Place]) -> impl Iterator<Item = &'a Binding> {
        self.bindings.iter().filter(move |b| b.cmd == cmd && places.contains(&b.place))
    }

    /// The key to show for a command: while typing, one that works then.
    pub(crate) fn shown(&self, cmd: Cmd, places: &[Place], typing: bool) -> Option<String> {
        let found = self.of(cmd, places).find(|b| !typing || !b.first.is_typing());
        found.map(ToString::to_string)
    }

    /// The bindings that begin with `first`.
    pub(crate) fn after(&self, first: Chord) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |b| b.first == first && b.second.is_some())
    }
}

impl Binding {
    /// The second key, as it is shown.
    pub(crate) fn second(&self) -> String {
        self.second.map(|chord| chord.to_string()).unwrap_or_default()
    }
}

/// What a key does in a text that is being typed.
pub(crate) fn editing(event: &KeyEvent) -> Option<Action> {
    let select = event.modifiers.contains(KeyModifiers::SHIFT);
    let word = event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    let motion = |motion| Some(Action::Move { motion, select });
    match event.code {
        KeyCode::Char(c) if !word => Some(Action::Insert(c)),
        KeyCode::Enter => Some(Action::Newline),
        KeyCode::Tab if !select => Some(Action::Indent),
        KeyCode::Tab | KeyCode::BackTab => Some(Action::OutdentLines),
        KeyCode::Up if word => Some(Action::MoveLinesUp),
        KeyCode::Down if word => Some(Action::MoveLinesDown),
        KeyCode::Backspace if word => Some(Action::DeleteWord),
        KeyCode::Backspace => Some(Action::Backspace),
        KeyCode::Delete => Some(Action::Delete),
        KeyCode::Left => motion(if word { Motion::WordLeft } else { Motion::Left }),
        KeyCode::Right => motion(if word { Motion::WordRight } else { Motion::Right }),
        KeyCode::Up => motion(Motion::Up),
        KeyCode::Down => motion(Motion::Down),
        KeyCode::Home => motion(if word { Motion::Top } else { Motion::Home }),
        KeyCode::End => motion(if word { Motion::Bottom } else { Motion::End }),
        KeyCode::PageUp => motion(Motion::PageUp),
        KeyCode::PageDown => motion(Motion::PageDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::model::Pane;

    const EDITOR: &[Place] = &[Place::In(Pane::Editor), Place::Workbench, Place::Everywhere];

    fn key(code: KeyCode, mods: KeyModifiers) -> Chord {
        Chord::of(&KeyEvent::new(code, mods))
    }

    fn standard() -> Keymap {
        Keymap::load(&Settings::default()).0
    }

    #[test]
    fn every_key_of_the_table_reads() {
        for spec in specs() {
            for text in spec.keys {
                assert!(Binding::parse(spec.cmd, spec.place, text).is_some(), "{}: {text}", spec.id);
            }
        }
    }

    #[test]
    fn no_key_of_the_table_shadows_another_in_its_place() {
        let map = standard();
        for (at, one) in map.bindings.iter().enumerate() {
            for other in
                map.bindings.iter().skip(at + 1).filter(|o| o.place == one.place && o.first == one.first)
            {
                assert!(
                    one.second.is_some() && other.second.is_some() && one.second != other.second,
                    "{one}"
                );
            }
        }
    }

    #[test]
    fn letters_are_commands_only_when_nothing_is_typed() {
        let map = standard();
        let r = key(KeyCode::Char('r'), KeyModifiers::NONE);
        assert_eq!(map.meaning(r, None, EDITOR, false), Meaning::Command(Cmd::Run));
        assert_eq!(map.meaning(r, None, EDITOR, true), Meaning::Nothing);
        let f5 = key(KeyCode::F(5), KeyModifiers::NONE);
        assert_eq!(map.meaning(f5, None, EDITOR, true), Meaning::Command(Cmd::Run));
    }

    #[test]
    fn two_keys_in_a_row() {
        let map = standard();
        let [s, n] = ['s', 'n'].map(|c| key(KeyCode::Char(c), KeyModifiers::NONE));
        assert_eq!(map.meaning(s, None, EDITOR, false), Meaning::Prefix(s));
        assert_eq!(map.meaning(n, Some(s), EDITOR, false), Meaning::Command(Cmd::NewSession));
    }

    #[test]
    fn shift_is_one_thing_for_all_terminals() {
        assert_eq!(key(KeyCode::BackTab, KeyModifiers::NONE), key(KeyCode::Tab, KeyModifiers::SHIFT));
        assert_eq!(key(KeyCode::Char('W'), KeyModifiers::SHIFT), key(KeyCode::Char('W'), KeyModifiers::NONE));
    }

    #[test]
    fn settings_replace_and_remove_keys() {
        let text = "[keys]\n\"run.start\" = [\"ctrl-r\"]\n\"app.quit\" = \"none\"\n\"no.such\" = \"f9\"\n\"file.save\" = \"hyper-x\"\n";
        let (settings, _) = Settings::parse("c", text);
        let (map, warnings) = Keymap::load(&settings);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let ctrl_r = key(KeyCode::Char('r'), KeyModifiers::CONTROL);
        assert_eq!(map.meaning(ctrl_r, None, EDITOR, true), Meaning::Command(Cmd::Run));
        let f5 = key(KeyCode::F(5), KeyModifiers::NONE);
        assert_eq!(map.meaning(f5, None, EDITOR, true), Meaning::Nothing);
        assert_eq!(map.shown(Cmd::Quit, EDITOR, false), None);
    }
}
