//! Docker among other runtimes: who waits for it, and who doesn't.

use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{PYTHON, engine, remember};
use crate::support::home::{codebeaker, finished};
use crate::support::require;

/// Runs a Python program; gives the report.
fn run(home: &TempDir, more: &[&str]) -> Value {
    let args = [&["run", "p.py", "--json"], more].concat();
    let (code, out, err) = finished(codebeaker(home, &args).spawn().unwrap());
    assert_eq!(code, Some(0), "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

/// What is remembered of the Engine.
fn remembered(home: &TempDir) -> Value {
    let file = home.path().join("xdg_state_home/codebeaker/docker.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn candidate<'a>(report: &'a Value, name: &str) -> &'a Value {
    let ranking = report["selection"]["ranking"].as_array().unwrap();
    ranking.iter().find(|candidate| candidate["runtimeType"] == name).unwrap()
}

#[tokio::test]
async fn a_run_that_it_has_no_part_in_tries_no_container() {
    let Some(_) = engine(&[PYTHON]).await else { return };
    let python = std::path::Path::new("/usr/bin/python3").exists();
    if !require("python", python.then_some(()).ok_or_else(|| "this machine has none".into())) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("p.py"), "print(1)\n").unwrap();
    let report = run(&home, &[]);
    assert_eq!(report["runtimeType"], "NativeProcess");
    // It was a candidate, of which only the isolation is not known.
    let docker = candidate(&report, "Docker");
    assert!(docker["scores"].is_object(), "{docker}");
    assert_eq!(docker["figures"]["isolationLevel"], 0);
    let known = remembered(&home);
    assert!(known["way"].is_null() && known["layers"].as_array().unwrap().is_empty(), "{known}");
    // The next one asks nobody: what was told is good for a while.
    let told = known["told"]["at"].clone();
    run(&home, &[]);
    assert_eq!(remembered(&home)["told"]["at"], told);
    // Where isolation decides it has to be tried.
    let report = run(&home, &["--prefer", "security"]);
    assert!(candidate(&report, "Docker")["figures"]["isolationLevel"].as_u64().unwrap() >= 8, "{report}");
    assert!(remembered(&home)["way"].is_object());
}

#[tokio::test]
async fn what_was_told_is_good_only_of_the_same_engine() {
    let Some(_) = engine(&[PYTHON]).await else { return };
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("p.py"), "print(1)\n").unwrap();
    remember(&home.path().join("xdg_state_home/codebeaker"), "cli");
    run(&home, &["--runtime", "docker"]);
    // Of another socket nothing is known, whatever is remembered.
    let mut elsewhere = codebeaker(&home, &["run", "p.py", "--json"]);
    elsewhere.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let (_, out, err) = finished(elsewhere.spawn().unwrap());
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    let reason = candidate(&report, "Docker")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("there is no /nonexistent/docker.sock"), "{reason}");
}
