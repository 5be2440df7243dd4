//! `[server]`: where `codebeaker serve` listens, whom it lets in, and how much it gives.

use super::document::{Item, Reader};
use super::table;

/// What its variables begin with.
const PREFIX: &str = "CODEBEAKER_SERVER_";

/// What a person may set of the server; absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonSettings {
    /// Where it listens: `127.0.0.1:5039`.
    pub listen: Option<String>,
    /// The file with the tokens that open it, one a line.
    pub token_file: Option<String>,
    /// Its certificate chain, PEM.
    pub tls_cert: Option<String>,
    /// The certificate's key, PEM.
    pub tls_key: Option<String>,
    /// Where every request is noted.
    pub audit_log: Option<String>,
    /// Web pages that may connect.
    pub allow_origins: Vec<String>,
    /// Names it may be called by besides this machine's own.
    pub allow_hosts: Vec<String>,
    /// How long what runs may take to end when the server is stopped, in seconds.
    pub grace_seconds: Option<u64>,
    /// Connections at once.
    pub connections: Option<u64>,
    /// Sessions at once.
    pub sessions: Option<u64>,
    /// Executions at once.
    pub executions: Option<u64>,
    /// The longest message, in MB.
    pub message_mb: Option<u64>,
    /// Requests of one connection that wait for their answers.
    pub in_flight: Option<u64>,
    /// Output kept of each execution for those who follow it, in kB.
    pub output_kb: Option<u64>,
    /// After how many minutes without a word a connection is closed.
    pub idle_minutes: Option<u64>,
    /// Requests a second of one connection.
    pub connection_rate: Option<u64>,
    /// Requests a second of one token.
    pub token_rate: Option<u64>,
    /// Jobs that may wait.
    pub jobs: Option<u64>,
    /// Jobs at once.
    pub job_workers: Option<u64>,
    /// How long a job's outcome is kept, in minutes.
    pub job_kept_minutes: Option<u64>,
}

impl DaemonSettings {
    fn texts(&mut self) -> [(&'static str, &mut Option<String>); 5] {
        [
            ("listen", &mut self.listen),
            ("token_file", &mut self.token_file),
            ("tls_cert", &mut self.tls_cert),
            ("tls_key", &mut self.tls_key),
            ("audit_log", &mut self.audit_log),
        ]
    }

    fn lists(&mut self) -> [(&'static str, &mut Vec<String>); 2] {
        [("allow_origins", &mut self.allow_origins), ("allow_hosts", &mut self.allow_hosts)]
    }

    fn numbers(&mut self) -> [(&'static str, &mut Option<u64>); 13] {
        [
            ("grace_seconds", &mut self.grace_seconds),
            ("connections", &mut self.connections),
            ("sessions", &mut self.sessions),
            ("executions", &mut self.executions),
            ("message_mb", &mut self.message_mb),
            ("in_flight", &mut self.in_flight),
            ("output_kb", &mut self.output_kb),
            ("idle_minutes", &mut self.idle_minutes),
            ("connection_rate", &mut self.connection_rate),
            ("token_rate", &mut self.token_rate),
            ("jobs", &mut self.jobs),
            ("job_workers", &mut self.job_workers),
            ("job_kept_minutes", &mut self.job_kept_minutes),
        ]
    }

    fn known(&mut self) -> String {
        let texts = self.texts().map(|(key, _)| key);
        let lists = self.lists().map(|(key, _)| key);
        let numbers = self.numbers().map(|(key, _)| key);
        [&texts[..], &lists[..], &numbers[..]].concat().join(", ")
    }

    /// Takes one key of the table. Of what keeps people out, something that can't be read is no reason to let them in.
    pub(super) fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        if let Some((_, place)) = self.texts().into_iter().find(|(key, _)| *key == item.key) {
            *place = Some(reader.string(item).unwrap_or_default());
        } else if let Some((_, place)) = self.lists().into_iter().find(|(key, _)| *key == item.key) {
            *place = reader.strings(item).unwrap_or_default();
        } else if let Some((_, place)) = self.numbers().into_iter().find(|(key, _)| *key == item.key) {
            *place = reader.number(item).or(*place);
        } else {
            let known = self.known();
            reader.warn(item.at, format!("unknown key `{}` in [server]: there are {known}", item.key));
        }
    }

    /// Lets the variables win: `CODEBEAKER_SERVER_` and the key in capitals; lists have commas.
    pub(super) fn overlay(&mut self, given: impl Fn(&str) -> Option<String>, warn: impl FnMut(&str, String)) {
        table::overlay_texts(PREFIX, self.texts(), &given);
        table::overlay_lists(PREFIX, self.lists(), &given);
        table::overlay_numbers(PREFIX, self.numbers(), &given, warn);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    #[test]
    fn the_server_is_set_by_its_table_and_by_variables() {
        let text = "[server]\nlisten = \"[::1]:1\"\nallow_origins = [\"https://a\", \"https://b\"]\nsessions = 3\n\
                    in_flight = \"many\"\nport = 1\n";
        let (mut settings, warnings) = Settings::parse("config.toml", text);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[1].to_string().contains("unknown key `port` in [server]"));
        let warnings = settings.overlay(|name| {
            let value = match name {
                "CODEBEAKER_SERVER_SESSIONS" => "4",
                "CODEBEAKER_SERVER_JOBS" => "some",
                "CODEBEAKER_SERVER_ALLOW_HOSTS" => "a.local, b.local",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let server = settings.server;
        assert_eq!(
            (server.listen.as_deref(), server.sessions, server.in_flight),
            (Some("[::1]:1"), Some(4), None)
        );
        assert_eq!(server.allow_origins, ["https://a", "https://b"]);
        assert_eq!(server.allow_hosts, ["a.local", "b.local"]);
    }

    #[test]
    fn a_token_file_that_can_not_be_read_is_not_none() {
        let (settings, warnings) = Settings::parse("config.toml", "[server]\ntoken_file = 3\n");
        assert_eq!((settings.server.token_file.as_deref(), warnings.len()), (Some(""), 1));
    }
}
