//! DNS block lists: what dnsblog(8) heard from one, and a lookup that got no answer.

use super::take;

/// The list and its answer, of `bl.example.org as 127.0.0.3`.
pub fn listed(detail: &str) -> Option<(&str, &str)> {
    let (dnsbl, answer) = take::split_at_text(detail, " as ")?;
    let is_name = dnsbl.contains('.') && !dnsbl.contains(' ');
    is_name.then_some((dnsbl.trim_end_matches('.'), answer))
}

/// The list that did not answer: warnings of smtpd(8), dnsblog(8) and postscreen(8), without `warning: `.
pub fn failed_lookup(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("dnsblog reply timeout ") {
        return take::split_at_text(rest, "s for ").map(|(_, list)| list);
    }
    if let Some(rest) = text.strip_prefix("dnsblog_query: lookup error for DNS query ") {
        let (query, _) = take::split_at_text(rest, ": ")?;
        return list_of(query);
    }
    let (query, _) = take::split_at_text(text, ": RBL lookup error: ")?;
    list_of(query)
}

/// What follows the reversed address in a query; a domain list's queries cannot be taken apart.
fn list_of(query: &str) -> Option<&str> {
    let labels = |n: usize| query.match_indices('.').nth(n).map(|(at, _)| at);
    let is_number = |text: &str, radix: u32, longest: usize| {
        let mut parts = text.split('.');
        parts.all(|part| part.len() <= longest && u8::from_str_radix(part, radix).is_ok())
    };
    let cut = |n_labels: usize, radix, longest| {
        let at = labels(n_labels - 1)?;
        let address = query.get(..at)?;
        is_number(address, radix, longest).then(|| query.get(at + 1..))?
    };
    let list = cut(32, 16, 1).or_else(|| cut(4, 10, 3))?;
    (list.contains('.') && !list.contains(' ')).then_some(list.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_answer() {
        let heard = Some(("bl.example.org", "127.0.0.3"));
        assert_eq!(listed("bl.example.org as 127.0.0.3"), heard);
        assert_eq!(listed("bl.example.org"), None);
    }

    #[test]
    fn lists_that_do_not() {
        let check = |text, list| assert_eq!(failed_lookup(text), list, "{text}");
        let list = Some("bl.example.org");
        check(
            "1.2.0.192.bl.example.org: RBL lookup error: Host or domain name not found. Name service error for name=1.2.0.192.bl.example.org type=A: Host not found, try again",
            list,
        );
        check(
            "dnsblog_query: lookup error for DNS query 1.2.0.192.bl.example.org: Host or domain name not found",
            list,
        );
        check("dnsblog reply timeout 10s for bl.example.org", list);
        let v6 = format!("{}8.b.d.0.1.0.0.2.bl.example.org", "0.".repeat(24));
        let v6 = format!("{v6}: RBL lookup error: x");
        check(&v6, list);
        check(
            "spam.example.com.dbl.example.org: RBL lookup error: x",
            None,
        );
        check("999.2.0.192.bl.example.org: RBL lookup error: x", None);
        check("connect to bl.example.org: RBL", None);
    }
}
