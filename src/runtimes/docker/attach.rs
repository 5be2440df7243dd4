//! Entering a container without a directory of this machine's: on an Engine in a virtual machine or elsewhere. The
//! agent's program comes by a volume, and it is spoken to through its standard streams.

use std::collections::HashMap;
use std::future::Future;

use bollard::Docker as Api;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions, VolumeCreateRequest,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::client::{Client, answered};
use super::container::INSIDE;
use super::images::Image;
use crate::agent;

/// Bytes passed on at once.
const PIECE: usize = 64 << 10;

/// Attaches to a container that is not started yet; gives what passes its streams on to `stream` until either ends.
pub async fn attach(
    client: &Client,
    name: &str,
    stream: UnixStream,
) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
    let options = AttachContainerOptionsBuilder::default().stream(true).stdin(true).stdout(true).build();
    let AttachContainerResults { mut output, mut input } =
        answered(client.api.attach_container(name, Some(options))).await?;
    let (mut from_us, mut to_us) = stream.into_split();
    let replies = async move {
        while let Some(Ok(piece)) = output.next().await {
            if let LogOutput::StdOut { message } = piece
                && to_us.write_all(&message).await.is_err()
            {
                return;
            }
        }
    };
    let requests = async move {
        let mut buffer = vec![0; PIECE];
        loop {
            match from_us.read(&mut buffer).await {
                Ok(n) if n > 0 => {
                    if input.write_all(&buffer[..n]).await.is_err() || input.flush().await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    };
    // The end of either is the end of both: without its standard input the agent ends.
    Ok(async move {
        tokio::select! {
            () = replies => {}
            () = requests => {}
        }
    })
}

/// Makes a volume that holds the agent's program: put there through a container that is never started.
pub async fn make_volume(
    client: &Client,
    name: &str,
    image: &Image,
    labels: HashMap<String, String>,
) -> Result<(), Error> {
    let api = &client.api;
    let request =
        VolumeCreateRequest { name: Some(name.into()), labels: Some(labels.clone()), ..Default::default() };
    answered(api.create_volume(request)).await?;
    let mount = Mount {
        target: Some(INSIDE.into()),
        source: Some(name.into()),
        typ: Some(MountType::VOLUME),
        // What the image has there is not to be in it.
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    };
    let body = ContainerCreateBody {
        image: Some(image.id.clone()),
        entrypoint: Some(vec![format!("{INSIDE}/agent")]),
        labels: Some(labels),
        host_config: Some(HostConfig {
            mounts: Some(vec![mount]),
            network_mode: Some("none".into()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let id = answered(api.create_container(None, body)).await?.id;
    let filled = fill(api, &id).await;
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    let removed = answered(api.remove_container(&id, Some(options))).await;
    filled.and(removed)
}

async fn fill(api: &Api, id: &str) -> Result<(), Error> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(agent::PROGRAM.len() as u64);
    header.set_mode(0o755);
    archive.append_data(&mut header, "agent", agent::PROGRAM)?;
    let archive = archive.into_inner()?;
    let options = UploadToContainerOptionsBuilder::default().path(INSIDE).build();
    answered(api.upload_to_container(id, Some(options), bollard::body_full(Bytes::from(archive)))).await
}
