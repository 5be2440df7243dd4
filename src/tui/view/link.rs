//! How the engine is reached, in words: for the lines around the panes and for the panes that show what is there.

use crate::engine::Link;
use crate::tui::connection::round_trip;
use crate::tui::model::{Model, Verdict};
use crate::tui::text;

/// Where code runs, for the top line: `engine: local` where there is room.
pub(super) fn engine(model: &Model, wide: bool) -> String {
    let lead = if wide { "engine: " } else { "" };
    format!("{lead}{}", model.connection.name())
}

/// The state of the link, behind the engine's name; none where there is no link.
pub(super) fn state(model: &Model) -> Option<(Verdict, String)> {
    match &model.connection.link {
        Link::Local => None,
        Link::Up(up) => Some((Verdict::Ok, up.round_trip.map_or_else(|| "up".to_owned(), round_trip))),
        Link::Down(down) => Some((
            Verdict::Warn,
            match model.connection.wait(model.now) {
                None => "link down, no more tries".to_owned(),
                Some(wait) if wait.is_zero() => format!("reconnecting, try {}", down.attempt),
                // The second that has begun counts: it is never zero before the attempt.
                Some(wait) => {
                    format!("reconnecting, try {} in {} s", down.attempt, wait.as_millis().div_ceil(1000))
                }
            },
        )),
    }
}

/// That the link is lost and for how long; `None`: it isn't.
pub(super) fn lost(model: &Model) -> Option<String> {
    model.connection.down()?;
    Some(format!("link down {}", text::clock(model.connection.lost_for(model.now))))
}

/// What a lost link means, the most important first.
pub(super) fn consequences(model: &Model) -> Vec<String> {
    let Some(down) = model.connection.down() else { return Vec::new() };
    let mut words = Vec::new();
    if model.runs.active.is_some() {
        words.push("1 run unknown (asks again on return)".to_owned());
    }
    words.extend(["edits kept here".to_owned(), down.reason.clone()]);
    words
}
