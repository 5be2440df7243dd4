//! The one table of commands. Keys, palette, help and the bottom line are all read from it.

mod groups;
pub(crate) mod synonyms;
mod table;

use super::editor::Motion;
use super::files::FilesCmd;
use super::keymap::Preset;
use super::model::Pane;

pub(crate) use groups::{GROUPS, letters, listed};
pub(crate) use table::specs;

/// Something a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cmd {
    Help,
    Palette,
    Quit,
    Suspend,
    Stop,
    Run,
    RunSelection,
    RunAgain,
    RunInTerminal,
    RunOn,
    RunAll,
    BackToRace,
    OpenLane,
    TakeTurns,
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
    Edit(EditCmd),
    File(FileCmd),
    TypeInput,
    EndInput,
    Follow,
    Wrap,
    PageUp,
    PageDown,
    Top,
    Bottom,
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
    ShowFix,
    CopyFix,
    Report,
    Log,
    Samples,
    Sample(usize),
    Tour,
    TourSkip,
    Fold,
    FoldOrType,
    PreviousBlock,
    NextBlock,
    Find,
    FilterOutput,
    FilterContext,
    FindNext,
    FindPrevious,
    Select,
    CopyLine,
    CopyRun,
    CopyMarkdown,
    CopyColours,
    SaveOutput,
    GoToSource,
    ChooseTheme,
    Zoom,
    Wider,
    Narrower,
    Taller,
    Lower,
    Even,
    ToggleMouse,
    Menu,
    KeyDoctor,
    Preset(Preset),
    Rerun,
    CompareRuns,
    OpenRun,
    AllRuns,
    ForgetRuns,
    RenameSession,
    CloseIdle,
    /// Of benchmarks.
    Bench(BenchCmd),
    /// Of the files pane.
    Files(FilesCmd),
    Motion(Motion),
    Vi(Vi),
}

/// What vim's normal mode has besides motions and the editor's own commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vi {
    InsertFirst,
    Append,
    AppendEnd,
    Delete,
    DeleteWord,
    ChangeWord,
    ChangeEnd,
    ChangeLine,
    Put,
    Select,
    SelectLines,
    Copy,
    Cut,
    Change,
    Cancel,
}

/// What can be asked of benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BenchCmd {
    Open,
    Choose,
    Sort,
    Compare,
    Export,
    Keep,
    Rerun,
    Pause,
    Log,
    Panel,
    NextFigure,
    PreviousFigure,
}

/// What can be asked of the editor's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EditCmd {
    Search,
    SearchNext,
    SearchPrevious,
    Replace,
    Copy,
    Cut,
    Paste,
    DeleteLine,
    DeleteToEnd,
    DuplicateLine,
    MoveUp,
    MoveDown,
    Join,
    Comment,
    Indent,
    Outdent,
    SelectWord,
    SelectLine,
    OpenBelow,
    OpenAbove,
    GoToLine,
}

/// What can be asked of the open texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileCmd {
    Open,
    New,
    Close,
    Next,
    Previous,
    Switch,
    EditOutside,
}

impl Cmd {
    /// How many rows a motion goes down, where a page has so many; 0 of what is none.
    pub(crate) fn rows(self, page: i64) -> i64 {
        match self {
            Self::Up => -1,
            Self::Down => 1,
            Self::PageUp => -page,
            Self::PageDown => page,
            Self::Top => i64::MIN,
            Self::Bottom => i64::MAX,
            _ => 0,
        }
    }
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
    /// In the editor, while a selection is made with vim's keys.
    Selecting,
    /// On the runtimes screen.
    Setup,
    /// On the screen of messages.
    Messages,
    /// On the screen of a race.
    Race,
    /// On the screen of a benchmark.
    Bench,
    /// On any screen, while the link to the engine is lost.
    LinkLost,
    /// On any screen, during the tour.
    Tour,
}

impl Place {
    /// Where that is, in words.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Everywhere => "everywhere".to_owned(),
            Self::Workbench => "every pane".to_owned(),
            Self::In(pane) => pane.title().split_once(' ').map_or("", |(_, name)| name).to_lowercase(),
            Self::Selecting => "selecting".to_owned(),
            Self::Setup => "runtimes".to_owned(),
            Self::Messages => "messages".to_owned(),
            Self::Race => "race".to_owned(),
            Self::Bench => "bench".to_owned(),
            Self::LinkLost => "link lost".to_owned(),
            Self::Tour => "tour".to_owned(),
        }
    }
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

/// Commands as the palette and the settings know them: each id once.
pub(crate) fn distinct() -> impl Iterator<Item = &'static Spec> {
    specs()
        .enumerate()
        .filter(|(at, spec)| specs().position(|s| s.id == spec.id) == Some(*at))
        .map(|(_, s)| s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_is_one_command() {
        for spec in specs() {
            for other in specs().filter(|other| other.id == spec.id) {
                assert_eq!(spec.cmd, other.cmd, "{}", spec.id);
            }
            assert!(!spec.title.is_empty() && !spec.help.is_empty(), "{}", spec.id);
        }
    }
}
