//! The host's files, secrets, network, privileges and processes, as programs look for them.

use std::os::unix::fs::PermissionsExt as _;

use codebeaker::protocol::{Command, CreateSession, ExecuteCode, Language};
use serde_json::{Value, json};

use crate::siege::{Inside, Siege, program, timely};
use crate::support::native;

/// Attacks by the means of JavaScript, on whatever runs it.
const JAVASCRIPT: &str = include_str!("attacks/code.js");

async fn held_in_its_own_language(siege: &Siege, inside: &Inside, facts: &Value) {
    if siege.kind.language() == Language::Python {
        return siege.held_in_python(inside, include_str!("attacks/code.py"), facts).await;
    }
    let code =
        ExecuteCode { code: JAVASCRIPT.into(), args: vec![facts.to_string()], ..ExecuteCode::default() };
    let ended = siege.execute(inside, Command::ExecuteCode(code)).await;
    siege.held(&ended, facts);
}

pub async fn files_and_secrets_of_the_host(siege: &Siege) {
    let inside = siege.create().await;
    siege.held_in_python(&inside, include_str!("attacks/host.py"), &siege.facts(json!({}))).await;
}

pub async fn files_and_secrets_of_the_host_by_its_own_language(siege: &Siege) {
    let inside = siege.create().await;
    held_in_its_own_language(siege, &inside, &siege.facts(json!({}))).await;
}

pub async fn networks(siege: &Siege) {
    let inside = siege.create().await;
    siege.held_in_python(&inside, include_str!("attacks/network.py"), &siege.facts(json!({}))).await;
}

/// What was asked for is there, and nothing else is.
pub async fn the_network_where_it_was_asked_for(siege: &Siege) {
    let inside = siege.create_with(CreateSession { network: true, ..siege.params() }).await;
    let facts = siege.facts(json!({ "network": true }));
    siege.held_in_python(&inside, include_str!("attacks/network.py"), &facts).await;
    siege.held_in_python(&inside, include_str!("attacks/host.py"), &facts).await;
    siege.held_in_python(&inside, include_str!("attacks/privileges.py"), &facts).await;
    held_in_its_own_language(siege, &inside, &facts).await;
}

pub async fn privileges(siege: &Siege) {
    let inside = siege.create().await;
    siege.held_in_python(&inside, include_str!("attacks/privileges.py"), &siege.facts(json!({}))).await;
    // A bit that makes its owner's program can't be set, or means nothing.
    let script = "cp /usr/bin/id mine && chmod u+s,g+s mine; ./mine -u; ./mine -g";
    let ended = siege.sh(&inside, script).await;
    assert!(!ended.stdout.lines().any(|id| id == "0"), "{ended:?}");
}

pub async fn other_processes(siege: &Siege) {
    let inside = siege.create().await;
    siege.held_in_python(&inside, include_str!("attacks/processes.py"), &siege.facts(json!({}))).await;
    // Those that it signals are there yet, for whoever comes next.
    siege.hello(&inside).await;
    let stats = siege.engine.stats(&inside.id).await.unwrap();
    assert_eq!(stats.processes, Some(0), "{stats:?}");
}

/// A path of the host is no path in there.
pub async fn programs_of_the_host_by_name(siege: &Siege) {
    let inside = siege.create().await;
    let script = siege.root.path().join("script");
    std::fs::write(&script, format!("#!/bin/sh\necho {}\n", siege.canaries.token)).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (script, binary) = (script.to_str().unwrap(), native::binary());
    for (name, args) in [
        (script, vec![]),
        (binary.to_str().unwrap(), vec!["--version"]),
        (std::env::current_exe().unwrap().to_str().unwrap(), vec!["--list"]),
        (&format!("/proc/1/root{script}"), vec![]),
        (&format!("../../../../../../../..{script}"), vec![]),
        ("/lib64/ld-linux-x86-64.so.2", vec![script]),
        ("sh", vec![script]),
        ("env", vec![script]),
    ] {
        let result = siege.execute(&inside, program(name, &args)).await;
        let told = result.process().unwrap_or_else(|| panic!("{name}: {result:?}"));
        assert!(!result.success, "{name} was run: {told:?}");
        assert!(!format!("{told:?}").contains(&siege.canaries.token), "{name}: {told:?}");
        assert!(result.error.is_some_and(|e| !e.is_empty()), "{name}");
    }
}

/// What holds is told as it is: all of it, but for a network that was asked for.
pub async fn isolation_as_it_is_told(siege: &Siege) {
    let told = async |network| {
        let params = CreateSession { network, ..siege.params() };
        let info = timely(siege.engine.create_session(params)).await.unwrap();
        timely(siege.engine.close_session(&info.session_id)).await.unwrap();
        info.isolation
    };
    let (closed, open) = (told(false).await, told(true).await);
    let root = rustix::process::geteuid().is_root();
    assert!(closed.score >= if root { 9 } else { 8 }, "{closed:?}");
    assert!(closed.letters.starts_with("F2 N2 P2 R") && closed.letters.ends_with("K1"), "{closed:?}");
    assert!(open.score < closed.score, "{open:?}");
    let without_network = |letters: &str| letters.replace("N2", "N").replace("N0", "N");
    assert_eq!(without_network(&open.letters), without_network(&closed.letters));
    for layer in open.layers.iter().chain(&closed.layers) {
        assert!(layer.active || !layer.detail.is_empty(), "without a reason: {layer:?}");
    }
}
