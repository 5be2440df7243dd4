//! Every format, read back.

use std::collections::HashMap;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::made_up::{self, HOSTILE};
use super::text::{is_hostile, width};
use super::*;
use crate::bench::{Interval, Row, Unit, published, store};
use crate::protocol::RuntimeType;

/// How long everything took before, as a share of what it takes now.
const BASE: f64 = 0.8;

/// A report, what it is compared with, and the two read: that takes its time.
fn saved() -> &'static (Report, Baseline, Digest) {
    static SAVED: LazyLock<(Report, Baseline, Digest)> = LazyLock::new(|| {
        let mut base = made_up::report(Some("main"), BASE);
        base.host.kernel = "6.1.0-27-amd64".into();
        // One got faster, and one stayed as it was.
        for series in &mut base.series {
            let factor = match series.lane.map(|lane| lane.runtime) {
                Some(RuntimeType::Deno) => 1.5 / BASE,
                Some(RuntimeType::Docker) => 1.0 / BASE,
                _ => 1.0,
            };
            series.samples.iter_mut().for_each(|sample| *sample *= factor);
        }
        let report = made_up::report(Some("after"), 1.0);
        let base = Baseline::Saved(Box::new(base));
        let digest = Digest::of(&report, Some(&base));
        (report, base, digest)
    });
    &SAVED
}

/// The same beside the published figures.
fn seed() -> Digest {
    let (report, _, digest) = saved();
    let mut digest = digest.clone();
    digest.base = Some(Baseline::Seed.words(report));
    for row in &mut digest.rows {
        row.change = None;
        row.published = published::figure(row.suite, &row.case, row.lane.map(|lane| lane.runtime));
    }
    digest
}

/// The same beside nothing.
fn alone() -> Digest {
    let mut digest = saved().2.clone();
    digest.base = None;
    digest.rows.iter_mut().for_each(|row| row.change = None);
    digest
}

#[test]
fn the_same_report_gives_the_same_text() {
    let (report, base, digest) = saved();
    for format in Format::ALL {
        let of = || render(report, digest, Some(base), format);
        assert_eq!(of(), of());
    }
}

#[test]
fn formats_are_known_by_name_and_extension() {
    for (format, name) in Format::ALL.into_iter().zip(Format::NAMES) {
        assert_eq!(Format::from_name(name), Some(format));
        assert_eq!(format.name(), name);
    }
    let of = ["txt", "json", "CSV", "md", "markdown", "htm", "html"].map(Format::from_extension);
    use Format::{Csv, Html, Json, Markdown, Table};
    assert_eq!(of.map(Option::unwrap), [Table, Json, Csv, Markdown, Markdown, Html, Html]);
    assert_eq!((Format::from_extension("pdf"), Format::from_name("txt")), (None, None));
}

#[test]
fn an_exported_file_is_read_back_as_the_report() {
    let (report, base, digest) = saved();
    let json = render(report, digest, Some(base), Format::Json);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    std::fs::write(&path, &json).unwrap();
    let read = store::read(&path).unwrap();
    assert_eq!(read.series.len(), report.series.len());
    for (now, then) in read.series.iter().zip(&report.series) {
        assert_eq!((&now.reason, &now.launches, now.failures), (&then.reason, &then.launches, then.failures));
        for (a, b) in now.samples.iter().zip(&then.samples) {
            assert!((a - b).abs() <= b.abs() * 1e-15, "{a} is not {b}");
        }
    }
    assert_eq!(
        (&read.host, &read.environments, &read.code),
        (&report.host, &report.environments, &report.code)
    );

    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let summaries = value["summaries"].as_array().unwrap();
    assert_eq!(summaries.len(), digest.rows.len());
    for (read, row) in summaries.iter().zip(&digest.rows) {
        let close = |value: &serde_json::Value, wanted: Option<f64>| match wanted {
            None => assert!(value.is_null()),
            Some(wanted) => assert!((value.as_f64().unwrap() - wanted).abs() <= wanted.abs() * 1e-15),
        };
        let summary = row.summary.as_ref();
        close(&read["summary"]["p50"], summary.map(|summary| summary.p50));
        close(&read["summary"]["p99"], summary.and_then(|summary| summary.p99));
        close(&read["summary"]["mean"], summary.map(|summary| summary.mean));
        close(&read["change"]["change"], row.change.map(|change| change.change));
        assert_eq!(read["verdict"].as_str(), row.change.map(|change| change.verdict.words(row.unit)));
    }
    assert_eq!(value["base"].as_str(), digest.base.as_deref());
}

/// A reader of RFC 4180.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => field.extend(chars.next()),
            ('"', true) => {
                quoted = false;
                assert!(matches!(chars.peek(), Some(',' | '\r')), "a quoted field ends its field");
            }
            ('"', false) => {
                assert!(field.is_empty(), "a quote within a plain field");
                quoted = true;
            }
            (',', false) => row.push(std::mem::take(&mut field)),
            ('\r', false) => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            (c, _) => field.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && field.is_empty());
    rows
}

#[test]
fn csv_has_the_digest_s_numbers_and_one_line_a_series() {
    let (report, base, digest) = saved();
    let text = render(report, digest, Some(base), Format::Csv);
    let rows = csv(&text);
    assert_eq!((rows.len(), text.lines().count()), (digest.rows.len() + 1, digest.rows.len() + 1));
    let columns: HashMap<&str, usize> =
        rows[0].iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    assert_eq!(columns.len(), 24);
    for (line, row) in rows[1..].iter().zip(&digest.rows) {
        assert_eq!(line.len(), 24);
        let number = |name: &str| line[columns[name]].parse::<f64>().ok();
        let summary = row.summary.as_ref();
        assert_eq!(line[columns["suite"]], row.suite.name());
        assert_eq!(number("mean"), summary.map(|summary| summary.mean));
        assert_eq!(number("ci_low"), summary.and_then(|summary| summary.interval).map(|i| i.low));
        assert_eq!(number("p50"), summary.map(|summary| summary.p50));
        assert_eq!(number("p99"), summary.and_then(|summary| summary.p99));
        assert_eq!(number("stdev"), summary.and_then(|summary| summary.deviation));
        assert_eq!(number("failures"), Some(f64::from(row.failures)));
        assert_eq!(number("peak_memory_mb"), row.peak_memory_bytes.map(|bytes| bytes as f64 / 1e6));
        assert_eq!(number("base_p50"), row.change.map(|change| change.base));
        assert_eq!(number("change_high"), row.change.and_then(|change| change.interval).map(|i| i.high));
        assert_eq!(line[columns["verdict"]], row.change.map_or("", |change| change.verdict.words(row.unit)));
    }
    let formula = made_up::saying("=HYPERLINK(\"x\")");
    let text = render(&formula, &Digest::of(&formula, None), None, Format::Csv);
    assert!(csv(&text)[1..].iter().all(|line| line[columns["reason"]] == "'=HYPERLINK(\"x\")"));
}

/// Cells of each table of a Markdown text.
fn markdown_tables(text: &str) -> Vec<Vec<Vec<String>>> {
    let mut tables: Vec<Vec<Vec<String>>> = Vec::new();
    let mut before = false;
    for line in text.lines() {
        let is_row = line.starts_with('|');
        if is_row {
            let inner = line.strip_prefix("| ").unwrap().strip_suffix(" |").unwrap();
            if !before {
                tables.push(Vec::new());
            }
            tables.last_mut().unwrap().push(inner.split('|').map(|cell| cell.trim().to_owned()).collect());
        }
        before = is_row;
    }
    tables
}

fn check_markdown(text: &str) {
    for table in markdown_tables(text) {
        let columns = table[0].len();
        assert!(table.len() > 2 && table.iter().all(|row| row.len() == columns), "{table:#?}");
        assert!(table[1].iter().all(|cell| matches!(cell.as_str(), "---" | "---:")));
    }
}

/// Every text of a figure that a format must show.
fn texts(digest: &Digest) -> Vec<String> {
    let figures = digest.rows.iter().flat_map(|row| facts::figures(row).into_iter().take(7));
    let changes = digest.rows.iter().filter_map(facts::change).flatten();
    let beside = digest.rows.iter().filter_map(|row| Some(facts::beside(row, row.published?))).flatten();
    figures.chain(changes).chain(beside.filter(|text| text != "measured")).collect()
}

#[test]
fn table_markdown_and_page_show_the_same_figures() {
    let (report, base, digest) = saved();
    let all = [(None, alone()), (Some(base), digest.clone()), (Some(&Baseline::Seed), seed())];
    for (base, digest) in all {
        let of = |format| render(report, &digest, base, format);
        let [table, markdown, html] = [Format::Table, Format::Markdown, Format::Html].map(of);
        check_markdown(&markdown);
        check_html(&html);
        for text in texts(&digest) {
            assert!(table.contains(&text), "the table lacks {text}");
            assert!(markdown.contains(&text), "Markdown lacks {text}");
            assert!(html.contains(&text), "the page lacks {text}");
        }
        let seed = base == Some(&Baseline::Seed);
        assert_eq!(markdown.contains("## The original's four tests"), seed);
        assert_eq!(table.contains("the original's four tests"), seed);
    }
}

#[test]
fn the_table_as_a_terminal_shows_it() {
    let (report, base, digest) = saved();
    for (name, base, digest) in [("saved", base, digest), ("seed", &Baseline::Seed, &seed())] {
        let table = render(report, digest, Some(base), Format::Table);
        insta::assert_snapshot!(format!("table_{name}"), table);
    }
}

#[test]
fn a_lane_stands_apart_only_where_no_interval_overlaps() {
    let with = |means: [f64; 3], unit: Unit| {
        let mut digest = saved().2.clone();
        digest.rows.truncate(3);
        for (row, mean) in digest.rows.iter_mut().zip(means) {
            row.unit = unit;
            row.summary.as_mut().unwrap().interval = Some(Interval { low: mean - 1.0, high: mean + 1.0 });
        }
        let rows: Vec<&Row> = digest.rows.iter().collect();
        rows.iter().position(|row| facts::stands_apart(row, &rows))
    };
    assert_eq!(with([10.0, 13.0, 20.0], Unit::Milliseconds), Some(0));
    assert_eq!(with([10.0, 11.5, 20.0], Unit::Milliseconds), None);
    assert_eq!(with([10.0, 11.5, 20.0], Unit::PerSecond), Some(2));
}

#[test]
fn the_command_measures_the_same_again() {
    let mut report = saved().0.clone();
    assert_eq!(
        facts::command(&report),
        "codebeaker bench create exec files select oneshot --file 'sum <of> it'\\''s.ts' \
         --runtimes bun,deno,docker,native --seed 42"
    );
    report.code = None;
    report.environments.truncate(2);
    report.method.samples = Some(7);
    report.engine.place = "ws://lab:5039".into();
    report.method.suites.truncate(1);
    assert_eq!(
        facts::command(&report),
        "codebeaker bench create --runtimes bun,deno --language javascript --samples 7 --seed 42 --attach ws://lab:5039"
    );
}

/// Tags are balanced, attributes quoted, and no text holds a mark that is not escaped.
fn check_html(html: &str) {
    const VOID: [&str; 6] = ["meta", "br", "hr", "link", "img", "wbr"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html.strip_prefix("<!doctype html>").expect("a doctype");
    let (mut tables, mut cells) = (0, Vec::<(usize, Option<usize>)>::new());
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        if open.last() != Some(&"style") {
            assert!(!text.contains('>'), "a bare > in {text:?}");
            for (i, _) in text.match_indices('&') {
                let entity = text[i..].split(';').next().unwrap();
                assert!(matches!(entity, "&amp" | "&lt" | "&gt" | "&quot" | "&#39"), "{entity:?}");
            }
        }
        let end = tag.find('>').expect("a tag ends");
        let inner = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in another order near {}", &tag[..end.min(80)]);
            match name {
                "tr" => {
                    let (n, expected) = cells.last_mut().unwrap();
                    assert_eq!(*n, *expected.get_or_insert(*n), "as many cells in each row");
                    *n = 0;
                }
                "table" => drop(cells.pop()),
                _ => {}
            }
            continue;
        }
        let name = inner.split([' ', '/', '\n']).next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name:?}");
        assert_ne!(name, "script");
        assert_eq!(inner.matches('"').count() % 2, 0, "{inner}");
        let outside: String = inner.split('"').step_by(2).collect();
        assert!(!outside.contains(['<', '\'', '`']), "{inner}");
        for handler in ["on", "src", "href"] {
            assert!(
                !outside.split(' ').any(|name| name.starts_with(handler) && name.ends_with('=')),
                "{inner}"
            );
        }
        match name {
            "table" => {
                tables += 1;
                cells.push((0, None));
            }
            "td" | "th" => {
                assert!(name == "td" || inner.contains("scope="), "{inner}");
                cells.last_mut().unwrap().0 += 1;
            }
            "svg" => assert!(rest.starts_with("<title"), "a picture has a title first"),
            _ => {}
        }
        if !inner.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty() && tables > 0, "{open:?} is still open");
    for outside in ["http:", "https:", "url(", "@import", "<script", "javascript:"] {
        assert!(!html.contains(outside) || outside.starts_with("java"), "{outside}");
    }
}

fn check(text: &str) {
    for c in text.chars().filter(|c| !matches!(c, '\n' | '\r')) {
        assert!(!is_hostile(c), "{c:?} came through");
    }
    assert!(text.ends_with('\n'));
}

#[test]
fn hostile_reasons_stay_text() {
    let (report, base, digest) = saved();
    let report = Report { name: Some(HOSTILE.into()), ..report.clone() };
    Format::ALL.into_iter().for_each(|format| check(&render(&report, digest, Some(base), format)));
}

#[test]
fn one_of_nothing_can_be_shown() {
    let mut report = made_up::report(None, 1.0);
    report.series.clear();
    report.environments.clear();
    for base in [None, Some(&Baseline::Seed)] {
        for format in Format::ALL {
            check(&render(&report, &Digest::of(&report, base), base, format));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_text_breaks_a_structure(text in prop_oneof![
        any::<String>(),
        "[-|`\\\\<>&\"'=,;\r\n\t\u{1b}\u{9b}\u{202e}#*_x ]{0,40}",
        Just(HOSTILE.to_owned()),
    ]) {
        let report = made_up::saying(&text);
        let base = Baseline::Saved(Box::new(made_up::saying(&text)));
        let digest = Digest::of(&report, Some(&base));
        let of = |format| render(&report, &digest, Some(&base), format);
        Format::ALL.into_iter().for_each(|format| check(&of(format)));
        let read: Report = serde_json::from_str(&of(Format::Json)).unwrap();
        prop_assert_eq!(&read.series[0].reason, &Some(text.clone()));
        prop_assert_eq!(&read.host, &report.host);
        let rows = csv(&of(Format::Csv));
        prop_assert!(rows.len() == report.series.len() + 1 && rows.iter().all(|row| row.len() == 24));
        check_markdown(&of(Format::Markdown));
        check_html(&of(Format::Html));
        prop_assert!(of(Format::Table).lines().all(|line| width(line) <= table::WIDEST));
    }
}

/// Writes pages to be looked at: `RENDERED=DIRECTORY`.
#[test]
#[ignore = "for eyes"]
fn pages_for_eyes() {
    let Some(directory) = std::env::var_os("RENDERED").map(std::path::PathBuf::from) else { return };
    let (report, base, digest) = saved();
    for (name, base, digest) in [("saved", base, digest), ("seed", &Baseline::Seed, &seed())] {
        for (format, extension) in Format::ALL.into_iter().zip(["txt", "json", "csv", "md", "html"]) {
            let text = render(report, digest, Some(base), format);
            std::fs::write(directory.join(format!("{name}.{extension}")), text).unwrap();
        }
    }
}
