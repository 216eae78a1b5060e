//! The forms in which logs write a time: `Aug  5 08:37:38`, RFC 3339 and its relatives.

use super::dates::{date_of_days, days_in_month, days_of_date};
use crate::mail::Timestamp;

/// What a line says of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stamp {
    /// With an offset from UTC.
    Absolute(Timestamp),
    /// As the clock on the wall showed it; mostly without a year.
    Local(LocalTime),
    #[default]
    Missing,
}

/// A wall clock's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalTime {
    pub year: Option<i32>,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
    /// Of the day.
    pub second: u32,
    pub micros: u32,
    /// Digits of the fraction of a second that the log wrote, at most 6.
    pub digits: u8,
}

/// Remembers the last minute read: most lines share it with their neighbour.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    traditional: [u8; 16],
    traditional_time: LocalTime,
    iso: [u8; 16],
    /// Days since the epoch, and the second of the day on which the minute begins.
    iso_minute: (i64, u32),
}

/// Reads `Aug  5 08:37:38`, `Aug 05 …`, with a year before the time, with a fraction after it.
/// Gives the text behind it, which begins with a space or is empty.
pub(super) fn traditional<'a>(line: &'a str, recent: &mut Recent) -> Option<(LocalTime, &'a str)> {
    let head = line.as_bytes().first_chunk::<16>();
    // A digit may begin the year of `asctime()`.
    let may_have_year = line.as_bytes().get(16).is_some_and(u8::is_ascii_digit);
    if head == Some(&recent.traditional) && !may_have_year {
        return Some((recent.traditional_time, line.get(15..)?));
    }
    let (time, rest) = read_traditional(line)?;
    if let Some(head) = head
        && !may_have_year
        && rest.len() + 15 == line.len()
    {
        recent.traditional = *head;
        recent.traditional_time = time;
    }
    Some((time, rest))
}

fn read_traditional(line: &str) -> Option<(LocalTime, &str)> {
    let month = month(line.as_bytes().first_chunk()?)?;
    let mut bytes = line.as_bytes().get(3..)?.strip_prefix(b" ")?;
    bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    let (day, mut bytes) = one_or_two_digits(bytes)?;
    let mut year = None;
    bytes = bytes.strip_prefix(b" ")?;
    bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    if let Some(value) = digits(bytes, 4) {
        year = Some(i32::try_from(value).ok()?);
        bytes = bytes.get(4..)?.strip_prefix(b" ")?;
    }
    let mut time = LocalTime {
        year,
        month,
        day: u8::try_from(day).ok()?,
        ..LocalTime::default()
    };
    // A leap year's February: the year of a year-less 29th is found later.
    if time.day == 0 || u32::from(time.day) > days_in_month(year.unwrap_or(2000), month) {
        return None;
    }
    let mut bytes = clock_time(bytes, &mut time)?;
    // `asctime()`: the year stands behind the time.
    if time.year.is_none()
        && let [b' ', behind @ ..] = bytes
        && let Some(year) = digits(behind, 4).filter(|year| (1990..2100).contains(year))
        && matches!(behind.get(4), None | Some(b' '))
    {
        time.year = i32::try_from(year).ok();
        bytes = behind.get(4..)?;
    }
    let rest = line.get(line.len() - bytes.len()..)?;
    is_end(rest).then_some((time, rest))
}

/// Reads `2024-11-19T22:00:00+01:00` and its relatives: a space for the `T`, a fraction, no offset.
/// Gives the text behind it, which begins with a space or is empty.
pub(super) fn iso<'a>(line: &'a str, recent: &mut Recent) -> Option<(Stamp, &'a str)> {
    let head = line.as_bytes().first_chunk::<16>()?;
    if *head != recent.iso {
        recent.iso_minute = iso_minute(head)?;
        recent.iso = *head;
    }
    let (day, minute) = recent.iso_minute;
    let bytes = line.as_bytes().get(16..)?.strip_prefix(b":")?;
    let second = digits(bytes, 2).filter(|&s| s <= 60)?;
    let (micros, n_digits, bytes) = fraction(bytes.get(2..)?);
    let rest = |bytes: &[u8]| line.get(line.len() - bytes.len()..);
    let has_space = head.get(10) == Some(&b' ');
    if let Some((offset, bytes)) = offset(bytes, has_space) {
        let seconds = day * 86400 + i64::from(minute + second) - i64::from(offset) * 60;
        let stamp = Stamp::Absolute(Timestamp {
            micros: seconds * 1_000_000 + i64::from(micros),
            offset_minutes: offset,
            digits: n_digits,
        });
        let rest = rest(bytes)?;
        return is_end(rest).then_some((stamp, rest));
    }
    let (year, month, day) = date_of_days(day);
    let time = LocalTime {
        year: Some(year),
        month,
        day,
        second: minute + second,
        micros,
        digits: n_digits,
    };
    let rest = rest(bytes)?;
    is_end(rest).then_some((Stamp::Local(time), rest))
}

/// Reads `[20-Oct-2020 14:56:10 +0100]: ` (PHP, Roundcube) and `[18/Jan/2014 06:42:12] ` (Kerio).
pub(super) fn bracketed(line: &str) -> Option<(Stamp, &str)> {
    let (inner, rest) = line.strip_prefix('[')?.split_once(']')?;
    let bytes = inner.as_bytes();
    let (day, bytes) = one_or_two_digits(bytes)?;
    let separator = *bytes.first().filter(|b| matches!(b, b'-' | b'/'))?;
    let (month_name, bytes) = bytes.get(1..)?.split_first_chunk()?;
    let bytes = bytes.strip_prefix(&[separator])?;
    let year = i32::try_from(digits(bytes, 4)?).ok()?;
    let mut time = LocalTime {
        year: Some(year),
        month: month(month_name)?,
        day: u8::try_from(day).ok()?,
        ..LocalTime::default()
    };
    if time.day == 0 || day > days_in_month(year, time.month) {
        return None;
    }
    let bytes = clock_time(bytes.get(4..)?.strip_prefix(b" ")?, &mut time)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let stamp = match offset(bytes, true) {
        Some((offset_minutes, [])) => Stamp::Absolute(with_offset(&time, year, offset_minutes)),
        _ => Stamp::Local(time),
    };
    is_end(rest).then_some((stamp, rest))
}

/// Reads `@400000004c91b044077a9e94`: TAI64N, as multilog and s6-log write it.
pub(super) fn tai64n(line: &str) -> Option<(Stamp, &str)> {
    let digits = line.strip_prefix('@')?;
    let (label, rest) = digits.split_at_checked(24)?;
    let (seconds, nanos) = label.split_at_checked(16)?;
    let seconds = i64::from_str_radix(seconds.strip_prefix("400000")?, 16).ok()?;
    let nanos = i64::from_str_radix(nanos, 16)
        .ok()
        .filter(|&n| n < 1_000_000_000)?;
    let stamp = Stamp::Absolute(Timestamp {
        // These programs know of no leap second since 1972.
        micros: (seconds - 10) * 1_000_000 + nanos / 1000,
        offset_minutes: 0,
        digits: 6,
    });
    is_end(rest).then_some((stamp, rest))
}

fn with_offset(time: &LocalTime, year: i32, offset_minutes: i16) -> Timestamp {
    let local = days_of_date(year, time.month, time.day) * 86400 + i64::from(time.second);
    let seconds = local - i64::from(offset_minutes) * 60;
    Timestamp {
        micros: seconds * 1_000_000 + i64::from(time.micros),
        offset_minutes,
        digits: time.digits,
    }
}

/// Reads `1700000000.123456`, as `journalctl -o short-unix` writes it.
pub(super) fn epoch(line: &str) -> Option<(Stamp, &str)> {
    let bytes = line.as_bytes();
    let seconds = digits(bytes, 10)?;
    let (micros, n_digits, rest) = fraction(bytes.get(10..)?);
    let stamp = Stamp::Absolute(Timestamp {
        micros: i64::from(seconds) * 1_000_000 + i64::from(micros),
        offset_minutes: 0,
        digits: n_digits,
    });
    (n_digits == 6 && rest.first() == Some(&b' ')).then_some(())?;
    Some((stamp, line.get(line.len() - rest.len()..)?))
}

fn iso_minute(head: &[u8; 16]) -> Option<(i64, u32)> {
    // nginx: `2022/04/02 15:45:23`.
    let is_date = matches!((head[4], head[7]), (b'-', b'-') | (b'/', b'/'));
    if !is_date || !matches!(head[10], b'T' | b't' | b' ') || head[13] != b':' {
        return None;
    }
    let number = |from: usize, n: usize| digits(head.get(from..)?, n);
    let year = i32::try_from(number(0, 4)?).ok()?;
    let (month, day) = (number(5, 2)?, number(8, 2)?);
    let (hour, minute) = (number(11, 2)?, number(14, 2)?);
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || year < 1970 {
        return None;
    }
    let month = u8::try_from(month).ok()?;
    if day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let day = u8::try_from(day).ok()?;
    Some((days_of_date(year, month, day), hour * 3600 + minute * 60))
}

/// Reads `08:37:38` and a fraction into `time`.
fn clock_time<'a>(bytes: &'a [u8], time: &mut LocalTime) -> Option<&'a [u8]> {
    let (&[_, _, b':', _, _, b':', _, _], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    let hour = digits(bytes, 2).filter(|&h| h <= 23)?;
    let minute = digits(bytes.get(3..)?, 2).filter(|&m| m <= 59)?;
    // 60: a leap second.
    let second = digits(bytes.get(6..)?, 2).filter(|&s| s <= 60)?;
    time.second = hour * 3600 + minute * 60 + second;
    let (micros, n_digits, rest) = fraction(rest);
    time.micros = micros;
    time.digits = n_digits;
    Some(rest)
}

/// Reads `.123456` or `,123` if it is there: microseconds, digits kept, the rest.
fn fraction(bytes: &[u8]) -> (u32, u8, &[u8]) {
    let [b'.' | b',', rest @ ..] = bytes else {
        return (0, 0, bytes);
    };
    let mut micros = 0;
    let mut n_digits = 0;
    let mut end = 0;
    while let Some(digit) = rest.get(end).filter(|b| b.is_ascii_digit() && end < 9) {
        if n_digits < 6 {
            micros = micros * 10 + u32::from(digit - b'0');
            n_digits += 1;
        }
        end += 1;
    }
    if n_digits == 0 {
        return (0, 0, bytes);
    }
    for _ in n_digits..6 {
        micros *= 10;
    }
    (micros, n_digits, rest.get(end..).unwrap_or_default())
}

/// Reads `Z`, `+01:00`, `+0100`, `+01`; behind a space only the form that Exim writes. In minutes.
fn offset(bytes: &[u8], may_have_space: bool) -> Option<(i16, &[u8])> {
    let (bytes, is_apart) = match bytes {
        [b' ', rest @ ..] if may_have_space => (rest, true),
        _ => (bytes, false),
    };
    let (sign, rest) = match bytes {
        [b'Z' | b'z', rest @ ..] if !is_apart => return Some((0, rest)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let hours = digits(rest, 2).filter(|&h| h <= 15)?;
    let rest = rest.get(2..)?;
    let behind = rest.strip_prefix(b":").unwrap_or(rest);
    let (minutes, rest) = match digits(behind, 2).filter(|&m| m <= 59) {
        Some(minutes) => (minutes, behind.get(2..)?),
        None if is_apart => return None,
        None => (0, rest),
    };
    let total = i16::try_from(hours * 60 + minutes).ok()?;
    Some((sign * total, rest))
}

fn is_end(rest: &str) -> bool {
    matches!(rest.as_bytes().first(), None | Some(b' ' | b'\t'))
}

fn month(name: &[u8; 3]) -> Option<u8> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// Reads exactly `n` digits.
fn digits(bytes: &[u8], n: usize) -> Option<u32> {
    let digits = bytes.get(..n)?;
    digits.iter().try_fold(0u32, |value, b| {
        let digit = b.is_ascii_digit().then(|| u32::from(b - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn one_or_two_digits(bytes: &[u8]) -> Option<(u32, &[u8])> {
    match digits(bytes, 2) {
        Some(value) => Some((value, bytes.get(2..)?)),
        None => Some((digits(bytes, 1)?, bytes.get(1..)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<&str>) {
        let mut recent = Recent::default();
        // Twice: the second time from memory.
        for _ in 0..2 {
            let stamp = match traditional(line, &mut recent) {
                Some((time, rest)) => Some((Stamp::Local(time), rest)),
                None => iso(line, &mut recent)
                    .or_else(|| epoch(line))
                    .or_else(|| bracketed(line))
                    .or_else(|| tai64n(line)),
            };
            let shown = stamp.map(|(stamp, rest)| match stamp {
                Stamp::Absolute(time) => format!("{time}|{rest}"),
                Stamp::Local(t) => format!(
                    "{} {}-{} {} {:0width$}|{rest}",
                    t.year.unwrap_or(0),
                    t.month,
                    t.day,
                    t.second,
                    t.micros,
                    width = usize::from(t.digits)
                ),
                Stamp::Missing => unreachable!(),
            });
            assert_eq!(shown.as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn traditional_forms() {
        check("Aug  5 08:37:38 mx x: y", Some("0 8-5 31058 0| mx x: y"));
        check("Aug 05 08:37:38 mx", Some("0 8-5 31058 0| mx"));
        check("Aug 5 08:37:38 mx", Some("0 8-5 31058 0| mx"));
        check("Aug 15 08:37:38.123456 mx", Some("0 8-15 31058 123456| mx"));
        check("Aug  5 2024 08:37:38 mx", Some("2024 8-5 31058 0| mx"));
        check("Feb 29 23:59:60 mx", Some("0 2-29 86400 0| mx"));
        check("Aug  5 08:37:38 2024 mx", Some("2024 8-5 31058 0| mx"));
        check("Aug  5 08:37:38 20241 mx", Some("0 8-5 31058 0| 20241 mx"));
        check("Feb 30 08:37:38 mx", None);
        check("Aug 32 08:37:38 mx", None);
        check("Aug  5 24:37:38 mx", None);
        check("Aug  5 08:37:38x mx", None);
        check("Aug  5 08:37", None);
        check("Augßß5 08:37:38 mx", None);
        check("Message 08:37:38 mx", None);
    }

    #[test]
    fn iso_forms() {
        check(
            "2024-11-19T22:00:00+01:00 mx",
            Some("2024-11-19T22:00:00+01:00| mx"),
        );
        check(
            "2024-11-19T22:00:00+0100 mx",
            Some("2024-11-19T22:00:00+01:00| mx"),
        );
        check(
            "2024-11-19T22:00:00.5-03:30 mx",
            Some("2024-11-19T22:00:00.5-03:30| mx"),
        );
        check(
            "2024-11-19T22:00:00.123456789Z mx",
            Some("2024-11-19T22:00:00.123456Z| mx"),
        );
        check("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z|"));
        check(
            "2024-11-19 22:00:00 +0100 text",
            Some("2024-11-19T22:00:00+01:00| text"),
        );
        check(
            "2024-11-19 22:00:00.123 text",
            Some("2024 11-19 79200 123000| text"),
        );
        check(
            "2024-11-19 22:00:00 -text",
            Some("2024 11-19 79200 0| -text"),
        );
        check(
            "2024-11-19 22:00:00,123 text",
            Some("2024 11-19 79200 123000| text"),
        );
        check(
            "1732050000.123456 mx",
            Some("2024-11-19T21:00:00.123456Z| mx"),
        );
        check("2023-02-29T00:00:00Z mx", None);
        check("2024-13-19T22:00:00Z mx", None);
        check("2024-11-19T22:00:00Zmx", None);
        check("2024-11-19T22:00", None);
    }

    #[test]
    fn other_programs_forms() {
        check(
            "[20-Oct-2020 14:56:10 +0100]: <x>",
            Some("2020-10-20T14:56:10+01:00| <x>"),
        );
        check("[2/Jan/2014 06:42:12] x", Some("2014 1-2 24132 0| x"));
        check("[31-Apr-2020 14:56:10 +0100]: <x>", None);
        check("[20-Oct/2020 14:56:10] x", None);
        check(
            "2022/04/02 15:45:23 [info] x",
            Some("2022 4-2 56723 0| [info] x"),
        );
        check(
            "@400000004c91b044077a9e94 x",
            Some("2010-09-16T05:50:50.125476Z| x"),
        );
        check("@400000004c91b044077a9e9 x", None);
        check("@40ffffffffffffff077a9e94 x", None);
    }
}
