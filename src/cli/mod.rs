//! The command line: one file a verb. Turns arguments into calls of an engine, and what comes of them into text and
//! exit codes. Errors end here, as one sentence with the next step.

mod args;
mod bar;
mod bench;
mod calibrate;
mod calibration;
mod connect;
mod containers;
mod doctor;
mod exit;
mod keys;
mod logging;
mod manual;
mod open;
mod plain;
mod run;
mod screenshot;
mod serve;
mod sessions;
mod setup;
mod signals;
mod surroundings;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Verb};
use exit::Problem;

/// How long threads that work for the last verb may take to end.
const END_TIME: std::time::Duration = std::time::Duration::from_secs(3);

/// Runs what the process's arguments ask for.
pub fn main() -> ExitCode {
    // The launcher of a session: before anything else, while there is one thread.
    if std::env::args_os().nth(1).is_some_and(|verb| verb == crate::runtimes::LAUNCH_VERB) {
        crate::runtimes::launcher_entry();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => return exit::usage(&e),
    };
    let outcome = match arguments.verb() {
        Verb::Completions { shell } => manual::completions(shell),
        Verb::Man => manual::man(),
        Verb::Keys(args) => keys::keys(args),
        Verb::Screenshot(args) => screenshot::screenshot(args),
        verb => on_tokio(verb),
    };
    outcome.unwrap_or_else(|problem| problem.tell())
}

fn on_tokio(verb: Verb) -> Result<ExitCode, Problem> {
    logging::start();
    let mut builder = match verb {
        // The workbench draws on its own thread while its engine works on another.
        // The server does for many at once.
        Verb::Open(_) | Verb::Attach(_) | Verb::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        // The others only wait for something else, and each hop to another thread costs a wake-up.
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let threads = match verb {
        Verb::Serve(_) => std::thread::available_parallelism().map_or(2, usize::from).max(2),
        _ => 2,
    };
    let runtime = builder.worker_threads(threads).enable_all().build();
    let runtime =
        runtime.map_err(|e| Problem::new(format!("no threads can be had: {e}"), "end some programs"))?;
    let outcome = runtime.block_on(async {
        match verb {
            Verb::Run(run) => run::run(run).await,
            Verb::Bench(bench) => bench::bench(bench).await,
            Verb::Serve(serve) => serve::serve(serve).await,
            Verb::Doctor(doctor) => doctor::doctor(doctor).await,
            Verb::Calibrate(args) => calibrate::calibrate(args).await,
            Verb::Setup(setup) => setup::setup(setup).await,
            Verb::Sessions(sessions) => sessions::sessions(sessions).await,
            Verb::Open(open) => open::open(open).await,
            Verb::Attach(attach) => open::open(attach.open()).await,
            Verb::Completions { .. } | Verb::Man | Verb::Keys(_) | Verb::Screenshot(_) => {
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // What is being cleaned up on another thread comes to its end; what hangs doesn't keep us.
    runtime.shutdown_timeout(END_TIME);
    outcome
}
