//! How everything looks.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::Everywhere;

pub(super) const ROWS: &[Spec] = &[row(
    Cmd::ChooseTheme,
    "theme.choose",
    Everywhere,
    &["T"],
    "",
    "Theme: choose",
    "tries themes as you move through them, keeps one",
)];
