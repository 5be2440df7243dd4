//! What was measured, with everything needed to measure it again. This is what is saved and exported as JSON.

use serde::{Deserialize, Serialize};

use super::host::{Host, Noise};
use super::plan::Lane;
use super::suite::{Case, Suite, Unit};
use crate::protocol::{IsolationReport, Language, Phases, SessionConfig, SessionLimits};

/// The version of the saved form.
pub const FORMAT: u32 = 1;

/// A whole benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// The program that measured, with its version.
    pub tool: String,
    /// The name it was saved by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it began, UTC.
    pub started: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Whether it came to its end, and was not stopped; what could not be measured says why.
    pub complete: bool,
    /// How it was measured.
    pub method: Method,
    /// The engine that was measured.
    pub engine: EngineFacts,
    /// The machine that measured.
    pub host: Host,
    /// What else the machine did meanwhile.
    pub noise: Noise,
    /// What ran, and behind which walls.
    pub environments: Vec<EnvironmentFacts>,
    /// The person's own code, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeFacts>,
    /// The samples.
    pub series: Vec<Series>,
}

/// How it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    /// What was asked for.
    pub suites: Vec<Suite>,
    /// Samples of each lane that were asked for; absent is what each suite takes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
    /// Orders and intervals come from this.
    pub seed: u64,
    /// In words.
    pub words: String,
}

/// The engine that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineFacts {
    /// `local`, or the server's address.
    pub place: String,
    /// Its name and version; empty is not known.
    #[serde(default)]
    pub version: String,
    /// How many threads asked it, and did its work where it is in the same process; 0 is not known.
    #[serde(default)]
    pub threads: usize,
    /// It may hand out environments that stand ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<bool>,
}

/// What ran in a lane, and behind which walls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentFacts {
    /// The lane.
    pub lane: Lane,
    /// The runtime's version; absent is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What isolated its sessions.
    pub isolation: IsolationReport,
    /// What its sessions were created with; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<SessionConfig>,
    /// The limits that were in force.
    #[serde(default, skip_serializing_if = "SessionLimits::is_empty")]
    pub limits: SessionLimits,
}

/// The person's own code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeFacts {
    /// What it is called.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Bytes.
    pub bytes: usize,
    /// SHA-256 of its text, in hex.
    pub sha256: String,
}

/// Samples of one figure in one lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// Of which suite.
    pub suite: Suite,
    /// The name of the figure within the suite.
    pub case: String,
    /// Where; absent is the engine as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// What the samples count.
    pub unit: Unit,
    /// Samples that were taken first and dropped.
    pub warm_ups: u32,
    /// The samples in the order in which they were taken.
    pub samples: Vec<f64>,
    /// In which session each was taken; those of one session resemble each other.
    pub launches: Vec<u32>,
    /// The engine's time stamps of each, where it tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phases>,
    /// The most memory that any of its programs had, in bytes; absent is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_bytes: Option<u64>,
    /// How often it failed; those are no samples.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Why it failed last, or why it was not measured (any more).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Series {
    /// Without samples yet.
    pub fn new(suite: Suite, case: Case, lane: Option<Lane>) -> Self {
        Self {
            suite,
            case: case.name.to_owned(),
            lane,
            unit: case.unit,
            warm_ups: 0,
            samples: Vec::new(),
            launches: Vec::new(),
            phases: Vec::new(),
            peak_memory_bytes: None,
            failures: 0,
            reason: None,
        }
    }

    /// It measures the same thing in the same place.
    pub fn is_like(&self, other: &Self) -> bool {
        self.suite == other.suite
            && self.case == other.case
            && self.lane == other.lane
            && self.unit == other.unit
    }

    /// The median of the engine's time stamps, each by itself; absent where it told none.
    pub fn median_phases(&self) -> Option<Phases> {
        let of = |part: fn(&Phases) -> f64| {
            super::stats::median(&self.phases.iter().map(part).collect::<Vec<_>>())
        };
        Some(Phases {
            queue_ms: of(|p| p.queue_ms)?,
            launch_ms: of(|p| p.launch_ms)?,
            run_ms: of(|p| p.run_ms)?,
            collect_ms: of(|p| p.collect_ms)?,
        })
    }
}

impl Report {
    /// The series like this one.
    pub fn like(&self, series: &Series) -> Option<&Series> {
        self.series.iter().find(|other| other.is_like(series))
    }

    /// Every sample that was kept.
    pub fn runs(&self) -> usize {
        self.series.iter().map(|series| series.samples.len()).sum()
    }
}
