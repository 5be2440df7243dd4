//! `[docker]`: where the Docker Engine is, what our images are built on, and how many containers stand ready.

use super::document::{Item, Reader};
use super::table;

/// What its variables begin with.
const PREFIX: &str = "CODEBEAKER_DOCKER_";

/// What a person may set of Docker; absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerSettings {
    /// Where the Engine is: `unix:///run/docker.sock`, `tcp://host:2376`, `ssh://user@host`.
    pub host: Option<String>,
    /// The image that ours are built on.
    pub base: Option<String>,
    /// With fewer ready containers of a kind than this, more are made.
    pub pool_low: Option<u64>,
    /// So many are then ready; 0 turns that off.
    pub pool_high: Option<u64>,
    /// The most memory that ready containers may take, in MB.
    pub pool_memory_mb: Option<u64>,
}

impl ContainerSettings {
    fn texts(&mut self) -> [(&'static str, &mut Option<String>); 2] {
        [("host", &mut self.host), ("base", &mut self.base)]
    }

    fn numbers(&mut self) -> [(&'static str, &mut Option<u64>); 3] {
        [
            ("pool_low", &mut self.pool_low),
            ("pool_high", &mut self.pool_high),
            ("pool_memory_mb", &mut self.pool_memory_mb),
        ]
    }

    /// Takes one key of the table.
    pub(super) fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        if let Some((_, place)) = self.texts().into_iter().find(|(key, _)| *key == item.key) {
            *place = reader.string(item);
        } else if let Some((_, place)) = self.numbers().into_iter().find(|(key, _)| *key == item.key) {
            *place = reader.number(item);
        } else {
            let known = "host, base, pool_low, pool_high, pool_memory_mb";
            reader.warn(item.at, format!("unknown key `{}` in [docker]: there are {known}", item.key));
        }
    }

    /// Lets the variables win: `CODEBEAKER_DOCKER_` and the key in capitals.
    pub(super) fn overlay(&mut self, given: impl Fn(&str) -> Option<String>, warn: impl FnMut(&str, String)) {
        table::overlay_texts(PREFIX, self.texts(), &given);
        table::overlay_numbers(PREFIX, self.numbers(), &given, warn);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    #[test]
    fn docker_is_set_by_its_table_and_by_variables() {
        let text = "[docker]\nhost = \"tcp://far:2375\"\nbase = \"debian:12\"\npool_low = 3\npool_high = 0\npool = 1\n";
        let (mut settings, warnings) = Settings::parse("config.toml", text);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].to_string().contains("unknown key `pool` in [docker]"));
        let warnings = settings.overlay(|name| {
            let value = match name {
                "CODEBEAKER_DOCKER_POOL_LOW" => "some",
                "CODEBEAKER_DOCKER_POOL_MEMORY_MB" => "64",
                "CODEBEAKER_DOCKER_HOST" => "unix:///d.sock",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let docker = settings.docker;
        assert_eq!(
            (docker.host.as_deref(), docker.base.as_deref()),
            (Some("unix:///d.sock"), Some("debian:12"))
        );
        assert_eq!((docker.pool_low, docker.pool_high, docker.pool_memory_mb), (Some(3), Some(0), Some(64)));
    }
}
