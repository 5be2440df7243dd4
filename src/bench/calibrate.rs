//! Measures what the runtimes of this machine cost, each with each of its languages: what the choice of a runtime then
//! goes by, in place of nominal figures.
//!
//! One sample is one session that is made, runs a program of a line, and is closed. Its start-up goes from the request
//! for the session to the first byte that the program wrote: what somebody waits for who has nothing yet, with the
//! compiler where there is one. Its memory is the most that the session took. The engine that is measured keeps nothing
//! ready: with a pool, the second sample would be of the pool. The first sample is dropped: it fills the machine's own
//! caches, which is paid once and not by each session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::engine::{Calibrated, Engine};
use crate::protocol::{
    Command, CreateSession, ErrorKind, Execute, ExecuteCode, ExecutionEvent, Failure, Language, Measured,
    OutputStream, RuntimeInfo, RuntimeType, SessionId,
};

use super::programs::hello;
use super::stats::median;

/// So many samples are taken of each, unless it is said otherwise.
pub const SAMPLES: u32 = 7;
/// One sample takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is to be measured: a language on a runtime.
pub type Pair = (RuntimeType, Language);

/// How far it is.
#[derive(Debug)]
pub enum Step<'a> {
    /// One sample of this is taken now; 0 is the one that is dropped.
    Sample {
        /// Of what.
        pair: Pair,
        /// Which.
        number: u32,
    },
    /// This is measured.
    Done(&'a Calibrated),
    /// This could not be measured.
    Failed {
        /// What.
        pair: Pair,
        /// Why.
        failure: &'a Failure,
    },
}

/// Every runtime that is available now.
pub async fn available(engine: &dyn Engine) -> Vec<RuntimeInfo> {
    let runtimes = engine.runtime_types();
    let infos = join_all(runtimes.iter().map(|runtime| engine.runtime(*runtime, false))).await;
    infos.into_iter().flatten().filter(|info| info.available).collect()
}

/// The languages that a runtime runs as it is.
pub fn languages(info: &RuntimeInfo) -> impl Iterator<Item = Language> {
    info.languages.iter().copied().filter(|language| !info.fetchable_languages.contains(language))
}

/// What can run now and is not measured, or was when it was another version or behind other walls.
pub async fn lacking(engine: &dyn Engine) -> Vec<Pair> {
    let here = available(engine).await;
    let of = |info: &RuntimeInfo| -> Vec<Pair> {
        let unknown = languages(info).filter(|language| !info.measured.contains_key(language));
        unknown.map(|language| (info.runtime, language)).collect()
    };
    here.iter().flat_map(of).collect()
}

/// Measures each of `wanted` with so many samples, one after the other. Cancelling ends it soon, with every session
/// closed; gives what was measured by then.
pub async fn calibrate(
    engine: &dyn Engine,
    wanted: &[Pair],
    samples: u32,
    stop: &CancellationToken,
    mut progress: impl FnMut(Step<'_>) + Send,
) -> Vec<Calibrated> {
    let mut measured = Vec::new();
    for pair in wanted {
        match pair_measured(engine, *pair, samples, stop, &mut progress).await {
            Ok(Some(one)) => {
                progress(Step::Done(&one));
                measured.push(one);
            }
            Ok(None) => break,
            Err(failure) => progress(Step::Failed { pair: *pair, failure: &failure }),
        }
    }
    measured
}

/// `None`: it was cancelled.
async fn pair_measured(
    engine: &dyn Engine,
    pair: Pair,
    samples: u32,
    stop: &CancellationToken,
    progress: &mut (impl FnMut(Step<'_>) + Send),
) -> Result<Option<Calibrated>, Failure> {
    let (runtime, language) = pair;
    // As it is now: that is what the figures are of.
    let info = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(None),
        info = engine.runtime(runtime, false) => info?,
    };
    let (mut startup, mut memory) = (Vec::new(), Vec::new());
    for number in 0..=samples.max(1) {
        if stop.is_cancelled() {
            return Ok(None);
        }
        progress(Step::Sample { pair, number });
        let Some(sample) = sample(engine, pair, stop).await? else { return Ok(None) };
        if number > 0 {
            startup.push(sample.startup.as_secs_f64() * 1000.0);
            memory.push(sample.peak_bytes as f64 / 1e6);
        }
    }
    let measured = Measured {
        startup_time_ms: rounded(median(&startup).unwrap_or_default()),
        memory_overhead_mb: rounded(median(&memory).unwrap_or_default()),
        isolation_level: info.capabilities.isolation_level,
        samples: samples.max(1),
        at: format!("{:.0}", Timestamp::now()),
    };
    Ok(Some(Calibrated::new(&info, language, measured)))
}

/// One session, from its making to its end.
struct Sample {
    startup: Duration,
    peak_bytes: u64,
}

/// `None`: it was cancelled.
async fn sample(
    engine: &dyn Engine,
    (runtime, language): Pair,
    stop: &CancellationToken,
) -> Result<Option<Sample>, Failure> {
    let begun = Instant::now();
    let params = CreateSession { runtime_type: Some(runtime), ..CreateSession::new(language) };
    let create = within(begun, engine.create_session(params));
    let session = tokio::select! {
        biased;
        // A session that is being made is removed by the engine when nobody waits for it any more.
        () = stop.cancelled() => return Ok(None),
        session = create => session?.session_id,
    };
    let sample = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(None),
        sample = within(begun, run(engine, &session, language, begun)) => sample.map(Some),
    };
    engine.close_session(&session).await?;
    sample
}

async fn within<T>(begun: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let left = PATIENCE.saturating_sub(begun.elapsed());
    tokio::time::timeout(left, work).await.unwrap_or_else(|_| {
        let message = format!("it took longer than {} s", PATIENCE.as_secs());
        Err(Failure::new(ErrorKind::Internal, message, "try again when less else goes on"))
    })
}

async fn run(
    engine: &dyn Engine,
    session: &SessionId,
    language: Language,
    begun: Instant,
) -> Result<Sample, Failure> {
    let code = ExecuteCode { code: hello(language), ..ExecuteCode::default() };
    let execute = Execute { stream: true, ..Execute::new(session.clone(), Command::ExecuteCode(code)) };
    let mut execution = engine.execute(execute).await?;
    let mut startup = None;
    let result = loop {
        match execution.next().await {
            Some(ExecutionEvent::Output { stream: OutputStream::Stdout, .. }) => {
                startup.get_or_insert_with(|| begun.elapsed());
            }
            Some(ExecutionEvent::Finished(result)) => break result,
            Some(_) => {}
            None => return Err(Failure::internal("the execution ended without a result")),
        }
    };
    let (Some(startup), true) = (startup, result.success) else {
        let said = result.process().and_then(|process| process.stderr.lines().next().map(str::to_owned));
        let why = result.error.or(said).unwrap_or_else(|| "it wrote nothing".to_owned());
        let message = format!("a program of a line did not run: {why}");
        return Err(Failure::new(ErrorKind::Internal, message, "codebeaker doctor tells what is missing"));
    };
    let largest = result.process().and_then(|process| process.peak_memory_bytes);
    let stats = engine.stats(session).await?;
    // Of all its processes at once, where that is counted, or of the largest.
    match stats.peak_memory_bytes.max(largest) {
        Some(peak) => Ok(Sample { startup, peak_bytes: peak + stats.outside_bytes.unwrap_or(0) }),
        None => Err(Failure::internal("what memory it took is not known")),
    }
}

/// Figures of a machine that does other things too are no better than this.
fn rounded(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// How calibration goes on beside an engine that serves somebody. `T` is the turn to measure, for as long as it is kept.
pub struct Background<'a, T> {
    /// The engine that is to learn.
    pub serving: &'a dyn Engine,
    /// How many sessions it has.
    pub occupied: watch::Receiver<usize>,
    /// For so long nothing must have been asked of it.
    pub idle: Duration,
    /// After so long it is tried again, where the machine had other things to do.
    pub later: Duration,
    /// The turn to measure one pair, unless the machine has something else to do. Asked for before it is seen what is left.
    pub turn: &'a (dyn Fn() -> Option<T> + Sync),
    /// Makes the engine that is measured, which keeps nothing ready. Its sessions are nobody's business: they are in no
    /// list, and count against nobody's limit.
    pub cold: &'a (dyn Fn() -> Result<Arc<dyn Engine>, Failure> + Sync),
    /// Keeps what was measured, and teaches it to the engine that serves.
    pub keep: &'a (dyn Fn(&Calibrated) + Sync),
    /// Ends it.
    pub stop: CancellationToken,
}

impl<T> Background<'_, T> {
    /// Measures what is not measured, once, in times when the engine that serves has no session: one pair at a time, and
    /// others have their turn between two. As soon as a session is asked for, it ends what it does, and begins again with
    /// what is left the next time.
    pub async fn run(&self) {
        let mut occupied = self.occupied.clone();
        let mut tried = Vec::new();
        loop {
            let next = tokio::select! {
                () = self.stop.cancelled() => return,
                next = self.next_when_idle(&mut occupied, &tried) => next,
            };
            let Some((pair, turn)) = next else { return };
            if self.measured(pair, &mut occupied).await {
                tried.push(pair);
            }
            drop(turn);
        }
    }

    /// The next to measure, as soon as there is time for it; `None`: nothing is left, or the engine is gone.
    async fn next_when_idle(
        &self,
        occupied: &mut watch::Receiver<usize>,
        tried: &[Pair],
    ) -> Option<(Pair, T)> {
        loop {
            occupied.wait_for(|sessions| *sessions == 0).await.ok()?;
            if let Ok(changed) = tokio::time::timeout(self.idle, occupied.changed()).await {
                changed.ok()?;
                continue;
            }
            let Some(turn) = (self.turn)() else {
                tokio::time::sleep(self.later).await;
                continue;
            };
            let lacking = lacking(self.serving).await;
            if !occupied.has_changed().ok()? {
                let next = lacking.into_iter().find(|pair| !tried.contains(pair));
                return next.map(|pair| (pair, turn));
            }
        }
    }

    /// Measures this one, if it can be; false: somebody came.
    async fn measured(&self, pair: Pair, occupied: &mut watch::Receiver<usize>) -> bool {
        let cold = match (self.cold)() {
            Ok(cold) => cold,
            Err(failure) => {
                tracing::warn!("the runtimes can't be measured: {failure}");
                return true;
            }
        };
        let stop = self.stop.child_token();
        let wanted = [pair];
        let work = calibrate(cold.as_ref(), &wanted, SAMPLES, &stop, |step| match step {
            Step::Sample { .. } => {}
            Step::Done(one) => {
                tracing::info!("measured {} with {}", one.runtime, one.language);
                (self.keep)(one);
            }
            Step::Failed { pair: (runtime, language), failure } => {
                tracing::warn!("{runtime} with {language} can't be measured: {failure}");
            }
        });
        tokio::pin!(work);
        let done = tokio::select! {
            biased;
            _ = occupied.changed() => false,
            _ = &mut work => true,
        };
        if !done {
            stop.cancel();
            work.await;
        }
        cold.shutdown().await;
        done
    }
}
