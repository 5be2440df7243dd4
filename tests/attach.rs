//! A server elsewhere over a wire that breaks: what the client promises of output, input, requests and the link itself.
//!
//! A real engine with sessions of the host's Python stands behind a server of this process; between it and the client is
//! a proxy that cuts, stalls, delays and repeats.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "attach/calls.rs"]
mod calls;
#[path = "attach/doors.rs"]
mod doors;
#[path = "attach/input.rs"]
mod input;
#[path = "attach/link.rs"]
mod link;
#[path = "attach/output.rs"]
mod output;
mod support;
#[path = "attach/volume.rs"]
mod volume;

use std::sync::Arc;
use std::time::Duration;

use codebeaker::engine::{Embedded, Engine, EngineSettings, Execution, Link, LinkDown, LinkUp, Token};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteResult, ExecutionEvent, Language, OutputStream,
    RuntimeType, SessionId, SessionLimits,
};
use codebeaker::remote::{self, Address, RemoteError, Timing};
use codebeaker::server::ServerSettings;
use support::native::{self, PATIENCE};
use support::proxy::Proxy;
use support::served::Served;
use tempfile::TempDir;

/// Nothing takes as long as this.
pub async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// A client's times, short enough for tests; silence is noticed late enough for a busy machine.
pub fn quick() -> Timing {
    Timing {
        heartbeat: Duration::from_millis(500),
        silence: Duration::from_secs(5),
        backoff: [10, 20, 40, 80, 100].map(Duration::from_millis),
        knock: Duration::from_millis(20),
        ..Timing::default()
    }
}

/// A server, and the wire to it.
pub struct Rig {
    root: TempDir,
    pub engine: Arc<Embedded>,
    pub served: Served,
    pub proxy: Proxy,
}

impl Rig {
    /// `None` where there is no Python.
    pub async fn new() -> Option<Self> {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut ServerSettings)) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let engine = engine(&root, "sessions", |_| {});
        if !native::Kind::Python.is_here(&*engine).await {
            return None;
        }
        let served = Served::with(engine.clone(), change).await;
        let proxy = Proxy::to(served.address).await;
        Some(Self { root, engine, served, proxy })
    }

    pub fn address(&self) -> Address {
        Address::parse(&format!("ws://{}", self.proxy.address)).unwrap()
    }

    pub async fn attach(&self) -> Arc<dyn Engine> {
        self.attach_as(None, quick()).await.unwrap()
    }

    pub async fn attach_as(
        &self,
        token: Option<&str>,
        timing: Timing,
    ) -> Result<Arc<dyn Engine>, RemoteError> {
        timely(remote::attach_timed(self.address(), token.map(Token::new), timing)).await
    }

    /// The server goes, with all it had, and another takes its place.
    pub async fn start_anew(&mut self) {
        let engine = engine(&self.root, "anew", |_| {});
        let served = Served::start(engine.clone()).await;
        self.proxy.lead_to(served.address);
        self.proxy.cut(support::proxy::Cut::Reset);
        let before = std::mem::replace(&mut self.engine, engine);
        std::mem::replace(&mut self.served, served).stop().await;
        timely(before.shutdown()).await;
    }

    /// Ends all; nothing may be left.
    pub async fn end(self) {
        timely(self.served.stop()).await;
        timely(self.engine.shutdown()).await;
        assert_eq!(native::processes(self.root.path()), []);
    }
}

pub fn engine(root: &TempDir, name: &str, change: impl FnOnce(&mut EngineSettings)) -> Arc<Embedded> {
    let mut settings = EngineSettings::new(root.path().join(name));
    change(&mut settings);
    Arc::new(Embedded::new(settings, native::all()).unwrap())
}

pub fn python() -> CreateSession {
    // A result is one message: a small one, so that it arrives also over a wire that is cut all the time.
    let limits = SessionLimits { output_bytes: Some(16 << 10), ..SessionLimits::default() };
    CreateSession {
        runtime_type: Some(RuntimeType::NativeProcess),
        limits,
        ..CreateSession::new(Language::Python)
    }
}

pub async fn create(engine: &dyn Engine) -> SessionId {
    timely(engine.create_session(python())).await.unwrap().session_id
}

/// Code whose output is followed and whose input comes from outside.
pub fn code(session: &SessionId, text: &str) -> Execute {
    let code = ExecuteCode { code: text.into(), ..ExecuteCode::default() };
    let execute = Execute::new(session.clone(), Command::ExecuteCode(code));
    Execute { stream: true, interactive: true, ..execute }
}

/// What became of an execution.
#[derive(Debug, Default)]
pub struct Told {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The gaps that were told, in bytes.
    pub gaps: Vec<u64>,
    pub results: Vec<ExecuteResult>,
}

impl Told {
    pub fn take(&mut self, event: ExecutionEvent) {
        match event {
            ExecutionEvent::Started => {}
            ExecutionEvent::Output { stream: OutputStream::Stdout, data } => self.stdout.extend(data),
            ExecutionEvent::Output { stream: OutputStream::Stderr, data } => self.stderr.extend(data),
            ExecutionEvent::Lagged { skipped } => self.gaps.push(skipped),
            ExecutionEvent::Finished(result) => self.results.push(*result),
        }
    }

    /// Its only result.
    pub fn result(&self) -> &ExecuteResult {
        assert_eq!(self.results.len(), 1, "{:?}", self.results);
        &self.results[0]
    }
}

/// Takes all that an execution tells.
pub async fn all(mut execution: Execution) -> Told {
    let mut told = Told::default();
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    told
}

/// Takes what an execution tells until its standard output holds `text`.
pub async fn until(execution: &mut Execution, told: &mut Told, text: &str) {
    while !String::from_utf8_lossy(&told.stdout).contains(text) {
        let event = timely(execution.next()).await;
        told.take(event.unwrap_or_else(|| panic!("it ended before {text:?}: {told:?}")));
        assert!(told.results.is_empty(), "it ended before {text:?}: {told:?}");
    }
}

pub async fn down(engine: &dyn Engine) -> LinkDown {
    let mut link = engine.link();
    match &*timely(link.wait_for(|link| matches!(link, Link::Down(_)))).await.unwrap() {
        Link::Down(down) => down.clone(),
        _ => unreachable!(),
    }
}

/// Waits until the link has come back so often.
pub async fn back(engine: &dyn Engine, times: u32) -> LinkUp {
    let mut link = engine.link();
    let there = link.wait_for(|link| matches!(link, Link::Up(up) if up.returns >= times));
    match &*timely(there).await.unwrap() {
        Link::Up(up) => up.clone(),
        _ => unreachable!(),
    }
}

/// Random numbers that are the same each time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
}
