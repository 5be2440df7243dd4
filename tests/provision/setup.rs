//! The verb `setup`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Output, Stdio};

use super::*;

/// `codebeaker setup` on a machine of its own, with nothing on the PATH but what the machine has there.
fn setup(machine: &Machine, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codebeaker"));
    command.arg("setup").args(arguments).env_clear().env("HOME", machine.home());
    command.env("XDG_DATA_HOME", machine.root.path()).env("PATH", machine.root.path().join("path/bin"));
    command.env("CODEBEAKER_REGISTRY", machine.settings.registry.as_deref().unwrap());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A machine whose data are where [`setup`] looks for them.
fn machine(registry: &Registry) -> Machine {
    let mut machine = Machine::using(registry);
    machine.settings.data_dir = machine.root.path().join("codebeaker");
    machine
}

async fn finish(child: Child) -> Output {
    tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The package of Bun for the machine that this runs on.
fn bun_here() -> Option<String> {
    let package = Platform::current().package(Tool::Bun);
    require("bun", package.clone().map(drop).ok_or_else(|| "there is no build for this machine".into()));
    package
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_with_its_code_and_leaves_nothing() {
    let Some(package) = bun_here() else { return };
    let registry = Registry::start().await;
    let mut large = script("1.0.0");
    large.resize(256 << 20, b'#');
    registry.publish(&package, "1.0.0", &tarball(&[Entry::File("package/bin/bun", &large)]));
    let machine = machine(&registry);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut child = setup(&machine, &["bun"]);
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("unpacking") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended too soon");
        }
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(finish(child).await.status.code(), Some(code), "{signal}: {rest}");
        assert!(rest.contains("the fetching of Bun was stopped\n  Nothing was installed."), "{rest}");
        assert_eq!(machine.contents(), Vec::<String>::new(), "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_cannot_be_chosen() {
    let registry = Registry::start().await;
    let output = finish(setup(&machine(&registry), &["bun@1.2.3"])).await;
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("bun@1.2.3: versions can't be chosen"), "{output:?}");
    assert_eq!(registry.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_removes_what_nobody_runs_and_tells_what_comes_before_it() {
    let Some(package) = bun_here() else { return };
    let registry = Registry::start().await;
    let mut machine = machine(&registry);
    let installed = |version: &str| machine.settings.data_dir.join("runtimes/bun").join(version).join("bun");
    executable(&installed("1.0.0"), "");
    executable(&installed("9.0.0"), "");
    // a program whose own file is what runs, not that of an interpreter
    std::fs::create_dir_all(installed("1.1.0").parent().unwrap()).unwrap();
    let copied = Command::new("cp").args([Path::new("/bin/sleep"), &installed("1.1.0")]).status().unwrap();
    assert!(copied.success());
    let mut running = Command::new(installed("1.1.0")).arg("600").spawn().unwrap();

    registry.publish(&package, "2.0.0", &bun("2.0.0"));
    let output = finish(setup(&machine, &["bun", "--update"])).await;
    let said = text(&output.stdout);
    assert!(said.contains("Bun is ready: 2.0.0") && said.contains("Bun 1.0.0 was removed"), "{output:?}");
    assert!(said.contains("9.0.0") && said.contains("is newer and used before it"), "{said}");
    let versions =
        ["bun", "bun/1.1.0", "bun/1.1.0/bun", "bun/2.0.0", "bun/2.0.0/bun", "bun/9.0.0", "bun/9.0.0/bun"];
    assert_eq!(machine.contents(), versions);

    running.kill().unwrap();
    running.wait().unwrap();
    let own = machine.program("bun", "#!/bin/sh\n");
    let output = finish(setup(&machine, &["bun", "--update"])).await;
    let said = text(&output.stdout);
    assert!(said.contains("Bun 1.1.0 was removed"), "{output:?}");
    let before = format!("the one on the PATH, {}, is used before it", own.display());
    assert!(said.contains(&before), "{said}");
}
