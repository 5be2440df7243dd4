//! `codebeaker screenshot`: a picture of one of the workbench's screens.

use std::path::Path;
use std::process::ExitCode;

use crate::config::{Paths, Settings, ThemeFile};
use crate::tui::{self, Options};

use super::args;
use super::exit::{self, Problem};

/// Draws the screen, and writes it where it shall go.
pub fn screenshot(args: args::Screenshot) -> Result<ExitCode, Problem> {
    let paths = Paths::from_env().map_err(|e| Problem::new(e.to_string(), "set HOME"))?;
    let known = ThemeFile::names(&paths);
    if let Some(name) = args.theme.as_ref().filter(|name| !known.contains(name)) {
        let message = format!("there is no theme {name:?}");
        return Err(Problem::new(message, format!("there are {}", known.join(", "))));
    }
    // Of the settings only what was asked for: a picture is the same wherever it is made.
    let settings =
        Settings { theme: args.theme.clone(), glyphs: Some(args.glyphs.clone()), ..Settings::default() };
    let look = args::Look { color: Some(args.color) };
    let options = Options::new(settings, paths, look.terminal());
    let svg = tui::screenshot(&args.screen, args.size, &options)
        .map_err(|e| Problem::new(e.to_string(), "codebeaker screenshot --help names what there is"))?;
    if args.output == Path::new("-") {
        exit::print(&svg)?;
    } else {
        std::fs::write(&args.output, svg).map_err(|e| {
            let message = format!("{} was not written: {e}", args.output.display());
            Problem::new(message, "choose another place with -o")
        })?;
    }
    Ok(ExitCode::SUCCESS)
}
