//! Signals and mitigations -> a score and a level, by one rule for all detectors.

use super::SignalKind;
use crate::finding::{Level, Mitigation, Signal};

/// Below this nothing is said: a healthy server gets no alarm.
pub(super) const SAY: f64 = 0.4;
const MEDIUM: f64 = 0.5;
const HIGH: f64 = 0.7;
/// The weight from which on the facts of a group are a kind of reason of their own.
const REASON: f64 = 0.2;
/// A signal that is enough alone.
const CONCLUSIVE: f64 = 0.9;

/// The weights as independent probabilities: the chance that at least one reason is right, reduced by
/// what speaks against it.
pub(super) fn score(signals: &[Signal], mitigations: &[Mitigation]) -> f64 {
    let doubt: f64 = signals.iter().map(|signal| 1.0 - signal.weight).product();
    let relief: f64 = mitigations.iter().map(|m| 1.0 - m.weight).product();
    ((1.0 - doubt) * relief * 100.0).round() / 100.0
}

/// Kinds of reasons: groups whose facts together weigh enough to be one.
fn n_reasons(signals: &[Signal], kinds: &[SignalKind]) -> usize {
    let group_of = |signal: &Signal| {
        let kind = kinds.iter().find(|kind| kind.name == signal.name);
        kind.map(|kind| kind.group)
    };
    let mut groups: Vec<&str> = signals.iter().filter_map(group_of).collect();
    groups.sort_unstable();
    groups.dedup();
    groups.retain(|group| {
        let members = signals
            .iter()
            .filter(|signal| group_of(signal) == Some(group));
        1.0 - members.map(|signal| 1.0 - signal.weight).product::<f64>() >= REASON
    });
    groups.len()
}

/// The level, or `None` when there is nothing to say. Several facts of one group are one kind of reason;
/// without a second kind, or a conclusive fact, nothing is claimed.
pub(super) fn level(
    score: f64,
    signals: &[Signal],
    kinds: &[SignalKind],
    ongoing_and_large: bool,
) -> Option<Level> {
    let n_reasons = n_reasons(signals, kinds);
    let conclusive = signals.iter().any(|signal| signal.weight >= CONCLUSIVE);
    if n_reasons < 2 && !conclusive {
        return None;
    }
    match score {
        score if score >= HIGH && ongoing_and_large => Some(Level::Critical),
        score if score >= HIGH => Some(Level::High),
        score if score >= MEDIUM => Some(Level::Medium),
        score if score >= SAY => Some(Level::Low),
        _ => None,
    }
}

/// The weight of the strongest signal, reduced by what speaks against it; `None` without signals.
pub(super) fn strongest(signals: &[Signal], mitigations: &[Mitigation]) -> Option<f64> {
    let strongest = signals.iter().map(|signal| signal.weight);
    let strongest = strongest.max_by(f64::total_cmp)?;
    let relief: f64 = mitigations.iter().map(|m| 1.0 - m.weight).product();
    Some((strongest * relief * 100.0).round() / 100.0)
}

/// The level of a claim that needs no second reason.
pub(super) fn level_of(score: f64) -> Level {
    match score {
        score if score >= HIGH => Level::High,
        score if score >= MEDIUM => Level::Medium,
        score if score >= SAY => Level::Low,
        _ => Level::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: &[SignalKind] = &[
        SignalKind {
            name: "a",
            group: "one",
            weight: 0.5,
            meaning: "",
        },
        SignalKind {
            name: "b",
            group: "one",
            weight: 0.5,
            meaning: "",
        },
        SignalKind {
            name: "c",
            group: "two",
            weight: 0.5,
            meaning: "",
        },
    ];

    fn signal(name: &'static str, weight: f64) -> Signal {
        Signal {
            name,
            weight,
            detail: String::new(),
            facts: serde_json::Map::new(),
        }
    }

    #[test]
    fn one_kind_of_reason_is_not_enough() {
        let same_group = [signal("a", 0.5), signal("b", 0.8)];
        assert_eq!(score(&same_group, &[]), 0.9);
        assert_eq!(level(0.9, &same_group, KINDS, false), None);
        let two_groups = [signal("a", 0.5), signal("c", 0.5)];
        assert_eq!(score(&two_groups, &[]), 0.75);
        assert_eq!(level(0.75, &two_groups, KINDS, false), Some(Level::High));
        assert_eq!(level(0.75, &two_groups, KINDS, true), Some(Level::Critical));
        assert_eq!(level(0.39, &two_groups, KINDS, true), None);
        assert_eq!(
            level(0.95, &[signal("a", 0.95)], KINDS, false),
            Some(Level::High)
        );
    }

    #[test]
    fn a_trifle_is_no_second_reason() {
        let trifle = [signal("a", 0.9 - 0.1), signal("c", 0.15)];
        assert_eq!(level(0.83, &trifle, KINDS, false), None);
        let facts = [signal("c", 0.8), signal("a", 0.15), signal("b", 0.15)];
        assert_eq!(level(0.86, &facts, KINDS, false), Some(Level::High));
    }

    #[test]
    fn mitigations_take_their_share() {
        let relief = Mitigation {
            name: "m",
            weight: 0.5,
            detail: String::new(),
        };
        assert_eq!(score(&[signal("a", 0.5)], &[relief]), 0.25);
    }
}
