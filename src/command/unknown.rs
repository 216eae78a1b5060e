//! Lines that no rule understands, grouped by shape: what a bug report needs.

use hashbrown::HashMap;
use serde::Serialize;

use crate::answer::{Block, Document};
use crate::read::Record;

/// Shapes kept; a log of noise has as many as lines.
const MAX_SHAPES: usize = 10_000;

/// Lines of one program that differ in names and numbers only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct UnknownShape {
    pub(super) program: String,
    pub(super) shape: String,
    pub(super) lines: u64,
    pub(super) file: String,
    /// Where the example stands, the first of its shape.
    pub(super) line: u32,
    pub(super) example: String,
}

/// Groups lines as they come.
#[derive(Default)]
pub(super) struct UnknownShapes {
    shapes: Vec<UnknownShape>,
    places: HashMap<(String, String), usize>,
    n_beyond: u64,
}

impl UnknownShapes {
    pub(super) fn add(&mut self, record: &Record<'_>, file: &str) {
        let key = (record.program.to_owned(), shape(record.text));
        if let Some(place) = self.places.get(&key) {
            self.shapes[*place].lines += 1;
            return;
        }
        if self.shapes.len() >= MAX_SHAPES {
            self.n_beyond += 1;
            return;
        }
        self.places.insert(key.clone(), self.shapes.len());
        self.shapes.push(UnknownShape {
            program: key.0,
            shape: key.1,
            lines: 1,
            file: file.to_owned(),
            line: record.at.line,
            example: record.text.to_owned(),
        });
    }

    /// The most frequent first.
    pub(super) fn sorted(mut self) -> (Vec<UnknownShape>, u64) {
        self.shapes
            .sort_by(|a, b| (b.lines, &a.program, &a.shape).cmp(&(a.lines, &b.program, &b.shape)));
        (self.shapes, self.n_beyond)
    }
}

/// For people: how often, which program, and one line word for word.
pub(super) fn document(shapes: &[UnknownShape], n_beyond: u64) -> Document {
    let mut document = Document::default();
    let n_lines: u64 = shapes.iter().map(|shape| shape.lines).sum();
    document.paragraph(match n_lines {
        0 => "Every line of a mail program was understood.".to_owned(),
        _ => format!(
            "{} lines of {} shapes were not understood.",
            n_lines + n_beyond,
            shapes.len()
        ),
    });
    let quoted = shapes.iter().map(|shape| {
        let place = format!("{} times, {}:{}", shape.lines, shape.file, shape.line);
        (place, format!("{}: {}", shape.program, shape.example))
    });
    let quoted: Vec<(String, String)> = quoted.collect();
    if !quoted.is_empty() {
        document.blocks.push(Block::Quote(quoted));
    }
    if n_beyond > 0 {
        document.paragraph(format!("{n_beyond} more lines are of still other shapes."));
    }
    document
}

/// Words with a digit, an `@`, a dot or brackets become placeholders; the others are the daemon's own.
fn shape(text: &str) -> String {
    let words = text.split_whitespace().take(40).map(|word| {
        if word.contains('@') {
            "<address>"
        } else if word.bytes().any(|byte| byte.is_ascii_digit()) {
            "<n>"
        } else if word.trim_end_matches(['.', ':', ',']).contains('.') {
            "<name>"
        } else {
            word
        }
    });
    words.collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_shape_differ_in_names_and_numbers_only() {
        let one = shape(
            "A10F00DAA: strange thing from mx.example.com[192.0.2.1] for <a@example.com>: 5 times.",
        );
        let two = shape(
            "B20F00DBB: strange thing from mail.example.org[192.0.2.9] for <b@example.org>: 77 times.",
        );
        assert_eq!(one, two);
        assert_eq!(one, "<n> strange thing from <n> for <address> <n> times.");
        assert_ne!(one, shape("A10F00DAA: other thing"));
    }
}
