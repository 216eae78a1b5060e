//! What is to be read first: one sentence on whether somebody has to act.

use crate::answer::{Block, Document};
use crate::finding::{Finding, Level};
use crate::read::Coverage;

/// Adds the verdict: the worst finding in words, or that there is none; and what could not be read.
/// `n_hidden`: findings below the level that was asked for.
pub fn verdict(
    document: &mut Document,
    findings: &[Finding],
    n_hidden: usize,
    coverage: &Coverage,
) {
    let worst = findings.iter().map(|finding| finding.level).max();
    let urgent = findings.iter().filter(|f| f.level >= Level::High).count();
    let text = match (findings.first(), urgent) {
        _ if coverage.lines == 0 => "The logs hold no lines.".to_owned(),
        (None, _) if n_hidden > 0 => {
            format!("Nothing of the level asked for; findings below it: {n_hidden}.")
        }
        (None, _) => "Nothing suspicious was found.".to_owned(),
        (Some(first), 1) => format!("Act now: {}.", first.title),
        (Some(first), 0) => format!("Nothing urgent. Worth a look: {}.", first.title),
        (Some(first), n) => format!("Act now: {}, and {} more.", first.title, n - 1),
    };
    document.blocks.push(Block::Verdict { level: worst, text });
    if let (Some(from), Some(to)) = (coverage.first_seen, coverage.last_seen) {
        let (from, to, lines) = (from.for_people(), to.for_people(), coverage.lines);
        document.paragraph(format!("{lines} lines, {from} to {to}."));
    }
    for fault in &coverage.faults {
        let text = format!("Not read to its end: {}: {}.", fault.file, fault.message);
        let level = Some(Level::Medium);
        document.blocks.push(Block::Verdict { level, text });
    }
}
