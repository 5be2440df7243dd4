//! `codebeaker bench` as people and build servers use it, over the real runtimes that are here.

use std::path::Path;
use std::process::Stdio;

use codebeaker::bench::{Report, Suite, store};
use codebeaker::provision::Tool;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::daemon::Daemon;
use crate::support::home::{NO_DOCKER, codebeaker, finished, within};
use crate::support::native::{PATIENCE, fetched, processes};
use crate::support::require;

/// Runs it to its end: exit code, standard output, standard error.
fn bench(home: &TempDir, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = codebeaker(home, &["bench"]);
    command.args(args).env(NO_DOCKER.0, NO_DOCKER.1);
    finished(command.spawn().unwrap())
}

fn measured(home: &TempDir, args: &[&str]) -> Report {
    let file = home.path().join("result.json");
    let (code, _, stderr) = bench(home, &[args, &["-o", file.to_str().unwrap()]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    store::read(&file).unwrap()
}

fn python() -> bool {
    let found = std::process::Command::new("python3").arg("--version").output();
    require("python", found.map(drop).map_err(|e| e.to_string()))
}

fn nothing_left(home: &Path) {
    let sessions = home.join("xdg_state_home/codebeaker/sessions");
    let left: Vec<_> = std::fs::read_dir(sessions).into_iter().flatten().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(processes(home), []);
}

#[test]
fn every_suite_measures_a_real_runtime() {
    if !python() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let report = measured(&home, &["--runtimes", "native", "--language", "python", "-n", "2"]);
    assert!(report.complete && report.seconds > 0.0);
    for suite in Suite::all().iter().filter(|suite| **suite != Suite::Code) {
        let of_it: Vec<_> = report.series.iter().filter(|series| series.suite == *suite).collect();
        assert_eq!(of_it.len(), suite.cases().len(), "{suite}");
        for series in of_it {
            let name = format!("{suite} {}", series.case);
            if *suite == Suite::Repl {
                assert!(series.samples.is_empty() && series.reason.is_some(), "{name}: {series:?}");
                continue;
            }
            assert!(series.samples.len() >= 2, "{name}: {series:?}");
            assert!(series.samples.iter().all(|sample| *sample > 0.0), "{name}: {series:?}");
        }
    }
    // What there is to it: walls, limits, versions.
    let environment = &report.environments[0];
    assert!(environment.isolation.score > 0 && environment.version.is_some());
    assert!(environment.config.is_some() && environment.limits.processes.is_some());
    nothing_left(home.path());
}

#[test]
fn a_result_is_saved_shown_compared_and_held_to_a_condition() {
    if !python() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (quick, slow) = (home.path().join("quick.py"), home.path().join("slow.py"));
    std::fs::write(&quick, "import time\ntime.sleep(0.1)\nprint(1)\n").unwrap();
    // Beyond the condition also where starting Python takes a second.
    std::fs::write(&slow, "import time\ntime.sleep(0.8)\nprint(1)\n").unwrap();
    let (quick, slow) = (quick.to_str().unwrap(), slow.to_str().unwrap());
    let (code, out, err) = bench(&home, &["--file", quick, "-r", "native", "-n", "10", "--save", "main"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("native") && err.contains("saved as main"), "{out}{err}");
    let (code, out, _) = bench(&home, &["--list"]);
    assert!(code == Some(0) && out.contains("main") && out.contains("code"), "{out}");
    let (code, shown, _) = bench(&home, &["--show", "main", "--format", "json"]);
    assert_eq!(code, Some(0));
    let shown: Report = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown.name.as_deref(), Some("main"));

    let against = |file: &str, condition: &str| {
        bench(
            &home,
            &["--file", file, "-r", "native", "-n", "10", "--compare", "main", "--fail-if", condition],
        )
    };
    let (code, out, err) = against(slow, "slower:20%");
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("code warm on native python is slower by +"), "{err}");
    assert!(out.contains("slower"), "{out}");
    // Whatever the machine does besides.
    let (code, out, err) = against(quick, "slower:5000%");
    assert_eq!(code, Some(0), "{out}{err}");
    nothing_left(home.path());
}

#[test]
fn what_it_cannot_do_is_said_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    for (args, said) in [
        (&["code"][..], "no code was given"),
        (&["exec", "--compare", "nothing"], "no benchmark is called \"nothing\""),
        (&["exec", "--save", "../x"], "can't be the name"),
        (&["exec", "--save", "seed"], "is the name of the published figures"),
        (&["exec", "-o", "x.pdf"], "says nothing of a format"),
        (&["exec", "--compare", "seed", "--fail-if", "slower:5%"], "no samples"),
        (&["exec", "--runtimes", "docker"], "docker is not available"),
        (&["exec", "--runtimes", "bun", "--language", "go"], "bun "),
        (&["nonsense"], "nonsense"),
        (&["exec", "--fail-if", "faster:5%", "--compare", "x"], "slower:10%"),
        (&["exec", "-n", "0"], "0"),
        (&["--file", "missing.py"], "missing.py"),
        (&["--show", "seed"], "compared with"),
        // Before anything is measured, and not after.
        (&["exec", "-o", "/nonexistent/x.html"], "/nonexistent/x.html can't be written"),
        (&["select", "-o", "."], ". can't be written"),
    ] {
        let (code, out, err) = bench(&home, args);
        assert_eq!(code, Some(125), "{args:?}: {out}{err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
    nothing_left(home.path());
}

#[test]
fn where_everything_fails_the_exit_code_says_so() {
    if !python() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("bad.py"), "print(1)\nraise ValueError('no good')\n").unwrap();
    let (code, out, err) = bench(&home, &["--file", "bad.py", "-r", "native"]);
    assert_eq!(code, Some(125), "{out}{err}");
    assert!(err.contains("nothing was measured") && err.contains("ValueError: no good"), "{err}");
    nothing_left(home.path());
}

#[test]
fn a_file_that_is_no_benchmark_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("other.json");
    for (text, said) in [("{\"format\": 1}", "missing field"), ("[", "EOF"), ("{}", "missing field")] {
        std::fs::write(&file, text).unwrap();
        let (code, _, err) = bench(&home, &["select", "--compare", file.to_str().unwrap()]);
        assert!(code == Some(125) && err.contains("is no benchmark") && err.contains(said), "{text}: {err}");
    }
}

#[test]
fn ctrl_c_keeps_what_was_measured() {
    if !python() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = codebeaker(&home, &["bench"]);
    command
        .args(["exec", "files", "output", "-r", "native", "-l", "python", "-n", "2000", "--format", "json"]);
    let mut child = command.env(NO_DOCKER.0, NO_DOCKER.1).stdin(Stdio::null()).spawn().unwrap();
    // Its sessions are there: it measures.
    let sessions = home.path().join("xdg_state_home/codebeaker/sessions");
    within(PATIENCE, "a session", || {
        child.try_wait().unwrap().is_none() && !processes(home.path()).is_empty() && sessions.exists()
    });
    within(PATIENCE, "a program", || processes(home.path()).iter().any(|(_, line)| line.contains("snippet")));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let (code, out, err) = finished(child);
    assert_eq!(code, Some(130), "{err}");
    assert!(err.contains("what was measured is kept"), "{err}");
    let report: Report = serde_json::from_str(&out).unwrap();
    assert!(!report.complete);
    nothing_left(home.path());
}

#[test]
fn a_server_is_measured_as_it_is_and_keeps_no_session() {
    if !fetched(Tool::Bun) {
        return;
    }
    let daemon = Daemon::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let report =
        measured(&home, &["oneshot", "select", "files", "-r", "bun", "-n", "10", "--attach", &daemon.url()]);
    assert!(report.engine.place.starts_with("ws://"), "{:?}", report.engine);
    assert!(
        report.series.iter().all(|series| series.samples.len() == 10 && series.failures == 0),
        "{report:?}"
    );
    assert_eq!(daemon.sessions(), 0);
}

#[test]
fn the_seeds_four_stand_beside_their_published_figures() {
    if !fetched(Tool::Bun) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) =
        bench(&home, &["seed", "-r", "bun", "-n", "5", "--compare", "seed", "--format", "md"]);
    assert_eq!(code, Some(0), "{err}");
    for words in ["create", "exec", "files", "select", "50", "another machine"] {
        assert!(out.contains(words), "{words} is not in\n{out}");
    }
}
