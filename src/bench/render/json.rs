//! The report itself, and what it says beside it: whoever reads a report passes over what it does not know.

use serde::Serialize;

use super::facts;
use super::text::is_hostile;
use crate::bench::compare::Change;
use crate::bench::digest::{Digest, Row};
use crate::bench::plan::Lane;
use crate::bench::report::Report;
use crate::bench::stats::Summary;
use crate::bench::suite::{Suite, Unit};

#[derive(Serialize)]
struct Export<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'a str>,
    summaries: Vec<Read<'a>>,
}

/// A series, read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    suite: Suite,
    case: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<Lane>,
    unit: Unit,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a Summary>,
    /// The best of its figure beyond doubt.
    stands_apart: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<Beside>,
}

/// What was published, in the series' unit, and our mean as a share of it.
#[derive(Serialize)]
struct Beside {
    mean: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<(f64, f64)>,
    measured: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

pub(super) fn render(report: &Report, digest: &Digest) -> String {
    let rows: Vec<&Row> = digest.rows.iter().collect();
    let summaries = digest.rows.iter().map(|row| read(row, &rows)).collect();
    let export = Export { report, base: digest.base.as_deref(), warning: digest.noise.as_deref(), summaries };
    // Names are strings and there is no reader to fail: an empty text could only come of a defect here.
    let json = serde_json::to_string_pretty(&export).unwrap_or_default();
    quiet(&json) + "\n"
}

fn read<'a>(row: &'a Row, all: &[&Row]) -> Read<'a> {
    Read {
        suite: row.suite,
        case: &row.case,
        lane: row.lane,
        unit: row.unit,
        summary: row.summary.as_ref(),
        stands_apart: facts::stands_apart(row, all),
        change: row.change,
        verdict: row.change.map(|change| change.verdict.words(row.unit)),
        published: row.published.map(|published| Beside {
            mean: published.mean,
            range: published.range,
            measured: published.measured,
            ratio: row.summary.as_ref().map(|summary| summary.mean / published.mean),
        }),
    }
}

/// JSON escapes what lies below a space; this does so with what else a terminal would obey. It can stand in strings only.
fn quiet(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}
