//! Containers that stand ready, each for one session that never had another.
//!
//! A kind of container is kept ready when it was asked for lately: up to the high mark, again when fewer than the low
//! mark are left. They are made one after the other, with pauses, so that what runs is not starved.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::client::{Client, answered};
use super::container;
use super::launch::{Container, Launcher, Wanted, Way};
use crate::runtimes::limits::Limits;
use crate::sandbox::Storage;

/// Memory that an idle container takes: its shim, its agent, and what the kernel keeps of it.
pub const COST: u64 = 16 << 20;
/// How long a kind of container is kept ready that nobody asks for.
const KEPT: Duration = Duration::from_secs(600);
/// How long nothing is made after it has failed.
const REST: Duration = Duration::from_secs(5);

/// How many containers stand ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// With fewer than this, more are made.
    pub low: usize,
    /// Up to this; 0 is no pool.
    pub high: usize,
    /// The most memory that all of them may take, in bytes, at 16 MB each: that is an estimate.
    pub memory: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Self { low: 1, high: 2, memory: 256 << 20 }
    }
}

/// What of a container can't be changed later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    /// On which Engine.
    place: String,
    image: String,
    network: bool,
    way: Way,
    storage: [(u64, u64); 3],
    file_size: u64,
    open_files: u64,
    /// Memory, processes and processors, where the Engine does not bound them.
    unbounded: (u64, u64, Option<u64>),
}

impl Kind {
    fn of(client: &Client, wanted: &Wanted) -> Self {
        let Limits { workspace, tmp, shm, file_size, open_files, memory_bytes, processes, cpu_shares } =
            wanted.limits;
        let storage = [workspace, tmp, shm].map(|Storage { bytes, files }| (bytes, files));
        let Wanted { network, way, .. } = *wanted;
        // The agent was told of these when it was greeted.
        let watched = if way.counted { (0, 0) } else { (memory_bytes, processes) };
        let unbounded = (watched.0, watched.1, cpu_shares.filter(|_| !way.cpus));
        Self {
            place: client.place.url.clone(),
            image: wanted.image.id.clone(),
            network,
            way,
            storage,
            file_size,
            open_files,
            unbounded,
        }
    }
}

/// One kind of container, and those of it that stand ready.
struct Shelf {
    /// The Engine it is on.
    client: Client,
    /// What it was last asked for with.
    wanted: Wanted,
    asked: Instant,
    ready: VecDeque<(Container, Limits)>,
    /// It is being filled up to the high mark.
    filling: bool,
}

/// A container that is to be made.
struct Next {
    kind: Kind,
    client: Client,
    wanted: Wanted,
}

/// The containers that stand ready.
pub struct Pool {
    marks: Marks,
    shelves: Mutex<HashMap<Kind, Shelf>>,
    changed: Notify,
}

impl Pool {
    /// An empty one.
    pub fn new(marks: Marks) -> Self {
        Self { marks, shelves: Mutex::default(), changed: Notify::new() }
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<Kind, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A container that stands ready, with what of its limits differs set; `None`: there is none. Asking has more made.
    pub async fn take(&self, client: &Client, wanted: &Wanted) -> Option<Container> {
        if self.marks.high == 0 {
            return None;
        }
        loop {
            let ready = {
                let mut shelves = self.shelves();
                let shelf = shelves.entry(Kind::of(client, wanted)).or_insert_with(|| Shelf {
                    client: client.clone(),
                    wanted: wanted.clone(),
                    asked: Instant::now(),
                    ready: VecDeque::new(),
                    filling: true,
                });
                shelf.asked = Instant::now();
                shelf.wanted = wanted.clone();
                let ready = shelf.ready.pop_front();
                shelf.filling |= shelf.ready.len() < self.marks.low;
                ready
            };
            self.changed.notify_one();
            let (container, limits) = ready?;
            // What was killed meanwhile is nobody's.
            if !container.agent.is_there() {
                continue;
            }
            if limits == wanted.limits {
                return Some(container);
            }
            let update = container::update(&wanted.limits, wanted.way);
            match answered(client.api.update_container(&container.removal.name, update)).await {
                Ok(()) => return Some(container),
                Err(e) => {
                    tracing::debug!("a container's limits can't be changed: {}", super::client::words(&e));
                    return None;
                }
            }
        }
    }

    /// How many stand ready; `None` where none are kept.
    pub fn ready(&self) -> Option<u32> {
        let count = || self.shelves().values().map(|shelf| shelf.ready.len()).sum::<usize>();
        (self.marks.high > 0).then(|| u32::try_from(count()).unwrap_or(u32::MAX))
    }

    /// Forgets everything that stands ready: it is removed.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.shelves());
        drop(all);
    }

    /// Keeps the pool filled until the engine ends.
    pub async fn keep_filled(self: Arc<Self>, launcher: Arc<Launcher>) {
        loop {
            self.give_up_idle();
            let Some(Next { kind, client, wanted }) = self.next() else {
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep(self.patience()) => {}
                    () = launcher.stop.cancelled() => return self.clear(),
                }
                continue;
            };
            let began = Instant::now();
            let made = tokio::select! {
                made = launcher.launch(&client, wanted.clone()) => made,
                () = launcher.stop.cancelled() => return self.clear(),
            };
            let pause = match made {
                Ok(container) => {
                    if let Some(shelf) = self.shelves().get_mut(&kind) {
                        shelf.ready.push_back((container, wanted.limits));
                    }
                    // As long as it took: half of the time belongs to what runs.
                    began.elapsed()
                }
                Err(not) => {
                    tracing::warn!("no container can be kept ready: {}", not.failure.message);
                    REST
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = launcher.stop.cancelled() => return self.clear(),
            }
        }
    }

    /// What is to be made next: for the kind that was asked for last. What others have ready gives way to it.
    fn next(&self) -> Option<Next> {
        let mut shelves = self.shelves();
        let mut ready = 0;
        for shelf in shelves.values_mut() {
            shelf.ready.retain(|(container, _)| container.agent.is_there());
            shelf.filling |= shelf.ready.len() < self.marks.low;
            shelf.filling &= shelf.ready.len() < self.marks.high;
            ready += shelf.ready.len() as u64;
        }
        let wanting = shelves.iter().filter(|(_, shelf)| shelf.filling);
        let (kind, shelf) = wanting.max_by_key(|(_, shelf)| shelf.asked)?;
        let next = Next { kind: kind.clone(), client: shelf.client.clone(), wanted: shelf.wanted.clone() };
        let asked = shelf.asked;
        if (ready + 1) * COST > self.marks.memory {
            let older = shelves.values_mut().filter(|other| !other.ready.is_empty() && other.asked < asked);
            // Dropped, it is removed.
            older.min_by_key(|other| other.asked)?.ready.pop_back();
        }
        Some(next)
    }

    /// Until the next kind has been kept for long enough.
    fn patience(&self) -> Duration {
        let shelves = self.shelves();
        let left = shelves.values().map(|shelf| KEPT.saturating_sub(shelf.asked.elapsed()));
        left.min().unwrap_or(KEPT).max(Duration::from_secs(1))
    }

    fn give_up_idle(&self) {
        self.shelves().retain(|_, shelf| shelf.asked.elapsed() < KEPT);
    }
}
