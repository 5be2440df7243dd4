//! `codebeaker setup`: fetches Deno and Bun.

use std::process::ExitCode;

use crate::protocol::RuntimeType;
use crate::provision::terminal::Reporter;
use crate::provision::{self, Found, Origin, Tool};

use super::args;
use super::exit::{self, Problem};
use super::surroundings::Surroundings;

/// Fetches what is asked for, or what is missing.
pub async fn setup(args: args::Setup) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let wanted = wanted(&args.runtimes)?;
    for (tool, version) in wanted {
        let here = provision::find(tool, &surroundings.provision());
        match here {
            Some(found) if version.is_none() && !args.update => {
                exit::print(&format!("{tool} is here: {}\n", describe(&found)))?
            }
            _ => {
                let found = fetch(tool, version.as_deref(), &surroundings).await?;
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

/// Fetches a runtime and shows how far it is. Ctrl-C ends it and leaves nothing half done.
pub async fn fetch(tool: Tool, version: Option<&str>, surroundings: &Surroundings) -> Result<Found, Problem> {
    let settings = surroundings.provision();
    let reporter = Reporter::stderr(tool);
    let report = |progress| reporter.report(&progress);
    let result = tokio::select! {
        result = provision::fetch(tool, version, &settings, &report) => result.map_err(Problem::from),
        _ = tokio::signal::ctrl_c() => Err(Problem::new(format!("the fetching of {tool} was stopped"), "nothing was installed")),
    };
    drop(reporter);
    result
}

/// The tool that a runtime needs, if it is one that can be fetched.
pub fn tool(runtime: RuntimeType) -> Option<Tool> {
    match runtime {
        RuntimeType::Deno => Some(Tool::Deno),
        RuntimeType::Bun => Some(Tool::Bun),
        RuntimeType::Docker | RuntimeType::NativeProcess => None,
    }
}
