//! A report in the formats that it is exported in.

use super::digest::{Baseline, Digest};
use super::report::Report;

/// What a report can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// All of it, to be read again.
    Json,
}

impl Format {
    /// The format of files that end like this, without the dot.
    pub fn from_extension(extension: &str) -> Option<Self> {
        extension.eq_ignore_ascii_case("json").then_some(Self::Json)
    }
}

/// The report in a format.
pub fn render(report: &Report, _digest: &Digest, _base: Option<&Baseline>, format: Format) -> String {
    match format {
        Format::Json => serde_json::to_string_pretty(report).unwrap_or_default(),
    }
}
