//! Keys and the mouse as the bytes that a terminal sends for them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use vt100::{MouseProtocolEncoding as Encoding, MouseProtocolMode as Mode};

/// The bytes of a key; `application`: arrows are wanted as applications want them. Nothing: no terminal sends any.
pub(crate) fn bytes(key: &KeyEvent, application: bool) -> Vec<u8> {
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let escaped = |bytes: &[u8]| if alt { [b"\x1b", bytes].concat() } else { bytes.to_vec() };
    match key.code {
        KeyCode::Char(c) if control => control_byte(c).map_or_else(Vec::new, |byte| escaped(&[byte])),
        KeyCode::Char(c) => escaped(c.encode_utf8(&mut [0; 4]).as_bytes()),
        KeyCode::Enter => escaped(b"\r"),
        KeyCode::Tab => escaped(b"\t"),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Backspace => escaped(if control { b"\x08" } else { b"\x7f" }),
        KeyCode::Esc => escaped(b"\x1b"),
        KeyCode::Up => cursor('A', key.modifiers, application),
        KeyCode::Down => cursor('B', key.modifiers, application),
        KeyCode::Right => cursor('C', key.modifiers, application),
        KeyCode::Left => cursor('D', key.modifiers, application),
        KeyCode::Home => cursor('H', key.modifiers, application),
        KeyCode::End => cursor('F', key.modifiers, application),
        KeyCode::Insert => numbered(2, key.modifiers),
        KeyCode::Delete => numbered(3, key.modifiers),
        KeyCode::PageUp => numbered(5, key.modifiers),
        KeyCode::PageDown => numbered(6, key.modifiers),
        KeyCode::F(n @ 1..=4) => {
            let letter = char::from(b'P' + (n - 1));
            cursor(letter, key.modifiers, true)
        }
        KeyCode::F(n @ 5..=12) => {
            let numbers = [15, 17, 18, 19, 20, 21, 23, 24];
            numbers.get(usize::from(n - 5)).map_or_else(Vec::new, |number| numbered(*number, key.modifiers))
        }
        _ => Vec::new(),
    }
}

/// What Ctrl makes of a character.
fn control_byte(c: char) -> Option<u8> {
    Some(match c.to_ascii_lowercase() {
        c @ 'a'..='z' => c as u8 - b'a' + 1,
        ' ' | '@' | '2' => 0,
        '[' | '3' => 0x1b,
        '\\' | '4' => 0x1c,
        ']' | '5' => 0x1d,
        '^' | '6' | '~' => 0x1e,
        '_' | '7' | '/' | '-' => 0x1f,
        '?' | '8' => 0x7f,
        _ => return None,
    })
}

/// The number by which a terminal tells modifiers; 1 is none.
fn modifier(modifiers: KeyModifiers) -> u8 {
    let bit = |flag, value| if modifiers.contains(flag) { value } else { 0 };
    1 + bit(KeyModifiers::SHIFT, 1) + bit(KeyModifiers::ALT, 2) + bit(KeyModifiers::CONTROL, 4)
}

fn cursor(letter: char, modifiers: KeyModifiers, application: bool) -> Vec<u8> {
    match (modifier(modifiers), application) {
        (1, true) => format!("\x1bO{letter}"),
        (1, false) => format!("\x1b[{letter}"),
        (modifier, _) => format!("\x1b[1;{modifier}{letter}"),
    }
    .into_bytes()
}

fn numbered(number: u8, modifiers: KeyModifiers) -> Vec<u8> {
    match modifier(modifiers) {
        1 => format!("\x1b[{number}~"),
        modifier => format!("\x1b[{number};{modifier}~"),
    }
    .into_bytes()
}

/// The bytes of what the mouse did in this row and column, counted from 0. Nothing: the program has not asked for it.
pub(crate) fn mouse(
    event: &MouseEvent,
    (row, column): (u16, u16),
    mode: Mode,
    encoding: Encoding,
) -> Vec<u8> {
    let of = |button| match button {
        MouseButton::Left => 0,
        MouseButton::Middle => 1,
        MouseButton::Right => 2,
    };
    let (code, pressed) = match event.kind {
        MouseEventKind::Down(button) => (of(button), true),
        MouseEventKind::Up(button) => (of(button), false),
        MouseEventKind::Drag(button) => (32 + of(button), true),
        MouseEventKind::Moved => (35, true),
        MouseEventKind::ScrollUp => (64, true),
        MouseEventKind::ScrollDown => (65, true),
        MouseEventKind::ScrollLeft => (66, true),
        MouseEventKind::ScrollRight => (67, true),
    };
    let wanted = match mode {
        Mode::None => false,
        Mode::Press => matches!(event.kind, MouseEventKind::Down(_)),
        Mode::PressRelease => !matches!(event.kind, MouseEventKind::Drag(_) | MouseEventKind::Moved),
        Mode::ButtonMotion => event.kind != MouseEventKind::Moved,
        Mode::AnyMotion => true,
    };
    if !wanted {
        return Vec::new();
    }
    let bit = |flag, value| if event.modifiers.contains(flag) { value } else { 0 };
    let held = bit(KeyModifiers::SHIFT, 4) + bit(KeyModifiers::ALT, 8) + bit(KeyModifiers::CONTROL, 16);
    let code: u16 = code + if mode == Mode::Press { 0 } else { held };
    // Without SGR a release doesn't say of which button.
    let plain = if pressed { code } else { 3 + held };
    match encoding {
        Encoding::Sgr => {
            let end = if pressed { 'M' } else { 'm' };
            format!("\x1b[<{code};{};{}{end}", column + 1, row + 1).into_bytes()
        }
        Encoding::Default => {
            let byte = |number: u16| u8::try_from(number).ok();
            let bytes = [plain + 32, column + 33, row + 33].map(byte);
            // What is further away can't be told.
            let all: Option<Vec<u8>> = bytes.into_iter().collect();
            all.map_or_else(Vec::new, |bytes| [b"\x1b[M".as_slice(), &bytes].concat())
        }
        Encoding::Utf8 => {
            let char = |number: u16| char::from_u32(number.into()).unwrap_or(' ');
            ['\x1b', '[', 'M', char(plain + 32), char(column + 33), char(row + 33)]
                .iter()
                .collect::<String>()
                .into_bytes()
        }
    }
}

/// The bytes of a pasted text: lines end as Enter ends them, and no control in it is one; `bracketed`: the program
/// tells it from what is typed.
pub(crate) fn pasted(text: &str, bracketed: bool) -> Vec<u8> {
    let text = text.replace("\r\n", "\r").replace('\n', "\r");
    let text: String = text.chars().filter(|c| matches!(c, '\r' | '\t') || !c.is_control()).collect();
    if bracketed { format!("\x1b[200~{text}\x1b[201~").into_bytes() } else { text.into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: KeyCode, modifiers: KeyModifiers) -> Vec<u8> {
        bytes(&KeyEvent::new(code, modifiers), false)
    }

    #[test]
    fn keys_are_the_bytes_that_terminals_send() {
        let (none, control, alt, shift) =
            (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT, KeyModifiers::SHIFT);
        for (code, modifiers, expected) in [
            (KeyCode::Char('a'), none, &b"a"[..]),
            (KeyCode::Char('A'), shift, b"A"),
            (KeyCode::Char('é'), none, "é".as_bytes()),
            (KeyCode::Char('c'), control, b"\x03"),
            (KeyCode::Char('D'), control, b"\x04"),
            (KeyCode::Char(' '), control, b"\0"),
            (KeyCode::Char('7'), control, b"\x1f"),
            (KeyCode::Char('é'), control, b""),
            (KeyCode::Char('x'), alt, b"\x1bx"),
            (KeyCode::Char('x'), alt | control, b"\x1b\x18"),
            (KeyCode::Enter, none, b"\r"),
            (KeyCode::Esc, none, b"\x1b"),
            (KeyCode::Backspace, none, b"\x7f"),
            (KeyCode::BackTab, shift, b"\x1b[Z"),
            (KeyCode::Up, none, b"\x1b[A"),
            (KeyCode::Left, control, b"\x1b[1;5D"),
            (KeyCode::End, shift, b"\x1b[1;2F"),
            (KeyCode::Delete, none, b"\x1b[3~"),
            (KeyCode::PageUp, alt, b"\x1b[5;3~"),
            (KeyCode::F(1), none, b"\x1bOP"),
            (KeyCode::F(4), control, b"\x1b[1;5S"),
            (KeyCode::F(5), none, b"\x1b[15~"),
            (KeyCode::F(12), none, b"\x1b[24~"),
            (KeyCode::F(13), none, b""),
            (KeyCode::CapsLock, none, b""),
        ] {
            assert_eq!(of(code, modifiers), expected, "{code:?} {modifiers:?}");
        }
        let up = KeyEvent::new(KeyCode::Up, none);
        assert_eq!(bytes(&up, true), b"\x1bOA");
    }

    #[test]
    fn the_mouse_is_told_as_it_was_asked_for() {
        let (down, up) = (MouseEventKind::Down(MouseButton::Right), MouseEventKind::Up(MouseButton::Right));
        let (drag, moved) = (MouseEventKind::Drag(MouseButton::Left), MouseEventKind::Moved);
        let wheel = MouseEventKind::ScrollDown;
        let control = KeyModifiers::CONTROL;
        let of = |kind, at, mode, encoding| {
            let event = MouseEvent { kind, column: 99, row: 99, modifiers: control };
            String::from_utf8_lossy(&mouse(&event, at, mode, encoding)).into_owned()
        };
        for (kind, mode, encoding, expected) in [
            (down, Mode::None, Encoding::Sgr, ""),
            (down, Mode::Press, Encoding::Default, "\x1b[M\"+!"),
            (up, Mode::Press, Encoding::Default, ""),
            (down, Mode::PressRelease, Encoding::Sgr, "\x1b[<18;11;1M"),
            (up, Mode::PressRelease, Encoding::Sgr, "\x1b[<18;11;1m"),
            (up, Mode::PressRelease, Encoding::Default, "\x1b[M3+!"),
            (wheel, Mode::PressRelease, Encoding::Sgr, "\x1b[<81;11;1M"),
            (drag, Mode::PressRelease, Encoding::Sgr, ""),
            (drag, Mode::ButtonMotion, Encoding::Sgr, "\x1b[<48;11;1M"),
            (moved, Mode::ButtonMotion, Encoding::Sgr, ""),
            (moved, Mode::AnyMotion, Encoding::Utf8, "\x1b[MS+!"),
        ] {
            assert_eq!(of(kind, (0, 10), mode, encoding), expected, "{kind:?} {mode:?} {encoding:?}");
        }
        assert_eq!(of(down, (0, 300), Mode::Press, Encoding::Default), "", "it can't be said");
        assert_eq!(of(down, (0, 300), Mode::Press, Encoding::Utf8), "\x1b[M\"\u{14d}!");
        assert_eq!(of(down, (0, 300), Mode::Press, Encoding::Sgr), "\x1b[<2;301;1M");
    }

    #[test]
    fn a_paste_brings_no_keys_of_its_own() {
        assert_eq!(pasted("a\nb\r\nc\t\x1b[A\x03\u{9b}d", false), b"a\rb\rc\t[Ad");
        assert_eq!(pasted("x\x1b[201~y", true), b"\x1b[200~x[201~y\x1b[201~");
    }
}
