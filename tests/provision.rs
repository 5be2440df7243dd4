//! Deno and Bun from a fake registry with every fault, from fake releases, and from the real registry.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use codebeaker::provision::{
    Environment, Found, Libc, Limits, Origin, Patience, Platform, Progress, ProvisionError, Releases,
    Settings, Tool, fetch, find, terminal,
};
use sha2::Digest as _;
use support::registry::{
    Ending, Entry, Gate, Registry, Reply, description, description_path, integrity, tarball, tarball_path,
    zip,
};
use support::require;
use tempfile::TempDir;
use tokio::sync::mpsc;

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

fn executable(path: &Path, script: &str) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
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

// --- the main path

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
    let total = Some(bun("1.2.3").len() as u64);
    let Progress::Resolving { from } = &steps[0] else { panic!("{steps:?}") };
    assert!(from.contains(BUN) && from.contains(&format!("127.0.0.1:{}", registry.port)), "{from}");
    let begun = Progress::Downloading { version: "1.2.3".into(), received: 0, total };
    assert_eq!(steps[1], begun);
    let all = Progress::Downloading { version: "1.2.3".into(), received: total.unwrap(), total };
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

// --- faults of the source

/// Fetches Bun, expects an error that a person can use, and nothing left behind.
async fn fails(machine: &Machine) -> ProvisionError {
    let error = machine.fetch(Tool::Bun).await.unwrap_err();
    let said = error.to_string();
    assert!(!said.is_empty() && !said.contains('\n'), "{said}");
    assert!(error.next_step().ends_with('.'), "{}", error.next_step());
    assert_eq!(machine.contents(), Vec::<String>::new(), "after: {said}");
    assert_eq!(find(Tool::Bun, &machine.settings), None);
    error
}

#[tokio::test]
async fn a_wrong_sum_is_refused_before_anything_is_unpacked() {
    let registry = Registry::start().await;
    let other = integrity(b"other");
    registry.publish(BUN, "1.0.0", &bun("1.0.0"));
    registry.describe(BUN, &[("1.0.0", Some(&other))]);
    let machine = Machine::using(&registry);
    let error = fails(&machine).await;
    let ProvisionError::Mismatch { expected, actual, .. } = &error else { panic!("{error:?}") };
    assert_eq!((expected, actual), (&other, &integrity(&bun("1.0.0"))));
    let steps = Mutex::new(Vec::new());
    let _ = fetch(Tool::Bun, None, &machine.settings, &|step| steps.lock().unwrap().push(step)).await;
    assert_eq!(steps.into_inner().unwrap().last(), Some(&Progress::Verifying));
}

#[tokio::test]
async fn unusable_descriptions_are_refused() {
    let registry = Registry::start().await;
    let machine = Machine::using(&registry);
    let good = description(BUN, &[("1.0.0", Some(&integrity(b"")))]);
    let cases = [
        ("<html>log in</html>".to_owned(), "not a package description"),
        ("{}".to_owned(), "versions"),
        (good.replace("latest", "newest"), "no latest version"),
        (good.replace("1.0.0", "1.0/../../x"), "is no version"),
        (good.replace("tarball", "ball"), "not described"),
        (good.replace("/@oven", "file:///@oven"), "no http(s) address"),
    ];
    for (described, reason) in cases {
        registry.reply(&description_path(BUN), [Reply::ok(described)]);
        let error = fails(&machine).await;
        assert!(matches!(error, ProvisionError::Answer { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error} for {reason}");
    }
    for weak in [None, Some("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="), Some("")] {
        registry.describe(BUN, &[("1.0.0", weak)]);
        let error = fails(&machine).await;
        assert!(matches!(error, ProvisionError::NoIntegrity { .. }), "{error:?}");
    }
    registry.reply(&description_path(BUN), [Reply::ok("{} ".repeat(1000)).ending(Ending::Endless)]);
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::TooLarge { limit: 67_108_864, .. }), "{error:?}");
}

#[tokio::test]
async fn statuses_are_told_apart() {
    let registry = Registry::start().await;
    let machine = Machine::using(&registry);
    for (status, tries, step) in [
        (401, 1, "npm login"),
        (403, 1, "npm login"),
        (404, 1, "does not have"),
        (500, 3, "later"),
        (503, 3, "later"),
    ] {
        let before = registry.requests().len();
        registry.reply(&description_path(BUN), [Reply::status(status)]);
        let error = fails(&machine).await;
        assert!(matches!(&error, ProvisionError::Status { status: s, .. } if *s == status), "{error:?}");
        assert!(
            error.to_string().contains(&status.to_string()) && error.next_step().contains(step),
            "{error}"
        );
        assert_eq!(registry.requests().len() - before, tries, "tries after {status}");
    }
}

#[tokio::test]
async fn faults_of_the_network_are_tried_again() {
    let registry = Registry::start().await;
    let archive = bun("1.0.0");
    registry.publish(BUN, "1.0.0", &archive);
    let described = description(BUN, &[("1.0.0", Some(&integrity(&archive)))]);
    registry.reply(&description_path(BUN), [Reply::status(500), Reply::ok(described)]);
    let broken = || Reply::ok(archive.clone()).ending(Ending::Truncated(20));
    registry.reply(&tarball_path(BUN, "1.0.0"), [broken(), broken(), Reply::ok(archive.clone())]);
    let machine = Machine::using(&registry);
    assert_eq!(says(&machine.fetch(Tool::Bun).await.unwrap()), "1.0.0");

    registry.reply(&tarball_path(BUN, "1.0.0"), [broken()]);
    let error = fails(&Machine::using(&registry)).await;
    let total = archive.len() as u64;
    assert!(
        matches!(error, ProvisionError::Truncated { received: 20, total: Some(t), .. } if t == total),
        "{error:?}"
    );
}

#[tokio::test]
async fn silence_is_ended() {
    let registry = Registry::start().await;
    let mut machine = Machine::using(&registry);
    machine.settings.patience.connect = Duration::from_millis(100);
    machine.settings.patience.stall = Duration::from_millis(100);
    let never = Gate::closed();
    registry.publish(BUN, "1.0.0", &bun("1.0.0"));
    registry.reply(
        &tarball_path(BUN, "1.0.0"),
        [Reply::ok(bun("1.0.0")).ending(Ending::Held(10, never.clone()))],
    );
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::Stalled { .. }), "{error:?}");
    // accepts, and never answers
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    machine.settings.registry = Some(format!("http://{}/", mute.local_addr().unwrap()));
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::Stalled { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unreachable_registry_is_named_without_its_secrets() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut machine = Machine::new();
    machine.settings.registry = Some(format!("http://me:s3cret@127.0.0.1:{port}/"));
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error.next_step().contains("HTTPS_PROXY") && error.next_step().contains("CODEBEAKER_REGISTRY"));
    assert!(!format!("{error:?}{error}").contains("s3cret"));

    let registry = Registry::start().await;
    machine.settings.registry = Some(format!("http://me:s3cret@127.0.0.1:{}/", registry.port));
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::Status { status: 404, .. }), "{error:?}");
    assert!(!format!("{error:?}{error}").contains("s3cret"));
    assert!(registry.requests()[0].headers["authorization"].starts_with("Basic "));

    machine.settings.registry = Some("http://no-such-host.invalid/".into());
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_machine_without_a_build_is_told_so() {
    let mut machine = Machine::new();
    machine.settings.platform = Platform { os: "linux", arch: "riscv64", libc: Libc::Glibc, avx2: false };
    let error = fails(&machine).await;
    assert_eq!(error.to_string(), "Bun publishes no build for linux-riscv64-glibc");
}

// --- hostile archives, and binaries that do not start

#[tokio::test]
async fn hostile_archives_are_refused() {
    let registry = Registry::start().await;
    let mut machine = Machine::using(&registry);
    machine.settings.limits.unpacked = 1 << 20;
    let zeros = vec![0; 4 << 20];
    let bin = script("6.6.6");
    let many: Vec<_> = (0..5000).map(|at| format!("package/{at}")).collect();
    let mut bomb: Vec<_> = many.iter().map(|name| Entry::File(name, &zeros[..1000])).collect();
    bomb.push(Entry::File("package/bin/bun", &bin));
    let cases = [
        (vec![Entry::File("/tmp/bun", &bin)], "no regular file"),
        (vec![Entry::File("../../bun", &bin)], "no regular file"),
        (vec![Entry::File("package/../../bin/bun", &bin)], "no regular file"),
        (vec![Entry::Symlink("package/bin/bun", "/bin/sh")], "no regular file"),
        (vec![Entry::HardLink("package/bin/bun", "/bin/sh")], "no regular file"),
        (vec![Entry::File("package/bin/bun/x", &bin)], "no regular file"),
        (vec![], "no regular file"),
        (vec![Entry::File("package/bin/bun", &zeros)], "larger than 1048576 bytes"),
        (
            vec![Entry::File("package/big", &zeros), Entry::File("package/bin/bun", &bin)],
            "larger than 1048576",
        ),
        (bomb, "larger than 1048576"),
    ];
    for (entries, reason) in cases {
        registry.publish(BUN, "6.6.6", &tarball(&entries));
        let error = fails(&machine).await;
        assert!(error.to_string().contains(reason), "{error} for {reason}");
    }
    let cut = bun("6.6.6");
    for (archive, reason) in [(&cut[..cut.len() / 2], "not usable"), (b"not an archive", "not usable")] {
        registry.publish(BUN, "6.6.6", archive);
        let error = fails(&machine).await;
        assert!(matches!(error, ProvisionError::Archive { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    machine.settings.limits.archive = 1000;
    registry.publish(BUN, "6.6.6", &noise(2000));
    assert!(matches!(fails(&machine).await, ProvisionError::TooLarge { limit: 1000, .. }));
    registry.reply(&tarball_path(BUN, "6.6.6"), [Reply::ok(noise(100)).ending(Ending::Endless)]);
    assert!(matches!(fails(&machine).await, ProvisionError::TooLarge { limit: 1000, .. }));
}

#[tokio::test]
async fn a_binary_that_does_not_start_is_not_installed() {
    let registry = Registry::start().await;
    let mut machine = Machine::using(&registry);
    machine.settings.patience.start = Duration::from_millis(500);
    let cases: [(&[u8], &str); 6] = [
        (b"#!/bin/sh\necho \"libc.so.6: version 'GLIBC_9' not found\" >&2; exit 1", "GLIBC_9' not found"),
        (b"#!/bin/sh\nprintf '\\033[31mred' >&2; exit 1", "[31mred"),
        (b"#!/no/such/loader\n", "C library"),
        (b"\x7fELF of another world", "not a program for this machine"),
        (b"#!/bin/sh\nkill -ILL $$", "instructions"),
        (b"#!/bin/sh\nexec cat /dev/zero", "ended with"),
    ];
    for (binary, reason) in cases {
        registry.publish(BUN, "1.0.0", &tarball(&[Entry::File("package/bin/bun", binary)]));
        let error = fails(&machine).await;
        assert!(matches!(error, ProvisionError::DoesNotStart { .. }), "{error:?}");
        assert!(
            error.to_string().contains(reason) && !error.to_string().contains('\x1b'),
            "{error} for {reason}"
        );
    }
    registry.publish(
        BUN,
        "1.0.0",
        &tarball(&[Entry::File("package/bin/bun", b"#!/bin/sh\nread x </dev/tty; exec tail -f /dev/null")]),
    );
    let error = fails(&machine).await;
    assert!(error.to_string().contains("did not end within 500ms"), "{error}");
}
