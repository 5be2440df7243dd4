//! Faults of the file system, several fetches at once, and fetches that end before the end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use tokio::sync::mpsc;

use super::*;

/// What a fetch in another process came to: its lines.
pub(super) struct Fetching {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

const CHILD: &str = "CODEBEAKER_TEST_FETCH_INTO";

impl Fetching {
    /// Starts this test program again for [`fetch_in_a_child_process`], perhaps within another program.
    pub(super) fn start(around: &[&str], data_dir: &Path, registry: &str) -> Self {
        let test = std::env::current_exe().unwrap();
        let mut command = match around {
            [] => Command::new(&test),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&test);
                command
            }
        };
        command.args(["--exact", "interruptions::fetch_in_a_child_process", "--nocapture"]);
        command.env(CHILD, data_dir).env("CODEBEAKER_REGISTRY", registry).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads until a line with this in it, and returns that.
    pub(super) fn until(&mut self, wanted: &str) -> String {
        let mut seen = Vec::new();
        for line in &mut self.lines {
            let line = line.unwrap();
            if line.contains(wanted) {
                return line;
            }
            seen.push(line);
        }
        panic!("no {wanted} in {seen:#?}");
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own: what [`Fetching`] runs.
#[tokio::test]
async fn fetch_in_a_child_process() {
    let Some(data_dir) = std::env::var_os(CHILD) else { return };
    let mut settings = settings(data_dir.into(), "/".into());
    settings.registry = std::env::var("CODEBEAKER_REGISTRY").ok();
    match fetch(Tool::Bun, None, &settings, &|step| println!("step {step:?}")).await {
        Ok(found) => println!("outcome {found:?}"),
        Err(error) => println!("outcome {error:?} | {error} | left: {:?}", contents(&settings.data_dir)),
    }
}

#[tokio::test]
async fn places_that_cannot_be_written_are_named() {
    let registry = Registry::start().await;
    registry.publish(BUN, "1.0.0", &bun("1.0.0"));
    let mut machine = Machine::using(&registry);
    let file = machine.root.path().join("file");
    std::fs::write(&file, "").unwrap();
    for data_dir in [file.join("data"), "/proc/codebeaker".into(), "/dev/null/data".into()] {
        machine.settings.data_dir = data_dir.clone();
        let error = fails(&machine).await;
        assert!(matches!(error, ProvisionError::NotWritable { .. }), "{error:?}");
        assert!(error.to_string().contains(data_dir.to_str().unwrap()), "{error}");
    }
    assert_eq!(registry.requests().len(), 0, "nothing is asked for that could not be stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_read_only_file_system_is_told_from_other_faults() {
    let probe = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let probe = match probe {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    if !require("unshare", probe) {
        return;
    }
    let registry = Registry::start().await;
    let mount = tempfile::tempdir().unwrap();
    let place = mount.path().to_str().unwrap();
    let large = tarball(&[Entry::File("package/bin/bun", &noise(3 << 20))]);
    let mut swollen = script("1.0.0");
    swollen.resize(3 << 20, b'#');
    let swells = tarball(&[Entry::File("package/bin/bun", &swollen)]);
    assert!(large.len() > 2 << 20 && swells.len() < 1 << 19);
    for (archive, options, step, fault) in [
        (&large, "size=1m", "Downloading", "DiskFull"),
        (&swells, "size=1m", "Unpacking", "DiskFull"),
        (&swells, "ro", "outcome", "NotWritable"),
        (&swells, "noexec", "Unpacking", "noexec"),
    ] {
        registry.publish(BUN, "1.0.0", archive);
        let mount = format!("mount -t tmpfs -o {options} none {place} && exec \"$@\"");
        let around = ["unshare", "-m", "sh", "-c", &mount, "sh"];
        let mut child = Fetching::start(&around, Path::new(place), &registry.url());
        if step != "outcome" {
            child.until(step);
        }
        let outcome = child.until("outcome");
        assert!(outcome.contains(fault) && (outcome.contains(place) || fault == "noexec"), "{outcome}");
        assert!(outcome.ends_with("left: []"), "{outcome}");
    }
}

/// Publishes a package whose archive stops half way until the gate is opened.
fn publish_held(registry: &Registry) -> Gate {
    let gate = Gate::closed();
    let archive = bun("1.0.0");
    registry.publish(BUN, "1.0.0", &archive);
    let half = archive.len() / 2;
    registry
        .reply(&tarball_path(BUN, "1.0.0"), [Reply::ok(archive).ending(Ending::Held(half, gate.clone()))]);
    gate
}

fn has_bytes(step: &Progress) -> bool {
    matches!(step, Progress::Downloading { received, .. } if *received > 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_download_once() {
    let registry = Registry::start().await;
    let gate = publish_held(&registry);
    let machine = Machine::using(&registry);
    let mut first = Fetching::start(&[], &machine.settings.data_dir, &registry.url());
    first.until("Downloading");
    // the second opens the gate as soon as it waits for the first
    let report = |step| {
        if step == Progress::Waiting {
            gate.open();
        }
    };
    let found = fetch(Tool::Bun, None, &machine.settings, &report).await.unwrap();
    assert_eq!(says(&found), "1.0.0");
    first.until("outcome Found");
    assert_eq!(registry.count(&tarball_path(BUN, "1.0.0")), 1);
    assert_eq!(machine.contents(), ["bun", "bun/1.0.0", "bun/1.0.0/bun"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_download_leaves_nothing_that_looks_installed() {
    let registry = Registry::start().await;
    let gate = publish_held(&registry);
    let machine = Machine::using(&registry);
    let mut killed = Fetching::start(&[], &machine.settings.data_dir, &registry.url());
    killed.until("Downloading");
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let left = machine.contents();
    assert!(!left.is_empty() && left.iter().all(|name| name.starts_with(".tmp-bun-")), "{left:?}");
    assert_eq!(find(Tool::Bun, &machine.settings), None);

    gate.open();
    assert_eq!(says(&machine.fetch(Tool::Bun).await.unwrap()), "1.0.0");
    assert_eq!(machine.contents(), ["bun", "bun/1.0.0", "bun/1.0.0/bun"]);
}

#[tokio::test]
async fn a_dropped_download_leaves_nothing() {
    let registry = Registry::start().await;
    let gate = publish_held(&registry);
    let machine = Machine::using(&registry);
    let (sender, mut steps) = mpsc::unbounded_channel();
    let report = move |step| sender.send(step).unwrap();
    {
        let fetching = std::pin::pin!(fetch(Tool::Bun, None, &machine.settings, &report));
        let begun = async { while !has_bytes(&steps.recv().await.unwrap()) {} };
        tokio::select! {
            outcome = fetching => panic!("the gate is closed: {outcome:?}"),
            () = begun => assert!(!machine.contents().is_empty()),
        }
    }
    assert_eq!(machine.contents(), Vec::<String>::new());
    gate.open();
    machine.fetch(Tool::Bun).await.unwrap();
}

#[tokio::test]
async fn a_fetch_dropped_while_unpacking_leaves_nothing() {
    let registry = Registry::start().await;
    publish_large(&registry, BUN);
    let machine = Machine::using(&registry);
    let (sender, mut steps) = mpsc::unbounded_channel();
    let report = move |step| sender.send(step).unwrap();
    {
        let fetching = std::pin::pin!(fetch(Tool::Bun, None, &machine.settings, &report));
        let begun = async { while steps.recv().await.unwrap() != Progress::Unpacking {} };
        tokio::select! {
            biased;
            () = begun => {}
            outcome = fetching => panic!("too quick: {outcome:?}"),
        }
    }
    // the lock is free when the work in the background has ended, and with it all that it wrote is gone
    registry.publish(BUN, "2.0.0", &bun("2.0.0"));
    machine.fetch(Tool::Bun).await.unwrap();
    assert_eq!(machine.contents(), ["bun", "bun/2.0.0", "bun/2.0.0/bun"]);
}

/// Publishes a runtime that takes a while to unpack.
fn publish_large(registry: &Registry, package: &str) {
    let mut large = script("1.0.0");
    large.resize(256 << 20, b'#');
    let name = if package == DENO { "package/deno" } else { "package/bin/bun" };
    registry.publish(package, "1.0.0", &tarball(&[Entry::File(name, &large)]));
}

#[test]
fn a_cancelled_fetch_is_gone_before_the_process_is() {
    let serving = tokio::runtime::Runtime::new().unwrap();
    let registry = serving.block_on(Registry::start());
    publish_large(&registry, BUN);
    let machine = Machine::using(&registry);
    for wanted in ["Resolving", "Downloading", "Unpacking"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sender, mut steps) = mpsc::unbounded_channel();
        let report = move |step| sender.send(step).unwrap();
        let cancel = async {
            while !format!("{:?}", steps.recv().await.unwrap()).starts_with(wanted) {}
            if wanted == "Unpacking" {
                let begun = || machine.contents().iter().any(|name| name.ends_with("staged/bun"));
                while !begun() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        };
        let fetching = fetch_until(Tool::Bun, None, &machine.settings, &report, cancel);
        let error = runtime.block_on(fetching).unwrap_err();
        runtime.shutdown_background();
        assert_eq!(machine.contents(), Vec::<String>::new(), "stopped while {wanted}");
        assert!(matches!(error, ProvisionError::Cancelled { installed: false, .. }), "{error:?}");
        assert_eq!(error.to_string(), "the fetching of Bun was stopped");
    }
    publish_held(&registry).open();
    let fetching = fetch_until(Tool::Bun, None, &machine.settings, &|_| {}, std::future::pending());
    assert_eq!(says(&serving.block_on(fetching).unwrap()), "1.0.0");
}

#[tokio::test]
async fn an_endless_installation_is_not_waited_for_for_ever() {
    let mut machine = Machine::new();
    machine.settings.patience.lock = Duration::ZERO;
    let runtimes = machine.settings.data_dir.join("runtimes");
    std::fs::create_dir_all(&runtimes).unwrap();
    let held = std::fs::File::create(runtimes.join(".lock-bun")).unwrap();
    held.lock().unwrap();
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::Busy { .. }), "{error:?}");
}
