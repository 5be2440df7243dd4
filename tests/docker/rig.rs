//! An engine over Docker alone, in directories of its own, and a way past it to the Engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bollard::Docker as Api;
use bollard::models::{ContainerInspectResponse, ContainerSummary, HostConfig};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListVolumesOptionsBuilder,
};
use codebeaker::engine::{Embedded, Engine, EngineSettings, Execution, Runtime};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteResult, ExecuteShell, ExecutionEvent, Failure,
    Language, OutputStream, ProcessResult, RuntimeType, SessionId, SessionInfo,
};
use codebeaker::provision;
use codebeaker::runtimes::{self, DockerSettings, Marks, RuntimeSettings};
use tempfile::TempDir;

use crate::support::require;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Within this nothing of what has ended is left.
pub const SOON: Duration = Duration::from_secs(5);
pub const OWNER: &str = "codebeaker.owner";
pub const INSTANCE: &str = "codebeaker.instance";
pub const ROLE: &str = "codebeaker.role";
pub const PYTHON: &str = "codebeaker-python";
/// .NET's own SDK, where the machine has it.
pub const DOTNET: &str = "codebeaker-test-dotnet:3.1";

/// Nothing is kept ready.
pub const NO_POOL: Marks = Marks { low: 0, high: 0, memory: 0 };

/// The Engine, if it is here with these images.
pub async fn engine(images: &[&str]) -> Option<Api> {
    let look = async {
        let api = Api::connect_with_local_defaults().map_err(|e| e.to_string())?;
        let api = api.negotiate_version().await.map_err(|e| format!("no Engine answers: {e}"))?;
        for image in images {
            let found = api.inspect_image(image).await;
            found
                .map_err(|_| format!("the image {image} is not here: codebeaker setup docker builds ours"))?;
        }
        Ok(api)
    };
    let found: Result<Api, String> = look.await;
    require("docker", found.as_ref().map(drop).map_err(Clone::clone)).then(|| found.unwrap())
}

/// Where what trying an Engine has shown is kept, from one test to the next: it takes seconds.
fn kept(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("docker-{kind}.json"))
}

/// Lets whoever keeps its state in `state` know what others have seen.
pub fn remember(state: &Path, kind: &str) {
    std::fs::create_dir_all(state).unwrap();
    let _ = std::fs::copy(kept(kind), state.join("docker.json"));
}

/// Lets others know what was seen there.
pub fn pass_on(state: &Path, kind: &str) {
    let seen = std::fs::read(state.join("docker.json")).unwrap_or_default();
    if !seen.is_empty() && std::fs::read(kept(kind)).ok().as_ref() != Some(&seen) {
        let mut new = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::io::Write::write_all(&mut new, &seen).unwrap();
        new.persist(kept(kind)).unwrap();
    }
}

/// An engine over Docker alone.
pub struct Rig {
    pub root: TempDir,
    pub engine: Arc<Embedded>,
    pub api: Api,
    kind: &'static str,
    instance: Mutex<Option<String>>,
}

/// How a rig is set up.
pub struct Setup {
    pub docker: DockerSettings,
    pub engine: EngineSettings,
}

impl Rig {
    /// One that keeps nothing ready, for sessions of these images.
    pub async fn new(images: &[&str]) -> Option<Self> {
        Self::with(images, |_| {}).await
    }

    pub async fn with(images: &[&str], change: impl FnOnce(&mut Setup)) -> Option<Self> {
        let api = engine(images).await?;
        Some(Self::over(api, change))
    }

    /// Over this Engine.
    pub fn over(api: Api, change: impl FnOnce(&mut Setup)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (engine, settings) = embedded(root.path(), change);
        let kind = match &settings {
            DockerSettings { host: Some(_), .. } => "host",
            DockerSettings { elsewhere: true, .. } => "attached",
            _ => "near",
        };
        remember(&root.path().join("state"), kind);
        Self { root, engine, api, kind, instance: Mutex::default() }
    }

    pub fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    pub async fn create(&self, params: CreateSession) -> Result<SessionInfo, Failure> {
        let created = timely(self.engine.create_session(params)).await;
        pass_on(&self.state(), self.kind);
        created
    }

    pub async fn session(&self, language: Language) -> SessionId {
        self.create(params(language)).await.unwrap().session_id
    }

    pub async fn start(&self, execute: Execute) -> Execution {
        timely(self.engine.execute(execute)).await.unwrap()
    }

    pub async fn execute(&self, session: &SessionId, command: Command) -> ExecuteResult {
        timely(self.start(Execute::new(session.clone(), command)).await.finished()).await.unwrap()
    }

    pub async fn sh(&self, session: &SessionId, script: &str) -> ProcessResult {
        process(self.execute(session, sh(script)).await)
    }

    pub async fn code(&self, session: &SessionId, text: &str) -> ProcessResult {
        process(self.execute(session, code(text)).await)
    }

    pub async fn close(&self, session: &SessionId) {
        timely(self.engine.close_session(session)).await.unwrap();
    }

    /// The container of a session, as it is called by the files that the Engine has mounted in it.
    pub async fn container(&self, session: &SessionId) -> String {
        let mounts = self.sh(session, "cat /proc/self/mountinfo").await.stdout;
        let line = mounts.lines().find(|line| line.contains(" /etc/hostname ")).expect("a name of its own");
        let id = line.split('/').find(|part| part.len() == 64).expect("the container's id");
        if self.instance.lock().unwrap().is_none() {
            let labels = self.inspect(id).await.config.unwrap().labels.unwrap();
            *self.instance.lock().unwrap() = Some(labels[INSTANCE].clone());
        }
        id.to_owned()
    }

    pub async fn inspect(&self, container: &str) -> ContainerInspectResponse {
        self.api.inspect_container(container, None).await.unwrap()
    }

    pub async fn host_config(&self, container: &str) -> HostConfig {
        self.inspect(container).await.host_config.unwrap()
    }

    /// This engine's label; known from its first container on.
    pub fn instance(&self) -> String {
        self.instance.lock().unwrap().clone().expect("a container was looked at")
    }

    /// This engine's containers, whatever state they are in.
    pub async fn containers(&self) -> Vec<ContainerSummary> {
        containers(&self.api, &format!("{INSTANCE}={}", self.instance())).await
    }

    /// The containers that are for sessions, and are running.
    pub async fn running(&self) -> Vec<String> {
        let running = self.containers().await.into_iter().filter(|container| {
            let role = container.labels.as_ref().and_then(|labels| labels.get(ROLE));
            let state = container.state.map(|state| state.to_string());
            role.is_some_and(|role| role == "session") && state.as_deref() == Some("running")
        });
        running.filter_map(|container| container.id).collect()
    }

    /// What there is of this engine: containers, volumes, images, by name.
    pub async fn things(&self) -> Vec<String> {
        things(&self.api, &format!("{INSTANCE}={}", self.instance())).await
    }

    /// Ends the engine; nothing of it may be left then, neither on the Engine nor on this machine.
    pub async fn end(self) {
        timely(self.engine.shutdown()).await;
        if self.instance.lock().unwrap().is_some() {
            assert_eq!(self.things().await, Vec::<String>::new());
        }
        let names = |path: PathBuf| -> Vec<_> {
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
        };
        assert!(names(self.state().join("docker")).is_empty(), "{:?}", names(self.state().join("docker")));
        assert!(names(self.root.path().join("sessions")).is_empty());
    }
}

/// An engine over Docker alone, with its directories below `root`; and how it reaches the Engine.
pub fn embedded(root: &Path, change: impl FnOnce(&mut Setup)) -> (Arc<Embedded>, DockerSettings) {
    let docker = DockerSettings { pool: NO_POOL, ..DockerSettings::default() };
    let mut setup = Setup { docker, engine: EngineSettings::new(root.join("sessions")) };
    change(&mut setup);
    let runtime = runtime(root, setup.docker.clone());
    (Arc::new(Embedded::new(setup.engine, vec![runtime]).unwrap()), setup.docker)
}

/// Docker itself, with its state below `root`.
pub fn runtime(root: &Path, docker: DockerSettings) -> Arc<dyn Runtime> {
    let cache = root.join("state/runtimes.json");
    let settings =
        RuntimeSettings { docker, ..RuntimeSettings::new(provision::Settings::from_env(), Some(cache)) };
    runtimes::all(settings).into_iter().find(|r| r.runtime_type() == RuntimeType::Docker).unwrap()
}

pub async fn containers(api: &Api, label: &str) -> Vec<ContainerSummary> {
    let filters = [("label".to_owned(), vec![label.to_owned()])].into();
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    api.list_containers(Some(options)).await.unwrap()
}

/// Containers, volumes and images with this label, by name.
pub async fn things(api: &Api, label: &str) -> Vec<String> {
    let filters = [("label".to_owned(), vec![label.to_owned()])].into();
    let found = containers(api, label).await.into_iter();
    let mut all: Vec<String> = found.map(|c| format!("container {:?} {:?}", c.names, c.status)).collect();
    let volumes = api.list_volumes(Some(ListVolumesOptionsBuilder::default().filters(&filters).build()));
    let volumes = volumes.await.unwrap().volumes.unwrap_or_default();
    all.extend(volumes.into_iter().map(|volume| format!("volume {}", volume.name)));
    let images = api.list_images(Some(ListImagesOptionsBuilder::default().filters(&filters).build()));
    all.extend(images.await.unwrap().into_iter().map(|image| format!("image {:?}", image.repo_tags)));
    all
}

/// A session on Docker.
pub fn params(language: Language) -> CreateSession {
    CreateSession { runtime_type: Some(RuntimeType::Docker), ..CreateSession::new(language) }
}

/// A session from this image.
pub fn from_image(language: Language, image: &str) -> CreateSession {
    CreateSession { docker_image: Some(image.to_owned()), ..params(language) }
}

pub fn sh(script: &str) -> Command {
    program("sh", &["-c", script])
}

pub fn program(name: &str, args: &[&str]) -> Command {
    let args = args.iter().map(|argument| (*argument).to_owned()).collect();
    Command::ExecuteShell(ExecuteShell { command_name: name.into(), args, ..ExecuteShell::default() })
}

pub fn code(text: &str) -> Command {
    Command::ExecuteCode(ExecuteCode { code: text.into(), ..ExecuteCode::default() })
}

/// A streaming execution that is fed from outside.
pub fn interactive(session: &SessionId, command: Command) -> Execute {
    Execute { stream: true, interactive: true, ..Execute::new(session.clone(), command) }
}

#[track_caller]
pub fn process(result: ExecuteResult) -> ProcessResult {
    result.process().unwrap_or_else(|| panic!("no program: {result:?}")).clone()
}

/// Nothing takes as long as this.
pub async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// What an execution told until its standard output ended with `text`.
pub async fn printed(execution: &mut Execution, text: &str) -> String {
    let mut all = String::new();
    while !all.ends_with(text) {
        match timely(execution.next()).await {
            Some(ExecutionEvent::Output { stream: OutputStream::Stdout, data }) => {
                all.push_str(std::str::from_utf8(&data).unwrap());
            }
            Some(ExecutionEvent::Started) => {}
            other => panic!("{other:?} instead of {text:?}, after {all:?}"),
        }
    }
    all
}

/// Asks again until the answer is as it should be, so long and no longer.
pub async fn until<T: std::fmt::Debug>(
    time: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> T,
    as_it_should_be: impl Fn(&T) -> bool,
) -> T {
    let begin = Instant::now();
    loop {
        let answer = ask().await;
        if as_it_should_be(&answer) {
            return answer;
        }
        assert!(begin.elapsed() < time, "not within {time:?}: {what}; it is {answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
