//! Reaching another engine. One dial or look at a time; what it has reached is kept here until the model says that it
//! is to be used, or dials again.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::crew::Crew;
use crate::engine::{Connector, Engine, Target};
use crate::protocol::{ErrorKind, Failure};
use crate::tui::msg::{LinkMsg, Msg, Reached};

type Answer = (u32, Result<Arc<dyn Engine>, Failure>);

pub(super) struct Dialler {
    connector: Option<Arc<dyn Connector>>,
    under_way: Option<AbortHandle>,
    /// The number of the dial whose answer counts: one that was given up may have been answered already.
    wanted: Option<u32>,
    tx: mpsc::Sender<Answer>,
    rx: mpsc::Receiver<Answer>,
    /// What the last dial has reached.
    reached: Option<(u32, Arc<dyn Engine>)>,
}

impl Dialler {
    pub(super) fn new(connector: Option<Arc<dyn Connector>>) -> Self {
        let (tx, rx) = mpsc::channel(1);
        Self { connector, under_way: None, wanted: None, tx, rx, reached: None }
    }

    fn connector(&self) -> Result<Arc<dyn Connector>, Failure> {
        self.connector.clone().ok_or_else(|| {
            let hint = "close it, and open it as `codebeaker`";
            Failure::new(ErrorKind::NotAvailable, "this workbench can't reach other engines", hint)
        })
    }

    /// Reaches a server's engine, or the one in this process.
    pub(super) fn dial(&mut self, dial: u32, target: Option<Target>, crew: &mut Crew) {
        self.hang_up();
        self.wanted = Some(dial);
        let (connector, tx) = (self.connector(), self.tx.clone());
        self.under_way = Some(crew.spawn(async move {
            let result = match (connector, target) {
                (Ok(connector), Some(target)) => connector.attach(target).await,
                (Ok(connector), None) => connector.local().await,
                (Err(failure), _) => Err(failure),
            };
            // Nobody listens any more: the workbench is closing.
            let _ = tx.send((dial, result)).await;
        }));
    }

    /// Looks at a server.
    pub(super) fn look(&mut self, dial: u32, target: Target, crew: &mut Crew) {
        self.hang_up();
        let connector = self.connector();
        self.under_way = Some(crew.ask(async move {
            let result = match connector {
                Ok(connector) => connector.look(target).await.map(Box::new),
                Err(failure) => Err(failure),
            };
            Msg::Link(LinkMsg::Looked { dial, result })
        }));
    }

    /// Gives up what is under way.
    pub(super) fn hang_up(&mut self) {
        if let Some(handle) = self.under_way.take() {
            handle.abort();
        }
        (self.wanted, self.reached) = (None, None);
    }

    /// Asks for the servers attached to before.
    pub(super) fn recent(&self, crew: &mut Crew) {
        let Some(connector) = self.connector.clone() else { return };
        crew.ask(async move {
            // It may read a file.
            let recent = super::blocking(move || connector.recent()).await.unwrap_or_default();
            Msg::Link(LinkMsg::Recent(recent))
        });
    }

    /// Asks where the token for an address would come from.
    pub(super) fn token_source(&self, address: String, crew: &mut Crew) {
        let Some(connector) = self.connector.clone() else { return };
        crew.ask(async move {
            let of = address.clone();
            let source = super::blocking(move || connector.token_source(&of)).await.unwrap_or_default();
            Msg::Link(LinkMsg::TokenSource(address, source))
        });
    }

    /// The answer to a dial, once there is one.
    pub(super) async fn next(&mut self) -> Option<Msg> {
        let answer = self.rx.recv().await?;
        Some(self.keep(answer))
    }

    /// The answer to a dial that is there already.
    pub(super) fn heard(&mut self) -> Option<Msg> {
        let answer = self.rx.try_recv().ok()?;
        Some(self.keep(answer))
    }

    fn keep(&mut self, (dial, result): Answer) -> Msg {
        let result = result.map(|engine| {
            let reached = Reached { runtimes: engine.runtime_types(), link: engine.link().borrow().clone() };
            self.reached = (self.wanted == Some(dial)).then_some((dial, engine));
            reached
        });
        Msg::Link(LinkMsg::Reached { dial, result })
    }

    /// Gives out what a dial has reached.
    pub(super) fn take(&mut self, dial: u32) -> Option<Arc<dyn Engine>> {
        self.reached.take().filter(|(of, _)| *of == dial).map(|(_, engine)| engine)
    }
}
