//! Where there is no Engine to be had: why, and what to do, is told soon.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use codebeaker::protocol::RuntimeInfo;
use codebeaker::runtimes::DockerSettings;
use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{engine, runtime};
use crate::support::home::{at_home, codebeaker, finished};
use crate::support::native::binary;
use crate::support::require;

/// Within this it is told.
const TOLD: Duration = Duration::from_secs(10);

/// What is known of an Engine at this place: nothing but why it can't be used.
async fn unavailable(host: &str) -> (String, String) {
    let root = tempfile::tempdir().unwrap();
    let docker =
        runtime(root.path(), DockerSettings { host: Some(host.to_owned()), ..DockerSettings::default() });
    let begin = Instant::now();
    let info =
        tokio::time::timeout(TOLD, docker.info(true)).await.unwrap_or_else(|_| panic!("{host}: not in time"));
    assert!(begin.elapsed() < TOLD);
    docker.shutdown().await;
    let RuntimeInfo { available, fetchable, version, reason, fix, .. } = info;
    assert_eq!((available, fetchable, version), (false, false, None), "{host}");
    let told = (reason.expect("a reason"), fix.expect("a fix"));
    assert!(!told.0.is_empty() && !told.1.is_empty(), "{told:?}");
    told
}

#[tokio::test]
async fn no_socket() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("d.sock");
    let (reason, fix) = unavailable(&format!("unix://{}", path.display())).await;
    assert_eq!(reason, format!("there is no {}, which the setting [docker] host names", path.display()));
    assert!(fix.contains("correct what names it"), "{fix}");
}

#[tokio::test]
async fn a_socket_where_nobody_listens() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("d.sock");
    drop(UnixListener::bind(&path).unwrap());
    let (reason, fix) = unavailable(&format!("unix://{}", path.display())).await;
    assert_eq!(
        reason,
        format!("nobody listens on {}, which the setting [docker] host names", path.display())
    );
    assert!(fix.contains("start the Engine"), "{fix}");
}

#[tokio::test]
async fn a_socket_that_is_none() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    std::fs::write(&path, "").unwrap();
    unavailable(&format!("unix://{}", path.display())).await;
    unavailable("unix:///").await;
    unavailable("unix://").await;
}

#[tokio::test]
async fn a_socket_that_never_answers() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("d.sock");
    // It takes connections in, as far as its queue goes, and that is all.
    let _listener = UnixListener::bind(&path).unwrap();
    let (reason, fix) = unavailable(&format!("unix://{}", path.display())).await;
    assert!(reason.contains("does not answer") && reason.contains("too long"), "{reason}");
    assert!(!fix.is_empty());
}

/// Somebody answers, but that is no Engine.
#[tokio::test]
async fn a_socket_of_somebody_else() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 500 Oh No\r\ncontent-length: 0\r\n\r\n",
        "SSH-2.0-x\r\n",
    ] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("d.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let (reason, _) = unavailable(&format!("unix://{}", path.display())).await;
        assert!(!reason.contains('\n'), "{reason}");
        serving.abort();
    }
}

/// It takes no more connections in, and a thread that waits for it would wait for ever.
#[tokio::test]
async fn a_socket_whose_queue_is_full() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("d.sock");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut waiting = Vec::new();
    while waiting.len() < 8 {
        match tokio::net::UnixStream::connect(&path).await {
            Ok(stream) => waiting.push(stream),
            Err(_) => break,
        }
    }
    let (reason, _) = unavailable(&format!("unix://{}", path.display())).await;
    assert!(reason.contains("does not answer"), "{reason}");
}

/// It says who it is, and stops in the middle of what comes next.
#[tokio::test]
async fn an_engine_that_stalls() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    const VERSION: &str = r#"{"Version":"1","ApiVersion":"1.41","Os":"linux","Arch":"amd64"}"#;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("d.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(async move {
        let mut stalled = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let first =
                String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned();
            let answer = match first.contains("/version ") {
                true => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{VERSION}", VERSION.len()),
                false => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
            stalled.push(stream);
        }
    });
    let (reason, _) = unavailable(&format!("unix://{}", path.display())).await;
    assert!(reason.contains("too long"), "{reason}");
    serving.abort();
}

#[tokio::test]
async fn nobody_at_the_other_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // It never answers.
    let (reason, _) = unavailable(&format!("tcp://127.0.0.1:{port}")).await;
    assert!(reason.contains("does not answer"), "{reason}");
    drop(listener);
    let (reason, fix) = unavailable(&format!("tcp://127.0.0.1:{port}")).await;
    assert!(reason.contains("does not answer") && reason.to_lowercase().contains("refused"), "{reason}");
    assert!(fix.contains("[docker] host"), "{fix}");
}

#[tokio::test]
async fn a_scheme_that_there_is_not() {
    for host in ["gopher://127.0.0.1:70", "127.0.0.1:2375", "nonsense", "npipe:////./pipe/docker"] {
        let (reason, fix) = unavailable(host).await;
        assert!(reason.contains(host) && !fix.is_empty(), "{host:?}: {reason}");
    }
}

/// What `codebeaker doctor` tells of Docker.
fn doctor(mut command: Command) -> Value {
    let begin = Instant::now();
    let child = command.spawn().unwrap();
    let (_, out, err) = finished(child);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert!(begin.elapsed() < TOLD, "{:?}", begin.elapsed());
    let runtimes = report["runtimes"].as_array().unwrap();
    let docker = runtimes.iter().find(|runtime| runtime["type"] == "Docker").expect("Docker is told of");
    assert_eq!(docker["available"], false, "{docker:#}");
    assert!(docker["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{docker:#}");
    docker.clone()
}

fn reason(docker: &Value) -> &str {
    docker["reason"].as_str().unwrap()
}

#[test]
fn a_context_that_is_broken() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("home/.docker");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.json"), r#"{"currentContext":"lab"}"#).unwrap();
    let told = doctor(codebeaker(&home, &["doctor", "--json"]));
    assert!(reason(&told).contains("the docker context lab has no"), "{told:#}");
    assert!(told["fix"].as_str().unwrap().contains("docker context use default"), "{told:#}");
    // Who names one oneself is told the same.
    let mut command = codebeaker(&home, &["doctor", "--json"]);
    command.env("DOCKER_CONTEXT", "shop");
    let told = doctor(command);
    assert!(reason(&told).contains("the docker context shop has no"), "{told:#}");
}

#[test]
fn a_variable_that_is_wrong() {
    for host in ["unix:///nowhere/d.sock", "gopher://127.0.0.1:70"] {
        let home = tempfile::tempdir().unwrap();
        let mut command = codebeaker(&home, &["doctor", "--json"]);
        command.env("DOCKER_HOST", host);
        let told = doctor(command);
        assert!(reason(&told).contains("DOCKER_HOST"), "{told:#}");
        std::fs::write(home.path().join("p.py"), "print(1)\n").unwrap();
        let mut command = codebeaker(&home, &["run", "--runtime", "docker", "p.py"]);
        let (code, out, err) = finished(command.env("DOCKER_HOST", host).spawn().unwrap());
        assert_eq!((code, out.as_str()), (Some(125), ""), "{err}");
        assert!(err.contains("DOCKER_HOST"), "{err}");
    }
}

/// An ordinary user's home, and a binary that they can read.
fn as_nobody(home: &TempDir, args: &[&str]) -> Command {
    let program = home.path().join("codebeaker");
    if !program.exists() {
        std::fs::copy(binary(), &program).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program).args(args);
    let command = at_home(home, command);
    let chown = |path: &Path| drop(Command::new("chown").args(["-R", "65534:65534"]).arg(path).status());
    chown(home.path());
    command
}

#[tokio::test]
async fn permission_denied() {
    if engine(&[]).await.is_none() {
        return;
    }
    let root = rustix::process::geteuid().is_root();
    let setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    let able =
        if root && setpriv { Ok(()) } else { Err("only root can become somebody else, by setpriv".into()) };
    if !require("root", able) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    // What is linked from a home would be handed over with it.
    std::fs::create_dir_all(home.path().join("data/codebeaker")).unwrap();
    let told = doctor(as_nobody(&home, &["doctor", "--json"]));
    assert!(reason(&told).contains("permission denied on /var/run/docker.sock"), "{told:#}");
    assert!(told["fix"].as_str().unwrap().contains("usermod -aG docker"), "{told:#}");
}
