//! One line for many: what syslog daemons write instead of the same line again.

/// A line that stands for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated<'a> {
    pub n_times: u32,
    /// What was repeated; `None`: the line before of that host.
    pub text: Option<&'a str>,
}

/// Reads `message repeated 2 times: [ text]` (rsyslog) and `last message repeated 3 times` (sysklogd, macOS).
pub fn repeated(text: &str) -> Option<Repeated<'_>> {
    // Every line comes by here, and nearly none begins like this.
    if !matches!(text.as_bytes().first()?, b'm' | b'l' | b'-' | 0..=b' ' | 0x80..) {
        return None;
    }
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix("message repeated ") {
        let (n_times, rest) = count(rest)?;
        let inner = rest.strip_prefix(": [")?;
        // A line that was cut has lost the bracket.
        let inner = inner.strip_suffix(']').unwrap_or(inner);
        return Some(Repeated {
            n_times,
            text: Some(inner.trim_start()),
        });
    }
    let rest = text.strip_prefix("--- ").unwrap_or(text);
    let (n_times, rest) = count(rest.strip_prefix("last message repeated ")?)?;
    matches!(rest.trim(), "" | "---").then_some(Repeated {
        n_times,
        text: None,
    })
}

fn count(text: &str) -> Option<(u32, &str)> {
    let (number, rest) = text.split_once(' ')?;
    let rest = rest.strip_prefix("time")?;
    Some((number.parse().ok()?, rest.strip_prefix('s').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(u32, Option<&str>)>) {
        let found = repeated(text).map(|r| (r.n_times, r.text));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn both_forms() {
        let inner = "535721E1E6C: client=a[192.0.2.1]";
        check(
            "message repeated 2 times: [ 535721E1E6C: client=a[192.0.2.1]]",
            Some((2, Some(inner))),
        );
        check(
            " message repeated 76 times: [-- MARK --]",
            Some((76, Some("-- MARK --"))),
        );
        check("last message repeated 3 times", Some((3, None)));
        check("last message repeated 1 time", Some((1, None)));
        check("--- last message repeated 2 times ---", Some((2, None)));
        check("message repeated two times: [x]", None);
        check("warning: message repeated 2 times: [x]", None);
        check("last message repeated 3 times: [x]", None);
    }
}
