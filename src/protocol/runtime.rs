//! Runtimes, what they can do, and how one is chosen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::language::Language;
use super::names::wire_enum;

wire_enum! {
    /// A kind of runtime.
    pub enum RuntimeType {
        /// Containers of the Docker Engine.
        Docker = "Docker", # 0;
        /// Deno, confined.
        Deno = "Deno", # 1;
        /// Bun, confined.
        Bun = "Bun", # 2;
        /// The host's own interpreters and compilers, confined. The original has types of their own for Node.js (3)
        /// and Python (4).
        NativeProcess = "NativeProcess" | "native" | "nodejs" | "python" | "host", # 7 | 3 | 4;
    }
}

impl RuntimeType {
    /// The short lower-case name: `bun`, `native`.
    pub fn short(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Deno => "deno",
            Self::Bun => "bun",
            Self::NativeProcess => "native",
        }
    }
}

wire_enum! {
    /// What matters most in the choice of a runtime.
    pub enum RuntimePreference {
        /// The least start-up time.
        Speed = "Speed", # 0;
        /// The most isolation.
        Security = "Security", # 1;
        /// The least memory.
        Memory = "Memory", # 2;
        /// 0.4 speed, 0.3 security, 0.3 memory.
        Balanced = "Balanced", # 3;
    }
}

/// What a runtime costs and gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// From the request for a session to the first that a program in it writes, in milliseconds.
    pub startup_time_ms: f64,
    /// Memory of a session whose program needs next to none of its own, in MB.
    #[serde(rename = "memoryOverheadMB")]
    pub memory_overhead_mb: f64,
    /// The isolation score, 0 to 10.
    pub isolation_level: u8,
}

/// What a runtime costs on this machine in one language, as it was measured: the medians of several sessions, each made
/// for one program of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// From the request for a session, with nothing ready for it, to the first byte that the program wrote, in
    /// milliseconds. What people wait for: of compiled languages the compiler is part of it.
    pub startup_time_ms: f64,
    /// The most memory that the session took at once, in MB (of 10^6 bytes): of all its processes where this machine
    /// counts that, else of the largest; of a container with its shim's, where that can be seen. What a Docker Engine
    /// itself keeps for a container is not known, and not in it. Of compiled languages it is the compiler's.
    #[serde(rename = "memoryOverheadMB")]
    pub memory_overhead_mb: f64,
    /// The isolation score, 0 to 10: computed, not measured.
    pub isolation_level: u8,
    /// How many sessions were measured.
    pub samples: u32,
    /// When, UTC.
    pub at: String,
}

/// One layer of confinement: whether it is active, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerReport {
    /// Its name: `user namespace`, `seccomp`, …
    pub name: String,
    /// Active, as seen by trying.
    pub active: bool,
    /// Why it is not, or what it gives.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// How well a runtime's environments are isolated: computed from the layers that are really active.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IsolationReport {
    /// 0 to 10.
    pub score: u8,
    /// The five properties: files, network, processes, resources, kernel: `F0 N0 P0 R1 K0`.
    pub letters: String,
    /// What the confinement is built on: `namespaces`, `landlock`, `container`, `none`; empty is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tier: String,
    /// Why nothing stronger holds here, where that is known; empty where this is the strongest there is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub weakened: String,
    /// Every layer, active or not.
    pub layers: Vec<LayerReport>,
}

/// What is known of a runtime on this machine, now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeInfo {
    /// Which.
    #[serde(rename = "type")]
    pub runtime: RuntimeType,
    /// A session can be created on it now.
    pub available: bool,
    /// Its version, or those of its interpreters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where its program is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why it is not available, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The engine can fetch it when asked.
    #[serde(default)]
    pub fetchable: bool,
    /// The languages it runs; of one that is not available, those it would.
    pub languages: Vec<Language>,
    /// Those it would run besides, once what they need is fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetchable_languages: Vec<Language>,
    /// Nominal figures, with the computed isolation score.
    pub capabilities: Capabilities,
    /// Figures measured on this machine, by language; of one that isn't here there are none that hold.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<Language, Measured>,
    /// What isolates its environments.
    pub isolation: IsolationReport,
    /// How many environments stand ready in its pool; absent where it keeps none, or that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<u32>,
}

impl RuntimeInfo {
    /// A runtime that is not available, of which nothing else is known; `languages` are those it would run.
    pub fn unavailable(runtime: RuntimeType, languages: Vec<Language>, capabilities: Capabilities) -> Self {
        Self {
            runtime,
            available: false,
            version: None,
            path: None,
            reason: None,
            fix: None,
            fetchable: false,
            languages,
            fetchable_languages: Vec::new(),
            capabilities,
            measured: BTreeMap::new(),
            isolation: IsolationReport::default(),
            ready: None,
        }
    }

    /// The figures for a language: measured where there are any. The isolation is the one of now.
    pub fn figures(&self, language: Language) -> Capabilities {
        let isolation_level = self.capabilities.isolation_level;
        self.measured.get(&language).map_or(self.capabilities, |measured| Capabilities {
            startup_time_ms: measured.startup_time_ms,
            memory_overhead_mb: measured.memory_overhead_mb,
            isolation_level,
        })
    }
}

/// What is to be fetched for a runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provision {
    /// The runtime.
    #[serde(rename = "type")]
    pub runtime: RuntimeType,
    /// Only what this language needs; absent is everything that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Only this image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker_image: Option<String>,
}

impl Provision {
    /// Everything that a runtime lacks.
    pub fn all(runtime: RuntimeType) -> Self {
        Self { runtime, language: None, docker_image: None }
    }
}

/// What `runtime.select` and `session.create` choose by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectParams {
    /// The language to run.
    pub language: Language,
    /// What matters; absent is Balanced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_preference: Option<RuntimePreference>,
    /// Exactly this runtime, or a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_type: Option<RuntimeType>,
}

/// A candidate's scores, each 0 to 1; 1 is the best candidate's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Best start-up time divided by this one's.
    pub speed: f64,
    /// Isolation score divided by 10.
    pub security: f64,
    /// Least memory divided by this one's.
    pub memory: f64,
    /// What the preference makes of them.
    pub total: f64,
}

/// One runtime in the ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Which.
    pub runtime_type: RuntimeType,
    /// It was chosen.
    pub chosen: bool,
    /// Its scores; absent where it was no candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// The figures that the scores come from: measured ones where every candidate has them, else nominal ones.
    pub figures: Capabilities,
    /// The nominal figures, for comparison; older servers don't tell them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nominal: Option<Capabilities>,
    /// The figures were measured on this machine, not nominal.
    pub measured: bool,
    /// Why it was chosen or passed over, in one sentence.
    pub reason: String,
}

/// The ranking: every runtime, best first, then those that are no candidates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// The language asked for.
    pub language: Language,
    /// The preference it was ranked by.
    pub preference: RuntimePreference,
    /// The runtime chosen; absent where none fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<RuntimeType>,
    /// Every runtime.
    pub ranking: Vec<Candidate>,
}
