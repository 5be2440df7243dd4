//! The images of Docker sessions: `codebeaker setup docker`, and what a run lacks.

use std::process::ExitCode;

use crate::engine::Runtime;
use crate::protocol::{Language, Provision, RuntimeType, Signal};

use super::bar;
use super::exit::{self, Problem};
use super::signals::Signals;
use super::surroundings::{Surroundings, end};

/// Builds the images of these languages, or of all, that are missing; `again`: also the others.
pub async fn setup(
    surroundings: &Surroundings,
    languages: &[Language],
    again: bool,
    signals: &mut Signals,
) -> Result<ExitCode, Problem> {
    let runtimes = surroundings.runtimes();
    let docker = runtimes.iter().find(|r| r.runtime_type() == RuntimeType::Docker);
    let docker = docker.ok_or_else(|| Problem::new("this build has no Docker", ""))?;
    let outcome = tokio::select! {
        biased;
        signal = signals.next() => Ok(stopped(signal)),
        ready = make_ready(docker.as_ref(), languages, again) => ready,
    };
    end(&runtimes).await;
    outcome
}

async fn make_ready(docker: &dyn Runtime, languages: &[Language], again: bool) -> Result<ExitCode, Problem> {
    let info = docker.info(false).await;
    if !info.available && !info.fetchable {
        let reason = info.reason.unwrap_or_default();
        return Err(Problem::new(format!("Docker is not available: {reason}"), info.fix.unwrap_or_default()));
    }
    let all = [Language::Python, Language::JavaScript, Language::Go, Language::CSharp];
    let asked = all.into_iter().filter(|language| languages.is_empty() || wants(languages, *language));
    let is_here = |language: &Language| info.available && !info.fetchable_languages.contains(language);
    let of = |language: Option<Language>| Provision { language, ..Provision::all(RuntimeType::Docker) };
    let wanted: Vec<Provision> = match again || !languages.is_empty() {
        true => asked.filter(|l| again || !is_here(l)).map(|language| of(Some(language))).collect(),
        // With those of an older recipe.
        false => vec![of(None)],
    };
    for wanted in &wanted {
        bar::shown(|progress| docker.provision(wanted, progress)).await?;
    }
    let info = docker.info(false).await;
    exit::print(&format!("Docker is ready: {}\n", info.version.unwrap_or_default()))?;
    Ok(ExitCode::SUCCESS)
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
