//! The line drawing set that old terminals switch to, and curses with them: `ESC ( 0`. vt100 leaves it to us.

/// Where in a stream of bytes we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    Escape,
    /// After `ESC (` or `ESC )`: the set of this number is chosen.
    Set(usize),
    /// In a sequence, until its last byte.
    Sequence,
    /// In a string, until it is ended.
    String,
}

/// Which set is in use.
#[derive(Debug, Default)]
pub(super) struct Charset {
    at: At,
    /// Whether each of the two sets draws lines.
    lines: [bool; 2],
    /// The one in use.
    used: usize,
}

impl Charset {
    /// The same bytes with the letters that draw lines as the lines themselves.
    pub(super) fn translate(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            match self.line(*byte) {
                Some(line) => out.extend_from_slice(line.encode_utf8(&mut [0; 4]).as_bytes()),
                None => out.push(*byte),
            }
        }
    }

    /// Takes a byte; gives the line that it draws.
    fn line(&mut self, byte: u8) -> Option<char> {
        self.at = match (self.at, byte) {
            (_, 0x1b) => At::Escape,
            (_, 0x18 | 0x1a) => At::Text,
            (At::Text, _) => {
                match byte {
                    0x0e => self.used = 1,
                    0x0f => self.used = 0,
                    _ if self.lines[self.used] => return drawn(byte),
                    _ => {}
                }
                At::Text
            }
            (At::Escape, b'(') => At::Set(0),
            (At::Escape, b')') => At::Set(1),
            (At::Escape, b'[') => At::Sequence,
            (At::Escape, b']' | b'P' | b'X' | b'^' | b'_') => At::String,
            (At::Escape, b'c') => {
                *self = Self::default();
                At::Text
            }
            (At::Escape, b' '..=b'/') => At::Escape,
            (At::Set(set), _) => {
                if let Some(lines) = self.lines.get_mut(set) {
                    *lines = byte == b'0';
                }
                At::Text
            }
            (At::Sequence, 0x40..=0x7e) | (At::String, 0x07) | (At::Escape, _) => At::Text,
            (at, _) => at,
        };
        None
    }
}

/// What a letter of the set draws.
fn drawn(byte: u8) -> Option<char> {
    Some(match byte {
        b'`' => '◆',
        b'a' => '▒',
        b'f' => '°',
        b'g' => '±',
        b'j' => '┘',
        b'k' => '┐',
        b'l' => '┌',
        b'm' => '└',
        b'n' => '┼',
        b'o' => '⎺',
        b'p' => '⎻',
        b'q' => '─',
        b'r' => '⎼',
        b's' => '⎽',
        b't' => '├',
        b'u' => '┤',
        b'v' => '┴',
        b'w' => '┬',
        b'x' => '│',
        b'y' => '≤',
        b'z' => '≥',
        b'{' => 'π',
        b'|' => '≠',
        b'}' => '£',
        b'~' => '·',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pieces: &[&[u8]]) -> String {
        let (mut charset, mut out) = (Charset::default(), Vec::new());
        pieces.iter().for_each(|piece| charset.translate(piece, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn letters_draw_lines_in_their_set_alone() {
        assert_eq!(of(&[b"lx\x1b(0lqk\x1b(Blx"]), "lx\x1b(0┌─┐\x1b(Blx");
        assert_eq!(of(&[b"\x1b)0q\x0eq\x0fq"]), "\x1b)0q\x0e─\x0fq");
        // Sequences and strings stay what they are, wherever they are cut.
        let all = b"\x1b(0q\x1b[1;2mx\x1b]0;lqk\x07j\x1bPlqk\x1b\\m\x1bcq";
        let whole = "\x1b(0─\x1b[1;2m│\x1b]0;lqk\x07┘\x1bPlqk\x1b\\└\x1bcq";
        for at in 0..all.len() {
            assert_eq!(of(&[&all[..at], &all[at..]]), whole, "cut at {at}");
        }
    }
}
