//! One run, from its request to its end: what its program writes, and what it is given to read.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, watch};
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

/// Bytes of a terminal's output that are passed on at once, at most: a screen may take long to draw them.
const TERMINAL_CHUNK: usize = 16 * 1024;

/// What a run's program is given.
pub(super) struct Given {
    /// What it reads.
    pub(super) fed: mpsc::Receiver<(Bytes, bool)>,
    /// The size of its terminal, if it has one.
    pub(super) size: Option<watch::Receiver<(u16, u16)>>,
}

type Chunk = (OutputStream, Bytes);

/// Passes on all that an execution tells, output in as few messages as may be, and gives its end.
pub(super) async fn follow(
    engine: Arc<dyn Engine>,
    run: u32,
    mut execution: Execution,
    Given { fed, size }: Given,
    mut spool: Spooling,
    tx: &Sender,
) -> Msg {
    let id = execution.id.clone();
    let terminal = size.is_some();
    let feeding = feed_all(Arc::clone(&engine), run, id.clone(), fed, tx.clone());
    let sizing = tell_sizes(engine, id.clone(), size);
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
                    for chunks in if terminal { in_pieces(chunks) } else { vec![chunks] } {
                        let _ = tx.send(Msg::Run(RunMsg::Output(run, chunks))).await;
                    }
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
    // Input that a program never reads must not outlive it.
    tokio::select! {
        end = events => end,
        never = async {
            tokio::join!(feeding, sizing);
            std::future::pending().await
        } => never,
    }
}

/// Output in pieces that a screen takes at once.
fn in_pieces(chunks: Vec<Chunk>) -> Vec<Vec<Chunk>> {
    let cut = |(stream, mut data): Chunk| {
        let mut pieces = Vec::new();
        while !data.is_empty() {
            pieces.push(vec![(stream, data.split_to(data.len().min(TERMINAL_CHUNK)))]);
        }
        pieces
    };
    chunks.into_iter().flat_map(cut).collect()
}

/// Tells a program the size of its terminal whenever that has changed: the newest alone.
async fn tell_sizes(
    engine: Arc<dyn Engine>,
    execution: ExecutionId,
    size: Option<watch::Receiver<(u16, u16)>>,
) {
    let Some(mut size) = size else { return };
    while size.changed().await.is_ok() {
        let (rows, cols) = *size.borrow_and_update();
        // One that has ended needs none.
        let _ = engine.resize(&execution, rows, cols).await;
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
