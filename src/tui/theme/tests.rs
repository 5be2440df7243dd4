//! Every built-in theme names what there is, and can be read: with 24 bits and with sixteen colours.

use super::*;
use crate::config::{ANSI, BUILT_IN, Paths};

const TIERS: [ColourTier; 3] = [ColourTier::Rgb, ColourTier::Indexed, ColourTier::Ansi];

fn vars(given: &'static [(&str, &str)]) -> TerminalKind {
    TerminalKind::from_vars(|name| given.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
}

fn built_in(name: &str) -> ThemeFile {
    let (file, warnings) = ThemeFile::load(name, &Paths::below("/nonexistent"));
    assert_eq!(warnings, [], "{name}");
    file
}

#[test]
fn the_environment_decides() {
    let kind = vars(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "en_GB.UTF-8")]);
    assert_eq!(kind, TerminalKind { colours: ColourTier::Rgb, unicode: true });
    assert_eq!(vars(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]).colours, ColourTier::Mono);
    let console = vars(&[("TERM", "linux"), ("LANG", "en_GB.UTF-8")]);
    assert_eq!(console, TerminalKind { colours: ColourTier::Ansi, unicode: false });
}

#[test]
fn the_background_may_be_known() {
    let light = |value: &'static str| light_from_vars(|_| Some(value.to_owned()));
    assert_eq!(light("0;15"), Some(true));
    assert_eq!(light("15;0"), Some(false));
    assert_eq!(light("12;default;8"), Some(false));
    assert_eq!(light("0;default"), None);
    assert_eq!(light("0;99"), None);
    assert_eq!(light_from_vars(|_| None), None);
    assert!(is_light([0xfa, 0xf7, 0xf0]) && is_light([0xfd, 0xf6, 0xe3]) && !is_light([0x1b, 0x1d, 0x21]));
}

#[test]
fn no_built_in_theme_names_what_there_is_not() {
    for (name, _) in BUILT_IN {
        assert_eq!(built_in(name).check(NAMES), [], "{name}");
    }
}

#[test]
fn mono_sets_no_colour() {
    let theme = Theme::resolve(&built_in("paper-dark"), ColourTier::Mono, GlyphSet::Unicode);
    assert!(theme.styles.iter().all(|s| s.fg.is_none() && s.bg.is_none()));
}

/// What xterm shows for a colour.
fn xterm(colour: Color) -> [u8; 3] {
    rgb(colour).unwrap()
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Frames, tracks, charts and meters are seen, not read.
fn is_shape(role: &str) -> bool {
    ["pane.border", "overlay.border", "scroll.", "chart.", "meter."]
        .iter()
        .any(|start| role.starts_with(start))
}

#[test]
fn words_can_be_read_and_frames_be_seen() {
    let mut bad = Vec::new();
    for (name, _) in BUILT_IN {
        let file = built_in(name);
        let high = name.starts_with("high-contrast");
        for tier in TIERS {
            let theme = Theme::resolve(&file, tier, GlyphSet::Unicode);
            let own = if file.light { ([0; 3], [255; 3]) } else { ([229; 3], [0; 3]) };
            let page = theme.style(Role::Background);
            let ink = page.fg.map_or(own.0, xterm);
            let page = page.bg.map_or(own.1, xterm);
            let raised = theme.style(Role::Overlay).bg.map_or(page, xterm);
            let line = theme.style(Role::CodeLine).bg.map_or(page, xterm);
            for (at, role) in NAMES.iter().enumerate() {
                let style = theme.styles[at];
                let text = style.fg.map_or(ink, xterm);
                let least = if high {
                    7.0
                } else if is_shape(role) {
                    3.0
                } else {
                    4.5
                };
                let mut grounds = vec![style.bg.map_or(page, xterm)];
                grounds.extend((!is_shape(role) && style.bg.is_none()).then_some(raised));
                grounds.extend(role.starts_with("code.").then_some(line));
                for ground in grounds {
                    let found = contrast(text, ground);
                    // A reading of two digits, as people compare them.
                    if found + 0.005 < least {
                        bad.push(format!("{name} {tier:?}: {role} {text:?} on {ground:?} is {found:.2}:1"));
                    }
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn whoever_sets_one_colour_of_a_page_sets_both() {
    for (name, _) in BUILT_IN {
        for tier in TIERS {
            let page = Theme::resolve(&built_in(name), tier, GlyphSet::Unicode).style(Role::Background);
            assert_eq!(page.fg.is_some(), page.bg.is_some(), "{name} {tier:?}");
        }
    }
}

/// A colour as somebody sees it whose eyes lack the cones for green (Machado and others, 2009), in linear light.
fn without_green(colour: [u8; 3]) -> [f64; 3] {
    let linear = colour.map(|v| (f64::from(v) / 255.0).powf(2.2));
    let row = |a: f64, b: f64, c: f64| a * linear[0] + b * linear[1] + c * linear[2];
    [row(0.367, 0.861, -0.228), row(0.280, 0.673, 0.047), row(-0.012, 0.043, 0.969)]
}

#[test]
fn well_and_wrong_differ_for_eyes_that_lack_green() {
    for tier in TIERS {
        let theme = Theme::resolve(&built_in("colour-blind"), tier, GlyphSet::Unicode);
        let seen = |role| without_green(xterm(theme.style(role).fg.unwrap()));
        let (ok, fail) = (seen(Role::Ok), seen(Role::Fail));
        let blue = (ok[2] - fail[2]).abs();
        assert!(blue > 0.4, "{tier:?}: {ok:?} {fail:?}");
    }
}

#[test]
fn nearest_of_256() {
    assert_eq!(nearest([255, 255, 255]), 231);
    assert_eq!(nearest([0, 0, 0]), 16);
    assert_eq!(nearest([128, 128, 128]), 244);
}

#[test]
fn sixteen_names_are_sixteen_colours() {
    for (name, value) in ANSI {
        assert_eq!(rgb(ansi(name).unwrap()), Some(value), "{name}");
    }
}

#[test]
fn a_role_looks_as_its_longest_known_prefix() {
    let text = "[palette]\na = { ansi = \"red\" }\nb = { ansi = \"blue\" }\n[roles]\n\"text\" = \"a\"\n\"pane\" = \"b\"\n";
    let (file, _) = ThemeFile::parse("t", text);
    let theme = Theme::resolve(&file, ColourTier::Ansi, GlyphSet::Ascii);
    assert_eq!(theme.style(Role::BorderFocus).fg, Some(Color::Blue));
    assert_eq!(theme.style(Role::Ok).fg, Some(Color::Red));
}
