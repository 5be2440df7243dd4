//! The one table of commands. Keys, palette, help and the bottom line are all read from it.

use super::model::Pane;

/// Something a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cmd {
    Help,
    Palette,
    Quit,
    Suspend,
    Stop,
    Run,
    Save,
    FocusNext,
    FocusPrevious,
    Focus(Pane),
    Leave,
    NewSession,
    CloseSession,
    Up,
    Down,
    Setup,
    TypeHere,
    Undo,
    Redo,
    SelectAll,
    NextLanguage,
    TypeInput,
    EndInput,
    Follow,
    Wrap,
    PageUp,
    PageDown,
    Top,
    Left,
    Right,
    ClearOutput,
    Fetch,
    Recheck,
    Connect,
    WorkLocally,
    Retry,
    Messages,
    ReadMessage,
    FilterMessages,
    PauseMessages,
    CopyMessage,
}

/// Where a command can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On every screen.
    Everywhere,
    /// In any pane of the workbench.
    Workbench,
    /// In one pane.
    In(Pane),
    /// On the runtimes screen.
    Setup,
    /// On the screen of messages.
    Messages,
    /// On any screen, while the link to the engine is lost.
    LinkLost,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) cmd: Cmd,
    /// The name in key settings.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) help: &'static str,
    /// Default keys. Keys that type something work only when nothing is being typed.
    pub(crate) keys: &'static [&'static str],
    pub(crate) place: Place,
    /// The word in the bottom line; empty keeps it out of there.
    pub(crate) brief: &'static str,
}

const fn row(
    cmd: Cmd,
    id: &'static str,
    place: Place,
    keys: &'static [&'static str],
    brief: &'static str,
    title: &'static str,
    help: &'static str,
) -> Spec {
    Spec { cmd, id, title, help, keys, place, brief }
}

use Pane::{Editor, Output, Sessions, Stats};
use Place::{Everywhere, In, LinkLost, Messages, Setup, Workbench};

/// Every command; the bottom line shows them in this order.
pub(crate) const TABLE: &[Spec] = &[
    row(Cmd::Leave, "app.back", Everywhere, &["esc"], "", "Back", "closes what is open, or leaves typing"),
    row(
        Cmd::TypeHere,
        "edit.type",
        In(Editor),
        &["enter", "i"],
        "type",
        "Editor: type",
        "types into the editor",
    ),
    row(
        Cmd::TypeInput,
        "output.input",
        In(Output),
        &["enter", "i"],
        "input",
        "Output: type input",
        "types a line for the running program to read",
    ),
    row(
        Cmd::EndInput,
        "output.eof",
        In(Output),
        &["ctrl-d"],
        "",
        "Output: end the input",
        "tells the running program that no more input comes",
    ),
    row(
        Cmd::NewSession,
        "session.new",
        In(Sessions),
        &["n"],
        "new",
        "Session: new",
        "creates a session on a runtime you choose, or by preference",
    ),
    row(
        Cmd::NewSession,
        "session.new",
        Workbench,
        &["s n"],
        "",
        "Session: new",
        "creates a session on a runtime you choose, or by preference",
    ),
    row(
        Cmd::CloseSession,
        "session.close",
        In(Sessions),
        &["x", "delete"],
        "close",
        "Session: close",
        "closes the chosen session and removes all it had",
    ),
    row(
        Cmd::Run,
        "run.start",
        Workbench,
        &["f5", "r"],
        "run",
        "Run: the editor's code",
        "runs the code, in a session that fits its language",
    ),
    row(
        Cmd::Stop,
        "run.stop",
        Everywhere,
        &["ctrl-c"],
        "stop",
        "Run: stop",
        "interrupts the running program; again within 2 s kills it",
    ),
    row(
        Cmd::Follow,
        "output.follow",
        In(Output),
        &["f", "end"],
        "follow",
        "Output: follow",
        "shows the newest output and stays there",
    ),
    row(
        Cmd::Wrap,
        "view.wrap",
        In(Output),
        &["W"],
        "wrap",
        "Output: wrap long lines",
        "breaks lines that are too long, or cuts them",
    ),
    row(Cmd::ClearOutput, "output.clear", In(Output), &["D"], "", "Output: clear", "forgets all output"),
    row(
        Cmd::Palette,
        "palette.open",
        Everywhere,
        &["f2", ":"],
        "palette",
        "Palette: all commands",
        "finds a command by what it is called",
    ),
    row(
        Cmd::FocusNext,
        "focus.next",
        Workbench,
        &["f6", "tab"],
        "next pane",
        "Focus: next pane",
        "goes to the next pane",
    ),
    row(
        Cmd::FocusPrevious,
        "focus.previous",
        Workbench,
        &["shift-f6", "shift-tab"],
        "",
        "Focus: previous pane",
        "goes to the pane before",
    ),
    row(
        Cmd::Focus(Sessions),
        "focus.sessions",
        Workbench,
        &["1", "s s"],
        "",
        "Focus: sessions",
        "goes to the sessions",
    ),
    row(Cmd::Focus(Editor), "focus.editor", Workbench, &["3"], "", "Focus: editor", "goes to the editor"),
    row(Cmd::Focus(Output), "focus.output", Workbench, &["4"], "", "Focus: output", "goes to the output"),
    row(Cmd::Focus(Stats), "focus.stats", Workbench, &["5"], "", "Focus: stats", "goes to the statistics"),
    row(
        Cmd::Save,
        "file.save",
        Workbench,
        &["f4", "w"],
        "",
        "File: save",
        "saves the editor's text to its file",
    ),
    row(
        Cmd::Setup,
        "runtime.setup",
        Workbench,
        &["f3", "d"],
        "",
        "Runtimes: what is here",
        "shows every runtime, what is wrong with it, and fetches what can be fetched",
    ),
    row(
        Cmd::Connect,
        "connection.open",
        Everywhere,
        &["c"],
        "",
        "Connection: to a server",
        "works with the engine of a server, or goes back to the one in this process",
    ),
    row(
        Cmd::Messages,
        "rpc.open",
        Workbench,
        &["J"],
        "",
        "Messages: what passes over the wire",
        "shows the JSON-RPC messages to the engine and from it",
    ),
    row(
        Cmd::Undo,
        "edit.undo",
        Workbench,
        &["ctrl-_", "ctrl-7", "u"],
        "",
        "Edit: undo",
        "takes the last change back",
    ),
    row(Cmd::Redo, "edit.redo", Workbench, &["U"], "", "Edit: redo", "makes the change again"),
    row(
        Cmd::SelectAll,
        "edit.select-all",
        In(Editor),
        &["a"],
        "",
        "Edit: select all",
        "selects the whole text",
    ),
    row(
        Cmd::NextLanguage,
        "edit.language",
        In(Editor),
        &["l"],
        "language",
        "Edit: next language",
        "goes through the languages the text may be in",
    ),
    row(
        Cmd::Fetch,
        "runtime.fetch",
        Setup,
        &["enter"],
        "choose",
        "Runtime: fetch or use",
        "fetches the chosen runtime if it can be fetched, or starts with it",
    ),
    row(
        Cmd::Recheck,
        "runtime.recheck",
        Setup,
        &["r"],
        "recheck",
        "Runtime: look again",
        "looks for all runtimes again",
    ),
    row(Cmd::Up, "move.up", In(Sessions), &["up", "k"], "", "Up", "chooses the session above"),
    row(Cmd::Down, "move.down", In(Sessions), &["down", "j"], "", "Down", "chooses the session below"),
    row(Cmd::Up, "move.up", In(Output), &["up", "k"], "", "Up", "scrolls up"),
    row(Cmd::Down, "move.down", In(Output), &["down", "j"], "", "Down", "scrolls down"),
    row(Cmd::Left, "move.left", In(Output), &["left", "h"], "", "Left", "scrolls left in lines that are cut"),
    row(
        Cmd::Right,
        "move.right",
        In(Output),
        &["right", "l"],
        "",
        "Right",
        "scrolls right in lines that are cut",
    ),
    row(Cmd::Top, "move.top", In(Output), &["home", "g"], "", "Top", "scrolls to the oldest output"),
    row(Cmd::PageUp, "move.page-up", In(Output), &["pageup"], "", "Page up", "scrolls a page up"),
    row(
        Cmd::PageDown,
        "move.page-down",
        In(Output),
        &["pagedown", "space"],
        "",
        "Page down",
        "scrolls a page down",
    ),
    row(Cmd::Up, "move.up", Setup, &["up", "k"], "", "Up", "chooses the runtime above"),
    row(Cmd::Down, "move.down", Setup, &["down", "j"], "", "Down", "chooses the runtime below"),
    row(
        Cmd::Retry,
        "connection.retry",
        LinkLost,
        &["R"],
        "retry now",
        "Connection: retry now",
        "tries to have the link back at once",
    ),
    row(
        Cmd::Connect,
        "connection.open",
        LinkLost,
        &["c"],
        "other server",
        "Connection: to a server",
        "works with the engine of another server",
    ),
    row(
        Cmd::WorkLocally,
        "connection.local",
        LinkLost,
        &["l"],
        "work locally",
        "Connection: work locally",
        "works with the engine in this process; what runs there goes on",
    ),
    row(
        Cmd::ReadMessage,
        "rpc.read",
        Messages,
        &["enter"],
        "read",
        "Messages: read",
        "reads the chosen message, or goes back to the list",
    ),
    row(
        Cmd::FilterMessages,
        "rpc.filter",
        Messages,
        &["/"],
        "filter",
        "Messages: filter",
        "shows the messages alone that hold a text",
    ),
    row(
        Cmd::PauseMessages,
        "rpc.pause",
        Messages,
        &["p", "space"],
        "pause",
        "Messages: pause",
        "stays at the chosen message, or goes on with the newest",
    ),
    row(
        Cmd::CopyMessage,
        "rpc.copy",
        Messages,
        &["y"],
        "copy",
        "Messages: copy",
        "copies the chosen message through the terminal (OSC 52)",
    ),
    row(
        Cmd::Follow,
        "output.follow",
        Messages,
        &["f", "end"],
        "",
        "Messages: newest",
        "goes to the newest message, or to the end of the one being read",
    ),
    row(
        Cmd::Top,
        "move.top",
        Messages,
        &["home", "g"],
        "",
        "Top",
        "goes to the oldest message, or to the beginning of the one being read",
    ),
    row(
        Cmd::Up,
        "move.up",
        Messages,
        &["up", "k"],
        "",
        "Up",
        "chooses the message before, or scrolls up in the one being read",
    ),
    row(
        Cmd::Down,
        "move.down",
        Messages,
        &["down", "j"],
        "",
        "Down",
        "chooses the message after, or scrolls down in the one being read",
    ),
    row(Cmd::PageUp, "move.page-up", Messages, &["pageup"], "", "Page up", "a page up"),
    row(Cmd::PageDown, "move.page-down", Messages, &["pagedown"], "", "Page down", "a page down"),
    row(
        Cmd::Suspend,
        "app.suspend",
        Everywhere,
        &["ctrl-z"],
        "",
        "Suspend",
        "goes back to the shell; fg returns",
    ),
    row(Cmd::Help, "help.here", Everywhere, &["f1", "?"], "help", "Help", "shows the keys that work here"),
    row(
        Cmd::Quit,
        "app.quit",
        Everywhere,
        &["ctrl-q", "q"],
        "quit",
        "Quit",
        "ends CodeBeaker and its sessions here; asks if something runs or a file is unsaved",
    ),
];

/// Commands as the palette and the settings know them: each id once.
pub(crate) fn distinct() -> impl Iterator<Item = &'static Spec> {
    TABLE
        .iter()
        .enumerate()
        .filter(|(at, spec)| TABLE.iter().position(|s| s.id == spec.id) == Some(*at))
        .map(|(_, s)| s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_is_one_command() {
        for spec in TABLE {
            for other in TABLE.iter().filter(|other| other.id == spec.id) {
                assert_eq!(spec.cmd, other.cmd, "{}", spec.id);
            }
            assert!(!spec.title.is_empty() && !spec.help.is_empty(), "{}", spec.id);
        }
    }
}
