//! Plain text for a terminal of 100 columns.

use super::facts::{self, MARK};
use super::numbers;
use super::text::{cut, plain, width, wrap};
use crate::bench::digest::{Baseline, Digest, Row};
use crate::bench::published::{self, Published};
use crate::bench::report::Report;
use crate::bench::stats::{LEAST_FOR_INTERVAL, LEAST_FOR_P95, LEAST_FOR_P99};
use crate::bench::suite::Suite;

/// The widest line, in cells.
pub(super) const WIDEST: usize = 100;
/// The longest name of a figure, in cells.
const LONGEST_CASE: usize = 14;

pub(super) fn render(report: &Report, digest: &Digest, base: Option<&Baseline>) -> String {
    let mut out = Out::default();
    let title = format!("{}, {}", plain(&facts::title(report)), plain(&facts::started(report)));
    let host = [&report.host.name, &report.host.processor].map(|text| plain(text));
    out.line(&title);
    out.wrapped("", &host.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", "));
    if report.engine.place != "local" {
        out.wrapped("", &format!("over {}", plain(&report.engine.place)));
    }
    let rows: Vec<&Row> = digest.rows.iter().collect();
    let mut marked = false;
    for (suite, of) in facts::groups(digest) {
        out.heading(&format!("{suite}: {}", suite.title()));
        marked |= results(&mut out, suite, &of, &rows);
    }
    if marked {
        out.blank();
        out.line(&format!("{MARK} {}", facts::MARK_WORDS));
    }
    changes(&mut out, digest);
    if matches!(base, Some(Baseline::Seed)) {
        let (tests, others) = facts::published(digest);
        beside(&mut out, "the original's four tests, beside its published figures", &tests);
        beside(&mut out, "its other figures", &others);
    }
    phases(&mut out, report, digest);
    footer(&mut out, report, digest);
    out.0
}

/// The figures of one suite; whether any was marked.
fn results(out: &mut Out, suite: Suite, rows: &[&Row], all: &[&Row]) -> bool {
    let several = rows.iter().any(|row| row.case != rows[0].case);
    let mut table = Table::default();
    let mut head = vec![Cell::left(""), Cell::left("runtime")];
    if several {
        head.push(Cell::left("figure"));
    }
    head.extend(facts::FIGURES.map(Cell::right));
    table.0.push(head);
    let mut marked = false;
    let cases = facts::cases(rows);
    for row in cases.iter().flat_map(|(_, rows)| rows) {
        let apart = facts::stands_apart(row, all);
        marked |= apart;
        let mut cells = vec![Cell::left(if apart { MARK } else { "" }), Cell::left(facts::lane(row))];
        if several {
            cells.push(Cell::left(cut(&plain(&row.case), LONGEST_CASE)));
        }
        cells.extend(facts::figures(row).map(Cell::right));
        table.0.push(cells);
    }
    // Memory is a figure of its own there, and a column of dashes says nothing anywhere.
    let memory = table.columns().saturating_sub(1);
    if suite == Suite::Memory || rows.iter().all(|row| row.peak_memory_bytes.is_none()) {
        table.without(memory);
    }
    table.print(out);
    marked
}

fn changes(out: &mut Out, digest: &Digest) {
    let changed: Vec<(&Row, [String; 5])> =
        facts::in_order(digest).into_iter().filter_map(|row| Some((row, facts::change(row)?))).collect();
    if changed.is_empty() {
        return;
    }
    out.heading("what changed against the base");
    let mut table = Table::default();
    let [base, now, change, interval, verdict] = facts::CHANGE;
    let head = [Cell::left("suite"), Cell::left("figure"), Cell::left("runtime")];
    let figures = [base, now, change, interval].map(Cell::right);
    table.0.push(head.into_iter().chain(figures).chain([Cell::left(verdict)]).collect());
    for (row, [base, now, change, interval, verdict]) in changed {
        let figures = [base, now, change, interval].map(Cell::right);
        table.0.push(place(row).into_iter().chain(figures).chain([Cell::left(verdict)]).collect());
    }
    table.print(out);
}

fn place(row: &Row) -> [Cell; 3] {
    let case = cut(&plain(&row.case), LONGEST_CASE);
    [Cell::left(row.suite.name()), Cell::left(case), Cell::left(facts::lane(row))]
}

fn beside(out: &mut Out, heading: &str, rows: &[(&Row, &'static Published)]) {
    if rows.is_empty() {
        return;
    }
    out.heading(heading);
    let mut table = Table::default();
    let head = ["suite", "figure", "runtime"].map(Cell::left);
    let figures = ["p50", "mean", published::NAME, "its range", "ratio"].map(Cell::right);
    table.0.push(head.into_iter().chain(figures).chain([Cell::left("")]).collect());
    for (row, figure) in rows {
        let [p50, mean, theirs, range, ratio, how] = facts::beside(row, figure);
        let how = if figure.measured { String::new() } else { how };
        let figures = [p50, mean, theirs, range, ratio].map(Cell::right);
        table.0.push(place(row).into_iter().chain(figures).chain([Cell::left(how)]).collect());
    }
    table.print(out);
}

fn phases(out: &mut Out, report: &Report, digest: &Digest) {
    let phases = facts::phases(report, digest);
    if phases.is_empty() {
        return;
    }
    out.heading("where the time goes, medians");
    let mut table = Table::default();
    let head = ["suite", "figure", "runtime"].map(Cell::left);
    let parts = phases[0].1.each().map(|(name, _)| Cell::right(name));
    table.0.push(head.into_iter().chain(parts).collect());
    for (row, phases) in phases {
        let parts = phases.each().map(|(_, ms)| Cell::right(numbers::phase(ms)));
        table.0.push(place(row).into_iter().chain(parts).collect());
    }
    table.print(out);
}

fn footer(out: &mut Out, report: &Report, digest: &Digest) {
    let troubles = facts::troubles(digest);
    if !troubles.is_empty() {
        out.heading("what failed");
        for (place, why) in troubles {
            let why = why.map(|why| format!(": {}", plain(why))).unwrap_or_default();
            out.wrapped("  ", &format!("{}{why}", plain(&place)));
        }
    }
    out.blank();
    if digest.rows.iter().filter_map(|row| row.summary.as_ref()).any(|summary| summary.p99.is_none()) {
        out.wrapped(
            "",
            &format!(
                "- is withheld: too few samples say nothing (intervals from {LEAST_FOR_INTERVAL}, p95 from \
                 {LEAST_FOR_P95}, p99 from {LEAST_FOR_P99}); outl: outliers, which are kept"
            ),
        );
    }
    if let Some(base) = &digest.base {
        out.wrapped("", &format!("base: {}", plain(base)));
    }
    if let Some(noise) = &digest.noise {
        out.wrapped("", &format!("! {}", plain(noise)));
    }
    if !report.complete {
        out.wrapped("", "! incomplete: it was stopped before all of it was measured");
    }
    let (words, seed) = (plain(&report.method.words), format!("seed {}", report.method.seed));
    let seed = if words.contains(&seed) { String::new() } else { format!("{seed}, ") };
    out.wrapped("", &format!("{} runs kept, {seed}method: {words}", report.runs()));
}

/// What was written so far.
#[derive(Default)]
struct Out(String);

impl Out {
    fn line(&mut self, text: &str) {
        self.0.push_str(cut(text, WIDEST).trim_end());
        self.0.push('\n');
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.blank();
        self.line(text);
    }

    /// Lines that follow the first are indented.
    fn wrapped(&mut self, indent: &str, text: &str) {
        for (i, line) in wrap(text, WIDEST - indent.len() - 2).into_iter().enumerate() {
            self.line(&format!("{indent}{}{line}", if i == 0 { "" } else { "  " }));
        }
    }
}

struct Cell {
    text: String,
    right: bool,
}

impl Cell {
    fn left(text: impl Into<String>) -> Self {
        Self { text: text.into(), right: false }
    }

    fn right(text: impl Into<String>) -> Self {
        Self { text: text.into(), right: true }
    }
}

/// Rows of as many cells each.
#[derive(Default)]
struct Table(Vec<Vec<Cell>>);

impl Table {
    fn columns(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    fn without(&mut self, column: usize) {
        self.0.iter_mut().filter(|row| column < row.len()).for_each(|row| drop(row.remove(column)));
    }

    fn print(self, out: &mut Out) {
        let widest = |column: usize| {
            self.0.iter().filter_map(|row| row.get(column)).map(|cell| width(&cell.text)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns()).map(widest).collect();
        let taken = |gap: usize| widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1);
        let gap = if taken(2) <= WIDEST { 2 } else { 1 };
        for row in &self.0 {
            let mut line = String::new();
            for (cell, width_of) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
                let space = " ".repeat(width_of - width(&cell.text));
                let gap = if line.is_empty() { "" } else { &"  "[..gap] };
                match cell.right {
                    true => line.extend([gap, &space, &cell.text]),
                    false => line.extend([gap, &cell.text, &space]),
                }
            }
            out.line(&line);
        }
    }
}
