//! Every distinct text of a run once, and a number for it: tables and detectors compare numbers.

use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

/// The number of a text in [`Strings`]. Meaningless beside another `Strings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(NonZeroU32);

impl Symbol {
    /// For a table's column.
    pub fn to_u32(self) -> u32 {
        self.0.get()
    }

    /// Back from a table's column; 0 was never given out.
    pub fn from_u32(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }
}

/// An arena of distinct texts. Grows with what is distinct, not with the log.
#[derive(Default)]
pub struct Strings {
    arena: String,
    /// End of each text in the arena; the first text has symbol 1.
    ends: Vec<usize>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Strings {
    /// The symbol of a text, new or known.
    pub fn intern(&mut self, text: &str) -> Symbol {
        let hash = self.hasher.hash_one(text);
        if let Some(known) = self.find_hashed(hash, text) {
            return known;
        }
        let number = u32::try_from(self.ends.len() + 1)
            .expect("four billion distinct texts do not fit into memory");
        self.arena.push_str(text);
        self.ends.push(self.arena.len());
        let (arena, ends, hasher) = (&self.arena, &self.ends, &self.hasher);
        self.index.insert_unique(hash, number, |number| {
            hasher.hash_one(get(arena, ends, *number))
        });
        Symbol(NonZeroU32::new(number).expect("numbers count from 1"))
    }

    /// The symbol of a text that is known already.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.find_hashed(self.hasher.hash_one(text), text)
    }

    fn find_hashed(&self, hash: u64, text: &str) -> Option<Symbol> {
        // Bytes: whether they are on a character's boundary was settled when they came in.
        let is_it = |number: &u32| {
            let range = range(&self.ends, *number);
            self.arena.as_bytes().get(range) == Some(text.as_bytes())
        };
        Symbol::from_u32(*self.index.find(hash, is_it)?)
    }

    /// The text of a symbol.
    pub fn get(&self, symbol: Symbol) -> &str {
        get(&self.arena, &self.ends, symbol.to_u32())
    }

    /// The text of a table's cell; empty for a null.
    pub fn cell(&self, number: Option<u32>) -> &str {
        number
            .and_then(Symbol::from_u32)
            .map_or("", |symbol| self.get(symbol))
    }

    /// How many distinct texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

fn get<'a>(arena: &'a str, ends: &[usize], number: u32) -> &'a str {
    arena.get(range(ends, number)).unwrap_or_default()
}

/// Where a text stands in the arena.
fn range(ends: &[usize], number: u32) -> Range<usize> {
    let index = number as usize - 1;
    let start = index.checked_sub(1).map_or(0, |before| ends[before]);
    start..ends[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_symbol() {
        let mut strings = Strings::default();
        let texts: Vec<String> = (0..5000).map(|n| format!("text {}", n % 1000)).collect();
        let symbols: Vec<Symbol> = texts.iter().map(|text| strings.intern(text)).collect();
        assert_eq!(strings.len(), 1000);
        for (text, symbol) in texts.iter().zip(&symbols) {
            assert_eq!(strings.get(*symbol), text);
            assert_eq!(strings.find(text), Some(*symbol));
        }
        assert_eq!(strings.find("never seen"), None);
        let empty = strings.intern("");
        assert_eq!(strings.get(empty), "");
        assert_eq!(strings.cell(None), "");
    }
}
