//! The runs that were.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;
use crate::tui::model::Pane;

use Pane::History;
use Place::In;

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Rerun,
        "history.rerun",
        In(History),
        &["enter"],
        "re-run",
        "History: run again",
        "runs the chosen run's code again, in its session if that is still there",
    ),
    row(
        Cmd::CompareRuns,
        "history.diff",
        In(History),
        &["d"],
        "diff",
        "History: compare two runs",
        "marks a run; on another one it compares the two: cost, output, code",
    ),
    row(
        Cmd::OpenRun,
        "history.open",
        In(History),
        &["o"],
        "open",
        "History: open the code",
        "opens the chosen run's code in the editor, as scratch",
    ),
    row(
        Cmd::AllRuns,
        "history.all",
        In(History),
        &["a"],
        "all",
        "History: all sessions",
        "shows the runs of all sessions, or of the chosen one alone",
    ),
    row(
        Cmd::ForgetRuns,
        "history.forget",
        Place::Workbench,
        &[],
        "",
        "History: forget all runs",
        "those of earlier starts too, here and on the disk",
    ),
    row(Cmd::Up, "move.up", In(History), &["up", "k"], "", "Up", "chooses the run above"),
    row(Cmd::Down, "move.down", In(History), &["down", "j"], "", "Down", "chooses the run below"),
    row(Cmd::Top, "move.top", In(History), &["home", "g"], "", "Top", "chooses the newest run"),
    row(Cmd::Bottom, "move.bottom", In(History), &["end", "G"], "", "Bottom", "chooses the oldest run"),
    row(Cmd::PageUp, "move.page-up", In(History), &["pageup"], "", "Page up", "goes up a page"),
    row(Cmd::PageDown, "move.page-down", In(History), &["pagedown"], "", "Page down", "goes down a page"),
];
