//! The reasons for and against: each a fact with its numbers.

mod clients;
mod guessing;
mod mail;
mod mitigations;
mod name;
mod places;
mod timeline;

use super::account::Account;
use super::misuse::Misuse;
use crate::finding::Signal;

pub(super) use guessing::failures;
pub(super) use mitigations::mitigations;

/// All that speaks for the claim. `earlier` is an incident of the same account before this one.
pub(super) fn signals(
    account: &Account<'_>,
    misuse: &Misuse<'_>,
    earlier: Option<&Misuse<'_>>,
) -> Vec<Signal> {
    let kinds: [Vec<Option<Signal>>; 5] = [
        name::signals(account),
        mail::signals(account, misuse),
        places::signals(account, misuse, earlier),
        clients::signals(account, misuse),
        guessing::signals(account, misuse),
    ];
    let mut signals: Vec<Signal> = kinds.into_iter().flatten().flatten().collect();
    signals.extend(timeline::signal(account, misuse));
    signals
}
