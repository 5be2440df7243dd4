//! The keymap as a list, for `codebeaker keys`.

use super::Keymap;
use crate::config::{Settings, Warning};
use crate::tui::commands::{Place, specs};
use crate::tui::keys::Binding;

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
        let keys = map.bindings().iter().filter(|b| here(b)).map(ToString::to_string).collect();
        let lost = map.shadowed().iter().filter(|s| here(&s.binding));
        let shadowed = lost
            .map(|s| {
                (s.binding.to_string(), specs().find(|spec| spec.cmd == s.by).map_or("", |spec| spec.id))
            })
            .collect();
        Some(KeyRow { id: spec.id, title: spec.title, place: place.words(), keys, shadowed })
    });
    rows.collect()
}
