//! Cells as SVG: every run of cells of one look is a rectangle and a text that is exactly as wide, so that columns
//! stay columns in whatever font a viewer has.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use ratatui::style::Modifier;

use super::Page;
use crate::tui::text;
use crate::tui::theme::rgb;

/// A cell's width and height, and the size of the letters in it.
const CELL: (f64, f64) = (8.4, 16.0);
const LETTERS: f64 = 14.0;
/// From a row's top to the line that letters stand on.
const BASE: f64 = 12.5;
/// Around the screen.
const MARGIN: f64 = 10.0;
const FONTS: &str =
    "'DejaVu Sans Mono','Cascadia Mono','JetBrains Mono',Menlo,Consolas,'Liberation Mono',monospace";

/// How a run of cells looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: [u8; 3],
    paper: [u8; 3],
    mods: Modifier,
}

impl Look {
    fn of(cell: &Cell, page: Page) -> Self {
        let mut ink = rgb(cell.fg).unwrap_or(page.ink);
        let mut paper = rgb(cell.bg).unwrap_or(page.paper);
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut paper);
        }
        let seen =
            Modifier::BOLD | Modifier::DIM | Modifier::ITALIC | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        Self { ink, paper, mods: cell.modifier & seen }
    }
}

/// Cells of one row and one look.
struct Run {
    column: usize,
    cells: usize,
    text: String,
    look: Look,
}

/// Writes a screen.
pub(super) fn write(buffer: &Buffer, cursor: Option<Position>, page: Page, title: &str) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" xml:space=\"preserve\" role=\"img\">\n\
         <title>{title}</title>\n\
         <style>text{{font:{LETTERS}px {FONTS};white-space:pre}}</style>\n\
         <rect width=\"{w}\" height=\"{h}\" rx=\"6\" fill=\"{paper}\"/>",
        w = short(width),
        h = short(height),
        title = escaped(title),
        paper = hex(page.paper),
    );
    for row in 0..buffer.area.height {
        for run in runs(buffer, row, page) {
            draw(&run, usize::from(row), page, &mut out);
        }
    }
    if let Some(at) = cursor {
        let (x, y) = place(usize::from(at.x), usize::from(at.y));
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"2\" height=\"{h}\" fill=\"{ink}\"/>",
            h = short(CELL.1),
            ink = hex(page.ink)
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A row's cells, as few runs as may be; what is wider than one cell stands alone, so that it takes its own room.
fn runs(buffer: &Buffer, row: u16, page: Page) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut column = 0;
    while column < buffer.area.width {
        let cell = &buffer[(column, row)];
        let cells = u16::try_from(text::width(cell.symbol())).unwrap_or(1).max(1);
        let look = Look::of(cell, page);
        let at = usize::from(column);
        match runs.last_mut() {
            Some(run)
                if run.look == look
                    && cells == 1
                    && bar(cell.symbol()).is_none()
                    && bar(&run.text).is_none()
                    && run.cells == run.text.chars().count() =>
            {
                run.text.push_str(cell.symbol());
                run.cells += 1;
            }
            _ => {
                let text = cell.symbol().to_owned();
                runs.push(Run { column: at, cells: usize::from(cells), text, look });
            }
        }
        column += cells;
    }
    runs
}

fn draw(run: &Run, row: usize, page: Page, out: &mut String) {
    let (x, y) = place(run.column, row);
    let columns = f64::from(u32::try_from(run.cells).unwrap_or(u32::MAX));
    let width = short(columns * CELL.0);
    if run.look.paper != page.paper {
        let (height, paper) = (short(CELL.1), hex(run.look.paper));
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{paper}\"/>"
        );
    }
    if let Some(width) = bar(&run.text) {
        let (height, ink) = (short(CELL.1), hex(run.look.ink));
        let x =
            short(MARGIN + (f64::from(u32::try_from(run.column).unwrap_or(0)) + 0.5) * CELL.0 - width / 2.0);
        let width = short(width);
        let _ =
            writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{ink}\"/>");
        return;
    }
    for (skipped, cells, text) in pieces(run) {
        letters(run.look, (run.column + skipped, row), cells, text, out);
    }
}

/// How wide a character is that goes from one row to the next without a gap. Fonts leave some; a rectangle doesn't.
fn bar(symbol: &str) -> Option<f64> {
    match symbol {
        "│" => Some(1.2),
        "┃" => Some(2.4),
        "█" => Some(CELL.0),
        _ => None,
    }
}

/// What there is to write of a run: how many cells from its beginning, over how many. Blanks are left out where they
/// would show nothing, since viewers differ in what they make of several.
fn pieces(run: &Run) -> Vec<(usize, usize, &str)> {
    let count = run.text.chars().count();
    // One character that is wider than a cell, or of several parts.
    if count != run.cells || run.look.mods.intersects(Modifier::UNDERLINED | Modifier::CROSSED_OUT) {
        return vec![(0, run.cells, run.text.as_str())];
    }
    let mut at = 0;
    let mut pieces = Vec::new();
    for piece in run.text.split("  ") {
        let trimmed = piece.trim();
        let lead = piece.chars().take_while(|c| c.is_whitespace()).count();
        if !trimmed.is_empty() {
            pieces.push((at + lead, trimmed.chars().count(), trimmed));
        }
        at += piece.chars().count() + 2;
    }
    pieces
}

fn letters(look: Look, (column, row): (usize, usize), cells: usize, text: &str, out: &mut String) {
    let (x, _) = place(column, row);
    let width = short(f64::from(u32::try_from(cells).unwrap_or(u32::MAX)) * CELL.0);
    let base = short(MARGIN + f64::from(u32::try_from(row).unwrap_or(0)) * CELL.1 + BASE);
    let mods = [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::DIM, " fill-opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
    ];
    let mods: String =
        mods.iter().filter(|(modifier, _)| look.mods.contains(*modifier)).map(|(_, text)| *text).collect();
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{base}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{mods}>\
         {text}</text>",
        ink = hex(look.ink),
        text = escaped(text),
    );
}

/// Where a cell's upper left corner is.
fn place(column: usize, row: usize) -> (String, String) {
    let at = |n: usize, size: f64| short(MARGIN + f64::from(u32::try_from(n).unwrap_or(0)) * size);
    (at(column, CELL.0), at(row, CELL.1))
}

/// A number without needless digits.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML takes no others, however they are written.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};

    use super::*;

    const PAGE: Page = Page { ink: [229; 3], paper: [0; 3] };

    #[test]
    fn a_look_is_a_rectangle_and_a_text_of_its_width() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        buffer.set_string(0, 0, "a<b", Style::new().fg(Color::Red).bg(Color::Rgb(1, 2, 3)));
        buffer.set_string(3, 0, "日x", Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED));
        let svg = write(&buffer, Some(Position::new(1, 1)), PAGE, "t & u");
        assert!(svg.contains("<title>t &amp; u</title>"));
        assert!(
            svg.contains("<rect x=\"10\" y=\"10\" width=\"25.2\" height=\"16\" fill=\"#010203\"/>"),
            "{svg}"
        );
        assert!(svg.contains(
            "textLength=\"25.2\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#cd0000\">a&lt;b</text>"
        ));
        let wide = "<text x=\"35.2\" y=\"22.5\" textLength=\"16.8\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#000000\" \
                    font-weight=\"bold\">日</text>";
        assert!(svg.contains(wide), "{svg}");
        assert!(svg.contains("<text x=\"52\" y=\"22.5\" textLength=\"8.4\""), "{svg}");
        assert!(svg.contains("<rect x=\"18.4\" y=\"26\" width=\"2\""), "the cursor: {svg}");
    }

    #[test]
    fn blanks_are_left_out_where_nothing_is_drawn() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(2, 0, "x y   z", Style::new());
        let svg = write(&buffer, None, PAGE, "");
        assert_eq!(svg.matches("<text").count(), 2, "{svg}");
        assert!(svg.contains("<text x=\"26.8\" y=\"22.5\" textLength=\"25.2\""), "{svg}");
        assert!(svg.contains("<text x=\"77.2\" y=\"22.5\" textLength=\"8.4\""), "{svg}");
    }

    #[test]
    fn nothing_breaks_the_file() {
        assert_eq!(escaped("\u{1b}]<&\">\u{7}\u{ffff}é"), "\u{fffd}]&lt;&amp;&quot;&gt;\u{fffd}\u{fffd}é");
    }
}
