//! Tests of the labels: recipient and relay in, label out.

use std::collections::BTreeSet;

use super::*;

/// Reads `name[ip]:port` as the log has it.
fn relay(text: &str) -> Relay<'_> {
    if text == "none" {
        return Relay::default();
    }
    let (name, rest) = text.split_once('[').unwrap_or((text, ""));
    let (ip, rest) = rest.split_once(']').unwrap_or(("", ""));
    Relay {
        name: Some(name),
        ip: Some(ip).filter(|ip| !ip.is_empty()),
        port: rest.strip_prefix(':').and_then(|port| port.parse().ok()),
    }
}

fn check(providers: &Providers, domain: &str, relay_text: &str, expected: &str) {
    let domain = Some(domain).filter(|domain| !domain.is_empty());
    let label = providers.provider(domain, &relay(relay_text));
    assert_eq!(
        label.as_deref().unwrap_or("-"),
        expected,
        "{domain:?} {relay_text}"
    );
}

#[test]
fn known_domains_have_one_label_whatever_the_relay() {
    let relays = [
        "none",
        "cxr.mx.a.cloudfilter.net[35.162.106.154]:25",
        "gmail-smtp-in.l.google.com[142.250.27.26]:25",
        "mx-aol.mail.gm0.yahoodns.net[67.195.204.80]:25",
        "smtp.example.com[192.0.2.1]:587",
        "192.0.2.1[192.0.2.1]:25",
    ];
    let domains = [
        ("cox.net", "cox.net"),
        ("COX.NET", "cox.net"),
        ("cox.net.", "cox.net"),
        ("comcast.net", "comcast.net"),
        ("verizon.net", "verizon.net"),
        ("yahoo.com", "yahoo.com"),
        ("yahoo.co.uk", "yahoo.com"),
        ("yahoo.co.jp", "yahoo.co.jp"),
        ("gmail.com", "gmail.com"),
        ("googlemail.com", "gmail.com"),
        ("hotmail.com", "outlook.com"),
        ("live.co.uk", "outlook.com"),
        ("gmx.de", "gmx.net"),
        ("web.de", "web.de"),
        ("tenant.onmicrosoft.com", "microsoft365"),
    ];
    for relay in relays {
        for (domain, expected) in domains {
            check(&Providers::embedded(), domain, relay, expected);
        }
    }
}

#[test]
fn other_domains_have_the_label_of_a_known_host_or_their_own() {
    let providers = Providers::embedded();
    let cases = [
        (
            "example.com",
            "example-com.mail.protection.outlook.com[192.0.2.1]:25",
            "microsoft365",
        ),
        (
            "example.com",
            "EXAMPLE-COM.Mail.Protection.Outlook.COM.[192.0.2.1]:25",
            "microsoft365",
        ),
        (
            "example.com",
            "example-com.j-v1.mx.microsoft[192.0.2.1]:25",
            "microsoft365",
        ),
        (
            "example.com",
            "aspmx.l.google.com[192.0.2.1]:25",
            "google-workspace",
        ),
        (
            "example.com",
            "alt1.aspmx.l.google.com[192.0.2.1]:25",
            "google-workspace",
        ),
        (
            "example.com",
            "smtp.google.com[192.0.2.1]:25",
            "google-workspace",
        ),
        (
            "example.com",
            "mx0a-00000000.pphosted.com[192.0.2.1]:25",
            "proofpoint.com",
        ),
        (
            "example.com",
            "mx00.kundenserver.de[192.0.2.1]:25",
            "ionos.com",
        ),
        ("example.com", "notgoogle.com[192.0.2.1]:25", "example.com"),
        ("example.com", "mx.example.net[192.0.2.1]:25", "example.com"),
        (
            "mail.example.co.uk",
            "mx.example.net[192.0.2.1]:25",
            "example.co.uk",
        ),
        (
            "Mail.Example.CO.UK",
            "mx.example.net[192.0.2.1]:25",
            "example.co.uk",
        ),
        ("example.com", "none", "example.com"),
        ("example.com", "192.0.2.1[192.0.2.1]:25", "example.com"),
        (
            "example.com",
            "email-smtp.us-east-1.amazonaws.com[192.0.2.1]:25",
            "example.com",
        ),
        (
            "example.com",
            "inbound-smtp.us-east-1.amazonaws.com[192.0.2.1]:25",
            "amazonaws.com",
        ),
        ("example.com", "mx00.ionos.de[192.0.2.1]:587", "example.com"),
        ("[192.0.2.1]", "192.0.2.1[192.0.2.1]:25", "[192.0.2.1]"),
        ("localhost", "none", "localhost"),
        // Without a domain, the host alone.
        ("", "mx1.comcast.net[96.114.157.80]:25", "comcast.net"),
        ("", "MX.Example.net[192.0.2.1]:25", "example.net"),
        ("", "192.0.2.1[192.0.2.1]:25", "-"),
        ("", "none", "-"),
    ];
    for (domain, relay, expected) in cases {
        check(&providers, domain, relay, expected);
    }
}

#[test]
fn what_stays_on_this_host_has_no_provider() {
    let relays = [
        "local",
        "virtual",
        "dovecot",
        "127.0.0.1[127.0.0.1]:10024",
        "localhost[::1]:24",
        "mail.example.com",
        "mail.example.com[private/dovecot-lmtp]",
        "mail.example.com[/var/run/dovecot/lmtp]",
    ];
    for relay in relays {
        check(&Providers::embedded(), "gmail.com", relay, "-");
        check(&Providers::embedded(), "example.com", relay, "-");
        check(&Providers::embedded(), "", relay, "-");
    }
}

#[test]
fn learned_domains_keep_their_label_while_a_message_waits() {
    let mut providers = Providers::embedded();
    let mut learn =
        |domain: &str, relay_text: &str, n| providers.learn(domain, &relay(relay_text), n);
    let m365 = "example-com.mail.protection.outlook.com[192.0.2.1]:25";
    learn("Example.com", m365, 3);
    learn("example.com", "old.example.com[192.0.2.2]:25", 1);
    learn("moved.example", "old.moved.example[192.0.2.2]:25", 3);
    learn("moved.example", "aspmx.l.google.com[192.0.2.3]:25", 1);
    learn("tie.example", "mx.tie.example[192.0.2.2]:25", 1);
    learn("tie.example", "aspmx.l.google.com[192.0.2.3]:25", 1);
    learn("mine.example", "mail.mine.example[private/lmtp]", 5);
    learn("filtered.example", "127.0.0.1[127.0.0.1]:10024", 9);
    learn("cox.net", m365, 9);

    for relay in [
        "none",
        m365,
        "old.example.com[192.0.2.2]:25",
        "mx.example.net[192.0.2.9]:25",
    ] {
        check(&providers, "example.com", relay, "microsoft365");
        check(&providers, "EXAMPLE.COM", relay, "microsoft365");
    }
    check(&providers, "moved.example", "none", "moved.example");
    check(
        &providers,
        "moved.example",
        "aspmx.l.google.com[192.0.2.3]:25",
        "moved.example",
    );
    check(&providers, "tie.example", "none", "google-workspace");
    check(&providers, "mine.example", "none", "-");
    check(&providers, "filtered.example", "none", "filtered.example");
    check(&providers, "cox.net", "none", "cox.net");
}

#[test]
fn a_mailbox_server_that_is_down_is_no_provider() {
    let reason = "connect to mail.example.com[private/lmtp]: Connection refused";
    let relay = host_in_reason(reason).unwrap();
    assert_eq!(
        Providers::embedded().provider(Some("example.com"), &relay),
        None
    );
}

#[test]
fn table_has_every_name_once() {
    let hosts = table::PROVIDERS
        .iter()
        .flat_map(|row| row.hosts.split_whitespace());
    let domains = table::PROVIDERS
        .iter()
        .flat_map(|row| row.domains.split_whitespace());
    let labels = table::PROVIDERS.iter().map(|row| row.label);
    let smarthosts = table::SMARTHOSTS.split_whitespace();
    let lists: [Vec<&str>; 3] = [
        hosts.chain(smarthosts).collect(),
        domains.collect(),
        labels.collect(),
    ];
    for list in lists {
        let mut seen = BTreeSet::new();
        for name in list {
            assert!(seen.insert(name), "{name} is in the table twice");
            assert_eq!(name, name.to_ascii_lowercase());
        }
    }
}

#[test]
fn labels_with_a_dot_mean_the_provider_itself() {
    let providers = Providers::embedded();
    for row in table::PROVIDERS
        .iter()
        .filter(|row| row.label.contains('.'))
    {
        if !row.domains.is_empty() {
            check(&providers, row.label, "none", row.label);
        }
        for host in row.hosts.split_whitespace() {
            check(&providers, "", &format!("{host}[192.0.2.1]:25"), row.label);
        }
    }
}
