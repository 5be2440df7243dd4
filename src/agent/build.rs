//! Builds the agent's program with the same `rustc`, static, so that it runs in any sandbox and any container.
//!
//! Where the machine has no static C library it is built for an installed musl target, or else dynamically; where the
//! target is not Linux there is none, and the crate says at run time what that means.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src/agent");
    println!("cargo::rerun-if-env-changed=CODEBEAKER_AGENT_LINKAGE");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let agent = out.join("agent");
    let linkage =
        if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") { build(&agent) } else { "none" };
    if linkage == "none" {
        // The crate embeds the file whatever it holds.
        let _ = std::fs::write(&agent, b"");
    }
    if linkage == "dynamic" {
        println!(
            "cargo::warning=no static C library found: the agent is linked dynamically (Debian: libc6-dev, Fedora: glibc-static)"
        );
    }
    println!("cargo::rustc-env=CODEBEAKER_AGENT_LINKAGE={linkage}");
}

/// Tries each way of linking; gives the one that worked.
fn build(agent: &Path) -> &'static str {
    let target = env::var("TARGET").unwrap_or_default();
    let musl = target.replace("-gnu", "-musl");
    // For testing what machines without a static library get.
    let wanted = env::var("CODEBEAKER_AGENT_LINKAGE").unwrap_or_default();
    let attempts = [
        ("static", target.as_str(), true),
        ("static", musl.as_str(), true),
        ("dynamic", target.as_str(), false),
    ];
    let mut complaints = Vec::new();
    for (linkage, target, fixed) in attempts {
        if !wanted.is_empty() && wanted != linkage {
            continue;
        }
        match compile(agent, target, fixed) {
            Ok(()) => return linkage,
            Err(complaint) => complaints.push(complaint),
        }
    }
    for line in complaints.last().map(String::as_str).unwrap_or_default().lines() {
        println!("cargo::warning=agent: {line}");
    }
    std::process::exit(1);
}

fn compile(agent: &Path, target: &str, fixed: bool) -> Result<(), String> {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--edition",
        "2024",
        "--crate-name",
        "codebeaker_agent",
        "--crate-type",
        "bin",
        "--target",
        target,
    ]);
    rustc.args([
        "-C",
        "opt-level=s",
        "-C",
        "panic=abort",
        "-C",
        "codegen-units=1",
        "-C",
        "lto=fat",
        "-C",
        "strip=symbols",
    ]);
    rustc.arg("-C").arg(format!("target-feature={}crt-static", if fixed { '+' } else { '-' }));
    rustc.arg("-o").arg(agent).arg("src/agent/main.rs");
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = std::ffi::OsString::from("linker=");
        option.push(linker);
        rustc.arg("-C").arg(option);
    }
    let output = rustc.output().map_err(|e| format!("rustc can't be started: {e}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
