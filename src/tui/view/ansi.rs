//! A program's own colours, as this terminal can show them and so that they can be read: at least 3:1 against what is
//! behind them, where that is known.

use ratatui::style::{Color, Style};

use crate::tui::theme::{ColourTier, Theme, nearest};

/// The least contrast of a text with what is behind it.
const LEAST: f64 = 3.0;

/// What terminals show the sixteen colours as, about.
const SIXTEEN: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

/// A program's style as it is shown over `ground`, the look of the pane.
pub(super) fn shown(style: Style, ground: Style, theme: &Theme) -> Style {
    let tier = theme.tier;
    let fg = style.fg.map(|colour| fitted(colour, tier));
    let bg = style.bg.map(|colour| fitted(colour, tier));
    let behind = bg.or(ground.bg).and_then(rgb);
    // The terminal's own foreground on a colour of the program's: unknown, unless the theme says what text is.
    let ink = fg.or(ground.fg).and_then(rgb);
    let fg = match (ink, behind) {
        (Some(ink), Some(behind)) if contrast(ink, behind) < LEAST => Some(shifted(ink, behind, tier)),
        _ => fg,
    };
    Style { fg: fg.or(style.fg), bg: bg.or(style.bg), ..style }
}

/// A colour that this terminal has.
fn fitted(colour: Color, tier: ColourTier) -> Color {
    match (colour, tier) {
        (Color::Rgb(r, g, b), ColourTier::Indexed) => Color::Indexed(nearest([r, g, b])),
        (Color::Rgb(..) | Color::Indexed(16..), ColourTier::Ansi | ColourTier::Mono) => {
            rgb(colour).map_or(colour, |rgb| Color::Indexed(nearest_of_sixteen(rgb)))
        }
        _ => colour,
    }
}

fn nearest_of_sixteen(wanted: [u8; 3]) -> u8 {
    let distance =
        |of: [u8; 3]| -> u32 { of.iter().zip(wanted).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
    (0..16u8).min_by_key(|n| distance(SIXTEEN[usize::from(*n)])).unwrap_or(7)
}

/// The colour nearest to `ink`, towards white or black, that can be read on `behind`.
fn shifted(ink: [u8; 3], behind: [u8; 3], tier: ColourTier) -> Color {
    let white = contrast([255; 3], behind) >= contrast([0; 3], behind);
    let end = if white { 255 } else { 0 };
    if matches!(tier, ColourTier::Ansi | ColourTier::Mono) {
        return Color::Indexed(if white { 15 } else { 0 });
    }
    let mixed = |step: u16| {
        ink.map(|v| u8::try_from((u16::from(v) * (10 - step) + u16::from(end) * step) / 10).unwrap_or(end))
    };
    for step in 1..=10 {
        let colour = match (tier, mixed(step)) {
            (ColourTier::Indexed, rgb) => Color::Indexed(nearest(rgb)),
            (_, [r, g, b]) => Color::Rgb(r, g, b),
        };
        if rgb(colour).is_some_and(|rgb| contrast(rgb, behind) >= LEAST) {
            return colour;
        }
    }
    Color::Indexed(if white { 231 } else { 16 })
}

/// What a colour is, as far as that is known of this terminal.
fn rgb(colour: Color) -> Option<[u8; 3]> {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let sixteen = |n: usize| SIXTEEN.get(n).copied();
    match colour {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(n @ 0..=15) => sixteen(n.into()),
        Color::Indexed(n @ 16..=231) => {
            let n = usize::from(n - 16);
            Some([STEPS[n / 36], STEPS[n / 6 % 6], STEPS[n % 6]])
        }
        Color::Indexed(n) => Some([8 + 10 * (n - 232); 3]),
        Color::Black => sixteen(0),
        Color::Red => sixteen(1),
        Color::Green => sixteen(2),
        Color::Yellow => sixteen(3),
        Color::Blue => sixteen(4),
        Color::Magenta => sixteen(5),
        Color::Cyan => sixteen(6),
        Color::Gray => sixteen(7),
        Color::DarkGray => sixteen(8),
        Color::LightRed => sixteen(9),
        Color::LightGreen => sixteen(10),
        Color::LightYellow => sixteen(11),
        Color::LightBlue => sixteen(12),
        Color::LightMagenta => sixteen(13),
        Color::LightCyan => sixteen(14),
        Color::White => sixteen(15),
        Color::Reset => None,
    }
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |rgb: [u8; 3]| {
        let [r, g, b] = rgb.map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{GlyphSet, Paths, ThemeFile};
    use proptest::prelude::*;

    fn theme(name: &str, colours: ColourTier) -> Theme {
        Theme::resolve(&ThemeFile::load(name, &Paths::below("/nonexistent")).0, colours, GlyphSet::Unicode)
    }

    fn colour() -> impl Strategy<Value = Option<Color>> {
        prop_oneof![
            Just(None),
            any::<u8>().prop_map(|n| Some(Color::Indexed(n))),
            any::<[u8; 3]>().prop_map(|[r, g, b]| Some(Color::Rgb(r, g, b))),
        ]
    }

    proptest! {
        #[test]
        fn whatever_a_program_chooses_can_be_read(fg in colour(), bg in colour(), tier in 0usize..3, light: bool) {
            let tier = [ColourTier::Ansi, ColourTier::Indexed, ColourTier::Rgb][tier];
            let theme = theme(if light { "paper-light" } else { "paper-dark" }, tier);
            let ground = Style { bg: Some(if light { Color::Rgb(250, 250, 250) } else { Color::Rgb(16, 16, 16) }), ..Style::default() };
            let style = shown(Style { fg, bg, ..Style::default() }, ground, &theme);
            if let (Some(ink), Some(behind)) = (style.fg.and_then(rgb), style.bg.or(ground.bg).and_then(rgb)) {
                prop_assert!(contrast(ink, behind) >= LEAST, "{style:?}: {}", contrast(ink, behind));
            }
            let is_sixteen = |colour: Option<Color>| !matches!(colour, Some(Color::Rgb(..) | Color::Indexed(16..)));
            prop_assert!(tier != ColourTier::Ansi || (is_sixteen(style.fg) && is_sixteen(style.bg)));
            prop_assert!(tier != ColourTier::Indexed || !matches!(style.fg, Some(Color::Rgb(..))));
        }
    }

    #[test]
    fn black_on_black_is_seen_and_what_can_be_read_stays() {
        let theme = theme("terminal", ColourTier::Ansi);
        let of = |fg: u8, bg: Option<u8>| {
            let style =
                Style { fg: Some(Color::Indexed(fg)), bg: bg.map(Color::Indexed), ..Style::default() };
            shown(style, Style::default(), &theme).fg
        };
        assert_eq!(of(0, Some(0)), Some(Color::Indexed(15)));
        assert_eq!(of(15, Some(15)), Some(Color::Indexed(0)));
        assert_eq!(of(1, Some(0)), Some(Color::Indexed(1)));
        // What is behind it is the terminal's own.
        assert_eq!(of(0, None), Some(Color::Indexed(0)));
    }
}
