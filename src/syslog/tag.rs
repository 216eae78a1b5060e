//! What stands between time and text: `prog[pid]: `, with all that daemons put around it.

use super::header::Header;
use super::timestamp::Stamp;

/// Reads `prog[pid]: text` or `prog: text`.
pub(super) fn tagged<'a>(stamp: Stamp, host: &'a str, rest: &'a str) -> Option<Header<'a>> {
    let (program, pid, text) = tag(rest)?;
    Some(Header {
        stamp,
        host,
        program,
        pid,
        text,
    })
}

/// Where the program's name ends.
pub(super) fn end_of_name(rest: &str) -> Option<usize> {
    rest.bytes().position(|b| IS_TAG_END[usize::from(b)])
}

/// Reads the digits of `123]`, if they are a process ID and nothing else.
pub(super) fn process_number(text: &str) -> Option<(u32, &str)> {
    let (mut number, mut n_digits) = (0u32, 0);
    for digit in text.bytes().take_while(u8::is_ascii_digit) {
        number = number
            .checked_mul(10)?
            .checked_add(u32::from(digit - b'0'))?;
        n_digits += 1;
    }
    (n_digits > 0).then_some((number, text.get(n_digits..)?))
}

fn tag(rest: &str) -> Option<(&str, Option<u32>, &str)> {
    let end = end_of_name(rest)?;
    match rest.as_bytes().get(end)? {
        b'[' => tag_with_pid(rest, end),
        b':' => {
            let (program, behind) = rest.split_at_checked(end)?;
            let text = behind.strip_prefix(':')?;
            // `fe80::1 postfix/smtpd[1]: …`: a host.
            let is_end = text.is_empty() || text.starts_with(' ');
            (is_end && !program.is_empty()).then_some((program, None, clean(text)))
        }
        _ => None,
    }
}

/// Bytes that no program's name holds.
const IS_TAG_END: [bool; 256] = {
    let mut table = [false; 256];
    table[b'[' as usize] = true;
    table[b':' as usize] = true;
    table[b' ' as usize] = true;
    table[b'<' as usize] = true;
    table[b'=' as usize] = true;
    table
};

/// Host names are short: looking at each byte is faster than a search for long texts.
pub(super) fn split_at_space(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| b == b' ').unwrap_or(text.len());
    match text.split_at_checked(end) {
        Some((word, rest)) => (word, rest.strip_prefix(' ').unwrap_or(rest)),
        None => (text, ""),
    }
}

fn tag_with_pid(rest: &str, bracket: usize) -> Option<(&str, Option<u32>, &str)> {
    let (program, behind) = rest.split_at_checked(bracket)?;
    let (pid, behind) = process_id(behind)?;
    if program.is_empty() {
        return None;
    }
    let text = match behind.strip_prefix(':') {
        Some(text) => text,
        // macOS: `prog[1] <Info>: text`, `prog[1] (com.apple.x): text`.
        None => {
            let text = behind.strip_prefix(' ')?;
            match text.split_once(">: ") {
                Some((level, text)) if level.starts_with('<') => text,
                _ => text,
            }
        }
    };
    Some((program, pid, clean(text)))
}

/// Reads `[123]`; a word in the brackets is no number, but a process all the same.
pub(super) fn process_id(text: &str) -> Option<(Option<u32>, &str)> {
    let inner = text.strip_prefix('[')?;
    let n_digits = inner
        .bytes()
        .take(11)
        .take_while(u8::is_ascii_digit)
        .count();
    if let Some((digits, rest)) = inner.split_at_checked(n_digits)
        && let Some(rest) = rest.strip_prefix(']')
    {
        return Some((digits.parse().ok(), rest));
    }
    let (word, rest) = inner.split_once(']')?;
    (!word.contains(' ')).then_some((None, rest))
}

/// Without the space that separates it, and without Solaris' `[ID 197553 mail.info] `.
pub(super) fn clean(text: &str) -> &str {
    let text = match text.as_bytes() {
        [b' ', b' ', ..] => text.trim_start_matches(' '),
        [b' ', ..] => text.strip_prefix(' ').unwrap_or(text),
        _ => text,
    };
    if text.starts_with("[ID ")
        && let Some((_, behind)) = text.split_once("] ")
    {
        return behind;
    }
    text
}
