//! The Engine as it is spoken to: connected, asked for its version, and what its errors mean to people.

use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker as Api};

use super::place::{self, Place, Surroundings};
use crate::protocol::{ErrorKind, Failure};

/// How long an answer may take, with all that is in it.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// The same of the head of one that goes on for longer, in seconds: a build, a pull.
const HEAD_TIME: u64 = 60;
/// How long it may take until somebody who listens opens.
const KNOCK_TIME: Duration = Duration::from_secs(2);
/// How long an Engine may take to say who it is.
const GREETING_TIME: Duration = Duration::from_secs(5);

/// An Engine that answers.
#[derive(Clone, Debug)]
pub struct Client {
    /// The way to it.
    pub api: Api,
    /// Where it is.
    pub place: Place,
    /// Its name and version: `20.10.24`, `Podman 4.3.1`.
    pub version: String,
    /// Its kernel and architecture, as it tells them.
    pub machine: String,
    /// Containers run as a user of the host's who is not root, in a user namespace.
    pub podman: bool,
}

/// Why there is no Engine, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// In one sentence.
    pub reason: String,
    /// What to do.
    pub fix: String,
}

impl From<Unreachable> for Failure {
    fn from(unreachable: Unreachable) -> Self {
        let Unreachable { reason, fix } = unreachable;
        Self::new(ErrorKind::NoRuntime, format!("Docker is not available: {reason}"), fix)
    }
}

/// Connects to the Engine that the surroundings name.
pub async fn connect(setting: Option<&str>) -> Result<Client, Unreachable> {
    let place = find(setting).map_err(|reason| Unreachable {
        reason,
        fix: "docker context use default, or set DOCKER_HOST".into(),
    })?;
    if let Some(socket) = place.socket() {
        knock(socket).await.map_err(|e| no_socket(socket, &place, &e))?;
    }
    let failed = |e: &Error| Unreachable {
        reason: format!("the Engine at {} ({}) does not answer: {}", place.url, place.told_by, words(e)),
        fix: format!("check that it runs, and that {} is right", place.told_by),
    };
    let api = open(&place).map_err(|e| failed(&e))?;
    let greeting = async {
        let api = api.negotiate_version().await?;
        let version = api.version().await?;
        Ok::<_, Error>((api, version))
    };
    let (api, version) = match tokio::time::timeout(GREETING_TIME, greeting).await {
        Ok(Ok(told)) => told,
        Ok(Err(e)) => return Err(failed(&e)),
        Err(_) => return Err(failed(&Error::RequestTimeoutError)),
    };
    let component =
        |name: &str| version.components.iter().flatten().any(|component| component.name.starts_with(name));
    let podman = component("Podman");
    let number = version.version.clone().unwrap_or_default();
    if version.os.as_deref().is_some_and(|os| os != "linux") {
        return Err(Unreachable {
            reason: format!("its containers are for {}", version.os.unwrap_or_default()),
            fix: "switch it to Linux containers".into(),
        });
    }
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    Ok(Client {
        version: if podman { format!("Podman {number}") } else { number },
        machine: format!("{} {}", text(&version.kernel_version), text(&version.arch)),
        podman,
        api,
        place,
    })
}

/// Where the Engine is.
pub fn find(setting: Option<&str>) -> Result<Place, String> {
    use rustix::fs::{Access, access};
    place::find(&Surroundings {
        setting,
        var: &|name| std::env::var(name).ok(),
        usable: &|path| access(path, Access::WRITE_OK).is_ok(),
        exists: &Path::exists,
    })
}

fn open(place: &Place) -> Result<Api, Error> {
    let url = place.url.as_str();
    if let Some(directory) = &place.certificates {
        // Whoever was first has the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = |name: &str| directory.join(name);
        let (key, certificate, authority) = (file("key.pem"), file("cert.pem"), file("ca.pem"));
        return Api::connect_with_ssl(url, &key, &certificate, &authority, HEAD_TIME, API_DEFAULT_VERSION);
    }
    if url.starts_with("unix://") {
        Api::connect_with_unix(url, HEAD_TIME, API_DEFAULT_VERSION)
    } else if url.starts_with("ssh://") {
        Api::connect_with_ssh(url, HEAD_TIME, API_DEFAULT_VERSION, None)
    } else if url.starts_with("tcp://") || url.starts_with("http://") {
        Api::connect_with_http(url, HEAD_TIME, API_DEFAULT_VERSION)
    } else {
        let reason = format!("{url:?} is none of unix://PATH, tcp://HOST:PORT and ssh://USER@HOST");
        Err(Error::DockerStreamError { error: reason })
    }
}

/// Whether somebody listens: the system's word is clearer than that of an HTTP client. One who lets others wait in front
/// of the door doesn't.
pub async fn knock(socket: &Path) -> std::io::Result<()> {
    let opened = tokio::time::timeout(KNOCK_TIME, tokio::net::UnixStream::connect(socket)).await;
    opened.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map(drop)
}

/// A whole answer of the Engine's, or that it takes too long: the client itself waits without end for the rest of one
/// that has begun.
pub async fn answered<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(ANSWER_TIME, answer).await.unwrap_or(Err(Error::RequestTimeoutError))
}

/// The same of what an Engine has at hand.
pub async fn answered_soon<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(GREETING_TIME, answer).await.unwrap_or(Err(Error::RequestTimeoutError))
}

fn no_socket(socket: &Path, place: &Place, error: &std::io::Error) -> Unreachable {
    use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    let path = socket.display();
    let usual = place.told_by == "the usual place";
    let (reason, fix) = match error.kind() {
        NotFound if usual => (
            format!("no Docker Engine is here: there is no {path}"),
            "install Docker Engine or Podman, and start it".to_owned(),
        ),
        NotFound => (
            format!("there is no {path}, which {} names", place.told_by),
            "start the Engine, or correct what names it".to_owned(),
        ),
        PermissionDenied => (
            format!("permission denied on {path}"),
            "add yourself to the group docker (sudo usermod -aG docker $USER), then log in again".to_owned(),
        ),
        ConnectionRefused if !usual => (
            format!("nobody listens on {path}, which {} names", place.told_by),
            "start the Engine, or correct what names it".to_owned(),
        ),
        ConnectionRefused => (
            format!("the Docker Engine does not run: nobody listens on {path}"),
            "start it: sudo systemctl start docker".to_owned(),
        ),
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => (
            format!("the Engine at {path} does not answer"),
            "check that it runs: it takes no more connections".to_owned(),
        ),
        _ => (format!("{path} can't be used: {error}"), "check that the Docker Engine runs".to_owned()),
    };
    Unreachable { reason, fix }
}

/// An error of the Engine's in its own words, without the client's.
pub fn words(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        Error::RequestTimeoutError => "it takes too long to answer".into(),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(inner) = source {
                // The innermost says it best, if it says anything.
                text = Some(inner.to_string()).filter(|inner| !inner.is_empty()).unwrap_or(text);
                source = inner.source();
            }
            text
        }
    }
}

/// The number by which an Engine says what kind of error it is.
pub fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(kind: std::io::ErrorKind, told_by: &str) -> Unreachable {
        let place = Place { url: "unix:///d.sock".into(), told_by: told_by.into(), certificates: None };
        no_socket(Path::new("/d.sock"), &place, &kind.into())
    }

    #[test]
    fn what_keeps_from_an_engine_is_told_with_what_helps() {
        use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
        assert!(why(NotFound, "the usual place").fix.starts_with("install Docker Engine or Podman"));
        assert!(why(NotFound, "DOCKER_HOST").reason.ends_with("/d.sock, which DOCKER_HOST names"));
        assert!(why(PermissionDenied, "the usual place").fix.contains("usermod -aG docker"));
        assert!(why(ConnectionRefused, "the usual place").fix.contains("systemctl start docker"));
    }
}
