//! Measures a plan over an engine.
//!
//! Suites come one after the other; within one, every round takes one sample of each lane, in an order that is drawn anew
//! from the seed: what the machine does besides then hits all of them alike, and none is always the one after another.
//! What is told on the way is told between samples.

mod control;
mod sessions;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;

use super::host::{Host, Watch};
use super::plan::{Lane, Plan};
use super::report::{CodeFacts, EngineFacts, EnvironmentFacts, FORMAT, Method, Report, Series};
use super::suite::Suite;
use crate::engine::{Engine, Link};
use crate::protocol::RuntimeInfo;
use sessions::Sessions;
use work::{Sample, Trouble, Work};

pub use super::programs::PRINTED;
pub use control::{Control, LaneProgress, Progress, Snapshot};

/// Samples of each launch that are dropped: the first ones fill caches.
const WARM_UPS: u32 = 2;
/// So many failures in a row end a lane.
const FAILURES: u32 = 3;
/// How long a lost link may stay down.
const LINK_PATIENCE: Duration = Duration::from_secs(60);
/// How often at most it is told how far it is: whoever shows it must not disturb what is measured.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// Measures `plan` over `engine` until it is done or `control` stops it, and closes every session it made. What there is
/// so far comes through `told`, a few times a second at most. What failed says so in its series: that is no error.
pub async fn measure(
    engine: Arc<dyn Engine>,
    plan: Plan,
    control: Control,
    told: watch::Sender<Option<Arc<Snapshot>>>,
) -> Report {
    let mut bench = Bench::begin(engine, plan, control, told).await;
    for suite in bench.plan.suites.clone() {
        if bench.control.is_stopped() {
            break;
        }
        bench.measure(suite).await;
    }
    bench.end().await
}

struct Bench {
    engine: Arc<dyn Engine>,
    plan: Plan,
    control: Control,
    told: watch::Sender<Option<Arc<Snapshot>>>,
    told_last: Instant,
    sessions: Arc<Sessions>,
    rng: ChaCha8Rng,
    watch: Watch,
    begun: Instant,
    report: Report,
    progress: Progress,
    pace: Pace,
    launch: u32,
}

/// One lane of the suite that is measured now.
struct Row {
    work: Work,
    /// Its first series in the report; those of its other cases follow.
    series: usize,
    failures: u32,
}

impl Bench {
    async fn begin(
        engine: Arc<dyn Engine>,
        plan: Plan,
        control: Control,
        told: watch::Sender<Option<Arc<Snapshot>>>,
    ) -> Self {
        let (facts, infos) = tokio::select! {
            facts = engine_facts(engine.as_ref(), &plan) => facts,
            () = control.stopped() => Default::default(),
        };
        let sessions = Arc::new(Sessions::new(engine.clone(), control.clone()));
        let report = Report {
            format: FORMAT,
            tool: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            name: None,
            started: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            seconds: 0.0,
            complete: false,
            method: Method {
                suites: plan.suites.clone(),
                samples: plan.samples,
                seed: plan.seed,
                words: format!(
                    "interleaved, warm-ups of each session dropped, monotonic clock, seed {}",
                    plan.seed
                ),
            },
            engine: facts,
            host: Host::here(),
            noise: super::host::Noise::default(),
            environments: plan.lanes.iter().map(|lane| environment(*lane, &infos)).collect(),
            code: plan.code.as_ref().map(CodeFacts::of),
            series: Vec::new(),
        };
        let lanes = |suite: Suite| if suite.is_of_the_engine() { 1 } else { plan.lanes.len() };
        let total = plan.suites.iter().map(|suite| plan.samples(*suite) * lanes(*suite) as u32).sum();
        let rng = ChaCha8Rng::seed_from_u64(plan.seed);
        Self {
            engine,
            control,
            told,
            told_last: Instant::now(),
            sessions,
            rng,
            watch: Watch::begin(),
            begun: Instant::now(),
            report,
            progress: Progress { total, ..Progress::default() },
            pace: Pace::default(),
            launch: 0,
            plan,
        }
    }

    async fn measure(&mut self, suite: Suite) {
        let samples = self.plan.samples(suite);
        let lanes: Vec<Option<Lane>> = match suite.is_of_the_engine() {
            true => vec![None],
            false => self.plan.lanes.iter().copied().map(Some).collect(),
        };
        let progress = |lane: &Option<Lane>| LaneProgress {
            lane: *lane,
            done: 0,
            total: samples,
            running: false,
            given_up: None,
        };
        self.progress.suite = Some(suite);
        self.progress.lanes = lanes.iter().map(progress).collect();
        let mut rows: Vec<Row> =
            lanes.into_iter().enumerate().map(|(index, lane)| self.row(suite, lane, index)).collect();
        self.tell(true);

        let launches = self.plan.launches(suite);
        for launch in 0..launches {
            let rounds = share(samples, launches, launch);
            let warm_ups = warm_ups(suite);
            for index in self.order(rows.len()) {
                self.launch(&mut rows, index).await;
            }
            for round in 0..rounds + warm_ups {
                self.watch.yardstick();
                for index in self.order(rows.len()) {
                    self.round(&mut rows, index, round < warm_ups).await;
                }
            }
            self.launch += 1;
        }
        for row in &mut rows {
            row.work.end().await;
        }
        self.progress.ended.push((suite, std::mem::take(&mut self.progress.lanes)));
        self.progress.suite = None;
    }

    fn row(&mut self, suite: Suite, lane: Option<Lane>, index: usize) -> Row {
        let series = self.report.series.len();
        self.report.series.extend(suite.cases().iter().map(|case| Series::new(suite, *case, lane)));
        let (engine, sessions) = (self.engine.clone(), self.sessions.clone());
        let code = self.plan.code.clone();
        let mut row = Row {
            work: Work::new(engine, sessions, self.control.clone(), suite, lane, code),
            series,
            failures: 0,
        };
        let foreign = self
            .plan
            .code
            .as_ref()
            .filter(|code| suite == Suite::Code && lane.is_some_and(|l| l.language != code.language));
        if let Some(code) = foreign {
            let why = format!("it is {}", code.language.title());
            self.give_up(&mut row, index, why);
        }
        row
    }

    /// The order of a round.
    fn order(&mut self, rows: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rows).collect();
        order.shuffle(&mut self.rng);
        order
    }

    async fn launch(&mut self, rows: &mut [Row], index: usize) {
        let Some(begun) = self.turn(index).await else { return };
        let Some(row) = rows.get_mut(index) else { return };
        let launched = row.work.launch().await;
        match launched {
            Ok(None) => {}
            Ok(Some(sample)) => self.keep(row, sample, self.launch),
            Err(trouble) => self.failed(row, index, trouble).await,
        }
        self.turn_ends(index, begun);
    }

    async fn round(&mut self, rows: &mut [Row], index: usize, warm_up: bool) {
        // A session that has failed is replaced.
        if rows.get(index).is_some_and(|row| !row.work.is_ready()) {
            return self.launch(rows, index).await;
        }
        let Some(begun) = self.turn(index).await else { return };
        let Some(row) = rows.get_mut(index) else { return };
        match row.work.sample().await {
            Ok(_) if warm_up => {
                // Of one's own code the second figure is the cold run.
                let cases = if self.progress.suite == Some(Suite::Code) { 1 } else { row.work.cases() };
                self.series(row.series, cases).for_each(|series| series.warm_ups += 1);
            }
            Ok(sample) => {
                row.failures = 0;
                // Every sample of a cold suite has a session of its own.
                let launch = if row.work.is_cold() { self.progress.done } else { self.launch };
                self.keep(row, sample, launch);
                self.progress.done += 1;
                if let Some(lane) = self.progress.lanes.get_mut(index) {
                    lane.done += 1;
                }
            }
            Err(trouble) => self.failed(row, index, trouble).await,
        }
        self.turn_ends(index, begun);
    }

    /// Begins a lane's turn; `None`: it has none any more.
    async fn turn(&mut self, index: usize) -> Option<Instant> {
        if self.control.is_paused() {
            self.tell(true);
            self.control.go_on().await;
        }
        self.link_is_there().await;
        let lane = self.progress.lanes.get_mut(index)?;
        if self.control.is_stopped() || lane.given_up.is_some() {
            return None;
        }
        lane.running = true;
        if self.tell(false) {
            // Whoever shows it on this thread does so now, and not while a sample is taken.
            tokio::task::yield_now().await;
        }
        Some(Instant::now())
    }

    /// Waits while the link to the engine is lost, as long as that tries to have it back.
    async fn link_is_there(&self) {
        let mut link = self.engine.link();
        let there = link.wait_for(|link| !matches!(link, Link::Down(down) if down.wait.is_some()));
        tokio::select! {
            there = tokio::time::timeout(LINK_PATIENCE, there) => if there.is_err() {
                self.control.stop();
            },
            () = self.control.stopped() => {}
        }
    }

    fn turn_ends(&mut self, index: usize, begun: Instant) {
        if let Some(lane) = self.progress.lanes.get_mut(index) {
            lane.running = false;
            self.pace.took(self.progress.suite, lane.lane, begun.elapsed());
        }
    }

    fn keep(&mut self, row: &Row, sample: Sample, launch: u32) {
        for (i, (case, value)) in sample.values.into_iter().enumerate() {
            let Some(series) = self.report.series.get_mut(row.series + case) else { continue };
            if !value.is_finite() {
                continue;
            }
            series.samples.push(value);
            series.launches.push(launch);
            // They are those of the first figure.
            series.phases.extend(sample.phases.filter(|_| i == 0));
            series.peak_memory_bytes = series.peak_memory_bytes.max(sample.peak_memory_bytes);
        }
    }

    async fn failed(&mut self, row: &mut Row, index: usize, trouble: Trouble) {
        let (why, for_good) = match trouble {
            Trouble::Stopped => return,
            Trouble::Never(why) => (why, true),
            Trouble::Failed(why) => (why, false),
        };
        row.failures += 1;
        if !row.work.is_cold() {
            row.work.end().await;
        }
        let cases = row.work.cases();
        for series in self.series(row.series, cases) {
            series.failures += 1;
            series.reason = Some(why.clone());
        }
        if for_good || row.failures >= FAILURES {
            self.give_up(row, index, why);
        }
    }

    fn give_up(&mut self, row: &mut Row, index: usize, why: String) {
        let cases = row.work.cases();
        self.series(row.series, cases).for_each(|series| series.reason = Some(why.clone()));
        if let Some(lane) = self.progress.lanes.get_mut(index) {
            self.progress.total = self.progress.total.saturating_sub(lane.total - lane.done);
            lane.given_up = Some(why);
        }
    }

    fn series(&mut self, first: usize, cases: usize) -> impl Iterator<Item = &mut Series> {
        self.report.series.iter_mut().skip(first).take(cases)
    }

    /// Tells what there is so far, `now` or when the last time is long enough ago; whether it did.
    fn tell(&mut self, now: bool) -> bool {
        if !now && self.told_last.elapsed() < TOLD_EVERY {
            return false;
        }
        self.told_last = Instant::now();
        self.bring_up_to_date();
        let snapshot = Snapshot { report: self.report.clone(), progress: self.progress.clone() };
        self.told.send_replace(Some(Arc::new(snapshot)));
        true
    }

    fn bring_up_to_date(&mut self) {
        self.report.seconds = self.begun.elapsed().as_secs_f64();
        self.report.noise = self.watch.noise();
        self.progress.paused = self.control.is_paused();
        self.progress.stopping = self.control.is_stopped();
        self.progress.eta = self.pace.eta(&self.progress, &self.plan);
    }

    async fn end(mut self) -> Report {
        self.sessions.end().await;
        for (lane, info) in self.sessions.seen() {
            let Some(facts) = self.report.environments.iter_mut().find(|facts| facts.lane == lane) else {
                continue;
            };
            facts.isolation = info.isolation;
            facts.limits = info.limits;
            facts.config = Some(info.config);
        }
        self.report.complete = !self.control.is_stopped();
        self.tell(true);
        self.report
    }
}

/// Samples that are dropped in each session of a suite, or before all of a cold one.
fn warm_ups(suite: Suite) -> u32 {
    match suite {
        // A cold run comes before them.
        Suite::Code => 1,
        // What is measured is a crowd, and each of these takes long.
        Suite::Concurrency => 0,
        _ => WARM_UPS,
    }
}

/// How many of `all` fall to the one at `index` of `among`.
fn share(all: u32, among: u32, index: u32) -> u32 {
    all / among + u32::from(index < all % among)
}

/// What the engine says of itself and its runtimes.
async fn engine_facts(engine: &dyn Engine, plan: &Plan) -> (EngineFacts, Vec<RuntimeInfo>) {
    let place = match &*engine.link().borrow() {
        Link::Local => "local".to_owned(),
        Link::Up(up) => up.server.clone(),
        Link::Down(down) => down.server.clone(),
    };
    let info = engine.info().await.ok();
    let mut infos = Vec::new();
    for lane in &plan.lanes {
        if let Ok(info) = engine.runtime(lane.runtime, false).await {
            infos.push(info);
        }
    }
    let pool = infos.iter().any(|info| info.ready.is_some());
    let version = info.map(|info| format!("{} {}", info.name, info.version)).unwrap_or_default();
    let threads = tokio::runtime::Handle::current().metrics().num_workers();
    (EngineFacts { place, version, pool: Some(pool), threads }, infos)
}

fn environment(lane: Lane, infos: &[RuntimeInfo]) -> EnvironmentFacts {
    let info = infos.iter().find(|info| info.runtime == lane.runtime);
    EnvironmentFacts {
        lane,
        version: info.and_then(|info| info.version.clone()),
        isolation: info.map(|info| info.isolation.clone()).unwrap_or_default(),
        config: None,
        limits: Default::default(),
    }
}

/// How long samples take, to tell how long the rest will.
#[derive(Default)]
struct Pace(Vec<(Option<Suite>, Option<Lane>, Duration)>);

impl Pace {
    fn took(&mut self, suite: Option<Suite>, lane: Option<Lane>, took: Duration) {
        match self.0.iter_mut().find(|(s, l, _)| (*s, *l) == (suite, lane)) {
            Some((.., all)) => *all += took,
            None => self.0.push((suite, lane, took)),
        }
    }

    /// Of the lanes of this suite, by their own pace, warm-ups and launches included; of suites that have not begun, by the
    /// pace of all samples up to now.
    fn eta(&self, progress: &Progress, plan: &Plan) -> Option<Duration> {
        let mut rest = Duration::ZERO;
        let mut of_this_suite = 0;
        for lane in progress.lanes.iter().filter(|lane| lane.given_up.is_none()) {
            let left = lane.total - lane.done;
            let (.., all) = self
                .0
                .iter()
                .find(|(s, l, _)| (*s, *l) == (progress.suite, lane.lane))
                .filter(|_| lane.done > 0)?;
            rest += *all * left / lane.done.max(1);
            of_this_suite += left;
        }
        let later = progress.total.saturating_sub(progress.done + of_this_suite);
        if later > 0 && plan.suites.len() > 1 {
            let all: Duration = self.0.iter().map(|(.., took)| *took).sum();
            rest += all * later / progress.done.max(1);
        }
        Some(rest)
    }
}

impl CodeFacts {
    /// Of this code.
    pub(crate) fn of(code: &super::plan::Code) -> Self {
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(code.text.as_bytes());
        Self {
            name: code.name.clone(),
            language: code.language,
            bytes: code.text.len(),
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for (all, among) in [(50, 10), (7, 10), (23, 10), (1, 1)] {
            assert_eq!((0..among).map(|i| share(all, among, i)).sum::<u32>(), all);
        }
    }
}
