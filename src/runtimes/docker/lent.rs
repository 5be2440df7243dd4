//! What an engine has on a Docker Engine beside its containers, made when the first of them needs it: the volume with the
//! agent's program, where containers are entered by one, and the network of sessions that asked for one.

use bollard::errors::Error;
use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::{InspectNetworkOptions, RemoveVolumeOptions};
use tokio::sync::Mutex;

use super::attach;
use super::client::{Client, answered, status, words};
use super::images::{Image, engine_failed};
use super::owner::Owner;
use crate::protocol::Failure;

/// Podman's own network: it knows no other way of parting containers.
const COMMON: &str = "bridge";

/// What is ours on Engines.
pub struct Lent {
    instance: String,
    /// What both are called.
    name: String,
    /// The Engines that were asked to make a volume, whatever came of it.
    volumes: Mutex<Vec<Client>>,
    networks: Mutex<Vec<Client>>,
}

impl Lent {
    /// Nothing yet.
    pub fn new(instance: &str) -> Self {
        let name = format!("codebeaker-{instance}");
        Self { instance: instance.to_owned(), name, volumes: Mutex::default(), networks: Mutex::default() }
    }

    /// The volume that holds the agent's program; `image` is any that is there.
    pub async fn volume(&self, client: &Client, owner: &Owner, image: &Image) -> Result<String, Failure> {
        let mut volumes = self.volumes.lock().await;
        // It may have been removed by somebody who clears up.
        if !asked(&volumes, client) || answered(client.api.inspect_volume(&self.name)).await.is_err() {
            // Also where the answer is lost it is to be given back.
            volumes.push(client.clone());
            let labels = owner.labels(&self.instance, "agent");
            let made = attach::make_volume(client, &self.name, image, labels).await;
            made.map_err(|e| engine_failed("a volume for the agent can't be made", &e))?;
        }
        Ok(self.name.clone())
    }

    /// A network in which containers don't reach each other.
    pub async fn network(&self, client: &Client, owner: &Owner) -> Result<String, Failure> {
        if client.podman {
            return Ok(COMMON.to_owned());
        }
        let mut networks = self.networks.lock().await;
        let there = client.api.inspect_network(&self.name, None::<InspectNetworkOptions>);
        if !asked(&networks, client) || answered(there).await.is_err() {
            networks.push(client.clone());
            // Between containers of the same network; others are parted by the Engine itself.
            let apart = [("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned())];
            let request = NetworkCreateRequest {
                name: self.name.clone(),
                driver: Some("bridge".into()),
                options: Some(apart.into()),
                labels: Some(owner.labels(&self.instance, "network")),
                ..NetworkCreateRequest::default()
            };
            let made = answered(client.api.create_network(request)).await;
            made.map_err(|e| engine_failed("a network can't be made", &e))?;
        }
        Ok(self.name.clone())
    }

    /// Removes the network, unless a session has it: what only tried it needs it no more.
    pub async fn give_back_network(&self) {
        let mut networks = self.networks.lock().await;
        let mut kept = Vec::new();
        for client in networks.drain(..) {
            match answered(client.api.remove_network(&self.name)).await {
                Err(e) if status(&e) != Some(404) => kept.push(client),
                _ => {}
            }
        }
        *networks = kept;
    }

    /// Removes them, when no container has them any more.
    pub async fn give_back(&self) {
        let told = |what: &str, result: Result<(), Error>| match result {
            Err(e) if status(&e) != Some(404) => {
                tracing::warn!("the {what} {} is left to the next engine: {}", self.name, words(&e));
            }
            _ => {}
        };
        for client in self.volumes.lock().await.drain(..) {
            let removed = answered(client.api.remove_volume(&self.name, None::<RemoveVolumeOptions>)).await;
            told("volume", removed);
        }
        for client in self.networks.lock().await.drain(..) {
            told("network", answered(client.api.remove_network(&self.name)).await);
        }
    }
}

fn asked(engines: &[Client], client: &Client) -> bool {
    engines.iter().any(|engine| engine.place == client.place)
}
