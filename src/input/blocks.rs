//! A block: some hundred kilobytes of whole lines of one source, and the way through its lines.

/// Longer lines are cut here: no daemon writes such a line, and memory must stay bounded.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Whole lines of one source. Plain data, so that it can travel between threads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Index into the sources of this run.
    pub file: u32,
    /// Number of the first line, from 1.
    pub first_line: u32,
    /// The lines with their LF; only the last one of a source may lack it.
    pub text: String,
    /// Numbers of the lines that were not UTF-8 and hold U+FFFD now, in ascending order.
    pub lossy_lines: Vec<u32>,
    /// Numbers of the lines of which only the beginning was kept in `text`, in ascending order.
    pub cut_lines: Vec<u32>,
}

/// One line, without its line ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1.
    pub number: u32,
    pub text: &'a str,
    /// Was not UTF-8.
    pub is_lossy: bool,
    /// Was longer than `MAX_LINE_BYTES`.
    pub is_cut: bool,
}

impl Block {
    /// The lines in order. Lines end at LF only; a CR before it belongs to the line ending.
    pub fn lines(&self) -> Lines<'_> {
        Lines {
            rest: &self.text,
            number: self.first_line,
            lossy_lines: &self.lossy_lines,
            cut_lines: &self.cut_lines,
        }
    }

    /// How many lines the block holds.
    pub fn n_lines(&self) -> u32 {
        let bytes = self.text.as_bytes();
        let whole = memchr::memchr_iter(b'\n', bytes).count();
        let rest = usize::from(bytes.last().is_some_and(|&last| last != b'\n'));
        u32::try_from(whole + rest).unwrap_or(u32::MAX)
    }
}

/// Iterator over the lines of a block.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    rest: &'a str,
    number: u32,
    lossy_lines: &'a [u32],
    cut_lines: &'a [u32],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest.as_bytes());
        let (text, rest) = match end.and_then(|end| self.rest.split_at_checked(end)) {
            Some((text, rest)) => (text, rest.strip_prefix('\n').unwrap_or(rest)),
            None => (self.rest, ""),
        };
        let number = self.number;
        self.rest = rest;
        self.number = number.saturating_add(1);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let (text, is_long) = shorten(text);
        Some(Line {
            number,
            text,
            is_lossy: take_number(&mut self.lossy_lines, number),
            is_cut: take_number(&mut self.cut_lines, number) || is_long,
        })
    }
}

/// Cuts at the limit, on a character's boundary.
fn shorten(text: &str) -> (&str, bool) {
    if text.len() <= MAX_LINE_BYTES {
        return (text, false);
    }
    // A hole that a crash left in the file is a run of NUL; the line after it is a real one.
    let text = text.trim_start_matches('\0');
    let limit = text.len().min(MAX_LINE_BYTES);
    let end = (0..=limit).rev().find(|&at| text.is_char_boundary(at));
    let short = end.and_then(|end| text.get(..end)).unwrap_or(text);
    (short, text.len() > short.len())
}

fn take_number(numbers: &mut &[u32], number: u32) -> bool {
    match numbers.split_first() {
        Some((&first, rest)) if first == number => {
            *numbers = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(u32, &str)]) {
        let block = Block {
            first_line: 7,
            text: text.to_owned(),
            ..Block::default()
        };
        let lines: Vec<_> = block.lines().map(|l| (l.number, l.text)).collect();
        assert_eq!(lines, expected, "{text:?}");
        assert_eq!(block.n_lines() as usize, expected.len(), "{text:?}");
    }

    #[test]
    fn lines_end_at_lf_only() {
        check("", &[]);
        check("a", &[(7, "a")]);
        check("a\n", &[(7, "a")]);
        check("a\n\nb", &[(7, "a"), (8, ""), (9, "b")]);
        check("a\r\nb\rc\0d\n", &[(7, "a"), (8, "b\rc\0d")]);
        check("a\u{2028}b\u{85}\n", &[(7, "a\u{2028}b\u{85}")]);
    }

    #[test]
    fn long_lines_are_cut_on_a_boundary() {
        let text = format!(
            "{}ä{}\nnext\n",
            "x".repeat(MAX_LINE_BYTES - 1),
            "y".repeat(9)
        );
        let block = Block {
            first_line: 1,
            text,
            ..Block::default()
        };
        let lines: Vec<_> = block.lines().map(|l| (l.text.len(), l.is_cut)).collect();
        assert_eq!(lines, [(MAX_LINE_BYTES - 1, true), (4, false)]);
    }
}
