//! The programs around this one that keep some keys for themselves: what the environment tells of them, and which.

use crossterm::event::KeyCode;

use crate::tui::keys::Chord;

/// What this runs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// Visual Studio Code's terminal.
    pub vscode: bool,
    /// Zellij.
    pub zellij: bool,
    /// tmux.
    pub tmux: bool,
    /// GNU screen.
    pub screen: bool,
    /// The terminal is one that tells keys apart which look alike in the old encoding, such as Ctrl-Enter.
    pub tells_keys: bool,
}

/// Control keys that Zellij takes as it comes; of the others it is their prefix.
const ZELLIJ: &str = "bghnopqst";
/// What VS Code does itself: its palette, debugger and menus.
const VSCODE: &str = "F1 F3 F5 F10 F11 Ctrl-P Ctrl-E Ctrl-F";

/// The beginnings of TERM of terminals with the kitty keyboard protocol.
const TELLS_KEYS: &[&str] = &["xterm-kitty", "xterm-ghostty", "foot", "alacritty"];
/// Their names in TERM_PROGRAM.
const TELLS_KEYS_PROGRAMS: &[&str] = &["ghostty", "iTerm.app", "WezTerm", "rio"];

impl Outer {
    /// What the environment, read by `var`, tells.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| var(name).is_some_and(|value| !value.is_empty());
        let (term, program) = (var("TERM").unwrap_or_default(), var("TERM_PROGRAM").unwrap_or_default());
        let (zellij, tmux, screen) = (is_set("ZELLIJ"), is_set("TMUX"), is_set("STY"));
        // By name: asking the terminal would hold up the first frame for as long as one that knows no answer is silent.
        let named = TELLS_KEYS.iter().any(|name| term.starts_with(name))
            || TELLS_KEYS_PROGRAMS.contains(&program.as_str());
        let tells_keys = named && !zellij && !tmux && !screen;
        Self { vscode: program == "vscode", zellij, tmux, screen, tells_keys }
    }

    /// This key does not arrive: one of them keeps it, or the terminal can't tell it from another.
    pub(crate) fn keeps(self, chord: Chord) -> bool {
        let alike = chord.is_control() && matches!(chord.code(), KeyCode::Enter | KeyCode::Tab);
        alike && !self.tells_keys || self.keepers().any(|(_, keeps)| keeps(chord))
    }

    /// Their names, with what they keep.
    fn keepers(self) -> impl Iterator<Item = (&'static str, fn(Chord) -> bool)> {
        let all: [(bool, &str, fn(Chord) -> bool); 4] = [
            (self.vscode, "VS Code", |chord| listed(VSCODE, chord)),
            (self.zellij, "Zellij", |chord| chord.control().is_some_and(|c| ZELLIJ.contains(c))),
            (self.tmux, "tmux", |chord| chord.control() == Some('b')),
            (self.screen, "screen", |chord| chord.control() == Some('a')),
        ];
        all.into_iter().filter(|(there, ..)| *there).map(|(_, name, keeps)| (name, keeps))
    }

    /// What each of them keeps, in words, for somebody who wonders where a key went.
    pub(crate) fn words(self) -> Vec<String> {
        let mut out = Vec::new();
        if self.vscode {
            out.push(format!("VS Code is around this and keeps {}", VSCODE.replace(' ', ", ")));
        }
        if self.zellij {
            let keys: Vec<String> = ZELLIJ.chars().map(|c| c.to_ascii_uppercase().to_string()).collect();
            out.push(format!("Zellij is around this and keeps Ctrl with {}", keys.join(", ")));
        }
        if self.tmux {
            out.push(
                "tmux is around this and keeps Ctrl-B; it may hold Esc back for half a second".to_owned(),
            );
        }
        if self.screen {
            out.push("screen is around this and keeps Ctrl-A".to_owned());
        }
        out
    }

    /// Who keeps a key.
    pub(crate) fn keeper(self, chord: Chord) -> Option<&'static str> {
        self.keepers().find(|(_, keeps)| keeps(chord)).map(|(name, _)| name)
    }
}

fn listed(keys: &str, chord: Chord) -> bool {
    keys.split(' ').any(|key| Chord::parse(key) == Some(chord))
}

impl Chord {
    /// The letter that Ctrl is held with.
    fn control(self) -> Option<char> {
        match self.code() {
            KeyCode::Char(c) if self.is_control() => Some(c),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_who_keeps_keys() {
        let outer = Outer::from_env(|name| match name {
            "TERM_PROGRAM" => Some("vscode".to_owned()),
            "ZELLIJ" => Some("0".to_owned()),
            "TMUX" => Some(String::new()),
            _ => None,
        });
        assert_eq!(outer, Outer { vscode: true, zellij: true, ..Outer::default() });
        let keeper = |text: &str| Chord::parse(text).and_then(|chord| outer.keeper(chord));
        assert_eq!(keeper("F5"), Some("VS Code"));
        assert_eq!(keeper("Ctrl-Q"), Some("Zellij"));
        assert_eq!(keeper("F2"), None);
        assert_eq!(keeper("q"), None);
        assert_eq!(outer.words().len(), 2);
        let kitty = |tmux: &'static str| {
            Outer::from_env(|name| match name {
                "TERM" => Some("xterm-kitty".to_owned()),
                "TMUX" => Some(tmux.to_owned()),
                _ => None,
            })
        };
        assert!(kitty("").tells_keys && !kitty("/tmp/tmux,1,0").tells_keys);
    }
}
