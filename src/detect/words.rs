//! Spans of time and numbers in words, with as much precision as a sentence needs.

const MINUTE: i64 = 60 * 1_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `45 minutes`, `3.5 hours`, `2.0 days`.
pub(super) fn lasting(micros: i64) -> String {
    match micros {
        micros if micros < 2 * HOUR => format!("{} minutes", micros / MINUTE),
        micros if micros < 2 * DAY => format!("{:.1} hours", micros as f64 / HOUR as f64),
        micros => format!("{:.1} days", micros as f64 / DAY as f64),
    }
}

/// `1 message`, `2 messages`.
pub(super) fn n_of(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_own_unit() {
        assert_eq!(lasting(45 * MINUTE + 1), "45 minutes");
        assert_eq!(lasting(3 * HOUR + 30 * MINUTE), "3.5 hours");
        assert_eq!(lasting(49 * HOUR), "2.0 days");
    }
}
