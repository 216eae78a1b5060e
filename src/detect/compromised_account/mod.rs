//! Which SASL logins are used by somebody other than their owner?

mod account;
mod claim;
mod evidence;
mod guesses;
mod machines;
mod misuse;
pub(super) mod names;
mod neighbourhood;
mod oddities;
mod own_machines;
pub(super) mod risk;
mod signals;
mod traffic;
mod travel;
mod words;

use anyhow::Result;

use hashbrown::HashSet;

use super::submissions::Submission;
use super::{Context, Detector, Judged, SignalKind, Threshold, score};
use crate::correlate::Symbol;
use crate::finding::{Finding, Level, Mitigation, Signal};
use account::Account;
use misuse::Misuse;
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
const UNDELIVERED_FACTOR: Threshold = Threshold {
    name: "undelivered-factor",
    value: 2.0,
    meaning: "times the median account's share of undelivered mail that it must reach: a provider's trouble is everybody's",
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
const SPRAYED_NAMES: Threshold = Threshold {
    name: "sprayed-names",
    value: 5.0,
    meaning: "names of nobody there that failed from an address or network before its first success; a household has fewer",
};
const BRUTE_FORCE_FAILURES: Threshold = Threshold {
    name: "brute-force-failures",
    value: 20.0,
    meaning: "failures for the one login from a network before its first success there; people ask for a new password sooner",
};
const STRANGERS_SHARE: Threshold = Threshold {
    name: "strangers-share",
    value: 0.9,
    meaning: "share of recipients to whom the owner's own mail never goes",
};
const MORE_THAN_OWNER: Threshold = Threshold {
    name: "more-than-owner",
    value: 3.0,
    meaning: "times the recipients of the owner's own mail; who travels or works elsewhere does not write so much more",
};
const OWN_CIRCLE: Threshold = Threshold {
    name: "own-circle",
    value: 10.0,
    meaning: "recipients of the owner's own mail from which on it is known to whom he writes",
};
const BOUNCES_HOME: Threshold = Threshold {
    name: "bounces-home",
    value: 10.0,
    meaning: "bounces of the mail that reached mailboxes here; a mistyped list gives a few",
};
const NEVER_TWICE: Threshold = Threshold {
    name: "never-twice",
    value: 8.0,
    meaning: "addresses, none of which was used a second time; people come back to where they were",
};
const ENOUGH_PAST: Threshold = Threshold {
    name: "enough-past",
    value: 50.0,
    meaning: "uses by the owner, on five days at least, from which on his hours are known",
};
const QUIET_DAYS: Threshold = Threshold {
    name: "quiet-days",
    value: 7.0,
    meaning: "days of silence with ordinary use between, after which misuse is another incident",
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
            name: "leftovers",
            group: "sender",
            weight: 0.3,
            meaning: "much mail with the same foreign sender waits in the queue, from before the log begins",
        },
        SignalKind {
            name: "bulk",
            group: "traffic",
            weight: 0.45,
            meaning: "many more recipients in an hour than the account, and the others here, ever had; 0.30 where not huge",
        },
        SignalKind {
            name: "more-than-owner",
            group: "traffic",
            weight: 0.25,
            meaning: "many times the owner's own mail in the same logs, however slowly",
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
            name: "strangers",
            group: "traffic",
            weight: 0.2,
            meaning: "nearly all recipients are nobody to whom the owner writes, who has a steady circle",
        },
        SignalKind {
            name: "bounces-home",
            group: "traffic",
            weight: 0.15,
            meaning: "bounces of it came back to mailboxes here",
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
            name: "never-twice",
            group: "habit",
            weight: 0.3,
            meaning: "each use came from another address",
        },
        SignalKind {
            name: "again",
            group: "history",
            weight: 0.5,
            meaning: "the networks of an earlier misuse of the same account",
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
            name: "no-client-name",
            group: "client",
            weight: 0.1,
            meaning: "clients without a name in the DNS, where the owner's have one",
        },
        SignalKind {
            name: "false-helo",
            group: "client",
            weight: 0.3,
            meaning: "the client greets with somebody else's public address",
        },
        SignalKind {
            name: "sends-only",
            group: "client",
            weight: 0.15,
            meaning: "mail in number and no look into the mailbox, which the owner opens",
        },
        SignalKind {
            name: "odd-hours",
            group: "client",
            weight: 0.15,
            meaning: "at hours of the day at which the owner is never seen",
        },
        SignalKind {
            name: "guessed",
            group: "guessing",
            weight: 0.35,
            meaning: "logins failed from the same network before the first success",
        },
        SignalKind {
            name: "brute-forced",
            group: "guessing",
            weight: 0.4,
            meaning: "this login's password was tried many times from the network before it was right",
        },
        SignalKind {
            name: "sprayed",
            group: "guessing",
            weight: 0.9,
            meaning: "the address had tried many other names in vain: conclusive; its network alone weighs 0.55",
        },
        SignalKind {
            name: "timeline",
            group: "timeline",
            weight: 0.0,
            meaning: "no reason, but what is asked first: since when, until when, the owner's last use before",
        },
    ],
    thresholds: &[
        BULK_PER_HOUR,
        BULK_FACTOR,
        MIN_RECIPIENTS,
        UNDELIVERED_SHARE,
        UNDELIVERED_FACTOR,
        FORGED_SHARE,
        MANY_PLACES,
        FAR_TOO_MANY_PLACES,
        TRAVEL_KM_PER_HOUR,
        FAILURES_BEFORE,
        SPRAYED_NAMES,
        BRUTE_FORCE_FAILURES,
        STRANGERS_SHARE,
        MORE_THAN_OWNER,
        OWN_CIRCLE,
        BOUNCES_HOME,
        NEVER_TWICE,
        ENOUGH_PAST,
        QUIET_DAYS,
    ],
    false_positives: "People on the move (few messages, delivered); newsletters (one usual place, own sender, \
        mostly delivered); programs that send with many senders from one machine; a virtual private network \
        that makes one person appear in two countries; mail services that fetch and send for their users from their own \
        machines; an office behind one address, where many fail and many succeed; a phone with an old password. None of these alone is reported: two kinds of reasons \
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
    let neighbourhood = Neighbourhood::new(context)?;
    let mut findings = Vec::new();
    for (login, submissions) in logins(context, &neighbourhood) {
        let account = Account::new(context, &neighbourhood, login, submissions);
        findings.extend(judge(&account));
    }
    Ok(findings)
}

/// All logins that succeeded, by name, with what they sent.
fn logins<'a>(
    context: &'a Context<'_>,
    neighbourhood: &Neighbourhood,
) -> Vec<(Symbol, &'a [Submission])> {
    let senders = context.by_account.iter();
    let mut logins: Vec<(Symbol, &[Submission])> = senders
        .map(|(login, mail)| (*login, mail.as_slice()))
        .collect();
    let known: HashSet<Symbol> = logins.iter().map(|(login, _)| *login).collect();
    let readers = neighbourhood.logins.keys();
    logins.extend(
        readers
            .filter(|login| !known.contains(*login))
            .map(|login| (*login, &[][..])),
    );
    let strings = &context.tables.strings;
    logins.sort_by(|a, b| strings.get(a.0).cmp(strings.get(b.0)));
    logins
}

/// Nobody but a thief reads one mailbox in two far countries at once, or somebody behind a private network:
/// worth a look, when no other account here is used from there and it is no habit.
fn mailbox_read(misuse: &Misuse<'_>, signals: &[Signal], relief: &[Mitigation]) -> Option<Judged> {
    let has = |name| signals.iter().any(|signal| signal.name == name);
    let reads = misuse.opens_mailbox() && misuse.submissions.is_empty();
    (reads && relief.is_empty() && has("impossible-travel") && has("odd-country")).then(|| Judged {
        detector: DETECTOR.id,
        level: Level::Low,
        score: score::SAY,
        signals: signals.to_vec(),
        mitigations: Vec::new(),
    })
}

/// A finding for each incident, the oldest first.
fn judge(account: &Account<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut earlier: Option<Misuse<'_>> = None;
    for misuse in misuse::incidents(account) {
        let signals = signals::signals(account, &misuse, earlier.as_ref());
        let mitigations = signals::mitigations(account, &misuse);
        let large = claim::is_ongoing_and_large(account, &misuse);
        let only_read = mailbox_read(&misuse, &signals, &mitigations);
        let judged = DETECTOR.judge(signals, mitigations, large);
        if let Some(judged) = judged.or(only_read) {
            let is_serious = judged.level >= Level::Medium;
            findings.push(claim::finding(account, &misuse, judged));
            earlier = is_serious.then_some(misuse).or(earlier);
        }
    }
    findings
}
