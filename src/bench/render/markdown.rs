//! GitHub's dialect of Markdown: a table for each suite, with the texts of the screen.

use super::facts::{self, MARK};
use super::numbers;
use super::text::plain;
use crate::bench::digest::{Baseline, Digest, Row};
use crate::bench::published::Published;
use crate::bench::report::Report;

pub(super) fn render(report: &Report, digest: &Digest, base: Option<&Baseline>) -> String {
    let mut out = format!("# {}, {}\n\n", escaped(&facts::title(report)), escaped(&facts::started(report)));
    for (name, text) in facts::facts(report, digest) {
        let text = if name == "repeat" { code(&text) } else { escaped(&text) };
        out.push_str(&format!("- {name}: {text}\n"));
    }
    let rows: Vec<&Row> = digest.rows.iter().collect();
    let mut marked = false;
    for (suite, of) in facts::groups(digest) {
        out.push_str(&format!("\n## {suite}: {}\n\n", escaped(suite.title())));
        marked |= results(&mut out, &of, &rows);
    }
    if marked {
        out.push_str(&format!("\n{MARK} {}\n", facts::MARK_WORDS));
    }
    changes(&mut out, digest);
    if matches!(base, Some(Baseline::Seed)) {
        let (tests, others) = facts::published(digest);
        beside(&mut out, "The original's four tests", &tests);
        beside(&mut out, "Its other figures", &others);
    }
    phases(&mut out, report, digest);
    troubles(&mut out, digest);
    environments(&mut out, report);
    out.push_str("\n## Method\n");
    for sentence in facts::method(report, base) {
        out.push_str(&format!("\n{}\n", escaped(&sentence)));
    }
    out
}

fn results(out: &mut String, rows: &[&Row], all: &[&Row]) -> bool {
    let mut marked = false;
    head(out, &["runtime", "figure"], &facts::FIGURES, &[]);
    for row in facts::cases(rows).iter().flat_map(|(_, rows)| rows) {
        let apart = facts::stands_apart(row, all);
        marked |= apart;
        let lane = if apart { format!("{} {MARK}", facts::lane(row)) } else { facts::lane(row) };
        line(out, [lane, row.case.clone()].into_iter().chain(facts::figures(row)));
    }
    marked
}

fn changes(out: &mut String, digest: &Digest) {
    let changed: Vec<(&Row, [String; 5])> =
        facts::in_order(digest).into_iter().filter_map(|row| Some((row, facts::change(row)?))).collect();
    if changed.is_empty() {
        return;
    }
    out.push_str("\n## What changed against the base\n\n");
    let [figures @ .., verdict] = facts::CHANGE;
    head(out, &PLACE, &figures, &[verdict]);
    for (row, figures) in changed {
        line(out, place(row).into_iter().chain(figures));
    }
}

const PLACE: [&str; 3] = ["suite", "figure", "runtime"];

fn place(row: &Row) -> [String; 3] {
    [row.suite.to_string(), row.case.clone(), facts::lane(row)]
}

fn beside(out: &mut String, heading: &str, rows: &[(&Row, &'static Published)]) {
    if rows.is_empty() {
        return;
    }
    out.push_str(&format!("\n## {heading}\n\n"));
    head(out, &PLACE, &["p50", "mean", "published mean", "its range", "ratio"], &["theirs"]);
    for (row, figure) in rows {
        line(out, place(row).into_iter().chain(facts::beside(row, figure)));
    }
}

fn phases(out: &mut String, report: &Report, digest: &Digest) {
    let phases = facts::phases(report, digest);
    let Some((_, first)) = phases.first() else { return };
    out.push_str("\n## Where the time goes (medians)\n\n");
    head(out, &PLACE, &first.each().map(|(name, _)| name), &[]);
    for (row, phases) in phases {
        line(out, place(row).into_iter().chain(phases.each().map(|(_, ms)| numbers::phase(ms))));
    }
}

fn troubles(out: &mut String, digest: &Digest) {
    let troubles = facts::troubles(digest);
    if troubles.is_empty() {
        return;
    }
    out.push_str("\n## What failed\n\n");
    for (place, why) in troubles {
        // In code nothing is a link, and nobody is called.
        let why = why.map(|why| format!(": {}", code(why))).unwrap_or_default();
        out.push_str(&format!("- {}{why}\n", escaped(&place)));
    }
}

fn environments(out: &mut String, report: &Report) {
    let all = facts::environments(report);
    if all.is_empty() {
        return;
    }
    out.push_str("\n## Environments\n\n");
    head(out, &["runtime", "version", "isolation", "limits"], &[], &[]);
    for environment in all {
        line(out, environment);
    }
}

/// A table's head: words, then figures to the right, then words again.
fn head(out: &mut String, words: &[&str], figures: &[&str], last: &[&str]) {
    line(out, words.iter().chain(figures).chain(last).map(|text| (*text).to_owned()));
    let marks =
        words.iter().map(|_| "---").chain(figures.iter().map(|_| "---:")).chain(last.iter().map(|_| "---"));
    out.push_str(&format!("| {} |\n", marks.collect::<Vec<_>>().join(" | ")));
}

fn line(out: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().map(|cell| escaped(&cell)).collect();
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

/// Words in which nothing is markup, also within a table's cell.
fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied().unwrap_or(' ');
        let within = before.is_alphanumeric() && after.is_alphanumeric();
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A backslash before a bar would end a cell.
            '\\' => out.push_str("&#92;"),
            '|' => out.push_str("&#124;"),
            '_' if within => out.push('_'),
            '*' | '_' | '`' | '[' | ']' | '~' | '#' | '!' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Words as code, outside of tables: the fence is longer than any run of backticks within.
fn code(text: &str) -> String {
    let text = plain(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}
