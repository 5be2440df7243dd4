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
