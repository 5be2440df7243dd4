//! Images that are not ours: bare, odd, or not there.

use std::collections::BTreeSet;

use bollard::Docker as Api;
use bollard::query_parameters::ListVolumesOptionsBuilder;
use codebeaker::engine::Engine as _;
use codebeaker::protocol::{
    Command, CommandOutput, CreateDirectory, CreateSession, DeleteFile, ErrorKind, ExecuteResult, Language,
    ListDirectory, ReadFile, RuntimeType, SessionId, WriteFile,
};

use crate::made::Made;
use crate::rig::{PYTHON, Rig, SOON, from_image, program, timely, until};

fn write(path: &str, text: &str) -> Command {
    Command::WriteFile(WriteFile::bytes(path, text.as_bytes()))
}

fn read(path: &str) -> Command {
    Command::ReadFile(ReadFile { path: path.into(), encoding: None })
}

fn content(result: &ExecuteResult) -> &str {
    match &result.result {
        Some(CommandOutput::Content(file)) => &file.content,
        _ => panic!("no file: {result:?}"),
    }
}

/// Every file command once.
async fn files_work(rig: &Rig, session: &SessionId) {
    for command in [
        Command::CreateDirectory(CreateDirectory { path: "a/b".into(), recursive: true }),
        write("a/b/file", "some text"),
        Command::DeleteFile(DeleteFile { path: "a/b/file".into(), recursive: false }),
        write("/workspace/a/b/other", "other text"),
    ] {
        let result = rig.execute(session, command).await;
        assert!(result.success, "{result:?}");
    }
    assert_eq!(content(&rig.execute(session, read("a/b/other")).await), "other text");
    let list = ListDirectory {
        path: ".".into(),
        recursive: true,
        max_depth: None,
        pattern: None,
        include_hidden: false,
    };
    let listed = rig.execute(session, Command::ListDirectory(list)).await;
    let Some(CommandOutput::Listing(listing)) = listed.result else { panic!("{listed:?}") };
    let paths: Vec<&str> = listing.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["a", "a/b", "a/b/other"]);
}

async fn anonymous_volumes(api: &Api) -> BTreeSet<String> {
    let options = ListVolumesOptionsBuilder::default().build();
    let volumes = api.list_volumes(Some(options)).await.unwrap().volumes.unwrap_or_default();
    volumes.into_iter().map(|volume| volume.name).filter(|name| name.len() == 64).collect()
}

#[tokio::test]
async fn without_a_workspace() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let image = Made::built(&rig.api, "FROM codebeaker-python\nWORKDIR /\nRUN rmdir /workspace\n").await;
    let session = rig.create(from_image(Language::Python, &image.name)).await.unwrap().session_id;
    files_work(&rig, &session).await;
    let told = rig.code(&session, "import os; print(os.getcwd(), os.access('.', os.W_OK))").await;
    assert_eq!(told.stdout, "/workspace True\n");
    rig.end().await;
}

/// Neither a shell nor anything else that could be started.
#[tokio::test]
async fn with_one_file_in_it() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let image = Made::imported(&rig.api, &[("lonely", b"here\n")], Vec::new()).await;
    let session = rig.create(from_image(Language::Python, &image.name)).await.unwrap().session_id;
    files_work(&rig, &session).await;
    for name in ["sh", "/bin/sh", "python3"] {
        let result = rig.execute(&session, program(name, &[])).await;
        assert_eq!(result.error, Some(format!("{name}: command not found")));
        assert_eq!(result.process().unwrap().exit_code, 127);
    }
    let code = rig.code(&session, "print(1)").await;
    assert_eq!(code.exit_code, 127, "{code:?}");
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn that_declares_volumes() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let text = "FROM codebeaker-python\nRUN mkdir /data && echo image > /data/file\n\
                VOLUME /data /var/lib/things/ /workspace/inner /tmp /srv/../opt/odd\n";
    let image = Made::built(&rig.api, text).await;
    let before = anonymous_volumes(&rig.api).await;
    let session = rig.create(from_image(Language::Python, &image.name)).await.unwrap().session_id;
    let id = rig.container(&session).await;
    let container = rig.inspect(&id).await;
    let mounts = container.mounts.unwrap_or_default();
    assert!(mounts.iter().all(|mount| mount.typ.as_deref() != Some("volume")), "{mounts:?}");
    let script = "for d in /data /var/lib/things /tmp /opt/odd; do echo x > $d/x && cat $d/x; done; \
                  mkdir -p /workspace/inner && echo y > /workspace/inner/y && cat /workspace/inner/y; \
                  head -c 20M /dev/zero > /data/much || echo full";
    let seen = rig.sh(&session, script).await;
    // As small as what is nobody's workspace.
    assert_eq!(seen.stdout, "x\nx\nx\nx\ny\nfull\n", "{seen:?}");
    rig.close(&session).await;
    let new = async || anonymous_volumes(&rig.api).await.difference(&before).cloned().collect::<Vec<_>>();
    until(SOON, "no volume is left", new, Vec::is_empty).await;
    rig.end().await;
}

#[tokio::test]
async fn with_a_program_a_user_and_a_health_of_its_own() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let text = "FROM codebeaker-python\nENV FLAVOUR=vanilla HOME=/elsewhere\nRUN mkdir /elsewhere\nUSER nobody\n\
                WORKDIR /elsewhere\nHEALTHCHECK --interval=1s CMD touch /workspace/health\n\
                ENTRYPOINT [\"/bin/false\"]\nCMD [\"--never\"]\nSTOPSIGNAL SIGUSR1\nEXPOSE 8080\n";
    let image = Made::built(&rig.api, text).await;
    let session = rig.create(from_image(Language::Python, &image.name)).await.unwrap().session_id;
    let id = rig.container(&session).await;
    let container = rig.inspect(&id).await;
    let config = container.config.unwrap();
    assert_eq!(config.healthcheck.unwrap().test, Some(vec!["NONE".to_owned()]));
    assert_eq!(config.entrypoint.unwrap(), ["/.codebeaker/agent", "dial=/.codebeaker/socket"]);
    assert_eq!(config.cmd.unwrap_or_default(), Vec::<String>::new());
    assert_ne!(config.user.as_deref(), Some("nobody"));
    let health =
        container.state.unwrap().health.and_then(|health| health.status).map(|status| status.to_string());
    assert!(health.is_none_or(|status| status == "none"));
    assert!(container.host_config.unwrap().port_bindings.unwrap_or_default().is_empty());
    let told = rig.sh(&session, "echo $FLAVOUR; pwd; whoami; touch ~/x && echo home").await;
    assert_eq!(told.stdout, "vanilla\n/workspace\nuser\nhome\n", "{told:?}");
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn one_that_is_not_here() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    for name in ["codebeaker-test-nowhere", "127.0.0.1:1/no/such:tag"] {
        let failure = rig.create(from_image(Language::Python, name)).await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::NoRuntime);
        assert_eq!(failure.message, format!("the image {name} is not here"));
        assert_eq!(failure.hint, format!("docker pull {name}"));
    }
    // What is no name of an image is told as such, and by whom.
    for name in ["Not A Name", "", "../x"] {
        let failure = rig.create(from_image(Language::Python, name)).await.unwrap_err();
        assert!(failure.message.contains("image"), "{failure:?}");
    }
    assert!(timely(rig.engine.sessions()).await.unwrap().is_empty());
    rig.end().await;
}

#[tokio::test]
async fn one_for_somebody_else() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    for other in [RuntimeType::NativeProcess, RuntimeType::Bun, RuntimeType::Deno] {
        let wrong = CreateSession { runtime_type: Some(other), ..from_image(Language::Python, PYTHON) };
        let failure = rig.create(wrong).await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::InvalidParams);
        assert!(failure.message.contains("dockerImage is for Docker"), "{failure:?}");
    }
    // Who names an image need not name Docker.
    let alone = CreateSession { runtime_type: None, ..from_image(Language::Python, PYTHON) };
    let session = rig.create(alone).await.unwrap();
    assert_eq!(session.runtime_type, RuntimeType::Docker);
    // What it is said to be for is for its own programs to know.
    let odd = rig.create(CreateSession { ..from_image(Language::Go, PYTHON) }).await.unwrap().session_id;
    let told = rig.code(&odd, "package main").await;
    assert_eq!(
        (told.exit_code, told.stderr.contains("there is no Go compiler in this image")),
        (127, true),
        "{told:?}"
    );
    rig.end().await;
}

#[tokio::test]
async fn for_another_machine() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let other = if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" };
    let image = Made::loaded(&rig.api, other).await;
    let inspect = rig.api.inspect_image(&image.name).await.unwrap();
    assert_eq!(inspect.architecture.as_deref(), Some(other));
    let failure = rig.create(from_image(Language::Python, &image.name)).await.unwrap_err();
    assert!(failure.message.contains(&format!("its image is for {other}")), "{failure:?}");
    rig.end().await;
}
