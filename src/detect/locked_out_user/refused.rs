//! Refusals of those who belong here, by user.

use anyhow::Result;
use hashbrown::{HashMap, HashSet};
use polars::prelude::*;

use super::people::{Acquaintance, People};
use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::refusals::{self, Refusal};
use crate::event::RejectClass;
use crate::mail::Address;
use crate::tables::columns;

/// A client that is refused for each recipient of a mail, and goes on at once, is refused one mail.
const ONE_MAIL_MICROS: i64 = 30 * 1_000_000;

/// The restrictions that can stand before the login.
const CLASSES: [RejectClass; 7] = [
    RejectClass::ClientName,
    RejectClass::Helo,
    RejectClass::Dnsbl,
    RejectClass::RelayDenied,
    RejectClass::ClientRefused,
    RejectClass::RecipientRefused,
    RejectClass::SenderLoginMismatch,
];

/// One user who was refused.
pub(super) struct Case {
    /// The login, if one is known; else the sender.
    pub(super) name: String,
    pub(super) has_login: bool,
    /// In log order.
    pub(super) refusals: Vec<Refusal>,
    /// The best that is known of any of the clients.
    pub(super) acquaintance: Acquaintance,
    pub(super) at_submission: bool,
}

impl Case {
    /// The kind of restriction that refused most.
    pub(super) fn class(&self) -> RejectClass {
        let n = |class| self.refusals.iter().filter(|r| r.class == class).count();
        let most = CLASSES.into_iter().max_by_key(|class| n(*class));
        most.unwrap_or_default()
    }

    /// Mails, not recipients.
    pub(super) fn n_mails(&self) -> u64 {
        let mut last: HashMap<Option<Symbol>, i64> = HashMap::new();
        let mut n_mails = 0;
        for refusal in &self.refusals {
            let before = last.insert(refusal.client_ip, refusal.seen.micros);
            let is_new = before.is_none_or(|at| refusal.seen.micros - at > ONE_MAIL_MICROS);
            n_mails += u64::from(is_new);
        }
        n_mails
    }

    /// Lines, as grep counts them.
    pub(super) fn n_refusals(&self) -> u64 {
        self.refusals.iter().map(|refusal| refusal.n_times).sum()
    }

    pub(super) fn client_ips(&self) -> HashSet<Symbol> {
        self.refusals.iter().filter_map(|r| r.client_ip).collect()
    }
}

/// The users refused, by name.
///
/// # Errors
/// When a table lacks a column, which is a fault of this program.
pub(super) fn read(context: &Context<'_>, people: &People) -> Result<Vec<Case>> {
    let is_one = |class: RejectClass| col(columns::CLASS).eq(lit(class as u32));
    let mut wanted = lit(false);
    for class in CLASSES {
        wanted = wanted.or(is_one(class));
    }
    let wanted = wanted.and(col(columns::IS_WARNING).not());
    let mut cases: HashMap<String, Case> = HashMap::new();
    for refusal in refusals::read(context.tables, wanted)? {
        if let Some((name, has_login, acquaintance)) = who(context, people, &refusal) {
            let case = cases.entry(name.to_lowercase()).or_insert_with(|| Case {
                name,
                has_login,
                refusals: Vec::new(),
                acquaintance,
                at_submission: false,
            });
            case.acquaintance = case.acquaintance.max(acquaintance);
            case.at_submission |= is_submission(context, &refusal);
            case.refusals.push(refusal);
        }
    }
    let mut cases: Vec<Case> = cases.into_values().collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// The user who was refused, if the client is likely his.
fn who(
    context: &Context<'_>,
    people: &People,
    refusal: &Refusal,
) -> Option<(String, bool, Acquaintance)> {
    let strings = &context.tables.strings;
    let client_ip = refusal.client_ip?;
    let from = Address(strings.get(refusal.from?));
    let login = refusal.sasl_username.map(|login| strings.get(login));
    let person = match login {
        Some(login) => people.of_login(login),
        None => people.of_sender(context, from),
    };
    let is_own_sender = context.site.is_own_address(from);
    let acquaintance = people.acquaintance(context, person, client_ip);
    let is_likely = match (refusal.class, is_submission(context, refusal)) {
        // A logged-in user with a foreign sender is refused rightly.
        (RejectClass::SenderLoginMismatch, _) => {
            is_own_sender && acquaintance >= Acquaintance::Provider
        }
        // Nobody but users comes to this door with these senders, unless from abroad.
        (RejectClass::ClientName | RejectClass::Helo | RejectClass::Dnsbl, true) => {
            acquaintance > Acquaintance::Stranger
        }
        // Whoever knocks without a login is refused here: bots as well.
        (_, true) => acquaintance >= Acquaintance::Provider,
        // On port 25 anybody uses any sender.
        (_, false) => acquaintance == Acquaintance::Own,
    };
    if !is_likely || (person.is_none() && !is_own_sender) {
        return None;
    }
    let name = person.map_or(from.0, |person| &person.login);
    Some((name.to_owned(), person.is_some(), acquaintance))
}

/// `postfix/submission/smtpd`, `postfix/smtps/smtpd`, `postfix/submissions/smtpd`, or a login that the line names.
fn is_submission(context: &Context<'_>, refusal: &Refusal) -> bool {
    let program = refusal
        .program
        .map(|program| context.tables.strings.get(program));
    let service = program.and_then(|program| program.rsplit('/').nth(1));
    refusal.sasl_username.is_some()
        || service.is_some_and(|service| {
            ["submission", "smtps", "submissions", "587", "465"].contains(&service)
        })
}
