//! Columns that grow row by row and become polars' own without a copy.

use polars::prelude::*;

use crate::correlate::Symbol;

/// In which order the rows of a table go into it.
pub(super) enum Order {
    /// They came in their order.
    AsIs,
    /// The old places.
    By(Vec<u32>),
}

impl Order {
    /// By a number of each row; rows of one number stay as they came.
    pub(super) fn of(numbers: &[u32]) -> Self {
        if numbers.is_sorted() {
            return Self::AsIs;
        }
        let mut places: Vec<u32> = (0..).take(numbers.len()).collect();
        places.sort_by_key(|place| numbers[*place as usize]);
        Self::By(places)
    }

    /// The values in this order.
    pub(super) fn apply<T: Copy>(&self, values: Vec<T>) -> Vec<T> {
        match self {
            Self::AsIs => values,
            Self::By(places) => places.iter().map(|at| values[*at as usize]).collect(),
        }
    }
}

/// A column of symbols; a missing text is a null.
#[derive(Default)]
pub(super) struct Symbols(Vec<u32>);

impl Symbols {
    pub(super) fn push(&mut self, symbol: Option<Symbol>) {
        // 0 is never given out.
        self.0.push(symbol.map_or(0, Symbol::to_u32));
    }

    pub(super) fn get(&self, row: usize) -> Option<Symbol> {
        Symbol::from_u32(self.0[row])
    }

    pub(super) fn column(self, name: &str, order: &Order) -> Column {
        let values = order.apply(self.0).into_iter();
        let values = values.map(|number| (number != 0).then_some(number));
        UInt32Chunked::from_iter_options(name.into(), values).into_column()
    }
}

impl FromIterator<Option<Symbol>> for Symbols {
    fn from_iter<I: IntoIterator<Item = Option<Symbol>>>(symbols: I) -> Self {
        let numbers = symbols.into_iter().map(|s| s.map_or(0, Symbol::to_u32));
        Self(numbers.collect())
    }
}

/// A column of short texts that are all distinct.
#[derive(Default)]
pub(super) struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    fn get(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.all.get(start..self.ends[row]).unwrap_or_default()
    }

    pub(super) fn column(self, name: &str, order: &Order) -> Column {
        let name = name.into();
        let rows = 0..self.ends.len();
        let texts = match order {
            Order::AsIs => StringChunked::from_iter_values(name, rows.map(|row| self.get(row))),
            Order::By(places) => {
                let texts = places.iter().map(|place| self.get(*place as usize));
                StringChunked::from_iter_values(name, texts)
            }
        };
        texts.into_column()
    }
}

/// A column of numbers of 32 bits.
pub(super) fn numbers(name: &str, values: Vec<u32>) -> Column {
    UInt32Chunked::from_vec(name.into(), values).into_column()
}

/// A column of moments or sizes.
pub(super) fn wide_numbers(name: &str, values: Vec<i64>) -> Column {
    Int64Chunked::from_vec(name.into(), values).into_column()
}

/// A column of yes and no.
pub(super) fn flags(name: &str, values: Vec<bool>) -> Column {
    BooleanChunked::from_slice(name.into(), &values).into_column()
}
