//! Where everything is: one pure function, asked by drawing and by the mouse alike.

use ratatui::layout::{Position, Rect, Size};

use super::model::{Model, Pane};

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Three columns.
    Wide,
    /// Tabs, editor above output.
    Normal,
    /// One pane.
    Small,
    /// Three lines.
    Tiny,
}

impl Class {
    pub(crate) fn of(size: Size) -> Self {
        match (size.width, size.height) {
            (w, h) if w >= 110 && h >= 30 => Self::Wide,
            (w, h) if w >= 72 && h >= 20 => Self::Normal,
            (w, h) if w >= 30 && h >= 8 => Self::Small,
            _ => Self::Tiny,
        }
    }
}

/// The places of the workbench. What isn't shown is an empty rectangle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) class: Class,
    pub(crate) top: Rect,
    pub(crate) tabs: Rect,
    pub(crate) panes: Vec<(Pane, Rect)>,
    /// The last result, where there is no room for the output.
    pub(crate) result: Rect,
    pub(crate) keys: Rect,
    pub(crate) status: Rect,
}

const SESSIONS_WIDTH: u16 = 27;
const STATS_WIDTH: u16 = 35;

impl Layout {
    /// The layout at a size, with one pane in focus.
    pub(crate) fn of(size: Size, focus: Pane) -> Self {
        let class = Class::of(size);
        let (width, height) = (size.width, size.height);
        let line = |y: u16| Rect::new(0, y, width, 1);
        let none = Rect::ZERO;
        let body = |top: u16, bottom: u16| Rect::new(0, top, width, height.saturating_sub(top + bottom));
        match class {
            Class::Wide => Self {
                class,
                top: line(0),
                tabs: none,
                panes: wide(body(1, 2)),
                result: none,
                keys: line(height - 2),
                status: line(height - 1),
            },
            Class::Normal => Self {
                class,
                top: line(0),
                tabs: line(1),
                panes: normal(body(2, 2), focus),
                result: none,
                keys: line(height - 2),
                status: line(height - 1),
            },
            Class::Small => Self {
                class,
                top: line(0),
                tabs: none,
                panes: vec![(focus, body(1, 3))],
                result: line(height - 2),
                keys: line(height - 1),
                status: none,
            },
            Class::Tiny => Self {
                class,
                top: Rect::new(0, 0, width, height),
                tabs: none,
                panes: Vec::new(),
                result: none,
                keys: none,
                status: none,
            },
        }
    }

    /// Where a pane is, frame included.
    pub(crate) fn pane(&self, pane: Pane) -> Option<Rect> {
        self.panes.iter().find(|(p, _)| *p == pane).map(|(_, area)| *area)
    }

    /// The inside of a pane: without its frame, where it has one.
    pub(crate) fn inside(&self, pane: Pane) -> Rect {
        let area = self.pane(pane).unwrap_or_default();
        match self.class {
            Class::Small | Class::Tiny => area,
            _ => Rect {
                x: area.x.saturating_add(1),
                y: area.y.saturating_add(1),
                width: area.width.saturating_sub(2),
                height: area.height.saturating_sub(2),
            },
        }
    }

    /// The pane at a place on the screen.
    pub(crate) fn at(&self, position: Position) -> Option<Pane> {
        self.panes.iter().find(|(_, area)| area.contains(position)).map(|(pane, _)| *pane)
    }

    /// The tab at a place on the screen.
    pub(crate) fn tab_at(&self, position: Position) -> Option<Pane> {
        tabs(self.tabs).into_iter().find(|(_, area)| area.contains(position)).map(|(pane, _)| pane)
    }
}

/// Each tab with its place in the strip: number and title between two cells of room.
pub(crate) fn tabs(strip: Rect) -> Vec<(Pane, Rect)> {
    let mut x = strip.x;
    let mut out = Vec::new();
    for pane in Pane::ALL {
        let width = u16::try_from(pane.title().len()).unwrap_or(0) + 4;
        out.push((pane, Rect::new(x, strip.y, width, 1).intersection(strip)));
        x = x.saturating_add(width);
    }
    out
}

/// The screen of messages: their list, and beside it or in its place the one that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Messages {
    /// The list with its frame; empty where the message has its place.
    pub(crate) list: Rect,
    /// How many messages fit into the list.
    pub(crate) rows: usize,
    /// The message with its frame; empty where the list has its place.
    pub(crate) detail: Rect,
    /// The message's own text.
    pub(crate) text: Rect,
}

impl Messages {
    pub(crate) fn of(model: &Model) -> Self {
        Self::at(model.without_tour(model.size), model.wire.reading)
    }

    pub(crate) fn at(size: Size, reading: bool) -> Self {
        let whole = Layout::of(size, Pane::Output);
        let under = if whole.class == Class::Small { 3 } else { 2 };
        let body = Rect::new(0, 1, size.width, size.height.saturating_sub(1 + under));
        let (list, detail) = match (whole.class, reading) {
            (Class::Wide, _) => {
                let width = body.width * 11 / 20;
                (Rect { width, ..body }, Rect { x: width, width: body.width - width, ..body })
            }
            (Class::Tiny, _) => (Rect::ZERO, Rect::ZERO),
            (_, true) => (Rect::ZERO, body),
            (_, false) => (body, Rect::ZERO),
        };
        // Without the frame, the line of names and the line of the filter.
        let rows = usize::from(list.height.saturating_sub(4)).max(1);
        let inside = detail.inner(ratatui::layout::Margin::new(1, 1));
        // Without what the message is, and a blank line.
        let text = Rect {
            x: inside.x + 1,
            y: inside.y + 2,
            width: inside.width.saturating_sub(1),
            height: inside.height.saturating_sub(2),
        };
        Self { list, rows, detail, text }
    }
}

fn wide(body: Rect) -> Vec<(Pane, Rect)> {
    let middle = body.width - SESSIONS_WIDTH - STATS_WIDTH;
    let column = |x: u16, width: u16| Rect { x, width, ..body };
    let (sessions, files) = halves(column(0, SESSIONS_WIDTH));
    let (editor, output) = split(column(SESSIONS_WIDTH, middle));
    let (stats, history) = split(column(SESSIONS_WIDTH + middle, STATS_WIDTH));
    vec![
        (Pane::Sessions, sessions),
        (Pane::Files, files),
        (Pane::Editor, editor),
        (Pane::Output, output),
        (Pane::Stats, stats),
        (Pane::History, history),
    ]
}

fn normal(body: Rect, focus: Pane) -> Vec<(Pane, Rect)> {
    let (upper, output) = split(body);
    let shown = if focus == Pane::Output { Pane::Editor } else { focus };
    vec![(shown, upper), (Pane::Output, output)]
}

/// The editor's share above, the output's below.
fn split(area: Rect) -> (Rect, Rect) {
    let upper = area.height * 11 / 20;
    let above = Rect { height: upper, ..area };
    let below = Rect { y: area.y + upper, height: area.height - upper, ..area };
    (above, below)
}

/// One as high as the other.
fn halves(area: Rect) -> (Rect, Rect) {
    let upper = area.height / 2;
    (Rect { height: upper, ..area }, Rect { y: area.y + upper, height: area.height - upper, ..area })
}

/// A box of at most this size in the middle of the screen, one row below its top.
pub(crate) fn centred(size: Size, width: u16, height: u16) -> Rect {
    let width = width.min(size.width);
    let height = height.min(size.height);
    Rect::new((size.width - width) / 2, (size.height - height) / 2, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_change_where_they_should() {
        for (w, h, class) in [
            (110, 30, Class::Wide),
            (109, 30, Class::Normal),
            (72, 20, Class::Normal),
            (71, 20, Class::Small),
            (30, 8, Class::Small),
            (29, 8, Class::Tiny),
            (0, 0, Class::Tiny),
        ] {
            assert_eq!(Class::of(Size::new(w, h)), class, "{w}x{h}");
        }
    }

    #[test]
    fn nothing_overlaps_or_leaves_the_screen() {
        for w in (0..220).step_by(7) {
            for h in 0..70 {
                for focus in Pane::ALL {
                    let layout = Layout::of(Size::new(w, h), focus);
                    let screen = Rect::new(0, 0, w, h);
                    let mut all: Vec<Rect> = layout.panes.iter().map(|(_, area)| *area).collect();
                    all.extend([layout.top, layout.tabs, layout.result, layout.keys, layout.status]);
                    all.retain(|area| !area.is_empty());
                    for (at, one) in all.iter().enumerate() {
                        assert_eq!(screen.intersection(*one), *one, "{w}x{h}");
                        assert!(all.iter().skip(at + 1).all(|other| !one.intersects(*other)), "{w}x{h}");
                    }
                    assert!(
                        layout.class == Class::Tiny || layout.pane(focus).is_some(),
                        "focus is on the screen"
                    );
                }
            }
        }
    }
}
