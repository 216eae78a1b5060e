//! Passwords that failed before this one was right.

use serde_json::json;

use crate::detect::compromised_account::account::Account;
use crate::detect::compromised_account::guesses::Guess;
use crate::detect::compromised_account::misuse::Misuse;
use crate::detect::compromised_account::{DETECTOR, FAILURES_BEFORE};
use crate::finding::Signal;

/// A neighbour in the network of a guesser can be an innocent customer of the same provider.
const WEIGHT_OF_NETWORK: f64 = 0.55;

pub(super) fn signals(account: &Account<'_>, misuse: &Misuse<'_>) -> Vec<Option<Signal>> {
    vec![
        sprayed(misuse)
            .or_else(|| brute_forced(misuse))
            .or_else(|| guessed(account, misuse)),
    ]
}

/// The failures before the first success in each of the places, and the first of them.
pub(in crate::detect::compromised_account) fn failures<'a>(
    misuse: &'a Misuse<'_>,
) -> Option<(u32, &'a Guess)> {
    let n_times = misuse.guesses.iter().map(|guess| guess.n_failures).sum();
    let first = misuse.guesses.iter().min_by_key(|guess| guess.first.at)?;
    Some((n_times, first))
}

fn facts(guess: &Guess, more: (&str, usize)) -> serde_json::Value {
    json!({
        "network": guess.network.0.to_string(),
        "auth_failures": guess.n_failures,
        "first_failure": guess.first.seen.to_string(),
        "succeeded": guess.success.seen.to_string(),
        (more.0): more.1,
    })
}

fn sprayed(misuse: &Misuse<'_>) -> Option<Signal> {
    let here = misuse
        .guesses
        .iter()
        .filter_map(|guess| Some((guess.sprayed_here?, guess)));
    if let Some((n_names, guess)) = here.max_by_key(|(n_names, _)| *n_names) {
        let detail = format!(
            "the address that then knew this password had tried {n_names} other names in vain since {}",
            guess.first.seen.for_people()
        );
        return DETECTOR.signal("sprayed", detail, facts(guess, ("names", n_names)));
    }
    let near = misuse
        .guesses
        .iter()
        .filter_map(|guess| Some((guess.sprayed_near?, guess)));
    let (n_names, guess) = near.max_by_key(|(n_names, _)| *n_names)?;
    let detail = format!(
        "{n_names} other names had been tried in vain from the same network {} since {}",
        guess.network.0,
        guess.first.seen.for_people()
    );
    let mut found = DETECTOR.signal("sprayed", detail, facts(guess, ("names", n_names)))?;
    found.weight = WEIGHT_OF_NETWORK;
    Some(found)
}

fn brute_forced(misuse: &Misuse<'_>) -> Option<Signal> {
    let often = misuse
        .guesses
        .iter()
        .filter_map(|guess| Some((guess.brute_force?, guess)));
    let (n_times, guess) = often.max_by_key(|(n_times, _)| *n_times)?;
    let detail = format!(
        "its password was tried {n_times} times in vain from {} before it was right",
        guess.network.0
    );
    DETECTOR.signal(
        "brute-forced",
        detail,
        facts(guess, ("tries", n_times as usize)),
    )
}

fn guessed(account: &Account<'_>, misuse: &Misuse<'_>) -> Option<Signal> {
    let most = misuse
        .guesses
        .iter()
        .max_by_key(|guess| guess.n_within_a_day)?;
    let n_times = most.n_within_a_day;
    let detail = format!("{n_times} logins failed from the same network within the day before");
    (f64::from(n_times) >= account.context.threshold(&FAILURES_BEFORE))
        .then(|| DETECTOR.signal("guessed", detail, facts(most, ("tries", n_times as usize))))?
}
