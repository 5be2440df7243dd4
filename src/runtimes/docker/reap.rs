//! What processes of ours that are gone have left on an Engine: found by its labels, and removed. What belongs to one
//! that lives, or of which that can't be known, is never touched.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptions,
};

use super::client::{Client, answered, words};
use super::launch::{self, Launcher};
use super::owner::{Life, OWNER, ROLE};
use super::selftest::{IMAGE_ROLE, REPOSITORY};

/// How often it is looked for.
const EVERY: Duration = Duration::from_secs(3600);

/// Looks now and every hour, until the engine ends.
pub async fn keep_clean(launcher: Arc<Launcher>, client: Client) {
    loop {
        let here = launcher.clone();
        let clearing = tokio::task::spawn_blocking(move || here.clear_up());
        let reaped = tokio::select! {
            reaped = reap(&launcher, &client) => reaped,
            () = launcher.stop.cancelled() => return,
        };
        if let Err(e) = clearing.await {
            tracing::warn!("directories of earlier engines were not removed: {e}");
        }
        match reaped {
            Ok(0) => {}
            Ok(n) => tracing::info!("removed {n} things that earlier engines had left"),
            Err(e) => tracing::warn!("what earlier engines left can't be listed: {}", words(&e)),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = launcher.stop.cancelled() => return,
        }
    }
}

/// Removes what nobody owns any more; gives how many there were.
pub async fn reap(launcher: &Launcher, client: &Client) -> Result<usize, bollard::errors::Error> {
    let ours = HashMap::from([("label".to_owned(), vec![OWNER.to_owned()])]);
    let is_gone = |labels: Option<&HashMap<String, String>>| {
        let label = labels.and_then(|labels| labels.get(OWNER));
        label.is_some_and(|label| match launcher.owner.life(label) {
            Life::Gone => true,
            // Many machines that look alike may use an Engine that is elsewhere.
            Life::Before => client.place.socket().is_some(),
            Life::Alive | Life::Unknown => false,
        })
    };
    let api = &client.api;
    let options = ListContainersOptionsBuilder::default().all(true).filters(&ours).build();
    let mut reaped = 0;
    for container in answered(api.list_containers(Some(options))).await? {
        if let Some(id) = container.id.filter(|_| is_gone(container.labels.as_ref())) {
            launch::remove(client.clone(), id).await;
            reaped += 1;
        }
    }
    let options = ListVolumesOptionsBuilder::default().filters(&ours).build();
    for volume in answered(api.list_volumes(Some(options))).await?.volumes.unwrap_or_default() {
        if is_gone(Some(&volume.labels)) {
            reaped += usize::from(
                answered(api.remove_volume(&volume.name, None::<RemoveVolumeOptions>)).await.is_ok(),
            );
        }
    }
    let options = ListNetworksOptionsBuilder::default().filters(&ours).build();
    for network in answered(api.list_networks(Some(options))).await? {
        if let Some(id) = network.id.filter(|_| is_gone(network.labels.as_ref())) {
            reaped += usize::from(answered(api.remove_network(&id)).await.is_ok());
        }
    }
    let options = ListImagesOptionsBuilder::default().filters(&ours).build();
    for image in answered(api.list_images(Some(options))).await? {
        // Labels of a container go into what people make of it: that is theirs.
        let ours = image.labels.get(ROLE).is_some_and(|role| role == IMAGE_ROLE)
            && image.repo_tags.iter().all(|tag| tag.contains(REPOSITORY));
        if ours && is_gone(Some(&image.labels)) {
            let options = RemoveImageOptionsBuilder::default().force(true).build();
            reaped += usize::from(answered(api.remove_image(&image.id, Some(options), None)).await.is_ok());
        }
    }
    Ok(reaped)
}
