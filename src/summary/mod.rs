//! Tables and findings -> sections of a report, in the order in which people need them.

mod coverage;
mod deliveries;
mod finding;
mod logins;
mod rejections;
mod timeline;
mod traffic;
mod verdict;

use anyhow::Result;

use crate::answer::Document;
use crate::tables::Tables;

pub use coverage::coverage;
pub use finding::finding;
pub use timeline::timeline;
pub use verdict::verdict;

/// A section of the traffic summary.
pub type Section = fn(&mut Document, &Tables) -> Result<()>;

/// The traffic summary, in reading order.
pub const SECTIONS: &[Section] = &[
    traffic::section,
    logins::section,
    deliveries::section,
    rejections::section,
];

/// Rows of a table that a person reads; the rest is counted.
const TOP: usize = 10;
