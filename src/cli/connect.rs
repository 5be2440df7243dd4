//! Engines for the verbs: the one in this process, or a server's.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;

use crate::engine::{Connector, Engine, Link, Look, Recent, Target, Token};
use crate::protocol::{ErrorKind, Failure};
use crate::remote::{self, Address};

use super::calibration::Calibrating;
use super::exit::{self, Problem};
use super::serve::TOKEN_VARIABLE;
use super::surroundings::{Surroundings, shut_down};

/// The variable that names the server to attach to.
pub const URL_VARIABLE: &str = "CODEBEAKER_URL";
/// Servers that are remembered.
const RECENT: usize = 8;

/// An engine that a verb uses.
pub struct Reached {
    pub engine: Arc<dyn Engine>,
    /// It is a server's: what is made there must be removed there.
    pub attached: bool,
    _telling: Option<AbortOnDropHandle<()>>,
}

impl Reached {
    /// The server's of this address, or the one in this process.
    pub async fn at(address: Option<&str>, surroundings: &Surroundings) -> Result<Self, Problem> {
        // An empty variable is as good as none.
        let Some(address) = address.filter(|address| !address.trim().is_empty()) else {
            let engine: Arc<dyn Engine> = surroundings.engine()?;
            return Ok(Self { engine, attached: false, _telling: None });
        };
        let engine = attach(&Target { address: address.to_owned(), token: None }).await?;
        let telling = tokio::spawn(tell_of_the_link(engine.clone()));
        Ok(Self { engine, attached: true, _telling: Some(AbortOnDropHandle::new(telling)) })
    }

    /// Ends it, or leaves it.
    pub async fn end(self) {
        shut_down(self.engine.as_ref()).await;
    }
}

/// Says when the link is lost and when it is back.
async fn tell_of_the_link(engine: Arc<dyn Engine>) {
    let mut link = engine.link();
    let (mut down, mut lasting) = (false, false);
    while link.changed().await.is_ok() {
        match &*link.borrow_and_update() {
            Link::Down(lost) if lost.wait.is_none() && !lasting => {
                (down, lasting) = (true, true);
                let (server, reason) = (&lost.server, &lost.reason);
                exit::say(format_args!("the link to {server} can't be had back: {reason}"));
            }
            Link::Down(lost) if !down => {
                down = true;
                let (server, reason) = (&lost.server, &lost.reason);
                exit::say(format_args!("the link to {server} is lost ({reason}); trying to have it back"));
            }
            Link::Up(up) if down => {
                (down, lasting) = (false, false);
                exit::say(format_args!("the link to {} is back", up.server));
            }
            _ => {}
        }
    }
}

fn address(target: &Target) -> Result<Address, Failure> {
    Address::parse(&target.address).map_err(|problem| {
        Failure::new(ErrorKind::InvalidParams, problem, "ws://localhost:5039 is one, wss://host another")
    })
}

/// The token that was given, or the variable's. That is not sent where it could be overheard, and where
/// `CODEBEAKER_URL` says whose it is, to nobody else.
fn token(target: &Target, address: &Address) -> Option<Token> {
    let url = std::env::var(URL_VARIABLE).ok().filter(|url| !url.trim().is_empty());
    let whose = url.and_then(|url| Address::parse(&url).ok());
    let theirs = whose.is_none_or(|whose| (whose.host(), whose.port()) == (address.host(), address.port()));
    let variable = || std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.trim().is_empty());
    let given = target.token.clone().filter(|token| !token.secret().is_empty());
    given.or_else(|| variable().filter(|_| theirs && address.keeps_secrets()).map(|token| Token::new(&token)))
}

async fn attach(target: &Target) -> Result<Arc<dyn Engine>, Failure> {
    let address = address(target)?;
    let token = token(target, &address);
    Ok(remote::attach(address, token).await?)
}

/// Engines for the workbench, which changes from one to another.
pub struct Connections {
    surroundings: Surroundings,
    local: Mutex<Option<Arc<dyn Engine>>>,
    /// What is measured beside it.
    calibrating: Mutex<Option<Calibrating>>,
    /// Those that were attached to: left when the workbench is.
    attached: Mutex<Vec<Arc<dyn Engine>>>,
    recent: PathBuf,
}

/// A server in the file of recent ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    address: String,
    at: Timestamp,
}

impl Connections {
    pub fn new(surroundings: Surroundings) -> Self {
        let recent = surroundings.paths.state.join("servers.json");
        let calibrating = Mutex::default();
        Self { surroundings, local: Mutex::default(), calibrating, attached: Mutex::default(), recent }
    }

    /// Ends the engine in this process and leaves all others.
    pub async fn end(&self) {
        let lock = |engines: &Mutex<Vec<Arc<dyn Engine>>>| {
            std::mem::take(&mut *engines.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let calibrating = self.calibrating.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(calibrating) = calibrating {
            calibrating.end().await;
        }
        let local = self.local.lock().unwrap_or_else(PoisonError::into_inner).take();
        for engine in lock(&self.attached).into_iter().chain(local) {
            shut_down(engine.as_ref()).await;
        }
    }

    fn remembered(&self) -> Vec<Remembered> {
        let text = std::fs::read(&self.recent).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Puts a server first among the recent ones. Where that can't be written it is not remembered.
    fn remember(&self, address: &Address) {
        let mut all = self.remembered();
        all.retain(|one| one.address != address.short());
        all.insert(0, Remembered { address: address.short(), at: Timestamp::now() });
        all.truncate(RECENT);
        let Ok(text) = serde_json::to_vec_pretty(&all) else { return };
        let new = self.recent.with_extension("new");
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &self.recent));
        if let Err(e) = written {
            tracing::debug!("the recent servers can't be kept: {e}");
        }
    }
}

#[async_trait]
impl Connector for Connections {
    async fn local(&self) -> Result<Arc<dyn Engine>, Failure> {
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*local {
            return Ok(engine.clone());
        }
        let engine = self.surroundings.engine().map_err(Failure::from)?;
        let calibrating = Calibrating::begin(&self.surroundings, &engine);
        *self.calibrating.lock().unwrap_or_else(PoisonError::into_inner) = calibrating;
        *local = Some(engine.clone());
        Ok(engine)
    }

    async fn attach(&self, target: Target) -> Result<Arc<dyn Engine>, Failure> {
        let engine = attach(&target).await?;
        self.remember(&address(&target)?);
        self.attached.lock().unwrap_or_else(PoisonError::into_inner).push(engine.clone());
        Ok(engine)
    }

    async fn look(&self, target: Target) -> Result<Look, Failure> {
        let address = address(&target)?;
        let token = token(&target, &address);
        Ok(remote::look(address, token).await?)
    }

    fn recent(&self) -> Vec<Recent> {
        let now = Timestamp::now();
        let ago = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        self.remembered().into_iter().map(|one| Recent { ago: ago(one.at), address: one.address }).collect()
    }

    fn token_source(&self, address: &str) -> Option<String> {
        let target = Target { address: address.to_owned(), token: None };
        let address = Address::parse(address).ok()?;
        token(&target, &address).map(|_| TOKEN_VARIABLE.to_owned())
    }
}
