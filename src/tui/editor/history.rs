//! Undo: what was replaced by what, a step at a time, bounded in bytes.

use std::collections::VecDeque;

use super::lines::Pos;

/// How much text the steps may hold, in bytes.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// What an edit costs besides its text.
const EDIT_BYTES: usize = 96;

/// A piece of text that took another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) from: Pos,
    pub(super) removed: String,
    pub(super) inserted: String,
}

impl Edit {
    fn bytes(&self) -> usize {
        EDIT_BYTES + self.removed.len() + self.inserted.len()
    }
}

/// What kind of change a step is: changes of one kind in a row are one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Space,
    Erase,
    Other,
}

/// Where the cursor is and the selection begins, and which text that is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) cursor: Pos,
    pub(super) anchor: Option<Pos>,
    pub(super) revision: u64,
}

/// What is undone at once.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) edits: Vec<Edit>,
    pub(super) before: Moment,
    pub(super) after: Moment,
}

impl Step {
    fn bytes(&self) -> usize {
        self.edits.iter().map(Edit::bytes).sum()
    }
}

/// The steps that can be undone, and those that can be done again.
#[derive(Debug, Default)]
pub(super) struct History {
    past: VecDeque<Step>,
    future: Vec<Step>,
    bytes: usize,
    /// What the last step was, as long as another of its kind joins it.
    open: Option<Kind>,
}

impl History {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What comes next is a step of its own.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Adds what was done, to the last step where it belongs there.
    pub(super) fn push(&mut self, kind: Kind, step: Step) {
        self.future.clear();
        self.bytes += step.bytes();
        let joins = kind != Kind::Other && self.open == Some(kind) && step.before.anchor.is_none();
        match self.past.back_mut().filter(|_| joins) {
            Some(last) => {
                last.edits.extend(step.edits);
                last.after = step.after;
            }
            None => self.past.push_back(step),
        }
        self.open = Some(kind);
        while self.bytes > MOST_BYTES && self.past.len() > 1 {
            let oldest = self.past.pop_front();
            self.bytes -= oldest.map_or(0, |step| step.bytes());
        }
    }

    /// The step to take back; to be given to `undone` then.
    pub(super) fn back(&mut self) -> Option<Step> {
        self.open = None;
        self.past.pop_back()
    }

    pub(super) fn undone(&mut self, step: Step) {
        self.bytes -= step.bytes();
        self.future.push(step);
    }

    /// The step to do again; to be given to `redone` then.
    pub(super) fn again(&mut self) -> Option<Step> {
        self.open = None;
        self.future.pop()
    }

    pub(super) fn redone(&mut self, step: Step) {
        self.bytes += step.bytes();
        self.past.push_back(step);
    }
}
