//! The same once more, as others.

use std::process::Command;

use crate::support::{require, user};

/// Runs this whole file as the user that `CODEBEAKER_TEST_USER` names, in a directory of its own.
#[test]
fn again_as_an_ordinary_user() {
    user::again("again_");
}

/// Root has control groups to count by: once more where there are none, as in a container.
#[test]
fn again_without_control_groups() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let without = "umount -R /sys/fs/cgroup && exec \"$@\"";
    let works = Command::new("unshare").args(["-m", "sh", "-c", without, "sh", "true"]).output();
    let works = works.map_err(|e| e.to_string()).and_then(|o| {
        let reason = || String::from_utf8_lossy(&o.stderr).trim().to_owned();
        o.status.success().then_some(()).ok_or_else(reason)
    });
    if !require("unshare", works) {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", without, "sh"]).arg(std::env::current_exe().unwrap());
    let output = command.args(["counted::", "tried::without_control_groups"]).output().unwrap();
    assert!(
        output.status.success(),
        "without control groups ({}):\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
