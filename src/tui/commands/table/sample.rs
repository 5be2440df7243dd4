//! Samples and the tour: where to begin.

use super::{Place, Spec, row};
use crate::tui::commands::Cmd;

use Place::{Everywhere, Setup, Tour, Workbench};

/// A sample by its number; it has no key, so it is the palette's alone.
const fn sample(number: usize, id: &'static str, title: &'static str, help: &'static str) -> Spec {
    row(Cmd::Sample(number), id, Workbench, &[], "", title, help)
}

pub(super) const ROWS: &[Spec] = &[
    row(
        Cmd::Samples,
        "sample.open",
        Workbench,
        &["S"],
        "",
        "Samples: programs to begin with",
        "shows short programs in every language, and opens one in the editor",
    ),
    sample(0, "sample.hello", "Sample: hello", "opens a first program"),
    sample(1, "sample.input", "Sample: reads input", "opens a program that greets whoever types a name"),
    sample(2, "sample.files", "Sample: files", "opens a program that writes files and reads them"),
    sample(3, "sample.words", "Sample: word count", "opens a program that counts words"),
    sample(4, "sample.fibonacci", "Sample: fibonacci", "opens a program that computes"),
    sample(5, "sample.async", "Sample: async", "opens a program that waits for three things at once"),
    sample(6, "sample.http", "Sample: http", "opens a server and a request to it, over the loopback"),
    sample(7, "sample.fails", "Sample: fails", "opens a program that ends with an error"),
    sample(8, "sample.endless", "Sample: endless", "opens a program that must be stopped"),
    row(
        Cmd::Tour,
        "tour.start",
        Workbench,
        // The same letter as on the screen of runtimes; `T` is the themes', everywhere.
        &["t"],
        "",
        "Tour: three minutes",
        "shows the workbench step by step, with programs that really run",
    ),
    row(
        Cmd::Tour,
        "tour.start",
        Setup,
        &["t"],
        "tour",
        "Tour: three minutes",
        "shows the workbench step by step, with programs that really run",
    ),
    row(Cmd::TourSkip, "tour.skip", Tour, &["f9"], "", "Tour: next step", "goes to the tour's next step"),
    // After the connection's own row: that is the palette's.
    row(
        Cmd::Connect,
        "connection.open",
        Setup,
        &["c"],
        "connect",
        "Connection: to a server",
        "works with the engine of a server, or goes back to the one in this process",
    ),
    row(
        Cmd::Log,
        "log.open",
        Everywhere,
        &["M"],
        "",
        "Log: all that was told",
        "shows every notice since the start, with what to do about it",
    ),
];
