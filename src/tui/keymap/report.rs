//! The keymap as a list, for `codebeaker keys`.

use super::Keymap;
use crate::config::{Settings, Warning};
use crate::tui::commands::{Place, specs};
use crate::tui::keys::Binding;
use crate::tui::model::Pane;

/// A command in one place, with its keys there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The command.
    pub id: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Where these keys hold.
    pub place: String,
    /// The keys that give it there.
    pub keys: Vec<String>,
    /// The keys it would have if others hadn't taken them, with their ids.
    pub shadowed: Vec<(String, &'static str)>,
    /// The keys of these that have another meaning in some panes, with the panes.
    pub but_in: Vec<(String, Vec<String>)>,
}

/// The final keymap with these settings: a row for each command and place.
pub fn key_rows(settings: &Settings) -> (Vec<KeyRow>, Vec<Warning>) {
    let (map, warnings) = Keymap::load(settings);
    (rows(&map), warnings)
}

fn rows(map: &Keymap) -> Vec<KeyRow> {
    let mut places: Vec<(usize, Place)> = Vec::new();
    let mut add = |at: usize, place: Place| {
        if !places.contains(&(at, place)) {
            places.push((at, place));
        }
    };
    let first = |cmd| specs().position(|spec| spec.cmd == cmd).unwrap_or(0);
    specs().for_each(|spec| add(first(spec.cmd), spec.place));
    map.bindings().iter().for_each(|binding| add(first(binding.cmd), binding.place));
    // Where a pane has taken a command's keys away it has none.
    map.silenced().iter().for_each(|(place, cmd)| add(first(*cmd), *place));
    places.sort_by_key(|(at, _)| *at);
    let rows = places.into_iter().filter_map(|(at, place)| {
        let spec = specs().nth(at)?;
        let here = |b: &Binding| b.cmd == spec.cmd && b.place == place;
        let bindings = || map.bindings().iter().filter(|b| here(b));
        let keys = bindings().map(ToString::to_string).collect();
        let but_in = bindings().filter_map(|b| Some((b.to_string(), elsewhere(map, b)?))).collect();
        let lost = map.shadowed().iter().filter(|s| here(&s.binding));
        let shadowed = lost
            .map(|s| {
                (s.binding.to_string(), specs().find(|spec| spec.cmd == s.by).map_or("", |spec| spec.id))
            })
            .collect();
        Some(KeyRow { id: spec.id, title: spec.title, place: place.words(), keys, shadowed, but_in })
    });
    rows.collect()
}

/// The panes in which a key of every pane means something else, if there are any.
fn elsewhere(map: &Keymap, binding: &Binding) -> Option<Vec<String>> {
    if !matches!(binding.place, Place::Workbench | Place::Everywhere) {
        return None;
    }
    let panes = Pane::ALL.into_iter().map(Place::In);
    let taken = |pane: &Place| !map.reaches(binding, &[*pane, Place::Workbench, Place::Everywhere]);
    let found: Vec<String> = panes.filter(taken).map(Place::words).collect();
    (!found.is_empty()).then_some(found)
}
