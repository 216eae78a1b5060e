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
    /// A part of a report that stands by itself.
    Section(String),
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
    Chart(Chart),
    /// Lines of the log, word for word: where they stand, and what they say.
    Quote(Vec<(String, String)>),
    /// Commands to copy, with what they are good for.
    Commands(Vec<(String, String)>),
}

/// Counts over time: numbers and times, never text of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    pub title: String,
    /// What the marked part of each bar is; `None`: nothing is marked.
    pub marked: Option<&'static str>,
    pub bars: Vec<Bar>,
}

/// One span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bar {
    /// Its beginning: `11-19 22:00`.
    pub label: String,
    pub all: u64,
    /// A part of `all`.
    pub marked: u64,
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
    pub fn section(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Section(text.into()));
    }

    pub fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// Adds a chart, unless it has no bars.
    pub fn chart(&mut self, chart: Chart) {
        if !chart.bars.is_empty() {
            self.blocks.push(Block::Chart(chart));
        }
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
