//! One page that needs nothing else: no script, no other file. It reads in light and dark, on paper and on a phone.

mod charts;
mod svg;

use super::facts::{self, MARK};
use super::numbers;
use super::text::plain;
use crate::bench::digest::{Baseline, Digest, Row};
use crate::bench::published::Published;
use crate::bench::report::Report;
use crate::bench::suite::Suite;

const STYLE: &str = include_str!("html/style.css");
/// The suites whose samples are drawn one by one: those that run code of one's own, or the like of it.
const DRAWN: [Suite; 3] = [Suite::Code, Suite::Exec, Suite::Oneshot];

pub(super) fn render(report: &Report, digest: &Digest, base: Option<&Baseline>) -> String {
    let title = escaped(&facts::title(report));
    let mut page = Page(String::new());
    page.header(report, digest);
    page.results(digest);
    page.changes(digest);
    if matches!(base, Some(Baseline::Seed)) {
        page.published(digest);
    }
    page.samples(report, digest);
    page.phases(report, digest);
    page.troubles(digest);
    page.method(report, digest, base);
    let started = escaped(&facts::started(report));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}, {started}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}\
         <footer>{}, {started}</footer>\n</main>\n</body>\n</html>\n",
        page.0,
        escaped(&report.tool),
    )
}

/// Text in which nothing is markup, in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

struct Page(String);

impl Page {
    fn add(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn heading(&mut self, text: &str) {
        self.add(&format!("<h2>{}</h2>\n", escaped(text)));
    }

    fn header(&mut self, report: &Report, digest: &Digest) {
        let place = match report.engine.place.as_str() {
            "local" => String::new(),
            place => format!(" over {place}"),
        };
        let host = [&report.host.name, &report.host.processor, &report.host.system];
        let host = host
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let runs = format!(
            "{} runs in {}{place}. {}",
            report.runs(),
            numbers::duration(report.seconds),
            if host.is_empty() { String::new() } else { format!("{host}.") }
        );
        self.add(&format!(
            "<header>\n<p class=\"eyebrow\">CodeBeaker, {}</p>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n",
            escaped(&facts::started(report)),
            escaped(&facts::title(report)),
            escaped(&runs),
        ));
        if !report.complete {
            self.notice("Incomplete: it was stopped before all of it was measured.");
        }
        if let Some(noise) = &digest.noise {
            self.notice(noise);
        }
        if let Some(base) = &digest.base {
            let told = verdicts(digest);
            self.add(&format!("<p>Compared with {}.{}</p>\n", escaped(base), escaped(&told)));
        }
        self.tiles(digest);
        self.add("</header>\n");
    }

    fn notice(&mut self, text: &str) {
        self.add(&format!("<p class=\"notice\"><strong>Note:</strong> {}</p>\n", escaped(text)));
    }

    /// The best median of each suite's first figure.
    fn tiles(&mut self, digest: &Digest) {
        let mut tiles = String::new();
        for (suite, rows) in facts::groups(digest) {
            let cases = facts::cases(&rows);
            let Some((case, rows)) = cases.first() else { continue };
            let value = |row: &&&Row| {
                let p50 = row.summary.as_ref().map_or(f64::INFINITY, |summary| summary.p50);
                if row.unit.more_is_better() && p50.is_finite() { -p50 } else { p50 }
            };
            let measured = rows.iter().filter(|row| row.summary.is_some());
            let Some(best) = measured.min_by(|a, b| value(a).total_cmp(&value(b))) else { continue };
            let p50 = numbers::figure_or(best.summary.as_ref().map(|summary| summary.p50), best.unit);
            let what = match cases.len() {
                1 => suite.title().to_owned(),
                _ => format!("{}: {case}", suite.title()),
            };
            let beyond = match (rows.len(), facts::stands_apart(best, rows)) {
                (1, _) => "median",
                (_, true) => "best, beyond doubt",
                (_, false) => "least median, not beyond doubt",
            };
            let beyond = if best.unit.more_is_better() {
                beyond.replace("least median", "largest median")
            } else {
                beyond.into()
            };
            tiles.push_str(&format!(
                "<li><span>{}</span><strong>{p50}</strong><span>{}{}, {beyond}</span></li>\n",
                escaped(&what),
                dot(best),
                escaped(&facts::lane(best)),
            ));
        }
        if !tiles.is_empty() {
            self.add(&format!("<ul class=\"tiles\">\n{tiles}</ul>\n"));
        }
    }

    fn results(&mut self, digest: &Digest) {
        let groups = facts::groups(digest);
        if groups.is_empty() {
            return;
        }
        self.heading("Results");
        self.add(&format!(
            "<p class=\"note\">Lower is better, but for rates (/s, MB/s). {MARK} {}.</p>\n",
            facts::MARK_WORDS
        ));
        for (suite, rows) in groups {
            self.add(&format!("<h3>{}<small>{suite}</small></h3>\n", escaped(suite.title())));
            let several = rows.iter().any(|row| row.case != rows[0].case);
            let head = [("runtime", false)].into_iter().chain(several.then_some(("figure", false)));
            let head: Vec<(&str, bool)> = head.chain(facts::FIGURES.map(|name| (name, true))).collect();
            let body = facts::cases(&rows).into_iter().flat_map(|(_, rows)| rows).map(|row| {
                let mark = match facts::stands_apart(row, &rows) {
                    true => format!(" <span class=\"mark\">{MARK}</span>"),
                    false => String::new(),
                };
                let case = if several { cell("k", &row.case) } else { String::new() };
                let figures = facts::figures(row);
                let figures = figures.iter().enumerate();
                let figures: String = figures
                    .map(|(i, text)| cell(if i == 1 || i == 2 { "n main" } else { "n" }, text))
                    .collect();
                format!("{}{case}{figures}", row_head(row, &mark))
            });
            self.table(&format!("{}: figures", suite.title()), "pin", &head, body);
            // A rate and a time have no scale in common.
            let mut units: Vec<_> = Vec::new();
            for row in &rows {
                if !units.contains(&row.unit) {
                    units.push(row.unit);
                }
            }
            for unit in units {
                let of_unit: Vec<&Row> = rows.iter().copied().filter(|row| row.unit == unit).collect();
                if of_unit.iter().any(|row| row.summary.is_some()) {
                    self.add(&format!("<div class=\"card\">{}</div>\n", charts::medians(suite, &of_unit)));
                }
            }
        }
    }

    fn changes(&mut self, digest: &Digest) {
        let rows = facts::in_order(digest).into_iter().filter(|row| row.change.is_some()).collect::<Vec<_>>();
        if rows.is_empty() {
            return;
        }
        self.heading("What changed against the base");
        self.add(
            "<p class=\"note\">Changes of the median with their 95 % intervals. Shaded is what is within 5 %: an interval \
             that lies wholly beyond it is a change, one wholly within is none.</p>\n",
        );
        for (suite, of) in facts::groups(digest) {
            let of: Vec<&Row> = of.into_iter().filter(|row| row.change.is_some()).collect();
            if !of.is_empty() {
                self.add(&format!(
                    "<div class=\"card\"><h4>{}</h4>{}</div>\n",
                    escaped(suite.title()),
                    charts::changes(&of)
                ));
            }
        }
        let [figures @ .., verdict] = facts::CHANGE;
        let head = PLACE.into_iter().chain(figures.map(|name| (name, true))).chain([(verdict, false)]);
        let body = rows.iter().filter_map(|row| {
            let [figures @ .., verdict] = facts::change(row)?;
            let figures: String = figures.iter().map(|text| cell("n", text)).collect();
            let colour = charts::verdict_class(row.change?.verdict);
            Some(format!("{}{figures}{}", place(row), cell(&format!("k {colour}"), &verdict)))
        });
        self.table("What changed", "pin", &head.collect::<Vec<_>>(), body);
    }

    fn published(&mut self, digest: &Digest) {
        let (tests, others) = facts::published(digest);
        self.beside("The original's four tests", &tests);
        self.beside("Its other figures", &others);
    }

    fn beside(&mut self, heading: &str, rows: &[(&Row, &'static Published)]) {
        if rows.is_empty() {
            return;
        }
        self.heading(heading);
        let figures = ["p50", "mean", "published mean", "its range", "ratio"].map(|name| (name, true));
        let head: Vec<_> = PLACE.into_iter().chain(figures).chain([("theirs", false)]).collect();
        let body = rows.iter().map(|(row, figure)| {
            let [figures @ .., how] = facts::beside(row, figure);
            let figures: String = figures.iter().map(|text| cell("n", text)).collect();
            format!("{}{figures}{}", place(row), cell("k", &how))
        });
        self.table(heading, "pin", &head, body);
    }

    fn samples(&mut self, report: &Report, digest: &Digest) {
        let drawn = digest.rows.iter().filter(|row| DRAWN.contains(&row.suite) && row.summary.is_some());
        let cards: Vec<String> = drawn
            .filter_map(|row| {
                let series = report.series.get(row.series)?;
                let figure = match row.case == row.suite.name() {
                    true => row.case.clone(),
                    false => format!("{} {}", row.suite, row.case),
                };
                Some(format!(
                    "<div class=\"card\"><h4>{}{} <span class=\"unsure\">{}</span></h4>{}{}</div>\n",
                    dot(row),
                    escaped(&facts::lane(row)),
                    escaped(&figure),
                    charts::histogram(row, series),
                    charts::scatter(row, series),
                ))
            })
            .collect();
        if !cards.is_empty() {
            self.heading("Every run");
            self.add(&format!("<div class=\"cards\">\n{}</div>\n", cards.concat()));
        }
    }

    fn phases(&mut self, report: &Report, digest: &Digest) {
        let phases = facts::phases(report, digest);
        let Some((_, first)) = phases.first() else { return };
        self.heading("Where the time goes");
        self.add("<p class=\"note\">The engine's own time stamps, the median of each part by itself.</p>\n");
        for (suite, _) in facts::groups(digest) {
            let of: Vec<_> = phases.iter().copied().filter(|(row, _)| row.suite == suite).collect();
            if !of.is_empty() {
                self.add(&format!(
                    "<div class=\"card\"><h4>{}</h4>{}</div>\n",
                    escaped(suite.title()),
                    charts::phases(&of)
                ));
            }
        }
        let head: Vec<_> = PLACE.into_iter().chain(first.each().map(|(name, _)| (name, true))).collect();
        let body = phases.iter().map(|(row, phases)| {
            let parts: String = phases.each().iter().map(|(_, ms)| cell("n", &numbers::phase(*ms))).collect();
            format!("{}{parts}", place(row))
        });
        self.table("Where the time goes", "pin", &head, body);
    }

    fn troubles(&mut self, digest: &Digest) {
        let troubles = facts::troubles(digest);
        if troubles.is_empty() {
            return;
        }
        self.heading("What failed");
        self.add("<ul class=\"troubles\">\n");
        for (place, why) in troubles {
            let why = why.map(|why| format!("<code>{}</code>", escaped(why))).unwrap_or_default();
            self.add(&format!("<li>{}{why}</li>\n", escaped(&place)));
        }
        self.add("</ul>\n");
    }

    fn method(&mut self, report: &Report, digest: &Digest, base: Option<&Baseline>) {
        self.heading("How it was measured");
        for sentence in facts::method(report, base) {
            // A number and its sign stay on one line.
            let sentence = escaped(&sentence).replace(" %", "\u{a0}%");
            self.add(&format!("<p>{sentence}</p>\n"));
        }
        self.heading("To measure it again");
        self.add(&format!("<pre>{}</pre>\n<dl>\n", escaped(&facts::command(report))));
        for (name, text) in facts::facts(report, digest).iter().filter(|(name, _)| *name != "repeat") {
            self.add(&format!("<dt>{name}</dt><dd>{}</dd>\n", escaped(text)));
        }
        self.add("</dl>\n");
        let head = ["runtime", "version", "isolation", "limits"].map(|name| (name, false));
        let body = facts::environments(report).into_iter().map(|[lane, rest @ ..]| {
            let rest: String = rest.iter().map(|text| cell("", text)).collect();
            format!("<th scope=\"row\">{}</th>{rest}", escaped(&lane))
        });
        self.table("Environments", "words", &head, body);
    }

    /// A table that scrolls by itself where there is too little room; rows come as cells.
    fn table(&mut self, label: &str, class: &str, head: &[(&str, bool)], rows: impl Iterator<Item = String>) {
        let rows: Vec<String> = rows.map(|row| format!("<tr>{row}</tr>\n")).collect();
        if rows.is_empty() {
            return;
        }
        let head = head.iter().map(|(name, number)| {
            let class = if *number { " class=\"n\"" } else { "" };
            format!("<th scope=\"col\"{class}>{}</th>", escaped(name))
        });
        self.add(&format!(
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">\n<table class=\"{class}\">\n\
             <thead>\n<tr>{}</tr>\n</thead>\n<tbody>\n{}</tbody>\n</table>\n</div>\n",
            escaped(label),
            head.collect::<String>(),
            rows.concat(),
        ));
    }
}

/// What changed how often, in words.
fn verdicts(digest: &Digest) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for row in &digest.rows {
        let Some(change) = row.change else { continue };
        let words = change.verdict.words(row.unit);
        match counts.iter_mut().find(|(known, _)| *known == words) {
            Some((_, n)) => *n += 1,
            None => counts.push((words, 1)),
        }
    }
    let told: Vec<String> = counts.iter().map(|(words, n)| format!("{n} {words}")).collect();
    if told.is_empty() { String::new() } else { format!(" Of its figures: {}.", told.join(", ")) }
}

/// The columns that say which row it is.
const PLACE: [(&str, bool); 3] = [("runtime", false), ("suite", false), ("figure", false)];

fn place(row: &Row) -> String {
    format!("{}{}{}", row_head(row, ""), cell("k", row.suite.name()), cell("k", &row.case))
}

fn row_head(row: &Row, mark: &str) -> String {
    format!("<th scope=\"row\">{}{}{mark}</th>", dot(row), escaped(&facts::lane(row)))
}

fn dot(row: &Row) -> String {
    format!("<span class=\"dot {}\"></span>", charts::class(row))
}

fn cell(class: &str, text: &str) -> String {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<td{class}>{}</td>", escaped(text))
}
