//! `codebeaker setup`: fetches Deno and Bun, builds the images of Docker sessions.

use std::process::ExitCode;

use crate::protocol::{RuntimeType, Signal};
use crate::provision::terminal::Reporter;
use crate::provision::{self, Found, Origin, ProvisionError, Tool};

use super::args;
use super::containers;
use super::exit::{self, Problem};
use super::signals::Signals;
use super::surroundings::Surroundings;

/// Fetches what is asked for, or what is missing.
pub async fn setup(args: args::Setup) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let docker = args.runtimes.iter().any(|name| name.eq_ignore_ascii_case("docker"));
    let others: Vec<String> =
        args.runtimes.iter().filter(|name| !name.eq_ignore_ascii_case("docker")).cloned().collect();
    if !docker && (args.base.is_some() || !args.language.is_empty()) {
        let message = "--base and --language are for Docker's images";
        return Err(Problem::new(message, "codebeaker setup docker --base IMAGE"));
    }
    let wanted = if docker && others.is_empty() { Vec::new() } else { wanted(&others)? };
    let mut signals = Signals::listen()?;
    for tool in wanted {
        match provision::find(tool, &surroundings.provision()) {
            Some(found) if !args.update => {
                exit::print(&format!("{tool} is here: {}\n", describe(&found)))?;
            }
            _ => match fetch_until(tool, &surroundings, &mut signals).await {
                Ok(found) => ready(&found, &surroundings.provision()).await?,
                Err(Ended::Signal(signal, error)) => {
                    Problem::from(error).tell();
                    return Ok(exit::code(128 + signal.number()));
                }
                Err(Ended::Failed(error)) => return Err(error.into()),
            },
        }
    }
    if docker {
        // Who names a base wants them on that.
        let again = args.update || args.base.is_some();
        let surroundings = surroundings.for_one_session().built_on(args.base);
        return containers::setup(&surroundings, &args.language, again, &mut signals).await;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was asked for; nothing means both.
fn wanted(names: &[String]) -> Result<Vec<Tool>, Problem> {
    if names.is_empty() {
        return Ok(Tool::ALL.to_vec());
    }
    let parse = |name: &String| {
        if let Some((tool, _)) = name.split_once('@') {
            let next = format!("leave the version away for the newest: codebeaker setup --update {tool}");
            return Err(Problem::new(format!("{name}: versions can't be chosen"), next));
        }
        name.parse().map_err(|_: provision::UnknownTool| {
            let message = format!("{name} is nothing that can be set up: there are deno, bun and docker");
            Problem::new(message, "codebeaker setup --help")
        })
    };
    names.iter().map(parse).collect()
}

/// Says what was fetched, and whether it is what will be used; removes what it takes the place of.
async fn ready(fetched: &Found, settings: &provision::Settings) -> Result<(), Problem> {
    let tool = fetched.tool;
    let mut text = format!("{tool} is ready: {}\n", describe(fetched));
    for version in provision::remove_superseded(fetched, settings).await {
        text += &format!("{tool} {version} was removed\n");
    }
    match provision::find(tool, settings) {
        Some(Found { path, origin: Origin::Path, .. }) => {
            text += &format!("the one on the PATH, {}, is used before it\n", path.display());
        }
        Some(newer) if newer != *fetched => {
            text += &format!("the one fetched before, {}, is newer and used before it\n", describe(&newer));
        }
        _ => {}
    }
    exit::print(&text)
}

fn describe(found: &Found) -> String {
    match &found.origin {
        Origin::Path => format!("{} (on the PATH)", found.path.display()),
        Origin::Fetched { version } => format!("{version} in {}", found.path.display()),
    }
}

/// Fetches a runtime and shows how far it is. Dropping the future ends it.
pub async fn fetch(tool: Tool, version: Option<&str>, surroundings: &Surroundings) -> Result<Found, Problem> {
    let reporter = Reporter::stderr(tool);
    let report = |progress| reporter.report(&progress);
    Ok(provision::fetch(tool, version, &surroundings.provision(), &report).await?)
}

/// Why there is no runtime.
enum Ended {
    Signal(Signal, ProvisionError),
    Failed(ProvisionError),
}

/// The same until a signal comes, after which nothing is left half done.
async fn fetch_until(tool: Tool, surroundings: &Surroundings, signals: &mut Signals) -> Result<Found, Ended> {
    let settings = surroundings.provision();
    let reporter = Reporter::stderr(tool);
    let report = |progress| reporter.report(&progress);
    let mut caught = None;
    let cancel = async { caught = Some(signals.next().await) };
    let fetched = provision::fetch_until(tool, None, &settings, &report, cancel).await;
    fetched.map_err(|error| match caught {
        Some(signal) => Ended::Signal(signal, error),
        None => Ended::Failed(error),
    })
}

/// The tool that a runtime needs, if it is one that can be fetched.
pub fn tool(runtime: RuntimeType) -> Option<Tool> {
    match runtime {
        RuntimeType::Deno => Some(Tool::Deno),
        RuntimeType::Bun => Some(Tool::Bun),
        RuntimeType::Docker | RuntimeType::NativeProcess => None,
    }
}
