//! What was measured of the runtimes of this machine, and whether it still holds. The form of a file that somebody else
//! keeps: it is read and written here, but from and to bytes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::{Language, Measured, RuntimeInfo, RuntimeType};

/// What was measured of one runtime in one language, and of which one: of another version, or behind other walls, it
/// says nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calibrated {
    /// Which runtime.
    pub runtime: RuntimeType,
    /// Which language.
    pub language: Language,
    /// The runtime's version, as it tells it.
    pub version: String,
    /// What its confinement was built on.
    pub tier: String,
    /// Which properties it had.
    pub letters: String,
    /// Start-up in milliseconds, as of [`Measured`].
    pub startup_time_ms: f64,
    /// Memory in MB, as of [`Measured`].
    #[serde(rename = "memoryOverheadMB")]
    pub memory_overhead_mb: f64,
    /// How many sessions were measured.
    pub samples: u32,
    /// When, UTC.
    pub at: String,
}

impl Calibrated {
    /// What was measured of a runtime that is as `info` has it.
    pub fn new(info: &RuntimeInfo, language: Language, measured: Measured) -> Self {
        Self {
            runtime: info.runtime,
            language,
            version: info.version.clone().unwrap_or_default(),
            tier: info.isolation.tier.clone(),
            letters: info.isolation.letters.clone(),
            startup_time_ms: measured.startup_time_ms,
            memory_overhead_mb: measured.memory_overhead_mb,
            samples: measured.samples,
            at: measured.at,
        }
    }

    /// Whether it holds for the runtime as it is now. Of one that was only glanced at there is no tier yet, nor all of
    /// its version: then nothing speaks against it.
    fn holds(&self, now: &RuntimeInfo) -> bool {
        let glanced = now.isolation.tier.is_empty();
        let same = || {
            now.version.as_deref().unwrap_or_default() == self.version
                && now.isolation.tier == self.tier
                && now.isolation.letters == self.letters
        };
        now.runtime == self.runtime
            && now.available
            && now.languages.contains(&self.language)
            && !now.fetchable_languages.contains(&self.language)
            && (glanced || same())
    }

    /// It can have been measured.
    fn is_sound(&self) -> bool {
        let sound = |figure: f64| figure.is_finite() && figure > 0.0;
        sound(self.startup_time_ms) && sound(self.memory_overhead_mb)
    }
}

/// All that was measured: of each runtime and language, the last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Calibration {
    measured: Vec<Calibrated>,
    /// What another version has written, and this one does not know. It counts for nothing, and is kept as it is.
    unknown: Vec<Value>,
}

/// How it is written.
#[derive(Serialize, Deserialize)]
struct Form {
    measured: Vec<Value>,
}

impl From<Form> for Calibration {
    fn from(form: Form) -> Self {
        let mut all = Self::default();
        for entry in form.measured {
            match Calibrated::deserialize(&entry) {
                Ok(one) => all.measured.push(one),
                Err(_) => all.unknown.push(entry),
            }
        }
        all
    }
}

impl From<Calibration> for Form {
    fn from(all: Calibration) -> Self {
        let known = all.measured.iter().filter_map(|one| serde_json::to_value(one).ok());
        Self { measured: known.chain(all.unknown).collect() }
    }
}

impl Calibration {
    /// Reads what [`Self::to_json`] has written. Error: what is wrong with it.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|e| e.to_string())
    }

    /// The content of a file, for people to read too.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Takes in what was measured, in place of what was known of the same.
    pub fn learn(&mut self, measured: impl IntoIterator<Item = Calibrated>) {
        for one in measured.into_iter().filter(Calibrated::is_sound) {
            self.measured.retain(|old| (old.runtime, old.language) != (one.runtime, one.language));
            self.measured.push(one);
        }
        self.measured.sort_by_key(|one| (one.runtime, one.language));
    }

    /// Drops what is known of these runtimes; gives how much that was.
    pub fn forget(&mut self, runtimes: impl Fn(RuntimeType) -> bool) -> usize {
        let before = self.measured.len();
        self.measured.retain(|one| !runtimes(one.runtime));
        before - self.measured.len()
    }

    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.measured.is_empty()
    }

    /// Everything, also what holds no more.
    pub fn all(&self) -> &[Calibrated] {
        &self.measured
    }

    /// Tells a runtime's description what was measured of it, as far as it holds.
    pub fn tell(&self, info: &mut RuntimeInfo) {
        let holding = self.measured.iter().filter(|one| one.is_sound() && one.holds(info));
        let isolation_level = info.capabilities.isolation_level;
        info.measured = holding
            .map(|one| {
                let measured = Measured {
                    startup_time_ms: one.startup_time_ms,
                    memory_overhead_mb: one.memory_overhead_mb,
                    isolation_level,
                    samples: one.samples,
                    at: one.at.clone(),
                };
                (one.language, measured)
            })
            .collect();
    }
}
