//! Tasks with one owner, and the one bounded channel they tell through: what ends the owner ends them all, with what
//! they have told and nobody has heard.

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::tui::msg::Msg;

/// Messages that may wait for the loop.
const QUEUE: usize = 256;

pub(super) struct Crew {
    tx: mpsc::Sender<Msg>,
    rx: mpsc::Receiver<Msg>,
    tasks: JoinSet<()>,
}

impl Crew {
    pub(super) fn new() -> Self {
        Self::of(QUEUE)
    }

    /// One that so many messages may wait of.
    pub(super) fn of(queue: usize) -> Self {
        let (tx, rx) = mpsc::channel(queue);
        Self { tx, rx, tasks: JoinSet::new() }
    }

    /// Where a task with more than one thing to tell tells it.
    pub(super) fn tx(&self) -> mpsc::Sender<Msg> {
        self.tx.clone()
    }

    /// A task that has said all it had to by when it ends.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        // Forget tasks that have ended.
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(task)
    }

    /// A question whose answer is one message.
    pub(super) fn ask(&mut self, question: impl Future<Output = Msg> + Send + 'static) -> AbortHandle {
        let tx = self.tx();
        self.spawn(async move {
            let msg = question.await;
            // Nobody listens any more: the owner is ending.
            let _ = tx.send(msg).await;
        })
    }

    /// The next thing told.
    pub(super) async fn next(&mut self) -> Option<Msg> {
        self.rx.recv().await
    }

    /// The next thing that was told already.
    pub(super) fn heard(&mut self) -> Option<Msg> {
        self.rx.try_recv().ok()
    }

    /// Ends every task.
    pub(super) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}
