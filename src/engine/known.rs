//! What is known of all runtimes at a time, kept so that [`select`](super::Engine::select) answers without asking them:
//! a snapshot, with the rankings that were asked for. Asking for one has it renewed in the background when it is no longer
//! new; nothing is renewed that nobody asks for.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::{Language, RuntimeInfo, RuntimePreference, SelectParams, Selection, WireName as _};

use super::embedded::Inner;
use super::select;
use super::session::lock;

/// A snapshot that is older is renewed while it still answers.
const NEW: Duration = Duration::from_secs(1);
/// One that is older does not answer any more.
const OLD: Duration = Duration::from_secs(10);

const LANGUAGES: usize = Language::ALL.len();
const PREFERENCES: usize = RuntimePreference::ALL.len();

/// What was known of every runtime at one time.
pub struct Snapshot {
    infos: Vec<RuntimeInfo>,
    /// The isolation score below which a runtime is none.
    minimum: Option<u8>,
    /// When the last of them had answered.
    at: Instant,
    /// By language and preference, each made when it is first asked for.
    rankings: [[OnceLock<Selection>; PREFERENCES]; LANGUAGES],
}

impl Snapshot {
    fn new(infos: Vec<RuntimeInfo>, minimum: Option<u8>) -> Self {
        let rankings = [const { [const { OnceLock::new() }; PREFERENCES] }; LANGUAGES];
        Self { infos, minimum, at: Instant::now(), rankings }
    }

    /// The ranking for what is asked.
    pub fn select(&self, params: &SelectParams) -> Selection {
        let rank = || select::select(params, &self.infos, self.minimum);
        if params.runtime_type.is_some() {
            return rank();
        }
        let preference = params.runtime_preference.unwrap_or(RuntimePreference::Balanced);
        let row = self.rankings.get(params.language as usize);
        match row.and_then(|row| row.get(preference as usize)) {
            Some(prepared) => prepared.get_or_init(rank).clone(),
            None => rank(),
        }
    }
}

/// The snapshot there is, if any.
#[derive(Default)]
pub struct Known {
    state: Mutex<State>,
    /// Held by the one who looks at the runtimes.
    looking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    snapshot: Option<Arc<Snapshot>>,
    /// How often what is known has become void: what was begun to be seen before that is not kept.
    voided: u64,
}

impl Known {
    /// Something has changed: whoever asks next waits for what is so then.
    pub fn forget(&self) {
        let mut state = lock(&self.state);
        state.snapshot = None;
        state.voided += 1;
    }

    /// One that still answers, and whether it is to be renewed.
    fn answering(&self) -> Option<(Arc<Snapshot>, bool)> {
        let snapshot = lock(&self.state).snapshot.clone()?;
        let age = snapshot.at.elapsed();
        (age < OLD).then(|| (snapshot, age >= NEW))
    }
}

impl Inner {
    /// What is known of the runtimes: at most so old as it may be, or seen just now.
    pub(super) async fn known(self: &Arc<Self>) -> Arc<Snapshot> {
        if let Some((snapshot, renew)) = self.known.answering() {
            if renew {
                self.renew();
            }
            return snapshot;
        }
        let _turn = self.known.looking.lock().await;
        match self.known.answering() {
            // Somebody else has looked meanwhile.
            Some((snapshot, _)) => snapshot,
            None => self.look().await,
        }
    }

    /// Looks again in the background, unless somebody does already.
    fn renew(self: &Arc<Self>) {
        let Ok(turn) = self.known.looking.clone().try_lock_owned() else { return };
        let inner = self.clone();
        let look = async move {
            let _turn = turn;
            tokio::select! {
                _ = inner.look() => {}
                () = inner.stop.cancelled() => {}
            }
        };
        self.tasks.spawn_on(look, &self.tokio);
    }

    async fn look(&self) -> Arc<Snapshot> {
        let begun = lock(&self.known.state).voided;
        let infos = self.infos(None).await;
        let snapshot = Arc::new(Snapshot::new(infos, self.settings.minimum_isolation));
        let mut state = lock(&self.known.state);
        if state.voided == begun {
            state.snapshot = Some(snapshot.clone());
        }
        snapshot
    }
}
