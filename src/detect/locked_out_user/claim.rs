//! A user who is locked out, in words: since when, by which restriction, and which setting to change.

use hashbrown::HashSet;
use serde_json::json;

use super::people::{Acquaintance, People};
use super::refused::Case;
use super::{DETECTOR, MIN_MAILS, SEVERAL_USERS};
use crate::correlate::Symbol;
use crate::detect::submissions::ip_of;
use crate::detect::{Context, counting};
use crate::event::RejectClass;
use crate::finding::{
    Action, Counts, Evidence, Finding, LOGS, Level, Signal, SubjectKind, shell_word,
};
use crate::knowledge::places::Network;

/// A single user can mend his own settings.
const MOST_FOR_ONE: f64 = 0.69;
const MOST_FOR_A_SLIP: f64 = 0.45;
/// Lines quoted from the beginning.
const N_LINES: usize = 3;

pub(super) fn finding(
    context: &Context<'_>,
    people: &People,
    case: &Case,
    n_users: Option<usize>,
) -> Option<Finding> {
    let n_users = n_users.unwrap_or(1);
    let mut judged = DETECTOR.judge(signals(context, case, n_users), Vec::new(), false)?;
    if (n_users as f64) < context.threshold(&SEVERAL_USERS) {
        judged.level = judged.level.min(Level::Medium);
        judged.score = judged.score.min(MOST_FOR_ONE);
    }
    if (case.n_mails() as f64) < context.threshold(&MIN_MAILS) {
        judged.level = judged.level.min(Level::Low);
        judged.score = judged.score.min(MOST_FOR_A_SLIP);
    }
    let first = case.refusals.first()?;
    let last = case.refusals.last()?;
    let kind = if case.has_login {
        SubjectKind::Account
    } else {
        SubjectKind::Address
    };
    let n_logins = people.of_login(&case.name).map(|person| person.n_logins);
    let counts = counts(context, case);
    let uses = case.refusals.iter();
    let uses = uses.filter_map(|refusal| Some((refusal.client_ip?, refusal.seen, 0)));
    Some(Finding {
        title: format!("{} cannot send: {}", case.name, case.class().as_words()),
        summary: format!(
            "{} of {} {} refused ({} lines) between {} and {}, by this restriction: {}.",
            match case.n_mails() {
                1 => "1 mail".to_owned(),
                n => format!("{n} mails"),
            },
            case.name,
            if case.n_mails() == 1 { "was" } else { "were" },
            case.n_refusals(),
            first.seen.for_people(),
            last.seen.for_people(),
            restriction(case.class()),
        ),
        first_seen: first.seen,
        last_seen: last.seen,
        totals: Counts {
            logins: n_logins,
            ..counts.clone()
        },
        counts,
        clients: counting::clients(context, uses),
        evidence: evidence(case),
        actions: actions(case),
        uncertain: vec![
            "That the client is the user's own is concluded from where the login gets in at other times; ask the user.".to_owned(),
        ],
        ..judged.about(kind, &case.name)
    })
}

fn signals(context: &Context<'_>, case: &Case, n_users: usize) -> Vec<Signal> {
    let client = match case.acquaintance {
        Acquaintance::Own => DETECTOR.signal(
            "own-client",
            "the login gets in from the same network at other times, or it is the local one"
                .to_owned(),
            json!({}),
        ),
        Acquaintance::Provider | Acquaintance::Country => DETECTOR.signal(
            "usual-provider",
            "logins get in through the same provider, or from the same country, at other times"
                .to_owned(),
            json!({}),
        ),
        Acquaintance::Unknown | Acquaintance::Stranger => None,
    };
    let sender = if case.has_login {
        let detail = format!("{} is a login that works here", case.name);
        DETECTOR.signal("own-login", detail, json!({}))
    } else {
        let detail = format!("{} is an address of this server", case.name);
        DETECTOR.signal("own-domain", detail, json!({}))
    };
    let door = case.at_submission.then(|| {
        let detail = "refused at the service for users, before anybody could log in";
        DETECTOR.signal("submission-service", detail.to_owned(), json!({}))
    });
    let n_mails = case.n_mails();
    let repeated = (n_mails as f64 >= context.threshold(&MIN_MAILS)).then(|| {
        let detail = format!("{n_mails} mails were refused");
        let facts = json!({ "mails": n_mails, "refusals": case.n_refusals() });
        DETECTOR.signal("repeated", detail, facts)
    });
    let several = (n_users as f64 >= context.threshold(&SEVERAL_USERS)).then(|| {
        let detail = format!("{n_users} users are refused: {}", case.class().as_words());
        DETECTOR.signal("several-users", detail, json!({ "users": n_users }))
    });
    [
        client,
        sender,
        door.flatten(),
        repeated.flatten(),
        several.flatten(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The restriction in Postfix's words.
fn restriction(class: RejectClass) -> &'static str {
    match class {
        RejectClass::ClientName => {
            "reject_unknown_reverse_client_hostname or reject_unknown_client_hostname"
        }
        RejectClass::Helo => "a rule of smtpd_helo_restrictions",
        RejectClass::Dnsbl => "reject_rbl_client",
        RejectClass::RelayDenied => "reject_unauth_destination: the mail program did not log in",
        RejectClass::SenderLoginMismatch => "reject_sender_login_mismatch or one of its kind",
        RejectClass::ClientRefused => "reject or check_client_access in smtpd_client_restrictions",
        RejectClass::RecipientRefused => "reject or a table in smtpd_recipient_restrictions",
        RejectClass::UnknownRecipient
        | RejectClass::SenderRefused
        | RejectClass::Greylisted
        | RejectClass::RateLimit
        | RejectClass::Size
        | RejectClass::Content
        | RejectClass::Quota
        | RejectClass::Policy
        | RejectClass::Protocol
        | RejectClass::OwnTrouble
        | RejectClass::Other => "another restriction",
    }
}

fn counts(context: &Context<'_>, case: &Case) -> Counts {
    let clients = case.client_ips();
    let (mut networks, mut countries, mut asns) = (HashSet::new(), HashSet::new(), HashSet::new());
    for client in &clients {
        if let Some(ip) = ip_of(&context.tables.strings, Some(*client)) {
            let place = context.geoip.lookup(ip);
            networks.insert(Network::of(ip));
            countries.extend(place.country);
            asns.extend(place.asn);
        }
    }
    let to: HashSet<Symbol> = case
        .refusals
        .iter()
        .filter_map(|refusal| refusal.to)
        .collect();
    let from: HashSet<Symbol> = case
        .refusals
        .iter()
        .filter_map(|refusal| refusal.from)
        .collect();
    Counts {
        recipients: Some(to.len() as u64),
        client_ips: Some(clients.len() as u64),
        networks: Some(networks.len() as u64),
        countries: Some(countries.len() as u64),
        asns: Some(asns.len() as u64),
        envelope_senders: Some(from.len() as u64),
        ..Counts::default()
    }
}

/// The first lines and the last.
fn evidence(case: &Case) -> Vec<Evidence> {
    let lines = case
        .refusals
        .iter()
        .take(N_LINES)
        .chain(case.refusals.last());
    let mut lines: Vec<Evidence> = lines.map(|line| Evidence::at(line.at, line.seen)).collect();
    lines.dedup_by_key(|line| line.at);
    lines
}

fn actions(case: &Case) -> Vec<Action> {
    let (why, command) = match case.class() {
        RejectClass::ClientName
        | RejectClass::Helo
        | RejectClass::Dnsbl
        | RejectClass::ClientRefused
        | RejectClass::RecipientRefused => (
            "Put permit_sasl_authenticated before this restriction, or empty it for the submission services",
            "postconf -n | grep restrictions; postconf -P | grep restrictions",
        ),
        RejectClass::SenderLoginMismatch => (
            "Add the sender to what the login may use",
            "postconf -n smtpd_sender_login_maps smtpd_sender_restrictions",
        ),
        // The mail program must log in; nothing is wrong with the server.
        _ => (
            "Turn the login on in the user's mail program, and use port 587 or 465; see what the server offers",
            "postconf -M | grep -E 'submission|smtps'",
        ),
    };
    vec![
        Action {
            why: why.to_owned(),
            command: command.to_owned(),
        },
        Action {
            why: "See all that was refused to this sender".to_owned(),
            command: format!(
                "mailsleuth events {LOGS} | grep -F {}",
                shell_word(&case.name)
            ),
        },
    ]
}
