//! How the screen is shared out among the panes: a share for each border that can be moved.
//!
//! Kept in thousandths, so that a share survives another size of the terminal. Any numbers will do, also those of a
//! file: what they come to is bounded where the layout uses them.

use serde::{Deserialize, Serialize};

/// A border that can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// The left column's right border.
    Left,
    /// The right column's left border.
    Right,
    /// Between sessions and files.
    Sessions,
    /// Between the editor and the output below it, in three columns.
    Editor,
    /// Between statistics and history.
    Stats,
    /// Between the editor and the output beside it, on very wide screens.
    Beside,
    /// Between the upper pane and the output, where there are tabs.
    Upper,
}

impl Split {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] =
        [Self::Left, Self::Right, Self::Sessions, Self::Editor, Self::Stats, Self::Beside, Self::Upper];

    /// Whether it divides left from right.
    pub(crate) fn is_upright(self) -> bool {
        matches!(self, Self::Left | Self::Right | Self::Beside)
    }
}

/// The share of the part before each border, in thousandths; of the right column its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ratios {
    /// The left column's.
    pub left: u16,
    /// The right column's.
    pub right: u16,
    /// The sessions' of the left column.
    pub sessions: u16,
    /// The editor's of the middle column.
    pub editor: u16,
    /// The statistics' of the right column.
    pub stats: u16,
    /// The editor's beside the output.
    pub beside: u16,
    /// The upper pane's, where there are tabs.
    pub upper: u16,
}

impl Default for Ratios {
    fn default() -> Self {
        Self { left: 225, right: 292, sessions: 500, editor: 550, stats: 550, beside: 550, upper: 550 }
    }
}

impl Ratios {
    /// As many rows for one pane as for the other of its column, and the columns as wide as usual.
    pub(crate) fn even() -> Self {
        Self { sessions: 500, editor: 500, stats: 500, beside: 500, upper: 500, ..Self::default() }
    }

    /// So many cells of `total`: this border's share of them, with at least `least` on either side where that can be.
    pub(crate) fn cells(&self, split: Split, total: u16, least: (u16, u16)) -> u16 {
        let share = u32::from(self.get(split).min(1000));
        let cells = u16::try_from(u32::from(total) * share / 1000).unwrap_or(total);
        let most = total.saturating_sub(least.1);
        cells.max(least.0.min(most)).min(most)
    }

    /// Gives a border the share that comes to so many cells of `total`.
    pub(crate) fn set_cells(&mut self, split: Split, cells: u16, total: u16) {
        let share = (u32::from(cells) * 1000).div_ceil(u32::from(total.max(1))).min(1000);
        *self.get_mut(split) = u16::try_from(share).unwrap_or(1000);
    }

    fn get(&self, split: Split) -> u16 {
        match split {
            Split::Left => self.left,
            Split::Right => self.right,
            Split::Sessions => self.sessions,
            Split::Editor => self.editor,
            Split::Stats => self.stats,
            Split::Beside => self.beside,
            Split::Upper => self.upper,
        }
    }

    fn get_mut(&mut self, split: Split) -> &mut u16 {
        match split {
            Split::Left => &mut self.left,
            Split::Right => &mut self.right,
            Split::Sessions => &mut self.sessions,
            Split::Editor => &mut self.editor,
            Split::Stats => &mut self.stats,
            Split::Beside => &mut self.beside,
            Split::Upper => &mut self.upper,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_stays_where_it_was_put() {
        for total in 10..400 {
            for cells in 0..=total {
                let mut ratios = Ratios::default();
                ratios.set_cells(Split::Editor, cells, total);
                assert_eq!(ratios.cells(Split::Editor, total, (0, 0)), cells, "{cells} of {total}");
            }
        }
    }

    #[test]
    fn shares_from_a_file_are_bounded() {
        let ratios: Ratios = serde_json::from_str(r#"{"left": 65535}"#).unwrap_or_default();
        assert_eq!(ratios.left, u16::MAX);
        assert_eq!(ratios.cells(Split::Left, 100, (10, 40)), 60);
        assert_eq!(Ratios { left: 0, ..ratios }.cells(Split::Left, 100, (10, 40)), 10);
        assert_eq!(Ratios { left: 0, ..ratios }.cells(Split::Left, 5, (10, 40)), 0);
    }
}
