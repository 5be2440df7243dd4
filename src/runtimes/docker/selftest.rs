//! The self-test of an Engine: a container is made as for any session, and from inside it is tried to break out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{
    CreateImageOptionsBuilder, RemoveImageOptionsBuilder, WaitContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;

use super::client::{Client, answered, status, words};
use super::images::{self, Image};
use super::launch::{Container, Launcher, Wanted, Way};
use super::owner::{OWNER, ROLE};
use crate::runtimes::limits::Limits;
use crate::runtimes::selftest::{self, END_TIME, Host, Place, Seen, Subject};
use crate::sandbox::{Layer, ReportedLayer};

/// How often the removal of the image is tried, with pauses that double from 20 ms.
const REMOVAL_TRIES: u32 = 10;
/// The repository of the image, and its role.
pub const REPOSITORY: &str = "codebeaker-selftest";
pub const IMAGE_ROLE: &str = "selftest-image";
/// Layers without which a container is not what it is taken for.
const NEEDED: [Layer; 4] = [Layer::OwnRoot, Layer::OwnProcesses, Layer::OwnNetwork, Layer::Seccomp];

/// An image with nothing in it but the directories that a container needs: what is tried is the container. Dropped, it is
/// removed, in the background: that has to wait until the last container of it is gone.
pub struct Nothing {
    launcher: Arc<Launcher>,
    client: Client,
    /// What it is called; Podman takes no name here.
    name: String,
    /// It is there for certain.
    there: bool,
    /// It, as any other image.
    pub image: Image,
}

impl Nothing {
    /// Makes it.
    pub async fn make(launcher: &Arc<Launcher>, client: &Client) -> Result<Self, String> {
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(REPOSITORY)
            .tag(&launcher.instance)
            .changes(vec![format!("LABEL {OWNER}={} {ROLE}={IMAGE_ROLE}", launcher.owner.label())])
            .build();
        let body = bollard::body_full(Bytes::from(directories().map_err(|e| e.to_string())?));
        // From here on dropping it removes what there is.
        let mut nothing = Self {
            launcher: launcher.clone(),
            client: client.clone(),
            name: format!("{REPOSITORY}:{}", launcher.instance),
            there: false,
            image: Image::default(),
        };
        let importing = async {
            let mut steps = client.api.create_image(Some(options), Some(body), None);
            while let Some(step) = steps.next().await {
                let step = step?;
                // What it is called where it can't be named is said last.
                nothing.name =
                    step.status.filter(|s| s.starts_with("sha256:")).unwrap_or(nothing.name.clone());
            }
            Ok(())
        };
        let failed = |e| format!("an image to try it with can't be made: {}", words(&e));
        answered(importing).await.map_err(failed)?;
        let found = images::find(client, &nothing.name).await.map_err(|failure| failure.message)?;
        nothing.image = found.ok_or_else(|| "an image to try it with was not made".to_owned())?;
        nothing.there = true;
        Ok(nothing)
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        let Ok(tokio) = tokio::runtime::Handle::try_current() else { return };
        let (client, name, there) = (self.client.clone(), std::mem::take(&mut self.name), self.there);
        self.launcher.tasks.spawn_on(remove(client, name, there), &tokio);
    }
}

/// Removes an image; one that may be under way is tried for a while, whether it is there or not.
async fn remove(client: Client, name: String, there: bool) {
    let options = RemoveImageOptionsBuilder::default().build();
    let mut pause = Duration::from_millis(20);
    for tried in 0..REMOVAL_TRIES {
        match answered(client.api.remove_image(&name, Some(options.clone()), None)).await {
            Ok(_) => return,
            Err(e) if status(&e) == Some(404) && (there || tried > REMOVAL_TRIES / 2) => return,
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    tracing::warn!("the image {name} is left to the next engine");
}

fn directories() -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in ["dev", "etc", "proc", "sys", "tmp", "workspace"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        // Not every Engine gives what is mounted there a mode of its own.
        header.set_mode(if matches!(name, "tmp" | "workspace") { 0o1777 } else { 0o755 });
        archive.append_data(&mut header, format!("{name}/"), std::io::empty())?;
    }
    archive.into_inner()
}

/// Why a way into containers is none, in a few words.
pub struct Refusal {
    pub reason: String,
    /// It is the way's fault; otherwise something was in the way that has nothing to do with it: a full disk, say.
    pub lasting: bool,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        let lasting = reason != selftest::SILENT;
        Self { reason, lasting }
    }
}

/// Tries containers that are entered this way.
pub async fn run(
    launcher: &Arc<Launcher>,
    client: &Client,
    image: &Image,
    way: Way,
    state: Option<&Path>,
) -> Result<Vec<ReportedLayer>, Refusal> {
    let passing = |reason: String| Refusal { reason, lasting: false };
    let place = Place::make(state).map_err(|e| passing(format!("no directory to try it in: {e}")))?;
    let host = Host::listen(&place.0).map_err(|e| passing(format!("nothing to reach can be set up: {e}")))?;
    let launch = |network| {
        let spec = selftest::spec(place.0.clone(), network);
        let limits = Limits::of(&spec, true);
        let wanted = Wanted { image: image.clone(), limits, network, way, role: "selftest" };
        let launched = launcher.launch(client, wanted);
        async { launched.await.map_err(|not| Refusal { reason: not.failure.message, lasting: not.refused }) }
    };
    // Both at once: neither is to reach what the other looks for.
    let alone = async {
        let container = launch(false).await?;
        let looked = selftest::look(&subject(&container), &host).await;
        let ended = ended(client, container).await;
        looked.map(|seen| Seen { ended, ..seen }).map_err(Refusal::from)
    };
    let networked = async {
        let container = launch(true).await?;
        selftest::look_beyond_network(&subject(&container), &host).await.map_err(Refusal::from)
    };
    let (seen, beyond) = tokio::join!(alone, networked);
    let mut seen = seen?;
    beyond.map_err(|r| Refusal { reason: format!("given the network, {}", r.reason), ..r })?;
    seen.reached |= host.was_reached();
    if !seen.workspace_works {
        return Err("its own workspace can't be written".to_owned().into());
    }
    // With a network of its own there is nothing in sockets to be kept from.
    let wanted = Layer::ALL.into_iter().filter(|layer| *layer != Layer::NoSockets);
    let layers: Vec<ReportedLayer> = wanted
        .map(|layer| match seen.holds(layer, true) {
            Ok(()) => ReportedLayer { layer, active: true, detail: detail(layer).into() },
            Err(reason) => ReportedLayer { layer, active: false, detail: why(layer, way, reason) },
        })
        .collect();
    match layers.iter().find(|l| NEEDED.contains(&l.layer) && !l.active) {
        Some(missing) => Err(format!("{} does not hold: {}", missing.layer.name(), missing.detail).into()),
        None => Ok(layers),
    }
}

fn subject(container: &Container) -> Subject<'_> {
    Subject {
        agent: &container.agent,
        own_root: true,
        workspace: "/workspace".into(),
        meter: container.meter.as_ref(),
        outsider: None,
    }
}

/// Closes the stream; false: the container has not ended by that alone in time.
async fn ended(client: &Client, container: Container) -> bool {
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    let mut end = client.api.wait_container(&container.removal.name, Some(options));
    container.agent.close();
    // Whatever comes is its end: also that there is no such container any more.
    tokio::time::timeout(END_TIME, end.next()).await.is_ok()
}

/// What there is to be known of a layer that holds.
fn detail(layer: Layer) -> &'static str {
    match layer {
        Layer::OwnRoot => "the image, read-only; only /workspace and /tmp can be written",
        Layer::OwnProcesses => "it sees and signals no others, and all end with the first",
        Layer::OwnNetwork => "only its own loopback",
        Layer::UnprivilegedUser => "a user that nobody else has, without capabilities",
        Layer::ControlGroup => "memory with swap, processes and processor time as a whole",
        Layer::StorageQuota => "bytes and files of /workspace, /tmp and /dev/shm",
        Layer::ResourceLimits => "open files, file size, core dumps; time where it is asked for",
        Layer::Supervisor => "ends what programs leave behind",
        Layer::Lifeline => "ends the container when CodeBeaker is killed",
        Layer::Landlock => "nothing is written but in /workspace, /tmp and /dev",
        Layer::SignalScope => "none reaches its agent or supervisors",
        Layer::Seccomp => "the Engine's own, and ours on top: AF_VSOCK, io_uring, keys, namespaces and more",
        Layer::NoNewPrivileges | Layer::NoSockets | Layer::CleanEnvironment => "",
    }
}

/// Why a layer does not hold.
fn why(layer: Layer, way: Way, seen: String) -> String {
    match layer {
        Layer::Landlock | Layer::SignalScope if !way.landlock => {
            "the Engine's own filter, or its kernel, does not allow Landlock".into()
        }
        Layer::ControlGroup if !way.counted => "the Engine can't bound memory and processes here".into(),
        _ => seen,
    }
}
