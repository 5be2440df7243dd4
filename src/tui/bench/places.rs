//! Where everything of a benchmark is: one pure function, asked by drawing and by the mouse alike.

use ratatui::layout::{Margin, Position, Rect, Size};

use crate::tui::layout::{Class, Layout};
use crate::tui::model::Pane;
use crate::tui::ratios::Ratios;

/// Rows of the cold starts and of the phases, frame included.
const LOW: u16 = 7;
/// The lowest chart: a frame and three lines.
const CHART: u16 = 5;

/// The places of a benchmark. What isn't shown is an empty rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) class: Option<Class>,
    pub(crate) top: Rect,
    /// With its frame, or a line without one.
    pub(crate) progress: Rect,
    /// With its frame, where it has one.
    pub(crate) results: Rect,
    pub(crate) histogram: Rect,
    /// What has the place beside the histogram.
    pub(crate) panel: Rect,
    pub(crate) cold: Rect,
    pub(crate) phases: Rect,
    /// What it is compared with.
    pub(crate) base: Rect,
    pub(crate) keys: Rect,
    pub(crate) status: Rect,
}

impl Places {
    /// Places for a table of so many rows.
    pub(crate) fn of(size: Size, rows: usize) -> Self {
        let whole = Layout::of(size, Pane::Output, &Ratios::default(), false);
        let shared =
            Self { class: Some(whole.class), keys: whole.keys, status: whole.status, ..Self::default() };
        let rows = u16::try_from(rows).unwrap_or(u16::MAX);
        match whole.class {
            Class::Tiny => Self::default(),
            Class::Small => small(shared, size),
            Class::Normal => normal(shared, size, rows),
            Class::Wide => wide(shared, size, rows),
        }
    }

    /// The inside of the results: without their frame, where they have one.
    pub(crate) fn table(&self) -> Rect {
        match self.class {
            Some(Class::Wide | Class::Normal) => self.results.inner(Margin::new(1, 1)),
            _ => self.results,
        }
    }

    /// The row of the table at a place on the screen: its first line is its heading.
    pub(crate) fn row_at(&self, at: Position) -> Option<usize> {
        let table = self.table();
        let row = usize::from(at.y.saturating_sub(table.y));
        if table.contains(at) { row.checked_sub(1) } else { None }
    }
}

fn line(size: Size, y: u16) -> Rect {
    Rect::new(0, y, size.width, 1)
}

/// The results alone.
fn small(places: Places, size: Size) -> Places {
    let bottom = places.keys.y;
    let base = line(size, bottom.saturating_sub(1));
    let results = Rect::new(0, 2, size.width, base.y.saturating_sub(2));
    Places { top: line(size, 0), progress: line(size, 1), results, base, ..places }
}

/// The results above two panels.
fn normal(places: Places, size: Size, rows: u16) -> Places {
    let base = line(size, places.keys.y - 1);
    let room = base.y - 2;
    // A heading, and a line for what is to be known of the figures.
    let wanted = rows.saturating_add(4).max(6);
    let height = if room >= wanted + CHART { wanted } else { room.saturating_sub(CHART).min(wanted) };
    let results = Rect::new(0, 2, size.width, height);
    let below = Rect::new(0, results.bottom(), size.width, base.y - results.bottom());
    let (histogram, panel) = halves(below);
    Places { top: line(size, 0), progress: line(size, 1), results, histogram, panel, base, ..places }
}

/// Everything at once.
fn wide(places: Places, size: Size, rows: u16) -> Places {
    let progress = Rect::new(0, 1, size.width, 3);
    let room = places.keys.y - progress.bottom();
    // A heading, a blank line, and what is to be known of the figures: three lines.
    let wanted = rows.saturating_add(7).max(9);
    let results = Rect::new(0, progress.bottom(), size.width, wanted.min(room - LOW - CHART));
    let low = Rect::new(0, places.keys.y - LOW, size.width, LOW);
    let (cold, phases) = halves(low);
    let between = Rect::new(0, results.bottom(), size.width, low.y - results.bottom());
    let (histogram, panel) = halves(between);
    Places { top: line(size, 0), progress, results, histogram, panel, cold, phases, ..places }
}

fn halves(area: Rect) -> (Rect, Rect) {
    let left = area.width * 29 / 60;
    (Rect { width: left, ..area }, Rect { x: area.x + left, width: area.width - left, ..area })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_or_leaves_the_screen() {
        for w in (0..220).step_by(3) {
            for h in 0..70 {
                for rows in [0, 1, 4, 9, 40] {
                    let p = Places::of(Size::new(w, h), rows);
                    let mut all = vec![
                        p.top,
                        p.progress,
                        p.results,
                        p.histogram,
                        p.panel,
                        p.cold,
                        p.phases,
                        p.base,
                        p.keys,
                        p.status,
                    ];
                    all.retain(|area| !area.is_empty());
                    for (at, one) in all.iter().enumerate() {
                        assert_eq!(Rect::new(0, 0, w, h).intersection(*one), *one, "{w}x{h} {rows}");
                        let apart = all.iter().skip(at + 1).all(|other| !one.intersects(*other));
                        assert!(apart, "{w}x{h} {rows} {p:?}");
                    }
                    let tiny = w < 30 || h < 8;
                    assert!(tiny || p.table().height >= 2, "{w}x{h} {rows}: a heading and a row are seen");
                    assert!(w < 72 || h < 20 || p.histogram.height >= CHART, "{w}x{h} {rows}");
                }
            }
        }
    }

    #[test]
    fn a_row_is_found_where_it_is_drawn() {
        for (w, h) in [(120, 36), (80, 24), (40, 12)] {
            let places = Places::of(Size::new(w, h), 3);
            let table = places.table();
            assert_eq!(places.row_at(Position::new(table.x, table.y)), None, "the heading");
            assert_eq!(places.row_at(Position::new(table.x + 2, table.y + 2)), Some(1));
            assert_eq!(places.row_at(Position::new(table.x, table.bottom())), None);
        }
    }
}
