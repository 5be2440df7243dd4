//! Where everything of a race is: one pure function, asked by drawing and by the mouse alike.

use ratatui::layout::{Position, Rect, Size};

use crate::tui::layout::{Class, Layout};
use crate::tui::model::Pane;
use crate::tui::ratios::Ratios;

/// The narrowest column that a lane's output is readable in.
const COLUMN: u16 = 26;
/// The lowest lane: a frame and two lines.
const LANE: u16 = 4;

/// The places of a race. What isn't shown is an empty rectangle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) top: Rect,
    /// Each lane with its frame.
    pub(crate) lanes: Vec<Rect>,
    /// A heading and a row for each lane.
    pub(crate) times: Rect,
    pub(crate) verdict: Rect,
    pub(crate) keys: Rect,
    pub(crate) status: Rect,
    /// Lanes have frames.
    pub(crate) framed: bool,
}

impl Places {
    /// Places for so many lanes, and for so many runtimes that are only told of; one lane alone where `alone` names it.
    pub(crate) fn of(size: Size, lanes: usize, others: usize, chosen: usize, alone: bool) -> Self {
        let whole = Layout::of(size, Pane::Output, &Ratios::default(), false);
        let small = whole.class == Class::Small;
        let none = vec![Rect::ZERO; lanes];
        if whole.class == Class::Tiny || lanes == 0 {
            let at = Rect::ZERO;
            return Self {
                top: at,
                lanes: none,
                times: at,
                verdict: at,
                keys: at,
                status: at,
                framed: false,
            };
        }
        let bottom = whole.keys.y;
        let verdict = Rect::new(0, bottom.saturating_sub(1), size.width, 1);
        let room = verdict.y.saturating_sub(1);
        let rows = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        // The rows of what is not here are the first to go.
        let heading = u16::from(!small);
        let wanted = rows(lanes).saturating_add(heading);
        let most = room.saturating_sub(if small { 2 } else { LANE });
        let times = wanted.saturating_add(rows(others)).min(most.max(wanted.min(room))).min(room);
        let times = Rect::new(0, verdict.y - times, size.width, times);
        let body = Rect::new(0, 1, size.width, times.y - 1);
        let grid = if small || alone { None } else { grid(body, lanes) };
        let places = grid.unwrap_or_else(|| {
            let mut places = none;
            if let Some(place) = places.get_mut(chosen.min(lanes - 1)) {
                *place = body;
            }
            places
        });
        Self {
            top: whole.top,
            lanes: places,
            times,
            verdict,
            keys: whole.keys,
            status: whole.status,
            framed: !small,
        }
    }

    /// A lane's place without its frame.
    pub(crate) fn inside(&self, lane: usize) -> Rect {
        let area = self.lanes.get(lane).copied().unwrap_or_default();
        match self.framed {
            false => area,
            true => area.inner(ratatui::layout::Margin::new(1, 1)),
        }
    }

    /// The lane at a place on the screen: its output, or its row among the times.
    pub(crate) fn at(&self, position: Position) -> Option<usize> {
        if self.times.contains(position) {
            let row = usize::from(position.y - self.times.y);
            let lane = row.checked_sub(usize::from(self.framed))?;
            return (lane < self.lanes.len()).then_some(lane);
        }
        self.lanes.iter().position(|area| area.contains(position))
    }
}

/// As many columns as are wide enough, and rows of about as many lanes each; `None`: they don't fit.
fn grid(body: Rect, lanes: usize) -> Option<Vec<Rect>> {
    let most = usize::from(body.width / COLUMN).clamp(1, lanes);
    let rows = lanes.div_ceil(most);
    let height = body.height / u16::try_from(rows).ok()?;
    if height < LANE {
        return None;
    }
    let mut places = Vec::new();
    let mut left = lanes;
    for row in 0..rows {
        let columns = left.div_ceil(rows - row);
        left -= columns;
        let at = |row: usize| u16::try_from(row).map(|row| row * height).unwrap_or(0);
        // The last row takes what is left over.
        let below = if row + 1 == rows { body.height } else { at(row + 1) };
        let line = Rect { y: body.y + at(row), height: below - at(row), ..body };
        for column in 0..columns {
            let from = share(line.width, column, columns);
            let to = share(line.width, column + 1, columns);
            places.push(Rect { x: line.x + from, width: to - from, ..line });
        }
    }
    Some(places)
}

/// Where the part of this number begins.
fn share(width: u16, part: usize, parts: usize) -> u16 {
    u16::try_from(usize::from(width) * part / parts.max(1)).unwrap_or(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_or_leaves_the_screen() {
        for w in (0..220).step_by(3) {
            for h in 0..70 {
                for lanes in 0..5 {
                    for alone in [false, true] {
                        let places = Places::of(Size::new(w, h), lanes, 4 - lanes, 1, alone);
                        let mut all = places.lanes.clone();
                        all.extend([places.top, places.times, places.verdict, places.keys, places.status]);
                        all.retain(|area| !area.is_empty());
                        for (at, one) in all.iter().enumerate() {
                            assert_eq!(Rect::new(0, 0, w, h).intersection(*one), *one, "{w}x{h} {lanes}");
                            let apart = all.iter().skip(at + 1).all(|other| !one.intersects(*other));
                            assert!(apart, "{w}x{h} {lanes} {places:?}");
                        }
                        let tiny = w < 30 || h < 8 || lanes == 0;
                        let chosen = places.inside(1.min(lanes.saturating_sub(1)));
                        assert!(tiny || !chosen.is_empty(), "{w}x{h} {lanes}: the chosen lane is seen");
                    }
                }
            }
        }
    }

    #[test]
    fn columns_where_they_are_wide_enough_else_rows_of_them() {
        let columns = |w, h, lanes| {
            let places = Places::of(Size::new(w, h), lanes, 0, 0, false);
            let first = places.lanes.first().map_or(0, |lane| lane.y);
            places.lanes.iter().filter(|lane| lane.y == first && !lane.is_empty()).count()
        };
        assert_eq!((columns(120, 36, 4), columns(80, 24, 3), columns(80, 24, 4)), (4, 3, 2));
        assert_eq!((columns(40, 40, 2), columns(72, 20, 4)), (1, 2));
    }

    #[test]
    fn a_lane_is_found_in_both_its_places() {
        let places = Places::of(Size::new(120, 36), 3, 1, 0, false);
        for lane in 0..3 {
            let area = places.lanes[lane];
            assert_eq!(places.at(Position::new(area.x + 1, area.y + 1)), Some(lane));
            let row = u16::try_from(lane).unwrap() + places.times.y + 1;
            assert_eq!(places.at(Position::new(4, row)), Some(lane));
        }
        assert_eq!(places.at(Position::new(4, places.times.y)), None);
        assert_eq!(places.at(Position::new(4, places.times.bottom() - 1)), None, "a runtime that isn't here");
    }
}
