//! The end of a refusal: `; from=<> to=<> proto= helo=<> sasl_…=`, told from look-alikes in hostile text.
//!
//! The reason in front of it may quote a remote server or a HELO name; sender and recipient are
//! quoted by Postfix 3.5 and later; the HELO name has no blank in it (postscreen(8)), nor brackets
//! (smtpd(8), `NEUTER_CHARACTERS`). So the last place is right from which the rest of the line
//! reads as the daemon writes it.

use super::take;
use crate::event::Reject;
use crate::mail::{Address, Client};

/// Look-alikes to try before giving up; Postfix shortens what clients say.
const MOST_TRIES: usize = 64;

/// The text without its tail, and the fields of the tail.
pub(super) fn split(text: &str) -> (&str, Reject<'_>) {
    // Before 3.5 an odd address was not quoted: better read it as it stands than not at all.
    for accept in [is_well_formed, |_: &str| true] {
        for at in memchr::memmem::rfind_iter(text.as_bytes(), b";").take(MOST_TRIES) {
            let (Some(reason), Some(rest)) = (text.get(..at), text.get(at + 1..)) else {
                continue;
            };
            if let Some((tail, "")) = fields(rest, accept) {
                return (reason, tail);
            }
        }
    }
    (text, Reject::default())
}

/// Splits `CONTENT from host[ip]; from=<> to=<> proto= helo=<>: TEXT`.
pub(super) fn after_content(text: &str) -> Option<(&str, Client<'_>, &str, Reject<'_>)> {
    let mut second_best = None;
    for at in memchr::memmem::rfind_iter(text.as_bytes(), b";").take(MOST_TRIES) {
        let (Some(before), Some(rest)) = (text.get(..at), text.get(at + 1..)) else {
            continue;
        };
        let Some((content, client)) = origin(before) else {
            continue;
        };
        let (tail, rest) = fields(rest, is_well_formed).unwrap_or((Reject::default(), rest));
        if !rest.is_empty() && !rest.starts_with(": ") {
            continue;
        }
        let reason = rest.strip_prefix(": ").unwrap_or(rest);
        let found = Some((content, client, reason, tail));
        // In a quoted sender that imitates a tail, the rest of the true one is still to come.
        if !reason.contains(" helo=<") && !reason.contains("> to=<") {
            return found;
        }
        second_best = second_best.or(found);
    }
    second_best.or_else(|| without_origin(text))
}

/// Postfix 2.1 and older name no client: `CONTENT; from=<> to=<>: TEXT`.
fn without_origin(text: &str) -> Option<(&str, Client<'_>, &str, Reject<'_>)> {
    let at = memchr::memrchr(b';', text.as_bytes())?;
    let (tail, rest) = fields(text.get(at + 1..)?, is_well_formed)?;
    let reason = match rest.strip_prefix(": ") {
        Some(reason) => reason,
        None => rest.is_empty().then_some(rest)?,
    };
    Some((text.get(..at)?, Client::default(), reason, tail))
}

/// `CONTENT from host[ip]`, `CONTENT from local`.
fn origin(text: &str) -> Option<(&str, Client<'_>)> {
    let (content, origin) = take::split_at_last(text, " from ")?;
    if origin == "local" {
        return Some((content, Client::default()));
    }
    match take::client(origin)? {
        (client, "") => Some((content, client)),
        _ => None,
    }
}

/// At least one of the fields, in their order, and what follows them.
fn fields(text: &str, accept: fn(&str) -> bool) -> Option<(Reject<'_>, &str)> {
    let mut tail = Reject::default();
    let mut rest = text;
    (tail.from, rest) = bracketed(rest, "from=", accept);
    (tail.to, rest) = bracketed(rest, "to=", accept);
    if let Some(value) = after_blank(rest).strip_prefix("proto=") {
        (tail.proto, rest) = word(value);
    }
    if let Some(value) = after_blank(rest).strip_prefix("helo=") {
        (tail.helo, rest) = helo(value)?;
    }
    (tail.sasl_method, rest) = sasl(rest, "sasl_method=", &[" sasl_username=", " sasl_sender="]);
    (tail.sasl_username, rest) = sasl(rest, "sasl_username=", &[" sasl_sender="]);
    (tail.sasl_sender, rest) = sasl(rest, "sasl_sender=", &[]);
    (rest.len() < text.len()).then_some((tail, rest))
}

/// ` from=<…>`, if it is acceptable.
fn bracketed<'a>(
    rest: &'a str,
    key: &str,
    accept: fn(&str) -> bool,
) -> (Option<Address<'a>>, &'a str) {
    let Some(value) = after_blank(rest).strip_prefix(key) else {
        return (None, rest);
    };
    match take::address(value) {
        Some((address, after)) if accept(address.0) => (Some(address), after),
        _ => (None, rest),
    }
}

/// True for a quoted local part, or no odd character at all.
fn is_well_formed(address: &str) -> bool {
    let bytes = address.as_bytes();
    let bare = match bytes.first() {
        Some(b'"') => super::take::end_of_quoted(bytes).and_then(|end| bytes.get(end..)),
        _ => Some(bytes),
    };
    bare.is_some_and(|bare| !bare.iter().any(|b| matches!(b, b'"' | b'<' | b'>' | b';')))
}

/// `ESMTP`, and no more than letters.
fn word(text: &str) -> (Option<&str>, &str) {
    let end = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (word, rest) = text.split_at_checked(end).unwrap_or(("", text));
    ((!word.is_empty()).then_some(word), rest)
}

/// Behind a blank, which no HELO name holds; postscreen(8) puts a comma before it.
fn after_blank(text: &str) -> &str {
    text.strip_prefix(' ')
        .or_else(|| text.strip_prefix(", "))
        .unwrap_or("")
}

/// `<…>`: postscreen(8) leaves brackets in a name, but writes nothing behind it. A pasted log may have lost it all.
fn helo(text: &str) -> Option<(Option<&str>, &str)> {
    let Some(inner) = text.strip_prefix('<') else {
        return text.is_empty().then_some((None, text));
    };
    let whole = inner.strip_suffix('>').filter(|helo| !helo.contains(' '));
    if let Some(helo) = whole {
        return Some((Some(helo), ""));
    }
    let (helo, rest) = take::split_at_byte(inner, b'>')?;
    (!helo.contains(['<', ';', ' '])).then_some((Some(helo), rest))
}

/// A SASL value, bare or in brackets, up to the next key or the end. The user name is the client's text.
fn sasl<'a>(rest: &'a str, key: &str, next: &[&str]) -> (Option<&'a str>, &'a str) {
    let Some(value) = after_blank(rest).strip_prefix(key) else {
        return (None, rest);
    };
    let end = next
        .iter()
        .filter_map(|next| memchr::memmem::rfind(value.as_bytes(), next.as_bytes()))
        .min()
        .unwrap_or(value.len());
    let (value, rest) = value.split_at_checked(end).unwrap_or((value, ""));
    (Some(take::unbracketed(value)), rest)
}
