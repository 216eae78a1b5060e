//! A document as Markdown, for tickets and for the manual: log text stays text there too.

use std::fmt::Write as _;

use super::{printable::printable, spark};
use crate::answer::{Block, Document, Table};

/// Writes the document.
pub fn markdown(document: &Document) -> String {
    let mut out = String::new();
    for block in &document.blocks {
        if !out.is_empty() {
            out.push('\n');
        }
        write_block(&mut out, block);
    }
    out
}

fn write_block(out: &mut String, block: &Block) {
    match block {
        Block::Section(text) => {
            let _ = writeln!(out, "## {}", escape(text));
        }
        Block::Heading(text) => {
            let _ = writeln!(out, "### {}", escape(text));
        }
        Block::Claim { level, title } => {
            let _ = writeln!(
                out,
                "## [{}] {}",
                level.as_str().to_uppercase(),
                escape(title)
            );
        }
        Block::Paragraph(text) => {
            let _ = writeln!(out, "{}", escape(text));
        }
        Block::Verdict { text, .. } => {
            let _ = writeln!(out, "**{}**", escape(text));
        }
        Block::List(items) => {
            for item in items {
                let _ = writeln!(out, "- {}", escape(item));
            }
        }
        Block::Table(rows) => table(out, rows),
        Block::Chart(chart) => fenced(out, &spark::lines(chart, true)),
        Block::Quote(lines) => {
            let lines: Vec<String> = lines
                .iter()
                .map(|(place, line)| format!("{}: {}", printable(place), printable(line)))
                .collect();
            fenced(out, &lines);
        }
        Block::Commands(commands) => {
            for (why, command) in commands {
                let _ = writeln!(out, "- {}:\n", escape(why));
                fenced(out, &[printable(command).into_owned()]);
            }
        }
    }
}

fn table(out: &mut String, rows: &Table) {
    let marks = (0..rows.head.len()).map(|column| {
        if rows.numbers.contains(&column) {
            "--:"
        } else {
            "---"
        }
    });
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&row(rows.head.iter().map(|cell| escape(cell)).collect()));
    out.push_str(&row(marks.map(str::to_owned).collect()));
    for cells in &rows.rows {
        out.push_str(&row(cells.iter().map(|cell| escape(cell)).collect()));
    }
}

/// A fence longer than any run of backticks inside, so that no line can close it.
fn fenced(out: &mut String, lines: &[String]) {
    let longest = lines.iter().map(|line| longest_run(line, '`')).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let _ = writeln!(out, "{fence}text");
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "{fence}");
}

fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut current = 0;
    for c in text.chars() {
        current = if c == wanted { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    longest
}

/// Characters with a meaning in Markdown or HTML, and what would begin a link by itself, lose it.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    // GitHub and others make links of bare addresses.
    safe.replace("://", ":&#47;&#47;").replace('@', "&#64;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_text_has_no_meaning_in_markdown() {
        let document = Document {
            blocks: vec![
                Block::Paragraph("<img src=x> [a](http://x.test) *b* | c".to_owned()),
                Block::Quote(vec![("a:1".to_owned(), "```\n</pre>".to_owned())]),
            ],
        };
        let shown = markdown(&document);
        assert_eq!(
            shown,
            "&lt;img src=x&gt; \\[a\\](http:&#47;&#47;x.test) \\*b\\* \\| c\n\n````text\na:1: ```\\n</pre>\n````\n"
        );
    }
}
