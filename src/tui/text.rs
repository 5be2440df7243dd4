//! Text as it may be drawn: without controls that a terminal would obey or an eye would miss, and measured in cells.
//!
//! Everything from outside (programs, engines, files, the clipboard) goes through here before the model keeps it.

use std::borrow::Cow;
use std::time::Duration;

pub(crate) use crate::engine::is_hostile;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// How many combining characters one cell may carry; more only serve to smear over the lines around.
pub(crate) const MAX_COMBINING: usize = 4;

/// A character that shows where a hostile one stood; any other as it is.
pub(crate) fn visible(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        c if is_hostile(c) => '\u{fffd}',
        c => c,
    }
}

/// One line of text that is safe to draw: line breaks become spaces, tabs too, the rest as [`visible`] says.
pub(crate) fn sanitise(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut combining = 0;
    for c in text.chars() {
        let c = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { visible(c) };
        combining = if is_combining(c) { combining + 1 } else { 0 };
        if combining <= MAX_COMBINING {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Text to be typed or pasted into one field or the editor: line breaks and tabs stay.
pub(crate) fn sanitise_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { visible(c) }).collect()
}

/// Takes no cell of its own.
pub(crate) fn is_combining(c: char) -> bool {
    c != '\u{200d}' && unicode_width::UnicodeWidthChar::width(c) == Some(0)
}

/// How many cells a text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// As much of a text as fits into `cells`, its cut end marked by `mark`.
pub(crate) fn fit<'a>(text: &'a str, cells: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= cells {
        return Cow::Borrowed(text);
    }
    let room = cells.saturating_sub(width(mark));
    let (mut used, mut end) = (0, 0);
    for (at, grapheme) in text.grapheme_indices(true) {
        used += width(grapheme);
        if used > room {
            break;
        }
        end = at + grapheme.len();
    }
    let mark = if cells >= width(mark) { mark } else { "" };
    Cow::Owned(format!("{}{mark}", text.get(..end).unwrap_or_default()))
}

/// A text in exactly `cells` cells: cut or filled with spaces.
pub(crate) fn pad(text: &str, cells: usize, mark: &str) -> String {
    let text = fit(text, cells, mark);
    let fill = cells.saturating_sub(width(&text));
    format!("{text}{:fill$}", "")
}

/// Breaks a text at spaces into lines of at most `cells`; a word too long is broken anywhere.
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word;
        loop {
            let gap = usize::from(!line.is_empty());
            if width(&line) + gap + width(word) <= cells {
                line.push_str(if gap == 1 { " " } else { "" });
                line.push_str(word);
                break;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            let head = fit(word, cells, "").into_owned();
            if head.is_empty() {
                break;
            }
            word = &word[head.len()..];
            lines.push(head);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Breaks a text anywhere into lines of at most `cells`; what is wider than that is left out.
pub(crate) fn broken(text: &str, cells: usize) -> Vec<String> {
    if width(text) <= cells {
        return vec![text.to_owned()];
    }
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for grapheme in text.graphemes(true) {
        let wide = width(grapheme);
        if used + wide > cells {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if wide <= cells {
            line.push_str(grapheme);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

/// A time that went by, as a clock counts it: `00:12`, `2:03:04`.
pub(crate) fn clock(time: Duration) -> String {
    let (hours, minutes, seconds) = parts(time);
    if hours == 0 {
        format!("{minutes:02}:{seconds:02}")
    } else {
        format!("{hours}:{minutes:02}:{seconds:02}")
    }
}

/// A time that went by, in words: `12 s`, `3 min 04 s`, `2 h 05 min`, `4 d`.
pub(crate) fn span(time: Duration) -> String {
    match parts(time) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours @ 0..48, minutes, _) => format!("{hours} h {minutes:02} min"),
        (hours, ..) => format!("{} d", hours / 24),
    }
}

/// A time that went by, to the minute: `<1 min`, `3 min`, `2 h 05 min`, `4 d`.
pub(crate) fn minutes(time: Duration) -> String {
    match parts(time) {
        (0, 0, _) => "<1 min".to_owned(),
        (0, minutes, _) => format!("{minutes} min"),
        _ => span(time),
    }
}

/// Hours, minutes, seconds.
fn parts(time: Duration) -> (u64, u64, u64) {
    let seconds = time.as_secs();
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Milliseconds as people read them: `11.9 ms`, `1.24 s`. What is rounded up to the next unit is told in that.
pub(crate) fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 99.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_995.0 => format!("{:.2} s", ms / 1000.0),
        ms => {
            let seconds = (ms / 1000.0).round();
            format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), seconds % 60.0)
        }
    }
}

/// Milliseconds that are known to the millisecond only: `12 ms`, `1.24 s`.
pub(crate) fn whole_millis(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { millis(ms as f64) }
}

/// Bytes as people read them, in units of 1000: `41 MB`.
pub(crate) fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        n if n < 1e3 => format!("{n:.0} B"),
        n if n < 999.5e3 => format!("{:.0} kB", n / 1e3),
        n if n < 9.95e6 => format!("{:.1} MB", n / 1e6),
        n if n < 999.5e6 => format!("{:.0} MB", n / 1e6),
        n => format!("{:.2} GB", n / 1e9),
    }
}

/// The same in at most four cells, for small places: `41M`, `1.2G`.
pub(crate) fn short_bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        n if n < 999.5 => format!("{n:.0}B"),
        n if n < 999.5e3 => format!("{:.0}k", n / 1e3),
        n if n < 9.95e6 => format!("{:.1}M", n / 1e6),
        n if n < 999.5e6 => format!("{:.0}M", n / 1e6),
        n if n < 9.95e9 => format!("{:.1}G", n / 1e9),
        n => format!("{:.0}G", (n / 1e9).min(999.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_passes() {
        let evil = "a\x1b[31mb\u{9b}2Jc\u{202e}d\u{e0041}e\u{feff}\x07\x7f\r\n";
        let clean = sanitise(evil);
        assert!(!clean.chars().any(is_hostile), "{clean:?}");
        assert!(clean.starts_with("a\u{241b}[31mb"), "{clean}");
    }

    #[test]
    fn marks_are_bounded() {
        let zalgo = format!("a{}b", "\u{301}".repeat(200));
        assert_eq!(sanitise(&zalgo).chars().count(), 2 + MAX_COMBINING);
    }

    #[test]
    fn emoji_families_stay_whole() {
        let family = "👩\u{200d}👩\u{200d}👧";
        assert_eq!(sanitise(family), family);
    }

    #[test]
    fn cutting_counts_cells() {
        assert_eq!(fit("日本語", 5, "…"), "日本…");
        assert_eq!(fit("日本語", 4, "…"), "日…");
        assert_eq!(pad("日", 4, "…"), "日  ");
        assert_eq!(fit("abc", 0, "…"), "");
    }

    #[test]
    fn wrapping_breaks_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(broken("a b日cd", 3), ["a b", "日c", "d"]);
        assert_eq!(broken("日a", 1), ["", "a"]);
        assert_eq!(wrap("", 3), Vec::<String>::new());
    }

    #[test]
    fn figures_carry_units() {
        assert_eq!(millis(11.94), "11.9 ms");
        assert_eq!(millis(1240.0), "1.24 s");
        assert_eq!(whole_millis(12), "12 ms");
        assert_eq!(
            [99.96, 999.6, 59_996.0, 119_700.0].map(millis),
            ["100 ms", "1.00 s", "1 min 00 s", "2 min 00 s"]
        );
        assert_eq!([999_600, 9_960_000, 999_600_000].map(bytes), ["1.0 MB", "10 MB", "1.00 GB"]);
        assert_eq!(bytes(41_234_567), "41 MB");
        assert_eq!(bytes(999), "999 B");
        assert_eq!([0, 999_400, 999_600, 41_234_567].map(short_bytes), ["0B", "999k", "1.0M", "41M"]);
        assert_eq!([999_600_000, 12_000_000_000, u64::MAX].map(short_bytes), ["1.0G", "12G", "999G"]);
        assert_eq!(
            [59, 60, 7500].map(|s| minutes(Duration::from_secs(s))),
            ["<1 min", "1 min", "2 h 05 min"]
        );
        let of = |seconds| (clock(Duration::from_secs(seconds)), span(Duration::from_secs(seconds)));
        assert_eq!(of(12), ("00:12".to_owned(), "12 s".to_owned()));
        assert_eq!(of(184), ("03:04".to_owned(), "3 min 04 s".to_owned()));
        assert_eq!(of(7500), ("2:05:00".to_owned(), "2 h 05 min".to_owned()));
        assert_eq!(of(300_000).1, "3 d");
    }
}
