//! Faults of the registry, of its archives, and of the binaries in them.

use super::*;

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

    registry.reply(&description_path(BUN), [Reply::redirect(&description_path(BUN))]);
    let error = fails(&machine).await;
    assert!(error.to_string().ends_with("without end"), "{error}");

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
        &tarball(&[Entry::File("package/bin/bun", b"#!/bin/sh\nexec tail -f /dev/null")]),
    );
    let error = fails(&machine).await;
    assert!(error.to_string().contains("did not end within 500ms"), "{error}");
}
