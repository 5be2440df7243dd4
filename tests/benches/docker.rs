//! What a session on Docker costs, against the same done through the Engine's own API.
//!
//! `cargo bench --bench docker [-- ROUNDS]`. Needs a Docker Engine with `codebeaker setup docker` done. Interleaved, in
//! another order each round; medians, and medians of the ratios within a round. Nothing is asserted: the machine's load
//! is in every figure.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::{ContainerCreateBody, ExecConfig};
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use codebeaker::engine::{Embedded, Engine, EngineSettings};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteShell, Language, ReadFile, RuntimeType, SessionId, WriteFile,
};
use codebeaker::provision;
use codebeaker::runtimes::{self, DockerSettings, Marks, RuntimeSettings};

/// Commands in each session.
const COMMANDS: usize = 10;
/// A small file.
const SMALL: [u8; 200] = [b'x'; 200];

fn engine(state: &Path, high: usize) -> Arc<Embedded> {
    let docker =
        DockerSettings { pool: Marks { low: high, high, ..Marks::default() }, ..DockerSettings::default() };
    let settings = RuntimeSettings {
        docker,
        ..RuntimeSettings::new(provision::Settings::from_env(), Some(state.join("runtimes.json")))
    };
    Arc::new(Embedded::new(EngineSettings::new(state.join("sessions")), runtimes::all(settings)).unwrap())
}

async fn session(engine: &Embedded) -> (Duration, SessionId) {
    let params =
        CreateSession { runtime_type: Some(RuntimeType::Docker), ..CreateSession::new(Language::Python) };
    let begin = Instant::now();
    let id = engine.create_session(params).await.unwrap().session_id;
    (begin.elapsed(), id)
}

async fn execute(engine: &Embedded, session: &SessionId, command: Command) -> Duration {
    let begin = Instant::now();
    let execution = engine.execute(Execute::new(session.clone(), command)).await.unwrap();
    let result = execution.finished().await.unwrap();
    assert!(result.success, "{result:?}");
    begin.elapsed()
}

/// Containers of ours that run, newest first.
async fn ours(docker: &Docker) -> Vec<String> {
    let labels = [("label".to_owned(), vec!["codebeaker.role=session".to_owned()])].into();
    let options = ListContainersOptionsBuilder::default().filters(&labels).build();
    let all = docker.list_containers(Some(options)).await.unwrap();
    let pid = std::process::id().to_string();
    // Others may use the same Engine.
    let own = all.into_iter().filter(|container| {
        let owner = container.labels.as_ref().and_then(|labels| labels.get("codebeaker.owner"));
        owner.and_then(|owner| owner.split(':').nth(3)) == Some(&pid)
    });
    own.filter_map(|container| container.id).collect()
}

/// The same container as one of ours, of the Engine alone: its own mounts and program, everything else the same.
async fn like(docker: &Docker, id: &str, directory: &Path) -> ContainerCreateBody {
    let ours = docker.inspect_container(id, None).await.unwrap();
    let config = ours.config.unwrap();
    let mut host = ours.host_config.unwrap();
    for mount in host.mounts.iter_mut().flatten() {
        mount.source = Some(
            directory
                .join(if mount.target.as_deref() == Some("/etc/passwd") {
                    "passwd"
                } else if mount.target.as_deref() == Some("/etc/group") {
                    "group"
                } else {
                    ""
                })
                .display()
                .to_string(),
        );
    }
    ContainerCreateBody {
        image: config.image,
        user: config.user,
        hostname: config.hostname,
        working_dir: config.working_dir,
        healthcheck: config.healthcheck,
        stop_signal: config.stop_signal,
        entrypoint: Some(vec!["/bin/sleep".into(), "1000".into()]),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

async fn raw_create(docker: &Docker, body: &ContainerCreateBody) -> Duration {
    let begin = Instant::now();
    let id = docker.create_container(None, body.clone()).await.unwrap().id;
    docker.start_container(&id, None).await.unwrap();
    let took = begin.elapsed();
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    docker.remove_container(&id, Some(options)).await.unwrap();
    took
}

async fn raw_exec(docker: &Docker, id: &str) -> Duration {
    let begin = Instant::now();
    let config =
        ExecConfig { cmd: Some(vec!["true".into()]), attach_stdout: Some(true), ..ExecConfig::default() };
    let exec = docker.create_exec(id, config).await.unwrap().id;
    let started = docker.start_exec(&exec, None).await.unwrap();
    if let bollard::exec::StartExecResults::Attached { mut output, .. } = started {
        while futures_util::StreamExt::next(&mut output).await.is_some() {}
    }
    let ended = docker.inspect_exec(&exec).await.unwrap();
    assert_eq!(ended.exit_code, Some(0));
    begin.elapsed()
}

#[derive(Default)]
struct Figures {
    pooled: Vec<Duration>,
    cold: Vec<Duration>,
    raw: Vec<Duration>,
    command: Vec<Duration>,
    exec: Vec<Duration>,
    write: Vec<Duration>,
    read: Vec<Duration>,
    close: Vec<Duration>,
}

fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut values = values.to_vec();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

fn print(name: &str, figures: &[Duration], against: Option<&[Duration]>) {
    let ms = |d: Duration| d.as_secs_f64() * 1000.0;
    let lowest = figures.iter().min().copied().unwrap();
    let ratio = against.map(|other| {
        let ratios: Vec<f64> = figures.iter().zip(other).map(|(a, b)| ms(*a) / ms(*b)).collect();
        format!("   {:.3} of it", median(&ratios))
    });
    println!(
        "{name:<34} median {:>8.3} ms   least {:>8.3} ms{}",
        ms(median(figures)),
        ms(lowest),
        ratio.unwrap_or_default()
    );
}

/// Waits until so many containers of ours run, and takes the newest of them.
async fn running(docker: &Docker, count: usize) -> Vec<String> {
    loop {
        let ours = ours(docker).await;
        if ours.len() == count {
            return ours;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rounds = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(20);
    let root = tempfile::tempdir().unwrap();
    let (pool, none) = (root.path().join("pool"), root.path().join("none"));
    for state in [&pool, &none] {
        std::fs::create_dir(state).unwrap();
    }
    for name in ["passwd", "group"] {
        std::fs::write(root.path().join(name), "").unwrap();
    }
    let docker = Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let (pooled, cold) = (engine(&pool, 2), engine(&none, 0));
    // The first of each looks at the Engine, and tries its containers.
    let first = session(&cold).await.1;
    let body = like(&docker, &running(&docker, 1).await[0], root.path()).await;
    cold.close_session(&first).await.unwrap();
    running(&docker, 0).await;
    let first = session(&pooled).await.1;
    running(&docker, 3).await;
    pooled.close_session(&first).await.unwrap();
    running(&docker, 2).await;
    let mut figures = Figures::default();
    for round in 0..rounds {
        let before = running(&docker, 2).await;
        let (took, id) = session(&pooled).await;
        figures.pooled.push(took);
        let now = running(&docker, 3).await;
        // What stands ready was there before; the others are newer. The oldest is the one that was handed out.
        let own = before.iter().rfind(|id| now.contains(id)).unwrap().clone();
        let (mut commands, mut execs, mut writes, mut reads) = (vec![], vec![], vec![], vec![]);
        for number in 0..COMMANDS {
            let shell = ExecuteShell { command_name: "true".into(), ..ExecuteShell::default() };
            if (number + round) % 2 == 0 {
                execs.push(raw_exec(&docker, &own).await);
            }
            commands.push(execute(&pooled, &id, Command::ExecuteShell(shell)).await);
            writes.push(execute(&pooled, &id, Command::WriteFile(WriteFile::bytes("f", &SMALL))).await);
            let read = ReadFile { path: "f".into(), encoding: None };
            reads.push(execute(&pooled, &id, Command::ReadFile(read)).await);
        }
        figures.command.push(median(&commands));
        figures.exec.push(median(&execs));
        figures.write.push(median(&writes));
        figures.read.push(median(&reads));
        let begin = Instant::now();
        pooled.close_session(&id).await.unwrap();
        figures.close.push(begin.elapsed());
        running(&docker, 2).await;
        for which in 0..2 {
            if (which + round) % 2 == 0 {
                let (took, id) = session(&cold).await;
                figures.cold.push(took);
                cold.close_session(&id).await.unwrap();
                running(&docker, 2).await;
            } else {
                figures.raw.push(raw_create(&docker, &body).await);
            }
        }
    }
    println!("{rounds} rounds, {COMMANDS} commands in each session");
    print("create and start, the Engine's API", &figures.raw, None);
    print("session, no pool", &figures.cold, Some(&figures.raw));
    print("session, from the pool", &figures.pooled, Some(&figures.raw));
    print("exec true, the Engine's API", &figures.exec, None);
    print("execute_shell true", &figures.command, Some(&figures.exec));
    print("write_file, 200 bytes", &figures.write, None);
    print("read_file, 200 bytes", &figures.read, None);
    print("session closed", &figures.close, None);
    for engine in [pooled, cold] {
        engine.shutdown().await;
    }
}
