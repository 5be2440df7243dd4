//! The clipboard: which way to it is right where the workbench runs, and the way through the terminal (OSC 52).
//!
//! Over SSH a program on this machine would fill the wrong machine's clipboard, so the terminal is asked. It never
//! answers, so that nothing here says "copied" but of a program that ended well.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use tokio::io::AsyncWriteExt as _;

/// The most bytes that terminals take at once: 100,000 of base64, as most of them do.
pub(super) const TERMINAL_LIMIT: usize = 74_994;
/// How long a program may take to put a text into the clipboard.
const PATIENCE: Duration = Duration::from_secs(3);
/// GNU screen passes on no more at once.
const SCREEN_PIECE: usize = 200;

/// The way to the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clipboard {
    /// Through the terminal.
    Terminal,
    /// Through a program, with its arguments, that reads the text.
    Program(&'static str, &'static [&'static str]),
}

/// What stands between here and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapper {
    /// Nothing.
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

impl Clipboard {
    /// What the environment says.
    pub(super) fn from_env() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there = |name: &str| std::env::split_paths(&path).any(|dir| is_program(&dir.join(name)));
        Self::from_vars(|name| std::env::var(name).ok(), is_there)
    }

    /// The same from any source of variables and programs.
    fn from_vars(var: impl Fn(&str) -> Option<String>, is_there: impl Fn(&str) -> bool) -> Self {
        let set = |name: &str| is_set(&var, name);
        if ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"].into_iter().any(set) {
            return Self::Terminal;
        }
        let programs: [(bool, &str, &[&str]); 4] = [
            (set("WAYLAND_DISPLAY"), "wl-copy", &["--type", "text/plain"]),
            (set("DISPLAY"), "xclip", &["-selection", "clipboard", "-in"]),
            (set("DISPLAY"), "xsel", &["--clipboard", "--input"]),
            (cfg!(target_os = "macos"), "pbcopy", &[]),
        ];
        let found = programs.into_iter().find(|(fits, name, _)| *fits && is_there(name));
        found.map_or(Self::Terminal, |(_, name, args)| Self::Program(name, args))
    }
}

impl Wrapper {
    /// What the environment says. A program that fails leads to the terminal too, so that it is no matter of the way.
    pub(super) fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        match () {
            () if is_set(&var, "TMUX") => Self::Tmux,
            () if is_set(&var, "STY") => Self::Screen,
            () => Self::None,
        }
    }
}

fn is_set(var: &impl Fn(&str) -> Option<String>, name: &str) -> bool {
    var(name).is_some_and(|value| !value.is_empty())
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The bytes that ask a terminal to put a text into its clipboard.
pub(super) fn sequence(text: &str, wrapper: Wrapper) -> String {
    let data = base64::engine::general_purpose::STANDARD.encode(text);
    let plain = format!("\x1b]52;c;{data}\x07");
    match wrapper {
        Wrapper::None => plain,
        // Which of the two tmux passes on is a matter of its settings; it swallows the other.
        Wrapper::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")),
        Wrapper::Screen => {
            let pieces = plain.as_bytes().chunks(SCREEN_PIECE).map(String::from_utf8_lossy);
            pieces.map(|piece| format!("\x1bP{piece}\x1b\\")).collect()
        }
    }
}

/// Has a program put a text into the clipboard. Error: why it didn't.
pub(super) async fn copy_by(program: &str, args: &[&str], text: String) -> Result<(), String> {
    let copy = async {
        // What stays behind to serve the clipboard must not hold our pipes open.
        let mut child = tokio::process::Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes()).await?;
            input.shutdown().await?;
        }
        child.wait().await
    };
    match tokio::time::timeout(PATIENCE, copy).await {
        Err(_) => Err(format!("{program} took longer than {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => Err(format!("{program}: {}", crate::engine::system_words(&error))),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{program} ended with {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[&str], programs: &[&str]) -> Clipboard {
        Clipboard::from_vars(
            |name| vars.contains(&name).then(|| "1".to_owned()),
            |name| programs.contains(&name),
        )
    }

    #[test]
    fn a_program_is_used_only_where_the_clipboard_is_this_machines() {
        let all = ["wl-copy", "xclip", "xsel"];
        let name = |clipboard| match clipboard {
            Clipboard::Program(name, _) => name,
            Clipboard::Terminal => "the terminal",
        };
        assert_eq!(name(of(&["WAYLAND_DISPLAY", "DISPLAY"], &all)), "wl-copy");
        assert_eq!(name(of(&["WAYLAND_DISPLAY", "DISPLAY"], &["xsel"])), "xsel");
        assert_eq!(name(of(&["DISPLAY"], &all)), "xclip");
        assert_eq!(name(of(&[], &all)), "the terminal");
        assert_eq!(name(of(&["DISPLAY"], &[])), "the terminal");
        for ssh in ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"] {
            assert_eq!(of(&["WAYLAND_DISPLAY", "DISPLAY", ssh], &all), Clipboard::Terminal);
        }
        let between = |vars: &[&str]| Wrapper::from_vars(|name| vars.contains(&name).then(|| "1".to_owned()));
        assert_eq!(between(&["STY", "DISPLAY"]), Wrapper::Screen);
        assert_eq!(between(&["TMUX", "STY"]), Wrapper::Tmux);
        assert_eq!(between(&["DISPLAY"]), Wrapper::None);
    }

    #[test]
    fn what_stands_between_passes_it_on() {
        assert_eq!(sequence("hi", Wrapper::None), "\x1b]52;c;aGk=\x07");
        assert_eq!(sequence("hi", Wrapper::Tmux), "\x1b]52;c;aGk=\x07\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\");
        let screen = sequence(&"x".repeat(1000), Wrapper::Screen);
        let pieces: Vec<&str> = screen.split("\x1b\\").collect();
        assert!(pieces.len() > 5 && pieces.iter().all(|piece| piece.len() <= SCREEN_PIECE + 2), "{pieces:?}");
        let whole: String = pieces.iter().map(|piece| piece.strip_prefix("\x1bP").unwrap_or("")).collect();
        assert_eq!(whole, sequence(&"x".repeat(1000), Wrapper::None));
        assert_eq!(sequence(&"x".repeat(TERMINAL_LIMIT), Wrapper::None).len(), 100_000);
    }

    #[tokio::test]
    async fn only_a_program_that_ends_well_has_copied() {
        let text = || "text".to_owned();
        assert_eq!(copy_by("sh", &["-c", "test \"$(cat)\" = text"], text()).await, Ok(()));
        assert!(copy_by("sh", &["-c", "cat >/dev/null; exit 3"], text()).await.unwrap_err().contains('3'));
        assert!(copy_by("/nonexistent/copy", &[], text()).await.is_err());
    }
}
