//! What `codebeaker doctor` and `codebeaker run` tell of the wall that holds.

use std::process::Command;

use rustix::process::geteuid;
use serde_json::Value;
use tempfile::TempDir;

use super::ends::{can_be_without_namespaces, home, without_namespaces};
use crate::support::home::{NO_DOCKER, at_home, codebeaker, finished};
use crate::support::native::binary;

/// What is told of each native runtime's isolation; it is the same of all.
fn isolation(command: &mut Command) -> Value {
    let (_, stdout, stderr) = finished(command.spawn().unwrap());
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout} {stderr}"));
    let runtimes = report["runtimes"].as_array().unwrap().iter();
    let runtimes: Vec<&Value> = runtimes.filter(|r| r["type"] != "Docker").collect();
    assert_eq!(runtimes.len(), 3);
    let first = runtimes[0]["isolation"].clone();
    assert!(runtimes.iter().all(|r| r["isolation"] == first), "{report:#}");
    assert!(runtimes.iter().all(|r| r["capabilities"]["isolationLevel"] == first["score"]), "{report:#}");
    first
}

fn told(isolation: &Value) -> (&str, u64, &str) {
    let text = |name: &str| isolation[name].as_str().unwrap();
    (text("tier"), isolation["score"].as_u64().unwrap(), text("letters"))
}

/// Whether a layer is active, and what is told of it; each that is missing has a reason.
fn layer<'a>(isolation: &'a Value, name: &str) -> (bool, &'a str) {
    let layers = isolation["layers"].as_array().unwrap();
    for layer in layers {
        let detail = layer["detail"].as_str().unwrap_or_default();
        assert!(layer["active"] == true || !detail.is_empty(), "{layer}: without a reason");
    }
    let found = layers.iter().find(|l| l["name"] == name).unwrap_or_else(|| panic!("no layer {name}"));
    (found["active"] == true, found["detail"].as_str().unwrap_or_default())
}

#[test]
fn where_namespaces_are_refused() {
    if !can_be_without_namespaces() {
        return;
    }
    let home = home();
    let isolation = isolation(&mut without_namespaces(&home, &["doctor", "--json"]));
    assert_eq!(told(&isolation), ("landlock", 6, "F1 N2 P1 R1 K1"), "{isolation:#}");
    for name in ["own file system", "own processes", "own network"] {
        let (active, detail) = layer(&isolation, name);
        assert!(!active && detail.contains("user.max_user_namespaces"), "{name}: {detail}");
    }
    let (active, detail) = layer(&isolation, "storage quota");
    assert!(!active && detail.contains("watched"), "{detail}");
    let (active, detail) = layer(&isolation, "control group");
    assert!(active || detail.contains("watched instead: ") && detail.len() > 45, "{detail}");
    for name in
        ["no sockets", "Landlock", "signal scope", "system call filter", "unprivileged user", "lifeline"]
    {
        assert!(layer(&isolation, name).0, "{name}: {isolation:#}");
    }
    // And for people.
    let (code, text, _) = finished(without_namespaces(&home, &["doctor"]).spawn().unwrap());
    assert_eq!(code, Some(0));
    assert!(text.contains("6 of 10   F1 N2 P1 R1 K1   (landlock)"), "{text}");
    assert!(text.contains("max_user_namespaces"), "{text}");
}

/// As somebody who is root in a user namespace of one user: an ordinary user is one, the host's root is what he is.
#[test]
fn where_root_has_no_users_to_give() {
    if !can_be_without_namespaces() {
        return;
    }
    let home = home();
    let script = "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-Ur", "sh", "-c", script, "sh"]).arg(binary()).args(["doctor", "--json"]);
    let isolation =
        isolation(at_home(&home, command).env("PATH", "/usr/bin:/bin").env(NO_DOCKER.0, NO_DOCKER.1));
    if geteuid().is_root() {
        assert_eq!(told(&isolation), ("landlock", 1, "F1 N2 P1 R1 K0"), "{isolation:#}");
        let (active, detail) = layer(&isolation, "unprivileged user");
        assert!(!active && detail.contains("runs as root"), "{detail}");
    } else {
        assert_eq!(told(&isolation), ("landlock", 6, "F1 N2 P1 R1 K1"), "{isolation:#}");
    }
}

#[test]
fn where_everything_is_to_be_had() {
    if !can_be_without_namespaces() {
        return;
    }
    let home = home();
    let mut doctor = codebeaker(&home, &["doctor", "--json"]);
    let isolation = isolation(doctor.env(NO_DOCKER.0, NO_DOCKER.1));
    let (counted, reason) = layer(&isolation, "control group");
    if counted {
        assert_eq!(told(&isolation), ("namespaces", 9, "F2 N2 P2 R2 K1"), "{isolation:#}");
    } else {
        assert!(reason.contains("watched instead: "), "{reason}");
        assert_eq!(told(&isolation), ("namespaces", 8, "F2 N2 P2 R1 K1"), "{isolation:#}");
    }
}

fn with_settings(text: &str) -> TempDir {
    let home = home();
    let config = home.path().join("xdg_config_home/codebeaker");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), text).unwrap();
    std::fs::write(home.path().join("hello.py"), "print('hello')\n").unwrap();
    home
}

/// One sentence, one next step, exit code 125, nothing else and nothing left.
#[test]
fn too_little_isolation() {
    if !can_be_without_namespaces() {
        return;
    }
    let home = with_settings("minimum_isolation = 8\n");
    let run = ["run", "hello.py"];
    let (code, stdout, stderr) = finished(without_namespaces(&home, &run).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(125), ""), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("codebeaker: ") && lines[1].starts_with("  "),
        "{stderr}"
    );
    assert!(lines[0].contains('6') && lines[0].contains('8'), "{stderr}");
    assert!(stderr.contains("minimum_isolation"), "{stderr}");
    let sessions = home.path().join("xdg_state_home/codebeaker/sessions");
    let left: Vec<_> = std::fs::read_dir(&sessions).into_iter().flatten().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    let (_, text, _) = finished(without_namespaces(&home, &["doctor"]).spawn().unwrap());
    assert!(text.contains("below minimum_isolation = 8"), "{text}");
    // With the network there is less: it is the session's own score that counts.
    let home = with_settings("minimum_isolation = 6\n");
    let (code, stdout, stderr) = finished(without_namespaces(&home, &run).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(0), "hello\n"), "{stderr}");
    let network = ["run", "--network", "hello.py"];
    let (code, stdout, stderr) = finished(without_namespaces(&home, &network).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(125), ""), "{stderr}");
    assert!(stderr.contains("minimum_isolation"), "{stderr}");
}
