//! Findings that belong together: stable ids, what caused what, and the order in which they are read.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::finding::{Finding, Level, SubjectKind};

const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// Bounces can come back as long as servers keep mail in their queues (RFC 5321, 4.5.4.1: 4-5 days).
const ECHO_MICROS: i64 = 5 * DAY_MICROS;
/// What is only the echo of another finding stays below `medium`.
const ECHO_LEVEL: Level = Level::Low;
const ECHO_SCORE: f64 = 0.45;
const STOLEN: &str = "compromised-account";
const GUESSING: &str = "credential-attack";
const FLOOD: &str = "backscatter-victim";
const STUCK: &str = "queue-trouble";
const MISMATCH: &str = "sender-mismatch";

/// Names the findings, links those that belong together, and puts the worst first.
pub fn arrange(mut findings: Vec<Finding>) -> Vec<Finding> {
    name(&mut findings);
    link_floods_to_stolen_accounts(&mut findings);
    link_mismatches_to_stolen_accounts(&mut findings);
    link_stuck_mail_to_stolen_accounts(&mut findings);
    link_stolen_accounts_to_guesses(&mut findings);
    tell_of_recurrence(&mut findings);
    findings.sort_by(|a, b| {
        let worst_first = (b.level, b.score).partial_cmp(&(a.level, a.score));
        let worst_first = worst_first.unwrap_or(std::cmp::Ordering::Equal);
        worst_first.then_with(|| (a.first_seen.micros, &a.id).cmp(&(b.first_seen.micros, &b.id)))
    });
    findings
}

/// An incident is known by its subject and the week of its beginning: lines that are appended tomorrow, or
/// rotated away, may move the beginning by hours. A second one in the same week has a number.
fn name(findings: &mut [Finding]) {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|index| findings[*index].first_seen.micros);
    let mut used: BTreeMap<String, u32> = BTreeMap::new();
    for index in order {
        let finding = &mut findings[index];
        // The epoch was a Thursday; weeks begin on Monday.
        let day = finding.first_seen.micros.div_euclid(DAY_MICROS);
        let week = (day + 3).div_euclid(7).to_string();
        let (detector, kind) = (finding.detector, finding.subject.kind.as_str());
        let key = [detector, kind, &finding.subject.name, &week];
        let n_before = used.entry(stable_id(&key)).or_default();
        *n_before += 1;
        finding.id = match *n_before {
            1 => stable_id(&key),
            n => stable_id(&[detector, kind, &finding.subject.name, &week, &n.to_string()]),
        };
    }
}

/// Bounces that follow from a stolen account are its echo, however many there are.
fn link_floods_to_stolen_accounts(findings: &mut [Finding]) {
    let causes: Vec<Finding> = serious(findings, STOLEN);
    for flood in findings.iter_mut().filter(|f| f.detector == FLOOD) {
        if let Some(cause) = causes.iter().find(|cause| is_echo(flood, cause)) {
            flood.caused_by = Some(cause.id.clone());
            flood.level = flood.level.min(ECHO_LEVEL);
            flood.score = flood.score.min(ECHO_SCORE);
        }
    }
}

/// A thief's forged senders are part of the theft: the same messages are not held against the account twice.
fn link_mismatches_to_stolen_accounts(findings: &mut [Finding]) {
    let causes: Vec<Finding> = serious(findings, STOLEN);
    for mismatch in findings.iter_mut().filter(|f| f.detector == MISMATCH) {
        let theirs: HashSet<&String> = mismatch.queue_ids.iter().collect();
        let cause = causes.iter().find(|cause| {
            let shares = cause.queue_ids.iter().any(|id| theirs.contains(id));
            cause.subject == mismatch.subject && shares
        });
        if let Some(cause) = cause {
            mismatch.caused_by = Some(cause.id.clone());
            mismatch.level = mismatch.level.min(ECHO_LEVEL);
            mismatch.score = mismatch.score.min(ECHO_SCORE);
        }
    }
}

/// True for a flood that the account's mail explains by sender, time and number. A joe job beside a stolen
/// account has other addresses, or more bounces than the account had recipients.
fn is_echo(flood: &Finding, cause: &Finding) -> bool {
    let (from, until) = (
        cause.first_seen.micros,
        cause.last_seen.micros + ECHO_MICROS,
    );
    let address = &flood.subject.name;
    let senders = texts(cause, "senders");
    let is_sender = if senders.is_empty() {
        is_account_of(&cause.subject.name, address)
    } else {
        senders
            .iter()
            .any(|sender| sender.eq_ignore_ascii_case(address))
    };
    let n_bounces = flood.counts.bounces_received.unwrap_or(0);
    flood.subject.kind == SubjectKind::Address
        && is_sender
        && (from..=until).contains(&flood.first_seen.micros)
        && n_bounces <= cause.counts.deliveries.unwrap_or(u64::MAX)
}

/// A provider that puts off a thief's mail is right: most of what waits is the thief's.
fn link_stuck_mail_to_stolen_accounts(findings: &mut [Finding]) {
    let causes: Vec<Finding> = serious(findings, STOLEN);
    for stuck in findings.iter_mut().filter(|f| f.detector == STUCK) {
        let is_cause = |cause: &&Finding| {
            let theirs: HashSet<&String> = cause.queue_ids.iter().collect();
            let ids = stuck.queue_ids.iter();
            2 * ids.filter(|id| theirs.contains(id)).count() > stuck.queue_ids.len()
        };
        if let Some(cause) = causes.iter().find(is_cause) {
            stuck.caused_by = Some(cause.id.clone());
            stuck.level = stuck.level.min(ECHO_LEVEL);
            stuck.score = stuck.score.min(ECHO_SCORE);
        }
    }
}

/// A stolen account whose password was guessed before our eyes follows from the guessing.
fn link_stolen_accounts_to_guesses(findings: &mut [Finding]) {
    let guesses = findings
        .iter()
        .filter(|f| f.detector == GUESSING && has_succeeded(f));
    let mut guesses: Vec<Finding> = guesses.cloned().collect();
    guesses.sort_by(|a, b| b.score.total_cmp(&a.score));
    for stolen in findings.iter_mut().filter(|f| f.detector == STOLEN) {
        let cause = guesses.iter().find(|guess| opened_the_door(guess, stolen));
        stolen.caused_by = cause.map(|guess| guess.id.clone());
    }
}

/// True for guessing that ended in a login.
fn has_succeeded(guessing: &Finding) -> bool {
    let mut signals = guessing.signals.iter();
    guessing.counts.logins.unwrap_or(0) > 0 && signals.any(|s| s.name.starts_with("success"))
}

/// True when the login of the guesser is the thief's: the same mail, or the same account or client before it ended.
fn opened_the_door(guess: &Finding, stolen: &Finding) -> bool {
    let theirs: HashSet<&String> = stolen.queue_ids.iter().collect();
    let same_mail = guess.queue_ids.iter().any(|id| theirs.contains(id));
    let same_account = guess.subject == stolen.subject;
    let clients: HashSet<&String> = stolen.clients.iter().map(|client| &client.ip).collect();
    let same_client = guess.subject.kind == SubjectKind::Client
        && guess
            .clients
            .iter()
            .any(|client| clients.contains(&client.ip));
    let in_time = guess.first_seen.micros <= stolen.last_seen.micros;
    in_time && (same_mail || same_account || same_client)
}

/// An account stolen twice: each finding tells of the other.
fn tell_of_recurrence(findings: &mut [Finding]) {
    let mut stolen: Vec<Finding> = serious(findings, STOLEN);
    stolen.sort_by_key(|finding| finding.first_seen.micros);
    for finding in findings.iter_mut().filter(|f| f.detector == STOLEN) {
        let others = stolen
            .iter()
            .filter(|other| other.subject == finding.subject);
        for other in others.filter(|other| other.id != finding.id) {
            let what = if other.first_seen.micros < finding.first_seen.micros {
                "It was misused before"
            } else {
                "It was misused again"
            };
            let (from, until) = (other.first_seen.for_people(), other.last_seen.for_people());
            let id = &other.id;
            finding
                .summary
                .push_str(&format!(" {what}: finding {id}, {from} to {until}."));
        }
    }
}

/// The findings of a detector that an administrator would act on.
fn serious(findings: &[Finding], detector: &str) -> Vec<Finding> {
    let chosen = findings.iter();
    let chosen = chosen.filter(|f| f.detector == detector && f.level >= Level::Medium);
    chosen.cloned().collect()
}

/// The texts of a list among the facts.
fn texts<'a>(finding: &'a Finding, name: &str) -> Vec<&'a str> {
    let lists = finding
        .signals
        .iter()
        .filter_map(|signal| signal.facts.get(name)?.as_array());
    lists.flatten().filter_map(Value::as_str).collect()
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
