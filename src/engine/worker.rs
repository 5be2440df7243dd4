//! A session's worker: takes its commands in order, does them, and tells what came of them.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::protocol::{ExecuteResult, ExecutionEvent, Failure, SessionEvent, SessionState};

use super::embedded::Inner;
use super::execution::{self, Job, Phase};
use super::outcome::Outcome;
use super::session::{Session, closed, lock};

/// Does a session's commands, one after the other, until it is closed.
pub async fn work(inner: Arc<Inner>, session: Arc<Session>, mut jobs: mpsc::Receiver<Job>) {
    loop {
        let job = tokio::select! {
            job = jobs.recv() => job,
            () = session.closing.cancelled() => break,
        };
        let Some(job) = job else { break };
        perform(inner.clone(), session.clone(), job).await;
    }
    // Those that wait are told, so that nobody waits for them; also those that are just being handed over.
    jobs.close();
    while let Some(job) = jobs.recv().await {
        finish(&inner, &session, job, None, Err(closed(&session.id)));
    }
}

/// Does one command.
pub async fn perform(inner: Arc<Inner>, session: Arc<Session>, job: Job) {
    let turn = Some(Instant::now());
    if job.cancelled.is_cancelled() {
        return finish(&inner, &session, job, turn, Ok(Outcome::cancelled()));
    }
    if let Err(failure) = begin(&inner, &session, &job) {
        return finish(&inner, &session, job, turn, Err(failure));
    }
    let outcome = tokio::select! {
        biased;
        () = session.closing.cancelled() => Err(closed(&session.id)),
        outcome = execution::perform(&session, &job) => outcome,
    };
    let outcome = match outcome {
        Err(failure) if !session.closing.is_cancelled() && !session.agent.is_there() => {
            let message = session.why_gone(failure.message.clone()).await;
            Err(Failure { message, ..failure })
        }
        outcome => outcome,
    };
    let lost = match &outcome {
        Err(failure) => Some(failure.message.clone()),
        Ok(outcome) => outcome.hung.then(|| "the environment does not answer".to_owned()),
    };
    if let Some(reason) = lost {
        // Of one that is being closed nothing is lost.
        inner.lose(&session, reason);
    }
    finish(&inner, &session, job, turn, outcome);
}

/// Error: the session was lost or closed while the job waited.
fn begin(inner: &Inner, session: &Session, job: &Job) -> Result<(), Failure> {
    let mut life = lock(&session.life);
    life.usable(&session.id)?;
    life.executions += 1;
    life.touch();
    inner.change(session, &mut life, SessionState::Active, None);
    inner.tell(SessionEvent::Started { session_id: session.id.clone(), execution_id: job.id.clone() });
    Ok(())
}

fn end(inner: &Inner, session: &Session) {
    let mut life = lock(&session.life);
    life.pending -= 1;
    life.touch();
    if life.pending == 0 {
        inner.change(session, &mut life, SessionState::Idle, None);
    }
    inner.expiry.notify_one();
}

/// Gives the result to whoever asked; its turn came at `turn`, if it did.
fn finish(
    inner: &Inner,
    session: &Session,
    job: Job,
    turn: Option<Instant>,
    outcome: Result<Outcome, Failure>,
) {
    job.phase.send_replace(Phase::Over);
    lock(&inner.executions).remove(&job.id);
    end(inner, session);
    let outcome = outcome.unwrap_or_else(Outcome::unusable);
    let whole = job.asked.elapsed();
    let result = ExecuteResult {
        success: outcome.error.is_none(),
        result: outcome.output,
        error: outcome.error,
        duration_ms: u32::try_from(whole.as_millis()).unwrap_or(i32::MAX as u32),
        phases: outcome.ran.zip(turn).map(|(ran, turn)| ran.phases(job.asked, turn, whole)),
        execution_id: job.id.clone(),
        unknown: false,
    };
    inner.tell(SessionEvent::Finished {
        session_id: session.id.clone(),
        execution_id: job.id,
        success: result.success,
    });
    job.result.send(ExecutionEvent::Finished(Box::new(result)));
}
