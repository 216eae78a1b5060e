//! Clocks that go back within a file.

use serde_json::json;

use super::super::Context;
use super::super::words::{lasting, n_of};
use super::{DETECTOR, Trouble, subject};
use crate::finding::Evidence;
use crate::read::HostRhythm;

/// Places quoted, two lines each.
const N_PLACES: usize = 3;

pub(super) fn troubles(context: &Context<'_>) -> Vec<Trouble> {
    let hosts = context.coverage.hosts.iter();
    hosts.filter_map(judge).collect()
}

fn judge(host: &HostRhythm) -> Option<Trouble> {
    let steps = &host.steps_back;
    let (first, n_steps) = (steps.first()?, steps.len());
    let back = first.before.timestamp.micros - first.after.timestamp.micros;
    let (kind, name) = subject(&host.host);
    let lines = steps.iter().take(N_PLACES);
    let lines = lines.flat_map(|step| [step.before, step.after]);
    let moments = || steps.iter().flat_map(|step| [step.before, step.after]);
    let signal = DETECTOR.signal(
        "clock-back",
        format!(
            "time goes back at {}, the first time by {}",
            n_of(n_steps, "place", "places"),
            lasting(back)
        ),
        json!({ "places": n_steps, "seconds": back / 1_000_000 }),
    );
    Some(Trouble {
        kind,
        title: format!("The clock of {name} goes back"),
        summary: format!(
            "At {} of the log time goes back, the first time by {} at {}: the times around it, and what follows \
             from them, are uncertain.",
            n_of(n_steps, "place", "places"),
            lasting(back),
            first.before.timestamp.for_people()
        ),
        name,
        signals: vec![signal],
        mitigations: Vec::new(),
        first: moments().map(|moment| moment.timestamp).min()?,
        last: moments().map(|moment| moment.timestamp).max()?,
        n_messages: None,
        queue_ids: Vec::new(),
        evidence: lines
            .map(|moment| Evidence::at(moment.at, moment.timestamp))
            .collect(),
        uncertain: vec![
            "A clock that was set, files joined in the wrong order, and lines put in later look the same.".to_owned(),
        ],
    })
}
