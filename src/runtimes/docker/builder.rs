//! What an Engine says while it builds or pulls, as people are told it.

use std::collections::{BTreeMap, VecDeque};

use bollard::models::BuildInfo;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::client::words;
use super::images::{Recipe, tell};
use crate::protocol::{ErrorKind, Failure, Progress, RuntimeType};

/// The longest line of a builder's that is passed on, in characters.
const MAX_WORDS: usize = 200;
/// Lines of a failed build that are told.
const TOLD: usize = 12;

/// Bytes of layers that are being downloaded.
#[derive(Default)]
pub struct Layers(BTreeMap<String, (u64, u64)>);

impl Layers {
    /// Takes a step in; gives the bytes so far and in all, where it was one of a download.
    pub fn take(
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
pub struct Told<'a> {
    recipe: Recipe,
    /// The base that was named, if one was.
    base: Option<&'a str>,
    progress: &'a mpsc::Sender<Progress>,
    step: u32,
    steps: u32,
    layers: Layers,
    /// The last lines, for the case that it fails.
    lines: VecDeque<String>,
}

impl<'a> Told<'a> {
    pub fn new(recipe: Recipe, base: Option<&'a str>, progress: &'a mpsc::Sender<Progress>) -> Self {
        let steps = recipe.steps();
        Self { recipe, base, progress, step: 1, steps, layers: Layers::default(), lines: Default::default() }
    }

    /// Follows a build to its end. Error: it failed, with what was said last.
    pub async fn follow(
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
    use crate::protocol::Language;

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
