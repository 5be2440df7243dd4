//! Keys themselves: the menu of groups, the presets, and what keys arrive.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::keymap::Preset;

use Place::{Everywhere, Workbench};

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Menu,
        "menu.open",
        Workbench,
        &["space"],
        "menu",
        "Menu: groups of commands",
        "opens the menu of all commands: a letter for the group, a letter for the command",
    ),
    row(
        Cmd::KeyDoctor,
        "keymap.doctor",
        Everywhere,
        &[],
        "",
        "Keymap: what arrives (key doctor)",
        "shows what a key you press arrives as and what it does",
    ),
    row(
        Cmd::Preset(Preset::Standard),
        "keymap.standard",
        Everywhere,
        &[],
        "",
        "Keymap: standard",
        "uses the keys that need no learning, until the settings name others",
    ),
    row(
        Cmd::Preset(Preset::Vim),
        "keymap.vim",
        Everywhere,
        &[],
        "",
        "Keymap: vim",
        "uses vim's keys in the editor, until the settings name others",
    ),
    row(
        Cmd::Preset(Preset::Emacs),
        "keymap.emacs",
        Everywhere,
        &[],
        "",
        "Keymap: emacs",
        "uses Emacs's keys in the editor, until the settings name others",
    ),
];
