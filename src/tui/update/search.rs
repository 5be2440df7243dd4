//! Searching the editor's text, and replacing what is found.

use crate::tui::editor::{Action, MOST_MATCHES, Match, Pattern, Pos};
use crate::tui::model::{Model, Verdict};
use crate::tui::overlay::{Find, Overlay};

/// Opens the line that asks what to look for.
pub(super) fn open(model: &mut Model, replaces: bool) {
    let selected = model.editor.selected().filter(|text| !text.contains('\n'));
    let find = Find::new(model, replaces, selected);
    model.overlays.push(Overlay::Find(Box::new(find)));
    refresh(model);
}

/// To the next match, or the one before, of what was searched for last.
pub(super) fn again(model: &mut Model, forward: bool) {
    if model.find.pattern.is_none() {
        model.tell(Verdict::Idle, "nothing was searched for yet", "/ searches");
        return;
    }
    step_to_match(model, forward);
    let words = said(model);
    model.tell(Verdict::Idle, words, "");
}

/// Searches for a text, from a place on. Nothing is selected where it isn't found.
pub(crate) fn look_for(model: &mut Model, text: &str, from: Pos) {
    model.find.pattern = Pattern::new(text);
    model.find.of = None;
    refresh(model);
    model.editor.apply(Action::Select(from, from));
    step_to_match(model, true);
}

/// Finds anew where the text is another one than that of the matches.
fn refresh(model: &mut Model) {
    let now = Some((model.document.id, model.editor.version()));
    if model.find.of != now {
        let find = |pattern: &Pattern| pattern.all(model.editor.lines());
        model.find.matches = model.find.pattern.as_ref().map(find).unwrap_or_default();
        model.find.of = now;
    }
}

/// Selects the next match after the cursor, or the one before; from the last on to the first. True: it went on there.
pub(crate) fn step_to_match(model: &mut Model, forward: bool) -> bool {
    refresh(model);
    let place = model.editor.place();
    let (from, to) = model.editor.selection().unwrap_or((place, place));
    let matches = &model.find.matches;
    let next = if forward {
        matches.get(matches.partition_point(|found| found.from() < to))
    } else {
        matches.partition_point(|found| found.to() <= from).checked_sub(1).and_then(|at| matches.get(at))
    };
    let around = if forward { matches.first() } else { matches.last() };
    let Some(found) = next.or(around).copied() else { return false };
    let wraps = next.is_none();
    model.editor.apply(Action::Select(found.from(), found.to()));
    wraps
}

/// Which match is selected, and of how many.
fn chosen(model: &Model) -> Option<usize> {
    let (from, to) = model.editor.selection()?;
    let is_it = |found: &Match| found.from() == from && found.to() == to;
    model.find.matches.iter().position(is_it)
}

/// `3 of 17`, or that it is nowhere.
pub(crate) fn said(model: &Model) -> String {
    let all = model.find.matches.len();
    let more = if all >= MOST_MATCHES { "+" } else { "" };
    match (model.find.pattern.is_some(), all, chosen(model)) {
        (false, ..) => String::new(),
        (true, 0, _) => "not found".to_owned(),
        (true, _, Some(at)) => format!("{} of {all}{more}", at + 1),
        (true, _, None) => format!("{all}{more} found"),
    }
}

/// Replaces the match that is selected and goes to the next. True: that is past the last one, or there is none.
pub(crate) fn replace_here(model: &mut Model) -> bool {
    if let Some(found) = chosen(model).and_then(|at| model.find.matches.get(at)).copied() {
        let piece = (found.from(), found.to(), model.find.replacement.clone());
        super::edit::edit(model, Action::Replace(vec![piece]));
    }
    let wraps = step_to_match(model, true);
    wraps || model.find.matches.is_empty()
}

/// Replaces every match, as one change.
pub(crate) fn replace_all(model: &mut Model) {
    refresh(model);
    let new = &model.find.replacement;
    let pieces: Vec<_> = model.find.matches.iter().map(|m| (m.from(), m.to(), new.clone())).collect();
    let many = pieces.len();
    if many == 0 {
        return;
    }
    if model.document.big {
        return super::edit::refuse(model);
    }
    super::edit::edit(model, Action::Replace(pieces));
    refresh(model);
    let rest = if many >= MOST_MATCHES { "; there may be more" } else { "" };
    model.tell(Verdict::Ok, format!("{many} replaced{rest}"), "u takes it back");
}
