//! A benchmark on the screen: what was measured last or is being measured, and how it is looked at.
//!
//! Owns what is chosen, the order of the rows and which chart is shown. What figures say comes read: it computes none but
//! what a chart shows. Knows nothing of how it is drawn, and asks for nothing: that is `update`'s.

mod msg;
mod places;

use std::sync::Arc;
use std::time::Duration;

use super::document::Document;
use super::model::{Model, Verdict};
use super::text;
use crate::bench::{
    Baseline, Change, Code, Digest, Lane, LaneProgress, Plan, Progress, Report, Row, Series, Snapshot, Suite,
};
use crate::bench::{Verdict as Judged, suite::Unit};
use crate::protocol::Language;

pub use msg::{BenchMsg, BenchTask, KeepFailure, Reading};
pub(crate) use places::Places;

/// The word that the names of its sessions begin with.
const SESSION: &str = "bench ";

/// By what the rows are in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// As they were measured.
    #[default]
    Plan,
    Median,
    Tail,
    Largest,
    Memory,
    Change,
}

impl Sort {
    /// The next one, in the order of the columns.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Plan => Self::Median,
            Self::Median => Self::Tail,
            Self::Tail => Self::Largest,
            Self::Largest => Self::Memory,
            Self::Memory => Self::Change,
            Self::Change => Self::Plan,
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Plan => "as planned",
            Self::Median => "by p50",
            Self::Tail => "by p95",
            Self::Largest => "by max",
            Self::Memory => "by memory",
            Self::Change => "by change",
        }
    }

    /// What counts of a row; what has none comes last.
    fn key(self, row: &Row) -> Option<f64> {
        let summary = row.summary.as_ref();
        match self {
            Self::Plan => None,
            Self::Median => summary.map(|s| s.p50),
            Self::Tail => summary.and_then(|s| s.p95),
            Self::Largest => summary.map(|s| s.max),
            Self::Memory => row.peak_memory_bytes.map(|bytes| bytes as f64),
            Self::Change => row.change.map(|change| change.change),
        }
    }
}

/// What has the lower right panel, where there is room for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Panel {
    #[default]
    Runs,
    Cold,
    Phases,
}

impl Panel {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Runs => Self::Cold,
            Self::Cold => Self::Phases,
            Self::Phases => Self::Runs,
        }
    }
}

/// A benchmark, and how it is looked at.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) number: u32,
    pub(crate) plan: Plan,
    /// What was told last; nothing yet.
    pub(crate) reading: Option<Reading>,
    /// It measures.
    pub(crate) live: bool,
    pub(crate) paused: bool,
    pub(crate) stopped: bool,
    /// The name it was kept by.
    pub(crate) kept: Option<String>,
    /// The figure that is shown: its number among all.
    pub(crate) figure: usize,
    /// The chosen row's lane; `None` is the engine's, or the first.
    pub(crate) lane: Option<Lane>,
    pub(crate) sort: Sort,
    /// Bins twice as wide as those before.
    pub(crate) log: bool,
    pub(crate) panel: Panel,
    /// What drawing took of each second while it measured, in milliseconds.
    pub(crate) drawing: Option<f64>,
}

/// A figure of a suite: what one table shows.
pub(crate) type Figure<'a> = (Suite, &'a str);

impl Bench {
    pub(crate) fn new(number: u32, plan: Plan) -> Self {
        Self {
            number,
            plan,
            reading: None,
            live: true,
            paused: false,
            stopped: false,
            kept: None,
            figure: 0,
            lane: None,
            sort: Sort::default(),
            log: false,
            panel: Panel::default(),
            drawing: None,
        }
    }

    pub(crate) fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.reading.as_ref().map(|reading| &reading.snapshot)
    }

    pub(crate) fn report(&self) -> Option<&Report> {
        self.snapshot().map(|snapshot| &snapshot.report)
    }

    pub(crate) fn progress(&self) -> Option<&Progress> {
        self.snapshot().map(|snapshot| &snapshot.progress)
    }

    pub(crate) fn digest(&self) -> Option<&Digest> {
        self.reading.as_ref().map(|reading| &*reading.digest)
    }

    pub(crate) fn base(&self) -> Option<&Arc<Baseline>> {
        self.reading.as_ref()?.base.as_ref()
    }

    /// What is measured, in a few words: the code's name, or the suites.
    pub(crate) fn name(&self) -> String {
        match (&self.plan.code, self.plan.suites.as_slice()) {
            (Some(code), [Suite::Code]) => code.name.clone(),
            (_, [one]) => one.title().to_owned(),
            (_, many) => format!("{} suites", many.len()),
        }
    }

    /// What the person's code is called.
    pub(crate) fn name_of_code(&self) -> String {
        self.plan.code.as_ref().map_or_else(|| Suite::Code.title().to_owned(), |code| code.name.clone())
    }

    /// Samples that were taken, and that there will be.
    pub(crate) fn counts(&self) -> Option<(u32, u32)> {
        self.progress().map(|progress| (progress.done, progress.total))
    }

    /// How far each lane is in the suite that is measured now; after the last one, in all of them.
    pub(crate) fn lanes(&self) -> Vec<LaneProgress> {
        let Some(progress) = self.progress() else { return Vec::new() };
        if !progress.lanes.is_empty() {
            return progress.lanes.clone();
        }
        let mut all: Vec<LaneProgress> = Vec::new();
        for lane in progress.ended.iter().flat_map(|(_, lanes)| lanes) {
            match all.iter_mut().find(|of| of.lane == lane.lane) {
                Some(of) => {
                    (of.done, of.total) = (of.done + lane.done, of.total + lane.total);
                    of.given_up = of.given_up.take().or_else(|| lane.given_up.clone());
                }
                None => all.push(lane.clone()),
            }
        }
        all
    }

    /// What goes on, in a few words.
    pub(crate) fn activity(&self) -> (Verdict, String) {
        let count = self.counts().map_or_else(String::new, |(done, total)| format!(" {done}/{total}"));
        let word = match (self.stopped, self.paused) {
            (true, _) => " stopping",
            (false, true) => " paused",
            (false, false) => "",
        };
        (Verdict::Run, format!("bench{count}{word}"))
    }

    /// How it ended, in a line.
    pub(crate) fn outcome(&self) -> (Verdict, String) {
        let Some(report) = self.report() else { return (Verdict::Fail, "nothing was measured".to_owned()) };
        let took = text::span(Duration::from_secs_f64(report.seconds.clamp(0.0, 1e9)));
        match (report.complete, report.runs()) {
            (_, 0) => (Verdict::Fail, "nothing was measured".to_owned()),
            (true, n) => (Verdict::Ok, format!("{n} samples in {took}")),
            (false, n) => (Verdict::Warn, format!("stopped: {n} samples in {took}")),
        }
    }

    /// The figures that there are, in the order of the report.
    pub(crate) fn figures(&self) -> Vec<Figure<'_>> {
        let mut figures: Vec<Figure<'_>> = Vec::new();
        for row in self.digest().iter().flat_map(|digest| &digest.rows) {
            let figure = (row.suite, row.case.as_str());
            if !figures.contains(&figure) {
                figures.push(figure);
            }
        }
        figures
    }

    /// The figure that is shown.
    pub(crate) fn shown(&self) -> Option<Figure<'_>> {
        let figures = self.figures();
        figures.get(self.figure.min(figures.len().saturating_sub(1))).copied()
    }

    /// Its rows, in the order they are shown.
    pub(crate) fn rows(&self) -> Vec<&Row> {
        let shown = self.shown();
        let of = |row: &&Row| Some((row.suite, row.case.as_str())) == shown;
        let mut rows: Vec<&Row> = self.digest().iter().flat_map(|digest| &digest.rows).filter(of).collect();
        let key = |row: &Row| self.sort.key(row).unwrap_or(f64::INFINITY);
        // Stable: what counts as much stays as planned.
        rows.sort_by(|a, b| key(a).total_cmp(&key(b)));
        rows
    }

    /// What they are in order by, and whether none of them has that.
    pub(crate) fn order(&self) -> String {
        let rows = self.rows();
        let none = self.sort != Sort::Plan && rows.iter().all(|row| self.sort.key(row).is_none());
        format!("{}{}", self.sort.words(), if none { ": none yet" } else { "" })
    }

    /// Which of them is chosen.
    pub(crate) fn chosen(&self, rows: &[&Row]) -> usize {
        rows.iter().position(|row| row.lane == self.lane).unwrap_or(0)
    }

    /// The chosen one, with its samples.
    pub(crate) fn chosen_series(&self) -> Option<(&Row, &Series)> {
        let rows = self.rows();
        let row = rows.get(self.chosen(&rows)).copied()?;
        Some((row, self.report()?.series.get(row.series)?))
    }

    /// The rows that tell of cold starts: those of the person's code, else of what else begins cold.
    pub(crate) fn cold(&self) -> Vec<&Row> {
        let rows = || self.digest().into_iter().flat_map(|digest| &digest.rows);
        let sources = [
            (Suite::Code, "cold"),
            (Suite::Oneshot, "whole"),
            (Suite::Startup, "start"),
            (Suite::Create, "create"),
        ];
        let there = |(suite, case): &(Suite, &str)| {
            rows().any(|row| row.suite == *suite && row.case == *case && row.summary.is_some())
        };
        let source = sources.into_iter().find(there);
        rows().filter(|row| source.is_some_and(|source| (row.suite, row.case.as_str()) == source)).collect()
    }

    /// Lanes that fail, with why, once each.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        for row in self.digest().iter().flat_map(|digest| &digest.rows) {
            let Some(reason) = row.reason.as_ref().filter(|_| Some(row.suite) == self.shown().map(|s| s.0))
            else {
                continue;
            };
            let times = match row.failures {
                0 => "was not measured".to_owned(),
                1 => "failed once".to_owned(),
                n => format!("failed {n} times"),
            };
            let words = format!("{} {times}: {}", lane_name(row.lane), text::sanitise(reason));
            if !told.contains(&words) {
                told.push(words);
            }
        }
        told
    }

    pub(crate) fn places(&self, size: ratatui::layout::Size) -> Places {
        Places::of(size, self.rows().len().max(self.plan.lanes.len()))
    }
}

/// What a lane is called beside the others.
pub(crate) fn lane_name(lane: Option<Lane>) -> &'static str {
    lane.map_or("engine", |lane| lane.runtime.short())
}

/// A number with so many decimals; what has no room for them in a column is seldom told apart by them.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if value.abs() >= 1e6 { format!("{value:.1e}") } else { format!("{value:.decimals$}") }
}

/// How many decimals tell figures like these apart.
pub(crate) fn decimals(least: f64) -> usize {
    match least.abs() {
        v if !v.is_finite() || v >= 1000.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v if v >= 0.1 => 3,
        _ => 4,
    }
}

/// A change in per cent: `+11 %`.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "-".to_owned();
    }
    let percent = (share * 100.0).round();
    // Without a sign where it rounds to nothing; beyond some size a factor says more.
    if percent == 0.0 {
        "0 %".to_owned()
    } else if percent >= 1000.0 {
        format!("x{:.0}", share + 1.0)
    } else {
        format!("{percent:+.0} %")
    }
}

/// The interval of a change: `+8..+14`.
pub(crate) fn interval(change: &Change) -> Option<String> {
    let interval = change.interval?;
    let end = |share: f64| {
        let percent = (share * 100.0).round();
        if percent == 0.0 { "0".to_owned() } else { format!("{percent:+.0}") }
    };
    Some(format!("{}..{}", end(interval.low), end(interval.high)))
}

/// What a change comes to: whether the figure rose, and the word.
pub(crate) fn judged(change: &Change, unit: Unit) -> (Option<bool>, &'static str) {
    let rose = match change.verdict {
        Judged::Faster | Judged::Slower => Some(change.change > 0.0),
        Judged::NoChange | Judged::CannotTell => None,
    };
    (rose, change.verdict.words(unit))
}

/// Of a benchmark that this workbench measures: nobody asked for it, and it is gone in a moment.
pub(crate) fn is_passing(model: &Model, name: Option<&str>) -> bool {
    is_live(model) && name.is_some_and(|name| name.starts_with(SESSION))
}

/// Something is being measured.
pub(crate) fn is_live(model: &Model) -> bool {
    model.bench.as_ref().is_some_and(|bench| bench.live)
}

/// The text of the editor as code to be measured.
pub(crate) fn code(document: &Document, text: String, language: Language) -> Code {
    let name = document.name();
    // The name stands for a file in the session's workspace, whatever directory it is in here.
    let file_name = document.file_name();
    Code { name, language, text, file_name }
}
