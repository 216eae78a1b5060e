//! Which block list rejects everybody, or answers no longer?

mod claim;
mod outage;
mod silence;
mod trials;

use anyhow::Result;

use super::{Context, Detector, SignalKind, Threshold};
use crate::finding::Finding;
use outage::Outage;
use trials::Trials;

const KNOWN_SENDERS: Threshold = Threshold {
    name: "known-senders",
    value: 3.0,
    meaning: "senders that delivered mail before, large providers or own users that a list names one after the other",
};
const LARGE_PROVIDERS: Threshold = Threshold {
    name: "large-providers",
    value: 2.0,
    meaning: "large providers among them; a good list names single hosts of one",
};
const PASSED_SHARE: Threshold = Threshold {
    name: "passed-share",
    value: 0.1,
    meaning: "share of clients from outside that still pass, below which nearly all are named",
};
const MIN_EXPECTED: Threshold = Threshold {
    name: "min-expected",
    value: 5.0,
    meaning: "clients that would have passed in the same time, by the rest of the log; else their absence means nothing",
};
const CLIENTS_WITHOUT_PAST: Threshold = Threshold {
    name: "clients-without-past",
    value: 20.0,
    meaning: "clients named, and none passed in six hours, where the log has no better time to compare with",
};
const ERROR_CODES: Threshold = Threshold {
    name: "error-codes",
    value: 3.0,
    meaning: "clients for which a list answers that it does not serve this resolver (127.255.255.0/24)",
};
const FAILED_LOOKUPS: Threshold = Threshold {
    name: "failed-lookups",
    value: 50.0,
    meaning: "lookups of a list that fail within a day, over an hour at least",
};

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "dnsbl-failure",
    question: "Does a block list reject everybody, or answer no longer?",
    subject: "dnsbl",
    signals: &[
        SignalKind {
            name: "shut-down",
            group: "knowledge",
            weight: 0.9,
            meaning: "the list is known to be shut down since before; conclusive",
        },
        SignalKind {
            name: "error-code",
            group: "answer",
            weight: 0.9,
            meaning: "it answers with the code by which it refuses to serve this resolver; conclusive",
        },
        SignalKind {
            name: "known-senders-named",
            group: "victims",
            weight: 0.5,
            meaning: "it names senders that delivered mail before, large providers or own users, one after the other",
        },
        SignalKind {
            name: "large-providers-named",
            group: "providers",
            weight: 0.3,
            meaning: "several large providers are among them",
        },
        SignalKind {
            name: "own-users-named",
            group: "users",
            weight: 0.3,
            meaning: "clients from which logins of this server come are among them",
        },
        SignalKind {
            name: "nobody-passes",
            group: "share",
            weight: 0.45,
            meaning: "in the same time nearly nobody from outside passes, who would at other times",
        },
        SignalKind {
            name: "no-answer",
            group: "silence",
            weight: 0.4,
            meaning: "lookups fail, and it names nobody meanwhile",
        },
        SignalKind {
            name: "answered-before",
            group: "past",
            weight: 0.25,
            meaning: "it did name clients before",
        },
    ],
    thresholds: &[
        KNOWN_SENDERS,
        LARGE_PROVIDERS,
        PASSED_SHARE,
        MIN_EXPECTED,
        CLIENTS_WITHOUT_PAST,
        ERROR_CODES,
        FAILED_LOOKUPS,
    ],
    false_positives: "A good list on a day of much spam names thousands of strangers and lets those pass who always pass. \
        Spammers whose first mail got through look like known senders, so they count only where hardly anybody else \
        passes. Where the log shows only the bad time, and no large provider, there is nothing to compare with.",
    remedies: "Take the list out of smtpd_recipient_restrictions, smtpd_client_restrictions or postscreen_dnsbl_sites, \
        reload, and tell the senders who were refused. Ask lists through a resolver of your own, not a public one. Let \
        several lists decide together (postscreen_dnsbl_threshold), accept only the answers that a list documents \
        (`zen.spamhaus.org=127.0.0.[2..11]`), and put permit_sasl_authenticated before any list.",
    detect,
};

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let trials = Trials::read(context)?;
    let mut findings = Vec::new();
    for (name, list) in &trials.lists {
        let outage = Outage::find(&trials, list);
        let rejects_all = outage.and_then(|outage| claim::finding(context, name, list, &outage));
        findings.extend(rejects_all.or_else(|| silence::finding(context, name, list)));
    }
    Ok(findings)
}
