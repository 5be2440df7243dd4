//! What a test puts on the Engine itself: it is gone with its guard, also when the test fails.

use std::collections::HashMap;

use bollard::Docker as Api;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, ImportImageOptionsBuilder,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// A thing on the Engine, removed when this is dropped.
pub struct Made {
    api: Api,
    pub name: String,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Image,
    Container,
    Volume,
}

impl Made {
    /// An image by this Dockerfile, without a network.
    pub async fn built(api: &Api, text: &str) -> Self {
        let made = Self::image(api);
        let options = BuildImageOptionsBuilder::default()
            .t(&made.name)
            .rm(true)
            .forcerm(true)
            .networkmode("none")
            .build();
        let body = bollard::body_full(archive(&[("Dockerfile", text.as_bytes())]));
        let mut steps = api.build_image(options, None, Some(body));
        while let Some(step) = steps.next().await {
            let step = step.unwrap();
            assert!(step.error_detail.is_none(), "{step:?}");
        }
        made
    }

    /// An image of these files alone, with these instructions.
    pub async fn imported(api: &Api, files: &[(&str, &[u8])], changes: Vec<String>) -> Self {
        Self::imported_as(api, Self::image(api), files, changes).await
    }

    /// The same, called like those that engines try containers with.
    pub async fn selftest(api: &Api, owner: &str) -> Self {
        let mut made = Self::image(api);
        made.name = format!("codebeaker-selftest:{}", uuid::Uuid::new_v4().simple());
        let label = format!("LABEL codebeaker.owner={owner} codebeaker.role=selftest-image");
        Self::imported_as(api, made, &[("lonely", b"here\n")], vec![label]).await
    }

    async fn imported_as(api: &Api, made: Self, files: &[(&str, &[u8])], changes: Vec<String>) -> Self {
        let (repo, tag) = made.name.split_once(':').unwrap();
        let options =
            CreateImageOptionsBuilder::default().from_src("-").repo(repo).tag(tag).changes(changes).build();
        let mut steps = api.create_image(Some(options), Some(bollard::body_full(archive(files))), None);
        while let Some(step) = steps.next().await {
            step.unwrap();
        }
        made
    }

    /// An image of these files alone, on an Engine that is gone with its test: its name.
    pub async fn imported_on(api: &Api, files: &[(&str, &[u8])], name: &str) -> String {
        let (repo, tag) = name.split_once(':').unwrap();
        let options = CreateImageOptionsBuilder::default().from_src("-").repo(repo).tag(tag).build();
        let mut steps = api.create_image(Some(options), Some(bollard::body_full(archive(files))), None);
        while let Some(step) = steps.next().await {
            step.unwrap();
        }
        name.to_owned()
    }

    /// An image with nothing in it, for this architecture.
    pub async fn loaded(api: &Api, architecture: &str) -> Self {
        let made = Self::image(api);
        let layer = archive(&[("lonely", b"here\n")]);
        let sum: String = Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect();
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{sum}")] },
        });
        let manifest = json!([{ "Config": "config.json", "RepoTags": [made.name], "Layers": ["layer.tar"] }]);
        let (config, manifest) = (config.to_string(), manifest.to_string());
        let files: [(&str, &[u8]); 3] = [
            ("config.json", config.as_bytes()),
            ("manifest.json", manifest.as_bytes()),
            ("layer.tar", &layer),
        ];
        let options = ImportImageOptionsBuilder::default().build();
        let mut steps = api.import_image(options, bollard::body_full(archive(&files)), None);
        while let Some(step) = steps.next().await {
            assert!(step.as_ref().is_ok_and(|step| step.error_detail.is_none()), "{step:?}");
        }
        made
    }

    fn image(api: &Api) -> Self {
        let tag = uuid::Uuid::new_v4().simple().to_string();
        Self { api: api.clone(), name: format!("codebeaker-test-made:{tag}"), what: What::Image }
    }

    /// A container that was never started.
    pub async fn container(api: &Api, image: &str, labels: HashMap<String, String>) -> Self {
        let body = bollard::models::ContainerCreateBody {
            image: Some(image.to_owned()),
            labels: Some(labels),
            ..Default::default()
        };
        let name = api.create_container(None, body).await.unwrap().id;
        Self { api: api.clone(), name, what: What::Container }
    }

    pub async fn volume(api: &Api, labels: HashMap<String, String>) -> Self {
        let name = format!("codebeaker-test-{}", uuid::Uuid::new_v4().simple());
        let request = bollard::models::VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels),
            ..Default::default()
        };
        api.create_volume(request).await.unwrap();
        Self { api: api.clone(), name, what: What::Volume }
    }

    /// Whether it is on the Engine.
    pub async fn is_there(&self) -> bool {
        match self.what {
            What::Image => self.api.inspect_image(&self.name).await.is_ok(),
            What::Container => self.api.inspect_container(&self.name, None).await.is_ok(),
            What::Volume => self.api.inspect_volume(&self.name).await.is_ok(),
        }
    }

    async fn remove(api: Api, what: What, name: String) {
        // What is gone already is as it should be.
        match what {
            What::Image => {
                // While a container of it runs it would stay, without its name: of a test that has failed.
                let filters = [("ancestor".to_owned(), vec![name.clone()])].into();
                let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
                for container in api.list_containers(Some(options)).await.unwrap_or_default() {
                    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
                    let _ = api.remove_container(&container.id.unwrap_or_default(), Some(options)).await;
                }
                let options = RemoveImageOptionsBuilder::default().force(true).build();
                let _ = api.remove_image(&name, Some(options), None).await;
            }
            What::Container => {
                let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
                let _ = api.remove_container(&name, Some(options)).await;
            }
            What::Volume => {
                let options = RemoveVolumeOptionsBuilder::default().force(true).build();
                let _ = api.remove_volume(&name, Some(options)).await;
            }
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let (name, what) = (self.name.clone(), self.what);
        // A thread and a connection of its own: the test's runtime may be on its way out.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                if let Ok(api) = Api::connect_with_local_defaults() {
                    Self::remove(api, what, name).await;
                }
            });
        });
        let _ = removing.join();
    }
}

/// A tar archive of these files; a name that ends with a slash is a directory.
pub fn archive(files: &[(&str, &[u8])]) -> Bytes {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        if name.ends_with('/') {
            header.set_entry_type(tar::EntryType::Directory);
        }
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap().into()
}
