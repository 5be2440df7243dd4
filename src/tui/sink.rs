//! From a program's bytes to lines: colours are kept, a line can be rewritten, and no other escape has any effect.

use ratatui::style::{Color, Modifier, Style};
use vte::{Params, Parser, Perform};

use super::output::Output;
use super::text;
use crate::protocol::OutputStream;

/// What one run's two streams have half written.
#[derive(Default)]
pub(crate) struct Sink {
    /// Whose block it writes to; 0 is the newest.
    run: u32,
    stdout: Half,
    stderr: Half,
}

#[derive(Default)]
struct Half {
    parser: Parser,
    style: Style,
    /// The first bytes of a character whose rest has not come.
    begun: Vec<u8>,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

impl Sink {
    /// A run's own.
    pub(crate) fn of(run: u32) -> Self {
        Self { run, ..Self::default() }
    }

    /// Takes bytes as they come; an escape or a character may be cut anywhere.
    pub(crate) fn write(&mut self, output: &mut Output, stream: OutputStream, bytes: &[u8]) {
        let run = self.run;
        let Half { parser, style, begun } = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        let mut writer = Writer { output, run, stream, style, text: String::new() };
        let mut bytes = bytes;
        // The parser is not given half a character: what it makes of two halves depends on where they part. One whose rest
        // doesn't come is told as what it is: no character.
        while let Some((next, rest)) = bytes.split_first().filter(|_| !begun.is_empty()) {
            begun.push(*next);
            bytes = rest;
            if is_begun(begun) {
                continue;
            }
            if std::str::from_utf8(begun).is_ok() {
                parser.advance(&mut writer, begun);
                begun.clear();
            } else {
                begun.clear();
                parser.advance(&mut writer, NO_CHARACTER);
                match is_begun(&[*next]) {
                    true => begun.push(*next),
                    false => parser.advance(&mut writer, &[*next]),
                }
            }
        }
        let (mut whole, tail) = bytes.split_at(bytes.len() - half(bytes));
        begun.extend_from_slice(tail);
        let mut broken = 0;
        while !tail.is_empty() && half(whole) > 0 {
            whole = whole.get(..whole.len() - half(whole)).unwrap_or_default();
            broken += 1;
        }
        parser.advance(&mut writer, whole);
        for _ in 0..broken {
            parser.advance(&mut writer, NO_CHARACTER);
        }
        writer.flush();
    }
}

/// What stands where bytes are no character.
const NO_CHARACTER: &[u8] = "\u{fffd}".as_bytes();

/// Whether these bytes are the beginning of one character.
fn is_begun(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

/// How many bytes at the end are the beginning of a character.
fn half(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3))
        .find(|tail| is_begun(bytes.get(bytes.len() - tail..).unwrap_or_default()))
        .unwrap_or(0)
}

struct Writer<'a> {
    output: &'a mut Output,
    run: u32,
    stream: OutputStream,
    style: &'a mut Style,
    /// Characters of that style on their way: to look for their line once for each would cost more than they do.
    text: String,
}

impl Writer<'_> {
    fn flush(&mut self) {
        self.output.put_str(self.run, self.stream, &self.text, *self.style);
        self.text.clear();
    }
}

impl Perform for Writer<'_> {
    fn print(&mut self, c: char) {
        if text::is_combining(c) {
            self.flush();
            if self.output.combining(self.run, self.stream) >= text::MAX_COMBINING {
                return;
            }
        }
        self.text.push(text::visible(c));
    }

    fn execute(&mut self, byte: u8) {
        self.flush();
        match byte {
            b'\n' => self.output.newline(self.run, self.stream),
            b'\r' => self.output.back(self.run, self.stream, true),
            0x08 => self.output.back(self.run, self.stream, false),
            b'\t' => self.output.tab(self.run, self.stream, *self.style),
            0x07 => {}
            other => self.print(char::from(other)),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        self.flush();
        match action {
            'm' => sgr(self.style, params),
            'K' => self.output.erase(
                self.run,
                self.stream,
                params.iter().next().and_then(|p| p.first()).copied().unwrap_or(0),
            ),
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
    use crate::tui::output::{Kind, Line};
    use proptest::prelude::*;

    fn written(chunks: &[&[u8]]) -> Output {
        let mut output = Output::default();
        output.begin(1);
        let mut sink = Sink::default();
        for chunk in chunks {
            sink.write(&mut output, OutputStream::Stdout, chunk);
        }
        output
    }

    fn lines(output: &Output) -> Vec<Line> {
        let mut at = Some(output.first());
        std::iter::from_fn(|| {
            let here = at?;
            at = output.after(here);
            output.line(here).map(std::borrow::Cow::into_owned)
        })
        .collect()
    }

    fn texts(output: &Output) -> Vec<String> {
        lines(output).into_iter().map(|line| line.text).collect()
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
            assert_eq!(lines(&cut)[0].styles, lines(&whole)[0].styles, "cut at {at}");
        }
        assert_eq!(texts(&whole), ["réd 日本xy"]);
        let line = lines(&whole).remove(0);
        assert_eq!(line.styles[0].1, Style::default().fg(Color::Indexed(1)).add_modifier(Modifier::BOLD));
        assert_eq!(line.styles.last().unwrap().1.fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(line.styles.last().unwrap().0, line.text.len());
    }

    #[test]
    fn tabs_stop_every_eight() {
        assert_eq!(texts(&written(&[b"a\tb\n"])), ["a       b"]);
    }

    #[test]
    fn streams_do_not_share_a_line() {
        let mut output = Output::default();
        let mut sink = Sink::default();
        sink.write(&mut output, OutputStream::Stdout, b"out\x1b[3");
        sink.write(&mut output, OutputStream::Stderr, b"err\n");
        sink.write(&mut output, OutputStream::Stdout, b"1mred\n");
        assert_eq!(texts(&output), ["out", "err", "red"]);
        assert_eq!(lines(&output)[1].kind, Kind::Stderr);
        assert!(!lines(&output)[2].styles.is_empty());
    }

    #[test]
    fn a_line_without_end_is_kept_in_pieces_and_copied_as_one() {
        let long = "y".repeat(100_000);
        let output = written(&[long.as_bytes(), b"\nnext\n"]);
        let all = lines(&output);
        assert!(all.iter().all(|line| line.text.len() <= 4096));
        assert_eq!(output.run_text(1).unwrap(), format!("{long}\nnext\n"));
        let said = all.iter().find(|line| line.kind == Kind::Note).unwrap();
        assert_eq!(said.text, "that was one line of 100 kB, in 25 pieces");
    }

    #[test]
    fn no_style_is_left_to_the_next_run() {
        let mut output = written(&[b"\x1b[1;31mred"]);
        output.begin(2);
        Sink::of(2).write(&mut output, OutputStream::Stdout, b"plain\n");
        assert!(lines(&output).last().unwrap().styles.is_empty());
    }

    fn chunk() -> impl Strategy<Value = Vec<u8>> {
        let nasty = [
            &b"\x1b]52;c;aGk=\x07"[..],
            b"\x1b]0;title\x1b\\",
            b"\x1b[?1049h",
            b"\x1b[2J\x1b[10;10H",
            b"\x1bP+q544e\x1b\\",
            b"\x1b_Gf=100\x1b\\",
            b"\x9b31m",
            b"\xff\xfe\xc3",
            b"\r\x08\t\x1b[1K\x1b[2K\x1b[K",
            "\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}".as_bytes(),
            "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}".as_bytes(),
            "\u{9b}2J\u{85}\u{90}日本👩\u{200d}👧".as_bytes(),
            b"\x1b[38;5;200mx\x1b[38;2;1;2;3my\x1b[48;2;1;2;3;4;5mz\x1b[0m",
            b"\n",
        ];
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..20),
            prop::sample::select(nasty.map(<[u8]>::to_vec).to_vec()),
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_and_however_it_is_cut(
            chunks in prop::collection::vec(chunk(), 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let all = chunks.concat();
            let whole = written(&[&all]);
            for line in lines(&whole) {
                prop_assert!(!line.text.chars().any(text::is_hostile), "{:?}", line.text);
            }
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len() + 1)).collect();
            places.extend([0, all.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &all[pair[0]..pair[1]]).collect();
            let cut = written(&pieces);
            let look = |output: &Output| lines(output).into_iter().map(|l| (l.text, l.styles)).collect::<Vec<_>>();
            prop_assert_eq!(look(&cut), look(&whole));
        }
    }
}
