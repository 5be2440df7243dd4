//! Where everything is: one pure function, asked by drawing and by the mouse alike.

use ratatui::layout::{Position, Rect, Size};

use super::model::{Model, Pane};
use super::ratios::{Ratios, Split};

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
    /// The borders that can be moved.
    pub(crate) borders: Vec<Border>,
    /// The last result, where there is no room for the output.
    pub(crate) result: Rect,
    pub(crate) keys: Rect,
    pub(crate) status: Rect,
}

/// A border between panes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Border {
    pub(crate) split: Split,
    /// What it divides.
    whole: Rect,
    /// The first column or row behind it.
    at: u16,
}

impl Border {
    /// Whether a place on the screen is on it: on the edge of the pane before it or behind it.
    fn is_at(&self, position: Position) -> bool {
        let along = if self.split.is_upright() { position.x } else { position.y };
        self.whole.contains(position) && (along == self.at || along + 1 == self.at)
    }

    /// Gives the ratios that put the border's second edge at a place on the screen.
    fn moved(&self, ratios: Ratios, position: Position) -> Ratios {
        match self.split.is_upright() {
            true => self.put(ratios, i32::from(position.x) - i32::from(self.whole.x)),
            false => self.put(ratios, i32::from(position.y) - i32::from(self.whole.y)),
        }
    }

    /// Gives the ratios that move the border by so many cells.
    pub(crate) fn stepped(&self, ratios: Ratios, by: i32) -> Ratios {
        let begin = if self.split.is_upright() { self.whole.x } else { self.whole.y };
        self.put(ratios, i32::from(self.at) - i32::from(begin) + by)
    }

    fn put(&self, mut ratios: Ratios, cells: i32) -> Ratios {
        let total = if self.split.is_upright() { self.whole.width } else { self.whole.height };
        let cells = u16::try_from(cells.max(0)).unwrap_or(total).min(total);
        let cells = if self.split == Split::Right { total - cells } else { cells };
        ratios.set_cells(self.split, cells, counted(self.split, total));
        ratios
    }
}

/// What a border's share is a share of: side columns don't grow with a very wide screen.
fn counted(split: Split, total: u16) -> u16 {
    match split {
        Split::Left | Split::Right => total.min(SIDES_OF),
        _ => total,
    }
}

/// The width that the side columns' shares are of, at most.
const SIDES_OF: u16 = 140;
/// The least that a side column and the middle one have.
const LEAST_SIDE: u16 = 16;
const LEAST_MIDDLE: u16 = 30;
/// The least rows of a pane, frame included.
const LEAST_ROWS: u16 = 3;
/// From this width on the output is beside the editor, which is at most so wide.
const BESIDE_FROM: u16 = 201;
const EDITOR_MOST: u16 = 100;

impl Layout {
    /// The layout at a size, with one pane in focus; zoomed, that one has the others' room.
    pub(crate) fn of(size: Size, focus: Pane, ratios: &Ratios, zoomed: bool) -> Self {
        let class = Class::of(size);
        let (width, height) = (size.width, size.height);
        let line = |y: u16| Rect::new(0, y, width, 1);
        let none = Rect::ZERO;
        let body = |top: u16, bottom: u16| Rect::new(0, top, width, height.saturating_sub(top + bottom));
        let shared = |body: Rect| match class {
            _ if zoomed => (vec![(focus, body)], Vec::new()),
            Class::Wide => wide(body, ratios),
            _ => normal(body, focus, ratios),
        };
        match class {
            Class::Wide => {
                let (panes, borders) = shared(body(1, 2));
                Self {
                    class,
                    top: line(0),
                    tabs: none,
                    panes,
                    borders,
                    result: none,
                    keys: line(height - 2),
                    status: line(height - 1),
                }
            }
            Class::Normal => {
                let (panes, borders) = shared(body(2, 2));
                Self {
                    class,
                    top: line(0),
                    tabs: line(1),
                    panes,
                    borders,
                    result: none,
                    keys: line(height - 2),
                    status: line(height - 1),
                }
            }
            Class::Small => Self {
                class,
                top: line(0),
                tabs: none,
                panes: vec![(focus, body(1, 3))],
                borders: Vec::new(),
                result: line(height - 2),
                keys: line(height - 1),
                status: none,
            },
            Class::Tiny => Self {
                class,
                top: Rect::new(0, 0, width, height),
                tabs: none,
                panes: Vec::new(),
                borders: Vec::new(),
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

    /// The border at a place on the screen.
    pub(crate) fn border_at(&self, position: Position) -> Option<Split> {
        self.borders.iter().find(|border| border.is_at(position)).map(|border| border.split)
    }

    /// The border that is moved where it is on the screen.
    pub(crate) fn border(&self, split: Split) -> Option<&Border> {
        self.borders.iter().find(|border| border.split == split)
    }

    /// The ratios with a border dragged to a place on the screen.
    pub(crate) fn dragged(&self, split: Split, ratios: Ratios, to: Position) -> Ratios {
        self.border(split).map_or(ratios, |border| border.moved(ratios, to))
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
        let class = Class::of(size);
        let under = if class == Class::Small { 3 } else { 2 };
        let body = Rect::new(0, 1, size.width, size.height.saturating_sub(1 + under));
        let (list, detail) = match (class, reading) {
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

type Shared = (Vec<(Pane, Rect)>, Vec<Border>);

fn wide(body: Rect, ratios: &Ratios) -> Shared {
    let sides = counted(Split::Left, body.width);
    let most = (body.width - LEAST_MIDDLE) / 2;
    let [left, right] =
        [Split::Left, Split::Right].map(|split| ratios.cells(split, sides, (LEAST_SIDE, 0)).min(most));
    let middle = body.width - left - right;
    let column = |x: u16, width: u16| Rect { x: body.x + x, width, ..body };
    let mut borders = vec![
        Border { split: Split::Left, whole: body, at: body.x + left },
        Border { split: Split::Right, whole: body, at: body.x + left + middle },
    ];
    let (sessions, files) = stacked(Split::Sessions, column(0, left), ratios, &mut borders);
    let centre = column(left, middle);
    let (editor, output) = if body.width >= BESIDE_FROM {
        beside(centre, ratios, &mut borders)
    } else {
        stacked(Split::Editor, centre, ratios, &mut borders)
    };
    let (stats, history) = stacked(Split::Stats, column(left + middle, right), ratios, &mut borders);
    let panes = vec![
        (Pane::Sessions, sessions),
        (Pane::Files, files),
        (Pane::Editor, editor),
        (Pane::Output, output),
        (Pane::Stats, stats),
        (Pane::History, history),
    ];
    (panes, borders)
}

fn normal(body: Rect, focus: Pane, ratios: &Ratios) -> Shared {
    let mut borders = Vec::new();
    let (upper, output) = stacked(Split::Upper, body, ratios, &mut borders);
    let shown = if focus == Pane::Output { Pane::Editor } else { focus };
    (vec![(shown, upper), (Pane::Output, output)], borders)
}

/// Two panes one above the other.
fn stacked(split: Split, area: Rect, ratios: &Ratios, borders: &mut Vec<Border>) -> (Rect, Rect) {
    let upper = ratios.cells(split, area.height, (LEAST_ROWS, LEAST_ROWS));
    borders.push(Border { split, whole: area, at: area.y + upper });
    let below = Rect { y: area.y + upper, height: area.height - upper, ..area };
    (Rect { height: upper, ..area }, below)
}

/// The editor with the output beside it. Lines of code beyond its bound are rare; output has the rest.
fn beside(area: Rect, ratios: &Ratios, borders: &mut Vec<Border>) -> (Rect, Rect) {
    let editor =
        ratios.cells(Split::Beside, area.width, (LEAST_MIDDLE / 2, LEAST_MIDDLE / 2)).min(EDITOR_MOST);
    borders.push(Border { split: Split::Beside, whole: area, at: area.x + editor });
    let output = Rect { x: area.x + editor, width: area.width - editor, ..area };
    (Rect { width: editor, ..area }, output)
}

/// A box of at most this size in the middle of the screen, one row below its top.
pub(crate) fn centred(size: Size, width: u16, height: u16) -> Rect {
    let width = width.min(size.width);
    let height = height.min(size.height);
    Rect::new((size.width - width) / 2, (size.height - height) / 2, width, height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn a_zoomed_pane_has_the_room_of_all() {
        let layout = Layout::of(Size::new(120, 36), Pane::Stats, &Ratios::default(), true);
        assert_eq!(layout.panes, [(Pane::Stats, Rect::new(0, 1, 120, 33))]);
        assert_eq!(layout.borders, []);
    }

    #[test]
    fn a_very_wide_screen_gives_the_rest_to_the_output() {
        let layout = Layout::of(Size::new(260, 50), Pane::Editor, &Ratios::default(), false);
        let (editor, output) = (layout.pane(Pane::Editor), layout.pane(Pane::Output));
        let (editor, output) = (editor.unwrap_or_default(), output.unwrap_or_default());
        assert_eq!((editor.width, editor.y, output.y), (EDITOR_MOST, 1, 1));
        assert!(output.width > 60, "{output:?}");
    }

    fn any_ratios() -> impl Strategy<Value = Ratios> {
        prop::array::uniform7(prop_oneof![0u16..1100, any::<u16>()]).prop_map(
            |[left, right, sessions, editor, stats, beside, upper]| Ratios {
                left,
                right,
                sessions,
                editor,
                stats,
                beside,
                upper,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_overlaps_or_leaves_the_screen(
            w in 0u16..320,
            h in 0u16..100,
            focus in prop::sample::select(Pane::ALL.to_vec()),
            ratios in any_ratios(),
            zoomed: bool,
        ) {
            let layout = Layout::of(Size::new(w, h), focus, &ratios, zoomed);
            let screen = Rect::new(0, 0, w, h);
            let mut all: Vec<Rect> = layout.panes.iter().map(|(_, area)| *area).collect();
            prop_assert!(all.iter().all(|area| layout.class == Class::Small || area.width >= 10 && area.height >= 3));
            all.extend([layout.top, layout.tabs, layout.result, layout.keys, layout.status]);
            all.retain(|area| !area.is_empty());
            for (at, one) in all.iter().enumerate() {
                prop_assert_eq!(screen.intersection(*one), *one);
                prop_assert!(all.iter().skip(at + 1).all(|other| !one.intersects(*other)));
            }
            prop_assert!(layout.class == Class::Tiny || layout.pane(focus).is_some(), "focus is on the screen");
        }

        #[test]
        fn a_border_follows_the_mouse_as_far_as_it_can(
            w in 72u16..320,
            h in 20u16..100,
            ratios in any_ratios(),
            split in prop::sample::select(Split::ALL.to_vec()),
            to in (0u16..400, 0u16..120),
        ) {
            let size = Size::new(w, h);
            let layout = Layout::of(size, Pane::Editor, &ratios, false);
            let to = Position::new(to.0, to.1);
            let Some(before) = layout.border(split).copied() else { return Ok(()) };
            let ratios = layout.dragged(split, ratios, to);
            let after = Layout::of(size, Pane::Editor, &ratios, false);
            let at = after.border(split).copied().map_or(0, |border| border.at);
            let wanted = if split.is_upright() { to.x } else { to.y };
            // It may be held back, but never goes the other way.
            prop_assert!(at == wanted || at.abs_diff(wanted) <= before.at.abs_diff(wanted), "{at} {wanted} {before:?}");
            // And it stays there when it is dropped.
            let on_it = match split.is_upright() {
                true => Position::new(at, before.whole.y),
                false => Position::new(before.whole.x, at),
            };
            let again = Layout::of(size, Pane::Editor, &after.dragged(split, ratios, on_it), false);
            prop_assert_eq!(again.border(split).map(|border| border.at), Some(at));
        }
    }
}
