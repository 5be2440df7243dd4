//! What a program wrote with its colours, as the sequences that terminals know. No others are in it.

use ratatui::style::{Color, Modifier, Style};

use super::Block;

impl Block {
    /// What is kept of what the program wrote, with its styles.
    pub(crate) fn coloured_text(&self) -> String {
        let mut out = String::new();
        for line in (0..self.len()).filter_map(|at| self.line(at)).filter(|line| line.kind.is_program()) {
            for (text, style) in line.pieces().filter(|(text, _)| !text.is_empty()) {
                match style.map(parameters).filter(|codes| !codes.is_empty()) {
                    Some(codes) => out += &format!("\x1b[{}m{text}\x1b[0m", codes.join(";")),
                    None => out += text,
                }
            }
            if !line.goes_on {
                out.push('\n');
            }
        }
        out
    }
}

/// The numbers that select a style.
fn parameters(style: Style) -> Vec<String> {
    let modifiers = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
        (Modifier::CROSSED_OUT, 9),
    ];
    let set = modifiers.into_iter().filter(|(modifier, _)| style.add_modifier.contains(*modifier));
    let mut all: Vec<String> = set.map(|(_, number)| number.to_string()).collect();
    all.extend(style.fg.and_then(|colour| select(colour, 30)));
    all.extend(style.bg.and_then(|colour| select(colour, 40)));
    all
}

/// The number that selects a colour; `base`: 30 for the text, 40 for what is behind it.
fn select(colour: Color, base: u8) -> Option<String> {
    let named = match colour {
        Color::Reset => return None,
        Color::Indexed(number @ 0..16) => number,
        Color::Indexed(number) => return Some(format!("{};5;{number}", base + 8)),
        Color::Rgb(r, g, b) => return Some(format!("{};2;{r};{g};{b}", base + 8)),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    // The bright ones are 60 further on.
    Some((u16::from(base) + u16::from(named % 8) + if named > 7 { 60 } else { 0 }).to_string())
}
