//! The groups of the menu: every command has a group, from its id, and a letter in it, from its keys and its title.
//!
//! Letters don't depend on the state of anything, so that fingers can learn them.

use super::{Cmd, Spec, distinct};

/// A group of the menu.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) letter: char,
    pub(crate) title: &'static str,
    /// The first words of the ids in it.
    areas: &'static [&'static str],
}

/// The groups; what belongs to none is in the last.
pub(crate) const GROUPS: &[Group] = &[
    Group { letter: 'r', title: "run", areas: &["run", "race", "history"] },
    Group { letter: 'b', title: "bench", areas: &["bench"] },
    Group { letter: 's', title: "session", areas: &["session", "runtime"] },
    Group { letter: 'f', title: "file", areas: &["file", "files", "sample"] },
    Group { letter: 'e', title: "edit", areas: &["edit"] },
    Group { letter: 'o', title: "output", areas: &["output", "copy"] },
    Group { letter: 'v', title: "view", areas: &["view", "pane", "focus"] },
    Group { letter: 't', title: "theme", areas: &["theme"] },
    Group { letter: 'k', title: "keymap", areas: &["keymap"] },
    Group { letter: 'c', title: "connection", areas: &["connection", "rpc"] },
    Group { letter: 'h', title: "help", areas: &[] },
];

/// The commands that the menu and the palette have: what moves is left to its keys.
pub(crate) fn listed() -> impl Iterator<Item = &'static Spec> {
    let moves = |spec: &&Spec| ["move.", "motion.", "text."].iter().any(|area| spec.id.starts_with(area));
    let own = |spec: &&Spec| matches!(spec.cmd, Cmd::Palette | Cmd::Leave | Cmd::Menu);
    distinct().filter(move |spec| !moves(spec) && !own(spec))
}

/// The group of a command.
fn group_of(spec: &Spec) -> Option<&'static Group> {
    let area = spec.id.split('.').next().unwrap_or_default();
    GROUPS.iter().find(|group| group.areas.contains(&area)).or(GROUPS.last())
}

/// The commands of a group, each with its letter, in the order of the table.
pub(crate) fn letters(group: char) -> Vec<(char, &'static Spec)> {
    let members: Vec<&Spec> =
        listed().filter(|spec| group_of(spec).is_some_and(|g| g.letter == group)).collect();
    let mut taken: Vec<char> = Vec::new();
    let mut found: Vec<Option<char>> = vec![None; members.len()];
    // Its own letter first, wherever it stands in the table; then one of its title; then any.
    for source in [own_letters, title_letters, any_letters] {
        for (spec, slot) in members.iter().zip(&mut found).filter(|(_, slot)| slot.is_none()) {
            *slot = source(spec).into_iter().find(|c| !taken.contains(c));
            taken.extend(*slot);
        }
    }
    found.into_iter().zip(members).filter_map(|(letter, spec)| Some((letter?, spec))).collect()
}

/// The single characters among its default keys, and the second of two.
fn own_letters(spec: &Spec) -> Vec<char> {
    let single = |key: &&str| {
        let mut chars = key.split(' ').next_back()?.chars();
        let c = chars.next().filter(|c| c.is_ascii_graphic())?;
        chars.next().is_none().then_some(c)
    };
    spec.keys.iter().filter_map(single).collect()
}

fn title_letters(spec: &Spec) -> Vec<char> {
    let title = spec.title.split_once(": ").map_or(spec.title, |(_, title)| title);
    title.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

fn any_letters(_: &Spec) -> Vec<char> {
    ('a'..='z').chain('A'..='Z').chain('0'..='9').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_reached_by_a_letter_of_its_own() {
        let mut reached: Vec<&str> = Vec::new();
        for group in GROUPS {
            let mut letters: Vec<char> = letters(group.letter).iter().map(|(letter, _)| *letter).collect();
            reached.extend(self::letters(group.letter).iter().map(|(_, spec)| spec.id));
            letters.sort_unstable();
            let count = letters.len();
            letters.dedup();
            assert_eq!(letters.len(), count, "{}", group.title);
        }
        for spec in listed() {
            assert_eq!(reached.iter().filter(|id| **id == spec.id).count(), 1, "{}", spec.id);
        }
    }

    #[test]
    fn a_command_keeps_the_letter_that_it_has_as_a_key() {
        let letter = |group: char, id: &str| {
            letters(group).into_iter().find(|(_, spec)| spec.id == id).map(|(letter, _)| letter)
        };
        assert_eq!(letter('r', "run.start"), Some('r'));
        assert_eq!(letter('s', "session.new"), Some('n'));
        assert_eq!(letter('v', "pane.zoom"), Some('z'));
        assert_eq!(letter('h', "app.quit"), Some('q'));
    }
}
