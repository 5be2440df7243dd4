//! `codebeaker setup docker`, and what a run fetches: told as it goes, and clear where it can't be done.

use codebeaker::engine::Engine as _;
use codebeaker::protocol::{ErrorKind, Language, Progress, Provision, RuntimeType};
use tokio::sync::mpsc;

use crate::rig::{PATIENCE, PYTHON, Rig, Setup, engine, pass_on, remember, timely, until};
use crate::support::home::{codebeaker, finished};

/// Nobody listens there: no name leaves this machine.
const NOWHERE: &str = "127.0.0.1:1/no/such:image";

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("xdg_state_home/codebeaker");
    remember(&state, "cli");
    std::fs::write(home.path().join("p.py"), "print(1)\n").unwrap();
    let ended = finished(codebeaker(&home, args).spawn().unwrap());
    pass_on(&state, "cli");
    ended
}

#[tokio::test]
async fn on_a_base_that_is_not_there() {
    let Some(api) = engine(&[PYTHON]).await else { return };
    let before = api.inspect_image(PYTHON).await.unwrap().id;
    let args = ["setup", "docker", "--language", "python", "--base", NOWHERE, "--update"];
    let (code, out, err) = run(&args);
    assert_eq!((code, out.as_str()), (Some(125), ""), "{err}");
    assert!(
        err.contains(&format!("codebeaker-python can't be built on {NOWHERE}, in step "))
            && err.contains("refused"),
        "{err}"
    );
    assert!(err.contains("name a base that docker images lists"), "{err}");
    // What there was is still there.
    assert_eq!(api.inspect_image(PYTHON).await.unwrap().id, before);
}

#[tokio::test]
async fn on_a_base_that_is_here() {
    let Some(_) = engine(&[PYTHON, "debian:bookworm-slim"]).await else { return };
    let args = ["setup", "docker", "--language", "python", "--base", "debian:bookworm-slim", "--update"];
    let (code, out, err) = run(&args);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("Docker is ready: ") && out.contains("Python "), "{out}");
    assert!(err.contains("codebeaker-python"), "{err}");
}

#[tokio::test]
async fn nothing_to_do() {
    let images = [PYTHON, "codebeaker-nodejs", "codebeaker-golang", "codebeaker-dotnet"];
    let Some(_) = engine(&images).await else { return };
    let (code, out, err) = run(&["setup", "docker"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("Docker is ready: "), "{out}");
    let (code, _, err) = run(&["setup", "bun", "--base", "x"]);
    assert_eq!(code, Some(125));
    assert!(err.contains("--base and --language are for Docker's images"), "{err}");
}

#[tokio::test]
async fn a_run_from_an_image_that_nobody_has() {
    let Some(_) = engine(&[PYTHON]).await else { return };
    let (code, out, err) = run(&["run", "--image", NOWHERE, "p.py"]);
    assert_eq!((code, out.as_str()), (Some(125), ""), "{err}");
    assert!(err.contains(&format!("this run needs the image {NOWHERE}, which is pulled now")), "{err}");
    assert!(
        err.contains(&format!("the image {NOWHERE} can't be pulled: ")) && err.contains("refused"),
        "{err}"
    );
    assert!(err.contains(&format!("docker pull {NOWHERE}")), "{err}");
}

#[tokio::test]
async fn what_is_built_is_told_step_by_step() {
    let base = Some("debian:bookworm-slim".to_owned());
    let images = [PYTHON, "debian:bookworm-slim"];
    let Some(rig) = Rig::with(&images, |setup: &mut Setup| setup.docker.base = base).await else { return };
    let wanted = Provision { language: Some(Language::Python), ..Provision::all(RuntimeType::Docker) };
    let (tell, mut told) = mpsc::channel(1000);
    let info = timely(rig.engine.provision(wanted, tell)).await.unwrap();
    assert!(info.available && info.languages.contains(&Language::Python), "{info:?}");
    let (mut steps, mut done) = (Vec::new(), false);
    while let Some(progress) = told.recv().await {
        match progress {
            Progress::Building { runtime, image, step, steps: of, .. } => {
                assert_eq!((runtime, image.as_str()), (RuntimeType::Docker, PYTHON));
                assert!(step >= 1 && step <= of, "{step} of {of}");
                steps.push((step, of));
            }
            Progress::Done { version, .. } => {
                assert_eq!(version, PYTHON);
                done = true;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(done && steps.is_sorted() && steps.last().is_some_and(|(step, of)| step == of), "{steps:?}");
    let session = rig.session(Language::Python).await;
    rig.container(&session).await;
    rig.end().await;
}

/// Broken off, it leaves no container of the builder's, and what there was before.
#[tokio::test]
async fn broken_off() {
    let base = Some("debian:bookworm-slim".to_owned());
    let images = [PYTHON, "debian:bookworm-slim"];
    let Some(rig) = Rig::with(&images, |setup: &mut Setup| setup.docker.base = base).await else { return };
    timely(rig.engine.runtime(RuntimeType::Docker, false)).await.unwrap();
    for _ in 0..3 {
        let wanted = Provision { language: Some(Language::Python), ..Provision::all(RuntimeType::Docker) };
        let (tell, mut told) = mpsc::channel(1000);
        let engine = rig.engine.clone();
        let building = tokio::spawn(async move { engine.provision(wanted, tell).await });
        timely(told.recv()).await;
        building.abort();
        let _ = building.await;
        assert!(rig.api.inspect_image(PYTHON).await.is_ok());
    }
    let failure = rig.engine.provision(
        Provision { docker_image: Some(NOWHERE.into()), ..Provision::all(RuntimeType::Docker) },
        mpsc::channel(8).0,
    );
    let failure = timely(failure).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::NoRuntime);
    let session = rig.session(Language::Python).await;
    rig.container(&session).await;
    rig.end().await;
}

/// What of a process of ours is on the Engine: containers, volumes, networks, images.
async fn left(api: &bollard::Docker, pid: u32) -> Vec<String> {
    use bollard::query_parameters as q;
    let owner = [("label".to_owned(), vec!["codebeaker.owner".to_owned()])].into();
    let its = |labels: Option<&std::collections::HashMap<String, String>>| {
        let owner = labels.and_then(|labels| labels.get("codebeaker.owner"));
        owner.and_then(|owner| owner.split(':').nth(3)).is_some_and(|owner| owner == pid.to_string())
    };
    let mut all = Vec::new();
    let options = q::ListContainersOptionsBuilder::default().all(true).filters(&owner).build();
    for container in api.list_containers(Some(options)).await.unwrap() {
        all.extend(its(container.labels.as_ref()).then(|| format!("container {:?}", container.names)));
    }
    let options = q::ListVolumesOptionsBuilder::default().filters(&owner).build();
    for volume in api.list_volumes(Some(options)).await.unwrap().volumes.unwrap_or_default() {
        all.extend(its(Some(&volume.labels)).then_some(format!("volume {}", volume.name)));
    }
    let options = q::ListNetworksOptionsBuilder::default().filters(&owner).build();
    for network in api.list_networks(Some(options)).await.unwrap() {
        all.extend(its(network.labels.as_ref()).then(|| format!("network {:?}", network.name)));
    }
    let options = q::ListImagesOptionsBuilder::default().all(true).filters(&owner).build();
    for image in api.list_images(Some(options)).await.unwrap() {
        all.extend(its(Some(&image.labels)).then_some(format!("image {:?} {}", image.repo_tags, image.id)));
    }
    all
}

#[tokio::test]
async fn who_only_looks_leaves_nothing() {
    let Some(api) = engine(&[PYTHON]).await else { return };
    for args in [&["doctor"][..], &["setup", "docker", "--language", "python", "--base", NOWHERE]] {
        // Nothing is remembered, so that containers are tried.
        let home = tempfile::tempdir().unwrap();
        let child = codebeaker(&home, args).spawn().unwrap();
        let pid = child.id();
        let (code, out, err) = tokio::task::spawn_blocking(move || finished(child)).await.unwrap();
        assert_eq!(code, Some(if args == ["doctor"] { 0 } else { 125 }), "{out}{err}");
        assert_eq!(left(&api, pid).await, Vec::<String>::new(), "{args:?}");
    }
}

#[tokio::test]
async fn who_is_interrupted_while_containers_are_tried_leaves_nothing() {
    use rustix::process::{Pid, Signal, kill_process};
    let Some(api) = engine(&[PYTHON]).await else { return };
    for what in ["image", "container", "network"] {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("p.py"), "print(1)\n").unwrap();
        let child = codebeaker(&home, &["run", "p.py", "--runtime", "docker"]).spawn().unwrap();
        let pid = child.id();
        let there = async || left(&api, pid).await;
        until(PATIENCE, what, there, |all| all.iter().any(|thing| thing.starts_with(what))).await;
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let (code, out, err) = tokio::task::spawn_blocking(move || finished(child)).await.unwrap();
        assert_eq!(code, Some(130), "{out}{err}");
        assert_eq!(left(&api, pid).await, Vec::<String>::new(), "interrupted when there was: {what}");
    }
}
