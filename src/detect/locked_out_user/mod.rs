//! Which own users cannot send, because a restriction refuses them?

mod claim;
mod people;
mod refused;

use anyhow::Result;
use hashbrown::HashMap;

use super::{Context, Detector, SignalKind, Threshold};
use crate::event::RejectClass;
use crate::finding::Finding;
use people::People;

const MIN_MAILS: Threshold = Threshold {
    name: "min-mails",
    value: 3.0,
    meaning: "mails of one user refused, from which on it is no slip that was mended at once",
};
const SEVERAL_USERS: Threshold = Threshold {
    name: "several-users",
    value: 3.0,
    meaning: "users refused by the same kind of restriction, from which on the server is wrong and not a user's settings",
};

/// The detector and its manual.
pub(super) const DETECTOR: Detector = Detector {
    id: "locked-out-user",
    question: "Which own users cannot send, because a restriction refuses them?",
    subject: "account, or address where the log knows no login for it",
    signals: &[
        SignalKind {
            name: "own-client",
            group: "client",
            weight: 0.5,
            meaning: "the same login gets in from the client's network at other times, or it is a client of the local network",
        },
        SignalKind {
            name: "usual-provider",
            group: "client",
            weight: 0.35,
            meaning: "the login gets in through the client's provider, or from its country, at other times",
        },
        SignalKind {
            name: "own-login",
            group: "sender",
            weight: 0.35,
            meaning: "the sender refused is a login that works here",
        },
        SignalKind {
            name: "own-domain",
            group: "sender",
            weight: 0.25,
            meaning: "the sender refused is in a domain of this server",
        },
        SignalKind {
            name: "submission-service",
            group: "door",
            weight: 0.4,
            meaning: "refused at the door for users (587, 465), before anybody could log in",
        },
        SignalKind {
            name: "repeated",
            group: "volume",
            weight: 0.3,
            meaning: "several mails were refused, not one",
        },
        SignalKind {
            name: "several-users",
            group: "others",
            weight: 0.35,
            meaning: "other users are refused by the same kind of restriction",
        },
    ],
    thresholds: &[MIN_MAILS, SEVERAL_USERS],
    false_positives: "Outsiders who forge senders of this server are refused on port 25 all the time, by HELO rules and \
        block lists as well: without a client that belongs to the user nothing is said. A program that was set up \
        without a login is refused rightly, and its user is locked out all the same.",
    remedies: "Let those who log in pass first: permit_sasl_authenticated before reject_unknown_reverse_client_hostname, HELO \
        rules and block lists, in each of smtpd_client_, helo_, sender_ and recipient_restrictions; on the submission \
        services empty these (`-o smtpd_client_restrictions=permit_sasl_authenticated,reject` in master.cf). Add \
        aliases of users to smtpd_sender_login_maps.",
    detect,
};

fn detect(context: &Context<'_>) -> Result<Vec<Finding>> {
    let people = People::learn(context);
    let cases = refused::read(context, &people)?;
    let mut n_users: HashMap<RejectClass, usize> = HashMap::new();
    for case in &cases {
        *n_users.entry(case.class()).or_default() += 1;
    }
    let finding =
        |case| claim::finding(context, &people, case, n_users.get(&case.class()).copied());
    Ok(cases.iter().filter_map(finding).collect())
}
