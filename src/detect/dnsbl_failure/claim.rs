//! A list that names everybody, in words: since when, whom, and what to take out.

use hashbrown::HashSet;
use serde_json::json;

use super::outage::Outage;
use super::trials::{List, Named, Sender, Standing};
use super::{
    CLIENTS_WITHOUT_PAST, DETECTOR, ERROR_CODES, KNOWN_SENDERS, LARGE_PROVIDERS, MIN_EXPECTED,
    PASSED_SHARE,
};
use crate::correlate::Symbol;
use crate::detect::submissions::ip_of;
use crate::detect::{Context, counting};
use crate::finding::{
    Action, Counts, Evidence, Finding, Mitigation, Signal, SubjectKind, shell_word,
};
use crate::knowledge::dead_lists;
use crate::knowledge::places::Network;

const SIX_HOURS_MICROS: i64 = 6 * 3_600_000_000;
/// Below this share of the clients that would come as usual, the time was only a quiet one.
const SHARE_OF_EXPECTED: f64 = 0.3;
/// Lines of a kind quoted.
const N_LINES: usize = 3;
/// Clients listed.
const MAX_CLIENTS: usize = 100;

pub(super) fn finding(
    context: &Context<'_>,
    name: &str,
    list: &List,
    outage: &Outage<'_>,
) -> Option<Finding> {
    let is_refusing = outage.named.iter().any(|named| named.is_refused);
    let refuses_nothing = (!is_refusing).then(|| Mitigation {
        name: "refuses-nothing",
        weight: 0.3,
        detail: "no mail was refused for this list alone".to_owned(),
    });
    let signals = signals(context, name, outage);
    let judged = DETECTOR.judge(signals, refuses_nothing.into_iter().collect(), false)?;
    let first_seen = outage.named.first()?.seen;
    let last_seen = outage.named.last()?.seen;
    let counts = counts(context, outage.named.iter().copied());
    let uses = outage
        .named
        .iter()
        .map(|named| (named.client_ip, named.seen, 0));
    let mut clients = counting::clients(context, uses);
    clients.truncate(MAX_CLIENTS);
    let n_refused: u64 = outage
        .named
        .iter()
        .filter(|n| n.is_refused)
        .map(|n| n.n_times)
        .sum();
    let known = names(outage, |standing| standing != Standing::Stranger);
    let what = if is_refusing {
        let times = if n_refused == 1 {
            "Once".to_owned()
        } else {
            format!("{n_refused} times")
        };
        format!("{times} mail was refused because {name} named its client")
    } else {
        format!(
            "{name} named whoever came; other lists decide as well, and nothing was refused for it alone"
        )
    };
    let whom = if known.is_empty() {
        String::new()
    } else {
        let shown: Vec<&str> = known.iter().take(5).map(String::as_str).collect();
        format!(
            ", among them {} senders that are no strangers ({})",
            known.len(),
            shown.join(", ")
        )
    };
    Some(Finding {
        title: format!("The block list {name} names everybody"),
        summary: format!(
            "{what}, between {} and {}: {}{whom}.",
            first_seen.for_people(),
            last_seen.for_people(),
            match counts.client_ips {
                Some(1) => "1 client".to_owned(),
                n => format!("{} clients", n.unwrap_or(0)),
            }
        ),
        first_seen,
        last_seen,
        totals: self::counts(context, list.named.iter()),
        counts,
        clients,
        evidence: evidence(outage),
        actions: actions(name),
        uncertain: vec![
            "Some of those that were refused are spammers all the same; the log does not tell whom a sound list would have named.".to_owned(),
        ],
        ..judged.about(SubjectKind::Dnsbl, name)
    })
}

fn signals(context: &Context<'_>, name: &str, outage: &Outage<'_>) -> Vec<Signal> {
    [
        shut_down(name, outage),
        error_code(context, outage),
        known_senders(context, outage),
        large_providers(context, outage),
        own_users(outage),
        nobody_passes(context, outage),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn shut_down(name: &str, outage: &Outage<'_>) -> Option<Signal> {
    let list = dead_lists::find(name, outage.named.last()?.seen.micros)?;
    let how = if list.names_everybody {
        "and names every address since"
    } else {
        "and should name nobody since: its domain has another owner now"
    };
    let detail = format!("it was shut down by {} {how} ({})", list.since, list.source);
    let facts = json!({ "since": list.since.to_string(), "source": list.source });
    DETECTOR.signal("shut-down", detail, facts)
}

fn error_code(context: &Context<'_>, outage: &Outage<'_>) -> Option<Signal> {
    let with_code = outage.named.iter().filter(|named| named.is_error_code);
    let clients = with_code
        .map(|named| named.client_ip)
        .collect::<HashSet<_>>();
    if (clients.len() as f64) < context.threshold(&ERROR_CODES) {
        return None;
    }
    let detail = format!(
        "for {} clients it answered with a code of 127.255.255.0/24: it does not serve this resolver",
        clients.len()
    );
    DETECTOR.signal("error-code", detail, json!({ "clients": clients.len() }))
}

fn known_senders(context: &Context<'_>, outage: &Outage<'_>) -> Option<Signal> {
    let known = outage
        .senders(|standing| standing != Standing::Stranger)
        .len();
    if (known as f64) < context.threshold(&KNOWN_SENDERS) {
        return None;
    }
    let detail = format!(
        "it names {known} senders that delivered mail before, are large providers, or are own users"
    );
    DETECTOR.signal("known-senders-named", detail, json!({ "senders": known }))
}

fn large_providers(context: &Context<'_>, outage: &Outage<'_>) -> Option<Signal> {
    let large = names(outage, |standing| standing == Standing::Large);
    if (large.len() as f64) < context.threshold(&LARGE_PROVIDERS) {
        return None;
    }
    let detail = format!("it names servers of {}", large.join(", "));
    DETECTOR.signal(
        "large-providers-named",
        detail,
        json!({ "providers": large }),
    )
}

fn own_users(outage: &Outage<'_>) -> Option<Signal> {
    let own = outage
        .named
        .iter()
        .filter(|n| n.standing == Standing::OwnUser);
    let own = own
        .map(|named| named.client_ip)
        .collect::<HashSet<_>>()
        .len();
    let detail = format!("it names {own} addresses from which logins of this server come");
    (own > 0).then(|| DETECTOR.signal("own-users-named", detail, json!({ "clients": own })))?
}

fn nobody_passes(context: &Context<'_>, outage: &Outage<'_>) -> Option<Signal> {
    let n_named = outage.senders(|_| true).len();
    let share = outage.n_passed as f64 / (outage.n_passed + n_named).max(1) as f64;
    let usual = outage.n_expected;
    let is_missed = usual >= context.threshold(&MIN_EXPECTED)
        && outage.n_known() as f64 >= usual * SHARE_OF_EXPECTED;
    let is_long = outage.n_micros >= SIX_HOURS_MICROS
        && n_named as f64 >= context.threshold(&CLIENTS_WITHOUT_PAST)
        && outage.n_passed == 0
        && usual == 0.0;
    if share > context.threshold(&PASSED_SHARE) || !(is_missed || is_long) {
        return None;
    }
    let detail = format!(
        "in the same time {} clients from outside passed, where {usual:.0} would by the rest of the log",
        outage.n_passed
    );
    let facts = json!({ "passed": outage.n_passed, "expected": usual.round(), "named": n_named });
    DETECTOR.signal("nobody-passes", detail, facts)
}

/// Senders in words, in alphabetical order.
fn names(outage: &Outage<'_>, wanted: impl Fn(Standing) -> bool) -> Vec<String> {
    let mut names: Vec<String> = outage
        .senders(wanted)
        .into_iter()
        .filter_map(|sender| match sender {
            Sender::Domain(domain) => Some(domain.clone()),
            Sender::Net(network) => Some(network.0.to_string()),
            Sender::Masked(_) => None,
        })
        .collect();
    names.sort_unstable();
    names
}

fn counts<'a>(context: &Context<'_>, named: impl Iterator<Item = &'a Named> + Clone) -> Counts {
    let clients: HashSet<Symbol> = named.clone().map(|named| named.client_ip).collect();
    let (mut networks, mut countries, mut asns) = (HashSet::new(), HashSet::new(), HashSet::new());
    for client in &clients {
        if let Some(ip) = ip_of(&context.tables.strings, Some(*client)) {
            let place = context.geoip.lookup(ip);
            networks.insert(Network::of(ip));
            countries.extend(place.country);
            asns.extend(place.asn);
        }
    }
    let distinct = |symbols: HashSet<Symbol>| Some(symbols.len() as u64);
    Counts {
        client_ips: Some(clients.len() as u64),
        networks: Some(networks.len() as u64),
        countries: Some(countries.len() as u64),
        asns: Some(asns.len() as u64),
        envelope_senders: distinct(named.clone().filter_map(|named| named.from).collect()),
        recipients: distinct(named.filter_map(|named| named.to).collect()),
        ..Counts::default()
    }
}

/// The first lines about those who are no strangers, the first and the last of all.
fn evidence(outage: &Outage<'_>) -> Vec<Evidence> {
    let mut told = HashSet::new();
    let known = outage.named.iter().copied();
    let known = known.filter(|n| n.standing != Standing::Stranger && told.insert(&n.sender));
    let mut lines: Vec<&Named> = known.take(N_LINES).collect();
    lines.extend(outage.named.first().copied());
    lines.extend(outage.named.last().copied());
    let mut lines: Vec<Evidence> = lines
        .into_iter()
        .map(|named| Evidence::at(named.at, named.seen))
        .collect();
    lines.sort_by_key(|line| line.at);
    lines.dedup_by_key(|line| line.at);
    lines
}

fn actions(name: &str) -> Vec<Action> {
    vec![
        Action {
            why: "See where the list is asked, take it out there, then `postfix reload`".to_owned(),
            command: format!("postconf -n | grep -F {}", shell_word(name)),
        },
        Action {
            why: "Prove it: 127.0.0.1 must never be named (RFC 5782)".to_owned(),
            command: format!("host 1.0.0.127.{}", shell_word(name)),
        },
    ]
}
