//! The figures that the original project published, as a reference by name: `seed`. They were measured on another machine
//! and have no samples, so nothing is called faster or slower by them.

use super::suite::Suite;
use crate::protocol::RuntimeType;

/// The name they are compared with by.
pub const NAME: &str = "seed";

/// A figure that was published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// Of which suite.
    pub suite: Suite,
    /// The figures of the suite that it stands beside; empty is every one.
    pub cases: &'static [&'static str],
    /// Of which runtime; `None` is the engine as a whole.
    pub runtime: Option<RuntimeType>,
    /// The mean, in the unit of the suite's first case.
    pub mean: f64,
    /// The least and the most, where they were told.
    pub range: Option<(f64, f64)>,
    /// It was measured, and not estimated.
    pub measured: bool,
}

const fn measured(suite: Suite, runtime: Option<RuntimeType>, mean: f64, low: f64, high: f64) -> Published {
    Published { suite, cases: &[], runtime, mean, range: Some((low, high)), measured: true }
}

const fn estimated(suite: Suite, runtime: RuntimeType, mean: f64) -> Published {
    Published { suite, cases: &[], runtime: Some(runtime), mean, range: None, measured: false }
}

/// All of them.
pub const FIGURES: &[Published] = {
    use RuntimeType::{Bun, Deno, Docker};
    use Suite::{Create, Exec, Files, Memory, Oneshot, Select};
    &[
        measured(Create, Some(Docker), 562.0, 496.0, 687.0),
        estimated(Create, Deno, 80.0),
        estimated(Create, Bun, 50.0),
        measured(Exec, Some(Docker), 1.2, 0.0, 6.0),
        Published { cases: &["write", "read"], ..measured(Files, Some(Docker), 145.8, 121.0, 220.0) },
        Published { cases: &["write", "read"], ..estimated(Files, Deno, 5.0) },
        Published { cases: &["write", "read"], ..estimated(Files, Bun, 5.0) },
        measured(Select, None, 0.0545, 0.043, 0.066),
        Published { cases: &["whole"], ..measured(Oneshot, Some(Docker), 680.0, 660.0, 700.0) },
        estimated(Memory, Docker, 250.0),
        estimated(Memory, Deno, 30.0),
        estimated(Memory, Bun, 25.0),
    ]
};

/// The figure that was published for this case, if one was.
pub fn figure(suite: Suite, case: &str, runtime: Option<RuntimeType>) -> Option<&'static Published> {
    FIGURES.iter().find(|figure| {
        figure.suite == suite
            && figure.runtime == runtime
            && (figure.cases.is_empty() || figure.cases.contains(&case))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_stands_beside_a_case_that_there_is() {
        for figure in FIGURES {
            let known: Vec<&str> = figure.suite.cases().iter().map(|case| case.name).collect();
            assert!(figure.cases.iter().all(|case| known.contains(case)), "{figure:?}");
            assert_eq!(figure.runtime.is_none(), figure.suite.is_of_the_engine(), "{figure:?}");
        }
    }
}
