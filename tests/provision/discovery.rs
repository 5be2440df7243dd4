//! Which registry is asked, with which credentials, by which way; and the releases where there is none.

use std::io::{Read as _, Write as _};

use super::*;

/// Who was asked: fetches Bun, and counts the requests that each of these got for its description.
async fn asked(machine: &Machine, registries: &[&Registry]) -> Vec<usize> {
    let before: Vec<_> = registries.iter().map(|registry| registry.requests().len()).collect();
    fails(machine).await;
    registries.iter().zip(before).map(|(registry, before)| registry.requests().len() - before).collect()
}

#[tokio::test]
async fn the_registry_is_named_by_the_first_of_npms_sources() {
    let registries =
        [Registry::start().await, Registry::start().await, Registry::start().await, Registry::start().await];
    let all: Vec<_> = registries.iter().collect();
    let [first, second, third, fourth] = &registries;
    let mut machine = Machine::new();

    // from the weakest to the strongest: each is asked once it is there
    machine
        .program("npm", &format!("#!/bin/sh\n[ \"$*\" = 'config get registry' ] && echo {}\n", first.url()));
    assert_eq!(asked(&machine, &all).await, [1, 0, 0, 0], "npm itself");

    machine.program("node", "");
    let global = machine.root.path().join("path/etc/npmrc");
    std::fs::create_dir_all(global.parent().unwrap()).unwrap();
    std::fs::write(&global, format!("registry={}\n", second.url())).unwrap();
    assert_eq!(asked(&machine, &all).await, [0, 1, 0, 0], "the global npmrc, beside node");

    std::fs::write(machine.home().join(".npmrc"), "registry = http://127.0.0.1:${PORT}\n").unwrap();
    machine.variables(&[("PORT", &third.port.to_string())]);
    assert_eq!(asked(&machine, &all).await, [0, 0, 1, 0], "the user's npmrc, with a variable");

    let fourth_url = fourth.url();
    machine.variables(&[("NPM_Config_Registry", &fourth_url)]);
    assert_eq!(asked(&machine, &all).await, [0, 0, 0, 1], "a variable, in any case");

    std::fs::write(&global, format!("@oven:registry={}\n@deno:registry={}\n", first.url(), second.url()))
        .unwrap();
    assert_eq!(asked(&machine, &all).await, [1, 0, 0, 0], "the scope's own, wherever it stands");
    second.publish(DENO, "2.0.0", &tarball(&[Entry::File("package/deno", &script("2.0.0"))]));
    assert_eq!(says(&machine.fetch(Tool::Deno).await.unwrap()), "2.0.0");
    std::fs::remove_dir_all(&machine.settings.data_dir).unwrap();

    machine.settings.registry = Some(second.url());
    assert_eq!(asked(&machine, &all).await, [0, 1, 0, 0], "CodeBeaker's own setting");

    // files may lie elsewhere
    machine.settings.registry = None;
    let other = machine.home().join("other");
    std::fs::write(&other, format!("registry={}\n", third.url())).unwrap();
    std::fs::remove_file(&global).unwrap();
    std::fs::remove_file(machine.home().join(".npmrc")).unwrap();
    machine.variables(&[("npm_config_userconfig", "~/other")]);
    assert_eq!(asked(&machine, &all).await, [0, 0, 1, 0], "npm_config_userconfig");
    machine.variables(&[("npm_config_globalconfig", other.to_str().unwrap())]);
    assert_eq!(asked(&machine, &all).await, [0, 0, 1, 0], "npm_config_globalconfig");
}

#[tokio::test]
async fn credentials_go_to_their_host_and_are_not_shown() {
    let registry = Registry::start().await;
    let elsewhere = Registry::start().await;
    let archive = bun("1.0.0");
    let mut machine = Machine::new();
    machine.variables(&[("TOKEN", "s3cret")]);
    let npmrc =
        format!("registry={}\n//127.0.0.1:{}/:_authToken=${{TOKEN}}\n", registry.url(), registry.port);
    std::fs::write(machine.home().join(".npmrc"), npmrc).unwrap();

    registry.reply(&description_path(BUN), [Reply::status(401)]);
    let error = fails(&machine).await;
    assert!(!format!("{error:?}{error}{}{:?}", error.next_step(), machine.settings).contains("s3cret"));

    // the archive lies on another host: the token stays here
    let described = description(BUN, &[("1.0.0", Some(&integrity(&archive)))]);
    let path = tarball_path(BUN, "1.0.0");
    let described = described.replace(&path, &format!("http://127.0.0.1:{}{path}", elsewhere.port));
    registry.reply(&description_path(BUN), [Reply::ok(described)]);
    elsewhere.reply(&path, [Reply::ok(archive.clone())]);
    machine.fetch(Tool::Bun).await.unwrap();
    assert_eq!(registry.requests()[1].headers["authorization"], "Bearer s3cret");
    assert_eq!(elsewhere.requests().len(), 1);
    assert!(!elsewhere.requests()[0].headers.contains_key("authorization"));

    // and to the archive when that is on the registry's host, but not where that leads to
    registry.publish(BUN, "1.0.1", &archive);
    registry.reply(
        &tarball_path(BUN, "1.0.1"),
        [Reply::redirect(&format!("http://127.0.0.1:{}{path}", elsewhere.port))],
    );
    machine.fetch(Tool::Bun).await.unwrap();
    assert_eq!(registry.requests()[3].headers["authorization"], "Bearer s3cret");
    assert!(!elsewhere.requests()[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn proxies_are_used_and_excepted() {
    let proxy = Registry::start().await;
    proxy.publish(BUN, "1.0.0", &bun("1.0.0"));
    let address = format!("http://user:pa55@127.0.0.1:{}", proxy.port);
    let bare = format!("127.0.0.1:{}", proxy.port);
    for variables in [
        &[("HTTP_PROXY", address.as_str())][..],
        &[("http_proxy", &bare)],
        &[("ALL_PROXY", &bare)],
        &[("npm_config_proxy", &bare), ("HTTP_PROXY", "http://127.0.0.1:1")],
    ] {
        let mut machine = Machine::new();
        machine.settings.registry = Some("http://registry.invalid/".into());
        machine.variables(variables);
        machine.fetch(Tool::Bun).await.unwrap();
        let request = proxy.requests().pop().unwrap();
        assert_eq!(request.target, format!("http://registry.invalid{}", tarball_path(BUN, "1.0.0")));
    }
    assert!(proxy.requests()[0].headers["proxy-authorization"].starts_with("Basic "));

    let registry = Registry::start().await;
    registry.publish(BUN, "1.0.0", &bun("1.0.0"));
    for excepted in ["NO_PROXY", "no_proxy", "npm_config_noproxy"] {
        let mut machine = Machine::using(&registry);
        machine.variables(&[("HTTP_PROXY", "http://127.0.0.1:1"), (excepted, "localhost,127.0.0.1")]);
        machine.fetch(Tool::Bun).await.unwrap();
    }
    let mut machine = Machine::using(&registry);
    machine.variables(&[("HTTP_PROXY", "http://me:pa55@127.0.0.1:1")]);
    let error = fails(&machine).await;
    assert!(error.to_string().ends_with("(the proxy 127.0.0.1:1 is set)"), "{error}");
    machine.variables(&[("HTTP_PROXY", "http://")]);
    let error = fails(&machine).await;
    assert!(
        error.to_string().starts_with("the proxy from the variable HTTP_PROXY cannot be used"),
        "{error}"
    );
}

#[tokio::test]
async fn unusable_settings_are_named_with_their_place() {
    let mut machine = Machine::new();
    let npmrc = machine.home().join(".npmrc");
    std::fs::write(&npmrc, "registry=${NOPE}\n").unwrap();
    let error = fails(&machine).await;
    assert!(error.to_string().contains(npmrc.to_str().unwrap()), "{error}");
    assert!(error.next_step().contains(npmrc.to_str().unwrap()), "{}", error.next_step());

    std::fs::write(&npmrc, "cafile=/no/such/file\n").unwrap();
    machine.settings.registry = Some("http://127.0.0.1:1/".into());
    let error = fails(&machine).await;
    assert!(error.to_string().contains("cafile") && error.to_string().contains("/no/such/file"), "{error}");
}

/// A TLS server that leads every request to a plain one, and the certificate that signed its own.
fn tls_server() -> (u16, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority_key);
    let certificate =
        rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&key, &issuer).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream.unwrap());
            // a client that does not trust us hangs up, which is what it should do
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                match tls.read(&mut byte) {
                    Ok(1) => head.extend(byte),
                    _ => break,
                }
            }
            let _ = tls.write_all(
                b"HTTP/1.1 302 There\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n",
            );
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    });
    (port, authority.pem())
}

#[tokio::test]
async fn only_trusted_certificates_are_taken() {
    let (port, authority) = tls_server();
    let mut machine = Machine::new();
    machine.settings.registry = Some(format!("https://127.0.0.1:{port}/"));
    let error = fails(&machine).await;
    assert!(matches!(error, ProvisionError::Certificate { .. }), "{error:?}");
    assert!(error.next_step().contains("cafile") && error.next_step().contains("SSL_CERT_FILE"));

    std::fs::write(machine.home().join("ca.pem"), authority).unwrap();
    std::fs::write(machine.home().join(".npmrc"), "cafile=~/ca.pem\n").unwrap();
    let error = fails(&machine).await;
    assert!(error.to_string().ends_with("it leads from https to http"), "{error}");

    std::fs::remove_file(machine.home().join(".npmrc")).unwrap();
    let file = machine.home().join("ca.pem");
    machine.variables(&[("NODE_EXTRA_CA_CERTS", file.to_str().unwrap())]);
    let error = fails(&machine).await;
    assert!(error.to_string().ends_with("it leads from https to http"), "{error}");
}

/// The system's certificates are read from the process's own environment, so this takes a process of its own.
#[tokio::test]
async fn the_systems_certificates_may_be_named_by_a_variable() {
    let (port, authority) = tls_server();
    let machine = Machine::new();
    let file = machine.home().join("ca.pem");
    std::fs::write(&file, authority).unwrap();
    let variable = format!("SSL_CERT_FILE={}", file.display());
    let url = format!("https://127.0.0.1:{port}/");
    let mut child =
        super::interruptions::Fetching::start(&["env", &variable], &machine.settings.data_dir, &url);
    let outcome = child.until("outcome");
    assert!(outcome.contains("it leads from https to http"), "{outcome}");
}

// --- without npm: the runtimes' own releases

fn with_releases(server: &Registry) -> Machine {
    let mut machine = Machine::new();
    machine.settings.releases = Releases {
        deno_latest: format!("{}release-latest.txt", server.url()),
        deno: format!("{}deno/releases", server.url()),
        bun: format!("{}bun/releases", server.url()),
    };
    machine
}

fn checksum(name: &str, bytes: &[u8]) -> String {
    format!("{:x}  {name}\n", sha2::Sha256::digest(bytes))
}

#[tokio::test]
async fn deno_comes_from_its_releases_where_there_is_no_npm() {
    let server = Registry::start().await;
    let machine = with_releases(&server);
    let file = "deno-x86_64-unknown-linux-gnu.zip";
    let archive = zip(&[("deno", &script("2.1.0"))]);
    server.reply("/release-latest.txt", [Reply::ok("v2.1.0\n")]);
    let at = format!("/deno/releases/download/v2.1.0/{file}");
    server.reply(&format!("{at}.sha256sum"), [Reply::ok(checksum(file, b"other"))]);
    server.reply(&at, [Reply::ok(archive.clone())]);
    let error = machine.fetch(Tool::Deno).await.unwrap_err();
    assert!(matches!(error, ProvisionError::Mismatch { .. }), "{error:?}");
    assert_eq!(machine.contents(), Vec::<String>::new());

    server.reply(&format!("{at}.sha256sum"), [Reply::ok(checksum(file, &archive))]);
    let found = machine.fetch(Tool::Deno).await.unwrap();
    assert_eq!(found.origin, Origin::Fetched { version: "2.1.0".into() });
    assert_eq!(says(&found), "2.1.0");
    let error = fetch(Tool::Deno, Some("9.9.9"), &machine.settings, &|_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "deno has no version 9.9.9");
    server.reply("/release-latest.txt", [Reply::ok("<html>")]);
    let error = machine.fetch(Tool::Deno).await.unwrap_err();
    assert!(matches!(error, ProvisionError::Answer { .. }), "{error:?}");
}

#[tokio::test]
async fn an_npm_that_does_not_answer_is_not_passed_over() {
    let server = Registry::start().await;
    let mut machine = with_releases(&server);
    machine.settings.patience.npm = Duration::from_secs(2);
    for (script, complaint) in [
        ("echo 'npm error bad' >&2; exit 3", "exit status: 3: npm error bad"),
        ("exec tail -f /dev/null", "did not end within 2s"),
        ("echo undefined", "named no address"),
    ] {
        let npm = machine.program("npm", &format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n"));
        let error = fails(&machine).await;
        assert!(error.to_string().starts_with(&format!("`{} config get registry` failed", npm.display())));
        assert!(error.to_string().contains(complaint), "{error}");
        assert!(error.next_step().contains("CODEBEAKER_REGISTRY"));
    }
    assert_eq!(server.requests().len(), 0, "nothing else is asked instead");
}

#[tokio::test]
async fn the_real_npm_writes_nothing_into_the_home() {
    let mut machine = Machine::new();
    machine.settings.search_path = std::env::var_os("PATH");
    let there = Command::new("npm").arg("--version").output().map(drop).map_err(|e| e.to_string());
    if !require("npm", there) {
        return;
    }
    machine.settings.platform.arch = "x86_64";
    // its own answer leads to a port that nothing listens on
    machine.variables(&[("HTTPS_PROXY", "http://127.0.0.1:1"), ("HTTP_PROXY", "http://127.0.0.1:1")]);
    let error = machine.fetch(Tool::Bun).await.unwrap_err();
    assert!(matches!(error, ProvisionError::Unreachable { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(machine.home()).unwrap().count(), 0);
    assert_eq!(machine.contents(), Vec::<String>::new());
}

#[tokio::test]
async fn bun_comes_from_its_releases_where_there_is_no_npm() {
    let server = Registry::start().await;
    let mut machine = with_releases(&server);
    machine.settings.platform.avx2 = false;
    let file = "bun-linux-x64-baseline.zip";
    let archive =
        zip(&[("bun-linux-x64-baseline/LICENSE", b""), ("bun-linux-x64-baseline/bun", &script("1.3.0"))]);
    server.reply("/bun/releases/latest", [Reply::redirect("/bun/releases/tag/bun-v1.3.0")]);
    server.reply("/bun/releases/tag/bun-v1.3.0", [Reply::ok("<html>")]);
    let at = "/bun/releases/download/bun-v1.3.0";
    let sums = checksum("bun-linux-x64.zip", b"") + &checksum(file, &archive);
    server.reply(&format!("{at}/SHASUMS256.txt"), [Reply::ok(sums)]);
    server.reply(&format!("{at}/{file}"), [Reply::redirect("/elsewhere/asset")]);
    server.reply("/elsewhere/asset", [Reply::ok(archive)]);
    let found = machine.fetch(Tool::Bun).await.unwrap();
    assert_eq!(found.origin, Origin::Fetched { version: "1.3.0".into() });
    assert_eq!(says(&found), "1.3.0");

    server.reply(&format!("{at}/SHASUMS256.txt"), [Reply::ok(checksum("bun-linux-x64.zip", b""))]);
    std::fs::remove_dir_all(&machine.settings.data_dir).unwrap();
    assert!(matches!(fails(&machine).await, ProvisionError::NoIntegrity { .. }));
}
