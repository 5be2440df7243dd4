//! A benchmark under way, and the benchmarks that are kept: what measures, what reads it meanwhile, and the files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::blocking;
use super::crew::Crew;
use crate::bench::render::{Format, render};
use crate::bench::{Baseline, Control, Digest, Plan, Snapshot, Store, StoreError, measure};
use crate::config::make_private_dir;
use crate::engine::{Engine, system_words};
use crate::tui::bench::{BenchMsg, BenchTask, KeepFailure, Reading};
use crate::tui::disk;
use crate::tui::msg::{Msg, Replace, SaveFailure};

/// The least time between two readings.
const READ_EVERY: Duration = Duration::from_millis(500);
/// The most, however long reading takes.
const READ_AT_LEAST: Duration = Duration::from_secs(2);
/// Reading may take this part of the time, so that it does not disturb what is measured.
const PART: u32 = 50;
/// How long the sessions of one that is ended may take to be closed.
const END: Duration = Duration::from_secs(3);

/// The benchmarks of a workbench.
pub(super) struct Benches {
    /// Where they are kept; without it nowhere.
    store: Option<PathBuf>,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    control: Control,
    base: watch::Sender<Option<Arc<Baseline>>>,
    measuring: JoinHandle<()>,
    reading: AbortHandle,
}

impl Benches {
    pub(super) fn new(store: Option<PathBuf>) -> Self {
        Self { store, under_way: None }
    }

    /// Does what is asked. Never waits.
    pub(super) fn run(&mut self, task: BenchTask, engine: &Arc<dyn Engine>, crew: &mut Crew) {
        match task {
            BenchTask::Measure { number, plan, base } => self.measure(number, *plan, base, engine, crew),
            BenchTask::Pause(paused) => {
                self.under_way.iter().for_each(|under_way| under_way.control.pause(paused))
            }
            BenchTask::Stop => self.under_way.iter().for_each(|under_way| under_way.control.stop()),
            BenchTask::Names => {
                let store = self.store.clone();
                drop(crew.ask(async move {
                    let names =
                        blocking(move || store.map(|at| Store::at(at).names()).unwrap_or_default()).await;
                    Msg::Bench(BenchMsg::Names(names.unwrap_or_default()))
                }));
            }
            BenchTask::Compare(name) => self.compare(name, crew),
            BenchTask::Keep { snapshot, name, replace } => {
                let store = self.store.clone();
                drop(crew.ask(async move {
                    let of = name.clone();
                    let kept = blocking(move || keep(store.as_deref(), &snapshot, &of, replace)).await;
                    Msg::Bench(BenchMsg::Kept(name, kept.map_err(KeepFailure::Other).and_then(|kept| kept)))
                }));
            }
            BenchTask::Export { reading, path, replace } => drop(crew.ask(async move {
                let to = path.clone();
                let written = blocking(move || export(&reading, &to, replace)).await;
                Msg::Bench(BenchMsg::Exported(
                    path,
                    written.map_err(KeepFailure::Other).and_then(|written| written),
                ))
            })),
        }
    }

    fn measure(
        &mut self,
        number: u32,
        plan: Plan,
        base: Option<Arc<Baseline>>,
        engine: &Arc<dyn Engine>,
        crew: &mut Crew,
    ) {
        if let Some(before) = self.under_way.take() {
            // It has ended, as far as the model knows.
            before.control.stop();
            before.reading.abort();
        }
        let control = Control::default();
        let (told, snapshots) = watch::channel(None);
        let (base, bases) = watch::channel(base);
        let (engine, of) = (Arc::clone(engine), control.clone());
        let measuring = tokio::spawn(async move { drop(measure(engine, plan, of, told).await) });
        let reading = crew.spawn(read(number, snapshots, bases, crew.tx()));
        self.under_way = Some(UnderWay { control, base, measuring, reading });
    }

    fn compare(&self, name: Option<String>, crew: &mut Crew) {
        let Some(base) = self.under_way.as_ref().map(|under_way| under_way.base.clone()) else { return };
        let Some(name) = name else {
            base.send_replace(None);
            return;
        };
        let (store, tx) = (self.store.clone().unwrap_or_default(), crew.tx());
        crew.spawn(async move {
            let loaded = blocking(move || Store::at(store).baseline(&name).map_err(|e| e.to_string())).await;
            match loaded.and_then(|loaded| loaded) {
                Ok(loaded) => drop(base.send_replace(Some(Arc::new(loaded)))),
                // Nobody listens any more: the owner is ending.
                Err(why) => drop(tx.send(Msg::Bench(BenchMsg::NotCompared(why))).await),
            }
        });
    }

    /// Ends what is under way, and waits a while for its sessions to be closed: on a server nobody else does that.
    pub(super) async fn end(self) {
        let Some(UnderWay { control, mut measuring, reading, .. }) = self.under_way else { return };
        control.stop();
        reading.abort();
        if tokio::time::timeout(END, &mut measuring).await.is_err() {
            measuring.abort();
        }
    }
}

/// Reads what is measured, and tells it: seldom enough not to disturb it, and at once when it is over or is to be
/// compared with something else.
async fn read(
    number: u32,
    mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    mut bases: watch::Receiver<Option<Arc<Baseline>>>,
    tx: mpsc::Sender<Msg>,
) {
    let (mut live, mut next) = (true, Instant::now());
    let (begun, mut spent, mut cost) = (std::time::Instant::now(), Duration::ZERO, 0.0);
    loop {
        if live {
            tokio::select! {
                changed = snapshots.changed() => live = changed.is_ok(),
                // Its owner is ending.
                changed = bases.changed() => if changed.is_err() { return },
            }
        } else if bases.changed().await.is_err() {
            return;
        }
        while live && Instant::now() < next {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                // What comes meanwhile is read with it; the end is not waited for.
                changed = snapshots.changed() => live = changed.is_ok(),
            }
        }
        let (snapshot, base) = (snapshots.borrow_and_update().clone(), bases.borrow_and_update().clone());
        let Some(snapshot) = snapshot else {
            if !live {
                // Nobody listens any more: the owner is ending.
                let _ = tx.send(Msg::Bench(BenchMsg::Lost(number))).await;
            }
            continue;
        };
        let (of, against) = (Arc::clone(&snapshot), base.clone());
        let read = blocking(move || {
            let begun = std::time::Instant::now();
            (Digest::of(&of.report, against.as_deref()), begun.elapsed())
        });
        let Ok((digest, took)) = read.await else { continue };
        if live {
            spent += took;
            cost = spent.as_secs_f64() / begun.elapsed().as_secs_f64().max(1e-3) * 1e3;
        }
        next = Instant::now() + (took * PART).clamp(READ_EVERY, READ_AT_LEAST);
        let reading = Reading { snapshot, digest: Arc::new(digest), base, live, cost };
        if tx.send(Msg::Bench(BenchMsg::Told { number, reading: Box::new(reading) })).await.is_err() {
            return;
        }
    }
}

fn keep(
    store: Option<&Path>,
    snapshot: &Snapshot,
    name: &str,
    replace: bool,
) -> Result<PathBuf, KeepFailure> {
    let other = |why: String| KeepFailure::Other(why);
    let at = store.ok_or_else(|| other("this workbench has nowhere to keep it".to_owned()))?;
    make_private_dir(at).map_err(|error| other(format!("{}: {}", at.display(), system_words(&error))))?;
    let store = Store::at(at);
    if !replace && store.names().iter().any(|known| known == name) {
        return Err(KeepFailure::Exists);
    }
    store.save(&mut snapshot.report.clone(), name).map_err(|error| other(words(&error)))
}

fn words(error: &StoreError) -> String {
    match error {
        StoreError::Io { path, error } => format!("{}: {}", path.display(), system_words(error)),
        other => other.to_string(),
    }
}

fn export(reading: &Reading, path: &Path, replace: bool) -> Result<u64, KeepFailure> {
    let format = path.extension().and_then(|end| end.to_str()).and_then(Format::from_extension);
    let unknown = || {
        KeepFailure::Other("no format is called by that end: use .json, .csv, .md, .html or .txt".to_owned())
    };
    let format = format.ok_or_else(unknown)?;
    let written = render(&reading.snapshot.report, &reading.digest, reading.base.as_deref(), format);
    let replace = if replace { Replace::Always } else { Replace::Never };
    match disk::save(path, written.as_bytes(), replace) {
        Ok(_) => Ok(written.len() as u64),
        Err(SaveFailure::Exists | SaveFailure::Changed) => Err(KeepFailure::Exists),
        Err(SaveFailure::Other(why)) => Err(KeepFailure::Other(why)),
    }
}
