//! Other words for commands, by which the palette finds them too.

/// Words by command id; a command may have none.
const WORDS: &[(&str, &str)] = &[
    ("run.start", "execute start go play"),
    ("run.terminal", "pty tty curses screen interactive"),
    ("run.stop", "kill interrupt cancel abort end sigint"),
    ("race.show", "last result compare winner"),
    ("bench.open", "benchmark measure statistics time performance speed histogram percentile"),
    ("bench.choose", "benchmark add runtime samples form"),
    ("bench.compare", "baseline regression diff published seed"),
    ("bench.export", "benchmark json csv markdown html save report"),
    ("bench.keep", "benchmark save baseline store"),
    ("app.quit", "exit close leave end bye"),
    ("app.suspend", "background shell job"),
    ("session.new", "create add environment container sandbox"),
    ("session.close", "remove delete kill end"),
    ("runtime.setup", "install fetch download doctor bun deno docker first run"),
    ("file.save", "write store"),
    ("help.here", "keys shortcuts bindings manual"),
    ("edit.language", "syntax typescript python javascript go csharp"),
    ("edit.undo", "revert back"),
    ("edit.redo", "again forward"),
    ("output.clear", "empty erase forget"),
    ("output.follow", "tail newest end"),
    ("output.eof", "stdin close ctrl-d"),
    ("output.input", "stdin type read"),
    ("view.wrap", "long lines break"),
    ("view.mouse", "selection copy capture terminal"),
    ("pane.zoom", "maximise full large presenter"),
    ("pane.even", "reset equal layout balance"),
    ("pane.wider", "resize grow width"),
    ("pane.narrower", "resize shrink width"),
    ("pane.taller", "resize grow height"),
    ("pane.lower", "resize shrink height"),
    ("connection.open", "server attach remote url token"),
    ("connection.local", "offline detach disconnect here"),
    ("rpc.open", "json wire protocol debug traffic"),
    ("keymap.vim", "modal keys preset vi neovim"),
    ("keymap.emacs", "keys preset"),
    ("keymap.standard", "keys preset default"),
    ("keymap.doctor", "keys test arrive terminal tmux zellij"),
];

/// The other words for a command.
pub(crate) fn of(id: &str) -> &'static str {
    WORDS.iter().find(|(known, _)| *known == id).map_or("", |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synonyms_are_of_commands_that_there_are() {
        for (id, _) in WORDS {
            assert!(super::super::specs().any(|spec| spec.id == *id), "{id}");
        }
    }
}
