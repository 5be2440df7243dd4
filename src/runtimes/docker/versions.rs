//! Asking an image what runs its language, through the agent of a container that was started from it.

use crate::agent::wire::Start;
use crate::agent::{Agent, ProcessEvent};
use crate::protocol::Language;

use super::images::Image;

/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 4096;
/// Milliseconds that it may take.
const ANSWER_TIME: u64 = 20_000;

/// The version of what runs a language in an image, for people: `Node 22.20.0`. `None`: it does not answer.
pub async fn ask(agent: &Agent, language: Language, image: &Image) -> Option<String> {
    let script = match language {
        Language::Python => "python3 -V",
        Language::JavaScript | Language::TypeScript => "echo Node $(node -p process.versions.node)",
        Language::Go => "set -- $(go version) && echo Go ${3#go}",
        Language::CSharp => {
            "if command -v dotnet >/dev/null; then echo .NET $(dotnet --list-sdks | tail -n 1 | cut -d ' ' -f 1); \
             else set -- $(mono --version) && echo Mono $5; fi"
        }
    };
    let mut variables = image.variables.clone();
    variables.insert("HOME".into(), "/tmp".into());
    variables.insert("DOTNET_CLI_TELEMETRY_OPTOUT".into(), "1".into());
    let start = Start {
        argv: ["/bin/sh", "-c", script].map(|argument| argument.as_bytes().to_vec()).to_vec(),
        env: variables.iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect(),
        timeout_ms: ANSWER_TIME,
        ..Start::default()
    };
    let (mut process, _control) = agent.start(start).await.ok()?;
    let mut answer = Vec::new();
    loop {
        match process.next().await.ok()? {
            ProcessEvent::Stdout(data) => {
                answer.extend_from_slice(&data[..data.len().min(MAX_ANSWER - answer.len().min(MAX_ANSWER))]);
            }
            ProcessEvent::Exited(exit) if exit.code == 0 && exit.signal == 0 => break,
            ProcessEvent::Exited(_) => return None,
            _ => {}
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next()?.trim();
    // A name alone is no answer.
    line.split_once(' ').map(|_| line.to_owned())
}
