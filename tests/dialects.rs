//! Original servers of every version and kind of session, attached to: the same is asked of all, and comes out the same
//! as far as they can.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "dialects/cli.rs"]
mod cli;
#[path = "dialects/commands.rs"]
mod commands;
#[path = "dialects/discovery.rs"]
mod discovery;
#[path = "dialects/link.rs"]
mod link;
#[path = "dialects/sessions.rs"]
mod sessions;
mod support;

use std::sync::Arc;
use std::time::Duration;

use codebeaker::engine::{Engine, Execution};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteResult, ExecuteShell, Language, ProcessResult,
    RuntimeType, SessionId,
};
use codebeaker::remote::{Address, Original, OriginalOptions};
use support::original::{Era, Kind, StandIn};

/// How long anything may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every kind of session in every version that has it.
const ALL: [(Era, Kind); 22] = [
    (Era::A, Kind::Docker),
    (Era::B, Kind::Docker),
    (Era::B, Kind::Deno),
    (Era::B, Kind::Bun),
    (Era::C, Kind::Docker),
    (Era::C, Kind::Deno),
    (Era::C, Kind::Node),
    (Era::C, Kind::Python),
    (Era::LateC, Kind::Deno),
    (Era::LateC, Kind::Bun),
    (Era::LateC, Kind::Python),
    (Era::D, Kind::Docker),
    (Era::D, Kind::Deno),
    (Era::D, Kind::Bun),
    (Era::D, Kind::Node),
    (Era::D, Kind::Python),
    (Era::E, Kind::Docker),
    (Era::E, Kind::Deno),
    (Era::E, Kind::Bun),
    (Era::E, Kind::Node),
    (Era::E, Kind::Native),
    (Era::Documented, Kind::Docker),
];

/// A stand-in, attached to.
pub struct Rig {
    pub server: StandIn,
    pub engine: Arc<Original>,
}

impl Rig {
    pub async fn new(era: Era, kind: Kind) -> Self {
        Self::with(era, kind, OriginalOptions::default()).await
    }

    pub async fn with(era: Era, kind: Kind, options: OriginalOptions) -> Self {
        let server = StandIn::start(era, kind).await;
        let engine = attach(&server, options).await;
        Self { server, engine }
    }

    pub fn language(&self) -> Language {
        match self.server.state.kind {
            Kind::Python | Kind::Docker => Language::Python,
            Kind::Native => Language::Go,
            _ => Language::JavaScript,
        }
    }

    pub fn params(&self) -> CreateSession {
        let runtime = match self.server.state.kind {
            Kind::Docker => RuntimeType::Docker,
            Kind::Deno => RuntimeType::Deno,
            Kind::Bun => RuntimeType::Bun,
            Kind::Node | Kind::Python | Kind::Native => RuntimeType::NativeProcess,
        };
        CreateSession { runtime_type: Some(runtime), ..CreateSession::new(self.language()) }
    }

    pub async fn create(&self) -> SessionId {
        timely(self.engine.create_session(self.params())).await.unwrap().session_id
    }

    pub async fn start(&self, session: &SessionId, command: Command) -> Execution {
        timely(self.engine.execute(Execute::new(session.clone(), command))).await.unwrap()
    }

    pub async fn execute(&self, session: &SessionId, command: Command) -> ExecuteResult {
        timely(self.start(session, command).await.finished()).await.unwrap()
    }

    pub async fn process(&self, session: &SessionId, command: Command) -> ProcessResult {
        let result = self.execute(session, command).await;
        result.process().unwrap_or_else(|| panic!("{:?}", result.error)).clone()
    }

    /// Ends everything: nothing may be left on the server.
    pub async fn leave_clean(self) {
        for session in timely(self.engine.sessions()).await.unwrap() {
            timely(self.engine.close_session(&session.session_id)).await.unwrap();
        }
        assert_eq!(self.server.sessions(), Vec::<String>::new());
        timely(self.engine.shutdown()).await;
        drop(self.engine);
        let mut connections = self.server.state.connections.subscribe();
        timely(connections.wait_for(|n| *n == 0)).await.unwrap();
    }
}

pub async fn attach(server: &StandIn, options: OriginalOptions) -> Arc<Original> {
    let address = Address::parse(&server.address).unwrap();
    timely(Original::attach(address, None, options)).await.unwrap()
}

/// Waits, but not for ever.
pub async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Whether sessions of a server can run any program: Deno runs none before it was taught to.
pub fn runs_programs(era: Era, kind: Kind) -> bool {
    kind != Kind::Deno || era >= Era::LateC
}

pub fn program(name: &str, args: &[&str]) -> Command {
    Command::ExecuteShell(ExecuteShell {
        command_name: name.into(),
        args: args.iter().map(|arg| (*arg).into()).collect(),
        ..ExecuteShell::default()
    })
}

pub fn sh(script: &str) -> Command {
    program("sh", &["-c", script])
}

pub fn code(language: Language, code: &str) -> Command {
    Command::ExecuteCode(ExecuteCode {
        code: code.into(),
        language: Some(language),
        ..ExecuteCode::default()
    })
}
