//! `codebeaker` and `codebeaker open`: the workbench.

use std::process::ExitCode;
use std::sync::Arc;

use crate::engine::{Connector as _, Target};
use crate::tui::{self, Exit, Options, Outer, TuiError};

use super::args;
use super::connect::Connections;
use super::doctor;
use super::exit::{self, Problem};
use super::plain;
use super::surroundings::Surroundings;

/// Opens the workbench over the engine in this process, or a server's.
pub async fn open(args: args::Open) -> Result<ExitCode, Problem> {
    if args.plain {
        return plain::plain(args).await;
    }
    let surroundings = Surroundings::read()?;
    let connections = Arc::new(Connections::new(surroundings.clone()));
    let engine = match args.attach.filter(|address| !address.trim().is_empty()) {
        Some(address) => connections.attach(Target { address, token: None }).await?,
        None => connections.local().await?,
    };
    let report = doctor::to_file(surroundings.clone());
    let options = Options {
        file: args.file,
        more: args.more,
        editor: editor(),
        state: Some(surroundings.paths.state.clone()),
        settings: surroundings.settings,
        paths: surroundings.paths,
        warnings: surroundings.warnings,
        terminal: args.look.terminal(),
        light_background: tui::light_from_vars(|name| std::env::var(name).ok()),
        outer: Outer::from_env(|name| std::env::var(name).ok()),
        connector: Some(connections.clone()),
        settled: Some(crate::runtimes::give_back),
        report: Some(report),
        advice: plain::reason().map(|why| format!("{why}: codebeaker --plain")),
    };
    let outcome = tui::run(options, engine).await;
    connections.end().await;
    match outcome {
        Ok(Exit::Quit) => Ok(ExitCode::SUCCESS),
        // As a shell tells of a program that a signal has ended.
        Ok(Exit::Signal(number)) => Ok(exit::code(128 + number)),
        Ok(Exit::Lost) => Err(Problem::new("the terminal went away", "")),
        Err(e @ TuiError::NoTerminal) => {
            Err(Problem::new(e.to_string(), "codebeaker --plain works without one, line by line"))
        }
        Err(e @ TuiError::Terminal(_)) => {
            Err(Problem::new(e.to_string(), "try another TERM, or codebeaker --plain"))
        }
    }
}

/// The person's own editor.
fn editor() -> String {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    var("VISUAL").or_else(|| var("EDITOR")).unwrap_or_else(|| "vi".to_owned())
}
