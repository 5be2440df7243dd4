//! The screen of a program that runs in a terminal: whatever it sends reaches these cells and nothing else.

use std::cell::Cell as Flag;
use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ratatui::style::{Color, Modifier, Style};
use vt100::{Callbacks, MouseProtocolEncoding, MouseProtocolMode, Parser};

use super::charset::Charset;
use super::text;

/// The most rows and columns of a screen: what a program can have drawn at a stroke has an end.
const MOST: (u16, u16) = (200, 400);
/// Rows that have left the screen and are kept.
const KEPT: usize = 2000;
/// Bytes that a program is answered at once, at most.
const ANSWERS: usize = 256;

thread_local! {
    /// A panic on this thread is caught, and is no end of anything but a screen.
    static CATCHES: Flag<bool> = const { Flag::new(false) };
}

/// Whether a panic on this thread now would be caught.
pub(super) fn catches() -> bool {
    CATCHES.get()
}

/// The screen, and what is known of the terminal that the program has.
pub(crate) struct Screen {
    parser: Parser<Asked>,
    charset: Charset,
    /// The size that the program was told.
    pub(crate) told: (u16, u16),
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// What has no effect on the screen. Titles, bells and clipboards are not in it: they have none at all.
#[derive(Debug, Default)]
struct Asked {
    /// What the program is to read for what it has asked.
    answers: Vec<u8>,
    /// Rows that are no longer kept.
    lost: u64,
}

impl Callbacks for Asked {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        i1: Option<u8>,
        _i2: Option<u8>,
        params: &[&[u16]],
        c: char,
    ) {
        let first = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        let answer = match (i1, c, first) {
            // Where the cursor is, that it is well, and what it is.
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                format!("\x1b[{};{}R", row + 1, column + 1)
            }
            (None, 'n', 5) => "\x1b[0n".to_owned(),
            (None, 'c', 0) => "\x1b[?6c".to_owned(),
            _ => return,
        };
        if self.answers.len() + answer.len() <= ANSWERS {
            self.answers.extend_from_slice(answer.as_bytes());
        }
    }

    fn on_scroll(&mut self, _: vt100::capture::RowContents<'_>, alternate_screen: bool) {
        self.lost += u64::from(!alternate_screen);
    }
}

/// One cell: a character with what combines with it, its look, and the cells it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) style: Style,
    pub(crate) width: u16,
}

impl Screen {
    /// An empty screen of this many rows and columns.
    pub(crate) fn new(size: (u16, u16)) -> Self {
        let (rows, columns) = bounded(size);
        let parser = Parser::new_with_callbacks(rows, columns, KEPT, Asked::default());
        Self { parser, charset: Charset::default(), told: (rows.get(), columns.get()) }
    }

    /// Rows and columns.
    pub(crate) fn size(&self) -> (u16, u16) {
        let (rows, columns) = self.parser.screen().size();
        (rows.get(), columns.get())
    }

    /// Takes another size. False: it has that already.
    pub(crate) fn resize(&mut self, size: (u16, u16)) -> bool {
        let (rows, columns) = bounded(size);
        let changes = self.size() != (rows.get(), columns.get());
        if changes {
            self.guarded(|parser| parser.set_size(rows, columns));
        }
        changes
    }

    /// Takes what the program has written; gives what it is to read for what it has asked.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut drawn = Vec::with_capacity(bytes.len());
        self.charset.translate(bytes, &mut drawn);
        self.guarded(|parser| parser.process(&drawn));
        std::mem::take(&mut self.parser.callbacks_mut().answers)
    }

    /// The emulator takes some things for impossible that a program and a change of size can bring about together (half
    /// a wide character at the edge), and panics. That costs the program its screen, and nobody anything else.
    fn guarded(&mut self, act: impl FnOnce(&mut Parser<Asked>)) {
        CATCHES.set(true);
        let caught = catch_unwind(AssertUnwindSafe(|| act(&mut self.parser)));
        CATCHES.set(false);
        if caught.is_err() {
            let (rows, columns) = self.parser.screen().size();
            self.parser = Parser::new_with_callbacks(rows, columns, KEPT, Asked::default());
            self.parser.process(b"what stood here could not be drawn any longer\r\n");
        }
    }

    /// Row and column of the cursor, if it is to be seen.
    pub(crate) fn cursor(&self) -> Option<(u16, u16)> {
        let screen = self.parser.screen();
        (!screen.hide_cursor()).then(|| screen.cursor_position())
    }

    /// Arrows are sent as applications want them.
    pub(crate) fn application_cursor(&self) -> bool {
        self.parser.screen().application_cursor()
    }

    /// What is pasted is told from what is typed.
    pub(crate) fn bracketed_paste(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }

    /// What of the mouse is told, and how.
    pub(crate) fn mouse(&self) -> (MouseProtocolMode, MouseProtocolEncoding) {
        let screen = self.parser.screen();
        (screen.mouse_protocol_mode(), screen.mouse_protocol_encoding())
    }

    /// The program has the screen to itself, as editors and the like do.
    pub(crate) fn is_full(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// What stands in a cell; none in the second half of a wide one.
    pub(crate) fn cell(&self, row: u16, column: u16) -> Option<Cell> {
        let cell = self.parser.screen().cell(row, column).filter(|cell| !cell.is_wide_continuation())?;
        let width = if cell.is_wide() { 2 } else { 1 };
        Some(Cell { text: safe(cell.contents(), width), style: style(cell), width })
    }

    /// Rows that have left the screen and are not kept.
    pub(crate) fn lost(&self) -> u64 {
        self.parser.callbacks().lost
    }

    /// Hands over every row from the oldest kept to the last that something stands in, each with whether it goes on in
    /// the next one.
    pub(crate) fn drain(mut self, mut take: impl FnMut(Vec<Cell>, bool)) {
        let screen = self.parser.screen_mut();
        screen.set_scrollback(usize::MAX);
        let mut above = screen.scrollback();
        while above > 0 {
            self.parser.screen_mut().set_scrollback(above);
            take(self.row(0), self.parser.screen().row_wrapped(0));
            above -= 1;
        }
        self.parser.screen_mut().set_scrollback(0);
        let (rows, _) = self.size();
        let last = (0..rows).rev().find(|row| !self.row(*row).is_empty());
        for row in 0..last.map_or(0, |last| last + 1) {
            take(self.row(row), self.parser.screen().row_wrapped(row));
        }
    }

    /// A row without the blanks at its end.
    fn row(&self, row: u16) -> Vec<Cell> {
        let (_, columns) = self.size();
        let mut cells: Vec<Cell> = (0..columns).filter_map(|column| self.cell(row, column)).collect();
        let blank = |cell: &Cell| cell.text == " " && cell.style == Style::default();
        while cells.last().is_some_and(blank) {
            cells.pop();
        }
        cells
    }
}

/// A size that a screen can have: a wide character needs two columns.
fn bounded((rows, columns): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    let within =
        |n: u16, least: u16, most: u16| NonZeroU16::new(n.clamp(least, most)).unwrap_or(NonZeroU16::MIN);
    (within(rows, 1, MOST.0), within(columns, 2, MOST.1))
}

/// What a cell holds, as it may be drawn: of its width, without controls and with few marks.
fn safe(contents: &str, width: u16) -> String {
    let mut chars = contents.chars().filter(|c| !text::is_hostile(*c));
    let Some(first) = chars.next() else { return " ".to_owned() };
    let mut out = String::from(first);
    out.extend(chars.take(text::MAX_COMBINING));
    if text::width(&out) > usize::from(width) {
        out = first.to_string();
    }
    if text::width(&out) == 0 || text::width(&out) > usize::from(width) { "?".to_owned() } else { out }
}

fn style(cell: &vt100::Cell) -> Style {
    let colour = |colour| match colour {
        vt100::Color::Default => None,
        vt100::Color::Idx(n) => Some(Color::Indexed(n)),
        vt100::Color::Rgb(r, g, b) => Some(Color::Rgb(r, g, b)),
    };
    let mut style = Style { fg: colour(cell.fgcolor()), bg: colour(cell.bgcolor()), ..Style::default() };
    for (has, modifier) in [
        (cell.bold(), Modifier::BOLD),
        (cell.dim(), Modifier::DIM),
        (cell.italic(), Modifier::ITALIC),
        (cell.underline(), Modifier::UNDERLINED),
        (cell.inverse(), Modifier::REVERSED),
    ] {
        if has {
            style = style.add_modifier(modifier);
        }
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_wide_character_at_the_edge_costs_no_more_than_the_screen() {
        // Narrower in the middle of a wide character, and then something narrow in its place.
        for columns in 2..8 {
            let mut screen = Screen::new((3, 8));
            screen.write("\u{65e5}\u{672c}\u{65e5}\u{672c}".as_bytes());
            screen.resize((3, columns));
            for column in 1..=columns {
                screen.write(format!("\x1b[1;{column}Hx\u{65e5}\x1b[1;{column}Hx").as_bytes());
            }
            screen.resize((3, 8));
            screen.write(b"\x1b[3;1He");
            assert_eq!(screen.cell(2, 0).unwrap().text, "e", "{columns}");
        }
    }

    use proptest::prelude::*;

    fn texts(screen: Screen) -> Vec<String> {
        let mut rows = Vec::new();
        screen.drain(|cells, _| rows.push(cells.into_iter().map(|cell| cell.text).collect()));
        rows
    }

    fn shown(bytes: &[u8]) -> Vec<String> {
        let mut screen = Screen::new((4, 12));
        screen.write(bytes);
        texts(screen)
    }

    #[test]
    fn it_is_drawn_where_the_program_says() {
        assert_eq!(shown(b"a\x1b[3;4Hb\x1b[1;3H\xe6\x97\xa5"), ["a 日", "", "   b"]);
        assert_eq!(shown(b"kept\r\n\x1b[?1049hfull\x1b[2Jx\x1b[?1049l"), ["kept"]);
        assert_eq!(shown(b"\x1b[?1049h\x1b[Hfull"), ["full"]);
        let mut screen = Screen::new((4, 12));
        screen.write(b"\x1b[1;31mr\x1b[48;2;1;2;3mb\x1b[m ");
        let look = |column| screen.cell(0, column).unwrap().style;
        assert_eq!(look(0), Style::default().fg(Color::Indexed(1)).add_modifier(Modifier::BOLD));
        assert_eq!(look(1).bg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(look(2), Style::default());
    }

    #[test]
    fn what_has_left_the_screen_is_kept_to_a_bound() {
        let all: String = (0..KEPT + 10).map(|n| format!("{n}\r\n")).collect();
        let mut screen = Screen::new((4, 12));
        screen.write(all.as_bytes());
        assert_eq!(screen.lost(), 7);
        let rows = texts(screen);
        assert_eq!((rows.len(), rows[0].as_str(), rows.last().unwrap().as_str()), (KEPT + 3, "7", "2009"));
    }

    #[test]
    fn what_it_asks_is_answered_and_never_without_end() {
        let mut screen = Screen::new((4, 12));
        assert_eq!(screen.write(b"\x1b[2;3H\x1b[6n\x1b[5n\x1b[c"), b"\x1b[2;3R\x1b[0n\x1b[?6c");
        assert!(screen.write(&b"\x1b[6n".repeat(10_000)).len() <= ANSWERS);
        assert_eq!(screen.write(b"\x1b]52;c;?\x07\x1b]0;t\x07\x1b[21t\x1b]10;?\x07\x1bP+q544e\x1b\\"), b"");
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let nasty = [
            &b"\x1b]52;c;aGk=\x07"[..],
            b"\x1b[?1049h",
            b"\x1b[?1049l",
            b"\x1b[2J\x1b[10;10H",
            b"\x1b[65535;65535H",
            b"\x1b[65535L\x1b[65535M\x1b[65535@\x1b[65535P\x1b[65535X",
            b"\x1b[65535S\x1b[65535T\x1bM\x1bM\x1bD",
            b"\x1b[2;3r\x1b[?6h",
            b"\x1b[r\x1b[?6l\x1b7\x1b8\x1bc",
            b"\x1b[65535A\x1b[65535B\x1b[65535C\x1b[65535D\x1b[65535b",
            b"\x1b[8;1;1t\x1b[6n",
            b"\t\t\t\x08\x08\x7f\x9b\x85",
            "\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}".as_bytes(),
            "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{200d}".as_bytes(),
            "日本日本👩\u{200d}👧❤\u{fe0f}".as_bytes(),
            b"\x1b[1;31;48;5;200m\x1b[38;2;1;2;3m",
            b"\r\n\n\n\n",
            b"\x1b(0lqqk\x0e\x1b)0",
        ];
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::sample::select(nasty.map(<[u8]>::to_vec).to_vec()),
            (any::<u16>(), any::<u16>(), prop::sample::select(b"ABCDEFGHJKLMPSTXZ@`abcdefhlmnrsu".to_vec()))
                .prop_map(|(a, b, c)| format!("\x1b[{};{}{}", a % 40, b % 40, char::from(c)).into_bytes()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_at_any_size_no_control_is_in_a_cell(
            size in (0u16..12, 0u16..12),
            steps in prop::collection::vec((piece(), prop::option::weighted(0.2, (0u16..12, 0u16..12))), 0..24),
        ) {
            let mut screen = Screen::new(size);
            for (bytes, size) in steps {
                screen.write(&bytes);
                if let Some(size) = size {
                    screen.resize(size);
                }
                let (rows, columns) = screen.size();
                for cell in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
                    .filter_map(|(row, column)| screen.cell(row, column))
                {
                    prop_assert!(!cell.text.chars().any(text::is_hostile), "{:?}", cell.text);
                    let width = text::width(&cell.text);
                    prop_assert!((1..=usize::from(cell.width)).contains(&width), "{:?}", cell.text);
                }
            }
            screen.drain(|cells, _| assert!(!cells.iter().any(|cell| cell.text.chars().any(text::is_hostile))));
        }
    }
}
