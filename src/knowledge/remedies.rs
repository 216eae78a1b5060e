//! Which setting of Postfix would have stopped what was found, and whether the server has it.

use super::postconf::Postconf;
use crate::finding::{Action, Finding, shell_word};

const LOGIN_MISMATCH: [&str; 3] = [
    "reject_authenticated_sender_login_mismatch",
    "reject_sender_login_mismatch",
    "reject_known_sender_login_mismatch",
];
const UNAUTHENTICATED_MISMATCH: [&str; 2] = [
    "reject_unauthenticated_sender_login_mismatch",
    "reject_sender_login_mismatch",
];
const PERMITS_LOGINS: [&str; 2] = ["permit_sasl_authenticated", "permit"];
const PERMITS_CLIENTS: [&str; 1] = ["permit"];
const NAME_CHECKS: [&str; 2] = [
    "reject_unknown_reverse_client_hostname",
    "reject_unknown_client_hostname",
];

/// What master.cf says of a single service counts for more than main.cf.
pub const MASTER_CF: &str = "Options of single services in master.cf (`postconf -P`) can say something else than the output of postconf -n.";

/// What to set, by detector. Without the server's configuration only what nearly every server lacks.
pub fn remedies(finding: &Finding, postconf: Option<&Postconf>) -> Vec<Action> {
    match (finding.detector, postconf) {
        ("sender-mismatch", postconf) => login_maps(postconf),
        ("spoofed-local-sender", postconf) => unauthenticated(postconf),
        ("open-relay", Some(postconf)) => relaying(postconf),
        ("compromised-account", Some(postconf)) => limits(finding, postconf),
        ("credential-attack", Some(postconf)) => auth_limits(postconf),
        ("backscatter-source", Some(postconf)) => recipients(postconf),
        ("dnsbl-failure", Some(postconf)) => dead_list(&finding.subject.name, postconf),
        ("locked-out-user", Some(postconf)) => name_checks(postconf),
        _ => Vec::new(),
    }
}

fn action(why: impl Into<String>, command: impl Into<String>) -> Action {
    Action {
        why: why.into(),
        command: command.into(),
    }
}

/// Who may send under which address.
fn login_maps(postconf: Option<&Postconf>) -> Vec<Action> {
    let mismatch = LOGIN_MISMATCH[0];
    let Some(postconf) = postconf else {
        return vec![action(
            format!(
                "This would have stopped it: smtpd_sender_login_maps and {mismatch}; look at what is set"
            ),
            "postconf smtpd_sender_login_maps smtpd_sender_restrictions",
        )];
    };
    let mut actions = Vec::new();
    if !postconf.is_set("smtpd_sender_login_maps") {
        actions.push(action(
            "smtpd_sender_login_maps is not set, so that every login may use every sender: list who owns which address",
            "postconf -e smtpd_sender_login_maps=hash:/etc/postfix/sender_login_maps",
        ));
    }
    let reached = |permits: &[&str]| {
        let mut restrictions = LOGIN_MISMATCH.iter();
        restrictions.find_map(|name| Some((*name, postconf.restricted_by(name, permits)?)))
    };
    if reached(&PERMITS_LOGINS).is_none() {
        let why = match reached(&[]) {
            Some((name, list)) => format!(
                "{name} in {list} stands behind permit_sasl_authenticated and is never reached: put it before"
            ),
            None => {
                format!("{mismatch} is in no restriction: put it before permit_sasl_authenticated")
            }
        };
        let first = format!("smtpd_sender_restrictions={mismatch}, ");
        let rest = postconf
            .value("smtpd_sender_restrictions")
            .unwrap_or_default();
        let value = format!("{first}{rest}");
        actions.push(action(why, set(value.trim_end_matches([',', ' ']))));
    }
    if actions.is_empty() {
        actions.push(action(
            "smtpd_sender_login_maps is set and asked: see whether it lets this login use these senders",
            "postconf -n smtpd_sender_login_maps smtpd_sender_restrictions",
        ));
    }
    actions
}

/// A sender of this site without a login.
fn unauthenticated(postconf: Option<&Postconf>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mismatch = UNAUTHENTICATED_MISMATCH[0];
    let is_reached = postconf.is_some_and(|postconf| {
        let mut names = UNAUTHENTICATED_MISMATCH.iter();
        names.any(|name| postconf.restricted_by(name, &PERMITS_CLIENTS).is_some())
    });
    if !is_reached {
        let rest = postconf.and_then(|postconf| postconf.value("smtpd_sender_restrictions"));
        let value = format!(
            "smtpd_sender_restrictions=permit_mynetworks, {mismatch}, {}",
            rest.unwrap_or_default()
        );
        let owned = match postconf {
            Some(postconf) if !postconf.is_set("smtpd_sender_login_maps") => {
                "; smtpd_sender_login_maps, which it asks, is not set either"
            }
            _ => " (it asks smtpd_sender_login_maps)",
        };
        actions.push(action(
            format!("{mismatch} would have refused it: own senders need a login{owned}; try it with warn_if_reject, since forwarded mail is refused too"),
            set(value.trim_end_matches([',', ' '])),
        ));
    }
    actions.push(action(
        "Or let SPF and DMARC decide at the door: a policy service (policyd-spf) or milter (OpenDMARC) that refuses",
        "postconf smtpd_recipient_restrictions smtpd_milters",
    ));
    actions
}

/// Who may relay.
fn relaying(postconf: &Postconf) -> Vec<Action> {
    let mut actions = Vec::new();
    let networks = postconf.networks().unwrap_or_default();
    let wide = networks.iter().filter(|network| match network {
        ipnet::IpNet::V4(network) => network.prefix_len() < 16 && !network.addr().is_loopback(),
        ipnet::IpNet::V6(network) => network.prefix_len() < 32,
    });
    let wide: Vec<String> = wide.map(ToString::to_string).collect();
    if !wide.is_empty() {
        actions.push(action(
            format!(
                "mynetworks holds {}: everybody in it may relay; name single hosts instead",
                wide.join(", ")
            ),
            "postconf -n mynetworks",
        ));
    }
    let guards = ["reject_unauth_destination", "defer_unauth_destination"];
    let guarded = guards
        .iter()
        .any(|guard| postconf.restricted_by(guard, &PERMITS_CLIENTS).is_some());
    if !guarded {
        actions.push(action(
            "No restriction refuses strangers' mail for other servers: reject_unauth_destination would have",
            set("smtpd_relay_restrictions=permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"),
        ));
    }
    actions
}

fn limits(finding: &Finding, postconf: &Postconf) -> Vec<Action> {
    let mut actions = Vec::new();
    let names = [
        "smtpd_client_message_rate_limit",
        "smtpd_client_recipient_rate_limit",
    ];
    let unset: Vec<&str> = names
        .into_iter()
        .filter(|name| !postconf.is_limited(name))
        .collect();
    if let Some(name) = unset.first() {
        actions.push(action(
            format!(
                "No limit for one client's mail is set ({}): it would have slowed this down",
                unset.join(", ")
            ),
            format!("postconf -e {name}=100"),
        ));
    }
    if finding
        .signals
        .iter()
        .any(|signal| signal.name == "forged-sender")
    {
        actions.extend(login_maps(Some(postconf)));
    }
    actions.push(action(
        "If the owner never writes from abroad, refuse logins from elsewhere: allow_nets in Dovecot's passdb",
        "doveconf -n passdb",
    ));
    actions
}

fn auth_limits(postconf: &Postconf) -> Vec<Action> {
    let name = "smtpd_client_auth_rate_limit";
    if postconf.is_limited(name) {
        return Vec::new();
    }
    let why = format!(
        "{name} is not set: it limits how often one client may try (Postfix 3.1 and later)"
    );
    vec![action(why, format!("postconf -e {name}=6"))]
}

/// Mail for nobody must be refused at the door, or it comes back as a bounce to a forged sender.
fn recipients(postconf: &Postconf) -> Vec<Action> {
    let mut actions = Vec::new();
    // An empty value turns the check off; without one the default names the local users.
    if postconf
        .value("local_recipient_maps")
        .is_some_and(|value| value.is_empty())
    {
        actions.push(action(
            "local_recipient_maps is empty: mail for anybody in mydestination is taken, and bounced later",
            "postconf -X local_recipient_maps",
        ));
    }
    let relays = postconf.is_set("relay_domains") && !postconf.is_set("relay_recipient_maps");
    let verifies = postconf
        .restricted_by("reject_unverified_recipient", &PERMITS_CLIENTS)
        .is_some();
    if relays && !verifies {
        actions.push(action(
            "relay_domains are taken without relay_recipient_maps or reject_unverified_recipient: nobody knows whether a recipient exists",
            "postconf -n relay_domains smtpd_recipient_restrictions",
        ));
    }
    let catch_all =
        postconf.is_set("virtual_mailbox_domains") && !postconf.is_set("virtual_mailbox_maps");
    if catch_all {
        actions.push(action(
            "virtual_mailbox_domains without virtual_mailbox_maps: every recipient in them is taken",
            "postconf -n virtual_mailbox_domains virtual_mailbox_maps virtual_transport",
        ));
    }
    actions
}

/// Where a list that is dead is asked.
fn dead_list(name: &str, postconf: &Postconf) -> Vec<Action> {
    let name = name.to_ascii_lowercase();
    let domain = name.split('=').next().unwrap_or(&name);
    let asks = |word: &String| {
        let word = word.to_ascii_lowercase();
        let word = word.split(['=', '*']).next().unwrap_or_default();
        word == domain
    };
    let lists = postconf.restrictions();
    let mut places: Vec<&str> = lists
        .filter(|(_, list)| list.items.iter().any(asks))
        .map(|(place, _)| place)
        .collect();
    if postconf
        .list("postscreen_dnsbl_sites")
        .items
        .iter()
        .any(asks)
    {
        places.push("postscreen_dnsbl_sites");
    }
    let places = places.into_iter();
    let remove = |place| {
        action(
            format!("Take {domain} out of {place}"),
            format!("postconf -n {place}"),
        )
    };
    places.map(remove).collect()
}

/// Own users on the road have no reverse names.
fn name_checks(postconf: &Postconf) -> Vec<Action> {
    let permits = PERMITS_LOGINS;
    let early = NAME_CHECKS
        .iter()
        .filter_map(|check| Some((*check, postconf.restricted_by(check, &permits)?)));
    let move_it = |(check, place): (&str, &str)| {
        action(
            format!(
                "{check} in {place} comes before permit_sasl_authenticated: own users are judged by their provider's DNS"
            ),
            format!("postconf -n {place} smtpd_delay_reject"),
        )
    };
    early.map(move_it).collect()
}

fn set(value: &str) -> String {
    format!("postconf -e {}", shell_word(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whys(actions: &[Action]) -> String {
        let whys: Vec<&str> = actions.iter().map(|action| action.why.as_str()).collect();
        whys.join("\n")
    }

    #[test]
    fn login_maps_that_are_not_set_or_not_asked() {
        let open =
            Postconf::parse("smtpd_sender_restrictions = permit_sasl_authenticated\n").unwrap();
        let said = whys(&login_maps(Some(&open)));
        assert!(
            said.contains("is not set") && said.contains("in no restriction"),
            "{said}"
        );
        let text = "smtpd_sender_login_maps = hash:/etc/postfix/logins\n\
            smtpd_sender_restrictions = permit_sasl_authenticated, reject_sender_login_mismatch\n";
        let said = whys(&login_maps(Some(&Postconf::parse(text).unwrap())));
        assert!(
            said.contains("never reached") && !said.contains("is not set"),
            "{said}"
        );
        let text = "smtpd_sender_login_maps = hash:/etc/postfix/logins\n\
            smtpd_sender_restrictions = reject_sender_login_mismatch, permit_sasl_authenticated\n";
        let said = whys(&login_maps(Some(&Postconf::parse(text).unwrap())));
        assert!(said.contains("is set and asked"), "{said}");
    }

    #[test]
    fn a_list_is_found_where_it_is_asked() {
        let text = "smtpd_recipient_restrictions = reject_rbl_client dead.example=127.0.0.2, permit\n\
            postscreen_dnsbl_sites = DEAD.example*2 alive.example\n";
        let postconf = Postconf::parse(text).unwrap();
        let said = whys(&dead_list("dead.example", &postconf));
        let expected = "Take dead.example out of smtpd_recipient_restrictions\n\
            Take dead.example out of postscreen_dnsbl_sites";
        assert_eq!(said, expected);
        assert!(dead_list("other.example", &postconf).is_empty());
    }

    #[test]
    fn networks_and_recipients_that_are_too_open() {
        let text = "mynetworks = 127.0.0.0/8 172.16.0.0/12\nrelay_domains = example.org\nlocal_recipient_maps =\n";
        let postconf = Postconf::parse(text).unwrap();
        let said = whys(&relaying(&postconf));
        assert!(
            said.contains("172.16.0.0/12") && !said.contains("127.0.0.0"),
            "{said}"
        );
        let said = whys(&recipients(&postconf));
        assert!(
            said.contains("local_recipient_maps is empty") && said.contains("relay_domains"),
            "{said}"
        );
        let tight = Postconf::parse("mynetworks = 127.0.0.0/8\n").unwrap();
        assert!(relaying(&tight).is_empty() && recipients(&tight).is_empty());
    }

    #[test]
    fn name_checks_before_the_login() {
        let text = "smtpd_client_restrictions = reject_unknown_reverse_client_hostname\n";
        assert_eq!(name_checks(&Postconf::parse(text).unwrap()).len(), 1);
        let text = "smtpd_client_restrictions = permit_sasl_authenticated, reject_unknown_client_hostname\n";
        assert!(name_checks(&Postconf::parse(text).unwrap()).is_empty());
    }
}
