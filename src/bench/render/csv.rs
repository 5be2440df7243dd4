//! A line for each series (RFC 4180): plain numbers to their full precision in the unit of the series, empty where one is
//! withheld.

use super::text::plain;
use crate::bench::digest::{Digest, Row};

const HEADER: &str = "suite,case,runtime,language,unit,n,mean,ci_low,ci_high,p50,p95,p99,min,max,stdev,outliers,\
failures,peak_memory_mb,base_p50,change,change_low,change_high,verdict,reason";

pub(super) fn render(digest: &Digest) -> String {
    let mut out = format!("{HEADER}\r\n");
    for row in &digest.rows {
        out.push_str(&line(row));
        out.push_str("\r\n");
    }
    out
}

fn line(row: &Row) -> String {
    let summary = row.summary.as_ref();
    let interval = summary.and_then(|summary| summary.interval);
    let changed = row.change.and_then(|change| change.interval);
    [
        text(row.suite.name()),
        text(&row.case),
        text(row.lane.map_or("", |lane| lane.runtime.short())),
        text(&row.lane.map(|lane| lane.language.to_string()).unwrap_or_default()),
        text(row.unit.sign()),
        summary.map_or(0, |summary| summary.n).to_string(),
        number(summary.map(|summary| summary.mean)),
        number(interval.map(|interval| interval.low)),
        number(interval.map(|interval| interval.high)),
        number(summary.map(|summary| summary.p50)),
        number(summary.and_then(|summary| summary.p95)),
        number(summary.and_then(|summary| summary.p99)),
        number(summary.map(|summary| summary.min)),
        number(summary.map(|summary| summary.max)),
        number(summary.and_then(|summary| summary.deviation)),
        summary.map(|summary| summary.outliers.to_string()).unwrap_or_default(),
        row.failures.to_string(),
        number(row.peak_memory_bytes.map(|bytes| bytes as f64 / 1e6)),
        number(row.change.map(|change| change.base)),
        number(row.change.map(|change| change.change)),
        number(changed.map(|interval| interval.low)),
        number(changed.map(|interval| interval.high)),
        text(row.change.map_or("", |change| change.verdict.words(row.unit))),
        text(row.reason.as_deref().unwrap_or_default()),
    ]
    .join(",")
}

fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(|value| value.to_string()).unwrap_or_default()
}

/// One field. Reasons come from what programs print, and a spreadsheet calculates a text that begins like a formula: such
/// a one gets an apostrophe before it, by which spreadsheets know text.
fn text(value: &str) -> String {
    let mut value = plain(value);
    if value.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']) {
        value.insert(0, '\'');
    }
    if value.contains(['"', ',', ';', ' ', '\'', '\n', '\r']) {
        value = format!("\"{}\"", value.replace('"', "\"\""));
    }
    value
}
