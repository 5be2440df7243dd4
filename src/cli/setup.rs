//! `codebeaker setup`: fetches Deno and Bun.

use std::process::ExitCode;

use crate::protocol::{RuntimeType, Signal};
use crate::provision::terminal::Reporter;
use crate::provision::{self, Found, Origin, ProvisionError, Tool};

use super::args;
use super::exit::{self, Problem};
use super::signals::Signals;
use super::surroundings::Surroundings;

/// Fetches what is asked for, or what is missing.
pub async fn setup(args: args::Setup) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let wanted = wanted(&args.runtimes)?;
    let mut signals = Signals::listen()?;
    for (tool, version) in wanted {
        let here = provision::find(tool, &surroundings.provision());
        match here {
            Some(found) if version.is_none() && !args.update => {
                exit::print(&format!("{tool} is here: {}\n", describe(&found)))?
            }
            _ => {
                let fetched = fetch_until(tool, version.as_deref(), &surroundings, &mut signals).await;
                let found = match fetched {
                    Ok(found) => found,
                    Err(Ended::Signal(signal, error)) => {
                        Problem::from(error).tell();
                        return Ok(exit::code(128 + signal.number()));
                    }
                    Err(Ended::Failed(error)) => return Err(error.into()),
                };
                exit::print(&format!("{tool} is ready: {}\n", describe(&found)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `bun`, `deno@2.1.0`, …; nothing means both.
fn wanted(names: &[String]) -> Result<Vec<(Tool, Option<String>)>, Problem> {
    if names.is_empty() {
        return Ok(Tool::ALL.map(|tool| (tool, None)).to_vec());
    }
    let parse = |name: &String| {
        let (tool, version) = match name.split_once('@') {
            Some((tool, version)) => (tool, Some(version.to_owned())),
            None => (name.as_str(), None),
        };
        let tool = tool
            .parse()
            .map_err(|e: provision::UnknownTool| Problem::new(e.to_string(), "codebeaker setup --help"))?;
        Ok((tool, version))
    };
    names.iter().map(parse).collect()
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
async fn fetch_until(
    tool: Tool,
    version: Option<&str>,
    surroundings: &Surroundings,
    signals: &mut Signals,
) -> Result<Found, Ended> {
    let settings = surroundings.provision();
    let reporter = Reporter::stderr(tool);
    let report = |progress| reporter.report(&progress);
    let mut caught = None;
    let cancel = async { caught = Some(signals.next().await) };
    let fetched = provision::fetch_until(tool, version, &settings, &report, cancel).await;
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
