//! What can be measured: suites, and the figures that each of them gives.

use serde::{Deserialize, Serialize};

use crate::protocol::WireName;
use crate::protocol::names::wire_enum;

wire_enum! {
    /// A kind of work that is measured.
    pub enum Suite {
        /// Environment creation: from the request for a session to its answer.
        Create = "create";
        /// Code execution in a warm session: a small program that it has not seen before.
        Exec = "exec";
        /// File operations in a session, 200 bytes each.
        Files = "files";
        /// The choice of a runtime.
        Select = "select";
        /// Everything a single program costs: create, run hello, close.
        Oneshot = "oneshot";
        /// The same program again in a warm session.
        Rerun = "rerun";
        /// From the request for a session to the start of an empty program in it.
        Startup = "startup";
        /// A cell in an interpreter that keeps its variables, where a runtime offers one.
        Repl = "repl";
        /// Writing and reading a file of 1 KiB, 64 KiB and 1 MiB.
        Io = "io";
        /// A program that prints as fast as it is taken.
        Output = "output";
        /// One-shots from 1, 4 and 16 clients at once.
        Concurrency = "concurrency";
        /// Memory of a session that runs an empty program.
        Memory = "memory";
        /// Code of your own.
        Code = "code";
    }
}

/// The four that the original project published figures for.
pub const SEED: [Suite; 4] = [Suite::Create, Suite::Exec, Suite::Files, Suite::Select];

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Megabytes (10^6 bytes) a second.
    MegabytesPerSecond,
    /// How many a second.
    PerSecond,
    /// Megabytes, 10^6 bytes.
    Megabytes,
}

impl Unit {
    /// How it is written behind a number.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::MegabytesPerSecond => "MB/s",
            Self::PerSecond => "/s",
            Self::Megabytes => "MB",
        }
    }

    /// A larger figure is a better one.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::MegabytesPerSecond | Self::PerSecond)
    }
}

/// One figure that a suite gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Its name within the suite: `write 1 KiB`.
    pub name: &'static str,
    /// What is measured, in a few words.
    pub what: &'static str,
    /// Its unit.
    pub unit: Unit,
}

const fn ms(name: &'static str, what: &'static str) -> Case {
    Case { name, what, unit: Unit::Milliseconds }
}

const fn rate(name: &'static str, what: &'static str) -> Case {
    Case { name, what, unit: Unit::PerSecond }
}

impl Suite {
    /// Every one, in the order people are shown them.
    pub fn all() -> &'static [Self] {
        Self::ALL
    }

    /// The name as people type it.
    pub fn name(self) -> &'static str {
        WireName::name(self)
    }

    /// What it is, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Create => "environment creation",
            Self::Exec => "code execution, warm session",
            Self::Files => "file operations, 200 B",
            Self::Select => "choice of a runtime",
            Self::Oneshot => "one-shot: create, run hello, close",
            Self::Rerun => "the same program again, warm session",
            Self::Startup => "request to program start",
            Self::Repl => "cell in a kept interpreter",
            Self::Io => "file write and read",
            Self::Output => "output throughput",
            Self::Concurrency => "one-shots at once",
            Self::Memory => "memory of a session",
            Self::Code => "your code",
        }
    }

    /// The figures it gives, the one that stands for it first.
    pub fn cases(self) -> &'static [Case] {
        use Unit::{Megabytes, MegabytesPerSecond};
        match self {
            Self::Create => const { &[ms("create", "session.create, to its answer")] },
            Self::Exec => const { &[ms("exec", "execute_code of a new hello, to its result")] },
            Self::Files => {
                const {
                    &[
                        ms("write", "write_file"),
                        ms("read", "read_file"),
                        ms("list", "list_directory"),
                        ms("copy", "copy_file"),
                        ms("delete", "delete_file"),
                    ]
                }
            }
            Self::Select => {
                const {
                    &[
                        ms("speed", "runtime.select by Speed"),
                        ms("security", "runtime.select by Security"),
                        ms("memory", "runtime.select by Memory"),
                        ms("balanced", "runtime.select by Balanced"),
                    ]
                }
            }
            Self::Oneshot => {
                const {
                    &[
                        ms("first output", "session.create asked for, to the first byte of output"),
                        ms("whole", "session.create asked for, to session.close answered"),
                    ]
                }
            }
            Self::Rerun => const { &[ms("rerun", "execute_code of the same hello, to its result")] },
            Self::Startup => const { &[ms("start", "session.create asked for, to the program's start")] },
            Self::Repl => const { &[ms("cell", "execute_code with repl, to its result")] },
            Self::Io => {
                const {
                    &[
                        ms("write 1 KiB", "write_file"),
                        ms("write 64 KiB", "write_file"),
                        ms("write 1 MiB", "write_file"),
                        ms("read 1 KiB", "read_file"),
                        ms("read 64 KiB", "read_file"),
                        ms("read 1 MiB", "read_file"),
                    ]
                }
            }
            Self::Output => {
                const { &[Case { name: "throughput", what: "16 MiB printed and taken", unit: MegabytesPerSecond }] }
            }
            Self::Concurrency => {
                const {
                    &[
                        rate("1 client", "whole one-shots"),
                        rate("4 clients", "whole one-shots"),
                        rate("16 clients", "whole one-shots"),
                        ms("one-shot of 1", "each one-shot"),
                        ms("one-shot of 4", "each one-shot"),
                        ms("one-shot of 16", "each one-shot"),
                    ]
                }
            }
            Self::Memory => {
                const { &[Case { name: "peak", what: "most at once while an empty program ran", unit: Megabytes }] }
            }
            Self::Code => {
                const {
                    &[
                        ms("warm", "execute_code in a warm session, to its result"),
                        ms("cold", "session.create asked for, to the result"),
                    ]
                }
            }
        }
    }

    /// Samples of each lane, where nobody says how many.
    pub fn samples(self) -> u32 {
        match self {
            Self::Select | Self::Files | Self::Io | Self::Rerun | Self::Repl => 100,
            Self::Exec | Self::Code => 50,
            Self::Create | Self::Oneshot | Self::Startup => 20,
            Self::Output | Self::Memory | Self::Concurrency => 10,
        }
    }

    /// A session of its own for every sample: nothing is warm.
    pub fn is_cold(self) -> bool {
        matches!(self, Self::Create | Self::Oneshot | Self::Startup | Self::Concurrency | Self::Memory)
    }

    /// It has one lane for the whole engine, and none for each runtime.
    pub fn is_of_the_engine(self) -> bool {
        self == Self::Select
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_cases_differ() {
        for suite in Suite::all() {
            assert_eq!(suite.name().parse(), Ok(*suite));
            let mut names: Vec<_> = suite.cases().iter().map(|case| case.name).collect();
            assert!(!names.is_empty());
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), suite.cases().len(), "{suite}");
        }
    }
}
