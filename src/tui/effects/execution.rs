//! One run, from its request to its end: what its program writes, and what it is given to read.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::Sender;
use crate::engine::{Engine, Execution};
use crate::protocol::{ExecutionEvent, ExecutionId, Failure};
use crate::tui::msg::{Msg, RunMsg};

/// Bytes of output that are passed on at once, at most.
const CHUNK: usize = 256 * 1024;

/// Passes on all that an execution tells, output in as few messages as may be, and gives its end.
pub(super) async fn follow(
    engine: Arc<dyn Engine>,
    run: u32,
    mut execution: Execution,
    fed: mpsc::Receiver<(Bytes, bool)>,
    tx: &Sender,
) -> Msg {
    let id = execution.id.clone();
    let feeding = feed_all(Arc::clone(&engine), run, id.clone(), fed, tx.clone());
    let events = async {
        let _ = tx.send(Msg::Run(RunMsg::Accepted(run, id))).await;
        let mut next = execution.next().await;
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
                    let mut size = data.len();
                    let mut chunks = vec![(stream, data)];
                    let after = loop {
                        match execution.next().now_or_never() {
                            Some(Some(ExecutionEvent::Output { stream, data })) => {
                                size += data.len();
                                chunks.push((stream, data));
                                if size >= CHUNK {
                                    break None;
                                }
                            }
                            other => break other,
                        }
                    };
                    let _ = tx.send(Msg::Run(RunMsg::Output(run, chunks))).await;
                    match after {
                        Some(event) => event,
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
