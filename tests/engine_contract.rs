//! What any engine promises, held against the embedded one and against one that is served and attached to, on every
//! runtime of this machine; and what the embedded one promises of this machine's directories, processes and containers.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "engine_contract/choice.rs"]
mod choice;
#[path = "engine_contract/containers.rs"]
mod containers;
#[path = "engine_contract/embedded.rs"]
mod embedded;
#[path = "engine_contract/files.rs"]
mod files;
#[path = "engine_contract/life.rs"]
mod life;
#[path = "engine_contract/limits.rs"]
mod limits;
#[path = "engine_contract/order.rs"]
mod order;
#[path = "engine_contract/programs.rs"]
mod programs;
mod support;

use std::sync::Arc;

use bytes::Bytes;
use codebeaker::engine::{Embedded, Engine, EngineSettings, Execution, Runtime};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteResult, ExecuteShell, ExecutionEvent, ExecutionId,
    Failure, OutputStream, ProcessResult, SessionId, SessionInfo, SessionStats,
};
use support::docker::Yard;
use support::native::{self, Kind, PATIENCE};
use tempfile::TempDir;

/// An engine under test, and what it is asked for.
pub struct Bench {
    pub engine: Arc<dyn Engine>,
    pub kind: Kind,
}

impl Bench {
    pub async fn create(&self) -> SessionInfo {
        self.engine.create_session(self.params()).await.unwrap()
    }

    pub fn params(&self) -> CreateSession {
        CreateSession { runtime_type: Some(self.kind.runtime()), ..CreateSession::new(self.kind.language()) }
    }

    pub async fn start(&self, execute: Execute) -> Result<Execution, Failure> {
        timely(self.engine.execute(execute)).await
    }

    pub async fn execute(&self, session: &SessionId, command: Command) -> ExecuteResult {
        let execution = self.start(Execute::new(session.clone(), command)).await.unwrap();
        timely(execution.finished()).await.unwrap()
    }

    pub async fn sh(&self, session: &SessionId, script: &str) -> ProcessResult {
        self.execute(session, sh(script)).await.process().unwrap().clone()
    }

    /// Waits until no process is left in a session; what it has used then.
    pub async fn without_processes(&self, session: &SessionId) -> SessionStats {
        let gone = async {
            loop {
                let stats = self.engine.stats(session).await.unwrap();
                if stats.processes == Some(0) {
                    return stats;
                }
            }
        };
        timely(gone).await
    }

    pub async fn input(&self, id: &ExecutionId, data: &str, eof: bool) -> Result<(), Failure> {
        timely(self.engine.input(id, Bytes::copy_from_slice(data.as_bytes()), eof)).await
    }
}

/// A script for the shell.
pub fn sh(script: &str) -> Command {
    program("sh", &["-c", script])
}

pub fn program(name: &str, args: &[&str]) -> Command {
    Command::ExecuteShell(ExecuteShell {
        command_name: name.into(),
        args: args.iter().map(|a| (*a).to_owned()).collect(),
        ..ExecuteShell::default()
    })
}

pub fn code(text: &str) -> ExecuteCode {
    ExecuteCode { code: text.into(), ..ExecuteCode::default() }
}

/// A streaming execution that is fed from outside.
pub fn interactive(session: &SessionId, script: &str) -> Execute {
    Execute { stream: true, interactive: true, ..Execute::new(session.clone(), sh(script)) }
}

/// Nothing takes as long as this.
pub async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// What an execution told until its standard output ended with `text`.
pub async fn printed(execution: &mut Execution, text: &str) -> String {
    let mut all = String::new();
    while !all.ends_with(text) {
        match timely(execution.next()).await {
            Some(ExecutionEvent::Output { stream: OutputStream::Stdout, data }) => {
                all.push_str(std::str::from_utf8(&data).unwrap());
            }
            Some(ExecutionEvent::Started) => {}
            other => panic!("{other:?} instead of {text:?}, after {all:?}"),
        }
    }
    all
}

/// An embedded engine over the native runtimes, in a directory of its own.
pub fn embedded_with(root: &TempDir, change: impl FnOnce(&mut EngineSettings)) -> Arc<Embedded> {
    let mut settings = EngineSettings::new(root.path().join("sessions"));
    change(&mut settings);
    embedded_over(native::all(), settings)
}

pub fn embedded_over(runtimes: Vec<Arc<dyn Runtime>>, settings: EngineSettings) -> Arc<Embedded> {
    Arc::new(Embedded::new(settings, runtimes).unwrap())
}

/// Where the engine under test is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In this process.
    Here,
    /// Behind a server of this process, attached to over loopback.
    Served,
}

impl Place {
    /// Puts an engine there for as long as `part` takes.
    async fn put<F: Future<Output = ()>>(
        self,
        engine: Arc<dyn Engine>,
        part: impl FnOnce(Arc<dyn Engine>) -> F,
    ) {
        if matches!(self, Self::Here) {
            return part(engine).await;
        }
        let served = support::served::Served::start(engine).await;
        let remote = served.attach().await;
        part(remote.clone()).await;
        timely(remote.shutdown()).await;
        timely(served.stop()).await;
    }
}

/// Runs one part of the contract; afterwards nothing may be left.
async fn held<F: Future<Output = ()>>(kind: Kind, place: Place, part: impl FnOnce(Arc<Bench>) -> F) {
    let root = tempfile::tempdir().unwrap();
    let yard = kind.yard().await;
    let runtimes = yard.as_ref().map_or_else(native::all, Yard::runtimes);
    let engine: Arc<dyn Engine> = embedded_over(runtimes, EngineSettings::new(root.path().join("sessions")));
    if kind.is_here(&*engine).await {
        place.put(engine.clone(), |engine| part(Arc::new(Bench { engine, kind }))).await;
    }
    timely(engine.shutdown()).await;
    let left: Vec<_> = std::fs::read_dir(root.path().join("sessions")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(native::processes(root.path()), []);
    if let Some(yard) = yard {
        yard.nothing_left().await;
    }
}

macro_rules! parts {
    ($kind:ident: $($area:ident::$part:ident,)*) => {
        parts! { Here $kind: $($area::$part,)* }
    };
    ($place:ident $kind:ident: $($area:ident::$part:ident,)*) => {
        $(
            #[tokio::test]
            async fn $part() {
                let (kind, place) = (crate::Kind::$kind, crate::Place::$place);
                crate::held(kind, place, |bench| async move { crate::$area::$part(&bench).await }).await;
            }
        )*
    };
}

macro_rules! contract {
    ($module:ident: $kind:ident $place:ident) => {
        mod $module {
            parts! { $place $kind:
                files::written_and_read,
                files::directories_and_listings,
                files::copied_and_deleted,
                files::no_way_out,
                files::workspace_paths,
                files::kept_between_commands,
                files::moved_from_one_directory_into_another,
                programs::code_that_fails,
                programs::code_with_arguments_variables_and_input,
                programs::phases_of_a_command,
                programs::code_of_any_name,
                programs::code_that_runs_at_once_has_files_of_its_own,
                programs::files_that_look_like_options_or_tests,
                programs::exact_arguments_and_variables,
                programs::what_can_not_be_started,
                programs::ended_by_signals,
                programs::time_is_up,
                programs::streams_are_told_as_they_are_written,
                programs::more_than_is_kept,
                programs::bytes_that_are_no_text,
                programs::input_by_value,
                programs::code_in_a_terminal,
                order::of_arrival,
                order::past_the_others,
                order::sessions_side_by_side,
                order::fed_from_outside,
                order::one_that_stops_reading,
                order::one_that_is_not_fed,
                order::interrupted,
                order::interrupted_before_its_turn,
                order::interrupted_at_any_moment,
                order::ids_are_unique,
                order::too_many,
                order::readers_that_are_slow_or_gone,
                life::states_and_counters,
                life::events_in_order,
                life::closed_while_it_runs,
                life::closed_at_any_moment,
                life::unknown_sessions,
                life::time_for_nothing,
                life::what_it_uses,
                life::ranking_and_refusals,
            }
        }
    };
}

contract! { deno: Deno Here }
mod deno_alone {
    parts! { Deno: programs::what_deno_is_allowed, }
}
contract! { bun: Bun Here }
contract! { python: Python Here }
contract! { javascript: JavaScript Here }
mod installed_deno {
    parts! { Deno: programs::packages, }
}
mod installed_bun {
    parts! { Bun: programs::packages, }
}
mod installed_python {
    parts! { Python: programs::packages, }
}
mod installed_javascript {
    parts! { Served JavaScript: programs::packages, }
}
contract! { docker_python: DockerPython Here }
contract! { docker_javascript: DockerJavaScript Here }

contract! { served_deno: Deno Served }
contract! { served_bun: Bun Served }
contract! { served_python: Python Served }
contract! { served_javascript: JavaScript Served }
contract! { served_docker_python: DockerPython Served }

/// What goes through other streams there; the rest was held against the others.
mod docker_attached {
    parts! { AttachedPython:
        files::written_and_read,
        programs::code_with_arguments_variables_and_input,
        programs::streams_are_told_as_they_are_written,
        programs::more_than_is_kept,
        programs::input_by_value,
        programs::code_in_a_terminal,
        order::fed_from_outside,
        order::one_that_stops_reading,
        order::interrupted,
        order::readers_that_are_slow_or_gone,
        life::closed_while_it_runs,
        life::closed_at_any_moment,
        life::what_it_uses,
    }
}

/// Compilers are slow; what is not theirs was held against the others.
macro_rules! compiled {
    ($($module:ident: $kind:ident $place:ident,)*) => {
        $(
            mod $module {
                parts! { $place $kind:
                    programs::compiled_code,
                    programs::code_that_runs_at_once_has_files_of_its_own,
                    programs::files_that_look_like_options_or_tests,
                }
            }
        )*
    };
}

compiled! {
    go: Go Here,
    csharp: CSharp Here,
    docker_go: DockerGo Here,
    docker_csharp: DockerCSharp Here,
    served_go: Go Served,
    served_csharp: CSharp Served,
}
