//! Settings, themes and the places where files are.
//!
//! Everything here is optional: a missing file is the defaults, a bad key is a [`Warning`] with its line and the
//! default in its place. Knows no other part of the crate; what a key or a colour means is its reader's business.

mod docker;
mod document;
mod files;
mod keymap;
mod limits;
mod paths;
mod server;
mod settings;
mod table;
mod theme;
mod ui;

pub use docker::ContainerSettings;
pub use files::{create_beside, replace_private};
pub use keymap::{KeyEntry, KeySection, KeySettings};
pub use limits::LimitSettings;
pub use paths::{NoHome, Paths, make_private_dir, make_state_dir};
pub use server::DaemonSettings;
pub use settings::Settings;
pub use theme::{ANSI, BUILT_IN, Colour, GlyphSet, RoleSpec, ThemeFile};
pub use ui::UiSettings;

/// Something in a file or variable that was not understood, and was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file or variable.
    pub place: String,
    /// The line, counted from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong, and what is used instead.
    pub message: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} line {line}: {}", self.place, self.message),
            None => write!(f, "{}: {}", self.place, self.message),
        }
    }
}
