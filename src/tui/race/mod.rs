//! A race: the same code on every runtime that runs it, side by side.
//!
//! Owns what is known of each lane and what their answers are worth together. Each lane is a run with a number of its
//! own. Knows nothing of how it is drawn, and asks for nothing: that is `update`'s.

mod answer;
mod places;

use super::history::End;
use super::model::{Model, Named, RuntimeRow, Verdict};
use super::output::Output;
use super::sink::Sink;
use super::stop::Stop;
use super::text;
use crate::protocol::{ExecutionId, Language, RuntimeType, SessionId};

pub(crate) use answer::{Agreement, Answer};
pub(crate) use places::Places;

/// Where a lane is.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// Others come before it.
    Waiting,
    /// Its session is being created.
    Creating,
    /// It was handed over.
    Asked,
    Running,
    Ended(End),
}

/// What it took to have the lane's session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    Unknown,
    /// It was there.
    Warm,
    /// It was created for this, in so many milliseconds.
    Cold(f64),
}

/// The code on one runtime.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The number of its run.
    pub(crate) number: u32,
    pub(crate) runtime: RuntimeType,
    pub(crate) session: Option<SessionId>,
    pub(crate) execution: Option<ExecutionId>,
    pub(crate) stage: Stage,
    pub(crate) stop: Stop,
    pub(crate) start: Start,
    pub(crate) output: Output,
    pub(crate) sink: Sink,
    pub(crate) answer: Answer,
}

impl Lane {
    pub(crate) fn new(number: u32, runtime: RuntimeType) -> Self {
        Self {
            number,
            runtime,
            session: None,
            execution: None,
            stage: Stage::Waiting,
            stop: Stop::No,
            start: Start::Unknown,
            output: Output::new(),
            sink: Sink::default(),
            answer: Answer::default(),
        }
    }

    pub(crate) fn end(&self) -> Option<&End> {
        match &self.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// The exit code that ends its answer. What was ended from outside, or was asked to end, is nobody's answer.
    fn exit(&self) -> Option<i32> {
        self.end().filter(|end| end.verdict != Verdict::Warn && self.stop == Stop::No)?.exit
    }

    pub(crate) fn is_live(&self) -> bool {
        self.end().is_none()
    }

    /// How it stands, in a word.
    pub(crate) fn state(&self) -> (Verdict, &'static str) {
        let word = match &self.stage {
            Stage::Ended(end) => {
                return (
                    end.verdict,
                    match end.verdict {
                        Verdict::Ok => "ok",
                        Verdict::Fail => "failed",
                        Verdict::Warn => "stopped",
                        _ => "unknown",
                    },
                );
            }
            Stage::Waiting => return (Verdict::Idle, "waiting"),
            Stage::Creating => "creating",
            Stage::Asked => "starting",
            Stage::Running => "running",
        };
        (Verdict::Run, self.stop.word().unwrap_or(word))
    }

    /// Milliseconds that its session took to start; none where it was there.
    pub(crate) fn start_ms(&self) -> f64 {
        match self.start {
            Start::Cold(ms) => ms,
            Start::Warm | Start::Unknown => 0.0,
        }
    }

    /// From the wish to the answer, without what lies between session and program, in milliseconds.
    pub(crate) fn total_ms(&self) -> Option<f64> {
        let wall = self.end()?.wall_ms?;
        Some(self.start_ms() + wall as f64)
    }
}

/// The code, and its lanes.
#[derive(Debug)]
pub(crate) struct Race {
    /// What the code is called.
    pub(crate) name: String,
    pub(crate) language: Language,
    pub(crate) code: String,
    pub(crate) named: Named,
    pub(crate) lanes: Vec<Lane>,
    /// Runtimes that take no part, with the reason.
    pub(crate) others: Vec<(RuntimeType, String)>,
    pub(crate) chosen: usize,
    /// The chosen lane has the room of all.
    pub(crate) alone: bool,
    /// One after another, and not all at once.
    pub(crate) in_turn: bool,
    /// Its person has asked it to end.
    pub(crate) stopped: bool,
}

impl Race {
    pub(crate) fn is_live(&self) -> bool {
        self.lanes.iter().any(Lane::is_live)
    }

    pub(crate) fn live(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.is_live()).count()
    }

    /// A lane has not ended in this session.
    pub(crate) fn runs_in(&self, session: &SessionId) -> bool {
        self.lanes.iter().any(|lane| lane.is_live() && lane.session.as_ref() == Some(session))
    }

    pub(crate) fn lane(&mut self, number: u32) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.number == number)
    }

    /// What goes on, in a few words.
    pub(crate) fn activity(&self) -> (Verdict, String) {
        let stopping = self.lanes.iter().filter(|lane| lane.is_live()).find_map(|lane| lane.stop.word());
        (
            Verdict::Run,
            format!("race: {} of {} {}", self.live(), self.lanes.len(), stopping.unwrap_or("running")),
        )
    }

    /// What the answers are worth together, in a line.
    pub(crate) fn verdict(&self) -> (Verdict, String) {
        if self.is_live() {
            return self.activity();
        }
        let given: Vec<_> = self
            .lanes
            .iter()
            .filter_map(|lane| Some((lane.runtime.short(), &lane.answer, lane.exit()?)))
            .collect();
        let silent = self.lanes.iter().filter(|lane| !lane.is_live() && lane.exit().is_none());
        let silent: Vec<&str> = silent.map(|lane| lane.runtime.short()).collect();
        let (of, mut words) = match answer::compare(&given) {
            Agreement::Nothing => match given.first() {
                Some((name, ..)) => (Verdict::Idle, format!("{name} alone has answered: nothing to compare")),
                None => (Verdict::Fail, "no runtime has answered".to_owned()),
            },
            Agreement::Same(n) => {
                let exit = given.first().map_or(0, |(.., exit)| *exit);
                let all = match n {
                    2 if silent.is_empty() => "both".to_owned(),
                    n if silent.is_empty() => format!("all {n}"),
                    n => n.to_string(),
                };
                let of = if silent.is_empty() { Verdict::Ok } else { Verdict::Warn };
                (of, format!("the same answer on {all}: output and exit {exit}"))
            }
            Agreement::Lost(names) => {
                (Verdict::Unknown, format!("can't be compared: output of {} was lost", joined(&names)))
            }
            Agreement::Differ { groups, exit_alone, line } => {
                let groups: Vec<String> = groups.iter().map(|group| joined(group)).collect();
                let what = if exit_alone { "the exit codes differ" } else { "the answers differ" };
                let line = line.map_or_else(String::new, |line| format!(", first in line {line}"));
                (Verdict::Fail, format!("{what}: {}{line}", groups.join(" against ")))
            }
        };
        if !silent.is_empty() && !given.is_empty() {
            words.push_str(&format!("; {} gave none", joined(&silent)));
        }
        (of, words)
    }

    /// The lane that was done in the least time, where several were.
    pub(crate) fn quickest(&self) -> Option<&Lane> {
        let mut timed: Vec<(&Lane, f64)> = self
            .lanes
            .iter()
            .filter(|lane| lane.end().is_some_and(|end| end.verdict == Verdict::Ok))
            .filter_map(|lane| Some((lane, lane.total_ms()?)))
            .collect();
        timed.sort_by(|a, b| a.1.total_cmp(&b.1));
        (timed.len() > 1 && !self.is_live()).then(|| timed.first().map(|(lane, _)| *lane)).flatten()
    }

    /// Which lane that was and how long it took, in words; with it whether that was a start others had not.
    pub(crate) fn quickest_words(&self) -> Option<String> {
        let lane = self.quickest()?;
        let total = text::millis(lane.total_ms()?);
        let timed = self.lanes.iter().filter(|lane| lane.total_ms().is_some());
        let (cold, warm): (Vec<_>, Vec<_>) = timed.partition(|lane| matches!(lane.start, Start::Cold(_)));
        let mixed = match lane.start {
            _ if cold.is_empty() || warm.is_empty() => "",
            Start::Cold(_) => ", cold against warm",
            Start::Warm | Start::Unknown => ", warm against cold",
        };
        Some(format!("quickest: {} in {total}{mixed}", lane.runtime.short()))
    }

    pub(crate) fn places(&self, size: ratatui::layout::Size) -> Places {
        Places::of(size, self.lanes.len(), self.others.len(), self.chosen, self.alone)
    }
}

/// `bun`, `bun and deno`, `bun, deno and docker`.
fn joined<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

/// Why a runtime can't run a language now; `None`: it can.
pub(crate) fn unfit(row: &RuntimeRow, language: Language) -> Option<String> {
    match &row.info {
        None => Some("still being looked for".to_owned()),
        // What it needs for this language may be missing while it runs others.
        Some(info) if info.fetchable_languages.contains(&language) => {
            Some(format!("what it needs for {} is not here yet: F3 gets it", language.title()))
        }
        Some(info) if !info.available => {
            Some(info.reason.clone().unwrap_or_else(|| "not available".to_owned()))
        }
        Some(info) if !info.languages.contains(&language) => {
            Some(format!("does not run {}", language.title()))
        }
        Some(_) => None,
    }
}

/// The runtimes that run a language now.
pub(crate) fn able(model: &Model, language: Language) -> impl Iterator<Item = RuntimeType> {
    model.runtimes.rows.iter().filter(move |row| unfit(row, language).is_none()).map(|row| row.runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn race(lanes: &[(RuntimeType, &str, Option<i32>)]) -> Race {
        let lane = |(number, (runtime, text, exit)): (usize, &(RuntimeType, &str, Option<i32>))| {
            let mut lane = Lane::new(u32::try_from(number).unwrap(), *runtime);
            lane.answer.write(text.as_bytes());
            let verdict = if *exit == Some(0) { Verdict::Ok } else { Verdict::Fail };
            lane.stage = Stage::Ended(End {
                exit: *exit,
                wall_ms: exit.map(|_| 10 + number as u64),
                ..End::without_figures(verdict, "")
            });
            lane
        };
        Race {
            name: "scratch.ts".to_owned(),
            language: Language::TypeScript,
            code: String::new(),
            named: Named::default(),
            lanes: lanes.iter().enumerate().map(lane).collect(),
            others: Vec::new(),
            chosen: 0,
            alone: false,
            in_turn: false,
            stopped: false,
        }
    }

    #[test]
    fn the_verdict_says_who_differs() {
        use RuntimeType::{Bun, Deno, Docker};
        for (lanes, of, words) in [
            (
                &[(Docker, "a", Some(0)), (Deno, "a", Some(0)), (Bun, "a", Some(0))][..],
                Verdict::Ok,
                "the same answer on all 3: output and exit 0",
            ),
            (
                &[(Docker, "a", Some(0)), (Deno, "b", Some(0)), (Bun, "b", Some(0))][..],
                Verdict::Fail,
                "the answers differ: deno and bun against docker, first in line 1",
            ),
            (
                &[(Deno, "a", Some(0)), (Bun, "a", Some(1))][..],
                Verdict::Fail,
                "the exit codes differ: deno against bun",
            ),
            (
                &[(Docker, "", None), (Deno, "a", Some(0)), (Bun, "a", Some(0))][..],
                Verdict::Warn,
                "the same answer on 2: output and exit 0; docker gave none",
            ),
            (
                &[(Docker, "", None), (Bun, "a", Some(0))][..],
                Verdict::Idle,
                "bun alone has answered: nothing to compare; docker gave none",
            ),
            (&[(Bun, "", None)][..], Verdict::Fail, "no runtime has answered"),
        ] {
            assert_eq!(race(lanes).verdict(), (of, words.to_owned()));
        }
    }

    #[test]
    fn the_quickest_counts_its_start() {
        use RuntimeType::{Bun, Deno};
        let mut race = race(&[(Deno, "a", Some(0)), (Bun, "a", Some(0))]);
        assert_eq!(race.quickest().map(|lane| lane.runtime), Some(Deno));
        race.lanes[0].start = Start::Cold(50.0);
        assert_eq!(race.quickest().map(|lane| lane.runtime), Some(Bun));
        assert_eq!(race.quickest_words().as_deref(), Some("quickest: bun in 11.0 ms, warm against cold"));
        race.lanes[1].start = Start::Cold(1.0);
        assert_eq!(race.quickest_words().as_deref(), Some("quickest: bun in 12.0 ms"));
        race.lanes[1].stage = Stage::Running;
        assert!(race.quickest().is_none(), "while something runs nobody has won");
    }
}
