//! Pictures of screens: each can be drawn, is SVG that a viewer can read, and says what it should. Those that the
//! README shows are checked in, and so is every screen in every size and look, as text with a digest of its colours;
//! `CODEBEAKER_UPDATE_GOLDEN=1` draws them anew.

#![allow(clippy::unwrap_used, reason = "a test's own machinery")]

use std::path::Path;

use codebeaker::config::{Paths, Settings};
use codebeaker::tui::{ColourTier, Options, TerminalKind, screen_names, screenshot};
use sha2::{Digest as _, Sha256};

fn options(theme: &str, glyphs: &str) -> Options {
    let settings =
        Settings { theme: Some(theme.to_owned()), glyphs: Some(glyphs.to_owned()), ..Settings::default() };
    let terminal = TerminalKind { colours: ColourTier::Rgb, unicode: true };
    Options::new(settings, Paths::below("/nonexistent"), terminal)
}

/// The texts of a picture in their order, each with where it begins. Panics if it is no well-formed XML.
fn texts(svg: &str) -> Vec<(String, String)> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "{text}");
        for (entity, _) in text.match_indices('&') {
            let name = text[entity + 1..].split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot"].contains(&name), "{text}");
        }
        let end = at + rest[at..].find('>').unwrap();
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let (begun, attributes): (&str, &str) = open.pop().unwrap();
            assert_eq!(begun, name);
            if name == "text" {
                let place = attributes.split("textLength").next().unwrap().trim();
                found.push((place.to_owned(), text.to_owned()));
            }
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert_eq!(attributes.matches('"').count() % 2, 0, "{tag}");
        if !tag.ends_with('/') {
            open.push((name, attributes));
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    found
}

fn says(svg: &str) -> String {
    texts(svg).into_iter().map(|(_, text)| text + "\n").collect()
}

#[test]
fn every_screen_can_be_drawn_at_every_size_in_every_theme() {
    for screen in screen_names() {
        for size in [(120, 36), (80, 24), (40, 12), (20, 5), (1, 1)] {
            texts(&screenshot(screen, size, &options("paper-light", "unicode")).unwrap());
        }
        let svg = screenshot(screen, (80, 24), &options("mono", "ascii")).unwrap();
        assert!(svg.is_ascii(), "{screen}");
    }
    for (theme, _) in codebeaker::config::BUILT_IN {
        texts(&screenshot("palette", (80, 24), &options(theme, "unicode")).unwrap());
    }
    assert!(
        screenshot("nothing", (80, 24), &options("mono", "ascii"))
            .unwrap_err()
            .to_string()
            .contains("link-lost")
    );
    assert!(screenshot("help", (0, 24), &options("mono", "ascii")).is_err());
    assert!(screenshot("help", (80, 60_000), &options("mono", "ascii")).is_err());
}

#[test]
fn screens_say_what_they_are() {
    for (screen, words) in [
        ("workbench", &["2 3 5 7 11 13 17 19 23 29 31 37 41 43 47", "$ run 2"][..]),
        ("running", &["Ada", "What is your name?"]),
        ("failed", &["RangeError", "✗ failed"]),
        ("race", &["bun", "deno", "docker", "97 ms"]),
        ("bench", &["Bench: primes.ts on 3 runtimes", "▲ slower", "seed 42", "Run by run"]),
        ("history", &["6 History", "all 2", "42 ms"]),
        ("palette", &["Session: new"]),
        ("help", &["Help"]),
        ("themes", &["Theme", "colour-blind"]),
        ("connect", &["verified, for lab.example.org"]),
        ("first-run", &["permission denied on /var/run/docker.sock"]),
        ("new-session", &["0.97"]),
        ("messages", &["session.execute"]),
        ("link-lost", &["reconnecting", "unknown"]),
        ("quit", &["Quit?"]),
    ] {
        let svg = screenshot(screen, (120, 36), &options("paper-dark", "unicode")).unwrap();
        let said = says(&svg);
        for word in words {
            assert!(said.contains(word), "{word} on {screen}:\n{said}");
        }
    }
}

#[test]
fn a_picture_is_the_same_each_time_and_has_its_themes_colours() {
    let draw = |theme| screenshot("workbench", (80, 24), &options(theme, "unicode")).unwrap();
    assert_eq!(draw("paper-dark"), draw("paper-dark"));
    assert!(draw("paper-dark").contains("rx=\"6\" fill=\"#1b1d21\""));
    assert!(draw("paper-light").contains("rx=\"6\" fill=\"#faf7f0\""));
    assert!(draw("terminal").contains("rx=\"6\" fill=\"#000000\""));
}

/// The looks that every screen is kept in: its name, the theme and the glyphs.
const LOOKS: [(&str, &str, &str); 4] = [
    ("dark", "paper-dark", "unicode"),
    ("light", "paper-light", "unicode"),
    ("mono", "mono", "unicode"),
    ("ascii", "paper-dark", "ascii"),
];

/// A picture's rows as text. A cell is 8.4 wide and 16 high, behind a margin of 10.
fn rows(svg: &str, (width, height): (u16, u16)) -> String {
    let mut grid = vec![vec![' '; usize::from(width)]; usize::from(height)];
    let number = |place: &str, name: &str| -> f64 {
        let rest = place.split(&format!("{name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    for (place, text) in texts(svg) {
        let (column, row) = ((number(&place, "x") - 10.0) / 8.4, (number(&place, "y") - 22.5) / 16.0);
        let plain =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        let row = &mut grid[row.round() as usize];
        for (cell, c) in row.iter_mut().skip(column.round() as usize).zip(plain.chars()) {
            *cell = c;
        }
    }
    grid.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
}

#[test]
fn every_screen_is_as_it_was_in_every_size_and_look() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screenshots/screens");
    let updating = std::env::var_os("CODEBEAKER_UPDATE_GOLDEN").is_some();
    let mut other = Vec::new();
    for screen in screen_names() {
        let mut told = String::new();
        for size in [(120, 36), (80, 24), (40, 12)] {
            for (look, theme, glyphs) in LOOKS {
                let svg = screenshot(screen, size, &options(theme, glyphs)).unwrap();
                let digest: String =
                    Sha256::digest(&svg).iter().take(8).map(|b| format!("{b:02x}")).collect();
                told += &format!("== {screen} {}x{} {look} {digest}\n", size.0, size.1);
                // Light and mono say the same in other colours.
                if matches!(look, "dark" | "ascii") {
                    told += &rows(&svg, size);
                }
            }
        }
        let file = folder.join(format!("{screen}.txt"));
        if updating {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &told).unwrap();
        } else if std::fs::read_to_string(&file).ok().as_ref() != Some(&told) {
            other.push(file.display().to_string());
        }
    }
    assert!(other.is_empty(), "{other:?} differ; if the change is meant, set CODEBEAKER_UPDATE_GOLDEN=1");
}

#[test]
fn without_colours_every_screen_says_the_same() {
    for screen in screen_names() {
        for size in [(120, 36), (80, 24), (40, 12)] {
            let drawn = |theme: &str| {
                let svg = screenshot(screen, size, &options(theme, "unicode")).unwrap();
                // One line names the theme.
                let lines = rows(&svg, size);
                lines.lines().filter(|line| !line.ends_with(theme)).map(str::to_owned).collect::<Vec<_>>()
            };
            if screen != "themes" {
                assert_eq!(drawn("mono"), drawn("paper-dark"), "{screen} {size:?}");
            }
        }
    }
}

/// What the README shows.
const SHOWN: [(&str, (u16, u16), &str); 6] = [
    ("workbench", (120, 36), "paper-dark"),
    ("race", (120, 36), "paper-dark"),
    ("palette", (80, 24), "paper-light"),
    ("new-session", (80, 24), "paper-dark"),
    ("link-lost", (80, 24), "high-contrast-dark"),
    ("first-run", (80, 24), "paper-dark"),
];

#[test]
fn the_readmes_pictures_are_what_is_drawn_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screenshots");
    let updating = std::env::var_os("CODEBEAKER_UPDATE_GOLDEN").is_some();
    let mut other = Vec::new();
    for (screen, size, theme) in SHOWN {
        let svg = screenshot(screen, size, &options(theme, "unicode")).unwrap();
        let file = folder.join(format!("{screen}.svg"));
        if updating {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &svg).unwrap();
        } else if std::fs::read_to_string(&file).ok() != Some(svg) {
            other.push(file.display().to_string());
        }
    }
    assert!(other.is_empty(), "{other:?} differ; if the change is meant, set CODEBEAKER_UPDATE_GOLDEN=1");
}
