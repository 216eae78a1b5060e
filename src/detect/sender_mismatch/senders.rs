//! One login's envelope senders: its own, other people's, foreign ones.

use hashbrown::{HashMap, HashSet};
use serde_json::{Value, json};

use super::ROUTINE_DAYS;
use crate::correlate::Symbol;
use crate::detect::Context;
use crate::detect::site::sender;
use crate::detect::submissions::Submission;
use crate::knowledge::providers::registrable_domain;
use crate::mail::Address;

/// Addresses of this site under which nobody logs in: so many, beside the login's own names, are other people's.
const MIN_UNCLAIMED: usize = 3;
const DAY_MICROS: i64 = 24 * 3_600_000_000;

/// Whose an envelope sender is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// The login's, as far as can be known.
    Own,
    /// An office's, which several may use, with its own login or mailbox.
    Office(String),
    /// Another person's: the name of the login, or the address where nobody of that name logs in.
    Other { name: String, logs_in: bool },
    /// In a domain that is not this server's; the part that somebody registered.
    Foreign(String),
}

/// A sender that is not the login's own.
pub(super) struct Sender {
    pub(super) from: Symbol,
    pub(super) whose: Whose,
    pub(super) n_messages: usize,
}

/// What a login sent under senders that are not its own.
pub(super) struct Borrowed<'a> {
    pub(super) login: &'a str,
    /// All that the login sent.
    pub(super) all: &'a [Submission],
    pub(super) mail: Vec<&'a Submission>,
    /// Those with most messages first.
    pub(super) senders: Vec<Sender>,
}

impl<'a> Borrowed<'a> {
    pub(super) fn of(
        context: &Context<'_>,
        users: &Users,
        login: &'a str,
        all: &'a [Submission],
    ) -> Self {
        let whose = classify(context, users, login, all);
        let n_people = |wanted| {
            let is_wanted = |whose: &&Whose| matches!(whose, Whose::Other { logs_in, .. } if *logs_in == wanted);
            whose.values().filter(is_wanted).count()
        };
        // Who writes as two other people is no employee at an office's desk either.
        let impersonates = n_people(true) >= 2;
        let counts = |whose: &Whose| match whose {
            Whose::Own => false,
            Whose::Office(_) => impersonates,
            Whose::Other { logs_in, .. } => {
                *logs_in || impersonates || n_people(false) >= MIN_UNCLAIMED
            }
            Whose::Foreign(_) => true,
        };
        let mut mail = Vec::new();
        let mut senders: HashMap<Symbol, usize> = HashMap::new();
        for submission in all {
            let Some(from) = submission.from else {
                continue;
            };
            let Some(whose) = whose.get(&from).filter(|whose| counts(whose)) else {
                continue;
            };
            // A form on a web page writes to its owner here under the visitor's address.
            let stays = !submission.deliveries.is_empty()
                && submission.deliveries.iter().all(|way| way.is_local);
            if stays && matches!(whose, Whose::Foreign(_)) {
                continue;
            }
            mail.push(submission);
            *senders.entry(from).or_insert(0) += 1;
        }
        let mut senders: Vec<Sender> = senders
            .into_iter()
            .map(|(from, n_messages)| Sender {
                from,
                whose: whose[&from].clone(),
                n_messages,
            })
            .collect();
        let name = |sender: &Sender| context.tables.strings.get(sender.from).to_owned();
        senders.sort_by(|a, b| (b.n_messages, name(a)).cmp(&(a.n_messages, name(b))));
        Self {
            login,
            all,
            mail,
            senders,
        }
    }

    /// The other people, by name.
    pub(super) fn owners(&self) -> Vec<String> {
        self.names(|whose| match whose {
            Whose::Other { name, .. } | Whose::Office(name) => Some(name),
            Whose::Own | Whose::Foreign(_) => None,
        })
    }

    pub(super) fn foreign_domains(&self) -> Vec<String> {
        self.names(|whose| match whose {
            Whose::Foreign(domain) => Some(domain),
            Whose::Own | Whose::Office(_) | Whose::Other { .. } => None,
        })
    }

    fn names(&self, wanted: fn(&Whose) -> Option<&String>) -> Vec<String> {
        let names = self
            .senders
            .iter()
            .filter_map(|sender| wanted(&sender.whose));
        let mut names: Vec<String> = names.cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(super) fn clients(&self) -> HashSet<Symbol> {
        self.mail
            .iter()
            .filter_map(|submission| submission.client_ip)
            .collect()
    }

    pub(super) fn n_days(&self) -> usize {
        let days = self
            .mail
            .iter()
            .map(|s| s.seen.micros.div_euclid(DAY_MICROS));
        days.collect::<HashSet<i64>>().len()
    }

    /// For the facts: how many messages under senders of each kind of owner.
    pub(super) fn sender_counts(&self) -> Value {
        let count = |wanted: fn(&Whose) -> bool| -> usize {
            let senders = self.senders.iter().filter(|sender| wanted(&sender.whose));
            senders.map(|sender| sender.n_messages).sum()
        };
        json!({
            "of_others": count(|whose| matches!(whose, Whose::Other { .. } | Whose::Office(_))),
            "foreign": count(|whose| matches!(whose, Whose::Foreign(_))),
        })
    }
}

/// Whose each sender of the login is, each looked at once.
fn classify(
    context: &Context<'_>,
    users: &Users,
    login: &str,
    all: &[Submission],
) -> HashMap<Symbol, Whose> {
    let strings = &context.tables.strings;
    let mut senders: HashMap<Symbol, Whose> = HashMap::new();
    let mut days: HashMap<String, HashSet<i64>> = HashMap::new();
    let mut n_messages: HashMap<Symbol, usize> = HashMap::new();
    for submission in all {
        let Some(from) = submission.from else {
            continue;
        };
        *n_messages.entry(from).or_insert(0) += 1;
        let whose = senders
            .entry(from)
            .or_insert_with(|| whose(context, login, Address(strings.get(from))));
        if let Whose::Foreign(domain) = whose {
            let day = submission.seen.micros.div_euclid(DAY_MICROS);
            days.entry(domain.clone()).or_default().insert(day);
        }
    }
    // A customer's own domain, of which this server has no mailbox, is used day after day.
    let routine = context.threshold(&ROUTINE_DAYS);
    let is_routine = |domain: &String| {
        days.get(domain)
            .is_some_and(|days| days.len() as f64 >= routine)
    };
    for whose in senders.values_mut() {
        if matches!(whose, Whose::Foreign(domain) if is_routine(domain)) {
            *whose = Whose::Own;
        }
    }
    claim_unclaimed(users, &mut senders, &n_messages);
    senders
}

fn whose(context: &Context<'_>, login: &str, from: Address<'_>) -> Whose {
    let Some(base) = sender::base(from) else {
        return Whose::Own;
    };
    if context.site.may_send_as(context.config, login, from) {
        return Whose::Own;
    }
    let Some(domain) = Address(&base).domain() else {
        return match context.site.is_login(&base) {
            true => Whose::Other {
                name: base,
                logs_in: true,
            },
            false => Whose::Own,
        };
    };
    if !context.site.is_own_host(domain) {
        return Whose::Foreign(registrable_domain(domain).unwrap_or(domain).to_owned());
    }
    let owner = context.site.login_of(&base);
    let logs_in = owner.is_some();
    let name = owner.unwrap_or_else(|| base.clone());
    if sender::is_role(&base) {
        // An office without a login is anybody's.
        return if logs_in {
            Whose::Office(name)
        } else {
            Whose::Own
        };
    }
    Whose::Other { name, logs_in }
}

/// Addresses under which nobody logs in, and which no other login uses, are names of the login itself: logins
/// like `u1234` have senders that do not show whose they are.
fn claim_unclaimed(
    users: &Users,
    senders: &mut HashMap<Symbol, Whose>,
    n_messages: &HashMap<Symbol, usize>,
) {
    let has_own_name = senders.values().any(|whose| *whose == Whose::Own);
    let is_unclaimed = |whose: &Whose| matches!(whose, Whose::Other { logs_in: false, .. });
    let mut unclaimed: Vec<Symbol> = senders
        .iter()
        .filter(|(from, whose)| is_unclaimed(whose) && users.get(*from).is_some_and(|n| *n == 1))
        .map(|(from, _)| *from)
        .collect();
    unclaimed.sort_unstable_by_key(|from| (std::cmp::Reverse(n_messages.get(from)), *from));
    let n_names = if has_own_name { 1 } else { 2 };
    for from in unclaimed.into_iter().take(n_names) {
        senders.insert(from, Whose::Own);
    }
}

/// How many logins use each sender.
pub(super) type Users = HashMap<Symbol, usize>;

/// Counts the logins of each sender.
pub(super) fn users(context: &Context<'_>) -> Users {
    let mut users = Users::new();
    for (_, submissions) in &context.by_account {
        let senders: HashSet<Symbol> = submissions.iter().filter_map(|s| s.from).collect();
        for from in senders.into_iter() {
            *users.entry(from).or_insert(0) += 1;
        }
    }
    users
}
