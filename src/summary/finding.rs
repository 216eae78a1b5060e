//! One finding for people: what happened, how we know, what it means, what to do now, what is uncertain.

use crate::answer::{Block, Chart, Document, Table};
use crate::finding::{Counts, Finding};

/// Queue IDs shown; the rest is counted, and is whole in the JSON.
const N_QUEUE_IDS: usize = 12;
const N_ROWS: usize = 10;

/// Adds a finding; `timeline`: its messages over time.
pub fn finding(document: &mut Document, finding: &Finding, timeline: Chart) {
    document.blocks.push(Block::Claim {
        level: finding.level,
        title: finding.title.clone(),
    });
    document.paragraph(finding.summary.clone());
    document.paragraph(format!(
        "({}, score {:.2}, finding {})",
        finding.detector, finding.score, finding.id
    ));
    if let Some(cause) = &finding.caused_by {
        document.paragraph(format!("It follows from finding {cause}."));
    }
    document.heading("What to do now");
    let actions = finding
        .actions
        .iter()
        .map(|a| (a.why.clone(), a.command.clone()));
    document.blocks.push(Block::Commands(actions.collect()));

    document.heading("How we know");
    let reasons = finding.signals.iter().map(|signal| {
        let (detail, name, weight) = (&signal.detail, signal.name, signal.weight);
        // What only tells when is no reason.
        if weight > 0.0 {
            format!("{detail} ({name}, weight {weight:.2})")
        } else {
            format!("{detail} ({name})")
        }
    });
    document.list(reasons.collect());
    if !finding.mitigations.is_empty() {
        document.paragraph("What speaks against it:");
        let doubts = finding
            .mitigations
            .iter()
            .map(|m| format!("{} ({})", m.detail, m.name));
        document.list(doubts.collect());
    }
    if finding.counts.messages != finding.totals.messages {
        document.table(counts(&finding.counts, &finding.totals));
    }
    document.chart(timeline);
    document.table(clients(finding));
    document.table(providers(finding));
    queue_ids(document, finding);
    let quoted = finding.evidence.iter().map(|evidence| {
        let text = evidence
            .text
            .as_deref()
            .unwrap_or("(this line could not be read again)");
        (
            format!("{}:{}", evidence.file, evidence.line),
            text.to_owned(),
        )
    });
    document.paragraph("Lines of the log:");
    document.blocks.push(Block::Quote(quoted.collect()));
    if !finding.uncertain.is_empty() {
        document.heading("What is uncertain");
        document.list(finding.uncertain.clone());
    }
}

fn clients(finding: &Finding) -> Table {
    let rows = finding.clients.iter().take(N_ROWS).map(|client| {
        let network = match (client.asn, &client.as_name) {
            (Some(asn), Some(name)) => format!("AS{asn} {name}"),
            (Some(asn), None) => format!("AS{asn}"),
            _ => String::new(),
        };
        vec![
            client.ip.clone(),
            client.country.clone().unwrap_or_default(),
            network,
            client.messages.to_string(),
            client.first_seen.for_people(),
            client.last_seen.for_people(),
        ]
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    let hidden = finding.clients.len().saturating_sub(rows.len());
    if hidden > 0 {
        let messages: u64 = finding
            .clients
            .iter()
            .skip(N_ROWS)
            .map(|c| c.messages)
            .sum();
        let mut row = vec![String::new(); 6];
        row[0] = format!("{hidden} more");
        row[3] = messages.to_string();
        rows.push(row);
    }
    Table {
        head: vec!["address", "in", "network", "msgs", "first", "last"],
        rows,
        numbers: vec![3],
    }
}

fn providers(finding: &Finding) -> Table {
    let rows = finding.providers.iter().take(N_ROWS).map(|provider| {
        vec![
            provider.provider.clone(),
            provider.recipients.to_string(),
            provider.sent.to_string(),
            provider.deferred.to_string(),
            provider.bounced.to_string(),
        ]
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    let rest = || finding.providers.iter().skip(N_ROWS);
    if rest().count() > 0 {
        rows.push(vec![
            format!("{} more", rest().count()),
            rest().map(|p| p.recipients).sum::<u64>().to_string(),
            rest().map(|p| p.sent).sum::<u64>().to_string(),
            rest().map(|p| p.deferred).sum::<u64>().to_string(),
            rest().map(|p| p.bounced).sum::<u64>().to_string(),
        ]);
    }
    Table {
        head: vec!["provider", "recipients", "sent", "deferred", "bounced"],
        rows,
        numbers: vec![1, 2, 3, 4],
    }
}

/// One of the counts.
type Count = fn(&Counts) -> Option<u64>;

/// Where the incident is only a part of what the subject did: both, side by side.
fn counts(counts: &Counts, totals: &Counts) -> Table {
    let pairs: [(&str, Count); 8] = [
        ("messages", |c| c.messages),
        ("recipients", |c| c.recipients),
        ("sent", |c| c.sent),
        ("deferred", |c| c.deferred),
        ("bounced", |c| c.bounced),
        ("addresses", |c| c.client_ips),
        ("senders", |c| c.envelope_senders),
        ("bounces received", |c| c.bounces_received),
    ];
    let rows = pairs.iter().filter_map(|(name, get)| {
        let (theirs, all) = (get(counts)?, get(totals)?);
        Some(vec![
            (*name).to_owned(),
            theirs.to_string(),
            all.to_string(),
        ])
    });
    Table {
        head: vec!["", "somebody else", "whole account"],
        rows: rows.collect(),
        numbers: vec![1, 2],
    }
}

fn queue_ids(document: &mut Document, finding: &Finding) {
    let shown = |ids: &[String]| {
        let first: Vec<&str> = ids.iter().take(N_QUEUE_IDS).map(String::as_str).collect();
        let more = ids.len().saturating_sub(N_QUEUE_IDS);
        if more > 0 {
            format!("{} … and {more} more", first.join(" "))
        } else {
            first.join(" ")
        }
    };
    if !finding.still_queued.is_empty() {
        let n = finding.still_queued.len();
        document.paragraph(format!(
            "Still queued ({n}): {}",
            shown(&finding.still_queued)
        ));
    }
}
