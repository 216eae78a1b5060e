//! When a list began to name everybody: the stretch in which those who used to pass are named, and hardly anybody passes.

use hashbrown::{HashMap, HashSet};

use super::trials::{List, Named, Passed, Sender, Standing, Trials, hour};

/// A client that passes weighs as much as so many known ones that are named.
const PASS_WEIGHT: i64 = 3;
/// dnsblog(8) hears of a client before it hands in mail.
const LISTED_HOURS: i64 = 2;

/// A stretch of time in which a list named whoever came.
pub(super) struct Outage<'a> {
    /// In log order.
    pub(super) named: Vec<&'a Named>,
    /// Clients (once an hour) that passed in the same time, and those that would have, by the rest of the log.
    pub(super) n_passed: usize,
    pub(super) n_expected: f64,
    pub(super) n_micros: i64,
}

/// A client that is no stranger was named, or one passed.
struct Step {
    micros: i64,
    is_named: bool,
}

impl<'a> Outage<'a> {
    /// The stretch that speaks most for a failure; all of the list's answers where nobody known was named.
    pub(super) fn find(trials: &Trials, list: &'a List) -> Option<Self> {
        let listed: HashSet<_> = list
            .named
            .iter()
            .filter(|named| !named.is_refused)
            .map(|named| (named.client_ip, hour(named.seen.micros)))
            .collect();
        let was_listed = |passed: &Passed| {
            let hours = (0..=LISTED_HOURS).map(|back| hour(passed.micros) - back);
            hours
                .into_iter()
                .any(|hour| listed.contains(&(passed.client_ip, hour)))
        };
        let passed: Vec<&Passed> = trials.passed.iter().filter(|p| !was_listed(p)).collect();
        let steps = steps(list, &passed);
        let first = list.named.first()?.seen.micros;
        let last = list.named.last()?.seen.micros;
        let (from, until) = best_stretch(&steps).unwrap_or((first, last));
        // Strangers that were named belong to it as well, from the last that passed to the next.
        let before = passed
            .iter()
            .map(|p| p.micros)
            .filter(|at| *at < from)
            .max();
        let after = passed.iter().map(|p| p.micros).find(|at| *at > until);
        let inside = |at: i64| {
            before.is_none_or(|before| before <= at) && after.is_none_or(|after| at <= after)
        };
        let named: Vec<&Named> = list
            .named
            .iter()
            .filter(|n| inside(n.seen.micros))
            .collect();
        let from = named.first()?.seen.micros;
        let until = named.last()?.seen.micros;
        let passes: HashSet<(&Sender, i64)> = passed
            .iter()
            .map(|passed| (&passed.sender, hour(passed.micros)))
            .collect();
        let is_in = |hours: i64| (hour(from)..=hour(until)).contains(&hours);
        let within = |at: i64| (from..=until).contains(&at);
        let n_passed = passed.iter().filter(|p| within(p.micros));
        let n_passed = n_passed.map(|p| (&p.sender, hour(p.micros)));
        let n_passed = n_passed.collect::<HashSet<_>>().len();
        let n_outside = passes.iter().filter(|(_, hour)| !is_in(*hour)).count();
        Some(Self {
            n_expected: expected(n_outside, span(trials, list), until - from),
            named,
            n_passed,
            n_micros: until - from,
        })
    }

    /// Distinct senders of a standing.
    pub(super) fn senders(&self, wanted: impl Fn(Standing) -> bool) -> HashSet<&'a Sender> {
        let named = self.named.iter().filter(|named| wanted(named.standing));
        named.map(|named| &named.sender).collect()
    }

    /// Clients that are no strangers and were named, once an hour.
    pub(super) fn n_known(&self) -> usize {
        let known = self.named.iter();
        let known = known.filter(|named| named.standing != Standing::Stranger);
        let known = known.map(|named| (&named.sender, hour(named.seen.micros)));
        known.collect::<HashSet<_>>().len()
    }
}

/// The beginning and the length of what the log tells of clients from outside.
fn span(trials: &Trials, list: &List) -> i64 {
    let named = list.named.iter().map(|named| named.seen.micros);
    let moments = || named.clone().chain(trials.passed.iter().map(|p| p.micros));
    let (first, last) = (moments().min(), moments().max());
    first.zip(last).map_or(0, |(first, last)| last - first)
}

/// How many would pass in a stretch, by those that pass in the rest of the log.
fn expected(n_outside: usize, n_all_micros: i64, n_micros: i64) -> f64 {
    let n_rest = n_all_micros - n_micros;
    if n_rest <= 0 {
        return 0.0;
    }
    n_outside as f64 * n_micros as f64 / n_rest as f64
}

fn steps(list: &List, passed: &[&Passed]) -> Vec<Step> {
    let mut seen: HashMap<(&Sender, i64, bool), i64> = HashMap::new();
    for named in &list.named {
        if named.standing != Standing::Stranger {
            let micros = named.seen.micros;
            seen.entry((&named.sender, hour(micros), true))
                .or_insert(micros);
        }
    }
    for passed in passed {
        seen.entry((&passed.sender, hour(passed.micros), false))
            .or_insert(passed.micros);
    }
    let mut steps: Vec<Step> = seen
        .into_iter()
        .map(|((_, _, is_named), micros)| Step { micros, is_named })
        .collect();
    steps.sort_by_key(|step| (step.micros, step.is_named));
    steps
}

/// From where to where most more are named than pass.
fn best_stretch(steps: &[Step]) -> Option<(i64, i64)> {
    let (mut sum, mut start) = (0, 0);
    let mut best: Option<(i64, i64, i64)> = None;
    for (index, step) in steps.iter().enumerate() {
        if sum <= 0 {
            (sum, start) = (0, index);
        }
        sum += if step.is_named { 1 } else { -PASS_WEIGHT };
        if sum > best.map_or(0, |(most, ..)| most) {
            best = Some((sum, steps[start].micros, step.micros));
        }
    }
    best.map(|(_, from, until)| (from, until))
}
