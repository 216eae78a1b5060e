//! Submissions -> the numbers of a finding: the same meaning of every count in all detectors.

use hashbrown::{HashMap, HashSet};

use super::Context;
use super::submissions::{Submission, ip_of};
use crate::correlate::Symbol;
use crate::finding::{ClientSeen, Counts, ProviderSeen};
use crate::knowledge::places::Network;
use crate::mail::{Status, Timestamp};

/// The counts that follow from the submissions themselves.
pub(super) fn counts<'a>(
    context: &Context<'_>,
    submissions: impl Iterator<Item = &'a Submission> + Clone,
) -> Counts {
    let strings = &context.tables.strings;
    let deliveries = || submissions.clone().flat_map(|s| &s.deliveries);
    let with_status = |status| {
        let found = deliveries().filter(|delivery| delivery.status == status);
        Some(found.count() as u64)
    };
    let n_untold: u64 = submissions.clone().map(|s| u64::from(s.n_untold)).sum();
    let clients: HashSet<Symbol> = submissions.clone().filter_map(|s| s.client_ip).collect();
    let ips = || clients.iter().filter_map(|ip| ip_of(strings, Some(*ip)));
    let places: Vec<_> = ips().map(|ip| context.geoip.lookup(ip)).collect();
    Counts {
        messages: Some(submissions.clone().count() as u64),
        recipients: distinct(deliveries().map(|delivery| delivery.to)),
        deliveries: Some(deliveries().count() as u64 + n_untold),
        sent: with_status(Status::Sent),
        deferred: with_status(Status::Deferred),
        bounced: with_status(Status::Bounced),
        expired: with_status(Status::Expired),
        unknown: with_status(Status::Unknown).map(|n| n + n_untold),
        client_ips: Some(clients.len() as u64),
        networks: distinct(ips().map(Network::of)),
        countries: distinct(places.iter().filter_map(|place| place.country)),
        asns: distinct(places.iter().filter_map(|place| place.asn)),
        envelope_senders: distinct(submissions.clone().filter_map(|s| s.from)),
        providers: distinct(deliveries().filter_map(|delivery| delivery.provider)),
        bounces_generated: Some(submissions.map(|s| u64::from(s.n_bounces)).sum()),
        ..Counts::default()
    }
}

fn distinct<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> Option<u64> {
    Some(values.collect::<HashSet<T>>().len() as u64)
}

/// The clients of some uses (address, moment, messages), those with most messages first.
pub(super) fn clients(
    context: &Context<'_>,
    uses: impl Iterator<Item = (Symbol, Timestamp, u64)>,
) -> Vec<ClientSeen> {
    let strings = &context.tables.strings;
    let mut clients: HashMap<Symbol, ClientSeen> = HashMap::new();
    for (symbol, seen, messages) in uses {
        let client = clients.entry(symbol).or_insert_with(|| {
            let ip = ip_of(strings, Some(symbol));
            let place = ip.map(|ip| context.geoip.lookup(ip)).unwrap_or_default();
            ClientSeen {
                ip: strings.get(symbol).to_owned(),
                country: place.country.map(|country| country.to_string()),
                asn: place.asn,
                as_name: place.as_name.map(str::to_owned),
                messages: 0,
                first_seen: seen,
                last_seen: seen,
            }
        });
        client.messages += messages;
        client.first_seen = client.first_seen.min(seen);
        client.last_seen = client.last_seen.max(seen);
    }
    let mut clients: Vec<ClientSeen> = clients.into_values().collect();
    clients.sort_by(|a, b| (b.messages, &a.ip).cmp(&(a.messages, &b.ip)));
    clients
}

/// The providers, those with most recipients first.
pub(super) fn providers<'a>(
    context: &Context<'_>,
    submissions: impl Iterator<Item = &'a Submission>,
) -> Vec<ProviderSeen> {
    let mut seen: HashMap<Symbol, (HashSet<Symbol>, [u64; 5])> = HashMap::new();
    for delivery in submissions.flat_map(|s| &s.deliveries) {
        if let Some(provider) = delivery.provider {
            let (recipients, by_status) = seen.entry(provider).or_default();
            recipients.insert(delivery.to);
            by_status[delivery.status as usize] += 1;
        }
    }
    let mut providers: Vec<ProviderSeen> = seen
        .into_iter()
        .map(|(provider, (recipients, by_status))| ProviderSeen {
            provider: context.tables.strings.get(provider).to_owned(),
            recipients: recipients.len() as u64,
            sent: by_status[Status::Sent as usize],
            deferred: by_status[Status::Deferred as usize],
            bounced: by_status[Status::Bounced as usize] + by_status[Status::Expired as usize],
        })
        .collect();
    providers.sort_by(|a, b| (b.recipients, &a.provider).cmp(&(a.recipients, &b.provider)));
    providers
}

/// The most of anything within any span of this length; `uses`: when, and how much.
pub(super) fn peak_within(uses: impl Iterator<Item = (i64, usize)>, span_micros: i64) -> usize {
    let mut uses: Vec<(i64, usize)> = uses.collect();
    uses.sort_unstable();
    let (mut start, mut within, mut most) = (0, 0, 0);
    for (micros, n) in &uses {
        within += n;
        while uses[start].0 < micros - span_micros {
            within -= uses[start].1;
            start += 1;
        }
        most = most.max(within);
    }
    most
}
