//! Lines that the logging system says it dropped: by host.

use serde_json::json;

use super::super::Context;
use super::super::words::n_of;
use super::{DETECTOR, FEW_LINES, Trouble, subject};
use crate::finding::{Evidence, Mitigation};
use crate::read::{HostRhythm, Loss};

/// Lines quoted.
const N_LINES: usize = 5;

pub(super) fn troubles(context: &Context<'_>) -> Vec<Trouble> {
    let hosts = context.coverage.hosts.iter();
    hosts.filter_map(|host| judge(context, host)).collect()
}

/// What the host dropped, as far as it may have been lines about mail.
pub(super) fn of_host<'a>(
    context: &Context<'a>,
    host: &HostRhythm,
) -> impl Iterator<Item = &'a Loss> {
    let name = host.host.clone();
    let losses = context.coverage.losses.iter();
    losses.filter(move |loss| loss.host == name && is_about_mail(&loss.text))
}

fn judge(context: &Context<'_>, host: &HostRhythm) -> Option<Trouble> {
    let losses: Vec<&Loss> = of_host(context, host).collect();
    let first = losses.first()?.seen.timestamp;
    let last = losses.last()?.seen.timestamp;
    let n_lost: u64 = losses.iter().filter_map(|loss| loss.n_lines).sum();
    let (kind, name) = subject(&host.host);
    let signal = DETECTOR.signal(
        "lines-lost",
        format!(
            "{} of lost lines, {n_lost} lines counted, beside {} that were kept",
            n_of(losses.len(), "notice", "notices"),
            host.n_lines
        ),
        json!({ "notices": losses.len(), "lines_lost": n_lost }),
    );
    let is_few = (n_lost as f64) < context.threshold(&FEW_LINES);
    let few = is_few.then(|| Mitigation {
        name: "few",
        weight: 0.25,
        detail: "few lines, as far as they are counted".to_owned(),
    });
    let quoted = losses.iter().take(N_LINES).chain(losses.last());
    Some(Trouble {
        kind,
        title: format!("The logging system of {name} dropped lines"),
        summary: format!(
            "{n_lost} lines of {name} were dropped according to {} between {} and {}: what they said is missing from \
             every answer.",
            n_of(losses.len(), "notice", "notices"),
            first.for_people(),
            last.for_people()
        ),
        name,
        signals: vec![signal],
        mitigations: few.into_iter().collect(),
        first,
        last,
        n_messages: None,
        queue_ids: Vec::new(),
        evidence: quoted
            .map(|loss| Evidence::at(loss.seen.at, loss.seen.timestamp))
            .collect(),
        uncertain: vec!["Which lines were dropped, nobody knows.".to_owned()],
    })
}

/// journald(8) names the unit whose lines it suppressed; a limit for all names none.
fn is_about_mail(text: &str) -> bool {
    const UNITS: &[&str] = &[
        "postfix",
        "dovecot",
        "exim",
        "sendmail",
        "smtpd",
        "amavis",
        "rspamd",
        "mail",
        "postgrey",
        "opendkim",
        "opendmarc",
        "saslauthd",
        "docker",
        "containerd",
    ];
    if text.starts_with("Missed ") {
        return false;
    }
    match text.strip_prefix("Suppressed ") {
        Some(of_unit) => UNITS.iter().any(|unit| of_unit.contains(unit)),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_services_losses_are_not_about_mail() {
        let check = |text, expected| assert_eq!(is_about_mail(text), expected, "{text}");
        check(
            "Suppressed 12 messages from /system.slice/postfix.service",
            true,
        );
        check("Suppressed 12 messages from nginx.service", false);
        check("Missed 12 kernel messages", false);
        check("imjournal: 143847 messages lost due to rate-limiting", true);
    }
}
