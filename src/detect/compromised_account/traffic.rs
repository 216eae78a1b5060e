//! How much mail, how fast, and how much of it failed: measures that several reasons share.

use crate::detect::counting;
use crate::detect::submissions::Submission;
use crate::knowledge::replies::ReplyClass;
use crate::mail::Status;

pub(super) const HOUR_MICROS: i64 = 3_600_000_000;
pub(super) const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// Undelivered recipients, and all of them. Greylisting is everybody's lot and does not count.
pub(super) fn undelivered<'a>(mail: impl Iterator<Item = &'a Submission>) -> (usize, usize) {
    let mut counts = (0, 0);
    for delivery in mail.flat_map(|submission| &submission.deliveries) {
        let failed = matches!(
            delivery.status,
            Status::Deferred | Status::Bounced | Status::Expired
        );
        counts.0 += usize::from(failed && delivery.reply != ReplyClass::Greylisted);
        counts.1 += 1;
    }
    counts
}

/// Recipients, those that no line names included.
pub(super) fn recipients<'a>(mail: impl Iterator<Item = &'a Submission>) -> usize {
    mail.map(|s| s.deliveries.len() + s.n_untold as usize).sum()
}

/// The most recipients within any 60 minutes.
pub(super) fn peak_per_hour<'a>(mail: impl Iterator<Item = &'a Submission>) -> usize {
    let uses = mail.map(|s| (s.seen.micros, s.deliveries.len() + s.n_untold as usize));
    counting::peak_within(uses, HOUR_MICROS)
}

/// A part of a whole; 0 of nothing.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
