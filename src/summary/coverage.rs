//! What the report rests on: files, lines understood, year and zone taken, what is missing.

use crate::answer::{Document, Table};
use crate::read::Coverage;

/// Adds the coverage section.
pub fn coverage(document: &mut Document, coverage: &Coverage) {
    document.heading("What this report rests on");
    let mut facts = vec![format!(
        "{} lines: {} understood, {} of mail programs not understood, {} of other programs",
        coverage.lines, coverage.understood, coverage.unknown, coverage.other
    )];
    let counted = [
        (coverage.undated, "lines without a time"),
        (coverage.lossy, "lines with bytes that are not UTF-8"),
        (coverage.cut, "lines too long to be read whole"),
    ];
    let counted = counted.iter().filter(|(n, _)| *n > 0);
    facts.extend(counted.map(|(n, what)| format!("{n} {what}")));
    for year in &coverage.years {
        facts.push(format!(
            "{}: year {}: {}",
            year.file, year.year, year.because
        ));
        facts.extend(
            year.contradictions
                .iter()
                .map(|c| format!("{}: but {c}", year.file)),
        );
    }
    for zone in &coverage.zones {
        facts.push(format!(
            "{}: zone {}: {}",
            zone.host, zone.zone, zone.because
        ));
    }
    facts.extend(coverage.notices.iter().cloned());
    document.list(facts);
    let rows = coverage.files.iter().map(|file| {
        let shown = |moment: Option<crate::mail::Timestamp>| {
            moment.map(|moment| moment.for_people()).unwrap_or_default()
        };
        vec![
            file.file.clone(),
            file.lines.to_string(),
            shown(file.first_seen),
            shown(file.last_seen),
        ]
    });
    document.table(Table {
        head: vec!["file", "lines", "first", "last"],
        rows: rows.collect(),
        numbers: vec![1],
    });
}
