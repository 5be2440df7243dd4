//! Deno and Bun from a fake registry with every fault, from fake releases, and from the real registry.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "provision/discovery.rs"]
mod discovery;
#[path = "provision/faults.rs"]
mod faults;
#[path = "provision/interruptions.rs"]
mod interruptions;
#[path = "provision/setup.rs"]
mod setup;
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codebeaker::provision::{
    Environment, Found, Libc, Limits, Origin, Patience, Platform, Progress, ProvisionError, Releases,
    Settings, Tool, fetch, fetch_until, find, terminal,
};
use sha2::Digest as _;
use support::registry::{
    Ending, Entry, Gate, Registry, Reply, description, description_path, integrity, tarball, tarball_path,
    zip,
};
use support::require;
use tempfile::TempDir;

const BUN: &str = "@oven/bun-linux-x64";
const DENO: &str = "@deno/linux-x64-glibc";

/// A machine of its own: an empty home, no variables, nothing on the PATH.
struct Machine {
    root: TempDir,
    settings: Settings,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let settings = settings(root.path().join("data"), home);
        Self { root, settings }
    }

    fn using(registry: &Registry) -> Self {
        let mut machine = Self::new();
        machine.settings.registry = Some(registry.url());
        machine
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn variables(&mut self, variables: &[(&str, &str)]) {
        self.settings.environment = Environment::new(variables.iter().copied(), Some(self.home()));
    }

    /// Puts a program on the PATH.
    fn program(&mut self, name: &str, script: &str) -> PathBuf {
        let directory = self.root.path().join("path/bin");
        self.settings.search_path = Some(directory.clone().into());
        executable(&directory.join(name), script)
    }

    async fn fetch(&self, tool: Tool) -> Result<Found, ProvisionError> {
        fetch(tool, None, &self.settings, &|_| {}).await
    }

    /// All that lies in the place for runtimes, but for the locks, which stay.
    fn contents(&self) -> Vec<String> {
        contents(&self.settings.data_dir)
    }
}

fn settings(data_dir: PathBuf, home: PathBuf) -> Settings {
    Settings {
        data_dir,
        registry: None,
        search_path: None,
        environment: Environment::new::<String, String>([], Some(home)),
        platform: Platform { os: "linux", arch: "x86_64", libc: Libc::Glibc, avx2: true },
        // a port that nothing listens on, should a test go astray
        releases: Releases {
            deno_latest: "http://127.0.0.1:1/latest".into(),
            deno: "http://127.0.0.1:1".into(),
            bun: "http://127.0.0.1:1".into(),
        },
        patience: Patience { back_off: Duration::from_millis(1), ..Patience::default() },
        limits: Limits::default(),
    }
}

fn contents(data_dir: &Path) -> Vec<String> {
    fn walk(directory: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                walk(&path, into)
            }
            into.push(path);
        }
    }
    let runtimes = data_dir.join("runtimes");
    let mut paths = Vec::new();
    walk(&runtimes, &mut paths);
    let names = paths.iter().map(|path| path.strip_prefix(&runtimes).unwrap().display().to_string());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with(".lock-")).collect();
    names.sort();
    names
}

/// Written by another process: no thread of this one that is just starting a child can then hold it open for
/// writing, which would keep it from being started ("text file busy").
fn executable(path: &Path, script: &str) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let draft = path.with_extension("draft");
    std::fs::write(&draft, script).unwrap();
    let installed = Command::new("install").args(["-m", "755"]).args([&draft, path]).status().unwrap();
    assert!(installed.success());
    std::fs::remove_file(draft).unwrap();
    path.to_owned()
}

fn script(version: &str) -> Vec<u8> {
    format!("#!/bin/sh\necho {version}\n").into_bytes()
}

fn bun(version: &str) -> Vec<u8> {
    tarball(&[Entry::File("package/package.json", b"{}"), Entry::File("package/bin/bun", &script(version))])
}

/// Bytes that don't compress, after a script that works.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = b"#!/bin/sh\necho 1.0.0; exit\n".to_vec();
    let mut block = sha2::Sha512::digest(b"noise");
    while bytes.len() < length {
        bytes.extend_from_slice(&block);
        block = sha2::Sha512::digest(block);
    }
    bytes
}

fn says(found: &Found) -> String {
    let output = Command::new(&found.path).arg("--version").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Fetches Bun, expects an error that a person can use, and nothing left behind.
async fn fails(machine: &Machine) -> ProvisionError {
    let error = machine.fetch(Tool::Bun).await.unwrap_err();
    let said = error.to_string();
    assert!(!said.is_empty() && !said.contains('\n') && !said.contains("os error"), "{said}");
    assert!(error.next_step().ends_with('.'), "{}", error.next_step());
    assert_eq!(machine.contents(), Vec::<String>::new(), "after: {said}");
    assert_eq!(find(Tool::Bun, &machine.settings), None);
    error
}

#[tokio::test]
async fn a_runtime_is_fetched_verified_and_found() {
    let registry = Registry::start().await;
    registry.publish(BUN, "1.2.3", &bun("1.2.3"));
    let machine = Machine::using(&registry);
    assert_eq!(find(Tool::Bun, &machine.settings), None);

    let steps = Mutex::new(Vec::new());
    let found =
        fetch(Tool::Bun, None, &machine.settings, &|step| steps.lock().unwrap().push(step)).await.unwrap();
    assert_eq!(found.origin, Origin::Fetched { version: "1.2.3".into() });
    assert_eq!(found.path, machine.settings.data_dir.join("runtimes/bun/1.2.3/bun"));
    assert_eq!(says(&found), "1.2.3");
    assert_eq!(found.path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(find(Tool::Bun, &machine.settings), Some(found.clone()));
    assert_eq!(machine.contents(), ["bun", "bun/1.2.3", "bun/1.2.3/bun"]);

    let steps = steps.into_inner().unwrap();
    let length = bun("1.2.3").len() as u64;
    let total = Some(length);
    let Progress::Resolving { from } = &steps[0] else { panic!("{steps:?}") };
    assert!(from.contains(BUN) && from.contains(&format!("127.0.0.1:{}", registry.port)), "{from}");
    let begun = Progress::Downloading { version: "1.2.3".into(), received: 0, total };
    assert_eq!(steps[1], begun);
    let all = Progress::Downloading { version: "1.2.3".into(), received: length, total };
    let rest = [all, Progress::Verifying, Progress::Unpacking];
    assert_eq!(steps[steps.len() - 4..steps.len() - 1], rest);
    assert_eq!(steps.last(), Some(&Progress::Done { version: "1.2.3".into(), path: found.path }));
    let accept = &registry.requests()[0].headers["accept"];
    assert_eq!(accept, "application/vnd.npm.install-v1+json");
}

#[tokio::test]
async fn what_is_there_is_not_downloaded_again() {
    let registry = Registry::start().await;
    registry.publish(BUN, "1.9.0", &bun("1.9.0"));
    let machine = Machine::using(&registry);
    let old = machine.fetch(Tool::Bun).await.unwrap();
    assert_eq!(machine.fetch(Tool::Bun).await.unwrap(), old);
    assert_eq!(registry.count(&tarball_path(BUN, "1.9.0")), 1);
    let asked = registry.requests().len();
    assert_eq!(fetch(Tool::Bun, Some("v1.9.0"), &machine.settings, &|_| {}).await.unwrap(), old);
    assert_eq!(registry.requests().len(), asked, "a known version needs no network");

    // a newer one comes beside it, and is what is found then
    registry.publish(BUN, "1.10.0", &bun("1.10.0"));
    let new = machine.fetch(Tool::Bun).await.unwrap();
    assert_eq!(find(Tool::Bun, &machine.settings), Some(new.clone()));
    // an installation that someone has damaged is replaced, and is not found before that
    std::fs::remove_file(&new.path).unwrap();
    std::fs::write(new.path.with_file_name("other"), "").unwrap();
    assert_eq!(find(Tool::Bun, &machine.settings), Some(old));
    assert_eq!(machine.fetch(Tool::Bun).await.unwrap(), new);
    assert_eq!(machine.contents(), ["bun", "bun/1.10.0", "bun/1.10.0/bun", "bun/1.9.0", "bun/1.9.0/bun"]);
}

#[tokio::test]
async fn a_version_or_a_tag_can_be_asked_for() {
    let registry = Registry::start().await;
    let machine = Machine::using(&registry);
    let (new, old) = (bun("2.0.0"), bun("1.0.0"));
    let versions = [("2.0.0", integrity(&new)), ("1.0.0", integrity(&old))];
    let versions: Vec<_> = versions.iter().map(|(version, sum)| (*version, Some(sum.as_str()))).collect();
    let described = description(BUN, &versions).replace(r#"{"latest""#, r#"{"lts":"1.0.0","latest""#);
    registry.reply(&description_path(BUN), [Reply::ok(described)]);
    registry.reply(&tarball_path(BUN, "1.0.0"), [Reply::ok(old)]);

    let found = fetch(Tool::Bun, Some("lts"), &machine.settings, &|_| {}).await.unwrap();
    assert_eq!(says(&found), "1.0.0");
    let error = fetch(Tool::Bun, Some("3.0.0"), &machine.settings, &|_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{BUN} has no version 3.0.0; the newest is 2.0.0"));
    assert!(error.next_step().contains("2.0.0"));
}

#[test]
fn the_path_comes_before_the_data_directory() {
    let mut machine = Machine::new();
    let data = machine.settings.data_dir.join("runtimes/deno");
    for version in ["1.9.9", "1.10.1", "1.10.1-rc.1"] {
        executable(&data.join(version).join("deno"), "");
    }
    // not whole, or not a version
    std::fs::create_dir_all(data.join("3.0.0")).unwrap();
    std::fs::create_dir_all(data.join("4.0.0/deno")).unwrap();
    executable(&data.join(".tmp/deno"), "");
    let found = find(Tool::Deno, &machine.settings).unwrap();
    assert_eq!(found.origin, Origin::Fetched { version: "1.10.1".into() });

    let first = machine.root.path().join("first");
    std::fs::create_dir_all(first.join("bun")).unwrap();
    std::fs::write(first.join("deno"), "not executable").unwrap();
    let deno = machine.program("deno", "");
    let second = deno.parent().unwrap();
    let joined = std::env::join_paths([Path::new("relative"), &first, Path::new(""), second]).unwrap();
    machine.settings.search_path = Some(joined);
    assert_eq!(
        find(Tool::Deno, &machine.settings),
        Some(Found { tool: Tool::Deno, path: deno, origin: Origin::Path })
    );
    assert_eq!(find(Tool::Bun, &machine.settings), None);
}

#[test]
fn every_platform_has_its_build() {
    let platform = |os, arch, libc, avx2| Platform { os, arch, libc, avx2 };
    use Libc::{Glibc, Musl};
    let table = [
        (platform("linux", "x86_64", Glibc, true), Some("linux-x64-glibc"), Some("bun-linux-x64")),
        (platform("linux", "x86_64", Glibc, false), Some("linux-x64-glibc"), Some("bun-linux-x64-baseline")),
        (platform("linux", "x86_64", Musl, true), None, Some("bun-linux-x64-musl")),
        (platform("linux", "x86_64", Musl, false), None, Some("bun-linux-x64-musl-baseline")),
        (platform("linux", "aarch64", Glibc, false), Some("linux-arm64-glibc"), Some("bun-linux-aarch64")),
        (platform("linux", "aarch64", Musl, false), None, Some("bun-linux-aarch64-musl")),
        (platform("macos", "x86_64", Glibc, true), Some("darwin-x64"), Some("bun-darwin-x64")),
        (platform("macos", "x86_64", Glibc, false), Some("darwin-x64"), Some("bun-darwin-x64-baseline")),
        (platform("macos", "aarch64", Glibc, false), Some("darwin-arm64"), Some("bun-darwin-aarch64")),
        (platform("linux", "riscv64", Glibc, false), None, None),
        (platform("freebsd", "x86_64", Glibc, true), None, None),
    ];
    for (platform, deno, bun) in table {
        assert_eq!(platform.package(Tool::Deno), deno.map(|name| format!("@deno/{name}")), "{platform}");
        assert_eq!(platform.package(Tool::Bun), bun.map(|name| format!("@oven/{name}")), "{platform}");
        assert_eq!(platform.release_file(Tool::Bun), bun.map(|name| format!("{name}.zip")), "{platform}");
        assert_eq!(platform.release_file(Tool::Deno).is_some(), deno.is_some(), "{platform}");
    }
    let file = platform("macos", "aarch64", Glibc, false).release_file(Tool::Deno);
    assert_eq!(file.as_deref(), Some("deno-aarch64-apple-darwin.zip"));
}

#[test]
fn off_a_terminal_progress_is_a_few_plain_lines() {
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let written = Written::default();
    let reporter = terminal::Reporter::lines(Tool::Bun, Box::new(written.clone()));
    let downloading = |received, total| Progress::Downloading { version: "1.2.3".into(), received, total };
    reporter.report(&Progress::Waiting);
    reporter.report(&Progress::Resolving { from: "@oven/bun-linux-x64 at registry.example:443".into() });
    for received in 0..=500 {
        reporter.report(&downloading(received * 80_000, Some(40_000_000)));
    }
    reporter.report(&Progress::Verifying);
    reporter.report(&Progress::Unpacking);
    reporter.report(&Progress::Done { version: "1.2.3".into(), path: "/data/bun".into() });
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let mut expected = "Bun: waiting for another process that is installing it\n\
        Bun: asking for @oven/bun-linux-x64 at registry.example:443\n\
        Bun: downloading 1.2.3, 40.0 MB\n"
        .to_owned();
    for tenth in 1..=10 {
        expected += &format!("Bun: {tenth}0 % of 40.0 MB\n");
    }
    expected +=
        "Bun: verifying the published sum\nBun: unpacking and starting it once\nBun: 1.2.3 is at /data/bun\n";
    assert_eq!(text, expected);
}

/// The real thing, from the registry that npm's own configuration on this machine names.
#[tokio::test(flavor = "multi_thread")]
async fn real_runtimes_come_from_the_real_registry() {
    let root = tempfile::tempdir().unwrap();
    let settings = Settings { data_dir: root.path().join("data"), ..Settings::from_env() };
    for tool in Tool::ALL {
        let reporter = terminal::Reporter::lines(tool, Box::new(std::io::stderr()));
        let outcome = fetch(tool, None, &settings, &|step| reporter.report(&step)).await;
        let found = match outcome {
            // no network, or a place where there is none of this: not the fault of the code
            Err(
                error @ (ProvisionError::Unreachable { .. }
                | ProvisionError::Stalled { .. }
                | ProvisionError::NoBuild { .. }),
            ) => {
                require(tool.name(), Err(error.to_string()));
                continue;
            }
            outcome => outcome.unwrap(),
        };
        let Origin::Fetched { version } = &found.origin else { panic!("{found:?}") };
        assert!(says(&found).contains(version), "{found:?} says {}", says(&found));
        let off_path = Settings { search_path: None, ..settings.clone() };
        assert_eq!(find(tool, &off_path).as_ref(), Some(&found));
        assert_eq!(fetch(tool, Some(version), &settings, &|_| {}).await.unwrap(), found);
    }
}
