//! One-shots from graders and CI: queued, run by a few workers each in a session of its own, and their outcome kept for
//! a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::executions::Places;
use super::settings::Bounds;
use crate::engine::Engine;
use crate::protocol::{
    Command, CreateSession, ErrorKind, Execute, ExecuteCode, ExecuteResult, ExecutionId, Failure, JobCall,
    JobOutcome, JobState, JobStatus,
};

/// Outcomes that are kept at most.
const KEPT: usize = 1024;
/// Bytes of them.
const KEPT_BYTES: usize = 64 << 20;
/// Bytes of jobs that wait.
const WAITING_BYTES: usize = 64 << 20;

/// The queue.
#[derive(Debug)]
pub struct Jobs {
    queue: mpsc::Sender<(ExecutionId, JobCall)>,
    known: Arc<Known>,
}

#[derive(Debug)]
struct Known {
    /// Bytes of those that wait.
    waiting: AtomicUsize,
    jobs: Mutex<HashMap<ExecutionId, Job>>,
    kept: Duration,
}

#[derive(Clone, Debug)]
struct Job {
    state: JobState,
    outcome: Option<JobOutcome>,
    ended: Option<Instant>,
}

impl Job {
    fn bytes(&self) -> usize {
        self.outcome.as_ref().map_or(0, |outcome| outcome.stdout.len() + outcome.stderr.len())
    }
}

/// Bytes of what a job brings.
fn size(call: &JobCall) -> usize {
    let args: usize = call.args.iter().map(String::len).sum();
    call.code.len() + call.stdin.as_ref().map_or(0, String::len) + args
}

impl Jobs {
    /// A queue with its workers. These begin nothing more once `stop` is cancelled, and end with `end`.
    pub fn new(
        engine: &Arc<dyn Engine>,
        bounds: &Bounds,
        places: &Places,
        tasks: &TaskTracker,
        [stop, end]: [&CancellationToken; 2],
    ) -> Self {
        let (queue, waiting) = mpsc::channel(bounds.jobs.max(1));
        let known =
            Arc::new(Known { waiting: AtomicUsize::new(0), jobs: Mutex::default(), kept: bounds.job_kept });
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        for _ in 0..bounds.workers.max(1) {
            let worker = Worker {
                engine: engine.clone(),
                known: known.clone(),
                waiting: waiting.clone(),
                places: places.clone(),
            };
            let (stop, end) = (stop.clone(), end.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = worker.work(stop) => {}
                    () = end.cancelled() => {}
                }
            });
        }
        Self { queue, known }
    }

    /// Queues a job.
    pub fn run(&self, call: JobCall) -> Result<JobStatus, Failure> {
        if !(call.timeout > 0.0 && call.timeout <= 1e9) {
            let message = format!("timeout must be a number of seconds above 0, not {}", call.timeout);
            return Err(Failure::new(ErrorKind::InvalidParams, message, "30 is the default"));
        }
        let id = ExecutionId::random();
        let room = self.queue.try_reserve().map_err(|_| {
            let message = format!("{} jobs wait already, which is the limit", self.queue.max_capacity());
            Failure::new(ErrorKind::Busy, message, "ask again once some have ended")
        })?;
        let size = size(&call);
        if self.known.waiting.load(Ordering::Acquire).saturating_add(size) > WAITING_BYTES {
            let message = format!("jobs with {} MB wait already, which is the limit", WAITING_BYTES >> 20);
            return Err(Failure::new(ErrorKind::Busy, message, "ask again once some have ended"));
        }
        self.known.waiting.fetch_add(size, Ordering::AcqRel);
        self.known.set(&id, JobState::Queued, None);
        room.send((id.clone(), call));
        Ok(JobStatus { execution_id: id, status: JobState::Queued, outcome: None })
    }

    /// How a job stands.
    pub fn status(&self, id: &ExecutionId) -> JobStatus {
        let job = self.known.pruned().get(id).cloned();
        let (status, outcome) = job.map_or((JobState::NotFound, None), |job| (job.state, job.outcome));
        JobStatus { execution_id: id.clone(), status, outcome }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

impl Known {
    fn jobs(&self) -> MutexGuard<'_, HashMap<ExecutionId, Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The jobs without those whose time is over.
    fn pruned(&self) -> MutexGuard<'_, HashMap<ExecutionId, Job>> {
        let mut jobs = self.jobs();
        let now = Instant::now();
        jobs.retain(|_, job| job.ended.is_none_or(|at| now.duration_since(at) < self.kept));
        jobs
    }

    fn set(&self, id: &ExecutionId, state: JobState, outcome: Option<JobOutcome>) {
        let mut jobs = self.pruned();
        let ended = outcome.is_some().then(Instant::now);
        jobs.insert(id.clone(), Job { state, outcome, ended });
        let mut bytes: usize = jobs.values().map(Job::bytes).sum();
        while jobs.len() > KEPT || bytes > KEPT_BYTES {
            let over = jobs.iter().filter_map(|(id, job)| Some((job.ended?, id.clone())));
            let Some((_, id)) = over.min_by_key(|(at, _)| *at) else { break };
            bytes -= jobs.remove(&id).map_or(0, |job| job.bytes());
        }
    }
}

struct Worker {
    engine: Arc<dyn Engine>,
    known: Arc<Known>,
    waiting: Arc<tokio::sync::Mutex<mpsc::Receiver<(ExecutionId, JobCall)>>>,
    places: Places,
}

impl Worker {
    async fn work(self, stop: CancellationToken) {
        loop {
            let job = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                job = async { self.waiting.lock().await.recv().await } => job,
            };
            let Some((id, call)) = job else { return };
            // One of those that may come to their end when the server is stopped.
            let _running = self.places.take();
            self.known.waiting.fetch_sub(size(&call), Ordering::AcqRel);
            self.known.set(&id, JobState::Running, None);
            let outcome = self.perform(call).await.unwrap_or_else(|failure| JobOutcome {
                exit_code: -1,
                stdout: String::new(),
                stderr: failure.to_string(),
                duration_ms: 0,
                timeout: false,
            });
            let state = if outcome.exit_code == 0 { JobState::Completed } else { JobState::Failed };
            self.known.set(&id, state, Some(outcome));
        }
    }

    async fn perform(&self, call: JobCall) -> Result<JobOutcome, Failure> {
        let session = CreateSession {
            runtime_preference: call.runtime_preference,
            runtime_type: call.runtime_type,
            memory_limit_mb: Some(call.memory_limit),
            ..CreateSession::new(call.language)
        };
        let session = self.engine.create_session(session).await?.session_id;
        let code =
            ExecuteCode { code: call.code, args: call.args, stdin: call.stdin, ..ExecuteCode::default() };
        let execute = Execute {
            // Above 0 and at most 1e9 seconds.
            timeout_ms: Some(((call.timeout * 1000.0) as u64).max(1)),
            ..Execute::new(session.clone(), Command::ExecuteCode(code))
        };
        let result = match self.engine.execute(execute).await {
            Ok(execution) => execution.finished().await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = self.engine.close_session(&session).await {
            tracing::warn!("the session of a job is not closed: {failure:?}");
        }
        result.map(outcome)
    }
}

fn outcome(result: ExecuteResult) -> JobOutcome {
    let error = result.error.clone().unwrap_or_default();
    match result.process() {
        Some(process) => JobOutcome {
            exit_code: process.exit_code,
            stdout: process.stdout.clone(),
            stderr: process.stderr.clone(),
            duration_ms: process.duration_ms,
            timeout: process.timed_out,
        },
        None => JobOutcome {
            exit_code: -1,
            stdout: String::new(),
            stderr: error,
            duration_ms: result.duration_ms,
            timeout: false,
        },
    }
}
