//! Which logins send with envelope senders that are not their own?

mod claim;
mod senders;

use anyhow::Result;
use hashbrown::HashMap;
use polars::prelude::{col, lit};
use serde_json::json;

use super::{Context, Detector, SignalKind, Threshold, refusals};
use crate::correlate::Symbol;
use crate::event::RejectClass;
use crate::finding::{Finding, Mitigation, Signal};
use crate::tables::columns;
use senders::{Borrowed, users};

const MIN_MESSAGES: Threshold = Threshold {
    name: "min-messages",
    value: 3.0,
    meaning: "messages under senders that are not the login's, from which on it is no slip",
};
const MIN_OTHERS: Threshold = Threshold {
    name: "min-others",
    value: 2.0,
    meaning: "other people of this server whose addresses are used; one can be an assistant's employer",
};
const MIN_FOREIGN_DOMAINS: Threshold = Threshold {
    name: "min-foreign-domains",
    value: 3.0,
    meaning: "foreign domains of senders from which on they are worth telling",
};
const MANY_FOREIGN_DOMAINS: Threshold = Threshold {
    name: "many-foreign-domains",
    value: 5.0,
    meaning: "foreign domains of senders that nobody has all for himself",
};
const MANY_SENDERS: Threshold = Threshold {
    name: "many-senders",
    value: 5.0,
    meaning: "different senders that are not the login's",
};
const ROUTINE_DAYS: Threshold = Threshold {
    name: "routine-days",
    value: 3.0,
    meaning: "days on which a foreign sender's domain is used by the login from which on it is the login's own",
};

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "sender-mismatch",
    question: "Which logins send with envelope senders that are not their own?",
    subject: "account",
    signals: &[
        SignalKind {
            name: "other-accounts",
            group: "whose",
            weight: 0.45,
            meaning: "senders that are other people's logins or mailboxes on this server; half of it for one person alone",
        },
        SignalKind {
            name: "foreign-domains",
            group: "whose",
            weight: 0.45,
            meaning: "senders in domains that are not this server's; half of it for few domains",
        },
        SignalKind {
            name: "repeated",
            group: "repetition",
            weight: 0.22,
            meaning: "more messages than a slip in a mail program's settings makes",
        },
        SignalKind {
            name: "owner-elsewhere",
            group: "owner",
            weight: 0.1,
            meaning: "those people log in themselves, from other addresses",
        },
        SignalKind {
            name: "many-senders",
            group: "number",
            weight: 0.15,
            meaning: "many different senders",
        },
        SignalKind {
            name: "not-owned",
            group: "map",
            weight: 0.9,
            meaning: "the server's own table of senders says that it is not the login's (reject_warning); conclusive",
        },
    ],
    thresholds: &[
        MIN_MESSAGES,
        MIN_OTHERS,
        MIN_FOREIGN_DOMAINS,
        MANY_FOREIGN_DOMAINS,
        MANY_SENDERS,
        ROUTINE_DAYS,
    ],
    false_positives: "The login's own name with details (ann+shop@, ann-lists@), in any domain of this server, as a bounce \
        tag (prvs=, SRS) or with other letters' case; aliases that reach the login; offices' addresses (info@, sales@) \
        used by employees; a customer's own domain, used day after day; a web form that writes to people here under the \
        visitor's address; the null sender. An assistant who writes for one person is told at low. What else is right \
        goes into the configuration: [accounts.NAME] senders.",
    remedies: "Say in smtpd_sender_login_maps who may use which sender, and refuse the rest with \
        reject_authenticated_sender_login_mismatch (try it with warn_if_reject first). Ask the owner of the login \
        whether the mail was theirs; if not, the password is lost.",
    detect,
};

/// Looks at each login's senders.
fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let warned = warned(context)?;
    let users = users(context);
    let mut findings = Vec::new();
    for (login, submissions) in &context.by_account {
        let name = context.tables.strings.get(*login);
        let borrowed = Borrowed::of(context, &users, name, submissions);
        if borrowed.mail.is_empty() {
            continue;
        }
        let n_warned = warned.get(login).copied().unwrap_or(0);
        let signals = signals(context, &borrowed, n_warned);
        let mitigations = mitigations(context, &borrowed);
        let judged = DETECTOR.judge(signals, mitigations, false);
        findings.extend(judged.map(|judged| claim::finding(context, &borrowed, judged)));
    }
    Ok(findings)
}

/// By login: what the server's own table of senders would have refused.
fn warned(context: &Context<'_>) -> Result<HashMap<Symbol, u64>> {
    let mismatch = col(columns::CLASS).eq(lit(RejectClass::SenderLoginMismatch as u32));
    let warned = mismatch.and(col(columns::IS_WARNING));
    let mut by_login = HashMap::new();
    for refusal in refusals::read(context.tables, warned)? {
        if let Some(login) = refusal.sasl_username {
            *by_login.entry(login).or_insert(0) += refusal.n_times;
        }
    }
    Ok(by_login)
}

fn signals(context: &Context<'_>, borrowed: &Borrowed<'_>, n_warned: u64) -> Vec<Signal> {
    let n_messages = borrowed.mail.len();
    let repeated = n_messages as f64 >= context.threshold(&MIN_MESSAGES);
    let repeated = repeated.then(|| {
        let detail = format!("{n_messages} messages have a sender that is not the login's");
        DETECTOR.signal("repeated", detail, json!({ "messages": n_messages }))
    });
    let n_senders = borrowed.senders.len();
    let many = n_senders as f64 >= context.threshold(&MANY_SENDERS);
    let many = many.then(|| {
        let detail = format!("{n_senders} different senders that are not the login's");
        DETECTOR.signal("many-senders", detail, json!({ "senders": n_senders }))
    });
    let not_owned = (n_warned > 0).then(|| {
        let detail = format!(
            "the table of senders says {n_warned} times that the sender is not the login's"
        );
        DETECTOR.signal("not-owned", detail, json!({ "warnings": n_warned }))
    });
    [
        other_accounts(context, borrowed),
        foreign_domains(context, borrowed),
        repeated.flatten(),
        owner_elsewhere(context, borrowed),
        many.flatten(),
        not_owned.flatten(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn other_accounts(context: &Context<'_>, borrowed: &Borrowed<'_>) -> Option<Signal> {
    let owners = borrowed.owners();
    let n_owners = owners.len();
    if n_owners == 0 {
        return None;
    }
    let detail = format!(
        "senders of {} on this server: {}",
        if n_owners == 1 {
            "another person".to_owned()
        } else {
            format!("{n_owners} other people")
        },
        claim::few(&owners)
    );
    let facts = json!({ "owners": n_owners, "senders": borrowed.sender_counts() });
    let mut signal = DETECTOR.signal("other-accounts", detail, facts)?;
    if (n_owners as f64) < context.threshold(&MIN_OTHERS) {
        signal.weight = 0.25;
    }
    Some(signal)
}

fn foreign_domains(context: &Context<'_>, borrowed: &Borrowed<'_>) -> Option<Signal> {
    let domains = borrowed.foreign_domains();
    let n_domains = domains.len();
    if (n_domains as f64) < context.threshold(&MIN_FOREIGN_DOMAINS) {
        return None;
    }
    let detail = format!(
        "senders in {n_domains} domains that are not this server's: {}",
        claim::few(&domains)
    );
    let facts = json!({ "domains": n_domains, "senders": borrowed.sender_counts() });
    let mut signal = DETECTOR.signal("foreign-domains", detail, facts)?;
    if (n_domains as f64) < context.threshold(&MANY_FOREIGN_DOMAINS) {
        signal.weight = 0.25;
    }
    Some(signal)
}

/// The people whose addresses are used are there themselves.
fn owner_elsewhere(context: &Context<'_>, borrowed: &Borrowed<'_>) -> Option<Signal> {
    let strings = &context.tables.strings;
    let clients = borrowed.clients();
    let owners = borrowed.owners();
    let mut elsewhere: Vec<&str> = Vec::new();
    for tried in context.passwords.iter().filter(|tried| tried.succeeded) {
        let name = tried.sasl_username.map_or("", |login| strings.get(login));
        let owner = owners.iter().find(|owner| owner.eq_ignore_ascii_case(name));
        let Some(owner) = owner.filter(|owner| !elsewhere.contains(&owner.as_str())) else {
            continue;
        };
        if tried.client_ip.is_some_and(|ip| !clients.contains(&ip)) {
            elsewhere.push(owner);
        }
    }
    if elsewhere.is_empty() {
        return None;
    }
    let detail = format!(
        "{} of these people log in themselves from other addresses",
        elsewhere.len()
    );
    DETECTOR.signal(
        "owner-elsewhere",
        detail,
        json!({ "owners": elsewhere.len() }),
    )
}

fn mitigations(context: &Context<'_>, borrowed: &Borrowed<'_>) -> Vec<Mitigation> {
    let clients = borrowed.clients();
    let strings = &context.tables.strings;
    let own = |ip: &Symbol| {
        let ip = strings.get(*ip).parse();
        ip.is_ok_and(|ip| context.site.is_own_client(ip))
    };
    let machine = (clients.len() == 1 && clients.iter().all(own)).then(|| Mitigation {
        name: "one-machine",
        weight: 0.4,
        detail:
            "all of it comes from one machine of the own network: a program that writes for people"
                .to_owned(),
    });
    let days = borrowed.n_days();
    let few = borrowed.senders.len() <= 3;
    let routine = (few && days as f64 >= context.threshold(&ROUTINE_DAYS)).then(|| Mitigation {
        name: "routine",
        weight: 0.3,
        detail: format!("the same few senders were used on {days} days"),
    });
    [machine, routine].into_iter().flatten().collect()
}
