//! What came of a command: an original server's answer, and what it means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::protocol::{CommandOutput, ProcessResult, from_json};

/// The answer to `session.execute`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// The server's word for it. Of a program in a container it says only that it was run.
    pub success: bool,
    #[serde(default)]
    result: Option<Value>,
    /// Standard error where the result is text, also of a success.
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub duration_ms: u32,
}

/// A program's end as containers tell it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    exit_code: i32,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

/// What a command gave, and why it is no success.
#[derive(Debug)]
pub struct Outcome {
    pub output: Option<CommandOutput>,
    pub error: Option<String>,
}

impl Outcome {
    /// Of what failed before it gave anything.
    pub fn failed(error: impl Into<String>) -> Self {
        Self { output: None, error: Some(error.into()) }
    }

    /// Of a program that could not be started, as a shell would have it end.
    pub fn not_started(exit_code: i32, error: String) -> Self {
        let process = ProcessResult { exit_code, ..ProcessResult::default() };
        Self { output: Some(CommandOutput::Process(process)), error: Some(error) }
    }

    /// Of a program that ended.
    pub fn of_program(mut process: ProcessResult) -> Self {
        if process.timed_out {
            (process.exit_code, process.signal) = (124, None);
        }
        let error = if process.timed_out {
            Some("its time was up".to_owned())
        } else if let Some(signal) = &process.signal {
            Some(format!("ended by {signal}"))
        } else {
            (process.exit_code != 0).then(|| format!("exited with code {}", process.exit_code))
        };
        Self { output: Some(CommandOutput::Process(process)), error }
    }
}

impl From<Result<CommandOutput, String>> for Outcome {
    fn from(result: Result<CommandOutput, String>) -> Self {
        match result {
            Ok(output) => Self { output: Some(output), error: None },
            Err(error) => Self::failed(error),
        }
    }
}

impl Reply {
    /// The result where it is text.
    pub fn text(&self) -> &str {
        self.result.as_ref().and_then(Value::as_str).unwrap_or_default()
    }

    /// The end of a program. Containers tell its exit code; elsewhere it is known only whether it was 0, and the last
    /// line's end is lost.
    pub fn process(self) -> ProcessResult {
        let duration_ms = self.duration_ms;
        let told = self.result.as_ref().filter(|result| result.is_object()).cloned();
        if let Some(Ok(ended)) = told.map(from_json::<Ended>) {
            let Ended { exit_code, stdout, stderr } = ended;
            return ProcessResult { exit_code, stdout, stderr, duration_ms, ..ProcessResult::default() };
        }
        ProcessResult {
            exit_code: i32::from(!self.success),
            stdout: self.text().to_owned(),
            stderr: self.error.unwrap_or_default(),
            duration_ms,
            ..ProcessResult::default()
        }
    }

    /// What came of the program that was to be run; `limit_ms` was its time.
    pub fn program(self, program: &str, limit_ms: Option<u64>) -> Outcome {
        let mut process = self.process();
        // What a container's engine and .NET say where there is no such program.
        let said = [&process.stdout, &process.stderr];
        let starting = "An error occurred trying to start process";
        if process.exit_code != 0
            && said.iter().any(|s| s.contains("OCI runtime exec failed") || s.contains(starting))
        {
            let refused = said.iter().any(|s| s.to_lowercase().contains("permission denied"));
            return not_found(program, refused);
        }
        let late = limit_ms.is_some_and(|limit| u64::from(process.duration_ms) >= limit);
        process.timed_out = process.exit_code != 0 && late;
        Outcome::of_program(process)
    }

    /// What came of a program that a script has run for us: lines of `ok`, how it ended, and its outputs in base64.
    pub fn report(self, program: &str) -> Outcome {
        let mut lines = self.text().lines();
        match lines.next() {
            Some("ok") => {}
            Some("unstarted") => return not_found(program, lines.next() == Some("EACCES")),
            Some("failed") => return Outcome::failed(lines.next().unwrap_or("the program failed")),
            // Not the script's words: it was not run, or not to its end.
            _ => return Outcome::of_program(self.process()),
        }
        let how = lines.next().unwrap_or_default();
        let (how, truncated) = how.strip_suffix(" cut").map_or((how, false), |how| (how, true));
        let how = how.to_owned();
        let mut bytes = || lines.next().and_then(|line| STANDARD.decode(line).ok()).unwrap_or_default();
        let (stdout, stderr) = (bytes(), bytes());
        let exit_code = how.parse::<i32>().ok();
        let timed_out = how == "late";
        Outcome::of_program(ProcessResult {
            exit_code: exit_code.unwrap_or_else(|| 128 + number(&how)),
            stdout_base64: std::str::from_utf8(&stdout).is_err().then(|| STANDARD.encode(&stdout)),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            duration_ms: self.duration_ms,
            truncated,
            signal: (exit_code.is_none() && !timed_out).then_some(how),
            timed_out,
            ..ProcessResult::default()
        })
    }
}

fn not_found(program: &str, refused: bool) -> Outcome {
    if refused {
        return Outcome::not_started(126, format!("{program} can't be executed: permission denied"));
    }
    Outcome::not_started(127, format!("there is no program {program} in this session"))
}

/// The number of a signal; one that is not in the list is taken for a kill.
fn number(signal: &str) -> i32 {
    match signal {
        "SIGHUP" => 1,
        "SIGINT" => 2,
        "SIGQUIT" => 3,
        "SIGABRT" => 6,
        "SIGSEGV" => 11,
        "SIGPIPE" => 13,
        "SIGTERM" => 15,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(value: Value) -> Reply {
        from_json(value).unwrap()
    }

    #[test]
    fn a_container_succeeds_whatever_the_program_does_its_exit_code_counts() {
        let answer = json!({
            "success": true, "error": null, "durationMs": 7,
            "result": {"stdout": "a", "stderr": "b", "exitCode": 3},
        });
        let outcome = reply(answer).program("p", None);
        assert_eq!(outcome.error.as_deref(), Some("exited with code 3"));
        let Some(CommandOutput::Process(process)) = outcome.output else { panic!() };
        assert_eq!((process.exit_code, process.stderr.as_str(), process.duration_ms), (3, "b", 7));
    }

    #[test]
    fn text_is_standard_output_and_an_error_standard_error_of_successes_too() {
        for (success, code) in [(true, 0), (false, 1)] {
            let answer = json!({"success": success, "result": "out", "error": "warn", "durationMs": 1});
            let process = reply(answer).process();
            assert_eq!((process.exit_code, process.stderr.as_str()), (code, "warn"));
        }
    }

    #[test]
    fn a_program_that_is_not_there_ends_as_in_a_shell() {
        let container = json!({"stdout": "OCI runtime exec failed: …", "stderr": "", "exitCode": 127});
        let host = "An error occurred trying to start process 'nope' with working directory '/x'.";
        for answer in [
            json!({"success": true, "result": container, "durationMs": 1}),
            json!({"success": false, "result": null, "error": host, "durationMs": 1}),
            json!({"success": true, "result": "unstarted\nENOENT", "durationMs": 1}),
        ] {
            let reply = reply(answer);
            let scripted = reply.text().starts_with("unstarted");
            let outcome = if scripted { reply.report("nope") } else { reply.program("nope", None) };
            assert_eq!(outcome.error.as_deref(), Some("there is no program nope in this session"));
            let Some(CommandOutput::Process(process)) = outcome.output else { panic!() };
            assert_eq!(process.exit_code, 127);
        }
    }

    #[test]
    fn a_script_tells_signals_and_bytes() {
        let outcome =
            reply(json!({"success": true, "result": "ok\nSIGTERM\n/w==", "durationMs": 1})).report("p");
        let Some(CommandOutput::Process(process)) = outcome.output else { panic!() };
        assert_eq!((process.exit_code, process.signal.as_deref()), (143, Some("SIGTERM")));
        assert_eq!(process.stdout_base64.as_deref(), Some("/w=="));
    }
}
