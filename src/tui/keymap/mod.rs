//! Which command a key means where: the table's keys, as a preset and a person's settings change them.
//!
//! Knows the table and the settings; not what a command does, nor who presses.

mod load;
mod outer;
mod presets;
mod report;

use super::commands::{Cmd, Place, Spec, specs};
use super::keys::{Binding, Chord};
use crate::config::KeySettings;

pub use outer::Outer;
pub use report::{KeyRow, key_rows};

/// A set of keys to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Preset {
    #[default]
    Standard,
    /// The editor has modes: its state for commands is vim's normal mode.
    Vim,
    /// Emacs's Ctrl keys, which work while typing.
    Emacs,
}

impl Preset {
    pub(crate) const ALL: [Self; 3] = [Self::Standard, Self::Vim, Self::Emacs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Vim => "vim",
            Self::Emacs => "emacs",
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

/// A binding that another has taken the key of, in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shadowed {
    pub(crate) binding: Binding,
    /// Whose key it is now.
    pub(crate) by: Cmd,
}

/// All bindings.
#[derive(Clone, Debug)]
pub(crate) struct Keymap {
    /// No two of a place have the same key.
    bindings: Vec<Binding>,
    shadowed: Vec<Shadowed>,
    /// Commands whose keys of other places don't hold in this one.
    silenced: Vec<(Place, Cmd)>,
    preset: Preset,
    settings: KeySettings,
    outer: Outer,
}

impl Keymap {
    pub(crate) fn preset(&self) -> Preset {
        self.preset
    }

    pub(crate) fn outer(&self) -> Outer {
        self.outer
    }

    /// The same inside other programs, which keep some keys for themselves.
    pub(crate) fn inside(mut self, outer: Outer) -> Self {
        self.outer = outer;
        self
    }

    pub(crate) fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    pub(crate) fn shadowed(&self) -> &[Shadowed] {
        &self.shadowed
    }

    pub(crate) fn silenced(&self) -> &[(Place, Cmd)] {
        &self.silenced
    }

    /// What a key means in these places, the first of which comes first. While typing, keys that type mean nothing.
    pub(crate) fn meaning(
        &self,
        chord: Chord,
        after: Option<Chord>,
        places: &[Place],
        typing: bool,
    ) -> Meaning {
        // The second of two keys is never typed: the first was no text.
        if typing && after.is_none() && chord.is_typing() {
            return Meaning::Nothing;
        }
        for place in places {
            let mut here = self.bindings.iter().filter(|b| b.place == *place && self.is_heard(b, places));
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

    /// No nearer place has its own mind about the command.
    fn is_heard(&self, binding: &Binding, places: &[Place]) -> bool {
        let mut silent = self.silenced.iter().filter(|(_, cmd)| *cmd == binding.cmd);
        !silent.any(|(place, _)| *place != binding.place && places.contains(place))
    }

    /// The keys of a command that work in one of these places.
    pub(crate) fn of<'a>(&'a self, cmd: Cmd, places: &'a [Place]) -> impl Iterator<Item = &'a Binding> {
        let here = move |b: &&Binding| b.cmd == cmd && places.contains(&b.place) && self.is_heard(b, places);
        self.bindings.iter().filter(here)
    }

    /// Whether a binding's keys really lead to its command here: no nearer place gives them another meaning.
    pub(crate) fn reaches(&self, binding: &Binding, places: &[Place]) -> bool {
        let first = self.meaning(binding.first, None, places, false);
        match binding.second {
            None => first == Meaning::Command(binding.cmd),
            Some(second) => {
                let then = self.meaning(second, Some(binding.first), places, false);
                first == Meaning::Prefix(binding.first) && then == Meaning::Command(binding.cmd)
            }
        }
    }

    /// The key to show for a command: one that works now, and that no program around this one keeps for itself. While
    /// typing that may be one after Esc.
    pub(crate) fn shown(&self, cmd: Cmd, places: &[Place], typing: bool) -> Option<String> {
        let found: Vec<&Binding> = self.of(cmd, places).filter(|b| self.reaches(b, places)).collect();
        let arrives = |b: &&&Binding| !self.outer.keeps(b.first);
        let now = |b: &&&Binding| !typing || !b.first.is_typing();
        if let Some(binding) = found.iter().filter(arrives).find(now) {
            return Some(binding.to_string());
        }
        let after_esc = found.iter().find(arrives).map(|binding| format!("Esc {binding}"));
        let kept = || found.iter().find(now).map(ToString::to_string);
        match typing {
            // Only where no key would do both: Esc and a letter is a way, but not the first one.
            true if found.iter().any(|b| now(&b)) => after_esc.or_else(kept),
            _ => kept(),
        }
    }

    /// A sentence in which the keys of the table are named, with the ones that work here in their place.
    pub(crate) fn in_words(&self, sentence: &str, places: &[Place], typing: bool) -> String {
        let word = |word: &str| {
            let chord = Chord::parse(word).filter(|chord| word.len() > 1 && !chord.is_typing())?;
            let named = |spec: &&Spec| {
                let place = matches!(spec.place, Place::Everywhere | Place::Workbench);
                place && spec.keys.iter().any(|key| Chord::parse(key) == Some(chord))
            };
            let spec = specs().find(named)?;
            let works = self.meaning(chord, None, places, typing) == Meaning::Command(spec.cmd);
            if works && !self.outer.keeps(chord) { None } else { self.shown(spec.cmd, places, typing) }
        };
        let words = sentence.split(' ').map(|text| {
            let key = text.trim_end_matches([',', '.', ':', ';']);
            let rest = text.get(key.len()..).unwrap_or_default();
            word(key).map_or_else(|| text.to_owned(), |shown| shown + rest)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// The keys of a command in a place that arrive; where none does, those that it has.
    pub(crate) fn arriving(&self, cmd: Cmd, place: Place) -> Vec<&Binding> {
        let all = || self.bindings.iter().filter(|b| b.cmd == cmd && b.place == place);
        let found: Vec<&Binding> = all().filter(|b| !self.outer.keeps(b.first)).collect();
        if found.is_empty() { all().collect() } else { found }
    }

    /// The bindings that begin with `first`.
    pub(crate) fn after(&self, first: Chord) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |b| b.first == first && b.second.is_some())
    }
}
