//! What an engine has on a Docker Engine beside its containers, made when the first of them needs it: the volume with the
//! agent's program, where containers are entered by one, and the network of sessions that asked for one.

use bollard::errors::Error;
use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::RemoveVolumeOptions;
use tokio::sync::Mutex;

use super::attach;
use super::client::{Client, status, words};
use super::images::{Image, engine_failed};
use super::owner::Owner;
use crate::protocol::Failure;

/// Podman's own network: it knows no other way of parting containers.
const COMMON: &str = "bridge";

/// What is ours on an Engine, each with the Engine it is on.
pub struct Lent {
    instance: String,
    /// What both are called.
    name: String,
    volume: Mutex<Option<Client>>,
    network: Mutex<Option<Client>>,
}

impl Lent {
    /// Nothing yet.
    pub fn new(instance: &str) -> Self {
        let name = format!("codebeaker-{instance}");
        Self { instance: instance.to_owned(), name, volume: Mutex::default(), network: Mutex::default() }
    }

    /// The volume that holds the agent's program; `image` is any that is there.
    pub async fn volume(&self, client: &Client, owner: &Owner, image: &Image) -> Result<String, Failure> {
        let mut volume = self.volume.lock().await;
        if volume.is_none() {
            let labels = owner.labels(&self.instance, "agent");
            let made = attach::make_volume(client, &self.name, image, labels).await;
            made.map_err(|e| engine_failed("a volume for the agent can't be made", &e))?;
            *volume = Some(client.clone());
        }
        Ok(self.name.clone())
    }

    /// A network in which containers don't reach each other.
    pub async fn network(&self, client: &Client, owner: &Owner) -> Result<String, Failure> {
        if client.podman {
            return Ok(COMMON.to_owned());
        }
        let mut network = self.network.lock().await;
        if network.is_none() {
            // Between containers of the same network; others are parted by the Engine itself.
            let apart = [("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned())];
            let request = NetworkCreateRequest {
                name: self.name.clone(),
                driver: Some("bridge".into()),
                options: Some(apart.into()),
                labels: Some(owner.labels(&self.instance, "network")),
                ..NetworkCreateRequest::default()
            };
            let made = client.api.create_network(request).await;
            made.map_err(|e| engine_failed("a network can't be made", &e))?;
            *network = Some(client.clone());
        }
        Ok(self.name.clone())
    }

    /// Removes both, when no container has them any more.
    pub async fn give_back(&self) {
        let told = |what: &str, result: Result<(), Error>| match result {
            Err(e) if status(&e) != Some(404) => {
                tracing::warn!("the {what} {} is left to the next engine: {}", self.name, words(&e));
            }
            _ => {}
        };
        if let Some(client) = self.volume.lock().await.take() {
            told("volume", client.api.remove_volume(&self.name, None::<RemoveVolumeOptions>).await);
        }
        if let Some(client) = self.network.lock().await.take() {
            told("network", client.api.remove_network(&self.name).await);
        }
    }
}
