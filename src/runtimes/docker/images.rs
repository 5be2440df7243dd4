//! Images: which one a language has, what is in it, and how it is built or pulled.

use std::collections::BTreeMap;

use bollard::models::{BuildInfo, ImageInspect};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::client::{Client, answered_soon, status, words};
use crate::protocol::{ErrorKind, Failure, Language, Progress, RuntimeType};

/// The label with the sum of the recipe that an image was built by.
const RECIPE: &str = "codebeaker.recipe";
/// The longest line of a builder's that is passed on, in characters.
const MAX_WORDS: usize = 200;
/// How often the removal of an image is tried that a container has, and the pause in between.
const REMOVAL_TRIES: u32 = 10;
const REMOVAL_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);
/// Lines of a failed build that are told.
const TOLD: usize = 12;

/// An image that we build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The image's name, without a tag.
    pub name: &'static str,
    /// What is run in it. JavaScript's may run TypeScript, too.
    pub language: Language,
    /// Its Dockerfile.
    pub text: &'static str,
}

/// All of them.
pub const RECIPES: [Recipe; 4] = [
    Recipe {
        name: "codebeaker-python",
        language: Language::Python,
        text: include_str!("../../../docker/python/Dockerfile"),
    },
    Recipe {
        name: "codebeaker-nodejs",
        language: Language::JavaScript,
        text: include_str!("../../../docker/nodejs/Dockerfile"),
    },
    Recipe {
        name: "codebeaker-golang",
        language: Language::Go,
        text: include_str!("../../../docker/golang/Dockerfile"),
    },
    Recipe {
        name: "codebeaker-dotnet",
        language: Language::CSharp,
        text: include_str!("../../../docker/dotnet/Dockerfile"),
    },
];

impl Recipe {
    /// The one for a language.
    pub fn of(language: Language) -> Self {
        let wanted = if language == Language::TypeScript { Language::JavaScript } else { language };
        // Every language has one.
        RECIPES.into_iter().find(|recipe| recipe.language == wanted).unwrap_or(RECIPES[0])
    }

    /// The image's name with its tag.
    pub fn tag(&self) -> String {
        format!("{}:latest", self.name)
    }

    /// Tells two recipes apart.
    pub fn sum(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The image that it builds on where no other is named.
    fn base(&self) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix("ARG BASE=")).unwrap_or_default()
    }

    /// How many steps its builder counts.
    fn steps(&self) -> u32 {
        let instruction = |line: &&str| {
            let first = line.split_whitespace().next().unwrap_or_default();
            ["FROM", "RUN", "ARG", "ENV", "LABEL", "WORKDIR", "USER", "CMD", "SHELL", "ENTRYPOINT"]
                .contains(&first)
        };
        u32::try_from(self.text.lines().filter(instruction).count()).unwrap_or(u32::MAX).max(1)
    }
}

/// An image that is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its name by its content.
    pub id: String,
    /// The variables it sets.
    pub variables: BTreeMap<String, String>,
    /// The volumes it declares.
    pub volumes: Vec<String>,
    /// What it is for: `amd64`.
    pub architecture: String,
    /// The recipe that it was built by, if that was one of ours.
    pub recipe: Option<String>,
}

impl From<ImageInspect> for Image {
    fn from(inspect: ImageInspect) -> Self {
        let config = inspect.config.unwrap_or_default();
        let variables = config.env.unwrap_or_default();
        let variables = variables.iter().filter_map(|v| v.split_once('='));
        Self {
            id: inspect.id.unwrap_or_default(),
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            volumes: config.volumes.unwrap_or_default(),
            architecture: inspect.architecture.unwrap_or_default(),
            recipe: config.labels.and_then(|mut labels| labels.remove(RECIPE)),
        }
    }
}

/// Whether this can be the name of an image: it goes into an address of the Engine's, and must lead to nothing else.
pub fn check(name: &str) -> Result<(), Failure> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let parts = || name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    if name.len() < 512 && name.chars().all(known) && parts() {
        return Ok(());
    }
    let message = format!("{name:?} is no name of an image");
    Err(Failure::new(ErrorKind::InvalidParams, message, "name one as docker images lists it"))
}

/// The image that somebody has named; `None`: it is not here.
pub async fn named(client: &Client, name: &str) -> Result<Option<Image>, Failure> {
    check(name)?;
    find(client, name).await
}

/// The image of this name; `None`: it is not here.
pub async fn find(client: &Client, name: &str) -> Result<Option<Image>, Failure> {
    match answered_soon(client.api.inspect_image(name)).await {
        Ok(inspect) => Ok(Some(inspect.into())),
        Err(e) if status(&e) == Some(404) => Ok(None),
        Err(e) => Err(engine_failed(&format!("the image {name} can't be looked at"), &e)),
    }
}

/// Builds an image by its recipe, from `base` if that is given. Dropped, it ends the build.
pub async fn build(
    client: &Client,
    recipe: Recipe,
    base: Option<&str>,
    progress: &mpsc::Sender<Progress>,
) -> Result<(), Failure> {
    let arguments = base.map(|base| ("BASE".to_owned(), base.to_owned()));
    let labels = [(RECIPE.to_owned(), recipe.sum())];
    let options = BuildImageOptionsBuilder::default()
        .t(&recipe.tag())
        .rm(true)
        .forcerm(true)
        .buildargs(&arguments.into_iter().collect())
        .labels(&labels.into())
        .build();
    let context = context(recipe.text)
        .map_err(|e| Failure::internal(format!("the context of {} can't be packed: {e}", recipe.name)))?;
    let before = find(client, &recipe.tag()).await?;
    let mut told = Told::new(recipe, base, progress);
    let body = bollard::body_full(Bytes::from(context));
    told.follow(client.api.build_image(options, None, Some(body))).await?;
    let Some(built) = find(client, &recipe.tag()).await? else {
        return Err(Failure::internal(format!("{} was built, but is not there", recipe.name)));
    };
    if let Some(before) = before.filter(|before| before.id != built.id) {
        remove_if_nameless(client, &before.id).await;
    }
    Ok(())
}

/// Removes an image that has no name any more. Asked to remove one by its id, the Engine would take a last name away.
async fn remove_if_nameless(client: &Client, id: &str) {
    let named = answered_soon(client.api.inspect_image(id)).await;
    if named.is_ok_and(|image| image.repo_tags.unwrap_or_default().is_empty()) {
        let options = RemoveImageOptionsBuilder::default().build();
        for _ in 0..REMOVAL_TRIES {
            match answered_soon(client.api.remove_image(id, Some(options.clone()), None)).await {
                // A container that was asked for its version may be on its way out; one that somebody has keeps it.
                Err(e) if status(&e) == Some(409) => tokio::time::sleep(REMOVAL_PAUSE).await,
                _ => return,
            }
        }
    }
}

/// Pulls an image by its name. Dropped, it ends the pull.
pub async fn pull(client: &Client, name: &str, progress: &mpsc::Sender<Progress>) -> Result<(), Failure> {
    let named = if name.contains('@') || name.rsplit('/').next().is_some_and(|last| last.contains(':')) {
        name.to_owned()
    } else {
        format!("{name}:latest")
    };
    let options = CreateImageOptionsBuilder::default().from_image(&named).build();
    let mut layers = Layers::default();
    let mut steps = client.api.create_image(Some(options), None, None);
    let failed = |reason: &str| {
        let message = format!("the image {name} can't be pulled: {reason}");
        Failure::new(ErrorKind::NoRuntime, message, format!("check its name, or try docker pull {name}"))
    };
    tell(progress, Progress::Resolving { runtime: RuntimeType::Docker, from: name.to_owned() });
    while let Some(step) = steps.next().await {
        let step = step.map_err(|e| failed(&words(&e)))?;
        if let Some(message) = step.error_detail.and_then(|e| e.message) {
            return Err(failed(&message));
        }
        let detail = step.progress_detail.unwrap_or_default();
        let status = step.status.as_deref().unwrap_or_default();
        if let Some((received, total)) = layers.take(step.id.as_deref(), status, detail.current, detail.total)
        {
            let runtime = RuntimeType::Docker;
            tell(progress, Progress::Downloading { runtime, received, total: Some(total) });
        }
    }
    Ok(())
}

/// A listener that is behind misses steps, never the end: that is the answer itself.
pub fn tell(progress: &mpsc::Sender<Progress>, step: Progress) {
    let _ = progress.try_send(step);
}

/// A failure of the Engine's.
pub fn engine_failed(what: &str, error: &bollard::errors::Error) -> Failure {
    Failure::new(ErrorKind::Internal, format!("{what}: {}", words(error)), "see codebeaker doctor")
}

/// What is sent to the builder: the Dockerfile alone.
fn context(text: &str) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "Dockerfile", text.as_bytes())?;
    archive.into_inner()
}

/// Bytes of layers that are being downloaded.
#[derive(Default)]
struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    /// Takes a step in; gives the bytes so far and in all, where it was one of a download.
    fn take(
        &mut self,
        id: Option<&str>,
        status: &str,
        current: Option<i64>,
        total: Option<i64>,
    ) -> Option<(u64, u64)> {
        let layer = self.0.entry(id?.to_owned()).or_default();
        let positive = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
        match status {
            "Downloading" => {
                *layer = (positive(current)?, positive(total)?);
            }
            "Download complete" | "Pull complete" | "Already exists" => layer.0 = layer.1,
            _ => return None,
        }
        let sum = |part: fn(&(u64, u64)) -> u64| self.0.values().map(part).sum::<u64>();
        Some((sum(|l| l.0), sum(|l| l.1))).filter(|(_, total)| *total > 0)
    }
}

/// What a builder says, told on.
struct Told<'a> {
    recipe: Recipe,
    /// The base that was named, if one was.
    base: Option<&'a str>,
    progress: &'a mpsc::Sender<Progress>,
    step: u32,
    steps: u32,
    layers: Layers,
    /// The last lines, for the case that it fails.
    lines: std::collections::VecDeque<String>,
}

impl<'a> Told<'a> {
    fn new(recipe: Recipe, base: Option<&'a str>, progress: &'a mpsc::Sender<Progress>) -> Self {
        let steps = recipe.steps();
        Self { recipe, base, progress, step: 1, steps, layers: Layers::default(), lines: Default::default() }
    }

    async fn follow(
        &mut self,
        steps: impl Stream<Item = Result<BuildInfo, bollard::errors::Error>>,
    ) -> Result<(), Failure> {
        let mut steps = std::pin::pin!(steps);
        while let Some(step) = steps.next().await {
            let step = step.map_err(|e| self.failed(&words(&e)))?;
            if let Some(message) = step.error_detail.and_then(|e| e.message) {
                return Err(self.failed(&message));
            }
            for line in step.stream.iter().flat_map(|text| text.lines()) {
                self.line(line.trim());
            }
            let detail = step.progress_detail.unwrap_or_default();
            let status = step.status.unwrap_or_default();
            let layer = self.layers.take(step.id.as_deref(), &status, detail.current, detail.total);
            if let Some((received, total)) = layer {
                let mb = |bytes: u64| bytes / 1_000_000;
                self.say(&format!("pulling its base, {} of {} MB", mb(received), mb(total)));
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        if let Some(counted) = line.strip_prefix("Step ")
            && let Some((numbers, what)) = counted.split_once(" : ")
            && let Some((step, steps)) = numbers.split_once('/')
        {
            self.step = step.parse().unwrap_or(self.step);
            self.steps = steps.parse().unwrap_or(self.steps);
            return self.say(what);
        }
        // Ids of what lies in between are nobody's business.
        if line.starts_with("--->") || line.starts_with("Removing intermediate") {
            return;
        }
        if self.lines.len() == TOLD {
            self.lines.pop_front();
        }
        self.lines.push_back(line.chars().take(MAX_WORDS).collect());
        self.say(line);
    }

    fn say(&self, what: &str) {
        let Recipe { name, .. } = self.recipe;
        let what = what.chars().take(MAX_WORDS).collect();
        let (runtime, image) = (RuntimeType::Docker, name.to_owned());
        tell(self.progress, Progress::Building { runtime, image, step: self.step, steps: self.steps, what });
    }

    fn failed(&self, reason: &str) -> Failure {
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        let said = if lines.is_empty() { String::new() } else { format!("\n  {}", lines.join("\n  ")) };
        let Recipe { name, .. } = self.recipe;
        let base = self.base.unwrap_or_else(|| self.recipe.base());
        let message = format!(
            "{name} can't be built on {base}, in step {} of {}: {reason}{said}",
            self.step, self.steps
        );
        let next = match self.base {
            Some(_) => "name a base that docker images lists, or one that can be pulled",
            None => {
                "where that can't be pulled: codebeaker setup docker --base IMAGE builds on one that is here"
            }
        };
        Failure::new(ErrorKind::NoRuntime, message, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::WireName as _;

    #[test]
    fn every_language_has_a_recipe_with_a_base_that_can_be_chosen() {
        for language in Language::ALL {
            let recipe = Recipe::of(*language);
            assert!(
                recipe.text.starts_with("ARG BASE=") || recipe.text.contains("\nARG BASE="),
                "{}",
                recipe.name
            );
            assert!(recipe.text.contains("FROM ${BASE}"), "{}", recipe.name);
            assert!(recipe.steps() > 2);
        }
        assert_eq!(Recipe::of(Language::TypeScript), Recipe::of(Language::JavaScript));
    }

    #[test]
    fn a_name_leads_to_nothing_but_an_image() {
        for name in ["python", "python:3.13-slim", "localhost:5000/a/b:1", "a@sha256:0123"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "../containers", "a/../b", "a b", "a?b=c", "a%2f", "/a", "a//b", "a\n"] {
            assert!(check(name).is_err(), "{name}");
        }
    }

    #[test]
    fn bytes_of_layers_are_added_up() {
        let mut layers = Layers::default();
        assert_eq!(layers.take(Some("a"), "Pulling fs layer", None, None), None);
        assert_eq!(layers.take(Some("a"), "Downloading", Some(5), Some(10)), Some((5, 10)));
        assert_eq!(layers.take(Some("b"), "Downloading", Some(1), Some(30)), Some((6, 40)));
        assert_eq!(layers.take(Some("a"), "Download complete", None, None), Some((11, 40)));
        assert_eq!(layers.take(None, "Status: done", None, None), None);
        assert_eq!(layers.take(Some("c"), "Downloading", Some(-1), None), None);
    }

    #[tokio::test]
    async fn what_a_builder_says_is_told_and_kept_for_the_case_that_it_fails() {
        let (progress, mut told) = mpsc::channel(64);
        let says = |text: &str| Ok(BuildInfo { stream: Some(text.to_owned()), ..BuildInfo::default() });
        let end = BuildInfo {
            error_detail: Some(bollard::models::ErrorDetail {
                code: Some(1),
                message: Some("exit 1".into()),
            }),
            ..BuildInfo::default()
        };
        let steps = [says("Step 2/5 : RUN false\n"), says(" ---> 1234\n"), says("oh no\n"), Ok(end)];
        let recipe = Recipe::of(Language::Go);
        let failure =
            Told::new(recipe, None, &progress).follow(futures_util::stream::iter(steps)).await.unwrap_err();
        assert!(
            failure
                .message
                .contains("codebeaker-golang can't be built on golang:1.25, in step 2 of 5: exit 1\n  oh no")
        );
        let (runtime, image) = (RuntimeType::Docker, "codebeaker-golang".to_owned());
        let first = Progress::Building { runtime, image, step: 2, steps: 5, what: "RUN false".into() };
        assert_eq!(told.recv().await, Some(first));
    }
}
