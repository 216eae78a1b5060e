//! Machines that stand out in a network: a thief can have the owner's provider.

use hashbrown::{HashMap, HashSet};

use super::account::{Account, Place};
use crate::correlate::Symbol;
use crate::detect::submissions::Submission;
use crate::knowledge::places::Network;

/// Makes a place of its own of the machines of a network whose mail is strange, or who guessed the password,
/// where the rest of the network's mail is ordinary.
pub(super) fn set_apart(account: &mut Account<'_>) {
    for index in 0..account.places.len() {
        if let Some((rest, apart)) = split(account, &account.places[index]) {
            account.places[index] = rest;
            account.places.push(apart);
        }
    }
}

fn split<'a>(account: &Account<'a>, place: &Place<'a>) -> Option<(Place<'a>, Place<'a>)> {
    let clients: HashSet<Symbol> = place.client_ips().collect();
    if clients.len() < 2 {
        return None;
    }
    let strange = strange_machines(account, place);
    let attacks = place.guesses.iter().filter(|guess| guess.is_attack());
    let guessers: HashSet<Network> = attacks.map(|guess| guess.network).collect();
    let network = |ip: Symbol| account.ip(Some(ip)).map(Network::of);
    let guessed = |ip: Symbol| network(ip).is_some_and(|network| guessers.contains(&network));
    let is_apart = |ip: Option<Symbol>| ip.is_some_and(|ip| strange.contains(&ip) || guessed(ip));
    let part = |wanted: bool| Place {
        key: place.key,
        country: place.country,
        submissions: place
            .submissions
            .iter()
            .copied()
            .filter(|submission| is_apart(submission.client_ip) == wanted)
            .collect(),
        logins: place
            .logins
            .iter()
            .copied()
            .filter(|login| is_apart(login.client_ip) == wanted)
            .collect(),
        guesses: place
            .guesses
            .iter()
            .copied()
            .filter(|guess| guessers.contains(&guess.network) == wanted)
            .collect(),
    };
    let (rest, apart) = (part(false), part(true));
    let is_told_apart = rest.first_use().is_some()
        && apart.first_use().is_some()
        && !account.is_strange(&rest.submissions);
    is_told_apart.then_some((rest, apart))
}

fn strange_machines(account: &Account<'_>, place: &Place<'_>) -> HashSet<Symbol> {
    let mut by_ip: HashMap<Symbol, Vec<&Submission>> = HashMap::new();
    for submission in &place.submissions {
        if let Some(ip) = submission.client_ip {
            by_ip.entry(ip).or_default().push(submission);
        }
    }
    by_ip.retain(|_, mail| account.is_strange(mail));
    by_ip.into_keys().collect()
}
