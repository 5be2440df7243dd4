//! Where an Engine is: what the settings, `DOCKER_HOST`, the docker context or the usual sockets say.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Where an Engine is, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `unix:///run/docker.sock`, `tcp://host:2376`, `ssh://user@host`.
    pub url: String,
    /// Who says so, for people.
    pub told_by: String,
    /// A directory with `ca.pem`, `cert.pem` and `key.pem`, where it is spoken to through TLS.
    pub certificates: Option<PathBuf>,
}

impl Place {
    /// The socket, if it is one of this machine.
    pub fn socket(&self) -> Option<&Path> {
        self.url.strip_prefix("unix://").map(Path::new)
    }
}

/// What is asked of the surroundings.
pub struct Surroundings<'a> {
    /// The setting, which comes before everything.
    pub setting: Option<&'a str>,
    /// A variable.
    pub var: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a socket is there and may be used.
    pub usable: &'a dyn Fn(&Path) -> bool,
    /// Whether it is there.
    pub exists: &'a dyn Fn(&Path) -> bool,
}

/// Finds the place. Error: what names one is broken, in one sentence.
pub fn find(around: &Surroundings<'_>) -> Result<Place, String> {
    let var = |name: &str| (around.var)(name).filter(|value| !value.is_empty());
    let home = var("HOME").map(PathBuf::from);
    let config = var("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".docker")));
    let place = |url: String, told_by: &str| {
        let verified = var("DOCKER_TLS_VERIFY").is_some() && url.starts_with("tcp://");
        let certificates = var("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| config.clone());
        let certificates = certificates.filter(|_| verified);
        Place { url, told_by: told_by.to_owned(), certificates }
    };
    if let Some(url) = around.setting.filter(|url| !url.is_empty()) {
        return Ok(place(url.to_owned(), "the setting [docker] host"));
    }
    if let Some(url) = var("DOCKER_HOST") {
        return Ok(place(url, "DOCKER_HOST"));
    }
    if let Some(config) = &config
        && let Some(context) = var("DOCKER_CONTEXT").or_else(|| current_context(config))
        && context != "default"
    {
        return of_context(config, &context);
    }
    let sockets = usual(home.as_deref(), var("XDG_RUNTIME_DIR").as_deref());
    let usable = sockets.iter().find(|path| (around.usable)(path));
    let there = || sockets.iter().find(|path| (around.exists)(path));
    let socket = usable.or_else(there).or(sockets.first()).cloned().unwrap_or_default();
    Ok(place(format!("unix://{}", socket.display()), "the usual place"))
}

/// The sockets of Docker, of Docker that needs no root, of Docker Desktop, and of Podman.
fn usual(home: Option<&Path>, runtime: Option<&str>) -> Vec<PathBuf> {
    let runtime = runtime.map(Path::new);
    let mut all = vec![PathBuf::from("/var/run/docker.sock")];
    all.extend(runtime.map(|dir| dir.join("docker.sock")));
    all.extend(home.map(|home| home.join(".docker/desktop/docker.sock")));
    all.extend(home.map(|home| home.join(".docker/run/docker.sock")));
    all.extend(runtime.map(|dir| dir.join("podman/podman.sock")));
    all.push("/run/podman/podman.sock".into());
    all
}

fn current_context(config: &Path) -> Option<String> {
    let text = std::fs::read(config.join("config.json")).ok()?;
    let json: Value = serde_json::from_slice(&text).ok()?;
    json.get("currentContext")?.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn of_context(config: &Path, name: &str) -> Result<Place, String> {
    let id: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = config.join("contexts/meta").join(&id).join("meta.json");
    let text =
        std::fs::read(&file).map_err(|_| format!("the docker context {name} has no {}", file.display()))?;
    let json: Value =
        serde_json::from_slice(&text).map_err(|e| format!("{} can't be read: {e}", file.display()))?;
    let url = json.pointer("/Endpoints/docker/Host").and_then(Value::as_str);
    let url = url.ok_or_else(|| format!("the docker context {name} names no host"))?;
    let certificates = Some(config.join("contexts/tls").join(&id).join("docker"));
    Ok(Place {
        url: url.to_owned(),
        told_by: format!("the docker context {name}"),
        certificates: certificates.filter(|dir| dir.is_dir()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(setting: Option<&str>, vars: &[(&str, &str)], there: &[&str], usable: &[&str]) -> Place {
        let var =
            |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let has = |list: &[&str], path: &Path| list.iter().any(|known| Path::new(known) == path);
        let around = Surroundings {
            setting,
            var: &var,
            usable: &|path| has(usable, path),
            exists: &|path| has(there, path),
        };
        find(&around).unwrap()
    }

    #[test]
    fn who_is_nearer_wins() {
        let var = [("DOCKER_HOST", "tcp://far:2375"), ("HOME", "/nowhere")];
        assert_eq!(found(Some("unix:///mine"), &var, &[], &[]).url, "unix:///mine");
        assert_eq!(found(None, &var, &[], &[]).url, "tcp://far:2375");
        assert_eq!(found(None, &var, &[], &[]).certificates, None);
        assert_eq!(found(None, &[], &[], &[]).url, "unix:///var/run/docker.sock");
        let verified = [("DOCKER_HOST", "tcp://far:2376"), ("DOCKER_TLS_VERIFY", "1"), ("HOME", "/h")];
        assert_eq!(found(None, &verified, &[], &[]).certificates, Some("/h/.docker".into()));
    }

    #[test]
    fn a_socket_that_may_be_used_comes_before_one_that_may_not() {
        let (docker, podman) = ("/var/run/docker.sock", "/run/user/7/podman/podman.sock");
        let var = [("XDG_RUNTIME_DIR", "/run/user/7")];
        assert_eq!(found(None, &var, &[docker, podman], &[podman]).socket(), Some(Path::new(podman)));
        assert_eq!(found(None, &var, &[docker, podman], &[]).socket(), Some(Path::new(docker)));
        assert_eq!(found(None, &var, &[podman], &[]).socket(), Some(Path::new(podman)));
    }

    #[test]
    fn the_context_that_is_in_use_is_found_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path();
        // The directory is called after the sum of the name.
        let id: String = Sha256::digest(b"lab").iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(config.join("config.json"), r#"{"currentContext":"lab"}"#).unwrap();
        let var = [("DOCKER_CONFIG", config.to_str().unwrap())];
        let vars = |name: &str| var.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let around = Surroundings { setting: None, var: &vars, usable: &|_| false, exists: &|_| false };
        assert!(find(&around).unwrap_err().contains("the docker context lab has no"));
        let meta = config.join("contexts/meta").join(&id);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(meta.join("meta.json"), r#"{"Endpoints":{"docker":{"Host":"ssh://me@lab"}}}"#)
            .unwrap();
        let place = find(&around).unwrap();
        assert_eq!((place.url.as_str(), place.certificates), ("ssh://me@lab", None));
        assert_eq!(place.told_by, "the docker context lab");
    }
}
