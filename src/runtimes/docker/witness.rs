//! Why a container has ended, as the Engine has seen it: its own list of what happened outlives the container.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;

use super::client::{Client, knock, words};
use crate::engine::Witness;

/// How much later than its stream a container's end may be seen.
const SOON: Duration = Duration::from_millis(300);

/// Asks the Engine.
pub struct EngineWitness {
    client: Client,
    name: String,
    /// The time since 1970 before which nothing happened to the container.
    since: Duration,
}

impl EngineWitness {
    /// For the container of this name, which has just begun.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name, since: now() }
    }
}

#[async_trait]
impl Witness for EngineWitness {
    async fn why_gone(&self) -> Option<String> {
        if let Some(socket) = self.client.place.socket()
            && let Err(e) = knock(socket).await
        {
            return Some(format!("its container has ended, and the Docker Engine is gone: {e}"));
        }
        let filters = HashMap::from([("container".to_owned(), vec![self.name.clone()])]);
        // Until soon: the Engine may be slower to see the end than we were, and would go on telling for ever.
        let (since, until) = (stamp(self.since), stamp(now() + SOON));
        let options = EventsOptionsBuilder::default().since(&since).until(&until).filters(&filters).build();
        let events: Vec<_> = self.client.api.events(Some(options)).collect().await;
        let mut seen = Vec::new();
        for event in events {
            match event {
                Ok(event) => seen.push(event),
                Err(e) => {
                    return Some(format!(
                        "its container has ended, and the Engine can't tell why: {}",
                        words(&e)
                    ));
                }
            }
        }
        reason(&seen)
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A time as the Engine takes it.
fn stamp(time: Duration) -> String {
    format!("{}.{:09}", time.as_secs(), time.subsec_nanos())
}

/// The reason that is in these.
fn reason(events: &[EventMessage]) -> Option<String> {
    let find = |action: &str| events.iter().find(|e| e.action.as_deref() == Some(action));
    let attribute =
        |event: &EventMessage, name: &str| event.actor.as_ref()?.attributes.as_ref()?.get(name).cloned();
    if let Some(kill) = find("kill") {
        let signal =
            attribute(kill, "signal").map_or_else(String::new, |signal| format!(" (signal {signal})"));
        return Some(format!("its container was killed from outside{signal}"));
    }
    let die = find("die")?;
    // A program that was killed for that may have been long ago, but nobody else has ended it.
    if find("oom").is_some() {
        return Some("its container ran out of memory".into());
    }
    let code = attribute(die, "exitCode").map_or_else(String::new, |code| format!(", with code {code}"));
    Some(format!("its container has ended{code}"))
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    fn event(action: &str, attributes: &[(&str, &str)]) -> EventMessage {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let actor = EventActor { attributes: Some(attributes.collect()), ..EventActor::default() };
        EventMessage { action: Some(action.into()), actor: Some(actor), ..EventMessage::default() }
    }

    #[test]
    fn the_cause_comes_before_the_end() {
        let die = event("die", &[("exitCode", "137")]);
        let told = |events: &[EventMessage]| reason(events).unwrap_or_default();
        assert_eq!(told(std::slice::from_ref(&die)), "its container has ended, with code 137");
        let killed = [event("kill", &[("signal", "9")]), die.clone()];
        assert_eq!(told(&killed), "its container was killed from outside (signal 9)");
        assert_eq!(told(&[event("oom", &[]), die]), "its container ran out of memory");
        assert_eq!(told(&[event("start", &[])]), "");
    }
}
