//! What programs are fed: once and in order, also where a client has to ask again because it was not answered.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::engine::Engine;
use crate::protocol::{ErrorKind, ExecutionId, Failure};

/// How far a program was fed.
#[derive(Debug, Default)]
pub struct Fed {
    bytes: u64,
    /// It was told that no more comes.
    ended: bool,
}

/// Feeds a program. Where the client says how much it was fed before, what it has already is passed over.
pub async fn feed(
    shared: &Arc<Shared>,
    id: ExecutionId,
    data: Bytes,
    eof: bool,
    at: Option<u64>,
) -> Result<(), Failure> {
    let (Some(journal), Some(at)) = (shared.executions.find(&id), at) else {
        return shared.engine.input(&id, data, eof).await;
    };
    // Those who wait take their turns in the order in which they came.
    let fed = journal.fed.clone().lock_owned().await;
    let piece = Piece { id, data, eof, at };
    // In a task of the server's: of a piece that is half fed nobody could tell how much it was, so that it is fed to its
    // end also when whoever has sent it is gone.
    let (engine, end) = (shared.engine.clone(), shared.end.clone());
    let feeding = shared.tasks.spawn(async move { piece.feed(engine.as_ref(), end, fed).await });
    feeding.await.unwrap_or_else(|e| Err(Failure::internal(e.to_string())))
}

struct Piece {
    id: ExecutionId,
    data: Bytes,
    eof: bool,
    /// How many bytes were sent before it.
    at: u64,
}

impl Piece {
    async fn feed(
        self,
        engine: &dyn Engine,
        end: CancellationToken,
        mut fed: tokio::sync::OwnedMutexGuard<Fed>,
    ) -> Result<(), Failure> {
        let known = usize::try_from(fed.bytes.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let fresh = self.data.slice(known.min(self.data.len())..);
        let eof = self.eof && !fed.ended;
        if !fresh.is_empty() || eof {
            tokio::select! {
                done = engine.input(&self.id, fresh, eof) => done?,
                () = end.cancelled() => {
                    let message = "the server is shutting down";
                    return Err(Failure::new(ErrorKind::Cancelled, message, "ask again when it is back"));
                }
            }
        }
        // What was sent while there was no connection never came: what comes next is counted after it.
        fed.bytes = fed.bytes.max(self.at.saturating_add(self.data.len() as u64));
        fed.ended |= eof;
        Ok(())
    }
}
