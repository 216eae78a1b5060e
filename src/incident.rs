//! Findings that belong together: stable ids, what caused what, and the order in which they are read.

use crate::finding::{Finding, Level, SubjectKind};

/// Bounces can come back as long as servers keep mail in their queues (RFC 5321, 4.5.4.1: 4-5 days).
const ECHO_MICROS: i64 = 5 * 24 * 3_600_000_000;
/// What is only the echo of another finding stays below `medium`.
const ECHO_LEVEL: Level = Level::Low;
const ECHO_SCORE: f64 = 0.45;

/// Names the findings, links floods to the stolen accounts that caused them, and puts the worst first.
pub fn arrange(mut findings: Vec<Finding>) -> Vec<Finding> {
    for finding in &mut findings {
        finding.id = stable_id(&[
            finding.detector,
            finding.subject.kind.as_str(),
            &finding.subject.name,
            &finding.first_seen.micros.to_string(),
        ]);
    }
    let causes: Vec<(String, String, i64, i64)> = findings
        .iter()
        .filter(|finding| {
            finding.detector == "compromised-account" && finding.level >= Level::Medium
        })
        .map(|finding| {
            let (first, last) = (finding.first_seen.micros, finding.last_seen.micros);
            (
                finding.id.clone(),
                finding.subject.name.clone(),
                first,
                last + ECHO_MICROS,
            )
        })
        .collect();
    for finding in &mut findings {
        let is_flood = finding.detector == "backscatter-victim"
            && finding.subject.kind == SubjectKind::Address;
        let cause = causes.iter().find(|(_, account, from, until)| {
            let started = finding.first_seen.micros;
            is_account_of(account, &finding.subject.name) && (*from..=*until).contains(&started)
        });
        if let Some((id, ..)) = cause.filter(|_| is_flood) {
            finding.caused_by = Some(id.clone());
            finding.level = finding.level.min(ECHO_LEVEL);
            finding.score = finding.score.min(ECHO_SCORE);
        }
    }
    findings.sort_by(|a, b| {
        let worst_first = (b.level, b.score).partial_cmp(&(a.level, a.score));
        let worst_first = worst_first.unwrap_or(std::cmp::Ordering::Equal);
        worst_first.then_with(|| (a.first_seen.micros, &a.id).cmp(&(b.first_seen.micros, &b.id)))
    });
    findings
}

/// Logins are whole addresses or local parts alone.
fn is_account_of(login: &str, address: &str) -> bool {
    login.eq_ignore_ascii_case(address)
        || address
            .split_once('@')
            .is_some_and(|(local, _)| login.eq_ignore_ascii_case(local))
}

/// The same 16 hexadecimal digits for the same parts, in every run and release (FNV-1a, 64 bits).
pub fn stable_id(parts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |byte: u8| {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0100_0000_01b3);
    };
    for part in parts {
        part.bytes().for_each(&mut add);
        // Keeps "ab", "c" apart from "a", "bc": no UTF-8 text has this byte.
        add(0xff);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_do_not_change_from_release_to_release() {
        assert_eq!(stable_id(&[]), "cbf29ce484222325");
        assert_eq!(stable_id(&["a"]), "089bc907b544c769");
        assert_ne!(stable_id(&["ab", "c"]), stable_id(&["a", "bc"]));
    }

    #[test]
    fn a_login_is_an_address_or_its_local_part() {
        assert!(is_account_of("partner@example.jp", "Partner@example.jp"));
        assert!(is_account_of("partner", "partner@example.jp"));
        assert!(!is_account_of("part", "partner@example.jp"));
    }
}
