//! Clients that this project did not write, against the built server: Python's `websockets`, Node's own WebSocket, and a
//! .NET client as strict as those of the original.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use codebeaker::provision::Tool;
use support::daemon::Daemon;
use support::{docker, native, require};

/// A runtime, a language on it, and the program that runs it.
type Case = (&'static str, &'static str, &'static str);

const CASES: [Case; 6] = [
    ("Bun", "javascript", "bun"),
    ("Deno", "typescript", "deno"),
    ("NativeProcess", "python", "python"),
    ("NativeProcess", "javascript", "node"),
    ("Docker", "python", "python"),
    ("Docker", "javascript", "node"),
];

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// The cases that can run here.
fn cases() -> Vec<Case> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let here = |case: &Case| match *case {
        ("Bun", ..) => native::fetched(Tool::Bun),
        ("Deno", ..) => native::fetched(Tool::Deno),
        ("Docker", language, _) => runtime.block_on(docker::runs(language.parse().unwrap())),
        (_, language, _) => found(if language == "python" { "python3" } else { "node" }),
    };
    CASES.into_iter().filter(here).collect()
}

fn found(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output();
    require(program, there.map(drop).map_err(|e| format!("it can't be started: {e}")))
}

fn holds(case: impl std::fmt::Debug, output: &Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.trim_end() == "ok", "{case:?}: {out}{err}");
}

/// A Python with `websockets`, made once and kept; `None` where it can't be had.
fn python() -> Option<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let place = native::kept().join("websockets");
        let python = place.join("bin/python");
        let has = |python: &Path| {
            Command::new(python).args(["-c", "import websockets"]).output().is_ok_and(|o| o.status.success())
        };
        if !has(&python) {
            let made = Command::new("python3").args(["-m", "venv"]).arg(&place).output();
            made.map_err(|e| e.to_string())?;
            let pip = Command::new(&python).args(["-m", "pip", "install", "-q", "websockets"]).output();
            pip.map_err(|e| e.to_string())?;
        }
        if has(&python) { Ok(python) } else { Err("pip can't install `websockets`".to_owned()) }
    });
    require("registry", made.clone().map(drop)).then(|| made.clone().unwrap())
}

#[test]
fn python_does_what_the_documents_show() {
    let Some(python) = python() else { return };
    let daemon = Daemon::start(&[]);
    for case @ (runtime, language, program) in cases() {
        let mut client = Command::new(&python);
        client.arg(script("steps.py")).args([&daemon.url(), runtime, language, program]);
        holds(case, &client.output().unwrap());
    }
    assert_eq!(daemon.sessions(), 0);
}

#[test]
fn node_does_what_the_documents_show() {
    if !found("node") {
        return;
    }
    let daemon = Daemon::start(&[]);
    for case @ (runtime, language, program) in cases() {
        let program = if program == "python" { "python3" } else { program };
        let mut client = Command::new("node");
        client.args(["--no-warnings", "--experimental-websocket"]).arg(script("steps.mjs"));
        client.args([&daemon.url(), runtime, language, program]);
        holds(case, &client.output().unwrap());
    }
    assert_eq!(daemon.sessions(), 0);
}

/// In the image whose .NET the tests of C# use: it is not on this machine itself.
#[test]
fn a_strict_client_of_the_original_works_unchanged() {
    const IMAGE: &str = "codebeaker-test-dotnet:3.1";
    const COMPILE: &str = "set -e; sdk=$(echo /usr/share/dotnet/sdk/*); lib=$(echo /usr/share/dotnet/shared/Microsoft.NETCore.App/*); \
        refs=; for dll in $lib/System*.dll $lib/netstandard.dll $lib/mscorlib.dll; do refs=\"$refs -r:$dll\"; done; cd /tmp; \
        dotnet $sdk/Roslyn/bincore/csc.dll -nologo -langversion:8 -out:strict.dll $refs /clients/strict.cs >&2; \
        printf '{\"runtimeOptions\":{\"framework\":{\"name\":\"Microsoft.NETCore.App\",\"version\":\"3.1.0\"}}}' > strict.runtimeconfig.json; \
        while read -r line; do eval \"set -- $line\"; dotnet strict.dll \"$@\" || exit 1; done";
    let image = Command::new("docker").args(["image", "inspect", IMAGE]).output();
    let there = image.is_ok_and(|output| output.status.success());
    if !require("docker", there.then_some(()).ok_or_else(|| format!("the image {IMAGE} is not there"))) {
        return;
    }
    let daemon = Daemon::start(&[]);
    let cases = cases();
    let mut lines = String::new();
    for (runtime, language, program) in &cases {
        let (file, code, program) = if *language == "python" {
            let code = "import shutil; shutil.copy('/workspace/input.json', '/workspace/output.json'); print('made é')";
            ("program.py", code, "python3")
        } else {
            let code = "const fs = require('fs'); fs.copyFileSync('/workspace/input.json', '/workspace/output.json'); \
                        console.log('made é')";
            let code = if *program == "deno" {
                "Deno.copyFileSync('/workspace/input.json', '/workspace/output.json'); console.log('made é')"
            } else {
                code
            };
            (if *program == "deno" { "program.ts" } else { "program.js" }, code, *program)
        };
        let url = daemon.url();
        lines +=
            &format!("'{url}' {runtime} {language} {program} {file} \"{}\"\n", code.replace('"', "\\\""));
    }
    let mut client = Command::new("docker");
    let mount = format!("{}:/clients:ro", script("").display());
    client.args(["run", "--rm", "-i", "--network", "host", "-v", &mount]);
    // The image has no tables of the world's cultures.
    client.args(["-e", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", IMAGE, "sh", "-c", COMPILE]);
    let output = support::daemon::fed(client, lines.as_bytes());
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(out.lines().filter(|line| *line == "ok").count(), cases.len(), "{out}{err}");
    assert_eq!(daemon.sessions(), 0);
}
