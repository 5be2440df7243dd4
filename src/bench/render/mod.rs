//! A report as text.

use super::digest::{Baseline, Digest};
use super::report::Report;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Table,
    /// The whole report.
    Json,
    /// A line a series.
    Csv,
    /// Tables for a page.
    Markdown,
    /// One file with charts.
    Html,
}

impl Format {
    /// Their names.
    pub const NAMES: [&'static str; 5] = ["table", "json", "csv", "md", "html"];
    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "table" => Self::Table,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "md" => Self::Markdown,
            "html" => Self::Html,
            _ => return None,
        })
    }
    /// By a file's extension.
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension {
            "txt" => Some(Self::Table),
            "markdown" => Some(Self::Markdown),
            "htm" => Some(Self::Html),
            other => Self::from_name(other).filter(|f| *f != Self::Table),
        }
    }
}

/// The report in a format.
pub fn render(report: &Report, _digest: &Digest, _base: Option<&Baseline>, _format: Format) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default()
}
