//! The tour: what is done in which order, and what is said of it. Each step waits for the real thing to happen; what
//! counts as that is read from the model alone, and the keys that are named are those of the keymap.

use ratatui::layout::Size;

use super::commands::{Cmd, Place, specs};
use super::layout::Class;
use super::model::{Model, Pane};
use super::text;

/// Rows that the tour has at the bottom of the screen.
const ROWS: u16 = 3;

/// What is done in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Run,
    Stop,
    Compare,
    Files,
    Palette,
    Help,
    Connect,
    End,
}

impl Step {
    pub(crate) const ALL: [Self; 8] = [
        Self::Run,
        Self::Stop,
        Self::Compare,
        Self::Files,
        Self::Palette,
        Self::Help,
        Self::Connect,
        Self::End,
    ];

    /// The sample that a step works with.
    pub(crate) fn sample(self) -> Option<&'static str> {
        match self {
            Self::Run => Some("hello"),
            Self::Stop => Some("endless"),
            Self::Compare => Some("fibonacci"),
            Self::Files => Some("files"),
            _ => None,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Run => "run a program",
            Self::Stop => "stop one",
            Self::Compare => "another runtime",
            Self::Files => "files that stay",
            Self::Palette => "every command",
            Self::Help => "the keys",
            Self::Connect => "another machine",
            Self::End => "the end",
        }
    }
}

/// How far the tour is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tour {
    pub(crate) step: Step,
    /// Runs before the step.
    pub(crate) runs_before: u32,
    /// The first half of a step was seen: a run is being stopped, a box is open.
    pub(crate) half: bool,
}

impl Tour {
    pub(crate) fn at(step: Step, runs_before: u32) -> Self {
        Self { step, runs_before, half: false }
    }
}

/// Rows that the tour takes from a screen of this size: none where the rest would be too small for anything.
pub(crate) fn rows(model: &Model, size: Size) -> u16 {
    let rest = Size { height: size.height.saturating_sub(ROWS), ..size };
    if model.tour.is_some() && Class::of(rest) != Class::Tiny { ROWS } else { 0 }
}

/// What stands over the tour's text.
pub(crate) fn title(tour: &Tour) -> String {
    let at = Step::ALL.iter().position(|step| *step == tour.step).unwrap_or(0);
    format!("Tour {} of {}: {}", at + 1, Step::ALL.len(), tour.step.title())
}

/// The same where there is little room.
pub(crate) fn short_title(tour: &Tour) -> String {
    let at = Step::ALL.iter().position(|step| *step == tour.step).unwrap_or(0);
    format!("Tour {}/{}", at + 1, Step::ALL.len())
}

/// The keys of the tour itself.
pub(crate) fn keys(model: &Model) -> String {
    let next = model.keymap.shown(Cmd::TourSkip, &[Place::Tour], true).map(|key| format!("{key} next"));
    let leave = model.keymap.shown(Cmd::Leave, &[Place::Everywhere], true);
    // The first ends typing.
    let leave =
        leave.map(|key| if model.types() { format!("{key} {key} leave") } else { format!("{key} leave") });
    [next, leave].into_iter().flatten().collect::<Vec<_>>().join("   ")
}

/// How a command is given from here: its key, after Esc where letters are text. A pane may have another use for the key.
fn how(model: &Model, cmd: Cmd) -> String {
    let places = model.places();
    let direct = model.keymap.shown(cmd, &places, model.types());
    let after_esc = || model.keymap.shown(cmd, &places, false).map(|key| format!("Esc, then {key}"));
    let by_name = || specs().find(|spec| spec.cmd == cmd).map_or("", |spec| spec.title);
    direct.or_else(after_esc).unwrap_or_else(|| format!("the palette's \"{}\"", by_name()))
}

/// What is said in a step, in a sentence or two.
pub(crate) fn words(model: &Model, tour: &Tour) -> String {
    let run = how(model, Cmd::Run);
    let running = model.runs.active.is_some();
    match tour.step {
        Step::Run if running => "It runs: its output comes below, with how it ended and what it cost.".to_owned(),
        Step::Run => format!(
            "{run} runs this program, in a session of its own. The output tells what it printed, how it ended and what \
             it cost."
        ),
        Step::Stop if tour.half => "It was asked to stop; the same key again kills what does not listen.".to_owned(),
        Step::Stop if running => format!(
            "{} stops it. It would go on for ever; nothing else of yours ends with it.",
            how(model, Cmd::Stop)
        ),
        Step::Stop => format!("{run} runs one that never ends; then you stop it."),
        Step::Compare if tour.half => {
            "The same code on each of them: its output, its times, and whether they agree. Esc goes back.".to_owned()
        }
        Step::Compare => format!(
            "{} runs the same code on every runtime that can, side by side.",
            how(model, Cmd::RunAll)
        ),
        Step::Files if model.runs.count <= tour.runs_before || running => {
            format!("{run} runs one that writes files. Its session keeps them for the next run.")
        }
        Step::Files => format!(
            "{} shows the session's files: what the program wrote is there.",
            how(model, Cmd::Focus(Pane::Files))
        ),
        Step::Palette if tour.half => {
            "Type a few letters of what you want: each command shows its key. Enter does it, Esc closes.".to_owned()
        }
        Step::Palette => format!("{} finds every command by its name.", how(model, Cmd::Palette)),
        Step::Help if tour.half => "These are the keys that work where you were. Esc closes.".to_owned(),
        Step::Help => format!("{} shows the keys that work in the pane you are in.", how(model, Cmd::Help)),
        Step::Connect if tour.half => {
            "A server's address goes here; everything else stays as you know it. Esc closes, nothing is changed.".to_owned()
        }
        Step::Connect => format!(
            "{} works on another machine: codebeaker serve is its other end.",
            how(model, Cmd::Connect)
        ),
        Step::End => format!(
            "That was it. {} has more programs, {} starts this again. Have fun.",
            how(model, Cmd::Samples),
            how(model, Cmd::Tour)
        ),
    }
}

/// The text in rows of so many cells, as many as there is room for.
pub(crate) fn lines(model: &Model, tour: &Tour, cells: usize) -> Vec<String> {
    let mut lines = text::wrap(&words(model, tour), cells);
    let room = usize::from(ROWS.saturating_sub(1));
    if lines.len() > room {
        lines.truncate(room);
        // What is left out is seen to be.
        if let Some(last) = lines.last_mut() {
            *last = text::fit(&format!("{last} ..."), cells, "...").into_owned();
        }
    }
    lines
}
