//! What a command found: records for programs, and a document for people.

pub mod event_record;
pub mod message_record;
pub mod queue_record;

use crate::finding::Level;

/// Headings, paragraphs, tables and quoted lines; each format shows them in its own way.
/// Texts may hold anything from a log: only `render` makes them safe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    pub blocks: Vec<Block>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    Heading(String),
    /// A finding's heading, with its level.
    Claim {
        level: Level,
        title: String,
    },
    Paragraph(String),
    /// What is to be read first.
    Verdict {
        level: Option<Level>,
        text: String,
    },
    List(Vec<String>),
    Table(Table),
    /// Lines of the log, word for word: where they stand, and what they say.
    Quote(Vec<(String, String)>),
    /// Commands to copy, with what they are good for.
    Commands(Vec<(String, String)>),
}

/// Rows under a head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    /// Columns of numbers, to be set flush right.
    pub numbers: Vec<usize>,
}

impl Document {
    pub fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// Adds a table, unless it has no rows.
    pub fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.blocks.push(Block::Table(table));
        }
    }

    /// Adds a list, unless it is empty.
    pub fn list(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
    }
}
