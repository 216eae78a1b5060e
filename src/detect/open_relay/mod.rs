//! Does this server relay mail for strangers, without a login?

mod claim;
mod relayed;

use anyhow::Result;
use serde_json::json;

use super::{Context, Detector, SignalKind, Threshold};
use crate::finding::{Finding, Level, Mitigation, Signal};
use relayed::Relayed;

const MIN_SENDER_DOMAINS: Threshold = Threshold {
    name: "min-sender-domains",
    value: 3.0,
    meaning: "domains of senders, none of them this server's; one or two can be a customer's",
};
const MIN_RECIPIENT_DOMAINS: Threshold = Threshold {
    name: "min-recipient-domains",
    value: 5.0,
    meaning: "domains of recipients that this server does not take mail for",
};
const BULK_PER_HOUR: Threshold = Threshold {
    name: "bulk-per-hour",
    value: 50.0,
    meaning: "recipients within one hour from which on it is bulk",
};
const MIN_RECIPIENTS: Threshold = Threshold {
    name: "min-recipients",
    value: 20.0,
    meaning: "deliveries from which on a share of undelivered mail means anything",
};
const UNDELIVERED_SHARE: Threshold = Threshold {
    name: "undelivered-share",
    value: 0.25,
    meaning: "share of deliveries refused, bounced or stuck; greylisting does not count",
};
const ROUTINE_DAYS: Threshold = Threshold {
    name: "routine-days",
    value: 3.0,
    meaning: "days on which a client relays for the same one or two domains from which on it is a customer's server",
};

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "open-relay",
    question: "Does this server relay mail for strangers, without a login?",
    subject: "client or network",
    signals: &[
        SignalKind {
            name: "relayed",
            group: "relay",
            weight: 0.4,
            meaning: "accepted without a login for recipients elsewhere; 0.25 for a client of the own network, which may relay",
        },
        SignalKind {
            name: "many-sender-domains",
            group: "senders",
            weight: 0.3,
            meaning: "under senders in several foreign domains: nobody's own mail",
        },
        SignalKind {
            name: "many-recipient-domains",
            group: "recipients",
            weight: 0.35,
            meaning: "to recipients in many foreign domains, mostly each once",
        },
        SignalKind {
            name: "to-mailbox-providers",
            group: "recipients",
            weight: 0.3,
            meaning: "to customers of mailbox providers, for which no other server takes mail",
        },
        SignalKind {
            name: "undelivered",
            group: "traffic",
            weight: 0.3,
            meaning: "a large share was refused, bounced or is stuck",
        },
        SignalKind {
            name: "bulk",
            group: "traffic",
            weight: 0.25,
            meaning: "many recipients in an hour",
        },
        SignalKind {
            name: "no-name",
            group: "client",
            weight: 0.1,
            meaning: "the client has no name in the DNS",
        },
    ],
    thresholds: &[
        MIN_SENDER_DOMAINS,
        MIN_RECIPIENT_DOMAINS,
        BULK_PER_HOUR,
        MIN_RECIPIENTS,
        UNDELIVERED_SHARE,
        ROUTINE_DAYS,
    ],
    false_positives: "Domains that this server takes mail for and hands on (a second mail server, a gateway): strangers from \
        many networks write to them. Aliases and .forward files of own users; the own network with own senders; a \
        customer's server that relays for its own domain (its name says so, or its routine); content filters; bounces. \
        Relay attempts that were refused are none. A server \
        that shows no domain of its own (a node that only sends) is told at low. --postconf (relay_domains, mynetworks) takes the guessing out of it.",
    remedies: "Set smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, \
        and make mynetworks as small as it can be: single hosts. In a container, the gateway's address hides all \
        clients: take it out of mynetworks, or let the container see the clients' own addresses. Hold what still waits.",
    detect,
};

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for relayed in relayed::by_client(context) {
        let signals = signals(context, &relayed);
        let mitigations = mitigations(context, &relayed);
        let large = claim::is_ongoing_and_large(context, &relayed);
        let judged = DETECTOR.judge(signals, mitigations, large);
        findings.extend(judged.map(|mut judged| {
            // A server without any mailbox or login here may be there to relay, and does not say for whom.
            if !context.site.has_domains() {
                judged.level = judged.level.min(Level::Low);
                judged.score = judged.score.min(0.45);
            }
            claim::finding(context, &relayed, judged)
        }));
    }
    Ok(findings)
}

fn signals(context: &Context<'_>, relayed: &Relayed<'_>) -> Vec<Signal> {
    let n_messages = relayed.arrivals.len();
    let detail =
        format!("{n_messages} messages for recipients elsewhere were accepted without a login");
    let mut relaying = DETECTOR.signal("relayed", detail, json!({ "messages": n_messages }));
    if relayed.is_own
        && let Some(signal) = &mut relaying
    {
        signal.weight = 0.25;
    }
    let senders = &relayed.sender_domains;
    let many_senders = senders.len() as f64 >= context.threshold(&MIN_SENDER_DOMAINS);
    let many_senders = many_senders.then(|| {
        let detail = format!("under senders in {} foreign domains", senders.len());
        DETECTOR.signal(
            "many-sender-domains",
            detail,
            json!({ "domains": senders.len() }),
        )
    });
    let n_providers = relayed.n_to_providers;
    let providers = (n_providers > 0 && !relayed.is_own).then(|| {
        let detail = format!("{n_providers} deliveries to customers of mailbox providers, for which no other server takes mail");
        DETECTOR.signal("to-mailbox-providers", detail, json!({ "deliveries": n_providers }))
    });
    let nameless = relayed
        .arrivals
        .iter()
        .all(|arrival| arrival.client_name.is_none());
    let nameless = nameless.then(|| {
        DETECTOR.signal(
            "no-name",
            "the client has no name in the DNS".to_owned(),
            json!({}),
        )
    });
    [
        relaying,
        many_senders.flatten(),
        recipient_domains(context, relayed),
        providers.flatten(),
        undelivered(context, relayed),
        bulk(context, relayed),
        nameless.flatten(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn recipient_domains(context: &Context<'_>, relayed: &Relayed<'_>) -> Option<Signal> {
    let n_domains = relayed.recipient_domains.len();
    if (n_domains as f64) < context.threshold(&MIN_RECIPIENT_DOMAINS) {
        return None;
    }
    let (n_recipients, n_deliveries) = (relayed.n_recipients, relayed.n_deliveries);
    let detail = format!(
        "{n_deliveries} deliveries to {n_recipients} recipients in {n_domains} foreign domains"
    );
    let facts =
        json!({ "domains": n_domains, "recipients": n_recipients, "deliveries": n_deliveries });
    let mut signal = DETECTOR.signal("many-recipient-domains", detail, facts)?;
    // The same few recipients again and again are people whose mail is forwarded.
    if n_recipients * 2 < n_deliveries {
        signal.weight /= 2.0;
    }
    Some(signal)
}

fn undelivered(context: &Context<'_>, relayed: &Relayed<'_>) -> Option<Signal> {
    let (failed, all) = (relayed.n_undelivered, relayed.n_deliveries);
    let share = failed as f64 / all.max(1) as f64;
    let enough = all as f64 >= context.threshold(&MIN_RECIPIENTS);
    if !enough || share < context.threshold(&UNDELIVERED_SHARE) {
        return None;
    }
    let detail = format!("{failed} of {all} deliveries were refused, bounced or are stuck");
    DETECTOR.signal(
        "undelivered",
        detail,
        json!({ "undelivered": failed, "deliveries": all }),
    )
}

fn bulk(context: &Context<'_>, relayed: &Relayed<'_>) -> Option<Signal> {
    let peak = relayed.peak_per_hour();
    let detail = format!("{peak} recipients in the busiest hour");
    let is_bulk = peak as f64 >= context.threshold(&BULK_PER_HOUR);
    is_bulk.then(|| DETECTOR.signal("bulk", detail, json!({ "recipients_per_hour": peak })))?
}

/// A company whose server relays here for its own domain.
fn mitigations(context: &Context<'_>, relayed: &Relayed<'_>) -> Vec<Mitigation> {
    let few = (relayed.sender_domains.len() as f64) < context.threshold(&MIN_SENDER_DOMAINS);
    let failed = relayed.n_undelivered as f64 / relayed.n_deliveries.max(1) as f64;
    let delivered = failed < context.threshold(&UNDELIVERED_SHARE);
    let days = relayed.n_days();
    let routine = few && delivered && days as f64 >= context.threshold(&ROUTINE_DAYS);
    let routine = routine.then(|| Mitigation {
        name: "routine",
        weight: 0.5,
        detail: format!("the same client relays for the same senders' domains on {days} days, and it is delivered"),
    });
    let named = (few && delivered && relayed.named_for_sender).then(|| Mitigation {
        name: "own-domain",
        weight: 0.5,
        detail: "the client's name is in the domain of the senders: a company's own server"
            .to_owned(),
    });
    [routine, named].into_iter().flatten().collect()
}
