//! Images: which one a language has, what is in it, and how it is built or pulled.

use std::collections::BTreeMap;

use bollard::models::ImageInspect;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::builder::{Layers, Told};
use super::client::{Client, answered_soon, status, words};
use crate::protocol::{ErrorKind, Failure, Language, Progress, RuntimeType};

/// The label with the sum of the recipe that an image was built by.
const RECIPE: &str = "codebeaker.recipe";
/// How often the removal of an image is tried that a container has, and the pause in between.
const REMOVAL_TRIES: u32 = 10;
const REMOVAL_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

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
    pub fn base(&self) -> &'static str {
        self.text.lines().find_map(|line| line.strip_prefix("ARG BASE=")).unwrap_or_default()
    }

    /// How many steps its builder counts.
    pub fn steps(&self) -> u32 {
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
}
