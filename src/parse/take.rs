//! The readers that parsers share: each takes what it knows off the front and gives back the rest.

use crate::mail::{Address, Client, EnhancedStatus, QueueId, Relay};

/// Splits at the first `byte`, which must be ASCII; it is in neither half.
pub(super) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(byte, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// As [`split_at_byte`], for words of a few letters: looking at each byte is faster than a search for long texts.
pub(super) fn split_near(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Splits at the first `separator`, which is in neither half.
pub(super) fn split_at_text<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    // Its first byte is rare in log lines: a searcher for any text costs more to build than it saves.
    let (&first, others) = separator.as_bytes().split_first()?;
    let bytes = text.as_bytes();
    let at = memchr::memchr_iter(first, bytes).find(|at| {
        let behind = bytes.get(at + 1..);
        behind.is_some_and(|behind| behind.starts_with(others))
    })?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

/// Splits at the last `separator`, which is in neither half.
pub(super) fn split_at_last<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let at = memchr::memmem::rfind(text.as_bytes(), separator.as_bytes())?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

/// What a byte can be in a queue ID, as bits.
const DIGIT: u8 = 1;
const UPPER_HEX: u8 = 2;
const HEX: u8 = 4;
/// Of the long form: no vowels.
const BASE_52: u8 = 8;

const OF_QUEUE_ID: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128u8 {
        let mut bits = 0;
        if byte.is_ascii_digit() {
            bits |= DIGIT | UPPER_HEX;
        }
        if matches!(byte, b'A'..=b'F') {
            bits |= UPPER_HEX;
        }
        if byte.is_ascii_hexdigit() {
            bits |= HEX;
        }
        if byte.is_ascii_alphanumeric()
            && !matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u')
        {
            bits |= BASE_52;
        }
        table[byte as usize] = bits;
        byte += 1;
    }
    table
};

/// True for the short form (hexadecimal inode and microseconds) and the long form (base 52).
pub(super) fn is_queue_id(word: &str) -> bool {
    if !(5..=40).contains(&word.len()) {
        return false;
    }
    let (mut all, mut any) = (u8::MAX, 0);
    for byte in word.bytes() {
        let bits = OF_QUEUE_ID[usize::from(byte)];
        all &= bits;
        any |= bits;
    }
    // Words such as `added` are all hexadecimal, too. Six digits of seconds and four of microseconds come
    // before the `z` of the long form.
    all & UPPER_HEX != 0
        || (all & HEX != 0 && any & DIGIT != 0)
        || (all & BASE_52 != 0 && word.len() >= 10)
}

/// `QID: …`
pub(super) fn queue_id(text: &str) -> Option<(QueueId<'_>, &str)> {
    // Nearly every line of the hot services comes by here: look no further than an ID is long.
    let mut head = text.bytes().take(42);
    let at = head.position(|b| OF_QUEUE_ID[usize::from(b)] == 0)?;
    let word = text.get(..at)?;
    let rest = text.get(at..)?.strip_prefix(':')?;
    if !is_queue_id(word) {
        return None;
    }
    let rest = rest.strip_prefix(' ').or(rest.is_empty().then_some(rest))?;
    Some((QueueId(word), rest))
}

/// `QID: …`, `NOQUEUE: …`, or, in old versions, neither.
pub(super) fn queue_id_if_any(text: &str) -> (Option<QueueId<'_>>, &str) {
    if let Some(rest) = text.strip_prefix("NOQUEUE: ") {
        return (None, rest);
    }
    match queue_id(text) {
        Some((queue_id, rest)) => (Some(queue_id), rest),
        None => (None, text),
    }
}

/// `<…>`: what is between the brackets, and what follows them.
///
/// Since Postfix 3.5 an address with odd characters has a quoted local part, and a `>` in the
/// quotes is no end. Before, it was logged bare: a `>` that no separator follows is no end, either.
pub(super) fn address(text: &str) -> Option<(Address<'_>, &str)> {
    let inner = text.strip_prefix('<')?;
    let bytes = inner.as_bytes();
    let mut from = 0;
    if bytes.first() == Some(&b'"')
        && let Some(end) = end_of_quoted(bytes)
    {
        from = end;
    }
    let mut first_end = None;
    for at in memchr::memchr_iter(b'>', bytes.get(from..)?) {
        let at = from + at;
        first_end = first_end.or(Some(at));
        if matches!(
            bytes.get(at + 1),
            None | Some(b',' | b' ' | b':' | b';' | b')')
        ) {
            first_end = Some(at);
            break;
        }
    }
    let at = first_end?;
    Some((Address(inner.get(..at)?), inner.get(at + 1..)?))
}

/// The index after the closing quote of a text that begins with a quote.
pub(super) fn end_of_quoted(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// What stands between `, key=` and the next comma; nothing taken when another key comes.
pub(super) fn optional<'a>(rest: &'a str, key: &str) -> (Option<&'a str>, &'a str) {
    let value = separator(rest)
        .strip_prefix(key)
        .and_then(|rest| rest.strip_prefix('='));
    match value {
        Some(value) => match memchr::memchr(b',', value.as_bytes()) {
            Some(at) => (value.get(..at), value.get(at..).unwrap_or("")),
            None => (Some(value), ""),
        },
        None => (None, rest),
    }
}

/// Without the `, ` in front; old lines have no blank.
pub(super) fn separator(rest: &str) -> &str {
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    rest.strip_prefix(' ').unwrap_or(rest)
}

/// `name[ip]`, `name[ip]:port`, `[ip]:port`, `unknown[unknown]`.
pub(super) fn client(text: &str) -> Option<(Client<'_>, &str)> {
    let end = text
        .bytes()
        .position(|b| matches!(b, b'[' | b' ' | b'<' | b'>' | b']'))?;
    let (name, rest) = (text.get(..end)?, text.get(end..)?.strip_prefix('[')?);
    let (ip, rest) = split_near(rest, b']')?;
    let (port, rest) = port(rest);
    Some((
        Client {
            name: known(name),
            ip: known(ip),
            port,
        },
        rest,
    ))
}

/// `:25`, `:unknown`, or nothing.
fn port(text: &str) -> (Option<u16>, &str) {
    let Some(rest) = text.strip_prefix(':') else {
        return (None, text);
    };
    if let Some(rest) = rest.strip_prefix("unknown") {
        return (None, rest);
    }
    let (digits, after) = digits(rest);
    match digits.parse() {
        Ok(port) => (Some(port), after),
        Err(_) => (None, text),
    }
}

/// `None` where the log says that it does not know.
pub(super) fn known(word: &str) -> Option<&str> {
    (!word.is_empty() && word != "unknown").then_some(word)
}

/// All of `name[ip]:port`, `name`, `none`, `host[private/lmtp]`.
pub(super) fn relay(text: &str) -> Relay<'_> {
    let Some((client, _)) = client(text) else {
        let name = (text != "none").then_some(text).and_then(known);
        return Relay {
            name,
            ..Relay::default()
        };
    };
    // A socket's path is not an address.
    let ip = client.ip.filter(|ip| !ip.contains('/'));
    Relay {
        name: client.name,
        ip,
        port: client.port,
    }
}

/// The digits in front, maybe none.
pub(super) fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(end).unwrap_or(("", text))
}

/// The number in front.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<(T, &str)> {
    let (digits, rest) = digits(text);
    Some((digits.parse().ok()?, rest))
}

/// A number such as `0.25`: what `str::parse` gives, at a fraction of its price where a few digits are all.
pub(super) fn decimal(text: &str) -> Option<f64> {
    // So many digits, and the power of ten below them, are exact as floats: the quotient is rounded once.
    const EXACT: usize = 15;
    let (mut value, mut n_digits, mut scale) = (0u64, 0, 1.0);
    let mut is_fraction = false;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if n_digits < EXACT => {
                value = value * 10 + u64::from(byte - b'0');
                n_digits += 1;
                scale *= if is_fraction { 10.0 } else { 1.0 };
            }
            b'.' if !is_fraction => is_fraction = true,
            _ => return text.parse().ok(),
        }
    }
    (n_digits > 0).then_some(value as f64 / scale)
}

/// `5.7.1 …`, when it is there.
pub(super) fn enhanced_status(text: &str) -> (Option<EnhancedStatus>, &str) {
    let (word, rest) = split_at_byte(text, b' ').unwrap_or((text, ""));
    match EnhancedStatus::parse(word) {
        Some(dsn) => (Some(dsn), rest),
        None => (None, text),
    }
}

/// `550 …`, when it is there.
pub(super) fn reply_code(text: &str) -> (Option<u16>, &str) {
    let (code, rest) = digits(text);
    let ends = rest.is_empty() || rest.starts_with([' ', '-']);
    match code.parse() {
        Ok(code) if ends && (200..600).contains(&code) => (Some(code), rest.get(1..).unwrap_or("")),
        _ => (None, text),
    }
}

/// A word that a program made: letters, digits, `-`, `_`.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// True for what can be an IP address, masked ones (`203.0.xxx.xxx`) included.
pub(super) fn looks_like_ip(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'x' | b'%'))
        && text.bytes().any(|b| matches!(b, b'.' | b':'))
}

/// A host's name: letters, digits, `-`, `.`, `_`.
pub(super) fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// The text in `<…>`; without brackets, or cut off before the second one, what there is.
pub(super) fn unbracketed(text: &str) -> &str {
    match text.strip_prefix('<') {
        Some(rest) => rest.strip_suffix('>').unwrap_or(rest),
        None => text,
    }
}

/// `4d3h2m1s`, `0.123s`: the seconds of it.
pub(super) fn duration(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = rest.split_at_checked(end)?;
        let unit_seconds = match unit.as_bytes().first()? {
            b'w' => 604_800.0,
            b'd' => 86_400.0,
            b'h' => 3600.0,
            b'm' => 60.0,
            b's' => 1.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit_seconds;
        rest = unit.get(1..)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_ids_are_told_from_words() {
        let yes = [
            "3FF7C4317",
            "37FCF20156D2",
            "DEADBEEF",
            "4PL3j0443nz30Ms",
            "12345",
            "a1b2c3d4",
        ];
        for word in yes {
            assert!(is_queue_id(word), "{word}");
        }
        let no = [
            "statistics",
            "warning",
            "STATISTICS1",
            "FOOBAR99",
            "added",
            "1234",
            "",
            "NOQUEUE",
            "é1234567890",
        ];
        for word in no {
            assert!(!is_queue_id(word), "{word}");
        }
        assert_eq!(
            queue_id("3FF7C4317: removed"),
            Some((QueueId("3FF7C4317"), "removed"))
        );
        assert_eq!(queue_id("3FF7C4317:removed"), None);
        assert_eq!(queue_id_if_any("NOQUEUE: x"), (None, "x"));
    }

    #[test]
    fn a_decimal_is_what_the_standard_library_reads() {
        let texts = [
            "0",
            "0.01",
            "1.5",
            "5.",
            ".5",
            ".",
            "",
            "161913",
            "0.1e3",
            "-0.02",
            "1.2.3",
            "inf",
            "1 ",
            "999999999999999",
            "0.000000000000001",
            "12345678901234567890.1",
            "1234567.12345678",
        ];
        for text in texts {
            assert_eq!(decimal(text), text.parse().ok(), "{text}");
        }
        for n in 0..10_000 {
            let text = format!("{}.{:03}", n * 7, n % 1000);
            assert_eq!(decimal(&text), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn an_address_may_hold_its_own_delimiters() {
        let check =
            |text, wanted, rest| assert_eq!(address(text), Some((Address(wanted), rest)), "{text}");
        check("<>, x", "", ", x");
        check("<a@example.com>, x", "a@example.com", ", x");
        check("<\"a>, b\"@example.com>, x", "\"a>, b\"@example.com", ", x");
        check(
            "<\"a\\\"> b\"@example.com>,x",
            "\"a\\\"> b\"@example.com",
            ",x",
        );
        check("<a>b@example.com> x", "a>b@example.com", " x");
        check("<\"a@example.com>, x", "\"a@example.com", ", x");
        assert_eq!(address("<a@example.com"), None);
        assert_eq!(address("a@example.com"), None);
    }

    #[test]
    fn clients_and_relays() {
        let check = |text, name, ip, port, rest| {
            assert_eq!(
                client(text),
                Some((Client { name, ip, port }, rest)),
                "{text}"
            );
        };
        check(
            "mx.example.com[192.0.2.1]",
            Some("mx.example.com"),
            Some("192.0.2.1"),
            None,
            "",
        );
        check("unknown[unknown]", None, None, None, "");
        check(
            "unknown[192.0.2.1]:unknown, x",
            None,
            Some("192.0.2.1"),
            None,
            ", x",
        );
        check(
            "[2001:db8::1]:25: x",
            None,
            Some("2001:db8::1"),
            Some(25),
            ": x",
        );
        check(
            "h[192.0.2.1]:99999",
            Some("h"),
            Some("192.0.2.1"),
            None,
            ":99999",
        );
        assert_eq!(client("a b[192.0.2.1]"), None);
        assert_eq!(relay("none"), Relay::default());
        assert_eq!(relay("local").name, Some("local"));
        assert_eq!(relay("mx[private/dovecot-lmtp]").ip, None);
        assert_eq!(relay("127.0.0.1[127.0.0.1]").ip, Some("127.0.0.1"));
    }

    #[test]
    fn optional_fields_are_taken_in_their_turn_only() {
        assert_eq!(
            optional(", delay=1.2, dsn=2.0.0", "delay"),
            (Some("1.2"), ", dsn=2.0.0")
        );
        assert_eq!(optional(",delay=1", "delay"), (Some("1"), ""));
        assert_eq!(
            optional(", dsn=2.0.0, delay=1", "delay"),
            (None, ", dsn=2.0.0, delay=1")
        );
        assert_eq!(reply_code("550 5.7.1 no"), (Some(550), "5.7.1 no"));
        assert_eq!(reply_code("5.7.1 no"), (None, "5.7.1 no"));
        assert_eq!(reply_code("55000 no"), (None, "55000 no"));
    }
}
