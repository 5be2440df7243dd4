//! Results as servers give them.

use codebeaker::protocol::*;
use serde_json::json;

use super::shell;

#[test]
fn results_are_read_with_what_may_be_missing() {
    let program = Command::ExecuteShell(shell("make", &[]));
    let read = |value| ExecuteResult::from_json(&program, value);
    let failed = ExecuteResult {
        success: false,
        result: None,
        error: None,
        duration_ms: 7,
        phases: None,
        execution_id: "".into(),
        unknown: false,
    };
    for value in [
        json!({"success": false, "result": null, "error": null, "durationMs": 7}),
        json!({"success": false, "durationMs": 7, "executionId": null, "more": 1}),
        json!({"Success": false, "DurationMs": 7}),
    ] {
        assert_eq!(read(value), Ok(failed.clone()));
    }
    // A container session of the original's.
    let result =
        json!({"success": true, "result": {"stdout": "a", "exitCode": 0}, "error": null, "durationMs": 9});
    let process = ProcessResult { stdout: "a".into(), duration_ms: 9, ..ProcessResult::default() };
    assert_eq!(read(result).unwrap().process(), Some(&process));
    // Only ours tell where the time went.
    let phases = json!({"queueMs": 1, "LaunchMs": 2.5, "run_ms": 3.25, "collectMs": 0, "more": 1});
    let phases = read(json!({"success": true, "durationMs": 7, "phases": phases})).unwrap().phases;
    let told = Phases { queue_ms: 1.0, launch_ms: 2.5, run_ms: 3.25, collect_ms: 0.0 };
    assert_eq!(phases, Some(told));
    assert_eq!(read(json!({"success": true, "durationMs": 7, "phases": null})).unwrap().phases, None);
    for (value, error) in [
        (json!({}), "success is missing"),
        (
            json!({"success": true, "durationMs": 1.5}),
            "durationMs must be a whole number from 0 to 4294967295, not 1.5",
        ),
        (
            json!({"success": true, "durationMs": 1, "result": "text"}),
            "result: the value must be an object, not \"text\"",
        ),
        (json!({"success": true, "durationMs": 1, "result": {}}), "result: exitCode is missing"),
    ] {
        assert_eq!(read(value), Err(error.to_owned()));
    }
}

#[test]
fn durations_and_codes_fit_an_int32() {
    let process = ProcessResult { duration_ms: u32::MAX, ..ProcessResult::default() };
    let result = ExecuteResult {
        success: true,
        result: Some(CommandOutput::Process(process)),
        error: None,
        duration_ms: u32::MAX,
        phases: None,
        execution_id: "e".into(),
        unknown: false,
    };
    let written = serde_json::to_value(result).unwrap();
    assert_eq!(written["durationMs"], json!(i32::MAX));
    assert_eq!(written["result"]["durationMs"], json!(i32::MAX));
    for kind in ErrorKind::ALL {
        let written = Failure::new(*kind, "m", "").to_json();
        assert_eq!(written["code"], json!(kind.code()));
        assert!(written["code"].is_i64());
        assert_eq!(written["data"]["kind"], json!(kind.name()));
    }
}
