//! What the report rests on: files, lines understood, year and zone taken, what is missing.

use super::TOP;
use crate::answer::Document;
use crate::read::{Coverage, FileCoverage, OwnPart};

/// Adds the coverage section.
pub fn coverage(document: &mut Document, coverage: &Coverage) {
    document.section("What this report rests on");
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
    let puzzling = coverage
        .programs
        .iter()
        .filter(|program| program.unknown > 0);
    facts.extend(puzzling.map(|program| {
        let (name, unknown, lines) = (&program.program, program.unknown, program.lines);
        format!("{name}: {unknown} of {lines} lines not understood (`mailsleuth events --unknown`)")
    }));
    if coverage.loss_notices > 0 {
        facts.push(format!(
            "the logging system says {} times that it dropped lines, {} of them counted: evidence is missing",
            coverage.loss_notices, coverage.lines_lost
        ));
    }
    facts.extend(coverage.breaks.iter().map(|gap| {
        let what = if gap.to < gap.from {
            "the clock goes back"
        } else {
            "silence"
        };
        let (from, to) = (gap.from.for_people(), gap.to.for_people());
        format!("{}:{}: {what} from {from} to {to}", gap.file, gap.line)
    }));
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
    own(&mut facts, &coverage.own);
    facts.extend(coverage.notices.iter().cloned());
    facts.extend(coverage.files.iter().map(file));
    document.list(facts);
}

/// Domains and networks by how they are known; a hosting server has too many to name them all.
fn own(facts: &mut Vec<String>, parts: &[OwnPart]) {
    let mut groups: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for part in parts {
        let key = (part.kind, part.because.as_str());
        match groups
            .iter_mut()
            .find(|(kind, because, _)| (*kind, *because) == key)
        {
            Some((_, _, names)) => names.push(&part.name),
            None => groups.push((key.0, key.1, vec![&part.name])),
        }
    }
    for (kind, because, names) in groups {
        let shown = names
            .iter()
            .take(TOP)
            .copied()
            .collect::<Vec<&str>>()
            .join(", ");
        let more = match names.len().saturating_sub(TOP) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let plural = if names.len() == 1 { "" } else { "s" };
        facts.push(format!("own {kind}{plural}: {shown}{more}: {because}"));
    }
}

fn file(file: &FileCoverage) -> String {
    match (file.first_seen, file.last_seen) {
        (Some(first), Some(last)) => format!(
            "{}: {} lines, {} to {}",
            file.file,
            file.lines,
            first.for_people(),
            last.for_people()
        ),
        _ => format!("{}: {} lines", file.file, file.lines),
    }
}
