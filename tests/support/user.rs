//! A file of tests once more, as an ordinary user: confinement must not need root.

use std::path::Path;
use std::process::{Command, Output};

use codebeaker::provision::Tool;

use super::native::{binary, data_dir, fetched};
use super::require;

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The user that `CODEBEAKER_TEST_USER` names, where this is root, with the number of its group.
pub fn ordinary() -> Option<(String, String)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let user = std::env::var("CODEBEAKER_TEST_USER").unwrap_or_default();
    let known = (!user.is_empty()).then_some(()).ok_or_else(|| "CODEBEAKER_TEST_USER names none".into());
    if !require("user", known) {
        return None;
    }
    let group = done(Command::new("id").args(["-g", &user]));
    Some((user, String::from_utf8(group.stdout).unwrap().trim().to_owned()))
}

/// Runs all tests of this file, but those whose names contain `but`, as an ordinary user in a directory of its own.
pub fn again(but: &str) {
    let Some((user, group)) = ordinary() else { return };
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let copy =
        |from: &Path, to: &str| drop(done(Command::new("cp").args(["-rL", "--"]).arg(from).arg(at(to))));
    copy(&binary(), "codebeaker");
    copy(&std::env::current_exe().unwrap(), "tests");
    std::fs::create_dir_all(home.path().join("kept/data")).unwrap();
    let tools = [Tool::Deno, Tool::Bun].map(fetched);
    if tools.contains(&true) {
        let runtimes = data_dir().join("runtimes");
        if runtimes.exists() {
            copy(&runtimes, "kept/data/runtimes");
        }
    }
    done(Command::new("chown").arg("-R").arg(format!("{user}:")).arg(home.path()));
    // What it requires but for the user, who is there by then, and the Engine, which is root's.
    let required = std::env::var("CODEBEAKER_TEST_REQUIRE").unwrap_or_default();
    let required: Vec<&str> = required.split(',').filter(|name| name.trim() != "docker").collect();
    let required = required.join(",");
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "1500", "setpriv", "--reuid", &user, "--regid", &group]);
    command.args(["--clear-groups", "--reset-env", "env"]);
    for (name, value) in [
        ("HOME", home.path().to_str().unwrap()),
        ("XDG_CONFIG_HOME", &at("config")),
        ("XDG_STATE_HOME", &at("state")),
        ("XDG_DATA_HOME", &at("data")),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("CANARY_SECRET", "a-secret-of-the-ordinary-user"),
        ("CODEBEAKER_TEST_BIN", &at("codebeaker")),
        ("CODEBEAKER_TEST_DATA", &at("kept")),
        ("CODEBEAKER_TEST_REQUIRE", &required),
    ] {
        command.arg(format!("{name}={value}"));
    }
    command.arg(at("tests")).args(["--skip", but]);
    let output = command.current_dir(home.path()).output().unwrap();
    assert!(
        output.status.success(),
        "as {user} ({}):\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
