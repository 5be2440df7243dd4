//! One run, from its request to its end: what its program writes, and what it is given to read.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use super::Sender;
use super::spool::Spooling;
use crate::engine::{Engine, Execution};
use crate::protocol::{ExecutionEvent, ExecutionId, Failure, OutputStream};
use crate::tui::msg::{Msg, OutputMsg, RunMsg};

/// Bytes of output that are passed on at once, at most.
const CHUNK: usize = 64 * 1024;
/// Pieces of output that are passed on at once, at most.
const PIECES: usize = 4096;
/// The least time between two messages of output: a frame's.
const PAUSE: Duration = Duration::from_millis(16);

type Chunk = (OutputStream, Bytes);

/// Passes on all that an execution tells, output in as few messages as may be, and gives its end.
pub(super) async fn follow(
    engine: Arc<dyn Engine>,
    run: u32,
    mut execution: Execution,
    fed: mpsc::Receiver<(Bytes, bool)>,
    mut spool: Spooling,
    tx: &Sender,
) -> Msg {
    let id = execution.id.clone();
    let feeding = feed_all(Arc::clone(&engine), run, id.clone(), fed, tx.clone());
    let events = async {
        let _ = tx.send(Msg::Run(RunMsg::Accepted(run, id))).await;
        let mut next = execution.next().await;
        // The first output is told at once.
        let mut told = None;
        while let Some(event) = next {
            next = match event {
                ExecutionEvent::Finished(result) => return Msg::Run(RunMsg::Finished(run, result)),
                ExecutionEvent::Started => {
                    let _ = tx.send(Msg::Run(RunMsg::Started(run))).await;
                    execution.next().await
                }
                ExecutionEvent::Lagged { skipped } => {
                    let _ = tx.send(Msg::Run(RunMsg::Lagged(run, skipped))).await;
                    execution.next().await
                }
                ExecutionEvent::Output { stream, data } => {
                    let (chunks, after) = gather(
                        (stream, data),
                        &mut execution,
                        told.map_or_else(Instant::now, |told| told + PAUSE),
                    )
                    .await;
                    if let Some(kept) = spool.keep(&chunks).await {
                        let _ = tx.send(Msg::Output(OutputMsg::Kept(run, kept))).await;
                    }
                    let _ = tx.send(Msg::Run(RunMsg::Output(run, chunks))).await;
                    told = Some(Instant::now());
                    match after {
                        Some(event) => Some(event),
                        None => execution.next().await,
                    }
                }
            };
        }
        Msg::Run(RunMsg::Failed(run, Failure::internal("the run ended without a result")))
    };
    tokio::pin!(events, feeding);
    // Input that a program never reads must not outlive it.
    tokio::select! {
        end = &mut events => end,
        () = &mut feeding => events.await,
    }
}

/// Output with what comes behind it until a moment, or what is there already; and the event that is no output.
async fn gather(
    first: Chunk,
    execution: &mut Execution,
    until: Instant,
) -> (Vec<Chunk>, Option<ExecutionEvent>) {
    let mut size = first.1.len();
    let mut chunks = vec![first];
    while size < CHUNK && chunks.len() < PIECES {
        let next = match execution.next().now_or_never() {
            Some(next) => next,
            None => match tokio::time::timeout_at(until, execution.next()).await {
                Ok(next) => next,
                Err(_) => break,
            },
        };
        match next {
            Some(ExecutionEvent::Output { stream, data }) => {
                size += data.len();
                chunks.push((stream, data));
            }
            other => return (chunks, other),
        }
    }
    (chunks, None)
}

/// Feeds a program in the order in which lines were typed.
async fn feed_all(
    engine: Arc<dyn Engine>,
    run: u32,
    execution: ExecutionId,
    mut fed: mpsc::Receiver<(Bytes, bool)>,
    tx: Sender,
) {
    while let Some((data, eof)) = fed.recv().await {
        if let Err(failure) = engine.input(&execution, data, eof).await {
            let _ = tx.send(Msg::Run(RunMsg::InputRefused(run, failure))).await;
        }
    }
}
