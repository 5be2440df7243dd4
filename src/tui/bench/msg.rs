//! What a benchmark tells the workbench, and what is asked for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::bench::{Baseline, Digest, Plan, Snapshot};

/// About a benchmark.
#[derive(Debug)]
pub enum BenchMsg {
    /// What there is of one so far.
    Told {
        /// Its number.
        number: u32,
        /// What was read of it.
        reading: Box<Reading>,
    },
    /// Drawing took so long while it measured, in so much time.
    Drawn {
        /// Spent.
        spent: Duration,
        /// Of this.
        of: Duration,
    },
    /// The one of this number has ended, and nobody knows how.
    Lost(u32),
    /// The names of those that were saved.
    Names(Vec<String>),
    /// It is compared with nothing else than before, and why not.
    NotCompared(String),
    /// One was kept by this name, or why not.
    Kept(String, Result<PathBuf, KeepFailure>),
    /// One was written to this file, so many bytes, or why not.
    Exported(PathBuf, Result<u64, KeepFailure>),
}

/// What there is of a benchmark, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The samples, and how far it is.
    pub snapshot: Arc<Snapshot>,
    /// What they say.
    pub digest: Arc<Digest>,
    /// What they are compared with.
    pub base: Option<Arc<Baseline>>,
    /// It still measures.
    pub live: bool,
    /// What reading took of each second up to now, in milliseconds.
    pub cost: f64,
}

/// Why a benchmark was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeepFailure {
    /// There is one already, and it was not to be replaced.
    Exists,
    /// Anything else, in words.
    Other(String),
}

/// What is asked for a benchmark.
#[derive(Clone, Debug, PartialEq)]
pub enum BenchTask {
    /// To measure.
    Measure {
        /// The number that what is told of it carries.
        number: u32,
        /// What, and where.
        plan: Box<Plan>,
        /// What it is compared with meanwhile.
        base: Option<Arc<Baseline>>,
    },
    /// To take no sample for now, or to go on.
    Pause(bool),
    /// To end it, and keep what was measured.
    Stop,
    /// The names of those that were saved.
    Names,
    /// To compare with the one of this name; none: with nothing.
    Compare(Option<String>),
    /// To save it by this name.
    Keep {
        /// What was measured.
        snapshot: Arc<Snapshot>,
        /// The name.
        name: String,
        /// One of that name may go.
        replace: bool,
    },
    /// To write it to a file, in the format that the file's name ends with.
    Export {
        /// What was measured.
        reading: Box<Reading>,
        /// Where to.
        path: PathBuf,
        /// A file that is there may go.
        replace: bool,
    },
}
