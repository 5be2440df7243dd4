//! How a report is shown outside of the workbench's view.
//!
//! One file a format; what they have in common is read once: figures become text in [`numbers`] alone, and what is said
//! of a report in [`facts`]. Everything in a report may come from a file or from a program's output, so every format
//! escapes what it shows and lets no control character through.

mod csv;
mod facts;
mod html;
mod json;
#[cfg(test)]
pub(super) mod made_up;
mod markdown;
pub mod numbers;
mod table;
#[cfg(test)]
mod tests;
mod text;

use super::digest::{Baseline, Digest};
use super::report::Report;

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain text for a terminal of 100 columns.
    Table,
    /// The report itself with what it says; it can be read back as a report.
    Json,
    /// A line for each series.
    Csv,
    /// GitHub's dialect.
    Markdown,
    /// A page that needs nothing else.
    Html,
}

impl Format {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Table, Self::Json, Self::Csv, Self::Markdown, Self::Html];
    /// The names people type, in the order of [`Format::ALL`].
    pub const NAMES: [&str; 5] = ["table", "json", "csv", "md", "html"];

    /// The name people type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }

    /// The one of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// The one that a file's extension asks for, without its dot.
    pub fn from_extension(extension: &str) -> Option<Self> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "txt" => Self::Table,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "md" | "markdown" => Self::Markdown,
            "html" | "htm" => Self::Html,
            _ => return None,
        })
    }
}

/// A report as text, with a line break at its end. The same report gives the same text.
pub fn render(report: &Report, digest: &Digest, base: Option<&Baseline>, format: Format) -> String {
    match format {
        Format::Table => table::render(report, digest, base),
        Format::Json => json::render(report, digest),
        Format::Csv => csv::render(digest),
        Format::Markdown => markdown::render(report, digest, base),
        Format::Html => html::render(report, digest, base),
    }
}
