//! npm's configuration as npm reads it: variables named `npm_config_*`, the user's and the global npmrc. Knows
//! nothing of the network; runs no program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settings::Environment;
use super::{Settings, executable_on_path};

/// npm's settings, the stronger sources first.
#[derive(Default)]
pub(super) struct NpmConfig {
    layers: Vec<Layer>,
}

struct Layer {
    origin: String,
    values: BTreeMap<String, String>,
}

/// A setting and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting<'a> {
    pub(super) value: &'a str,
    pub(super) origin: &'a str,
}

impl NpmConfig {
    /// Reads the environment, then the files that it and the home directory name. Files that are absent or can't be
    /// read are passed over, as npm does.
    pub(super) fn read(settings: &Settings) -> Self {
        let environment = &settings.environment;
        let mut config = Self::default();
        config.layers.push(Layer { origin: "the environment".into(), values: from_variables(environment) });

        let home = environment.home();
        let user = match config.get("userconfig") {
            Some(file) => Some(expand_home(file.value, home)),
            None => home.map(|home| home.join(".npmrc")),
        };
        config.add_file(user, environment);

        let global = match config.get("globalconfig") {
            Some(file) => Some(expand_home(file.value, home)),
            None => config.prefix(settings).map(|prefix| prefix.join("etc/npmrc")),
        };
        config.add_file(global, environment);
        config
    }

    /// The strongest value of a key; empty ones and npm's `null` and `undefined` count as absent.
    pub(super) fn get(&self, key: &str) -> Option<Setting<'_>> {
        self.layers.iter().find_map(|layer| {
            let value = layer.values.get(key)?.as_str();
            (!matches!(value, "" | "null" | "undefined")).then_some(Setting { value, origin: &layer.origin })
        })
    }

    /// The registry for a package scope: its own wherever it stands, else the general one.
    pub(super) fn registry(&self, scope: &str) -> Option<Setting<'_>> {
        self.get(&format!("{scope}:registry")).or_else(|| self.get("registry"))
    }

    /// npm's installation prefix, below which the global npmrc lies.
    fn prefix(&self, settings: &Settings) -> Option<PathBuf> {
        if let Some(prefix) = self.get("prefix") {
            return Some(expand_home(prefix.value, settings.environment.home()));
        }
        if let Some(prefix) = settings.environment.text("PREFIX") {
            return Some(prefix.into());
        }
        let node = executable_on_path("node", settings.search_path.as_deref())?.canonicalize().ok()?;
        Some(node.parent()?.parent()?.to_path_buf())
    }

    fn add_file(&mut self, file: Option<PathBuf>, environment: &Environment) {
        let Some(file) = file else { return };
        // npm warns of an unreadable file and goes on; there is nothing to be had from it either way
        let Ok(text) = std::fs::read_to_string(&file) else { return };
        self.layers.push(Layer { origin: file.display().to_string(), values: from_ini(&text, environment) });
    }

    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        let values = from_ini(text, &Environment::default());
        Self { layers: vec![Layer { origin: "test".into(), values }] }
    }
}

/// `npm_config_FOO_BAR` in any case is `foo-bar`; keys that begin with `//` stay as they are.
fn from_variables(environment: &Environment) -> BTreeMap<String, String> {
    const PREFIX: &str = "npm_config_";
    let mut values = BTreeMap::new();
    for (name, value) in environment.iter() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        let Some(key) = name.get(PREFIX.len()..) else { continue };
        if value.is_empty() || !name[..PREFIX.len()].eq_ignore_ascii_case(PREFIX) {
            continue;
        }
        if key.starts_with("//") {
            values.insert(key.to_owned(), value.to_owned());
        } else if let Some(first) = key.chars().next() {
            // the first character keeps its underscore, as in `_auth`
            let (head, tail) = key.split_at(first.len_utf8());
            values.insert(format!("{head}{}", tail.replace('_', "-")).to_lowercase(), value.to_owned());
        }
    }
    values
}

/// The lines of an npmrc before its first section; `${NAME}` becomes the variable's value, in keys too.
fn from_ini(text: &str, environment: &Environment) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if line.starts_with('[') {
            break;
        }
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        let key = expand_variables(&plain(key), environment);
        values.insert(key, expand_variables(&plain(value), environment));
    }
    values
}

/// An ini value without its quotes; unquoted, a comment begins at a `;` or `#` that no backslash precedes.
fn plain(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner.to_owned();
        }
    }
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            ';' | '#' => break,
            '\\' => match characters.next() {
                Some(escaped @ (';' | '#' | '\\')) => plain.push(escaped),
                Some(other) => plain.extend(['\\', other]),
                None => plain.push('\\'),
            },
            other => plain.push(other),
        }
    }
    plain.trim().to_owned()
}

/// `${NAME}` by its variable; left as it is where there is none, and empty for `${NAME?}`.
fn expand_variables(text: &str, environment: &Environment) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        expanded.push_str(&rest[..start]);
        let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
        match environment.var(name).and_then(|value| value.to_str()) {
            Some(value) => expanded.push_str(value),
            None if optional => {}
            None => expanded.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    expanded.push_str(rest);
    expanded
}

/// A path setting; `~/` is the home directory.
pub(super) fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_npmrc_is_read_as_npm_reads_it() {
        let environment = Environment::new([("TOKEN", "s3cret"), ("EMPTY", "")], None);
        let values = from_ini(
            "; comment\n# another\n\nregistry = https://one.example/ ; trailing\n  quoted=\"a;b\"\nescaped=a\\;b\n\
             //one.example/:_authToken=${TOKEN}\nunknown=${NOPE}\noptional=a${NOPE?}b\npadded=abc==\nflag\n\
             [section]\nregistry=https://two.example/\n",
            &environment,
        );
        let get = |key: &str| values.get(key).map(String::as_str);
        assert_eq!(get("registry"), Some("https://one.example/"));
        assert_eq!(get("quoted"), Some("a;b"));
        assert_eq!(get("escaped"), Some("a;b"));
        assert_eq!(get("//one.example/:_authToken"), Some("s3cret"));
        assert_eq!(get("unknown"), Some("${NOPE}"));
        assert_eq!(get("optional"), Some("ab"));
        assert_eq!(get("padded"), Some("abc=="));
        assert_eq!(get("flag"), Some("true"));
    }

    #[test]
    fn variables_are_read_in_any_case() {
        let environment = Environment::new(
            [
                ("NPM_CONFIG_REGISTRY", "https://one.example/"),
                ("npm_config_https_proxy", "http://proxy.example:3128"),
                ("Npm_Config__auth", "abc"),
                ("npm_config_//one.example/:_authToken", "s3cret"),
                ("npm_config_@deno:registry", "https://deno.example/"),
                ("npm_config_empty", ""),
                ("npm_confi", "short"),
            ],
            None,
        );
        let values = from_variables(&environment);
        let get = |key: &str| values.get(key).map(String::as_str);
        assert_eq!(get("registry"), Some("https://one.example/"));
        assert_eq!(get("https-proxy"), Some("http://proxy.example:3128"));
        assert_eq!(get("_auth"), Some("abc"));
        assert_eq!(get("//one.example/:_authToken"), Some("s3cret"));
        assert_eq!(get("@deno:registry"), Some("https://deno.example/"));
        assert_eq!(values.len(), 5);
    }
}
