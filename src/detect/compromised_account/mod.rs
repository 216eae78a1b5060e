//! Which SASL logins are used by somebody other than their owner?

mod account;
mod claim;
pub(super) mod names;
mod neighbourhood;
mod signals;
mod traffic;

use anyhow::Result;

use super::{Context, Detector, SignalKind, Threshold};
use crate::finding::Finding;
use account::Account;
use neighbourhood::Neighbourhood;

const BULK_PER_HOUR: Threshold = Threshold {
    name: "bulk-per-hour",
    value: 50.0,
    meaning: "recipients within one hour from which on an account's mail is bulk",
};
const BULK_FACTOR: Threshold = Threshold {
    name: "bulk-factor",
    value: 5.0,
    meaning: "times the account's own busiest hour elsewhere, and the median of all accounts' busiest hours, that bulk must reach",
};
const MIN_RECIPIENTS: Threshold = Threshold {
    name: "min-recipients",
    value: 20.0,
    meaning: "recipients from which on shares of undelivered mail and of providers mean anything",
};
const UNDELIVERED_SHARE: Threshold = Threshold {
    name: "undelivered-share",
    value: 0.25,
    meaning: "share of deliveries refused, bounced or stuck; greylisting does not count",
};
const FORGED_SHARE: Threshold = Threshold {
    name: "forged-share",
    value: 0.3,
    meaning: "share of messages whose envelope sender is in a domain that is neither the login's nor this server's",
};
const MANY_PLACES: Threshold = Threshold {
    name: "many-places",
    value: 5.0,
    meaning: "different networks (by AS, else by /16 or /32) within 24 hours; home, work and mobile are three",
};
const FAR_TOO_MANY_PLACES: Threshold = Threshold {
    name: "far-too-many-places",
    value: 10.0,
    meaning: "different networks within 24 hours that no single person uses: conclusive by itself",
};
const TRAVEL_KM_PER_HOUR: Threshold = Threshold {
    name: "travel-km-per-hour",
    value: 900.0,
    meaning: "speed between two countries, measured between their nearest parts, that nobody travels at",
};
const FAILURES_BEFORE: Threshold = Threshold {
    name: "failures-before",
    value: 3.0,
    meaning: "failed logins from the same network within a day before the first success there",
};

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "compromised-account",
    question: "Which SASL logins are used by someone other than their owner?",
    subject: "account",
    signals: &[
        SignalKind {
            name: "system-login",
            group: "name",
            weight: 0.5,
            meaning: "a system account (root, www-data, …) logs in over SMTP; nobody has a mail client for it",
        },
        SignalKind {
            name: "guessable-login",
            group: "name",
            weight: 0.15,
            meaning: "a role or test name (test, info, scanner, …), the first that a guesser tries",
        },
        SignalKind {
            name: "odd-form",
            group: "name",
            weight: 0.15,
            meaning: "a bare name, where all other logins are whole addresses",
        },
        SignalKind {
            name: "forged-sender",
            group: "sender",
            weight: 0.45,
            meaning: "envelope senders in domains that are neither the login's nor this server's",
        },
        SignalKind {
            name: "bulk",
            group: "traffic",
            weight: 0.3,
            meaning: "many more recipients in an hour than the account, and the others here, ever had",
        },
        SignalKind {
            name: "undelivered",
            group: "traffic",
            weight: 0.4,
            meaning: "a large share was refused, bounced or is stuck",
        },
        SignalKind {
            name: "one-provider",
            group: "traffic",
            weight: 0.15,
            meaning: "nearly all of it goes to one or two providers",
        },
        SignalKind {
            name: "called-spam",
            group: "traffic",
            weight: 0.2,
            meaning: "receiving servers call it spam or slow this server down for it",
        },
        SignalKind {
            name: "impossible-travel",
            group: "place",
            weight: 0.5,
            meaning: "used in two countries in less time than anybody needs to travel",
        },
        SignalKind {
            name: "new-place",
            group: "place",
            weight: 0.25,
            meaning: "the mail comes from networks from which the account was not used before",
        },
        SignalKind {
            name: "odd-country",
            group: "place",
            weight: 0.25,
            meaning: "from a country from which no other account here is used",
        },
        SignalKind {
            name: "many-places",
            group: "place",
            weight: 0.6,
            meaning: "from many different networks within a day",
        },
        SignalKind {
            name: "everywhere",
            group: "place",
            weight: 0.9,
            meaning: "from so many different networks within a day that it must be a network of bots; conclusive",
        },
        SignalKind {
            name: "old-tls",
            group: "client",
            weight: 0.1,
            meaning: "the client speaks an obsolete TLS version",
        },
        SignalKind {
            name: "other-method",
            group: "client",
            weight: 0.1,
            meaning: "another SASL method than the owner's client uses",
        },
        SignalKind {
            name: "guessed",
            group: "guessing",
            weight: 0.35,
            meaning: "logins failed from the same network before the first success",
        },
    ],
    thresholds: &[
        BULK_PER_HOUR,
        BULK_FACTOR,
        MIN_RECIPIENTS,
        UNDELIVERED_SHARE,
        FORGED_SHARE,
        MANY_PLACES,
        FAR_TOO_MANY_PLACES,
        TRAVEL_KM_PER_HOUR,
        FAILURES_BEFORE,
    ],
    false_positives: "People on the move (few messages, delivered); newsletters (one usual place, own sender, \
        mostly delivered); programs that send with many senders from one machine; a virtual private network \
        that makes one person appear in two countries. None of these alone is reported: two kinds of reasons \
        must come together, unless one is conclusive. Mail that cron or a web server hands in with sendmail(1) is no login and is never \
        counted here.",
    remedies: "Change the password and end the sessions; hold what is still queued (postsuper -h) and look at one \
        message (postcat -vq) before deleting; find out how the password was lost; refuse logins from where no \
        user is (Dovecot: allow_nets), senders that are not the login's (smtpd_sender_login_maps), and bulk \
        (a policy service or smtpd_client_message_rate_limit).",
    detect,
};

/// Judges each login by its own mail, its other logins and what is usual on this server.
fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let neighbourhood = Neighbourhood::new(context);
    let mut findings = Vec::new();
    for (login, submissions) in &context.by_account {
        let account = Account::new(context, &neighbourhood, *login, submissions);
        let Some(misuse) = account.misuse() else {
            continue;
        };
        let signals = signals::signals(&account, &misuse);
        let mitigations = signals::mitigations(&account, &misuse);
        let large = claim::is_ongoing_and_large(&account, &misuse);
        let judged = DETECTOR.judge(signals, mitigations, large);
        findings.extend(judged.map(|judged| claim::finding(&account, &misuse, judged)));
    }
    Ok(findings)
}
