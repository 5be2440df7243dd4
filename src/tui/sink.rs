//! From a program's bytes to lines: colours are kept, a line can be rewritten, and no other escape has any effect.

use ratatui::style::{Color, Modifier, Style};
use vte::{Params, Parser, Perform};

use super::output::Output;
use super::text;
use crate::protocol::OutputStream;

/// What one run's two streams have half written.
#[derive(Default)]
pub(crate) struct Sink {
    stdout: Half,
    stderr: Half,
}

#[derive(Default)]
struct Half {
    parser: Parser,
    style: Style,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

impl Sink {
    /// Takes bytes as they come; an escape or a character may be cut anywhere.
    pub(crate) fn write(&mut self, output: &mut Output, stream: OutputStream, bytes: &[u8]) {
        let Half { parser, style } = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        parser.advance(&mut Writer { output, stream, style }, bytes);
    }
}

struct Writer<'a> {
    output: &'a mut Output,
    stream: OutputStream,
    style: &'a mut Style,
}

impl Perform for Writer<'_> {
    fn print(&mut self, c: char) {
        if text::is_combining(c) && self.output.combining() >= text::MAX_COMBINING {
            return;
        }
        self.output.put(self.stream, text::visible(c), *self.style);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.output.newline(self.stream),
            b'\r' => self.output.back(self.stream, true),
            0x08 => self.output.back(self.stream, false),
            b'\t' => self.output.tab(self.stream, *self.style),
            0x07 => {}
            other => self.print(char::from(other)),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        match action {
            'm' => sgr(self.style, params),
            'K' => self
                .output
                .erase(self.stream, params.iter().next().and_then(|p| p.first()).copied().unwrap_or(0)),
            _ => {}
        }
    }
}

/// Applies the colours and attributes of `ESC [ … m`.
fn sgr(style: &mut Style, params: &Params) {
    let mut params = params.iter();
    while let Some(param) = params.next() {
        let code = param.first().copied().unwrap_or(0);
        match code {
            0 => *style = Style::default(),
            1..=9 => {
                if let Some(modifier) = attribute(code) {
                    *style = style.add_modifier(modifier);
                }
            }
            22 => drop_modifier(style, Modifier::BOLD | Modifier::DIM),
            23 => drop_modifier(style, Modifier::ITALIC),
            24 => drop_modifier(style, Modifier::UNDERLINED),
            27 => drop_modifier(style, Modifier::REVERSED),
            29 => drop_modifier(style, Modifier::CROSSED_OUT),
            30..=37 => style.fg = Some(sixteen(code - 30)),
            90..=97 => style.fg = Some(sixteen(code - 90 + 8)),
            40..=47 => style.bg = Some(sixteen(code - 40)),
            100..=107 => style.bg = Some(sixteen(code - 100 + 8)),
            39 => style.fg = None,
            49 => style.bg = None,
            38 | 48 => {
                let found = match param {
                    // With colons, a colour space may stand before red.
                    [_, 2, _, r, g, b, ..] | [_, 2, r, g, b] => rgb(*r, *g, *b),
                    [_, 5, n, ..] => indexed(*n),
                    _ => extended(&mut params.by_ref().map(|p| p.first().copied().unwrap_or(0))),
                };
                let place = if code == 38 { &mut style.fg } else { &mut style.bg };
                *place = found.or(*place);
            }
            _ => {}
        }
    }
}

/// No blinking (5, 6) and nothing concealed (8): text that is there is seen.
fn attribute(code: u16) -> Option<Modifier> {
    Some(match code {
        1 => Modifier::BOLD,
        2 => Modifier::DIM,
        3 => Modifier::ITALIC,
        4 => Modifier::UNDERLINED,
        7 => Modifier::REVERSED,
        9 => Modifier::CROSSED_OUT,
        _ => return None,
    })
}

fn drop_modifier(style: &mut Style, modifier: Modifier) {
    style.add_modifier -= modifier;
}

fn sixteen(n: u16) -> Color {
    Color::Indexed(u8::try_from(n).unwrap_or(7))
}

/// `5;n` or `2;r;g;b`.
fn extended(numbers: &mut dyn Iterator<Item = u16>) -> Option<Color> {
    match numbers.next()? {
        5 => indexed(numbers.next()?),
        2 => rgb(numbers.next()?, numbers.next()?, numbers.next()?),
        _ => None,
    }
}

fn indexed(n: u16) -> Option<Color> {
    u8::try_from(n).ok().map(Color::Indexed)
}

fn rgb(r: u16, g: u16, b: u16) -> Option<Color> {
    Some(Color::Rgb(u8::try_from(r).ok()?, u8::try_from(g).ok()?, u8::try_from(b).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::output::{Kind, MAX_LINES};

    fn written(chunks: &[&[u8]]) -> Output {
        let mut output = Output::default();
        let mut sink = Sink::default();
        for chunk in chunks {
            sink.write(&mut output, OutputStream::Stdout, chunk);
        }
        output
    }

    fn texts(output: &Output) -> Vec<String> {
        (0..output.len()).filter_map(|at| output.line(at)).map(|line| line.text.clone()).collect()
    }

    #[test]
    fn carriage_return_rewrites_the_line() {
        assert_eq!(texts(&written(&[b"10 %\r20 %\r100 %\n"])), ["100 %"]);
        assert_eq!(texts(&written(&[b"long text\rab\x1b[K\n"])), ["ab"]);
        assert_eq!(texts(&written(&[b"a\r\nb\r\n"])), ["a", "b"]);
        assert_eq!(texts(&written(&[b"ab\x08c\n"])), ["ac"]);
    }

    #[test]
    fn nothing_but_colour_has_an_effect() {
        let evil = b"\x1b]0;title\x07a\x1b[2Jb\x1b[10;10Hc\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x1bPq#0\x1b\\d\x1bc\n";
        assert_eq!(texts(&written(&[evil])), ["abclinkd"]);
    }

    #[test]
    fn hidden_characters_are_seen() {
        let output = written(&["a\u{202e}b\u{feff}\u{85}\0\n".as_bytes()]);
        assert!(!texts(&output)[0].chars().any(text::is_hostile), "{:?}", texts(&output));
        let zalgo = format!("a{}\n", "\u{301}".repeat(50));
        assert_eq!(texts(&written(&[zalgo.as_bytes()]))[0].chars().count(), 1 + text::MAX_COMBINING);
    }

    #[test]
    fn cut_anywhere_is_the_same() {
        let bytes = "\x1b[1;31mré\x1b[0md 日本\x1b[38;5;200mx\x1b[38;2;1;2;3my\r\n".as_bytes();
        let whole = written(&[bytes]);
        for at in 0..bytes.len() {
            let cut = written(&[&bytes[..at], &bytes[at..]]);
            assert_eq!(texts(&cut), texts(&whole), "cut at {at}");
            assert_eq!(cut.line(0).unwrap().styles, whole.line(0).unwrap().styles, "cut at {at}");
        }
        assert_eq!(texts(&whole), ["réd 日本xy"]);
        let line = whole.line(0).unwrap();
        assert_eq!(line.styles[0].1, Style::default().fg(Color::Indexed(1)).add_modifier(Modifier::BOLD));
        assert_eq!(line.styles.last().unwrap().1.fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(line.styles.last().unwrap().0, line.text.len());
    }

    #[test]
    fn tabs_stop_every_eight() {
        assert_eq!(texts(&written(&[b"a\tb\n"])), ["a       b"]);
    }

    #[test]
    fn the_ring_is_bounded_and_counts_what_it_drops() {
        let output = written(&["x\n".repeat(MAX_LINES + 5).as_bytes()]);
        assert_eq!((output.len(), output.dropped()), (MAX_LINES, 5));
        let long = "y".repeat(100_000);
        assert!(texts(&written(&[long.as_bytes()])).iter().all(|line| line.len() <= 4096));
    }

    #[test]
    fn streams_do_not_share_a_line() {
        let mut output = Output::default();
        let mut sink = Sink::default();
        sink.write(&mut output, OutputStream::Stdout, b"out\x1b[3");
        sink.write(&mut output, OutputStream::Stderr, b"err\n");
        sink.write(&mut output, OutputStream::Stdout, b"1mred\n");
        assert_eq!(texts(&output), ["out", "err", "red"]);
        assert_eq!(output.line(1).unwrap().kind, Kind::Stderr);
        assert!(!output.line(2).unwrap().styles.is_empty());
    }

    #[test]
    fn scrolling_up_stays_and_the_end_follows() {
        let mut output = written(&["line\n".repeat(100).as_bytes()]);
        assert_eq!(output.first_shown(10, 80), (90, 0));
        output.scroll(-5, 10, 80);
        assert_eq!(output.first_shown(10, 80), (85, 0));
        Sink::default().write(&mut output, OutputStream::Stdout, b"more\n");
        assert_eq!(output.first_shown(10, 80), (85, 0));
        output.scroll(50, 10, 80);
        assert!(output.follows());
        output.scroll_to_top(10, 80);
        assert_eq!(output.first_shown(10, 80), (0, 0));
        assert_eq!(output.extent(10, 80), (0, 101));
    }

    #[test]
    fn a_wrapped_line_is_scrolled_row_by_row() {
        let text = format!("first\n{}\n{}\n", "x".repeat(700), "日".repeat(10));
        let mut output = written(&[text.as_bytes()]);
        output.wrap = true;
        // Ten rows of 70, and four of a column's loss each: three of two cells in seven.
        assert_eq!((output.height(1, 70), output.height(2, 7)), (10, 4));
        assert_eq!((output.first_shown(4, 70), output.extent(4, 70)), ((1, 7), (8, 12)));
        output.scroll(-2, 4, 70);
        assert_eq!((output.first_shown(4, 70), output.extent(4, 70)), ((1, 5), (6, 12)));
        // Half the width: the same text stays at the top.
        assert_eq!(output.first_shown(4, 35), (1, 10));
        output.scroll(-6, 4, 70);
        assert_eq!(output.first_shown(4, 70), (0, 0));
        output.scroll(1, 4, 70);
        output.scroll(6, 4, 70);
        assert!(!output.follows());
        output.scroll(1, 4, 70);
        assert!(output.follows());
        output.wrap = false;
        assert_eq!((output.first_shown(2, 70), output.extent(2, 70)), ((1, 0), (1, 3)));
    }
}
