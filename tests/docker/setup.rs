//! `codebeaker setup docker`, and what a run fetches: told as it goes, and clear where it can't be done.

use codebeaker::engine::Engine as _;
use codebeaker::protocol::{ErrorKind, Language, Progress, Provision, RuntimeType};
use tokio::sync::mpsc;

use crate::rig::{PYTHON, Rig, Setup, engine, pass_on, remember, timely};
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
    assert!(err.contains("codebeaker-python can't be built, in step ") && err.contains("refused"), "{err}");
    assert!(err.contains("--base IMAGE"), "{err}");
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
