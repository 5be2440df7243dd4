//! `codebeaker keys`: the keymap as it is in the end, with what took whose key.

use std::process::ExitCode;

use serde_json::json;

use crate::tui::{KeyRow, key_rows};

use super::args;
use super::exit::{self, Problem};
use super::surroundings::Surroundings;

/// Prints every command with its keys and where they hold.
pub fn keys(args: args::Keys) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let (rows, warnings) = key_rows(&surroundings.settings);
    for warning in &warnings {
        exit::say(warning);
    }
    let text = match args.json {
        true => format!("{:#}\n", serde_json::Value::from_iter(rows.iter().map(object))),
        false => table(&rows),
    };
    exit::print(&text).map(|()| ExitCode::SUCCESS)
}

fn object(row: &KeyRow) -> serde_json::Value {
    let shadowed = row.shadowed.iter().map(|(key, by)| json!({ "key": key, "by": by }));
    json!({
        "id": row.id,
        "title": row.title,
        "place": row.place,
        "keys": row.keys,
        "shadowed": serde_json::Value::from_iter(shadowed),
        "butIn": serde_json::Value::from_iter(row.but_in.iter().map(|(key, panes)| json!({ "key": key, "panes": panes }))),
    })
}

fn table(rows: &[KeyRow]) -> String {
    let keys = |row: &KeyRow| match row.keys.is_empty() {
        true => "-".to_owned(),
        false => row.keys.join(", "),
    };
    let longest = |of: &dyn Fn(&KeyRow) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let id = longest(&|row| row.id.len());
    let place = longest(&|row| row.place.len());
    let key = longest(&|row| keys(row).chars().count());
    let mut out = String::new();
    for row in rows {
        let line = format!("{:id$}  {:place$}  {:key$}  {}", row.id, row.place, keys(row), row.title);
        out.push_str(line.trim_end());
        for (lost, by) in &row.shadowed {
            out.push_str(&format!("  (shadowed: {lost} is {by}'s)"));
        }
        for (key, panes) in &row.but_in {
            out.push_str(&format!("  ({key} not in {})", panes.join(", ")));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn a_shadowed_key_is_marked() {
        let mut settings = Settings::default();
        settings.keys.read("k", "[keys]\n\"app.suspend\" = \"F1\"\n");
        let (rows, _) = key_rows(&settings);
        let text = table(&rows);
        let line = text.lines().find(|line| line.starts_with("help.here")).unwrap_or_default();
        assert!(
            line.contains("everywhere  ?") && line.ends_with("(shadowed: F1 is app.suspend's)"),
            "{line}"
        );
        let help = rows.iter().find(|row| row.id == "help.here").map(object).unwrap_or_default();
        assert_eq!(help["shadowed"][0]["by"], "app.suspend");
    }
}
