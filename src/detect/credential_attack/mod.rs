//! Who guesses whose password, and which guess succeeded?

mod claim;
mod hits;
mod incidents;
mod mistakes;
mod signals;
mod tries;

use anyhow::Result;

use super::{Context, Detector, SignalKind, Threshold};
use crate::finding::Finding;
use tries::Tries;

const DAY_MICROS: i64 = 24 * 3_600_000_000;

const OTHER_NAMES: Threshold = Threshold {
    name: "other-names",
    value: 5.0,
    meaning: "names that failed from a network within a week, never log in from there, and make the next success there a guess; \
        people mistype one name or two",
};
const BRUTE_TRIES: Threshold = Threshold {
    name: "brute-tries",
    value: 10.0,
    meaning: "wrong passwords for one login from a network where its owner never was, before it got in; people ask for help earlier",
};
const UNDER_ATTACK_TRIES: Threshold = Threshold {
    name: "under-attack-tries",
    value: 20.0,
    meaning: "wrong passwords for one login from elsewhere in the day before it was used from a new country",
};
const UNDER_ATTACK_NETWORKS: Threshold = Threshold {
    name: "under-attack-networks",
    value: 5.0,
    meaning: "networks (/24 or /48) that they come from",
};
const OWN_TRIES: Threshold = Threshold {
    name: "own-tries",
    value: 20.0,
    meaning: "wrong passwords for a name that does not log in, from where somebody does, that are still a typing error",
};
const OWN_NAMES: Threshold = Threshold {
    name: "own-names",
    value: 2.0,
    meaning: "different names that one who belongs here may mistype; an old password in a telephone is one name, however often",
};
const OWN_PACE: Threshold = Threshold {
    name: "own-pace",
    value: 30.0,
    meaning: "wrong passwords for a login within ten minutes from one network of its country that a mail program may cause;         a guesser is faster",
};
const MIN_SAID: Threshold = Threshold {
    name: "min-said",
    value: 5.0,
    meaning: "guesses from which on the background is worth a line",
};
const BUSY_BACKGROUND: Threshold = Threshold {
    name: "busy-background",
    value: 500.0,
    meaning: "guesses of many networks within a day from which on the background is `low` instead of `info`",
};
const BURST: Threshold = Threshold {
    name: "burst",
    value: 5.0,
    meaning: "guesses within ten minutes from which on the background is `low` instead of `info`: somebody is at it",
};
const BURST_MICROS: i64 = 600 * 1_000_000;
const LARGE_PER_DAY: Threshold = Threshold {
    name: "large-per-day",
    value: 200.0,
    meaning: "guesses from one network within a day; a ban after a few failures, or a limit, stops a guesser long before",
};
const TARGETED_PER_DAY: Threshold = Threshold {
    name: "targeted-per-day",
    value: 100.0,
    meaning: "guesses from one network within a day at logins that exist here and are no role names, at least half of its guesses",
};
const KNOWN_NAMES: Threshold = Threshold {
    name: "known-names",
    value: 8.0,
    meaning: "different logins that exist here, no role names, at least a third of all names tried: there is a list of them",
};
const ONE_ACCOUNT_TRIES: Threshold = Threshold {
    name: "one-account-tries",
    value: 50.0,
    meaning: "guesses at one login that is no role name, from all over the Internet",
};
const ONE_ACCOUNT_NETWORKS: Threshold = Threshold {
    name: "one-account-networks",
    value: 15.0,
    meaning: "networks that they come from",
};
const LARGE_TOGETHER: Threshold = Threshold {
    name: "large-together",
    value: 5000.0,
    meaning: "guesses within a day from networks that each try little: one every 17 seconds",
};

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "credential-attack",
    question: "Who guesses passwords here, and which guess succeeded?",
    subject: "account, or client (an address, a network, 0.0.0.0/0 for many networks)",
    signals: &[
        SignalKind {
            name: "success-after-other-names",
            group: "success",
            weight: 0.9,
            meaning: "a login got in from a network that had failed on many other names; conclusive",
        },
        SignalKind {
            name: "success-after-many-tries",
            group: "success",
            weight: 0.55,
            meaning: "a login got in from a network that had failed on it many times, and where its owner never was",
        },
        SignalKind {
            name: "success-under-attack",
            group: "success",
            weight: 0.35,
            meaning: "many networks tried the login, then somebody got in from a country from which its owner never came",
        },
        SignalKind {
            name: "new-place",
            group: "place",
            weight: 0.3,
            meaning: "the owner logs in through other providers, and never through this one before",
        },
        SignalKind {
            name: "new-country",
            group: "place",
            weight: 0.3,
            meaning: "nor from this country",
        },
        SignalKind {
            name: "large",
            group: "volume",
            weight: 0.45,
            meaning: "more guesses in a day than the background of any server that stops guessers",
        },
        SignalKind {
            name: "many-guesses",
            group: "volume",
            weight: 0.25,
            meaning: "many guesses in a day, but not so many",
        },
        SignalKind {
            name: "knows-logins",
            group: "target",
            weight: 0.5,
            meaning: "many of the names tried are logins of this server: there is a list of them",
        },
        SignalKind {
            name: "targeted",
            group: "target",
            weight: 0.4,
            meaning: "most guesses are at logins that exist here",
        },
        SignalKind {
            name: "one-account",
            group: "target",
            weight: 0.45,
            meaning: "one login that is no role name is tried from all over the Internet",
        },
        SignalKind {
            name: "one-network",
            group: "origin",
            weight: 0.25,
            meaning: "all of it comes from one network, which can be blocked",
        },
        SignalKind {
            name: "many-networks",
            group: "origin",
            weight: 0.3,
            meaning: "it comes from many networks that act together",
        },
        SignalKind {
            name: "background",
            group: "volume",
            weight: 0.1,
            meaning: "guesses as every server on the Internet sees them daily",
        },
    ],
    thresholds: &[
        OTHER_NAMES,
        BRUTE_TRIES,
        UNDER_ATTACK_TRIES,
        UNDER_ATTACK_NETWORKS,
        OWN_TRIES,
        OWN_NAMES,
        OWN_PACE,
        MIN_SAID,
        BUSY_BACKGROUND,
        BURST,
        LARGE_PER_DAY,
        TARGETED_PER_DAY,
        KNOWN_NAMES,
        ONE_ACCOUNT_TRIES,
        ONE_ACCOUNT_NETWORKS,
        LARGE_TOGETHER,
    ],
    false_positives: "An old password in a telephone, a typing error, and an office or webmail server behind one address are \
        left out; so are the server's own faults (`Connection lost to authentication server`). A scanner or a monitoring \
        program outside with a wrong password looks like a guesser of one name. Postfix before 3.9 often names no login \
        with a failure; then only addresses and numbers can be told. AUTH that was refused without judging a password is \
        counted apart and raises no alarm by itself.",
    remedies: "Lock a login whose guess succeeded: change its password, end its sessions. Ban addresses after a few \
        failures (fail2ban, crowdsec); offer AUTH on 465 and 587 only, never on 25; limit it \
        (smtpd_client_auth_rate_limit, Dovecot's auth_penalty and auth policy); demand long passwords or a second factor; \
        refuse logins from where nobody travels (allow_nets).",
    detect,
};

/// Hits first: a guesser's failures are no mistakes once he got in.
fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let tries = Tries::read(context)?;
    let hits = hits::find(context, &tries);
    let guesses = mistakes::leave_out(context, &tries, &hits);
    let incidents = incidents::sort(context, &tries, hits, guesses);
    let findings = incidents.iter();
    Ok(findings
        .filter_map(|incident| claim::finding(context, &tries, incident))
        .collect())
}
