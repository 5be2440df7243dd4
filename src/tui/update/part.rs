//! The part of a text that is run alone.

use crate::tui::editor::Pos;

/// The selected part of a text, without the indentation that all its lines share, below as many empty lines as stand
/// before it; and its first and last line, counted from 1.
pub(super) fn selected(lines: &[String], range: Option<(Pos, Pos)>) -> Option<(String, usize, usize)> {
    let (Pos { row: first, byte: from }, Pos { row: last, byte: to }) = range?;
    // A selection that ends before a line's first character holds nothing of that line.
    let (last, to) = if to == 0 && last > first { (last - 1, usize::MAX) } else { (last, to) };
    let mut part: Vec<String> = lines.get(first..=last)?.to_vec();
    if let Some(line) = part.last_mut() {
        line.truncate(to.min(line.len()));
    }
    if let Some(line) = part.first_mut() {
        // What was left out before it still says how far it is indented.
        let cut = from.min(line.len());
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        *line = line.get(..cut)?.chars().map(blank).collect::<String>() + line.get(cut..)?;
    }
    if part.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    let indented = |line: &&String| !line.trim().is_empty();
    let indent = |line: &String| line.chars().take_while(|c| c.is_whitespace()).count();
    let shared = part.iter().filter(indented).map(indent).min().unwrap_or(0);
    let cut = |line: &String| line.chars().skip(shared.min(indent(line))).collect::<String>();
    let text = part.iter().map(cut).collect::<Vec<_>>().join("\n");
    Some((format!("{}{text}\n", "\n".repeat(first)), first + 1, last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, from: (usize, usize), to: (usize, usize)) -> Option<(String, usize, usize)> {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        selected(&lines, Some((Pos { row: from.0, byte: from.1 }, Pos { row: to.0, byte: to.1 })))
    }

    #[test]
    fn lines_stay_where_they_are_and_lose_what_they_share() {
        let text = "def f():\n    a = 1\n    if a:\n        print(a)\n\nf()";
        let wanted = "\na = 1\nif a:\n    print(a)\n";
        assert_eq!(part(text, (1, 0), (4, 0)), Some((wanted.to_owned(), 2, 4)));
        // Begun behind the indentation it is the same.
        assert_eq!(part(text, (1, 4), (3, 16)), Some((wanted.to_owned(), 2, 4)));
    }

    #[test]
    fn a_part_of_a_line_is_that_part() {
        assert_eq!(part("x = é + 1; y = 2", (0, 12), (0, 17)), Some(("y = 2\n".to_owned(), 1, 1)));
        assert_eq!(part("a\n  \nb", (1, 0), (1, 2)), None);
        assert_eq!(selected(&["a".to_owned()], None), None);
    }
}
