//! A document as plain text: readable at 80 columns, in a pipe without colours or box characters.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, presets};

use super::{printable::printable, spark};
use crate::answer::{Block, Document, Table};
use crate::finding::Level;

/// How wide, and whether in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns; paragraphs and tables keep to it, quoted lines are never broken.
    pub width: usize,
    pub color: bool,
    /// False: plain ASCII, where the locale is not UTF-8.
    pub utf8: bool,
}

/// Writes the document.
pub fn text(document: &Document, look: Look) -> String {
    let mut out = String::new();
    let mut previous: Option<&Block> = None;
    for block in &document.blocks {
        // What belongs to a heading follows it at once; all else is set apart.
        let follows_heading = matches!(
            previous,
            None | Some(Block::Section(_) | Block::Heading(_) | Block::Claim { .. })
        );
        if !follows_heading
            || matches!(
                block,
                Block::Section(_) | Block::Heading(_) | Block::Claim { .. }
            )
        {
            out.push('\n');
        }
        write_block(&mut out, block, look);
        previous = Some(block);
    }
    out
}

fn write_block(out: &mut String, block: &Block, look: Look) {
    match block {
        Block::Section(text) | Block::Heading(text) => {
            let text = printable(text);
            let line = "-".repeat(text.chars().count().min(look.width));
            let text = paint(&text, Style::new().bold(), look);
            let _ = write!(out, "{text}\n{line}\n");
        }
        Block::Claim { level, title } => {
            let mark = format!("[{}]", level.as_str().to_uppercase());
            let mark = paint(&mark, style_of(*level), look);
            let title = paint(&printable(title), Style::new().bold(), look);
            let _ = writeln!(out, "{mark} {title}");
        }
        Block::Paragraph(text) => wrap(out, &printable(text), "", look.width),
        Block::Verdict { level, text } => {
            let style = level.map_or(AnsiColor::Green.on_default(), style_of);
            let mut wrapped = String::new();
            wrap(&mut wrapped, &printable(text), "", look.width);
            let _ = writeln!(out, "{}", paint(wrapped.trim_end(), style.bold(), look));
        }
        Block::List(items) => {
            for item in items {
                wrap(out, &printable(item), "- ", look.width);
            }
        }
        Block::Table(rows) => table(out, rows, look.width),
        Block::Chart(chart) => {
            for line in spark::lines(chart, look.utf8) {
                let _ = writeln!(out, "{line}");
            }
        }
        Block::Quote(lines) => {
            for (place, line) in lines {
                let place = paint(&printable(place), Style::new().dimmed(), look);
                let _ = write!(out, "  {place}\n    {}\n", printable(line));
            }
        }
        Block::Commands(commands) => {
            for (why, command) in commands {
                wrap(out, &printable(why), "- ", look.width);
                let _ = writeln!(out, "    {}", printable(command));
            }
        }
    }
}

fn style_of(level: Level) -> Style {
    match level {
        Level::Critical | Level::High => AnsiColor::Red.on_default().bold(),
        Level::Medium => AnsiColor::Yellow.on_default().bold(),
        Level::Low | Level::Info => AnsiColor::Cyan.on_default(),
    }
}

fn paint(text: &str, style: Style, look: Look) -> String {
    if look.color {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// Breaks a paragraph between words; a longer word keeps whole, so that it can be copied.
fn wrap(out: &mut String, text: &str, first_indent: &str, width: usize) {
    let indent = " ".repeat(first_indent.len());
    let mut column = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let n_chars = word.chars().count();
        if column == 0 {
            out.push_str(first_indent);
            column = first_indent.len();
        } else if column + 1 + n_chars > width {
            out.push('\n');
            out.push_str(&indent);
            column = indent.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += n_chars;
    }
    out.push('\n');
}

fn table(out: &mut String, rows: &Table, width: usize) {
    let mut table = comfy_table::Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width.max(60)).unwrap_or(u16::MAX))
        .set_header(rows.head.iter().map(|cell| cell.to_uppercase()));
    for row in &rows.rows {
        table.add_row(row.iter().map(|cell| printable(cell).into_owned()));
    }
    for column in &rows.numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.to_string().lines() {
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        width: 60,
        color: false,
        utf8: true,
    };

    #[test]
    fn hostile_text_is_shown_as_text() {
        let document = Document {
            blocks: vec![
                Block::Heading("\x1b]0;owned\x07".to_owned()),
                Block::Quote(vec![("a:1".to_owned(), "x\x1b[31m\u{202e}y".to_owned())]),
                Block::Table(Table {
                    head: vec!["name"],
                    rows: vec![vec!["=cmd|' /C calc'!A0,\x1b[2J".to_owned()]],
                    numbers: vec![],
                }),
            ],
        };
        let shown = text(&document, LOOK);
        assert!(
            !shown.contains('\x1b') && !shown.contains('\u{202e}'),
            "{shown}"
        );
        assert!(shown.contains("x\\x1b[31m\\u{202e}y"), "{shown}");
    }

    #[test]
    fn paragraphs_keep_to_the_width_and_quotes_are_not_broken() {
        let long = "word ".repeat(40);
        let line = "l".repeat(200);
        let document = Document {
            blocks: vec![
                Block::Paragraph(long.clone()),
                Block::List(vec![long]),
                Block::Quote(vec![("mail.log:1".to_owned(), line.clone())]),
            ],
        };
        let shown = text(&document, LOOK);
        assert!(shown.contains(&line));
        let others = shown.lines().filter(|shown| !shown.contains(&line));
        assert!(others.clone().count() > 6);
        assert!(
            others.clone().all(|line| line.chars().count() <= 60),
            "{shown}"
        );
    }
}
