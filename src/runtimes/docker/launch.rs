//! Making containers, and removing them: each is begun by a task of ours, so that whoever stops waiting for one leaves
//! none behind, and removed by another, so that nobody waits for that.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use uuid::Uuid;

use super::attach;
use super::client::{Client, answered, status, words};
use super::container::{self, Entrance, HELPERS, Order, next_user};
use super::gate::{self, Gates};
use super::images::{Image, engine_failed};
use super::lent::Lent;
use super::meter::ContainerMeter;
use super::owner::Owner;
use super::witness::EngineWitness;
use crate::agent::wire::{Confinement, Watch};
use crate::agent::{self, Agent, AgentError};
use crate::engine::Meter;
use crate::protocol::{ErrorKind, Failure};
use crate::runtimes::filters;
use crate::runtimes::limits::Limits;
use crate::runtimes::refusal::NotLaunched;
use crate::sandbox::{Filter, Tier};

/// How long an agent may take to come out of a container that was started: the machine may have much to do.
const ENTER_TIME: Duration = Duration::from_secs(30);
/// How often a removal is tried where the Engine does not answer, and the longest pause in between.
const REMOVAL_TRIES: u32 = 12;
const REMOVAL_PAUSE: Duration = Duration::from_secs(5);
/// How long the end of everything may take.
const END_TIME: Duration = Duration::from_secs(10);

/// How containers are entered on an Engine, as trying has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Way {
    /// Through a directory of this machine's; otherwise through a volume and the standard streams.
    pub directory: bool,
    /// Programs are held by Landlock, too.
    pub landlock: bool,
    /// The Engine bounds memory and processes; otherwise the agent watches them.
    pub counted: bool,
    /// The Engine bounds processor time; otherwise nobody does.
    pub cpus: bool,
}

/// What a container is wanted for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub image: Image,
    pub limits: Limits,
    pub network: bool,
    pub way: Way,
    /// `session`, or what else.
    pub role: &'static str,
}

/// A container with an agent that answers. Dropped, it is removed.
pub struct Container {
    /// The host's end of the pipe to its agent.
    pub agent: Agent,
    /// What this machine counts of it.
    pub meter: Option<Arc<dyn Meter>>,
    /// What removes it.
    pub removal: Removal,
}

/// Makes the containers of one engine.
pub struct Launcher {
    /// What is ours on this machine is below it.
    state: PathBuf,
    /// Nothing is known of the machine that containers run on, even if it is this one.
    elsewhere: bool,
    pub owner: Owner,
    pub instance: String,
    gates: Mutex<Option<Arc<Gates>>>,
    /// What there is on the Engine beside containers.
    pub lent: Lent,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

impl Launcher {
    /// For an engine whose state is kept in `state`.
    pub fn new(state: PathBuf, elsewhere: bool) -> Self {
        let instance = Uuid::new_v4().simple().to_string()[..12].to_owned();
        Self {
            state,
            elsewhere,
            owner: Owner::ourselves(),
            lent: Lent::new(&instance),
            instance,
            gates: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Makes and starts a container, and greets its agent. Whoever stops waiting for it gets none.
    pub async fn launch(self: &Arc<Self>, client: &Client, wanted: Wanted) -> Result<Container, NotLaunched> {
        if self.stop.is_cancelled() {
            let failure = Failure::new(ErrorKind::Cancelled, "the engine is shutting down", "start it again");
            return Err(failure.into());
        }
        // Broken off between the request and its answer, a container would be made that nobody knows of.
        let (launcher, client) = (self.clone(), client.clone());
        let (hand_over, made) = oneshot::channel();
        self.tasks.spawn(async move {
            // What nobody takes any more is dropped in here: the end waits for this task, and so for what removes it.
            drop(hand_over.send(launcher.make(&client, &wanted).await));
        });
        made.await.unwrap_or_else(|_| Err(Failure::internal("a launch broke off").into()))
    }

    async fn make(self: &Arc<Self>, client: &Client, wanted: &Wanted) -> Result<Container, NotLaunched> {
        if agent::PROGRAM.is_empty() {
            return Err(Failure::new(
                ErrorKind::NoRuntime,
                "this build of CodeBeaker has no agent for containers",
                "use one that was built on Linux, or attach to a server there",
            )
            .into());
        }
        let labels = self.owner.labels(&self.instance, wanted.role);
        let network = match wanted.network {
            true => self.lent.network(client, &self.owner).await?,
            false => "none".to_owned(),
        };
        let user = next_user();
        let order = |entrance| Order {
            image: &wanted.image,
            entrance,
            limits: &wanted.limits,
            network: &network,
            user,
            labels: labels.clone(),
            way: wanted.way,
            podman: client.podman,
        };
        let (removal, stream) = if wanted.way.directory {
            let gate = self.gates().and_then(|gates| gates.gate(user)).map_err(|e| no_directory(&e))?;
            let body = order(Entrance::Directory(gate.directory())).body();
            let removal = self.create(client, body).await?;
            self.start(client, &removal).await?;
            let entered = tokio::time::timeout(ENTER_TIME, gate.accept());
            let stream = tokio::select! {
                entered = entered => match entered {
                    Ok(Ok(stream)) => stream,
                    Ok(Err(e)) => return Err(unreached(&e.to_string(), false)),
                    Err(_) => return Err(unreached("it does not answer", false)),
                },
                // Its socket can't be reached from where it is, or not be executed.
                reason = removal.ended_early() => return Err(unreached(&reason, true)),
            };
            (removal, stream)
        } else {
            let volume = self.lent.volume(client, &self.owner, &wanted.image).await?;
            let body = order(Entrance::Volume(&volume)).body();
            let removal = self.create(client, body).await?;
            let (ours, theirs) =
                tokio::net::UnixStream::pair().map_err(|e| Failure::internal(format!("no stream: {e}")))?;
            let attached = attach::attach(client, &removal.name, theirs).await;
            let attached = attached.map_err(|e| engine_failed("a container can't be attached to", &e))?;
            // Where the other end takes nothing any more, it ends with the engine at least.
            self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(attached));
            self.start(client, &removal).await?;
            (removal, ours)
        };
        let confinement = confinement(wanted).map_err(|e| unreached(&e.to_string(), false))?;
        // Meanwhile this machine is asked where the container is counted.
        let (agent, inspected) = tokio::join!(
            Agent::connect_within(stream, b"/workspace", confinement, ENTER_TIME),
            answered(client.api.inspect_container(&removal.name, None)),
        );
        // What it says itself is what it can't put on; that it is gone or silent says nothing of that.
        let agent = agent.map_err(|e| unreached(&e.to_string(), matches!(e, AgentError::Refused { .. })))?;
        let process = inspected.ok().and_then(|inspected| Some((inspected.state?.pid?, inspected.id?)));
        let process = process.filter(|_| !self.elsewhere);
        let meter = process.and_then(|(pid, id)| ContainerMeter::of_process(pid, &id));
        Ok(Container { agent, meter: meter.map(|meter| Arc::new(meter) as Arc<dyn Meter>), removal })
    }

    async fn create(
        self: &Arc<Self>,
        client: &Client,
        body: ContainerCreateBody,
    ) -> Result<Removal, NotLaunched> {
        let name = format!("codebeaker-{}", &Uuid::new_v4().simple().to_string()[..12]);
        let image = body.image.clone().unwrap_or_default();
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        match answered(client.api.create_container(Some(options), body)).await {
            Ok(_) => Ok(self.removal(client, name)),
            Err(e) if status(&e) == Some(404) => Err(Failure::new(
                ErrorKind::NoRuntime,
                format!("the image {image} is not here any more"),
                "codebeaker setup docker builds it",
            )
            .into()),
            Err(e) => {
                // It may be there all the same: its answer was lost, say.
                drop(self.removal(client, name));
                // A directory that the Engine does not see is one of the things that are told here.
                let refused = is_refusal(&e);
                Err(NotLaunched { failure: engine_failed("a container can't be made", &e), refused })
            }
        }
    }

    fn removal(self: &Arc<Self>, client: &Client, name: String) -> Removal {
        Removal { launcher: self.clone(), client: client.clone(), name, _token: self.tasks.token() }
    }

    async fn start(&self, client: &Client, removal: &Removal) -> Result<(), NotLaunched> {
        answered(client.api.start_container(&removal.name, None)).await.map_err(|e| NotLaunched {
            refused: is_refusal(&e),
            failure: engine_failed("a container can't be started", &e),
        })
    }

    /// Removes the directories that processes which are gone have left on this machine.
    pub fn clear_up(&self) {
        gate::reap(&self.state, &self.owner);
    }

    fn gates(&self) -> std::io::Result<Arc<Gates>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gates) = &*gates {
            return Ok(gates.clone());
        }
        let made = Arc::new(Gates::open(&self.state, &self.owner, &self.instance)?);
        Ok(gates.insert(made).clone())
    }

    /// Ends everything: waits, not for ever, until no container of ours is left.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        let ended = async {
            self.tasks.wait().await;
            self.lent.give_back().await;
        };
        if tokio::time::timeout(END_TIME, ended).await.is_err() {
            tracing::warn!("the Docker Engine is slow: what is left on it is left to the next engine");
        }
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Removes a container, in the background, when it is dropped.
pub struct Removal {
    launcher: Arc<Launcher>,
    client: Client,
    /// The container's name.
    pub name: String,
    /// Shutting down waits for it, whoever holds the container, until its removal is a task of its own.
    _token: TaskTrackerToken,
}

impl Removal {
    /// Who can tell why the container has ended.
    pub fn witness(&self) -> EngineWitness {
        EngineWitness::new(self.client.clone(), self.name.clone())
    }

    /// Waits until the container has ended by itself; gives why as far as that is known.
    pub async fn ended_early(&self) -> String {
        use bollard::query_parameters::WaitContainerOptionsBuilder;
        use futures_util::StreamExt;
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let ended = self.client.api.wait_container(&self.name, Some(options)).next().await;
        match ended {
            Some(Ok(end)) => format!("it ended at once, with code {}", end.status_code),
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => {
                format!("it ended at once, with code {code}")
            }
            Some(Err(e)) => words(&e),
            None => "it ended at once".into(),
        }
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        let Ok(tokio) = tokio::runtime::Handle::try_current() else {
            // Its agent ends with its stream all the same, and then the Engine removes it.
            return;
        };
        let removing = remove(self.client.clone(), std::mem::take(&mut self.name));
        self.launcher.tasks.spawn_on(removing, &tokio);
    }
}

/// Removes a container, whatever state it is in. While the Engine does not answer it is tried again: it may be starting.
pub async fn remove(client: Client, name: String) {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let mut pause = Duration::from_millis(50);
    for _ in 0..REMOVAL_TRIES {
        match answered(client.api.remove_container(&name, Some(options.clone()))).await {
            Ok(()) => return,
            Err(e) => match status(&e) {
                // Gone; or going: the Engine removes by itself what has ended.
                Some(404) => return,
                Some(409) => {}
                _ => tracing::debug!("container {name} can't be removed yet: {}", words(&e)),
            },
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(REMOVAL_PAUSE);
    }
    tracing::warn!("container {name} is left to the next engine: it can't be removed");
}

/// What the agent puts on itself and on each program.
fn confinement(wanted: &Wanted) -> std::io::Result<Confinement> {
    let Limits { memory_bytes, processes, open_files, .. } = wanted.limits;
    let Way { directory, landlock, counted, .. } = wanted.way;
    let filter = Filter {
        tier: Tier::Namespaces,
        network: wanted.network,
        own_users: true,
        counted,
        // It has a network of its own either way: nobody outside shares its abstract sockets.
        scoped: true,
    };
    let own = ["/workspace", "/tmp", "/dev"].map(str::to_owned);
    let declared = container::declared(&wanted.image);
    let unless = |known: bool, limit: u64| if known { 0 } else { limit };
    Ok(Confinement {
        open_files,
        landlock,
        write: own.into_iter().chain(declared).map(String::into_bytes).collect(),
        filters: filters::built(filter)?,
        expendable: true,
        watch: Watch {
            memory_bytes: unless(counted, memory_bytes),
            processes: unless(counted, processes.saturating_add(HELPERS)),
            own_file_system: true,
            own_group: counted && !directory,
            ..Watch::default()
        },
        ..Confinement::default()
    })
}

fn no_directory(error: &std::io::Error) -> Failure {
    let message = format!("a directory for a container can't be made: {error}");
    Failure::new(ErrorKind::Internal, message, "free some space, or set XDG_STATE_HOME to another place")
}

/// Whether an Engine has refused a container for what it is, and would do so again: its disk is not full, and it does not
/// just start or end.
fn is_refusal(error: &bollard::errors::Error) -> bool {
    let passing = ["no space left", "disk quota exceeded", "cannot allocate memory", "context canceled"];
    let words = words(error).to_lowercase();
    status(error).is_some() && !passing.iter().any(|reason| words.contains(reason))
}

fn unreached(reason: &str, refused: bool) -> NotLaunched {
    let message = format!("the agent in the container can't be reached: {reason}");
    NotLaunched { failure: Failure::new(ErrorKind::Internal, message, "see codebeaker doctor"), refused }
}
