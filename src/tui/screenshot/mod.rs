//! Pictures of the workbench: named screens, each brought about by messages and keys as a person's would be, drawn by
//! the code that draws them on a terminal, written as SVG. No engine and no terminal has a part in it; what the demo
//! engine answers stands in `demo`.

mod bench;
mod demo;
mod svg;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use self::demo::Stage;
use super::theme::rgb;
use super::workbench::Options;

/// The smallest and largest pictures, in cells.
pub const SMALLEST: (u16, u16) = (1, 1);
/// The largest.
pub const LARGEST: (u16, u16) = (400, 200);

/// The screens there are pictures of, each with what it shows.
pub const SCREENS: &[(&str, &str)] = &[
    ("workbench", "two runs of a program, on Bun and in a container, with what they cost"),
    ("running", "a program that waits for input"),
    ("failed", "a program that ends with an error"),
    ("race", "the same program on every runtime, side by side"),
    ("bench", "a program that is measured on every runtime, and compared with an earlier benchmark"),
    ("history", "the runs, and which of them differ"),
    ("compare", "two runs, with what is different in them"),
    ("menu", "the commands of a group, each with its letter"),
    ("prefix", "the keys that may follow the first of two"),
    ("palette", "the commands, found by what they are called"),
    ("help", "the keys that work here"),
    ("themes", "the list of themes"),
    ("samples", "programs to begin with, in every language"),
    ("tour", "the first step of the tour"),
    ("run-on", "the runtimes that a program could run on"),
    ("log", "what was told"),
    ("connect", "the form that reaches a server"),
    ("first-run", "what a machine without any runtime is told"),
    ("new-session", "the form that makes a session"),
    ("messages", "what passes over the wire to a server"),
    ("link-lost", "a run whose server can't be reached"),
    ("quit", "what is asked before something is lost"),
];

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    /// Nothing is called so.
    #[error("there is no screen {0:?}: there are {names}", names = names().join(", "))]
    Unknown(String),
    /// It is too small or too large.
    #[error("a screen has 1x1 to 400x200 cells, not {0}x{1}")]
    Size(u16, u16),
    /// It could not be drawn.
    #[error("it can't be drawn: {0}")]
    Drawing(String),
}

/// The names of all screens.
pub fn names() -> Vec<&'static str> {
    SCREENS.iter().map(|(name, _)| *name).collect()
}

/// Draws a screen of `width` times `height` cells, and gives the picture as SVG. What is remembered of this machine's
/// workbench has no part in it.
pub fn screenshot(
    screen: &str,
    (width, height): (u16, u16),
    options: &Options,
) -> Result<String, ScreenshotError> {
    let Some((name, what)) = SCREENS.iter().find(|(name, _)| *name == screen) else {
        return Err(ScreenshotError::Unknown(screen.to_owned()));
    };
    if width < SMALLEST.0 || height < SMALLEST.1 || width > LARGEST.0 || height > LARGEST.1 {
        return Err(ScreenshotError::Size(width, height));
    }
    let mut options = options.clone();
    (options.state, options.more) = (None, Vec::new());
    options.file = Some(demo::FILE.into());
    let mut stage = Stage::new(&options, Size::new(width, height));
    stage.play(name);
    let failed = |error: std::convert::Infallible| ScreenshotError::Drawing(error.to_string());
    let mut terminal = Terminal::new(TestBackend::new(width, height)).map_err(failed)?;
    stage.draw(&mut terminal).map_err(failed)?;
    let backend = terminal.backend();
    let cursor = backend.cursor_visible().then(|| backend.cursor_position());
    let page = stage.page();
    let title = format!("codebeaker: {what}");
    Ok(svg::write(backend.buffer(), cursor, page, &title))
}

/// The colours of an empty screen: words and background.
#[derive(Clone, Copy, Debug)]
struct Page {
    ink: [u8; 3],
    paper: [u8; 3],
}

impl Page {
    /// What a theme says; what it doesn't is xterm's, on the background it is made for.
    fn of(style: ratatui::style::Style, light: bool) -> Self {
        let (ink, paper) = if light { ([0; 3], [255; 3]) } else { ([229; 3], [0; 3]) };
        let told = |colour: Option<_>, own| colour.and_then(rgb).unwrap_or(own);
        Self { ink: told(style.fg, ink), paper: told(style.bg, paper) }
    }
}
