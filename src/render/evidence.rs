//! Fetches the lines that findings and messages quote: each file is read once more, as far as needed.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::input;
use crate::mail::LineRef;
use crate::read::Log;

/// The texts of some lines, and why others are missing.
pub fn fetch(log: &mut Log, mut wanted: Vec<LineRef>) -> BTreeMap<LineRef, String> {
    wanted.sort_unstable();
    wanted.dedup();
    let fetched = input::fetch(&log.sources, &wanted);
    log.coverage.notices.extend(fetched.notices);
    fetched.lines
}

/// Fills in the file names and texts of all findings' evidence.
pub fn quote(log: &mut Log, findings: &mut [Finding]) {
    let quoted = findings.iter().flat_map(|finding| &finding.evidence);
    let wanted = quoted.map(|evidence| evidence.at).collect();
    let lines = fetch(log, wanted);
    let names = log.file_names();
    for evidence in findings
        .iter_mut()
        .flat_map(|finding| &mut finding.evidence)
    {
        evidence.file = names
            .get(evidence.at.file as usize)
            .cloned()
            .unwrap_or_default();
        evidence.text = lines.get(&evidence.at).cloned();
    }
}
