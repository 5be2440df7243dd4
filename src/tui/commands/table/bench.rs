//! Benchmarks.

use super::{Place, Spec, row};
use crate::tui::commands::{BenchCmd, Cmd};

use Place::{Bench, Workbench};

const fn of(
    cmd: BenchCmd,
    id: &'static str,
    keys: &'static [&'static str],
    brief: &'static str,
    title: &'static str,
    help: &'static str,
) -> Spec {
    row(Cmd::Bench(cmd), id, Bench, keys, brief, title, help)
}

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Bench(BenchCmd::Open),
        "bench.open",
        Workbench,
        &["b"],
        "",
        "Bench: measure the code",
        "measures the code on every runtime that runs its language, or shows what was measured last",
    ),
    of(
        BenchCmd::Sort,
        "bench.sort",
        &["s"],
        "sort",
        "Bench: sort",
        "puts the rows in the order of another column",
    ),
    of(
        BenchCmd::Compare,
        "bench.compare",
        &["c"],
        "compare",
        "Bench: compare with",
        "compares with a benchmark that was kept, or with the published figures",
    ),
    of(
        BenchCmd::Export,
        "bench.export",
        &["e"],
        "export",
        "Bench: export",
        "writes it to a file, in the format that the name ends with",
    ),
    of(
        BenchCmd::Rerun,
        "bench.rerun",
        &["r", "f5"],
        "rerun",
        "Bench: measure again",
        "measures the same once more, in the same order",
    ),
    of(
        BenchCmd::Pause,
        "bench.pause",
        &["p"],
        "pause",
        "Bench: pause",
        "takes no sample for now, or goes on",
    ),
    of(
        BenchCmd::Keep,
        "bench.keep",
        &["k"],
        "keep",
        "Bench: keep",
        "keeps it by a name, to compare with later",
    ),
    of(
        BenchCmd::Choose,
        "bench.choose",
        &["+", "a"],
        "suites",
        "Bench: suites and runtimes",
        "chooses what is measured, where, and how many samples are taken",
    ),
    of(
        BenchCmd::Panel,
        "bench.panel",
        &["v"],
        "view",
        "Bench: another chart",
        "shows the runs, the cold starts or where the time goes, where there is room for one of them",
    ),
    of(
        BenchCmd::Log,
        "bench.log",
        &["h"],
        "log",
        "Bench: histogram's scale",
        "makes each bin twice as wide as the one before, or all of them equal",
    ),
    of(
        BenchCmd::NextFigure,
        "bench.next",
        &["]", "tab"],
        "next figure",
        "Bench: next figure",
        "goes to the next figure that was measured",
    ),
    of(
        BenchCmd::PreviousFigure,
        "bench.previous",
        &["[", "shift-tab"],
        "",
        "Bench: previous figure",
        "goes to the figure before",
    ),
    row(
        Cmd::Stop,
        "run.stop",
        Bench,
        &["ctrl-c", "x"],
        "stop",
        "Run: stop",
        "stops measuring; what was measured is kept",
    ),
    row(Cmd::Left, "move.left", Bench, &["left"], "", "Left", "chooses the runtime before"),
    row(Cmd::Right, "move.right", Bench, &["right"], "", "Right", "chooses the runtime after"),
    row(Cmd::Up, "move.up", Bench, &["up"], "", "Up", "chooses the runtime before"),
    row(Cmd::Down, "move.down", Bench, &["down"], "", "Down", "chooses the runtime after"),
    row(Cmd::Top, "move.top", Bench, &["home", "g"], "", "Top", "chooses the first runtime"),
    row(Cmd::Bottom, "move.bottom", Bench, &["end", "G"], "", "Bottom", "chooses the last runtime"),
];
