//! What the samples say, a row a runtime: as many columns as there is room for.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::line;
use crate::bench::{Baseline, Row, Summary};
use crate::tui::bench::{self, Bench, number};
use crate::tui::model::Verdict;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::view::put;
use crate::tui::widget::verdict;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Runtime,
    Count,
    Mean,
    P50,
    P95,
    P99,
    Max,
    Deviation,
    Outliers,
    Memory,
    Change,
    Verdict,
}

/// Every column in its place, with its cells; the one that is needed most has the least last number.
const COLUMNS: [(Column, usize, u8); 12] = [
    (Column::Runtime, 8, 0),
    (Column::Count, 5, 4),
    (Column::Mean, 14, 3),
    (Column::P50, 7, 1),
    (Column::P95, 7, 5),
    (Column::P99, 7, 8),
    (Column::Max, 7, 9),
    (Column::Deviation, 7, 10),
    (Column::Outliers, 6, 11),
    (Column::Memory, 8, 6),
    (Column::Change, 8, 7),
    (Column::Verdict, 13, 2),
];
/// Cells of an interval behind its change.
const INTERVAL: usize = 10;

/// What the table of a benchmark is drawn with.
struct Table<'a> {
    bench: &'a Bench,
    columns: Vec<(Column, usize)>,
    /// The change has its interval behind it.
    intervals: bool,
    decimals: usize,
}

impl<'a> Table<'a> {
    fn of(bench: &'a Bench, rows: &[&Row], width: u16) -> Self {
        // A mark before them, a blank before the verdict.
        let room = usize::from(width).saturating_sub(3);
        let mut order: Vec<_> = COLUMNS.iter().collect();
        order.sort_by_key(|(.., rank)| *rank);
        let mut left = room;
        let mut fit = Vec::new();
        for (column, cells, _) in order {
            if *cells <= left {
                left -= cells;
                fit.push(*column);
            }
        }
        let intervals = fit.contains(&Column::Change) && left >= INTERVAL;
        left -= if intervals { INTERVAL } else { 0 };
        let mut columns = Vec::new();
        for (column, cells, _) in COLUMNS.iter().filter(|(column, ..)| fit.contains(column)) {
            let wider = usize::from(left > 0 && !matches!(column, Column::Runtime | Column::Verdict));
            left -= wider;
            let interval = if *column == Column::Change && intervals { INTERVAL } else { 0 };
            columns.push((*column, cells + wider + interval));
        }
        let medians = rows.iter().filter_map(|row| row.summary.as_ref()).map(|s| s.p50);
        let least = medians.fold(f64::INFINITY, f64::min);
        Self { bench, columns, intervals, decimals: bench::decimals(least) }
    }

    fn heading(&self) -> String {
        let against =
            if self.bench.base().is_some_and(|base| **base == Baseline::Seed) { "seed" } else { "vs base" };
        let mut words = "  ".to_owned();
        for (column, cells) in &self.columns {
            let name = match column {
                Column::Runtime => "runtime",
                Column::Count => "n",
                Column::Mean => "mean ± CI",
                Column::P50 => "p50",
                Column::P95 => "p95",
                Column::P99 => "p99",
                Column::Max => "max",
                Column::Deviation => "stdev",
                Column::Outliers => "outl",
                Column::Memory => "mem",
                Column::Change => against,
                Column::Verdict => "verdict",
            };
            words.push_str(&match column {
                Column::Runtime => format!("{name:<cells$}"),
                Column::Verdict => format!(" {name}"),
                _ => format!("{name:>cells$}"),
            });
        }
        words
    }

    fn cell(&self, column: Column, row: &Row, summary: &Summary) -> String {
        let figure = |value: f64| number(value, self.decimals);
        let withheld = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), figure);
        match column {
            Column::Runtime => bench::lane_name(row.lane).to_owned(),
            Column::Count => summary.n.to_string(),
            Column::Mean => match &summary.interval {
                Some(interval) => format!("{} ± {}", figure(summary.mean), figure(interval.half())),
                None => format!("{} ± -", figure(summary.mean)),
            },
            Column::P50 => figure(summary.p50),
            Column::P95 => withheld(summary.p95),
            Column::P99 => withheld(summary.p99),
            Column::Max => figure(summary.max),
            Column::Deviation => withheld(summary.deviation),
            Column::Outliers => summary.outliers.to_string(),
            Column::Memory => row.peak_memory_bytes.map_or_else(|| "-".to_owned(), text::bytes),
            Column::Change => self.change(row),
            Column::Verdict => String::new(),
        }
    }

    /// By how much it changed and how sure that is, or what was published beside it.
    fn change(&self, row: &Row) -> String {
        if let Some(published) = row.published {
            let mean = number(published.mean, bench::decimals(published.mean).min(self.decimals.max(1)));
            return if published.measured { mean } else { format!("~{mean}") };
        }
        let Some(change) = &row.change else { return "-".to_owned() };
        let share = bench::percent(change.change);
        match bench::interval(change).filter(|_| self.intervals) {
            Some(interval) => format!("{share} {interval:>INTERVAL$}"),
            None => share,
        }
    }
}

/// The verdict of a change: its glyph, its word, and its look.
fn judged(row: &Row, theme: &Theme) -> (String, Style) {
    let Some(change) = &row.change else {
        // What was published has no samples, so nothing is called faster or slower by it.
        return ("-".to_owned(), theme.style(Role::Muted));
    };
    let glyphs = &theme.glyphs;
    let (rose, word) = bench::judged(change, row.unit);
    let (glyph, role) = match (rose, word) {
        (Some(rose), "faster" | "less") => (if rose { glyphs.up } else { glyphs.down }, Role::Ok),
        (Some(rose), _) => (if rose { glyphs.up } else { glyphs.down }, Role::Fail),
        (None, "no change") => ("=", Role::Text),
        (None, _) => (glyphs.unknown, Role::Unknown),
    };
    (format!("{glyph} {word}"), theme.style(role))
}

/// Draws heading and rows; gives how many lines that took.
pub(super) fn draw(bench: &Bench, theme: &Theme, area: Rect, frame: &mut Frame<'_>) -> u16 {
    let rows = bench.rows();
    let table = Table::of(bench, &rows, area.width);
    // In a set without it, the sign is two.
    let heading = plus_minus(table.heading(), theme);
    line(area, area.y, &heading, theme.style(Role::Muted), theme, frame);
    let chosen = bench.chosen(&rows);
    // The chosen one is seen, however few there is room for.
    let shown = usize::from(area.height.saturating_sub(1));
    let first = (chosen + 1).saturating_sub(shown);
    let lines = rows.iter().enumerate().skip(first).zip(area.top() + 1..area.bottom());
    let mut used = 1;
    for ((at, row), y) in lines {
        draw_row(&table, row, at == chosen, theme, Rect { y, height: 1, ..area }, frame);
        used += 1;
    }
    if rows.is_empty() {
        line(area, area.y + 1, "  no figures yet", theme.style(Role::Muted), theme, frame);
        used += 1;
    }
    used
}

/// The sign as this set of characters has it.
fn plus_minus(words: String, theme: &Theme) -> String {
    if theme.glyphs.cut.is_ascii() { words.replace(" ± ", " +-") } else { words }
}

fn draw_row(table: &Table<'_>, row: &Row, chosen: bool, theme: &Theme, at: Rect, frame: &mut Frame<'_>) {
    let plain = theme.style(if chosen { Role::Selected } else { Role::Text });
    if chosen {
        frame.buffer_mut().set_style(at, plain);
    }
    let mut x = at.x;
    let mut write = |words: &str, style: Style| {
        let words =
            text::fit(words, usize::from(at.right().saturating_sub(x)), theme.glyphs.cut).into_owned();
        x += put(frame.buffer_mut(), x, at.y, &words, at.right().saturating_sub(x), style);
    };
    let mark = if chosen { theme.glyphs.pointer } else { " " };
    write(&format!("{mark} "), plain);
    let Some(summary) = &row.summary else {
        write(&format!("{:<8}", bench::lane_name(row.lane)), plain);
        let (of, words) = without_samples(table.bench, row);
        let (glyph, _, style) = verdict(theme, of);
        write(&format!("{glyph} {words}"), if chosen { style.patch(background(plain)) } else { style });
        return;
    };
    for (column, cells) in &table.columns {
        let words = plus_minus(table.cell(*column, row, summary), theme);
        match column {
            Column::Runtime => write(&text::pad(&words, *cells, theme.glyphs.cut), plain),
            Column::Verdict => {
                let (words, style) = judged(row, theme);
                write(" ", plain);
                write(
                    &text::pad(&words, *cells, theme.glyphs.cut),
                    if chosen { style.patch(background(plain)) } else { style },
                );
            }
            _ => {
                // One blank parts it from the one before, whatever it is.
                let words = text::fit(&words, cells.saturating_sub(1), theme.glyphs.cut).into_owned();
                let gap = cells.saturating_sub(text::width(&words));
                write(&format!("{:gap$}{words}", ""), plain);
            }
        }
    }
}

/// What is behind the words of a chosen row.
fn background(style: Style) -> Style {
    Style { fg: None, ..style }
}

/// Why a row says nothing.
fn without_samples(bench: &Bench, row: &Row) -> (Verdict, String) {
    if let Some(reason) = &row.reason {
        return (Verdict::Fail, text::sanitise(reason).into_owned());
    }
    let measured = bench.progress().and_then(|progress| progress.suite) == Some(row.suite);
    match (bench.live, measured) {
        (true, true) => (Verdict::Run, "measuring".to_owned()),
        (true, false) => (Verdict::Idle, "waiting".to_owned()),
        (false, _) => (Verdict::Warn, "no samples".to_owned()),
    }
}

/// What the table has no room for, of the chosen row.
pub(super) fn details(bench: &Bench, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let rows = bench.rows();
    let Some(row) = rows.get(bench.chosen(&rows)) else { return };
    let Some(summary) = &row.summary else { return };
    let table = Table::of(bench, &rows, u16::MAX);
    let cell = |column| table.cell(column, row, summary);
    let unit = row.unit.sign();
    let lines = [
        plus_minus(format!("mean {} {unit} (95 % CI)", cell(Column::Mean)), theme),
        format!("p95 {}  p99 {}  max {}", cell(Column::P95), cell(Column::P99), cell(Column::Max)),
        format!(
            "stdev {}  outliers {}  mem {}",
            cell(Column::Deviation),
            cell(Column::Outliers),
            cell(Column::Memory)
        ),
        format!("vs base {}", cell(Column::Change)),
    ];
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    for (words, y) in lines.iter().zip(area.top()..area.bottom()) {
        line(area, y, words, theme.style(Role::Muted), theme, frame);
    }
}
