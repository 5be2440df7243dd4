//! What is to be measured, and where.

use serde::{Deserialize, Serialize};

use super::suite::Suite;
use crate::protocol::{Language, RuntimeInfo, RuntimeType};

/// The sessions that the samples of a warm suite are spread over, at most: what one session is luckier in than another
/// is then seen, and is not taken for a property of the runtime.
const LAUNCHES: u32 = 10;
/// The seed of orders and intervals where nobody names one.
pub const SEED_OF_ORDERS: u64 = 42;
/// The most samples of a lane that can be asked for.
pub const MOST_SAMPLES: u32 = 100_000;

/// A language on a runtime: what is measured side by side with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane {
    /// The runtime.
    pub runtime: RuntimeType,
    /// The language that runs on it.
    pub language: Language,
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{} {}", self.runtime.short(), self.language))
    }
}

/// Code of a person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What it is called.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// The program text.
    pub text: String,
    /// The name its file has in the workspace.
    pub file_name: Option<String>,
}

/// What is to be measured. The same plan on the same machine asks for the same work in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What, in this order.
    pub suites: Vec<Suite>,
    /// Where.
    pub lanes: Vec<Lane>,
    /// Samples of each lane; absent is what each suite takes by itself.
    pub samples: Option<u32>,
    /// The order of the lanes comes from this, and so does every interval.
    pub seed: u64,
    /// What [`Suite::Code`] runs.
    pub code: Option<Code>,
}

impl Plan {
    /// Samples of each lane of a suite.
    pub fn samples(&self, suite: Suite) -> u32 {
        self.samples.unwrap_or_else(|| suite.samples()).clamp(1, MOST_SAMPLES)
    }

    /// How many sessions the samples of a warm suite are spread over: two samples or more in each, for one costs as many
    /// warm-ups as many.
    pub fn launches(&self, suite: Suite) -> u32 {
        if suite.is_cold() || suite.is_of_the_engine() {
            1
        } else {
            (self.samples(suite) / 2).clamp(1, LAUNCHES)
        }
    }
}

/// The lanes for `language`; without one, JavaScript where a runtime runs it, for that is what the most runtimes run, and
/// the first language of those that do not.
pub fn lanes(infos: &[RuntimeInfo], language: Option<Language>) -> Vec<Lane> {
    let able = infos.iter().filter(|info| info.available);
    let lane = |info: &RuntimeInfo| {
        let runs = |l: &Language| info.languages.contains(l) && !info.fetchable_languages.contains(l);
        let language = match language {
            Some(language) => Some(language).filter(runs),
            None => {
                Some(Language::JavaScript).filter(runs).or_else(|| info.languages.iter().copied().find(runs))
            }
        };
        Some(Lane { runtime: info.runtime, language: language? })
    };
    able.filter_map(lane).collect()
}
