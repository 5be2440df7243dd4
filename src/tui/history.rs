//! The runs of this workbench: what was run, where, and what it cost. Bounded in records and in bytes of code.
//!
//! Knows nothing of how a run is started or drawn. What a program wrote is the output's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{Model, Verdict};
use crate::protocol::{ExecuteResult, Language, RuntimeType, SessionId};

/// The most runs kept.
pub(crate) const MAX_RECORDS: usize = 500;
/// The most bytes of code kept; the newest run's is kept whatever its size.
pub(crate) const MAX_CODE: usize = 4 * 1024 * 1024;

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: u32,
    pub(crate) language: Language,
    pub(crate) code: Arc<str>,
    pub(crate) file_name: Option<String>,
    /// What its file was called where it ran.
    pub(crate) written: Option<String>,
    /// It had a terminal.
    pub(crate) terminal: bool,
    /// Where it ran: known once its session is there.
    pub(crate) place: Option<RunPlace>,
    /// `None` until it has ended.
    pub(crate) end: Option<End>,
}

/// Where a run is, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunPlace {
    pub(crate) session: SessionId,
    pub(crate) runtime: RuntimeType,
    /// It is the first run of its session.
    pub(crate) cold: bool,
    /// When it was handed over, since the workbench opened.
    pub(crate) asked_at: Duration,
}

/// How a run ended and what it cost. What isn't known is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) verdict: Verdict,
    /// `exit 0`, `stopped by SIGINT`.
    pub(crate) ending: String,
    pub(crate) exit: Option<i32>,
    pub(crate) wall_ms: Option<u64>,
    /// From the request to the result.
    pub(crate) total_ms: Option<u64>,
    pub(crate) cpu_ms: Option<u64>,
    pub(crate) peak_bytes: Option<u64>,
}

impl End {
    /// What an execution's result tells of it.
    pub(crate) fn of(result: &ExecuteResult, verdict: Verdict, ending: String) -> Self {
        let process = result.process();
        Self {
            verdict,
            ending,
            exit: process.map(|p| p.exit_code),
            wall_ms: process.map(|p| u64::from(p.duration_ms)),
            total_ms: Some(u64::from(result.duration_ms)),
            cpu_ms: process.and_then(|p| p.cpu_ms),
            peak_bytes: process.and_then(|p| p.peak_memory_bytes),
        }
    }

    /// One without figures.
    pub(crate) fn without_figures(verdict: Verdict, ending: impl Into<String>) -> Self {
        let ending = ending.into();
        Self { verdict, ending, exit: None, wall_ms: None, total_ms: None, cpu_ms: None, peak_bytes: None }
    }
}

impl Record {
    /// One that has just been asked for.
    pub(crate) fn begun(
        number: u32,
        language: Language,
        code: &str,
        file_name: Option<String>,
        terminal: bool,
    ) -> Self {
        let code = Arc::from(code);
        Self { number, language, code, file_name, written: None, terminal, place: None, end: None }
    }

    pub(crate) fn session(&self) -> Option<&SessionId> {
        self.place.as_ref().map(|place| &place.session)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.end.as_ref().map_or(Verdict::Run, |end| end.verdict)
    }
}

/// The runs, and where in their list the pane stands.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The oldest first.
    records: VecDeque<Record>,
    /// The run that was chosen; `None` is the newest.
    pub(crate) chosen: Option<u32>,
    /// The runs of all sessions, not of the chosen one alone.
    pub(crate) all: bool,
    /// The run that another shall be compared with.
    pub(crate) marked: Option<u32>,
    /// The run that was clicked last, and when.
    pub(crate) clicked: Option<(u32, Duration)>,
    /// Runs that have ended since somebody asked for those.
    ended: Vec<u32>,
}

impl History {
    /// Adds a run. The oldest go where there are too many.
    pub(crate) fn push(&mut self, mut record: Record) {
        // Somebody runs the same again and again: it is kept once.
        if let Some(same) = self.records.iter().rev().find(|r| r.code == record.code) {
            record.code = Arc::clone(&same.code);
        }
        self.records.push_back(record);
        while self.records.len() > MAX_RECORDS || (self.records.len() > 1 && self.code_bytes() > MAX_CODE) {
            self.records.pop_front();
        }
    }

    /// Bytes of all code that is kept. What runs of a row share is counted once.
    fn code_bytes(&self) -> usize {
        let next = self.records.iter().skip(1).map(Some).chain([None]);
        let shared = |(one, next): (&Record, Option<&Record>)| {
            let same = next.is_some_and(|next| Arc::ptr_eq(&one.code, &next.code));
            if same { 0 } else { one.code.len() }
        };
        self.records.iter().zip(next).map(shared).sum()
    }

    pub(crate) fn find(&self, number: u32) -> Option<&Record> {
        self.records.iter().rev().find(|record| record.number == number)
    }

    /// Says where a run is.
    pub(crate) fn place(&mut self, number: u32, place: RunPlace) {
        if let Some(record) = self.find_mut(number) {
            record.place = Some(place);
        }
    }

    /// Says what the file of a run is called where it is.
    pub(crate) fn written(&mut self, number: u32, name: Option<String>) {
        if let Some(record) = self.find_mut(number) {
            record.written = name;
        }
    }

    /// Says how a run ended.
    pub(crate) fn end(&mut self, number: u32, end: End) {
        if let Some(record) = self.find_mut(number) {
            record.end = Some(end);
            self.ended.push(number);
        }
    }

    /// The runs that have ended since this was called last.
    pub(crate) fn take_ended(&mut self) -> Vec<&Record> {
        let ended = std::mem::take(&mut self.ended);
        ended.into_iter().filter_map(|number| self.find(number)).collect()
    }

    /// Forgets all runs but those that go on.
    pub(crate) fn forget(&mut self) {
        self.records.retain(|record| record.end.is_none());
        *self = Self { records: std::mem::take(&mut self.records), all: self.all, ..Self::default() };
    }

    fn find_mut(&mut self, number: u32) -> Option<&mut Record> {
        self.records.iter_mut().rev().find(|record| record.number == number)
    }

    /// The newest run.
    pub(crate) fn last(&self) -> Option<&Record> {
        self.records.back()
    }

    /// The newest first: those of a session, or all.
    pub(crate) fn newest_first<'a>(
        &'a self,
        session: Option<&'a SessionId>,
    ) -> impl Iterator<Item = &'a Record> + 'a {
        let of = move |record: &&Record| match (session, record.session()) {
            (Some(wanted), Some(session)) => wanted == session,
            // One that never had a session belongs to none.
            _ => true,
        };
        self.records.iter().rev().filter(of)
    }
}

impl Model {
    /// The session whose runs the history shows; `None` is all.
    pub(crate) fn scope(&self) -> Option<&SessionId> {
        let current = self.sessions.current().filter(|_| !self.history.all)?;
        Some(&current.info.session_id)
    }

    /// The runs that the history shows, the newest first.
    pub(crate) fn shown_runs(&self) -> impl Iterator<Item = &Record> {
        self.history.newest_first(self.scope())
    }

    /// The run that commands in the history are about.
    pub(crate) fn chosen_run(&self) -> Option<&Record> {
        let chosen = self.shown_runs().find(|record| Some(record.number) == self.history.chosen);
        chosen.or_else(|| self.shown_runs().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(number: u32, code: &str) -> Record {
        Record::begun(number, Language::Python, code, None, false)
    }

    #[test]
    fn the_same_code_is_kept_once() {
        let mut history = History::default();
        let code = "x".repeat(MAX_CODE / 2);
        for number in 1..=9 {
            history.push(record(number, &code));
        }
        assert_eq!(history.newest_first(None).count(), 9);
        assert_eq!(history.code_bytes(), code.len());
    }

    #[test]
    fn the_oldest_go() {
        let mut history = History::default();
        for number in 1..=600 {
            history.push(record(number, ""));
        }
        assert_eq!(history.newest_first(None).count(), MAX_RECORDS);
        assert!(history.find(100).is_none() && history.find(101).is_some());
        history.push(record(601, &"y".repeat(MAX_CODE + 1)));
        assert_eq!(history.newest_first(None).map(|r| r.number).collect::<Vec<_>>(), [601]);
    }

    #[test]
    fn a_session_has_its_own() {
        let mut history = History::default();
        let (a, b) = (SessionId::from("a"), SessionId::from("b"));
        for (number, session) in [(1, &a), (2, &b), (3, &a)] {
            history.push(record(number, "x"));
            let runtime = RuntimeType::Bun;
            history.place(
                number,
                RunPlace { session: session.clone(), runtime, cold: number < 3, asked_at: Duration::ZERO },
            );
        }
        let of = |session| history.newest_first(session).map(|r| r.number).collect::<Vec<_>>();
        assert_eq!((of(Some(&a)), of(Some(&b)), of(None)), (vec![3, 1], vec![2], vec![3, 2, 1]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bounds_hold(sizes in prop::collection::vec((0usize..MAX_CODE, 0u8..4), 0..12)) {
            let mut history = History::default();
            for (number, (size, letter)) in (1u32..).zip(&sizes) {
                let letter = char::from(b'a' + letter);
                history.push(record(number, &letter.to_string().repeat(*size)));
                prop_assert_eq!(history.last().map(|r| r.number), Some(number));
                prop_assert!(history.code_bytes() <= MAX_CODE);
                prop_assert!(history.newest_first(None).count() <= MAX_RECORDS);
            }
        }
    }
}
