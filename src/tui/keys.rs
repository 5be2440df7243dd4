//! Keys: how they are written, what one binds, and what they do in a text.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::commands::{Cmd, Place};
use super::editor::{Action, Motion};

pub(crate) use super::keymap::{Keymap, Meaning};

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
                // Of Ctrl-_ some terminals tell the key that it is on.
                let c = if mods.contains(KeyModifiers::CONTROL | KeyModifiers::SHIFT) && c == '-' {
                    '_'
                } else {
                    c
                };
                mods -= KeyModifiers::SHIFT;
                KeyCode::Char(if mods.contains(KeyModifiers::CONTROL) { c.to_ascii_lowercase() } else { c })
            }
            code => code,
        };
        Self { code, mods }
    }

    /// Reads `f5`, `ctrl-c`, `shift-tab`, `W`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
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

    pub(crate) fn code(self) -> KeyCode {
        self.code
    }

    pub(crate) fn is_control(self) -> bool {
        self.mods.contains(KeyModifiers::CONTROL)
    }

    /// Whether it types or moves in a text, and so belongs to the text while one is being typed.
    pub(crate) fn is_typing(self) -> bool {
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
        "pageup" | "pgup" => KeyCode::PageUp,
        "pagedown" | "pgdn" => KeyCode::PageDown,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) cmd: Cmd,
    pub(crate) place: Place,
    pub(crate) first: Chord,
    pub(crate) second: Option<Chord>,
}

impl Binding {
    pub(crate) fn parse(cmd: Cmd, place: Place, text: &str) -> Option<Self> {
        let mut chords = text.split_whitespace().map(Chord::parse);
        let first = chords.next()??;
        let second = match chords.next() {
            Some(chord) => Some(chord?),
            None => None,
        };
        chords.next().is_none().then_some(Self { cmd, place, first, second })
    }

    /// Whether both can't be told apart where both hold.
    pub(crate) fn is_same_key(&self, other: &Self) -> bool {
        let alike = self.second.is_none() || other.second.is_none() || self.second == other.second;
        self.first == other.first && alike
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
    use crate::tui::commands::specs;

    fn key(code: KeyCode, mods: KeyModifiers) -> Chord {
        Chord::of(&KeyEvent::new(code, mods))
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
    fn shift_is_one_thing_for_all_terminals() {
        assert_eq!(key(KeyCode::BackTab, KeyModifiers::NONE), key(KeyCode::Tab, KeyModifiers::SHIFT));
        assert_eq!(key(KeyCode::Char('W'), KeyModifiers::SHIFT), key(KeyCode::Char('W'), KeyModifiers::NONE));
        let both = KeyModifiers::CONTROL | KeyModifiers::SHIFT;
        assert_eq!(key(KeyCode::Char('-'), both), key(KeyCode::Char('_'), KeyModifiers::CONTROL));
    }

    #[test]
    fn a_key_reads_as_it_is_shown() {
        for text in ["F5", "Ctrl-C", "Shift-Tab", "W", "Space", "PgUp", "-", "Ctrl-_", "Shift-F6", "Alt-r"] {
            let chord = Chord::parse(text);
            assert_eq!(chord.map(|chord| chord.to_string()).as_deref(), Some(text));
        }
        for text in ["", "F0", "F25", "hyper-x", "ctrl-", "Ctrl-ab"] {
            assert_eq!(Chord::parse(text), None, "{text}");
        }
    }
}
