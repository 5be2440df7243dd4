//! The images of Docker sessions: `codebeaker setup docker`, and what a run lacks.

use std::process::ExitCode;

use crate::engine::Runtime;
use crate::protocol::{Failure, Language, Provision, RuntimeType, Signal};

use super::bar;
use super::exit::{self, Problem};
use super::signals::Signals;
use super::surroundings::Surroundings;

/// Builds the images of these languages, or all that are missing or outdated; `again`: also the others.
pub async fn setup(
    surroundings: &Surroundings,
    languages: &[Language],
    again: bool,
    signals: &mut Signals,
) -> Result<ExitCode, Problem> {
    let runtimes = surroundings.runtimes();
    let docker = runtimes.iter().find(|r| r.runtime_type() == RuntimeType::Docker);
    let docker = docker.ok_or_else(|| Problem::new("this build has no Docker", ""))?;
    let info = docker.info(false).await;
    if !info.available && !info.fetchable {
        let reason = info.reason.unwrap_or_default();
        return Err(Problem::new(format!("Docker is not available: {reason}"), info.fix.unwrap_or_default()));
    }
    let all = [Language::Python, Language::JavaScript, Language::Go, Language::CSharp];
    let asked = || all.into_iter().filter(|language| languages.is_empty() || wants(languages, *language));
    let of = |language: Option<Language>| Provision { language, ..Provision::all(RuntimeType::Docker) };
    // Those that are named are built in any case.
    let wanted: Vec<Provision> = match again || !languages.is_empty() {
        true => asked().map(|language| of(Some(language))).collect(),
        false => vec![of(None)],
    };
    let outcome = tokio::select! {
        biased;
        signal = signals.next() => Err(signal),
        built = build(docker.as_ref(), &wanted) => Ok(built),
    };
    let code = match outcome {
        Ok(Ok(())) => {
            let info = docker.info(false).await;
            exit::print(&format!("Docker is ready: {}\n", info.version.unwrap_or_default()))?;
            ExitCode::SUCCESS
        }
        Ok(Err(failure)) => return Err(failure.into()),
        Err(signal) => stopped(signal),
    };
    docker.shutdown().await;
    Ok(code)
}

/// TypeScript has JavaScript's image.
fn wants(languages: &[Language], language: Language) -> bool {
    languages.iter().any(|wanted| match wanted {
        Language::TypeScript => language == Language::JavaScript,
        wanted => *wanted == language,
    })
}

fn stopped(signal: Signal) -> ExitCode {
    exit::say("stopped; what was built already stays, and the next start goes on from there");
    exit::code(128 + signal.number())
}

async fn build(docker: &dyn Runtime, wanted: &[Provision]) -> Result<(), Failure> {
    for wanted in wanted {
        bar::shown(|progress| docker.provision(wanted, progress)).await?;
    }
    Ok(())
}
