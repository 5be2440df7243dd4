//! Making the keymap of the table, a preset and the settings. What is odd about the settings is told with file and line
//! and passed over.

use super::{Keymap, Outer, Preset, Shadowed, presets};
use crate::config::{KeyEntry, KeySection, KeySettings, Settings, Warning};
use crate::tui::commands::{Cmd, Place, Spec, specs};
use crate::tui::keys::Binding;
use crate::tui::model::Pane;

/// Whose a binding is; the first wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Own,
    Preset,
    Table,
}

/// A binding with whose it is, and the entry of the settings that it comes from.
struct Candidate<'a> {
    binding: Binding,
    rank: Rank,
    entry: Option<&'a KeyEntry>,
}

impl Keymap {
    /// The keys of the table and the preset, with those of the settings in place of a command's own.
    pub(crate) fn load(settings: &Settings) -> (Self, Vec<Warning>) {
        Self::make(settings.keys.clone(), None)
    }

    /// The same settings with another preset.
    pub(crate) fn with_preset(&self, preset: Preset) -> Self {
        Self::make(self.settings.clone(), Some(preset)).0.inside(self.outer)
    }

    fn make(settings: KeySettings, preset: Option<Preset>) -> (Self, Vec<Warning>) {
        let mut warnings = Vec::new();
        let set = named(&settings, &mut warnings);
        let preset = preset.unwrap_or(set);
        let entries = known(&settings, &mut warnings);
        let mut candidates = Vec::new();
        let mut silenced = Vec::new();
        for spec in specs() {
            match entry_of(spec, &entries) {
                Some(entry) => {
                    let own = own(spec.cmd, spec.place, entry, &mut warnings);
                    // Keys that are none cost only themselves; who wants none writes so.
                    let mistaken = own.is_empty()
                        && !entry.keys.is_empty()
                        && entry.keys.iter().all(|key| key != "none");
                    candidates.extend(own);
                    candidates.extend(mistaken.then(|| defaults(spec, preset)).into_iter().flatten());
                }
                None => candidates.extend(defaults(spec, preset)),
            }
        }
        for entry in &entries {
            let Some(cmd) = cmd_of(&entry.id) else { continue };
            let Some(place) = place_of(&entry.section) else { continue };
            let there = |spec: &Spec, place: Place| spec.id == entry.id && spec.place == place;
            let has_row = match entry.section {
                KeySection::Global => specs().any(|spec| there(spec, spec.place) && is_global(spec.place)),
                _ => specs().any(|spec| there(spec, place)),
            };
            if !has_row {
                candidates.extend(own(cmd, place, entry, &mut warnings));
            }
            if matches!(entry.section, KeySection::Pane(_)) {
                silenced.push((place, cmd));
            }
        }
        let extra =
            presets::rows(preset).filter(|(id, place, _)| !specs().any(|s| s.id == *id && s.place == *place));
        for (id, place, keys) in extra {
            let replaced =
                entries.iter().any(|entry| entry.id == id && place_of(&entry.section) == Some(place));
            if let Some(cmd) = cmd_of(id).filter(|_| !replaced) {
                candidates.extend(listed(cmd, place, keys, Rank::Preset));
            }
        }
        candidates.sort_by_key(|candidate| candidate.rank);
        let (bindings, shadowed) = settle(candidates, &mut warnings);
        (Self { bindings, shadowed, silenced, preset, outer: Outer::default(), settings }, warnings)
    }
}

/// The preset that the settings name.
fn named(settings: &KeySettings, warnings: &mut Vec<Warning>) -> Preset {
    let Some((name, place)) = &settings.preset else { return Preset::default() };
    let found = Preset::ALL.into_iter().find(|preset| preset.name() == name.trim());
    if found.is_none() {
        let message = format!("unknown preset `{name}`: there are standard, vim, emacs; standard is used");
        warnings.push(Warning { place: place.clone(), line: None, message });
    }
    found.unwrap_or_default()
}

fn warning(entry: &KeyEntry, message: String) -> Warning {
    Warning { place: entry.place.clone(), line: Some(entry.line), message }
}

/// The entries that name commands and panes that there are; of two about the same the last.
fn known<'a>(settings: &'a KeySettings, warnings: &mut Vec<Warning>) -> Vec<&'a KeyEntry> {
    let mut out: Vec<&KeyEntry> = Vec::new();
    for entry in &settings.entries {
        if cmd_of(&entry.id).is_none() {
            let message = format!("unknown command `{}`: codebeaker keys lists them all", entry.id);
            warnings.push(warning(entry, message));
            continue;
        }
        if let (KeySection::Pane(name), None) = (&entry.section, place_of(&entry.section)) {
            let known = "sessions, files, editor, output, stats, history, runtimes, messages, race, bench";
            warnings.push(warning(entry, format!("unknown pane `{name}`: there are {known}")));
            continue;
        }
        out.retain(|before| before.id != entry.id || before.section != entry.section);
        out.push(entry);
    }
    out
}

fn cmd_of(id: &str) -> Option<Cmd> {
    specs().find(|spec| spec.id == id).map(|spec| spec.cmd)
}

/// Where an entry binds what has no row there.
fn place_of(section: &KeySection) -> Option<Place> {
    match section {
        KeySection::Keys => None,
        KeySection::Global => Some(Place::Workbench),
        KeySection::Pane(name) => place_named(name),
    }
}

/// The name of a place in the settings, of those that have one.
fn place_named(name: &str) -> Option<Place> {
    match name {
        "runtimes" => return Some(Place::Setup),
        "messages" => return Some(Place::Messages),
        "race" => return Some(Place::Race),
        "bench" => return Some(Place::Bench),
        _ => {}
    }
    let is_called =
        |pane: &Pane| pane.title().split(' ').nth(1).is_some_and(|title| title.eq_ignore_ascii_case(name));
    Pane::ALL.into_iter().find(is_called).map(Place::In)
}

fn is_global(place: Place) -> bool {
    matches!(place, Place::Everywhere | Place::Workbench | Place::LinkLost)
}

/// The entry that says which keys a row has: the nearest.
fn entry_of<'a>(spec: &Spec, entries: &[&'a KeyEntry]) -> Option<&'a KeyEntry> {
    let of = |fits: &dyn Fn(&KeySection) -> bool| {
        entries.iter().copied().find(|entry| entry.id == spec.id && fits(&entry.section))
    };
    let pane = |section: &KeySection| {
        matches!(section, KeySection::Pane(_)) && place_of(section) == Some(spec.place)
    };
    of(&pane)
        .or_else(|| of(&|section| *section == KeySection::Global && is_global(spec.place)))
        .or_else(|| of(&|section| *section == KeySection::Keys))
}

/// The bindings of an entry.
fn own<'a>(cmd: Cmd, place: Place, entry: &'a KeyEntry, warnings: &mut Vec<Warning>) -> Vec<Candidate<'a>> {
    let mut out = Vec::new();
    for key in entry.keys.iter().filter(|key| *key != "none") {
        match Binding::parse(cmd, place, key) {
            Some(binding) => out.push(Candidate { binding, rank: Rank::Own, entry: Some(entry) }),
            None => {
                let message =
                    format!("`{}`: no such key as `{key}`; write f5, ctrl-r, W, or two like `s n`", entry.id);
                let told = warning(entry, message);
                if !warnings.contains(&told) {
                    warnings.push(told);
                }
            }
        }
    }
    out
}

/// The keys that a row has of the preset and of the table.
fn defaults<'a>(spec: &Spec, preset: Preset) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
    let (cmd, place, id) = (spec.cmd, spec.place, spec.id);
    let added = presets::rows(preset).filter(move |row| row.0 == id && row.1 == place);
    let added = added.flat_map(move |(_, _, keys)| listed(cmd, place, keys, Rank::Preset));
    added.chain(listed(cmd, place, spec.keys, Rank::Table))
}

fn listed<'a>(
    cmd: Cmd,
    place: Place,
    keys: &'static [&'static str],
    rank: Rank,
) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
    let bindings = keys.iter().filter_map(move |key| Binding::parse(cmd, place, key));
    bindings.map(move |binding| Candidate { binding, rank, entry: None })
}

/// Gives each key of a place to the first who wants it.
fn settle(candidates: Vec<Candidate<'_>>, warnings: &mut Vec<Warning>) -> (Vec<Binding>, Vec<Shadowed>) {
    let mut kept: Vec<Candidate<'_>> = Vec::new();
    let mut shadowed = Vec::new();
    for candidate in candidates {
        let binding = candidate.binding;
        let taken = kept.iter().find(|k| k.binding.place == binding.place && k.binding.is_same_key(&binding));
        match taken {
            None => kept.push(candidate),
            Some(winner) if winner.binding.cmd == binding.cmd => {}
            Some(winner) => {
                shadowed.push(Shadowed { binding, by: winner.binding.cmd });
                // A loser of the settings' own is told where it stands; a default, where its key was taken.
                if let Some(entry) = candidate.entry.or(winner.entry) {
                    let loses = id_of(binding.cmd);
                    let message = format!(
                        "`{binding}` is `{}`'s key, so `{loses}` lost it; give `{loses}` another, or \"none\"",
                        id_of(winner.binding.cmd)
                    );
                    warnings.push(warning(entry, message));
                }
            }
        }
    }
    (kept.into_iter().map(|candidate| candidate.binding).collect(), shadowed)
}

fn id_of(cmd: Cmd) -> &'static str {
    specs().find(|spec| spec.cmd == cmd).map_or("", |spec| spec.id)
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::tui::keymap::Meaning;
    use crate::tui::keys::Chord;

    const EDITOR: &[Place] = &[Place::In(Pane::Editor), Place::Workbench, Place::Everywhere];
    const OUTPUT: &[Place] = &[Place::In(Pane::Output), Place::Workbench, Place::Everywhere];

    fn chord(text: &str) -> Chord {
        Chord::parse(text).unwrap_or(Chord::of(&KeyEvent::new(KeyCode::Null, KeyModifiers::NONE)))
    }

    fn load(text: &str) -> (Keymap, Vec<String>) {
        let mut settings = Settings::default();
        assert_eq!(settings.keys.read("k", text), []);
        let (map, warnings) = Keymap::load(&settings);
        (map, warnings.iter().map(ToString::to_string).collect())
    }

    fn does(map: &Keymap, key: &str, places: &[Place]) -> Option<Cmd> {
        match map.meaning(chord(key), None, places, false) {
            Meaning::Command(cmd) => Some(cmd),
            _ => None,
        }
    }

    #[test]
    fn no_key_of_the_table_or_a_preset_shadows_another_in_its_place() {
        for preset in Preset::ALL {
            let (map, warnings) = load(&format!("preset = \"{}\"\n", preset.name()));
            assert_eq!(warnings, [] as [String; 0]);
            assert_eq!(map.preset(), preset);
            // A preset may take the table's keys, but none of its own twice.
            let of_preset = |b: &Binding| {
                presets::rows(preset).any(|(id, place, keys)| {
                    id == id_of(b.cmd)
                        && place == b.place
                        && keys.iter().any(|k| Binding::parse(b.cmd, place, k) == Some(*b))
                })
            };
            let lost: Vec<&Shadowed> = map
                .shadowed()
                .iter()
                .filter(|s| preset == Preset::Standard || of_preset(&s.binding))
                .collect();
            assert!(lost.is_empty(), "{lost:?}");
        }
    }

    #[test]
    fn letters_are_commands_only_when_nothing_is_typed() {
        let (map, _) = load("");
        assert_eq!(map.meaning(chord("r"), None, EDITOR, false), Meaning::Command(Cmd::Run));
        assert_eq!(map.meaning(chord("r"), None, EDITOR, true), Meaning::Nothing);
        assert_eq!(map.meaning(chord("f5"), None, EDITOR, true), Meaning::Command(Cmd::Run));
    }

    #[test]
    fn two_keys_in_a_row() {
        let (map, _) = load("");
        let (s, n) = (chord("s"), chord("n"));
        assert_eq!(map.meaning(s, None, EDITOR, false), Meaning::Prefix(s));
        assert_eq!(map.meaning(n, Some(s), EDITOR, false), Meaning::Command(Cmd::NewSession));
    }

    #[test]
    fn settings_replace_and_remove_keys() {
        let (map, warnings) = load(
            "[keys]\n\"run.start\" = [\"ctrl-r\"]\n\"app.quit\" = \"none\"\n\"no.such\" = \"f9\"\n\"file.save\" = \"hyper-x\"\n",
        );
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("k line 4: unknown command `no.such`"), "{warnings:?}");
        assert!(warnings[1].starts_with("k line 5: `file.save`: no such key as `hyper-x`"), "{warnings:?}");
        assert_eq!(map.meaning(chord("ctrl-r"), None, EDITOR, true), Meaning::Command(Cmd::Run));
        assert_eq!(map.meaning(chord("f5"), None, EDITOR, true), Meaning::Nothing);
        assert_eq!(map.shown(Cmd::Quit, EDITOR, false), None);
        assert_eq!(does(&map, "f4", EDITOR), Some(Cmd::Save), "a mistake takes no key away");
    }

    #[test]
    fn a_pane_has_keys_of_its_own() {
        let (map, warnings) = load(
            "[global]\n\"run.start\" = [\"F5\", \"ctrl-enter\"]\n[pane.output]\n\"app.quit\" = \"none\"\n\"run.start\" = \"X\"\n",
        );
        assert_eq!(warnings, [] as [String; 0]);
        assert_eq!(does(&map, "ctrl-enter", EDITOR), Some(Cmd::Run));
        assert_eq!(does(&map, "r", EDITOR), None);
        assert_eq!(does(&map, "q", EDITOR), Some(Cmd::Quit));
        assert_eq!(does(&map, "q", OUTPUT), None);
        assert_eq!(does(&map, "X", OUTPUT), Some(Cmd::Run));
        assert_eq!(does(&map, "F5", OUTPUT), None);
        assert_eq!(map.shown(Cmd::Run, OUTPUT, false).as_deref(), Some("X"));
    }

    #[test]
    fn a_command_of_one_pane_can_be_had_in_all() {
        let (map, warnings) = load("[global]\n\"output.follow\" = \"F10\"\n");
        assert_eq!(warnings, [] as [String; 0]);
        assert_eq!(does(&map, "F10", EDITOR), Some(Cmd::Follow));
        assert_eq!(does(&map, "f", OUTPUT), Some(Cmd::Follow));
    }

    #[test]
    fn a_key_that_two_want_is_told_with_file_and_line() {
        let (map, warnings) = load("[keys]\n\"app.suspend\" = \"F1\"\n");
        assert_eq!(does(&map, "F1", EDITOR), Some(Cmd::Suspend));
        assert_eq!(map.shadowed().len(), 1);
        assert!(
            warnings[0].starts_with("k line 2: `F1` is `app.suspend`'s key, so `help.here` lost it"),
            "{warnings:?}"
        );
        // Whoever says that it is meant hears nothing.
        let (_, warnings) = load("[keys]\n\"app.suspend\" = \"F1\"\n\"help.here\" = \"?\"\n");
        assert_eq!(warnings, [] as [String; 0]);
    }

    #[test]
    fn unknown_panes_and_presets_are_told() {
        let (map, warnings) = load("preset = \"joe\"\n[pane.kitchen]\n\"run.start\" = \"F9\"\n");
        assert_eq!(map.preset(), Preset::Standard);
        assert!(warnings[0].starts_with("k line 1: unknown preset `joe`"), "{warnings:?}");
        assert!(warnings[1].starts_with("k line 3: unknown pane `kitchen`"), "{warnings:?}");
    }

    #[test]
    fn the_key_shown_is_one_that_arrives() {
        let (map, _) = load("");
        let map = map.inside(Outer { vscode: true, zellij: true, ..Outer::default() });
        assert_eq!(map.shown(Cmd::Run, EDITOR, false).as_deref(), Some("r"));
        assert_eq!(map.shown(Cmd::Run, EDITOR, true).as_deref(), Some("Esc r"));
        assert_eq!(map.shown(Cmd::Quit, EDITOR, false).as_deref(), Some("q"));
        assert_eq!(map.shown(Cmd::Palette, EDITOR, true).as_deref(), Some("F2"));
        // What has no key while typing has none to show.
        assert_eq!(map.shown(Cmd::TypeHere, EDITOR, true), None);
    }

    #[test]
    fn sentences_name_the_key_that_works() {
        let (map, _) = load("[keys]\n\"run.stop\" = \"F10\"\n");
        let map = map.inside(Outer { vscode: true, ..Outer::default() });
        let words = |text: &str, typing| map.in_words(text, EDITOR, typing);
        assert_eq!(words("F5 runs it, Ctrl-C stops it", true), "Esc r runs it, F10 stops it");
        assert_eq!(words("F5 runs it", false), "r runs it");
        assert_eq!(words("F2: a palette; a W stays", true), "F2: a palette; a W stays");
    }

    #[test]
    fn another_preset_keeps_a_persons_keys() {
        let (map, _) = load("[keys]\n\"run.start\" = \"F9\"\n");
        let map = map.with_preset(Preset::Vim);
        assert_eq!((map.preset(), does(&map, "F9", EDITOR)), (Preset::Vim, Some(Cmd::Run)));
    }
}
