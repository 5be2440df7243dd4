//! What a runtime needs before it can be used, as steps: the engine tells it in one sentence, a person does one thing
//! after another and copies the lines that are for a shell. Nothing here is ever run.

use crate::protocol::RuntimeInfo;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it is, in words; may be empty where the line says it all.
    pub(crate) words: String,
    /// The line for a shell.
    pub(crate) line: Option<String>,
}

/// What a line for a shell begins with, in the words of engines.
const PROGRAMS: [&str; 5] = ["sudo ", "codebeaker ", "docker ", "systemctl ", "sysctl "];
/// Where one step ends and the next begins.
const BREAKS: [&str; 3] = ["; ", ", then ", ", or "];
/// Steps that are told; a remedy with more is no remedy.
const MOST: usize = 6;

/// The steps to have a runtime; none where it is here or nothing is known to help.
pub(crate) fn steps(info: &RuntimeInfo) -> Vec<Step> {
    let Some(fix) = info.fix.as_deref() else { return Vec::new() };
    let mut parts = vec![fix];
    for between in BREAKS {
        parts = parts.into_iter().flat_map(|part| part.split(between)).collect();
    }
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    let mut steps: Vec<Step> = parts.take(MOST).map(step).collect();
    let joins =
        steps.iter().any(|s| s.line.as_deref().is_some_and(|line| line.contains("usermod -aG docker")));
    // A shell of the new group is enough to begin with.
    if let Some(step) = steps.iter_mut().find(|step| joins && step.words == "log in again") {
        *step = Step { words: "or log in again".to_owned(), line: Some("newgrp docker".to_owned()) };
    }
    steps
}

/// The line for a shell in a part of a remedy: in brackets, after a colon, or the part itself.
fn step(part: &str) -> Step {
    let plain = Step { words: part.to_owned(), line: None };
    if let Some((words, rest)) = part.split_once(" (") {
        let inner = rest.split(')').next().unwrap_or(rest);
        return of_line(inner).map_or(plain, |(line, _)| Step { words: words.to_owned(), line: Some(line) });
    }
    if let Some((words, rest)) = part.split_once(": ") {
        return of_line(rest).map_or(plain, |(line, _)| Step { words: words.to_owned(), line: Some(line) });
    }
    match of_line(part) {
        Some((line, words)) => Step { words, line: Some(line) },
        None => plain,
    }
}

/// A text that begins with a line for a shell: that line, and what is said of it.
fn of_line(text: &str) -> Option<(String, String)> {
    PROGRAMS.iter().find(|program| text.starts_with(**program))?;
    let words: Vec<&str> = text.split_whitespace().collect();
    // Our own verbs are followed by what they do.
    let length = match (words.first(), words.get(1)) {
        (Some(&"codebeaker"), Some(&"setup")) => 3,
        (Some(&"codebeaker"), _) => 2,
        _ => words.len(),
    };
    let (line, rest) = words.split_at(length.min(words.len()));
    Some((line.join(" "), rest.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Capabilities, RuntimeType};

    fn of(fix: &str) -> Vec<(String, Option<String>)> {
        let nothing = Capabilities { startup_time_ms: 0.0, memory_overhead_mb: 0.0, isolation_level: 0 };
        let info = RuntimeInfo {
            fix: Some(fix.to_owned()),
            ..RuntimeInfo::unavailable(RuntimeType::Docker, Vec::new(), nothing)
        };
        steps(&info).into_iter().map(|step| (step.words, step.line)).collect()
    }

    fn told(words: &str, line: &str) -> (String, Option<String>) {
        (words.to_owned(), (!line.is_empty()).then(|| line.to_owned()))
    }

    #[test]
    fn what_engines_say_becomes_steps() {
        let group = "add yourself to the group docker (sudo usermod -aG docker $USER), then log in again";
        let steps = [
            told("add yourself to the group docker", "sudo usermod -aG docker $USER"),
            told("or log in again", "newgrp docker"),
        ];
        assert_eq!(of(group), steps);
        assert_eq!(
            of("start it: sudo systemctl start docker"),
            [told("start it", "sudo systemctl start docker")]
        );
        assert_eq!(of("codebeaker setup deno fetches it"), [told("fetches it", "codebeaker setup deno")]);
        let context = "docker context use default, or set DOCKER_HOST";
        assert_eq!(of(context), [told("", "docker context use default"), told("set DOCKER_HOST", "")]);
        let walls = "allow user namespaces or Landlock (codebeaker doctor tells what failed); x";
        assert_eq!(
            of(walls),
            [told("allow user namespaces or Landlock", "codebeaker doctor"), told("x", "")]
        );
        assert_eq!(
            of("install one of them, for example python3"),
            [told("install one of them, for example python3", "")]
        );
    }

    #[test]
    fn anything_an_engine_says_is_taken() {
        for text in ["", " ", "(", ": ", "codebeaker ", "codebeaker setup ", "a (", "; ; ;", "日本 (sudo 日)"]
        {
            assert!(of(text).len() <= MOST, "{text:?}");
        }
        assert_eq!(of(&"a; ".repeat(100)).len(), MOST);
    }
}
