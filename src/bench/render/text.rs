//! Text from outside, made fit to be shown: a report may come from a file, and its reasons from a program's output.

pub(super) use crate::engine::is_hostile;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many combining characters one cell may carry; more only serve to smear over the lines around.
const MAX_COMBINING: usize = 4;

/// One line: breaks and tabs become spaces, what else a terminal would obey a character that shows where it stood.
pub(super) fn plain(text: &str) -> String {
    let fit = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        c if is_hostile(c) || is_no_character(c) => '\u{fffd}',
        c => c,
    };
    let mut out = String::with_capacity(text.len());
    let mut combining = 0;
    for c in text.chars().map(fit) {
        combining = if c.width() == Some(0) { combining + 1 } else { 0 };
        if combining <= MAX_COMBINING {
            out.push(c);
        }
    }
    out
}

/// Neither HTML nor XML may hold these.
fn is_no_character(c: char) -> bool {
    (c as u32) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// Cells it takes on a screen.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// At most `most` cells of it, with a mark where something was cut off.
pub(super) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept) + 1 > most {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

/// Broken at spaces into lines of at most `most` cells; a word that is longer is broken within.
pub(super) fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        while let Some(line) = lines.last_mut() {
            let gap = usize::from(!line.is_empty());
            if width(line) + gap + width(&word) <= most {
                if gap == 1 {
                    line.push(' ');
                }
                line.push_str(&word);
                break;
            }
            if line.is_empty() {
                let (head, tail) = split(&word, most);
                line.push_str(&head);
                word = tail;
            }
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The first `most` cells (one character at least), and the rest.
fn split(word: &str, most: usize) -> (String, String) {
    let mut head = String::new();
    let mut rest = word.chars();
    while let Some(c) = rest.clone().next() {
        if !head.is_empty() && width(&head) + width(c.encode_utf8(&mut [0; 4])) > most {
            break;
        }
        head.push(c);
        rest.next();
    }
    (head, rest.as_str().to_owned())
}
